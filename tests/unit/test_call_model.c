/*
 * Hundreds of generated calls at once, their events mixed, racing ones swapped; beside the tracker a plain model that
 * keeps every event of a call and looks at all of them in the end.
 */
#include "call_events.h"

enum { CALLS = 200, MAX_EVENTS = 40 };

enum outcome_kind {
	PLAN_ANSWERED,
	PLAN_BUSY,
	PLAN_RANG_OUT,
	PLAN_SILENT,
	PLAN_CONGESTION,
	PLAN_AGENT_LEFT,
	PLAN_AGENT_ABSENT,
	PLAN_IN_ANSWERED,
	PLAN_IN_ABANDONED,
	PLANS
};

static const enum wtel_disposition plan_wanted[PLANS] = {
	WTEL_DISPOSITION_ANSWERED,  WTEL_DISPOSITION_BUSY,     WTEL_DISPOSITION_NO_ANSWER,
	WTEL_DISPOSITION_FAILED,    WTEL_DISPOSITION_FAILED,   WTEL_DISPOSITION_CANCELLED,
	WTEL_DISPOSITION_CANCELLED, WTEL_DISPOSITION_ANSWERED, WTEL_DISPOSITION_NO_ANSWER,
};

struct timed {
	struct wtel_ami_event event;
	int64_t wall;
};

struct plan {
	enum outcome_kind kind;
	int64_t wall;
	char call_id[40], ours[40], theirs[40], their_id[40], failed[40], failed_id[40];
	struct channel mine, other, first; /* `first` is a trunk that failed before */
	size_t count, next;
	struct timed events[MAX_EVENTS];
	size_t ended;
};

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
	dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice_state >> 33) % sides;
}

static void add(struct plan *plan, struct wtel_ami_event event)
{
	plan->wall += 1 + dice(3000000);
	plan->events[plan->count].event = event;
	plan->events[plan->count++].wall = plan->wall;
}

/* The same, but its thread races with that of the event before. */
static void add_racing(struct plan *plan, struct wtel_ami_event event)
{
	struct timed *last = &plan->events[plan->count - 1];
	struct timed swap;

	add(plan, event);
	if (!dice(2))
		return;
	swap = last[0];
	last[0] = last[1];
	last[1] = swap;
}

static void plan_name(struct plan *plan, int i)
{
	bool in = plan->kind >= PLAN_IN_ANSWERED;

	snprintf(plan->their_id, sizeof(plan->their_id), "1761388200.%d", 3 * i);
	snprintf(plan->failed_id, sizeof(plan->failed_id), "1761388200.%d", 3 * i + 1);
	snprintf(plan->theirs, sizeof(plan->theirs), "PJSIP/carrier-a-%08x", 3 * i);
	snprintf(plan->failed, sizeof(plan->failed), "PJSIP/carrier-b-%08x", 3 * i + 1);
	snprintf(plan->ours, sizeof(plan->ours), "PJSIP/1001-%08x", 3 * i + 2);
	snprintf(plan->call_id, sizeof(plan->call_id), in ? "%s" : "WLCM-%s", plan->their_id);
	plan->mine = (struct channel){
		plan->ours, in ? plan->failed_id : plan->call_id, plan->call_id, "welcomedly-outbound", "1", ""};
	plan->other = (struct channel){plan->theirs,	     plan->their_id, plan->call_id,
				       "welcomedly-inbound", "15550001000",  "1555"};
	plan->first = (struct channel){plan->failed, plan->failed_id, plan->call_id, "welcomedly-inbound", "s", ""};
}

static void plan_dial(struct plan *plan)
{
	add(plan, event_of(WTEL_AMI_NEWSTATE, &plan->mine, 6));
	add_racing(plan, event_originate(plan->ours, plan->call_id, "Success", 4));
	if (dice(3) == 0) {
		add(plan, event_of(WTEL_AMI_NEWCHANNEL, &plan->first, 0));
		add_racing(plan, event_dial(WTEL_AMI_DIAL_BEGIN, &plan->mine, &plan->first, 0, "+1555@carrier-b"));
		add(plan, event_dial(WTEL_AMI_DIAL_END, &plan->mine, &plan->first, 0, "CONGESTION"));
		add_racing(plan, event_hangup(&plan->first, 0, 34, 503));
	}
	add(plan, event_of(WTEL_AMI_NEWCHANNEL, &plan->other, 0));
	add_racing(plan, event_dial(WTEL_AMI_DIAL_BEGIN, &plan->mine, &plan->other, 0, "+1555@carrier-a"));
	if (plan->kind == PLAN_SILENT || plan->kind == PLAN_CONGESTION)
		return;
	add(plan, event_dial(WTEL_AMI_DIAL_STATE, &plan->mine, &plan->other, 0, dice(2) ? "RINGING" : "PROGRESS"));
	if (dice(2))
		add_racing(plan, event_of(WTEL_AMI_NEWSTATE, &plan->other, 5));
}

