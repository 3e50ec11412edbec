/* HTTP/2 (RFC 9113) on a connection: an exchange for each stream. Chosen by ALPN, or by its preface where there is no
 * TLS; WebSocket (RFC 8441) is not spoken on it. */
#ifndef GATEWAY_HTTP2_H
#define GATEWAY_HTTP2_H

#include "gateway/gateway.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/* From here on connection->http2 is there; WTEL_ENOMEM. */
int http2_open(struct gateway_connection *connection) WTEL_MUST_CHECK;

/* The preface included. */
void http2_receive(struct gateway_connection *connection, const char *data, size_t length);
void http2_writable(struct gateway_connection *connection);
void http2_sweep(struct gateway_connection *connection, int64_t now);

/* GOAWAY: what was asked is answered. */
void http2_stop(struct gateway_connection *connection);

/* The socket is gone. Does nothing for HTTP/1.1. */
void http2_close(struct gateway_connection *connection);

/* Before the loop sleeps: what is to be said on any connection. */
void http2_flush_all(struct wtel_gateway *gateway);

#endif
