#include "base/map.h"

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

/* Aumasson and Bernstein's SipHash with 1 round a word and 3 at the end, as hash tables use it. */
static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTATE(v[1], 13) ^ v[0];
	v[0] = ROTATE(v[0], 32);
	v[2] += v[3];
	v[3] = ROTATE(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTATE(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTATE(v[1], 17) ^ v[2];
	v[2] = ROTATE(v[2], 32);
}

uint64_t base_hash(const uint64_t seed[2], struct wtel_slice bytes)
{
	uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
			 seed[1] ^ 0x7465646279746573u};
	size_t i = 0;
	uint64_t word;

	for (; i + 8 <= bytes.length; i += 8) {
		memcpy(&word, bytes.data + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	if (bytes.length > i)
		memcpy(&word, bytes.data + i, bytes.length - i);
	word |= (uint64_t)bytes.length << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void base_map_init(struct base_map *map, uint64_t seed)
{
	memset(map, 0, sizeof(*map));
	map->seed[0] = seed;
	map->seed[1] = seed * 0x9e3779b97f4a7c15u + 1;
}

void base_map_free(struct base_map *map, const struct wtel_allocator *allocator)
{
	base_release(allocator, map->slots);
	map->slots = NULL;
	map->room = map->count = map->used = 0;
}

/* The slot of that key, or the one where it belongs. There is always a free slot. */
static struct base_map_slot *find(const struct base_map *map, struct wtel_slice key, uint64_t hash)
{
	struct base_map_slot *removed = NULL;
	size_t i = hash & (map->room - 1);

	for (;; i = (i + 1) & (map->room - 1)) {
		struct base_map_slot *slot = &map->slots[i];

		if (!slot->key.data)
			return removed ? removed : slot;
		if (!slot->value) {
			if (!removed)
				removed = slot;
		} else if (slot->hash == hash && base_slice_equal(slot->key, key)) {
			return slot;
		}
	}
}

void *base_map_get(const struct base_map *map, struct wtel_slice key)
{
	if (!map->count || !key.data)
		return NULL;
	return find(map, key, base_hash(map->seed, key))->value;
}

static int rebuild(struct base_map *map, const struct wtel_allocator *allocator, size_t room)
{
	struct base_map old = *map;
	size_t i;

	map->slots = base_allocate_zero(allocator, room * sizeof(*map->slots));
	if (!map->slots) {
		*map = old;
		return WTEL_ENOMEM;
	}
	map->room = room;
	map->used = map->count;
	for (i = 0; i < old.room; i++)
		if (old.slots[i].value)
			*find(map, old.slots[i].key, old.slots[i].hash) = old.slots[i];
	base_release(allocator, old.slots);
	return 0;
}

int base_map_reserve(struct base_map *map, const struct wtel_allocator *allocator)
{
	size_t room = map->room ? map->room : 16;

	if (map->room && (map->used + 1) * 4 <= map->room * 3)
		return 0;
	/* Mostly removed slots: the same room is enough. */
	if ((map->count + 1) * 2 > room)
		room *= 2;
	return rebuild(map, allocator, room);
}

int base_map_put(struct base_map *map, const struct wtel_allocator *allocator, struct wtel_slice key, void *value)
{
	struct base_map_slot *slot;
	uint64_t hash = base_hash(map->seed, key);
	int code = base_map_reserve(map, allocator);

	if (code)
		return code;
	slot = find(map, key, hash);
	if (!slot->value) {
		map->count++;
		if (!slot->key.data)
			map->used++;
	}
	slot->key = key;
	slot->value = value;
	slot->hash = hash;
	return 0;
}

void *base_map_remove(struct base_map *map, struct wtel_slice key)
{
	struct base_map_slot *slot;
	void *value;

	if (!map->count || !key.data)
		return NULL;
	slot = find(map, key, base_hash(map->seed, key));
	value = slot->value;
	if (value) {
		/* The key's bytes may go away with the value: keep only the mark. */
		slot->key.data = "";
		slot->key.length = 0;
		slot->value = NULL;
		map->count--;
	}
	return value;
}

void *base_map_walk(const struct base_map *map, size_t *position)
{
	while (*position < map->room) {
		struct base_map_slot *slot = &map->slots[(*position)++];

		if (slot->value)
			return slot->value;
	}
	return NULL;
}
