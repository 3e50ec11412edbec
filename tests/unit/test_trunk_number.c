#include "fault.h"

#include "trunk/rules.h"

#include <stdio.h>
#include <string.h>

#define BECOMES(number, country, expected)                                                                             \
	do {                                                                                                           \
		char out[WTEL_NUMBER_SIZE] = "kept";                                                                   \
		int code = wtel_number_normalise(out, (number), (country));                                            \
		cr_assert_eq(code, 0, "\"%s\" from %s", (number), (country));                                          \
		cr_assert_str_eq(out, (expected), "\"%s\" from %s is %s", (number), (country), out);                   \
	} while (0)

#define REFUSED(number, country)                                                                                       \
	do {                                                                                                           \
		char out[WTEL_NUMBER_SIZE] = "kept";                                                                   \
		cr_assert_eq(wtel_number_normalise(out, (number), (country)), WTEL_EINVAL, "\"%s\"", (number));        \
		cr_assert_str_eq(out, "kept");                                                                         \
	} while (0)

static const char *const none = "";

Test(trunk_number, international)
{
	BECOMES("00 34 600-123-456", none, "+34600123456");
	BECOMES("+34600123456", none, "+34600123456");
	BECOMES("+34 600 123 456", "49", "+34600123456");
	BECOMES("(+34) 600.123.456", none, "+34600123456");
	BECOMES("+49/30/123456", none, "+4930123456");
	BECOMES(" +1 (555) 000-1000 ", none, "+15550001000");
	BECOMES("+123456789012345", none, "+123456789012345");
	BECOMES("0034600123456", NULL, "+34600123456");
}

/* E.123 forbids it, and everybody writes it. In Italy the 0 is a part of the number. */
Test(trunk_number, inner_prefix_in_parentheses)
{
	BECOMES("+44 (0) 20 7946 0000", none, "+442079460000");
	BECOMES("+49(0)30 123456", "34", "+4930123456");
	BECOMES("+7 (8) 495 123-45-67", none, "+74951234567");
	BECOMES("+39 (0) 6 1234 5678", none, "+390612345678");
	BECOMES("+44 (020) 7946 0000", none, "+4402079460000");
}

Test(trunk_number, national)
{
	BECOMES("600 123 456", "34", "+34600123456");
	BECOMES("06 1234 5678", "39", "+390612345678");
	BECOMES("030 123456", "49", "+4930123456");
	BECOMES("020 7946 0000", "44", "+442079460000");
	BECOMES("01 23 45 67 89", "33", "+33123456789");
	BECOMES("(11) 91234-5678", "55", "+5511912345678");
	BECOMES("011 91234-5678", "55", "+5511912345678");
	BECOMES("1 555 000 1000", "1", "+15550001000");
	BECOMES("555 000 1000", "1", "+15550001000");
	BECOMES("55 1234 5678", "52", "+525512345678");
	BECOMES("06 1 234 5678", "36", "+3612345678");
	BECOMES("0 612 34567", "370", "+37061234567");
	BECOMES("812 34567", "370", "+37081234567");
	BECOMES("8 612 34567", "370", "+37061234567");
	BECOMES("612 34567", "370", "+37061234567");
	BECOMES("07 01 23 45 67", "225", "+2250701234567");
	BECOMES("99 123 456", "598", "+59899123456");
	BECOMES("099 123 456", "598", "+59899123456");
	BECOMES("099 123 4567", "593", "+593991234567");
	BECOMES("2234-5678", "506", "+50622345678");
}

/* 812 is Saint Petersburg: its 8 is not the prefix. */
Test(trunk_number, a_prefix_that_may_begin_a_number)
{
	BECOMES("8 812 123-45-67", "7", "+78121234567");
	BECOMES("812 123-45-67", "7", "+78121234567");
	BECOMES("8~10 34 600 123 456", "7", "+34600123456");
	BECOMES("8 029 491-19-11", "375", "+375294911911");
}

