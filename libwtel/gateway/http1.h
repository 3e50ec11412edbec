/* HTTP/1.1 (RFC 9112) on a connection: one exchange after the other, which may come pipelined. */
#ifndef GATEWAY_HTTP1_H
#define GATEWAY_HTTP1_H

#include "gateway/gateway.h"

void http1_open(struct gateway_connection *connection);
void http1_receive(struct gateway_connection *connection, char *data, size_t length);
void http1_writable(struct gateway_connection *connection);
void http1_ended(struct gateway_connection *connection);
void http1_sweep(struct gateway_connection *connection, int64_t now);

#endif
