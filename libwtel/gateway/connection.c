/* Connections: octets in, octets out, and how long each may take. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "gateway/networks.h"

enum {
	IN_FIRST = 2048,
	IN_KEPT = 16384,     /* that an idle connection holds at most */
	IN_AHEAD = 65536,    /* pipelined octets behind a request that is being answered */
	DRAIN_TIME = 2000000 /* microseconds */
};

static int64_t clock_now(void)
{
	return wtel_time_now().mono;
}

/* ---- life --------------------------------------------------------------- */

static void forget(struct gateway_connection *connection)
{
	struct wtel_allocator allocator = connection->allocator;

	gateway_release(&allocator, connection->in);
	gateway_release(&allocator, connection);
}

static bool adopt(struct wtel_gateway *gateway, struct lws *wsi, struct gateway_connection **slot)
{
	struct gateway_connection *connection = gateway_allocate(&gateway->allocator, sizeof(*connection));
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} peer;
	socklen_t length = sizeof(peer);

	if (!connection)
		return false;
	connection->gateway = gateway;
	connection->allocator = gateway->allocator;
	connection->wsi = wsi;
	connection->deadline =
		clock_now() + (gateway->tls ? gateway->options.request_timeout : gateway->options.idle_timeout);
	memset(&peer, 0, sizeof(peer));
	if (getpeername(lws_get_socket_fd(wsi), &peer.any, &length) == 0 && peer.any.sa_family == AF_INET6) {
		connection->remote = peer.six.sin6_addr;
	} else {
		memset(connection->remote.s6_addr + 10, 0xff, 2);
		memcpy(connection->remote.s6_addr + 12, &peer.four.sin_addr, 4);
	}
	connection->client = connection->remote;
	networks_text(connection->address, &connection->client);
	connection->next = gateway->first;
	if (gateway->first)
		gateway->first->previous = connection;
	gateway->first = connection;
	gateway->connections++;
	*slot = connection;
	return true;
}

void connection_hold(struct gateway_connection *connection)
{
	connection->pending++;
}

bool connection_resume(struct gateway_connection *connection)
{
	connection->pending--;
	if (connection->wsi)
		return !connection->ending;
	if (!connection->pending)
		forget(connection);
	return false;
}

void connection_end(struct gateway_connection *connection, bool flushed)
{
	struct wtel_gateway *gateway = connection->gateway;

	if (!connection->wsi || connection->ending)
		return;
	if (flushed && lws_partial_buffered(connection->wsi)) {
		connection->ends_flushed = true;
		return;
	}
	connection->ending = true;
	/* lws ends it when its callback returns; from elsewhere later, so that nobody's connection goes under his
	 * hands. */
	if (!connection->inside) {
		connection->next_ending = gateway->ending;
		gateway->ending = connection;
		ev_feed_event(gateway->loop, &gateway->before_sleep, EV_PREPARE);
	}
}

void connection_end_all(struct wtel_gateway *gateway)
{
	while (gateway->ending) {
		struct gateway_connection *connection = gateway->ending;

		gateway->ending = connection->next_ending;
		lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
	}
}

static void forget_ending(struct gateway_connection *connection)
{
	struct gateway_connection **at = &connection->gateway->ending;

	while (*at && *at != connection)
		at = &(*at)->next_ending;
	if (*at)
		*at = connection->next_ending;
}

static void leave(struct gateway_connection *connection)
{
	struct wtel_gateway *gateway = connection->gateway;

	if (connection->ending)
		forget_ending(connection);
	if (connection->stream_calls)
		connection->stream_calls->closed(connection->stream);
	connection->stream_calls = NULL;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		gateway->first = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	gateway->connections--;
	connection->wsi = NULL;
	connection->gateway = NULL;
	if (!connection->pending)
		forget(connection);
}

/* ---- reading ------------------------------------------------------------ */

