/* TZif data as any disk may give it: offsets are of this world, and *until is the next change and no other. */
#include "trunk/zone.h"

#include <stdlib.h>

enum { STEPS = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_slice slice = {(const char *)data, size};
	int64_t second = INT64_MIN, until, ignored;
	struct trunk_zone *zone;
	int offset, i;

	if (trunk_zone_new(&zone, slice, NULL))
		return 0;
	for (i = 0; i < STEPS; i++) {
		offset = trunk_zone_offset(zone, second, &until);
		if (offset < -26 * 3600 || offset > 26 * 3600 || until <= second)
			abort();
		if (until == INT64_MAX)
			break;
		if (trunk_zone_offset(zone, until - 1, &ignored) != offset ||
		    trunk_zone_offset(zone, until, &ignored) == offset)
			abort();
		second = until;
	}
	trunk_zone_offset(zone, INT64_MAX, &until);
	trunk_zone_free(zone, NULL);
	return 0;
}
