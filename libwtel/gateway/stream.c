/* Readers of events: whether they still may, and when they are written to. */
#include "gateway/stream.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "gateway/who.h"

static const ev_tstamp SWEEP_EVERY = 0.5;
static const int64_t CHECK_EVERY = 400000; /* at every sweep: what who.c remembers is then always new enough */
static const int64_t REST_MAX = 50000;

/* ---- closing ---------------------------------------------------------- */

void stream_ready(struct stream *stream)
{
	stream->ready = true;
	stream->streams->ready = true;
}

void stream_close(struct stream *stream, int code, const char *text)
{
	if (stream->close_code)
		return;
	hub_leave(&stream->reader);
	stream->close_code = code;
	stream->close_text = text;
	stream->close_by = wtel_time_now().mono + stream->streams->close_within;
	stream_ready(stream);
}

/* ---- who reads -------------------------------------------------------- */

/* An answer came. false: for nobody any more. */
static bool resume(struct stream *stream)
{
	stream->pending--;
	if (stream->exchange)
		return !stream->close_code;
	if (!stream->pending)
		gateway_release(&stream->allocator, stream);
	return false;
}

/* GET sip/status of the agent: {"sipPeer": {"extension", ...}}; whoever has no account hears of no account. */
static void extension_read(int status, struct wtel_slice json, void *user)
{
	struct stream *stream = user;
	const char *extension;
	json_t *document;

	if (!resume(stream))
		return;
	document = status == 200 ? json_loadb(json.data, json.length, 0, NULL) : NULL;
	extension = json_string_value(json_object_get(json_object_get(document, "sipPeer"), "extension"));
	if (status >= 500)
		stream_close(stream, STREAM_TRY_LATER, "try again later");
	else
		hub_admit(&stream->reader, WTEL_ROLE_AGENT, stream->reader.user_id, extension ? extension : "");
	json_decref(document);
}

static void admit(struct stream *stream, const struct wtel_grant *grant)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;

	stream->role = grant->role;
	/* Whose role has changed: it counts at once, an agent's own extension when it is known. */
	if (stream->reader.admitted)
		hub_admit(&stream->reader, grant->role, grant->user_id, "");
	if (grant->role != WTEL_ROLE_AGENT || !grant->user_id) {
		hub_admit(&stream->reader, grant->role, grant->user_id, "");
		return;
	}
	request.path = "/api/telephony/sip/status";
	request.user_id = stream->reader.user_id = grant->user_id;
	stream->pending++;
	if (!wtel_api_call(stream->streams->gateway->service, &request, extension_read, stream))
		return;
	stream->pending--;
	stream_close(stream, STREAM_TRY_LATER, "try again later");
}

/* Without a database nobody can be looked up: whoever is in stays. */
static void grant_read(int code, const char *text, const struct wtel_grant *grant, void *user)
{
	struct stream *stream = user;

	(void)text;
	if (!resume(stream))
		return;
	stream->checking = false;
	stream->checked = wtel_time_now().mono;
	if (code == WTEL_ENOTFOUND || code == WTEL_ESTATE)
		stream_close(stream, STREAM_POLICY, "access was withdrawn");
	else if (!code && grant->role != stream->role)
		admit(stream, grant);
}

static void check(struct stream *stream)
{
	stream->pending++;
	stream->checking = true;
	if (!who_check(stream->streams->gateway, stream->secret, grant_read, stream))
		return;
	stream->pending--;
	stream->checking = false;
}

/* ---- whose ------------------------------------------------------------ */

static int64_t owner_of(const struct wtel_grant *grant)
{
	return grant->user_id ? grant->user_id : -grant->id;
}

static struct stream **owned_by(struct streams *streams, int64_t owner)
{
	return &streams->owned[(uint64_t)owner % STREAM_OWNERS];
}

