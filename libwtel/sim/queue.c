/*
 * An inbound call: a customer's channel in the queue of examples/asterisk, one agent after the other is called
 * (app_queue.c).
 *
 *   QUEUE_CALLS -> QUEUE_RINGS -> QUEUE_ANSWERS -> TALK_ENDS -> over
 *        ^               \-> QUEUE_EXPIRES -\
 *        \--------------- after the retry --/
 */
#include "sim/core.h"

#include <stdio.h>

#define QUEUE_NAME "welcome-queue"

/* queue_channel_to_ami(), queue_multi_channel_to_ami(): blocks first, then what the event is about. */
static void queue_begin(struct wtel_sim *sim, const char *event, const struct sim_channel *customer,
			const struct sim_channel *agent)
{
	char member[96];

	sim_event_begin(sim, event, SIM_CLASS_AGENT);
	if (customer)
		sim_put_channel(sim, "", customer);
	if (agent && customer)
		sim_put_channel(sim, "Dest", agent);
	sim_line(sim, "Queue", QUEUE_NAME);
	if (!agent)
		return;
	snprintf(member, sizeof(member), "PJSIP/%s", agent->endpoint);
	sim_line(sim, "Interface", member);
	sim_line(sim, "MemberName", member);
}

static int64_t queue_seconds(int64_t from, int64_t to)
{
	return (to - from) / SIM_SECOND;
}

static bool queue_is_phone(const char *endpoint)
{
	return *endpoint && strspn(endpoint, "0123456789") == strlen(endpoint) && !sim_ends(endpoint, "96") &&
	       !sim_ends(endpoint, "99");
}

static bool queue_idle(const struct wtel_sim *sim, const char *endpoint)
{
	const struct sim_channel *channel;

	for (channel = sim->channels; channel; channel = channel->next)
		if (strcmp(channel->endpoint, endpoint) == 0)
			return false;
	return true;
}

/* A phone that is not talking (ringinuse=no), the next in turn (rrmemory); NULL: none. */
static const char *queue_agent(struct wtel_sim *sim)
{
	size_t i;

	if (sim->endpoints_any)
		return queue_idle(sim, "1001") ? "1001" : NULL;
	for (i = 0; i < sim->endpoint_count; i++) {
		const char *endpoint = sim->endpoints[(sim->queue_next + i) % sim->endpoint_count];

		if (queue_is_phone(endpoint) && queue_idle(sim, endpoint)) {
			sim->queue_next = (sim->queue_next + i + 1) % sim->endpoint_count;
			return endpoint;
		}
	}
	return NULL;
}

static void queue_music(struct wtel_sim *sim, const struct sim_channel *customer, bool start)
{
	sim_event_begin(sim, start ? "MusicOnHoldStart" : "MusicOnHoldStop", SIM_CLASS_CALL);
	sim_put_channel(sim, "", customer);
	if (start)
		sim_line(sim, "Class", "default");
	sim_event_end(sim);
}

/* ring_entry() */
static void queue_call(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *customer = call->customer, *agent;
	const char *endpoint = queue_agent(sim);
	char interface[96];

	if (!endpoint || sim_channel_new(&call->agent, call, SIM_AGENT, endpoint, "", sim)) {
		sim_call_next(sim, call, SIM_QUEUE_CALLS, SIM_QUEUE_RETRY * SIM_SECOND);
		return;
	}
	agent = call->agent;
	sim_copy(agent->linked_id, sizeof(agent->linked_id), customer->linked_id);
	sim_copy(agent->context, sizeof(agent->context), "welcomedly-agents");
	sim_copy(agent->extension, sizeof(agent->extension), "s");
	sim_event_channel(sim, "Newchannel", agent);
	sim_channel_caller(sim, agent, customer->extension, "");
	snprintf(interface, sizeof(interface), "PJSIP/%s", agent->endpoint);
	/* Two threads in Asterisk: AgentCalled shows already what DialBegin does not yet. */
	sim_copy(agent->connected, sizeof(agent->connected), customer->caller);
	sim_copy(agent->extension, sizeof(agent->extension), customer->extension);
	queue_begin(sim, "AgentCalled", customer, agent);
	sim_event_end(sim);
	*agent->connected = '\0';
	sim_copy(agent->extension, sizeof(agent->extension), "s");
	sim_dial(sim, "DialBegin", customer, agent, interface);
	call->dialling = true;
	sim_channel_connected(sim, customer, customer->extension, "");
	sim_copy(agent->connected, sizeof(agent->connected), customer->caller);
	sim_copy(agent->extension, sizeof(agent->extension), customer->extension);
	sim_copy(agent->application, sizeof(agent->application), "AppQueue");
	sim_copy(agent->data, sizeof(agent->data), "(Outgoing Line)");
	call->rang = sim->now.mono;
	call->expires = sim->now.mono + SIM_QUEUE_TIMEOUT * SIM_SECOND;
	sim_call_next(sim, call, SIM_QUEUE_RINGS, SIM_NETWORK);
}

