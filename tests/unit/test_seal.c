/* Digests, and secrets kept sealed. */
#include "fault.h"

#include <stdio.h>
#include <string.h>
#include <wtel/peer.h>

#define ONES   "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS   "2222222222222222222222222222222222222222222222222222222222222222"
#define SECRET "0123456789abcdef0123456789abcdef"

static struct wtel_keyring *ring(const char *text)
{
	struct wtel_keyring *keyring = NULL;
	struct wtel_detail detail = {"", ""};

	cr_assert_eq(wtel_keyring_new(&keyring, text, NULL, &detail), 0, "%s", detail.text);
	return keyring;
}

/* RFC 7616, 3.9.1: the digests of its example's A1. */
Test(seal, digests_are_those_of_the_standard)
{
	char out[WTEL_DIGEST_SIZE];

	cr_assert_eq(wtel_peer_digest(out, WTEL_DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life"), 0);
	cr_assert_str_eq(out, "3d78807defe7de2157e2b0b6573a855f");
	cr_assert_eq(wtel_peer_digest(out, WTEL_DIGEST_SHA256, "Mufasa", "http-auth@example.org", "Circle of Life"), 0);
	cr_assert_str_eq(out, "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
	cr_assert_eq(wtel_peer_digest(out, WTEL_DIGEST_MD5, "a:b", "asterisk", "x"), WTEL_EINVAL);
	cr_assert_eq(wtel_peer_digest(out, WTEL_DIGEST_MD5, "", "asterisk", "x"), WTEL_EINVAL);
	cr_assert_eq(wtel_peer_digest(out, WTEL_DIGEST_MD5, "a", "as\"terisk", "x"), WTEL_EINVAL);
}

Test(seal, opens_for_the_same_owner_and_purpose_only)
{
	struct wtel_keyring *keyring = ring("k1 " ONES);
	char sealed[WTEL_SEALED_SIZE], again[WTEL_SEALED_SIZE], out[WTEL_SEAL_MAX + 1];

	cr_assert_eq(wtel_seal(sealed, keyring, "sip", 5, SECRET), 0);
	cr_assert_eq(strncmp(sealed, "1:k1:", 5), 0);
	cr_assert_null(strstr(sealed, SECRET));
	cr_assert_eq(wtel_seal(again, keyring, "sip", 5, SECRET), 0);
	cr_assert_str_neq(sealed, again);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 5, sealed), 0);
	cr_assert_str_eq(out, SECRET);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 6, sealed), WTEL_EPERMISSION);
	cr_assert_eq(wtel_unseal(out, keyring, "trunk", 5, sealed), WTEL_EPERMISSION);
	cr_assert_str_eq(out, SECRET, "untouched on failure");
	wtel_keyring_free(keyring);
}

Test(seal, no_byte_can_be_changed)
{
	struct wtel_keyring *keyring = ring("k1 " ONES);
	char sealed[WTEL_SEALED_SIZE], changed[WTEL_SEALED_SIZE], out[WTEL_SEAL_MAX + 1];
	size_t i, length;

	cr_assert_eq(wtel_seal(sealed, keyring, "sip", 5, SECRET), 0);
	length = strlen(sealed);
	for (i = 0; i < length; i++) {
		memcpy(changed, sealed, sizeof(changed));
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		cr_assert_neq(wtel_unseal(out, keyring, "sip", 5, changed), 0, "byte %zu", i);
		memcpy(changed, sealed, sizeof(changed));
		changed[i] = '\0';
		cr_assert_neq(wtel_unseal(out, keyring, "sip", 5, changed), 0, "cut at %zu", i);
	}
	memcpy(changed, sealed, sizeof(changed));
	strcat(changed, "A");
	cr_assert_neq(wtel_unseal(out, keyring, "sip", 5, changed), 0);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 5, "1:k1:"), WTEL_EINVAL);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 5, ""), WTEL_EINVAL);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 5, NULL), WTEL_EINVAL);
	wtel_keyring_free(keyring);
}

