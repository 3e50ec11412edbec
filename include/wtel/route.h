/*
 * Routing: which trunks may carry a call, in which order, and why the others may not. Pure: rules, loads and a time in,
 * routes and reasons out. Booking one of them is the store's (wtel_store_reserve()), because only there all processes
 * meet.
 *
 * A trunk's rules stand in its `advanced_settings`, a JSON object; keys that are not listed here are left alone:
 *
 *   endpoint        "twilio-main"        PJSIP endpoint in Asterisk; without it the name's slug
 *   registration    false                the carrier knows us by address
 *   callsPerSecond  5                    calls begun in any one second, 1 to 1000; none: no limit
 *   weight          3                    share among trunks of equal priority, 1 to 1000; none: its free channels
 *   callerId        "+15550001000"       number shown to the customer; a campaign's own is stronger
 *   prefixes        [{"prefix": "+1", "strip": 1, "prepend": "00"}, {"prefix": "+1900", "deny": true}]
 *                                        the longest prefix of the number decides: whether the trunk may carry it, and
 *                                        what is dialled: `strip` characters less at the front, then `prepend` before
 *                                        it. "" matches every number. A number that no prefix matches is carried as it
 *                                        is if all rules are `deny`, else not at all. At most 20 000.
 *   timezone        "Europe/Madrid"      of the windows, IANA; none: UTC
 *   windows         [{"days": ["mon", "fri"], "from": "09:00", "to": "18:30"}]
 *                                        when it may begin calls: none: always. `days` none: every day. A `to` that is
 *                                        not after `from` is of the next day; "24:00" is midnight. Two windows must not
 *                                        overlap.
 *   failover        {"next": [404, 486], "stop": [503]}
 *                                        SIP codes that count otherwise than in libwtel/trunk/fault.def
 *   breaker         {"faults": 5, "ratio": 0, "samples": 30, "pause": 30, "longestPause": 600}
 *                                        see struct wtel_breaker_settings; pauses in seconds; ratio in percent
 */
#ifndef WTEL_ROUTE_H
#define WTEL_ROUTE_H

#include <wtel/trunk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- numbers ---------------------------------------------------------- */

enum { WTEL_NUMBER_SIZE = 48 };

/*
 * "00 34 600-123-456", "+34600123456", or with `country` "34" also "600 123 456" -> "+34600123456": E.164, with at most
 * 15 digits. How national numbers are written in a country is in libwtel/trunk/country.def. `country` NULL or "": a
 * number without international prefix is given back as it is, without its separators; so are 112 and all others of
 * three digits at most. WTEL_EINVAL: not a number, or longer than E.164 allows; `out` has WTEL_NUMBER_SIZE bytes and is
 * untouched then.
 */
WTEL_API int wtel_number_normalise(char *out, const char *number, const char *country) WTEL_MUST_CHECK;

/* WTEL_EINVAL if it is none of the calling codes of country.def ("1", "34", "593"); NULL and "" are fine. */
WTEL_API int wtel_country_check(const char *country) WTEL_MUST_CHECK;

/* ---- whose fault ------------------------------------------------------ */

/* Who ended an attempt that was not answered. The one table is libwtel/trunk/fault.def. */
enum wtel_fault {
	WTEL_FAULT_CALLEE, /* busy, declined, unknown number, nobody came: the answer is the customer's */
	WTEL_FAULT_TRUNK   /* the next trunk may do better */
};

/* The SIP status (TechCause) decides before Q.850, DIALSTATUS where both are 0. 16, 26 and 487 are the callee's. */
WTEL_API enum wtel_fault wtel_fault_of(int sip_code, int cause, struct wtel_slice dial_status, bool ringing);

/* ---- health ----------------------------------------------------------- */

enum wtel_outcome {
	WTEL_OUTCOME_ANSWERED,
	WTEL_OUTCOME_CALLEE, /* reached, not answered */
	WTEL_OUTCOME_FAULT
};

struct wtel_breaker_settings {
	int faults;	       /* in a row that open it; 0: never; 5 */
	int ratio;	       /* it opens when fewer percent of the window's attempts are answered; 0: never; 0 */
	int samples;	       /* and that many were made; 30 */
	int64_t pause;	       /* microseconds until a trial call; doubled with each that fails; 30 s */
	int64_t longest_pause; /* 10 min */
};
#define WTEL_BREAKER_SETTINGS_INIT                                                                                     \
	{                                                                                                              \
		5, 0, 30, 30000000, 600000000                                                                          \
	}

