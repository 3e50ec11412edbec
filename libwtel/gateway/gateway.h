/*
 * The gateway from inside.
 *
 * libwebsockets reads, writes and speaks TLS, on the program's libev loop; a connection is one of its raw sockets.
 * HTTP/1.1 on it is ours (http.c, head.c): lws's own decodes and normalises paths, knows no chunked bodies and closes
 * where 400, 408, 413 or 431 is due.
 *
 *   bytes -> connection.c -> head.c -> http.c: who asks (who.c), how often (limit.c) -> wtel_api_call(), login.c,
 *   metrics.c, health.c, or a stream (websocket.c, sse.c) -> gateway_answer() -> one lws_write()
 *
 * A stream takes a connection over for good: see struct gateway_stream.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <ev.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <time.h>
#include <wtel/gateway.h>

#include "gateway/hub.h"

struct gateway_connection;
struct who_table;
struct limit_table;
struct login;
struct metrics;
struct streams;

enum {
	GATEWAY_PATH_MAX = 1024,
	GATEWAY_NETWORKS_MAX = 32, /* in a list of addresses */
	GATEWAY_ORIGINS_MAX = 32,
	GATEWAY_ACTOR_SIZE = 160,
	GATEWAY_CSRF_SIZE = 65 /* 64 hex digits and a NUL */
};

/* ---- requests ---------------------------------------------------------- */

/* Headers that somebody here reads. */
#define GATEWAY_HEADERS(X)                                                                                             \
	X(HOST, "host")                                                                                                \
	X(CONNECTION, "connection")                                                                                    \
	X(CONTENT_LENGTH, "content-length")                                                                            \
	X(TRANSFER_ENCODING, "transfer-encoding")                                                                      \
	X(CONTENT_TYPE, "content-type")                                                                                \
	X(CONTENT_ENCODING, "content-encoding")                                                                        \
	X(EXPECT, "expect")                                                                                            \
	X(AUTHORIZATION, "authorization")                                                                              \
	X(COOKIE, "cookie")                                                                                            \
	X(ACCEPT, "accept")                                                                                            \
	X(ORIGIN, "origin")                                                                                            \
	X(CSRF, "x-csrf-token")                                                                                        \
	X(FORWARDED_FOR, "x-forwarded-for")                                                                            \
	X(PREFLIGHT, "access-control-request-method")                                                                  \
	X(UPGRADE, "upgrade")                                                                                          \
	X(WS_KEY, "sec-websocket-key")                                                                                 \
	X(WS_VERSION, "sec-websocket-version")                                                                         \
	X(WS_PROTOCOL, "sec-websocket-protocol")                                                                       \
	X(LAST_EVENT_ID, "last-event-id")

enum gateway_header {
#define GATEWAY_HEADER_X(id, name) GATEWAY_##id,
	GATEWAY_HEADERS(GATEWAY_HEADER_X)
#undef GATEWAY_HEADER_X
		GATEWAY_HEADER_COUNT
};

/* A request's head as it was read. Slices point into the bytes that came; absent headers have no data. */
struct gateway_request {
	struct wtel_slice method;
	struct wtel_slice path; /* percent-encoded as it came */
	struct wtel_slice query;
	struct wtel_slice headers[GATEWAY_HEADER_COUNT];
	struct wtel_slice body;
	size_t head_length;
	size_t body_length; /* of Content-Length */
	bool chunked;
	bool keep_alive;
	bool old; /* HTTP/1.0 */
};

/* ---- streams ----------------------------------------------------------- */

/*
 * What a connection has become after its answer's head: websocket.c's and sse.c's. Every function is called from the
 * loop, none after `closed`, in which the stream is to be freed. To write: lws_write(connection->wsi, ...,
 * LWS_WRITE_RAW) (LWS_PRE bytes before the data), in `writable` or where lws_partial_buffered() says that nothing
 * waits; to be asked: lws_callback_on_writable(connection->wsi); to end it: connection_end().
 */