bool stream_room(struct gateway_exchange *exchange, const struct wtel_grant *grant)
{
	struct streams *streams = exchange->gateway->streams;
	int64_t owner = owner_of(grant);
	const struct stream *stream;
	int most = streams->gateway->options.user_streams, count = 0;
	char text[128];

	for (stream = *owned_by(streams, owner); stream; stream = stream->next_owned)
		count += stream->owner == owner && !stream->close_code;
	if (!most || count < most)
		return true;
	snprintf(text, sizeof(text), "this %s reads %d streams of events already, and may not read more",
		 grant->user_id ? "user" : "token", count);
	gateway_fail(exchange, 429, WTEL_ELIMIT, "", text, 5);
	return false;
}

static void own(struct stream *stream)
{
	struct stream **first = owned_by(stream->streams, stream->owner);

	stream->next_owned = *first;
	if (*first)
		(*first)->previous_owned = stream;
	*first = stream;
}

static void disown(struct stream *stream)
{
	if (stream->previous_owned)
		stream->previous_owned->next_owned = stream->next_owned;
	else
		*owned_by(stream->streams, stream->owner) = stream->next_owned;
	if (stream->next_owned)
		stream->next_owned->previous_owned = stream->previous_owned;
}

/* ---- life of one ------------------------------------------------------ */

static void wake(struct hub_reader *reader)
{
	struct stream *stream = reader->user;

	if (reader->cut)
		stream_close(stream, STREAM_TRY_LATER, "too slow");
	else
		stream_ready(stream);
}

/* ?lastEventId=..., or the header of those who come back. */
static struct wtel_slice last_id(const struct gateway_request *request)
{
	static const char name[] = "lastEventId=";
	struct wtel_slice query = request->query;

	while (query.length) {
		const char *end = memchr(query.data, '&', query.length);
		size_t length = end ? (size_t)(end - query.data) : query.length;

		if (length >= sizeof(name) - 1 && memcmp(query.data, name, sizeof(name) - 1) == 0)
			return (struct wtel_slice){query.data + sizeof(name) - 1, length - (sizeof(name) - 1)};
		query.data += length + (end != NULL);
		query.length -= length + (end != NULL);
	}
	return request->headers[GATEWAY_LAST_EVENT_ID];
}

