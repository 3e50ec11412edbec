#include "session_peer.h"

/* A whole channel block, in Asterisk's order. */
#define CHANNEL(name, id)                                                                                              \
	"Channel: " name                                                                                               \
	"\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 1001\r\nCallerIDName: <unknown>\r\n"              \
	"ConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\n"             \
	"Context: from-trunk\r\nExten: s\r\nPriority: 1\r\nUniqueid: " id "\r\nLinkedid: " id "\r\n"

#define APPLICATION "Application: Dial\r\nApplicationData: x\r\nDuration: 00:00:01\r\nBridgeId: \r\n"

/* The same with a caller's CR LF in it: what follows the number is the caller's. */
#define BROKEN(name, forged)                                                                                           \
	"Channel: " name "\r\nChannelState: 4\r\nChannelStateDesc: Ring\r\nCallerIDNum: 555\r\n" forged                \
	"\r\nCallerIDName: <unknown>\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\n"               \
	"Language: en\r\nAccountCode: \r\nContext: from-trunk\r\nExten: s\r\nPriority: 1\r\n"                          \
	"Uniqueid: 17.9\r\nLinkedid: 17.9\r\n"

static void expect_done(struct peer *peer, uint64_t token, int code, const char *text)
{
	peer_next(peer);
	cr_assert_eq(peer->notice.type, WTEL_AMI_NOTICE_DONE);
	cr_assert_eq(peer->notice.token, token);
	cr_assert_eq(peer->notice.code, code, "%s", wtel_error_name(peer->notice.code));
	cr_assert_str_eq(peer->notice.text, text);
}

Test(ami_session, answers_find_their_actions)
{
	struct peer peer = peer_ready();
	char ids[5][64];
	uint64_t tokens[5];
	size_t i;

	for (i = 0; i < 5; i++) {
		tokens[i] = peer_ask(&peer, "Command", SECOND, ids[i]);
		snprintf(ids[i], sizeof(ids[i]), "%s", peer_heard(&peer, "ActionID"));
		cr_assert_leq(strlen(ids[i]), 40);
		cr_assert_str_eq(peer.heard.headers[1] + strlen("ActionID: "), ids[i], "the second line");
	}
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: Permission denied\r\n\r\n", ids[3]);
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: No such channel\r\n\r\n", ids[1]);
	expect_done(&peer, tokens[3], WTEL_EPERMISSION, "Permission denied");
	cr_assert_eq(peer.notice.user, ids[3]);
	cr_assert(slice_is(wtel_ami_message_get(peer.notice.message, "Message"), "Permission denied"));
	expect_done(&peer, tokens[1], WTEL_EREFUSED, "No such channel");
	peer_say(&peer,
		 "Response: Success\r\nActionID: %s\r\nMessage: Command output follows\r\nOutput: a\r\nOutput: "
		 "b\r\n\r\n",
		 ids[0]);
	expect_done(&peer, tokens[0], 0, "Command output follows");
	cr_assert(slice_is(wtel_ami_message_get_nth(peer.notice.message, "Output", 1), "b"));
	peer_say(&peer, "Response: Follows\r\nPrivilege: Command\r\nActionID: %s\r\nold\nform\n--END COMMAND--\r\n\r\n",
		 ids[2]);
	expect_done(&peer, tokens[2], 0, "");
	peer_say(&peer, "Response: Goodbye\r\nActionID: %s\r\nMessage: Thanks for all the fish.\r\n\r\n", ids[4]);
	expect_done(&peer, tokens[4], 0, "Thanks for all the fish.");
	cr_assert(peer_is_quiet(&peer));
	cr_assert_eq(peer_counters(&peer).unknown_responses, 0);
	wtel_ami_session_free(peer.session);
}

