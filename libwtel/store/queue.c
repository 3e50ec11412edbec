/*
 * Calls on their way to the database. Changes gather for up to max_delay, so that one transaction carries many; of one
 * call only the newest is kept. A few batches are with the driver at a time, never two with the same call, and what
 * comes meanwhile gathers for the next.
 *
 *   write() -> waiting (ended | open | patient) -> flight -> durable
 *                 ^                                  |
 *                 +--------- failed: again ----------+
 */
#include "store/queue.h"

#include <stdlib.h>

#include "store/write.h"

enum { RETRY_FIRST = 100000, RETRY_LAST = 5000000, PATIENCE = 500000 };

static struct store_changes *list_of(struct store_queue *queue, const struct store_entry *entry)
{
	if (store_entry_ended(entry))
		return &queue->ended;
	return store_entry_patient(entry) ? &queue->patient : &queue->open;
}

static void append(struct store_changes *list, struct store_entry *entry)
{
	entry->prev = list->last;
	entry->next = NULL;
	if (list->last)
		list->last->next = entry;
	else
		list->first = entry;
	list->last = entry;
	list->count++;
}

static void unlink_entry(struct store_changes *list, struct store_entry *entry)
{
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		list->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		list->last = entry->prev;
	list->count--;
}

static void remove_entry(struct wtel_store *store, struct store_entry *entry)
{
	struct wtel_slice id = wtel_slice_of(entry->change.call.call_id);

	unlink_entry(list_of(&store->queue, entry), entry);
	if (base_map_get(&store->queue.waiting, id) == entry)
		base_map_remove(&store->queue.waiting, id);
}

static size_t waiting(const struct store_queue *queue)
{
	return queue->ended.count + queue->open.count + queue->patient.count;
}

size_t store_queued(const struct wtel_store *store)
{
	return waiting(&store->queue) + store->queue.flying.count;
}

/* The one that is missed least. */
static struct store_entry *oldest_open(const struct store_queue *queue)
{
	return queue->patient.first ? queue->patient.first : queue->open.first;
}

void store_queue_init(struct wtel_store *store)
{
	uint64_t seed;

	memcpy(&seed, store->instance, sizeof(seed));
	base_map_init(&store->queue.waiting, seed);
	base_map_init(&store->queue.flying, seed);
	store->queue.batch = store->max_batch;
	store->queue.due = store->queue.patience = INT64_MAX;
}

void store_queue_free(struct wtel_store *store)
{
	struct store_queue *queue = &store->queue;
	struct store_entry *entry;
	struct store_change *change;
	size_t i;

	while ((entry = queue->ended.first ? queue->ended.first : oldest_open(queue))) {
		unlink_entry(list_of(queue, entry), entry);
		base_release(&store->allocator, entry);
	}
	for (i = 0; i < STORE_FLIGHTS; i++)
		while ((change = queue->flights[i].changes)) {
			queue->flights[i].changes = change->next;
			base_release(&store->allocator, change);
		}
	base_map_free(&queue->waiting, &store->allocator);
	base_map_free(&queue->flying, &store->allocator);
}

/* The number of one that is free, STORE_FLIGHTS: none. After an error one batch at a time: it looks for the row. */
static size_t free_flight(const struct wtel_store *store)
{
	const struct store_queue *queue = &store->queue;
	size_t most = queue->batch < store->max_batch ? 1 : STORE_FLIGHTS, used = 0, found = STORE_FLIGHTS, i;

	for (i = 0; i < STORE_FLIGHTS; i++)
		if (queue->flights[i].changes)
			used++;
		else
			found = i;
	return used < most ? found : STORE_FLIGHTS;
}

/* ---- in --------------------------------------------------------------- */

