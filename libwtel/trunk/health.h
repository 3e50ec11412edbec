/* What became of a trunk's latest attempts: a ring of buckets, so that an outcome costs no memory. */
#ifndef TRUNK_HEALTH_H
#define TRUNK_HEALTH_H

#include <wtel/route.h>

enum { HEALTH_BUCKET = 5, HEALTH_BUCKETS = WTEL_HEALTH_WINDOW / HEALTH_BUCKET }; /* seconds */

struct health_bucket {
	int64_t epoch; /* which HEALTH_BUCKET seconds since 1970 these were */
	int attempts, answered, faults;
	int delays, durations; /* how many the sums are of */
	int64_t delay, duration;
};

struct health {
	unsigned refs;
	int64_t newest; /* epoch of the latest outcome */
	int64_t fresh;	/* the breaker looks at epochs from here on: what was before it closed is forgiven */
	struct health_bucket buckets[HEALTH_BUCKETS];
};

void health_add(struct health *health, enum wtel_outcome outcome, int64_t delay, int64_t duration, int64_t wall);
/* The breaker closed. */
void health_forgive(struct health *health);
/* What the breaker is told. */
void health_ratio(const struct health *health, int *answered, int *attempts, int64_t wall);
void health_sum(const struct health *health, struct wtel_trunk_health *out, int samples, int64_t wall);

#endif
