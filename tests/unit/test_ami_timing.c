/* The session against time, failing memory and its own steady state. */
#include "session_peer.h"

static struct peer peer_pinging(void)
{
	struct peer peer;

	peer_new(&peer, NULL);
	peer_let_in(&peer);
	return peer;
}

static void pong(struct peer *peer)
{
	peer_say(peer, "Response: Success\r\nActionID: %s\r\nPing: Pong\r\nTimestamp: 1761388200.000000\r\n\r\n",
		 peer_heard(peer, "ActionID"));
	cr_assert(peer_is_quiet(peer), "a pong is the session's own affair");
}

Test(ami_timing, pings_and_measures)
{
	struct peer peer = peer_pinging();
	int64_t start = peer.now.mono;

	cr_assert_eq(peer_counters(&peer).round_trip, -1);
	cr_assert_eq(wtel_ami_session_deadline(peer.session), start, "the first one at once");
	peer_tick(&peer, start);
	cr_assert(peer_hear(&peer));
	cr_assert_str_eq(peer_heard(&peer, "Action"), "Ping");
	cr_assert_eq(wtel_ami_session_deadline(peer.session), start + 5 * SECOND);
	peer_at(&peer, start + 1234);
	pong(&peer);
	cr_assert_eq(peer_counters(&peer).round_trip, 1234);
	cr_assert_eq(wtel_ami_session_deadline(peer.session), start + 15 * SECOND);
	peer_tick(&peer, start + 15 * SECOND - 1);
	cr_assert_not(peer_hear(&peer));
	peer_tick(&peer, start + 15 * SECOND);
	cr_assert(peer_hear(&peer));
	peer_at(&peer, start + 16 * SECOND);
	pong(&peer);
	cr_assert_eq(peer_counters(&peer).round_trip, SECOND);
	cr_assert_eq(peer_counters(&peer).unknown_responses, 0);
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, gives_up_without_a_pong)
{
	struct peer peer = peer_pinging();
	int64_t start = peer.now.mono;

	peer_tick(&peer, start);
	cr_assert(peer_hear(&peer));
	peer_tick(&peer, start + 5 * SECOND - 1);
	cr_assert(peer_is_quiet(&peer));
	peer_tick(&peer, start + 5 * SECOND);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST);
	cr_assert_str_eq(peer.notice.text, "no answer to a ping in time");
	cr_assert_not(wtel_ami_session_ready(peer.session));
	cr_assert(peer_is_quiet(&peer));
	cr_assert_eq(wtel_ami_session_deadline(peer.session), INT64_MAX);
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, flowing_bytes_stretch_the_wait_but_not_for_ever)
{
	struct peer peer = peer_pinging();
	int64_t start = peer.now.mono;
	size_t ticks = 0;

	peer_tick(&peer, start);
	cr_assert(peer_hear(&peer));
	while (peer.now.mono < start + 60 * SECOND) {
		peer_at(&peer, peer.now.mono + SECOND);
		peer_say(&peer, "Event: Reload\r\nModule: x\r\n\r\n");
		while (wtel_ami_session_next(peer.session, &peer.notice) == 1 &&
		       peer.notice.type != WTEL_AMI_NOTICE_LOST)
			;
		if (peer.notice.type == WTEL_AMI_NOTICE_LOST)
			break;
		peer_tick(&peer, peer.now.mono);
		ticks++;
	}
	cr_assert_eq(peer.notice.type, WTEL_AMI_NOTICE_LOST);
	cr_assert_geq(ticks, 19);
	cr_assert_leq(ticks, 21, "four times ping_timeout");
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, reading_nothing_is_no_sign_of_life)
{
	struct peer peer = peer_pinging();
	int64_t start = peer.now.mono;

	peer_tick(&peer, start);
	cr_assert(peer_hear(&peer));
	peer_at(&peer, start + 4 * SECOND);
	wtel_ami_session_commit(peer.session, 0, peer.now);
	cr_assert_eq(wtel_ami_session_feed(peer.session, "", 0, peer.now), 0);
	peer_tick(&peer, start + 5 * SECOND);
	cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_LOST);
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, pings_never_where_never_is_asked)
{
	struct peer peer = peer_ready();

	cr_assert_eq(wtel_ami_session_deadline(peer.session), INT64_MAX);
	peer_tick(&peer, 1000000 * SECOND);
	cr_assert_not(peer_hear(&peer));
	cr_assert(peer_is_quiet(&peer));
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, deadlines_pass_in_their_order)
{
	struct peer peer = peer_ready();
	int64_t start = peer.now.mono;
	int64_t last = 0;
	uint64_t state = 9;
	static int64_t deadlines[1000];
	static char ids[1000][64];
	size_t told = 0;
	size_t i;

	for (i = 0; i < 1000; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		deadlines[i] = start + 1 + (int64_t)(state >> 40) % 100000;
		peer_ask(&peer, "Ping", deadlines[i] - start, &deadlines[i]);
		snprintf(ids[i], sizeof(ids[i]), "%s", peer_heard(&peer, "ActionID"));
	}
	for (i = 0; i < 1000; i += 3) {
		peer_say(&peer, "Response: Success\r\nActionID: %s\r\n\r\n", ids[i]);
		cr_assert_eq(peer_next(&peer)->user, &deadlines[i]);
	}
	while (wtel_ami_session_deadline(peer.session) != INT64_MAX) {
		int64_t deadline = wtel_ami_session_deadline(peer.session);

		cr_assert_gt(deadline, last);
		last = deadline;
		peer_tick(&peer, deadline);
		while (wtel_ami_session_next(peer.session, &peer.notice) == 1) {
			cr_assert_eq(peer.notice.code, WTEL_ETIMEOUT);
			cr_assert_eq(*(int64_t *)peer.notice.user, deadline);
			told++;
		}
	}
	cr_assert_eq(told, 666);
	cr_assert_eq(peer_counters(&peer).timeouts, 666);
	wtel_ami_session_free(peer.session);
}

