/*
 * A database of its own for each test, SQLite always and PostgreSQL where WTEL_TEST_PG (a postgresql:// URL of a server
 * on which databases may be made) says where: both run the same tests.
 */
#ifndef TESTS_STORE_WORLD_H
#define TESTS_STORE_WORLD_H

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

struct world {
	bool postgres;
	char dir[64];
	char url[512];
	char name[64]; /* PostgreSQL: the database's */
	struct wtel_store *store;
};

#define SECOND INT64_C(1000000)
/* 2026-03-01T12:00:00Z */
#define NOON (INT64_C(1772366400) * SECOND)

/* Result of a query as one text: columns by '|', rows by newline. Caller frees. */
static inline char *world_sqlite(const char *path, const char *sql)
{
	char *text = calloc(1, 1), *error = NULL;
	char **cells = NULL;
	int rows = 0, columns = 0, i;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	cr_assert_eq(sqlite3_get_table(db, sql, &cells, &rows, &columns, &error), SQLITE_OK, "%s: %s", sql,
		     error ? error : "");
	for (i = columns; i < (rows + 1) * columns; i++) {
		const char *cell = cells[i] ? cells[i] : "";

		text = realloc(text, strlen(text) + strlen(cell) + 2);
		strcat(text, cell);
		if ((i + 1) % columns)
			strcat(text, "|");
		else if (i + 1 < (rows + 1) * columns)
			strcat(text, "\n");
	}
	sqlite3_free_table(cells);
	sqlite3_close(db);
	return text;
}

static inline char *world_postgres(const char *url, const char *sql)
{
	PGconn *connection = PQconnectdb(url);
	char *text = calloc(1, 1);
	PGresult *result;
	int row, column;

	cr_assert_eq(PQstatus(connection), CONNECTION_OK, "%s", PQerrorMessage(connection));
	PQclear(PQexec(connection, "SET client_min_messages = warning; SET timezone = 'UTC'"));
	result = PQexec(connection, sql);
	cr_assert(PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK, "%s: %s",
		  sql, PQerrorMessage(connection));
	for (row = 0; row < PQntuples(result); row++)
		for (column = 0; column < PQnfields(result); column++) {
			const char *cell = PQgetvalue(result, row, column);

			text = realloc(text, strlen(text) + strlen(cell) + 2);
			strcat(text, cell);
			if (column + 1 < PQnfields(result))
				strcat(text, "|");
			else if (row + 1 < PQntuples(result))
				strcat(text, "\n");
		}
	PQclear(result);
	PQfinish(connection);
	return text;
}

/* Past the store: what the database itself says. Caller frees. */
static inline char *world_sql(const struct world *world, const char *sql)
{
	return world->postgres ? world_postgres(world->url, sql) : world_sqlite(world->url + strlen("sqlite:"), sql);
}

static inline void world_do(const struct world *world, const char *sql)
{
	free(world_sql(world, sql));
}

static inline void world_says(const struct world *world, const char *expected, const char *sql)
{
	char *text = world_sql(world, sql);

	cr_expect_str_eq(text, expected, "%s: %s, expected %s", sql, text, expected);
	free(text);
}

static inline long world_number(const struct world *world, const char *sql)
{
	char *text = world_sql(world, sql);
	long number = atol(text);

	free(text);
	return number;
}

static inline struct wtel_store *world_open(const struct world *world)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	struct wtel_store *store = NULL;
	int code;

	options.url = world->url;
	options.lock_timeout = 60 * SECOND;
	code = wtel_store_open(&store, &options, NULL, &detail);
	cr_assert_eq(code, 0, "%s: %s", wtel_error_name(code), detail.text);
	return store;
}

/* false: there is no such server, the test is to be skipped. */
static inline bool world_begin(struct world *world, bool postgres, bool migrated)
{
	const char *server = getenv("WTEL_TEST_PG");
	char sql[128];

	memset(world, 0, sizeof(*world));
	world->postgres = postgres;
	if (postgres && (!server || !server[0]))
		return false;
	if (postgres) {
		snprintf(world->name, sizeof(world->name), "wtel_test_%d", getpid());
		snprintf(sql, sizeof(sql), "CREATE DATABASE %s", world->name);
		free(world_postgres(server, sql));
		snprintf(world->url, sizeof(world->url), "%.*s/%s", (int)(strrchr(server, '/') - server), server,
			 world->name);
	} else {
		snprintf(world->dir, sizeof(world->dir), "/tmp/wtel-test-XXXXXX");
		cr_assert_not_null(mkdtemp(world->dir));
		snprintf(world->url, sizeof(world->url), "sqlite:%s/new/calls.db", world->dir);
	}
	world->store = world_open(world);
	if (migrated)
		cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s",
			     wtel_store_error(world->store)->text);
	return true;
}

