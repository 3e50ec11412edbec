/* One event: believed or not, then what it says. */
#include "call/tracker.h"

typedef void feed_fn(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
		     int64_t wall);

static struct wtel_slice feed_field(const struct wtel_ami_event *event, const char *name)
{
	struct wtel_slice absent = {NULL, 0};

	return event->message ? wtel_ami_message_get(event->message, name) : absent;
}

static bool feed_least(int64_t *time, int64_t wall)
{
	if (*time && *time <= wall)
		return false;
	*time = wall;
	return true;
}

static void feed_changed(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall)
{
	call_assess(tracker, leg, wall);
	change_queue(tracker, leg->call, WTEL_CALL_CHANGE_LEG, wall);
}

/* Newchannel and what else may be the first that is heard of a channel. */
static void feed_create(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			int64_t wall)
{
	(void)event;
	identity_take(tracker, &who[0], true, wall);
	identity_take(tracker, &who[1], true, wall);
}

/* Events that say nothing of their own but name a channel, its state and its Linkedid. */
static void feed_touch(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
		       int64_t wall)
{
	(void)event;
	identity_take(tracker, &who[0], false, wall);
	identity_take(tracker, &who[1], false, wall);
}

static void feed_hangup(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			int64_t wall)
{
	struct tracker_leg *leg = identity_take(tracker, &who[0], false, wall);
	struct tracker_call *call;

	if (!leg) {
		if (who[0].present)
			tracker_leg_set_gone(tracker, who[0].block->unique_id, true);
		return;
	}
	if (leg->end)
		return;
	if (event->cause > 0 && event->cause <= 127)
		leg->cause = (int16_t)event->cause;
	if (event->tech_cause > 0 && event->tech_cause <= 699)
		leg->sip_code = (int16_t)event->tech_cause;
	call = leg->call;
	tracker_leg_end(tracker, leg, wall);
	feed_changed(tracker, leg, wall);
	if (!call->live)
		call_finish(tracker, call, wall, false);
}

/*
 * HangupRequest: the far end of the channel hung up or refused (ast_queue_hangup_with_cause). SoftHangupRequest: our
 * side did; behind the DialEnd that is no more than the dialplan's Hangup() or its end, before it somebody asked for
 * it.
 */
static void feed_request(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			 int64_t wall)
{
	struct tracker_leg *leg = identity_take(tracker, &who[0], false, wall);

	if (!leg)
		return;
	if (event->type == WTEL_AMI_SOFT_HANGUP_REQUEST) {
		leg->flags |= LEG_SOFT;
		feed_least(&leg->soft, wall);
	} else {
		leg->flags |= LEG_REQUESTED;
		feed_least(&leg->request, wall);
	}
	if (!leg->sip_code && event->tech_cause > 0 && event->tech_cause <= 699)
		leg->sip_code = (int16_t)event->tech_cause;
}

/* "15551234567@carrier-a", "carrier-a/sip:15551234567@host", "trunk/15551234567" */
static struct wtel_slice feed_number(struct wtel_slice dialled)
{
	struct wtel_slice number = dialled;
	size_t i;

	for (i = 0; i < dialled.length; i++) {
		bool scheme = i >= 4 && !memcmp(dialled.data + i - 3, "sip:", 4);

		if (dialled.data[i] == '/' || scheme) {
			number.data = dialled.data + i + 1;
			number.length = dialled.length - i - 1;
		} else if (dialled.data[i] == '@' || dialled.data[i] == ';') {
			number.length = (size_t)(dialled.data + i - number.data);
			break;
		}
	}
	return number;
}

static void feed_dial_begin(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			    int64_t wall)
{
	struct tracker_leg *caller = identity_take(tracker, &who[0], true, wall);
	struct tracker_leg *leg = identity_take(tracker, &who[1], true, wall);
	bool changed = false;

	if (!leg)
		return;
	/* Whom an agent's leg dials in the outbound context is the customer, whatever channel leads there. */
	if (caller && leg != caller && leg->role == WTEL_LEG_AGENT && !(leg->flags & LEG_FIRST) &&
	    !(leg->call->flags & CALL_VISIBLE && leg->call->direction == WTEL_INBOUND) &&
	    base_slice_is(event->channel.context, tracker->outbound_context)) {
		leg->role = WTEL_LEG_CUSTOMER;
		changed = tracker_leg_number(tracker, leg, feed_number(event->dial_string)) || changed;
		changed = true;
	} else if (leg->role != WTEL_LEG_AGENT && event->dial_string.length) {
		changed = tracker_leg_number(tracker, leg, feed_number(event->dial_string));
	}
	if (changed)
		feed_changed(tracker, leg, wall);
}

