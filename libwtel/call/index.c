#include "call/index.h"

int index_reserve(struct index *index, const struct wtel_allocator *allocator, size_t more)
{
	struct index_link **buckets;
	size_t room = index->room ? index->room : 64;
	size_t i;

	if (index->room && index->count + more <= index->room)
		return 0;
	while (room < index->count + more)
		room *= 2;
	buckets = base_allocate_zero(allocator, room * sizeof(*buckets));
	if (!buckets)
		return WTEL_ENOMEM;
	for (i = 0; i < index->room; i++) {
		struct index_link *link = index->buckets[i];

		while (link) {
			struct index_link *next = link->next;

			link->next = buckets[link->hash & (room - 1)];
			buckets[link->hash & (room - 1)] = link;
			link = next;
		}
	}
	base_release(allocator, index->buckets);
	index->buckets = buckets;
	index->room = room;
	return 0;
}

void index_add(struct index *index, struct index_link *link, uint32_t hash)
{
	struct index_link **bucket = &index->buckets[hash & (index->room - 1)];

	link->hash = hash;
	link->next = *bucket;
	*bucket = link;
	index->count++;
}

void index_remove(struct index *index, struct index_link *link)
{
	struct index_link **at = &index->buckets[link->hash & (index->room - 1)];

	while (*at && *at != link)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = link->next;
	index->count--;
}

void index_free(struct index *index, const struct wtel_allocator *allocator)
{
	base_release(allocator, index->buckets);
	index->buckets = NULL;
	index->room = index->count = 0;
}