static inline void world_end(struct world *world)
{
	char text[256];

	wtel_store_close(world->store);
	if (world->postgres) {
		snprintf(text, sizeof(text), "DROP DATABASE %s WITH (FORCE)", world->name);
		free(world_postgres(getenv("WTEL_TEST_PG"), text));
	} else {
		snprintf(text, sizeof(text), "rm -rf '%s'", world->dir);
		cr_assert_eq(system(text), 0);
	}
}

/* The body of a test that POSTGRES_TEST runs against one database, STORE_TEST against both. */
#define STORE_BODY(name, migrated)                                                                                     \
	static void check_##name(struct world *world);                                                                 \
	static void run_##name(bool postgres)                                                                          \
	{                                                                                                              \
		struct world world;                                                                                    \
		if (!world_begin(&world, postgres, migrated))                                                          \
			cr_skip_test("WTEL_TEST_PG is not set");                                                       \
		check_##name(&world);                                                                                  \
		world_end(&world);                                                                                     \
	}                                                                                                              \
	Test(postgres, name)                                                                                           \
	{                                                                                                              \
		run_##name(true);                                                                                      \
	}

#define POSTGRES_TEST(name, migrated)                                                                                  \
	STORE_BODY(name, migrated)                                                                                     \
	static void check_##name(struct world *world)

#define STORE_TEST(name, migrated)                                                                                     \
	STORE_BODY(name, migrated)                                                                                     \
	Test(sqlite, name)                                                                                             \
	{                                                                                                              \
		run_##name(false);                                                                                     \
	}                                                                                                              \
	static void check_##name(struct world *world)

/* ---- things to put in ------------------------------------------------- */

static inline int64_t world_trunk(struct world *world, const char *name, int priority, int channels)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	int64_t id = 0;
	int code;

	trunk.name = name;
	trunk.host = "sip.example.com";
	trunk.priority = priority;
	trunk.max_channels = channels;
	trunk.registered = true;
	code = wtel_store_trunk_save(world->store, &id, &trunk);
	cr_assert_eq(code, 0, "%s: %s", wtel_error_name(code), wtel_store_error(world->store)->text);
	return id;
}

static inline struct wtel_call world_call(const char *call_id)
{
	struct wtel_call call;

	memset(&call, 0, sizeof(call));
	call.call_id = call_id;
	call.channel = call.reason = call.recording_url = "";
	call.caller_number = "1001";
	call.callee_number = "+15551234567";
	call.start = NOON;
	return call;
}

/* Books on the first of `count` trunks that is free; `trunks` in the order in which they are tried. */
static inline int world_book(struct wtel_store *store, struct wtel_booking *out, const struct wtel_call *call,
			     const int64_t *trunks, size_t count)
{
	struct wtel_route routes[16];
	size_t i;

	memset(routes, 0, sizeof(routes));
	for (i = 0; i < count; i++)
		routes[i].trunk_id = trunks[i];
	return wtel_store_reserve(store, out, call, routes, count, NULL);
}

static inline void world_write(struct world *world, const struct wtel_call *call)
{
	cr_assert_eq(wtel_store_write(world->store, call), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_flush(world->store), 0, "%s", wtel_store_error(world->store)->text);
}

/* Runs `body` in `count` processes at once; all must end with 0. */
static inline void world_fork(struct world *world, int count, int (*body)(struct world *world, int number))
{
	int i, status;

	fflush(NULL);
	for (i = 0; i < count; i++) {
		pid_t child = fork();

		cr_assert_geq(child, 0);
		if (!child)
			_exit(body(world, i));
	}
	for (i = 0; i < count; i++) {
		cr_assert_gt(wait(&status), 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a process ended with %d", status);
	}
}

#endif
