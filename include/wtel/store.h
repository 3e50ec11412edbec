/*
 * Where calls, trunks and accounts are kept: SQLite for one machine, with nothing
 * to set up, PostgreSQL for many. One interface, the seed's tables in both.
 *
 * The functions here wait for the database and return its answer: for programs,
 * tools and start-up. A running service (<wtel/service.h>) does its own work
 * through the same store without waiting.
 *
 * Lists come back whole, as one result that the caller frees. Results are
 * borrowed rows inside it.
 */
#ifndef WTEL_STORE_H
#define WTEL_STORE_H

#include <wtel/call.h>
#include <wtel/peer.h>
#include <wtel/route.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wtel_store_options {
	size_t size;
	/*
	 * "sqlite:/path/file.db", "sqlite::memory:" (one process, for tests), "postgresql://user@host:5432/name" or
	 * "postgresql:" with the rest from libpq's own environment. A path is taken as it is, without percent escapes;
	 * "sqlite:///path" is "sqlite:/path". The file (0600) and its directories (0700) are made where they are
	 * missing.
	 */
	const char *url;
	const char *password;	 /* for PostgreSQL, kept out of the URL; NULL: libpq's own sources */
	int64_t connect_timeout; /* 10 s */
	int64_t lock_timeout;	 /* how long SQLite waits for another process's write, 5 s */
	size_t max_batch;	 /* rows in one write, 1000 */
	int64_t max_delay;	 /* how long a change may wait for company, 20 ms */
	size_t max_queue;	 /* changes held while the database is away, 1 000 000 */
	wtel_log_fn *log;
	void *log_user;
	/* wtel_store_open() does not wait for PostgreSQL: what is asked before the connection stands waits for it, as
	 * after a lost one. SQLite opens at once. Host names are still looked up inside the call. */
	bool background;
	/* Keys of <wtel/peer.h> that accounts' secrets are kept sealed with; copied. NULL: they are not kept, and can
	 * be given out once only. */
	const char *secret_keys;
	const char *sip_realm; /* "asterisk": of the digests, as Asterisk's realm; at most WTEL_REALM_MAX bytes */
	/* While a service runs on it, entries of the audit log that are older than so many days are removed, a few at a
	 * time; 0, the default: none. Of several processes' days the fewest count. */
	int audit_days;
};
#define WTEL_STORE_OPTIONS_INIT                                                                                        \
	{                                                                                                              \
		sizeof(struct wtel_store_options), NULL, NULL, 10000000, 5000000, 1000, 20000, 1000000, NULL, NULL,    \
			false, NULL, "asterisk", 0                                                                     \
	}

struct wtel_store;

/* Opens and, unless in the background, waits for the connection. Caller closes. WTEL_ECONFIG for the URL, WTEL_ESTORE
 * for the database, sentence in *detail. */
