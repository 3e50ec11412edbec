/*
 * After a (re)connect the list of channels is the truth. What it does not name, and no event named since it began, is
 * gone. When it went nobody saw, so its end is the time of the resync, the latest it can have been, unless there was
 * a Hangup that a caller had broken: that alone is not believed, but the list bears it out.
 */
#include "call/tracker.h"

void wtel_tracker_resync_begin(struct wtel_tracker *tracker)
{
	tracker_forget(tracker);
	tracker->resyncing = true;
	tracker->epoch++;
}

size_t wtel_tracker_resync_missing(const struct wtel_tracker *tracker)
{
	size_t missing = 0;
	size_t i;

	for (i = 0; tracker->resyncing && i < tracker->call_count; i++) {
		const struct tracker_leg *leg;

		for (leg = tracker->calls[i]->legs; leg; leg = leg->next)
			missing += !leg->end && leg->epoch != tracker->epoch;
	}
	return missing;
}

void wtel_tracker_doubt(struct wtel_tracker *tracker, const char *channel, int64_t wall)
{
	struct wtel_slice name = wtel_slice_of(channel);
	struct tracker_leg *leg;

	tracker_forget(tracker);
	leg = name.length ? tracker_leg_by_name(tracker, name) : NULL;
	if (leg && !leg->end && !leg->doubted && wall >= leg->start)
		leg->doubted = wall;
}

/* How many of its channels are gone; *last is when the last of them went. */
static size_t resync_call(struct wtel_tracker *tracker, struct tracker_call *call, int64_t wall, int64_t *last)
{
	struct tracker_leg *leg;
	size_t gone = 0;

	for (leg = call->legs; leg; leg = leg->next) {
		if (!leg->end && leg->epoch != tracker->epoch) {
			tracker_leg_end(tracker, leg, leg->doubted && leg->doubted < wall ? leg->doubted : wall);
			leg->flags |= LEG_VANISHED;
			gone++;
		}
		leg->doubted = 0;
		if (leg->end > *last)
			*last = leg->end;
	}
	return gone;
}

int wtel_tracker_expire(struct wtel_tracker *tracker, int64_t wall, int64_t patience)
{
	size_t i;

	tracker_forget(tracker);
	for (i = tracker->call_count; tracker->refused && i-- > 0;) {
		struct tracker_call *call = tracker->calls[i];

		if (!call->refused || (!call->leg_count && call->change > wall - patience))
			continue;
		call->refused = false;
		tracker->refused--;
		if (!call->leg_count)
			call_finish(tracker, call, call->change, false);
	}
	return (int)(tracker->refused > 0);
}

int wtel_tracker_resync_end(struct wtel_tracker *tracker, int64_t wall, int64_t grace)
{
	size_t i;

	tracker_forget(tracker);
	if (!tracker->resyncing)
		return WTEL_ESTATE;
	tracker->resyncing = false;
	tracker->version++;
	/* From the back: a call that ends is replaced by the last one. */
	for (i = tracker->call_count; i-- > 0;) {
		struct tracker_call *call = tracker->calls[i];
		int64_t last = 0;
		size_t gone = resync_call(tracker, call, wall, &last);

		if (call->live) {
			if (gone)
				change_queue(tracker, call, WTEL_CALL_CHANGE_LEG, wall);
			continue;
		}
		if (!call->leg_count && call->state == WTEL_CALL_QUEUED && grace > 0 && wall < INT64_MAX - grace &&
		    call->start > wall - grace)
			continue;
		call_finish(tracker, call, gone ? last : wall, true);
	}
	return 0;
}
