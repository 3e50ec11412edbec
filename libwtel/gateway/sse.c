/*
 * Events as text/event-stream (Server-Sent Events), for curl -N and EventSource: its length is not known, so that it
 * ends with the connection.
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

void sse_open(struct gateway_connection *connection, const struct gateway_visitor *visitor)
{
	static const struct gateway_stream calls = {receive, stream_writable, stream_closed};
	/* Proxies shall hand on what comes at once; the comment makes clients see the answer begin. */
	static const char rest[] = "Connection: close\r\nX-Accel-Buffering: no\r\n\r\n:\n\n";
	unsigned char head[LWS_PRE + 2048];
	struct stream *stream = connection->gateway->stopping ? NULL : stream_new(connection, visitor, true);
	size_t length;

	if (!stream) {
		gateway_fail(connection, 503, WTEL_ECLOSED, "", "try again later", 1);
		return;
	}
	length = gateway_answer_head(connection, (char *)head + LWS_PRE, 1024, 200, "text/event-stream");
	memcpy(head + LWS_PRE + length, rest, sizeof(rest) - 1);
	length += sizeof(rest) - 1;
	gateway_note(connection, 200, length);
	connection_stream(connection, &calls, stream);
	if (lws_write(connection->wsi, head + LWS_PRE, length, LWS_WRITE_RAW) < (int)length)
		connection_end(connection, false);
}
