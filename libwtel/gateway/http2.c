/*
 * A connection of HTTP/2: nghttp2 reads and makes its frames, and knows what may follow what; a request that is
 * malformed in its eyes is reset (RFC 9113, 8.1.1), and what HTTP/1.1 would answer with a status is answered so here.
 * Ours are the limits: of streams, octets, times, and of frames that ask for nothing.
 */
#include "gateway/http2.h"

#include <string.h>

#include "gateway/http2_stream.h"

enum {
	GATHERED = 32768,    /* octets of frames in one write */
	UNSENT_MOST = 65536, /* that frames are made for; the rest stays with the streams */
	HEAD_BOMB = 65536,   /* octets of headers over what is allowed, after which nobody is answered any more */
	/* In a window of 10 seconds: PING, SETTINGS, ... over what our own frames ask for; streams that either reset,
	 * over those that were answered: behind a proxy many clients may give up on one connection */
	WINDOW = 10000000,
	IDLE_FRAMES = 2000,
	RESETS = 200,
	DRAIN_TIME = 2000000 /* microseconds */
};

static int64_t clock_now(void)
{
	return wtel_time_now().mono;
}

void http2_speak(struct http2 *http2)
{
	struct wtel_gateway *gateway = http2->connection->gateway;

	if (http2->unsaid || !gateway)
		return;
	http2->unsaid = true;
	http2->next_unsaid = gateway->unsaid;
	gateway->unsaid = http2;
}

/* ---- limits -------------------------------------------------------------------- */

static void calm(struct http2 *http2)
{
	if (nghttp2_session_terminate_session(http2->session, NGHTTP2_ENHANCE_YOUR_CALM))
		connection_end(http2->connection, false);
	http2_speak(http2);
}

static void count(struct http2 *http2, int *counter, int most)
{
	int64_t now = clock_now();

	if (now - http2->window > WINDOW) {
		http2->window = now;
		http2->idle_frames = http2->resets = 0;
	}
	if (++*counter == most)
		calm(http2);
}

/* Its first nine octets are there. */
static void frame_begins(struct http2 *http2)
{
	struct http2_place *place = &http2->place;
	unsigned type = place->head[3], flags = place->head[4];
	/* Of a padded frame up to 256 octets say nothing. */
	size_t nothing = flags & NGHTTP2_FLAG_PADDED ? 256 : 0;

	place->left = (size_t)place->head[0] << 16 | (size_t)place->head[1] << 8 | place->head[2];
	place->have = 0;
	/* Whoever goes on has time again; but not for a block of headers. */
	if (!place->open)
		http2->middle = 0;
	if (type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION)
		place->open = !(flags & NGHTTP2_FLAG_END_HEADERS);
	if (type != NGHTTP2_HEADERS &&
	    (type != NGHTTP2_DATA || (place->left <= nothing && !(flags & NGHTTP2_FLAG_END_STREAM))))
		count(http2, &http2->idle_frames, IDLE_FRAMES);
}

/* nghttp2 does not tell of all frames, nor of halves. */
static void follow(struct http2 *http2, const char *data, size_t length)
{
	struct http2_place *place = &http2->place;

	while (length) {
		size_t some = place->left < length ? place->left : length;

		place->left -= some;
		data += some;
		length -= some;
		if (!length)
			break;
		place->head[place->have++] = (unsigned char)*data++;
		length--;
		if (place->have == sizeof(place->head))
			frame_begins(http2);
	}
	if (!place->left && !place->have && !place->open)
		http2->middle = 0;
	else if (!http2->middle)
		http2->middle = clock_now();
}

/* ---- from nghttp2 ------------------------------------------------------------------ */