struct stream *stream_new(struct gateway_exchange *exchange, const struct gateway_visitor *visitor, bool sse)
{
	struct streams *streams = exchange->gateway->streams;
	struct stream *stream = gateway_allocate(&exchange->gateway->allocator, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->streams = streams;
	stream->allocator = exchange->gateway->allocator;
	stream->exchange = exchange;
	stream->sse = sse;
	stream->pinged = stream->wrote = stream->checked = wtel_time_now().mono;
	stream->expires_at = visitor->grant->expires_at;
	snprintf(stream->secret, sizeof(stream->secret), "%s", visitor->secret);
	stream->next = streams->first;
	if (streams->first)
		streams->first->previous = stream;
	streams->first = stream;
	streams->count++;
	stream->owner = owner_of(visitor->grant);
	own(stream);
	hub_join(exchange->gateway->hub, &stream->reader, last_id(visitor->request), wake, stream);
	admit(stream, visitor->grant);
	return stream;
}

void stream_closed(void *user)
{
	struct stream *stream = user;
	struct streams *streams = stream->streams;

	hub_leave(&stream->reader);
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		streams->first = stream->next;
	if (stream->next)
		stream->next->previous = stream->previous;
	streams->count--;
	disown(stream);
	gateway_release(&stream->allocator, stream->frame.text);
	stream->frame.text = NULL;
	stream->exchange = NULL;
	stream->streams = NULL;
	explicit_bzero(stream->secret, sizeof(stream->secret));
	if (!stream->pending)
		gateway_release(&stream->allocator, stream);
}

/* ---- writing ---------------------------------------------------------- */

unsigned char *stream_put(struct streams *streams, size_t length)
{
	const struct wtel_allocator *allocator = &streams->gateway->allocator;
	size_t wanted = streams->scratch_length + length;

	if (wanted > streams->scratch_room) {
		size_t room = wanted > STREAM_WRITE_MAX ? wanted : STREAM_WRITE_MAX;
		unsigned char *scratch = allocator->reallocate(streams->scratch, room, allocator->user);

		if (!scratch)
			return NULL;
		streams->scratch = scratch;
		streams->scratch_room = room;
	}
	streams->scratch_length += length;
	return streams->scratch + wanted - length;
}

/* "id: ...", "event: ...", "data: ..." and an empty line, or a frame as it stands. */
static int put_event(struct stream *stream, const struct hub_event *event)
{
	size_t json = event->frame.length - event->skip;
	unsigned char *to;

	if (!stream->sse) {
		to = stream_put(stream->streams, event->frame.length);
		if (to)
			memcpy(to, event->frame.data, event->frame.length);
		return to ? 0 : WTEL_ENOMEM;
	}
	to = stream_put(stream->streams, event->head.length + json + 2);
	if (!to)
		return WTEL_ENOMEM;
	memcpy(to, event->head.data, event->head.length);
	memcpy(to + event->head.length, event->frame.data + event->skip, json);
	memcpy(to + event->head.length + json, "\n\n", 2);
	return 0;
}

static int put_events(struct stream *stream)
{
	struct hub_event event;
	int code = 0;

	while (!code && hub_peek(&stream->reader, &event)) {
		size_t before = stream->streams->scratch_length;

		if (before && before + event.head.length + event.frame.length > STREAM_WRITE_MAX) {
			stream->exchange->carrier->want(stream->exchange);
			break;
		}
		code = put_event(stream, &event);
		if (!code)
			hub_take(&stream->reader);
	}
	return code;
}

static int put_heartbeat(struct stream *stream)
{
	unsigned char *to = stream->ping_due ? stream_put(stream->streams, 3) : NULL;

	if (!stream->ping_due)
		return 0;
	stream->ping_due = false;
	if (to)
		memcpy(to, ":\n\n", 3);
	return to ? 0 : WTEL_ENOMEM;
}

static int write_out(struct stream *stream)
{
	struct streams *streams = stream->streams;
	size_t length = streams->scratch_length;

	if (!length)
		return 0;
	stream->wrote = wtel_time_now().mono;
	return stream->exchange->carrier->write(stream->exchange, streams->scratch, length);
}

/*
 * A WebSocket's client answers a close frame; the other just sees the end. What nobody listens to is still read for a
 * while: a reset would overtake the close frame.
 */
static void end_when_closed(struct stream *stream)
{
	struct gateway_exchange *exchange = stream->exchange;

	if (stream->sse ? !stream->close_code : !stream->close_sent)
		return;
	if (stream->sse || stream->close_heard) {
		exchange->carrier->end(exchange, true);
	} else if (stream->deaf && !stream->shut && !exchange->carrier->busy(exchange)) {
		stream->shut = true;
		exchange->carrier->shut(exchange);
	}
}

int stream_writable(void *user)
{
	struct stream *stream = user;
	struct streams *streams = stream->streams;
	int code;

	stream->ready = false;
	streams->scratch_length = 0;
	code = stream->sse ? put_heartbeat(stream) : websocket_put_control(stream);
	if (!code && !stream->close_code)
		code = put_events(stream);
	if (!code && stream->close_code && !stream->sse && !stream->close_sent)
		code = websocket_put_close(stream);
	if (code || write_out(stream))
		return -1;
	end_when_closed(stream);
	return 0;
}

static void flush(struct stream *stream)
{
	struct gateway_exchange *exchange = stream->exchange;

	if (exchange->ending)
		return;
	if (exchange->carrier->busy(exchange))
		exchange->carrier->want(exchange);
	else if (stream_writable(stream))
		exchange->carrier->end(exchange, false);
}

static void before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct streams *streams = watcher->data;
	int64_t now, took;
	struct stream *stream, *next;

