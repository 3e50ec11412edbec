#include "call_cast.h"

#include <wtel/ami.h>

static void take_item(struct wtel_tracker *tracker, const struct channel *channel, int state, const char *duration,
		      const char *bridge, int64_t wall)
{
	struct wtel_ami_event event = event_of(WTEL_AMI_CORE_SHOW_CHANNEL, channel, state);
	struct wtel_ami_field fields[] = {
		{wtel_slice_of("Event"), wtel_slice_of("CoreShowChannel")},
		{wtel_slice_of("Duration"), wtel_slice_of(duration)},
		{wtel_slice_of("BridgeId"), wtel_slice_of(bridge)},
	};
	struct wtel_ami_message message = {WTEL_AMI_EVENT, wtel_slice_of("CoreShowChannel"), fields, 3, {NULL, 0}};

	event.message = &message;
	tracker_take(tracker, event, wall);
}

static void resync_end(struct wtel_tracker *tracker, int64_t wall)
{
	cr_assert_eq(wtel_tracker_resync_end(tracker, wall, 10 * SECOND), 0);
}

static void answered(struct wtel_tracker *tracker)
{
	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 6), T0 + 2 * SECOND);
}

Test(call_resync, needs_a_begin)
{
	struct wtel_tracker *tracker = tracker_with(NULL);

	cr_assert_eq(wtel_tracker_resync_end(tracker, T0, 0), WTEL_ESTATE);
	wtel_tracker_free(tracker);
}

/* Whoever forges lines breaks the Hangup as well: when it came is known all the same. */
Test(call_resync, a_hangup_that_could_not_be_believed)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	answered(tracker);
	wtel_tracker_doubt(tracker, customer.name, T0 + 5 * SECOND);
	wtel_tracker_doubt(tracker, agent.name, T0 + 5 * SECOND + 1000);
	wtel_tracker_doubt(tracker, agent.name, T0 + 6 * SECOND);
	wtel_tracker_doubt(tracker, "PJSIP/nobody-1", T0);
	wtel_tracker_doubt(tracker, "", T0);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0, "it alone ends nothing");
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 9 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.end, T0 + 5 * SECOND, "the customer's");
	cr_assert(got.estimated);
	wtel_tracker_free(tracker);
}

/* A forged one: the channels are there, and go later. */
Test(call_resync, a_hangup_that_was_none)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	answered(tracker);
	wtel_tracker_doubt(tracker, customer.name, T0 + 5 * SECOND);
	wtel_tracker_doubt(tracker, agent.name, T0 + 5 * SECOND);
	wtel_tracker_resync_begin(tracker);
	take_item(tracker, &agent, 6, "00:00:06", "", T0 + 6 * SECOND);
	take_item(tracker, &customer, 6, "00:00:06", "", T0 + 6 * SECOND);
	resync_end(tracker, T0 + 6 * SECOND);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 9 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.end, T0 + 9 * SECOND);
	wtel_tracker_free(tracker);
}

/* Asterisk took both channels off its list before their Hangups were sent: their true end comes, and counts. */
Test(call_resync, hangups_behind_the_list)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	answered(tracker);
	cr_assert_eq(wtel_tracker_resync_missing(tracker), 0, "no list is being read");
	wtel_tracker_resync_begin(tracker);
	cr_assert_eq(wtel_tracker_resync_missing(tracker), 2);
	tracker_take(tracker, event_hangup(&customer, 6, 16, 0), T0 + 5 * SECOND);
	cr_assert_eq(wtel_tracker_resync_missing(tracker), 1);
	tracker_take(tracker, event_hangup(&agent, 6, 16, 0), T0 + 5 * SECOND);
	cr_assert_eq(wtel_tracker_resync_missing(tracker), 0);
	resync_end(tracker, T0 + 6 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.end, T0 + 5 * SECOND);
	cr_assert_not(got.estimated);
	wtel_tracker_free(tracker);
}

/* It went on while we were away: nothing changes, and its true end counts. */
Test(call_resync, lives_on)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	answered(tracker);
	wtel_tracker_resync_begin(tracker);
	take_item(tracker, &customer, 6, "00:01:00", "b", T0 + 60 * SECOND);
	take_item(tracker, &agent, 6, "00:01:01", "b", T0 + 60 * SECOND);
	resync_end(tracker, T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0);
	tracker_take(tracker, event_hangup(&customer, 6, 16, 0), T0 + 92 * SECOND);
	tracker_take(tracker, event_hangup(&agent, 6, 16, 0), T0 + 92 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.billsec, 90);
	cr_assert_not(got.estimated);
	wtel_tracker_free(tracker);
}

