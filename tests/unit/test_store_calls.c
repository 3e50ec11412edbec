/* Writing calls, reading them, counting them: against both databases. */
#include "store_world.h"

static struct wtel_call ended(const char *call_id, int64_t trunk, enum wtel_disposition disposition, int64_t answer,
			      int64_t end)
{
	struct wtel_call call = world_call(call_id);

	call.trunk_id = trunk;
	call.state = WTEL_CALL_ENDED;
	call.disposition = disposition;
	call.answer = answer;
	call.end = end;
	return call;
}

STORE_TEST(a_call_is_kept_with_its_legs, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 10);
	struct wtel_leg legs[] = {
		{"u1", "PJSIP/1001-00000001", "1001", WTEL_LEG_AGENT, WTEL_CHANNEL_UP, 0, NOON, NOON + 1000,
		 NOON + 1234567, NOON + 330 * SECOND, 16, 200},
		{"u2", "PJSIP/main-00000002", "+15551234567", WTEL_LEG_CUSTOMER, WTEL_CHANNEL_UP, trunk,
		 NOON + 2 * SECOND, NOON + 3 * SECOND, NOON + 10 * SECOND, NOON + 330 * SECOND, 16, 200},
	};
	struct wtel_call call =
		ended("WLCM-1-a", trunk, WTEL_DISPOSITION_ANSWERED, NOON + 10 * SECOND, NOON + 330 * SECOND);
	struct wtel_call_list *list = NULL;
	const struct wtel_call *got;

	call.channel = "PJSIP/1001-00000001";
	call.agent_id = 5;
	call.campaign_id = 1;
	call.lead_id = 123;
	call.ringing = NOON + 3 * SECOND;
	call.cause = 16;
	call.sip_code = 200;
	call.transferred = true;
	call.estimated = true;
	call.reason = "the service was away: \xc3\xa9";
	call.recording_url = "https://example.com/a.wav";
	call.legs = legs;
	call.leg_count = 2;
	world_write(world, &call);
	cr_assert_eq(wtel_store_call(world->store, &list, "WLCM-1-a"), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(list->count, 1);
	got = list->calls;
	cr_assert_gt(got->id, 0);
	cr_assert_str_eq(got->call_id, "WLCM-1-a");
	cr_assert_str_eq(got->channel, call.channel);
	cr_assert_eq(got->direction, WTEL_OUTBOUND);
	cr_assert_eq(got->state, WTEL_CALL_ENDED);
	cr_assert_eq(got->disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert(got->estimated && got->transferred);
	cr_assert(got->agent_id == 5 && got->campaign_id == 1 && got->lead_id == 123 && got->trunk_id == trunk);
	cr_assert_str_eq(got->caller_number, "1001");
	cr_assert_str_eq(got->callee_number, "+15551234567");
	cr_assert(got->start == call.start && got->ringing == call.ringing && got->answer == call.answer &&
		  got->end == call.end);
	cr_assert(got->cause == 16 && got->sip_code == 200);
	cr_assert_str_eq(got->reason, call.reason);
	cr_assert_str_eq(got->recording_url, call.recording_url);
	cr_assert_eq(got->leg_count, 2);
	cr_assert_str_eq(got->legs[0].unique_id, "u1");
	cr_assert_eq(got->legs[0].role, WTEL_LEG_AGENT);
	cr_assert_eq(got->legs[0].answer, NOON + 1234567);
	cr_assert_str_eq(got->legs[1].channel, "PJSIP/main-00000002");
	cr_assert_str_eq(got->legs[1].number, "+15551234567");
	cr_assert_eq(got->legs[1].trunk_id, trunk);
	cr_assert_eq(got->legs[1].state, WTEL_CHANNEL_UP);
	cr_assert(got->legs[1].cause == 16 && got->legs[1].sip_code == 200);
	wtel_call_list_free(list);
	world_says(world, "330|320|ANSWERED", "SELECT duration, billsec, disposition FROM calls");
	cr_assert_eq(wtel_store_call(world->store, &list, "' OR '1'='1"), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_call(world->store, &list, NULL), WTEL_ENOTFOUND);
}

STORE_TEST(what_was_ended_stays_ended_and_is_counted_once, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 10);
	static struct wtel_booking booking;
	struct wtel_call call = world_call("A");

	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0);
	call.trunk_id = trunk;
	call.state = WTEL_CALL_RINGING;
	call.ringing = NOON + SECOND;
	world_write(world, &call);
	world_says(world, "ringing", "SELECT state FROM wtel_calls");
	call = ended("A", trunk, WTEL_DISPOSITION_BUSY, 0, NOON + 5 * SECOND);
	world_write(world, &call);
	world_write(world, &call);
	call = ended("A", trunk, WTEL_DISPOSITION_ANSWERED, NOON + SECOND, NOON + 60 * SECOND);
	world_write(world, &call);
	call = world_call("A");
	call.state = WTEL_CALL_RINGING;
	world_write(world, &call);
	world_says(world, "5|0|BUSY|1001", "SELECT duration, billsec, disposition, caller_number FROM calls");
	world_says(world, "1|0|1", "SELECT total_calls, successful_calls, failed_calls FROM trunks");
	world_says(world, "ended", "SELECT state FROM wtel_calls");
	/* A call that comes finished at once, and one without a trunk. */
	call = ended("B", trunk, WTEL_DISPOSITION_ANSWERED, NOON + SECOND, NOON + 60 * SECOND);
	world_write(world, &call);
	call = ended("C", 0, WTEL_DISPOSITION_CANCELLED, 0, NOON + SECOND);
	world_write(world, &call);
	world_says(world, "2|1|1", "SELECT total_calls, successful_calls, failed_calls FROM trunks");
	/* A trunk that does not exist (any more) costs the trunk, not the record. */
	call = ended("D", 4711, WTEL_DISPOSITION_BUSY, 0, NOON + SECOND);
	world_write(world, &call);
	world_says(world, "D||BUSY", "SELECT call_id, trunk_id, disposition FROM calls WHERE call_id = 'D'");
	world_says(world, "0", "SELECT count(*) FROM calls WHERE end_time IS NULL");
}