Test(trunk_number, international_prefixes_differ)
{
	BECOMES("011 34 600 123 456", "1", "+34600123456");
	BECOMES("0011 34 600 123 456", "61", "+34600123456");
	BECOMES("02 1234 5678", "61", "+61212345678");
	BECOMES("010 34 600 123 456", "81", "+34600123456");
	BECOMES("03 1234 5678", "81", "+81312345678");
	BECOMES("119 34 600 123 456", "53", "+34600123456");
	BECOMES("012 34 600 123 456", "972", "+34600123456");
	BECOMES("00700 34 600 123 456", "82", "+34600123456");
	BECOMES("001 34 600 123 456", "65", "+34600123456");
	BECOMES("0 34 600 123 456", "238", "+34600123456");
	BECOMES("00 34 600 123 456", "238", "+34600123456");
	/* Everybody writes 00, wherever they are. */
	BECOMES("00 34 600 123 456", "1", "+34600123456");
	BECOMES("00 34 600 123 456", "65", "+34600123456");
	/* Not the carrier 005 and a number in Russia. */
	BECOMES("00 57 601 123 4567", "57", "+576011234567");
	BECOMES("005 1 555 000 1000", "57", "+15550001000");
}

Test(trunk_number, without_a_country_it_stays)
{
	BECOMES("600 123-456", none, "600123456");
	BECOMES("(030) 123456", NULL, "030123456");
	BECOMES("112", none, "112");
	BECOMES("00", none, "00");
}

Test(trunk_number, short_numbers_are_of_no_country)
{
	BECOMES("112", "34", "112");
	BECOMES("911", "1", "911");
	BECOMES("000", "61", "000");
}

