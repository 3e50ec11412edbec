/* The C library's memory, for a library that knows only wtel's public headers. */
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"

static void *allocate(size_t size, void *user)
{
	(void)user;
	return malloc(size);
}

static void *reallocate(void *pointer, size_t size, void *user)
{
	(void)user;
	return realloc(pointer, size);
}

static void release(void *pointer, void *user)
{
	(void)user;
	free(pointer);
}

const struct wtel_allocator gateway_memory = {allocate, reallocate, release, NULL};

void *gateway_allocate(const struct wtel_allocator *allocator, size_t size)
{
	void *pointer = allocator->allocate(size, allocator->user);

	return pointer ? memset(pointer, 0, size) : NULL;
}

void gateway_release(const struct wtel_allocator *allocator, void *pointer)
{
	if (pointer)
		allocator->release(pointer, allocator->user);
}
