/*
 * The PostgreSQL driver from inside.
 *
 * One driver is up to three connections. Statements and scripts go over the first, in the order they were given.
 * Batches of calls go over the others ("lanes", opened with the first batch): so a reservation never waits behind a
 * thousand rows, and the server may use more than one core. Within a batch a lane takes the calls of its share of the
 * trunks; what is written of one call stays in order because the queue has it in one batch at a time.
 *
 * All sockets stand in one epoll instance, which is the descriptor that the loop sees: it survives reconnects.
 *
 *   query() -> waiting -> [send] -> sent -> [result, sync] -> done()
 *                 ^                  |
 *                 |                  +-- connection lost: done(WTEL_ECLOSED)
 *                 +-- stays here while there is no connection
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include <libpq-fe.h>

#include "base/buffer.h"
#include "base/map.h"
#include "store/driver.h"

enum {
	POSTGRES_LANES = 2,
	POSTGRES_CONNECTIONS = 1 + POSTGRES_LANES,
	POSTGRES_MAX_WAITING = 65536, /* statements; beyond it WTEL_EOVERFLOW */
	POSTGRES_MAX_SENT = 128,      /* statements in flight on one connection: bounds libpq's buffers */
	POSTGRES_MAX_PARAMETERS = 64,
	POSTGRES_MAX_TRIES = 4 /* again, of what failed for no fault of its own */
};

enum postgres_kind { POSTGRES_STATEMENT, POSTGRES_BOOKINGS, POSTGRES_SCRIPT, POSTGRES_WRITE, POSTGRES_SETTINGS };

/* The part of one write() that goes over one lane in one transaction. */
struct postgres_batch;

struct postgres_query {
	struct postgres_query *next;
	enum postgres_kind kind;
	const struct store_statement *statement;
	store_done_fn *done;
	void *user;
	struct postgres_batch *batch;	/* of POSTGRES_WRITE */
	struct postgres_query *members; /* of POSTGRES_BOOKINGS: the bookings that it stands for, `count` of them */
	char *sql;			/* of POSTGRES_SCRIPT */
	size_t count;
	const char **values; /* into this very block */
	bool prepares;	     /* it was sent together with its preparation */
	bool again;	     /* it was sent a second time: never a third */
	bool alone;	     /* a booking that did not fit in with others */
	unsigned tries;	     /* times that the server ended it for the sake of others */
	/* What came back so far. */
	PGresult *rows;
	int code;
	char state[6]; /* SQLSTATE of the first error */
	struct wtel_detail detail;
};

struct postgres_list {
	struct postgres_query *head;
	struct postgres_query **tail;
	size_t count;
};

enum postgres_phase {
	POSTGRES_IDLE,	     /* not wanted yet */
	POSTGRES_WAITING,    /* lost; connects again at `deadline` */
	POSTGRES_CONNECTING, /* until `deadline` */
	POSTGRES_PIPELINE,   /* connected, in pipeline mode */
	POSTGRES_SIMPLE	     /* connected, running a script outside of pipeline mode */
};

struct postgres_connection {
	struct store_driver *driver;
	size_t index;
	enum postgres_phase phase;
	PGconn *pq;
	int socket; /* as epoll knows it; -1: not there */
	uint32_t events;
	int64_t deadline;
	unsigned attempts;	  /* failed in a row */
	unsigned sequence;	  /* in the names of prepared statements: raised, they are all prepared anew */
	char address[64];	  /* where the last connection went, so that a reconnect need not resolve the name */
	struct base_map prepared; /* name -> statement */
	struct postgres_list waiting, sent;
	const struct postgres_query *booking; /* under way: those that come meanwhile go together after it */
	unsigned apart;		    /* so many bookings go by themselves: the last that went together did not fit */
	struct wtel_detail trouble; /* why there is no connection */
	bool no_memory;		    /* that is why */
};

struct store_driver {
	struct wtel_allocator allocator;
	struct postgres_connection connections[POSTGRES_CONNECTIONS];
	size_t lanes; /* in use */
	int epoll;
	char **keywords, **values; /* for PQconnectStartParams, NULL at the end; a `hostaddr` comes last */
	size_t option_count;
	bool one_host;
	int64_t connect_timeout;
	size_t max_batch;
	wtel_log_fn *log;
	void *log_user;
	char *write_sql;   /* the batch statement; NULL until the first one */
	char *checked_sql; /* the same, minding foreign keys; NULL until it was needed */
	bool dispatching, closing;
	struct {
		void (*changed)(void *user); /* NULL: nobody watches */
		void *user;
		bool asked; /* on this connection */
		bool again; /* there was one before: changes may have been missed */
	} listen;
};

/* postgres_options.c: the connection's options, without blocking. */
int postgres_options_read(struct store_driver *driver, const struct wtel_store_options *options, const char *target,
			  struct wtel_detail *detail);
void postgres_options_free(struct store_driver *driver);
const char *postgres_option(const struct store_driver *driver, const char *keyword);

