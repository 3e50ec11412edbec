#include "session_peer.h"

Test(ami_login, is_by_challenge_and_shows_no_secret)
{
	struct peer peer;

	peer_new(&peer, NULL);
	cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
	cr_assert_str_eq(wtel_ami_session_version(peer.session), "");
	cr_assert_eq(wtel_ami_session_output(peer.session).length, 0, "the peer speaks first");
	peer_say(&peer, "Asterisk Call Manager/11.0.0\r\n");
	cr_assert(peer_is_quiet(&peer));
	cr_assert_str_eq(wtel_ami_session_version(peer.session), "11.0.0");
	cr_assert(peer_hear(&peer));
	cr_assert_str_eq(peer_heard(&peer, "Action"), "Challenge");
	cr_assert_str_eq(peer_heard(&peer, "AuthType"), "MD5");
	cr_assert_not(peer_hear(&peer));
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nChallenge: 840415273\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	cr_assert(peer_is_quiet(&peer));
	cr_assert(peer_hear(&peer));
	cr_assert_eq(peer.heard.count, 6);
	cr_assert_str_eq(peer_heard(&peer, "Action"), "Login");
	cr_assert_str_eq(peer_heard(&peer, "Username"), "wtel");
	cr_assert_str_eq(peer_heard(&peer, "AuthType"), "MD5");
	/* md5("840415273open sesame") */
	cr_assert_str_eq(peer_heard(&peer, "Key"), "46c91c0aa9490aa995b4cd738e4d25de");
	cr_assert_str_eq(peer_heard(&peer, "Events"), "call,system,agent,user");
	cr_assert_not(wtel_ami_session_ready(peer.session));
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nMessage: Authentication accepted\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_READY);
	cr_assert(wtel_ami_session_ready(peer.session), "without any FullyBooted");
	wtel_ami_session_free(peer.session);
}

Test(ami_login, tells_plain_secrets_only_where_it_may)
{
	struct wtel_ami_session_options options = peer_options();
	struct wtel_ami_session *session = NULL;
	struct wtel_detail detail;
	struct peer peer;

	options.authentication = WTEL_AMI_PLAIN;
	cr_assert_eq(wtel_ami_session_new(&session, &options, NULL, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "authentication");
	cr_assert_null(session);
	options.allow_plain = true;
	cr_assert_eq(wtel_ami_session_new(&session, &options, NULL, &detail), 0);
	wtel_ami_session_free(session);
	options.allow_plain = false;
	options.encrypted = true;
	options.event_mask = "off";
	peer_new(&peer, &options);
	cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
	peer_say(&peer, "Asterisk Call Manager/9.0.0\r\n");
	cr_assert(peer_is_quiet(&peer));
	cr_assert(peer_hear(&peer));
	cr_assert_str_eq(peer_heard(&peer, "Action"), "Login");
	cr_assert_str_eq(peer_heard(&peer, "Secret"), "open sesame");
	cr_assert_str_eq(peer_heard(&peer, "Events"), "off");
	wtel_ami_session_free(peer.session);
}

/* Up to the Login, which stands in peer->heard. */
static void reach_login(struct peer *peer)
{
	peer_new(peer, NULL);
	cr_assert_eq(wtel_ami_session_open(peer->session, peer->now), 0);
	peer_say(peer, "Asterisk Call Manager/11.0.0\r\n");
	cr_assert(peer_is_quiet(peer));
	cr_assert(peer_hear(peer));
	peer_say(peer, "Response: Success\r\nActionID: %s\r\nChallenge: 1\r\n\r\n", peer_heard(peer, "ActionID"));
	cr_assert(peer_is_quiet(peer));
	cr_assert(peer_hear(peer));
}

Test(ami_login, rejected_is_told_apart_from_closed)
{
	struct peer peer;

	reach_login(&peer);
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: Authentication failed\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	wtel_ami_session_close(peer.session, peer.now); /* Asterisk closes at once: both may come in one wake-up */
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_REJECTED);
	cr_assert_eq(peer.notice.code, WTEL_EAUTH);
	cr_assert_str_eq(peer.notice.text, "Authentication failed");
	cr_assert(peer_is_quiet(&peer));
	cr_assert_not(wtel_ami_session_ready(peer.session));
	wtel_ami_session_free(peer.session);

	reach_login(&peer);
	wtel_ami_session_close(peer.session, peer.now);
	cr_assert(peer_is_quiet(&peer), "a closed connection rejects nobody");
	cr_assert_eq(wtel_ami_session_deadline(peer.session), INT64_MAX);
	wtel_ami_session_free(peer.session);

	reach_login(&peer);
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: Asterisk is shutting down\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST, "it says nothing about the secret");
	wtel_ami_session_free(peer.session);
}

