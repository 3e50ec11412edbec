/* Questions to the database, with and without waiting for the answer. */
#include <poll.h>

#include "store/core.h"

struct store_ask *store_ask_new(struct wtel_store *store, size_t size)
{
	struct store_ask *ask = base_allocate_zero(&store->allocator, size);

	if (!ask)
		return NULL;
	ask->store = store;
	ask->next = store->asks;
	if (ask->next)
		ask->next->prev = ask;
	store->asks = ask;
	return ask;
}

void store_ask_free(struct store_ask *ask)
{
	if (ask->prev)
		ask->prev->next = ask->next;
	else
		ask->store->asks = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	base_release(&ask->store->allocator, ask);
}

/* Nothing leaves for the database that it could read as something else: no NUL, and UTF-8 only. */
static int check_args(struct wtel_store *store, const struct store_args *args)
{
	size_t i;

	for (i = 0; i < args->count; i++) {
		const struct wtel_slice *value = &args->values[i];

		if (value->length && memchr(value->data, '\0', value->length))
			return base_fail(store_forget_error(store), WTEL_EINJECTION, "", "a value holds NUL");
		if (!base_slice_utf8(*value))
			return base_fail(store_forget_error(store), WTEL_EINVAL, "", "a value is not UTF-8");
	}
	return 0;
}

int store_ask_send(struct store_ask *ask, const struct store_statement *statement, const struct store_args *args,
		   store_done_fn *done)
{
	struct wtel_store *store = ask->store;
	int code = check_args(store, args);

	return code ? code : store->ops->query(store->driver, statement, args->values, args->count, done, ask);
}

int store_ask(struct wtel_store *store, const struct store_statement *statement, const struct store_args *args,
	      store_done_fn *done, void (*callback)(void), void *user)
{
	struct store_ask *ask = store_ask_new(store, sizeof(*ask));
	int code;

	if (!ask)
		return WTEL_ENOMEM;
	ask->callback = callback;
	ask->user = user;
	code = store_ask_send(ask, statement, args, done);
	if (code)
		store_ask_free(ask);
	return code;
}

int store_ask_take(struct store_ask *ask, void **list, int code, const struct store_rows *rows,
		   const struct wtel_detail *detail, store_take_fn *take, struct wtel_detail *said)
{
	struct wtel_store *store = ask->store;

	store_ask_free(ask);
	memset(said, 0, sizeof(*said));
	if (detail)
		*said = *detail;
	if (!code)
		code = take(store, rows, list);
	if (code && !said->text[0])
		base_fail(said, code, "", "%s", wtel_error_text(code));
	return code;
}

/* ---- waiting ---------------------------------------------------------- */

struct wait {
	struct store_ask ask; /* first */
	store_take_fn *take;
	void *out;
	bool finished;
	bool abandoned; /* nobody waits any more: `out` is gone */
	int code;
};

static void wait_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct wait *wait = user;
	struct wtel_store *store = wait->ask.store;

	if (wait->abandoned) {
		store_ask_free(&wait->ask);
		return;
	}
	if (code && detail)
		store->error = *detail;
	if (!code && wait->take)
		code = wait->take(store, rows, wait->out);
	wait->code = code;
	wait->finished = true;
}

int store_turn(struct wtel_store *store, int64_t until)
{
	struct wtel_time now = wtel_time_now();
	int64_t deadline = store_deadline(store);
	struct pollfd poller = {store_fd(store), store_events(store), 0};

	if (deadline > until)
		deadline = until;
	if (deadline > now.mono) {
		int64_t wait = (deadline - now.mono + 999) / 1000;

		poll(&poller, poller.fd >= 0, wait > 1000 ? 1000 : (int)wait);
		now = wtel_time_now();
	}
	return store_dispatch(store, now);
}

static int wait_for(struct wtel_store *store, struct wait *wait)
{
	int64_t lost = 0;
	int code;

	while (!wait->finished) {
		int64_t now = wtel_time_now().mono;

		if (store_connected(store))
			lost = 0;
		else if (!lost)
			lost = now;
		else if (now - lost > store->connect_timeout) {
			wait->abandoned = true;
			return base_fail(&store->error, WTEL_ESTORE, "db", "no connection to the database");
		}
		code = store_turn(store, now + 100000);
		if (code && code != WTEL_ENOMEM)
			store_log(store, WTEL_LOG_DEBUG, "store: %s", wtel_error_text(code));
	}
	code = wait->code;
	if (code && !store->error.text[0])
		base_fail(&store->error, code, "", "%s", wtel_error_text(code));
	store_ask_free(&wait->ask);
	return code;
}

static int wait_new(struct wait **out, struct wtel_store *store, store_take_fn *take, void *into)
{
	struct wait *wait;

	if (store->dispatching)
		return base_fail(store_forget_error(store), WTEL_EBUSY, "", "%s", wtel_error_text(WTEL_EBUSY));
	wait = (struct wait *)store_ask_new(store, sizeof(*wait));
	if (!wait)
		return base_fail(store_forget_error(store), WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	wait->take = take;
	wait->out = into;
	*out = wait;
	return 0;
}

static int wait_started(struct wtel_store *store, struct wait *wait, int code)
{
	if (!code)
		return wait_for(store, wait);
	store_ask_free(&wait->ask);
	return base_fail(&store->error, code, "", "%s", wtel_error_text(code));
}

int store_wait(struct wtel_store *store, const struct store_statement *statement, const struct store_args *args,
	       store_take_fn *take, void *out)
{
	struct wait *wait;
	int code = check_args(store, args);

	if (!code)
		code = wait_new(&wait, store, take, out);
	if (code)
		return code;
	store_forget_error(store);
	return wait_started(store, wait,
			    store->ops->query(store->driver, statement, args->values, args->count, wait_done, wait));
}

int store_wait_script(struct wtel_store *store, const char *sql)
{
	struct wait *wait;
	int code = wait_new(&wait, store, NULL, NULL);

	if (code)
		return code;
	store_forget_error(store);
	return wait_started(store, wait, store->ops->script(store->driver, sql, wait_done, wait));
}

int store_take_changed(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	(void)store;
	*(int64_t *)out = rows->changed;
	return 0;
}