/* postgres_connect.c */
void postgres_connect(struct postgres_connection *connection, int64_t mono);
void postgres_connect_poll(struct postgres_connection *connection, int64_t mono);
/* Ends it: what was sent is answered with WTEL_ECLOSED, what waits stays; connects again after a while. */
void postgres_lose(struct postgres_connection *connection, int64_t mono);
void postgres_watch(struct postgres_connection *connection, uint32_t events);
void postgres_log(const struct store_driver *driver, enum wtel_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* postgres_error.c: what a result or a connection says, without values and without the password. */
int postgres_result_error(const struct store_driver *driver, const PGresult *result, struct wtel_detail *detail);
void postgres_connection_error(const struct store_driver *driver, const PGconn *pq, struct wtel_detail *detail);
/* Whether that SQLSTATE says that the server ends this connection. */
bool postgres_state_closes(const char *state);
/* Whether it says that nothing was done, and that the same may succeed at once: a deadlock, a conflict, a lock. */
bool postgres_state_passes(const char *state);

/* postgres_queue.c */
void postgres_list_init(struct postgres_list *list);
void postgres_list_append(struct postgres_list *list, struct postgres_query *query);
void postgres_list_prepend(struct postgres_list *list, struct postgres_query *query);
/* All of `before`, which is empty afterwards, at the front. */
void postgres_list_put_before(struct postgres_list *list, struct postgres_list *before);
/* At the front, behind what also waits there to be sent a second time. */
void postgres_list_again(struct postgres_list *list, struct postgres_query *query);
struct postgres_query *postgres_list_take(struct postgres_list *list);
/* With `extra` bytes behind it, at query + 1. */
struct postgres_query *postgres_query_new(struct store_driver *driver, enum postgres_kind kind, size_t extra);
int postgres_query_statement(struct postgres_query **out, struct store_driver *driver,
			     const struct store_statement *statement, const store_value *parameters, size_t count);
/* Forgets what came back, to be sent again. */
void postgres_query_reset(struct postgres_query *query);
/* Calls `done` and frees. */
void postgres_query_finish(struct store_driver *driver, struct postgres_query *query);
void postgres_query_free(struct store_driver *driver, struct postgres_query *query);

/* postgres_pipeline.c */
struct postgres_parameters {
	size_t count;
	const char *const *values;
	const int *lengths, *formats; /* NULL: text */
};
/* Everything of `query` into libpq's buffer: the preparation if need be, the execution, the sync. */
bool postgres_send_prepared(struct postgres_connection *connection, struct postgres_query *query, const char *name,
			    const char *sql, const struct postgres_parameters *parameters);
bool postgres_settings(struct postgres_connection *connection);
bool postgres_sendable(const struct postgres_connection *connection);
void postgres_send(struct postgres_connection *connection, int64_t mono);
void postgres_receive(struct postgres_connection *connection, int64_t mono);

/* postgres_listen.c: being told of changes. */
void postgres_listen(struct store_driver *driver, void (*changed)(void *user), void *user);
/* The connection is new: it does not listen yet. */
void postgres_listen_reset(struct postgres_connection *connection);
/* Sees to it that the first connection listens. */
void postgres_listen_ask(struct store_driver *driver);
/* Takes what it was told. */
void postgres_listen_take(struct store_driver *driver);

/* postgres_text.c: any bytes as UTF-8 that PostgreSQL accepts. `out` has room for 2 * length + 1; terminated. */
size_t postgres_text(char *out, struct wtel_slice text);

/* postgres_write.c: batches of calls. */
int postgres_write(struct store_driver *driver, const struct store_change *changes, size_t count, store_done_fn *done,
		   void *user);
/* Encodes and sends. 0, WTEL_ENOMEM (nothing was sent), WTEL_ECLOSED. */
int postgres_batch_send(struct postgres_connection *connection, struct postgres_query *query);
/* Its result is known: sends it again in a form that may succeed, or tells the writer when it was the last part. */
void postgres_batch_finish(struct postgres_connection *connection, struct postgres_query *query);
/* Frees it without telling anyone. */
void postgres_batch_drop(struct store_driver *driver, struct postgres_query *query);
/* Must it wait until everything before it was answered? */
bool postgres_batch_waits(const struct postgres_connection *connection, const struct postgres_query *query);

/* postgres_booking.c: bookings that wait at the same time go together. */
/* Must it wait, so that others may join it? */
bool postgres_booking_waits(const struct postgres_connection *connection, const struct postgres_query *query);
/* What is to be sent for `query`, which was just taken from `waiting`: itself, or the bookings from it on as one. */
struct postgres_query *postgres_booking_join(struct postgres_connection *connection, struct postgres_query *query);
/* 0, WTEL_ENOMEM (nothing was sent), WTEL_ECLOSED. */
int postgres_booking_send(struct postgres_connection *connection, struct postgres_query *query);
/* Its result is known: tells its members, or sends them again, each by itself. */
void postgres_booking_finish(struct postgres_connection *connection, struct postgres_query *query);
/* Frees it and its members without telling anyone. */
void postgres_booking_drop(struct store_driver *driver, struct postgres_query *query);

/* postgres_array.c: the columns of a batch as arrays in PostgreSQL's binary form. */
enum { POSTGRES_WRITE_PARAMETERS = 26 };
/* The end of the year 9999: beyond it no clock was right. */
#define POSTGRES_LATEST INT64_C(253402300799000000)
struct postgres_arrays {
	struct base_buffer buffer;
	size_t offsets[POSTGRES_WRITE_PARAMETERS + 1];
};
/* One array of texts. `at` is moved from each to the next. */
int postgres_array_texts(struct base_buffer *buffer, const struct wtel_allocator *allocator, size_t count,
			 const char *(*next)(void *at), void *at);
int postgres_arrays_build(struct postgres_arrays *arrays, const struct wtel_allocator *allocator,
			  const struct store_change *const *rows, size_t count);

/* postgres_legs.c: appends a call's legs as JSON, an array of arrays in the order of the view wtel_legs. */
int postgres_legs(struct base_buffer *buffer, const struct wtel_allocator *allocator, const struct wtel_call *call);

#endif
