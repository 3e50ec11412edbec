/*
 * The life of a call.
 *
 *                 agent's phone        customer's phone         180/183
 *   +--------+    called     +-------+    called    +---------+         +---------+
 *   | QUEUED |-------------->| AGENT |------------->| DIALING |-------->| RINGING |
 *   +--------+               +-------+              +---------+         +---------+
 *     |  |  |                  |   |                  |     |                |
 *     |  |  +------------------|---|----------------->|     |                | the customer answered;
 *     |  |  (inbound: an IVR   |   |                  |     |                | inbound: an agent did
 *     |  |   or a queue has it)|   |                  |     v                v
 *     |  |                     |   |                  |   +--------------------+
 *     |  +---------------------|---+------------------|-->|      ANSWERED      |
 *     |                        |                      |   +--------------------+
 *     v                        v                      v              v
 *   +------------------------------------------------------------------------+
 *   |                  ENDED: the last channel is gone                       |
 *   +------------------------------------------------------------------------+
 *
 * Only forward, and any number of steps at once: events may be late, lost or never sent (a 183 has no Newstate, a trunk
 * may answer without ringing). An input that would lead back says nothing new and is no fault.
 */
#include "call/tracker.h"

static enum wtel_call_state state_queued(enum call_input input)
{
	switch (input) {
	case CALL_INPUT_AGENT:
		return WTEL_CALL_AGENT;
	case CALL_INPUT_DIAL:
		return WTEL_CALL_DIALING;
	case CALL_INPUT_RING:
		return WTEL_CALL_RINGING;
	case CALL_INPUT_ANSWER:
		return WTEL_CALL_ANSWERED;
	case CALL_INPUT_GONE:
		return WTEL_CALL_ENDED;
	}
	return WTEL_CALL_QUEUED;
}

static enum wtel_call_state state_agent(enum call_input input)
{
	switch (input) {
	case CALL_INPUT_AGENT:
		return WTEL_CALL_AGENT;
	case CALL_INPUT_DIAL:
		return WTEL_CALL_DIALING;
	case CALL_INPUT_RING:
		return WTEL_CALL_RINGING;
	case CALL_INPUT_ANSWER:
		return WTEL_CALL_ANSWERED;
	case CALL_INPUT_GONE:
		return WTEL_CALL_ENDED;
	}
	return WTEL_CALL_AGENT;
}

/* A second DIAL is the next trunk or the next agent. */
static enum wtel_call_state state_dialing(enum call_input input)
{
	switch (input) {
	case CALL_INPUT_AGENT:
	case CALL_INPUT_DIAL:
		return WTEL_CALL_DIALING;
	case CALL_INPUT_RING:
		return WTEL_CALL_RINGING;
	case CALL_INPUT_ANSWER:
		return WTEL_CALL_ANSWERED;
	case CALL_INPUT_GONE:
		return WTEL_CALL_ENDED;
	}
	return WTEL_CALL_DIALING;
}

/* A queue that goes on to the next agent keeps the caller RINGING: for him nothing changed. */
static enum wtel_call_state state_ringing(enum call_input input)
{
	switch (input) {
	case CALL_INPUT_AGENT:
	case CALL_INPUT_DIAL:
	case CALL_INPUT_RING:
		return WTEL_CALL_RINGING;
	case CALL_INPUT_ANSWER:
		return WTEL_CALL_ANSWERED;
	case CALL_INPUT_GONE:
		return WTEL_CALL_ENDED;
	}
	return WTEL_CALL_RINGING;
}

/* Whom it rings for now is a colleague, after a transfer. */
static enum wtel_call_state state_answered(enum call_input input)
{
	switch (input) {
	case CALL_INPUT_AGENT:
	case CALL_INPUT_DIAL:
	case CALL_INPUT_RING:
	case CALL_INPUT_ANSWER:
		return WTEL_CALL_ANSWERED;
	case CALL_INPUT_GONE:
		return WTEL_CALL_ENDED;
	}
	return WTEL_CALL_ANSWERED;
}

static enum wtel_call_state state_next(enum wtel_call_state state, enum call_input input)
{
	switch (state) {
	case WTEL_CALL_QUEUED:
		return state_queued(input);
	case WTEL_CALL_AGENT:
		return state_agent(input);
	case WTEL_CALL_DIALING:
		return state_dialing(input);
	case WTEL_CALL_RINGING:
		return state_ringing(input);
	case WTEL_CALL_ANSWERED:
		return state_answered(input);
	case WTEL_CALL_ENDED:
		return WTEL_CALL_ENDED;
	}
	return state;
}

