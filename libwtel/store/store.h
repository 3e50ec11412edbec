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

/* wtel_store_reserve() and wtel_store_move() without waiting. `booking` is borrowed for the callback; NULL on failure
 * other than WTEL_ENOTRUNK. Call, routes and trace are copied. */
typedef void store_booking_fn(int code, const struct wtel_detail *detail, const struct wtel_booking *booking,
			      void *user);
int store_reserve(struct wtel_store *store, const struct wtel_call *call, const struct wtel_route *routes, size_t count,
		  const char *trace, store_booking_fn *done, void *user);
int store_move(struct wtel_store *store, const char *call_id, const struct wtel_route *routes, size_t count,
	       const char *trace, store_booking_fn *done, void *user);

/*
 * The call's row goes back to that trunk, if a move took it away whose trunk was never dialled. Statistics become what
 * they would be without the move, before the call's end or after it.
 */
int store_restore(struct wtel_store *store, const char *call_id, int64_t trunk_id);

/*
 * A trunk's breaker as wtel_breaker_step() left it, if the stored one still has breaker->version; it then has the next
 * one. Opening sets status 'error' (of an active trunk), last_error_at and last_error_message = `error`; closing sets
 * 'active' (of one in error). The callback has what the store holds now: `stored` false means that another process was
 * first, and the step is to be taken again from there. `breaker` is borrowed for the callback.
 */
typedef void store_breaker_fn(int code, const struct wtel_detail *detail, bool stored,
			      const struct wtel_breaker *breaker, void *user);
int store_breaker(struct wtel_store *store, int64_t trunk_id, const struct wtel_breaker *breaker, const char *error,
		  store_breaker_fn *done, void *user);

/* Campaigns. The list is borrowed for the callback. */
typedef void store_campaigns_fn(int code, const struct wtel_detail *detail, const struct wtel_campaign_list *list,
				void *user);
int store_campaigns(struct wtel_store *store, store_campaigns_fn *done, void *user);

/* Attempts on trunks that ended within the last `seconds`, oldest first: for wtel_router_outcome(). */
struct store_attempt {
	int64_t trunk_id;
	int64_t start, ringing, answer, end;
	int cause, sip_code;
};
typedef void store_attempts_fn(int code, const struct wtel_detail *detail, const struct store_attempt *attempts,
			       size_t count, void *user);
int store_attempts(struct wtel_store *store, int seconds, store_attempts_fn *done, void *user);

/*
 * `changed` is called from a dispatch when trunks, campaigns or their assignments were changed by whomever, within a
 * second: PostgreSQL tells (LISTEN), of SQLite data_version is asked twice a second. Also after a reconnect. NULL: no
 * more.
 */
typedef void store_changed_fn(void *user);
void store_watch(struct wtel_store *store, store_changed_fn *changed, void *user);

/* The zone option of a router: reads the system's time zones ($TZDIR is not asked). `user`: a struct store_zones, which
 * store_zones_free() empties. */
struct store_zones {
	const struct wtel_allocator *allocator;
	char *data;
};
int store_zone(struct wtel_slice *data, const char *name, void *user);
void store_zones_free(struct store_zones *zones);

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

/*
 * ---- what <wtel/store.h> does waiting, without it ----
 *
 * What can be refused at once is: the code is given, the sentence is in wtel_store_error(), nothing is called back.
 * Otherwise `done` is called once, from a dispatch or, with WTEL_ECLOSED, from wtel_store_close(). Arguments are
 * copied. Lists are borrowed for the callback; who wants one for longer keeps it: store_pack_keep(), store_pack_free()
 * in store/rows.h. *detail is never NULL.
 */
typedef void store_change_fn(int code, const struct wtel_detail *detail, void *user);
typedef void store_id_fn(int code, const struct wtel_detail *detail, int64_t id, void *user);
typedef void store_stats_fn(int code, const struct wtel_detail *detail, const struct wtel_call_stats *stats,
			    void *user);
/* `secret` is borrowed; NULL on failure. */
typedef void store_secret_fn(int code, const struct wtel_detail *detail, const char *secret, void *user);
typedef void store_account_fn(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list,
			      const char *secret, void *user);

int store_calls(struct wtel_store *store, const struct wtel_call_filter *filter, store_calls_fn *done, void *user);
int store_call(struct wtel_store *store, const char *call_id, store_calls_fn *done, void *user);
int store_recording(struct wtel_store *store, const char *call_id, const char *url, store_change_fn *done, void *user);
int store_stats(struct wtel_store *store, const struct wtel_call_filter *filter, store_stats_fn *done, void *user);