/* Room for one more: a finished call may push out the oldest unfinished one, whose end will come. */
static int make_room(struct wtel_store *store, bool ended)
{
	struct store_entry *oldest = oldest_open(&store->queue);

	if (store_queued(store) < store->max_queue)
		return 0;
	if (!ended || !oldest)
		return base_fail(store_forget_error(store), WTEL_EOVERFLOW, "", "the database is behind by %zu changes",
				 store_queued(store));
	remove_entry(store, oldest);
	base_release(&store->allocator, oldest);
	return 0;
}

/* Takes the place of an older state of the same call, unless that is its end already. */
static bool replace(struct wtel_store *store, struct store_entry *entry)
{
	struct store_entry *older = base_map_get(&store->queue.waiting, wtel_slice_of(entry->change.call.call_id));

	if (!older)
		return false;
	if (store_entry_ended(older) && !store_entry_ended(entry)) {
		base_release(&store->allocator, entry);
		return true;
	}
	remove_entry(store, older);
	base_release(&store->allocator, older);
	return false;
}

static void set_due(struct wtel_store *store, const struct store_entry *entry)
{
	bool patient = store_entry_patient(entry);
	int64_t *due = patient ? &store->queue.patience : &store->queue.due;
	int64_t at = wtel_time_now().mono + (patient && store->max_delay ? PATIENCE : store->max_delay);

	if (at < *due)
		*due = at;
}

