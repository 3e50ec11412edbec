/* Inside the SQLite driver: what its two files share. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>

#include "store/driver.h"

/* A text prepared once per connection. */
struct sqlite_prepared {
	struct sqlite_prepared *next;
	const char *text;
	sqlite3_stmt *handle;
};

struct sqlite_work;

/* The counter of changes that is asked while somebody watches. */
struct sqlite_watch {
	void (*changed)(void *user);
	void *user;
	int64_t due; /* mono */
	int64_t data_version;
	int total_changes;
	int64_t version;
};

struct store_driver {
	struct wtel_allocator allocator;
	sqlite3 *db;
	struct sqlite_prepared *prepared;
	struct sqlite_work *first; /* what to do at the next dispatch, in order */
	struct sqlite_work *last;
	int64_t lock_timeout; /* microseconds */
	bool relaxed;	      /* the connection does not wait for the disk now */
	bool running;	      /* a result is being told */
	struct sqlite_watch watch;
};

/* The prepared form, reset. */
int sqlite_prepare(struct store_driver *driver, sqlite3_stmt **out, const struct store_statement *statement,
		   struct wtel_detail *detail);

/* Statements without parameters or results. */
int sqlite_run(struct store_driver *driver, const char *sql, struct wtel_detail *detail);

/* SQLite's result as one of ours, with its sentence. */
int sqlite_failed(struct store_driver *driver, int result, struct wtel_detail *detail);

/* Whether commits wait for the disk from now on. */
int sqlite_set_relaxed(struct store_driver *driver, bool relaxed, struct wtel_detail *detail);

/* sqlite_watch.c: who is told of changes. */
void sqlite_watch(struct store_driver *driver, void (*changed)(void *user), void *user);
void sqlite_watch_dispatch(struct store_driver *driver, int64_t mono);

/* One transaction; see store/write.h. */
int sqlite_write(struct store_driver *driver, const struct store_change *changes, size_t count, int64_t wall,
		 struct wtel_detail *detail);

/* sqlite_booking.c: books a trunk, inside a transaction. *out is a statement that gives the answer, to be stepped and
 * reset. */
int sqlite_book(struct store_driver *driver, sqlite3_stmt **out, const store_value *arguments,
		struct wtel_detail *detail);

/* Makes the file (0600) and its directories (0700) where they are missing, then opens it. `lock_timeout` must live as
 * long as the connection. */
int sqlite_open_file(sqlite3 **out, const char *path, const struct wtel_allocator *allocator,
		     const int64_t *lock_timeout, struct wtel_detail *detail);

#endif