static void queue_rings(struct wtel_sim *sim, struct sim_call *call)
{
	bool never = sim_ends(call->agent->endpoint, "98");

	if (sim->agent_pickup || never) {
		sim_channel_state(sim, call->agent, 5);
		sim_event_channel(sim, "NewConnectedLine", call->agent);
		sim_dial(sim, "DialState", call->customer, call->agent, "RINGING");
	}
	if (never || sim->now.mono + sim->agent_pickup >= call->expires)
		sim_call_next(sim, call, SIM_QUEUE_EXPIRES, call->expires - sim->now.mono);
	else
		sim_call_next(sim, call, SIM_QUEUE_ANSWERS, sim->agent_pickup);
}

static void queue_leave(struct wtel_sim *sim, struct sim_call *call)
{
	if (!call->queued)
		return;
	call->queued = false;
	if (sim->queued)
		sim->queued--;
	queue_begin(sim, "QueueCallerLeave", call->customer, NULL);
	sim_line(sim, "Position", "1");
	sim_line_number(sim, "Count", (int64_t)sim->queued);
	sim_event_end(sim);
}

static void queue_answers(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *customer = call->customer, *agent = call->agent;

	if (agent->state != 5) {
		sim_channel_state(sim, agent, 6);
		sim_event_channel(sim, "NewConnectedLine", agent);
	} else {
		sim_channel_state(sim, agent, 6);
	}
	sim_dial(sim, "DialEnd", customer, agent, "ANSWER");
	call->dialling = false;
	queue_music(sim, customer, false);
	queue_leave(sim, call);
	call->connected = sim->now.mono;
	queue_begin(sim, "AgentConnect", customer, agent);
	sim_line_number(sim, "HoldTime", queue_seconds(call->joined, sim->now.mono));
	sim_line_number(sim, "RingTime", queue_seconds(call->rang, sim->now.mono));
	sim_event_end(sim);
	sim_call_answered(sim, call);
	sim_channel_state(sim, customer, 6);
	sim_bridge_create(sim, call);
	sim_bridge_enter(sim, agent);
	sim_bridge_enter(sim, customer);
	sim_call_next(sim, call, SIM_TALK_ENDS, sim->talk);
}

/* rna(): then the queue waits and tries again. */
static void queue_expires(struct wtel_sim *sim, struct sim_call *call)
{
	queue_begin(sim, "AgentRingNoAnswer", call->customer, call->agent);
	sim_line_number(sim, "RingTime", (sim->now.mono - call->rang) / 1000);
	sim_event_end(sim);
	sim_dial(sim, "DialEnd", call->customer, call->agent, "NOANSWER");
	sim_dial(sim, "DialEnd", call->customer, call->agent, "CANCEL");
	call->dialling = false;
	sim_channel_hangup(sim, call->agent, 0, 0);
	sim_call_next(sim, call, SIM_QUEUE_CALLS, SIM_QUEUE_RETRY * SIM_SECOND);
}

void sim_queue_step(struct wtel_sim *sim, struct sim_call *call)
{
	if (call->step == SIM_QUEUE_CALLS)
		queue_call(sim, call);
	else if (call->step == SIM_QUEUE_RINGS)
		queue_rings(sim, call);
	else if (call->step == SIM_QUEUE_ANSWERS)
		queue_answers(sim, call);
	else
		queue_expires(sim, call);
}

static void queue_complete(struct wtel_sim *sim, struct sim_call *call, bool with_channels)
{
	const struct sim_channel *agent = call->agent;

	queue_begin(sim, "AgentComplete", with_channels ? call->customer : NULL, agent);
	sim_line_number(sim, "HoldTime", queue_seconds(call->joined, call->connected));
	sim_line_number(sim, "TalkTime", queue_seconds(call->connected, sim->now.mono));
	sim_line(sim, "Reason", "caller");
	sim_event_end(sim);
}

void sim_queue_talk_ends(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *customer = call->customer, *agent = call->agent;

	sim_channel_request(sim, customer, false, 16, 0);
	queue_complete(sim, call, true);
	sim_bridge_end(sim, call, customer, agent);
	sim_channel_request(sim, customer, true, 16, 0);
	sim_channel_hangup(sim, customer, 16, 0);
	sim_channel_hangup(sim, agent, 16, 0);
	sim_call_free(sim, call);
}

/* Both ends are still in the bridge. An agent who goes first leaves an AgentComplete without channels, and "caller" as
 * reason. */
