/* The queue of changes from inside: shared by queue.c and change.c. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/core.h"

/* One change that waits; a block of its own with all its texts and legs behind it. */
struct store_entry {
	struct store_change change; /* first: the driver sees no more than this */
	struct store_entry *prev;
	struct store_entry *next;
};

static inline bool store_entry_ended(const struct store_entry *entry)
{
	return entry->change.call.end != 0;
}

/* A state between beginning and answer of a call that has its row: half of a call's writes, and none that is billed. */
static inline bool store_entry_patient(const struct store_entry *entry)
{
	return entry->change.call.id && !entry->change.call.answer && !entry->change.call.end;
}

#endif