/* An event stamped `stamp` in Asterisk's clock, received at `mono`; gives back its wall time. */
static int64_t wall_of(struct peer *peer, int64_t stamp, int64_t mono)
{
	peer_at(peer, mono);
	if (stamp)
		peer_say(peer, "Event: Reload\r\nPrivilege: system,all\r\nTimestamp: %lld.%06lld\r\nModule: x\r\n\r\n",
			 (long long)(stamp / SECOND), (long long)(stamp % SECOND));
	else
		peer_say(peer, "Event: Reload\r\nPrivilege: system,all\r\nModule: x\r\n\r\n");
	cr_assert_eq(peer_next(peer)->type, WTEL_AMI_NOTICE_EVENT);
	cr_assert_leq(peer->notice.wall, peer->now.wall, "never later than its receipt");
	return peer->notice.wall;
}

Test(ami_timing, neither_skew_nor_lag_moves_an_events_time)
{
	struct peer peer = peer_ready();
	int64_t theirs = WALL_BASE - 3600 * SECOND; /* their clock is an hour behind */
	int64_t wire = 1000;
	int64_t mono = peer.now.mono;
	size_t i;

	cr_assert_eq(wall_of(&peer, theirs + mono, mono + wire), WALL_BASE + mono + wire);
	for (i = 1; i < 600; i++) {
		/* Every seventh one lay about for a while. */
		int64_t lag = i % 7 ? wire : 5 * SECOND - (int64_t)(i % 49) * 1000;
		int64_t at = mono + (int64_t)i * 10 * SECOND;

		cr_assert_eq(wall_of(&peer, theirs + at, at + lag), WALL_BASE + at + wire, "event %zu", i);
	}
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, a_set_clock_is_followed)
{
	struct peer peer = peer_ready();
	int64_t theirs = WALL_BASE;
	int64_t at = 10 * SECOND;

	wall_of(&peer, theirs + at, at);
	theirs += 100 * SECOND; /* set forward: seen at once */
	at += SECOND;
	cr_assert_eq(wall_of(&peer, theirs + at, at), WALL_BASE + at);
	theirs -= 7200 * SECOND; /* far back: no delay is that long */
	at += SECOND;
	cr_assert_eq(wall_of(&peer, theirs + at, at), WALL_BASE + at);
	theirs -= 2 * SECOND; /* a little back: might be delay, so it takes two windows */
	at += SECOND;
	cr_assert_eq(wall_of(&peer, theirs + at, at), WALL_BASE + at - SECOND, "not before the last one");
	for (; at < 140 * SECOND; at += 10 * SECOND)
		wall_of(&peer, theirs + at, at);
	cr_assert_eq(wall_of(&peer, theirs + at, at), WALL_BASE + at);
	cr_assert_eq(wall_of(&peer, 0, at + 5), WALL_BASE + at + 5, "no Timestamp: its receipt");
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, absurd_timestamps_do_no_harm)
{
	static const char *const stamps[] = {"99999999999999999999.000000", "-1.000000", "x", "0.000000", "",
					     "9223372036854.775807",	    "1"};
	struct peer peer = peer_ready();
	size_t i;

	for (i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		peer_say(&peer, "Event: Reload\r\nTimestamp: %s\r\n\r\n", stamps[i]);
		cr_assert_eq(peer_next(&peer)->type, WTEL_AMI_NOTICE_EVENT);
		cr_assert_leq(peer.notice.wall, peer.now.wall);
	}
	wtel_ami_session_free(peer.session);
}

