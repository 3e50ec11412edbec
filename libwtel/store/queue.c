/*
 * Calls on their way to the database. Changes gather for up to max_delay, so that one transaction carries many; of one
 * call only the newest is kept. One batch is with the driver at a time, and what comes meanwhile gathers for the next.
 *
 *   write() -> waiting (ended | open) -> flight -> durable
 *                 ^                        |
 *                 +---- failed: again -----+
 */
#include "store/queue.h"

#include <stdlib.h>

#include "store/write.h"

enum { RETRY_FIRST = 100000, RETRY_LAST = 5000000 };

static struct store_changes *list_of(struct store_queue *queue, const struct store_entry *entry)
{
	return store_entry_ended(entry) ? &queue->ended : &queue->open;
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
	return queue->ended.count + queue->open.count;
}

size_t store_queued(const struct wtel_store *store)
{
	return waiting(&store->queue) + store->queue.flight_count;
}

void store_queue_init(struct wtel_store *store)
{
	uint64_t seed;

	memcpy(&seed, store->instance, sizeof(seed));
	base_map_init(&store->queue.waiting, seed);
	store->queue.batch = store->max_batch;
	store->queue.due = INT64_MAX;
}

void store_queue_free(struct wtel_store *store)
{
	struct store_queue *queue = &store->queue;
	struct store_entry *entry;
	struct store_change *change;

	while ((entry = queue->ended.first ? queue->ended.first : queue->open.first)) {
		unlink_entry(list_of(queue, entry), entry);
		base_release(&store->allocator, entry);
	}
	while ((change = queue->flight)) {
		queue->flight = change->next;
		base_release(&store->allocator, change);
	}
	base_map_free(&queue->waiting, &store->allocator);
}

/* ---- in --------------------------------------------------------------- */

/* Room for one more: a finished call may push out the oldest unfinished one, whose end will come. */
static int make_room(struct wtel_store *store, bool ended)
{
	struct store_entry *oldest = store->queue.open.first;

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

int wtel_store_write(struct wtel_store *store, const struct wtel_call *call)
{
	struct store_queue *queue = &store->queue;
	struct store_entry *entry;
	struct wtel_slice id;
	int64_t due;
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
	due = wtel_time_now().mono + store->max_delay;
	if (due < queue->due)
		queue->due = due;
	return 0;
}

/* ---- out -------------------------------------------------------------- */

static int by_call_id(const void *a, const void *b)
{
	const struct store_change *const *one = a, *const *other = b;

	return strcmp((*one)->call.call_id, (*other)->call.call_id);
}

/* The next batch in order of call_id: processes that write the same calls then lock rows in the same order. */
static struct store_change *pick(struct store_change **room, struct store_queue *queue, size_t count)
{
	const struct store_entry *entry;
	size_t i = 0;

	for (entry = queue->ended.first; entry && i < count; entry = entry->next)
		room[i++] = (struct store_change *)(uintptr_t)&entry->change;
	for (entry = queue->open.first; entry && i < count; entry = entry->next)
		room[i++] = (struct store_change *)(uintptr_t)&entry->change;
	qsort(room, count, sizeof(*room), by_call_id);
	for (i = 0; i < count; i++)
		room[i]->next = i + 1 < count ? room[i + 1] : NULL;
	return room[0];
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

static void land(struct wtel_store *store, int code)
{
	struct store_queue *queue = &store->queue;
	struct store_change *change;

	while ((change = queue->flight)) {
		queue->flight = change->next;
		if (code)
			put_back(store, change);
		else
			base_release(&store->allocator, change);
	}
	queue->flight_count = 0;
}

/* One row that the database refuses must not keep the others: ever smaller batches find it, then pauses grow. */
static void failed(struct store_queue *queue, int code)
{
	int64_t pause = RETRY_FIRST;
	unsigned i;

	/* What came back is due, whether or not anything else is ever written. */
	queue->due = 0;
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
	struct wtel_store *store = user;
	struct store_queue *queue = &store->queue;

	(void)rows;
	if (code && detail) {
		store->error = *detail;
		store_log(store, WTEL_LOG_WARNING, "store: %zu calls from %s on are not written yet: %s",
			  queue->flight_count, queue->flight->call.call_id, detail->text);
	}
	land(store, code);
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

static int send_batch(struct wtel_store *store, size_t count)
{
	struct store_queue *queue = &store->queue;
	struct store_change **room = base_allocate(&store->allocator, count * sizeof(*room));
	struct store_change *change;
	int code;

	if (!room)
		return WTEL_ENOMEM;
	change = pick(room, queue, count);
	code = store->ops->write(store->driver, change, count, write_done, store);
	base_release(&store->allocator, room);
	if (code)
		return code;
	queue->flight = change;
	queue->flight_count = count;
	for (; change; change = change->next)
		remove_entry(store, (struct store_entry *)(void *)change);
	return 0;
}

int64_t store_queue_deadline(const struct wtel_store *store)
{
	const struct store_queue *queue = &store->queue;
	int64_t due = queue->due;

	if (queue->flight || !waiting(queue))
		return INT64_MAX;
	if (waiting(queue) >= store->max_batch)
		due = 0;
	return due > queue->retry_at ? due : queue->retry_at;
}

int store_queue_dispatch(struct wtel_store *store, struct wtel_time now)
{
	struct store_queue *queue = &store->queue;
	size_t count = waiting(queue);
	int code;

	if (store_queue_deadline(store) > now.mono)
		return 0;
	store_announce(store);
	code = send_batch(store, count < queue->batch ? count : queue->batch);
	if (code) {
		queue->retry_at = now.mono + RETRY_FIRST;
		return code;
	}
	queue->due = waiting(queue) ? now.mono : INT64_MAX;
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

		queue->due = 0;
		code = store_turn(store, now + 100000);
		if (code == WTEL_ENOMEM)
			return base_fail(&store->error, code, "", "%s", wtel_error_text(code));
		if ((batches != queue->batches && !queue->result) || (queue->flight && store_connected(store)))
			progress = now;
		if (batches != queue->batches && is_hopeless(store))
			return queue->result;
		if (now - progress > store->connect_timeout)
			return base_fail(&store->error, WTEL_ESTORE, "db",
					 "no connection to the database: %zu changes wait", store_queued(store));
	}
	return 0;
}
