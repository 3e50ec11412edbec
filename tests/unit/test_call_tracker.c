/* Scenarios by hand: what a session cannot easily show, and where a wrong turn would be seen first. */
#include "call_cast.h"

Test(call_tracker, outbound_answered)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct outcome got = {0};

	up_to_dial(tracker);
	outcome_drain(&got, tracker);
	cr_assert_eq(wtel_tracker_find(tracker, "WLCM-1")->state, WTEL_CALL_DIALING);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 5), T0 + 3 * SECOND);
	cr_assert_eq(wtel_tracker_find(tracker, "PJSIP/carrier-a-00000002")->state, WTEL_CALL_RINGING);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 6), T0 + 5 * SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 6, "ANSWER"), T0 + 5 * SECOND + 9);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.active, 1);
	cr_assert_eq(counters.in_progress, 1);
	cr_assert_eq(counters.channels, 2);
	hang_up(tracker, &customer, 6, 16, 0, T0 + 65 * SECOND - 1);
	/* The agent stays a minute longer; nobody pays for that. */
	hang_up(tracker, &agent, 6, 16, 0, T0 + 125 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(got.answer, T0 + 5 * SECOND);
	cr_assert_eq(got.ringing, T0 + 3 * SECOND);
	cr_assert_eq(got.end, T0 + 65 * SECOND - 1);
	cr_assert_eq(got.billsec, 59);
	cr_assert_eq(got.duration, 64);
	cr_assert_eq(got.start, T0);
	cr_assert_eq(got.trunk_id, 1);
	cr_assert_str_eq(got.reason, "");
	cr_assert_str_eq(got.types, "NSSAE", "%s", got.types);
	cr_assert_null(wtel_tracker_find(tracker, "WLCM-1"));
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.calls, 1);
	cr_assert_eq(counters.ended, 1);
	cr_assert_eq(counters.active + counters.channels + counters.in_progress + counters.mismatched, 0);
	wtel_tracker_free(tracker);
}

/* The end of the customer's leg, and what becomes of the call. */
static const struct ending {
	const char *what;
	bool ringing;
	const char *dial; /* NULL: no DialEnd */
	int cause;
	int sip_code;
	bool agent_requests;
	bool cancel;
	enum wtel_disposition wanted;
} endings[] = {
	{"busy", false, "BUSY", 17, 486, false, false, WTEL_DISPOSITION_BUSY},
	{"busy after ringing", true, "BUSY", 17, 486, false, false, WTEL_DISPOSITION_BUSY},
	{"declined", true, "NOANSWER", 21, 603, false, false, WTEL_DISPOSITION_BUSY},
	{"rang out", true, "NOANSWER", 0, 0, false, false, WTEL_DISPOSITION_NO_ANSWER},
	{"no reply at all", false, "NOANSWER", 0, 0, false, false, WTEL_DISPOSITION_FAILED},
	{"the carrier's 480 after ringing", true, "NOANSWER", 19, 480, false, false, WTEL_DISPOSITION_NO_ANSWER},
	{"congestion", false, "CONGESTION", 34, 503, false, false, WTEL_DISPOSITION_FAILED},
	{"unknown number", false, "CHANUNAVAIL", 1, 404, false, false, WTEL_DISPOSITION_FAILED},
	{"the agent hung up", true, "CANCEL", 0, 0, true, false, WTEL_DISPOSITION_CANCELLED},
	{"the agent hung up, seen at the timeout", true, "NOANSWER", 0, 0, true, false, WTEL_DISPOSITION_CANCELLED},
	{"the agent hung up, DialEnd lost", true, NULL, 0, 0, true, false, WTEL_DISPOSITION_CANCELLED},
	{"rang out, DialEnd lost", true, NULL, 0, 0, false, false, WTEL_DISPOSITION_NO_ANSWER},
	{"busy, and then the agent hung up", false, "BUSY", 17, 486, true, false, WTEL_DISPOSITION_BUSY},
	{"our own 487", true, "NOANSWER", 0, 487, false, false, WTEL_DISPOSITION_NO_ANSWER},
	{"our own 487 after the agent left", true, "CANCEL", 0, 487, true, false, WTEL_DISPOSITION_CANCELLED},
	{"a hangup was asked for", true, "CANCEL", 16, 0, false, true, WTEL_DISPOSITION_CANCELLED},
};

