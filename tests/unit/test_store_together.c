/* Bookings that are asked for at once: each is answered as if it had been alone, against both databases. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "fault.h"
#include "store_world.h"

enum { MOST = 256 };

struct asked {
	unsigned count; /* times that it was answered */
	int code;
	struct wtel_booking booking;
};

static void hear(int code, const struct wtel_detail *detail, const struct wtel_booking *booking, void *user)
{
	struct asked *asked = user;

	cr_assert_eq(!code, !detail->text[0], "%d: %s", code, detail->text);
	cr_assert_eq(!booking, code && code != WTEL_ENOTRUNK);
	asked->count++;
	asked->code = code;
	if (booking)
		asked->booking = *booking;
}

/* The n-th call differs from all others in all that a call has. */
static void ask_one(struct wtel_store *store, struct asked *asked, const char *call_id, int number,
		    const struct wtel_route *routes, size_t count)
{
	struct wtel_call call = world_call(call_id);
	char callee[32], caller[32], trace[64];

	snprintf(callee, sizeof(callee), "+1555%07d", number);
	snprintf(caller, sizeof(caller), "%d", 1000 + number);
	snprintf(trace, sizeof(trace), "\"number\":\"it's {%d}, \\\"so\\\"\"", number);
	call.callee_number = callee;
	call.caller_number = caller;
	call.agent_id = number % 3 ? number : 0;
	call.campaign_id = number % 4 ? number * 2 : 0;
	call.lead_id = number % 5 ? number * 3 : 0;
	call.start = NOON + number * SECOND;
	call.direction = number % 7 ? WTEL_OUTBOUND : WTEL_INBOUND;
	cr_assert_eq(store_reserve(store, &call, routes, count, number % 6 ? trace : NULL, hear, asked), 0);
}

static void ask(struct world *world, struct asked *asked, int number, const struct wtel_route *routes, size_t count)
{
	char id[32];

	snprintf(id, sizeof(id), "call-%d", number);
	ask_one(world->store, asked, id, number, routes, count);
}

static void until_all(struct wtel_store *store, const struct asked *asked, int count)
{
	int64_t end = wtel_time_now().mono + 60 * SECOND;
	int i;

	for (i = 0; i < count; i++)
		while (!asked[i].count) {
			cr_assert_lt(wtel_time_now().mono, end, "%d was never answered", i);
			(void)store_dispatch(store, wtel_time_now());
			usleep(200);
		}
	for (i = 0; i < count; i++)
		cr_assert_eq(asked[i].count, 1, "%d was answered %u times", i, asked[i].count);
}

/* A trunk far below its limit is known to be so for a second after it was counted. */
static void count_trunk(struct world *world, int64_t trunk)
{
	static int number;
	struct wtel_booking booking;
	char id[32];
	struct wtel_call call = world_call(id);

	snprintf(id, sizeof(id), "counted-%d", number++);
	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0, "%s",
		     wtel_store_error(world->store)->text);
}

/* Of how many transactions the rows are: PostgreSQL tells. */
static long transactions(const struct world *world)
{
	return world_number(world, "SELECT count(DISTINCT xmin::text) FROM calls WHERE call_id LIKE 'call-%'");
}

STORE_TEST(each_is_booked_as_it_was_asked, true)
{
	static struct asked asked[60];
	struct wtel_route routes[2] = {{.trunk_id = 0}};
	char sql[512], expected[256];
	int64_t counted;
	int i;

	world_trunk(world, "first", 1, 5000);
	world_trunk(world, "second", 1, 5000);
	counted = wtel_time_now().mono;
	count_trunk(world, 1);
	count_trunk(world, 2);
	for (i = 0; i < 60; i++) {
		routes[0].trunk_id = 1 + i % 2;
		routes[1].trunk_id = 2 - i % 2;
		ask(world, &asked[i], i, routes, 2);
	}
	until_all(world->store, asked, 60);
	counted = wtel_time_now().mono - counted;
	for (i = 0; i < 60; i++) {
		cr_assert_eq(asked[i].code, 0);
		cr_assert_eq(asked[i].booking.taken, 0);
		cr_assert_eq(asked[i].booking.look_count, 1);
		cr_assert_eq(asked[i].booking.looks[0].verdict, WTEL_ROUTE_TAKEN);
		cr_assert_eq(asked[i].booking.looks[0].max_channels, 5000);
		snprintf(sql, sizeof(sql),
			 "SELECT c.id, c.trunk_id, c.caller_number, c.callee_number, coalesce(c.agent_id, 0),"
			 " coalesce(c.campaign_id, 0), coalesce(c.lead_id, 0), c.direction,"
			 " CASE WHEN w.route IS NULL THEN 0 WHEN w.route LIKE "
			 "'%%so_\"\",\"looked\":[[%d,\"taken\",%%]]}' THEN 1"
			 " ELSE 2 END, w.owner IS NOT NULL"
			 " FROM calls c JOIN wtel_calls w ON w.id = c.id WHERE c.call_id = 'call-%d'",
			 1 + i % 2, i);
		snprintf(expected, sizeof(expected), "%lld|%d|%d|+1555%07d|%d|%d|%d|%s|%d|%s",
			 (long long)asked[i].booking.row_id, 1 + i % 2, 1000 + i, i, i % 3 ? i : 0, i % 4 ? i * 2 : 0,
			 i % 5 ? i * 3 : 0, i % 7 ? "outbound" : "inbound", i % 6 ? 1 : 0, world->postgres ? "t" : "1");
		world_says(world, expected, sql);
	}
	world_says(world, "60",
		   "SELECT count(DISTINCT start_time) FROM calls WHERE call_id LIKE 'call-%' AND end_time IS NULL");
	/* Known to be far below, unless the machine stood still. */
	if (world->postgres && counted < SECOND)
		cr_expect_lt(transactions(world), 10, "%ld transactions", transactions(world));
}

