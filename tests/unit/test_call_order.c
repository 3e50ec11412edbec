/*
 * Asterisk's threads race: whatever order the events of a call come in, as long as each thread's own order holds, the
 * record is the same. All interleavings are tried.
 */
#include "call_cast.h"

enum { LANES = 4, LANE_MAX = 6 };

struct timed {
	struct wtel_ami_event event;
	int64_t wall;
};

/* The events that one thread sends, in its order. */
struct lane {
	size_t count;
	struct timed events[LANE_MAX];
};

struct scene {
	void (*begin)(struct wtel_tracker *tracker);
	struct lane lanes[LANES];
	struct timed last[2]; /* both Hangups: after all the rest, in either order */
	size_t last_count;
	enum wtel_disposition wanted;
	char record[RECORD_SIZE];
	size_t orders;
};

static void lane_add(struct scene *scene, size_t lane, struct wtel_ami_event event, int64_t wall)
{
	struct lane *to = &scene->lanes[lane];

	cr_assert_lt(to->count, (size_t)LANE_MAX);
	to->events[to->count].event = event;
	to->events[to->count++].wall = wall;
}

static void scene_last(struct scene *scene, struct wtel_ami_event event, int64_t wall)
{
	scene->last[scene->last_count].event = event;
	scene->last[scene->last_count++].wall = wall;
}

static void scene_check(struct scene *scene, const struct timed *const *order, size_t count)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct outcome got = {0};
	size_t i;

	scene->begin(tracker);
	for (i = 0; i < count; i++) {
		tracker_take(tracker, order[i]->event, order[i]->wall);
		if (scene->orders % 2)
			outcome_drain(&got, tracker);
	}
	outcome_drain(&got, tracker);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(got.ended, 1, "%zu calls ended in order %zu", got.ended, scene->orders);
	cr_assert_eq(counters.active + counters.channels + counters.in_progress, 0);
	cr_assert_eq(got.disposition, scene->wanted, "%s", got.record);
	if (!scene->orders++)
		strcpy(scene->record, got.record);
	cr_assert_str_eq(got.record, scene->record);
	wtel_tracker_free(tracker);
}

static void scene_end(struct scene *scene, const struct timed **order, size_t depth)
{
	size_t i, k;

	for (i = 0; i < (scene->last_count ? scene->last_count : 1); i++) {
		for (k = 0; k < scene->last_count; k++)
			order[depth + k] = &scene->last[(i + k) % scene->last_count];
		scene_check(scene, order, depth + scene->last_count);
	}
}

static void scene_run(struct scene *scene, size_t next[LANES], const struct timed **order, size_t depth)
{
	bool done = true;
	size_t lane;

	for (lane = 0; lane < LANES; lane++) {
		if (next[lane] == scene->lanes[lane].count)
			continue;
		done = false;
		order[depth] = &scene->lanes[lane].events[next[lane]++];
		scene_run(scene, next, order, depth + 1);
		next[lane]--;
	}
	if (done)
		scene_end(scene, order, depth);
}

static void scene_all(struct scene *scene, size_t least)
{
	const struct timed *order[LANES * LANE_MAX + 2];
	size_t next[LANES] = {0};

	scene_run(scene, next, order, 0);
	cr_assert_geq(scene->orders, least);
}

static void begin_outbound(struct wtel_tracker *tracker)
{
	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0 + MILLI);
}

static void begin_dialled(struct wtel_tracker *tracker)
{
	begin_outbound(tracker);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &agent, 6), T0 + 2 * MILLI);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + 3 * MILLI);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &agent, &customer, 0, "+15551234567@carrier-a"),
		     T0 + 4 * MILLI);
}

static void begin_ringing(struct wtel_tracker *tracker)
{
	begin_dialled(tracker);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_STATE, &agent, &customer, 5, "RINGING"), T0 + SECOND);
}

/* OriginateResponse is sent by a thread of its own (fast_originate), the agent's states by the channel's, dialling by
 * app_dial's. */
Test(call_order, answered)
{
	static struct scene scene = {.begin = begin_outbound, .wanted = WTEL_DISPOSITION_ANSWERED};

	lane_add(&scene, 0, event_of(WTEL_AMI_NEWSTATE, &agent, 6), T0 + 2 * MILLI);
	lane_add(&scene, 1, event_originate(agent.name, "WLCM-1", "Success", 4), T0 + 3 * MILLI);
	lane_add(&scene, 2, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + 4 * MILLI);
	lane_add(&scene, 3, event_dial(WTEL_AMI_DIAL_BEGIN, &agent, &customer, 0, "+15551234567@carrier-a"),
		 T0 + 5 * MILLI);
	lane_add(&scene, 2, event_of(WTEL_AMI_NEWSTATE, &customer, 5), T0 + SECOND);
	lane_add(&scene, 3, event_dial(WTEL_AMI_DIAL_STATE, &agent, &customer, 5, "RINGING"), T0 + SECOND + 1);
	lane_add(&scene, 2, event_of(WTEL_AMI_NEWSTATE, &customer, 6), T0 + 4 * SECOND);
	lane_add(&scene, 3, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 6, "ANSWER"), T0 + 4 * SECOND + 1);
	lane_add(&scene, 0, event_bridge(WTEL_AMI_BRIDGE_ENTER, &agent, "b"), T0 + 4 * SECOND + 5);
	scene_last(&scene, event_hangup(&customer, 6, 16, 0), T0 + 9 * SECOND);
	scene_last(&scene, event_hangup(&agent, 6, 16, 0), T0 + 9 * SECOND + 5);
	scene_all(&scene, 1000);
}