Test(ami_session, strangers_and_latecomers_are_counted)
{
	struct peer peer = peer_ready();
	uint64_t token = peer_ask(&peer, "Hangup", SECOND, NULL);
	char id[64];

	snprintf(id, sizeof(id), "%s", peer_heard(&peer, "ActionID"));
	peer_say(&peer, "Response: Error\r\nMessage: Missing action in request\r\n\r\n");
	peer_say(&peer, "Response: Success\r\nActionID: 7\r\n\r\n");
	peer_say(&peer, "Response: Success\r\nActionID: %.16s-\r\n\r\n", id);
	peer_say(&peer, "Response: Success\r\nActionID: %.16s-fffffffffffffffff\r\n\r\n", id);
	peer_say(&peer, "Response: Success\r\nActionID: %sg\r\n\r\n", id);
	peer_say(&peer, "Response: Success\r\nActionID: %s0\r\n\r\n", id);
	cr_assert(peer_is_quiet(&peer));
	cr_assert_eq(peer_counters(&peer).unknown_responses, 6);
	peer_tick(&peer, peer.now.mono + SECOND);
	expect_done(&peer, token, WTEL_ETIMEOUT, wtel_error_text(WTEL_ETIMEOUT));
	cr_assert_null(peer.notice.message);
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\n\r\n", id);
	cr_assert(peer_is_quiet(&peer), "too late");
	cr_assert_eq(peer_counters(&peer).unknown_responses, 7);
	cr_assert_eq(peer_counters(&peer).timeouts, 1);
	wtel_ami_session_free(peer.session);
}

Test(ami_session, two_lists_at_once_are_kept_apart)
{
	struct peer peer = peer_ready();
	uint64_t registrations, channels;
	char one[64], two[64];

	registrations = peer_ask(&peer, "PJSIPShowRegistrationsOutbound", SECOND, &registrations);
	snprintf(one, sizeof(one), "%s", peer_heard(&peer, "ActionID"));
	channels = peer_ask(&peer, "CoreShowChannels", SECOND, &channels);
	snprintf(two, sizeof(two), "%s", peer_heard(&peer, "ActionID"));
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nEventList: start\r\nMessage: Following\r\n\r\n", one);
	peer_say(&peer,
		 "Response: Success\r\nActionID: %s\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n", two);
	peer_say(&peer, "Event: OutboundRegistrationDetail\r\nActionID: %s\r\nObjectType: registration\r\n\r\n", one);
	peer_say(&peer,
		 "Event: CoreShowChannel\r\nActionID: %s\r\n" CHANNEL("PJSIP/1001-00000001", "17.1") APPLICATION "\r\n",
		 two);
	peer_say(&peer, "Event: AuthDetail\r\nActionID: %s\r\nObjectType: auth\r\n\r\n", one);
	peer_say(&peer,
		 "Event: OutboundRegistrationDetailComplete\r\nActionID: %s\r\nEventList: Complete\r\nListItems: "
		 "1\r\n\r\n",
		 one);
	peer_say(&peer,
		 "Event: CoreShowChannelsComplete\r\nActionID: %s\r\nEventList: Complete\r\nListItems: 1\r\n\r\n", two);
	peer_next(&peer);
	cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_ITEM);
	cr_assert_eq(peer.notice.token, registrations);
	cr_assert_eq(peer.notice.user, &registrations);
	cr_assert_eq(peer.notice.event.type, WTEL_AMI_OUTBOUND_REGISTRATION_DETAIL);
	peer_next(&peer);
	cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_ITEM);
	cr_assert_eq(peer.notice.token, channels);
	cr_assert(slice_is(peer.notice.event.channel.unique_id, "17.1"));
	peer_next(&peer);
	cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_ITEM);
	cr_assert_eq(peer.notice.token, registrations);
	cr_assert(slice_is(peer.notice.message->head, "AuthDetail"));
	expect_done(&peer, registrations, 0, "");
	cr_assert(slice_is(wtel_ami_message_get(peer.notice.message, "ListItems"), "1"));
	expect_done(&peer, channels, 0, "");
	cr_assert(peer_is_quiet(&peer));
	cr_assert_eq(peer_counters(&peer).events, 0, "items are no events");
	wtel_ami_session_free(peer.session);
}