Test(ami_timing, a_pong_shows_the_clock_too)
{
	struct peer peer = peer_pinging();
	int64_t start = peer.now.mono;

	peer_tick(&peer, start);
	cr_assert(peer_hear(&peer));
	peer_say(&peer, "Response: Success\r\nActionID: %s\r\nPing: Pong\r\nTimestamp: %lld.%06lld\r\n\r\n",
		 peer_heard(&peer, "ActionID"), (long long)(peer.now.wall / SECOND),
		 (long long)(peer.now.wall % SECOND));
	cr_assert(peer_is_quiet(&peer));
	cr_assert_eq(wall_of(&peer, WALL_BASE + start, start + 3 * SECOND), WALL_BASE + start, "the first event, late");
	wtel_ami_session_free(peer.session);
}

/* ---- memory ---- */

/* Answers whatever stands in the output. */
static int answer(struct wtel_ami_session *session, struct wtel_time now)
{
	static struct model_message heard;
	char text[512];
	int code = 0;

	for (;;) {
		struct wtel_slice bytes = wtel_ami_session_output(session);
		const char *action, *id;

		if (!bytes.length || code)
			return code;
		model_read(&heard, bytes.data, bytes.length);
		cr_assert_neq(heard.used, 0, "half an action was written");
		action = model_header(&heard, "Action", 0);
		id = model_header(&heard, "ActionID", 0);
		if (strcmp(action, "CoreShowChannels") == 0)
			snprintf(text, sizeof(text),
				 "Response: Success\r\nActionID: %s\r\nEventList: start\r\n\r\nEvent: "
				 "Reload\r\nActionID: %s\r\n\r\n"
				 "Event: CoreShowChannelsComplete\r\nActionID: %s\r\nEventList: Complete\r\n\r\n",
				 id, id, id);
		else
			snprintf(text, sizeof(text), "Response: Success\r\nActionID: %s\r\n%s\r\n", id,
				 strcmp(action, "Challenge") == 0 ? "Challenge: 99\r\n" : "");
		code = wtel_ami_session_feed(session, text, strlen(text), now);
		if (!code)
			wtel_ami_session_sent(session, heard.used);
	}
}

/* Takes every notice, trying again where memory fails; counts them by type. */
static void drain(struct wtel_ami_session *session, size_t counts[WTEL_AMI_NOTICE_LOST + 1], size_t *failures)
{
	struct wtel_ami_notice notice;
	int code;

	while ((code = wtel_ami_session_next(session, &notice)) != 0) {
		if (code == 1)
			counts[notice.type]++;
		else
			++*failures;
		cr_assert(code == 1 || code == WTEL_ENOMEM);
	}
}

