/* What an active call costs: two legs, everything known, the tables included. */
#include "call_events.h"

enum { CALLS = 100000 };

struct count {
	size_t now;
	size_t most;
	size_t calls;
};

/* Each block carries its size in front. */
static void *count_allocate(size_t size, void *user)
{
	struct count *count = user;
	size_t *block = malloc(size + 16);

	count->calls++;
	count->now += size;
	if (count->now > count->most)
		count->most = count->now;
	*block = size;
	return (char *)block + 16;
}

static void count_release(void *pointer, void *user)
{
	struct count *count = user;

	if (!pointer)
		return;
	count->now -= *(size_t *)((char *)pointer - 16);
	free((char *)pointer - 16);
}

static void *count_reallocate(void *pointer, size_t size, void *user)
{
	void *fresh = count_allocate(size, user);
	size_t old;

	if (pointer) {
		old = *(size_t *)((char *)pointer - 16);
		memcpy(fresh, pointer, old < size ? old : size);
		count_release(pointer, user);
	}
	return fresh;
}

struct names {
	char call[64], agent[64], customer_id[64], customer[64];
};

static void one_name(struct names *names, int i)
{
	snprintf(names->call, sizeof(names->call), "WLCM-1761388200123-%06x", i);
	snprintf(names->agent, sizeof(names->agent), "PJSIP/%d-%08x", 1001 + i % 9000, 2 * i);
	snprintf(names->customer, sizeof(names->customer), "PJSIP/carrier-a-%08x", 2 * i + 1);
	snprintf(names->customer_id, sizeof(names->customer_id), "1761388200.%d", i);
}

static void one_call(struct wtel_tracker *tracker, int i, bool end)
{
	struct names names;
	struct channel agent = {names.agent, names.call, names.call, "welcomedly-outbound", "+15551234567", ""};
	struct channel customer = {names.customer, names.customer_id, names.call, "welcomedly-inbound", "s", ""};
	struct wtel_call call = {
		.call_id = names.call, .start = T0, .caller_number = "1001", .callee_number = "+15551234567"};
	struct wtel_call_change change;

	one_name(&names, i);
	if (end) {
		tracker_take(tracker, event_hangup(&customer, 6, 16, 0), T0 + 9 * SECOND);
		tracker_take(tracker, event_hangup(&agent, 6, 16, 0), T0 + 9 * SECOND);
	} else {
		cr_assert_eq(wtel_tracker_expect(tracker, &call), 0);
		tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0);
		tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &agent, 6), T0 + SECOND);
		tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + SECOND);
		tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &agent, &customer, 0, "+15551234567@carrier-a"),
			     T0 + SECOND);
		tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &customer, 6), T0 + 2 * SECOND);
		tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &customer, names.call), T0 + 2 * SECOND);
		tracker_take(tracker, event_bridge(WTEL_AMI_BRIDGE_ENTER, &agent, names.call), T0 + 2 * SECOND);
	}
	while (wtel_tracker_next(tracker, &change) == 1)
		;
}

Test(call_memory, budget_and_steady_state)
{
	struct count count = {0, 0, 0};
	struct wtel_allocator allocator = {count_allocate, count_reallocate, count_release, &count};
	struct wtel_tracker_counters counters;
	struct wtel_tracker *tracker = tracker_with(&allocator);
	size_t before = count.now;
	size_t calls;
	int i;

	for (i = 0; i < CALLS; i++)
		one_call(tracker, i, false);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.active, (size_t)CALLS);
	cr_assert_eq(counters.channels, 2 * (size_t)CALLS);
	cr_log_info("%zu bytes a call, at most %zu while growing", (count.now - before) / CALLS, count.most / CALLS);
	cr_assert_leq((count.now - before) / CALLS, 1024u);
	cr_assert_leq(count.most / CALLS, 1024u);
	/* From here on a hundred thousand more calls come and go without an allocation. */
	calls = count.calls;
	for (i = 0; i < CALLS; i++) {
		one_call(tracker, i, true);
		one_call(tracker, CALLS + i, false);
	}
	cr_assert_eq(count.calls, calls, "%zu allocations", count.calls - calls);
	wtel_tracker_free(tracker);
	cr_assert_eq(count.now, 0u);
}