Test(ami_session, lists_end_in_more_than_one_way)
{
	struct peer peer = peer_ready();
	uint64_t token = peer_ask(&peer, "PJSIPShowEndpoints", SECOND, NULL);

	/* res_pjsip says so when there are none, with a stray LF. */
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: No endpoints found\n\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	peer_next(&peer);
	cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_DONE);
	cr_assert_eq(peer.notice.token, token);
	cr_assert_eq(peer.notice.code, WTEL_EREFUSED);

	token = peer_ask(&peer, "PJSIPShowEndpoint", SECOND, NULL);
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nEventList: start\r\n\r\n", peer_heard(&peer, "ActionID"));
	peer_say(&peer, "Response: Error\r\nActionID: %s\r\nMessage: Unable to format\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	expect_done(&peer, token, WTEL_EREFUSED, "Unable to format");

	/* An old Asterisk: no EventList header at all. */
	token = peer_ask(&peer, "Status", SECOND, NULL);
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nMessage: Channel status will follow\r\n\r\n",
		 peer_heard(&peer, "ActionID"));
	peer_say(&peer, "Event: Status\r\nX: y\r\nActionID: %s\r\n\r\n", peer_heard(&peer, "ActionID"));
	peer_say(&peer, "Event: StatusComplete\r\nActionID: %s\r\nItems: 1\r\n\r\n", peer_heard(&peer, "ActionID"));
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_ITEM);
	expect_done(&peer, token, 0, "");
	cr_assert(peer_is_quiet(&peer));
	wtel_ami_session_free(peer.session);
}

Test(ami_session, a_lists_time_runs_from_item_to_item)
{
	struct peer peer = peer_ready();
	uint64_t token = peer_ask(&peer, "QueueStatus", SECOND, NULL);
	char id[64];
	size_t i;

	snprintf(id, sizeof(id), "%s", peer_heard(&peer, "ActionID"));
	peer_at(&peer, peer.now.mono + SECOND / 2);
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nEventList: start\r\n\r\n", id);
	cr_assert(peer_is_quiet(&peer));
	for (i = 0; i < 3; i++) {
		peer_tick(&peer, peer.now.mono + SECOND - 1);
		peer_say(&peer, "Event: QueueParams\r\nActionID: %s\r\n\r\n", id);
		cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_ITEM);
	}
	peer_tick(&peer, peer.now.mono + SECOND);
	expect_done(&peer, token, WTEL_ETIMEOUT, wtel_error_text(WTEL_ETIMEOUT));
	peer_say(&peer, "Event: QueueParams\r\nActionID: %s\r\n\r\n", id);
	cr_assert(peer_is_quiet(&peer), "a late item is neither item nor event");
	cr_assert_eq(peer_counters(&peer).unknown_responses, 1);
	wtel_ami_session_free(peer.session);
}

/* The same list with a caller's line break in one item. */
Test(ami_session, a_broken_item_is_no_item)
{
	struct peer peer = peer_ready();
	uint64_t token = peer_ask(&peer, "CoreShowChannels", SECOND, NULL);
	uint64_t other = peer_ask(&peer, "Ping", SECOND, NULL);
	char ping[64];

	snprintf(ping, sizeof(ping), "%s", peer_heard(&peer, "ActionID"));
	(void)other;
	peer_say(&peer, "Response: Success\r\nActionID: %.16s-%llx\r\nEventList: start\r\n\r\n", ping,
		 (unsigned long long)token);
	peer_say(&peer,
		 "Event: CoreShowChannel\r\nActionID: %.16s-%llx\r\n" BROKEN("PJSIP/evil-1", "Uniqueid: 17.1")
			 APPLICATION "\r\n",
		 ping, (unsigned long long)token);
	peer_say(&peer, "Event: CoreShowChannelsComplete\r\nActionID: %.16s-%llx\r\nEventList: Complete\r\n\r\n", ping,
		 (unsigned long long)token);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_SECURITY);
	cr_assert_str_eq(peer.notice.source, "PJSIP/evil-1");
	cr_assert_eq(peer_counters(&peer).broken, 1);
	do
		peer_next(&peer);
	while (peer.notice.type == WTEL_AMI_NOTICE_SECURITY);
	cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_DONE, "the list itself goes on");
	wtel_ami_session_free(peer.session);
}

Test(ami_session, nothing_is_believed_inside_a_broken_event)
{
	struct peer peer = peer_ready();

	peer_ask(&peer, "Hangup", SECOND, NULL);
	peer_say(&peer,
		 "Event: Newchannel\r\n" BROKEN("PJSIP/carrier-2",
						"\r\nEvent: Hangup\r\nUniqueid: 17.1\r\nCause: 16\r\n\r\n"
						"Response: Success\r\nActionID: %s\r\n") "\r\n",
		 peer_heard(&peer, "ActionID"));
	while (wtel_ami_session_next(peer.session, &peer.notice) == 1)
		cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_SECURITY, "notice %d", peer.notice.type);
	cr_assert_geq(peer_counters(&peer).broken, 1);
	cr_assert_geq(peer_counters(&peer).quarantined, 2);
	cr_assert_eq(peer_counters(&peer).events, 0);
	peer_say(&peer, "Event: Newstate\r\n" CHANNEL("PJSIP/1001-1", "17.1") "\r\n");
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_EVENT, "after the tail the stream is trusted again");
	wtel_ami_session_free(peer.session);
}

