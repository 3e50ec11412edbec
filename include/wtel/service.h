/*
 * The running service: one file descriptor that any loop can poll, connections to
 * Asterisk and the store behind it, calls and observers before it. No threads.
 *
 *   wtel_service_new(&service, &options, NULL, &detail);
 *   for (;;) {
 *           struct pollfd p = {wtel_service_fd(service), POLLIN, 0};
 *           poll(&p, 1, -1);
 *           wtel_service_dispatch(service);
 *   }
 */
#ifndef WTEL_SERVICE_H
#define WTEL_SERVICE_H

#include <wtel/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configuration ---------------------------------------------------- */

enum { WTEL_MAX_HOSTS = 8 };

/* One Asterisk. Strings are owned by the struct wtel_config they stand in. */
struct wtel_ami_host {
	const char *host; /* name or address; IPv6 without brackets */
	int port;
	const char *username;
	const char *secret;
	bool tls;
};

/*
 * Where Asterisk and the database are, from flags and environment. Stronger first: `ami` and `db` arguments; WTEL_AMI
 * and WTEL_DB; ASTERISK_HOST, _PORT, _USER, _PASSWORD and DB_HOST, _PORT, _NAME, _USER, _PASSWORD; SQLite in the user's
 * state directory
 * ($XDG_STATE_HOME/wtel/wtel.db, or ~/.local/state/wtel/wtel.db). A file of keys that others may read is refused.
 */
struct wtel_config {
	size_t size;
	size_t host_count; /* 0: none is configured */
	struct wtel_ami_host hosts[WTEL_MAX_HOSTS];
	const char *db;		 /* URL without password */
	const char *db_password; /* NULL if none */
	const char *country;	 /* WTEL_COUNTRY: calling code of numbers without one; NULL if none */
	const char *secret_keys; /* WTEL_SECRET_KEYS, or what is in the file WTEL_SECRET_KEYS_FILE; NULL if none */
	const char *sip_realm;	 /* WTEL_SIP_REALM; NULL: the default of struct wtel_store_options */
	const char *wss_host;	 /* ASTERISK_WSS_HOST; NULL if none */
	int wss_port;		 /* ASTERISK_WSS_PORT, 8089 */
};

/*
 * Reads arguments and environment. `ami` and `db` may be NULL. `environment` maps a name to a value
 * or NULL; NULL means getenv(). Caller frees. WTEL_ECONFIG names the variable or flag, never the secret in it.
 */
WTEL_API int wtel_config_read(struct wtel_config **out, const char *ami, const char *db,
			      const char *(*environment)(const char *name, void *user), void *user,
			      struct wtel_detail *detail) WTEL_MUST_CHECK;
WTEL_API void wtel_config_free(struct wtel_config *config); /* wipes the secrets */

struct wtel_service_options {
	size_t size;
	const struct wtel_ami_host *hosts; /* tried in order; copied */
	size_t host_count;
	struct wtel_store *store;  /* borrowed: must outlive the service; NULL: calls are followed, not kept, and no
				      trunk can be chosen */
	const char *ca_file;	   /* PEM; NULL: the system's own */
	const char *tls_name;	   /* name to verify instead of the host's; NULL: the host's */
	bool allow_plain;	   /* see wtel_ami_session_options */
	int64_t connect_timeout;   /* 5 s */
	int64_t backoff_min;	   /* 100 ms, doubled with jitter at each failure */
	int64_t backoff_max;	   /* 30 s */
	int64_t originate_timeout; /* the agent's phone rings that long, 30 s */
	int64_t dial_timeout;	   /* the customer's phone does, 30 s: variable WTEL_DIAL_TIMEOUT */
	const char *technology;	   /* "PJSIP" */
	struct wtel_tracker_options tracker;
	const char *country; /* calling code of numbers without one, "34"; NULL: numbers as they are given */
	size_t max_attempts; /* trunks that one call may try, 4; 1: no failover */
	size_t max_read;     /* bytes taken from the socket in one dispatch, 1 MiB */
	wtel_log_fn *log;
	void *log_user;
	const char *wss_host; /* where browsers find Asterisk (sip/credentials); NULL: the present connection's host */
	int wss_port;	   /* 8089 */
};
#define WTEL_SERVICE_OPTIONS_INIT                                                                                      \
	{                                                                                                              \
		sizeof(struct wtel_service_options), NULL, 0, NULL, NULL, NULL, false, 5000000, 100000, 30000000,      \
			30000000, 30000000, "PJSIP", WTEL_TRACKER_OPTIONS_INIT, NULL, 4, 1048576, NULL, NULL, NULL,    \
			8089                                                                                           \
	}

