/* Requests, between what carries them and whoever answers them. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "gateway/who.h"

/* Answers it, at once or later, or asks for its body. Again, from the begin, when more of it has come. */
void http_serve(struct gateway_exchange *exchange, struct gateway_request *request);

/* What is no request has no name in the log. */
void http_refuse(struct gateway_exchange *exchange, int status);

/* Nobody goes on sending this request: 408. */
void http_late(struct gateway_exchange *exchange);

/* Whether a page of that origin may ask: of this site, or of `origins`. Absent: no browser's page, or its own. */
bool origin_allowed(const struct wtel_gateway *gateway, const struct gateway_request *request);

/* Of `origins`: the answer names it, so that its page may read it. */
void origin_note(struct gateway_exchange *exchange, const struct gateway_request *request);

bool origin_preflight(const struct gateway_request *request);
void origin_answer(struct gateway_exchange *exchange);

#endif
