/*
 * Where a page of history ends, as an opaque word: "c" and the start and the id of its last call, in hexadecimal. The
 * next page begins behind that call, whichever have come meanwhile.
 */
#include "api/request.h"

#include <inttypes.h>
#include <stdio.h>

void api_cursor_write(char out[API_CURSOR_SIZE], const struct wtel_call *last)
{
	snprintf(out, API_CURSOR_SIZE, "c%" PRIx64 "-%" PRIx64, (uint64_t)last->start, (uint64_t)last->id);
}

/* Up to 16 digits, at least one. */
static bool read_hex(const char **text, int64_t *out)
{
	uint64_t value = 0;
	int count = 0;

	for (; count < 16; count++, (*text)++) {
		char c = **text;

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	*out = (int64_t)value;
	return count > 0;
}

bool api_parameter_cursor(struct api_request *request, struct wtel_call_filter *filter)
{
	const char *text = api_parameter(request, "cursor");
	int64_t start, id;

	if (!text)
		return true;
	if (*text++ == 'c' && read_hex(&text, &start) && *text++ == '-' && read_hex(&text, &id) && !*text &&
	    start > 0 && start < INT64_C(253402300800000000) && id > 0 && id <= API_ID_MAX) {
		filter->before_start = start;
		filter->before_id = id;
		return true;
	}
	api_fail(request, 400, WTEL_EINVAL, "cursor", "cursor must be the `next` of another page");
	return false;
}
