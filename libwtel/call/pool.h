/*
 * Small blocks cut from chunks, kept in free lists by size: following calls allocates nothing once the tracker has
 * seen its busiest hour. Chunks go back when the pool does.
 */
#ifndef CALL_POOL_H
#define CALL_POOL_H

#include "base/alloc.h"

enum { POOL_GRAIN = 8, POOL_MAX_BLOCK = 1024, POOL_CHUNK = 65536, POOL_CLASSES = POOL_MAX_BLOCK / POOL_GRAIN + 1 };

struct pool_block {
	struct pool_block *next;
};

struct pool_chunk {
	struct pool_chunk *next;
};

struct pool {
	struct pool_chunk *chunks;
	struct pool_chunk *spare; /* the next one to cut from; also in `chunks` */
	char *cut;		  /* where the present chunk goes on */
	size_t left;
	struct pool_block *free[POOL_CLASSES];
};

/* After it, takes of `wanted` bytes in all (at most half a chunk) cannot fail. WTEL_ENOMEM: nothing changed. */
int pool_reserve(struct pool *pool, const struct wtel_allocator *allocator, size_t wanted);

/* Never NULL after a reserve that covers it. `size` is at most POOL_MAX_BLOCK. */
void *pool_take(struct pool *pool, size_t size);
void pool_give(struct pool *pool, void *block, size_t size);
void pool_free(struct pool *pool, const struct wtel_allocator *allocator);

#endif
