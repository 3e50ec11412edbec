/* The simulator behind a TCP port: a listening socket, its connections and one timerfd in one epoll descriptor. */
#define _GNU_SOURCE
#include <wtel/sim.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

enum { SERVER_READ = 16384, SERVER_EVENTS = 64, SERVER_BACKLOG = 128, SERVER_SLACK = 1000 /* microseconds */ };

struct server_connection {
	struct server_connection *next;
	struct wtel_sim_client *client;
	int fd;
	bool full; /* waits for the socket to take more */
	bool gone;
};

struct wtel_sim_server {
	struct wtel_allocator allocator;
	struct wtel_sim *sim;
	struct server_connection *connections;
	int epoll, listener, timer;
	int64_t armed; /* mono; INT64_MAX: the timer is off */
	int port;
};

static int server_watch(struct wtel_sim_server *server, int fd, uint32_t events, void *what, int operation)
{
	struct epoll_event event = {.events = events, .data.ptr = what};

	return epoll_ctl(server->epoll, operation, fd, &event);
}

static int server_listen(struct wtel_sim_server *server, const char *address, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t length = sizeof(at);
	int yes = 1;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->listener < 0)
		return -1;
	(void)setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(server->listener, (struct sockaddr *)&at, sizeof(at)) || listen(server->listener, SERVER_BACKLOG) ||
	    getsockname(server->listener, (struct sockaddr *)&at, &length))
		return -1;
	server->port = ntohs(at.sin_port);
	return 0;
}