/* An event is written in one piece: what comes after a pause is not its tail. */
Test(ami_session, a_quarantine_ends_with_a_silence)
{
	static const char odd[] =
		"Event: Odd\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-00000001\r\nChannelState: 6\r\n"
		"ChannelStateDesc: Up\r\n\r\n";
	static const char brief[] = "Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n";
	struct peer peer = peer_ready();

	peer_say(&peer, "%s%s", odd, brief);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_SECURITY);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_SECURITY, "at once it might be a caller's");
	cr_assert(peer_is_quiet(&peer));
	peer_say(&peer, "%s", odd);
	while (!peer_is_quiet(&peer))
		;
	peer_at(&peer, peer.now.mono + SECOND);
	peer_say(&peer, "%s", brief);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_SECURITY);
	cr_assert_eq(peer.notice.code, WTEL_EPROTOCOL, "the state is to be read anew");
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_EVENT);
	cr_assert_eq(peer.notice.event.type, WTEL_AMI_FULLY_BOOTED);
	wtel_ami_session_free(peer.session);
}

/* The rest of an event whose head looked complete: what was believed before it may have been forged. */
Test(ami_session, tells_when_the_state_must_be_read_anew)
{
	struct peer peer = peer_ready();

	peer_say(&peer, "CallerIDName: <unknown>\r\nUniqueid: 17.9\r\nLinkedid: 17.9\r\n\r\n");
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_SECURITY);
	cr_assert_eq(peer.notice.code, 0);
	cr_assert_not_null(peer.notice.message);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_SECURITY);
	cr_assert_eq(peer.notice.code, WTEL_EPROTOCOL);
	cr_assert_null(peer.notice.message);
	cr_assert(peer_is_quiet(&peer), "it is told once");
	wtel_ami_session_free(peer.session);
}

Test(ami_session, an_originates_outcome_is_an_event_before_and_after_its_answer)
{
	struct peer peer = peer_ready();
	uint64_t token = peer_ask(&peer, "Originate", SECOND, NULL);
	char id[64];
	size_t i;

	snprintf(id, sizeof(id), "%s", peer_heard(&peer, "ActionID"));
	for (i = 0; i < 2; i++) {
		peer_say(&peer,
			 "Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: %s\r\nResponse: Failure\r\n"
			 "Channel: PJSIP/1001\r\nContext: x\r\nExten: s\r\nReason: 5\r\nUniqueid: WLCM-1\r\n"
			 "CallerIDNum: <unknown>\r\nCallerIDName: <unknown>\r\n\r\n",
			 id);
		peer_next(&peer);
		cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_EVENT);
		cr_assert_eq(peer.notice.event.type, WTEL_AMI_ORIGINATE_RESPONSE);
		cr_assert_eq(peer.notice.event.reason, 5);
		cr_assert(slice_is(peer.notice.event.action_id, id));
		cr_assert_eq(peer.notice.token, token);
		if (i)
			break;
		peer_say(&peer, "Response: Success\r\nActionID: %s\r\nMessage: Originate successfully queued\r\n\r\n",
			 id);
		expect_done(&peer, token, 0, "Originate successfully queued");
	}
	cr_assert_eq(peer_counters(&peer).unknown_responses, 0);
	peer_say(&peer, "Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: another-client-1\r\n"
			"Response: Success\r\nChannel: PJSIP/1-1\r\nContext: x\r\nExten: s\r\nReason: 4\r\n"
			"Uniqueid: 1.1\r\nCallerIDNum: 1\r\nCallerIDName: <unknown>\r\n\r\n");
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_EVENT);
	cr_assert_eq(peer.notice.token, 0);
	wtel_ami_session_free(peer.session);
}