/* What lay in a queue for a while may all be given one time. */
Test(call_tracker, legs_of_one_time_stand_as_they_came_to_be)
{
	static const struct channel tenth = {
		"PJSIP/carrier-b-0000000a", "1761388200.10", "WLCM-1", "welcomedly-inbound", "s", ""};
	struct wtel_tracker *tracker = tracker_with(NULL);
	const struct wtel_call *call;

	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0 + MILLI);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &tenth, 0), T0 + MILLI);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + MILLI);
	call = wtel_tracker_find(tracker, "WLCM-1");
	cr_assert_eq(call->leg_count, 3);
	cr_assert_str_eq(call->legs[0].unique_id, agent.unique_id);
	cr_assert_str_eq(call->legs[1].unique_id, customer.unique_id);
	cr_assert_str_eq(call->legs[2].unique_id, tenth.unique_id);
	wtel_tracker_free(tracker);
}

Test(call_tracker, outbound_endings)
{
	size_t i;

	for (i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		const struct ending *ending = &endings[i];
		struct wtel_tracker *tracker = tracker_with(NULL);
		struct outcome got = {0};

		up_to_dial(tracker);
		if (ending->ringing)
			tracker_take(tracker, event_dial(WTEL_AMI_DIAL_STATE, &agent, &customer, 0, "PROGRESS"),
				     T0 + 2 * SECOND);
		if (ending->cancel)
			cr_assert_eq(wtel_tracker_cancel(tracker, "WLCM-1"), 0);
		if (ending->agent_requests)
			tracker_take(tracker, event_of(WTEL_AMI_HANGUP_REQUEST, &agent, 6), T0 + 9 * SECOND - 1);
		if (ending->dial)
			tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 0, ending->dial),
				     T0 + 9 * SECOND);
		tracker_take(tracker, event_of(WTEL_AMI_SOFT_HANGUP_REQUEST, &agent, 6), T0 + 9 * SECOND);
		hang_up(tracker, &customer, 0, ending->cause, ending->sip_code, T0 + 9 * SECOND + 5);
		hang_up(tracker, &agent, 6, 16, 0, T0 + 9 * SECOND + 9);
		outcome_drain(&got, tracker);
		cr_assert_eq(got.ended, 1, "%s", ending->what);
		cr_assert_eq(got.disposition, ending->wanted, "%s: %s (%s)", ending->what,
			     wtel_disposition_name(got.disposition), got.reason);
		cr_assert_eq(got.billsec, 0, "%s", ending->what);
		cr_assert_eq(got.end, T0 + 9 * SECOND + 9, "%s", ending->what);
		cr_assert_neq(got.reason[0], '\0', "%s", ending->what);
		cr_assert_not(got.estimated);
		wtel_tracker_free(tracker);
	}
}

static enum wtel_disposition agent_only(int state, bool ringing, int cause, int sip_code, bool requests)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0 + MILLI);
	if (ringing)
		tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &agent, 5), T0 + 2 * MILLI);
	if (state == 6)
		tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &agent, 6), T0 + SECOND);
	if (requests)
		tracker_take(tracker, event_of(WTEL_AMI_HANGUP_REQUEST, &agent, state), T0 + 2 * SECOND);
	hang_up(tracker, &agent, state, cause, sip_code, T0 + 2 * SECOND);
	tracker_take(tracker, event_originate("PJSIP/1001", "WLCM-1", "Failure", 0), T0 + 2 * SECOND + 1);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.answer, 0);
	wtel_tracker_free(tracker);
	return got.disposition;
}