/* A 183 changes no channel's state, so PROGRESS is all there is of it (app_dial.c, wait_for_answer). */
static void feed_dial_state(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			    int64_t wall)
{
	struct tracker_leg *leg;

	identity_take(tracker, &who[0], true, wall);
	leg = identity_take(tracker, &who[1], true, wall);
	if (!leg || (!base_slice_is(event->status, "RINGING") && !base_slice_is(event->status, "PROGRESS")))
		return;
	if (feed_least(&leg->ringing, wall))
		feed_changed(tracker, leg, wall);
}

static void feed_dial_end(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			  int64_t wall)
{
	enum cause_dial dial = cause_dial_of(event->status);
	struct tracker_leg *leg;

	identity_take(tracker, &who[0], false, wall);
	leg = identity_take(tracker, &who[1], false, wall);
	if (!leg)
		return;
	/* A call that is sent elsewhere ends with CANCEL too, but nobody gave it up (do_forward, apps/app_dial.c). */
	if (dial == CAUSE_DIAL_CANCEL && feed_field(event, "Forward").length)
		dial = CAUSE_DIAL_OTHER;
	if (leg->dial == CAUSE_DIAL_NONE || dial == CAUSE_DIAL_ANSWER)
		leg->dial = (uint8_t)dial;
	feed_least(&leg->dial_end, wall);
	if (dial != CAUSE_DIAL_ANSWER)
		return;
	leg->flags |= LEG_TAKEN;
	feed_least(&leg->answer, wall);
	feed_changed(tracker, leg, wall);
}

static void feed_agent_connect(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			       int64_t wall)
{
	struct tracker_leg *leg;

	(void)event;
	identity_take(tracker, &who[0], true, wall);
	leg = identity_take(tracker, &who[1], true, wall);
	if (!leg)
		return;
	leg->flags |= LEG_TAKEN;
	feed_least(&leg->answer, wall);
	feed_changed(tracker, leg, wall);
}

/*
 * Async Originate's end. A channel that came to life tells its own end, and its events may still be behind this one,
 * which takes another way through Asterisk; without a channel this is all that will be heard: see
 * wtel_tracker_expire().
 */
static void feed_originate(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			   int64_t wall)
{
	struct tracker_call *call;

	(void)who;
	if (!event->channel.unique_id.length || event->channel.unique_id.length > TRACKER_MAX_TEXT ||
	    !base_slice_is(event->status, "Failure"))
		return;
	call = tracker_call_find(tracker, event->channel.unique_id);
	if (!call || !(call->flags & CALL_EXPECTED))
		return;
	call->refusal = event->reason >= 0 && event->reason <= 100 ? (int8_t)event->reason : 0;
	if (call->leg_count || call->refused)
		return;
	call->refused = true;
	call->change = wall;
	tracker->refused++;
}

static void feed_bridge_all(struct wtel_tracker *tracker, struct tracker_call *call, int64_t wall)
{
	struct tracker_leg *leg;

	for (leg = call->legs; leg; leg = leg->next)
		call_assess(tracker, leg, wall);
}

static void feed_bridge_enter(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			      int64_t wall)
{
	struct tracker_leg *leg = identity_take(tracker, &who[0], true, wall);

	if (!leg || !event->bridge_id.length)
		return;
	leg->bridge = tracker_hash(tracker, event->bridge_id);
	if (leg->call->direction == WTEL_INBOUND)
		feed_bridge_all(tracker, leg->call, wall);
}

