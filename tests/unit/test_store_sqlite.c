/* What only a file can suffer, and every allocation failing. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "fault.h"
#include "store_world.h"

static int open_url(struct wtel_store **out, const char *url, struct wtel_detail *detail)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;

	options.url = url;
	options.lock_timeout = SECOND / 5;
	detail->text[0] = detail->field[0] = '\0';
	return wtel_store_open(out, &options, NULL, detail);
}

Test(file, urls_are_understood_or_refused)
{
	static const struct {
		const char *url;
		int code;
	} cases[] = {
		{"", WTEL_ECONFIG},
		{NULL, WTEL_ECONFIG},
		{"sqlite:", WTEL_ECONFIG},
		{"mysql://host/db", WTEL_ECONFIG},
		{"sqlite:/proc/x.db", WTEL_ESTORE},
		{"sqlite:/tmp", WTEL_ESTORE},
		{"sqlite:/dev/null/x.db", WTEL_ESTORE},
	};
	struct wtel_detail detail;
	struct wtel_store *store = NULL;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(open_url(&store, cases[i].url, &detail), cases[i].code, "%s", cases[i].url);
		cr_expect_str_eq(detail.field, "db", "%s: %s", cases[i].url, detail.text);
		cr_expect_neq(detail.text[0], '\0');
	}
	cr_assert_null(store);
	cr_assert_eq(open_url(&store, "sqlite::memory:", &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(store, NULL, NULL), 0);
	cr_assert_str_eq(wtel_store_backend(store), "sqlite");
	wtel_store_close(store);
	wtel_store_close(NULL);
}

static struct world *begin(struct world *world)
{
	cr_assert(world_begin(world, false, true));
	return world;
}

Test(file, only_its_owner_may_read_it)
{
	struct world world;
	struct stat status;
	char path[600];

	umask(0);
	begin(&world);
	cr_assert_eq(stat(world.url + 7, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s-wal", world.url + 7);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/new", world.dir);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0700);
	world_end(&world);
}

Test(file, a_relative_path_is_taken_from_here)
{
	struct wtel_detail detail;
	struct wtel_store *store;
	char dir[] = "/tmp/wtel-test-XXXXXX", command[64];

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	cr_assert_eq(open_url(&store, "sqlite:a%20b.db", &detail), 0, "%s", detail.text);
	wtel_store_close(store);
	cr_assert_eq(access("a%20b.db", F_OK), 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

Test(file, a_file_that_is_no_database_is_told)
{
	struct wtel_detail detail;
	struct wtel_store *store = NULL;
	struct world world;
	FILE *file;
	int i;

	begin(&world);
	wtel_store_close(world.store);
	file = fopen(world.url + 7, "r+");
	for (i = 0; i < 5000; i++)
		fputc('x', file);
	fclose(file);
	cr_assert_eq(open_url(&store, world.url, &detail), WTEL_ESTORE);
	cr_assert_not_null(strstr(detail.text, "not a database"), "%s", detail.text);
	unlink(world.url + 7);
	world.store = NULL;
	world_end(&world);
}

Test(file, a_damaged_page_is_told)
{
	struct wtel_trunk_list *list = NULL;
	struct wtel_detail detail;
	struct world world;
	FILE *file;
	int i;

	begin(&world);
	world_trunk(&world, "first", 1, 1);
	wtel_store_close(world.store);
	file = fopen(world.url + 7, "r+");
	fseek(file, 4096, SEEK_SET);
	for (i = 0; i < 4096 * 8; i++)
		fputc(0xa5, file);
	fclose(file);
	cr_assert_eq(open_url(&world.store, world.url, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_trunks(world.store, &list, 0), WTEL_ESTORE);
	cr_assert_not_null(strstr(wtel_store_error(world.store)->text, "damaged"), "%s",
			   wtel_store_error(world.store)->text);
	world_end(&world);
}

/* The sentence, and what was queued is still there: it is written once it can be. */
static void expect_kept(struct world *world, const char *word)
{
	cr_assert_eq(wtel_store_flush(world->store), WTEL_ESTORE);
	cr_assert_not_null(strstr(wtel_store_error(world->store)->text, word), "%s",
			   wtel_store_error(world->store)->text);
	cr_assert_gt(store_queued(world->store), 0);
}