static struct http2_stream *find(nghttp2_session *session, int32_t id)
{
	return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

/* What is refused here is closed again by nghttp2, and nobody hears of it. */
static int headers_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2 *http2 = user;
	struct http2_stream *stream;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	/* Those that the client gave up may still be asked about in the database. */
	if (http2->count >= 2 * HTTP2_STREAMS_MAX)
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
						 NGHTTP2_REFUSED_STREAM)
			       ? NGHTTP2_ERR_CALLBACK_FAILURE
			       : 0;
	stream = http2_stream_new(http2, frame->hd.stream_id);
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream)) {
		http2_stream_close(stream);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

static int add_field(struct http2 *http2, const nghttp2_frame *frame, struct wtel_slice name, struct wtel_slice value)
{
	struct http2_stream *stream = find(http2->session, frame->hd.stream_id);
	size_t most = http2->connection->gateway->options.max_header;

	if (!stream)
		return 0;
	/* Trailers are read over, and have their limit together with the head. */
	if (stream->begun)
		stream->head.size += name.length + value.length + 4;
	else if (http2_head_add(&stream->head, &stream->allocator, name, value, most))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (stream->head.size <= most + HEAD_BOMB)
		return 0;
	calm(http2);
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int field(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
		 uint8_t flags, void *user)
{
	nghttp2_vec name_text = nghttp2_rcbuf_get_buf(name), value_text = nghttp2_rcbuf_get_buf(value);

	(void)session;
	(void)flags;
	return add_field(user, frame, (struct wtel_slice){(const char *)name_text.base, name_text.len},
			 (struct wtel_slice){(const char *)value_text.base, value_text.len});
}

/* Octets that no field may have: nghttp2 would leave it out. */
static int bad_field(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
		     uint8_t flags, void *user)
{
	struct http2_stream *stream = find(session, frame->hd.stream_id);

	if (stream && !stream->begun && !stream->head.status)
		stream->head.status = 400;
	return field(session, frame, name, value, flags, user);
}

static int frame_came(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2 *http2 = user;
	struct http2_stream *stream = find(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_RST_STREAM)
		count(http2, &http2->resets, RESETS);
	if (!stream || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		stream->whole = true;
	if (!stream->begun)
		http2_stream_begin(stream);
	else if (stream->whole)
		http2_stream_whole(stream);
	return 0;
}

static int data_came(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t length,
		     void *user)
{
	struct http2_stream *stream = find(session, id);

	(void)flags;
	(void)user;
	/* Others shall not wait for what one of them may not send yet. */
	if (nghttp2_session_consume_connection(session, length))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (stream)
		http2_stream_body(stream, data, length);
	return 0;
}

static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2 *http2 = user;
	struct http2_stream *stream = find(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_DATA && http2->idle_frames > 1)
		http2->idle_frames -= 2;
	if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
		count(http2, &http2->resets, RESETS);
	if (stream && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
	    (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
		http2->resets -= http2->resets > 0;
		http2_stream_said(stream);
	}
	return 0;
}

static int stream_closed(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct http2 *http2 = user;
	struct http2_stream *stream = find(session, id);

	(void)error;
	if (stream)
		http2_stream_close(stream);
	if (!http2->open)
		http2->deadline = clock_now() + http2->connection->gateway->options.idle_timeout;
	return 0;
}

/* ---- what is said ---------------------------------------------------------------------- */

/* All was said; a reset must not overtake it. */
static void drain(struct http2 *http2)
{
	http2->drains = true;
	http2->deadline = clock_now() + DRAIN_TIME;
	transport_shut(&http2->connection->transport);
}

/* 0, or the connection is to be ended. */
static int pump(struct http2 *http2)
{
	struct transport *transport = &http2->connection->transport;
	char gathered[GATHERED];
	const uint8_t *data;
	size_t used = 0;
	ssize_t made = 0;

	while (transport_unsent(transport) + used < UNSENT_MOST) {
		made = nghttp2_session_mem_send(http2->session, &data);
		if (made <= 0)
			break;
		if (used + (size_t)made > sizeof(gathered)) {
			if (transport_write(transport, gathered, used))
				return -1;
			used = 0;
		}
		if ((size_t)made > sizeof(gathered)) {
			if (transport_write(transport, data, (size_t)made))
				return -1;
			continue;
		}
		memcpy(gathered + used, data, (size_t)made);
		used += (size_t)made;
	}
	if (used && transport_write(transport, gathered, used))
		return -1;
	return made < 0 ? -1 : 0;
}

/* Streams that can say more when what they said is gone, until nothing is left or the client takes no more. */
static bool wake_all(struct http2 *http2)
{
	struct http2_stream *stream;
	bool more = false;

	for (stream = http2->first; stream; stream = stream->next)
		more = http2_stream_wake(stream) || more;
	return more;
}

static void flush(struct http2 *http2)
{
	struct gateway_connection *connection = http2->connection;

	if (connection->ending || http2->drains)
		return;
	do {
		if (pump(http2)) {
			connection_end(connection, false);
			return;
		}
	} while (wake_all(http2));
	if (!nghttp2_session_want_read(http2->session) && !nghttp2_session_want_write(http2->session) &&
	    !transport_unsent(&connection->transport))
		drain(http2);
}

void http2_flush_all(struct wtel_gateway *gateway)
{
	while (gateway->unsaid) {
		struct http2 *http2 = gateway->unsaid;

		gateway->unsaid = http2->next_unsaid;
		http2->unsaid = false;
		flush(http2);
	}
}

/* ---- from the connection ------------------------------------------------------------------ */

void http2_receive(struct gateway_connection *connection, const char *data, size_t length)
{
	struct http2 *http2 = connection->http2;

	if (http2->drains || connection->ending)
		return;
	follow(http2, data, length);
	if (nghttp2_session_mem_recv(http2->session, (const uint8_t *)data, length) < 0)
		connection_end(connection, false);
	else
		flush(http2);
}

void http2_writable(struct gateway_connection *connection)
{
	flush(connection->http2);
}

void http2_stop(struct gateway_connection *connection)
{
	struct http2 *http2 = connection->http2;

	if (http2->goes)
		return;
	http2->goes = true;
	(void)!nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
				     nghttp2_session_get_last_proc_stream_id(http2->session), NGHTTP2_NO_ERROR, NULL,
				     0);
	http2_speak(http2);
}

/* Who takes nothing of what is written is not there any more. */
static bool is_stuck(struct http2 *http2, int64_t now)
{
	const struct transport *transport = &http2->connection->transport;

	if (!transport_unsent(transport) || transport->sent != http2->sent) {
		http2->sent = transport->sent;
		http2->moved = now;
	}
	return now - http2->moved > http2->connection->gateway->options.idle_timeout;
}

void http2_sweep(struct gateway_connection *connection, int64_t now)
{
	struct http2 *http2 = connection->http2;
	struct http2_stream *stream, *next;

	if (http2->drains ? now >= http2->deadline : is_stuck(http2, now)) {
		connection_end(connection, false);
		return;
	}
	if (http2->drains)
		return;
	if (http2->middle && now - http2->middle > connection->gateway->options.request_timeout)
		calm(http2);
	for (stream = http2->first; stream; stream = next) {
		next = stream->next;
		http2_stream_sweep(stream, now);
	}
	if (!http2->open && now >= http2->deadline)
		http2_stop(connection);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, headers_begin);
	nghttp2_session_callbacks_set_on_header_callback2(callbacks, field);
	nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, bad_field);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_came);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_came);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
}

