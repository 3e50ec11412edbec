#include "service/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"

enum { CONN_RECEIVE_BUFFER = 8 << 20 };

static void drop_socket(struct conn *conn)
{
	tls_stop(conn->ssl);
	conn->ssl = NULL;
	if (conn->fd >= 0) {
		loop_forget(conn->loop, conn->fd);
		close(conn->fd);
	}
	conn->fd = -1;
}

void conn_close(struct conn *conn)
{
	resolve_stop(&conn->resolve);
	drop_socket(conn);
	conn->state = CONN_CLOSED;
}

static int conn_fail(struct conn *conn, int code)
{
	conn_close(conn);
	return code;
}

static void set_options(int fd)
{
	int on = 1, idle = 20, interval = 5, count = 3, size = CONN_RECEIVE_BUFFER;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	/*
	 * Asterisk drops a session whose socket stays full for writetimeout. SO_RCVBUF without privilege is cut at
	 * rmem_max, far below what the kernel grows the buffer to by itself, and switches that off: so only by
	 * privilege.
	 */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

/* Each address gets its share of the time that is left, so that a dead first one does not use it up. */
static int try_next(struct conn *conn, int64_t now)
{
	struct resolve *resolve = &conn->resolve;
	char last[128] = "";

	while (conn->next < resolve->count && now < conn->deadline) {
		struct resolve_address *address = &resolve->addresses[conn->next];
		int64_t share = (conn->deadline - now) / (int64_t)(resolve->count - conn->next);

		conn->next++;
		conn->fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (conn->fd < 0) {
			base_fail(&conn->detail, WTEL_ECONNECT, "host", "no socket: %s", strerror(errno));
			continue;
		}
		set_options(conn->fd);
		if (connect(conn->fd, (struct sockaddr *)&address->address, address->length) == 0 ||
		    errno == EINPROGRESS) {
			conn->state = CONN_CONNECTING;
			conn->try_deadline = now + share;
			conn->events = EPOLLIN | EPOLLOUT;
			if (loop_watch(conn->loop, conn->fd, conn->events, LOOP_AMI) == 0)
				return 0;
		}
		strncpy(last, strerror(errno), sizeof(last) - 1);
		base_fail(&conn->detail, WTEL_ECONNECT, "host", "%.128s:%d: %s", conn->target.host, conn->target.port,
			  last);
		drop_socket(conn);
	}
	if (!conn->detail.text[0])
		base_fail(&conn->detail, WTEL_ECONNECT, "host", "%.128s:%d: no answer in time", conn->target.host,
			  conn->target.port);
	return conn_fail(conn, WTEL_ECONNECT);
}

int conn_start(struct conn *conn, struct loop *loop, const struct conn_target *target, int64_t now)
{
	int code;

	conn->loop = loop;
	conn->target = *target;
	conn->next = 0;
	conn->fd = -1;
	conn->ssl = NULL;
	conn->deadline = conn->try_deadline = now + target->timeout;
	memset(&conn->detail, 0, sizeof(conn->detail));
	if (resolve_literal(&conn->resolve, target->host, target->port))
		return try_next(conn, now);
	conn->state = CONN_RESOLVING;
	code = resolve_start(&conn->resolve, loop, target->host, target->port);
	if (!code)
		return 0;
	base_fail(&conn->detail, code, "host", "the name %.128s could not be looked up", target->host);
	return conn_fail(conn, code);
}

static int advance_resolving(struct conn *conn, int64_t now)
{
	struct resolve *resolve = &conn->resolve;

	resolve_process(resolve, -1, 0);
	if (!resolve->done && now < conn->deadline)
		return 0;
	if (!resolve->done || !resolve->count) {
		base_fail(&conn->detail, WTEL_ECONNECT, "host", "the name %.128s has no address: %s", conn->target.host,
			  resolve->done ? ares_strerror(resolve->status) : "no answer in time");
		return conn_fail(conn, WTEL_ECONNECT);
	}
	resolve_stop(resolve);
	return try_next(conn, now);
}

/* The socket is connected: TLS or open. */
static int connected(struct conn *conn)
{
	int code;

	memset(&conn->detail, 0, sizeof(conn->detail));
	conn->events = EPOLLIN;
	if (!conn->target.tls) {
		conn->state = CONN_OPEN;
		return 1;
	}
	code = tls_start(&conn->ssl, conn->target.tls, conn->fd, conn->target.tls_name, &conn->detail);
	if (code)
		return conn_fail(conn, code);
	conn->state = CONN_TLS;
	return 0;
}

static int advance_connecting(struct conn *conn, int64_t now)
{
	struct pollfd poller = {conn->fd, POLLOUT, 0};
	socklen_t length = sizeof(int);
	int error = 0;

	if (poll(&poller, 1, 0) == 0 && now < conn->try_deadline)
		return 0;
	if (!poller.revents)
		error = ETIMEDOUT;
	else if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (!error)
		return connected(conn);
	base_fail(&conn->detail, WTEL_ECONNECT, "host", "%.128s:%d: %s", conn->target.host, conn->target.port,
		  strerror(error));
	drop_socket(conn);
	return try_next(conn, now);
}

static int advance_tls(struct conn *conn, int64_t now)
{
	int code = tls_handshake(conn->ssl, &conn->events, &conn->detail);

	if (code == 0 && now >= conn->deadline) {
		base_fail(&conn->detail, WTEL_ETLS, "tls", "%.128s:%d: the TLS handshake was not finished in time",
			  conn->target.host, conn->target.port);
		code = WTEL_ETLS;
	}
	if (code < 0)
		return conn_fail(conn, code);
	if (code == 1)
		conn->state = CONN_OPEN;
	return code;
}

int conn_advance(struct conn *conn, int64_t now)
{
	enum conn_state before;
	int code;

	/* One step may enable the next at once. */
	do {
		before = conn->state;
		switch (conn->state) {
		case CONN_RESOLVING:
			code = advance_resolving(conn, now);
			break;
		case CONN_CONNECTING:
			code = advance_connecting(conn, now);
			break;
		case CONN_TLS:
			code = advance_tls(conn, now);
			break;
		case CONN_OPEN:
			return 1;
		case CONN_CLOSED:
		default:
			return WTEL_ECONNECT;
		}
	} while (code == 0 && conn->state != before);
	return code;
}

int64_t conn_deadline(const struct conn *conn, int64_t now)
{
	int64_t deadline = conn->deadline;

	switch (conn->state) {
	case CONN_RESOLVING: {
		int64_t resolver = resolve_deadline(&conn->resolve, now);

		return resolver < deadline ? resolver : deadline;
	}
	case CONN_CONNECTING:
		return conn->try_deadline;
	case CONN_TLS:
		return deadline;
	case CONN_CLOSED:
	case CONN_OPEN:
		break;
	}
	return INT64_MAX;
}

static long conn_lost(struct conn *conn, int error)
{
	if (error)
		return base_fail(&conn->detail, WTEL_ECLOSED, "", "the connection was lost: %s", strerror(error));
	return base_fail(&conn->detail, WTEL_ECLOSED, "", "Asterisk closed the connection");
}

long conn_read(struct conn *conn, void *data, size_t length)
{
	ssize_t got;

	if (conn->ssl)
		return tls_read(conn->ssl, data, length, &conn->events, &conn->detail);
	got = recv(conn->fd, data, length, 0);
	if (got > 0)
		return got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return conn_lost(conn, got < 0 ? errno : 0);
}

long conn_write(struct conn *conn, const void *data, size_t length)
{
	ssize_t sent;

	if (conn->ssl)
		return tls_write(conn->ssl, data, length, &conn->events, &conn->detail);
	sent = send(conn->fd, data, length, MSG_NOSIGNAL);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	return conn_lost(conn, errno);
}

bool conn_pending(const struct conn *conn)
{
	return conn->ssl && SSL_has_pending(conn->ssl);
}

int conn_watch(struct conn *conn, bool writing)
{
	if (conn->fd < 0)
		return 0;
	return loop_watch(conn->loop, conn->fd, conn->events | EPOLLIN | (writing ? EPOLLOUT : 0u), LOOP_AMI);
}
