/* Who an event speaks of, calls that meet, and memory. */
#include "call_cast.h"

static void ring(struct wtel_tracker *tracker, const struct channel *phone, int64_t wall)
{
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, phone, 0), wall);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &caller, phone, 0, "1001"), wall);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, phone, 5), wall + 1);
}

Test(call_identity, contradictions_change_nothing)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct outcome got = {0};
	struct channel other = {"PJSIP/carrier-a-00000002", "1.1", "1.1", "", "", ""};
	char before[RECORD_SIZE];
	char after[RECORD_SIZE];

	up_to_dial(tracker);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	outcome_drain(&got, tracker);
	record_write(before, wtel_tracker_find(tracker, "WLCM-1"));
	/* a known name with another Uniqueid */
	hang_up(tracker, &other, 0, 16, 0, T0 + 9 * SECOND);
	/* a known Uniqueid with another name */
	other = customer;
	other.name = "PJSIP/carrier-a-00000099";
	hang_up(tracker, &other, 0, 16, 0, T0 + 9 * SECOND);
	/* a known channel in somebody else's call, without a bridge */
	other = customer;
	other.linked_id = caller.unique_id;
	hang_up(tracker, &other, 0, 16, 0, T0 + 9 * SECOND);
	/* one block is right, the other is not */
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &agent, &other, 6, "ANSWER"), T0 + 9 * SECOND);
	/* a NUL in it */
	{
		struct wtel_ami_event event = event_hangup(&customer, 0, 16, 0);

		event.channel.unique_id = (struct wtel_slice){"a\0b", 3};
		tracker_take(tracker, event, T0);
	}
	record_write(after, wtel_tracker_find(tracker, "WLCM-1"));
	cr_assert_str_eq(before, after);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.mismatched, 5);
	cr_assert_eq(counters.active, 2);
	wtel_tracker_free(tracker);
}

Test(call_identity, unknown_channels)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct wtel_call_change change;

	hang_up(tracker, &customer, 6, 16, 0, T0);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 0, "BUSY"), T0);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_LEAVE, &agent, "b"), T0);
	tracker_take(tracker, event_of(WTEL_AMI_HANGUP_REQUEST, &agent, 6), T0);
	tracker_take(tracker, event_originate("PJSIP/1001", "WLCM-9", "Failure", 0), T0);
	/* Its Hangup was here before: a late Newchannel makes no ghost. */
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0);
	cr_assert_eq(wtel_tracker_next(tracker, &change), 0);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.calls, 0);
	cr_assert_null(wtel_tracker_find(tracker, customer.unique_id));
	wtel_tracker_free(tracker);
}

Test(call_identity, zombies)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct wtel_ami_event rename = event_bare(WTEL_AMI_RENAME);
	struct channel zombie = customer;

	up_to_dial(tracker);
	zombie.name = "PJSIP/carrier-a-00000002<ZOMBIE>";
	/* The event with the new name may overtake its Rename. */
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &zombie, 0), T0 + SECOND);
	rename.channel.name = wtel_slice_of(customer.name);
	rename.channel.unique_id = wtel_slice_of(customer.unique_id);
	rename.new_name = wtel_slice_of(zombie.name);
	tracker_take(tracker, rename, T0 + SECOND);
	cr_assert_null(wtel_tracker_find(tracker, customer.name));
	cr_assert_not_null(wtel_tracker_find(tracker, zombie.name));
	hang_up(tracker, &zombie, 0, 16, 0, T0 + 2 * SECOND);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.mismatched, 0);
	cr_assert_eq(counters.channels, 1);
	wtel_tracker_free(tracker);
}

/* ---- calls of others, and calls that meet ---- */

static const struct channel desk1 = {"PJSIP/1001-00000021", "1761388200.21", "1761388200.21",
				     "welcomedly-agents",   "1002",	     "1001"};
static const struct channel desk2 = {
	"PJSIP/1002-00000022", "1761388200.22", "1761388200.21", "welcomedly-agents", "s", ""};
static const struct channel away = {
	"PJSIP/carrier-b-00000023", "1761388200.23", "1761388200.21", "welcomedly-inbound", "s", ""};

