/* The limits of a trunk under many processes, some of which die: against both databases. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "store_world.h"

enum { MOST_PROCESSES = 8, MOST_TIMES = 4096 };

/* What the processes of a test share. */
struct shared {
	atomic_long requests; /* begun */
	atomic_long booked, moved, refused, adopted;
	atomic_bool stop;
	atomic_int ready;
	atomic_long times;
	struct {
		int64_t before, after; /* the booking lies between */
	} time[MOST_TIMES];
};

static struct shared *shared;
static struct wtel_booking booking;

static void share(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(shared, MAP_FAILED);
}

static int processes(const struct world *world)
{
	return world->postgres ? MOST_PROCESSES : 4;
}

static void pause_for(int64_t microseconds)
{
	const struct timespec pause = {microseconds / SECOND, microseconds % SECOND * 1000};

	nanosleep(&pause, NULL);
}

static int failed(struct world *world, const char *what, int code)
{
	fprintf(stderr, "%s: %s: %s\n", what, wtel_error_name(code), wtel_store_error(world->store)->text);
	return 1;
}

/* Starts `count` processes that do not return from `body`, and do not outlive this one. */
static void start(struct world *world, pid_t *pids, int count, int (*body)(struct world *world, int number))
{
	int i;

	fflush(NULL);
	for (i = 0; i < count; i++) {
		pids[i] = fork();
		cr_assert_geq(pids[i], 0);
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			world->store = world_open(world);
			_exit(body(world, i));
		}
	}
}

static void finish(const pid_t *pids, int count)
{
	int i, status;

	for (i = 0; i < count; i++) {
		cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a process ended with %d", status);
	}
}

/* ---- an eye on the database ------------------------------------------- */

/* A connection of its own that asks the same again and again. */
struct eye {
	PGconn *pq;
	sqlite3 *db;
	sqlite3_stmt *handle;
	const char *sql;
	long most;
	long looks;
};

static struct eye eye_open(const struct world *world, const char *sql)
{
	struct eye eye = {.sql = sql};

	if (world->postgres) {
		eye.pq = PQconnectdb(world->url);
		cr_assert_eq(PQstatus(eye.pq), CONNECTION_OK);
		return eye;
	}
	cr_assert_eq(sqlite3_open(world->url + strlen("sqlite:"), &eye.db), SQLITE_OK);
	sqlite3_busy_timeout(eye.db, 60000);
	cr_assert_eq(sqlite3_prepare_v2(eye.db, sql, -1, &eye.handle, NULL), SQLITE_OK, "%s", sqlite3_errmsg(eye.db));
	return eye;
}

static long eye_look(struct eye *eye)
{
	PGresult *result;
	long number;

	if (eye->pq) {
		result = PQexec(eye->pq, eye->sql);
		cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(eye->pq));
		number = atol(PQgetvalue(result, 0, 0));
		PQclear(result);
	} else {
		cr_assert_eq(sqlite3_step(eye->handle), SQLITE_ROW);
		number = (long)sqlite3_column_int64(eye->handle, 0);
		sqlite3_reset(eye->handle);
	}
	eye->looks++;
	if (number > eye->most)
		eye->most = number;
	return number;
}

static void eye_close(struct eye *eye)
{
	if (eye->pq)
		PQfinish(eye->pq);
	sqlite3_finalize(eye->handle);
	sqlite3_close(eye->db);
}

/* ---- calls of one process --------------------------------------------- */

enum { MOST_HELD = 10 };

/* What a process has booked and not yet ended. */
struct held {
	struct world *world;
	unsigned seed;
	char ids[MOST_HELD][48];
	int64_t trunks[MOST_HELD];
	int left[MOST_HELD]; /* turns until its end */
	int count;
	long named;
};

static int end_call(struct held *held, const char *call_id, int64_t trunk)
{
	struct wtel_call call = world_call(call_id);

	call.trunk_id = trunk;
	call.state = WTEL_CALL_ENDED;
	call.end = NOON + 60 * SECOND;
	call.disposition = rand_r(&held->seed) % 3 ? WTEL_DISPOSITION_ANSWERED : WTEL_DISPOSITION_FAILED;
	call.answer = call.disposition == WTEL_DISPOSITION_ANSWERED ? NOON + 5 * SECOND : 0;
	return wtel_store_write(held->world->store, &call);
}