	(void)events;
	if (!streams->ready)
		return;
	now = wtel_time_now().mono;
	if (now < streams->rest_until) {
		if (!ev_is_active(&streams->pause)) {
			ev_timer_set(&streams->pause, (ev_tstamp)(streams->rest_until - now) / 1e6, 0);
			ev_timer_start(loop, &streams->pause);
		}
		return;
	}
	streams->ready = false;
	for (stream = streams->first; stream; stream = next) {
		next = stream->next;
		if (stream->ready) {
			stream->ready = false;
			flush(stream);
		}
	}
	connection_settle_all(streams->gateway);
	took = wtel_time_now().mono - now;
	streams->rest_until = now + took + (took / 2 < REST_MAX ? took / 2 : REST_MAX);
}

/* Only that the loop does not sleep on. */
static void pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
}

/* ---- time ------------------------------------------------------------- */

static bool is_dead(const struct stream *stream, int64_t now)
{
	return (stream->close_by && stream->close_by <= now) ||
	       (stream->pong_awaited && now - stream->pinged > stream->streams->pong_within);
}

static void look_after(struct stream *stream, struct wtel_time now)
{
	const struct streams *streams = stream->streams;

	stream->frames = 0;
	if (is_dead(stream, now.mono)) {
		stream->exchange->carrier->end(stream->exchange, false);
		return;
	}
	if (stream->close_code)
		return;
	if (stream->expires_at && stream->expires_at <= now.wall) {
		stream_close(stream, STREAM_POLICY, "access has expired");
		return;
	}
	if (!stream->checking && now.mono - stream->checked >= CHECK_EVERY)
		check(stream);
	if (stream->sse ? now.mono - stream->wrote >= streams->heartbeat_every
			: !stream->pong_awaited && now.mono - stream->pinged >= streams->ping_every) {
		stream->ping_due = true;
		stream_ready(stream);
	}
}

static void sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct streams *streams = timer->data;
	struct wtel_time now = wtel_time_now();
	struct stream *stream, *next;

	(void)loop;
	(void)events;
	for (stream = streams->first; stream; stream = next) {
		next = stream->next;
		look_after(stream, now);
	}
}

/* ---- life of all ------------------------------------------------------ */

static void start(struct streams *streams)
{
	struct ev_loop *loop = streams->gateway->loop;

	ev_timer_init(&streams->sweep, sweep, SWEEP_EVERY, SWEEP_EVERY);
	ev_init(&streams->pause, pause_over);
	ev_prepare_init(&streams->before_sleep, before_sleep);
	streams->sweep.data = streams->before_sleep.data = streams;
	ev_timer_start(loop, &streams->sweep);
	ev_prepare_start(loop, &streams->before_sleep);
}

int streams_new(struct wtel_gateway *gateway)
{
	struct hub_options options = {gateway->service, &gateway->allocator, NULL, gateway->options.event_history,
				      gateway->options.max_unsent};
	struct streams *streams = gateway_allocate(&gateway->allocator, sizeof(*streams));
	int code;

	if (!streams)
		return WTEL_ENOMEM;
	code = hub_new(&gateway->hub, &options);
	if (code) {
		gateway_release(&gateway->allocator, streams);
		return code;
	}
	streams->gateway = gateway;
	streams->ping_every = 30000000;
	streams->pong_within = 10000000;
	streams->heartbeat_every = 15000000;
	streams->close_within = 3000000;
	gateway->streams = streams;
	start(streams);
	return 0;
}

void streams_stop(struct wtel_gateway *gateway)
{
	struct stream *stream;

	for (stream = gateway->streams ? gateway->streams->first : NULL; stream; stream = stream->next)
		stream_close(stream, STREAM_GOING_AWAY, "going away");
}

void streams_free(struct wtel_gateway *gateway)
{
	struct streams *streams = gateway->streams;

	if (streams) {
		ev_timer_stop(gateway->loop, &streams->sweep);
		ev_timer_stop(gateway->loop, &streams->pause);
		ev_prepare_stop(gateway->loop, &streams->before_sleep);
		gateway_release(&gateway->allocator, streams->scratch);
		gateway_release(&gateway->allocator, streams);
	}
	hub_free(gateway->hub);
	gateway->streams = NULL;
	gateway->hub = NULL;
}
