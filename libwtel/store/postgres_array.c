#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "base/slice.h"
#include "store/postgres.h"

/*
 * A batch travels as one array per column in PostgreSQL's binary form (src/backend/utils/adt/arrayfuncs.c, array_recv):
 * dimensions, has-nulls, element type, length, lower bound; then for each element its length (-1: NULL) and bytes, all
 * in network order. Nothing is quoted, so nothing can be quoted wrongly, and the server parses no numbers.
 */
enum column_type { TEXT, NAME, ID, INTEGER, BOOLEAN, TIME, SECONDS };

enum { OID_BOOL = 16, OID_INT4 = 23, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };

/* Between 1970 and 2000, PostgreSQL's zero. */
#define EPOCH INT64_C(946684800000000)

struct column {
	enum column_type type;
	size_t offset; /* in the struct; of NAME and SECONDS: unused */
	const char *(*name)(const void *row);
	int64_t (*seconds)(const struct wtel_call *call);
};

static const char *name_direction(const void *row)
{
	return wtel_direction_name(((const struct wtel_call *)row)->direction);
}

static const char *name_state(const void *row)
{
	return wtel_call_state_name(((const struct wtel_call *)row)->state);
}

static const char *name_disposition(const void *row)
{
	const struct wtel_call *call = row;

	return call->end ? wtel_disposition_name(call->disposition) : "";
}

#define CALL(type, field)                                                                                              \
	{                                                                                                              \
		type, offsetof(struct wtel_call, field), NULL, NULL                                                    \
	}

/* In the order of the statement's parameters, $1 on; behind them the owner, which is the change's, and the legs. */
static const struct column call_columns[] = {
	CALL(TEXT, call_id),
	CALL(ID, agent_id),
	CALL(ID, campaign_id),
	CALL(ID, lead_id),
	CALL(ID, trunk_id),
	{NAME, 0, name_direction, NULL},
	CALL(TEXT, caller_number),
	CALL(TEXT, callee_number),
	CALL(TIME, start),
	CALL(TIME, answer),
	CALL(TIME, end),
	{SECONDS, 0, NULL, wtel_call_duration},
	{SECONDS, 0, NULL, wtel_call_billsec},
	{NAME, 0, name_disposition, NULL},
	CALL(TEXT, recording_url),
	{NAME, 0, name_state, NULL},
	CALL(TEXT, channel),
	CALL(BOOLEAN, estimated),
	CALL(BOOLEAN, transferred),
	CALL(TIME, ringing),
	CALL(INTEGER, cause),
	CALL(INTEGER, sip_code),
	CALL(TEXT, reason),
	CALL(BOOLEAN, answer_estimated),
};

enum { CALL_COLUMNS = sizeof(call_columns) / sizeof(call_columns[0]) };
_Static_assert(CALL_COLUMNS + 2 == POSTGRES_WRITE_PARAMETERS, "parameters of the statement");

static char *put32(char *at, int32_t value)
{
	uint32_t wire = htonl((uint32_t)value);

	memcpy(at, &wire, sizeof(wire));
	return at + sizeof(wire);
}

static int put_null(struct base_buffer *buffer)
{
	put32(buffer->data + buffer->end, -1);
	buffer->end += 4;
	return 0;
}

static int put_int(struct base_buffer *buffer, int64_t value)
{
	char *at = put32(buffer->data + buffer->end, 4);

	put32(at, value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : (int32_t)value);
	buffer->end += 8;
	return 0;
}

static int put_time(struct base_buffer *buffer, int64_t wall)
{
	uint64_t value = (uint64_t)((wall > POSTGRES_LATEST ? POSTGRES_LATEST : wall) - EPOCH);
	char *at;

	if (wall <= 0)
		return put_null(buffer);
	at = put32(buffer->data + buffer->end, 8);
	at = put32(at, (int32_t)(uint32_t)(value >> 32));
	put32(at, (int32_t)(uint32_t)value);
	buffer->end += 12;
	return 0;
}

static int put_bool(struct base_buffer *buffer, bool value)
{
	put32(buffer->data + buffer->end, 1);
	buffer->data[buffer->end + 4] = value;
	buffer->end += 5;
	return 0;
}

static int put_text(struct base_buffer *buffer, const struct wtel_allocator *allocator, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	int code;

	if (!length)
		return put_null(buffer);
	if (length > INT32_MAX / 2)
		return WTEL_ELIMIT;
	code = base_buffer_reserve(buffer, allocator, 2 * length + 5);
	if (code)
		return code;
	length = postgres_text(buffer->data + buffer->end + 4, (struct wtel_slice){text, length});
	put32(buffer->data + buffer->end, (int32_t)length);
	buffer->end += 4 + length;
	return 0;
}

