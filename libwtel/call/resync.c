/*
 * After a (re)connect the list of channels is the truth. What it does not name, and no event named since it began, is
 * gone; when it went nobody saw, so its end is the time of the resync: the latest it can have been.
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

/* How many of its channels are gone. */
static size_t resync_call(struct wtel_tracker *tracker, struct tracker_call *call, int64_t wall)
{
	struct tracker_leg *leg;
	size_t gone = 0;

	for (leg = call->legs; leg; leg = leg->next) {
		if (leg->end || leg->epoch == tracker->epoch)
			continue;
		tracker_leg_end(tracker, leg, wall);
		leg->flags |= LEG_VANISHED;
		gone++;
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
		size_t gone = resync_call(tracker, call, wall);

		if (call->live) {
			if (gone)
				change_queue(tracker, call, WTEL_CALL_CHANGE_LEG, wall);
			continue;
		}
		if (!call->leg_count && call->state == WTEL_CALL_QUEUED && grace > 0 && wall < INT64_MAX - grace &&
		    call->start > wall - grace)
			continue;
		call_finish(tracker, call, wall, true);
	}
	return 0;
}