Test(ami_login, believes_only_the_answer_to_its_own_action)
{
	struct peer peer;

	reach_login(&peer);
	peer_say(&peer, "Response: Success\r\nActionID: 1\r\n\r\nResponse: Success\r\n\r\nEvent: FullyBooted\r\n\r\n");
	cr_assert(peer_is_quiet(&peer));
	cr_assert_not(wtel_ami_session_ready(peer.session));
	cr_assert_eq(peer_counters(&peer).unknown_responses, 2);
	wtel_ami_session_free(peer.session);
}

Test(ami_login, gives_up_on_a_peer_that_is_no_manager)
{
	struct peer peer;

	peer_new(&peer, NULL);
	cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
	peer_say(&peer, "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n");
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST);
	cr_assert_str_eq(peer.notice.text, "the peer does not greet as an Asterisk manager does");
	cr_assert(peer_is_quiet(&peer), "it is told once");
	cr_assert_eq(wtel_ami_session_output(peer.session).length, 0, "it learns nothing of us");

	cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
	peer_say(&peer, "SSH-2.0-OpenSSH_9.2"); /* and no end of line */
	cr_assert_eq(wtel_ami_session_deadline(peer.session), peer.now.mono + 10 * SECOND);
	peer_tick(&peer, peer.now.mono + 10 * SECOND - 1);
	cr_assert(peer_is_quiet(&peer));
	peer_tick(&peer, peer.now.mono + 1);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST);
	cr_assert_str_eq(peer.notice.text, "no greeting of an Asterisk manager in time");
	wtel_ami_session_free(peer.session);
}

Test(ami_login, gives_up_on_a_peer_that_does_not_answer)
{
	struct peer peer;

	reach_login(&peer);
	peer_tick(&peer, wtel_ami_session_deadline(peer.session));
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST);
	cr_assert_str_eq(peer.notice.text, "no answer to the login in time");
	wtel_ami_session_free(peer.session);
}

Test(ami_login, hashes_nothing_but_a_number)
{
	static const char *const challenges[] = {"", "12a", "-1", "123456789012345678901234567890123", "1 2"};
	size_t i;

	for (i = 0; i < sizeof(challenges) / sizeof(challenges[0]); i++) {
		struct peer peer;

		peer_new(&peer, NULL);
		cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
		peer_say(&peer, "Asterisk Call Manager/11.0.0\r\n");
		cr_assert(peer_is_quiet(&peer));
		cr_assert(peer_hear(&peer));
		peer_say(&peer, "Response: Success\r\nActionID: %s\r\nChallenge: %s\r\n\r\n",
			 peer_heard(&peer, "ActionID"), challenges[i]);
		cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST, "%s", challenges[i]);
		cr_assert_not(peer_hear(&peer));
		wtel_ami_session_free(peer.session);
	}
}