Test(call_identity, between_agents_is_silent)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct outcome got = {0};
	size_t position = 0;

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk1, 4), T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk2, 0), T0 + SECOND);
	outcome_drain(&got, tracker);
	cr_assert_null(wtel_tracker_find(tracker, desk1.name));
	cr_assert_null(wtel_tracker_walk(tracker, &position));
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.calls + counters.active + counters.channels, 0);
	/* A trunk joins: now it is a call, by hand, from its beginning. */
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &away, 0), T0 + 2 * SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &desk1, &away, 0, "15559876543@carrier-b"),
		     T0 + 2 * SECOND);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.channels, 3);
	hang_up(tracker, &desk2, 0, 16, 0, T0 + 3 * SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &away, 6), T0 + 4 * SECOND);
	hang_up(tracker, &away, 6, 16, 0, T0 + 7 * SECOND);
	hang_up(tracker, &desk1, 6, 16, 0, T0 + 7 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.direction, WTEL_OUTBOUND);
	cr_assert_eq(got.start, T0);
	cr_assert_eq(got.billsec, 3);
	cr_assert_eq(got.agent_id, 101);
	cr_assert_eq(got.trunk_id, 2);
	cr_assert_str_eq(got.caller, "1001");
	cr_assert_str_eq(got.callee, "15559876543");
	wtel_tracker_free(tracker);
}

Test(call_identity, foreign_where_wanted)
{
	struct wtel_tracker_options options = WTEL_TRACKER_OPTIONS_INIT;
	struct wtel_tracker *tracker;
	struct outcome got = {0};

	options.track_foreign = true;
	cr_assert_eq(wtel_tracker_new(&tracker, &options, NULL), 0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk1, 4), T0);
	hang_up(tracker, &desk1, 4, 16, 0, T0 + SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	wtel_tracker_free(tracker);
}

/* An agent asks a colleague in a call of their own and hands the customer over: that call becomes a part of the
 * customer's. */
Test(call_identity, attended_transfer)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct wtel_ami_event transfer = event_bare(WTEL_AMI_ATTENDED_TRANSFER);
	struct channel colleague = desk2;
	struct outcome got = {0};

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	ring(tracker, &phone1, T0 + SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &caller, &phone1, 6, "ANSWER"), T0 + 2 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &caller, "b1"), T0 + 2 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &phone1, "b1"), T0 + 2 * SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk1, 4), T0 + 3 * SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk2, 0), T0 + 3 * SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &desk2, 6), T0 + 4 * SECOND);
	transfer.channel = channel_block(&phone1, 6);
	transfer.other = channel_block(&desk1, 6);
	tracker_take(tracker, transfer, T0 + 5 * SECOND);
	colleague.linked_id = caller.linked_id;
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &colleague, "b1"), T0 + 5 * SECOND);
	hang_up(tracker, &phone1, 6, 16, 0, T0 + 5 * SECOND);
	hang_up(tracker, &desk1, 6, 16, 0, T0 + 5 * SECOND);
	hang_up(tracker, &caller, 6, 16, 0, T0 + 12 * SECOND);
	hang_up(tracker, &colleague, 6, 16, 0, T0 + 12 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert(got.transferred);
	cr_assert_eq(got.legs, 4);
	cr_assert_eq(got.billsec, 10);
	cr_assert_eq(got.agent_id, 101);
	cr_assert_str_eq(got.call_id, caller.unique_id);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.mismatched, 0);
	cr_assert_eq(counters.channels, 0);
	wtel_tracker_free(tracker);
}

/* Agents who were talking take a caller who still waits: his answer is that moment, not when they began to talk. */
Test(call_identity, merged_answer)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct channel colleague = desk2;
	struct outcome got = {0};

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk1, 4), T0 + SECOND);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &desk2, 0), T0 + SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, &desk1, &desk2, 6, "ANSWER"), T0 + 2 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &caller, "b1"), T0 + 8 * SECOND);
	colleague.linked_id = caller.linked_id;
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &colleague, "b1"), T0 + 8 * SECOND);
	hang_up(tracker, &desk1, 6, 16, 0, T0 + 9 * SECOND);
	hang_up(tracker, &caller, 6, 16, 0, T0 + 12 * SECOND);
	hang_up(tracker, &colleague, 6, 16, 0, T0 + 12 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_eq(got.answer, T0 + 8 * SECOND);
	cr_assert_eq(got.billsec, 4);
	cr_assert_eq(got.agent_id, 102);
	wtel_tracker_free(tracker);
}