STORE_TEST(one_that_is_refused_keeps_no_other_out, true)
{
	static struct asked asked[41];
	const struct wtel_route wide = {.trunk_id = 1}, gone = {.trunk_id = 77},
				limited = {.trunk_id = 1, .calls_per_second = 5}, full = {.trunk_id = 2};
	const struct wtel_route detour[2] = {{.trunk_id = 2}, {.trunk_id = 1}};
	int i;

	world_trunk(world, "wide", 1, 5000);
	world_trunk(world, "full", 1, 1);
	count_trunk(world, 1);
	count_trunk(world, 2);
	for (i = 0; i < 41; i++) {
		if (i == 7)
			ask_one(world->store, &asked[i], "counted-0", i, &wide, 1);
		else if (i == 12)
			ask_one(world->store, &asked[i], "call-11", i, &wide, 1);
		else if (i == 20)
			ask(world, &asked[i], i, detour, 2);
		else
			ask(world, &asked[i], i, i == 15 ? &gone : i == 25 ? &limited : i == 30 ? &full : &wide, 1);
	}
	until_all(world->store, asked, 41);
	for (i = 0; i < 41; i++) {
		int expected = i == 7 || i == 12 ? WTEL_EEXISTS : i == 15 || i == 30 ? WTEL_ENOTRUNK : 0;

		cr_assert_eq(asked[i].code, expected, "%d: %s", i, wtel_error_name(asked[i].code));
	}
	cr_assert_eq(asked[20].booking.taken, 1);
	cr_assert_eq(asked[20].booking.looks[0].verdict, WTEL_ROUTE_FULL);
	cr_assert_eq(asked[30].booking.looks[0].active_calls, 1);
	world_says(world, "39|38", "SELECT count(*), sum(CASE trunk_id WHEN 1 THEN 1 ELSE 0 END) FROM calls");
}

STORE_TEST(nothing_leaks_when_the_store_closes_between, true)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	const struct wtel_route route = {.trunk_id = 1};
	static struct asked asked[MOST];
	struct wtel_detail detail;
	struct wtel_store *store;
	int round, i;

	world_trunk(world, "wide", 1, 100000);
	options.url = world->url;
	for (round = 0; round < 4; round++) {
		count_trunk(world, 1);
		memset(asked, 0, sizeof(asked));
		cr_assert_eq(wtel_store_open(&store, &options, &allocator, &detail), 0, "%s", detail.text);
		for (i = 0; i < MOST; i++) {
			char id[32];

			snprintf(id, sizeof(id), "call-%d-%d", round, i);
			ask_one(store, &asked[i], id, i, &route, 1);
		}
		for (i = 0; i < round * 2; i++)
			(void)store_dispatch(store, wtel_time_now());
		wtel_store_close(store);
		for (i = 0; i < MOST; i++) {
			cr_assert_eq(asked[i].count, 1);
			cr_assert(!asked[i].code || asked[i].code == WTEL_ECLOSED);
		}
		cr_assert_eq(fault.out, 0, "%zu blocks", fault.out);
	}
}

