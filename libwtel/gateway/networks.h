/* Addresses and lists of them: "127.0.0.1 10.0.0.0/8 fd00::/8". */
#ifndef GATEWAY_NETWORKS_H
#define GATEWAY_NETWORKS_H

#include "gateway/gateway.h"

/* IPv4 becomes ::ffff:a.b.c.d. false: no address. */
bool networks_address(struct in6_addr *out, struct wtel_slice text);
void networks_text(char out[INET6_ADDRSTRLEN], const struct in6_addr *address);

/* WTEL_ECONFIG: a word is no address and no network, or there are too many. NULL: none. */
int networks_read(struct gateway_networks *out, const char *list) WTEL_MUST_CHECK;
bool networks_hold(const struct gateway_networks *networks, const struct in6_addr *address);

/* Whose request it is: the peer's, unless that is a proxy that we believe; then the last address of `forwarded` that is
 * none. */
void networks_client(struct in6_addr *out, const struct gateway_networks *proxies, const struct in6_addr *peer,
		     struct wtel_slice forwarded);

#endif
