/* Booking a trunk and moving a call to another, by one process: against both databases. */
#include "store_world.h"

#include "store/core.h"

static struct wtel_booking booking;

/* Books `call_id` on the first of up to four trunks that is free; the list ends with 0. */
static int book(struct world *world, const char *call_id, int64_t a, int64_t b, int64_t c, int64_t d)
{
	const int64_t trunks[] = {a, b, c, d};
	struct wtel_call call = world_call(call_id);
	size_t count = 0;

	while (count < 4 && trunks[count])
		count++;
	return world_book(world->store, &booking, &call, trunks, count);
}

static void expect_look(size_t at, enum wtel_route_verdict verdict, int calls, int channels)
{
	cr_expect_gt(booking.look_count, at);
	cr_expect_eq(booking.looks[at].verdict, verdict, "look %zu: %s, expected %s", at,
		     wtel_route_verdict_name(booking.looks[at].verdict), wtel_route_verdict_name(verdict));
	cr_expect_eq(booking.looks[at].active_calls, calls, "look %zu: %d calls", at, booking.looks[at].active_calls);
	cr_expect_eq(booking.looks[at].max_channels, channels);
}

STORE_TEST(the_first_route_with_room_is_booked, true)
{
	int64_t a = world_trunk(world, "a", 1, 2), b = world_trunk(world, "b", 1, 1), c = world_trunk(world, "c", 1, 1);
	struct wtel_trunk_list *list = NULL;

	cr_assert_eq(book(world, "A", b, a, c, 0), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(booking.taken, 0);
	cr_assert_eq(booking.look_count, 1);
	expect_look(0, WTEL_ROUTE_TAKEN, 1, 1);
	cr_assert_eq(book(world, "A", a, 0, 0, 0), WTEL_EEXISTS);
	cr_assert_eq(book(world, "B", b, a, c, 0), 0);
	cr_assert_eq(booking.taken, 1);
	cr_assert_eq(book(world, "C", b, 4711, a, c), 0);
	cr_assert_eq(booking.taken, 2);
	cr_assert_eq(booking.look_count, 3);
	expect_look(0, WTEL_ROUTE_FULL, 1, 1);
	expect_look(1, WTEL_ROUTE_STATUS, -1, 0);
	expect_look(2, WTEL_ROUTE_TAKEN, 2, 2);
	cr_assert_eq(book(world, "D", a, b, c, 0), 0);
	cr_assert_eq(booking.taken, 2);
	cr_assert_eq(book(world, "E", a, b, c, 0), WTEL_ENOTRUNK);
	cr_assert_str_eq(wtel_store_error(world->store)->text, "No trunks available");
	cr_assert_eq(booking.look_count, 3);
	expect_look(0, WTEL_ROUTE_FULL, 2, 2);
	expect_look(2, WTEL_ROUTE_FULL, 1, 1);
	cr_assert_eq(book(world, "E", 0, 0, 0, 0), WTEL_ENOTRUNK);
	cr_assert_eq(booking.look_count, 0);
	world_says(world, "B|2\nC|2",
		   "SELECT call_id, (SELECT count(*) FROM calls o WHERE o.trunk_id = c.trunk_id) FROM calls c"
		   " WHERE trunk_id = 1 ORDER BY call_id");
	world_says(world, "4", "SELECT count(*) FROM wtel_calls WHERE owner IS NOT NULL AND state = 'queued'");
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	cr_assert_eq(list->trunks[0].active_calls, 2);
	wtel_trunk_list_free(list);
}

STORE_TEST(what_cannot_be_a_booking_is_refused_with_its_field, true)
{
	int64_t trunk = world_trunk(world, "a", 1, 9);
	struct wtel_route routes[WTEL_MAX_ROUTES + 1];
	struct wtel_call call = world_call("");
	const char *field = wtel_store_error(world->store)->field;

	memset(routes, 0, sizeof(routes));
	routes[0].trunk_id = trunk;
	booking.row_id = -7;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 1, NULL), WTEL_EINVAL);
	cr_assert_str_eq(field, "call_id");
	call.call_id = "A";
	call.agent_id = -1;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 1, NULL), WTEL_EINVAL);
	cr_assert_str_eq(field, "agent_id");
	call.agent_id = 0;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, WTEL_MAX_ROUTES + 1, NULL), WTEL_ELIMIT);
	cr_assert_str_eq(field, "routes");
	routes[0].calls_per_second = 1001;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 1, NULL), WTEL_EINVAL);
	cr_assert_str_eq(field, "calls_per_second");
	routes[0].calls_per_second = 0;
	routes[0].trunk_id = INT64_C(1) << 40;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 1, NULL), WTEL_EINVAL);
	cr_assert_str_eq(field, "trunk_id");
	routes[0].trunk_id = trunk;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 1, "\"a\":1\n"), WTEL_EINJECTION);
	cr_assert_str_eq(field, "trace");
	cr_assert_eq(wtel_store_move(world->store, &booking, NULL, routes, 1, NULL), WTEL_EINVAL);
	cr_assert_eq(booking.row_id, -7);
	world_says(world, "0", "SELECT count(*) FROM calls");
	/* As many as may be, the last of them free. */
	memset(routes, 0, sizeof(routes));
	for (int i = 0; i < WTEL_MAX_ROUTES; i++)
		routes[i].trunk_id = i < WTEL_MAX_ROUTES - 1 ? INT32_MAX - i : trunk;
	routes[WTEL_MAX_ROUTES - 1].calls_per_second = 1000;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, WTEL_MAX_ROUTES, NULL), 0, "%s",
		     wtel_store_error(world->store)->text);
	cr_assert_eq(booking.taken, WTEL_MAX_ROUTES - 1);
	cr_assert_eq(booking.look_count, WTEL_MAX_ROUTES);
}

