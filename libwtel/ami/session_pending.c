/* Actions in flight: slots, a heap by deadline, a queue of the finished. Nothing here allocates after the start. */
#include "ami/session.h"

#include "base/alloc.h"

int pending_init(struct pending_table *table, const struct wtel_allocator *allocator, size_t room)
{
	uint32_t i;

	*table = (struct pending_table){0};
	table->entries = base_allocate_zero(allocator, (room + 1) * sizeof(*table->entries));
	table->heap = base_allocate_zero(allocator, (room + 1) * sizeof(*table->heap));
	if (!table->entries || !table->heap) {
		pending_free(table, allocator);
		return WTEL_ENOMEM;
	}
	table->room = (uint32_t)room;
	while (room >> table->bits)
		table->bits++;
	for (i = 1; i < table->room; i++)
		table->entries[i].next = i + 1;
	table->free_first = 1;
	return 0;
}

void pending_free(struct pending_table *table, const struct wtel_allocator *allocator)
{
	base_release(allocator, table->entries);
	base_release(allocator, table->heap);
	*table = (struct pending_table){0};
}

uint64_t pending_own_token(struct pending_table *table)
{
	return ++table->sequence << table->bits;
}

static uint32_t slot_of(const struct pending_table *table, const struct pending_entry *entry)
{
	return (uint32_t)(entry - table->entries);
}

static void heap_set(struct pending_table *table, uint32_t place, uint32_t slot)
{
	table->heap[place] = slot;
	table->entries[slot].place = place;
}

static int64_t heap_deadline(const struct pending_table *table, uint32_t place)
{
	return table->entries[table->heap[place]].deadline;
}

/* Puts `slot`, whose deadline may be anything, where it belongs, from the hole at `place`. */
static void heap_settle(struct pending_table *table, uint32_t place, uint32_t slot)
{
	int64_t deadline = table->entries[slot].deadline;
	uint32_t child;

	while (place > 1 && heap_deadline(table, place / 2) > deadline) {
		heap_set(table, place, table->heap[place / 2]);
		place /= 2;
	}
	while ((child = place * 2) <= table->heap_count) {
		if (child < table->heap_count && heap_deadline(table, child + 1) < heap_deadline(table, child))
			child++;
		if (heap_deadline(table, child) >= deadline)
			break;
		heap_set(table, place, table->heap[child]);
		place = child;
	}
	heap_set(table, place, slot);
}

static void heap_remove(struct pending_table *table, struct pending_entry *entry)
{
	uint32_t place = entry->place;
	uint32_t moved = table->heap[table->heap_count--];

	entry->place = 0;
	if (moved != slot_of(table, entry))
		heap_settle(table, place, moved);
}

static int64_t later(int64_t now, int64_t timeout)
{
	return now > 0 && timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
}

struct pending_entry *pending_add(struct pending_table *table, int64_t now, int64_t timeout)
{
	uint32_t slot = table->free_first;
	struct pending_entry *entry = table->entries + slot;

	if (!slot)
		return NULL;
	table->free_first = entry->next;
	*entry = (struct pending_entry){0};
	entry->token = ++table->sequence << table->bits | slot;
	entry->timeout = timeout;
	entry->deadline = later(now, timeout);
	heap_settle(table, ++table->heap_count, slot);
	return entry;
}

struct pending_entry *pending_find(const struct pending_table *table, uint64_t token)
{
	uint64_t slot = token & (((uint64_t)1 << table->bits) - 1);

	if (!slot || slot > table->room || table->entries[slot].token != token || !table->entries[slot].place)
		return NULL;
	return table->entries + slot;
}

static void release(struct pending_table *table, struct pending_entry *entry)
{
	entry->token = 0;
	entry->next = table->free_first;
	table->free_first = slot_of(table, entry);
}

void pending_remove(struct pending_table *table, struct pending_entry *entry)
{
	heap_remove(table, entry);
	release(table, entry);
}

void pending_touch(struct pending_table *table, struct pending_entry *entry, int64_t now)
{
	entry->deadline = later(now, entry->timeout);
	heap_settle(table, entry->place, slot_of(table, entry));
}

void pending_finish(struct pending_table *table, struct pending_entry *entry, int code)
{
	uint32_t slot = slot_of(table, entry);

	heap_remove(table, entry);
	entry->code = code;
	entry->next = 0;
	if (table->finished_first)
		table->entries[table->finished_last].next = slot;
	else
		table->finished_first = slot;
	table->finished_last = slot;
}

void pending_finish_all(struct pending_table *table, int code)
{
	while (table->heap_count)
		pending_finish(table, table->entries + table->heap[1], code);
}

size_t pending_expire(struct pending_table *table, int64_t now)
{
	size_t count = 0;

	for (; table->heap_count && heap_deadline(table, 1) <= now; count++)
		pending_finish(table, table->entries + table->heap[1], WTEL_ETIMEOUT);
	return count;
}

bool pending_take_finished(struct pending_table *table, struct pending_entry *out)
{
	struct pending_entry *entry = table->entries + table->finished_first;

	if (!table->finished_first)
		return false;
	*out = *entry;
	table->finished_first = entry->next;
	release(table, entry);
	return true;
}

int64_t pending_deadline(const struct pending_table *table)
{
	return table->heap_count ? heap_deadline(table, 1) : INT64_MAX;
}
