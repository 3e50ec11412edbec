/* A stream of HTTP/2 as what carries an exchange. */
#include "gateway/http2_stream.h"

#include <stdio.h>
#include <string.h>

#include "gateway/head.h"
#include "gateway/http.h"

enum { FIELDS_MAX = 32, SHORT_ANSWER = 2048, DRAIN_TIME = 2000000 /* microseconds */ };

static struct http2_stream *stream_of(const struct gateway_exchange *exchange)
{
	return (struct http2_stream *)(uintptr_t)exchange;
}

static int64_t clock_now(void)
{
	return wtel_time_now().mono;
}

static const struct wtel_gateway_options *options_of(const struct http2_stream *stream)
{
	return &stream->exchange.gateway->options;
}

/* ---- the request ------------------------------------------------------------ */

static void drop_request(struct http2_stream *stream)
{
	stream->http2->bodies -= stream->body.length;
	octets_free(&stream->body, &stream->allocator);
	http2_head_free(&stream->head, &stream->allocator);
}

static void serve(struct http2_stream *stream)
{
	struct gateway_exchange *exchange = &stream->exchange;
	struct gateway_request request;
	int status = http2_head_read(&request, &stream->head);

	stream->serving = true;
	if (status)
		http_refuse(exchange, status);
	else
		http_serve(exchange, &request);
	stream->serving = false;
	if (exchange->phase != EXCHANGE_READS && exchange->phase != EXCHANGE_WAITS)
		drop_request(stream);
}

void http2_stream_begin(struct http2_stream *stream)
{
	stream->begun = true;
	serve(stream);
}

/* The client may send as much again. */
static void consume(struct http2_stream *stream)
{
	if (stream->unconsumed)
		(void)!nghttp2_session_consume_stream(stream->http2->session, stream->id, stream->unconsumed);
	stream->unconsumed = 0;
}

/* What nobody asked for yet is held, as much as the client's window allows. */
void http2_stream_body(struct http2_stream *stream, const uint8_t *data, size_t length)
{
	struct gateway_exchange *exchange = &stream->exchange;

	/* What was answered before all of it came is read over. */
	if ((exchange->phase != EXCHANGE_READS && exchange->phase != EXCHANGE_WAITS) || exchange->ending) {
		(void)!nghttp2_session_consume_stream(stream->http2->session, stream->id, length);
		return;
	}
	if (octets_add(&stream->body, &stream->allocator, data, length)) {
		exchange->carrier->end(exchange, false);
		return;
	}
	stream->http2->bodies += length;
	stream->unconsumed += length;
	if (exchange->phase != EXCHANGE_READS || !stream->asked)
		return;
	if (stream->body.length > stream->most ||
	    stream->http2->bodies > HTTP2_BODIES_MAX * options_of(stream)->max_body)
		serve(stream);
	else
		consume(stream);
}

void http2_stream_whole(struct http2_stream *stream)
{
	stream->whole = true;
	if (stream->begun && stream->exchange.phase == EXCHANGE_READS && !stream->exchange.ending)
		serve(stream);
}

static void retry(struct gateway_exchange *exchange)
{
	exchange->phase = EXCHANGE_READS;
	serve(stream_of(exchange));
}

