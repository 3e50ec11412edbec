/*
 * Telephone numbers to E.164. What people write between the digits (E.123: spaces, hyphens, parentheses, '~' for
 * a tone to wait for; dots and slashes too) is dropped first; what stands before the number itself is in country.def.
 */
#include "base/slice.h"

#include <wtel/route.h>

enum {
	DIGITS_MOST = 15, /* E.164 */
	DIGITS_LEAST = 4, /* of an international number with its calling code */
	SHORT_MOST = 3,	  /* 112, 911: no subscriber number is that short */
	TEXT_MOST = WTEL_NUMBER_SIZE - 1
};

struct country {
	const char *code;
	const char *international;
	const char *national;
	size_t digits;
};

static const struct country countries[] = {
#define COUNTRY(code, international, national, digits, where) {code, international, national, digits},
#include "trunk/country.def"
#undef COUNTRY
};

/* The table is sorted by code, as text. */
static const struct country *find_country(const char *code, size_t length)
{
	size_t low = 0, high = sizeof(countries) / sizeof(countries[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncmp(countries[middle].code, code, length);

		if (!order && !countries[middle].code[length])
			return &countries[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int wtel_country_check(const char *country)
{
	return !country || !*country || find_country(country, strlen(country)) ? 0 : WTEL_EINVAL;
}

/* No calling code is the beginning of another: the country whose code the digits begin with. */
static const struct country *country_of(const char *digits)
{
	const struct country *country = NULL;
	size_t length;

	for (length = 1; length <= 3 && strnlen(digits, length) == length && !country; length++)
		country = find_country(digits, length);
	return country;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "(0)" in "+44 (0) 20 7946 0000" is for callers from inside. How many bytes of it stand at `text`. */
static size_t inner_prefix(const char *text, const char *digits)
{
	const struct country *country = country_of(digits);
	size_t length = country ? strlen(country->national) : 0;

	if (!length || length != strcspn(country->national, " ") || text[0] != '(' ||
	    strncmp(text + 1, country->national, length) != 0 || text[length + 1] != ')')
		return 0;
	return length + 2;
}

/* Only a '+' in front and digits stay. WTEL_EINVAL: something else was there. */
static int clean(char out[TEXT_MOST + 1], const char *number)
{
	size_t length = 0;

	for (; *number; number++) {
		size_t inner = 0;

		out[length] = '\0';
		if (*number == '(' && out[0] == '+')
			inner = inner_prefix(number, out + 1);
		if (inner) {
			number += inner - 1;
			continue;
		}
		if (!is_digit(*number)) {
			if (strchr(" -.()/~", *number))
				continue;
			if (*number != '+' || length)
				return WTEL_EINVAL;
		}
		if (length == TEXT_MOST)
			return WTEL_EINVAL;
		out[length++] = *number;
	}
	out[length] = '\0';
	return length ? 0 : WTEL_EINVAL;
}

/* The longest of the words in `list` that `text` begins with; 0: none. At least `rest` digits must follow. */
static size_t longest_prefix(const char *list, const char *text, size_t rest)
{
	size_t best = 0, length, room = strlen(text);

	for (; *list; list += length + (list[length] == ' ')) {
		length = strcspn(list, " ");
		if (length > best && length + rest <= room && strncmp(list, text, length) == 0)
			best = length;
	}
	return best;
}

/* Where the calling code begins in what was dialled; NULL: it is a number of the country itself. */
static const char *after_international(const char *digits, const struct country *country)
{
	size_t length = country ? longest_prefix(country->international, digits, 1) : 0;
	bool zeros = digits[0] == '0' && digits[1] == '0' && digits[2] && digits[2] != '0';

	/* "00" before the country's own code is never one of its carriers' prefixes. */
	if (length && digits[length] != '0' &&
	    !(zeros && strncmp(digits + 2, country->code, strlen(country->code)) == 0))
		return digits + length;
	return zeros ? digits + 2 : NULL;
}

/* `code` before `digits`, as E.164. */
static int compose(char *out, const char *code, const char *digits)
{
	size_t before = strlen(code), length = strlen(digits);

	if (before + length > DIGITS_MOST || before + length < DIGITS_LEAST || !length)
		return WTEL_EINVAL;
	*out++ = '+';
	memcpy(out, code, before);
	memcpy(out + before, digits, length + 1);
	return 0;
}

int wtel_number_normalise(char *out, const char *number, const char *code)
{
	const struct country *country = NULL;
	char text[TEXT_MOST + 1];
	const char *digits;

	if (!number || clean(text, number))
		return WTEL_EINVAL;
	if (code && *code && !(country = find_country(code, strlen(code))))
		return WTEL_EINVAL;
	digits = text[0] == '+' ? text + 1 : after_international(text, country);
	if (digits)
		return *digits == '0' ? WTEL_EINVAL : compose(out, "", digits);
	if (strlen(text) > DIGITS_MOST)
		return WTEL_EINVAL;
	if (!country || strlen(text) <= SHORT_MOST) {
		memcpy(out, text, strlen(text) + 1);
		return 0;
	}
	digits = text + longest_prefix(country->national, text, country->digits ? country->digits : 1);
	return compose(out, country->code, digits);
}