static bool keep(struct gateway_connection *connection, const char *data, size_t length)
{
	size_t wanted = connection->in_length + length, room = connection->in_room ? connection->in_room : IN_FIRST;
	char *in;

	if (!length)
		return true;
	while (room < wanted)
		room *= 2;
	if (room != connection->in_room) {
		in = connection->allocator.reallocate(connection->in, room, connection->allocator.user);
		if (!in)
			return false;
		connection->in = in;
		connection->in_room = room;
	}
	memcpy(connection->in + connection->in_length, data, length);
	connection->in_length = wanted;
	return true;
}

static void drop(struct gateway_connection *connection, size_t used)
{
	connection->in_length -= used;
	memmove(connection->in, connection->in + used, connection->in_length);
	if (!connection->in_length && connection->in_room > IN_KEPT) {
		gateway_release(&connection->allocator, connection->in);
		connection->in = NULL;
		connection->in_room = 0;
	}
}

static void pause_reading(struct gateway_connection *connection, bool pause)
{
	if (connection->paused == pause)
		return;
	connection->paused = pause;
	(void)lws_rx_flow_control(connection->wsi, !pause);
}

/* As many requests as are whole; what they took. */
static size_t read_all(struct gateway_connection *connection, char *data, size_t length)
{
	size_t at = 0, used;

	connection->reading = true;
	while (connection->phase == CONNECTION_READS && !connection->ending && at < length) {
		used = http_read(connection, data + at, length - at);
		if (!used)
			break;
		at += used;
	}
	connection->reading = false;
	return at;
}

static int to_stream(struct gateway_connection *connection, const char *data, size_t length)
{
	return length ? connection->stream_calls->receive(connection->stream, (const unsigned char *)data, length) : 0;
}

static int read_kept(struct gateway_connection *connection)
{
	size_t used = read_all(connection, connection->in, connection->in_length), rest;

	/* Nothing is left of a connection that is drained. */
	if (used && connection->in_length)
		drop(connection, used);
	if (connection->phase != CONNECTION_STREAMS)
		return 0;
	rest = connection->in_length;
	connection->in_length = 0;
	return to_stream(connection, connection->in, rest);
}

/* When it gives up: the request has its time from its first octet on. */
static void set_deadline(struct gateway_connection *connection)
{
	const struct wtel_gateway_options *options = &connection->gateway->options;

	switch (connection->phase) {
	case CONNECTION_READS:
		if (connection->in_length && !connection->started)
			connection->started = clock_now();
		connection->deadline = connection->started ? connection->started + options->request_timeout
							   : clock_now() + options->idle_timeout;
		break;
	case CONNECTION_WRITES:
		connection->deadline = clock_now() + options->idle_timeout;
		break;
	case CONNECTION_DRAINS:
		connection->deadline = clock_now() + DRAIN_TIME;
		break;
	case CONNECTION_WAITS:
	case CONNECTION_STREAMS:
		connection->deadline = INT64_MAX;
		break;
	}
}

static int receive(struct gateway_connection *connection, char *data, size_t length)
{
	bool read = connection->phase == CONNECTION_READS, again = connection->in_length;
	size_t used = 0;

	if (read && !again)
		used = read_all(connection, data, length);
	if (connection->phase == CONNECTION_DRAINS || connection->ending)
		return 0;
	if (connection->phase == CONNECTION_STREAMS)
		return to_stream(connection, data + used, length - used);
	if (!keep(connection, data + used, length - used))
		return -1;
	if (connection->phase != CONNECTION_READS)
		return 0;
	if (again || connection->kept)
		return read_kept(connection);
	return 0;
}

static int receive_turn(struct gateway_connection *connection, char *data, size_t length)
{
	int result = receive(connection, data, length);

	if (!result && connection->phase == CONNECTION_READS)
		set_deadline(connection);
	return result;
}

void connection_retry(struct gateway_connection *connection)
{
	connection->phase = CONNECTION_READS;
	if (!connection->inside)
		pause_reading(connection, false);
	if (connection->reading)
		return;
	if (read_kept(connection))
		connection_end(connection, false);
	else if (connection->phase == CONNECTION_READS)
		set_deadline(connection);
}

/* ---- writing ------------------------------------------------------------ */