static void queue_hangup_talking(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *customer = call->customer, *agent = call->agent;
	bool by_customer = customer->doomed;
	int cause = call->cause ? call->cause : 16;

	if (by_customer)
		queue_complete(sim, call, true);
	sim_bridge_end(sim, call, by_customer ? customer : agent, by_customer ? agent : customer);
	sim_channel_request(sim, customer, true, 16, 0);
	if (!by_customer)
		queue_complete(sim, call, false);
	sim_channel_hangup(sim, customer, by_customer ? cause : 16, by_customer ? sim_cause_to_sip(cause) : 0);
	sim_channel_hangup(sim, agent, by_customer ? 16 : cause, by_customer ? 0 : sim_cause_to_sip(cause));
	sim_call_free(sim, call);
}

void sim_queue_hangup(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *customer = call->customer, *agent = call->agent;

	if (*call->bridge) {
		queue_hangup_talking(sim, call);
		return;
	}
	if (!customer->doomed) {
		sim_dial(sim, "DialEnd", customer, agent, "NOANSWER");
		call->dialling = false;
		sim_channel_hangup(sim, agent, call->cause, sim_cause_to_sip(call->cause));
		sim_call_next(sim, call, SIM_QUEUE_CALLS, SIM_QUEUE_RETRY * SIM_SECOND);
		return;
	}
	queue_music(sim, customer, false);
	if (agent) {
		sim_dial(sim, "DialEnd", customer, agent, "CANCEL");
		sim_dial(sim, "DialEnd", customer, agent, "CANCEL");
	}
	queue_begin(sim, "QueueCallerAbandon", customer, NULL);
	sim_line(sim, "Position", "1");
	sim_line(sim, "OriginalPosition", "1");
	sim_line_number(sim, "HoldTime", queue_seconds(call->joined, sim->now.mono));
	sim_event_end(sim);
	queue_leave(sim, call);
	if (agent)
		sim_channel_hangup(sim, agent, 0, 0);
	sim_channel_request(sim, customer, true, 16, 0);
	sim_channel_hangup(sim, customer, call->cause, sim_cause_to_sip(call->cause));
	sim_call_free(sim, call);
}

static bool queue_text_safe(const char *text)
{
	return text && *text && strlen(text) < 80 && base_slice_unsafe(wtel_slice_of(text)) == strlen(text);
}

static int queue_admit(struct wtel_sim *sim, struct sim_call *call, const char *endpoint, const char *from,
		       const char *extension)
{
	struct sim_channel *customer;
	int code = sim_channel_new(&call->customer, call, SIM_CUSTOMER, endpoint, "", sim);

	if (code)
		return code;
	customer = call->customer;
	sim->calls_processed++;
	customer->state = 4;
	sim_copy(customer->caller, sizeof(customer->caller), from);
	sim_copy(customer->context, sizeof(customer->context), "welcomedly-inbound");
	sim_copy(customer->extension, sizeof(customer->extension), extension);
	sim_event_channel(sim, "Newchannel", customer);
	sim_copy(customer->context, sizeof(customer->context), "welcomedly-queue");
	customer->priority = 2;
	/* What is no number is no caller id. */
	if (strspn(from, "+0123456789") != strlen(from))
		sim_channel_caller(sim, customer, "", "");
	customer->priority = 3;
	sim_copy(customer->application, sizeof(customer->application), "Queue");
	sim_copy(customer->data, sizeof(customer->data), QUEUE_NAME ",t,,,300");
	call->queued = true;
	call->joined = sim->now.mono;
	queue_begin(sim, "QueueCallerJoin", customer, NULL);
	sim->queued++;
	sim_line_number(sim, "Position", (int64_t)sim->queued);
	sim_line_number(sim, "Count", (int64_t)sim->queued);
	sim_event_end(sim);
	queue_music(sim, customer, true);
	sim_call_next(sim, call, SIM_QUEUE_CALLS, 0);
	return 0;
}

int wtel_sim_call_in(struct wtel_sim *sim, const char *endpoint, const char *from, const char *extension,
		     struct wtel_time now)
{
	struct sim_call *call;
	int code;

	if (!queue_text_safe(endpoint) || !queue_text_safe(from) || !queue_text_safe(extension))
		return WTEL_EINVAL;
	if (!sim_endpoint_exists(sim, endpoint) || !sim_extension_exists("welcomedly-inbound", extension, 1))
		return WTEL_ENOTFOUND;
	sim_run(sim, now);
	code = sim_call_new(&call, sim);
	if (code)
		return code;
	call->inbound = true;
	code = queue_admit(sim, call, endpoint, from, extension);
	if (code) {
		sim_call_free(sim, call);
		return code;
	}
	code = sim->failed;
	sim->failed = 0;
	return code;
}