Test(file, a_full_disk_loses_nothing)
{
	static char text[900];
	struct wtel_call call = world_call("");
	struct rlimit limit = {40960, RLIM_INFINITY}, old;
	struct world world;
	char id[16];
	int i;

	signal(SIGXFSZ, SIG_IGN);
	begin(&world);
	memset(text, 'x', sizeof(text) - 1);
	call.reason = text;
	for (i = 0; i < 400; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		call.call_id = id;
		cr_assert_eq(wtel_store_write(world.store, &call), 0);
	}
	getrlimit(RLIMIT_FSIZE, &old);
	limit.rlim_max = old.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_kept(&world, "");
	cr_assert_neq(wtel_store_error(world.store)->text[0], '\0');
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	cr_assert_eq(wtel_store_flush(world.store), 0, "%s", wtel_store_error(world.store)->text);
	world_says(&world, "400", "SELECT count(*) FROM calls");
	world_end(&world);
}

Test(file, a_file_that_may_not_be_written_is_told)
{
	struct wtel_detail detail;
	struct wtel_store *store = NULL;
	struct world world;
	int status;

	begin(&world);
	if (geteuid() != 0) {
		chmod(world.url + 7, 0400);
		cr_assert_eq(open_url(&store, world.url, &detail), WTEL_ESTORE);
		cr_assert_not_null(strstr(detail.text, "for writing"), "%s", detail.text);
	} else {
		pid_t child = fork();

		if (!child) {
			int code = setuid(65534) ? 0 : open_url(&store, world.url, &detail);

			_exit(code == WTEL_ESTORE && strstr(detail.text, "Permission denied") ? 0 : 1);
		}
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	world_end(&world);
}

Test(file, a_file_that_another_holds_is_told_and_waited_for)
{
	struct wtel_call call = world_call("A");
	struct wtel_detail detail;
	struct world world;
	sqlite3 *other;

	begin(&world);
	wtel_store_close(world.store);
	cr_assert_eq(open_url(&world.store, world.url, &detail), 0);
	cr_assert_eq(sqlite3_open(world.url + 7, &other), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(wtel_store_write(world.store, &call), 0);
	expect_kept(&world, "another process holds the database");
	cr_assert_eq(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	cr_assert_eq(wtel_store_flush(world.store), 0, "%s", wtel_store_error(world.store)->text);
	world_says(&world, "1", "SELECT count(*) FROM calls");
	world_end(&world);
}

/* ---- the queue -------------------------------------------------------- */

Test(queue, a_row_that_is_refused_does_not_keep_the_others)
{
	struct wtel_call call = world_call("");
	struct world world;
	char id[16];
	int i;

	begin(&world);
	world_do(&world, "CREATE TRIGGER bad BEFORE INSERT ON calls WHEN new.call_id = 'call-77' BEGIN"
			 " SELECT RAISE(ABORT, 'no such luck'); END");
	for (i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		call.call_id = id;
		cr_assert_eq(wtel_store_write(world.store, &call), 0);
	}
	expect_kept(&world, "no such luck");
	world_says(&world, "299", "SELECT count(*) FROM calls");
	cr_assert_eq(store_queued(world.store), 1);
	world_do(&world, "DROP TRIGGER bad");
	cr_assert_eq(wtel_store_flush(world.store), 0, "%s", wtel_store_error(world.store)->text);
	world_says(&world, "300", "SELECT count(*) FROM calls");
	world_end(&world);
}

Test(queue, it_is_bounded_and_drops_no_finished_call)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_call call = world_call("");
	struct wtel_store *store;
	struct world world;
	char id[16];
	int i;

	begin(&world);
	options.url = world.url;
	options.max_queue = 100;
	cr_assert_eq(wtel_store_open(&store, &options, NULL, NULL), 0);
	for (i = 0; i < 250; i++) {
		int code;

		snprintf(id, sizeof(id), "call-%d", i);
		call.call_id = id;
		call.end = i < 150 ? 0 : NOON + SECOND;
		code = wtel_store_write(store, &call);
		cr_expect_eq(code, i < 100 || i >= 150 ? 0 : WTEL_EOVERFLOW, "%d: %s", i, wtel_error_name(code));
	}
	cr_assert_eq(store_queued(store), 100);
	call.call_id = "one-more";
	cr_assert_eq(wtel_store_write(store, &call), WTEL_EOVERFLOW);
	wtel_store_close(store);
	world_says(&world, "100|100", "SELECT count(*), count(end_time) FROM calls");
	world_end(&world);
}

Test(queue, what_waits_is_written_in_time)
{
	struct wtel_call call = world_call("A");
	struct world world;
	struct wtel_time now;

	begin(&world);
	now = wtel_time_now();
	cr_assert_eq(wtel_store_write(world.store, &call), 0);
	cr_assert_gt(store_deadline(world.store), now.mono);
	cr_assert_leq(store_deadline(world.store), wtel_time_now().mono + 20000);
	store_dispatch(world.store, now);
	cr_assert_eq(store_queued(world.store), 1);
	now.mono = store_deadline(world.store);
	store_dispatch(world.store, now);
	store_dispatch(world.store, now);
	cr_assert_eq(store_queued(world.store), 0);
	cr_assert_eq(store_deadline(world.store), INT64_MAX);
	world_says(&world, "1", "SELECT count(*) FROM calls");
	world_end(&world);
}

static void waits_inside(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct wtel_store *store = user;
	struct wtel_peer_list *peers;

	(void)detail;
	(void)list;
	cr_expect_eq(code, 0);
	cr_expect_eq(wtel_store_peers(store, &peers), WTEL_EBUSY);
	cr_expect_eq(wtel_store_flush(store), WTEL_EBUSY);
}

Test(queue, nobody_waits_inside_a_callback)
{
	struct world world;

	begin(&world);
	cr_assert_eq(store_trunks(world.store, waits_inside, world.store), 0);
	store_dispatch(world.store, wtel_time_now());
	world_end(&world);
}

/* ---- memory ----------------------------------------------------------- */

static int use_all(struct wtel_store *store)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_leg leg = {"u", "c", "n", WTEL_LEG_AGENT, 0, 0, NOON, 0, 0, 0, 0, 0};
	struct wtel_call call = world_call("A");
	struct wtel_call_list *calls = NULL;
	struct wtel_trunk_list *trunks = NULL;
	struct wtel_route routes[2] = {{.trunk_id = 4711}, {.trunk_id = 1, .calls_per_second = 1000}};
	static struct wtel_booking booking;
	struct wtel_call_stats stats;
	int64_t id = 0;
	int code;

	trunk.name = "Main";
	trunk.host = "h";
	trunk.registered = true;
	code = wtel_store_migrate(store, NULL, NULL);
	if (!code)
		code = wtel_store_trunk_save(store, &id, &trunk);
	if (code == WTEL_EEXISTS)
		code = 0;
	if (!code)
		code = wtel_store_trunks(store, &trunks, 0);
	wtel_trunk_list_free(trunks);
	if (!code)
		code = wtel_store_reserve(store, &booking, &call, routes, 2, "\"number\":\"1\"");
	if (code == WTEL_EEXISTS)
		code = 0;
	if (!code)
		code = wtel_store_move(store, &booking, "A", routes, 2, "");
	if (code == WTEL_ENOTFOUND)
		code = 0;
	if (!code)
		code = wtel_store_adopt(store, &calls);
	wtel_call_list_free(calls);
	calls = NULL;
	call.end = NOON + SECOND;
	call.legs = &leg;
	call.leg_count = 1;
	if (!code)
		code = wtel_store_write(store, &call);
	if (!code)
		code = wtel_store_flush(store);
	if (!code)
		code = wtel_store_calls(store, &calls, NULL);
	wtel_call_list_free(calls);
	calls = NULL;
	if (!code)
		code = wtel_store_call(store, &calls, "A");
	wtel_call_list_free(calls);
	if (!code)
		code = wtel_store_stats(store, &stats, NULL);
	return code;
}

Test(memory, every_allocation_may_fail)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct world world;
	int last = -1;

	begin(&world);
	options.url = world.url;
	FAULT_LOOP(allocator)
	{
		struct wtel_store *store = NULL;
		struct wtel_detail detail = {"", ""};

		last = wtel_store_open(&store, &options, &allocator, &detail);
		if (!last)
			last = use_all(store);
		cr_assert(last == 0 || last == WTEL_ENOMEM, "%s: %s", wtel_error_name(last),
			  store ? wtel_store_error(store)->text : detail.text);
		wtel_store_close(store);
	}
	cr_assert_eq(last, 0);
	world_says(&world, "1|1", "SELECT count(*), count(end_time) FROM calls");
	world_end(&world);
}