STORE_TEST(what_is_known_is_not_forgotten, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 10);
	static struct wtel_booking booking;
	struct wtel_leg leg = {"u1", "PJSIP/1-1", "1001", WTEL_LEG_AGENT, 0, trunk, NOON, NOON + 1, NOON + 2, 0, 0, 0};
	struct wtel_call call = world_call("A");
	struct wtel_call_list *list = NULL;

	call.agent_id = 5;
	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0);
	call.trunk_id = trunk;
	call.state = WTEL_CALL_ANSWERED;
	call.answer = NOON + 10 * SECOND;
	call.legs = &leg;
	call.leg_count = 1;
	world_write(world, &call);
	/* The process died; who took the call over knows only that it ended. */
	call = ended("A", 0, WTEL_DISPOSITION_NO_ANSWER, 0, NOON + 70 * SECOND);
	call.caller_number = call.callee_number = "";
	leg.answer = leg.ringing = leg.start = 0;
	leg.end = NOON + 70 * SECOND;
	leg.number = leg.channel = "";
	leg.trunk_id = 0;
	leg.cause = 16;
	call.legs = &leg;
	call.leg_count = 1;
	wtel_store_close(world->store);
	world->store = world_open(world);
	world_write(world, &call);
	world_says(world, "5|1001|+15551234567|70|60|ANSWERED",
		   "SELECT agent_id, caller_number, callee_number, duration, billsec, disposition FROM calls");
	world_says(world, "1|1|0", "SELECT total_calls, successful_calls, failed_calls FROM trunks");
	cr_assert_eq(wtel_store_call(world->store, &list, "A"), 0);
	cr_assert_eq(list->calls[0].trunk_id, trunk);
	cr_assert_eq(list->calls[0].answer, NOON + 10 * SECOND);
	cr_assert_eq(list->calls[0].leg_count, 1);
	cr_assert_eq(list->calls[0].legs[0].answer, NOON + 2);
	cr_assert_eq(list->calls[0].legs[0].end, NOON + 70 * SECOND);
	cr_assert_eq(list->calls[0].legs[0].cause, 16);
	cr_assert_eq(list->calls[0].legs[0].trunk_id, trunk);
	cr_assert_str_eq(list->calls[0].legs[0].channel, "PJSIP/1-1");
	wtel_call_list_free(list);
}