struct gateway_stream {
	/* What the client sent; borrowed. Not 0: close. */
	int (*receive)(void *stream, const unsigned char *data, size_t length);
	/* All that was written before is with the kernel. Not 0: close. */
	int (*writable)(void *stream);
	void (*closed)(void *stream);
};

/* Who was let in to the events. Borrowed for the length of the call. */
struct gateway_visitor {
	const struct gateway_request *request;
	const struct wtel_grant *grant;
	const char *secret; /* to look whether it is still good: who_check() */
	const char *address;
};

/*
 * Implemented by events: a GET of /api/telephony/events by whoever has a grant; Origin was looked at where a cookie
 * said who it is. Either takes the connection over with connection_stream() (and writes the answer's head itself:
 * gateway_answer_head() for what is common), or answers with gateway_fail(). sse_open: for Accept: text/event-stream;
 * websocket_open: for Upgrade: websocket. `extra`: octets that came behind the request, for the stream's `receive`.
 */
void websocket_open(struct gateway_connection *connection, const struct gateway_visitor *visitor);
void sse_open(struct gateway_connection *connection, const struct gateway_visitor *visitor);
/* Before either: whether that user, or token of nobody, may read another stream. false: answered. */
bool stream_room(struct gateway_connection *connection, const struct wtel_grant *grant);

/* ---- the gateway ------------------------------------------------------- */

struct gateway_network {
	struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;
};

struct gateway_networks {
	size_t count;
	struct gateway_network list[GATEWAY_NETWORKS_MAX];
};

struct wtel_gateway {
	struct wtel_allocator allocator;
	struct wtel_gateway_options options; /* strings are our copies */
	char *strings;
	struct wtel_service *service;
	struct ev_loop *loop;
	struct lws_context *context;
	struct lws_vhost *vhost;
	int port;
	bool tls;
	bool started;
	bool stopping;
	bool asked; /* the service has something to do before the loop sleeps */
	bool listens;
	int max_fd;	/* lws has no room for a descriptor from here on */
	int64_t warned; /* mono: when it was last said that something ran out */
	ev_io listening;
	ev_timer full; /* no descriptor was left */
	ev_prepare before_sleep;
	ev_timer sweep;
	struct gateway_connection *first;  /* all connections */
	struct gateway_connection *ending; /* those that are to be closed before the loop sleeps */
	size_t connections;
	struct gateway_networks proxies, metrics_from;
	const char *origins[GATEWAY_ORIGINS_MAX];
	size_t origin_count;
	time_t date_of; /* what `date` was made of */
	char date[40];
	char *scratch; /* LWS_PRE bytes, then an answer while it is put together */
	size_t scratch_room;
	struct who_table *who;
	struct limit_table *limits;
	struct login *login;
	struct metrics *metrics;
	struct hub *hub; /* streams.c's */
	struct streams *streams;
	int64_t stop_deadline;
	void (*stopped)(void *user);
	void *stopped_user;
	int ready;	     /* of health.c: status that /readyz gives, 0: not known */
	int64_t ready_until; /* mono */
};

