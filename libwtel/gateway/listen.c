#include "gateway/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, TAKEN_AT_ONCE = 64 };
static const ev_tstamp FULL_PAUSE = 0.1; /* seconds, when the process has no descriptor left */

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/* IPv4 as ::ffff:a.b.c.d */
static void address_of(struct in6_addr *out, const union address *from)
{
	memset(out, 0, sizeof(*out));
	if (from->any.sa_family == AF_INET6) {
		*out = from->six.sin6_addr;
	} else {
		memset(out->s6_addr + 10, 0xff, 2);
		memcpy(out->s6_addr + 12, &from->four.sin_addr, 4);
	}
}

/* ---- a connection comes --------------------------------------------------- */

static bool refused(struct wtel_gateway *gateway, int fd)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
				   "Connection: close\r\n\r\n";

	if (gateway->connections < gateway->options.max_connections)
		return false;
	gateway_warn(gateway, "gateway: too many connections: new ones are refused");
	if (!gateway->tls)
		(void)!send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	return true;
}

static void accepted(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct wtel_gateway *gateway = watcher->data;
	union address peer;
	struct in6_addr remote;
	int taken, on = 1;

	(void)events;
	for (taken = 0; taken < TAKEN_AT_ONCE; taken++) {
		socklen_t length = sizeof(peer);
		int fd = accept4(watcher->fd, &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
				return;
			gateway_warn(gateway, "gateway: no descriptor or memory left for a new connection");
			/* It stays readable, and the loop would do nothing else. */
			ev_io_stop(loop, watcher);
			ev_timer_set(&gateway->full, FULL_PAUSE, 0);
			ev_timer_start(loop, &gateway->full);
			return;
		}
		if (refused(gateway, fd))
			continue;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		address_of(&remote, &peer);
		connection_open(gateway, fd, &remote);
	}
}

static void go_on(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct wtel_gateway *gateway = timer->data;

	(void)events;
	ev_io_start(loop, &gateway->listening);
}

/* ---- the socket ------------------------------------------------------------ */

static int open_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" is IPv4 too. */
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static int port_of(int fd)
{
	union address name;
	socklen_t length = sizeof(name);

	memset(&name, 0, sizeof(name));
	if (getsockname(fd, &name.any, &length) != 0)
		return 0;
	return ntohs(name.any.sa_family == AF_INET6 ? name.six.sin6_port : name.four.sin_port);
}

/* Everywhere is "::", and "0.0.0.0" on a machine without IPv6. */
static int open_any(const struct wtel_gateway_options *options, const char *host, struct wtel_detail *detail)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *list, *at;
	char port[8];
	int fd = -1, failed;

	snprintf(port, sizeof(port), "%d", options->port);
	failed = getaddrinfo(host, port, &hints, &list);
	if (failed) {
		snprintf(detail->text, sizeof(detail->text), "%s", gai_strerror(failed));
		return -1;
	}
	for (at = list; at && fd < 0; at = at->ai_next)
		fd = open_at(at);
	if (fd < 0)
		snprintf(detail->text, sizeof(detail->text), "port %d: %s", options->port, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

int listen_open(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	const char *host = gateway->options.host;
	int fd;

	detail->text[0] = '\0';
	fd = open_any(&gateway->options, host ? host : "::", detail);
	if (fd < 0 && !host)
		fd = open_any(&gateway->options, "0.0.0.0", detail);
	if (fd < 0) {
		snprintf(detail->field, sizeof(detail->field), "%s",
			 strncmp(detail->text, "port", 4) ? "host" : "port");
		return *detail->field == 'h' ? WTEL_ECONFIG : WTEL_EIO;
	}
	gateway->port = port_of(fd);
	ev_io_init(&gateway->listening, accepted, fd, EV_READ);
	ev_timer_init(&gateway->full, go_on, FULL_PAUSE, 0);
	gateway->listening.data = gateway->full.data = gateway;
	gateway->listens = true;
	ev_io_start(gateway->loop, &gateway->listening);
	return 0;
}

void listen_close(struct wtel_gateway *gateway)
{
	if (!gateway->listens)
		return;
	gateway->listens = false;
	ev_io_stop(gateway->loop, &gateway->listening);
	ev_timer_stop(gateway->loop, &gateway->full);
	close(gateway->listening.fd);
}
