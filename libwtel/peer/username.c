#include "base/error.h"
#include "base/slice.h"

#include <stdio.h>
#include <wtel/peer.h>

/* The ASCII forms of U+00C0 to U+017F (Latin-1 Supplement and Latin Extended-A), lower case; "" where there is none. */
static const char *const latin[0x180 - 0xc0] = {
	"a", "a", "a",	"a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",  /* 00c0 */
	"d", "n", "o",	"o",  "o", "o", "o",  "",  "o", "u", "u", "u", "u", "y", "th", "ss", /* 00d0 */
	"a", "a", "a",	"a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",  /* 00e0 */
	"d", "n", "o",	"o",  "o", "o", "o",  "",  "o", "u", "u", "u", "u", "y", "th", "y",  /* 00f0 */
	"a", "a", "a",	"a",  "a", "a", "c",  "c", "c", "c", "c", "c", "c", "c", "d",  "d",  /* 0100 */
	"d", "d", "e",	"e",  "e", "e", "e",  "e", "e", "e", "e", "e", "g", "g", "g",  "g",  /* 0110 */
	"g", "g", "g",	"g",  "h", "h", "h",  "h", "i", "i", "i", "i", "i", "i", "i",  "i",  /* 0120 */
	"i", "i", "ij", "ij", "j", "j", "k",  "k", "k", "l", "l", "l", "l", "l", "l",  "l",  /* 0130 */
	"l", "l", "l",	"n",  "n", "n", "n",  "n", "n", "n", "n", "n", "o", "o", "o",  "o",  /* 0140 */
	"o", "o", "oe", "oe", "r", "r", "r",  "r", "r", "r", "s", "s", "s", "s", "s",  "s",  /* 0150 */
	"s", "s", "t",	"t",  "t", "t", "t",  "t", "u", "u", "u", "u", "u", "u", "u",  "u",  /* 0160 */
	"u", "u", "u",	"u",  "w", "w", "y",  "y", "y", "z", "z", "z", "z", "z", "z",  "s",  /* 0170 */
};

/* Appends what one name leaves of itself. `room` leaves place for a number and the NUL. */
static size_t fold(char *out, size_t length, size_t room, struct wtel_slice name)
{
	size_t i;

	for (i = 0; i < name.length; i++) {
		unsigned char c = (unsigned char)name.data[i];
		const char *form = "";
		char single[2] = {0, 0};

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
			single[0] = (char)c;
			form = single;
		} else if (c >= 0xc3 && c <= 0xc5 && i + 1 < name.length &&
			   ((unsigned char)name.data[i + 1] & 0xc0) == 0x80) {
			unsigned point = (c & 0x1fu) << 6 | ((unsigned char)name.data[++i] & 0x3fu);

			form = latin[point - 0xc0];
		}
		for (; *form && length < room; form++)
			out[length++] = *form;
	}
	return length;
}

int wtel_peer_username(char *out, size_t room, struct wtel_slice first_name, struct wtel_slice last_name,
		       unsigned attempt, struct wtel_detail *detail)
{
	char name[WTEL_PEER_USERNAME_MAX + 1], number[12] = "";
	size_t length, limit;

	if (room <= WTEL_PEER_USERNAME_MAX)
		return base_fail(detail, WTEL_ELIMIT, "username", "a user name needs room for %d bytes",
				 WTEL_PEER_USERNAME_MAX + 1);
	if (base_slice_unsafe(first_name) < first_name.length)
		return base_fail(detail, WTEL_EINVAL, "first_name", "first name must not hold a line break or NUL");
	if (base_slice_unsafe(last_name) < last_name.length)
		return base_fail(detail, WTEL_EINVAL, "last_name", "last name must not hold a line break or NUL");
	if (attempt > 1)
		snprintf(number, sizeof(number), "%u", attempt);
	limit = WTEL_PEER_USERNAME_MAX - strlen(number);
	length = fold(name, 0, limit, first_name);
	length = fold(name, length, limit, last_name);
	if (!length)
		return base_fail(detail, WTEL_EINVAL, "first_name",
				 "neither name has a letter or digit that a SIP user name can hold");
	memcpy(out, name, length);
	memcpy(out + length, number, strlen(number) + 1);
	return 0;
}