Test(ami_session, keeps_to_its_bounds)
{
	struct wtel_ami_session_options options = peer_options();
	struct wtel_ami_action *action = NULL;
	static char text[1000];
	struct peer peer;
	uint64_t token = 7;
	size_t i;
	int code = 0;

	options.max_pending = 2;
	peer_new(&peer, &options);
	cr_assert_eq(wtel_ami_action_new(&action, "Ping", NULL), 0);
	cr_assert_eq(wtel_ami_session_send(peer.session, &token, action, SECOND, NULL, peer.now), WTEL_ESTATE);
	peer_let_in(&peer);
	cr_assert_eq(wtel_ami_session_send(peer.session, &token, action, 0, NULL, peer.now), WTEL_EINVAL);
	cr_assert_eq(token, 7, "untouched on failure");
	cr_assert_eq(wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now), 0);
	cr_assert_eq(wtel_ami_session_send(peer.session, &token, action, SECOND, NULL, peer.now), 0);
	cr_assert_eq(wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now), WTEL_ELIMIT);
	peer_tick(&peer, peer.now.mono + SECOND);
	cr_assert_eq(wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now), WTEL_ELIMIT,
		     "not yet told");
	cr_assert_eq(peer_next(&peer)->code, WTEL_ETIMEOUT);
	cr_assert_eq(wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now), 0);
	wtel_ami_action_free(action);
	wtel_ami_session_free(peer.session);

	peer = peer_ready();
	cr_assert_eq(wtel_ami_action_new(&action, "UserEvent", NULL), 0);
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 100; i++)
		cr_assert_eq(wtel_ami_action_add(action, "Text", (struct wtel_slice){text, sizeof(text)}, NULL), 0);
	for (i = 0; i < 100 && !code; i++)
		code = wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now);
	cr_assert_eq(code, WTEL_ELIMIT, "a peer that does not read cannot make us hold more than a mebibyte");
	cr_assert_leq(wtel_ami_session_output(peer.session).length, (size_t)1 << 20);
	wtel_ami_action_free(action);
	wtel_ami_session_free(peer.session);
}

Test(ami_session, a_lost_connection_ends_what_was_in_flight)
{
	struct peer peer = peer_ready();
	uint64_t first = peer_ask(&peer, "Hangup", SECOND, &first);
	uint64_t second = peer_ask(&peer, "Hangup", 2 * SECOND, &second);
	uint64_t third = peer_ask(&peer, "Hangup", SECOND, &third);
	struct wtel_ami_action *action = NULL;
	char old[64];

	peer_say(&peer, "Response: Success\r\nActionID: %s\r\n\r\n", peer_heard(&peer, "ActionID"));
	snprintf(old, sizeof(old), "%s", peer_heard(&peer, "ActionID"));
	wtel_ami_session_close(peer.session, peer.now);
	cr_assert_eq(wtel_ami_action_new(&action, "Ping", NULL), 0);
	cr_assert_eq(wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now), WTEL_ESTATE);
	expect_done(&peer, third, 0, "");
	expect_done(&peer, first, WTEL_ECLOSED, wtel_error_text(WTEL_ECLOSED));
	cr_assert_eq(peer.notice.user, &first);
	expect_done(&peer, second, WTEL_ECLOSED, wtel_error_text(WTEL_ECLOSED));
	cr_assert(peer_is_quiet(&peer));
	peer_let_in(&peer);
	peer_ask(&peer, "Ping", SECOND, NULL);
	cr_assert_str_neq(peer_heard(&peer, "ActionID"), old);
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\n\r\n", old);
	cr_assert(peer_is_quiet(&peer), "an answer to the old connection's action");
	/* Opening again without a close ends them too. */
	cr_assert_eq(wtel_ami_session_open(peer.session, peer.now), 0);
	cr_assert_eq(peer_next(&peer)->code, WTEL_ECLOSED);
	cr_assert(peer_is_quiet(&peer));
	wtel_ami_action_free(action);
	wtel_ami_session_free(peer.session);
}

Test(ami_session, action_ids_cannot_be_guessed)
{
	struct wtel_ami_session_options options = peer_options();
	char first[64];
	struct peer peer;

	options.seed = 0;
	peer_new(&peer, &options);
	peer_let_in(&peer);
	snprintf(first, sizeof(first), "%.16s", peer_heard(&peer, "ActionID"));
	wtel_ami_session_free(peer.session);
	peer_new(&peer, &options);
	peer_let_in(&peer);
	cr_assert(strncmp(first, peer_heard(&peer, "ActionID"), 16) != 0);
	wtel_ami_session_free(peer.session);
}