static int add(struct wtel_store *store, const struct wtel_call *call)
{
	struct store_queue *queue = &store->queue;
	struct store_entry *entry;
	struct wtel_slice id;
	int code =
		store_check_text(store_forget_error(store), "call_id", wtel_slice_of(call->call_id), STORE_CALL_ID_MAX);

	if (code)
		return code;
	if (!call->call_id || !call->call_id[0])
		return base_fail(store_forget_error(store), WTEL_EINVAL, "call_id", "call_id is missing");
	if (!base_map_get(&queue->waiting, wtel_slice_of(call->call_id)))
		code = make_room(store, call->end != 0);
	if (!code)
		code = base_map_reserve(&queue->waiting, &store->allocator);
	if (code)
		return code;
	entry = (struct store_entry *)(void *)store_change_copy(&store->allocator, call);
	if (!entry)
		return base_fail(store_forget_error(store), WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
	entry->change.owner = store->instance;
	if (replace(store, entry))
		return 0;
	id = wtel_slice_of(entry->change.call.call_id);
	append(list_of(queue, entry), entry);
	if (base_map_put(&queue->waiting, &store->allocator, id, entry)) {
		unlink_entry(list_of(queue, entry), entry);
		base_release(&store->allocator, entry);
		return WTEL_ENOMEM;
	}
	set_due(store, entry);
	return 0;
}

/* Whoever asked hears the answer from the loop's dispatch, not out of the middle of a write. */
static bool is_asked(const struct wtel_store *store)
{
	const struct store_ask *ask;

	for (ask = store->asks; ask; ask = ask->next)
		if (ask->callback)
			return true;
	return false;
}

/* A full batch leaves at once, so that the database works on it while the next one gathers. */
int wtel_store_write(struct wtel_store *store, const struct wtel_call *call)
{
	int code = add(store, call);

	if (!code && waiting(&store->queue) >= store->max_batch && free_flight(store) < STORE_FLIGHTS &&
	    !is_asked(store))
		(void)store_dispatch(store, wtel_time_now());
	return code;
}

/* ---- out -------------------------------------------------------------- */

static int by_call_id(const void *a, const void *b)
{
	const struct store_change *const *one = a, *const *other = b;

	return strcmp((*one)->call.call_id, (*other)->call.call_id);
}

/* Up to `most` of the list, but none whose older state is in flight: they must not overtake each other. */
static size_t pick(struct store_change **out, struct store_queue *queue, const struct store_changes *list, size_t most)
{
	struct store_entry *entry;
	size_t count = 0;

	for (entry = list->first; entry && count < most; entry = entry->next)
		if (!queue->flying.count || !base_map_get(&queue->flying, wtel_slice_of(entry->change.call.call_id)))
			out[count++] = &entry->change;
	return count;
}

/* Back to those that wait, unless a newer state of the call is there. */
static void put_back(struct wtel_store *store, struct store_change *change)
{
	struct store_entry *entry = (struct store_entry *)(void *)change;
	struct wtel_slice id = wtel_slice_of(change->call.call_id);
	struct store_entry *newer = base_map_get(&store->queue.waiting, id);

	if (newer && store_entry_ended(entry) && !store_entry_ended(newer)) {
		remove_entry(store, newer);
		base_release(&store->allocator, newer);
		newer = NULL;
	}
	if (newer) {
		base_release(&store->allocator, entry);
		return;
	}
	/* Out of memory it is only not found by a newer state, which is then written after it. */
	if (base_map_put(&store->queue.waiting, &store->allocator, id, entry))
		store_log(store, WTEL_LOG_WARNING, "store: %s", wtel_error_text(WTEL_ENOMEM));
	/* At the end: if it cannot be written at all, the others go before it. */
	append(list_of(&store->queue, entry), entry);
}

static void land(struct store_flight *flight, int code)
{
	struct wtel_store *store = flight->store;
	struct store_change *change;

	while ((change = flight->changes)) {
		flight->changes = change->next;
		base_map_remove(&store->queue.flying, wtel_slice_of(change->call.call_id));
		if (code)
			put_back(store, change);
		else
			base_release(&store->allocator, change);
	}
	store->queue.blocked = false;
}

/* One row that the database refuses must not keep the others: ever smaller batches find it, then pauses grow. */
static void failed(struct store_queue *queue, int code)
{
	int64_t pause = RETRY_FIRST;
	unsigned i;

	/* What came back is due, whether or not anything else is ever written. */
	queue->due = queue->patience = 0;
	/* The connection took several batches with it: one failure. */
	if (code == WTEL_ECLOSED && queue->retry_at > wtel_time_now().mono)
		return;
	if (code != WTEL_ECLOSED && queue->batch > 1) {
		queue->batch = (queue->batch + 1) / 2;
		return;
	}
	for (i = 0; i < queue->failures && pause < RETRY_LAST; i++)
		pause *= 2;
	queue->failures++;
	queue->retry_at = wtel_time_now().mono + (pause < RETRY_LAST ? pause : RETRY_LAST);
}

static void write_done(int code, const struct store_rows *rows, const struct wtel_detail *detail, void *user)
{
	struct store_flight *flight = user;
	struct wtel_store *store = flight->store;
	struct store_queue *queue = &store->queue;

	(void)rows;
	if (code && detail) {
		store->error = *detail;
		store_log(store, WTEL_LOG_WARNING, "store: %zu calls from %s on are not written yet: %s", flight->count,
			  flight->changes->call.call_id, detail->text);
	}
	land(flight, code);
	queue->batches++;
	queue->result = code;
	if (code) {
		failed(queue, code);
		return;
	}
	queue->failures = 0;
	queue->retry_at = 0;
	queue->batch = queue->batch * 2 < store->max_batch ? queue->batch * 2 : store->max_batch;
}

/* In order of call_id: processes that write the same calls then lock rows in the same order. */
static int send_picked(struct wtel_store *store, struct store_flight *flight, struct store_change **picked,
		       size_t count)
{
	struct store_queue *queue = &store->queue;
	size_t i;
	int code = 0;

	qsort(picked, count, sizeof(*picked), by_call_id);
	for (i = 0; i < count && !code; i++) {
		picked[i]->next = i + 1 < count ? picked[i + 1] : NULL;
		code = base_map_put(&queue->flying, &store->allocator, wtel_slice_of(picked[i]->call.call_id),
				    picked[i]);
	}
	if (!code)
		code = store->ops->write(store->driver, picked[0], count, write_done, flight);
	if (code) {
		while (i--)
			base_map_remove(&queue->flying, wtel_slice_of(picked[i]->call.call_id));
		return code;
	}
	*flight = (struct store_flight){store, picked[0], count};
	for (i = 0; i < count; i++)
		remove_entry(store, (struct store_entry *)(void *)picked[i]);
	return 0;
}

static bool patience_ends(const struct wtel_store *store, int64_t now)
{
	return store->queue.patience <= now || waiting(&store->queue) >= store->max_batch;
}

static int send_batch(struct wtel_store *store, struct store_flight *flight, int64_t now)
{
	struct store_queue *queue = &store->queue;
	size_t most = waiting(queue) < queue->batch ? waiting(queue) : queue->batch, count;
	struct store_change **room = base_allocate(&store->allocator, most * sizeof(*room));
	int code = 0;

	if (!room)
		return WTEL_ENOMEM;
	count = pick(room, queue, &queue->ended, most);
	count += pick(room + count, queue, &queue->open, most - count);
	if (patience_ends(store, now))
		count += pick(room + count, queue, &queue->patient, most - count);
	queue->blocked = !count;
	if (count)
		code = send_picked(store, flight, room, count);
	base_release(&store->allocator, room);
	return code;
}

int64_t store_queue_deadline(const struct wtel_store *store)
{
	const struct store_queue *queue = &store->queue;
	int64_t due = queue->ended.count + queue->open.count ? queue->due : INT64_MAX;

	if (queue->patient.count && queue->patience < due)
		due = queue->patience;
	if (!waiting(queue) || queue->blocked || free_flight(store) == STORE_FLIGHTS)
		return INT64_MAX;
	if (waiting(queue) >= store->max_batch)
		due = 0;
	return due > queue->retry_at ? due : queue->retry_at;
}

int store_queue_dispatch(struct wtel_store *store, struct wtel_time now)
{
	struct store_queue *queue = &store->queue;
	int code;

	if (store_queue_deadline(store) > now.mono)
		return 0;
	store_announce(store);
	code = send_batch(store, &queue->flights[free_flight(store)], now.mono);
	if (code) {
		queue->retry_at = now.mono + RETRY_FIRST;
		return code;
	}
	queue->due = queue->ended.count + queue->open.count ? now.mono : INT64_MAX;
	if (!queue->patient.count)
		queue->patience = INT64_MAX;
	return 0;
}

/* ---- waiting until it is out ------------------------------------------ */

/* Not one row, but two in turn were refused when alone, or the only one was: more tries would not help now. */
static bool is_hopeless(const struct wtel_store *store)
{
	const struct store_queue *queue = &store->queue;

	return queue->result && queue->result != WTEL_ECLOSED && queue->batch == 1 &&
	       queue->failures >= (store_queued(store) > 1 ? 2 : 1);
}

int wtel_store_flush(struct wtel_store *store)
{
	struct store_queue *queue = &store->queue;
	int64_t progress = wtel_time_now().mono;

	if (store->dispatching)
		return base_fail(store_forget_error(store), WTEL_EBUSY, "", "%s", wtel_error_text(WTEL_EBUSY));
	store_forget_error(store);
	queue->failures = 0;
	while (store_queued(store)) {
		uint64_t batches = queue->batches;
		int64_t now = wtel_time_now().mono;
		int code;

		queue->due = queue->patience = 0;
		code = store_turn(store, now + 100000);
		if (code == WTEL_ENOMEM)
			return base_fail(&store->error, code, "", "%s", wtel_error_text(code));
		if ((batches != queue->batches && !queue->result) || (queue->flying.count && store_connected(store)))
			progress = now;
		if (batches != queue->batches && is_hopeless(store))
			return queue->result;
		if (now - progress > store->connect_timeout)
			return base_fail(&store->error, WTEL_ESTORE, "db",
					 "no connection to the database: %zu changes wait", store_queued(store));
	}
	store_audit_flush(store);
	return 0;
}