/* With memory of the C library: nghttp2 (1.52) frees twice what it could not queue. */
static int make_session(struct http2 *http2)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	int code = WTEL_ENOMEM;

	if (nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0) {
		set_callbacks(callbacks);
		nghttp2_option_set_no_auto_window_update(option, 1);
		nghttp2_option_set_no_closed_streams(option, 1);
		if (nghttp2_session_server_new2(&http2->session, callbacks, http2, option) == 0)
			code = 0;
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return code;
}

int http2_open(struct gateway_connection *connection)
{
	const struct wtel_gateway_options *options = &connection->gateway->options;
	/* Priorities as they once were are a graph of what the client likes: it is not kept (RFC 9218, 2.1). */
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS_MAX},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)options->max_header},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	struct http2 *http2 = gateway_allocate(&connection->allocator, sizeof(*http2));

	if (!http2)
		return WTEL_ENOMEM;
	http2->connection = connection;
	http2->place.left = sizeof(HTTP2_PREFACE) - 1;
	http2->window = http2->moved = clock_now();
	http2->deadline = http2->window + options->idle_timeout;
	if (make_session(http2) || nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
							   sizeof(settings) / sizeof(*settings))) {
		nghttp2_session_del(http2->session);
		gateway_release(&connection->allocator, http2);
		return WTEL_ENOMEM;
	}
	connection->http2 = http2;
	http2_speak(http2);
	return 0;
}

void http2_close(struct gateway_connection *connection)
{
	struct http2 *http2 = connection->http2, **at = &connection->gateway->unsaid;
	struct http2_stream *stream, *next;

	if (!http2)
		return;
	while (*at && *at != http2)
		at = &(*at)->next_unsaid;
	if (*at)
		*at = http2->next_unsaid;
	for (stream = http2->first; stream; stream = next) {
		bool stays = stream->exchange.pending;

		next = stream->next;
		if (stream->exchange.gateway)
			http2_stream_close(stream);
		if (stays)
			stream->http2 = NULL;
	}
	nghttp2_session_del(http2->session);
	gateway_release(&connection->allocator, http2);
	connection->http2 = NULL;
}
