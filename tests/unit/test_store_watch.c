/* Changes of trunks, campaigns and assignments are told to whoever watches, by whomever they were made; calls are not.
 */
#include <sys/stat.h>

#include "store_world.h"

#include "store/core.h"

/* Nobody waits for so long, unless it never comes. */
#define PATIENCE (60 * SECOND)

struct watcher {
	int told;
	bool reload; /* as a service does: reads the list anew */
	struct wtel_store *store;
	int listed;
	size_t trunks;
};

static void take_trunks(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct watcher *watcher = user;

	(void)detail;
	watcher->listed += !code;
	watcher->trunks = code ? 0 : list->count;
}

static void changed(void *user)
{
	struct watcher *watcher = user;

	watcher->told++;
	if (watcher->reload)
		cr_assert_eq(store_trunks(watcher->store, take_trunks, watcher), 0);
}

/* Lets the store work until something was told, or for `most` microseconds. Gives back how long it took. */
static int64_t listen(struct wtel_store *store, const struct watcher *watcher, int64_t most)
{
	int64_t start = wtel_time_now().mono;
	int before = watcher->told;

	while (watcher->told == before && wtel_time_now().mono < start + most)
		store_turn(store, start + most);
	return wtel_time_now().mono - start;
}

/* Begins to watch and sees to it that the database knows. */
static void begin(struct world *world, struct watcher *watcher)
{
	struct wtel_trunk_list *list;
	int i;

	store_watch(world->store, changed, watcher);
	/* Asked for at the first turn, and answered before what is asked after that. */
	for (i = 0; i < 2; i++) {
		cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0, "%s", wtel_store_error(world->store)->text);
		wtel_trunk_list_free(list);
	}
	listen(world->store, watcher, 100000);
	watcher->told = 0;
}

/* Gives back how long it took. */
static int64_t is_told(struct world *world, struct watcher *watcher, const char *sql)
{
	int64_t took;

	world_do(world, sql);
	took = listen(world->store, watcher, PATIENCE);
	cr_expect_gt(watcher->told, 0, "not told: %s", sql);
	/* A row of changes may be told again. */
	listen(world->store, watcher, 150000);
	watcher->told = 0;
	return took;
}

static void is_not_told(struct world *world, struct watcher *watcher, const char *what)
{
	listen(world->store, watcher, 1200000);
	cr_expect_eq(watcher->told, 0, "told %d times: %s", watcher->told, what);
	watcher->told = 0;
}

STORE_TEST(every_change_of_routing_is_told_within_a_second, true)
{
	static const char *const changes[] = {
		"UPDATE trunks SET priority = 9 WHERE name = 'Main'",
		"UPDATE trunks SET status = 'maintenance'",
		"UPDATE trunks SET registered = NOT registered",
		"UPDATE trunks SET advanced_settings = '{\"weight\": 3}'",
		"INSERT INTO trunks (name, provider, host) VALUES ('New', 'custom', 'sip.example.com')",
		"INSERT INTO campaign_trunks (campana_id, trunk_id) VALUES (1, 1)",
		"UPDATE campaign_trunks SET priority = 1",
		"DELETE FROM campaign_trunks",
		"INSERT INTO wtel_campaigns (campaign_id, general) VALUES (1, true)",
		"UPDATE wtel_campaigns SET caller_id = '+15550001000'",
		"DELETE FROM wtel_campaigns",
		"INSERT INTO wtel_trunks (trunk_id, state) VALUES (1, 'open')",
		"UPDATE wtel_trunks SET state = 'closed'",
		"DELETE FROM trunks WHERE name = 'New'",
	};
	struct watcher watcher = {0};
	size_t late = 0, i;

	world_trunk(world, "Main", 1, 5);
	begin(world, &watcher);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		late += is_told(world, &watcher, changes[i]) >= SECOND;
	/* Now and then a machine is busy, or stands still. */
	cr_expect_leq(late, i / 2, "%zu of %zu were told late", late, i);
	store_watch(world->store, NULL, NULL);
	world_do(world, changes[0]);
	world_do(world, "UPDATE trunks SET priority = 8");
	is_not_told(world, &watcher, "nobody watches");
}

/* In a process of its own: what other programs of this library do. */
static int change_it(struct world *world, int number)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	int64_t id = 0;
	int code;

	(void)number;
	world->store = world_open(world);
	trunk.name = "Second";
	trunk.host = "sip.example.com";
	code = wtel_store_trunk_save(world->store, &id, &trunk);
	wtel_store_close(world->store);
	return code != 0;
}

STORE_TEST(changes_of_this_and_of_other_processes_are_told, true)
{
	struct watcher watcher = {.reload = true, .store = world->store};
	int64_t until;

	world_trunk(world, "Main", 1, 5);
	begin(world, &watcher);
	world_fork(world, 1, change_it);
	listen(world->store, &watcher, PATIENCE);
	cr_assert_eq(watcher.told, 1);
	watcher.reload = false;
	until = wtel_time_now().mono + PATIENCE;
	while (!watcher.listed && wtel_time_now().mono < until)
		store_turn(world->store, until);
	listen(world->store, &watcher, 200000);
	cr_assert_eq(watcher.listed, 1);
	cr_assert_eq(watcher.trunks, 2);
	watcher.told = 0;
	world_trunk(world, "Third", 1, 5);
	if (!watcher.told)
		listen(world->store, &watcher, PATIENCE);
	listen(world->store, &watcher, 300000);
	cr_expect_eq(watcher.told, 1, "this process's own");
}