STORE_TEST(legs_of_one_time_stand_as_they_came_to_be, true)
{
	struct wtel_leg legs[] = {
		{"WLCM-1", "PJSIP/1-1", "1001", WTEL_LEG_AGENT, 0, 0, NOON, 0, NOON, 0, 0, 0},
		{"1761388200.9", "PJSIP/c-9", "2", WTEL_LEG_CUSTOMER, 0, 0, NOON, 0, 0, 0, 0, 0},
		{"1761388200.10", "PJSIP/c-a", "2", WTEL_LEG_CUSTOMER, 0, 0, NOON, 0, 0, 0, 0, 0},
	};
	struct wtel_call call = world_call("WLCM-1");
	struct wtel_call_list *list = NULL;
	size_t i;

	call.legs = legs;
	call.leg_count = 3;
	world_write(world, &call);
	cr_assert_eq(wtel_store_call(world->store, &list, "WLCM-1"), 0);
	cr_assert_eq(list->calls[0].leg_count, 3);
	for (i = 0; i < 3; i++)
		cr_assert_str_eq(list->calls[0].legs[i].unique_id, legs[i].unique_id);
	wtel_call_list_free(list);
}

STORE_TEST(of_what_several_saw_the_earliest_is_true, true)
{
	struct wtel_leg late[] = {
		{"A", "PJSIP/1-1", "1001", WTEL_LEG_AGENT, 0, 0, NOON + 5 * SECOND, 0, NOON + 5 * SECOND, 0, 0, 0},
		{"B", "PJSIP/c-2", "2", WTEL_LEG_CUSTOMER, 0, 0, NOON + 3 * SECOND, NOON + 6 * SECOND, 0, 0, 0, 0},
	};
	struct wtel_leg own[] = {
		{"A", "PJSIP/1-1", "1001", WTEL_LEG_AGENT, 0, 0, NOON + SECOND, 0, NOON + 2 * SECOND, 0, 0, 0},
		{"B", "PJSIP/c-2", "2", WTEL_LEG_CUSTOMER, 0, 0, NOON + 3 * SECOND, NOON + 4 * SECOND, 0, 0, 0, 0},
	};
	struct wtel_store *other = world_open(world), *mine = world->store;
	struct wtel_call call = world_call("A");
	struct wtel_call_list *list = NULL;
	const struct wtel_leg *legs;
	int turn;

	call.leg_count = 2;
	for (turn = 0; turn < 4; turn++) {
		/* A program that joined in the middle of the call writes first, and again. */
		world->store = turn % 2 ? mine : other;
		call.legs = turn % 2 ? own : late;
		world_write(world, &call);
	}
	cr_assert_eq(wtel_store_call(world->store, &list, "A"), 0);
	cr_assert_eq(list->calls[0].leg_count, 2);
	legs = list->calls[0].legs;
	cr_assert_str_eq(legs[0].unique_id, "A");
	cr_assert_eq(legs[0].start, NOON + SECOND);
	cr_assert_eq(legs[0].answer, NOON + 2 * SECOND);
	cr_assert_eq(legs[1].start, NOON + 3 * SECOND);
	cr_assert_eq(legs[1].ringing, NOON + 4 * SECOND);
	cr_assert_eq(legs[1].answer, 0);
	wtel_call_list_free(list);
	wtel_store_close(other);
}

