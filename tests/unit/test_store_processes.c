/* Many processes on one database: against both. */
#include <time.h>

#include "store/schema.h"
#include "store_world.h"

enum { PROCESSES = 8 };

static struct wtel_booking booking;

/* A store of the child's own, in place of the one it inherited, which it must not touch. */
static void own_store(struct world *world)
{
	world->store = world_open(world);
}

static int migrate(struct world *world, int number)
{
	int code;

	(void)number;
	own_store(world);
	code = wtel_store_migrate(world->store, NULL, NULL);
	if (code)
		fprintf(stderr, "migrate: %s: %s\n", wtel_error_name(code), wtel_store_error(world->store)->text);
	wtel_store_close(world->store);
	return code != 0;
}

STORE_TEST(eight_processes_migrate_at_once, false)
{
	int version = 0, wanted = 1;

	world_fork(world, PROCESSES, migrate);
	cr_assert_eq(wtel_store_schema(world->store, &version, &wanted), 0);
	cr_assert_eq(version, wanted);
	world_says(world, "2", "SELECT count(*) FROM wtel_schema");
}

/* A database as version 1 left it, with the platform's tables or without. */
static void make_version_1(struct world *world)
{
	const struct store_piece *piece;
	char *script = calloc(1, 65536);

	if (world->postgres)
		strcat(script, store_schema_postgres[0]);
	for (piece = store_schema_sqlite[0]; !world->postgres && piece->text; piece++)
		strcat(script, piece->needs ? "" : piece->text);
	cr_assert_lt(strlen(script), 65536);
	world_do(world, script);
	free(script);
}

STORE_TEST(eight_processes_bring_version_1_up_to_date_and_lose_nothing, false)
{
	int version = 0, wanted = 0;

	make_version_1(world);
	cr_assert_eq(wtel_store_schema(world->store, &version, &wanted), 0);
	cr_assert_eq(version, 1);
	cr_assert_eq(wanted, 2);
	world_trunk(world, "Main", 1, 5);
	world_do(world, "INSERT INTO calls (call_id, direction, caller_number, callee_number, start_time, trunk_id)"
			" VALUES ('old', 'inbound', '1', '2', '2026-03-01T12:00:00.000000Z', 1)");
	world_do(world, "INSERT INTO sip_peers (user_id, sip_username, sip_password, extension)"
			" VALUES (7, 'ana', 'hash', '1001')");
	world_fork(world, PROCESSES, migrate);
	world_says(world, "1\n2", "SELECT version FROM wtel_schema ORDER BY version");
	world_says(world, "old|1|Main",
		   "SELECT call_id, trunk_id, name FROM calls c JOIN trunks t ON t.id = c.trunk_id");
	world_says(world, "7|ana|hash|1001", "SELECT user_id, sip_username, sip_password, extension FROM sip_peers");
	world_says(world, "0|0", "SELECT (SELECT count(*) FROM wtel_grants), (SELECT count(*) FROM wtel_audit)");
}

/* Books as many as it can, ends every third, books again; gives back what failed. */
static int book_all(struct world *world, int number)
{
	static const int64_t trunks[] = {1, 2, 3};
	struct wtel_call call = world_call("");
	char id[32];
	int i, code;

	own_store(world);
	for (i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "call-%d-%d", number, i);
		call.call_id = id;
		call.end = call.trunk_id = 0;
		code = world_book(world->store, &booking, &call, trunks, 3);
		if (code && code != WTEL_ENOTRUNK) {
			fprintf(stderr, "reserve: %s: %s\n", wtel_error_name(code),
				wtel_store_error(world->store)->text);
			return 1;
		}
		if (code || i % 3)
			continue;
		call.trunk_id = trunks[booking.taken];
		call.end = NOON + SECOND;
		call.disposition = i % 2 ? WTEL_DISPOSITION_ANSWERED : WTEL_DISPOSITION_FAILED;
		if (wtel_store_write(world->store, &call) || wtel_store_flush(world->store))
			return 2;
	}
	wtel_store_close(world->store);
	return 0;
}

STORE_TEST(no_trunk_is_ever_booked_over_its_limit, true)
{
	int i;

	world_trunk(world, "first", 1, 7);
	world_trunk(world, "second", 2, 13);
	world_trunk(world, "third", 2, 20);
	for (i = 0; i < 3; i++) {
		world_fork(world, PROCESSES, book_all);
		world_says(world, "40", "SELECT count(*) FROM calls WHERE end_time IS NULL");
		world_says(world, "7|13|20",
			   "SELECT sum(CASE name WHEN 'first' THEN 1 ELSE 0 END), sum(CASE name WHEN 'second'"
			   " THEN 1 ELSE 0 END), sum(CASE name WHEN 'third' THEN 1 ELSE 0 END) FROM trunks t"
			   " JOIN calls c ON c.trunk_id = t.id WHERE c.end_time IS NULL");
		world_says(world, "0",
			   "SELECT count(*) FROM trunks WHERE total_calls <> successful_calls + failed_calls");
		world_says(world, "0",
			   "SELECT (SELECT count(*) FROM calls WHERE end_time IS NOT NULL)"
			   " - (SELECT sum(total_calls) FROM trunks)");
		world_do(world, "DELETE FROM calls");
		world_do(world, "UPDATE trunks SET total_calls = 0, successful_calls = 0, failed_calls = 0");
	}
}

