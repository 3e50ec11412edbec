#include "base/buffer.h"

#include <string.h>

int base_buffer_reserve(struct base_buffer *buffer, const struct wtel_allocator *allocator, size_t wanted)
{
	size_t length = base_buffer_length(buffer);
	size_t room = buffer->room ? buffer->room : 4096;
	char *grown;

	if (wanted > SIZE_MAX / 4 - length || (buffer->limit && length + wanted > buffer->limit))
		return WTEL_ELIMIT;
	if (buffer->data && buffer->room - buffer->end >= wanted)
		return 0;
	/* Moving is cheap while at least half is free; otherwise grow, so that bytes are not moved again and again. */
	if (buffer->data && length + wanted <= buffer->room && length <= buffer->room / 2) {
		memmove(buffer->data, buffer->data + buffer->start, length);
		buffer->start = 0;
		buffer->end = length;
		return 0;
	}
	while (room < length + wanted)
		room *= 2;
	if (buffer->data && room == buffer->room)
		room *= 2;
	grown = base_allocate(allocator, room);
	if (!grown)
		return WTEL_ENOMEM;
	if (length)
		memcpy(grown, buffer->data + buffer->start, length);
	base_release(allocator, buffer->data);
	buffer->data = grown;
	buffer->room = room;
	buffer->start = 0;
	buffer->end = length;
	return 0;
}

int base_buffer_append(struct base_buffer *buffer, const struct wtel_allocator *allocator, const void *data,
		       size_t length)
{
	int code = base_buffer_reserve(buffer, allocator, length);

	if (code)
		return code;
	if (length)
		memcpy(buffer->data + buffer->end, data, length);
	buffer->end += length;
	return 0;
}

void base_buffer_take(struct base_buffer *buffer, size_t length)
{
	buffer->start += length;
	if (buffer->start == buffer->end)
		buffer->start = buffer->end = 0;
}

void base_buffer_free(struct base_buffer *buffer, const struct wtel_allocator *allocator)
{
	base_release(allocator, buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
