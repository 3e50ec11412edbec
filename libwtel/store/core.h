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
	size_t wipe; /* so many bytes from here are wiped with it: there is a secret in them */
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
	struct store_changes patient; /* of `open`, what is worth no write of its own: see store_entry_patient() */
	struct base_map waiting;      /* call_id -> entry */
	struct base_map flying;	      /* call_id -> change */
	struct store_flight flights[STORE_FLIGHTS];
	bool blocked;	   /* all that wait have an older state in flight */
	size_t batch;	   /* rows in the next one: halved after an error, to find the row that cannot be written */
	unsigned failures; /* in a row */
	int64_t due;	   /* mono; when the oldest must go */
	int64_t patience;  /* mono; when those that are patient must */
	int64_t retry_at;  /* mono */
	uint64_t batches;  /* answered, for flush */
	int result;	   /* of the last one */
};

/* Notes on their way to the audit log. */
struct store_audit_entry;
struct store_audit_list {
	struct store_audit_entry *first;
	struct store_audit_entry *last;
	size_t count;
};
struct store_audit {
	struct store_audit_list waiting;
	struct store_audit_list flying; /* with the database */
	uint64_t notes;			/* made so far: of their marks */
	uint64_t answers;
	size_t lost;	   /* since the last one was written */
	size_t batch;	   /* 0: as many as may be */
	unsigned failures; /* in a row */
	int result;	   /* of the last batch */
	int64_t due;	   /* mono */
	int64_t retry_at;  /* mono */
};

/* What is too old to be kept in it. */
struct store_prune {
	int days;    /* 0: nothing is */
	int64_t due; /* mono; INT64_MAX: it is under way */
	bool failed; /* and that was said */
};

/* Who is told of changes. */
struct store_watch {
	void (*changed)(void *user);
	void *user;
	bool pending;
	int64_t told_at; /* mono */
};

struct wtel_store {
	struct wtel_allocator allocator;
	const struct store_driver_ops *ops;
	struct store_driver *driver;
	struct wtel_detail error;
	struct store_ask *asks;
	struct store_queue queue;
	struct store_audit audit;
	struct store_prune prune;
	struct store_watch watch;
	struct store_zones zones;  /* of routers that were made of this store */
	struct store_names *names; /* with the platform's tables; NULL: not found yet */
	struct store_users *users; /* the same of `usuarios`: store/users.h; NULL: not looked at yet */
	bool dispatching;
	bool closing; /* nothing is asked any more */
	/* options */
	size_t max_batch;
	size_t max_queue;
	int64_t max_delay;
	int64_t connect_timeout;
	struct wtel_keyring *keyring; /* NULL: accounts' secrets are not kept */
	char realm[WTEL_REALM_MAX + 1];
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
/* At the end: whoever still asks is told WTEL_ECLOSED. */
void store_ask_end_all(struct wtel_store *store);
/* In two steps, for an ask that begins a larger struct of `size` zeroed bytes (NULL: out of memory), or that asks again
 * from its `done`. After a failure it is still the caller's to free. */
struct store_ask *store_ask_new(struct wtel_store *store, size_t size);
int store_ask_send(struct store_ask *ask, const struct store_statement *statement, const struct store_args *args,
		   store_done_fn *done);

typedef int store_take_fn(struct wtel_store *store, const struct store_rows *rows, void *out);

/*
 * How an ask for a list ends: it is freed, *list is what `take` made of the rows (NULL on failure), *said has the
 * sentence of a failure. Gives back the code.
 */
int store_ask_take(struct store_ask *ask, void **list, int code, const struct store_rows *rows,
		   const struct wtel_detail *detail, store_take_fn *take, struct wtel_detail *said);
/* The sentence of a failure: the database's, or the code's own. */
void store_ask_say(struct wtel_detail *said, int code, const struct wtel_detail *detail);
/* How an ask for the change of one row ends: no row is WTEL_ENOTFOUND with `missing`. Its callback is a
 * store_change_fn.
 */
void store_ask_changed(struct store_ask *ask, int code, const struct store_rows *rows, const struct wtel_detail *detail,
		       const struct wtel_detail *missing);

/*
 * A function that waits is the one that does not, then a loop:
 *
 *   code = store_answer_begin(&answer, store);
 *   if (!code)
 *           code = store_answer_end(&answer, store_trunk_find(store, name, store_answered_id, answer.waiter));
 *   if (!code)
 *           *id = answer.id;
 */
struct store_waiter;
struct store_answer {
	struct store_waiter *waiter; /* `user` of the operation */
	struct wtel_store *store;
	bool finished;
	int code;
	store_take_fn *take; /* of store_wait() */
	void *out;
	/* what the operation gave, by its kind */
	void *list; /* the caller's */
	int64_t id;
	struct wtel_call_stats stats;
	char secret[WTEL_PEER_SECRET_SIZE]; /* the caller wipes it */
	char token[STORE_TOKEN_SIZE];	    /* and it */
};
/* WTEL_EBUSY from inside a dispatch. Empties the store's error. */
int store_answer_begin(struct store_answer *answer, struct wtel_store *store);
/* `started`: what the operation's function gave. The code of the whole; the error is in store->error. */
int store_answer_end(struct store_answer *answer, int started);
int store_answer_list(struct store_answer *answer, int started, void **out);
/* In the operation's callback: where to put what it gave; NULL: nobody waits any more. */
struct store_answer *store_answered(void *user, int code, const struct wtel_detail *detail);
void store_answered_list(void *user, int code, const struct wtel_detail *detail, const void *list);
void store_answered_id(int code, const struct wtel_detail *detail, int64_t id, void *user);
void store_answered_change(int code, const struct wtel_detail *detail, void *user);

/* The same for one statement. `take` (may be NULL) reads the rows into `out`. */
int store_wait(struct wtel_store *store, const struct store_statement *statement, const struct store_args *args,
	       store_take_fn *take, void *out);
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

/* The audit log: store/audit.c. */
void store_audit_free(struct wtel_store *store);
int store_audit_dispatch(struct wtel_store *store, struct wtel_time now);
int64_t store_audit_deadline(const struct wtel_store *store);
/* Waits until all is written, or it is clear that it will not be. */
void store_audit_flush(struct wtel_store *store);

/* Removes what is older than its days: store/prune.c. */
void store_prune_init(struct wtel_store *store, int days);
void store_prune_dispatch(struct wtel_store *store, struct wtel_time now);
int64_t store_prune_deadline(const struct wtel_store *store);

/* store/users.c */
void store_users_free(struct wtel_store *store);

/* Tells of changes: store/watch.c. */
void store_watch_dispatch(struct wtel_store *store, struct wtel_time now);
int64_t store_watch_deadline(const struct wtel_store *store);

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

/* What accounts' secrets are sealed for. */
#define STORE_SEAL_SIP "sip"

/* What is said of a trunk that is not there. */
extern const struct wtel_detail store_no_trunk;

#endif