Test(call_tracker, agent_only)
{
	cr_assert_eq(agent_only(0, false, 17, 486, true), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(agent_only(5, true, 19, 480, false), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(agent_only(5, true, 21, 603, true), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(agent_only(5, true, 0, 0, false), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(agent_only(0, false, 19, 480, false), WTEL_DISPOSITION_FAILED);
	cr_assert_eq(agent_only(0, false, 0, 0, false), WTEL_DISPOSITION_FAILED);
	cr_assert_eq(agent_only(0, false, 3, 404, true), WTEL_DISPOSITION_FAILED);
	/* He picked up, and no customer was ever called. */
	cr_assert_eq(agent_only(6, true, 16, 0, true), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(agent_only(6, true, 3, 404, false), WTEL_DISPOSITION_FAILED);
}

static enum wtel_disposition refused(int reason)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_originate("PJSIP/1001", "WLCM-1", "Failure", reason), T0 + SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0, "its channel's events may still be under way");
	cr_assert_eq(wtel_tracker_expire(tracker, T0 + SECOND + MILLI, SECOND), 1);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0);
	cr_assert_eq(wtel_tracker_expire(tracker, T0 + 2 * SECOND, SECOND), 0);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.end, T0 + SECOND);
	cr_assert_str_eq(got.types, "NE");
	wtel_tracker_free(tracker);
	return got.disposition;
}

Test(call_tracker, originate_without_channel)
{
	cr_assert_eq(refused(0), WTEL_DISPOSITION_FAILED);
	cr_assert_eq(refused(8), WTEL_DISPOSITION_FAILED);
	cr_assert_eq(refused(1), WTEL_DISPOSITION_FAILED);
	cr_assert_eq(refused(3), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(refused(5), WTEL_DISPOSITION_CANCELLED);
	cr_assert_eq(refused(INT32_MAX), WTEL_DISPOSITION_FAILED);
}

/* The first trunk fails, the second one's customer is busy: his word counts, and the call is the second trunk's. */
Test(call_tracker, next_trunk)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	up_to_dial(tracker);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 0, "CONGESTION"), T0 + 2 * SECOND);
	hang_up(tracker, &customer, 0, 34, 503, T0 + 2 * SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &second, 0), T0 + 3 * SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &agent, &second, 0, "+15551234567@carrier-b"),
		     T0 + 3 * SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &agent, &second, 0, "BUSY"), T0 + 4 * SECOND);
	hang_up(tracker, &second, 0, 17, 486, T0 + 4 * SECOND);
	hang_up(tracker, &agent, 6, 17, 486, T0 + 4 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_BUSY);
	cr_assert_eq(got.trunk_id, 2);
	cr_assert_eq(got.legs, 3);
	cr_assert_eq(got.sip_code, 486);
	wtel_tracker_free(tracker);
}

/* What the first trunk's leg says late does not give the call back to it. */
Test(call_tracker, the_trunk_of_the_last_leg)
{
	struct wtel_tracker *tracker = tracker_with(NULL);

	up_to_dial(tracker);
	cr_assert_eq(wtel_tracker_find(tracker, "WLCM-1")->trunk_id, 1);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &second, 0), T0 + 3 * SECOND);
	cr_assert_eq(wtel_tracker_find(tracker, "WLCM-1")->trunk_id, 2);
	hang_up(tracker, &customer, 0, 34, 503, T0 + 3 * SECOND + 1);
	cr_assert_eq(wtel_tracker_find(tracker, "WLCM-1")->trunk_id, 2);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &second, 6), T0 + 4 * SECOND);
	cr_assert_eq(wtel_tracker_find(tracker, "WLCM-1")->trunk_id, 2);
	wtel_tracker_free(tracker);
}

