/* Requests, between the connection and whoever answers. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "gateway/who.h"

/* Whether a page of that origin may ask: of this site, or of `origins`. Absent: no browser's page, or its own. */
bool origin_allowed(const struct wtel_gateway *gateway, const struct gateway_request *request);

/* Of `origins`: the answer names it, so that its page may read it. */
void origin_note(struct gateway_connection *connection, const struct gateway_request *request);

bool origin_preflight(const struct gateway_request *request);
void origin_answer(struct gateway_connection *connection);

#endif
