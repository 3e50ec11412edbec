/*
 * A time zone out of TZif data (RFC 8536, versions 1 to 4): pure. Offsets only; leap seconds are not of the wall clock.
 * After the last transition the footer's rule goes on (POSIX TZ).
 */
#ifndef TRUNK_ZONE_H
#define TRUNK_ZONE_H

#include "base/alloc.h"

struct trunk_zone;

/* `data` is copied as far as needed. WTEL_EINVAL: not TZif, or inconsistent; WTEL_ENOMEM. */
int trunk_zone_new(struct trunk_zone **out, struct wtel_slice data, const struct wtel_allocator *allocator);
void trunk_zone_free(struct trunk_zone *zone, const struct wtel_allocator *allocator);

/* Seconds east of UTC at `second` (since 1970, UTC). *until: the next second at which that changes; INT64_MAX: never.
 */
int trunk_zone_offset(const struct trunk_zone *zone, int64_t second, int64_t *until);

#endif