/* A program that joined in the middle may well be the first to write the end. */
STORE_TEST(who_joined_late_does_not_shorten_the_bill, true)
{
	struct wtel_store *other = world_open(world), *mine = world->store;
	struct wtel_call call = world_call("A"), late = world_call("A");
	struct wtel_call_list *list = NULL;

	world_trunk(world, "main", 1, 10);
	call.trunk_id = late.trunk_id = 1;
	call.state = WTEL_CALL_ANSWERED;
	call.answer = call.start + 2 * SECOND;
	world_write(world, &call);
	world->store = other;
	late.start = call.start + SECOND;
	late.answer = call.start + 20 * SECOND;
	late.state = WTEL_CALL_ANSWERED;
	world_write(world, &late);
	late.state = WTEL_CALL_ENDED;
	late.end = call.start + 32 * SECOND;
	late.disposition = WTEL_DISPOSITION_ANSWERED;
	late.estimated = late.answer_estimated = true;
	world_write(world, &late);
	world->store = mine;
	cr_assert_eq(wtel_store_call(world->store, &list, "A"), 0);
	cr_assert_eq(list->calls[0].start, call.start);
	cr_assert_eq(list->calls[0].answer, call.answer);
	cr_assert_eq(list->calls[0].disposition, WTEL_DISPOSITION_ANSWERED);
	cr_assert_not(list->calls[0].estimated);
	wtel_call_list_free(list);
	world_says(world, "32|30", "SELECT duration, billsec FROM calls");
	world_says(world, "1|1|0", "SELECT total_calls, successful_calls, failed_calls FROM trunks");
	/* Nobody knows better: then it says so. */
	late.call_id = "B";
	world_write(world, &late);
	cr_assert_eq(wtel_store_call(world->store, &list, "B"), 0);
	cr_assert(list->calls[0].estimated);
	wtel_call_list_free(list);
	world_says(world, "31|12", "SELECT duration, billsec FROM calls WHERE call_id = 'B'");
	/* And an end that nobody saw is none that was seen, whoever knows the answer. */
	call = world_call("C");
	call.state = WTEL_CALL_ANSWERED;
	call.answer = call.start + 2 * SECOND;
	world_write(world, &call);
	late.call_id = "C";
	late.answer_estimated = false;
	world_write(world, &late);
	cr_assert_eq(wtel_store_call(world->store, &list, "C"), 0);
	cr_assert(list->calls[0].estimated);
	wtel_call_list_free(list);
	wtel_store_close(other);
}

STORE_TEST(what_comes_from_the_wire_cannot_keep_a_batch_from_being_written, true)
{
	static char huge[10001];
	struct wtel_leg legs[] = {
		{"same", "a", "", WTEL_LEG_OTHER, 0, 0, 0, 0, 0, 0, 0, 0},
		{"same", "b", "", WTEL_LEG_OTHER, 0, -4, 0, 0, 0, 0, 0, 0},
		{NULL, NULL, NULL, WTEL_LEG_OTHER, 0, 0, 0, 0, 0, 0, 0, 0},
		{huge, huge, huge, WTEL_LEG_OTHER, 0, INT64_MAX, INT64_MIN, -1, INT64_MAX, 1, -1, 99999},
	};
	struct wtel_call call = world_call("'; DROP TABLE calls; --");

	memset(huge, 'x', sizeof(huge) - 1);
	memcpy(huge, "\xff\xfe\xc3", 3);
	call.channel = call.reason = call.recording_url = call.caller_number = huge;
	call.callee_number = "\"'\\$1?; DROP TABLE trunks";
	call.start = 0;
	call.answer = INT64_MAX;
	call.end = INT64_C(1) << 60;
	call.agent_id = INT64_MAX;
	call.lead_id = -1;
	call.legs = legs;
	call.leg_count = 4;
	world_write(world, &call);
	world_says(world, "1|2", "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM wtel_legs)");
	world_says(world, "'; DROP TABLE calls; --|\"'\\$1?; DROP TABLE trunks|50",
		   "SELECT call_id, callee_number, length(caller_number) FROM calls");
	world_says(world, "b", "SELECT channel FROM wtel_legs WHERE unique_id = 'same'");
	call.call_id = "a\rb";
	cr_assert_eq(wtel_store_write(world->store, &call), WTEL_EINJECTION);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "call_id");
	call.call_id = huge + 3;
	cr_assert_eq(wtel_store_write(world->store, &call), WTEL_ELIMIT);
	call.call_id = "\xff";
	cr_assert_eq(wtel_store_write(world->store, &call), WTEL_EINVAL);
	call.call_id = "";
	cr_assert_eq(wtel_store_write(world->store, &call), WTEL_EINVAL);
}

STORE_TEST(changes_of_one_call_become_one_row_in_a_batch, true)
{
	struct wtel_call call = world_call("");
	char id[32];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "call-%d", i % 500);
		call.call_id = id;
		call.state = i < 4500 ? WTEL_CALL_RINGING : WTEL_CALL_ENDED;
		call.end = i < 4500 ? 0 : NOON + i * SECOND;
		call.disposition = i < 4500 ? WTEL_DISPOSITION_NONE : WTEL_DISPOSITION_BUSY;
		cr_assert_eq(wtel_store_write(world->store, &call), 0);
	}
	cr_assert_eq(store_queued(world->store), 500);
	/* An older state that comes late does not bring a finished call back. */
	call.end = 0;
	cr_assert_eq(wtel_store_write(world->store, &call), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(store_queued(world->store), 0);
	world_says(world, "500", "SELECT count(*) FROM calls WHERE disposition = 'BUSY' AND end_time IS NOT NULL");
}

