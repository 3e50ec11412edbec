/* Events made by hand, and what comes out of a tracker. */
#ifndef TESTS_CALL_EVENTS_H
#define TESTS_CALL_EVENTS_H

#include "fault.h"

#include <stdio.h>
#include <string.h>
#include <wtel/call.h>

#define SECOND INT64_C(1000000)
#define MILLI  INT64_C(1000)

/* A wall clock's time that all scenarios begin at. */
#define T0 INT64_C(1761388200000000)

enum { RECORD_SIZE = 8192, RECORD_MAX = 64 };

/* A channel as the scenarios speak of it. */
struct channel {
	const char *name;
	const char *unique_id;
	const char *linked_id;
	const char *context;
	const char *extension;
	const char *number;
};

static inline struct wtel_ami_channel channel_block(const struct channel *channel, int state)
{
	struct wtel_ami_channel block;

	memset(&block, 0, sizeof(block));
	block.name = wtel_slice_of(channel->name);
	block.unique_id = wtel_slice_of(channel->unique_id);
	block.linked_id = wtel_slice_of(channel->linked_id);
	block.context = wtel_slice_of(channel->context);
	block.extension = wtel_slice_of(channel->extension);
	block.caller_number = wtel_slice_of(channel->number);
	block.state = state;
	return block;
}

static inline struct wtel_ami_event event_bare(enum wtel_ami_event_type type)
{
	struct wtel_ami_event event;

	memset(&event, 0, sizeof(event));
	event.type = type;
	event.channel.state = event.other.state = -1;
	event.cause = event.reason = -1;
	return event;
}

static inline struct wtel_ami_event event_of(enum wtel_ami_event_type type, const struct channel *channel, int state)
{
	struct wtel_ami_event event = event_bare(type);

	event.channel = channel_block(channel, state);
	return event;
}

static inline struct wtel_ami_event event_hangup(const struct channel *channel, int state, int cause, int sip_code)
{
	struct wtel_ami_event event = event_of(WTEL_AMI_HANGUP, channel, state);

	event.cause = cause;
	event.tech_cause = sip_code;
	return event;
}

/* `caller` may be NULL, as of an Originate. */
static inline struct wtel_ami_event event_dial(enum wtel_ami_event_type type, const struct channel *caller,
					       const struct channel *callee, int state, const char *what)
{
	struct wtel_ami_event event = event_bare(type);

	if (caller)
		event.channel = channel_block(caller, WTEL_CHANNEL_UP);
	event.other = channel_block(callee, state);
	if (type == WTEL_AMI_DIAL_BEGIN)
		event.dial_string = wtel_slice_of(what);
	else
		event.status = wtel_slice_of(what);
	return event;
}

static inline struct wtel_ami_event event_bridge(enum wtel_ami_event_type type, const struct channel *channel,
						 const char *bridge)
{
	struct wtel_ami_event event = event_of(type, channel, WTEL_CHANNEL_UP);

	event.bridge_id = wtel_slice_of(bridge);
	return event;
}

static inline struct wtel_ami_event event_originate(const char *name, const char *unique_id, const char *status,
						    int reason)
{
	struct wtel_ami_event event = event_bare(WTEL_AMI_ORIGINATE_RESPONSE);

	event.channel.name = wtel_slice_of(name);
	event.channel.unique_id = wtel_slice_of(unique_id);
	event.status = wtel_slice_of(status);
	event.reason = reason;
	return event;
}

static inline struct wtel_tracker *tracker_with(const struct wtel_allocator *allocator)
{
	struct wtel_tracker_options options = WTEL_TRACKER_OPTIONS_INIT;
	struct wtel_tracker *tracker;

	options.seed = 42;
	cr_assert_eq(wtel_tracker_new(&tracker, &options, allocator), 0);
	cr_assert_eq(wtel_tracker_set_trunk(tracker, "carrier-a", 1), 0);
	cr_assert_eq(wtel_tracker_set_trunk(tracker, "carrier-b", 2), 0);
	cr_assert_eq(wtel_tracker_set_agent(tracker, "1001", 101), 0);
	cr_assert_eq(wtel_tracker_set_agent(tracker, "1002", 102), 0);
	return tracker;
}

