/*
 * This process's sign of life, and calls left behind by processes that died.
 *
 *   owners of unfinished calls -> which of them are dead -> theirs become ours (one statement: a row
 *   belongs to whom it says, so two processes never take the same) -> read them -> told: no longer marked
 */
#include <jansson.h>

#include "store/core.h"
#include "store/names.h"
#include "store/rows.h"

#define SQLITE_NOW   "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
#define SQLITE_STALE "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-15 seconds')"

/* By the database's clock, which all processes share. */
static const struct store_statement heartbeat = {
	.name = "heartbeat",
	.sqlite = "INSERT INTO wtel_instances (id, host, boot, pid, pid_start, heartbeat)"
		  " VALUES ($1, $2, $3, $4, $5, " SQLITE_NOW ")"
		  " ON CONFLICT (id) DO UPDATE SET heartbeat = excluded.heartbeat",
	.postgres = "INSERT INTO wtel_instances (id, host, boot, pid, pid_start, heartbeat)"
		    " VALUES ($1, $2, $3, $4, $5, clock_timestamp())"
		    " ON CONFLICT (id) DO UPDATE SET heartbeat = excluded.heartbeat",
	.relaxed = true,
};

#define RETIRE "DELETE FROM wtel_instances WHERE id = $1"
static const struct store_statement retire = {.name = "retire", .sqlite = RETIRE, .postgres = RETIRE, .relaxed = true};

#define OWNERS(stale)                                                                                                  \
	"SELECT w.owner, max(i.boot), max(i.pid), max(i.pid_start),"                                                   \
	" max(CASE WHEN i.heartbeat >= " stale " THEN 1 ELSE 0 END)"                                                   \
	" FROM calls c JOIN wtel_calls w ON w.id = c.id LEFT JOIN wtel_instances i ON i.id = w.owner"                  \
	" WHERE c.end_time IS NULL AND w.owner <> $1 GROUP BY w.owner"
static const struct store_statement owners = {
	.name = "owners",
	.sqlite = OWNERS(SQLITE_STALE),
	.postgres = OWNERS("clock_timestamp() - interval '15 seconds'"),
};

/* $2: a JSON list of the dead. */
#define TAKE(list)                                                                                                     \
	"UPDATE wtel_calls SET owner = $1, adopted = true WHERE owner IN (" list ")"                                   \
	" AND id IN (SELECT id FROM calls WHERE end_time IS NULL)"
#define SQLITE_LIST   "SELECT value FROM json_each($2)"
#define POSTGRES_LIST "SELECT json_array_elements_text(CAST($2 AS json))"
static const struct store_statement take = {
	.name = "take",
	.sqlite = TAKE(SQLITE_LIST),
	.postgres = TAKE(POSTGRES_LIST),
};

/* Those of $1, and such as died long ago without leaving calls. */
#define FORGET(list, yesterday) "DELETE FROM wtel_instances WHERE id IN (" list ") OR heartbeat < " yesterday
static const struct store_statement forget = {
	.name = "forget",
	.sqlite = FORGET("SELECT value FROM json_each($1)", "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-1 day')"),
	.postgres = FORGET("SELECT json_array_elements_text(CAST($1 AS json))", "clock_timestamp() - interval '1 day'"),
	.relaxed = true,
};

#define TOLD "UPDATE wtel_calls SET adopted = false WHERE owner = $1 AND adopted"
static const struct store_statement told = {.name = "told", .sqlite = TOLD, .postgres = TOLD, .relaxed = true};

/* ---- sign of life ----------------------------------------------------- */

static void heartbeat_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;

	(void)rows;
	if (code) {
		ask->store->heartbeat_at = 0;
		store_log(ask->store, WTEL_LOG_WARNING, "store: no sign of life could be left: %s",
			  detail ? detail->text : wtel_error_text(code));
	}
	store_ask_free(ask);
}

int store_heartbeat(struct wtel_store *store)
{
	struct store_process self;
	struct store_args args = {0};
	int code;

	store_process_self(&self);
	store_args_text(&args, store->instance);
	store_args_slice(&args, wtel_slice_of(self.host));
	store_args_slice(&args, wtel_slice_of(self.boot));
	store_args_number(&args, self.pid);
	store_args_number(&args, self.start);
	code = store_ask(store, &heartbeat, &args, heartbeat_done, NULL, NULL);
	if (!code)
		store->heartbeat_at = wtel_time_now().mono;
	return code;
}

int store_announce(struct wtel_store *store)
{
	if (store->heartbeat_at && wtel_time_now().mono - store->heartbeat_at < STORE_HEARTBEAT)
		return 0;
	return store_heartbeat(store);
}

void store_retire(struct wtel_store *store)
{
	struct store_args args = {0};

	if (!store->heartbeat_at || !store_connected(store))
		return;
	store_args_text(&args, store->instance);
	if (store_wait(store, &retire, &args, NULL, NULL))
		store_log(store, WTEL_LOG_DEBUG, "store: %s", store->error.text);
}

/* ---- taking over ------------------------------------------------------ */

static void ignore_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;

	(void)rows;
	if (code)
		store_log(ask->store, WTEL_LOG_DEBUG, "store: %s", detail ? detail->text : wtel_error_text(code));
	store_ask_free(ask);
}

