/* A growing run of bytes: appended at the end, taken at the front. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/alloc.h"

struct base_buffer {
	char *data;
	size_t start; /* first byte not yet taken */
	size_t end;   /* one past the last */
	size_t room;  /* allocated */
	size_t limit; /* never hold more than that; 0: no limit */
};

/* Room for `wanted` more bytes after `end`, moving or growing. WTEL_ENOMEM, WTEL_ELIMIT: nothing changed. */
int base_buffer_reserve(struct base_buffer *buffer, const struct wtel_allocator *allocator, size_t wanted);
int base_buffer_append(struct base_buffer *buffer, const struct wtel_allocator *allocator, const void *data,
		       size_t length);
void base_buffer_take(struct base_buffer *buffer, size_t length);
void base_buffer_free(struct base_buffer *buffer, const struct wtel_allocator *allocator);

static inline size_t base_buffer_length(const struct base_buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline char *base_buffer_front(const struct base_buffer *buffer)
{
	return buffer->data ? buffer->data + buffer->start : NULL;
}

#endif
