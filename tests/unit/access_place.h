/* A database of a test's own that SQL reaches past the store, with two people of the platform in it. */
#ifndef TESTS_ACCESS_PLACE_H
#define TESTS_ACCESS_PLACE_H

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH "$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde"

struct place {
	bool postgres;
	char url[512];
	char path[64];
};

static inline void postgres_do(const char *url, const char *sql)
{
	PGconn *connection = PQconnectdb(url);
	PGresult *result = PQexec(connection, sql);

	cr_assert(PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s",
		  sql, PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

static inline void place_do(const struct place *place, const char *sql)
{
	sqlite3 *db;

	if (place->postgres) {
		postgres_do(place->url, sql);
		return;
	}
	cr_assert_eq(sqlite3_open(place->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static inline void place_open(struct place *place, bool postgres)
{
	const char *server = getenv("WTEL_TEST_PG");
	char sql[64];
	int fd;

	memset(place, 0, sizeof(*place));
	place->postgres = postgres;
	if (postgres && (!server || !*server))
		cr_skip_test("WTEL_TEST_PG is not set");
	if (postgres) {
		snprintf(sql, sizeof(sql), "CREATE DATABASE wtel_access_%d", getpid());
		postgres_do(server, sql);
		snprintf(place->url, sizeof(place->url), "%.*s/wtel_access_%d", (int)(strrchr(server, '/') - server),
			 server, getpid());
	} else {
		snprintf(place->path, sizeof(place->path), "/tmp/wtel-access-XXXXXX");
		fd = mkstemp(place->path);
		cr_assert_geq(fd, 0);
		close(fd);
		snprintf(place->url, sizeof(place->url), "sqlite:%s", place->path);
	}
	place_do(place, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, email VARCHAR(99), password VARCHAR(99),"
			" role VARCHAR(20))");
	place_do(place,
		 "INSERT INTO usuarios VALUES (1, 'boss', '" HASH "', 'admin'), (5, 'ana', '" HASH "', 'agent')");
}

static inline void place_close(struct place *place)
{
	char text[128];

	if (place->postgres) {
		snprintf(text, sizeof(text), "DROP DATABASE wtel_access_%d WITH (FORCE)", getpid());
		postgres_do(getenv("WTEL_TEST_PG"), text);
		return;
	}
	unlink(place->path);
	snprintf(text, sizeof(text), "%s-wal", place->path);
	unlink(text);
	snprintf(text, sizeof(text), "%s-shm", place->path);
	unlink(text);
}

#endif