/* Both legs' Hangups, DialEnd and the request race. */
static void race_end(struct scene *scene, const char *dial, int cause, int sip_code, bool agent_left)
{
	int state = scene->begin == begin_ringing ? 5 : 0;

	if (agent_left)
		lane_add(scene, 0, event_of(WTEL_AMI_HANGUP_REQUEST, &agent, 6), T0 + 8 * SECOND);
	else if (sip_code)
		lane_add(scene, 0, event_of(WTEL_AMI_HANGUP_REQUEST, &customer, state), T0 + 8 * SECOND);
	lane_add(scene, 1, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, state, dial), T0 + 8 * SECOND + 2);
	lane_add(scene, 1, event_hangup(&customer, state, cause, sip_code), T0 + 8 * SECOND + 3);
	lane_add(scene, 2, event_of(WTEL_AMI_SOFT_HANGUP_REQUEST, &agent, 6), T0 + 8 * SECOND + 3);
	lane_add(scene, 2, event_hangup(&agent, 6, 16, 0), T0 + 8 * SECOND + 4);
}

/* A request is sent before anybody acts on it (ast_queue_hangup_with_cause), so it is the first of that thread. */
static void scene_requested(struct scene *scene)
{
	if (scene->lanes[0].count) {
		struct lane *lane = &scene->lanes[1];

		memmove(&lane->events[1], &lane->events[0], lane->count * sizeof(lane->events[0]));
		lane->events[0] = scene->lanes[0].events[0];
		lane->count++;
		scene->lanes[0].count = 0;
	}
	scene_all(scene, 6);
}

Test(call_order, busy)
{
	static struct scene scene = {.begin = begin_dialled, .wanted = WTEL_DISPOSITION_BUSY};

	race_end(&scene, "BUSY", 17, 486, false);
	scene_requested(&scene);
}

Test(call_order, no_answer)
{
	static struct scene scene = {.begin = begin_ringing, .wanted = WTEL_DISPOSITION_NO_ANSWER};

	race_end(&scene, "NOANSWER", 0, 0, false);
	scene_requested(&scene);
}

Test(call_order, never_rang)
{
	static struct scene scene = {.begin = begin_dialled, .wanted = WTEL_DISPOSITION_FAILED};

	race_end(&scene, "NOANSWER", 0, 0, false);
	scene_requested(&scene);
}

Test(call_order, agent_left)
{
	static struct scene scene = {.begin = begin_ringing, .wanted = WTEL_DISPOSITION_CANCELLED};

	race_end(&scene, "CANCEL", 16, 0, true);
	scene_requested(&scene);
}

Test(call_order, agent_left_at_the_timeout)
{
	static struct scene scene = {.begin = begin_ringing, .wanted = WTEL_DISPOSITION_CANCELLED};

	race_end(&scene, "NOANSWER", 0, 0, true);
	scene_requested(&scene);
}

/* Somebody had the call hung up by the manager interface while it rang: the agent's channel is told before Dial ends.
 */
Test(call_order, hung_up_from_elsewhere)
{
	static struct scene scene = {.begin = begin_ringing, .wanted = WTEL_DISPOSITION_CANCELLED};

	lane_add(&scene, 1, event_of(WTEL_AMI_SOFT_HANGUP_REQUEST, &agent, 6), T0 + 8 * SECOND);
	lane_add(&scene, 1, event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 5, "NOANSWER"), T0 + 8 * SECOND + 2);
	lane_add(&scene, 1, event_hangup(&customer, 5, 0, 0), T0 + 8 * SECOND + 3);
	lane_add(&scene, 2, event_hangup(&agent, 6, 16, 0), T0 + 8 * SECOND + 4);
	scene_all(&scene, 4);
}

static void begin_expected(struct wtel_tracker *tracker)
{
	tracker_expect(tracker, "WLCM-1", T0);
}

