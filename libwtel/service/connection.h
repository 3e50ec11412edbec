/* One transport to Asterisk: name resolution, TCP over several addresses, TLS. Nothing in here waits. */
#ifndef SERVICE_CONNECTION_H
#define SERVICE_CONNECTION_H

#include "service/resolve.h"
#include "service/tls.h"

enum conn_state { CONN_CLOSED, CONN_RESOLVING, CONN_CONNECTING, CONN_TLS, CONN_OPEN };

struct conn_target {
	const char *host;
	int port;
	struct tls *tls;      /* NULL: plain TCP */
	const char *tls_name; /* to verify */
	int64_t timeout;      /* for everything up to CONN_OPEN */
};

struct conn {
	enum conn_state state;
	int fd;
	SSL *ssl;
	uint32_t events; /* what the transport waits for */
	struct conn_target target;
	struct resolve resolve;
	size_t next;	      /* address to try */
	int64_t deadline;     /* of the whole, mono */
	int64_t try_deadline; /* of the present address */
	struct loop *loop;
	struct wtel_detail detail; /* why it failed */
};

/* Begins. `target`'s strings must live as long as the connection. 0, or the failure with conn->detail. */
int conn_start(struct conn *conn, struct loop *loop, const struct conn_target *target, int64_t now);

/* 1: open; 0: not yet; WTEL_ECONNECT, WTEL_ETLS, WTEL_ENOMEM with conn->detail (the connection is closed). */
int conn_advance(struct conn *conn, int64_t now);

/* When to advance at the latest; INT64_MAX: never. */
int64_t conn_deadline(const struct conn *conn, int64_t now);

/* Bytes; 0: none now; WTEL_ECLOSED, WTEL_ETLS with conn->detail. */
long conn_read(struct conn *conn, void *data, size_t length);
long conn_write(struct conn *conn, const void *data, size_t length);

/* More is to be read although the socket itself may be empty. */
bool conn_pending(const struct conn *conn);

/* Registers the socket for what the transport waits for, and for writing if `writing`. */
int conn_watch(struct conn *conn, bool writing);

void conn_close(struct conn *conn);

#endif