Test(call_tracker, fail_and_cancel)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	cr_assert_eq(wtel_tracker_cancel(tracker, "WLCM-1"), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_tracker_fail(tracker, "WLCM-1", WTEL_DISPOSITION_FAILED, "", T0), WTEL_ENOTFOUND);
	tracker_expect(tracker, "WLCM-1", T0);
	cr_assert_eq(wtel_tracker_fail(tracker, "WLCM-1", WTEL_DISPOSITION_NONE, "", T0), WTEL_EINVAL);
	cr_assert_eq(wtel_tracker_fail(tracker, "WLCM-1", WTEL_DISPOSITION_FAILED, "no such luck", T0 + SECOND), 0);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_FAILED);
	cr_assert_str_eq(got.reason, "no such luck");
	cr_assert_eq(got.end, T0 + SECOND);
	/* With a channel alive the words wait for its end. */
	up_to_dial(tracker);
	cr_assert_eq(wtel_tracker_fail(tracker, "WLCM-1", WTEL_DISPOSITION_FAILED, "gone", T0 + SECOND), 0);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	hang_up(tracker, &customer, 0, 0, 0, T0 + 3 * SECOND);
	hang_up(tracker, &agent, 6, 16, 0, T0 + 3 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 2);
	cr_assert_str_eq(got.reason, "gone");
	wtel_tracker_free(tracker);
}

Test(call_tracker, limits)
{
	struct wtel_tracker_options options = WTEL_TRACKER_OPTIONS_INIT;
	struct wtel_tracker_counters counters;
	struct wtel_tracker *tracker;
	struct wtel_call call = {.call_id = "WLCM-1", .start = T0};
	char long_id[400];

	options.max_calls = 1;
	cr_assert_eq(wtel_tracker_new(&tracker, &options, NULL), 0);
	cr_assert_eq(wtel_tracker_expect(tracker, &call), 0);
	cr_assert_eq(wtel_tracker_expect(tracker, &call), WTEL_EEXISTS);
	call.call_id = "WLCM-2";
	cr_assert_eq(wtel_tracker_expect(tracker, &call), WTEL_ELIMIT);
	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	call.call_id = long_id;
	cr_assert_eq(wtel_tracker_expect(tracker, &call), WTEL_EINVAL);
	call.call_id = "";
	cr_assert_eq(wtel_tracker_expect(tracker, &call), WTEL_EINVAL);
	call.call_id = NULL;
	cr_assert_eq(wtel_tracker_expect(tracker, &call), WTEL_EINVAL);
	cr_assert_eq(wtel_tracker_set_trunk(tracker, "", 1), WTEL_EINVAL);
	tracker_take(tracker,
		     event_of(WTEL_AMI_NEWCHANNEL, &(struct channel){"PJSIP/carrier-a-9", "9.9", "9.9", "", "", ""}, 4),
		     T0);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.refused, 2);
	cr_assert_eq(counters.active, 1);
	wtel_tracker_free(tracker);
}

/* ---- inbound ---- */

static void ring(struct wtel_tracker *tracker, const struct channel *phone, int64_t wall)
{
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, phone, 0), wall);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &caller, phone, 0, "1001"), wall);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, phone, 5), wall + 1);
}

/* Two phones ring, one is picked up: one row, whose answer is the agent's and not the queue's announcement. */
Test(call_tracker, inbound_fork)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &caller, 6), T0 + SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_QUEUE_CALLER_JOIN, &caller, 6), T0 + 2 * SECOND);
	cr_assert_eq(wtel_tracker_find(tracker, "1761388200.10")->state, WTEL_CALL_DIALING);
	cr_assert_eq(wtel_tracker_find(tracker, "1761388200.10")->answer, 0);
	ring(tracker, &phone1, T0 + 3 * SECOND);
	ring(tracker, &phone2, T0 + 3 * SECOND);
	cr_assert_eq(wtel_tracker_find(tracker, "1761388200.10")->state, WTEL_CALL_RINGING);
	/* Both are picked up; the queue takes the second. */
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &phone1, 6), T0 + 5 * SECOND);
	cr_assert_eq(wtel_tracker_find(tracker, "1761388200.10")->answer, 0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &phone2, 6), T0 + 5 * SECOND + 7);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &caller, &phone2, 6, "ANSWER"), T0 + 5 * SECOND + 9);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &caller, &phone1, 6, "CANCEL"), T0 + 5 * SECOND + 10);
	hang_up(tracker, &phone1, 6, 26, 0, T0 + 5 * SECOND + 20);
	hang_up(tracker, &phone2, 6, 16, 0, T0 + 25 * SECOND);
	hang_up(tracker, &caller, 6, 16, 0, T0 + 25 * SECOND + 8);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(got.direction, WTEL_INBOUND);
	cr_assert_eq(got.answer, T0 + 5 * SECOND + 7);
	cr_assert_eq(got.end, T0 + 25 * SECOND + 8);
	cr_assert_eq(got.billsec, 20);
	cr_assert_eq(got.agent_id, 102);
	cr_assert_eq(got.trunk_id, 1);
	cr_assert_eq(got.legs, 3);
	cr_assert_str_eq(got.caller, "15557654321");
	cr_assert_str_eq(got.callee, "15550001000");
	wtel_tracker_free(tracker);
}