/*
 * One outcome. Of a trunk's breaker:
 *
 *   CLOSED --faults in a row, or the ratio--> OPEN --retry_at: one call is let through (trial_until)-->
 *     ^                                        ^                       |
 *     +----------- it was no fault ------------|-----------------------+
 *                                              +---- a fault: pause doubled
 *
 * `answered` of `attempts` are the window's (0, 0: not known). True if anything changed and is to be stored; `version`
 * is left to the store.
 */
WTEL_API bool wtel_breaker_step(struct wtel_breaker *breaker, const struct wtel_breaker_settings *settings,
				enum wtel_outcome outcome, int answered, int attempts, int64_t wall);

/* Of the last WTEL_HEALTH_WINDOW. Averages are 0 where there is nothing to average. */
enum { WTEL_HEALTH_WINDOW = 300 }; /* seconds */
struct wtel_trunk_health {
	int attempts;
	int answered;
	int faults;
	int answer_seizure_ratio; /* hundredths of a percent; -1: fewer attempts than `samples` */
	int64_t post_dial_delay;  /* microseconds from the dialling to the first ringing (or the answer), average */
	int64_t average_call_duration; /* microseconds of answered calls */
};

/* ---- campaigns -------------------------------------------------------- */

struct wtel_assignment {
	int64_t trunk_id;
	int priority; /* within the campaign: 1 first, 100 last */
};

/* One without trunks of its own uses the general list, whatever `general` says. */
struct wtel_campaign {
	int64_t id;
	bool general;	       /* after its own trunks the general list; false: nothing */
	const char *caller_id; /* "" none */
	const struct wtel_assignment *trunks;
	size_t trunk_count;
};