/* The arrows of the diagram: from row to column. */
static bool state_legal(enum wtel_call_state from, enum wtel_call_state to)
{
	static const uint8_t legal[WTEL_CALL_ENDED + 1] = {
		[WTEL_CALL_QUEUED] = 1 << WTEL_CALL_AGENT | 1 << WTEL_CALL_DIALING | 1 << WTEL_CALL_RINGING |
				     1 << WTEL_CALL_ANSWERED | 1 << WTEL_CALL_ENDED,
		[WTEL_CALL_AGENT] = 1 << WTEL_CALL_DIALING | 1 << WTEL_CALL_RINGING | 1 << WTEL_CALL_ANSWERED |
				    1 << WTEL_CALL_ENDED,
		[WTEL_CALL_DIALING] = 1 << WTEL_CALL_RINGING | 1 << WTEL_CALL_ANSWERED | 1 << WTEL_CALL_ENDED,
		[WTEL_CALL_RINGING] = 1 << WTEL_CALL_ANSWERED | 1 << WTEL_CALL_ENDED,
		[WTEL_CALL_ANSWERED] = 1 << WTEL_CALL_ENDED,
		[WTEL_CALL_ENDED] = 0,
	};

	return legal[from] >> to & 1;
}

/* The only place where a state changes. */
static void call_set_state(struct wtel_tracker *tracker, struct tracker_call *call, enum wtel_call_state state,
			   int64_t wall)
{
	enum wtel_call_state old = call->state;

	if (!state_legal(old, state))
		return;
	call->state = (uint8_t)state;
	if (!(call->flags & CALL_VISIBLE))
		return;
	if (old == WTEL_CALL_ANSWERED)
		tracker->counters.in_progress--;
	if (state == WTEL_CALL_ANSWERED) {
		tracker->counters.in_progress++;
		change_queue(tracker, call, WTEL_CALL_CHANGE_ANSWERED, wall);
	} else if (state == WTEL_CALL_ENDED) {
		tracker->counters.ended++;
		tracker->counters.active--;
		change_queue(tracker, call, WTEL_CALL_CHANGE_ENDED, wall);
	} else {
		change_queue(tracker, call, WTEL_CALL_CHANGE_STATE, wall);
	}
}

void call_input(struct wtel_tracker *tracker, struct tracker_call *call, enum call_input input, int64_t wall)
{
	call_set_state(tracker, call, state_next(call->state, input), wall);
}

/* Channels became a call: a trunk carries them, or we asked for it. From here on its direction stands. */
void call_reveal(struct wtel_tracker *tracker, struct tracker_call *call, enum wtel_direction direction, int64_t wall)
{
	struct tracker_leg *leg;

	if (call->flags & CALL_VISIBLE)
		return;
	call->flags |= CALL_VISIBLE;
	call->direction = (uint8_t)direction;
	tracker->counters.calls++;
	tracker->counters.active++;
	tracker->counters.channels += call->live;
	if (call->state == WTEL_CALL_ANSWERED)
		tracker->counters.in_progress++;
	change_queue(tracker, call, WTEL_CALL_CHANGE_NEW, wall);
	for (leg = call->legs; leg; leg = leg->next)
		call_assess(tracker, leg, wall);
}

/*
 * Who the first leg is decides: a channel that an endpoint opened towards us comes up in state Ring (chan_pjsip_new),
 * one that Asterisk dials in state Down. A customer's leg that is not the first was dialled by one of ours.
 */
static void call_classify(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall)
{
	bool towards_us = leg->state == WTEL_CHANNEL_RING || leg->state == WTEL_CHANNEL_UP;

	if (leg->role == WTEL_LEG_CUSTOMER)
		call_reveal(tracker, leg->call, leg->flags & LEG_FIRST && towards_us ? WTEL_INBOUND : WTEL_OUTBOUND,
			    wall);
	else if (tracker->track_foreign)
		call_reveal(tracker, leg->call, WTEL_OUTBOUND, wall);
}

static void call_least(int64_t *time, int64_t wall)
{
	if (wall && (!*time || wall < *time))
		*time = wall;
}

static void call_assess_outbound(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall)
{
	struct tracker_call *call = leg->call;
	const struct tracker_leg *carrier;

	if (leg->role == WTEL_LEG_AGENT) {
		struct wtel_slice number = tracker_text_get(&leg->text, LEG_NUMBER);

		if (leg->flags & LEG_FIRST || !call->text.length[CALL_CALLER]) {
			if (!call->text.length[CALL_CALLER])
				tracker_text_set(&tracker->pool, &call->text, CALL_CALLER, number);
			if (!call->agent_id)
				call->agent_id = tracker_endpoint(&tracker->agents, number);
		}
		call_input(tracker, call, CALL_INPUT_AGENT, wall);
	}
	if (leg->role != WTEL_LEG_CUSTOMER)
		return;
	if (!call->text.length[CALL_CALLEE])
		tracker_text_set(&tracker->pool, &call->text, CALL_CALLEE, tracker_text_get(&leg->text, LEG_NUMBER));
	call_least(&call->ringing, leg->ringing);
	call_least(&call->answer, leg->answer);
	carrier = verdict_carrier(call);
	if (carrier)
		call->trunk_id = carrier->trunk_id;
	call_input(tracker, call, CALL_INPUT_DIAL, wall);
	if (leg->ringing)
		call_input(tracker, call, CALL_INPUT_RING, wall);
	if (leg->answer)
		call_input(tracker, call, CALL_INPUT_ANSWER, wall);
}

