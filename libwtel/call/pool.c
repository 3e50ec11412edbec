#include "call/pool.h"

static size_t pool_round(size_t size)
{
	return (size + POOL_GRAIN - 1) / POOL_GRAIN * POOL_GRAIN;
}

/* The rest of the old chunk is left behind: less than one block of 64 KiB. */
static void pool_cut_next(struct pool *pool)
{
	pool->cut = (char *)(pool->spare + 1);
	pool->left = POOL_CHUNK - sizeof(*pool->spare);
	pool->spare = NULL;
}

int pool_reserve(struct pool *pool, const struct wtel_allocator *allocator, size_t wanted)
{
	struct pool_chunk *chunk;

	/* A block may not fit into the rest of a chunk, so either the rest is ample or there is a whole one behind it.
	 */
	if (pool->spare || pool->left >= wanted)
		return 0;
	chunk = base_allocate(allocator, POOL_CHUNK);
	if (!chunk)
		return WTEL_ENOMEM;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->spare = chunk;
	return 0;
}

void *pool_take(struct pool *pool, size_t size)
{
	struct pool_block *block;

	size = pool_round(size);
	block = pool->free[size / POOL_GRAIN];
	if (block) {
		pool->free[size / POOL_GRAIN] = block->next;
		return block;
	}
	if (pool->left < size)
		pool_cut_next(pool);
	block = (struct pool_block *)pool->cut;
	pool->cut += size;
	pool->left -= size;
	return block;
}

void pool_give(struct pool *pool, void *block, size_t size)
{
	struct pool_block *free = block;

	size = pool_round(size);
	free->next = pool->free[size / POOL_GRAIN];
	pool->free[size / POOL_GRAIN] = free;
}

void pool_free(struct pool *pool, const struct wtel_allocator *allocator)
{
	while (pool->chunks) {
		struct pool_chunk *next = pool->chunks->next;

		base_release(allocator, pool->chunks);
		pool->chunks = next;
	}
}
