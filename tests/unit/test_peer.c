#include "fault.h"

#include <string.h>
#include <wtel/peer.h>

static const char *username(const char *first, const char *last, unsigned attempt)
{
	static char out[64];

	cr_assert_eq(wtel_peer_username(out, sizeof(out), wtel_slice_of(first), wtel_slice_of(last), attempt, NULL), 0);
	return out;
}

Test(peer, user_names_fold_accents)
{
	cr_assert_str_eq(username("John", "Doe", 1), "johndoe");
	cr_assert_str_eq(username("John", "Doe", 2), "johndoe2");
	cr_assert_str_eq(username("Jos\xc3\xa9", "Mu\xc3\xb1oz \xc3\x8d\xc3\xb1iguez", 1), "josemunoziniguez");
	cr_assert_str_eq(username("Stra\xc3\x9f"
				  "e",
				  "\xc3\x86gir", 1),
			 "strasseaegir");
	cr_assert_str_eq(username("\xc5\x81ukasz",
				  "\xc5\xbb\xc3\xb3\xc5\x82"
				  "c",
				  1),
			 "lukaszzolc");
	/* The same letter as base and combining accent. */
	cr_assert_str_eq(username("Jose\xcc\x81", "D'Arc-3", 1), "josedarc3");
	/* Not UTF-8: dropped, not fatal. */
	cr_assert_str_eq(username("Jos\xe9", "\xc3", 1), "jos");
}

Test(peer, user_names_have_a_limit_and_a_field)
{
	struct wtel_detail detail;
	char out[64], first[80];
	struct wtel_slice nul = {"a\0b", 3};

	memset(first, 'a', 79);
	first[79] = '\0';
	cr_assert_eq(strlen(username(first, "b", 1)), 50);
	cr_assert_eq(strlen(username(first, "b", 4000000000u)), 50);
	cr_assert_str_eq(username(first, "b", 12) + 48, "12");
	cr_assert_eq(wtel_peer_username(out, 50, nul, nul, 1, &detail), WTEL_ELIMIT);
	cr_assert_eq(wtel_peer_username(out, 64, nul, wtel_slice_of("x"), 1, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "first_name");
	cr_assert_eq(wtel_peer_username(out, 64, wtel_slice_of("x"), wtel_slice_of("a\r\nb"), 1, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "last_name");
	cr_assert_eq(wtel_peer_username(out, 64, wtel_slice_of("\xe4\xb8\xad"), wtel_slice_of("--"), 1, &detail),
		     WTEL_EINVAL);
}

Test(peer, secrets_are_random_and_hashes_verify)
{
	char one[WTEL_PEER_SECRET_SIZE], two[WTEL_PEER_SECRET_SIZE], hash[WTEL_PEER_HASH_SIZE];

	cr_assert_eq(wtel_peer_secret(one), 0);
	cr_assert_eq(wtel_peer_secret(two), 0);
	cr_assert_eq(strlen(one), 32);
	cr_assert_eq(strspn(one, "0123456789abcdef"), 32);
	cr_assert_str_neq(one, two);
	cr_assert_eq(wtel_peer_hash(hash, one, 4), 0);
	cr_assert_eq(strncmp(hash, "$2b$04$", 7), 0);
	cr_assert(wtel_peer_verify(hash, one));
	cr_assert_not(wtel_peer_verify(hash, two));
	cr_assert_not(wtel_peer_verify("", one));
	cr_assert_not(wtel_peer_verify("*0", one));
	cr_assert_not(wtel_peer_verify(NULL, one));
	cr_assert_eq(wtel_peer_hash(hash, one, 3), WTEL_EINVAL);
	cr_assert_eq(wtel_peer_hash(hash, one, 32), WTEL_EINVAL);
}

Test(peer, statuses_go_both_ways)
{
	enum wtel_peer_status status;

	cr_assert_eq(wtel_peer_status_parse(&status, "disabled"), 0);
	cr_assert_eq(status, WTEL_PEER_DISABLED);
	cr_assert_str_eq(wtel_peer_status_name(WTEL_PEER_INACTIVE), "inactive");
	cr_assert_eq(wtel_peer_status_parse(&status, "gone"), WTEL_EINVAL);
}

Test(peer, numbers_and_extensions_refuse_what_could_be_an_injection)
{
	static const struct {
		const char *text;
		size_t length;
		int number, extension;
	} cases[] = {
		{"+15551234567", 12, 0, WTEL_EINVAL},
		{"1001", 4, 0, 0},
		{"*98#", 4, 0, 0},
		{"jane.doe-2", 10, WTEL_EINVAL, 0},
		{"", 0, WTEL_EINVAL, WTEL_EINVAL},
		{"+", 1, WTEL_EINVAL, WTEL_EINVAL},
		{"1001\r\nAction: Logoff", 20, WTEL_EINJECTION, WTEL_EINJECTION},
		{"1001\n", 5, WTEL_EINJECTION, WTEL_EINJECTION},
		{"1001,1", 6, WTEL_EINVAL, WTEL_EINVAL},
		{"1001;DROP TABLE", 15, WTEL_EINVAL, WTEL_EINVAL},
		{"1001&SIP/2", 10, WTEL_EINVAL, WTEL_EINVAL},
		{"1001'\"", 6, WTEL_EINVAL, WTEL_EINVAL},
		{"+1 555", 6, WTEL_EINVAL, WTEL_EINVAL},
	};
	struct wtel_slice nul = {"10\0001", 4};
	struct wtel_detail detail;
	char huge[10001];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wtel_slice number = {cases[i].text, cases[i].length};

		cr_assert_eq(wtel_number_check("number", number, &detail), cases[i].number, "number %s", cases[i].text);
		if (cases[i].number)
			cr_assert_str_eq(detail.field, "number");
		cr_assert_eq(wtel_extension_check(cases[i].text, &detail), cases[i].extension, "extension %s",
			     cases[i].text);
		if (cases[i].extension)
			cr_assert_str_eq(detail.field, "extension");
	}
	memset(huge, '1', 10000);
	huge[10000] = '\0';
	cr_assert_eq(wtel_number_check("number", nul, &detail), WTEL_EINJECTION);
	cr_assert_eq(wtel_number_check("number", wtel_slice_of(huge), &detail), WTEL_ELIMIT);
	cr_assert_eq(wtel_extension_check(huge, &detail), WTEL_ELIMIT);
	cr_assert_eq(wtel_extension_check(NULL, &detail), WTEL_EINVAL);
}
