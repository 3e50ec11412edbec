#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *standard_allocate(size_t size, void *user)
{
	(void)user;
	return malloc(size);
}

static void *standard_reallocate(void *pointer, size_t size, void *user)
{
	(void)user;
	return realloc(pointer, size);
}

static void standard_release(void *pointer, void *user)
{
	(void)user;
	free(pointer);
}

struct wtel_allocator base_allocator(const struct wtel_allocator *allocator)
{
	static const struct wtel_allocator standard = {standard_allocate, standard_reallocate, standard_release, NULL};

	return allocator ? *allocator : standard;
}

void *base_allocate(const struct wtel_allocator *allocator, size_t size)
{
	return allocator->allocate(size ? size : 1, allocator->user);
}

void *base_allocate_zero(const struct wtel_allocator *allocator, size_t size)
{
	void *pointer = base_allocate(allocator, size);

	if (pointer)
		memset(pointer, 0, size);
	return pointer;
}

void *base_reallocate(const struct wtel_allocator *allocator, void *pointer, size_t size)
{
	return allocator->reallocate(pointer, size ? size : 1, allocator->user);
}

void base_release(const struct wtel_allocator *allocator, void *pointer)
{
	if (pointer)
		allocator->release(pointer, allocator->user);
}

char *base_copy_slice(const struct wtel_allocator *allocator, struct wtel_slice text)
{
	char *copy = base_allocate(allocator, text.length + 1);

	if (!copy)
		return NULL;
	if (text.length)
		memcpy(copy, text.data, text.length);
	copy[text.length] = '\0';
	return copy;
}

char *base_copy_string(const struct wtel_allocator *allocator, const char *text)
{
	return base_copy_slice(allocator, wtel_slice_of(text));
}

void base_wipe(void *pointer, size_t size)
{
	volatile unsigned char *bytes = pointer;

	while (size--)
		*bytes++ = 0;
}
