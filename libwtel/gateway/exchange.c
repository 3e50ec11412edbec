/* Exchanges: how long each lives, whatever carries it. */
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/networks.h"

void exchange_begin(struct gateway_exchange *exchange, struct gateway_connection *connection)
{
	exchange->gateway = connection->gateway;
	exchange->connection = connection;
	exchange->client = connection->remote;
	networks_text(exchange->address, &exchange->client);
}

void exchange_leave(struct gateway_exchange *exchange)
{
	if (exchange->stream_calls)
		exchange->stream_calls->closed(exchange->stream);
	exchange->stream_calls = NULL;
	exchange->gateway = NULL;
	exchange->connection = NULL;
	if (!exchange->pending)
		exchange->carrier->release(exchange);
}

void exchange_hold(struct gateway_exchange *exchange)
{
	exchange->pending++;
	exchange->phase = EXCHANGE_WAITS;
}

void exchange_release(struct gateway_exchange *exchange)
{
	exchange->pending--;
}

bool exchange_resume(struct gateway_exchange *exchange)
{
	exchange->pending--;
	if (exchange->gateway)
		return !exchange->ending;
	if (!exchange->pending)
		exchange->carrier->release(exchange);
	return false;
}

void exchange_stream(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice first,
		     const struct gateway_stream *calls, void *stream)
{
	exchange->phase = EXCHANGE_STREAMS;
	exchange->stream_calls = calls;
	exchange->stream = stream;
	exchange->started = 0;
	exchange->carrier->stream(exchange, head, first);
}
