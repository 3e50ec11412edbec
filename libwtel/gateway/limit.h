/* How often: token buckets in a table of constant size; who is not in it has a full one. */
#ifndef GATEWAY_LIMIT_H
#define GATEWAY_LIMIT_H

#include "gateway/gateway.h"

enum limit_kind { LIMIT_USER, LIMIT_GRANT, LIMIT_ADDRESS, LIMIT_LOGIN_ADDRESS, LIMIT_LOGIN_NAME };

int limit_new(struct limit_table **out, const struct wtel_gateway_options *options,
	      const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
void limit_free(struct limit_table *table);

/* Takes one. 0: there was one; else the seconds until there is. */
unsigned limit_take(struct limit_table *table, enum limit_kind kind, const void *key, size_t length, int64_t now);
/* The same without taking. */
unsigned limit_look(struct limit_table *table, enum limit_kind kind, const void *key, size_t length, int64_t now);

/* An address, IPv6 by its /64, which is what one customer has. */
size_t limit_address(const struct in6_addr *address);

#endif
