#include "base/error.h"
#include "base/slice.h"

#include <wtel/peer.h>

static const char *const statuses[] = {"active", "inactive", "disabled"};

const char *wtel_peer_status_name(enum wtel_peer_status status)
{
	return (unsigned)status < sizeof(statuses) / sizeof(statuses[0]) ? statuses[status] : "";
}

int wtel_peer_status_parse(enum wtel_peer_status *out, const char *text)
{
	unsigned i;

	for (i = 0; text && i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (strcmp(statuses[i], text) == 0) {
			*out = (enum wtel_peer_status)i;
			return 0;
		}
	}
	return WTEL_EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A line break is told apart, because it is an attack and not a slip. */
static int refuse(struct wtel_detail *detail, const char *field, struct wtel_slice value, size_t at,
		  const char *allowed)
{
	if (base_slice_unsafe(value) < value.length)
		return base_fail(detail, WTEL_EINJECTION, field, "%s must not hold a line break or NUL", field);
	return base_fail(detail, WTEL_EINVAL, field, "%s may hold %s only: see byte %zu", field, allowed, at + 1);
}

int wtel_extension_check(const char *extension, struct wtel_detail *detail)
{
	struct wtel_slice slice = wtel_slice_of(extension);
	size_t i;

	if (!slice.length)
		return base_fail(detail, WTEL_EINVAL, "extension", "extension must not be empty");
	if (slice.length > WTEL_PEER_EXTENSION_MAX)
		return base_fail(detail, WTEL_ELIMIT, "extension", "extension is longer than %d characters",
				 WTEL_PEER_EXTENSION_MAX);
	for (i = 0; i < slice.length; i++) {
		char c = slice.data[i];

		if (!is_digit(c) && !is_letter(c) && c != '*' && c != '#' && c != '_' && c != '-' && c != '.')
			return refuse(detail, "extension", slice, i, "letters, digits, '*', '#', '_', '-' and '.'");
	}
	return 0;
}

int wtel_number_check(const char *field, struct wtel_slice number, struct wtel_detail *detail)
{
	size_t first = number.length && number.data[0] == '+' ? 1 : 0;
	size_t i;

	if (number.length == first)
		return base_fail(detail, WTEL_EINVAL, field, "%s must not be empty", field);
	if (number.length - first > 40)
		return base_fail(detail, WTEL_ELIMIT, field, "%s is longer than 40 digits", field);
	for (i = first; i < number.length; i++)
		if (!is_digit(number.data[i]) && number.data[i] != '*' && number.data[i] != '#')
			return refuse(detail, field, number, i, "digits, '*' and '#' after an optional '+'");
	return 0;
}
