/* Questions to the database, with and without waiting for the answer. */
#include <poll.h>

#include "store/core.h"
#include "store/rows.h"

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
	struct wtel_store *store;

	if (ask->prev)
		ask->prev->next = ask->next;
	else
		ask->store->asks = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	store = ask->store;
	base_wipe(ask, ask->wipe);
	base_release(&store->allocator, ask);
}

/* Those who wait for an operation are told by it: it was asked after they came, and stands before them. */
void store_ask_end_all(struct wtel_store *store)
{
	const struct wtel_detail detail = {"", "the store was closed before the database answered"};
	struct store_ask *ask;

	while ((ask = store->asks)) {
		if (ask->done)
			ask->done(WTEL_ECLOSED, NULL, &detail, ask);
		else
			store_ask_free(ask);
	}
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
	int code = store->closing ? WTEL_ECLOSED : check_args(store, args);

	if (!code)
		code = store->ops->query(store->driver, statement, args->values, args->count, done, ask);
	if (!code)
		ask->done = done;
	return code;
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

void store_ask_say(struct wtel_detail *said, int code, const struct wtel_detail *detail)
{
	memset(said, 0, sizeof(*said));
	if (detail)
		*said = *detail;
	if (code && !said->text[0])
		base_fail(said, code, "", "%s", wtel_error_text(code));
}

void store_ask_changed(struct store_ask *ask, int code, const struct store_rows *rows, const struct wtel_detail *detail,
		       const struct wtel_detail *missing)
{
	store_change_fn *done = (store_change_fn *)ask->callback;
	struct wtel_detail said;
	void *tell = ask->user;

	if (!code && !rows->changed) {
		code = WTEL_ENOTFOUND;
		detail = missing;
	}
	store_ask_say(&said, code, detail);
	store_ask_free(ask);
	done(code, &said, tell);
}

int store_ask_take(struct store_ask *ask, void **list, int code, const struct store_rows *rows,
		   const struct wtel_detail *detail, store_take_fn *take, struct wtel_detail *said)
{
	struct wtel_store *store = ask->store;

	store_ask_free(ask);
	if (!code)
		code = take(store, rows, list);
	store_ask_say(said, code, detail);
	return code;
}

/* ---- waiting ---------------------------------------------------------- */

/* Outlives who waits, if that one gives up: the answer may come later. */
struct store_waiter {
	struct store_ask ask;	     /* first */
	struct store_answer *answer; /* NULL: nobody waits any more */
};

int store_answer_begin(struct store_answer *answer, struct wtel_store *store)
{
	int code = store->dispatching ? WTEL_EBUSY : 0;

	memset(answer, 0, sizeof(*answer));
	store_forget_error(store);
	answer->store = store;
	if (!code)
		answer->waiter = (struct store_waiter *)store_ask_new(store, sizeof(*answer->waiter));
	if (!code && !answer->waiter)
		code = WTEL_ENOMEM;
	if (code)
		return base_fail(&store->error, code, "", "%s", wtel_error_text(code));
	answer->waiter->answer = answer;
	return 0;
}

struct store_answer *store_answered(void *user, int code, const struct wtel_detail *detail)
{
	struct store_waiter *waiter = user;
	struct store_answer *answer = waiter->answer;

	if (!answer) {
		store_ask_free(&waiter->ask);
		return NULL;
	}
	if (code && detail)
		answer->store->error = *detail;
	answer->code = code;
	answer->finished = true;
	return answer;
}

void store_answered_list(void *user, int code, const struct wtel_detail *detail, const void *list)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (answer)
		answer->list = store_pack_keep(list);
}

void store_answered_id(int code, const struct wtel_detail *detail, int64_t id, void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (answer)
		answer->id = id;
}

void store_answered_change(int code, const struct wtel_detail *detail, void *user)
{
	(void)store_answered(user, code, detail);
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

/* false: the connection has been away for too long. */
static bool wait_until_finished(struct store_answer *answer)
{
	struct wtel_store *store = answer->store;
	int64_t lost = 0;

	while (!answer->finished) {
		int64_t now = wtel_time_now().mono;
		int code;

		if (store_connected(store))
			lost = 0;
		else if (!lost)
			lost = now;
		else if (now - lost > store->connect_timeout)
			return false;
		code = store_turn(store, now + 100000);
		if (code && code != WTEL_ENOMEM)
			store_log(store, WTEL_LOG_DEBUG, "store: %s", wtel_error_text(code));
	}
	return true;
}

int store_answer_end(struct store_answer *answer, int started)
{
	struct wtel_store *store = answer->store;
	int code = started;

	if (!code && !wait_until_finished(answer)) {
		answer->waiter->answer = NULL;
		return base_fail(&store->error, WTEL_ESTORE, "db", "no connection to the database");
	}
	if (!code)
		code = answer->code;
	if (code && !store->error.text[0])
		base_fail(&store->error, code, "", "%s", wtel_error_text(code));
	store_ask_free(&answer->waiter->ask);
	return code;
}

int store_answer_list(struct store_answer *answer, int started, void **out)
{
	int code = store_answer_end(answer, started);

	if (!code)
		*out = answer->list;
	return code;
}

/* ---- one statement ---------------------------------------------------- */

static void wait_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_answer *answer = store_answered(user, code, detail);

	if (answer && !code && answer->take)
		answer->code = answer->take(answer->store, rows, answer->out);
}

int store_wait(struct wtel_store *store, const struct store_statement *statement, const struct store_args *args,
	       store_take_fn *take, void *out)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	if (code)
		return code;
	answer.take = take;
	answer.out = out;
	return store_answer_end(&answer, store_ask_send(&answer.waiter->ask, statement, args, wait_done));
}

int store_wait_script(struct wtel_store *store, const char *sql)
{
	struct store_answer answer;
	int code = store_answer_begin(&answer, store);

	return code ? code
		    : store_answer_end(&answer, store->ops->script(store->driver, sql, wait_done, answer.waiter));
}

int store_take_changed(struct wtel_store *store, const struct store_rows *rows, void *out)
{
	(void)store;
	*(int64_t *)out = rows->changed;
	return 0;
}
