/* Breakers of trunks: against both databases. */
#include "store_answer.h"

static const struct wtel_breaker closed_two = {0, WTEL_BREAKER_CLOSED, 2, 0, 0, 0};

STORE_TEST(a_breaker_changes_by_who_saw_it_last, true)
{
	const struct wtel_breaker zero = {0};
	int64_t trunk = world_trunk(world, "Main", 1, 5);
	struct wtel_trunk_list *list = NULL;
	struct answer answer = swap(world->store, trunk, &closed_two, NULL);
	struct wtel_breaker next;

	cr_assert_eq(answer.code, 0, "%s", answer.detail.text);
	cr_assert(answer.stored);
	cr_assert_eq(answer.breaker.version, 1);
	cr_assert_eq(answer.breaker.faults, 2);
	/* From a version that is gone: nothing, and what there is. */
	answer = swap(world->store, trunk, &zero, NULL);
	cr_assert_eq(answer.code, 0);
	cr_assert_not(answer.stored);
	cr_assert_eq(answer.breaker.version, 1);
	cr_assert_eq(answer.breaker.faults, 2);
	/* From one that never was. */
	next = (struct wtel_breaker){9, WTEL_BREAKER_OPEN, 5, 1, NOON, 0};
	answer = swap(world->store, trunk, &next, "dead");
	cr_assert_not(answer.stored);
	world_says(world, "active|", "SELECT status, last_error_message FROM trunks");
	next.version = 1;
	next.trial_until = NOON + SECOND;
	answer = swap(world->store, trunk, &next, "dead");
	cr_assert(answer.stored);
	cr_assert_eq(answer.breaker.version, 2);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	cr_expect_eq(list->trunks[0].breaker.version, 2);
	cr_expect_eq(list->trunks[0].breaker.state, WTEL_BREAKER_OPEN);
	cr_expect_eq(list->trunks[0].breaker.faults, 5);
	cr_expect_eq(list->trunks[0].breaker.openings, 1);
	cr_expect_eq(list->trunks[0].breaker.retry_at, NOON);
	cr_expect_eq(list->trunks[0].breaker.trial_until, NOON + SECOND);
	wtel_trunk_list_free(list);
	answer = swap(world->store, trunk + 1, &zero, NULL);
	cr_assert_eq(answer.code, WTEL_ENOTFOUND);
	cr_assert_str_neq(answer.detail.text, "");
	cr_assert_eq(wtel_store_trunk_remove(world->store, trunk), 0);
	world_says(world, "0", "SELECT count(*) FROM wtel_trunks");
}

STORE_TEST(status_and_last_error_follow_the_breaker, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 5), before = wtel_time_now().wall;
	struct wtel_breaker breaker = {0, WTEL_BREAKER_OPEN, 5, 1, NOON, 0};
	struct wtel_trunk_list *list = NULL;
	struct answer answer = swap(world->store, trunk, &breaker, "5 faults in a row: SIP 503");

	cr_assert(answer.stored);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	cr_expect_eq(list->trunks[0].status, WTEL_TRUNK_ERROR);
	cr_expect_str_eq(list->trunks[0].last_error_message, "5 faults in a row: SIP 503");
	cr_expect_geq(list->trunks[0].last_error_at, before);
	cr_expect_leq(list->trunks[0].last_error_at, wtel_time_now().wall);
	wtel_trunk_list_free(list);
	/* A trial failed: still open, a new sentence. */
	answer.breaker.openings = 2;
	answer = swap(world->store, trunk, &answer.breaker, "SIP 500\n\x01");
	cr_assert(answer.stored);
	world_says(world, "error", "SELECT status FROM trunks");
	answer.breaker = (struct wtel_breaker){.version = answer.breaker.version};
	answer = swap(world->store, trunk, &answer.breaker, NULL);
	cr_assert(answer.stored);
	world_says(world, "active|1",
		   "SELECT status, CASE WHEN last_error_message LIKE 'SIP 500%' THEN 1 END FROM trunks");
	/* A closed breaker that stays closed ends no error of another kind. */
	world_do(world, "UPDATE trunks SET status = 'error'");
	answer.breaker.faults = 1;
	answer = swap(world->store, trunk, &answer.breaker, NULL);
	cr_assert(answer.stored);
	world_says(world, "error", "SELECT status FROM trunks");
}

