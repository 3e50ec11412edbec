#include "trunk/text.h"

#include <stdbool.h>
#include <string.h>

enum { ENDPOINT_MOST = 79, CALLER_ID_MOST = 20 };

/* It becomes a part of a dial string and of a channel's name. */
const char *trunk_endpoint_wrong(const char *endpoint)
{
	size_t i;

	for (i = 0; endpoint && endpoint[i]; i++) {
		char c = endpoint[i];

		if (i == ENDPOINT_MOST)
			return "is longer than 79 bytes";
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.", c)))
			return "may hold letters, digits, '-', '_' and '.' only";
	}
	return NULL;
}

const char *trunk_caller_id_wrong(const char *caller_id)
{
	size_t plus, digits;

	if (!caller_id || !*caller_id)
		return NULL;
	plus = caller_id[0] == '+';
	digits = strspn(caller_id + plus, "0123456789");
	if (!digits || caller_id[plus + digits])
		return "must be a number: digits, with a '+' before them or without";
	return digits > CALLER_ID_MOST ? "has more than 20 digits" : NULL;
}
