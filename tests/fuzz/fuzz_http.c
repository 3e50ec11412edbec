/* A request as a client may send it: first byte how large the pieces of its body arrive, the rest what arrives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/head.h"

enum { MAX_BODY = 4096, MAX_TRAILER = 512 };

static void inside(struct wtel_slice slice, const char *data, size_t length)
{
	if (slice.data && (slice.data < data || slice.data + slice.length > data + length))
		abort();
}

/* Whatever is behind a head is not its own, and nothing shorter is one. */
static void check_head(const struct gateway_request *request, const char *data, size_t length)
{
	struct gateway_request again;
	size_t i;

	if (request->head_length > length || head_read(&again, data, request->head_length) != 0 ||
	    again.head_length != request->head_length || again.body_length != request->body_length)
		abort();
	if (head_read(&again, data, request->head_length - 1) == 0)
		abort();
	inside(request->method, data, request->head_length);
	inside(request->path, data, request->head_length);
	inside(request->query, data, request->head_length);
	for (i = 0; i < GATEWAY_HEADER_COUNT; i++)
		inside(request->headers[i], data, request->head_length);
	(void)head_cookie(request->headers[GATEWAY_COOKIE], "wtel_session");
	if (request->chunked && request->body_length)
		abort();
}

/* In pieces it is the same body as in one. */
static void check_chunks(const char *data, size_t length, size_t head, size_t piece)
{
	size_t from = 0, to = 0, whole_from = 0, whole_to = 0, have = head;
	char *grows = malloc(length + 1), *whole = malloc(length + 1);
	int status = 1, all;

	if (!grows || !whole)
		abort();
	memcpy(grows, data, length);
	memcpy(whole, data, length);
	all = head_chunks(whole, length, head, &whole_from, &whole_to, MAX_BODY, MAX_TRAILER);
	while (status == 1 && have < length) {
		have = length - have > piece ? have + piece : length;
		status = head_chunks(grows, have, head, &from, &to, MAX_BODY, MAX_TRAILER);
		if (from > have || to > from || to - head > MAX_BODY)
			abort();
	}
	if (all == 0 &&
	    (status != 0 || to != whole_to || from != whole_from || memcmp(grows + head, whole + head, to - head)))
		abort();
	free(grows);
	free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_request request;
	char *text;

	if (size < 2)
		return 0;
	text = malloc(size - 1);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	if (head_read(&request, text, size - 1) == 0) {
		check_head(&request, text, size - 1);
		if (request.chunked && request.head_length < size - 1)
			check_chunks(text, size - 1, request.head_length, data[0] + 1u);
	}
	free(text);
	return 0;
}
