/* /api/telephony/session: POST logs in, GET says who one is, DELETE logs out. */
#ifndef GATEWAY_LOGIN_H
#define GATEWAY_LOGIN_H

#include "gateway/who.h"

int login_new(struct login **out, struct wtel_gateway *gateway) WTEL_MUST_CHECK;
void login_free(struct login *login);

/* POST with a whole body. Answers now, or later: then the connection waits. */
void login_post(struct gateway_exchange *exchange, const struct gateway_request *request);
void login_get(struct gateway_exchange *exchange, const struct who_grant *grant);
void login_delete(struct gateway_exchange *exchange, const struct who_grant *grant, const char *secret);

#endif
