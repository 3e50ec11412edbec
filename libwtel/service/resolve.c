#include "service/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/time.h>

static bool add_literal(struct resolve *resolve, const char *host, int port)
{
	struct resolve_address *out = &resolve->addresses[resolve->count];
	struct sockaddr_in *four = (struct sockaddr_in *)&out->address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->address;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		out->length = sizeof(*four);
	} else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		out->length = sizeof(*six);
	} else {
		return false;
	}
	resolve->count++;
	return true;
}

bool resolve_literal(struct resolve *resolve, const char *host, int port)
{
	resolve->count = 0;
	/* RFC 6761: localhost is this machine, whatever a name server says. */
	if (strcasecmp(host, "localhost") == 0)
		return add_literal(resolve, "127.0.0.1", port) && add_literal(resolve, "::1", port);
	return add_literal(resolve, host, port);
}

static void on_socket(void *user, ares_socket_t fd, int readable, int writable)
{
	struct resolve *resolve = user;

	if (!readable && !writable)
		loop_forget(resolve->loop, fd);
	else
		(void)loop_watch(resolve->loop, fd, (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
				 LOOP_RESOLVER);
}

static void on_addresses(void *user, int status, int timeouts, struct ares_addrinfo *result)
{
	struct resolve *resolve = user;
	struct ares_addrinfo_node *node;

	(void)timeouts;
	resolve->done = true;
	resolve->status = status;
	if (!result)
		return;
	for (node = result->nodes; node && resolve->count < RESOLVE_MAX; node = node->ai_next) {
		struct resolve_address *out = &resolve->addresses[resolve->count];

		if ((size_t)node->ai_addrlen > sizeof(out->address))
			continue;
		memcpy(&out->address, node->ai_addr, (size_t)node->ai_addrlen);
		out->length = (socklen_t)node->ai_addrlen;
		resolve->count++;
	}
	ares_freeaddrinfo(result);
}

int resolve_start(struct resolve *resolve, struct loop *loop, const char *host, int port)
{
	struct ares_options options;
	struct ares_addrinfo_hints hints;
	char service[16];
	int status;

	memset(&options, 0, sizeof(options));
	memset(&hints, 0, sizeof(hints));
	options.sock_state_cb = on_socket;
	options.sock_state_cb_data = resolve;
	resolve->loop = loop;
	resolve->count = 0;
	resolve->done = false;
	/* ares_library_init() does something on Windows only; leaving it out keeps the library free of global state. */
	status = ares_init_options(&resolve->channel, &options, ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		resolve->channel = NULL;
		return status == ARES_ENOMEM ? WTEL_ENOMEM : WTEL_EIO;
	}
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = ARES_AI_NUMERICSERV;
	snprintf(service, sizeof(service), "%d", port);
	ares_getaddrinfo(resolve->channel, host, service, &hints, on_addresses, resolve);
	return 0;
}

void resolve_process(struct resolve *resolve, int fd, uint32_t events)
{
	ares_socket_t readable = ARES_SOCKET_BAD, writable = ARES_SOCKET_BAD;

	if (!resolve->channel)
		return;
	if (fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		readable = fd;
	if (fd >= 0 && events & EPOLLOUT)
		writable = fd;
	ares_process_fd(resolve->channel, readable, writable);
}

int64_t resolve_deadline(const struct resolve *resolve, int64_t now)
{
	struct timeval most = {1, 0}, left;
	struct timeval *given;

	if (!resolve->channel || resolve->done)
		return INT64_MAX;
	given = ares_timeout(resolve->channel, &most, &left);
	return now + (int64_t)given->tv_sec * 1000000 + given->tv_usec;
}

void resolve_stop(struct resolve *resolve)
{
	if (!resolve->channel)
		return;
	/* Calls on_addresses() with ARES_EDESTRUCTION if it is still under way, and on_socket() for each socket. */
	ares_destroy(resolve->channel);
	resolve->channel = NULL;
}
