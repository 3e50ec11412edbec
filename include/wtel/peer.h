/*
 * Agents' SIP accounts: pure, but for the system's random source.
 */
#ifndef WTEL_PEER_H
#define WTEL_PEER_H

#include <stdbool.h>
#include <wtel/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wtel_peer_status { WTEL_PEER_ACTIVE, WTEL_PEER_INACTIVE, WTEL_PEER_DISABLED };

/* "active", "inactive", "disabled". */
WTEL_API const char *wtel_peer_status_name(enum wtel_peer_status status);
WTEL_API int wtel_peer_status_parse(enum wtel_peer_status *out, const char *text) WTEL_MUST_CHECK;

/* A row of `sip_peers` without its password. Borrowed from whoever gave it. */
struct wtel_peer {
	int64_t id;
	int64_t user_id;
	const char *username;
	const char *extension;
	enum wtel_peer_status status;
	bool registered;
	int64_t last_registered_at; /* wall microseconds; 0: never */
	const char *user_agent;
	const char *ip_address;
};

enum {
	WTEL_PEER_USERNAME_MAX = 50,
	WTEL_PEER_EXTENSION_MAX = 20,
	WTEL_PEER_SECRET_SIZE = 33,
	WTEL_PEER_HASH_SIZE = 64
};

/*
 * "José", "Muñoz Íñiguez" -> "josemunozi...": letters and digits only, lower case, Latin accents folded. `attempt` 1
 * gives the bare name, 2 "…2", and so on. UTF-8 in; bytes that are not UTF-8, and letters that have no ASCII form, are
 * dropped. WTEL_EINVAL with the field if nothing is left or a name holds CR, LF or NUL; WTEL_ELIMIT if `room` is
 * under 51.
 */
WTEL_API int wtel_peer_username(char *out, size_t room, struct wtel_slice first_name, struct wtel_slice last_name,
				unsigned attempt, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* 128 random bits as 32 lower-case hex digits and a NUL. Wipe it after use. WTEL_EIO if the system has no randomness.
 */
WTEL_API int wtel_peer_secret(char out[WTEL_PEER_SECRET_SIZE]) WTEL_MUST_CHECK;

/* bcrypt ($2b$10$...) of a secret, for `sip_password`. `cost` 4 to 31, 10 is the seed's. About 50 ms at 10: not on a
 * loop. */
WTEL_API int wtel_peer_hash(char out[WTEL_PEER_HASH_SIZE], const char *secret, int cost) WTEL_MUST_CHECK;

/* true if `hash` was made of `secret`. */
WTEL_API bool wtel_peer_verify(const char *hash, const char *secret);

/* An extension as a phone may be called by: 1 to 20 of 0-9 * # A-Z a-z _ - . — nothing else. */
WTEL_API int wtel_extension_check(const char *extension, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* A number as it may be dialled: an optional +, then 1 to 40 of 0-9 * #. WTEL_EINVAL names `field`. */
WTEL_API int wtel_number_check(const char *field, struct wtel_slice number, struct wtel_detail *detail) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