/* Wakes the descriptor when there is something to do; what is due within the same millisecond comes together. */
static void server_arm(struct wtel_sim_server *server)
{
	int64_t due = wtel_sim_deadline(server->sim);
	struct itimerspec when = {{0, 0}, {0, 0}};

	if (due == INT64_MAX)
		return;
	due = due > 0 ? (due + SERVER_SLACK - 1) / SERVER_SLACK * SERVER_SLACK : SERVER_SLACK;
	if (server->armed <= due)
		return;
	when.it_value.tv_sec = due / 1000000;
	when.it_value.tv_nsec = due % 1000000 * 1000;
	if (timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		server->armed = due;
}

static void server_disarm(struct wtel_sim_server *server)
{
	uint64_t expirations;

	(void)!read(server->timer, &expirations, sizeof(expirations));
	server->armed = INT64_MAX;
}

int wtel_sim_server_new(struct wtel_sim_server **out, struct wtel_sim *sim, const char *address, int port,
			struct wtel_detail *detail)
{
	struct wtel_allocator allocator = base_allocator(NULL);
	struct wtel_sim_server *server;

	if (!sim || !address || port < 0 || port > 65535)
		return base_fail(detail, WTEL_EINVAL, "port", "an IPv4 address and a port up to 65535 are needed");
	server = base_allocate_zero(&allocator, sizeof(*server));
	if (!server)
		return WTEL_ENOMEM;
	server->allocator = allocator;
	server->sim = sim;
	server->listener = -1;
	server->armed = INT64_MAX;
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (server->epoll < 0 || server->timer < 0 || server_listen(server, address, port) ||
	    server_watch(server, server->listener, EPOLLIN, &server->listener, EPOLL_CTL_ADD) ||
	    server_watch(server, server->timer, EPOLLIN, &server->timer, EPOLL_CTL_ADD)) {
		int code = errno == EINVAL ? WTEL_EINVAL : WTEL_EIO;

		code = base_fail(detail, code, "address", "cannot listen on %.60s port %d: %s", address, port,
				 strerror(errno));
		wtel_sim_server_free(server);
		return code;
	}
	server_arm(server);
	*out = server;
	return 0;
}

static void server_close(struct wtel_sim_server *server, struct server_connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	wtel_sim_disconnect(server->sim, connection->client);
	base_release(&server->allocator, connection);
}

void wtel_sim_server_free(struct wtel_sim_server *server)
{
	struct server_connection *connection;
	struct wtel_allocator allocator;

	if (!server)
		return;
	while ((connection = server->connections)) {
		server->connections = connection->next;
		server_close(server, connection);
	}
	if (server->listener >= 0)
		close(server->listener);
	if (server->timer >= 0)
		close(server->timer);
	if (server->epoll >= 0)
		close(server->epoll);
	allocator = server->allocator;
	base_release(&allocator, server);
}

int wtel_sim_server_port(const struct wtel_sim_server *server)
{
	return server->port;
}

int wtel_sim_server_fd(const struct wtel_sim_server *server)
{
	return server->epoll;
}

/* false: out of descriptors or memory for this one; it is closed and the others live. */
static bool server_accept(struct wtel_sim_server *server, struct wtel_time now)
{
	int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct server_connection *connection;
	int yes = 1;

	if (fd < 0)
		return false;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	connection = base_allocate_zero(&server->allocator, sizeof(*connection));
	if (!connection || wtel_sim_connect(server->sim, &connection->client, now)) {
		base_release(&server->allocator, connection);
		close(fd);
		return false;
	}
	connection->fd = fd;
	if (server_watch(server, fd, EPOLLIN, connection, EPOLL_CTL_ADD)) {
		server_close(server, connection);
		return false;
	}
	connection->next = server->connections;
	server->connections = connection;
	return true;
}

/* One read each time: a loud client does not starve the others. WTEL_ENOMEM. */
static int server_read(struct wtel_sim_server *server, struct server_connection *connection, struct wtel_time now)
{
	char data[SERVER_READ];
	ssize_t length = read(connection->fd, data, sizeof(data));

	if (length > 0)
		return wtel_sim_feed(server->sim, connection->client, data, (size_t)length, now);
	if (length == 0 || (errno != EAGAIN && errno != EINTR))
		connection->gone = true;
	return 0;
}

static void server_write(struct wtel_sim_server *server, struct server_connection *connection)
{
	bool closing = false, full = false;
	struct wtel_slice out;

	while ((out = wtel_sim_output(connection->client, &closing)).length && !full && !connection->gone) {
		ssize_t sent = send(connection->fd, out.data, out.length, MSG_NOSIGNAL);

		if (sent > 0)
			wtel_sim_sent(connection->client, (size_t)sent);
		else if (errno == EAGAIN)
			full = true;
		else if (errno != EINTR)
			connection->gone = true;
	}
	if (closing && !out.length)
		connection->gone = true;
	if (full == connection->full || connection->gone)
		return;
	connection->full = full;
	/* A client that is to be closed is read no more. */
	if (server_watch(server, connection->fd, (closing ? 0 : EPOLLIN) | (full ? EPOLLOUT : 0), connection,
			 EPOLL_CTL_MOD))
		connection->gone = true;
}

static void server_flush(struct wtel_sim_server *server)
{
	struct server_connection **at = &server->connections;

	while (*at) {
		struct server_connection *connection = *at;

		server_write(server, connection);
		if (connection->gone) {
			*at = connection->next;
			server_close(server, connection);
		} else {
			at = &connection->next;
		}
	}
}

int wtel_sim_server_dispatch(struct wtel_sim_server *server)
{
	struct epoll_event events[SERVER_EVENTS];
	struct wtel_time now = wtel_time_now();
	int count = epoll_wait(server->epoll, events, SERVER_EVENTS, 0);
	int code, failed = 0, i;

	if (count < 0 && errno != EINTR)
		return WTEL_EIO;
	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == &server->listener) {
			while (server_accept(server, now))
				;
		} else if (events[i].data.ptr == &server->timer) {
			server_disarm(server);
		} else {
			struct server_connection *connection = events[i].data.ptr;

			if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
				code = server_read(server, connection, now);
				failed = code ? code : failed;
			}
		}
	}
	code = wtel_sim_tick(server->sim, now);
	server_flush(server);
	server_arm(server);
	return code ? code : failed;
}