/* ---- life ------------------------------------------------------------- */

struct wtel_service;

/* Starts connecting in the background at once. Options are copied. Caller frees. */
WTEL_API int wtel_service_new(struct wtel_service **out, const struct wtel_service_options *options,
			      const struct wtel_allocator *allocator, struct wtel_detail *detail) WTEL_MUST_CHECK;

/*
 * Logs off, hands the store what it has, frees. Whoever still waits for an answer is told WTEL_ECLOSED first. From
 * inside a callback it takes effect when the dispatch that called it ends. NULL is allowed.
 */
WTEL_API void wtel_service_free(struct wtel_service *service);

/* Readable (POLLIN) when there is work. The same number for the service's whole life. */
WTEL_API int wtel_service_fd(const struct wtel_service *service);

/* Does what is to be done now and never waits. WTEL_EBUSY from inside a callback; WTEL_ENOMEM: call again. */
WTEL_API int wtel_service_dispatch(struct wtel_service *service);

/*
 * Polls and dispatches up to `timeout` microseconds (-1: no limit), or until something was done: 1. 0: the time is up,
 * or a signal came. Errors of wtel_service_dispatch(). For programs without a loop.
 */
WTEL_API int wtel_service_wait(struct wtel_service *service, int64_t timeout);

WTEL_API const struct wtel_detail *wtel_service_error(const struct wtel_service *service);

/* ---- calls ------------------------------------------------------------ */

struct wtel_variable {
	const char *name;
	struct wtel_slice value;
};

struct wtel_originate {
	size_t size;
	const char *extension; /* agent's phone */
	const char *number;    /* customer */
	int64_t campaign_id;   /* 0: none */
	int64_t lead_id;
	int64_t agent_id;
	int64_t timeout;		       /* microseconds; 0: originate_timeout */
	const char *caller_id;		       /* NULL: the number, shown on the agent's phone */
	const struct wtel_variable *variables; /* extra, inherited by all legs */
	size_t variable_count;
};
#define WTEL_ORIGINATE_INIT                                                                                            \
	{                                                                                                              \
		sizeof(struct wtel_originate), NULL, NULL, 0, 0, 0, 0, NULL, NULL, 0                                   \
	}

/*
 * The call is queued at Asterisk (code 0, call and trunk are given) or will not be: WTEL_ENOTRUNK, WTEL_EREFUSED,
 * WTEL_ECONNECT, WTEL_ESTORE, ... and `text` says why. Pointers are borrowed for the length of the call.
 */
typedef void wtel_originate_fn(int code, const char *text, const struct wtel_call *call, const struct wtel_trunk *trunk,
			       void *user);

/*
 * Chooses and books a trunk, then calls the agent, then the customer. When the trunk fails before the customer's phone
 * rang, the next one is booked and dialled while the agent waits: "call:failover". `call_id` (160 bytes, may be NULL)
 * receives the id. `done` (may be NULL) is called once from a dispatch. The call is dialled at most once: after a lost
 * connection it is looked for, not sent again. At once: WTEL_EINVAL, WTEL_EINJECTION, WTEL_ELIMIT with the field in
 * wtel_service_error(); WTEL_ECONNECT.
 */
WTEL_API int wtel_service_originate(struct wtel_service *service, char *call_id, const struct wtel_originate *request,
				    wtel_originate_fn *done, void *user) WTEL_MUST_CHECK;
enum { WTEL_CALL_ID_SIZE = 160 };

typedef void wtel_done_fn(int code, const char *text, void *user);

/* The service's own router, for wtel_router_explain() and wtel_router_health(); what is set in it is lost with the next
 * change of the tables. NULL without a store, and until the trunks were read. Borrowed until the next dispatch. */