Test(ami_login, asks_for_filters_and_is_ready_without_them)
{
	static const char *const filters[] = {"!Event: VarSet", "eventfilter(name(Newexten),action(exclude))",
					      "eventfilter(name(Newchannel),header(Channel),method(contains)) = PJSIP/",
					      NULL};
	struct wtel_ami_session_options options = peer_options();
	char first[64], second[64];
	struct peer peer;

	options.filters = filters;
	options.ping_interval = 0;
	peer_new(&peer, &options);
	peer_let_in(&peer);
	cr_assert(peer_hear(&peer));
	cr_assert_str_eq(peer_heard(&peer, "Action"), "Filter");
	cr_assert_str_eq(peer_heard(&peer, "Operation"), "Add");
	cr_assert_str_eq(peer_heard(&peer, "Filter"), "!Event: VarSet");
	cr_assert_null(model_header(&peer.heard, "MatchCriteria", 0));
	snprintf(first, sizeof(first), "%s", peer_heard(&peer, "ActionID"));
	cr_assert(peer_hear(&peer));
	cr_assert_str_eq(peer_heard(&peer, "MatchCriteria"), "name(Newexten),action(exclude)");
	cr_assert_null(model_header(&peer.heard, "Filter", 0));
	snprintf(second, sizeof(second), "%s", peer_heard(&peer, "ActionID"));
	cr_assert(peer_hear(&peer));
	cr_assert_str_eq(peer_heard(&peer, "MatchCriteria"), "name(Newchannel),header(Channel),method(contains)");
	cr_assert_str_eq(peer_heard(&peer, "Filter"), "PJSIP/");
	cr_assert_not(peer_hear(&peer));
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nMessage: Success\r\n\r\n", first);
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: Permission denied\r\n\r\n", second);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_DONE);
	cr_assert_eq(peer.notice.token, 0);
	cr_assert_eq(peer.notice.code, WTEL_EPERMISSION);
	cr_assert_str_eq(peer.notice.text,
			 "filter \"eventfilter(name(Newexten),action(exclude))\" refused: Permission denied");
	cr_assert(peer_is_quiet(&peer));
	cr_assert(wtel_ami_session_ready(peer.session));
	cr_assert_eq(peer_counters(&peer).unknown_responses, 0);
	wtel_ami_session_free(peer.session);
}

static void refuse(const struct wtel_ami_session_options *options, int code, const char *field)
{
	struct wtel_ami_session *session = NULL;
	struct wtel_detail detail = {"", ""};

	cr_assert_eq(wtel_ami_session_new(&session, options, NULL, &detail), code, "%s", field);
	cr_assert_str_eq(detail.field, field);
	cr_assert(detail.text[0]);
	cr_assert_null(strstr(detail.text, "sesame"), "no secret in a sentence");
	cr_assert_null(session);
}

#define REFUSE(set, code, field)                                                                                       \
	do {                                                                                                           \
		struct wtel_ami_session_options options = peer_options();                                              \
		set;                                                                                                   \
		refuse(&options, code, field);                                                                         \
	} while (0)

Test(ami_login, refuses_options_that_cannot_work)
{
	static const char *const injecting[] = {"!Event: X\r\nAction: Logoff", NULL};
	static const char *const unmatched[] = {"eventfilter(name(VarSet)", NULL};
	static const char *const empty[] = {"", NULL};

	REFUSE(options.size = 0, WTEL_EINVAL, "size");
	REFUSE(options.username = NULL, WTEL_EINVAL, "username");
	REFUSE(options.username = "", WTEL_EINVAL, "username");
	REFUSE(options.username = "a\r\nEvents: on", WTEL_EINJECTION, "username");
	REFUSE(options.username = " a", WTEL_EINVAL, "username");
	REFUSE(options.secret = NULL, WTEL_EINVAL, "secret");
	REFUSE((options.secret = "sesame\r\n", options.authentication = WTEL_AMI_PLAIN, options.encrypted = true),
	       WTEL_EINJECTION, "secret");
	REFUSE(options.authentication = (enum wtel_ami_authentication)7, WTEL_EINVAL, "authentication");
	REFUSE(options.event_mask = "call\r\n\r\nAction: Logoff", WTEL_EINJECTION, "event_mask");
	REFUSE(options.filters = injecting, WTEL_EINJECTION, "filters");
	REFUSE(options.filters = unmatched, WTEL_EINVAL, "filters");
	REFUSE(options.filters = empty, WTEL_EINVAL, "filters");
	REFUSE(options.login_timeout = 0, WTEL_EINVAL, "login_timeout");
	REFUSE(options.ping_interval = -1, WTEL_EINVAL, "ping_interval");
	REFUSE(options.ping_timeout = 0, WTEL_EINVAL, "ping_timeout");
	REFUSE(options.max_pending = 0, WTEL_EINVAL, "max_pending");
	REFUSE(options.max_pending = SIZE_MAX, WTEL_EINVAL, "max_pending");
}

Test(ami_login, an_older_programs_options_get_the_defaults)
{
	struct wtel_ami_session_options options = peer_options();
	struct peer peer;

	options.size = offsetof(struct wtel_ami_session_options, login_timeout);
	options.login_timeout = -1;
	options.max_pending = 0;
	peer_new(&peer, &options);
	cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
	cr_assert_eq(wtel_ami_session_deadline(peer.session), peer.now.mono + 10 * SECOND);
	wtel_ami_session_free(peer.session);
}
