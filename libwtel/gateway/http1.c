/* What is not whole is left where it is and read again, from its begin, when more has come: a head has 8 KiB at most.
 */
#include "gateway/http1.h"

#include <string.h>

#include "gateway/head.h"
#include "gateway/http.h"
#include "gateway/http2.h"

enum {
	IN_FIRST = 2048,
	IN_KEPT = 16384,     /* that an idle connection holds at most */
	IN_AHEAD = 65536,    /* pipelined octets behind a request that is being answered */
	DRAIN_TIME = 2000000 /* microseconds */
};

/* A request while http1_read() has it in its hands. */
struct http1_turn {
	struct gateway_request *request;
	char *data; /* its octets */
	size_t length;
	size_t used; /* 0: more is to come */
};

static int64_t clock_now(void)
{
	return wtel_time_now().mono;
}

static struct gateway_connection *connection_of(const struct gateway_exchange *exchange)
{
	return exchange->connection;
}

/* ---- what came ------------------------------------------------------------ */

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

/* What may wait behind a request that is being answered is bounded. */
static void pause_reading(struct gateway_connection *connection)
{
	enum exchange_phase phase = connection->exchange.phase;

	transport_pause(&connection->transport,
			connection->ending || ((phase == EXCHANGE_WAITS || phase == EXCHANGE_WRITES) &&
					       connection->in_length > IN_AHEAD));
}

/* When it gives up: the request has its time from its first octet on. */
static void set_deadline(struct gateway_connection *connection)
{
	const struct wtel_gateway_options *options = &connection->gateway->options;
	struct gateway_exchange *exchange = &connection->exchange;

	switch (exchange->phase) {
	case EXCHANGE_READS:
		if (connection->in_length && !exchange->started)
			exchange->started = clock_now();
		connection->deadline = exchange->started ? exchange->started + options->request_timeout
							 : clock_now() + options->idle_timeout;
		break;
	case EXCHANGE_WRITES:
		connection->deadline = clock_now() + options->idle_timeout;
		break;
	case EXCHANGE_DRAINS:
		connection->deadline = clock_now() + DRAIN_TIME;
		break;
	case EXCHANGE_WAITS:
	case EXCHANGE_STREAMS:
		connection->deadline = INT64_MAX;
		break;
	}
}

/* ---- bodies ----------------------------------------------------------------- */

static bool say_continue(struct gateway_connection *connection, const struct gateway_request *request)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!head_equals(request->headers[GATEWAY_EXPECT], "100-continue") || connection->continued || request->old)
		return true;
	connection->continued = true;
	return !transport_write(&connection->transport, text, sizeof(text) - 1);
}

static int read_chunks(struct gateway_connection *connection, struct gateway_request *request, size_t most)
{
	struct http1_turn *turn = connection->turn;
	size_t head = request->head_length;
	int status;

	/* Its pieces are moved together, and that needs them to stay. */
	connection->kept = true;
	if (turn->data < connection->in || turn->data >= connection->in + connection->in_length)
		return 1;
	status = head_chunks(turn->data, turn->length, head, &connection->chunk_from, &connection->chunk_to, most,
			     connection->gateway->options.max_header);
	if (status)
		return status;
	request->body = (struct wtel_slice){turn->data + head, connection->chunk_to - head};
	turn->used = connection->chunk_from;
	return 0;
}

static int read_body(struct gateway_exchange *exchange, struct gateway_request *request, size_t most)
{
	struct gateway_connection *connection = connection_of(exchange);
	struct http1_turn *turn = connection->turn;

	if (request->body_length > most)
		return 413;
	if (!request->chunked && turn->length - request->head_length >= request->body_length) {
		request->body = (struct wtel_slice){turn->data + request->head_length, request->body_length};
		turn->used = request->head_length + request->body_length;
		return 0;
	}
	if (!say_continue(connection, request)) {
		connection_end(connection, false);
		return 1;
	}
	return request->chunked ? read_chunks(connection, request, most) : 1;
}

/* ---- requests ----------------------------------------------------------------- */

/* Octets of `data` that the request at its begin took. 0: more is to come, or it waits. */
static size_t read_one(struct gateway_connection *connection, char *data, size_t length)
{
	size_t max_header = connection->gateway->options.max_header;
	struct gateway_request request;
	struct http1_turn turn = {&request, data, length, 0};
	int status = head_read(&request, data, length);

	if (status == 1 && length <= max_header)
		return 0;
	if (status == 1 || (!status && request.head_length > max_header))
		status = 431;
	connection->turn = &turn;
	connection->old = !status && request.old;
	connection->keep_alive = !status && request.keep_alive;
	if (status) {
		turn.used = length;
		http_refuse(&connection->exchange, status);
	} else {
		http_serve(&connection->exchange, &request);
	}
	connection->turn = NULL;
	return turn.used;
}

