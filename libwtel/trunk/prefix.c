#include "trunk/rules.h"

#include "base/slice.h"

/*
 * A '+' means something in front only: where `prepend` comes before it, it is left out, so that "00" before "+34..."
 * dials 0034 and not 00+34.
 */
int trunk_prefix_apply(char out[WTEL_NUMBER_SIZE], const struct trunk_prefix *prefix, const char *number)
{
	size_t length = strlen(number), before = prefix ? strlen(prefix->prepend) : 0,
	       strip = prefix ? prefix->strip : 0;

	if (strip > length)
		strip = length;
	if (before && number[strip] == '+')
		strip++;
	length -= strip;
	if (before + length >= WTEL_NUMBER_SIZE)
		return WTEL_ELIMIT;
	if (!(before + length))
		return WTEL_EINVAL;
	if (before)
		memcpy(out, prefix->prepend, before);
	memcpy(out + before, number + strip, length + 1);
	return 0;
}
