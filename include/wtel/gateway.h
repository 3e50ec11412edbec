/*
 * The REST interface, the events and the figures over HTTP/1.1, HTTP/2 and WebSocket, in front of a service, on a libev
 * loop: its own library (libwtel-gateway, wtel-gateway.pc), so that libwtel needs no libnghttp2. HTTP/2 is for whoever
 * chooses it by ALPN over TLS, or begins with its preface in the clear, as a proxy does; a hundred requests at once on
 * a connection. WebSocket is for HTTP/1.1.
 *
 *   /api/telephony/...        libwtel/api/route.def; who asks: Authorization: Bearer wtel_..., or the session's cookie
 *   /api/telephony/session    POST {"username", "password"}: log in; GET: who am I; DELETE: log out
 *   /api/telephony/events     WebSocket, or Server-Sent Events for whoever accepts text/event-stream
 *   /metrics                  Prometheus, for an admin's token or from metrics_from
 *   /healthz /readyz          200: the process lives; 200 or 503: Asterisk and the database are there
 *
 * An event is {"id", "event": "call:answered", "time", "data": what wtel_json_notice() gives besides}, one text frame
 * of WebSocket or one event of the stream. An agent hears call:* of own calls, peer:status of the own extension, ami:*;
 * a supervisor all but `security`; an admin everything. Whoever comes back says the last id that it has seen
 * (?lastEventId=, or the header Last-Event-ID) and hears what it missed; where that is not kept any more, the first
 * thing is {"event": "overflow", "data": {"lost": N or null}}, without id: then calls/active is to be read again. Over
 * WebSocket {"subscribe": ["call:*", "ami:disconnected"]} narrows from then on what is heard; the gateway pings every 30
 * seconds and closes with 1001 (it goes), 1008 (access was withdrawn or has expired, or too many messages), 1013 (too
 * slow, or no memory). Sessions' cookies are good for pages of this site and of `origins`. Whoever is revoked, set
 * inactive in `usuarios` or given another role there is treated so within two seconds, events included.
 */
#ifndef WTEL_GATEWAY_H
#define WTEL_GATEWAY_H

#include <ev.h>
#include <wtel/access.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wtel_gateway;

struct wtel_gateway_options {
	size_t size;
	struct wtel_service *service; /* borrowed: must outlive the gateway; on the same loop (<wtel/ev.h>) */
	const char *host;	      /* address to listen on, "127.0.0.1"; NULL: all of them */
	int port;		      /* 3000; 0: a free one, see wtel_gateway_port() */
	const char *cert_file;	      /* PEM, chain included; NULL: plain HTTP */
	const char *key_file;	      /* PEM */
	const char *origins;	      /* other sites whose pages may ask, separated by spaces; NULL: none */
	const char *proxies;	      /* whose X-Forwarded-For is believed: addresses and networks (10.0.0.0/8), separated by
					 spaces; NULL: none */
	const char *metrics_from;     /* addresses and networks that may read /metrics without a token; NULL: none */
	size_t max_connections;	      /* 10 000 */
	size_t max_body;	      /* bytes, 4 MiB: what a trunk's rules need; of HTTP/2 four times
					 that for all of a connection */
	size_t max_header;	      /* bytes of all headers of one request, 8 192 */
	int64_t idle_timeout;	      /* microseconds without a request, 60 s */
	int64_t request_timeout;      /* to its last byte, 10 s */
	int64_t session_lifetime;     /* 8 h */
	int user_rate;		      /* requests a second of one user or token, 1 000; 0: no limit */
	int address_rate;	      /* of one address without a valid token or session, 50; 0: no limit. Good ones of
					 the same address are not slowed by it */
	int login_rate;		      /* logins a minute of one address, and of one name, 10 */
	size_t event_history;	      /* events kept for whoever comes back, 10 000 */
	size_t max_unsent;	      /* bytes that a slow reader of events may be behind before it is cut off, 1 MiB */
	wtel_log_fn *log;
	wtel_log_fn *access; /* a line for each request, without secrets; NULL: none */
	void *log_user;
	int user_streams; /* of events at once of one user, or one token of nobody, 20; beyond it 429; 0: no limit */
};
#define WTEL_GATEWAY_OPTIONS_INIT                                                                                      \
	{                                                                                                              \
		sizeof(struct wtel_gateway_options), NULL, "127.0.0.1", 3000, NULL, NULL, NULL, NULL, NULL, 10000,     \
			4194304, 8192, 60000000, 10000000, INT64_C(28800000000), 1000, 50, 10, 10000, 1048576, NULL,   \
			NULL, NULL, 20                                                                                 \
	}

/* Listens when it returns. Options are copied. WTEL_EINVAL and WTEL_ECONFIG name the field; WTEL_EIO: the port is
 * taken. Caller frees. */
WTEL_API int wtel_gateway_new(struct wtel_gateway **out, struct ev_loop *loop,
			      const struct wtel_gateway_options *options, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* The port that it listens on. */
WTEL_API int wtel_gateway_port(const struct wtel_gateway *gateway);

/*
 * Takes no new connection, answers what was asked, tells readers of events (close code 1001) and clients of HTTP/2
 * (GOAWAY) that it goes, and calls `done` (may be NULL) once when all are gone, or after `timeout` microseconds.
 */
WTEL_API void wtel_gateway_stop(struct wtel_gateway *gateway, int64_t timeout, void (*done)(void *user), void *user);

/* At once, whoever is connected. Not from inside a callback of the gateway. NULL is allowed. */
WTEL_API void wtel_gateway_free(struct wtel_gateway *gateway);

#ifdef __cplusplus
}
#endif
#endif
