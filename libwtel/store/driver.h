/*
 * What a database must do for the store. Operations (trunks, calls, accounts) are
 * written once, in SQL that both databases understand, on top of this; a driver
 * knows connections, statements and batches only.
 *
 * Everything is asynchronous: a driver takes statements, and tells their results from
 * driver->dispatch(). SQLite runs a statement when it is dispatched; PostgreSQL sends
 * them in a pipeline. Order is kept: statements of one store run in the order they were given.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/slice.h"
#include <wtel/store.h>

struct store_driver;

/*
 * One statement of the library, with "$1", "$2", ... as parameters (SQLite knows them too). `sqlite` and
 * `postgres` are the same text where the dialects agree. Statements are static: their address names the prepared form.
 */
struct store_statement {
	const char *name; /* for errors and for PostgreSQL's prepared statements: unique, [a-z_]+ */
	const char *sqlite;
	const char *postgres;
	/* SQLite: a second one, with the same parameters, in the same transaction; results are the first's. */
	const char *sqlite_then;
	bool then_tells; /* or the second's */
	bool books;	 /* SQLite: no text, but sqlite_book() */
	bool relaxed;	 /* it need not survive a loss of power: SQLite does not wait for the disk */
};

/* A parameter or a column as text in the database's own form; data NULL is SQL's NULL. */
typedef struct wtel_slice store_value;

/* Rows of one result. Borrowed for the length of the callback. */
struct store_rows {
	size_t row_count;
	size_t column_count;
	int64_t changed; /* rows inserted, changed or removed */
	store_value (*column)(const struct store_rows *rows, size_t row, size_t column);
	void *data;
};

/*
 * `code` 0 with rows, or
 *   WTEL_EEXISTS    unique violation (SQLSTATE 23505); detail->field is the column where the database names it
 *   WTEL_ENOTFOUND  foreign key violation (23503): what the row refers to does not exist
 *   WTEL_ESCHEMA    no such table, column or function (42P01, 42703, 42883): the schema is missing or old
 *   WTEL_ECLOSED    the connection was lost before the answer: it may or may not have happened
 *   WTEL_ENOMEM
 *   WTEL_ESTORE     everything else
 * `detail` has the database's sentence without parameter values (of PostgreSQL the primary message, never DETAIL).
 */
typedef void store_done_fn(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user);

/*
 * A call and its legs, copied for a batch. Whoever copies sees to it that texts are UTF-8 without NUL and fit their
 * columns, ids fit 32 bits, and no leg is there twice. "" is unknown: NULL in the row.
 */
struct store_change {
	struct store_change *next;
	struct wtel_call call;
	const char *owner; /* this process in wtel_instances; for rows of wtel_calls that are new */
};

struct store_driver_ops {
	const char *backend; /* "sqlite" */

	/* Connects; blocks up to options->connect_timeout, unless options->background. */
	int (*open)(struct store_driver **out, const struct wtel_store_options *options, const char *target,
		    const struct wtel_allocator *allocator, struct wtel_detail *detail);
	/* What is queued is dropped; its `done`s are not called. */
	void (*close)(struct store_driver *driver);

	/* Copies the parameters. WTEL_ENOMEM, WTEL_EOVERFLOW. `done` (may be NULL) comes from dispatch, never from
	 * here. Every statement is a transaction of its own (in a pipeline: a sync after each), as wtel_reserve() holds
	 * a lock until its end. Times come back as base_time_parse() reads them, in UTC (PostgreSQL: TimeZone,
	 * DateStyle ISO). */
	int (*query)(struct store_driver *driver, const struct store_statement *statement,
		     const store_value *parameters, size_t count, store_done_fn *done, void *user);

	/* Several statements as one text without parameters or results, in one transaction that the driver begins and
	 * ends (migrations): the text has no BEGIN and no COMMIT; an error leaves nothing of it. PostgreSQL's NOTICEs
	 * and WARNINGs in it go to options->log. */
	int (*script)(struct store_driver *driver, const char *sql, store_done_fn *done, void *user);

	/*
	 * One transaction that upserts these calls and their legs (see store/write.h for what it must mean). The list,
	 * in order of call_id and each only once, stays the caller's until `done`. Given WTEL_ECLOSED or WTEL_ESTORE
	 * the caller tries again: it must be idempotent. (PostgreSQL: one transaction for each of its lanes, beside the
	 * statements and scripts and not in their order; what comes after must wait for `done`. After an error some
	 * of the calls may be there.) Several writes may be under way at once, but none with a call of another.
	 */
	int (*write)(struct store_driver *driver, const struct store_change *changes, size_t count, store_done_fn *done,
		     void *user);

	/* For a loop: the descriptor to poll (-1: none, dispatch whenever there is work) and for what (POLLIN,
	 * POLLOUT). The descriptor may change after a reconnect. */
	int (*fd)(const struct store_driver *driver);
	short (*events)(const struct store_driver *driver);
	/* When to dispatch at the latest, mono microseconds; INT64_MAX: only when the descriptor is ready; 0: at once.
	 */
	int64_t (*deadline)(const struct store_driver *driver);
	/* Reads, writes, reconnects, calls `done`s. */
	int (*dispatch)(struct store_driver *driver, struct wtel_time now);
	bool (*connected)(const struct store_driver *driver);

	/* From the statements on that are asked next, `changed` comes from dispatch after each change that the triggers
	 * of store/schema_routing.h tell, by whomever, within a second; and after a reconnect, when changes may have
	 * been missed. NULL: no more. */
	void (*watch)(struct store_driver *driver, void (*changed)(void *user), void *user);
};

extern const struct store_driver_ops store_sqlite;
extern const struct store_driver_ops store_postgres;

#endif