static void plan_outbound(struct plan *plan)
{
	static const struct {
		const char *dial;
		int cause, sip_code;
	} ends[] = {
		[PLAN_ANSWERED] = {"ANSWER", 16, 0},	     [PLAN_BUSY] = {"BUSY", 17, 486},
		[PLAN_RANG_OUT] = {"NOANSWER", 0, 0},	     [PLAN_SILENT] = {"NOANSWER", 0, 0},
		[PLAN_CONGESTION] = {"CONGESTION", 34, 503}, [PLAN_AGENT_LEFT] = {"CANCEL", 16, 0},
	};
	int state = plan->kind == PLAN_ANSWERED					 ? 6
		    : plan->kind == PLAN_SILENT || plan->kind == PLAN_CONGESTION ? 0
										 : 5;

	add(plan, event_of(WTEL_AMI_NEWCHANNEL, &plan->mine, 0));
	if (plan->kind == PLAN_AGENT_ABSENT) {
		add(plan, event_of(WTEL_AMI_NEWSTATE, &plan->mine, 5));
		add(plan, event_hangup(&plan->mine, 5, 19, 480));
		add_racing(plan, event_originate("PJSIP/1001", plan->call_id, "Failure", 3));
		return;
	}
	plan_dial(plan);
	if (plan->kind == PLAN_AGENT_LEFT)
		add(plan, event_of(WTEL_AMI_HANGUP_REQUEST, &plan->mine, 6));
	if (plan->kind == PLAN_ANSWERED)
		add(plan, event_of(WTEL_AMI_NEWSTATE, &plan->other, 6));
	add_racing(plan, event_dial(WTEL_AMI_DIAL_END, &plan->mine, &plan->other, state, ends[plan->kind].dial));
	if (plan->kind == PLAN_ANSWERED)
		add(plan, event_bridge(WTEL_AMI_BRIDGE_ENTER, &plan->mine, plan->call_id));
	add(plan, event_of(WTEL_AMI_SOFT_HANGUP_REQUEST, &plan->mine, 6));
	add_racing(plan, event_hangup(&plan->other, state, ends[plan->kind].cause, ends[plan->kind].sip_code));
	add_racing(plan, event_hangup(&plan->mine, 6, 16, 0));
}

static void plan_inbound(struct plan *plan)
{
	add(plan, event_of(WTEL_AMI_NEWCHANNEL, &plan->other, 4));
	if (dice(2))
		add(plan, event_of(WTEL_AMI_NEWSTATE, &plan->other, 6));
	add(plan, event_of(WTEL_AMI_QUEUE_CALLER_JOIN, &plan->other, -1));
	add(plan, event_of(WTEL_AMI_NEWCHANNEL, &plan->mine, 0));
	add_racing(plan, event_dial(WTEL_AMI_DIAL_BEGIN, &plan->other, &plan->mine, 0, "1001"));
	add(plan, event_of(WTEL_AMI_NEWSTATE, &plan->mine, 5));
	if (plan->kind == PLAN_IN_ANSWERED) {
		add(plan, event_of(WTEL_AMI_NEWSTATE, &plan->mine, 6));
		add_racing(plan, event_dial(WTEL_AMI_DIAL_END, &plan->other, &plan->mine, 6, "ANSWER"));
		add(plan, event_bridge(WTEL_AMI_BRIDGE_ENTER, &plan->other, plan->call_id));
		add_racing(plan, event_bridge(WTEL_AMI_BRIDGE_ENTER, &plan->mine, plan->call_id));
	} else {
		add(plan, event_of(WTEL_AMI_HANGUP_REQUEST, &plan->other, 4));
		add(plan, event_dial(WTEL_AMI_DIAL_END, &plan->other, &plan->mine, 5, "CANCEL"));
	}
	add(plan, event_hangup(&plan->mine, plan->kind == PLAN_IN_ANSWERED ? 6 : 5, 16, 0));
	add_racing(plan, event_hangup(&plan->other, 6, 16, 0));
}

/* ---- the model: every event of the call is looked at for every question ---- */

static bool is(struct wtel_slice slice, const char *text)
{
	return slice.length == strlen(text) && memcmp(slice.data, text, slice.length) == 0;
}

static int64_t model_least(int64_t a, int64_t b)
{
	return !a || b < a ? b : a;
}