WTEL_API struct wtel_router *wtel_service_router(struct wtel_service *service);

/* By channel name or call id: every channel of a call. WTEL_ENOTFOUND at once for a call id that is not active. */
WTEL_API int wtel_service_hangup(struct wtel_service *service, const char *channel_or_call_id, wtel_done_fn *done,
				 void *user) WTEL_MUST_CHECK;

/* Any other action, answered to `done` with the response or the list's end; `item` (may be NULL) hears each item. */
typedef void wtel_action_fn(int code, const struct wtel_ami_message *message, void *user);
WTEL_API int wtel_service_action(struct wtel_service *service, struct wtel_ami_action *action, int64_t timeout,
				 wtel_action_fn *item, wtel_action_fn *done, void *user) WTEL_MUST_CHECK;

/* Every trusted event as it came, before calls change by it; `event` is borrowed for the length of the call. NULL: no
 * more. */
typedef void wtel_event_fn(const struct wtel_ami_event *event, int64_t wall, void *user);
WTEL_API void wtel_service_on_event(struct wtel_service *service, wtel_event_fn *event, void *user);

/* Active calls; see wtel_tracker_find() and wtel_tracker_walk(). Borrowed until the next call on the service. NULL also
 * while a record waits for memory (the last dispatch gave WTEL_ENOMEM). */
WTEL_API const struct wtel_call *wtel_service_call(struct wtel_service *service, const char *name);
WTEL_API const struct wtel_call *wtel_service_walk(struct wtel_service *service, size_t *position);

struct wtel_service_stats {
	bool connected;
	bool synchronised; /* channels and registrations were read since the connect */
	size_t active_calls;
	size_t calls_in_progress; /* answered */
	size_t store_queue;	  /* changes not yet durable */
	uint64_t reconnects;
	int64_t round_trip;  /* last AMI ping, microseconds; -1: none yet */
	const char *host;    /* of the present connection, "" if none; borrowed until the next dispatch */
	const char *version; /* of its AMI; "" if none */
	struct wtel_ami_session_counters ami;
	struct wtel_tracker_counters tracker;
};
WTEL_API void wtel_service_stats(const struct wtel_service *service, struct wtel_service_stats *out);

/* ---- observers -------------------------------------------------------- */

enum wtel_notice_type {
#define WTEL_NOTICE_X(id, name) WTEL_NOTICE_##id,
#include <wtel/notice.def>
#undef WTEL_NOTICE_X
	WTEL_NOTICES
};

/* "call:answered". Borrowed for ever. */
WTEL_API const char *wtel_notice_name(enum wtel_notice_type type);

/* Pointers are borrowed until the next wtel_observer_next() or _free(); strings are "" where they do not apply. */
struct wtel_notice {
	enum wtel_notice_type type;
	int64_t wall;
	const struct wtel_call *call; /* call:*; NULL otherwise */
	int64_t trunk_id;	      /* trunk:*; call:failover: the next one */
	/* trunk:*: trunk; call:failover: the next one; peer:status: extension; security: source channel; ami:*:
	 * host:port */
	const char *name;
	const char *status; /* trunk:registry: Registered...; peer:status: Reachable... */
	/* ami:disconnected, trunk:down, trunk:up: why; trunk:full: "20 of 20 channels"; call:failover: the fault of the
	 * trunk before; security: what */
	const char *text;
	uint64_t lost; /* overflow: how many were dropped */
};

struct wtel_observer;

/* `ready` (may be NULL) is called at the end of a dispatch that left something to read. */
typedef void wtel_observer_fn(struct wtel_observer *observer, void *user);

/*
 * A queue of at most `max_queue` notices (0: 10 000). When it is full the oldest are dropped, and an overflow notice
 * says how many; no record and no other observer is touched. Caller frees, before or after the service.
 */
WTEL_API int wtel_observer_new(struct wtel_observer **out, struct wtel_service *service, size_t max_queue,
			       wtel_observer_fn *ready, void *user) WTEL_MUST_CHECK;
WTEL_API void wtel_observer_free(struct wtel_observer *observer);

/* 1: *out is the next notice; 0: none. */
WTEL_API int wtel_observer_next(struct wtel_observer *observer, struct wtel_notice *out) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
