/* Borrowed bytes: comparing, reading numbers. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <string.h>
#include <wtel/base.h>

/* A slice over a literal. */
#define BASE_SLICE(literal) ((struct wtel_slice){(literal), sizeof(literal) - 1})

static inline bool base_slice_equal(struct wtel_slice a, struct wtel_slice b)
{
	return a.length == b.length && (!a.length || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool base_slice_is(struct wtel_slice slice, const char *text)
{
	return base_slice_equal(slice, wtel_slice_of(text));
}

/* ASCII letters fold; every other byte must be the same. */
bool base_slice_equal_fold(struct wtel_slice a, struct wtel_slice b);
bool base_slice_starts(struct wtel_slice slice, struct wtel_slice prefix);

/* Decimal digits with an optional minus, nothing else; `otherwise` if it is none or does not fit. */
int64_t base_slice_number(struct wtel_slice slice, int64_t otherwise);

/* Copies as a terminated string, cut to the room. Gives back whether it fitted. */
bool base_slice_copy(char *out, size_t room, struct wtel_slice slice);

/* The offset of the first CR, LF or NUL; slice.length if there is none. */
size_t base_slice_unsafe(struct wtel_slice slice);

/* Whether it is well-formed UTF-8 (RFC 3629). */
bool base_slice_utf8(struct wtel_slice slice);

#endif