STORE_TEST(a_trunk_in_maintenance_stays_in_maintenance, true)
{
	static const char *const states[] = {"maintenance", "inactive"};
	int64_t trunk = world_trunk(world, "Main", 1, 5);
	struct answer answer = {.breaker = {0}};
	char sql[128];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(sql, sizeof(sql), "UPDATE trunks SET status = '%s'", states[i]);
		world_do(world, sql);
		answer.breaker.state = WTEL_BREAKER_OPEN;
		answer = swap(world->store, trunk, &answer.breaker, "dead");
		cr_assert(answer.stored);
		world_says(world, states[i], "SELECT status FROM trunks WHERE last_error_at IS NULL");
		answer.breaker.state = WTEL_BREAKER_CLOSED;
		answer = swap(world->store, trunk, &answer.breaker, NULL);
		cr_assert(answer.stored);
		world_says(world, states[i], "SELECT status FROM trunks");
	}
}

/* All start at version 0, on a row that is not there yet; who wins one goes on from there, who loses takes what there
 * is. */
enum { RACERS = 6, STEPS = 40 };

static int race(struct world *world, int number)
{
	struct wtel_breaker breaker = {0};
	int won = 0, lost = 0;

	(void)number;
	world->store = world_open(world);
	while (won < STEPS) {
		int faults = breaker.faults;
		struct answer answer;

		breaker.faults++;
		breaker.state = breaker.faults % 2 ? WTEL_BREAKER_OPEN : WTEL_BREAKER_CLOSED;
		answer = swap(world->store, 1, &breaker, "dead");
		if (answer.code || answer.breaker.version != answer.breaker.faults)
			return 1;
		/* What a loser is given is newer than what it had. */
		if (answer.stored ? answer.breaker.faults != faults + 1 : answer.breaker.faults <= faults)
			return 2;
		won += answer.stored;
		lost += !answer.stored;
		breaker = answer.breaker;
	}
	wtel_store_close(world->store);
	return lost > RACERS * STEPS ? 3 : 0;
}

STORE_TEST(of_many_processes_one_stores_each_version, true)
{
	world_trunk(world, "Main", 1, 5);
	world_fork(world, RACERS, race);
	world_says(
		world, "240|240|closed|active",
		"SELECT w.version, w.faults, w.state, t.status FROM wtel_trunks w JOIN trunks t ON t.id = w.trunk_id");
}

/* What the statement finds is newer than what it saw when it began. */
static void behind(struct world *world, int64_t trunk, const char *first, const struct wtel_breaker *breaker,
		   const char *expected)
{
	PGconn *other = PQconnectdb(world->url);
	struct answer answer = {false, -1};
	int64_t until;

	PQclear(PQexec(other, "BEGIN"));
	PQclear(PQexec(other, first));
	cr_assert_eq(PQtransactionStatus(other), PQTRANS_INTRANS, "%s", PQerrorMessage(other));
	cr_assert_eq(store_breaker(world->store, trunk, breaker, "dead", take_breaker, &answer), 0);
	until = wtel_time_now().mono + 300000;
	while (wtel_time_now().mono < until)
		store_turn(world->store, until);
	cr_assert_not(answer.finished, "nothing held it up");
	PQclear(PQexec(other, "COMMIT"));
	wait_answer(world->store, &answer);
	cr_assert_eq(answer.code, 0, "%s", answer.detail.text);
	world_says(world, expected,
		   "SELECT w.version, w.state, t.status, t.total_calls FROM wtel_trunks w JOIN trunks t"
		   " ON t.id = w.trunk_id");
	PQfinish(other);
}

POSTGRES_TEST(a_breaker_waits_for_who_changes_the_trunk, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 5);
	struct wtel_breaker breaker = {0, WTEL_BREAKER_OPEN, 5, 1, NOON, 0};

	behind(world, trunk, "UPDATE trunks SET total_calls = 1", &breaker, "1|open|error|1");
	breaker.version = 1;
	breaker.state = WTEL_BREAKER_CLOSED;
	behind(world, trunk, "UPDATE trunks SET total_calls = 2", &breaker, "2|closed|active|2");
	breaker.version = 2;
	breaker.state = WTEL_BREAKER_OPEN;
	behind(world, trunk, "UPDATE trunks SET status = 'maintenance'", &breaker, "3|open|maintenance|2");
	/* The row itself, and it is this one that comes too late. */
	breaker.version = 3;
	behind(world, trunk, "UPDATE wtel_trunks SET version = 4", &breaker, "4|open|maintenance|2");
}
