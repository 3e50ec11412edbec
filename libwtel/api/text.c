/*
 * A document as text, in one pass. The library's own writer guards every level against cycles with a table of its own,
 * which costs more than all the rest; documents here are trees.
 */
#include "api/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/json.h>

#include "base/slice.h"

void text_put_raw(struct text *text, const char *data, size_t length)
{
	struct base_buffer *buffer = text->buffer;

	if (text->code)
		return;
	/* Most of the time there is room, and pieces are short. */
	if (buffer->room - buffer->end >= length && buffer->data) {
		memcpy(buffer->data + buffer->end, data, length);
		buffer->end += length;
		return;
	}
	text->code = base_buffer_append(buffer, text->allocator, data, length);
}

static void put_char(struct text *text, char c)
{
	text_put_raw(text, &c, 1);
}

static void put_escaped(struct text *text, unsigned char c)
{
	static const char short_ones[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	char out[8];
	size_t i;

	for (i = 0; i < sizeof(short_ones) - 1; i += 2)
		if ((unsigned char)short_ones[i] == c) {
			out[0] = '\\';
			out[1] = short_ones[i + 1];
			text_put_raw(text, out, 2);
			return;
		}
	snprintf(out, sizeof(out), "\\u%04X", c);
	text_put_raw(text, out, 6);
}

/* A json_t's texts are UTF-8. */
void text_put_quoted(struct text *text, const char *data, size_t length)
{
	size_t start = 0, i;

	put_char(text, '"');
	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		text_put_raw(text, data + start, i - start);
		put_escaped(text, c);
		start = i + 1;
	}
	text_put_raw(text, data + start, length - start);
	put_char(text, '"');
}

void text_put_integer(struct text *text, int64_t number)
{
	char out[24], *at = out + sizeof(out);
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		*--at = '-';
	text_put_raw(text, at, (size_t)(out + sizeof(out) - at));
}

/* 15 digits bring most numbers back as they were written, 17 each: 0.1 is not to become 0.10000000000000001. */
void text_put_real(struct text *text, const json_t *value)
{
	char out[64];
	size_t length = json_dumpb(value, out, sizeof(out) - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	if (length && length < sizeof(out)) {
		out[length] = '\0';
		if (strtod(out, NULL) < json_real_value(value) || strtod(out, NULL) > json_real_value(value))
			length = json_dumpb(value, out, sizeof(out), JSON_ENCODE_ANY);
	}

	if (length && length <= sizeof(out))
		text_put_raw(text, out, length);
	else
		text_put_raw(text, "null", 4);
}

static void put_value(struct text *text, const json_t *value);

static void put_object(struct text *text, const json_t *object)
{
	const char *key, *between = "{";
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		text_put_raw(text, between, 1);
		text_put_quoted(text, key, strlen(key));
		put_char(text, ':');
		put_value(text, value);
		between = ",";
	}
	if (*between == '{')
		put_char(text, '{');
	put_char(text, '}');
}

static void put_array(struct text *text, const json_t *array)
{
	size_t i, count = json_array_size(array);

	put_char(text, '[');
	for (i = 0; i < count; i++) {
		if (i)
			put_char(text, ',');
		put_value(text, json_array_get(array, i));
	}
	put_char(text, ']');
}

static void put_value(struct text *text, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(text, value);
		return;
	case JSON_ARRAY:
		put_array(text, value);
		return;
	case JSON_STRING:
		text_put_quoted(text, json_string_value(value), json_string_length(value));
		return;
	case JSON_INTEGER:
		text_put_integer(text, json_integer_value(value));
		return;
	case JSON_REAL:
		text_put_real(text, value);
		return;
	case JSON_TRUE:
		text_put_raw(text, "true", 4);
		return;
	case JSON_FALSE:
		text_put_raw(text, "false", 5);
		return;
	case JSON_NULL:
		break;
	}
	text_put_raw(text, "null", 4);
}

int text_of(struct base_buffer *buffer, const struct wtel_allocator *allocator, const json_t *document)
{
	struct text text = {buffer, allocator, 0};

	put_value(&text, document);
	return text.code;
}