/* A turn passes: calls whose time has come end, or all. */
static int end_some(struct held *held, bool all)
{
	int i, kept = 0, code = 0;

	for (i = 0; i < held->count && !code; i++) {
		if (all || held->left[i]-- <= 0) {
			code = end_call(held, held->ids[i], held->trunks[i]);
			continue;
		}
		memmove(held->ids[kept], held->ids[i], sizeof(held->ids[0]));
		held->trunks[kept] = held->trunks[i];
		held->left[kept++] = held->left[i];
	}
	if (!code && kept != held->count)
		code = wtel_store_flush(held->world->store);
	held->count = kept;
	return code;
}

/* Books one more on one of the routes. 0, or an error that is none of a full house. */
static int book_one(struct held *held, const struct wtel_route *routes, size_t count)
{
	char *id = held->ids[held->count];
	struct wtel_call call = world_call(id);
	int code;

	snprintf(id, sizeof(held->ids[0]), "WLCM-%d-%ld", (int)getpid(), held->named++);
	code = wtel_store_reserve(held->world->store, &booking, &call, routes, count, NULL);
	if (code == WTEL_ENOTRUNK) {
		atomic_fetch_add(&shared->refused, 1);
		return 0;
	}
	if (code)
		return code;
	atomic_fetch_add(&shared->booked, 1);
	held->trunks[held->count] = routes[booking.taken].trunk_id;
	held->left[held->count++] = (int)(rand_r(&held->seed) % 16);
	return 0;
}

/* ---- the many and the dead -------------------------------------------- */

enum { CHANNELS = 20, REQUESTS = 20000 };

static int adopt_and_end(struct held *held)
{
	struct wtel_call_list *list = NULL;
	int code = wtel_store_adopt(held->world->store, &list);
	size_t i;

	for (i = 0; !code && i < list->count; i++)
		code = end_call(held, list->calls[i].call_id, list->calls[i].trunk_id);
	if (!code && list->count)
		code = wtel_store_flush(held->world->store);
	if (!code)
		atomic_fetch_add(&shared->adopted, (long)list->count);
	wtel_call_list_free(list);
	return code;
}

static int dial_away(struct world *world, int number)
{
	const struct wtel_route route = {.trunk_id = 1};
	struct held held = {.world = world, .seed = (unsigned)getpid()};
	int code = adopt_and_end(&held);

	(void)number;
	while (!code && atomic_fetch_add(&shared->requests, 1) < REQUESTS) {
		if (held.count < MOST_HELD)
			code = book_one(&held, &route, 1);
		if (!code)
			code = end_some(&held, false);
	}
	if (!code)
		code = end_some(&held, true);
	if (code)
		return failed(world, "dial", code);
	wtel_store_close(world->store);
	return 0;
}

/* One of them dies without warning, and another takes its place. */
static void replace_one(struct world *world, pid_t *pids, unsigned *seed)
{
	pid_t *one = &pids[rand_r(seed) % (unsigned)processes(world)];
	int status;

	cr_assert_eq(kill(*one, SIGKILL), 0);
	cr_assert_eq(waitpid(*one, &status, 0), *one);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "a process ended with %d", status);
	start(world, one, 1, dial_away);
}

/* What the last ones that died left: some of it is still being written by the server. */
static void clear_up(struct world *world, struct eye *open_calls)
{
	struct held held = {.world = world, .seed = 1};
	int64_t until = wtel_time_now().mono + 60 * SECOND;

	while (eye_look(open_calls) && wtel_time_now().mono < until) {
		cr_assert_eq(adopt_and_end(&held), 0, "%s", wtel_store_error(world->store)->text);
		pause_for(20000);
	}
	cr_assert_eq(eye_look(open_calls), 0);
}

