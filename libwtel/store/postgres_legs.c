#include <inttypes.h>
#include <stdio.h>

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

/* A number as JSON, null where it is none. */
struct number {
	char text[24];
};

static struct number number_of(int64_t value, int64_t latest)
{
	struct number number = {"null"};

	if (value > 0)
		snprintf(number.text, sizeof(number.text), "%" PRId64, value > latest ? latest : value);
	return number;
}

static int put_leg(struct base_buffer *buffer, const struct wtel_allocator *allocator, const struct wtel_leg *leg)
{
	int64_t trunk = leg->trunk_id <= INT32_MAX ? leg->trunk_id : 0;
	char numbers[256];
	int length, code = base_buffer_append(buffer, allocator, "[", 1);

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
	length = snprintf(numbers, sizeof(numbers), "%d,%s,%s,%s,%s,%s,%d,%d],", (int)leg->state,
			  number_of(trunk, INT32_MAX).text, number_of(leg->start, POSTGRES_LATEST).text,
			  number_of(leg->ringing, POSTGRES_LATEST).text, number_of(leg->answer, POSTGRES_LATEST).text,
			  number_of(leg->end, POSTGRES_LATEST).text, leg->cause, leg->sip_code);
	return base_buffer_append(buffer, allocator, numbers, (size_t)length);
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
