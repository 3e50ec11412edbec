#include <stdio.h>
#include <string.h>

#include "store/postgres.h"

static int put_character(char *out, unsigned char byte)
{
	if (byte == '"' || byte == '\\') {
		out[0] = '\\';
		out[1] = (char)byte;
		return 2;
	}
	if (byte < ' ')
		return snprintf(out, 7, "\\u%04x", byte);
	out[0] = (char)byte;
	return 1;
}

/* `"text",`, or `null,` where there is none. */
static int put_string(struct base_buffer *buffer, const struct wtel_allocator *allocator, const char *text)
{
	size_t length = text ? strlen(text) : 0, i;
	char *out, *clean;
	int code;

	if (!length)
		return base_buffer_append(buffer, allocator, "null,", 5);
	if (length > INT32_MAX / 16)
		return WTEL_ELIMIT;
	/* Made UTF-8 (twice as long at most) at the far end, then escaped (each byte up to six) from the near one. */
	code = base_buffer_reserve(buffer, allocator, 14 * length + 8);
	if (code)
		return code;
	clean = buffer->data + buffer->end + 12 * length + 4;
	length = postgres_text(clean, (struct wtel_slice){text, length});
	out = buffer->data + buffer->end;
	*out++ = '"';
	for (i = 0; i < length; i++)
		out += put_character(out, (unsigned char)clean[i]);
	*out++ = '"';
	*out++ = ',';
	buffer->end = (size_t)(out - buffer->data);
	return 0;
}

/* Digits and a comma. printf would cost as much as all the rest of a leg. */
static char *put_digits(char *out, int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[20];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*out++ = '-';
	while (count)
		*out++ = digits[--count];
	*out++ = ',';
	return out;
}

/* null where it is none. */
static char *put_number(char *out, int64_t value, int64_t latest)
{
	if (value > 0)
		return put_digits(out, value > latest ? latest : value);
	memcpy(out, "null,", 5);
	return out + 5;
}

static int put_leg(struct base_buffer *buffer, const struct wtel_allocator *allocator, const struct wtel_leg *leg)
{
	char numbers[8 * 22], *out = numbers;
	int code = base_buffer_append(buffer, allocator, "[", 1);

	if (!code)
		code = put_string(buffer, allocator, leg->unique_id);
	if (!code)
		code = put_string(buffer, allocator, leg->channel);
	if (!code)
		code = put_string(buffer, allocator, leg->number);
	if (!code)
		code = put_string(buffer, allocator, wtel_leg_role_name(leg->role));
	if (code)
		return code;
	out = put_digits(out, leg->state);
	out = put_number(out, leg->trunk_id <= INT32_MAX ? leg->trunk_id : 0, INT32_MAX);
	out = put_number(out, leg->start, POSTGRES_LATEST);
	out = put_number(out, leg->ringing, POSTGRES_LATEST);
	out = put_number(out, leg->answer, POSTGRES_LATEST);
	out = put_number(out, leg->end, POSTGRES_LATEST);
	out = put_digits(out, leg->cause);
	out = put_digits(out, leg->sip_code);
	memcpy(out - 1, "],", 2);
	return base_buffer_append(buffer, allocator, numbers, (size_t)(out + 1 - numbers));
}

/* A leg that is named twice counts as it was named last; one without a name is none. */
static bool leg_counts(const struct wtel_call *call, size_t leg)
{
	const char *id = call->legs[leg].unique_id;
	size_t i;

	if (!id || !*id)
		return false;
	for (i = leg + 1; i < call->leg_count; i++)
		if (call->legs[i].unique_id && strcmp(call->legs[i].unique_id, id) == 0)
			return false;
	return true;
}

int postgres_legs(struct base_buffer *buffer, const struct wtel_allocator *allocator, const struct wtel_call *call)
{
	int code = base_buffer_append(buffer, allocator, "[", 1);
	bool any = false;
	size_t i;

	for (i = 0; i < call->leg_count && !code; i++) {
		if (!leg_counts(call, i))
			continue;
		code = put_leg(buffer, allocator, &call->legs[i]);
		any = true;
	}
	if (code)
		return code;
	/* The last comma gives way. */
	buffer->end -= any;
	return base_buffer_append(buffer, allocator, "]", 1);
}