/* As many requests as are whole; what they took. */
static size_t read_all(struct gateway_connection *connection, char *data, size_t length)
{
	size_t at = 0, used;

	connection->reading = true;
	while (connection->exchange.phase == EXCHANGE_READS && !connection->ending && at < length) {
		used = read_one(connection, data + at, length - at);
		if (!used)
			break;
		at += used;
	}
	connection->reading = false;
	return at;
}

static int to_stream(struct gateway_connection *connection, const char *data, size_t length)
{
	const struct gateway_exchange *exchange = &connection->exchange;

	return length ? exchange->stream_calls->receive(exchange->stream, (const unsigned char *)data, length) : 0;
}

static int read_kept(struct gateway_connection *connection)
{
	size_t used = read_all(connection, connection->in, connection->in_length), rest;

	/* Nothing is left of a connection that is drained. */
	if (used && connection->in_length)
		drop(connection, used);
	if (connection->exchange.phase != EXCHANGE_STREAMS)
		return 0;
	rest = connection->in_length;
	connection->in_length = 0;
	return to_stream(connection, connection->in, rest);
}

static int receive(struct gateway_connection *connection, char *data, size_t length)
{
	struct gateway_exchange *exchange = &connection->exchange;
	bool again = connection->in_length;
	size_t used = 0;

	if (exchange->phase == EXCHANGE_READS && !again)
		used = read_all(connection, data, length);
	if (exchange->phase == EXCHANGE_DRAINS || connection->ending)
		return 0;
	if (exchange->phase == EXCHANGE_STREAMS)
		return to_stream(connection, data + used, length - used);
	if (!keep(connection, data + used, length - used))
		return -1;
	if (exchange->phase == EXCHANGE_READS && (again || connection->kept))
		return read_kept(connection);
	return 0;
}

/* true: it was taken: it is HTTP/2, or it is not known yet. */
static bool greeted(struct gateway_connection *connection, const char *data, size_t length)
{
	static const char preface[] = HTTP2_PREFACE;
	size_t had = connection->in_length, left = sizeof(preface) - 1 - had;

	if (memcmp(data, preface + had, length < left ? length : left) != 0) {
		connection->fresh = false;
		return false;
	}
	if (length < left) {
		if (!keep(connection, data, length))
			connection_end(connection, false);
		return true;
	}
	connection->in_length = 0;
	if (http2_open(connection)) {
		connection_end(connection, false);
		return true;
	}
	if (had)
		http2_receive(connection, preface, had);
	http2_receive(connection, data, length);
	return true;
}

void http1_receive(struct gateway_connection *connection, char *data, size_t length)
{
	if ((!connection->fresh || !greeted(connection, data, length)) && receive(connection, data, length))
		connection_end(connection, false);
	if (connection->ending || connection->http2)
		return;
	if (connection->exchange.phase == EXCHANGE_READS)
		set_deadline(connection);
	pause_reading(connection);
}

static void go_on_reading(struct gateway_exchange *exchange)
{
	struct gateway_connection *connection = connection_of(exchange);

	exchange->phase = EXCHANGE_READS;
	if (connection->reading)
		return;
	if (read_kept(connection))
		connection_end(connection, false);
	else if (exchange->phase == EXCHANGE_READS && connection->eof)
		connection_end(connection, false);
	else if (exchange->phase == EXCHANGE_READS)
		set_deadline(connection);
	pause_reading(connection);
}

/* What was asked before is still answered. */
void http1_ended(struct gateway_connection *connection)
{
	enum exchange_phase phase = connection->exchange.phase;

	connection->eof = true;
	if (phase != EXCHANGE_WAITS && phase != EXCHANGE_WRITES)
		connection_end(connection, false);
}

/* ---- answers -------------------------------------------------------------------- */

/* What a client still sends is read over, so that the answer reaches it: a reset would overtake it. */
static void drain(struct gateway_connection *connection)
{
	connection->exchange.phase = EXCHANGE_DRAINS;
	connection->in_length = 0;
	transport_shut(&connection->transport);
	if (connection->eof)
		connection_end(connection, false);
	set_deadline(connection);
	pause_reading(connection);
}

