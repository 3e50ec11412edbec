/*
 * The store from inside: what the service uses, without waiting. The blocking
 * functions of <wtel/store.h> are these plus a loop.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/driver.h"

/* For the service's epoll: see struct store_driver_ops. */
int store_fd(const struct wtel_store *store);
short store_events(const struct wtel_store *store);
int64_t store_deadline(const struct wtel_store *store);
int store_dispatch(struct wtel_store *store, struct wtel_time now);
bool store_connected(const struct wtel_store *store);
/* Changes given to wtel_store_write() that are not yet durable. */
size_t store_queued(const struct wtel_store *store);

/* wtel_store_reserve() without waiting. `trunk` (with name and endpoint) is borrowed for the callback; NULL on failure.
 */
typedef void store_reserve_fn(int code, const struct wtel_detail *detail, const struct wtel_trunk *trunk,
			      int64_t row_id, void *user);
int store_reserve(struct wtel_store *store, const struct wtel_call *call, store_reserve_fn *done, void *user);

/* All trunks, with load. The list is borrowed for the callback. */
typedef void store_trunks_fn(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list,
			     void *user);
int store_trunks(struct wtel_store *store, store_trunks_fn *done, void *user);

/* Accounts: extension -> agent, for the tracker. */
typedef void store_peers_fn(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user);
int store_peers(struct wtel_store *store, store_peers_fn *done, void *user);

/*
 * Takes over calls that are unfinished in the store and whose owner is dead: this process becomes
 * their owner, in one atomic statement, so that two processes never take the same one. An owner is dead when its
 * process is gone (same host) or its heartbeat is older than 15 s (any host).
 */
typedef void store_calls_fn(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user);
int store_adopt(struct wtel_store *store, store_calls_fn *done, void *user);

/* Says that this process lives; called by the service every 5 s. */
int store_heartbeat(struct wtel_store *store);

/* A trunk's registration as Asterisk told it. A trunk that needs none is left as it is. Sets last_registered_at or
 * last_error_*. */
int store_registry(struct wtel_store *store, int64_t trunk_id, bool registered, int64_t wall, const char *error);

/* An account's registration. */
int store_peer_registered(struct wtel_store *store, const char *extension, bool registered, int64_t wall,
			  const char *user_agent, const char *ip_address);

#endif