/* Two customers brought together keep a row each: each carrier bills its own. */
Test(call_identity, two_customers_meet)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct channel moved = customer;
	struct outcome got = {0};

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0 - SECOND);
	up_to_dial(tracker);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 6), T0 + 2 * SECOND);
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &caller, "b1"), T0 + 3 * SECOND);
	moved.linked_id = caller.linked_id;
	tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &moved, "b1"), T0 + 3 * SECOND);
	hang_up(tracker, &agent, 6, 16, 0, T0 + 3 * SECOND);
	hang_up(tracker, &caller, 6, 16, 0, T0 + 9 * SECOND);
	hang_up(tracker, &moved, 6, 16, 0, T0 + 9 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 2);
	cr_assert_str_eq(got.call_id, "WLCM-1");
	cr_assert_eq(got.billsec, 7);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.mismatched, 0);
	wtel_tracker_free(tracker);
}

Test(call_identity, legs_are_bounded)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	const struct wtel_call *call;
	char name[64], id[64];
	struct channel phone = {name, id, caller.unique_id, "", "s", ""};
	int i;

	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "PJSIP/1001-%08x", i);
		snprintf(id, sizeof(id), "1761388201.%d", i);
		tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &phone, 0), T0 + i * SECOND);
		if (i < 400)
			hang_up(tracker, &phone, 0, 0, 0, T0 + i * SECOND);
	}
	call = wtel_tracker_find(tracker, caller.unique_id);
	cr_assert_eq(call->leg_count, 64);
	cr_assert_str_eq(call->channel, caller.name);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.legs_dropped, 501 - 64);
	cr_assert_eq(counters.channels, 64);
	wtel_tracker_free(tracker);
}

/* ---- memory ---- */

Test(call_identity, every_allocation_fails_once)
{
	FAULT_LOOP(allocator)
	{
		struct wtel_tracker_options options = WTEL_TRACKER_OPTIONS_INIT;
		struct wtel_call call = {.call_id = "WLCM-1", .start = T0};
		struct wtel_ami_event event = event_of(WTEL_AMI_NEWCHANNEL, &agent, 0);
		struct wtel_tracker_counters counters;
		struct wtel_tracker *tracker;

		options.seed = 1;
		if (wtel_tracker_new(&tracker, &options, &allocator) == WTEL_ENOMEM)
			continue;
		if (wtel_tracker_set_trunk(tracker, "carrier-a", 1) == WTEL_ENOMEM)
			cr_assert_eq(wtel_tracker_set_trunk(tracker, "carrier-a", 1), 0);
		/* The same again finds nothing of the first attempt. */
		if (wtel_tracker_expect(tracker, &call) == WTEL_ENOMEM)
			cr_assert_eq(wtel_tracker_expect(tracker, &call), 0);
		if (wtel_tracker_feed(tracker, &event, T0) == WTEL_ENOMEM)
			cr_assert_eq(wtel_tracker_feed(tracker, &event, T0), 0);
		wtel_tracker_counters(tracker, &counters);
		cr_assert_eq(counters.active, 1);
		cr_assert_eq(counters.channels, 1);
		wtel_tracker_free(tracker);
	}
}

/* Enough calls that every table grows, with an allocation failing somewhere: nothing is lost by trying again. */
Test(call_identity, growth_survives_failure)
{
	size_t fail;

	for (fail = 1; fail < 40; fail++) {
		struct fault fault = {0, fail, 0, 0};
		struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
		struct wtel_tracker_counters counters;
		struct wtel_tracker *tracker;
		char name[64], id[64];
		struct channel channel = {name, id, id, "welcomedly-inbound", "1", "2"};
		int i, code;

		if (wtel_tracker_new(&tracker, NULL, &allocator)) {
			cr_assert_eq(fault.out, 0);
			continue;
		}
		while (wtel_tracker_set_trunk(tracker, "carrier-a", 1))
			;
		for (i = 0; i < 1000; i++) {
			struct wtel_ami_event event;

			snprintf(name, sizeof(name), "PJSIP/carrier-a-%08x", i);
			snprintf(id, sizeof(id), "1761388201.%d", i);
			event = event_of(WTEL_AMI_NEWCHANNEL, &channel, 4);
			code = wtel_tracker_feed(tracker, &event, T0 + i);
			if (code) {
				cr_assert_eq(code, WTEL_ENOMEM);
				cr_assert_null(wtel_tracker_find(tracker, id));
				cr_assert_eq(wtel_tracker_feed(tracker, &event, T0 + i), 0);
			}
		}
		wtel_tracker_counters(tracker, &counters);
		cr_assert_eq(counters.active, 1000);
		wtel_tracker_free(tracker);
		cr_assert_eq(fault.out, 0);
	}
}