Test(trunk_number, what_is_no_number)
{
	static const char *const bad[] = {
		"",
		" ",
		"+",
		"+0",
		"+34",
		"+034600123456",
		"600+123456",
		"++34600",
		"600a123",
		"*100#",

		"+1234567890123456",
		"1234567890123456",
		"600\r\n1234",
		"600;1",
		"600,1",
		"600\t123",
		"\xef\xbc\x91\x32\x33\x34",
		"sip:600123456",
		"0000034600123456789012",
	};
	char huge[4096];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(bad[i], none);
	REFUSED("12345678901234", "34");
	REFUSED("600123456", "999");
	REFUSED("600123456", "+34");
	REFUSED("600123456", "3");
	memset(huge, '6', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	REFUSED(huge, none);
	REFUSED(huge, "34");
	cr_assert_eq(wtel_number_normalise(huge, NULL, none), WTEL_EINVAL);
}

/* What comes out is a number, and giving it in again changes nothing. */
Test(trunk_number, property)
{
	static const char alphabet[] = "0123456789+ -.()/0000011x";
	static const char *const homes[] = {"", "1", "34", "39", "44", "49", "7", "57", "81", "82", "238", "370"};
	unsigned seed = 5, round, i, taken = 0;

	for (round = 0; round < 200000; round++) {
		char text[24], out[WTEL_NUMBER_SIZE], again[WTEL_NUMBER_SIZE];
		const char *home = homes[round % (sizeof(homes) / sizeof(*homes))];
		size_t length = (seed = seed * 1103515245 + 12345) / 65536 % sizeof(text);

		for (i = 0; i < length; i++)
			text[i] = alphabet[(seed = seed * 1103515245 + 12345) / 65536 % (sizeof(alphabet) - 1)];
		text[length] = '\0';
		if (wtel_number_normalise(out, text, home))
			continue;
		taken++;
		cr_assert_eq(strspn(out + (out[0] == '+'), "0123456789"), strlen(out) - (out[0] == '+'), "%s", out);
		cr_assert_leq(strlen(out), 16);
		cr_assert(out[0] != '+' || out[1] != '0', "%s", out);
		cr_assert(out[0] == '+' || !*home || strlen(out) <= 3, "%s of %s", out, home);
		if (out[0] != '+')
			continue;
		cr_assert_eq(wtel_number_normalise(again, out, home), 0);
		cr_assert_str_eq(again, out);
	}
	cr_assert_gt(taken, 1000);
}

Test(trunk_number, countries)
{
	cr_assert_eq(wtel_country_check(NULL), 0);
	cr_assert_eq(wtel_country_check(""), 0);
	cr_assert_eq(wtel_country_check("1"), 0);
	cr_assert_eq(wtel_country_check("34"), 0);
	cr_assert_eq(wtel_country_check("593"), 0);
	cr_assert_eq(wtel_country_check("0"), WTEL_EINVAL);
	cr_assert_eq(wtel_country_check("3"), WTEL_EINVAL);
	cr_assert_eq(wtel_country_check("345"), WTEL_EINVAL);
	cr_assert_eq(wtel_country_check("ES"), WTEL_EINVAL);
	cr_assert_eq(wtel_country_check("+34"), WTEL_EINVAL);
}

/* Calling codes are a prefix code: a number has one country at most. */
Test(trunk_number, no_calling_code_begins_another)
{
	static const char *const codes[] = {
#define COUNTRY(code, international, national, digits, where) code,
#include "trunk/country.def"
#undef COUNTRY
	};
	const size_t count = sizeof(codes) / sizeof(*codes);
	size_t i, j;

	for (i = 0; i < count; i++) {
		cr_assert_eq(wtel_country_check(codes[i]), 0, "%s", codes[i]);
		cr_assert(!i || strcmp(codes[i - 1], codes[i]) < 0, "%s is not in its place", codes[i]);
		for (j = 0; j < count; j++)
			cr_assert(i == j || strncmp(codes[i], codes[j], strlen(codes[i])) != 0, "%s %s", codes[i],
				  codes[j]);
	}
}

static const char *dialled(const char *prefix, unsigned char strip, const char *prepend, const char *number)
{
	static char out[WTEL_NUMBER_SIZE];
	struct trunk_prefix rule = {.strip = strip};

	snprintf(rule.prefix, sizeof(rule.prefix), "%s", prefix);
	snprintf(rule.prepend, sizeof(rule.prepend), "%s", prepend);
	return trunk_prefix_apply(out, &rule, number) ? NULL : out;
}

Test(trunk_number, prefixes_change_what_is_dialled)
{
	char out[WTEL_NUMBER_SIZE] = "kept", huge[64];

	cr_assert_eq(trunk_prefix_apply(out, NULL, "+34600123456"), 0);
	cr_assert_str_eq(out, "+34600123456");
	cr_assert_str_eq(dialled("+1", 1, "00", "+15550001000"), "0015550001000");
	cr_assert_str_eq(dialled("+34", 3, "", "+34600123456"), "600123456");
	cr_assert_str_eq(dialled("", 0, "9", "600123456"), "9600123456");
	cr_assert_str_eq(dialled("", 0, "00", "+34600123456"), "0034600123456", "a + stands in front or not at all");
	cr_assert_str_eq(dialled("00", 2, "+", "0034600"), "+34600");
	cr_assert_str_eq(dialled("", 0, "+", "+34600"), "+34600");
	cr_assert_str_eq(dialled("", 40, "123", "+34600"), "123");
	cr_assert_null(dialled("", 40, "", "+34600"), "nothing is left to dial");
	memset(huge, '1', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	cr_assert_eq(trunk_prefix_apply(out, NULL, huge), WTEL_ELIMIT);
	cr_assert_str_eq(out, "+34600123456");
	huge[WTEL_NUMBER_SIZE - 1] = '\0';
	cr_assert_eq(trunk_prefix_apply(out, NULL, huge), 0);
	cr_assert_null(dialled("", 0, "9", huge));
}