static int say_continue(struct http2_stream *stream, const struct gateway_request *request)
{
	nghttp2_nv status = {(uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE};

	if (stream->continued || !head_equals(request->headers[GATEWAY_EXPECT], "100-continue"))
		return 0;
	stream->continued = true;
	http2_speak(stream->http2);
	return nghttp2_submit_headers(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, NULL, &status, 1, NULL);
}

static int read_body(struct gateway_exchange *exchange, struct gateway_request *request, size_t most)
{
	struct http2_stream *stream = stream_of(exchange);

	stream->asked = true;
	stream->most = most;
	if (request->body_length > most || stream->body.length > most)
		return 413;
	if (stream->http2->bodies > HTTP2_BODIES_MAX * options_of(stream)->max_body)
		return 503;
	if (stream->whole) {
		request->body = (struct wtel_slice){stream->body.data, stream->body.length};
		return 0;
	}
	if (say_continue(stream, request))
		exchange->carrier->end(exchange, false);
	consume(stream);
	return 1;
}

/* ---- the answer --------------------------------------------------------------- */

static ssize_t produce(nghttp2_session *session, int32_t id, uint8_t *to, size_t length, uint32_t *flags,
		       nghttp2_data_source *source, void *user)
{
	struct http2_stream *stream = source->ptr;
	size_t left = stream->out.length - stream->out_from;

	(void)session;
	(void)id;
	(void)user;
	if (!left && !stream->ends)
		return NGHTTP2_ERR_DEFERRED;
	if (length > left)
		length = left;
	if (length)
		memcpy(to, stream->out.data + stream->out_from, length);
	stream->out_from += length;
	stream->http2->unsent -= length;
	stream->deadline = clock_now() + options_of(stream)->idle_timeout;
	if (stream->out_from < stream->out.length)
		return (ssize_t)length;
	stream->out.length = stream->out_from = 0;
	stream->wanted = !stream->ends;
	if (stream->ends)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)length;
}

/* Lines of text, as all answers are made, become pairs; nghttp2 makes their names small. */
static size_t fields_of(nghttp2_nv *fields, struct gateway_text *head)
{
	char *at = head->fields, *end;
	size_t count = 0;

	while (count < FIELDS_MAX && at && (end = memmem(at, (size_t)(head->at - at), "\r\n", 2)) != NULL) {
		char *colon = memchr(at, ':', (size_t)(end - at));

		if (!colon || end - colon < 2)
			break;
		fields[count] = (nghttp2_nv){(uint8_t *)at, (uint8_t *)colon + 2, (size_t)(colon - at),
					     (size_t)(end - colon) - 2, NGHTTP2_NV_FLAG_NONE};
		/* A secret is not to stand in a table that others' texts are compared with. */
		if (fields[count].namelen == 10 && strncasecmp(at, "Set-Cookie", 10) == 0)
			fields[count].flags = NGHTTP2_NV_FLAG_NO_INDEX;
		count++;
		at = end + 2;
	}
	return count;
}

/* true: its head is on its way. */
static bool submit(struct http2_stream *stream, struct gateway_text *head, bool bodiless)
{
	nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = produce};
	nghttp2_nv fields[FIELDS_MAX + 1];
	char status[12];
	size_t count;

	snprintf(status, sizeof(status), "%03d", head->status);
	fields[0] = (nghttp2_nv){(uint8_t *)":status", (uint8_t *)status, 7, 3, NGHTTP2_NV_FLAG_NONE};
	count = 1 + fields_of(fields + 1, head);
	http2_speak(stream->http2);
	return !nghttp2_submit_response(stream->http2->session, stream->id, fields, count, bodiless ? NULL : &provider);
}

static int put_out(struct http2_stream *stream, const void *data, size_t length)
{
	if (octets_add(&stream->out, &stream->allocator, data, length))
		return WTEL_ENOMEM;
	stream->http2->unsent += length;
	return 0;
}

/* A short one always: it says why. */
static bool takes(const struct gateway_exchange *exchange, size_t length)
{
	size_t unsent = stream_of(exchange)->http2->unsent;

	return !unsent || length <= SHORT_ANSWER || unsent + length <= HTTP2_UNSENT_MAX;
}

static void answer(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice body)
{
	struct http2_stream *stream = stream_of(exchange);

	if (exchange->ending)
		return;
	exchange->phase = EXCHANGE_WRITES;
	stream->ends = true;
	stream->deadline = clock_now() + options_of(stream)->idle_timeout;
	if (put_out(stream, body.data, body.length) || !submit(stream, head, !body.length))
		exchange->carrier->end(exchange, false);
	if (!stream->serving)
		drop_request(stream);
}

static void begin_stream(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice first)
{
	struct http2_stream *stream = stream_of(exchange);

	if (put_out(stream, first.data, first.length) || !submit(stream, head, false))
		exchange->carrier->end(exchange, false);
}

