/*
 * A connection of HTTP/2: first byte how large the pieces are that arrive, second what the gateway answers with, the
 * rest what arrives behind the preface. Whatever that is, we answer with whole frames, and count what we hold.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/head.h"
#include "gateway/http.h"
#include "gateway/http2_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wtel_gateway gateway;
static struct gateway_connection connection;
static struct gateway_exchange *waiting[2 * HTTP2_STREAMS_MAX];
static size_t waits;
static uint8_t way;
static bool ended, shut;
static unsigned char partial[9];
static size_t have, payload;

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- instead of the socket: what is written are frames, each as long as it says --------- */

int transport_write(struct transport *transport, const void *data, size_t length)
{
	const unsigned char *at = data;

	(void)transport;
	require(!shut);
	while (length) {
		size_t some = payload < length ? payload : length;

		payload -= some;
		at += some;
		length -= some;
		if (payload || !length)
			break;
		partial[have++] = *at++;
		length--;
		if (have < sizeof(partial))
			continue;
		have = 0;
		payload = (size_t)partial[0] << 16 | (size_t)partial[1] << 8 | partial[2];
		require(payload <= 16384 && partial[3] <= NGHTTP2_CONTINUATION && partial[3] != NGHTTP2_PUSH_PROMISE);
	}
	return 0;
}

size_t transport_unsent(const struct transport *transport)
{
	(void)transport;
	return 0;
}

void transport_shut(struct transport *transport)
{
	(void)transport;
	require(!have && !payload);
	shut = true;
}

void connection_end(struct gateway_connection *one, bool flushed)
{
	(void)flushed;
	ended = one->ending = true;
}

/* ---- instead of the gateway ------------------------------------------------------------------ */

static int writable(void *user)
{
	struct gateway_exchange *exchange = user;
	static char events[3000];

	if (way & 32 || ++exchange->grant_id > 5)
		return 0;
	return exchange->carrier->write(exchange, events, sizeof(events));
}

static void closed(void *user)
{
	(void)user;
}

static void answer(struct gateway_exchange *exchange)
{
	static const struct gateway_stream calls = {NULL, writable, closed};
	static char text[40000], lines[] = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nSet-Cookie: c=d\r\n";
	struct gateway_text head = {lines, lines + sizeof(lines) - 1, lines + sizeof(lines) - 1, lines + 17, 200};

	if (exchange->ending)
		return;
	if (way & 1)
		exchange_stream(exchange, &head, (struct wtel_slice){":\n\n", 3}, &calls, exchange);
	else
		exchange->carrier->answer(exchange, &head, (struct wtel_slice){text, way & 2 ? sizeof(text) : 5});
}

void http_serve(struct gateway_exchange *exchange, struct gateway_request *request)
{
	int status;

	require(exchange->phase == EXCHANGE_READS && request->method.length && request->path.length);
	require(request->headers[GATEWAY_HOST].length && !request->headers[GATEWAY_CONNECTION].data);
	require(*request->path.data == '/' || *request->path.data == '*');
	(void)head_cookie(request->headers[GATEWAY_COOKIE], "wtel_session");
	status = exchange->carrier->body(exchange, request, 1000);
	if (status == 1)
		return;
	require(status || request->body.length <= 1000);
	require(status || !request->body_length || request->body_length == request->body.length);
	if (way & 4 && waits < 2 * HTTP2_STREAMS_MAX) {
		exchange_hold(exchange);
		waiting[waits++] = exchange;
	} else {
		answer(exchange);
	}
}

void http_refuse(struct gateway_exchange *exchange, int status)
{
	require(status >= 400 && status < 500);
	answer(exchange);
}

void http_late(struct gateway_exchange *exchange)
{
	answer(exchange);
}

void gateway_fail(struct gateway_exchange *exchange, int status, int code, const char *field, const char *text,
		  unsigned retry)
{
	(void)exchange;
	(void)status;
	(void)code;
	(void)field;
	(void)text;
	(void)retry;
	abort();
}

/* Those that were asked about are known. */
static void go_on(void)
{
	while (waits) {
		struct gateway_exchange *exchange = waiting[--waits];

		if (exchange_resume(exchange))
			answer(exchange);
	}
}

/* ---- a client ----------------------------------------------------------------------------------- */

static void check(const struct http2 *http2)
{
	size_t bodies = 0, unsent = 0, count = 0, open = 0;
	const struct http2_stream *stream;

	for (stream = http2->first; stream; stream = stream->next) {
		bodies += stream->body.length;
		unsent += stream->out.length - stream->out_from;
		open += stream->exchange.gateway != NULL;
		count++;
		require(stream->http2 == http2 && stream->head.text.length <= 8192);
	}
	require(bodies == http2->bodies && unsent == http2->unsent && count == http2->count && open == http2->open);
	require(open <= HTTP2_STREAMS_MAX && count <= 2 * HTTP2_STREAMS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece, at, some;

	if (size < 2)
		return 0;
	memset(&connection, 0, sizeof(connection));
	ended = shut = false;
	have = payload = waits = 0;
	gateway.allocator = connection.allocator = gateway_memory;
	gateway.options.max_header = 8192;
	gateway.options.max_body = 1000;
	gateway.options.request_timeout = gateway.options.idle_timeout = 10000000;
	connection.gateway = &gateway;
	piece = data[0] ? data[0] : 65536;
	way = data[1];
	require(!http2_open(&connection));
	http2_receive(&connection, HTTP2_PREFACE, sizeof(HTTP2_PREFACE) - 1);
	for (at = 2; at < size && !ended; at += some) {
		/* A copy of its own: one octet too far is seen. */
		char *octets = malloc(size - at < piece ? size - at : piece);

		require(octets != NULL);
		some = size - at < piece ? size - at : piece;
		memcpy(octets, data + at, some);
		http2_receive(&connection, octets, some);
		free(octets);
		check(connection.http2);
		if (way & 8)
			go_on();
		http2_flush_all(&gateway);
		if (way & 16)
			http2_sweep(&connection, wtel_time_now().mono + 11000000);
		check(connection.http2);
	}
	http2_close(&connection);
	require(!gateway.unsaid);
	go_on();
	return 0;
}
