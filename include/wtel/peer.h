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

/* bcrypt ($2b$...) of a secret, for `sip_password`. `cost` 4 to 31: each step doubles the time, 2 ms at 4, 100 ms at
 * 10, so not on a loop. What wtel_peer_secret() made needs no more than 4: nobody guesses it. */
WTEL_API int wtel_peer_hash(char out[WTEL_PEER_HASH_SIZE], const char *secret, int cost) WTEL_MUST_CHECK;

/* true if `hash` was made of `secret`. */
WTEL_API bool wtel_peer_verify(const char *hash, const char *secret);

/*
 * What a SIP server keeps in place of a password: H(user:realm:secret), in lower-case hex. Good for logging in as that
 * user under that realm, and no other. WTEL_EINVAL for a user with ':' or a realm with '"'; WTEL_EUNSUPPORTED where the
 * system forbids the algorithm.
 */
enum wtel_digest { WTEL_DIGEST_MD5, WTEL_DIGEST_SHA256 };
enum { WTEL_DIGEST_SIZE = 65, WTEL_REALM_MAX = 80 };
WTEL_API int wtel_peer_digest(char out[WTEL_DIGEST_SIZE], enum wtel_digest algorithm, const char *user,
			      const char *realm, const char *secret) WTEL_MUST_CHECK;

/* ---- sealed secrets ---------------------------------------------------- */

/*
 * Keys that secrets are kept sealed with (AES-256-GCM), so that only their owner can be given them again. Out of a
 * text: a line for each key, its id (1 to 16 of A-Z a-z 0-9 _ -) and 64 hex digits; empty lines and what follows '#'
 * are nothing; commas part like new lines. The first seals, all open: a new key goes before the others, and the old one
 * away once everything is sealed anew.
 */
struct wtel_keyring;
enum { WTEL_KEYS_MAX = 64, WTEL_KEY_LINE_SIZE = 82, WTEL_SEALED_SIZE = 192, WTEL_SEAL_MAX = 64 };

/* Caller frees, which wipes. WTEL_ECONFIG names the line, never what is in it. */
WTEL_API int wtel_keyring_new(struct wtel_keyring **out, const char *text, const struct wtel_allocator *allocator,
			      struct wtel_detail *detail) WTEL_MUST_CHECK;
WTEL_API void wtel_keyring_free(struct wtel_keyring *keyring);

/* A line with a new key, its id random too. Wipe it after use. WTEL_EIO if the system has no randomness. */
WTEL_API int wtel_keyring_line(char out[WTEL_KEY_LINE_SIZE]) WTEL_MUST_CHECK;

/* "1:ID:base64url". It opens for this purpose ("sip") and owner only. WTEL_ELIMIT for a secret above WTEL_SEAL_MAX
 * bytes. */
WTEL_API int wtel_seal(char out[WTEL_SEALED_SIZE], const struct wtel_keyring *keyring, const char *purpose,
		       int64_t owner, const char *secret) WTEL_MUST_CHECK;

/* WTEL_EINVAL: no such text; WTEL_ENOTFOUND: its key is not on the ring; WTEL_EPERMISSION: it was changed, or is
 * another's. Wipe `out` after use. */
WTEL_API int wtel_unseal(char out[WTEL_SEAL_MAX + 1], const struct wtel_keyring *keyring, const char *purpose,
			 int64_t owner, const char *sealed) WTEL_MUST_CHECK;

/* Whether the first key of the ring made it. */
WTEL_API bool wtel_sealed_by_first(const struct wtel_keyring *keyring, const char *sealed);

/* An extension as a phone may be called by: 1 to 20 of 0-9 * # A-Z a-z _ - . — nothing else. */
WTEL_API int wtel_extension_check(const char *extension, struct wtel_detail *detail) WTEL_MUST_CHECK;

/* A number as it may be dialled: an optional +, then 1 to 40 of 0-9 * #. WTEL_EINVAL names `field`. */
WTEL_API int wtel_number_check(const char *field, struct wtel_slice number, struct wtel_detail *detail) WTEL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