/* Whoever wrote it: a call that came in, one put in by hand, one of a trunk with a large limit. */
STORE_TEST(every_unfinished_row_counts, true)
{
	int64_t small = world_trunk(world, "small", 1, 3), large = world_trunk(world, "large", 1, 1000);
	struct wtel_call call = world_call("in");

	call.direction = WTEL_INBOUND;
	call.trunk_id = small;
	world_write(world, &call);
	world_do(world, "INSERT INTO calls (call_id, trunk_id, direction, start_time)"
			" VALUES ('hand', 1, 'inbound', '2026-03-01T12:00:00Z')");
	cr_assert_eq(book(world, "A", small, 0, 0, 0), 0);
	expect_look(0, WTEL_ROUTE_TAKEN, 3, 3);
	cr_assert_eq(book(world, "B", small, 0, 0, 0), WTEL_ENOTRUNK);
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_ANSWERED;
	world_write(world, &call);
	cr_assert_eq(book(world, "B", small, 0, 0, 0), 0);
	cr_assert_eq(book(world, "C", small, large, 0, 0), 0);
	cr_assert_eq(book(world, "D", large, 0, 0, 0), 0);
	/* More than its limit at once, right after it was far below. */
	world_do(world, "INSERT INTO calls (call_id, trunk_id, direction, start_time)"
			" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)"
			" SELECT 'many-' || i, 2, 'inbound', '2026-03-01T12:00:00Z' FROM n");
	cr_assert_eq(book(world, "E", large, 0, 0, 0), WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_FULL, 1000, 1000);
	world_do(world, "DELETE FROM calls WHERE call_id LIKE 'many-%'");
	cr_assert_eq(book(world, "E", large, 0, 0, 0), 0);
	world_do(world, "UPDATE trunks SET max_channels = 0");
	cr_assert_eq(book(world, "F", large, small, 0, 0), WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_FULL, 0, 0);
}