/* ---- reading ---------------------------------------------------------- */

/* Ten calls a minute apart: agents 1 and 2 in turn, campaign 7 for the last five, the last one unfinished. */
static void put_ten(struct world *world)
{
	char id[16];
	int i;

	for (i = 0; i < 10; i++) {
		struct wtel_call call = world_call(id);

		snprintf(id, sizeof(id), "call-%d", i);
		call.start = NOON + i * 60 * SECOND;
		call.direction = i == 3 ? WTEL_INBOUND : WTEL_OUTBOUND;
		call.agent_id = 1 + i % 2;
		call.campaign_id = i < 5 ? 0 : 7;
		if (i < 9) {
			call.disposition = i < 4 ? WTEL_DISPOSITION_ANSWERED : WTEL_DISPOSITION_BUSY;
			call.end = call.start + (10 + i) * SECOND;
			call.answer = i < 4 ? call.start + 5 * SECOND : 0;
		}
		cr_assert_eq(wtel_store_write(world->store, &call), 0);
	}
	cr_assert_eq(wtel_store_flush(world->store), 0);
}

static struct wtel_call_list *history(struct world *world, const struct wtel_call_filter *filter)
{
	struct wtel_call_list *list = NULL;

	cr_assert_eq(wtel_store_calls(world->store, &list, filter), 0, "%s", wtel_store_error(world->store)->text);
	return list;
}

static void expect_history(struct world *world, const struct wtel_call_filter *filter, int64_t total, size_t count,
			   const char *first)
{
	struct wtel_call_list *list = history(world, filter);

	cr_expect_eq(list->total, total, "total %d", (int)list->total);
	cr_expect_eq(list->count, count, "count %zu", list->count);
	if (list->count)
		cr_expect_str_eq(list->calls[0].call_id, first, "first %s", list->calls[0].call_id);
	wtel_call_list_free(list);
}

/* Writes it; gives back when the next write is due. */
static int64_t write_until(const struct world *world, const struct wtel_call *call)
{
	cr_assert_eq(wtel_store_write(world->store, call), 0);
	return store_deadline(world->store);
}

static void pass_until(struct world *world, const char *state)
{
	int64_t end = wtel_time_now().mono + 60 * SECOND;
	char *text = world_sql(world, "SELECT state FROM wtel_calls WHERE id = 1");

	while (strcmp(text, state) != 0) {
		cr_assert_lt(wtel_time_now().mono, end, "%s, not %s", text, state);
		cr_assert_eq(store_dispatch(world->store, wtel_time_now()), 0);
		free(text);
		usleep(5000);
		text = world_sql(world, "SELECT state FROM wtel_calls WHERE id = 1");
	}
	free(text);
}

STORE_TEST(what_comes_before_the_answer_waits_for_company, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 10);
	struct wtel_call call = world_call("WLCM-1-a"), other = world_call("WLCM-2-b");
	struct wtel_booking booking;
	int64_t before, due;

	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0);
	pass_until(world, "queued");
	call.id = booking.row_id;
	call.state = WTEL_CALL_AGENT;
	before = wtel_time_now().mono;
	due = write_until(world, &call);
	cr_expect_gt(due, before + 200000);
	/* A call that nobody booked counts on its trunk: it has no time. */
	other.state = WTEL_CALL_AGENT;
	cr_expect_leq(write_until(world, &other), wtel_time_now().mono + 20000);
	while (store_queued(world->store) > 1)
		cr_assert_eq(store_dispatch(world->store, wtel_time_now()), 0);
	/* Where the machine stood still meanwhile, its time has come too. */
	if (wtel_time_now().mono < due)
		world_says(world, "queued", "SELECT state FROM wtel_calls WHERE id = 1");
	/* By itself it goes in the end. */
	pass_until(world, "agent");
	call.state = WTEL_CALL_RINGING;
	call.ringing = NOON + SECOND;
	before = wtel_time_now().mono;
	cr_expect_gt(write_until(world, &call), before + 200000);
	/* And the answer takes it along. */
	call.state = WTEL_CALL_ANSWERED;
	call.answer = NOON + 2 * SECOND;
	cr_expect_leq(write_until(world, &call), wtel_time_now().mono + 20000);
	pass_until(world, "answered");
	call.state = WTEL_CALL_RINGING;
	call.answer = 0;
	cr_assert_eq(wtel_store_write(world->store, &call), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0);
	cr_expect_eq(store_queued(world->store), 0, "flush waits for all of them");
}

