/*
 * What is too old for the audit log. A few rows at a time, with pauses in which others get their turn: SQLite runs a
 * statement inside of the dispatch, PostgreSQL in the pipeline that the calls' go through too. Several processes may do
 * it at once: none waits for rows that another is removing.
 */
#include "store/core.h"

enum { ROWS = 50 };
/* Microseconds. */
static const int64_t FIRST = 30000000;	/* a process begins with other things */
static const int64_t PAUSE = 100000;	/* there was more than ROWS */
static const int64_t REST = 3600000000; /* there was not */

#define OLD "SELECT id FROM wtel_audit WHERE at < $1 ORDER BY at LIMIT 50"
static const struct store_statement prune_audit = {
	.name = "prune_audit",
	.sqlite = "DELETE FROM wtel_audit WHERE id IN (" OLD ")",
	.postgres = "DELETE FROM wtel_audit WHERE id = ANY(ARRAY(" OLD " FOR UPDATE SKIP LOCKED))",
	.relaxed = true,
};

void store_prune_init(struct wtel_store *store, int days)
{
	store->prune.days = days;
	store->prune.due = wtel_time_now().mono + FIRST;
}

static void pruned(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_ask *ask = user;
	struct wtel_store *store = ask->store;
	struct store_prune *prune = &store->prune;
	int64_t pause = code == WTEL_ECLOSED ? FIRST : REST;

	store_ask_free(ask);
	if (!code && rows->changed >= ROWS)
		pause = PAUSE;
	prune->due = wtel_time_now().mono + pause;
	if (code && code != WTEL_ECLOSED && !prune->failed)
		store_log(store, WTEL_LOG_WARNING, "store: audit: old entries cannot be removed: %s",
			  detail && detail->text[0] ? detail->text : wtel_error_text(code));
	prune->failed = code && code != WTEL_ECLOSED;
}

int64_t store_prune_deadline(const struct wtel_store *store)
{
	return store->prune.days ? store->prune.due : INT64_MAX;
}

void store_prune_dispatch(struct wtel_store *store, struct wtel_time now)
{
	const int64_t day = INT64_C(86400000000);
	struct store_args args = {0};

	if (store_prune_deadline(store) > now.mono)
		return;
	store_args_time(&args, now.wall - store->prune.days * day);
	store->prune.due = INT64_MAX;
	if (store_ask(store, &prune_audit, &args, pruned, NULL, NULL))
		store->prune.due = now.mono + FIRST;
}