static void taken_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	struct wtel_store *store = ask->store;
	store_calls_fn *done = (store_calls_fn *)ask->callback;
	struct wtel_detail said = {"", ""};
	struct store_args args = {0};
	void *list = NULL, *tell = ask->user;

	store_ask_free(ask);
	if (!code) {
		const struct store_call_source source = {rows, false, (int64_t)rows->row_count,
							 (int64_t)rows->row_count};

		code = store_pack_build(&list, &store->allocator, store_fill_call_list, &source);
		if (code)
			base_fail(&said, code, "", "%s", wtel_error_text(code));
	} else if (detail) {
		said = *detail;
	}
	done(code, &said, list, tell);
	if (!code && rows->row_count) {
		store_args_text(&args, store->instance);
		code = store_ask(store, &told, &args, ignore_done, NULL, NULL);
		if (code)
			store_log(store, WTEL_LOG_DEBUG, "store: %s", wtel_error_text(code));
	}
	store_pack_free(list);
}

/* The owners that are dead, as a JSON list; NULL: out of memory. Freed by the caller with free(). */
static char *dead_owners(struct wtel_store *store, const struct store_rows *rows, size_t *count)
{
	json_t *list = json_array();
	struct store_process self;
	char boot[128], owner[64];
	char *text;
	size_t row;

	store_process_self(&self);
	for (row = 0; row < rows->row_count; row++) {
		bool beats = store_row_flag(rows, row, 4);

		store_row_text(boot, sizeof(boot), rows, row, 1);
		if (beats &&
		    store_process_alive(&self, boot, store_row_number(rows, row, 2), store_row_number(rows, row, 3)))
			continue;
		store_row_text(owner, sizeof(owner), rows, row, 0);
		if (json_array_append_new(list, json_string(owner))) {
			json_decref(list);
			return NULL;
		}
	}
	*count = json_array_size(list);
	text = store_json_text(&store->allocator, list, 0);
	json_decref(list);
	return text;
}

/* Asks for the dead's calls to become ours, then reads those that are. */
static int take_over(struct wtel_store *store, const struct store_rows *rows, store_calls_fn *done, void *user)
{
	struct store_args args = {0}, gone = {0};
	size_t count = 0;
	char *list = dead_owners(store, rows, &count);
	int code = list ? 0 : WTEL_ENOMEM;

	store_args_text(&args, store->instance);
	if (!code && count) {
		store_args_text(&args, list);
		code = store_ask(store, &take, &args, ignore_done, NULL, NULL);
		args.count = 1;
	}
	store_args_text(&gone, list);
	if (!code)
		code = store_ask(store, &forget, &gone, ignore_done, NULL, NULL);
	if (!code)
		code = store_ask(store, &store_no_names.taken, &args, taken_done, (void (*)(void))done, user);
	base_release(&store->allocator, list);
	return code;
}

static void owners_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	struct wtel_store *store = ask->store;
	store_calls_fn *done = (store_calls_fn *)ask->callback;
	struct wtel_detail said = {"", ""};
	void *tell = ask->user;

	store_ask_free(ask);
	if (detail)
		said = *detail;
	if (!code)
		code = take_over(store, rows, done, tell);
	if (code && !said.text[0])
		base_fail(&said, code, "", "%s", wtel_error_text(code));
	if (code)
		done(code, &said, NULL, tell);
}

int store_adopt(struct wtel_store *store, store_calls_fn *done, void *user)
{
	struct store_args args = {0};
	int code = store_announce(store);

	if (code)
		return code;
	store_args_text(&args, store->instance);
	return store_ask(store, &owners, &args, owners_done, (void (*)(void))done, user);
}

/* ---- the same, waiting ------------------------------------------------ */

struct dead {
	char *list; /* JSON; freed by who asked */
	size_t count;
};

static int take_dead(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	struct dead *dead = out;

	dead->list = dead_owners(store, rows, &dead->count);
	return dead->list ? 0 : WTEL_ENOMEM;
}

static int take_calls(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	const struct store_call_source source = {rows, false, (int64_t)rows->row_count, (int64_t)rows->row_count};

	return store_pack_build(out, &store->allocator, store_fill_call_list, &source);
}

/* One at a time, in the order of store_adopt(). */
static int adopt_and_wait(struct wtel_store *store, struct wtel_call_list **out, struct dead *dead)
{
	struct store_args self = {0}, args = {0}, gone = {0};
	void *list = NULL;
	int code;

	store_args_text(&self, store->instance);
	code = store_wait(store, &owners, &self, take_dead, dead);
	store_args_text(&args, store->instance);
	store_args_text(&args, dead->list);
	store_args_text(&gone, dead->list);
	if (!code && dead->count)
		code = store_wait(store, &take, &args, NULL, NULL);
	if (!code)
		code = store_wait(store, &forget, &gone, NULL, NULL);
	if (!code)
		code = store_wait(store, &store_no_names.taken, &self, take_calls, &list);
	if (!code && ((const struct wtel_call_list *)list)->count)
		code = store_wait(store, &told, &self, NULL, NULL);
	if (code)
		store_pack_free(list);
	else
		*out = list;
	return code;
}

int wtel_store_adopt(struct wtel_store *store, struct wtel_call_list **out)
{
	struct dead dead = {NULL, 0};
	int code = store_announce(store);

	if (!code)
		code = adopt_and_wait(store, out, &dead);
	base_release(&store->allocator, dead.list);
	return code;
}

int wtel_store_own_calls(struct wtel_store *store, struct wtel_call_list **out)
{
	struct store_args self = {0};
	void *list = NULL;
	int code;

	store_args_text(&self, store->instance);
	code = store_wait(store, &store_no_names.own, &self, take_calls, &list);
	if (!code)
		*out = list;
	return code;
}