STORE_TEST(twenty_channels_hold_twenty_calls_whoever_dies, true)
{
	struct eye open_calls = eye_open(world, "SELECT count(*) FROM calls WHERE end_time IS NULL");
	pid_t pids[MOST_PROCESSES];
	long next_death = 500;
	unsigned seed = 7;
	int killed = 0;

	share();
	world_trunk(world, "main", 1, CHANNELS);
	start(world, pids, processes(world), dial_away);
	while (atomic_load(&shared->requests) < REQUESTS) {
		cr_assert_leq(eye_look(&open_calls), CHANNELS, "%ld calls are open", open_calls.most);
		pause_for(100);
		if (atomic_load(&shared->requests) < next_death)
			continue;
		replace_one(world, pids, &seed);
		killed++;
		next_death += 100 + (long)(rand_r(&seed) % 500);
	}
	finish(pids, processes(world));
	clear_up(world, &open_calls);
	cr_log_info("%ld booked, %ld refused, %d killed, %ld taken over, %ld looks, most %ld",
		    atomic_load(&shared->booked), atomic_load(&shared->refused), killed, atomic_load(&shared->adopted),
		    open_calls.looks, open_calls.most);
	cr_expect_gt(killed, 2);
	cr_expect_gt(atomic_load(&shared->adopted), 0);
	cr_expect_gt(atomic_load(&shared->refused), 0);
	cr_expect_eq(open_calls.most, CHANNELS, "never more than %ld were open", open_calls.most);
	world_says(world, "0",
		   "SELECT total_calls - successful_calls - failed_calls +"
		   " abs(total_calls - (SELECT count(*) FROM calls WHERE end_time IS NOT NULL)) FROM trunks");
	world_says(world, "0",
		   "SELECT abs(successful_calls - (SELECT count(*) FROM calls WHERE disposition = 'ANSWERED'))"
		   " FROM trunks");
	/* A booking whose answer was lost with who asked is there all the same. */
	cr_expect_geq(world_number(world, "SELECT count(*) FROM calls"), atomic_load(&shared->booked));
	eye_close(&open_calls);
}

/* ---- moving into a full house ----------------------------------------- */

static int move_or_book(struct world *world, int number)
{
	const struct wtel_route wide = {.trunk_id = 1}, narrow = {.trunk_id = 2};
	struct held held = {.world = world, .seed = (unsigned)getpid()};
	int code = 0;

	while (!code && atomic_fetch_add(&shared->requests, 1) < 3000) {
		int before = held.count;

		if (held.count < MOST_HELD)
			code = book_one(&held, number % 2 ? &wide : &narrow, 1);
		if (!code && number % 2 && held.count > before) {
			code = wtel_store_move(world->store, &booking, held.ids[before], &narrow, 1, "");
			if (!code) {
				held.trunks[before] = 2;
				atomic_fetch_add(&shared->moved, 1);
			}
			if (code == WTEL_ENOTRUNK)
				code = 0;
		}
		if (!code)
			code = end_some(&held, false);
	}
	if (!code)
		code = end_some(&held, true);
	return code ? failed(world, "move", code) : 0;
}

STORE_TEST(moving_and_booking_at_once_stay_within_the_limit, true)
{
	struct eye narrow = eye_open(world, "SELECT count(*) FROM calls WHERE trunk_id = 2 AND end_time IS NULL");
	pid_t pids[MOST_PROCESSES];
	char expected[64];

	share();
	world_trunk(world, "wide", 1, 1000);
	world_trunk(world, "narrow", 1, 7);
	start(world, pids, processes(world), move_or_book);
	while (atomic_load(&shared->requests) < 3000) {
		cr_assert_leq(eye_look(&narrow), 7, "%ld calls are open", narrow.most);
		pause_for(100);
	}
	finish(pids, processes(world));
	eye_close(&narrow);
	cr_log_info("%ld booked, %ld moved", atomic_load(&shared->booked), atomic_load(&shared->moved));
	cr_expect_eq(narrow.most, 7);
	cr_expect_gt(atomic_load(&shared->moved), 0);
	world_says(world, "0", "SELECT count(*) FROM calls WHERE end_time IS NULL");
	/* Each attempt once: those that moved on have failed on the first. */
	snprintf(expected, sizeof(expected), "%ld|0", atomic_load(&shared->booked) + atomic_load(&shared->moved));
	world_says(world, expected,
		   "SELECT sum(total_calls), sum(total_calls - successful_calls - failed_calls) FROM trunks");
	world_says(world, "0",
		   "SELECT (SELECT total_calls FROM trunks WHERE id = 2) - count(*) FROM calls WHERE trunk_id = 2");
	snprintf(expected, sizeof(expected), "%ld", atomic_load(&shared->moved));
	world_says(world, expected, "SELECT count(*) FROM wtel_calls WHERE route LIKE '{\"at\":%\"taken\"%'");
}

/* ---- calls per second ------------------------------------------------- */

enum { RATE = 25 };