/* What a client still sends is read over, so that the answer reaches it: a reset would overtake it. */
static void drain(struct gateway_connection *connection)
{
	connection->phase = CONNECTION_DRAINS;
	connection->in_length = 0;
	if (!connection->inside)
		pause_reading(connection, false);
	if (!connection->gateway->tls)
		(void)shutdown(lws_get_socket_fd(connection->wsi), SHUT_WR);
	set_deadline(connection);
}

/* All was written. */
static void go_on(struct gateway_connection *connection)
{
	connection->started = 0;
	connection->method[0] = connection->path[0] = connection->origin[0] = '\0';
	connection->head = false;
	connection->kept = connection->continued = connection->looked_up = false;
	connection->chunk_from = connection->chunk_to = 0;
	if (connection->ends_flushed)
		connection_end(connection, false);
	else if (!connection->keep_alive)
		drain(connection);
	else
		connection_retry(connection);
}

void connection_send(struct gateway_connection *connection, char *data, size_t length)
{
	if (lws_write(connection->wsi, (unsigned char *)data, length, LWS_WRITE_RAW) < 0) {
		connection_end(connection, false);
	} else if (lws_partial_buffered(connection->wsi)) {
		connection->phase = CONNECTION_WRITES;
		if (!connection->inside)
			pause_reading(connection, true);
		set_deadline(connection);
	} else {
		go_on(connection);
	}
}

static int writable(struct gateway_connection *connection)
{
	if (connection->phase == CONNECTION_STREAMS)
		return connection->stream_calls->writable(connection->stream);
	if (connection->phase == CONNECTION_WRITES && !lws_partial_buffered(connection->wsi))
		go_on(connection);
	return 0;
}

void connection_stream(struct gateway_connection *connection, const struct gateway_stream *calls, void *stream)
{
	connection->phase = CONNECTION_STREAMS;
	connection->stream_calls = calls;
	connection->stream = stream;
	connection->started = 0;
	set_deadline(connection);
}

/* ---- time --------------------------------------------------------------- */

void connection_sweep(struct gateway_connection *connection, int64_t now)
{
	if (now < connection->deadline)
		return;
	if (connection->phase == CONNECTION_READS && connection->started && !connection->gateway->stopping)
		http_late(connection);
	else
		connection_end(connection, false);
}

/* ---- lws ---------------------------------------------------------------- */

/* What may wait behind a request that is being answered. */
static size_t most_ahead(const struct gateway_connection *connection)
{
	return connection->phase == CONNECTION_WAITS || connection->phase == CONNECTION_WRITES ? IN_AHEAD : SIZE_MAX;
}

static int enter(struct gateway_connection *connection, struct lws *wsi,
		 int (*turn)(struct gateway_connection *, char *, size_t), char *data, size_t length)
{
	int result;

	connection->inside = true;
	result = turn(connection, data, length);
	connection->inside = false;
	if (result || connection->ending)
		return -1;
	/* lws reads nothing while it has something to write, and would be told again and again that it could. */
	pause_reading(connection, lws_partial_buffered(wsi) || connection->in_length > most_ahead(connection));
	return 0;
}

static int writable_turn(struct gateway_connection *connection, char *data, size_t length)
{
	(void)data;
	(void)length;
	return writable(connection);
}

int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *space, void *in, size_t length)
{
	struct wtel_gateway *gateway = lws_context_user(lws_get_context(wsi));
	struct gateway_connection **slot = space;

	/* lws has more reasons than concern a raw socket. */
	if (reason == LWS_CALLBACK_RAW_RX) {
		if (!*slot)
			return -1;
		return enter(*slot, wsi, receive_turn, in, length);
	}
	if (reason == LWS_CALLBACK_RAW_WRITEABLE)
		return *slot ? enter(*slot, wsi, writable_turn, NULL, 0) : -1;
	if (reason == LWS_CALLBACK_RAW_ADOPT)
		return adopt(gateway, wsi, slot) ? 0 : -1;
	if (reason == LWS_CALLBACK_RAW_CLOSE && slot && *slot) {
		leave(*slot);
		*slot = NULL;
	}
	return 0;
}