Test(seal, keys_are_rotated)
{
	struct wtel_keyring *before = ring("old " ONES),
			    *both = ring("# keys\n\nnew\t" TWOS " # since today\nold " ONES "\n"),
			    *after = ring("new " TWOS), *other = ring("old " TWOS);
	char sealed[WTEL_SEALED_SIZE], anew[WTEL_SEALED_SIZE], out[WTEL_SEAL_MAX + 1];

	cr_assert_eq(wtel_seal(sealed, before, "sip", 5, SECRET), 0);
	cr_assert(wtel_sealed_by_first(before, sealed));
	cr_assert_not(wtel_sealed_by_first(both, sealed));
	cr_assert_eq(wtel_unseal(out, both, "sip", 5, sealed), 0);
	cr_assert_eq(wtel_seal(anew, both, "sip", 5, out), 0);
	cr_assert(wtel_sealed_by_first(both, anew));
	cr_assert_eq(wtel_unseal(out, after, "sip", 5, anew), 0);
	cr_assert_str_eq(out, SECRET);
	cr_assert_eq(wtel_unseal(out, after, "sip", 5, sealed), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_unseal(out, other, "sip", 5, sealed), WTEL_EPERMISSION, "another key of the same name");
	wtel_keyring_free(before);
	wtel_keyring_free(both);
	wtel_keyring_free(after);
	wtel_keyring_free(other);
}

Test(seal, wrong_keys_are_refused_without_being_shown)
{
	static const char *const wrong[] = {
		"",
		"# none",
		"k1",
		"k1 ",
		"k1 123456789012345678901234567890123456789012345678901234567890123",
		"k1 " ONES "1",
		"k1 111111111111111111111111111111111111111111111111111111111111111g",
		"k:1 " ONES,
		" " ONES,
		"abcdefghijklmnopq " ONES,
		"k1 " ONES "\nk1 " TWOS,
		"k1" ONES,
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct wtel_keyring *keyring = NULL;
		struct wtel_detail detail = {"", ""};

		cr_assert_eq(wtel_keyring_new(&keyring, wrong[i], NULL, &detail), WTEL_ECONFIG, "%s", wrong[i]);
		cr_assert_null(keyring);
		cr_assert_null(strstr(detail.text, "1111"), "%s", detail.text);
		cr_assert(detail.text[0]);
	}
}

Test(seal, a_new_line_is_a_key)
{
	char line[WTEL_KEY_LINE_SIZE], other[WTEL_KEY_LINE_SIZE], text[2 * WTEL_KEY_LINE_SIZE + 2];

	cr_assert_eq(wtel_keyring_line(line), 0);
	cr_assert_eq(wtel_keyring_line(other), 0);
	cr_assert_str_neq(line, other);
	snprintf(text, sizeof(text), "%s,%s", line, other);
	wtel_keyring_free(ring(text));
}

Test(seal, long_secrets_are_refused)
{
	struct wtel_keyring *keyring = ring("k1 " ONES);
	char sealed[WTEL_SEALED_SIZE], out[WTEL_SEAL_MAX + 1], secret[WTEL_SEAL_MAX + 2];

	memset(secret, 'x', sizeof(secret));
	secret[WTEL_SEAL_MAX + 1] = '\0';
	cr_assert_eq(wtel_seal(sealed, keyring, "sip", 5, secret), WTEL_ELIMIT);
	secret[WTEL_SEAL_MAX] = '\0';
	cr_assert_eq(wtel_seal(sealed, keyring, "sip", 5, secret), 0);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 5, sealed), 0);
	cr_assert_str_eq(out, secret);
	cr_assert_eq(wtel_seal(sealed, keyring, "sip", 5, ""), 0);
	cr_assert_eq(wtel_unseal(out, keyring, "sip", 5, sealed), 0);
	cr_assert_str_eq(out, "");
	wtel_keyring_free(keyring);
}

Test(seal, survives_a_lack_of_memory)
{
	FAULT_LOOP(allocator)
	{
		struct wtel_keyring *keyring = NULL;
		int code = wtel_keyring_new(&keyring, "k1 " ONES, &allocator, NULL);

		if (code == WTEL_ENOMEM)
			continue;
		cr_assert_eq(code, 0);
		wtel_keyring_free(keyring);
	}
}