/* All was written. */
static void go_on(struct gateway_connection *connection)
{
	struct gateway_exchange *exchange = &connection->exchange;

	exchange->started = exchange->looked_up = 0;
	exchange->method[0] = exchange->path[0] = exchange->origin[0] = '\0';
	exchange->head = false;
	connection->kept = connection->continued = false;
	connection->chunk_from = connection->chunk_to = 0;
	if (!connection->keep_alive)
		drain(connection);
	else
		go_on_reading(exchange);
}

/* The answer ends the connection where the octets behind the head are not known to be a body that came whole. */
static void settle_body(struct gateway_connection *connection)
{
	struct http1_turn *turn = connection->turn;
	const struct gateway_request *request;

	if (!turn || turn->used)
		return;
	request = turn->request;
	if (!request->chunked && turn->length - request->head_length >= request->body_length) {
		turn->used = request->head_length + request->body_length;
	} else {
		turn->used = turn->length;
		connection->keep_alive = false;
	}
}

static void answer(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice body)
{
	struct gateway_connection *connection = connection_of(exchange);

	settle_body(connection);
	if (exchange->gateway->stopping)
		connection->keep_alive = false;
	if (!connection->keep_alive)
		GATEWAY_PUT(head, "Connection: close\r\n");
	else if (connection->old)
		GATEWAY_PUT(head, "Connection: keep-alive\r\n");
	GATEWAY_PUT(head, "\r\n");
	gateway_put(head, body.data, body.length);
	if (transport_write(&connection->transport, head->from, (size_t)(head->at - head->from))) {
		connection_end(connection, false);
	} else if (transport_unsent(&connection->transport)) {
		exchange->phase = EXCHANGE_WRITES;
		set_deadline(connection);
		pause_reading(connection);
	} else {
		go_on(connection);
	}
}

/* A length is not known: it ends with the connection. */
static void begin_stream(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice first)
{
	struct gateway_connection *connection = connection_of(exchange);

	if (head->status != 101)
		GATEWAY_PUT(head, "Connection: close\r\n");
	GATEWAY_PUT(head, "\r\n");
	gateway_put(head, first.data, first.length);
	set_deadline(connection);
	if (transport_write(&connection->transport, head->from, (size_t)(head->at - head->from)))
		connection_end(connection, false);
}

void http1_writable(struct gateway_connection *connection)
{
	struct gateway_exchange *exchange = &connection->exchange;

	if (exchange->phase == EXCHANGE_STREAMS) {
		if (exchange->stream_calls->writable(exchange->stream))
			connection_end(connection, false);
	} else if (exchange->phase == EXCHANGE_WRITES) {
		go_on(connection);
	}
}

/* ---- time ------------------------------------------------------------------------- */

void http1_sweep(struct gateway_connection *connection, int64_t now)
{
	const struct gateway_exchange *exchange = &connection->exchange;

	if (now < connection->deadline)
		return;
	if (exchange->phase == EXCHANGE_READS && exchange->started && !connection->gateway->stopping) {
		connection->keep_alive = false;
		http_late(&connection->exchange);
	} else {
		connection_end(connection, false);
	}
}

/* ---- as what carries an exchange ---------------------------------------------------- */

static int write_out(struct gateway_exchange *exchange, const void *data, size_t length)
{
	return transport_write(&connection_of(exchange)->transport, data, length);
}

static bool busy(const struct gateway_exchange *exchange)
{
	return transport_unsent(&connection_of(exchange)->transport);
}

static void want(struct gateway_exchange *exchange)
{
	transport_want(&connection_of(exchange)->transport);
}

static void end(struct gateway_exchange *exchange, bool flushed)
{
	if (exchange->connection)
		connection_end(connection_of(exchange), flushed);
}

static void shut(struct gateway_exchange *exchange)
{
	transport_shut(&connection_of(exchange)->transport);
}

static void release(struct gateway_exchange *exchange)
{
	struct gateway_connection *connection =
		(struct gateway_connection *)((char *)exchange - offsetof(struct gateway_connection, exchange));
	struct wtel_allocator allocator = connection->allocator;

	gateway_release(&allocator, connection->in);
	gateway_release(&allocator, connection);
}

void http1_open(struct gateway_connection *connection)
{
	static const struct gateway_carrier carrier = {read_body, NULL, answer, go_on_reading, begin_stream, write_out,
						       busy,	  want, end,	shut,	       release};
	struct wtel_gateway *gateway = connection->gateway;

	connection->exchange.carrier = &carrier;
	exchange_begin(&connection->exchange, connection);
	connection->fresh = !gateway->tls;
	connection->deadline =
		clock_now() + (gateway->tls ? gateway->options.request_timeout : gateway->options.idle_timeout);
}