/* OriginateResponse takes a way of its own: it may overtake all that the agent's channel says. */
Test(call_order, agent_is_busy)
{
	static struct scene scene = {.begin = begin_expected, .wanted = WTEL_DISPOSITION_CANCELLED};

	lane_add(&scene, 0, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0 + MILLI);
	lane_add(&scene, 0, event_hangup(&agent, 0, 17, 486), T0 + SECOND);
	lane_add(&scene, 1, event_originate("PJSIP/1001", "WLCM-1", "Failure", 0), T0 + SECOND);
	scene_all(&scene, 3);
}

/* OriginateResponse (Failure) comes before or after the Hangup of the agent's leg. */
Test(call_order, agent_never_picked_up)
{
	static struct scene scene = {.begin = begin_outbound, .wanted = WTEL_DISPOSITION_CANCELLED};

	lane_add(&scene, 0, event_of(WTEL_AMI_NEWSTATE, &agent, 5), T0 + MILLI);
	lane_add(&scene, 0, event_hangup(&agent, 5, 19, 480), T0 + 9 * SECOND);
	lane_add(&scene, 1, event_originate("PJSIP/1001", "WLCM-1", "Failure", 3), T0 + 9 * SECOND);
	scene_all(&scene, 3);
}

static void begin_inbound(struct wtel_tracker *tracker)
{
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &caller, 4), T0);
	tracker_take(tracker, event_of(WTEL_AMI_QUEUE_CALLER_JOIN, &caller, 4), T0 + MILLI);
}

Test(call_order, inbound)
{
	static struct scene scene = {.begin = begin_inbound, .wanted = WTEL_DISPOSITION_ANSWERED};
	struct wtel_ami_event connect = event_of(WTEL_AMI_AGENT_CONNECT, &caller, 6);

	connect.other = channel_block(&phone2, 6);
	lane_add(&scene, 0, event_of(WTEL_AMI_NEWCHANNEL, &phone2, 0), T0 + SECOND);
	lane_add(&scene, 0, event_of(WTEL_AMI_NEWSTATE, &phone2, 5), T0 + SECOND + MILLI);
	lane_add(&scene, 0, event_of(WTEL_AMI_NEWSTATE, &phone2, 6), T0 + 3 * SECOND);
	lane_add(&scene, 1, event_dial(WTEL_AMI_DIAL_BEGIN, &caller, &phone2, 0, "1002"), T0 + SECOND);
	lane_add(&scene, 1, event_dial(WTEL_AMI_DIAL_END, &caller, &phone2, 6, "ANSWER"), T0 + 3 * SECOND + 1);
	lane_add(&scene, 1, connect, T0 + 3 * SECOND + 2);
	lane_add(&scene, 2, event_bridge(WTEL_AMI_BRIDGE_ENTER, &caller, "b"), T0 + 3 * SECOND + 3);
	lane_add(&scene, 3, event_bridge(WTEL_AMI_BRIDGE_ENTER, &phone2, "b"), T0 + 3 * SECOND + 3);
	scene_last(&scene, event_hangup(&caller, 6, 16, 0), T0 + 9 * SECOND);
	scene_last(&scene, event_hangup(&phone2, 6, 16, 0), T0 + 9 * SECOND + 1);
	scene_all(&scene, 1000);
}

/* Each event twice, as two managers' sessions would give them: nothing is counted twice. */
Test(call_order, duplicates)
{
	struct wtel_tracker *tracker = tracker_with(NULL);
	struct wtel_tracker_counters counters;
	struct outcome got = {0};
	struct wtel_ami_event events[] = {
		event_of(WTEL_AMI_NEWCHANNEL, &agent, 0),
		event_of(WTEL_AMI_NEWSTATE, &agent, 6),
		event_of(WTEL_AMI_NEWCHANNEL, &customer, 0),
		event_dial(WTEL_AMI_DIAL_BEGIN, &agent, &customer, 0, "+15551234567@carrier-a"),
		event_of(WTEL_AMI_NEWSTATE, &customer, 6),
		event_dial(WTEL_AMI_DIAL_END, &agent, &customer, 6, "ANSWER"),
		event_hangup(&customer, 6, 16, 0),
		event_hangup(&agent, 6, 16, 0),
	};
	size_t count = sizeof(events) / sizeof(*events);
	size_t i;

	tracker_expect(tracker, "WLCM-1", T0);
	for (i = 0; i < count; i++) {
		tracker_take(tracker, events[i], T0 + (int64_t)i * SECOND);
		tracker_take(tracker, events[i], T0 + (int64_t)i * SECOND + 1);
		outcome_drain(&got, tracker);
	}
	/* And once more all of them, when it is over. */
	for (i = 0; i < count; i++)
		tracker_take(tracker, events[i], T0 + 60 * SECOND);
	outcome_drain(&got, tracker);
	cr_assert_eq(got.ended, 1);
	cr_assert_eq(got.billsec, 2);
	wtel_tracker_counters(tracker, &counters);
	cr_assert_eq(counters.calls, 1);
	cr_assert_eq(counters.channels, 0);
	wtel_tracker_free(tracker);
}