/* It ended while we were away. */
Test(call_resync, vanished)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct outcome got = {0};

	answered(tracker);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert(got.estimated);
	cr_assert_eq(got.end, T0 + 60 * SECOND);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.active + counters.channels + counters.in_progress, 0);
	wtel_tracker_free(tracker);
}

/* The customer's end was seen, the agent's was not: the bill is exact. */
Test(call_resync, vanished_agent)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	answered(tracker);
	tracker_take(tracker, event_hangup(&customer, 6, 16, 0), T0 + 9 * SECOND);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.billsec, 7);
	cr_assert_not(got.estimated);
	wtel_tracker_free(tracker);
}

Test(call_resync, vanished_unanswered)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 5), T0 + 2 * SECOND);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_FAILED);
	cr_assert(got.estimated);
	cr_assert_eq(got.billsec, 0);
	wtel_tracker_free(tracker);
}

Test(call_resync, vanished_after_a_cancel)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0);
	cr_assert_eq(wtel_tracker_cancel(tracker, "WLCM-1"), 0);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_CANCELLED);
	wtel_tracker_free(tracker);
}

/* Just originated: its channel may not be there yet. */
Test(call_resync, grace)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	tracker_expect(tracker, "WLCM-1", T0);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 9 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0);
	wtel_tracker_resync_begin(tracker);
	resync_end(tracker, T0 + 11 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_FAILED);
	wtel_tracker_free(tracker);
}

/* A channel that was made while the list was being written is not in it. */
Test(call_resync, new_while_listing)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct outcome got = {0};

	wtel_tracker_resync_begin(tracker);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	resync_end(tracker, T0 + SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0);
	/* And one that ended meanwhile is not brought back by an old list. */
	wtel_tracker_resync_begin(tracker);
	tracker_take(tracker, event_hangup(&caller, 4, 16, 0), T0 + 2 * SECOND);
	take_item(tracker, &caller, 4, "00:00:02", "", T0 + 2 * SECOND);
	resync_end(tracker, T0 + 2 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_null(wtel_tracker_find(tracker, caller.unique_id));
	wtel_tracker_free(tracker);
}

/* Calls that began before us: outbound by hand, and inbound, in the order of a hash table. */
Test(call_resync, found)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	const struct wtel_call *call;
	struct outcome got = {0};

	wtel_tracker_resync_begin(tracker);
	take_item(tracker, &phone2, 6, "00:00:50", "b1", T0 + 100 * SECOND);
	take_item(tracker, &customer, 5, "00:00:20", "", T0 + 100 * SECOND);
	take_item(tracker, &caller, 6, "01:00:55", "b1", T0 + 100 * SECOND);
	take_item(tracker, &agent, 6, "00:00:30", "", T0 + 100 * SECOND);
	resync_end(tracker, T0 + 100 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 0);
	call = wtel_tracker_find(tracker, "1761388200.10");
	cr_assert_eq(call->direction, WTEL_INBOUND);
	cr_assert_eq(call->state, WTEL_CALL_ANSWERED);
	cr_assert_eq(call->start, T0 + 100 * SECOND - 3655 * SECOND);
	cr_assert_eq(call->agent_id, 102);
	call = wtel_tracker_find(tracker, "WLCM-1");
	cr_assert_eq(call->direction, WTEL_OUTBOUND);
	cr_assert_eq(call->state, WTEL_CALL_RINGING);
	cr_assert_eq(call->start, T0 + 70 * SECOND);
	cr_assert_str_eq(call->caller_number, "1001");
	tracker_take(tracker, event_hangup(&phone2, 6, 16, 0), T0 + 110 * SECOND);
	tracker_take(tracker, event_hangup(&caller, 6, 16, 0), T0 + 110 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	/* When it was answered nobody saw. */
	cr_assert(got.estimated);
	wtel_tracker_free(tracker);
}