static int write_out(struct gateway_exchange *exchange, const void *data, size_t length)
{
	struct http2_stream *stream = stream_of(exchange);

	if (stream->ends || put_out(stream, data, length))
		return WTEL_ENOMEM;
	/* It may not have stopped asking. */
	(void)!nghttp2_session_resume_data(stream->http2->session, stream->id);
	http2_speak(stream->http2);
	return 0;
}

static bool busy(const struct gateway_exchange *exchange)
{
	return stream_of(exchange)->out.length;
}

static void want(struct gateway_exchange *exchange)
{
	stream_of(exchange)->wanted = true;
	http2_speak(stream_of(exchange)->http2);
}

static void end(struct gateway_exchange *exchange, bool flushed)
{
	struct http2_stream *stream = stream_of(exchange);

	if (!exchange->gateway || exchange->ending)
		return;
	http2_speak(stream->http2);
	if (flushed) {
		stream->ends = true;
		(void)!nghttp2_session_resume_data(stream->http2->session, stream->id);
		return;
	}
	exchange->ending = true;
	if (nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id,
				      exchange->phase == EXCHANGE_READS || exchange->phase == EXCHANGE_WAITS
					      ? NGHTTP2_INTERNAL_ERROR
					      : NGHTTP2_CANCEL))
		connection_end(exchange->connection, false);
}

bool http2_stream_wake(struct http2_stream *stream)
{
	struct gateway_exchange *exchange = &stream->exchange;

	if (!stream->wanted || stream->out.length || !exchange->stream_calls || exchange->ending || stream->ends)
		return false;
	stream->wanted = false;
	if (exchange->stream_calls->writable(exchange->stream))
		end(exchange, false);
	return stream->out.length || stream->ends || exchange->ending;
}

/* ---- life ------------------------------------------------------------------------ */

static void release(struct gateway_exchange *exchange)
{
	struct http2_stream *stream = stream_of(exchange);
	struct wtel_allocator allocator = stream->allocator;

	if (stream->http2) {
		if (stream->previous)
			stream->previous->next = stream->next;
		else
			stream->http2->first = stream->next;
		if (stream->next)
			stream->next->previous = stream->previous;
		stream->http2->count--;
	}
	gateway_release(&allocator, stream);
}

struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id)
{
	static const struct gateway_carrier carrier = {read_body, takes, answer, retry, begin_stream, write_out,
						       busy,	  want,	 end,	 want,	release};
	struct gateway_connection *connection = http2->connection;
	struct http2_stream *stream = gateway_allocate(&connection->allocator, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->allocator = connection->allocator;
	stream->http2 = http2;
	stream->id = id;
	stream->exchange.carrier = &carrier;
	exchange_begin(&stream->exchange, connection);
	stream->exchange.started = clock_now();
	stream->deadline = stream->exchange.started + connection->gateway->options.request_timeout;
	stream->next = http2->first;
	if (http2->first)
		http2->first->previous = stream;
	http2->first = stream;
	http2->count++;
	http2->open++;
	return stream;
}

void http2_stream_said(struct http2_stream *stream)
{
	if (stream->whole)
		return;
	stream->exchange.phase = EXCHANGE_DRAINS;
	stream->deadline = clock_now() + DRAIN_TIME;
}

void http2_stream_close(struct http2_stream *stream)
{
	drop_request(stream);
	stream->http2->unsent -= stream->out.length - stream->out_from;
	octets_free(&stream->out, &stream->allocator);
	stream->http2->open--;
	exchange_leave(&stream->exchange);
}

void http2_stream_sweep(struct http2_stream *stream, int64_t now)
{
	struct gateway_exchange *exchange = &stream->exchange;

	if (!exchange->gateway || exchange->ending || now < stream->deadline)
		return;
	if (exchange->phase == EXCHANGE_READS && stream->begun)
		http_late(exchange);
	else if (exchange->phase == EXCHANGE_WRITES)
		end(exchange, false);
	/* Who was answered need not send the rest (RFC 9113, 8.1). */
	else if (exchange->phase == EXCHANGE_DRAINS &&
		 !nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR))
		http2_speak(stream->http2);
}
