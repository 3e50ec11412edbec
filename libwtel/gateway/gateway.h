/*
 * The gateway from inside.
 *
 *   a socket, its TLS       transport.c, on the program's libev loop
 *   who is connected        connection.c
 *   HTTP/1.1 on it          http1.c, head.c: one exchange after the other
 *   HTTP/2 on it            http2.c (nghttp2), http2_head.c: an exchange for each of its streams
 *   what is asked           http.c: who asks (who.c), how often (limit.c) -> wtel_api_call(), login.c, metrics.c,
 *                           health.c, or events (websocket.c, sse.c) -> gateway_answer() (answer.c)
 *
 * An exchange is a request and its answer, whatever carries it (struct gateway_carrier): only the carriers know which
 * HTTP it is. Both read strictly: what two readers could understand differently is refused.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <time.h>
#include <wtel/gateway.h>

#include "gateway/hub.h"
#include "gateway/transport.h"

struct gateway_connection;
struct gateway_exchange;
struct http2;
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

/* ---- answers without an end -------------------------------------------- */

/*
 * What an exchange has become after its answer's head: websocket.c's and sse.c's. Every function is called from the
 * loop, none after `closed`, in which the stream is to be freed. To write: exchange_write(), in `writable` or where
 * exchange_busy() says that nothing waits; to be asked: exchange_want(); to end it: exchange_end().
 */