/* Each allocation of the way fails once: whoever is told of success has a row, whoever is not told so may try again. */
POSTGRES_TEST(without_memory_each_is_still_answered_once, true)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	const struct wtel_route route = {.trunk_id = 1};
	static struct asked asked[8];
	struct wtel_detail detail;
	struct wtel_store *store;
	size_t fail;
	int i, booked = 0;

	world_trunk(world, "wide", 1, 100000);
	options.url = world->url;
	cr_assert_eq(wtel_store_open(&store, &options, &allocator, &detail), 0, "%s", detail.text);
	for (fail = 1; fail < 60; fail++) {
		count_trunk(world, 1);
		memset(asked, 0, sizeof(asked));
		for (i = 0; i < 8; i++) {
			char id[32];

			snprintf(id, sizeof(id), "call-%zu-%d", fail, i);
			ask_one(store, &asked[i], id, i, &route, 1);
		}
		fault.calls = 0;
		fault.fail = fail;
		until_all(store, asked, 8);
		fault.fail = 0;
		for (i = 0; i < 8; i++) {
			cr_assert(!asked[i].code || asked[i].code == WTEL_ENOMEM, "%s", wtel_error_name(asked[i].code));
			booked += !asked[i].code;
		}
	}
	cr_expect_gt(booked, 59 * 8 / 2);
	cr_expect_leq(booked, world_number(world, "SELECT count(*) FROM calls WHERE call_id LIKE 'call-%'"));
	wtel_store_close(store);
	cr_assert_eq(fault.out, 0, "%zu blocks", fault.out);
}

POSTGRES_TEST(a_lost_connection_is_told_to_each_of_them, true)
{
	const struct wtel_route route = {.trunk_id = 1};
	static struct asked asked[MOST];
	int i, booked = 0;

	world_trunk(world, "wide", 1, 100000);
	count_trunk(world, 1);
	for (i = 0; i < MOST; i++)
		ask(world, &asked[i], i, &route, 1);
	(void)store_dispatch(world->store, wtel_time_now());
	world_do(world, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
			" AND pid <> pg_backend_pid()");
	until_all(world->store, asked, MOST);
	for (i = 0; i < MOST; i++) {
		cr_assert(!asked[i].code || asked[i].code == WTEL_ECLOSED, "%s", wtel_error_name(asked[i].code));
		booked += !asked[i].code;
	}
	/* What waited was sent to the next connection. */
	cr_expect_gt(booked, MOST / 2);
	cr_expect_leq(booked, world_number(world, "SELECT count(*) FROM calls WHERE call_id LIKE 'call-%'"));
}

/* ---- the limit --------------------------------------------------------- */

enum { PROCESSES = 4, AT_ONCE = 40, TURNS = 60 };

static struct {
	atomic_long booked, refused;
} * shared;

static int ask_much(struct world *world, int number)
{
	const struct wtel_route route = {.trunk_id = 1};
	static struct asked asked[AT_ONCE];
	char id[32];
	int turn, i;

	world->store = world_open(world);
	for (turn = 0; turn < TURNS; turn++) {
		memset(asked, 0, sizeof(asked));
		for (i = 0; i < AT_ONCE; i++) {
			snprintf(id, sizeof(id), "call-%d-%d-%d", number, turn, i);
			ask_one(world->store, &asked[i], id, i, &route, 1);
		}
		until_all(world->store, asked, AT_ONCE);
		for (i = 0; i < AT_ONCE; i++) {
			if (asked[i].code && asked[i].code != WTEL_ENOTRUNK)
				return 1;
			atomic_fetch_add(asked[i].code ? &shared->refused : &shared->booked, 1);
		}
	}
	wtel_store_close(world->store);
	return 0;
}

/* Most of them go together, since the trunk is far below its limit for the first two thirds; then they reach it. */
STORE_TEST(together_they_reach_the_limit_and_never_pass_it, true)
{
	long crowd = world->postgres ? world_number(world, "SELECT setting FROM pg_settings WHERE name ="
							   " 'max_connections'")
				     : 100;
	long channels = 20 * crowd;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(shared, MAP_FAILED);
	cr_assert_lt(channels, PROCESSES * AT_ONCE * TURNS);
	world_trunk(world, "main", 1, (int)channels);
	count_trunk(world, 1);
	world_fork(world, PROCESSES, ask_much);
	cr_expect_eq(atomic_load(&shared->booked), channels - 1);
	cr_expect_eq(atomic_load(&shared->refused), PROCESSES * AT_ONCE * TURNS - channels + 1);
	cr_expect_eq(world_number(world, "SELECT count(*) FROM calls WHERE end_time IS NULL"), channels);
	if (world->postgres)
		cr_expect_lt(transactions(world), channels / 2, "%ld transactions", transactions(world));
}
