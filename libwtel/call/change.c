/*
 * What the program is told. Changes are not copied: a call with something to tell hangs in a queue with the set of what
 * it is, so that a program that does not ask cannot make memory grow beyond its calls. Told late, a change shows the
 * call as it is now.
 */
#include "call/tracker.h"

void change_queue(struct wtel_tracker *tracker, struct tracker_call *call, enum wtel_call_change_type type,
		  int64_t wall)
{
	const uint8_t leg = 1 << WTEL_CALL_CHANGE_LEG;

	tracker->version++;
	if (!(call->flags & CALL_VISIBLE) || (call->state == WTEL_CALL_ENDED && type != WTEL_CALL_CHANGE_ENDED))
		return;
	call->change = wall;
	call->pending |= (uint8_t)(1 << type);
	if (call->pending & ~leg)
		call->pending &= (uint8_t)~leg; /* what else changed shows the legs as well */
	if (call->waiting)
		return;
	call->waiting = true;
	call->queued = NULL;
	*tracker->queue_tail = call;
	tracker->queue_tail = &call->queued;
}

static struct tracker_call *change_first(struct wtel_tracker *tracker)
{
	struct tracker_call *call;

	while ((call = tracker->queue)) {
		if (call->pending)
			return call;
		call->waiting = false;
		tracker->queue = call->queued;
		if (!tracker->queue)
			tracker->queue_tail = &tracker->queue;
	}
	return NULL;
}

int wtel_tracker_next(struct wtel_tracker *tracker, struct wtel_call_change *out)
{
	struct tracker_call *call;
	int type = 0;

	tracker_forget(tracker);
	call = change_first(tracker);
	if (!call)
		return 0;
	while (!(call->pending >> type & 1))
		type++;
	call->pending &= (uint8_t) ~(1 << type);
	out->type = (enum wtel_call_change_type)type;
	out->wall = call->change;
	out->call = change_view(tracker, call);
	if (type == WTEL_CALL_CHANGE_ENDED) {
		change_first(tracker); /* takes it out of the queue */
		tracker->held--;
		call->queued = tracker->over;
		tracker->over = call;
	}
	return 1;
}

/* A time that is not before `least`; 0 stays 0. Clocks of two machines may differ. */
static int64_t view_after(int64_t time, int64_t least)
{
	return time && time < least ? least : time;
}

static void view_leg(struct wtel_leg *out, const struct tracker_leg *leg)
{
	memset(out, 0, sizeof(*out));
	out->unique_id = tracker_text_string(&leg->text, LEG_ID);
	out->channel = tracker_text_string(&leg->text, LEG_NAME);
	out->number = tracker_text_string(&leg->text, LEG_NUMBER);
	out->role = (enum wtel_leg_role)leg->role;
	out->state = (enum wtel_channel_state)leg->state;
	out->trunk_id = leg->trunk_id;
	out->start = leg->start;
	out->ringing = view_after(leg->ringing, out->start);
	if (leg->answer && out->ringing > leg->answer)
		out->ringing = view_after(leg->answer, out->start);
	out->answer = view_after(leg->answer, out->ringing ? out->ringing : out->start);
	out->end = view_after(leg->end, out->answer ? out->answer : out->ringing ? out->ringing : out->start);
	out->cause = leg->cause;
	out->sip_code = leg->sip_code;
}

/* Events that came late may have got the same time: the call's own channel was there before those that it led to, and
 * of Asterisk's own numbers the lower ones. */
static bool view_before(const struct wtel_leg *a, const struct wtel_leg *b, const char *call_id)
{
	bool first = strcmp(a->unique_id, call_id) == 0;
	size_t length = strlen(a->unique_id), other = strlen(b->unique_id);

	if (a->start != b->start)
		return a->start < b->start;
	if (first != (strcmp(b->unique_id, call_id) == 0))
		return first;
	return length != other ? length < other : strcmp(a->unique_id, b->unique_id) < 0;
}

/* By start, so that the order of arrival does not show. */
static size_t view_legs(struct wtel_leg *legs, const struct tracker_call *call, const char **channel)
{
	const struct tracker_leg *leg;
	const char *first = NULL;
	struct wtel_leg one;
	size_t count = 0;
	size_t at;

	for (leg = call->legs; leg && count < TRACKER_MAX_LEGS; leg = leg->next) {
		view_leg(&one, leg);
		if (leg->flags & LEG_FIRST)
			first = one.channel;
		for (at = count++; at && view_before(&one, &legs[at - 1], call->key->id); at--)
			legs[at] = legs[at - 1];
		legs[at] = one;
	}
	*channel = first ? first : count ? legs[0].channel : "";
	return count;
}

static void view_times(struct wtel_call *view, const struct tracker_call *call)
{
	view->start = call->start;
	view->ringing = view_after(call->ringing, view->start);
	view->answer = view_after(call->answer, view->start);
	if (view->answer && view->ringing > view->answer)
		view->ringing = view->answer;
	view->end = call->state == WTEL_CALL_ENDED ? call->end : 0;
	view->end = view_after(view->end, view->answer ? view->answer : view->ringing ? view->ringing : view->start);
}

const struct wtel_call *change_view(struct wtel_tracker *tracker, const struct tracker_call *call)
{
	struct wtel_call *view = &tracker->view;
	bool ended = call->state == WTEL_CALL_ENDED;

	memset(view, 0, sizeof(*view));
	view->id = call->id;
	view->call_id = call->key->id;
	view->direction = (enum wtel_direction)call->direction;
	view->state = (enum wtel_call_state)call->state;
	view->disposition = ended ? (enum wtel_disposition)call->disposition : WTEL_DISPOSITION_NONE;
	view->estimated = call->flags & CALL_ESTIMATED || call->late;
	view->answer_estimated = call->late && !(call->flags & CALL_ESTIMATED);
	view->transferred = call->flags & CALL_TRANSFERRED;
	view->agent_id = call->agent_id;
	view->campaign_id = call->campaign_id;
	view->lead_id = call->lead_id;
	view->trunk_id = call->trunk_id;
	view->caller_number = tracker_text_string(&call->text, CALL_CALLER);
	view->callee_number = tracker_text_string(&call->text, CALL_CALLEE);
	view_times(view, call);
	view->cause = ended ? call->cause : 0;
	view->sip_code = ended ? call->sip_code : 0;
	view->reason = tracker_text_string(&call->text, CALL_REASON);
	if (ended && (!*view->reason || view->disposition == WTEL_DISPOSITION_ANSWERED))
		view->reason = call->sentence;
	view->recording_url = "";
	view->legs = tracker->view_legs;
	view->leg_count = view_legs(tracker->view_legs, call, &view->channel);
	return view;
}