struct gateway_stream {
	/* What the client sent; borrowed. Not 0: close. */
	int (*receive)(void *stream, const unsigned char *data, size_t length);
	/* Nothing of what was written before waits any more. Not 0: close. */
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
 * said who it is. Either goes on with exchange_stream(), or answers with gateway_fail(). sse_open: for Accept:
 * text/event-stream; websocket_open: for Upgrade: websocket, which HTTP/1.1 alone has.
 */
void websocket_open(struct gateway_exchange *exchange, const struct gateway_visitor *visitor);
void sse_open(struct gateway_exchange *exchange, const struct gateway_visitor *visitor);
/* Before either: whether that user, or token of nobody, may read another stream. false: answered. */
bool stream_room(struct gateway_exchange *exchange, const struct wtel_grant *grant);

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
	struct transports transports;
	int port;
	bool tls;
	bool started;
	bool stopping;
	bool asked; /* the service has something to do before the loop sleeps */
	bool listens;
	int64_t warned; /* mono: when it was last said that something ran out */
	ev_io listening;
	ev_timer full; /* no descriptor was left */
	ev_prepare before_sleep;
	ev_timer sweep;
	struct gateway_connection *first;  /* all connections */
	struct gateway_connection *ending; /* those that are to be closed before the loop sleeps */
	struct http2 *unsaid;		   /* those that have something to say before the loop sleeps */
	size_t connections;
	struct gateway_networks proxies, metrics_from;
	const char *origins[GATEWAY_ORIGINS_MAX];
	size_t origin_count;
	time_t date_of; /* what `date` was made of */
	char date[40];
	char *scratch; /* an answer while it is put together */
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

/* ---- exchanges (exchange.c) -------------------------------------------- */

enum exchange_phase {
	EXCHANGE_READS,	  /* a request, or waits for one */
	EXCHANGE_WAITS,	  /* its request is being answered */
	EXCHANGE_WRITES,  /* not all of its answer is gone yet */
	EXCHANGE_STREAMS, /* events */
	EXCHANGE_DRAINS	  /* answered for the last time: what comes is thrown away */
};

/* An answer's head while it is put together, as HTTP/1.1 has it: the status line, then a line for each field. */
struct gateway_text {
	char *from, *at, *end;
	char *fields; /* behind the status line */
	int status;
};

/* What an exchange is carried by: http1.c's or http2.c's. */
struct gateway_carrier {
	/* Sets the body once it is whole. 0: it is, or there is none; 1: more is to come, and then it is asked again;
	 * else the status to refuse it with. */
	int (*body)(struct gateway_exchange *exchange, struct gateway_request *request, size_t most);
	/* Whether so many octets of an answer may wait for their reader. NULL: always. */
	bool (*takes)(const struct gateway_exchange *exchange, size_t length);
	/* The whole answer; `head` lacks its empty line, and has room for that and the body. */
	void (*answer)(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice body);
	/* Reads on: what held the request back has come. */
	void (*retry)(struct gateway_exchange *exchange);
	/* An answer without an end; `first` is what it begins with. stream_calls and stream are set. */
	void (*stream)(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice first);
	/* Not 0: it cannot be written. */
	int (*write)(struct gateway_exchange *exchange, const void *data, size_t length);
	bool (*busy)(const struct gateway_exchange *exchange);
	void (*want)(struct gateway_exchange *exchange);
	void (*end)(struct gateway_exchange *exchange, bool flushed);
	/* A websocket's: nothing more is written, what comes is read over. */
	void (*shut)(struct gateway_exchange *exchange);
	/* Its memory, once nobody refers to it. */
	void (*release)(struct gateway_exchange *exchange);
};

struct gateway_exchange {
	struct wtel_gateway *gateway; /* NULL: gone, and answers are awaited */
	const struct gateway_carrier *carrier;
	struct gateway_connection *connection;
	unsigned pending; /* answers that will come with it */
	enum exchange_phase phase;
	bool ending;
	bool head;	   /* of HEAD */
	uint8_t route;	   /* enum metrics_route */
	int64_t started;   /* mono, the request's first byte; 0: none */
	int64_t looked_up; /* mono, when the database was asked who that is; 0: it was not */
	char method[12];
	char path[GATEWAY_PATH_MAX + 1];
	char actor[GATEWAY_ACTOR_SIZE];
	struct in6_addr client;		/* behind a proxy its own */
	char address[INET6_ADDRSTRLEN]; /* the same */
	char origin[200];		/* that may read the answer; "" none */
	struct wtel_slice extra_head;	/* lines of a header that this answer has besides; borrowed */
	int64_t grant_id;		/* 0: none */
	const struct gateway_stream *stream_calls;
	void *stream;
};

/* A new one, or the same for its next request. */
void exchange_begin(struct gateway_exchange *exchange, struct gateway_connection *connection);

/* It is over: nobody hears of it any more, and its memory goes with the last answer that is awaited. */
void exchange_leave(struct gateway_exchange *exchange);

/* Before something asynchronous, with the exchange as its user; when that did not begin; and when it came: false:
 * nobody waits any more, the exchange may be freed. */
void exchange_hold(struct gateway_exchange *exchange);
void exchange_release(struct gateway_exchange *exchange);
bool exchange_resume(struct gateway_exchange *exchange);

/* Goes on as a stream. */
void exchange_stream(struct gateway_exchange *exchange, struct gateway_text *head, struct wtel_slice first,
		     const struct gateway_stream *calls, void *stream);

/* ---- connections (connection.c) ---------------------------------------- */

struct gateway_connection {
	struct gateway_connection *next, *previous, *next_ending;
	struct wtel_gateway *gateway; /* NULL: gone, and answers are awaited */
	struct wtel_allocator allocator;
	struct transport transport;
	struct in6_addr remote; /* of the socket */
	bool ending;
	bool ends_flushed;   /* once all is written */
	bool eof;	     /* the client will say no more */
	struct http2 *http2; /* NULL: it speaks HTTP/1.1 */
	/* http1.c's */
	struct gateway_exchange exchange;
	struct http1_turn *turn; /* a request is being read */
	bool reading;		 /* http1_read() is under way */
	bool fresh;		 /* nothing came yet: it may be the preface of HTTP/2 */
	int64_t deadline;	 /* mono; what then happens is the phase's; INT64_MAX: nothing */
	char *in;		 /* what came and was not used yet */
	size_t in_length, in_room;
	size_t chunk_from, chunk_to; /* of a chunked body: read to, written to; 0: not begun */
	bool continued;		     /* 100 was said */
	bool kept;		     /* the request needs its octets in `in` */
	bool keep_alive;
	bool old; /* HTTP/1.0 */
};

/* A socket that was accepted is its own from here on, and closed where there is no memory. */
void connection_open(struct wtel_gateway *gateway, int fd, const struct in6_addr *remote);

/* Before the loop sleeps, what is to be said is said and what is to be ended ends; what took too long. */
void connection_settle_all(struct wtel_gateway *gateway);
void connection_sweep(struct gateway_connection *connection, int64_t now);

/* Whoever asks nothing goes; the others once they are answered. */
void connection_stop(struct gateway_connection *connection);

/* All, at once. */
void connection_close_all(struct wtel_gateway *gateway);

/* Before the loop sleeps; `flushed`: once all is written. */
void connection_end(struct gateway_connection *connection, bool flushed);

/* ---- answers (answer.c) ------------------------------------------------ */

/* An answer with Content-Length; to HEAD without its body. `type` NULL: none. */
void gateway_answer(struct gateway_exchange *exchange, int status, const char *type, struct wtel_slice body);

/* {"success": false, "error": ...}. `code` is the library's (WTEL_EINVAL). `retry` seconds: 0 none. */
void gateway_fail(struct gateway_exchange *exchange, int status, int code, const char *field, const char *text,
		  unsigned retry);

/* The head of an answer without an end, with what all answers have. false: no memory. */
bool gateway_answer_begin(struct gateway_exchange *exchange, struct gateway_text *head, int status, const char *type);

/* A line, or more, each with its end, as far as there is room. */
void gateway_put(struct gateway_text *text, const char *data, size_t length);
#define GATEWAY_PUT(text, literal) gateway_put(text, literal, sizeof(literal) - 1)

/* Notes it in the metrics and the access log: for streams, once, when they begin. gateway_answer() does it itself. */
void gateway_note(struct gateway_exchange *exchange, int status, size_t bytes);

#endif