static int book_by_rate(struct world *world, int number)
{
	const struct wtel_route route = {.trunk_id = 1, .calls_per_second = RATE};
	int64_t until = wtel_time_now().mono + 3500000, last = until + 60 * SECOND;
	char id[48];
	long made = 0;
	int code = 0;

	/* Longer only where the machine stood still. */
	while (!code && wtel_time_now().mono < (atomic_load(&shared->times) < 3 * RATE ? last : until)) {
		struct wtel_call call = world_call(id);
		int64_t before = wtel_time_now().mono;
		long at;

		snprintf(id, sizeof(id), "call-%d-%ld", number, made++);
		code = wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL);
		if (code == WTEL_ENOTRUNK) {
			code = booking.looks[0].verdict == WTEL_ROUTE_RATE ? 0 : WTEL_ESTATE;
			pause_for(200);
			continue;
		}
		at = atomic_fetch_add(&shared->times, 1);
		if (at >= MOST_TIMES)
			return 2;
		shared->time[at].before = before;
		shared->time[at].after = wtel_time_now().mono;
	}
	return code ? failed(world, "book", code) : 0;
}

/* How many were surely made in one second: begun and answered within it. */
static long most_in_a_second(void)
{
	long count = atomic_load(&shared->times), most = 0, i, k;

	for (i = 0; i < count; i++) {
		int64_t from = shared->time[i].before;
		long within = 0;

		for (k = 0; k < count; k++)
			within += shared->time[k].before >= from && shared->time[k].after < from + SECOND;
		if (within > most)
			most = within;
	}
	return most;
}

STORE_TEST(calls_per_second_hold_for_all_processes_together, true)
{
	pid_t pids[MOST_PROCESSES];
	int64_t took = wtel_time_now().mono;

	share();
	world_trunk(world, "main", 1, 10000);
	start(world, pids, processes(world), book_by_rate);
	finish(pids, processes(world));
	took = wtel_time_now().mono - took;
	cr_log_info("%ld booked, most in a second %ld", atomic_load(&shared->times), most_in_a_second());
	cr_expect_leq(most_in_a_second(), RATE);
	/* And it is no slower than it says, in its best second. */
	cr_expect_geq(most_in_a_second(), RATE * 4 / 5);
	cr_expect_geq(atomic_load(&shared->times), 3 * RATE);
	cr_expect_leq(atomic_load(&shared->times), RATE * (took / SECOND + 2));
}

/* ---- one trial -------------------------------------------------------- */

static int try_trial(struct world *world, int number)
{
	const struct wtel_route route = {.trunk_id = 1, .trial = true};
	char id[16];
	struct wtel_call call = world_call(id);
	int code;

	snprintf(id, sizeof(id), "call-%d", number);
	atomic_fetch_add(&shared->ready, 1);
	while (atomic_load(&shared->ready) < processes(world))
		pause_for(100);
	code = wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL);
	if (!code)
		atomic_fetch_add(&shared->booked, 1);
	else if (code == WTEL_ENOTRUNK && booking.looks[0].verdict == WTEL_ROUTE_BREAKER)
		atomic_fetch_add(&shared->refused, 1);
	else
		return failed(world, "trial", code);
	return 0;
}

STORE_TEST(one_of_all_processes_has_the_trial, true)
{
	pid_t pids[MOST_PROCESSES];
	int round;

	share();
	world_trunk(world, "main", 1, 1000);
	world_do(world, "UPDATE trunks SET status = 'error'");
	world_do(world, "INSERT INTO wtel_trunks (trunk_id, state, retry_at)"
			" VALUES (1, 'open', '2026-01-01T00:00:00.000000Z')");
	for (round = 1; round <= 5; round++) {
		atomic_store(&shared->ready, 0);
		start(world, pids, processes(world), try_trial);
		finish(pids, processes(world));
		cr_assert_eq(atomic_load(&shared->booked), round);
		cr_assert_eq(atomic_load(&shared->refused), round * (processes(world) - 1));
		world_do(world, "UPDATE wtel_trunks SET trial_until = NULL");
		world_do(world, "DELETE FROM calls");
	}
	world_says(world, "5", "SELECT version FROM wtel_trunks");
}

/* ---- out of service --------------------------------------------------- */

