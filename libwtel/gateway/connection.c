/* Connections: a socket, and which HTTP is spoken on it. */
#include <string.h>
#include <unistd.h>

#include "gateway/http1.h"
#include "gateway/http2.h"

/* ---- its end -------------------------------------------------------------- */

void connection_end(struct gateway_connection *connection, bool flushed)
{
	struct wtel_gateway *gateway = connection->gateway;

	if (!gateway || connection->ending)
		return;
	if (flushed && transport_unsent(&connection->transport)) {
		connection->ends_flushed = true;
		return;
	}
	/* Later, so that nobody's connection goes under his hands. */
	connection->ending = connection->exchange.ending = true;
	transport_pause(&connection->transport, true);
	connection->next_ending = gateway->ending;
	gateway->ending = connection;
	ev_feed_event(gateway->loop, &gateway->before_sleep, EV_PREPARE);
}

static void leave(struct gateway_connection *connection)
{
	struct wtel_gateway *gateway = connection->gateway;

	transport_close(&connection->transport);
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		gateway->first = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	gateway->connections--;
	http2_close(connection);
	connection->gateway = NULL;
	exchange_leave(&connection->exchange);
}

void connection_settle_all(struct wtel_gateway *gateway)
{
	http2_flush_all(gateway);
	while (gateway->ending) {
		struct gateway_connection *connection = gateway->ending;

		gateway->ending = connection->next_ending;
		leave(connection);
	}
}

void connection_close_all(struct wtel_gateway *gateway)
{
	gateway->ending = NULL;
	while (gateway->first)
		leave(gateway->first);
}

/* ---- from the socket -------------------------------------------------------- */

static void opened(void *user)
{
	struct gateway_connection *connection = user;

	if (transport_is_http2(&connection->transport) && http2_open(connection))
		connection_end(connection, false);
}

static void received(void *user, char *data, size_t length)
{
	struct gateway_connection *connection = user;

	if (connection->ending)
		return;
	if (connection->http2)
		http2_receive(connection, data, length);
	else
		http1_receive(connection, data, length);
}

static void writable(void *user)
{
	struct gateway_connection *connection = user;

	if (connection->ends_flushed)
		connection_end(connection, false);
	else if (connection->http2)
		http2_writable(connection);
	else
		http1_writable(connection);
}

static void ended(void *user, bool whole)
{
	struct gateway_connection *connection = user;

	if (whole && !connection->http2)
		http1_ended(connection);
	else
		connection_end(connection, false);
}

void connection_open(struct wtel_gateway *gateway, int fd, const struct in6_addr *remote)
{
	static const struct transport_calls calls = {opened, received, writable, ended};
	struct gateway_connection *connection = gateway_allocate(&gateway->allocator, sizeof(*connection));

	if (!connection) {
		close(fd);
		return;
	}
	if (transport_open(&connection->transport, &gateway->transports, fd, &calls, connection)) {
		gateway_release(&gateway->allocator, connection);
		return;
	}
	connection->gateway = gateway;
	connection->allocator = gateway->allocator;
	connection->remote = *remote;
	http1_open(connection);
	connection->next = gateway->first;
	if (gateway->first)
		gateway->first->previous = connection;
	gateway->first = connection;
	gateway->connections++;
}

/* ---- time ------------------------------------------------------------------- */

void connection_sweep(struct gateway_connection *connection, int64_t now)
{
	if (connection->http2)
		http2_sweep(connection, now);
	else
		http1_sweep(connection, now);
}

void connection_stop(struct gateway_connection *connection)
{
	if (connection->http2)
		http2_stop(connection);
	else if (connection->exchange.phase == EXCHANGE_READS && !connection->exchange.started)
		connection_end(connection, false);
}
