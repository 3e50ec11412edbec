/*
 * Events as text/event-stream (Server-Sent Events), for curl -N and EventSource: an answer without an end.
 */
#include <string.h>

#include "gateway/stream.h"

/* A client has nothing more to say. */
static int receive(void *stream, const unsigned char *data, size_t length)
{
	(void)stream;
	(void)data;
	(void)length;
	return 0;
}

void sse_open(struct gateway_exchange *exchange, const struct gateway_visitor *visitor)
{
	static const struct gateway_stream calls = {receive, stream_writable, stream_closed};
	/* It makes clients see the answer begin. */
	static const struct wtel_slice comment = {":\n\n", 3};
	struct stream *stream = exchange->gateway->stopping ? NULL : stream_new(exchange, visitor, true);
	struct gateway_text head;

	if (stream && !gateway_answer_begin(exchange, &head, 200, "text/event-stream")) {
		stream_closed(stream);
		stream = NULL;
	}
	if (!stream) {
		gateway_fail(exchange, 503, WTEL_ECLOSED, "", "try again later", 1);
		return;
	}
	/* Proxies shall hand on what comes at once. */
	GATEWAY_PUT(&head, "X-Accel-Buffering: no\r\n");
	gateway_note(exchange, 200, comment.length);
	exchange_stream(exchange, &head, comment, &calls, stream);
}