/* An agent took the caller: when, and who he is. */
static void call_taken(struct wtel_tracker *tracker, const struct tracker_leg *leg, int64_t answer, int64_t wall)
{
	struct tracker_call *call = leg->call;
	int64_t agent = tracker_endpoint(&tracker->agents, tracker_text_get(&leg->text, LEG_NUMBER));

	/* Of several the first counts, whoever's event came first. */
	if (agent && (!call->agent_id || answer < call->answer))
		call->agent_id = agent;
	call_least(&call->answer, answer);
	call_input(tracker, call, CALL_INPUT_ANSWER, wall);
}

static void call_assess_inbound(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall)
{
	struct tracker_call *call = leg->call;

	if (leg->role == WTEL_LEG_CUSTOMER) {
		if (leg->trunk_id && !call->trunk_id)
			call->trunk_id = leg->trunk_id;
		if (leg->answer || call->flags & CALL_QUEUED)
			call_input(tracker, call, CALL_INPUT_DIAL, wall);
		return;
	}
	call_input(tracker, call, CALL_INPUT_DIAL, wall);
	if (!tracker_leg_takes(leg))
		return;
	if (leg->flags & LEG_MERGED) {
		/* It talked to somebody else before; the caller's answer is when they were brought together. */
		if (!call->answer && tracker_leg_took(leg))
			call_taken(tracker, leg, wall, wall);
		return;
	}
	call_least(&call->ringing, leg->ringing);
	if (leg->ringing)
		call_input(tracker, call, CALL_INPUT_RING, wall);
	if (tracker_leg_took(leg))
		call_taken(tracker, leg, leg->answer, wall);
}

void call_assess(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall)
{
	struct tracker_call *call = leg->call;

	/* Legs of what merged into it may be older than the call. */
	if (!(call->flags & CALL_EXPECTED) &&
	    (leg->flags & LEG_FIRST || !(call->flags & CALL_VISIBLE) || tracker->resyncing))
		call_least(&call->start, leg->start);
	if (!(call->flags & CALL_VISIBLE)) {
		call_classify(tracker, leg, wall);
		return; /* revealing assesses all of its legs */
	}
	if (call->direction == WTEL_OUTBOUND)
		call_assess_outbound(tracker, leg, wall);
	else
		call_assess_inbound(tracker, leg, wall);
}

static void call_draw(struct tracker_call *call, int64_t wall, bool vanished)
{
	struct verdict verdict = verdict_draw(call);
	const struct tracker_leg *leg = verdict.leg;
	struct tracker_leg *each;
	bool seen = !vanished;

	call->disposition = (uint8_t)verdict.disposition;
	call->sentence = verdict.sentence;
	call->end = wall;
	if (leg) {
		call->cause = leg->cause;
		call->sip_code = leg->sip_code;
	}
	if (verdict.disposition == WTEL_DISPOSITION_ANSWERED && leg && leg->end) {
		/* What the carrier bills: the customer's leg, however long others talked on. */
		call->end = leg->end;
		seen = !(leg->flags & LEG_VANISHED);
	} else if (!vanished) {
		for (each = call->legs; each; each = each->next)
			if (each == call->legs || each->end > call->end)
				call->end = each->end;
	}
	if (verdict.disposition == WTEL_DISPOSITION_ANSWERED && leg && leg->flags & LEG_LATE &&
	    call->answer == leg->answer)
		call->late = true;
	if (!seen)
		call->flags |= CALL_ESTIMATED;
}

void call_finish(struct wtel_tracker *tracker, struct tracker_call *call, int64_t wall, bool vanished)
{
	struct tracker_leg *leg;
	bool visible = call->flags & CALL_VISIBLE;

	call_draw(call, wall, vanished);
	if (visible)
		tracker->counters.channels -= call->live;
	call_input(tracker, call, CALL_INPUT_GONE, wall);
	for (leg = call->legs; leg; leg = leg->next)
		tracker_leg_hide(tracker, leg);
	tracker_call_discard(tracker, call);
}