STORE_TEST(calls_and_updates_that_change_nothing_are_not_told, true)
{
	int64_t trunk = world_trunk(world, "Main", 1, 5);
	struct wtel_store *other = world_open(world);
	struct wtel_call call = world_call("A");
	struct watcher watcher = {0};

	begin(world, &watcher);
	call.trunk_id = trunk;
	world_write(world, &call);
	cr_assert_eq(wtel_store_write(other, &call), 0);
	cr_assert_eq(wtel_store_flush(other), 0);
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_FAILED;
	world_write(world, &call);
	world_says(world, "1|1", "SELECT total_calls, failed_calls FROM trunks");
	is_not_told(world, &watcher, "a call");
	world_do(world, "UPDATE trunks SET status = status, priority = priority, registered = registered");
	world_do(world, "UPDATE trunks SET total_calls = 7, last_registered_at = updated_at");
	world_do(world, "INSERT INTO wtel_trunks (trunk_id) VALUES (1)");
	world_do(world, "UPDATE wtel_trunks SET faults = 3, trial_until = '2026-03-01T12:00:00.000000Z'");
	world_do(world, "DELETE FROM trunks WHERE name = 'nobody'");
	is_not_told(world, &watcher, "nothing of routing was changed");
	wtel_store_close(other);
}

STORE_TEST(a_row_of_changes_is_told_a_few_times_and_none_is_missed, true)
{
	struct watcher watcher = {.reload = true, .store = world->store};
	int64_t start;
	char name[32];
	int i;

	begin(world, &watcher);
	start = wtel_time_now().mono;
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "Trunk %d", i);
		world_trunk(world, name, 1, 5);
	}
	cr_expect_leq(watcher.told, 2 + (wtel_time_now().mono - start) / 100000);
	for (start = wtel_time_now().mono; watcher.trunks < 100 && wtel_time_now().mono < start + PATIENCE;)
		listen(world->store, &watcher, 100000);
	cr_assert_gt(watcher.told, 0);
	cr_assert_eq(watcher.trunks, 100);
}

static void count_only(void *user)
{
	++*(int *)user;
}

POSTGRES_TEST(a_lost_connection_listens_again, true)
{
	struct watcher watcher = {0};
	int64_t until;
	int told = 0;

	world_trunk(world, "Main", 1, 5);
	begin(world, &watcher);
	world_do(world, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
			" AND pid <> pg_backend_pid()");
	listen(world->store, &watcher, PATIENCE);
	cr_assert_eq(watcher.told, 1, "changes may have been missed");
	watcher.told = 0;
	is_told(world, &watcher, "UPDATE trunks SET priority = 3");
	/* Who watches is somebody else now. */
	store_watch(world->store, count_only, &told);
	world_do(world, "UPDATE trunks SET priority = 4");
	until = wtel_time_now().mono + PATIENCE;
	while (!told && wtel_time_now().mono < until)
		store_turn(world->store, until);
	cr_assert_eq(watcher.told, 0);
	cr_assert_eq(told, 1);
}

/* A server of this test's own, because others are asked by other tests meanwhile. */
static void server(const char *command, const char *dir, char *url, size_t room)
{
	char text[512];
	FILE *pipe;

	snprintf(text, sizeof(text), "sh '%s/../tools/postgres.sh' %s '%s'", GOLDEN, command, dir);
	pipe = popen(text, "r");
	cr_assert_not_null(pipe);
	if (url) {
		cr_assert_not_null(fgets(url, (int)room, pipe));
		url[strcspn(url, "\n")] = '\0';
	}
	cr_assert_eq(pclose(pipe), 0, "%s", text);
}

Test(watch, a_restarted_server_still_tells, .timeout = 300)
{
	char top[] = "/tmp/wtel-watch-XXXXXX", dir[64];
	struct world world = {.postgres = true};
	struct watcher watcher = {0};

	if (!getenv("WTEL_TEST_PG") || !getenv("WTEL_TEST_PG")[0])
		cr_skip_test("WTEL_TEST_PG is not set");
	cr_assert_not_null(mkdtemp(top));
	cr_assert_eq(chmod(top, 0755), 0);
	snprintf(dir, sizeof(dir), "%s/server", top);
	server("start", dir, world.url, sizeof(world.url));
	world.store = world_open(&world);
	cr_assert_eq(wtel_store_migrate(world.store, NULL, NULL), 0);
	world_trunk(&world, "Main", 1, 5);
	begin(&world, &watcher);
	is_told(&world, &watcher, "UPDATE trunks SET priority = 2");
	server("restart", dir, NULL, 0);
	listen(world.store, &watcher, PATIENCE);
	cr_expect_eq(watcher.told, 1, "changes may have been missed");
	watcher.told = 0;
	is_told(&world, &watcher, "UPDATE trunks SET priority = 3");
	wtel_store_close(world.store);
	server("stop", dir, NULL, 0);
	rmdir(top);
}