STORE_TEST(only_active_trunks_are_booked, true)
{
	int64_t a = world_trunk(world, "a", 1, 9), b = world_trunk(world, "b", 1, 9);
	static const char *const states[] = {"inactive", "maintenance", "error"};
	char sql[128], id[16];
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(sql, sizeof(sql), "UPDATE trunks SET status = '%s' WHERE name = 'a'", states[i]);
		world_do(world, sql);
		snprintf(id, sizeof(id), "call-%zu", i);
		cr_assert_eq(book(world, id, a, b, 0, 0), 0);
		cr_assert_eq(booking.taken, 1);
		expect_look(0, WTEL_ROUTE_STATUS, -1, 9);
	}
	world_do(world, "UPDATE trunks SET status = 'active'");
	cr_assert_eq(book(world, "A", a, b, 0, 0), 0);
	cr_assert_eq(booking.taken, 0);
}

/* ---- rate ------------------------------------------------------------- */

STORE_TEST(no_more_calls_a_second_than_the_route_says, true)
{
	struct wtel_route routes[2] = {{0}, {0}};
	int64_t sent[8], begun[8], now;
	char id[16];
	int i, code, made = 0;

	routes[0].trunk_id = world_trunk(world, "a", 1, 100);
	routes[1].trunk_id = world_trunk(world, "b", 1, 100);
	routes[0].calls_per_second = 3;
	for (i = 0; made < 7; i++) {
		struct wtel_call call = world_call(id);

		snprintf(id, sizeof(id), "call-%d", i);
		now = wtel_time_now().mono;
		cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 2, NULL), 0);
		if (booking.taken) {
			expect_look(0, WTEL_ROUTE_RATE, made, 100);
			world_do(world, "DELETE FROM calls WHERE trunk_id = 2");
			continue;
		}
		/* It was made between the two. */
		sent[made] = now;
		begun[made++] = wtel_time_now().mono;
		cr_assert(made < 4 || begun[made - 1] - sent[made - 4] >= SECOND, "four within %lld us",
			  (long long)(begun[made - 1] - sent[made - 4]));
	}
	cr_assert_gt(i, made);
	/* A limit that was lowered looks at the bookings made under the old one. */
	routes[0].calls_per_second = 1;
	code = wtel_store_reserve(world->store, &booking, &(struct wtel_call){.call_id = "last"}, routes, 1, NULL);
	/* Where the machine stood still for a second, that was long ago. */
	if (!code && wtel_time_now().mono - sent[made - 1] >= SECOND)
		return;
	cr_assert_eq(code, WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_RATE, 7, 100);
	routes[0].calls_per_second = 0;
	cr_assert_eq(
		wtel_store_reserve(world->store, &booking, &(struct wtel_call){.call_id = "last"}, routes, 1, NULL), 0);
}

/* ---- breaker ---------------------------------------------------------- */

STORE_TEST(an_open_breaker_lets_one_trial_through, true)
{
	struct wtel_route route = {0};
	struct wtel_call call = world_call("A");

	route.trunk_id = world_trunk(world, "a", 1, 9);
	world_do(world, "UPDATE trunks SET status = 'error'");
	world_do(world, "INSERT INTO wtel_trunks (trunk_id, version, state, faults, openings, retry_at)"
			" VALUES (1, 7, 'open', 5, 1, '2050-01-01T00:00:00.000000Z')");
	route.trial = true;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL), WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_BREAKER, -1, 9);
	world_do(world, "UPDATE wtel_trunks SET retry_at = '2026-01-01T00:00:00.000000Z'");
	route.trial = false;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL), WTEL_ENOTRUNK);
	route.trial = true;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL), 0, "%s",
		     wtel_store_error(world->store)->text);
	expect_look(0, WTEL_ROUTE_TAKEN, 1, 9);
	/* Who saw version 7 has not seen the trial. */
	world_says(world, "8|open|5|1", "SELECT version, state, faults, openings FROM wtel_trunks");
	world_says(world, "1",
		   world->postgres ? "SELECT count(*) FROM wtel_trunks WHERE trial_until BETWEEN now() +"
				     " interval '110 s' AND now() + interval '120 s'"
				   : "SELECT count(*) FROM wtel_trunks WHERE trial_until BETWEEN"
				     " strftime('%Y-%m-%dT%H:%M:%f', 'now', '+110 seconds')"
				     " AND strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '+120 seconds')");
	call.call_id = "B";
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL), WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_BREAKER, -1, 9);
	/* Whoever had it told nothing in time. */
	world_do(world, "UPDATE wtel_trunks SET trial_until = '2026-01-01T00:02:00.000000Z'");
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL), 0);
	world_says(world, "9", "SELECT version FROM wtel_trunks");
	/* A full one keeps its trial. */
	world_do(world, "UPDATE wtel_trunks SET trial_until = NULL");
	world_do(world, "UPDATE trunks SET max_channels = 2");
	call.call_id = "C";
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL), WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_FULL, 2, 2);
	world_says(world, "9|", "SELECT version, trial_until FROM wtel_trunks");
}