static inline void tracker_expect(struct wtel_tracker *tracker, const char *call_id, int64_t start)
{
	struct wtel_call call;

	memset(&call, 0, sizeof(call));
	call.call_id = call_id;
	call.start = start;
	call.agent_id = 101;
	call.caller_number = "1001";
	call.callee_number = "+15551234567";
	cr_assert_eq(wtel_tracker_expect(tracker, &call), 0);
}

static inline void tracker_take(struct wtel_tracker *tracker, struct wtel_ami_event event, int64_t wall)
{
	cr_assert_eq(wtel_tracker_feed(tracker, &event, wall), 0);
}

/* The whole record as text: two are equal if it is. */
static inline void record_write(char out[RECORD_SIZE], const struct wtel_call *call)
{
	size_t at = 0;
	size_t i;

	at += (size_t)snprintf(
		out + at, RECORD_SIZE - at,
		"%s %s %s %s est=%d tr=%d agent=%lld trunk=%lld %s>%s start=%lld ring=%lld answer=%lld end=%lld "
		"cause=%d sip=%d (%s)\n",
		call->call_id, wtel_direction_name(call->direction), wtel_call_state_name(call->state),
		wtel_disposition_name(call->disposition), call->estimated, call->transferred, (long long)call->agent_id,
		(long long)call->trunk_id, call->caller_number, call->callee_number, (long long)call->start,
		(long long)call->ringing, (long long)call->answer, (long long)call->end, call->cause, call->sip_code,
		call->reason);
	for (i = 0; i < call->leg_count && at < RECORD_SIZE; i++) {
		const struct wtel_leg *leg = &call->legs[i];

		at += (size_t)snprintf(
			out + at, RECORD_SIZE - at,
			" %s %s %s %s state=%d trunk=%lld start=%lld ring=%lld answer=%lld end=%lld cause=%d sip=%d\n",
			leg->channel, leg->unique_id, leg->number, wtel_leg_role_name(leg->role), leg->state,
			(long long)leg->trunk_id, (long long)leg->start, (long long)leg->ringing,
			(long long)leg->answer, (long long)leg->end, leg->cause, leg->sip_code);
	}
}

/* What a scenario came to. */
struct outcome {
	char types[256]; /* N S A L E, in order */
	size_t ended;
	char record[RECORD_SIZE]; /* of the last that ended */
	enum wtel_disposition disposition;
	enum wtel_direction direction;
	int64_t start, ringing, answer, end;
	int64_t billsec, duration;
	int64_t agent_id, trunk_id;
	int cause, sip_code;
	bool estimated, transferred;
	size_t legs;
	char call_id[128], caller[64], callee[64], reason[128];
};

static inline void outcome_drain(struct outcome *out, struct wtel_tracker *tracker)
{
	struct wtel_call_change change;

	while (wtel_tracker_next(tracker, &change) == 1) {
		const struct wtel_call *call = change.call;
		size_t length = strlen(out->types);

		if (length + 1 < sizeof(out->types))
			out->types[length] = "NSALE"[change.type];
		if (change.type != WTEL_CALL_CHANGE_ENDED)
			continue;
		out->ended++;
		record_write(out->record, call);
		out->disposition = call->disposition;
		out->direction = call->direction;
		out->start = call->start;
		out->ringing = call->ringing;
		out->answer = call->answer;
		out->end = call->end;
		out->billsec = wtel_call_billsec(call);
		out->duration = wtel_call_duration(call);
		out->agent_id = call->agent_id;
		out->trunk_id = call->trunk_id;
		out->cause = call->cause;
		out->sip_code = call->sip_code;
		out->estimated = call->estimated;
		out->transferred = call->transferred;
		out->legs = call->leg_count;
		snprintf(out->call_id, sizeof(out->call_id), "%s", call->call_id);
		snprintf(out->caller, sizeof(out->caller), "%s", call->caller_number);
		snprintf(out->callee, sizeof(out->callee), "%s", call->callee_number);
		snprintf(out->reason, sizeof(out->reason), "%s", call->reason);
	}
}

#endif