/* Asterisk before 12: both channels in one event, and no bridge of its own. */
static void feed_bridge(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			int64_t wall)
{
	struct tracker_leg *one = identity_take(tracker, &who[0], false, wall);
	struct tracker_leg *two = identity_take(tracker, &who[1], false, wall);

	(void)event;
	if (!one || !two)
		return;
	one->bridge = two->bridge = tracker_hash(tracker, tracker_text_get(&one->text, LEG_ID));
	if (one->call->direction == WTEL_INBOUND)
		feed_bridge_all(tracker, one->call, wall);
}

static void feed_transfer(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			  int64_t wall)
{
	struct wtel_slice result = feed_field(event, "Result");
	int i;

	if (result.length && !base_slice_is(result, "Success"))
		return;
	for (i = 0; i < 2; i++) {
		struct tracker_leg *leg = identity_take(tracker, &who[i], false, wall);

		if (!leg || leg->call->flags & CALL_TRANSFERRED)
			continue;
		leg->call->flags |= CALL_TRANSFERRED;
		change_queue(tracker, leg->call, WTEL_CALL_CHANGE_LEG, wall);
	}
}

static void feed_queue_join(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			    int64_t wall)
{
	struct tracker_leg *leg = identity_take(tracker, &who[0], true, wall);

	(void)event;
	if (!leg || leg->call->flags & CALL_QUEUED)
		return;
	leg->call->flags |= CALL_QUEUED;
	feed_changed(tracker, leg, wall);
}

static void feed_rename(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
			int64_t wall)
{
	struct tracker_leg *leg = who[0].leg;

	if (!leg || !event->new_name.length || event->new_name.length > TRACKER_MAX_TEXT ||
	    memchr(event->new_name.data, '\0', event->new_name.length))
		return;
	tracker_leg_rename(tracker, leg, event->new_name);
	change_queue(tracker, leg->call, WTEL_CALL_CHANGE_LEG, wall);
}

/* "HH:MM:SS" since the channel's creation, in microseconds; 0 if it is none (action_coreshowchannels, main/manager.c).
 */
static int64_t feed_duration(struct wtel_slice text)
{
	int64_t total = 0;
	int64_t part = 0;
	size_t i;

	if (text.length < 8 || text.length > 12)
		return 0;
	for (i = 0; i < text.length; i++) {
		if (text.data[i] == ':') {
			total = (total + part) * 60;
			part = 0;
		} else if (text.data[i] >= '0' && text.data[i] <= '9') {
			part = part * 10 + (text.data[i] - '0');
		} else {
			return 0;
		}
	}
	return (total + part) * 1000000;
}

static void feed_show(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
		      int64_t wall)
{
	int64_t duration = feed_duration(feed_field(event, "Duration"));
	struct wtel_slice bridge = feed_field(event, "BridgeId");
	bool known = who[0].leg != NULL;
	bool answered = known && who[0].leg->answer;
	struct tracker_leg *leg;

	/* The list may be older than a Hangup that was queued for us meanwhile. */
	if (known && who[0].leg->end)
		return;
	leg = identity_take(tracker, &who[0], true, wall);
	if (!leg)
		return;
	if (!known && duration > 0 && wall - duration > 0)
		leg->start = wall - duration;
	if (!answered && leg->answer)
		leg->flags |= LEG_LATE;
	if (bridge.length)
		leg->bridge = tracker_hash(tracker, bridge);
	call_assess(tracker, leg, wall);
	if (leg->call->direction == WTEL_INBOUND)
		feed_bridge_all(tracker, leg->call, wall);
}

static bool feed_is_trunk(const struct wtel_tracker *tracker, int64_t trunk_id)
{
	const struct tracker_endpoint *endpoint;
	size_t position = 0;

	while ((endpoint = base_map_walk(&tracker->trunks, &position)) != NULL)
		if (endpoint->id == trunk_id)
			return true;
	return false;
}

/*
 * The dialplan of examples/asterisk tells what Dial() came to nothing with: of a trunk that could not even make a
 * channel nothing else is heard.
 */
