#include "store/args.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/timestamp.h"

void store_args_slice(struct store_args *args, struct wtel_slice text)
{
	args->values[args->count++] = text;
}

void store_args_text(struct store_args *args, const char *text)
{
	store_args_slice(args, wtel_slice_of(text && text[0] ? text : NULL));
}

void store_args_number(struct store_args *args, int64_t number)
{
	char *room = args->room[args->count];

	snprintf(room, sizeof(args->room[0]), "%" PRId64, number);
	store_args_slice(args, wtel_slice_of(room));
}

void store_args_id(struct store_args *args, int64_t id)
{
	if (id)
		store_args_number(args, id);
	else
		store_args_slice(args, (struct wtel_slice){NULL, 0});
}

void store_args_flag(struct store_args *args, bool flag)
{
	store_args_slice(args, flag ? BASE_SLICE("1") : BASE_SLICE("0"));
}

void store_args_time(struct store_args *args, int64_t wall)
{
	char *room = args->room[args->count];

	base_time_format(room, wall);
	store_args_text(args, room);
}

int store_check_text(struct wtel_detail *detail, const char *field, struct wtel_slice text, size_t most)
{
	if (base_slice_unsafe(text) != text.length)
		return base_fail(detail, WTEL_EINJECTION, field, "%s holds a line break or NUL", field);
	if (!base_slice_utf8(text))
		return base_fail(detail, WTEL_EINVAL, field, "%s is not UTF-8", field);
	if (text.length > most)
		return base_fail(detail, WTEL_ELIMIT, field, "%s is longer than %zu bytes", field, most);
	return 0;
}

int store_check_id(struct wtel_detail *detail, const char *field, int64_t id)
{
	if (id < 0 || id > INT32_MAX)
		return base_fail(detail, WTEL_EINVAL, field, "%s must be between 0 and %d", field, INT32_MAX);
	return 0;
}

/* How many bytes at `text` are one character of well-formed UTF-8; 0: none. */
static size_t character(const char *text, size_t left)
{
	size_t length;

	for (length = 1; length <= 4 && length <= left; length++)
		if (base_slice_utf8((struct wtel_slice){text, length}))
			return length;
	return 0;
}

size_t store_clean_text(char *out, size_t most, const char *text)
{
	size_t length = text ? strlen(text) : 0, from = 0, to = 0;

	if (length <= most && base_slice_utf8((struct wtel_slice){text, length})) {
		if (out && length)
			memcpy(out, text, length);
		return length;
	}
	while (from < length) {
		size_t step = character(text + from, length - from), size = step ? step : 1;

		if (to + size > most)
			break;
		if (out && step)
			memcpy(out + to, text + from, step);
		else if (out)
			out[to] = '?';
		from += size;
		to += size;
	}
	return to;
}
