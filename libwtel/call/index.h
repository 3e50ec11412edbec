/*
 * Hash chains through the things themselves: what is looked up by Uniqueid, name or Linkedid carries its link, so
 * that adding allocates nothing and removing leaves no trace. Whoever looks compares the key.
 */
#ifndef CALL_INDEX_H
#define CALL_INDEX_H

#include "base/alloc.h"

struct index_link {
	struct index_link *next;
	uint32_t hash;
};

struct index {
	struct index_link **buckets;
	size_t room; /* a power of two, or 0 */
	size_t count;
};

/* After it, `more` adds find room. WTEL_ENOMEM: nothing changed. */
int index_reserve(struct index *index, const struct wtel_allocator *allocator, size_t more);
void index_add(struct index *index, struct index_link *link, uint32_t hash);
void index_remove(struct index *index, struct index_link *link);
void index_free(struct index *index, const struct wtel_allocator *allocator);

/* The chain in which what has that hash hangs, newest first; others hang there too. */
static inline struct index_link *index_chain(const struct index *index, uint32_t hash)
{
	return index->room ? index->buckets[hash & (index->room - 1)] : NULL;
}

#endif