WTEL_API int wtel_store_open(struct wtel_store **out, const struct wtel_store_options *options,
			     const struct wtel_allocator *allocator, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* Writes what is queued, then closes. NULL is allowed. */
WTEL_API void wtel_store_close(struct wtel_store *store);

/* What the last failed call of this store says. Borrowed until the next call. */
WTEL_API const struct wtel_detail *wtel_store_error(const struct wtel_store *store);

/* "sqlite" or "postgresql". */
WTEL_API const char *wtel_store_backend(const struct wtel_store *store);

/* ---- schema ----------------------------------------------------------- */

/*
 * Brings the schema up to date; repeatable, and safe when many processes do it at once. With the platform's tables
 * (usuarios, campanas, base_campanas) there come foreign keys. `progress` (may be NULL) hears of each step.
 */
WTEL_API int wtel_store_migrate(struct wtel_store *store, wtel_log_fn *progress, void *user) WTEL_MUST_CHECK;

/* *version: what the database has; *wanted: what this library wants. 0 if the database is empty. */
WTEL_API int wtel_store_schema(struct wtel_store *store, int *version, int *wanted) WTEL_MUST_CHECK;

/* ---- trunks ----------------------------------------------------------- */

struct wtel_trunk_list {
	size_t count;
	const struct wtel_trunk *trunks;
};

/* All, by priority and id; for a campaign (not 0) only its own, by their priority there. Caller frees. */
WTEL_API int wtel_store_trunks(struct wtel_store *store, struct wtel_trunk_list **out,
			       int64_t campaign_id) WTEL_MUST_CHECK;
WTEL_API void wtel_trunk_list_free(struct wtel_trunk_list *list);

/* `trunk->id` 0 adds and gives *id; otherwise changes all columns of that row but statistics. A NULL password leaves
 * the old one. Errors of wtel_trunk_check(); WTEL_EEXISTS for the name; WTEL_ENOTFOUND. In advanced_settings (a JSON
 * object, 2 MiB) are put: `endpoint`, where it is given and is not the name's slug, and "registration": false, where
 * needs_registration is false; to undo that, take `registration` out of advanced_settings. A trunk that needs no
 * registration is saved as registered. */
WTEL_API int wtel_store_trunk_save(struct wtel_store *store, int64_t *id,
				   const struct wtel_trunk *trunk) WTEL_MUST_CHECK;

/* WTEL_ENOTFOUND; WTEL_ESTATE while calls are on it. Its past calls keep their rows. */
WTEL_API int wtel_store_trunk_remove(struct wtel_store *store, int64_t id) WTEL_MUST_CHECK;

/* Name or number -> id. WTEL_ENOTFOUND. */
WTEL_API int wtel_store_trunk_find(struct wtel_store *store, int64_t *id, const char *name_or_id) WTEL_MUST_CHECK;

/* Assigns a trunk to a campaign, or changes its priority there (1 to 100). `priority` 0 takes it away. */
WTEL_API int wtel_store_assign(struct wtel_store *store, int64_t campaign_id, int64_t trunk_id,
			       int priority) WTEL_MUST_CHECK;

struct wtel_campaign_list {
	size_t count;
	const struct wtel_campaign *campaigns;
};

/* Campaigns that have trunks or settings of their own, by id. Caller frees. */
WTEL_API int wtel_store_campaigns(struct wtel_store *store, struct wtel_campaign_list **out) WTEL_MUST_CHECK;
WTEL_API void wtel_campaign_list_free(struct wtel_campaign_list *list);

/* Keeps `general` and `caller_id` of a campaign; its trunks are wtel_store_assign()'s. Errors of wtel_campaign_check();
 * WTEL_ENOTFOUND where the platform's campaigns are there and this one is not. */
WTEL_API int wtel_store_campaign_save(struct wtel_store *store, const struct wtel_campaign *campaign) WTEL_MUST_CHECK;

/*
 * A router of what the store has now: trunks with their load, campaigns, the system's time zones, and the outcomes of
 * the last WTEL_HEALTH_WINDOW seconds. `country` as in struct wtel_router_options. Caller frees, before the store is
 * closed, through which it reads the zones.
 */
WTEL_API int wtel_store_router(struct wtel_store *store, struct wtel_router **out, const char *country) WTEL_MUST_CHECK;

/* ---- calls ------------------------------------------------------------ */

struct wtel_call_list {
	size_t count;  /* rows here */
	int64_t total; /* rows that match, without limit; -1: not counted */
	const struct wtel_call *calls;
	/* Per call, from the platform's tables where they exist, else "". */
	const char *const *campaign_names;
	const char *const *lead_names;
	bool more; /* there are older ones */
};

struct wtel_call_filter {
	size_t size;
	int64_t limit; /* 50; at most 10 000 */
	int64_t offset;
	int64_t agent_id;		   /* 0: any */
	int64_t campaign_id;		   /* 0: any */
	int64_t trunk_id;		   /* 0: any */
	int64_t from;			   /* start_time, wall microseconds, inclusive; 0: open */
	int64_t until;			   /* exclusive; 0: open */
	enum wtel_disposition disposition; /* NONE: any */
	bool active;			   /* only those without end_time */
	int64_t lead_id;		   /* 0: any */
	unsigned directions;		   /* set of 1 << enum wtel_direction; 0: any */
	const char *number; /* the caller's or the callee's begins so: up to 50 of + 0-9 * #; NULL: any */
	/* Only rows behind that one, whichever have come since: start and id of the last one of the page before. 0:
	 * from the newest on. They are not counted again. */
	int64_t before_start;
	int64_t before_id;
};
#define WTEL_CALL_FILTER_INIT                                                                                          \
	{                                                                                                              \
		sizeof(struct wtel_call_filter), 50, 0, 0, 0, 0, 0, 0, WTEL_DISPOSITION_NONE, false, 0, 0, NULL, 0, 0  \
	}

/* Newest first, without legs. Caller frees. */
WTEL_API int wtel_store_calls(struct wtel_store *store, struct wtel_call_list **out,
			      const struct wtel_call_filter *filter) WTEL_MUST_CHECK;

/* One call with its legs. WTEL_ENOTFOUND. Caller frees. */
WTEL_API int wtel_store_call(struct wtel_store *store, struct wtel_call_list **out,
			     const char *call_id) WTEL_MUST_CHECK;
WTEL_API void wtel_call_list_free(struct wtel_call_list *list);

/* Where a recording of that call is: an http or https URL, or a path; up to 500 bytes; "" none. WTEL_ENOTFOUND,
 * WTEL_EINVAL, WTEL_ELIMIT, WTEL_EINJECTION. */
WTEL_API int wtel_store_recording(struct wtel_store *store, const char *call_id, const char *url) WTEL_MUST_CHECK;

/* The seed's statistics of finished calls. Seconds; answer_rate in hundredths of a percent (8000 = "80.00"). */
struct wtel_call_stats {
	int64_t total_calls;
	int64_t by_disposition[WTEL_DISPOSITIONS]; /* by enum wtel_disposition */
	int64_t total_duration;
	int64_t total_billsec;
	int64_t average_duration; /* rounded half up, over total_calls */
	int64_t average_billsec;  /* rounded half up, over answered calls */
	int64_t answer_rate;
};

/* Of `filter`, limit, offset, active and before are not used. */
WTEL_API int wtel_store_stats(struct wtel_store *store, struct wtel_call_stats *out,
			      const struct wtel_call_filter *filter) WTEL_MUST_CHECK;

/* ---- reservation and writing: what the service does, for programs that bring their own loop ---- */

enum { WTEL_MAX_ROUTES = 256 };

/* What the booking found at one of the routes. */
struct wtel_look {
	enum wtel_route_verdict verdict; /* TAKEN, FULL, RATE, STATUS (no more active, or removed), BREAKER (another
					    process has the trial call) */
	int active_calls;		 /* this one included if TAKEN; -1: not counted */
	int max_channels;
};

struct wtel_booking {
	int64_t row_id;	   /* in `calls` */
	size_t taken;	   /* index into the routes */
	size_t look_count; /* routes that were looked at: the last one is the one that was taken, if any */
	struct wtel_look looks[WTEL_MAX_ROUTES];
};

/*
 * Books `call` on the first of `routes` (of wtel_router_rank(); at most WTEL_MAX_ROUTES) that is active, below
 * max_channels and below its calls per second, in one atomic operation for all processes: a row in `calls` without end.
 * Inbound calls count as they stand in the store. Of `call` are read: call_id, direction, agent_id, campaign_id,
 * lead_id, caller_number, callee_number, start. `trace` (may be NULL) is kept with the call: see wtel_router_trace().
 * WTEL_ENOTRUNK ("No trunks available", then *out has the looks), WTEL_EEXISTS (call_id), WTEL_ENOTFOUND (agent,
 * campaign or lead, where the platform's tables are there).
 */
WTEL_API int wtel_store_reserve(struct wtel_store *store, struct wtel_booking *out, const struct wtel_call *call,
				const struct wtel_route *routes, size_t count, const char *trace) WTEL_MUST_CHECK;

/*
 * The same for a call that is booked already and whose trunk failed: its row moves to the next trunk, in one atomic
 * operation. WTEL_ENOTRUNK: it stays where it is. WTEL_ENOTFOUND: no unfinished call of that id.
 */
WTEL_API int wtel_store_move(struct wtel_store *store, struct wtel_booking *out, const char *call_id,
			     const struct wtel_route *routes, size_t count, const char *trace) WTEL_MUST_CHECK;

/*
 * Takes over the unfinished calls of processes that died (gone from this host, or without a sign of life for 15 s):
 * they are this process's now, and it is to write their ends. A service does this by itself. Caller frees.
 */
WTEL_API int wtel_store_adopt(struct wtel_store *store, struct wtel_call_list **out) WTEL_MUST_CHECK;

/* The unfinished calls that are this process's: those that it booked, wrote first or took over. Caller frees. */
WTEL_API int wtel_store_own_calls(struct wtel_store *store, struct wtel_call_list **out) WTEL_MUST_CHECK;

/*
 * Queues the call's present state, legs included; written together with others within max_delay by wtel_store_flush()
 * or the service. What stands between the beginning and the answer of a call whose row is known (call->id) may wait for
 * half a second, as most of it is out of date by then. Idempotent: a row once ended stays ended, and its trunk's
 * statistics count it once. Copied. WTEL_EOVERFLOW.
 */
WTEL_API int wtel_store_write(struct wtel_store *store, const struct wtel_call *call) WTEL_MUST_CHECK;

/* Waits until everything queued is durable. */
WTEL_API int wtel_store_flush(struct wtel_store *store) WTEL_MUST_CHECK;

/* ---- accounts --------------------------------------------------------- */

struct wtel_peer_list {
	size_t count;
	const struct wtel_peer *peers;
};

/* By extension. Caller frees. */
WTEL_API int wtel_store_peers(struct wtel_store *store, struct wtel_peer_list **out) WTEL_MUST_CHECK;
WTEL_API void wtel_peer_list_free(struct wtel_peer_list *list);

/*
 * Creates the account: the first free user name of that person and the next free extension from 1001 up. `secret`
 * receives the plain secret: kept are its hash, digests for Asterisk and, with secret_keys, itself sealed. The phone is
 * a browser, see wtel_store_peer_set_webrtc(). *out as a list of one; caller frees. WTEL_EEXISTS if the user has one.
 */
WTEL_API int wtel_store_peer_create(struct wtel_store *store, struct wtel_peer_list **out,
				    char secret[WTEL_PEER_SECRET_SIZE], int64_t user_id, struct wtel_slice first_name,
				    struct wtel_slice last_name) WTEL_MUST_CHECK;

/* By user_id. WTEL_ENOTFOUND. One that is not active is none to Asterisk, at once where it reads our views. */
WTEL_API int wtel_store_peer_set_status(struct wtel_store *store, int64_t user_id,
					enum wtel_peer_status status) WTEL_MUST_CHECK;

/* Whether the account's phone is a browser (ICE, DTLS, Opus) or speaks plain SIP. WTEL_ENOTFOUND. */
WTEL_API int wtel_store_peer_set_webrtc(struct wtel_store *store, int64_t user_id, bool webrtc) WTEL_MUST_CHECK;

/* A new secret for an account; the old one is void. WTEL_ENOTFOUND. */
WTEL_API int wtel_store_peer_renew(struct wtel_store *store, char secret[WTEL_PEER_SECRET_SIZE],
				   int64_t user_id) WTEL_MUST_CHECK;

/* What a phone logs in with. Texts as long as their columns can be. */
struct wtel_credentials {
	char username[201];
	char extension[81];
	char password[WTEL_SEAL_MAX + 1];
	char display_name[1021];
	bool webrtc;
};

/* For the account's owner alone. WTEL_ENOTFOUND; WTEL_ESTATE: it is not active, or its secret is not kept and must be
 * renewed; WTEL_ECONFIG: its key is not in secret_keys. Wipe *out after use. */
WTEL_API int wtel_store_peer_credentials(struct wtel_store *store, struct wtel_credentials *out,
					 int64_t user_id) WTEL_MUST_CHECK;

/* Seals every secret with the first key that another one sealed. *left: how many did not open and stayed. WTEL_ECONFIG:
 * there is no key. */
WTEL_API int wtel_store_reseal(struct wtel_store *store, int64_t *changed, int64_t *left) WTEL_MUST_CHECK;

/* Active accounts as a SIP server has to know them: wtel_peer_digest() of either name that a phone may log in with. */
struct wtel_account {
	const char *username;
	const char *extension;
	const char *display_name;
	const char *realm;
	const char *username_md5;
	const char *username_sha256;
	const char *extension_md5;
	const char *extension_sha256;
	bool webrtc;
};

struct wtel_account_list {
	size_t count;
	const struct wtel_account *accounts;
};

/* By extension. Caller frees. */
WTEL_API int wtel_store_accounts(struct wtel_store *store, struct wtel_account_list **out) WTEL_MUST_CHECK;
WTEL_API void wtel_account_list_free(struct wtel_account_list *list);

/* What a carrier wants to hear; "" for none. For whoever writes Asterisk's files. WTEL_ENOTFOUND. Wipe `out` after use.
 */
enum { WTEL_TRUNK_PASSWORD_SIZE = 1021 };
WTEL_API int wtel_store_trunk_password(struct wtel_store *store, char out[WTEL_TRUNK_PASSWORD_SIZE],
				       int64_t id) WTEL_MUST_CHECK;

/* ---- grants: tokens and sessions --------------------------------------- */

/* Each may do what the one before it may. An agent sees and ends own calls only (user_id). */
enum wtel_role { WTEL_ROLE_AGENT, WTEL_ROLE_SUPERVISOR, WTEL_ROLE_ADMIN };

/* "agent", "supervisor", "admin". */
WTEL_API const char *wtel_role_name(enum wtel_role role);
WTEL_API int wtel_role_parse(enum wtel_role *out, const char *text) WTEL_MUST_CHECK;

enum wtel_grant_kind { WTEL_GRANT_TOKEN, WTEL_GRANT_SESSION };

/* A row of wtel_grants without its hash. Times in wall microseconds. Borrowed from whoever gave it. */
struct wtel_grant {
	int64_t id;
	enum wtel_grant_kind kind;
	int64_t user_id; /* 0: nobody in particular */
	enum wtel_role role;
	const char *name; /* what a person calls it: "backoffice" */
	int64_t created_at;
	int64_t expires_at;   /* 0: never */
	int64_t last_used_at; /* 0: never */
	int64_t revoked_at;   /* 0: it was not */
	bool user_inactive;   /* its user may not log in now (see wtel_access_user()): it lets nobody in */
};

struct wtel_grant_list {
	size_t count;
	const struct wtel_grant *grants;
};

/* Tokens, newest first, revoked ones too. Caller frees. */
WTEL_API int wtel_store_tokens(struct wtel_store *store, struct wtel_grant_list **out) WTEL_MUST_CHECK;
WTEL_API void wtel_grant_list_free(struct wtel_grant_list *list);

/* user_id, role, name and expires_at of `token` are taken; `secret` (WTEL_ACCESS_SECRET_SIZE bytes of <wtel/access.h>)
 * is given this once: only its SHA-256 is kept. *out as a list of one; caller frees. */
WTEL_API int wtel_store_token_create(struct wtel_store *store, struct wtel_grant_list **out, char *secret,
				     const struct wtel_grant *token) WTEL_MUST_CHECK;

/* WTEL_ENOTFOUND. Revoking twice changes nothing. */
WTEL_API int wtel_store_token_revoke(struct wtel_store *store, int64_t id) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