/* WTEL_EINVAL with the field: id, caller_id, priority, trunk_id (twice the same). */
WTEL_API int wtel_campaign_check(const struct wtel_campaign *campaign, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* ---- router ----------------------------------------------------------- */

struct wtel_router_options {
	size_t size;
	const char *country; /* see wtel_number_normalise(); copied */
	/* Gives the TZif data (RFC 8536) of an IANA zone, borrowed until the next call: 0 or WTEL_ENOTFOUND. NULL:
	 * trunks with a timezone are not used. */
	int (*zone)(struct wtel_slice *data, const char *name, void *user);
	void *zone_user;
	uint64_t seed; /* of the weighted choice; 0: from the system's random source */
};
#define WTEL_ROUTER_OPTIONS_INIT                                                                                       \
	{                                                                                                              \
		sizeof(struct wtel_router_options), NULL, NULL, NULL, 0                                                \
	}

struct wtel_router;

/* Caller frees. `options` and `allocator` may be NULL. WTEL_EINVAL (country), WTEL_ENOMEM. */
WTEL_API int wtel_router_new(struct wtel_router **out, const struct wtel_router_options *options,
			     const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
WTEL_API void wtel_router_free(struct wtel_router *router);

/*
 * Replaces all trunks; health windows of those that stay are kept. A trunk whose rules cannot be read is never taken,
 * and its verdict says why. Copied. WTEL_ENOMEM: nothing was changed.
 */
WTEL_API int wtel_router_set_trunks(struct wtel_router *router, const struct wtel_trunk *trunks,
				    size_t count) WTEL_MUST_CHECK;
/* The same for campaigns. Assignments of unknown trunks are ignored. */
WTEL_API int wtel_router_set_campaigns(struct wtel_router *router, const struct wtel_campaign *campaigns,
				       size_t count) WTEL_MUST_CHECK;

/* What changes between two lists of trunks. Unknown ids are ignored. */
WTEL_API void wtel_router_set_load(struct wtel_router *router, int64_t trunk_id, int active_calls);
WTEL_API void wtel_router_set_registered(struct wtel_router *router, int64_t trunk_id, bool registered);
WTEL_API void wtel_router_set_breaker(struct wtel_router *router, int64_t trunk_id, const struct wtel_breaker *breaker);

/*
 * One attempt on a trunk ended (an answered one: when it ended). Delay and duration in microseconds, 0 if there was
 * none. It goes into the window; *breaker (may be NULL) becomes what the trunk's breaker is after it: 1 if that is to
 * be stored, else 0. The router itself changes with wtel_router_set_breaker(), once the store agreed. WTEL_ENOTFOUND.
 */
WTEL_API int wtel_router_outcome(struct wtel_router *router, struct wtel_breaker *breaker, int64_t trunk_id,
				 enum wtel_outcome outcome, int64_t post_dial_delay, int64_t duration, int64_t wall);
WTEL_API int wtel_router_health(const struct wtel_router *router, struct wtel_trunk_health *out, int64_t trunk_id,
				int64_t wall) WTEL_MUST_CHECK;

/* wtel_fault_of() with the trunk's own `failover` before it. */
WTEL_API enum wtel_fault wtel_router_fault(const struct wtel_router *router, int64_t trunk_id, int sip_code, int cause,
					   struct wtel_slice dial_status, bool ringing);

struct wtel_route_request {
	size_t size;
	const char *number;   /* NULL: of no account (prefixes are not asked) */
	int64_t campaign_id;  /* 0: none */
	const int64_t *tried; /* trunks that had this call already */
	size_t tried_count;
	bool loads_are_old; /* active_calls are no reason to skip: the booking looks at them */
};
#define WTEL_ROUTE_REQUEST_INIT                                                                                        \
	{                                                                                                              \
		sizeof(struct wtel_route_request), NULL, 0, NULL, 0, false                                             \
	}

/* A trunk that may carry the call. */
struct wtel_route {
	int64_t trunk_id;
	int calls_per_second;	       /* 0: no limit */
	bool trial;		       /* its breaker is open and one call may try it */
	const char *name;	       /* borrowed until the next wtel_router_set_trunks() */
	const char *endpoint;	       /* the same */
	const char *caller_id;	       /* the same, or wtel_router_set_campaigns(); "" none */
	char number[WTEL_NUMBER_SIZE]; /* what is to be dialled there; "" without a number in the request */
};

/*
 * The trunks for a call in the order in which they are to be tried: the campaign's, then the general list; by priority;
 * among equal ones by lot, each with its weight's share, again for each place. At most `room` are given. 0 with *count;
 * WTEL_ENOTRUNK; WTEL_EINVAL for the number. 1 000 trunks and 10 000 prefixes: under a microsecond for one route.
 */
WTEL_API int wtel_router_rank(struct wtel_router *router, struct wtel_route *routes, size_t *count, size_t room,
			      const struct wtel_route_request *request, int64_t wall) WTEL_MUST_CHECK;

/* ---- explain ---------------------------------------------------------- */

/* Why a trunk was taken or skipped; the first that applies. */
enum wtel_route_verdict {
#define WTEL_ROUTE_VERDICT_X(id, name) WTEL_ROUTE_##id,
#include <wtel/verdict.def>
#undef WTEL_ROUTE_VERDICT_X
	WTEL_ROUTE_VERDICTS
};
/* "taken", "full", "breaker": see verdict.def. */
WTEL_API const char *wtel_route_verdict_name(enum wtel_route_verdict verdict);

struct wtel_route_step {
	int64_t trunk_id;
	const char *name; /* borrowed until the next wtel_router_set_trunks() */
	enum wtel_route_verdict verdict;
	int priority; /* the one that was used */
	int weight;   /* its share at this moment */
	int active_calls;
	int max_channels;
	char text[128]; /* a few words for people: "20 of 20 channels", "open until 12:30:05, 5 faults in a row" */
};

/*
 * The same choice, told: a step for each trunk, in the order of the list (of equal priorities by id), `room` at most;
 * *count is the number of all. One that may carry the call is TAKEN (the first one of wtel_router_rank() if nothing is
 * drawn by lot) or NEXT. Draws nothing and changes nothing. WTEL_EINVAL for the number.
 */
WTEL_API int wtel_router_explain(struct wtel_router *router, struct wtel_route_step *steps, size_t *count, size_t room,
				 const struct wtel_route_request *request, int64_t wall) WTEL_MUST_CHECK;

/*
 * The trace that is kept with a call: routes as ranked and the skipped trunks before the last of them, as the inside of
 * a JSON object: "\"number\":\"+34...\",\"skipped\":[[3,\"Twilio Main\",\"full\",\"20 of 20 channels\"],...]". At most
 * 32 trunks, then "\"more\":N". WTEL_ELIMIT if `room` is too small (4096 is enough).
 */
WTEL_API int wtel_router_trace(struct wtel_router *router, char *out, size_t room, const struct wtel_route *routes,
			       size_t count, const struct wtel_route_request *request, int64_t wall) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
