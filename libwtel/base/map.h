/*
 * A hash map from byte strings to pointers. Keys are borrowed: they stand in what the
 * value points to and must not change while it is in the map. Hashed with a secret
 * seed, because keys come from the wire (SipHash-1-3).
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/alloc.h"
#include "base/slice.h"

struct base_map_slot {
	struct wtel_slice key; /* data NULL: never used */
	void *value;	       /* NULL with a key: removed */
	uint64_t hash;
};

struct base_map {
	struct base_map_slot *slots;
	size_t room; /* a power of two, or 0 */
	size_t count;
	size_t used; /* count and removed ones */
	uint64_t seed[2];
};

void base_map_init(struct base_map *map, uint64_t seed);
void base_map_free(struct base_map *map, const struct wtel_allocator *allocator);

void *base_map_get(const struct base_map *map, struct wtel_slice key);

/* Adds or replaces (the key too). WTEL_ENOMEM: nothing changed. */
int base_map_put(struct base_map *map, const struct wtel_allocator *allocator, struct wtel_slice key, void *value);

/* Room for one more, so that the next put cannot fail. */
int base_map_reserve(struct base_map *map, const struct wtel_allocator *allocator);

/* Gives back what was there, or NULL. */
void *base_map_remove(struct base_map *map, struct wtel_slice key);

/* Walks the values: *position starts at 0; NULL at the end. Removing what was given is allowed, putting is not. */
void *base_map_walk(const struct base_map *map, size_t *position);

uint64_t base_hash(const uint64_t seed[2], struct wtel_slice bytes);

#endif
