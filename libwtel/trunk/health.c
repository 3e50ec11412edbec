#include "trunk/health.h"

#include <string.h>

#define BUCKET ((int64_t)HEALTH_BUCKET * 1000000)

/* Longer ones are nobody's calls, and their sum must fit. */
#define LONGEST ((int64_t)30 * 86400 * 1000000)

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t epoch_of(int64_t wall)
{
	return wall > 0 ? wall / BUCKET : 0;
}

void health_add(struct health *health, enum wtel_outcome outcome, int64_t delay, int64_t duration, int64_t wall)
{
	int64_t epoch = epoch_of(wall);
	struct health_bucket *bucket = &health->buckets[epoch % HEALTH_BUCKETS];

	/* A bucket of later times than this one means that the clock was set back: it goes with what is now. */
	if (bucket->epoch != epoch) {
		memset(bucket, 0, sizeof(*bucket));
		bucket->epoch = epoch;
	}
	if (health->fresh - epoch > HEALTH_BUCKETS)
		health->fresh = 0;
	health->newest = epoch;
	bucket->attempts++;
	bucket->answered += outcome == WTEL_OUTCOME_ANSWERED;
	bucket->faults += outcome == WTEL_OUTCOME_FAULT;
	if (delay > 0) {
		bucket->delays++;
		bucket->delay += least(delay, LONGEST);
	}
	if (outcome == WTEL_OUTCOME_ANSWERED && duration > 0) {
		bucket->durations++;
		bucket->duration += least(duration, LONGEST);
	}
}

void health_forgive(struct health *health)
{
	health->fresh = health->newest + 1;
}

static bool within(const struct health_bucket *bucket, int64_t epoch)
{
	return bucket->epoch <= epoch && bucket->epoch > epoch - HEALTH_BUCKETS;
}

void health_ratio(const struct health *health, int *answered, int *attempts, int64_t wall)
{
	int64_t epoch = epoch_of(wall);
	size_t i;

	*answered = *attempts = 0;
	for (i = 0; i < HEALTH_BUCKETS; i++) {
		const struct health_bucket *bucket = &health->buckets[i];

		if (!within(bucket, epoch) || bucket->epoch < health->fresh)
			continue;
		*answered += bucket->answered;
		*attempts += bucket->attempts;
	}
}

void health_sum(const struct health *health, struct wtel_trunk_health *out, int samples, int64_t wall)
{
	int64_t epoch = epoch_of(wall), delay = 0, duration = 0;
	int delays = 0, durations = 0;
	size_t i;

	*out = (struct wtel_trunk_health){.answer_seizure_ratio = -1};
	for (i = 0; i < HEALTH_BUCKETS; i++) {
		const struct health_bucket *bucket = &health->buckets[i];

		if (!within(bucket, epoch))
			continue;
		out->attempts += bucket->attempts;
		out->answered += bucket->answered;
		out->faults += bucket->faults;
		delays += bucket->delays;
		durations += bucket->durations;
		delay += bucket->delay;
		duration += bucket->duration;
	}
	if (out->attempts && out->attempts >= samples)
		out->answer_seizure_ratio = (int)((int64_t)out->answered * 10000 / out->attempts);
	if (delays)
		out->post_dial_delay = delay / delays;
	if (durations)
		out->average_call_duration = duration / durations;
}