/* Every process sees the same 200 calls end, as several that watch one Asterisk do. */
static int watch(struct world *world, int number)
{
	struct wtel_call call = world_call("");
	char id[32];
	int round, i;

	own_store(world);
	for (round = 0; round < 3; round++)
		for (i = 0; i < 200; i++) {
			int n = number % 2 ? 199 - i : i;

			snprintf(id, sizeof(id), "call-%d", n);
			call.call_id = id;
			call.trunk_id = 1 + n % 2;
			call.direction = WTEL_INBOUND;
			call.state = round < 2 ? WTEL_CALL_RINGING : WTEL_CALL_ENDED;
			call.end = round < 2 ? 0 : NOON + n * SECOND;
			call.answer = n % 4 ? 0 : NOON + 1;
			call.disposition = n % 4 ? WTEL_DISPOSITION_NO_ANSWER : WTEL_DISPOSITION_ANSWERED;
			if (wtel_store_write(world->store, &call))
				return 1;
			if (i % 50 == 49 && wtel_store_flush(world->store)) {
				fprintf(stderr, "flush: %s\n", wtel_store_error(world->store)->text);
				return 2;
			}
		}
	wtel_store_close(world->store);
	return 0;
}

STORE_TEST(many_that_watch_the_same_calls_count_them_once, true)
{
	world_trunk(world, "first", 1, 100);
	world_trunk(world, "second", 2, 100);
	world_fork(world, PROCESSES, watch);
	world_says(world, "200|200", "SELECT count(*), count(end_time) FROM calls");
	world_says(world, "100|50|50\n100|0|100",
		   "SELECT total_calls, successful_calls, failed_calls FROM trunks ORDER BY id");
	world_says(world, "200", "SELECT count(*) FROM wtel_calls WHERE state = 'ended'");
}

/* ---- calls of the dead ------------------------------------------------ */

static int book_and_die(struct world *world, int number)
{
	const int64_t trunk = 1;
	struct wtel_call call = world_call("");
	char id[32];
	int i;

	own_store(world);
	for (i = 0; i < 25; i++) {
		snprintf(id, sizeof(id), "call-%d-%d", number, i);
		call.call_id = id;
		if (world_book(world->store, &booking, &call, &trunk, 1))
			return 1;
	}
	return 0; /* without a goodbye */
}

struct taken {
	int answers;
	size_t count;
	int code;
};

static void take(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	struct taken *taken = user;

	taken->answers++;
	taken->code = code;
	if (code)
		fprintf(stderr, "adopt: %s\n", detail->text);
	else
		taken->count = list->count;
	if (!code && list->count)
		cr_assert(list->calls[0].trunk_id && !list->calls[0].end && list->calls[0].call_id[0]);
}

static size_t adopt(struct wtel_store *store)
{
	struct taken taken = {0, 0, 0};
	int64_t until = wtel_time_now().mono + 60 * SECOND;

	cr_assert_eq(store_adopt(store, take, &taken), 0);
	while (!taken.answers && wtel_time_now().mono < until) {
		const struct timespec pause = {0, 1000000};

		store_dispatch(store, wtel_time_now());
		nanosleep(&pause, NULL);
	}
	cr_assert_eq(taken.answers, 1);
	cr_assert_eq(taken.code, 0);
	return taken.count;
}

/* The exit status is how many calls it took. */
static int adopt_some(struct world *world, int number)
{
	char text[128];
	size_t count;

	(void)number;
	own_store(world);
	count = adopt(world->store);
	snprintf(text, sizeof(text), "INSERT INTO harvest VALUES (%d)", (int)count);
	world_do(world, text);
	for (;;) {
		/* Alive until all have looked. */
		const struct timespec pause = {0, 10000000};

		if (world_number(world, "SELECT count(*) FROM harvest") >= 4)
			break;
		nanosleep(&pause, NULL);
	}
	return 0;
}

STORE_TEST(calls_of_the_dead_are_taken_over_by_one, true)
{
	struct wtel_call call = world_call("mine");
	int64_t trunk = world_trunk(world, "first", 1, 1000);

	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0);
	world_fork(world, 2, book_and_die);
	world_do(world, "CREATE TABLE harvest (n INTEGER)");
	world_fork(world, 4, adopt_some);
	world_says(world, "50", "SELECT sum(n) FROM harvest");
	/* Those died as well, without ending what they took. */
	cr_assert_eq(adopt(world->store), 50);
	cr_assert_eq(adopt(world->store), 0);
	world_says(world, "1", "SELECT count(DISTINCT owner) FROM wtel_calls");
	/* A living process whose sign of life is old counts as dead, one of another host too. */
	{
		struct wtel_store *other = world_open(world);

		cr_assert_eq(adopt(other), 0);
		world_do(world, "UPDATE wtel_instances SET heartbeat = '2026-01-01T00:00:00.000000Z'");
		cr_assert_eq(adopt(other), 51);
		wtel_store_close(other);
	}
	world_says(world, "0", "SELECT count(*) FROM wtel_instances");
	/* Who closes says so: its calls are free at once. */
	{
		struct wtel_call_list *list = NULL;

		cr_assert_eq(wtel_store_adopt(world->store, &list), 0, "%s", wtel_store_error(world->store)->text);
		cr_assert_eq(list->count, 51);
		cr_assert_eq(list->calls[0].trunk_id, trunk);
		wtel_call_list_free(list);
		cr_assert_eq(wtel_store_adopt(world->store, &list), 0);
		cr_assert_eq(list->count, 0);
		wtel_call_list_free(list);
		cr_assert_eq(wtel_store_own_calls(world->store, &list), 0);
		cr_assert_eq(list->count, 51);
		wtel_call_list_free(list);
	}
	{
		struct wtel_store *other = world_open(world);
		struct wtel_call_list *list = NULL;

		cr_assert_eq(wtel_store_own_calls(other, &list), 0);
		cr_assert_eq(list->count, 0);
		wtel_call_list_free(list);
		wtel_store_close(other);
	}
}