/* One whole life, every call repeated until memory is there again. */
static void live(struct wtel_ami_session *session, struct wtel_ami_action *action, size_t *failures)
{
	size_t counts[WTEL_AMI_NOTICE_LOST + 1] = {0};
	struct wtel_time now = {5 * SECOND, WALL_BASE};
	static const char banner[] = "Asterisk Call Manager/11.0.0\r\n";
	size_t i;

	while (wtel_ami_session_open(session, now))
		++*failures;
	while (wtel_ami_session_feed(session, banner, sizeof(banner) - 1, now))
		++*failures;
	for (i = 0; i < 8; i++) {
		drain(session, counts, failures);
		while (answer(session, now))
			++*failures;
	}
	cr_assert_eq(counts[WTEL_AMI_NOTICE_READY], 1);
	for (i = 0; i < 4; i++)
		while (wtel_ami_session_send(session, NULL, action, SECOND, NULL, now))
			++*failures;
	now.mono += 100000;
	wtel_ami_session_tick(session, now);
	while (answer(session, now))
		++*failures;
	drain(session, counts, failures);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_DONE], 4);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_ITEM], 4);
	wtel_ami_session_close(session, now);
	drain(session, counts, failures);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_LOST], 0);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_DONE], 4);
}

Test(ami_timing, survives_every_failing_allocation)
{
	static const char *const filters[] = {"!Event: VarSet", "eventfilter(name(Newexten),action(exclude))", NULL};

	FAULT_LOOP(allocator)
	{
		struct wtel_ami_session_options options = peer_options();
		struct wtel_ami_session *session = NULL;
		struct wtel_ami_action *action = NULL;
		size_t failures = 0;

		options.filters = filters;
		options.max_pending = 4;
		if (wtel_ami_action_new(&action, "CoreShowChannels", &allocator))
			continue;
		if (wtel_ami_session_new(&session, &options, &allocator, NULL)) {
			cr_assert_null(session);
			wtel_ami_action_free(action);
			continue;
		}
		live(session, action, &failures);
		cr_assert_leq(failures, 1);
		wtel_ami_session_free(session);
		wtel_ami_action_free(action);
	}
}

Test(ami_timing, the_steady_state_allocates_nothing)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_ami_session_options options = peer_options();
	struct wtel_ami_action *action = NULL;
	size_t counts[WTEL_AMI_NOTICE_LOST + 1] = {0};
	struct peer peer;
	size_t failures = 0;
	size_t warm = 0;
	size_t i;

	memset(&peer, 0, sizeof(peer));
	peer_at(&peer, 5 * SECOND);
	cr_assert_eq(wtel_ami_session_new(&peer.session, &options, &allocator, NULL), 0);
	peer_let_in(&peer);
	cr_assert_eq(wtel_ami_action_new(&action, "CoreShowChannels", &allocator), 0);
	for (i = 0; i < 10500; i++) {
		if (i == 500)
			warm = fault.calls;
		peer_tick(&peer, peer.now.mono + 20000);
		peer_say(&peer,
			 "Event: Reload\r\nPrivilege: system,all\r\nTimestamp: 1761388200.%06zu\r\nModule: x\r\n\r\n",
			 i);
		if (i % 10 == 0)
			cr_assert_eq(wtel_ami_session_send(peer.session, NULL, action, SECOND, NULL, peer.now), 0);
		drain(peer.session, counts, &failures);
		cr_assert_eq(answer(peer.session, peer.now), 0);
		drain(peer.session, counts, &failures);
	}
	cr_assert_eq(counts[WTEL_AMI_NOTICE_EVENT], 10500);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_DONE], 1050);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_ITEM], 1050);
	cr_assert_eq(counts[WTEL_AMI_NOTICE_LOST], 0);
	cr_assert_eq(fault.calls, warm, "%zu allocations in 10 000 events", fault.calls - warm);
	wtel_ami_action_free(action);
	wtel_ami_session_free(peer.session);
}
