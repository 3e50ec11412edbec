/* The footer of TZif data: "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ, with the longer hours of RFC 8536). */
#ifndef TRUNK_ZONE_RULE_H
#define TRUNK_ZONE_RULE_H

#include <stdbool.h>
#include <wtel/base.h>

/* A day of each year and the second of it, which may lie days before or after. */
struct zone_day {
	enum { ZONE_DAY_JULIAN, ZONE_DAY_ZERO, ZONE_DAY_MONTH } kind; /* J60 (never 29 February), 59, M3.5.0 */
	int day;						      /* 1 to 365, 0 to 365, weekday from Sunday */
	int month, week;					      /* week 5: the last */
	int32_t second;
};

struct zone_rule {
	int32_t standard; /* seconds east of UTC */
	int32_t summer;
	bool has_summer;
	struct zone_day start, end; /* of summer time; in the time that ends with it */
};

bool zone_rule_parse(struct zone_rule *out, struct wtel_slice text);

/* As trunk_zone_offset(). */
int zone_rule_offset(const struct zone_rule *rule, int64_t second, int64_t *until);

#endif