/* A list of one: WTEL_ENOTFOUND. */
int store_peer(struct wtel_store *store, int64_t user_id, store_peers_fn *done, void *user);
int store_peer_create(struct wtel_store *store, int64_t user_id, struct wtel_slice first_name,
		      struct wtel_slice last_name, bool webrtc, store_account_fn *done, void *user);
int store_peer_renew(struct wtel_store *store, int64_t user_id, store_secret_fn *done, void *user);
int store_peer_set_status(struct wtel_store *store, int64_t user_id, enum wtel_peer_status status,
			  store_change_fn *done, void *user);
/* `credentials` is borrowed; NULL on failure. */
typedef void store_credentials_fn(int code, const struct wtel_detail *detail,
				  const struct wtel_credentials *credentials, void *user);
int store_peer_credentials(struct wtel_store *store, int64_t user_id, store_credentials_fn *done, void *user);

/* Those of a campaign, by their priority there. */
int store_campaign_trunks(struct wtel_store *store, int64_t campaign_id, store_trunks_fn *done, void *user);
/* A list of one: WTEL_ENOTFOUND. */
int store_trunk(struct wtel_store *store, int64_t id, store_trunks_fn *done, void *user);
int store_trunk_save(struct wtel_store *store, const struct wtel_trunk *trunk, store_id_fn *done, void *user);
int store_trunk_remove(struct wtel_store *store, int64_t id, store_change_fn *done, void *user);
int store_trunk_find(struct wtel_store *store, const char *name_or_id, store_id_fn *done, void *user);
int store_assign(struct wtel_store *store, int64_t campaign_id, int64_t trunk_id, int priority, store_change_fn *done,
		 void *user);
int store_campaign_save(struct wtel_store *store, const struct wtel_campaign *campaign, store_change_fn *done,
			void *user);

/*
 * ---- grants ----
 *
 * Secrets are "wtel_" and 43 letters of base64url, of 32 random bytes; the table has their SHA-256. What is no such
 * text is refused at once with WTEL_ENOTFOUND.
 */
enum { STORE_TOKEN_SIZE = 49, STORE_GRANT_NAME_MAX = 100 };
/* A list of one; NULL on failure. */
typedef void store_grants_fn(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list,
			     void *user);
typedef void store_granted_fn(int code, const struct wtel_detail *detail, const struct wtel_grant_list *list,
			      const char *secret, void *user);

int store_tokens(struct wtel_store *store, store_grants_fn *done, void *user);
/* Given to the callback: WTEL_ENOTFOUND; WTEL_ESTATE: revoked or expired. Its use is noted, at most once a minute. */
int store_grant_find(struct wtel_store *store, const char *secret, store_grants_fn *done, void *user);
/* kind, user_id, role, name and expires_at of `grant`. A session must expire; with each new one those are removed that
 * expired a day ago. */
int store_grant_create(struct wtel_store *store, const struct wtel_grant *grant, store_granted_fn *done, void *user);
/* A second time changes nothing. */
int store_grant_revoke(struct wtel_store *store, int64_t id, store_change_fn *done, void *user);

/* A user of the platform by the name of a login. WTEL_ENOTFOUND: nobody, not active, or without a bcrypt hash;
 * WTEL_ESCHEMA: no such table, or not the columns. `hash` is borrowed, NULL on failure. */
typedef void store_user_fn(int code, const struct wtel_detail *detail, int64_t user_id, enum wtel_role role,
			   const char *hash, void *user);
int store_user(struct wtel_store *store, const char *login, store_user_fn *done, void *user);

/* ---- the audit log ---- */

enum { STORE_AUDIT_WAITING = 10000, STORE_AUDIT_PAGE = 1000 };
/* A row of wtel_audit: NULL is "". */
struct store_note {
	int64_t id; /* those that are read */
	int64_t at; /* wall; 0: now */
	int64_t user_id;
	const char *actor;
	const char *address;
	const char *method;
	const char *path;
	int status;
	const char *detail; /* JSON */
};
struct store_note_list {
	size_t count;
	const struct store_note *notes;
};
typedef void store_notes_fn(int code, const struct wtel_detail *detail, const struct store_note_list *list, void *user);

/* Copied, made fit for the table, and written soon, many at once; what cannot be written waits, the newest
 * STORE_AUDIT_WAITING. */
int store_note(struct wtel_store *store, const struct store_note *note);
/* Newest first. `before`: ids below (0: from the newest); `user_id` 0: anybody's; `limit` up to STORE_AUDIT_PAGE. */
int store_notes(struct wtel_store *store, int64_t before, int64_t user_id, int64_t limit, store_notes_fn *done,
		void *user);

#endif