/* As wtel_gateway_new(), with memory from elsewhere (tests). NULL: the C library's. */
int gateway_new(struct wtel_gateway **out, struct ev_loop *loop, const struct wtel_gateway_options *options,
		const struct wtel_allocator *allocator, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* At most once in ten seconds: what a crowd of clients can bring about is no reason to fill the log. */
void gateway_warn(struct wtel_gateway *gateway, const char *text);

/* memory.c */
extern const struct wtel_allocator gateway_memory;
void *gateway_allocate(const struct wtel_allocator *allocator, size_t size); /* zeroed */
void gateway_release(const struct wtel_allocator *allocator, void *pointer);

/* ---- connections (connection.c) ---------------------------------------- */

enum connection_phase {
	CONNECTION_READS,   /* a request, or waits for one */
	CONNECTION_WAITS,   /* its request is being answered */
	CONNECTION_WRITES,  /* the kernel did not take all of its answer yet */
	CONNECTION_STREAMS, /* events */
	CONNECTION_DRAINS   /* answered for the last time: what comes is thrown away */
};

struct gateway_connection {
	struct gateway_connection *next, *previous, *next_ending;
	struct wtel_gateway *gateway; /* NULL: gone, and answers are awaited */
	struct wtel_allocator allocator;
	struct lws *wsi;  /* NULL: the connection is gone */
	unsigned pending; /* answers that will come with it */
	enum connection_phase phase;
	bool inside; /* its lws callback is under way: it is not to be ended from within */
	bool ending;
	bool ends_flushed; /* once all is written */
	bool reading;	   /* connection_read() is under way */
	bool paused;	   /* nothing is read */
	int64_t deadline;  /* mono; what then happens is the phase's; INT64_MAX: nothing */
	char *in;	   /* what came and was not used yet */
	size_t in_length, in_room;
	size_t chunk_from, chunk_to; /* of a chunked body: read to, written to; 0: not begun */
	bool continued;		     /* 100 was said */
	bool looked_up;		     /* the database was asked who that is */
	bool kept;		     /* the request needs its octets in `in` */
	/* the request that is answered */
	int64_t started; /* mono, its first byte; 0: none */
	bool head;	 /* of HEAD */
	bool keep_alive;
	bool old;      /* HTTP/1.0 */
	uint8_t route; /* enum metrics_route */
	char method[12];
	char path[GATEWAY_PATH_MAX + 1];
	char actor[GATEWAY_ACTOR_SIZE];
	struct in6_addr remote;		/* of the socket */
	struct in6_addr client;		/* behind a proxy its own */
	char address[INET6_ADDRSTRLEN]; /* the same */
	char origin[200];		/* that may read the answer; "" none */
	struct wtel_slice extra_head;	/* lines of a header that this answer has besides; borrowed */
	int64_t grant_id;		/* 0: none */
	const struct gateway_stream *stream_calls;
	void *stream;
	void *login; /* login.c's, while it is under way */
};

/* lws's callback of all connections. */
int connection_callback(struct lws *wsi, enum lws_callback_reasons reason, void *space, void *in, size_t length);

/* What is to be ended; what took too long. */
void connection_end_all(struct wtel_gateway *gateway);
void connection_sweep(struct gateway_connection *connection, int64_t now);

/* The request is over: the connection is the stream's. */
void connection_stream(struct gateway_connection *connection, const struct gateway_stream *calls, void *stream);

/* Before the loop sleeps, or when its callback ends; `flushed`: once all is written. */
void connection_end(struct gateway_connection *connection, bool flushed);

/* The whole answer to what was asked, with LWS_PRE bytes before it; then goes on with what came meanwhile. */
void connection_send(struct gateway_connection *connection, char *data, size_t length);

/* Reads on: what held the request back has come. */
void connection_retry(struct gateway_connection *connection);

/* Octets of `data` that the requests at its begin took; what they are is http.c's. 0: more is to come, or it waits. */
size_t http_read(struct gateway_connection *connection, char *data, size_t length);

/* Nobody goes on sending this request: 408. */
void http_late(struct gateway_connection *connection);

/* Before and after something asynchronous holds it: false: nobody waits any more, it may be freed. */
void connection_hold(struct gateway_connection *connection);
bool connection_resume(struct gateway_connection *connection);

/* ---- answers (answer.c) ------------------------------------------------ */

/* An answer with Content-Length; to HEAD without its body. `type` NULL: none. */
void gateway_answer(struct gateway_connection *connection, int status, const char *type, struct wtel_slice body);

/* {"success": false, "error": ...}. `code` is the library's (WTEL_EINVAL). `retry` seconds: 0 none. */
void gateway_fail(struct gateway_connection *connection, int status, int code, const char *field, const char *text,
		  unsigned retry);

/* "HTTP/1.1 200 OK" and the headers that all answers have, without the empty line; its length. `room` of 1 024 is
 * enough. */
size_t gateway_answer_head(struct gateway_connection *connection, char *out, size_t room, int status, const char *type);

/* Notes it in the metrics and the access log: for streams, once, when they begin. gateway_answer() does it itself. */
void gateway_note(struct gateway_connection *connection, int status, size_t bytes);

#endif
