/*
 * Who asks: the grant of a token or a session. What the database said is remembered for less than a second, so that a
 * revoked grant is refused within one; while it is asked again, what is known still counts.
 */
#ifndef GATEWAY_WHO_H
#define GATEWAY_WHO_H

#include "gateway/gateway.h"

enum who_answer {
	WHO_NOBODY,  /* no token, no cookie */
	WHO_REFUSED, /* unknown, revoked, expired, or no secret at all */
	WHO_GRANTED,
	WHO_WAITS, /* the exchange is read again, and then the answer is there */
	WHO_UNAVAILABLE
};

struct who_grant {
	struct wtel_grant grant; /* its name stands in `name` */
	char name[WTEL_ACCESS_NAME_MAX + 1];
	char actor[GATEWAY_ACTOR_SIZE]; /* "token 3 (backoffice)" */
	char csrf[GATEWAY_CSRF_SIZE];	/* of a session */
};

int who_new(struct who_table **out, struct wtel_gateway *gateway) WTEL_MUST_CHECK;
void who_free(struct who_table *table);

/* Without `may_ask` the database is left alone but for what was good before and a few a second besides. *grant is
 * borrowed until the loop turns; `secret` has WTEL_ACCESS_SECRET_SIZE bytes: "" nobody. */
enum who_answer who_asks(struct gateway_exchange *exchange, const struct gateway_request *request, bool may_ask,
			 const struct who_grant **grant, char *secret);

/* As wtel_access_find(), from what is remembered where that is new enough: then `done` is called from inside. */
int who_check(struct wtel_gateway *gateway, const char *secret, wtel_access_fn *done, void *user) WTEL_MUST_CHECK;

/* It has just been given out. */
void who_granted(struct wtel_gateway *gateway, const char *secret);

/* It has just been revoked. */
void who_forget(struct wtel_gateway *gateway, const char *secret);

/* HMAC-SHA256(SHA-256(secret), "csrf") as hex. */
void who_csrf(char out[GATEWAY_CSRF_SIZE], const char *secret);

#endif