/* When a channel was in that state first, or was dialled to that end. An ended-up state in a block counts as well. */
static int64_t model_time(const struct plan *plan, const char *unique_id, int state)
{
	int64_t found = 0;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		const struct timed *timed = &plan->events[i];
		const struct wtel_ami_event *event = &timed->event;
		bool dest = is(event->other.unique_id, unique_id);

		if (event->type == WTEL_AMI_ORIGINATE_RESPONSE)
			continue;
		if ((is(event->channel.unique_id, unique_id) && event->channel.state == state) ||
		    (dest && event->other.state == state))
			found = model_least(found, timed->wall);
		if (state == 5 && dest && event->type == WTEL_AMI_DIAL_STATE)
			found = model_least(found, timed->wall);
		if (state == 6 && dest && event->type == WTEL_AMI_DIAL_END && is(event->status, "ANSWER"))
			found = model_least(found, timed->wall);
	}
	return found;
}

static int64_t model_end(const struct plan *plan, const char *unique_id)
{
	int64_t found = 0;
	size_t i;

	for (i = 0; i < plan->count; i++)
		if (plan->events[i].event.type == WTEL_AMI_HANGUP &&
		    (!unique_id || is(plan->events[i].event.channel.unique_id, unique_id)) &&
		    plan->events[i].wall > found)
			found = plan->events[i].wall;
	return found;
}

static void model_check(const struct plan *plan, const struct wtel_call *call)
{
	bool in = plan->kind >= PLAN_IN_ANSWERED;
	const char *ringer = in ? plan->mine.unique_id : plan->their_id;
	enum wtel_disposition wanted = plan_wanted[plan->kind];
	bool answered = wanted == WTEL_DISPOSITION_ANSWERED;
	int64_t ringing = model_time(plan, ringer, 5);
	int64_t answer = answered ? model_time(plan, ringer, 6) : 0;
	int64_t end = model_end(plan, answered ? plan->their_id : NULL);

	cr_assert_eq(call->disposition, wanted, "plan %d: %s (%s)", plan->kind,
		     wtel_disposition_name(call->disposition), call->reason);
	cr_assert_eq(call->ringing, ringing && answer && ringing > answer ? answer : ringing, "plan %d", plan->kind);
	cr_assert_eq(call->answer, answer, "plan %d", plan->kind);
	cr_assert_eq(call->end, end, "plan %d", plan->kind);
	cr_assert_eq(wtel_call_billsec(call), answer ? (end - answer) / SECOND : 0);
	cr_assert_eq(call->direction, in ? WTEL_INBOUND : WTEL_OUTBOUND);
	cr_assert_not(call->estimated);
}

static void model_drain(struct plan *plans, struct wtel_tracker *tracker, size_t *ended)
{
	struct wtel_call_change change;
	int i;

	while (wtel_tracker_next(tracker, &change) == 1) {
		if (change.type != WTEL_CALL_CHANGE_ENDED)
			continue;
		for (i = 0; i < CALLS && strcmp(plans[i].call_id, change.call->call_id) != 0; i++)
			;
		cr_assert_lt(i, CALLS, "%s", change.call->call_id);
		cr_assert_eq(plans[i].ended++, 0u);
		model_check(&plans[i], change.call);
		++*ended;
	}
}

static void model_round(uint64_t seed)
{
	struct plan *plans = calloc(CALLS, sizeof(*plans));
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	size_t left = 0, ended = 0;
	int i;

	dice_state = seed;
	for (i = 0; i < CALLS; i++) {
		plans[i].kind = (enum outcome_kind)dice(PLANS);
		plans[i].wall = T0 + dice(60000000);
		plan_name(&plans[i], i);
		if (plans[i].kind >= PLAN_IN_ANSWERED) {
			plan_inbound(&plans[i]);
		} else {
			tracker_expect(tracker, plans[i].call_id, plans[i].wall);
			plan_outbound(&plans[i]);
		}
		left += plans[i].count;
	}
	while (left) {
		struct plan *plan = &plans[dice(CALLS)];

		if (plan->next == plan->count)
			continue;
		tracker_take(tracker, plan->events[plan->next].event, plan->events[plan->next].wall);
		plan->next++;
		left--;
		if (dice(4))
			model_drain(plans, tracker, &ended);
	}
	model_drain(plans, tracker, &ended);
	cr_assert_eq(ended, (size_t)CALLS);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.calls, (uint64_t)CALLS);
	cr_assert_eq(counters.active + counters.channels + counters.in_progress + counters.mismatched, 0);
	wtel_tracker_free(tracker);
	free(plans);
}

Test(call_model, generated_calls)
{
	uint64_t seed;

	for (seed = 1; seed <= 200; seed++)
		model_round(seed);
}
