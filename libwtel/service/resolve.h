/* Names to addresses without waiting. */
#ifndef SERVICE_RESOLVE_H
#define SERVICE_RESOLVE_H

#include <ares.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "service/loop.h"
#include <wtel/base.h>

struct resolve_address {
	struct sockaddr_storage address;
	socklen_t length;
};

enum { RESOLVE_MAX = 16 };

struct resolve {
	struct loop *loop;
	ares_channel channel; /* NULL: no look-up under way */
	bool done;
	int status; /* of c-ares */
	size_t count;
	struct resolve_address addresses[RESOLVE_MAX];
};

/* Addresses that need no look-up: numeric ones and localhost. true: `resolve` is filled. */
bool resolve_literal(struct resolve *resolve, const char *host, int port);

/* Starts a look-up. WTEL_ENOMEM, WTEL_EIO. */
int resolve_start(struct resolve *resolve, struct loop *loop, const char *host, int port);

/* A descriptor of c-ares is ready; `fd` -1: look at the clock only. */
void resolve_process(struct resolve *resolve, int fd, uint32_t events);

/* Mono; INT64_MAX: none. */
int64_t resolve_deadline(const struct resolve *resolve, int64_t now);

/* Ends a look-up, finished or not; the addresses stay. */
void resolve_stop(struct resolve *resolve);

#endif
