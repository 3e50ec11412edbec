/* The store's inside, shared by its operations. */
#ifndef STORE_CORE_H
#define STORE_CORE_H

#include "base/map.h"
#include "store/args.h"
#include "store/driver.h"
#include "store/store.h"

enum {
	STORE_CALL_ID_MAX = 255,
	STORE_NUMBER_MAX = 50,
	STORE_INSTANCE_SIZE = 33,
	STORE_FLIGHTS = 3,	  /* batches with the driver at once: while it writes one, the next is there already */
	STORE_HEARTBEAT = 5000000 /* microseconds */
};

/* A statement that both databases understand. */
#define STORE_BOTH(statement, text)                                                                                    \
	static const struct store_statement statement = {.name = #statement, .sqlite = (text), .postgres = (text)}

/* One question to the database that has not been answered. All are in the store's list, so that closing it loses none.
 */
struct store_ask {
	struct store_ask *prev;
	struct store_ask *next;
	struct wtel_store *store;
	store_done_fn *done;	/* hears the driver's answer; `user` is the ask */
	void (*callback)(void); /* of the one who asks, cast to its type */
	void *user;
};

/* Changes that wait, oldest first. */
struct store_entry;
struct store_changes {
	struct store_entry *first;
	struct store_entry *last;
	size_t count;
};

/* A batch that is with the driver. */
struct store_flight {
	struct wtel_store *store;
	struct store_change *changes; /* in order of call_id; NULL: free */
	size_t count;
};

struct store_queue {
	struct store_changes ended; /* more valuable than the others: never dropped for them */
	struct store_changes open;
	struct base_map waiting; /* call_id -> entry */
	struct base_map flying;	 /* call_id -> change */
	struct store_flight flights[STORE_FLIGHTS];
	bool blocked;	   /* all that wait have an older state in flight */
	size_t batch;	   /* rows in the next one: halved after an error, to find the row that cannot be written */
	unsigned failures; /* in a row */
	int64_t due;	   /* mono; when the oldest must go */
	int64_t retry_at;  /* mono */
	uint64_t batches;  /* answered, for flush */
	int result;	   /* of the last one */
};

struct wtel_store {
	struct wtel_allocator allocator;
	const struct store_driver_ops *ops;
	struct store_driver *driver;
	struct wtel_detail error;
	struct store_ask *asks;
	struct store_queue queue;
	struct store_names *names; /* with the platform's tables; NULL: not found yet */
	bool dispatching;
	/* options */
	size_t max_batch;
	size_t max_queue;
	int64_t max_delay;
	int64_t connect_timeout;
	wtel_log_fn *log;
	void *log_user;
	/* this process, in wtel_instances */
	char instance[STORE_INSTANCE_SIZE];
	int64_t heartbeat_at; /* mono; 0: never */
};

/* Empties the error and gives it, to be filled. */
struct wtel_detail *store_forget_error(struct wtel_store *store);
void store_log(struct wtel_store *store, enum wtel_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Asks without waiting. `done` gets the ask as `user` and must end with store_ask_free(). */
int store_ask(struct wtel_store *store, const struct store_statement *statement, const struct store_args *args,
	      store_done_fn *done, void (*callback)(void), void *user);
void store_ask_free(struct store_ask *ask);

/* Asks and waits. `take` (may be NULL) reads the rows into `out`. The error is in store->error. */
typedef int store_take_fn(struct wtel_store *store, const struct store_rows *rows, void *out);
int store_wait(struct wtel_store *store, const struct store_statement *statement, const struct store_args *args,
	       store_take_fn *take, void *out);

/*
 * How an ask for a list ends: it is freed, *list is what `take` made of the rows (NULL on failure), *said has the
 * sentence of a failure. Gives back the code.
 */
int store_ask_take(struct store_ask *ask, void **list, int code, const struct store_rows *rows,
		   const struct wtel_detail *detail, store_take_fn *take, struct wtel_detail *said);
int store_wait_script(struct wtel_store *store, const char *sql);
/* Dispatches once, having waited for the descriptor until `until` (mono) at the latest. */
int store_turn(struct wtel_store *store, int64_t until);

/* *(int64_t *)out = rows changed. */
int store_take_changed(struct wtel_store *store, const struct store_rows *rows, void *out);

/* The queue: store/queue.c. */
void store_queue_init(struct wtel_store *store);
void store_queue_free(struct wtel_store *store);
int store_queue_dispatch(struct wtel_store *store, struct wtel_time now);
int64_t store_queue_deadline(const struct wtel_store *store);

/* Tells the database of this process unless it was told lately. */
int store_announce(struct wtel_store *store);
/* Forgets it, at the end. */
void store_retire(struct wtel_store *store);

/* Who this process is, for store/liveness.c and the table. `start` is in clock ticks since the boot. */
struct store_process {
	char host[256];
	char boot[128]; /* the boot's id and the process-id namespace: where `pid` means something */
	int64_t pid;
	int64_t start;
};
void store_process_self(struct store_process *out);
bool store_process_alive(const struct store_process *self, const char *boot, int64_t pid, int64_t start);

#endif
