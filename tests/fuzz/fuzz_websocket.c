/*
 * What a client of the events may say, in pieces of any size: first byte how large they are, the rest what it says.
 * Whatever that is, we answer with whole frames of a server, at most one close frame, and nothing after it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/stream.h"
#include "gateway/who.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gateway_stream *calls;
static void *stream;
static bool ended, closed;
static struct wtel_gateway gateway;
static struct gateway_exchange exchange;

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- instead of the gateway -------------------------- */

static size_t frame_of(const unsigned char *data, size_t length)
{
	size_t skip = 2, payload, i;

	require(length >= 2 && data[0] & 0x80 && !(data[0] & 0x70) && data[1] < 128);
	require((data[0] & 15) == 1 || ((data[0] & 15) >= 8 && (data[0] & 15) <= 10 && data[1] <= STREAM_CONTROL_MAX));
	payload = data[1];
	if (payload >= 126) {
		skip = payload == 126 ? 4 : 10;
		require(length >= skip);
		for (payload = 0, i = 2; i < skip; i++)
			payload = payload << 8 | data[i];
	}
	require(payload <= length - skip);
	if ((data[0] & 15) == 8) {
		unsigned code = (unsigned)data[2] << 8 | data[3];

		require(payload >= 2 && code >= 1000 && code <= 4999 && code != 1005 && code != 1006);
		closed = true;
	}
	return skip + payload;
}

static int take(struct gateway_exchange *one, const void *data, size_t length)
{
	size_t at = 0;

	(void)one;
	while (at < length) {
		require(!closed);
		at += frame_of((const unsigned char *)data + at, length - at);
	}
	return 0;
}

static bool busy(const struct gateway_exchange *one)
{
	(void)one;
	return false;
}

static void want(struct gateway_exchange *one)
{
	(void)one;
}

static void end(struct gateway_exchange *one, bool flushed)
{
	(void)one;
	(void)flushed;
	ended = true;
}

void connection_settle_all(struct wtel_gateway *one)
{
	(void)one;
}

void exchange_stream(struct gateway_exchange *one, struct gateway_text *head, struct wtel_slice first,
		     const struct gateway_stream *given, void *user)
{
	(void)one;
	(void)first;
	require(head->status == 101 && head->at < head->end);
	calls = given;
	stream = user;
}

void gateway_fail(struct gateway_exchange *one, int status, int code, const char *field, const char *text,
		  unsigned retry)
{
	(void)one;
	(void)status;
	(void)code;
	(void)field;
	(void)text;
	(void)retry;
	abort();
}

void gateway_note(struct gateway_exchange *one, int status, size_t bytes)
{
	(void)one;
	(void)status;
	(void)bytes;
}

int who_check(struct wtel_gateway *one, const char *secret, wtel_access_fn *done, void *user)
{
	(void)one;
	(void)secret;
	(void)done;
	(void)user;
	return WTEL_ENOMEM;
}

/* ---- a client ----------------------------------------------------------- */

static void start(void)
{
	static const struct gateway_carrier carrier = {
		.write = take, .busy = busy, .want = want, .end = end, .shut = want};

	gateway.allocator = gateway_memory;
	gateway.options.event_history = 16;
	gateway.options.max_unsent = 65536;
	gateway.loop = ev_loop_new(EVBACKEND_SELECT);
	require(gateway.loop && !streams_new(&gateway));
	exchange.gateway = &gateway;
	exchange.carrier = &carrier;
}

static void come(void)
{
	struct gateway_request request;
	struct wtel_grant grant = {1, WTEL_GRANT_TOKEN, 1, WTEL_ROLE_ADMIN, "", 0, 0, 0, 0};
	struct gateway_visitor visitor = {&request, &grant, "wtel_", "127.0.0.1"};

	memset(&request, 0, sizeof(request));
	request.headers[GATEWAY_CONNECTION] = wtel_slice_of("Upgrade");
	request.headers[GATEWAY_WS_KEY] = wtel_slice_of("dGhlIHNhbXBsZSBub25jZQ==");
	request.headers[GATEWAY_WS_VERSION] = wtel_slice_of("13");
	ended = closed = false;
	websocket_open(&exchange, &visitor);
}

static void happen(void)
{
	static const struct wtel_notice notice = {WTEL_NOTICE_TRUNK_UP, 1, NULL, 1, "main", "", "", 0};

	hub_publish(gateway.hub, &notice);
	if (!ended)
		require(!calls->writable(stream));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece, at, some;

	if (!size)
		return 0;
	if (!gateway.loop)
		start();
	piece = data[0] ? data[0] : 65536;
	come();
	for (at = 1; at < size && !ended; at += some) {
		/* A copy of its own: one octet too far is seen. */
		uint8_t *octets = malloc(size - at < piece ? size - at : piece);

		require(octets != NULL);
		some = size - at < piece ? size - at : piece;
		memcpy(octets, data + at, some);
		require(!calls->receive(stream, octets, some));
		free(octets);
		happen();
	}
	calls->closed(stream);
	return 0;
}