/* ---- moving ----------------------------------------------------------- */

STORE_TEST(a_call_moves_to_the_next_trunk_and_counts_as_failed_on_the_first, true)
{
	int64_t a = world_trunk(world, "a", 1, 2), b = world_trunk(world, "b", 1, 1), c = world_trunk(world, "c", 1, 1);
	struct wtel_route routes[2] = {{0}, {0}};
	struct wtel_call call = world_call("A");
	int64_t row;

	cr_assert_eq(book(world, "A", a, 0, 0, 0), 0);
	row = booking.row_id;
	cr_assert_eq(book(world, "B", b, 0, 0, 0), 0);
	routes[0].trunk_id = b;
	cr_assert_eq(wtel_store_move(world->store, &booking, "A", routes, 1, NULL), WTEL_ENOTRUNK);
	expect_look(0, WTEL_ROUTE_FULL, 1, 1);
	world_says(world, "1", "SELECT trunk_id FROM calls WHERE call_id = 'A'");
	world_says(world, "0|0|0", "SELECT sum(total_calls), sum(successful_calls), sum(failed_calls) FROM trunks");
	routes[1].trunk_id = c;
	cr_assert_eq(wtel_store_move(world->store, &booking, "A", routes, 2, NULL), 0, "%s",
		     wtel_store_error(world->store)->text);
	cr_assert_eq(booking.row_id, row);
	cr_assert_eq(booking.taken, 1);
	expect_look(0, WTEL_ROUTE_FULL, 1, 1);
	expect_look(1, WTEL_ROUTE_TAKEN, 1, 1);
	world_says(world, "3", "SELECT trunk_id FROM calls WHERE call_id = 'A'");
	world_says(world, "1|0|1\n0|0|0\n0|0|0",
		   "SELECT total_calls, successful_calls, failed_calls FROM trunks ORDER BY id");
	/* Its end counts on the trunk it ended on. */
	call.trunk_id = c;
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_ANSWERED;
	world_write(world, &call);
	world_says(world, "1|0|1\n0|0|0\n1|1|0",
		   "SELECT total_calls, successful_calls, failed_calls FROM trunks ORDER BY id");
	cr_assert_eq(wtel_store_move(world->store, &booking, "A", routes, 2, NULL), WTEL_ENOTFOUND);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "call_id");
	cr_assert_eq(wtel_store_move(world->store, &booking, "nobody", routes, 2, NULL), WTEL_ENOTFOUND);
}

