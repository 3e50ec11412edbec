/*
 * The agent's half of a call:
 *
 *   REQUEST -> AGENT_RINGS -> AGENT_ANSWERS -> the dialplan (dial.c)
 *                   \-> AGENT_EXPIRES, HANGUP -> over
 *
 * OriginateResponse is sent from another thread than the rest in Asterisk; here it follows the answer and goes before a
 * hangup, which is where the captured sessions have it most often.
 */
#include "sim/core.h"

#include <stdio.h>
#include <strings.h>

bool sim_ends(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* hangup_cause2sip(), channels/chan_pjsip.c; 0: none. */
int sim_cause_to_sip(int cause)
{
	switch (cause) {
	case 1:
	case 2:
	case 3:
		return 404;
	case 17:
		return 486;
	case 18:
		return 408;
	case 19:
	case 20:
		return 480;
	case 21:
		return 403;
	case 22:
		return 410;
	case 27:
		return 502;
	case 28:
		return 484;
	case 29:
		return 501;
	case 34:
	case 42:
		return 503;
	case 38:
	case 41:
	case 127:
		return 500;
	case 58:
	case 65:
		return 488;
	default:
		return 0;
	}
}

static void call_unlink(struct wtel_sim *sim, struct sim_call *call)
{
	if (call->previous)
		call->previous->next = call->next;
	else
		sim->calls = call->next;
	if (call->next)
		call->next->previous = call->previous;
}

static void call_timer(struct wtel_sim *sim, struct sim_timer *timer);
static void call_leave(struct wtel_sim *sim, struct sim_timer *timer);

int sim_call_new(struct sim_call **out, struct wtel_sim *sim)
{
	struct sim_call *call = sim->free_calls;

	if (call)
		sim->free_calls = call->next;
	else
		call = base_allocate(&sim->allocator, sizeof(*call));
	if (!call)
		return WTEL_ENOMEM;
	memset(call, 0, sizeof(*call));
	if (sim_timer_adopt(sim, &call->timer, call_timer)) {
		call->next = sim->free_calls;
		sim->free_calls = call;
		return WTEL_ENOMEM;
	}
	if (sim_timer_adopt(sim, &call->leave, call_leave)) {
		sim_timer_abandon(sim, &call->timer);
		call->next = sim->free_calls;
		sim->free_calls = call;
		return WTEL_ENOMEM;
	}
	call->next = sim->calls;
	if (call->next)
		call->next->previous = call;
	sim->calls = call;
	*out = call;
	return 0;
}

void sim_call_free(struct wtel_sim *sim, struct sim_call *call)
{
	if (call->agent)
		sim_channel_free(sim, call->agent);
	if (call->customer)
		sim_channel_free(sim, call->customer);
	sim_variables_free(sim, &call->variables);
	sim_timer_abandon(sim, &call->timer);
	sim_timer_abandon(sim, &call->leave);
	call_unlink(sim, call);
	call->next = sim->free_calls;
	sim->free_calls = call;
}

void sim_call_free_all(struct wtel_sim *sim)
{
	struct sim_call *call;

	while (sim->calls)
		sim_call_free(sim, sim->calls);
	while ((call = sim->free_calls)) {
		sim->free_calls = call->next;
		base_release(&sim->allocator, call);
	}
}

void sim_call_next(struct wtel_sim *sim, struct sim_call *call, enum sim_step step, int64_t delay)
{
	call->step = step;
	sim_timer_set(sim, &call->timer, delay);
}

/* fast_originate(); `reason` as pbx_dial_reason() of main/pbx.c gives it. */
static void call_respond(struct wtel_sim *sim, struct sim_call *call, bool success, int reason)
{
	const struct sim_origin *origin = &call->origin;
	const char *id = success ? call->agent->unique_id : origin->unique_id;

	call->originated = true;
	if (origin->waiting) {
		sim_client_resume(origin->waiting, success);
		call->origin.waiting = NULL;
		return;
	}
	sim_event_begin(sim, "OriginateResponse", SIM_CLASS_CALL);
	if (*origin->action_id)
		sim_line(sim, "ActionID", origin->action_id);
	sim_line(sim, "Response", success ? "Success" : "Failure");
	sim_line(sim, "Channel", success ? call->agent->name : origin->channel);
	if (*origin->application) {
		sim_line(sim, "Application", origin->application);
		sim_line(sim, "Data", origin->data);
	} else {
		sim_line(sim, "Context", origin->context);
		sim_line(sim, "Exten", origin->extension);
	}
	sim_line_number(sim, "Reason", reason);
	sim_line(sim, "Uniqueid", *id ? id : "<unknown>");
	sim_line(sim, "CallerIDNum", *origin->caller ? origin->caller : "<unknown>");
	sim_line(sim, "CallerIDName", *origin->caller_name ? origin->caller_name : "<unknown>");
	sim_event_end(sim);
}

/* "PJSIP/1001" or "PJSIP/number@endpoint": the endpoint; false for another technology, or a phone that is not there. */
static bool call_endpoint(const struct wtel_sim *sim, const struct sim_origin *origin, char *out, size_t room)
{
	const char *name = origin->channel + 6, *at;
	size_t length;

	if (strncasecmp(origin->channel, "PJSIP/", 6) != 0)
		return false;
	at = strchr(name, '@');
	name = at ? at + 1 : name;
	length = strcspn(name, "/");
	snprintf(out, room, "%.*s", (int)(length < room ? length : room - 1), name);
	return *out && sim_endpoint_exists(sim, out) && !sim_trunk_of(out).absent && !sim_trunk_of(out).unreachable;
}

static void call_fail(struct wtel_sim *sim, struct sim_call *call)
{
	call_respond(sim, call, false, 0);
	sim_call_free(sim, call);
}

/* pbx_outgoing_attempt() and ast_dial_run() */
static void call_request(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_origin *origin = &call->origin;
	char endpoint[80] = "";
	int code;

	if (!call_endpoint(sim, origin, endpoint, sizeof(endpoint))) {
		call_fail(sim, call);
		return;
	}
	code = sim_channel_new(&call->agent, call, SIM_AGENT, endpoint, origin->unique_id, sim);
	if (code) {
		if (code == WTEL_ENOMEM)
			sim->failed = code;
		call_fail(sim, call);
		return;
	}
	call->agent->variables = call->variables;
	call->variables = NULL;
	sim->calls_processed++;
	sim_copy(call->agent->context, sizeof(call->agent->context), "welcomedly-agents");
	sim_copy(call->agent->extension, sizeof(call->agent->extension), "s");
	sim_event_channel(sim, "Newchannel", call->agent);
	sim_copy(call->agent->account, sizeof(call->agent->account), origin->account);
	sim_channel_caller(sim, call->agent, origin->caller, origin->caller_name);
	sim_channel_connected(sim, call->agent, origin->caller, origin->caller_name);
	sim_dial(sim, "DialBegin", NULL, call->agent, origin->channel + 6);
	call->dialling = true;
	call->expires = sim->now.mono > INT64_MAX - origin->timeout ? INT64_MAX : sim->now.mono + origin->timeout;
	sim_call_next(sim, call, SIM_AGENT_RINGS, SIM_NETWORK);
}

/* The next thing by `delay`, unless the timeout comes before. */
static void call_before(struct wtel_sim *sim, struct sim_call *call, enum sim_step step, int64_t delay)
{
	if (sim->now.mono > INT64_MAX - delay || sim->now.mono + delay >= call->expires)
		sim_call_next(sim, call, SIM_AGENT_EXPIRES, call->expires - sim->now.mono);
	else
		sim_call_next(sim, call, step, delay);
}

const char *sim_dial_status(int cause)
{
	return cause == 17		   ? "BUSY"
	       : cause == 34		   ? "CONGESTION"
	       : cause == 3 || cause == 20 ? "CHANUNAVAIL"
					   : "NOANSWER";
}

static void call_unanswered(struct wtel_sim *sim, struct sim_call *call, int cause)
{
	sim_dial(sim, "DialEnd", NULL, call->agent, sim_dial_status(cause));
	call_respond(sim, call, false, 0);
	sim_channel_hangup(sim, call->agent, cause, sim_cause_to_sip(cause));
	sim_call_free(sim, call);
}

static void call_rings(struct wtel_sim *sim, struct sim_call *call)
{
	bool never = sim_ends(call->agent->endpoint, "98");

	if (sim_ends(call->agent->endpoint, "96")) {
		sim_channel_request(sim, call->agent, false, 17, 486);
		call_unanswered(sim, call, 17);
		return;
	}
	if (sim->agent_pickup || never) {
		sim_channel_state(sim, call->agent, 5);
		sim_dial(sim, "DialState", NULL, call->agent, "RINGING");
	}
	call_before(sim, call, SIM_AGENT_ANSWERS, never ? INT64_MAX / 2 : sim->agent_pickup);
}

static void call_answers(struct wtel_sim *sim, struct sim_call *call)
{
	sim_channel_state(sim, call->agent, 6);
	sim_dial(sim, "DialEnd", NULL, call->agent, "ANSWER");
	call->dialling = false;
	call_respond(sim, call, true, 4);
	sim_call_answered(sim, call);
	sim_dialplan(sim, call);
}

/* handle_timeout_trip(), main/dial.c: no DialEnd. */
static void call_expires(struct wtel_sim *sim, struct sim_call *call)
{
	call_respond(sim, call, false, 3);
	sim_channel_hangup(sim, call->agent, 19, sim_cause_to_sip(19));
	sim_call_free(sim, call);
}

static void call_hangup(struct wtel_sim *sim, struct sim_call *call)
{
	if (call->inbound) {
		sim_queue_hangup(sim, call);
	} else if (!call->agent) {
		call_request(sim, call);
	} else if (!call->originated) {
		call_unanswered(sim, call, call->cause);
	} else {
		sim_dial_hangup(sim, call);
	}
}

void sim_call_answered(struct wtel_sim *sim, struct sim_call *call)
{
	if (sim_ends(call->agent->endpoint, "97"))
		sim_timer_set(sim, &call->leave, sim->talk);
}

/* The agent's phone says BYE. */
static void call_leave(struct wtel_sim *sim, struct sim_timer *timer)
{
	struct sim_call *call = (struct sim_call *)((char *)timer - offsetof(struct sim_call, leave));

	if (!call->agent || call->agent->doomed)
		return;
	sim_channel_request(sim, call->agent, false, 16, 0);
	call->agent->doomed = true;
	call->cause = 16;
	sim_timer_clear(sim, &call->timer);
	call_hangup(sim, call);
}

static void call_timer(struct wtel_sim *sim, struct sim_timer *timer)
{
	struct sim_call *call = (struct sim_call *)((char *)timer - offsetof(struct sim_call, timer));

	switch (call->step) {
	case SIM_REQUEST:
		call_request(sim, call);
		break;
	case SIM_AGENT_RINGS:
		call_rings(sim, call);
		break;
	case SIM_AGENT_ANSWERS:
		call_answers(sim, call);
		break;
	case SIM_AGENT_EXPIRES:
		call_expires(sim, call);
		break;
	case SIM_HANGUP:
		call_hangup(sim, call);
		break;
	case SIM_REDIRECT:
		sim_dial_redirect(sim, call);
		break;
	case SIM_APPLICATION_ENDS:
	case SIM_PROVISIONAL:
	case SIM_FINAL:
	case SIM_DIAL_EXPIRES:
	case SIM_WAIT_ENDS:
	case SIM_TALK_ENDS:
		if (call->inbound)
			sim_queue_talk_ends(sim, call);
		else
			sim_dial_step(sim, call);
		break;
	case SIM_QUEUE_CALLS:
	case SIM_QUEUE_RINGS:
	case SIM_QUEUE_ANSWERS:
	case SIM_QUEUE_EXPIRES:
		sim_queue_step(sim, call);
		break;
	}
}

void sim_call_hangup(struct wtel_sim *sim, struct sim_call *call, struct sim_channel *channel, int cause)
{
	channel->doomed = true;
	call->cause = cause;
	sim_call_next(sim, call, SIM_HANGUP, 0);
}

void sim_call_redirect(struct wtel_sim *sim, struct sim_call *call, struct sim_channel *channel, const char *context,
		       const char *extension, int priority)
{
	/* A channel that no PBX runs, as a dialled customer's, is hung up here instead of going its own way. */
	if (call->inbound || channel != call->agent || !call->originated) {
		sim_call_hangup(sim, call, channel, 0);
		return;
	}
	sim_copy(call->origin.context, sizeof(call->origin.context), context);
	sim_copy(call->origin.extension, sizeof(call->origin.extension), extension);
	*call->origin.application = '\0';
	call->origin.priority = priority;
	sim_call_next(sim, call, SIM_REDIRECT, 0);
}
