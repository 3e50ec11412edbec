/*
 * Trunks as the tables have them: pure. The choice among them is in <wtel/route.h>.
 */
#ifndef WTEL_TRUNK_H
#define WTEL_TRUNK_H

#include <stdbool.h>
#include <wtel/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The seed's enums; names as in its tables. */
enum wtel_trunk_status { WTEL_TRUNK_ACTIVE, WTEL_TRUNK_INACTIVE, WTEL_TRUNK_MAINTENANCE, WTEL_TRUNK_ERROR };
enum wtel_trunk_provider { WTEL_PROVIDER_TWILIO, WTEL_PROVIDER_VONAGE, WTEL_PROVIDER_BANDWIDTH, WTEL_PROVIDER_CUSTOM };
enum wtel_trunk_type { WTEL_TRUNK_SIP, WTEL_TRUNK_IAX2, WTEL_TRUNK_PJSIP };

/* "active", "twilio", "pjsip". And back: WTEL_EINVAL if the text is none of them. */
WTEL_API const char *wtel_trunk_status_name(enum wtel_trunk_status status);
WTEL_API const char *wtel_trunk_provider_name(enum wtel_trunk_provider provider);
WTEL_API const char *wtel_trunk_type_name(enum wtel_trunk_type type);
WTEL_API int wtel_trunk_status_parse(enum wtel_trunk_status *out, const char *text) WTEL_MUST_CHECK;
WTEL_API int wtel_trunk_provider_parse(enum wtel_trunk_provider *out, const char *text) WTEL_MUST_CHECK;
WTEL_API int wtel_trunk_type_parse(enum wtel_trunk_type *out, const char *text) WTEL_MUST_CHECK;

/* wtel_breaker_state_name(): "closed", "open". An open one lets one trial call through once its retry_at has come. */
enum wtel_breaker_state { WTEL_BREAKER_CLOSED, WTEL_BREAKER_OPEN };
WTEL_API const char *wtel_breaker_state_name(enum wtel_breaker_state state);

/*
 * A trunk's breaker as the store keeps it for all processes; wtel_breaker_step() in <wtel/route.h> moves it. All zero:
 * closed, without faults. While it is open the trunk's status is WTEL_TRUNK_ERROR.
 */
struct wtel_breaker {
	int64_t version; /* counts its changes: whoever writes says which one it saw */
	enum wtel_breaker_state state;
	int faults;	     /* in a row */
	int openings;	     /* in a row, without a trial between that went well */
	int64_t retry_at;    /* wall */
	int64_t trial_until; /* wall: a trial call is under way; after it another may try */
};

/*
 * A row of `trunks`. Strings NULL or "" where the column is NULL. Borrowed from whoever gave it. `password` is
 * never given by a list, only taken.
 */
struct wtel_trunk {
	int64_t id;
	const char *name;
	const char *description;
	enum wtel_trunk_provider provider;
	enum wtel_trunk_type type;
	const char *host; /* of one that does not register, what comes from there is known as the carrier's: a phone's
			     REGISTER too, which then fails */
	int port;
	const char *username;
	const char *password;
	const char *from_user;
	const char *from_domain;
	int max_channels;
	int priority; /* 1 first, 100 last */
	enum wtel_trunk_status status;
	bool registered;
	bool needs_registration;    /* advanced_settings.registration is not false */
	const char *endpoint;	    /* advanced_settings.endpoint, or the name's slug */
	int64_t last_registered_at; /* wall microseconds; 0: never */
	int64_t last_error_at;
	const char *last_error_message;
	int64_t total_calls;
	int64_t successful_calls;
	int64_t failed_calls;
	const char *advanced_settings; /* JSON object */
	int64_t created_at;
	int64_t updated_at;
	int active_calls;      /* reserved and unfinished in the store, all processes */
	int campaign_priority; /* of campaign_trunks when asked for a campaign; 0 otherwise */
	struct wtel_breaker breaker;
};
#define WTEL_TRUNK_INIT                                                                                                \
	{                                                                                                              \
		0, NULL, NULL, WTEL_PROVIDER_CUSTOM, WTEL_TRUNK_PJSIP, NULL, 5060, NULL, NULL, NULL, NULL, 10, 10,     \
			WTEL_TRUNK_ACTIVE, false, true, NULL, 0, 0, NULL, 0, 0, 0, "{}", 0, 0, 0, 0,                   \
		{                                                                                                      \
			0, WTEL_BREAKER_CLOSED, 0, 0, 0, 0                                                             \
		}                                                                                                      \
	}

/*
 * Checks every column as a person may have typed it, and the rules in advanced_settings (see <wtel/route.h>).
 * WTEL_EINVAL, WTEL_EINJECTION or WTEL_ELIMIT with the field in *detail: "max_channels",
 * "advanced_settings.prefixes[2].prefix". Whether a timezone exists is known only where zones are (the store looks).
 */
WTEL_API int wtel_trunk_check(const struct wtel_trunk *trunk, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* "Twilio Main" -> "twilio-main": lower-case ASCII letters, digits and single hyphens. WTEL_ELIMIT if `room` is too
 * small, WTEL_EINVAL if nothing is left of the name. */
WTEL_API int wtel_trunk_slug(char *out, size_t room, const char *name) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
