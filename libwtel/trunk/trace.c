/* A choice as it is kept with its call. */
#include "trunk/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TRACE_TRUNKS = 32, TRACE_NAME = 100, TRACE_TAIL = 64 };

/* What fits is written; `full` once something did not. */
struct text {
	char *data;
	size_t length, room;
	bool full;
};

static void put(struct text *text, const char *bytes, size_t length)
{
	if (text->full || length >= text->room - text->length) {
		text->full = true;
		return;
	}
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

static void put_string(struct text *text, const char *string)
{
	put(text, string, strlen(string));
}

static void put_number(struct text *text, int64_t number)
{
	char digits[24];

	put(text, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRId64, number));
}

/* Bytes of the UTF-8 character (RFC 3629) that `bytes` begins with; 0: none. */
static size_t character(const unsigned char *bytes)
{
	size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc2 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4, i;

	if (bytes[0] > 0xf4)
		return 0;
	for (i = 1; i < length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
	if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
	    (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return length;
}

/* As a JSON string, cut after `most` bytes of what it is of. */
static void put_quoted(struct text *text, const char *string, size_t most)
{
	const unsigned char *bytes = (const unsigned char *)string;
	char escape[8];
	size_t length;

	put(text, "\"", 1);
	for (; *bytes; bytes += length ? length : 1) {
		length = character(bytes);
		if (most < (length ? length : 1))
			break;
		most -= length ? length : 1;
		if (!length)
			put_string(text, "\\ufffd");
		else if (*bytes == '"' || *bytes == '\\')
			put(text, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", *bytes));
		else if (*bytes < 0x20 || *bytes == 0x7f)
			put(text, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", *bytes));
		else
			put(text, (const char *)bytes, length);
	}
	put(text, "\"", 1);
}

static void put_route(struct text *text, const struct wtel_route *route)
{
	put(text, "[", 1);
	put_number(text, route->trunk_id);
	put(text, ",", 1);
	put_quoted(text, route->name, TRACE_NAME);
	put(text, ",", 1);
	put_quoted(text, route->number, WTEL_NUMBER_SIZE);
	put_string(text, route->trial ? ",\"trial\"]" : "]");
}

static void put_skipped(struct text *text, const struct explanation *explanation, size_t index)
{
	const struct router_trunk *trunk = &explanation->table->trunks[explanation->table->order[index].position];
	enum wtel_route_verdict verdict = explain_verdict(explanation, index);
	char words[128];

	explain_text(explanation, index, verdict, words, sizeof(words));
	put(text, "[", 1);
	put_number(text, trunk->id);
	put(text, ",", 1);
	put_quoted(text, trunk->name, TRACE_NAME);
	put(text, ",", 1);
	put_quoted(text, wtel_route_verdict_name(verdict), sizeof(words));
	put(text, ",", 1);
	put_quoted(text, words, sizeof(words));
	put(text, "]", 1);
}

/* Where the last of the routes stands in the order; the table's count if there are none. */
static size_t end_of(const struct explanation *explanation, const struct wtel_route *routes, size_t count)
{
	const struct router_place *order = explanation->table->order;
	size_t i, k;

	for (i = explanation->table->count; count && i > 0; i--)
		for (k = 0; k < count; k++)
			if (order[i - 1].id == routes[k].trunk_id)
				return i - 1;
	return explanation->table->count;
}

/* An item of a list with room for the tail after it; else the text stays as it was. */
static bool keep_item(struct text *text, struct text before)
{
	if (!text->full && text->room - text->length > TRACE_TAIL)
		return true;
	*text = before;
	text->data[text->length] = '\0';
	return false;
}

static size_t put_routes(struct text *text, const struct wtel_route *routes, size_t count)
{
	size_t i;

	for (i = 0; i < count && i < TRACE_TRUNKS; i++) {
		struct text before = *text;

		if (i)
			put(text, ",", 1);
		put_route(text, &routes[i]);
		if (!keep_item(text, before))
			break;
	}
	return i;
}

static size_t put_all_skipped(struct text *text, const struct explanation *explanation, size_t end, size_t *room)
{
	size_t i, put_count = 0, more = 0;

	for (i = 0; i < end; i++) {
		enum wtel_route_verdict verdict = explain_verdict(explanation, i);
		struct text before = *text;

		if (verdict == WTEL_ROUTE_TAKEN || verdict == WTEL_ROUTE_NEXT)
			continue;
		if (put_count < *room) {
			if (put_count)
				put(text, ",", 1);
			put_skipped(text, explanation, i);
			if (keep_item(text, before)) {
				put_count++;
				continue;
			}
			*room = 0;
		}
		more++;
	}
	return more;
}

int wtel_router_trace(struct wtel_router *router, char *out, size_t room, const struct wtel_route *routes, size_t count,
		      const struct wtel_route_request *request, int64_t wall)
{
	struct text text = {out, 0, room, false};
	struct explanation explanation;
	size_t shown, left, more;
	int code = explain_begin(&explanation, router, request, wall);

	if (code)
		return code;
	if (room < 256)
		return WTEL_ELIMIT;
	put_string(&text, "\"number\":");
	put_quoted(&text, explanation.number, WTEL_NUMBER_SIZE);
	if (explanation.request.campaign_id) {
		put_string(&text, ",\"campaign\":");
		put_number(&text, explanation.request.campaign_id);
	}
	put_string(&text, ",\"routes\":[");
	shown = put_routes(&text, routes, count);
	put_string(&text, "],\"skipped\":[");
	left = TRACE_TRUNKS - shown;
	more = count - shown + put_all_skipped(&text, &explanation, end_of(&explanation, routes, count), &left);
	put(&text, "]", 1);
	if (more) {
		put_string(&text, ",\"more\":");
		put_number(&text, (int64_t)more);
	}
	return 0;
}