static void feed_user(struct wtel_tracker *tracker, const struct wtel_ami_event *event, struct identity who[2],
		      int64_t wall)
{
	struct tracker_leg *leg = identity_take(tracker, &who[0], false, wall), *other;
	int64_t trunk_id;

	if (!leg || !(leg->flags & LEG_FIRST) || !base_slice_is(event->text, "WtelTrunkFault") ||
	    leg->call->direction != WTEL_OUTBOUND || leg->call->answer)
		return;
	trunk_id = base_slice_number(feed_field(event, "Trunk"), 0);
	if (trunk_id == leg->call->trunk_id || !feed_is_trunk(tracker, trunk_id))
		return;
	for (other = leg->call->legs; other; other = other->next)
		if (other->role == WTEL_LEG_CUSTOMER)
			other->flags |= LEG_PAST;
	leg->call->trunk_id = trunk_id;
	change_queue(tracker, leg->call, WTEL_CALL_CHANGE_LEG, wall);
}

static feed_fn *const feeds[WTEL_AMI_EVENT_TYPES] = {
	[WTEL_AMI_NEWCHANNEL] = feed_create,
	[WTEL_AMI_NEWSTATE] = feed_create,
	[WTEL_AMI_NEWEXTEN] = feed_touch,
	[WTEL_AMI_NEW_CALLER_ID] = feed_touch,
	[WTEL_AMI_NEW_CONNECTED_LINE] = feed_touch,
	[WTEL_AMI_HOLD] = feed_touch,
	[WTEL_AMI_UNHOLD] = feed_touch,
	[WTEL_AMI_RENAME] = feed_rename,
	[WTEL_AMI_HANGUP] = feed_hangup,
	[WTEL_AMI_HANGUP_REQUEST] = feed_request,
	[WTEL_AMI_SOFT_HANGUP_REQUEST] = feed_request,
	[WTEL_AMI_CORE_SHOW_CHANNEL] = feed_show,
	[WTEL_AMI_DIAL_BEGIN] = feed_dial_begin,
	[WTEL_AMI_DIAL_STATE] = feed_dial_state,
	[WTEL_AMI_DIAL_END] = feed_dial_end,
	[WTEL_AMI_ORIGINATE_RESPONSE] = feed_originate,
	[WTEL_AMI_BRIDGE_ENTER] = feed_bridge_enter,
	[WTEL_AMI_BRIDGE_LEAVE] = feed_touch,
	[WTEL_AMI_BRIDGE] = feed_bridge,
	[WTEL_AMI_LOCAL_BRIDGE] = feed_create,
	[WTEL_AMI_LOCAL_OPTIMIZATION_END] = feed_touch,
	[WTEL_AMI_BLIND_TRANSFER] = feed_transfer,
	[WTEL_AMI_ATTENDED_TRANSFER] = feed_transfer,
	[WTEL_AMI_QUEUE_CALLER_JOIN] = feed_queue_join,
	[WTEL_AMI_QUEUE_CALLER_LEAVE] = feed_touch,
	[WTEL_AMI_QUEUE_CALLER_ABANDON] = feed_touch,
	[WTEL_AMI_AGENT_CALLED] = feed_create,
	[WTEL_AMI_AGENT_CONNECT] = feed_agent_connect,
	[WTEL_AMI_AGENT_RING_NO_ANSWER] = feed_touch,
	[WTEL_AMI_USER_EVENT] = feed_user,
};

int wtel_tracker_feed(struct wtel_tracker *tracker, const struct wtel_ami_event *event, int64_t wall)
{
	struct identity who[2] = {{NULL, NULL, false}, {NULL, NULL, false}};
	int code;

	tracker_forget(tracker);
	if ((unsigned int)event->type >= WTEL_AMI_EVENT_TYPES || !feeds[event->type])
		return 0;
	/* 0 stands for "did not happen". */
	if (wall <= 0)
		wall = 1;
	code = tracker_reserve(tracker);
	if (code)
		return code;
	/* OriginateResponse names the channel that was asked for, which need not be one. */
	if (event->type != WTEL_AMI_ORIGINATE_RESPONSE && (!identity_check(tracker, &who[0], &event->channel, event) ||
							   !identity_check(tracker, &who[1], &event->other, event))) {
		tracker->counters.mismatched++;
		return 0;
	}
	/* The dialplan's own steps are most of all events; what they change of a call, they queue as a change. */
	if (feeds[event->type] != feed_touch)
		tracker->version++;
	feeds[event->type](tracker, event, who, wall);
	return 0;
}
