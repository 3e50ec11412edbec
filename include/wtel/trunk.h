/*
 * Trunks, and the choice among them: pure.
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
	const char *host;
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
};
#define WTEL_TRUNK_INIT                                                                                                \
	{                                                                                                              \
		0, NULL, NULL, WTEL_PROVIDER_CUSTOM, WTEL_TRUNK_PJSIP, NULL, 5060, NULL, NULL, NULL, NULL, 10, 10,     \
			WTEL_TRUNK_ACTIVE, false, true, NULL, 0, 0, NULL, 0, 0, 0, "{}", 0, 0, 0, 0                    \
	}

/* Checks every column as a person may have typed it. WTEL_EINVAL, WTEL_EINJECTION or WTEL_ELIMIT with the field in
 * *detail. */
WTEL_API int wtel_trunk_check(const struct wtel_trunk *trunk, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* "Twilio Main" -> "twilio-main": lower-case ASCII letters, digits and single hyphens. WTEL_ELIMIT if `room` is too
 * small, WTEL_EINVAL if nothing is left of the name. */
WTEL_API int wtel_trunk_slug(char *out, size_t room, const char *name) WTEL_MUST_CHECK;

/* Why a trunk was taken or skipped. */
enum wtel_trunk_verdict {
	WTEL_TRUNK_TAKEN,
	WTEL_TRUNK_SKIPPED_STATUS,
	WTEL_TRUNK_SKIPPED_UNREGISTERED,
	WTEL_TRUNK_SKIPPED_FULL,
	WTEL_TRUNK_NOT_REACHED /* a trunk before it was taken */
};
/* "taken", "not active", "not registered", "full", "not needed". */
WTEL_API const char *wtel_trunk_verdict_name(enum wtel_trunk_verdict verdict);

/* A trunk as the choice sees it: 32 bytes, so that a thousand fit a cache. */
struct wtel_trunk_load {
	int64_t id;
	int32_t priority; /* the campaign's own where it has one */
	int32_t max_channels;
	int32_t active_calls;
	enum wtel_trunk_status status;
	bool registered;
	bool needs_registration;
};

/* A row as the choice sees it; the campaign's own priority where it has one. */
WTEL_API struct wtel_trunk_load wtel_trunk_load_of(const struct wtel_trunk *trunk);

/* Orders for wtel_trunk_choose(): by priority, then id. Do it once per change of the trunks, not per choice. */
WTEL_API void wtel_trunk_sort(struct wtel_trunk_load *trunks, size_t count);

/*
 * The seed's choice over sorted trunks: the first that is active, registered (or needs no registration) and below
 * max_channels. 0 with *index; WTEL_ENOTRUNK. `verdicts` (count long) may be NULL.
 */
WTEL_API int wtel_trunk_choose(size_t *index, const struct wtel_trunk_load *trunks, size_t count,
			       enum wtel_trunk_verdict *verdicts) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
