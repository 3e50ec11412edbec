#include "base/slice.h"

struct wtel_slice wtel_slice_of(const char *text)
{
	struct wtel_slice slice = {text, text ? strlen(text) : 0};

	return slice;
}

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

bool base_slice_equal_fold(struct wtel_slice a, struct wtel_slice b)
{
	size_t i;

	if (a.length != b.length)
		return false;
	for (i = 0; i < a.length; i++)
		if (a.data[i] != b.data[i] && fold((unsigned char)a.data[i]) != fold((unsigned char)b.data[i]))
			return false;
	return true;
}

bool base_slice_starts(struct wtel_slice slice, struct wtel_slice prefix)
{
	return slice.length >= prefix.length && (!prefix.length || memcmp(slice.data, prefix.data, prefix.length) == 0);
}

int64_t base_slice_number(struct wtel_slice slice, int64_t otherwise)
{
	bool negative = slice.length && slice.data[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t value = 0;

	if (i == slice.length)
		return otherwise;
	for (; i < slice.length; i++) {
		int digit = slice.data[i] - '0';

		if (digit < 0 || digit > 9 || value > (INT64_MAX - digit) / 10)
			return otherwise;
		value = value * 10 + digit;
	}
	return negative ? -value : value;
}

bool base_slice_copy(char *out, size_t room, struct wtel_slice slice)
{
	size_t length = slice.length < room ? slice.length : room - 1;

	if (length)
		memcpy(out, slice.data, length);
	out[length] = '\0';
	return length == slice.length;
}

size_t base_slice_unsafe(struct wtel_slice slice)
{
	size_t i;

	for (i = 0; i < slice.length; i++)
		if (slice.data[i] == '\r' || slice.data[i] == '\n' || slice.data[i] == '\0')
			break;
	return i;
}

/* Length of the sequence of several bytes that starts with `first`, and the least code point that may take so many
 * bytes. */
static size_t sequence_length(unsigned char first, uint32_t *least)
{
	if (first >= 0xc2 && first <= 0xdf)
		return *least = 0x80, 2;
	if (first >= 0xe0 && first <= 0xef)
		return *least = 0x800, 3;
	if (first >= 0xf0 && first <= 0xf4)
		return *least = 0x10000, 4;
	return 0;
}

bool base_slice_utf8(struct wtel_slice slice)
{
	const unsigned char *bytes = (const unsigned char *)slice.data;
	size_t i = 0;

	while (i < slice.length) {
		uint32_t least = 0, point = bytes[i];
		size_t length, k;

		/* Nearly all of it. */
		if (point < 0x80) {
			i++;
			continue;
		}
		length = sequence_length(bytes[i], &least);
		if (!length || length > slice.length - i)
			return false;
		point &= 0xffu >> (length + 1);
		for (k = 1; k < length; k++) {
			if ((bytes[i + k] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (bytes[i + k] & 0x3fu);
		}
		if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
			return false;
		i += length;
	}
	return true;
}