STORE_TEST(how_the_trunk_was_chosen_is_kept_line_by_line, true)
{
	int64_t a = world_trunk(world, "a", 1, 1), b = world_trunk(world, "b", 1, 1);
	const char *first = world->postgres ? "SELECT split_part(route, E'\\n', 1) FROM wtel_calls ORDER BY id LIMIT 1"
					    : "SELECT substr(route, 1, instr(route, char(10)) - 1) FROM wtel_calls"
					      " ORDER BY id LIMIT 1";
	struct wtel_route routes[2] = {{0}, {0}};
	struct wtel_call call = world_call("A");
	char *text, *second;

	routes[0].trunk_id = a;
	routes[1].trunk_id = b;
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes, 1, "\"number\":\"\xc3\xb1\""), 0);
	cr_assert_eq(wtel_store_move(world->store, &booking, "A", routes, 2, ""), 0);
	cr_assert_eq(wtel_store_move(world->store, &booking, "A", routes, 1, NULL), 0);
	text = world_sql(world, "SELECT route FROM wtel_calls");
	second = strchr(text, '\n');
	cr_assert_not_null(second);
	cr_expect_null(strchr(second + 1, '\n'));
	cr_expect_eq(strncmp(second + 1, "{\"at\":\"20", 9), 0, "%s", second);
	cr_expect_str_eq(second + 1 + strlen("{\"at\":\"2026-03-01T12:00:00.000000Z\""),
			 ",\"looked\":[[1,\"full\",1,1],[2,\"taken\",1,1]]}", "%s", second);
	free(text);
	text = world_sql(world, first);
	cr_expect_str_eq(text + strlen("{\"at\":\"2026-03-01T12:00:00.000000Z\""),
			 ",\"number\":\"\xc3\xb1\",\"looked\":[[1,\"taken\",1,1]]}", "%s", text);
	free(text);
	/* Without a trace there is no line. */
	call.call_id = "B";
	cr_assert_eq(wtel_store_reserve(world->store, &booking, &call, routes + 1, 1, NULL), 0);
	world_says(world, "1", "SELECT count(*) FROM wtel_calls WHERE route IS NULL");
}

/* ---- without waiting -------------------------------------------------- */

struct told {
	int answers;
	int codes[8];
	size_t looks;
	int64_t row_id;
};

static void tell(int code, const struct wtel_detail *detail, const struct wtel_booking *made, void *user)
{
	struct told *told = user;

	told->codes[told->answers++] = code;
	told->looks = made ? made->look_count : 0;
	told->row_id = made ? made->row_id : 0;
	cr_expect(!code || detail->text[0]);
	cr_expect_eq(made != NULL, !code || code == WTEL_ENOTRUNK);
}

static void wait_for(struct world *world, const struct told *told, int answers)
{
	while (told->answers < answers)
		cr_assert_eq(store_turn(world->store, wtel_time_now().mono + SECOND), 0);
}

STORE_TEST(booking_does_not_wait_when_it_is_not_to, true)
{
	struct wtel_route route = {0};
	struct told told = {0};
	char id[] = "A";
	struct wtel_call call = world_call(id);

	route.trunk_id = world_trunk(world, "a", 1, 2);
	cr_assert_eq(store_reserve(world->store, &call, &route, 1, "\"a\":1", tell, &told), 0);
	/* Everything was copied. */
	id[0] = 'X';
	route.trunk_id = 99;
	wait_for(world, &told, 1);
	cr_assert_eq(told.codes[0], 0);
	cr_assert_gt(told.row_id, 0);
	cr_assert_eq(told.looks, 1);
	id[0] = 'A';
	route.trunk_id = 1;
	cr_assert_eq(store_reserve(world->store, &call, &route, 1, NULL, tell, &told), 0);
	cr_assert_eq(store_move(world->store, "A", &route, 1, NULL, tell, &told), 0);
	cr_assert_eq(store_move(world->store, "B", &route, 1, NULL, tell, &told), 0);
	wait_for(world, &told, 4);
	cr_assert_eq(told.codes[1], WTEL_EEXISTS);
	cr_assert_eq(told.codes[2], 0);
	cr_assert_eq(told.codes[3], WTEL_ENOTFOUND);
	id[0] = 'B';
	world_do(world, "UPDATE trunks SET max_channels = 1");
	cr_assert_eq(store_reserve(world->store, &call, &route, 1, NULL, tell, &told), 0);
	wait_for(world, &told, 5);
	cr_assert_eq(told.codes[4], WTEL_ENOTRUNK);
	cr_assert_eq(told.looks, 1);
	world_says(world, "A|1", "SELECT call_id, trunk_id FROM calls");
}