static int book_until_stopped(struct world *world, int number)
{
	const struct wtel_route routes[2] = {{.trunk_id = 1 + number % 2}, {.trunk_id = 2 - number % 2}};
	struct held held = {.world = world, .seed = (unsigned)getpid()};
	int code = 0;

	while (!code && !atomic_load(&shared->stop)) {
		if (held.count < MOST_HELD)
			code = book_one(&held, routes, 2);
		if (!code)
			code = end_some(&held, false);
		pause_for(300);
	}
	return code ? failed(world, "book", code) : 0;
}

/* One trunk far from its limit, one near: both drain. */
STORE_TEST(a_trunk_taken_out_of_service_gets_no_call_after_that, true)
{
	struct eye rows = eye_open(world, "SELECT count(*) FROM calls");
	pid_t pids[MOST_PROCESSES];
	long before;
	int round;

	share();
	world_trunk(world, "wide", 1, 1000);
	world_trunk(world, "narrow", 1, 10);
	start(world, pids, processes(world), book_until_stopped);
	for (round = 0; round < 10; round++) {
		before = eye_look(&rows);
		while (eye_look(&rows) < before + 10)
			pause_for(1000);
		world_do(world, "UPDATE trunks SET status = 'maintenance' WHERE id = 1");
		world_do(world, "UPDATE trunks SET status = 'maintenance' WHERE id = 2");
		before = eye_look(&rows);
		pause_for(30000);
		cr_expect_eq(eye_look(&rows), before, "round %d: %ld calls too many", round, eye_look(&rows) - before);
		world_do(world, "UPDATE trunks SET status = 'active' WHERE id = 1");
		world_do(world, "UPDATE trunks SET status = 'active' WHERE id = 2");
	}
	atomic_store(&shared->stop, true);
	finish(pids, processes(world));
	eye_close(&rows);
}

static int book_for_agent(struct world *world, int number)
{
	const struct wtel_route route = {.trunk_id = 1};
	struct wtel_call call = world_call("A");
	int code;

	(void)number;
	call.agent_id = 5;
	code = wtel_store_reserve(world->store, &booking, &call, &route, 1, NULL);
	return code ? failed(world, "book", code) : 0;
}

static void run(PGconn *pq, ExecStatusType expected, const char *sql)
{
	PGresult *result = PQexec(pq, sql);

	cr_assert_eq(PQresultStatus(result), expected, "%s: %s", sql, PQerrorMessage(pq));
	PQclear(result);
}

/* A booking that has looked and not yet written is waited for: here it waits for a lock on its agent. */
POSTGRES_TEST(who_takes_a_trunk_out_of_service_waits_for_the_booking_under_way, false)
{
	struct eye waiting = eye_open(world, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
					     " AND wait_event_type = 'Lock'");
	static const char *const changes[] = {
		"SET statement_timeout = '300ms'; UPDATE trunks SET status = 'maintenance'",
		"SET statement_timeout = '300ms'; UPDATE trunks SET max_channels = 0",
	};
	PGconn *holder = PQconnectdb(world->url), *changer = PQconnectdb(world->url);
	struct wtel_call first = world_call("first");
	pid_t pid;
	int channels;

	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY); INSERT INTO usuarios VALUES (5)");
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
	world_trunk(world, "main", 1, 20);
	/* Near the limit, then far from it. */
	for (channels = 20; channels <= 20000; channels *= 1000) {
		if (channels > 20) {
			/* This one counts, the next need not. */
			world_do(world, "DELETE FROM calls");
			world_do(world, "UPDATE trunks SET max_channels = 20000");
			cr_assert_eq(world_book(world->store, &booking, &first, (int64_t[]){1}, 1), 0);
		}
		run(holder, PGRES_TUPLES_OK, "BEGIN; SELECT 1 FROM usuarios FOR UPDATE");
		start(world, &pid, 1, book_for_agent);
		while (!eye_look(&waiting))
			pause_for(1000);
		run(changer, PGRES_FATAL_ERROR, changes[0]);
		run(changer, PGRES_FATAL_ERROR, changes[1]);
		run(holder, PGRES_COMMAND_OK, "COMMIT");
		finish(&pid, 1);
	}
	run(changer, PGRES_COMMAND_OK, changes[0]);
	cr_assert_eq(world_book(world->store, &booking, &(struct wtel_call){.call_id = "B"}, (int64_t[]){1}, 1),
		     WTEL_ENOTRUNK);
	cr_assert_eq(booking.looks[0].verdict, WTEL_ROUTE_STATUS);
	eye_close(&waiting);
	PQfinish(holder);
	PQfinish(changer);
}