STORE_TEST(history_is_filtered_and_paged_newest_first, true)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT, none = filter;
	struct wtel_call_list *list = NULL;

	put_ten(world);
	expect_history(world, NULL, 10, 10, "call-9");
	filter.limit = 3;
	filter.offset = 2;
	expect_history(world, &filter, 10, 3, "call-7");
	filter.offset = 100;
	expect_history(world, &filter, 10, 0, "");
	filter = none;
	filter.agent_id = 1;
	expect_history(world, &filter, 5, 5, "call-8");
	filter.active = true;
	expect_history(world, &filter, 0, 0, "");
	filter = none;
	filter.active = true;
	expect_history(world, &filter, 1, 1, "call-9");
	filter = none;
	filter.campaign_id = 7;
	filter.disposition = WTEL_DISPOSITION_BUSY;
	expect_history(world, &filter, 4, 4, "call-8");
	filter = none;
	filter.from = NOON + 120 * SECOND;
	filter.until = NOON + 240 * SECOND;
	expect_history(world, &filter, 2, 2, "call-3");
	filter.agent_id = 2;
	filter.limit = 1;
	expect_history(world, &filter, 1, 1, "call-3");
	filter = none;
	filter.trunk_id = 1;
	expect_history(world, &filter, 0, 0, "");
	filter.limit = 10001;
	cr_assert_eq(wtel_store_calls(world->store, &list, &filter), WTEL_EINVAL);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "limit");
	filter = none;
	filter.offset = -1;
	cr_assert_eq(wtel_store_calls(world->store, &list, &filter), WTEL_EINVAL);
	filter = none;
	filter.agent_id = INT64_C(1) << 40;
	cr_assert_eq(wtel_store_calls(world->store, &list, &filter), WTEL_EINVAL);
	cr_assert_null(list);
	list = history(world, NULL);
	cr_assert_eq(list->calls[6].direction, WTEL_INBOUND);
	cr_assert_eq(list->calls[0].state, WTEL_CALL_QUEUED);
	wtel_call_list_free(list);
}

STORE_TEST(statistics_are_the_seeds, true)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	struct wtel_call_stats stats;

	cr_assert_eq(wtel_store_stats(world->store, &stats, NULL), 0);
	cr_assert(stats.total_calls == 0 && stats.average_duration == 0 && stats.answer_rate == 0);
	put_ten(world);
	cr_assert_eq(wtel_store_stats(world->store, &stats, &filter), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(stats.total_calls, 9);
	cr_assert_eq(stats.by_disposition[WTEL_DISPOSITION_ANSWERED], 4);
	cr_assert_eq(stats.by_disposition[WTEL_DISPOSITION_BUSY], 5);
	cr_assert_eq(stats.total_duration, 126); /* 10 + ... + 18 */
	cr_assert_eq(stats.total_billsec, 26);	 /* 5 + 6 + 7 + 8 */
	cr_assert_eq(stats.average_duration, 14);
	cr_assert_eq(stats.average_billsec, 7); /* 6.5 */
	cr_assert_eq(stats.answer_rate, 4444);	/* 44.44 % */
	filter.agent_id = 2;
	cr_assert_eq(wtel_store_stats(world->store, &stats, &filter), 0);
	cr_assert_eq(stats.total_calls, 4);
	cr_assert_eq(stats.answer_rate, 5000);
	filter.agent_id = 0;
	filter.from = NOON + 300 * SECOND;
	cr_assert_eq(wtel_store_stats(world->store, &stats, &filter), 0);
	cr_assert_eq(stats.total_calls, 4);
	cr_assert_eq(stats.by_disposition[WTEL_DISPOSITION_ANSWERED], 0);
	filter.from = 0;
	filter.campaign_id = 7;
	filter.disposition = WTEL_DISPOSITION_ANSWERED;
	cr_assert_eq(wtel_store_stats(world->store, &stats, &filter), 0);
	cr_assert_eq(stats.total_calls, 0);
}