static int put_value(struct base_buffer *buffer, const struct wtel_allocator *allocator, const struct column *column,
		     const void *row)
{
	const char *field = (const char *)row + column->offset;
	int64_t id;
	int code = base_buffer_reserve(buffer, allocator, 16);

	if (code)
		return code;
	switch (column->type) {
	case TEXT:
		return put_text(buffer, allocator, *(const char *const *)field);
	case NAME:
		return put_text(buffer, allocator, column->name(row));
	case ID:
		id = *(const int64_t *)field;
		return id > 0 && id <= INT32_MAX ? put_int(buffer, id) : put_null(buffer);
	case INTEGER:
		return put_int(buffer, *(const int *)field);
	case BOOLEAN:
		return put_bool(buffer, *(const bool *)field);
	case TIME:
		return put_time(buffer, *(const int64_t *)field);
	case SECONDS:
		return put_int(buffer, column->seconds(row));
	}
	return WTEL_EINVAL;
}

static int32_t element_type(enum column_type type)
{
	switch (type) {
	case TEXT:
	case NAME:
		return OID_TEXT;
	case ID:
	case INTEGER:
	case SECONDS:
		return OID_INT4;
	case BOOLEAN:
		return OID_BOOL;
	case TIME:
		return OID_TIMESTAMPTZ;
	}
	return OID_TEXT;
}

static int put_header(struct base_buffer *buffer, const struct wtel_allocator *allocator, int32_t type, size_t count)
{
	int code = base_buffer_reserve(buffer, allocator, 20);
	char *at = buffer->data + buffer->end;

	if (code)
		return code;
	at = buffer->data + buffer->end;
	at = put32(at, count ? 1 : 0);
	at = put32(at, 1);
	at = put32(at, type);
	if (count) {
		at = put32(at, (int32_t)count);
		at = put32(at, 1);
	}
	buffer->end = (size_t)(at - buffer->data);
	return 0;
}

static int put_legs(struct base_buffer *buffer, const struct wtel_allocator *allocator, const struct wtel_call *call)
{
	size_t length = buffer->end;
	int code = base_buffer_reserve(buffer, allocator, 4);

	if (code || !call->leg_count)
		return code ? code : put_null(buffer);
	/* The buffer may move: offsets from its front, which is never taken. */
	buffer->end += 4;
	code = postgres_legs(buffer, allocator, call);
	if (!code)
		put32(buffer->data + length, (int32_t)(buffer->end - length - 4));
	return code;
}

int postgres_array_texts(struct base_buffer *buffer, const struct wtel_allocator *allocator, size_t count,
			 const char *(*next)(void *at), void *at)
{
	int code = put_header(buffer, allocator, OID_TEXT, count);
	size_t i;

	for (i = 0; i < count && !code; i++) {
		code = base_buffer_reserve(buffer, allocator, 4);
		if (!code)
			code = put_text(buffer, allocator, next(at));
	}
	return code;
}

int postgres_arrays_build(struct postgres_arrays *arrays, const struct wtel_allocator *allocator,
			  const struct store_change *const *rows, size_t count)
{
	struct base_buffer *buffer = &arrays->buffer;
	size_t c, i;
	int code = 0;

	for (c = 0; c < CALL_COLUMNS && !code; c++) {
		arrays->offsets[c] = buffer->end;
		code = put_header(buffer, allocator, element_type(call_columns[c].type), count);
		for (i = 0; i < count && !code; i++)
			code = put_value(buffer, allocator, &call_columns[c], &rows[i]->call);
	}
	arrays->offsets[CALL_COLUMNS] = buffer->end;
	if (!code)
		code = put_header(buffer, allocator, OID_TEXT, count);
	for (i = 0; i < count && !code; i++) {
		code = base_buffer_reserve(buffer, allocator, 4);
		if (!code)
			code = put_text(buffer, allocator, rows[i]->owner);
	}
	arrays->offsets[CALL_COLUMNS + 1] = buffer->end;
	if (!code)
		code = put_header(buffer, allocator, OID_TEXT, count);
	for (i = 0; i < count && !code; i++)
		code = put_legs(buffer, allocator, &rows[i]->call);
	arrays->offsets[CALL_COLUMNS + 2] = buffer->end;
	return code;
}