/* Found unfinished in the store at start-up. */
Test(call_resync, restored)
{
	struct wtel_call given = {.call_id = "WLCM-1",
				  .id = 7,
				  .start = T0,
				  .ringing = T0 + SECOND,
				  .answer = T0 + 2 * SECOND,
				  .agent_id = 101,
				  .trunk_id = 1,
				  .state = WTEL_CALL_ANSWERED,
				  .caller_number = "1001",
				  .callee_number = "+1555"};
	struct wtel_tracker_counters counters;
	struct wtel_tracker *tracker;
	struct outcome got = {0};
	int gone;

	for (gone = 0; gone < 2; gone++) {
		memset(&got, 0, sizeof(got));
		tracker = tracker_with(NULL);
		cr_assert_eq(wtel_tracker_expect(tracker, &given), 0);
		outcome_drain(&got, tracker);
		cr_assert_str_eq(got.types, "", "it is not new");
		wtel_tracker_counters(tracker, &counters);
		cr_assert_eq(counters.in_progress, 1);
		wtel_tracker_resync_begin(tracker);
		if (!gone) {
			take_item(tracker, &customer, 6, "00:00:59", "b", T0 + 60 * SECOND);
			take_item(tracker, &agent, 6, "00:01:00", "b", T0 + 60 * SECOND);
		}
		resync_end(tracker, T0 + 60 * SECOND);
		if (!gone) {
			tracker_take(tracker, event_hangup(&customer, 6, 16, 0), T0 + 72 * SECOND);
			tracker_take(tracker, event_hangup(&agent, 6, 16, 0), T0 + 72 * SECOND);
		}
		outcome_drain(&got, tracker);
		cr_assert_eq(got.ended, 1);
		cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
		cr_assert_eq(got.answer, T0 + 2 * SECOND);
		cr_assert_eq(got.billsec, gone ? 58 : 70);
		cr_assert_eq(got.estimated, gone);
		wtel_tracker_free(tracker);
	}
}

/* A process that begins hears of a call before it has read the trunks and the record of the one that ended. */
Test(call_resync, heard_of_before_its_record)
{
	struct wtel_call given = {.call_id = "WLCM-1",
				  .id = 7,
				  .start = T0,
				  .ringing = T0 + SECOND,
				  .agent_id = 101,
				  .trunk_id = 1,
				  .state = WTEL_CALL_RINGING,
				  .caller_number = "1001",
				  .callee_number = "+1555"};
	struct wtel_tracker_options options = WTEL_TRACKER_OPTIONS_INIT;
	struct wtel_tracker *tracker;
	const struct wtel_call *call;
	struct outcome got = {0};

	cr_assert_eq(wtel_tracker_new(&tracker, &options, NULL), 0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 6), T0 + 2 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &agent, "b"), T0 + 2 * SECOND + MILLI);
	cr_assert_eq(wtel_tracker_set_trunk(tracker, "carrier-a", 1), 0);
	outcome_drain(&got, tracker);
	cr_assert_str_eq(got.types, "", "nobody knows whose it is");
	cr_assert_eq(wtel_tracker_expect(tracker, &given), 0);
	wtel_tracker_resync_begin(tracker);
	take_item(tracker, &customer, 6, "00:00:03", "b", T0 + 3 * SECOND);
	take_item(tracker, &agent, 6, "00:00:04", "b", T0 + 3 * SECOND);
	resync_end(tracker, T0 + 3 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.types[0], 'A', "it is not new, but it was answered: %s", got.types);
	call = wtel_tracker_find(tracker, "WLCM-1");
	cr_assert_not_null(call);
	cr_assert_eq(call->id, 7);
	cr_assert_eq(call->state, WTEL_CALL_ANSWERED);
	cr_assert_eq(call->start, T0);
	cr_assert_eq(call->answer, T0 + 2 * SECOND);
	cr_assert_eq(call->agent_id, 101);
	cr_assert_eq(wtel_tracker_expect(tracker, &given), WTEL_EEXISTS);
	tracker_take(tracker, event_hangup(&customer, 6, 16, 0), T0 + 12 * SECOND);
	tracker_take(tracker, event_hangup(&agent, 6, 16, 0), T0 + 12 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(got.billsec, 10);
	cr_assert_not(got.estimated);
	wtel_tracker_free(tracker);
}

/* Asterisk restarted: old names come again with new Uniqueids. */
Test(call_resync, after_a_restart)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct channel fresh = caller;
	struct outcome got = {0};

	answered(tracker);
	fresh.name = customer.name;
	wtel_tracker_resync_begin(tracker);
	take_item(tracker, &fresh, 4, "00:00:01", "", T0 + 60 * SECOND);
	resync_end(tracker, T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert(got.estimated);
	cr_assert_str_eq(wtel_tracker_find(tracker, fresh.name)->call_id, fresh.linked_id);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.active, 1);
	cr_assert_eq(counters.channels, 1);
	cr_assert_eq(counters.mismatched, 0);
	wtel_tracker_free(tracker);
}