/* No DialEnd and no AgentConnect is needed where they talk in one bridge. */
Test(call_tracker, inbound_bridged)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	ring(tracker, &phone1, T0 + SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &phone1, 6), T0 + 2 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &phone1, "b1"), T0 + 3 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &caller, "b1"), T0 + 3 * SECOND);
	hang_up(tracker, &caller, 6, 16, 0, T0 + 9 * SECOND);
	hang_up(tracker, &phone1, 6, 16, 0, T0 + 9 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(got.answer, T0 + 2 * SECOND);
	cr_assert_eq(got.agent_id, 101);
	wtel_tracker_free(tracker);
}

static enum wtel_disposition inbound_ends(bool phone, bool rings, int cause, int sip_code, bool queued,
					  bool caller_requests, int caller_cause)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	if (queued)
		tracker_take(tracker, event_of(WTEL_AMI_QUEUE_CALLER_JOIN, &caller, 4), T0 + 1);
	if (phone) {
		tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &phone1, 0), T0 + SECOND);
		if (rings)
			tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &phone1, 5), T0 + SECOND);
		hang_up(tracker, &phone1, 0, cause, sip_code, T0 + 2 * SECOND);
	}
	if (caller_requests)
		tracker_take(tracker, event_of(WTEL_AMI_HANGUP_REQUEST, &caller, 4), T0 + 3 * SECOND);
	hang_up(tracker, &caller, 4, caller_cause, 0, T0 + 3 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.billsec, 0);
	wtel_tracker_free(tracker);
	return got.disposition;
}

Test(call_tracker, inbound_unanswered)
{
	cr_assert_eq(inbound_ends(true, true, 0, 0, true, true, 0), WTEL_DISPOSITION_NO_ANSWER, "abandoned");
	cr_assert_eq(inbound_ends(false, false, 0, 0, true, true, 0), WTEL_DISPOSITION_NO_ANSWER,
		     "abandoned in the queue");
	cr_assert_eq(inbound_ends(true, true, 0, 0, false, false, 16), WTEL_DISPOSITION_NO_ANSWER, "rang out");
	cr_assert_eq(inbound_ends(true, false, 17, 486, false, false, 17), WTEL_DISPOSITION_BUSY);
	cr_assert_eq(inbound_ends(true, false, 17, 486, true, true, 0), WTEL_DISPOSITION_NO_ANSWER, "he did not wait");
	cr_assert_eq(inbound_ends(true, false, 20, 480, false, false, 20), WTEL_DISPOSITION_FAILED);
	cr_assert_eq(inbound_ends(true, false, 20, 480, true, false, 16), WTEL_DISPOSITION_NO_ANSWER, "left the queue");
	cr_assert_eq(inbound_ends(false, false, 0, 0, false, false, 1), WTEL_DISPOSITION_FAILED, "leads nowhere");
	cr_assert_eq(inbound_ends(false, false, 0, 0, false, false, 16), WTEL_DISPOSITION_NO_ANSWER);
}
