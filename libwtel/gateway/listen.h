/* The port: a socket of ours, so that it can be given up while connections live on. */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "gateway/gateway.h"

/* Sets the gateway's port. WTEL_ECONFIG: no such address; WTEL_EIO: it is taken. */
int listen_open(struct wtel_gateway *gateway, struct wtel_detail *detail) WTEL_MUST_CHECK;
void listen_close(struct wtel_gateway *gateway);

#endif
