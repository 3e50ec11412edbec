/*
 * The dialplan of examples/asterisk and the customer's half of an outbound call:
 *
 *   Dial() -> PROVISIONAL -> FINAL -> TALK_ENDS -> over
 *                   |           \-> refused -> over, or WAIT_ENDS: two seconds in which the call may be redirected
 *                   \-> DIAL_EXPIRES -> over
 */
#include "sim/core.h"

#include <stdio.h>
#include <stdlib.h>

/* How a refusal looks: Q.850 cause, SIP status, DIALSTATUS; and whether the dialplan waits for a redirect. */
struct dial_refusal {
	int cause;
	int status;
	const char *dial_status;
	bool waits;
};

static struct dial_refusal dial_refusal_of(enum sim_outcome outcome)
{
	switch (outcome) {
	case SIM_BUSY:
		return (struct dial_refusal){17, 486, "BUSY", false};
	case SIM_UNKNOWN:
		return (struct dial_refusal){1, 404, "NOANSWER", false};
	case SIM_DECLINES:
		return (struct dial_refusal){21, 603, "NOANSWER", true};
	case SIM_FAULT:
		return (struct dial_refusal){38, 500, "NOANSWER", true};
	case SIM_ANSWERS:
	case SIM_RINGS:
	case SIM_CONGESTION:
	case SIM_EARLY_MEDIA:
	case SIM_ANSWERS_AT_ONCE:
	case SIM_SILENT:
		break;
	}
	return (struct dial_refusal){34, 503, "CONGESTION", true};
}

enum sim_outcome sim_outcome_of(const char *number)
{
	static const enum sim_outcome outcomes[] = {SIM_ANSWERS,	 SIM_ANSWERS, SIM_BUSY,	    SIM_RINGS,
						    SIM_CONGESTION,	 SIM_UNKNOWN, SIM_DECLINES, SIM_EARLY_MEDIA,
						    SIM_ANSWERS_AT_ONCE, SIM_SILENT};
	size_t length = strlen(number);

	if (length < 2 || number[length - 2] != '0' || number[length - 1] < '0' || number[length - 1] > '9')
		return SIM_ANSWERS;
	return outcomes[number[length - 1] - '0'];
}

/* The end of the agent's PBX: ast_softhangup(AST_SOFTHANGUP_APPUNLOAD), which is 16. */
void sim_dialplan_end(struct wtel_sim *sim, struct sim_call *call, int priority, int cause)
{
	if (!cause)
		cause = call->dial_cause;
	if (priority)
		call->agent->priority = priority;
	sim_channel_request(sim, call->agent, true, 16, 0);
	sim_channel_hangup(sim, call->agent, cause, sim_cause_to_sip(cause));
	sim_call_free(sim, call);
}

static void dial_wait(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *agent = call->agent;

	agent->priority = 12;
	sim_copy(agent->application, sizeof(agent->application), "Wait");
	snprintf(agent->data, sizeof(agent->data), "%d", SIM_WAIT);
	sim_call_next(sim, call, SIM_WAIT_ENDS, SIM_WAIT * SIM_SECOND);
}

static void dial_before(struct wtel_sim *sim, struct sim_call *call, enum sim_step step, int64_t delay)
{
	if (sim->now.mono > INT64_MAX - delay || sim->now.mono + delay >= call->expires)
		sim_call_next(sim, call, SIM_DIAL_EXPIRES, call->expires - sim->now.mono);
	else
		sim_call_next(sim, call, step, delay);
}

/* dial_exec_full(), apps/app_dial.c: the customer's channel and what is told of it before it rings. */
static void dial_begin(struct wtel_sim *sim, struct sim_call *call, const char *endpoint, int seconds)
{
	struct sim_channel *agent = call->agent, *customer;
	const char *number = agent->extension;
	char target[176];
	int code = WTEL_ENOTFOUND;

	if (sim_endpoint_exists(sim, endpoint) && !sim_ends(endpoint, "99"))
		code = sim_channel_new(&call->customer, call, SIM_CUSTOMER, endpoint, "", sim);
	agent->priority = 9;
	if (code) {
		if (code == WTEL_ENOMEM)
			sim->failed = code;
		call->dial_cause = 3;
		dial_wait(sim, call);
		return;
	}
	customer = call->customer;
	sim_copy(customer->linked_id, sizeof(customer->linked_id), agent->linked_id);
	sim_copy(customer->context, sizeof(customer->context), "welcomedly-inbound");
	sim_copy(customer->extension, sizeof(customer->extension), "s");
	sim_event_channel(sim, "Newchannel", customer);
	sim_variables_inherit(sim, customer, agent);
	sim_copy(customer->extension, sizeof(customer->extension), number);
	sim_copy(customer->connected, sizeof(customer->connected), agent->caller);
	sim_copy(customer->connected_name, sizeof(customer->connected_name), agent->caller_name);
	sim_channel_caller(sim, customer, number, "");
	if (*customer->connected || *customer->connected_name)
		sim_event_channel(sim, "NewConnectedLine", customer);
	sim_copy(customer->application, sizeof(customer->application), "AppDial");
	sim_copy(customer->data, sizeof(customer->data), "(Outgoing Line)");
	snprintf(target, sizeof(target), "%s@%s", number, endpoint);
	sim_copy(agent->application, sizeof(agent->application), "Dial");
	snprintf(agent->data, sizeof(agent->data), "PJSIP/%s,%d", target, seconds);
	sim_dial(sim, "DialBegin", agent, customer, target);
	call->dialling = true;
	sim_channel_connected(sim, agent, number, "");
	call->outcome = sim_ends(endpoint, "-down") ? SIM_FAULT : sim_outcome_of(number);
	call->expires = sim->now.mono + seconds * SIM_SECOND;
	dial_before(sim, call, SIM_PROVISIONAL, call->outcome == SIM_SILENT ? INT64_MAX / 2 : SIM_NETWORK);
}

/* The characters that the dialplan lets through. */
static bool dial_clean(const char *text, const char *extra)
{
	for (; *text; text++) {
		bool digit = *text >= '0' && *text <= '9';
		bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');

		if (!digit && !(letter && *extra == '_') && !strchr(extra, *text))
			return false;
	}
	return true;
}

static void dial_outbound(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *agent = call->agent;
	const char *endpoint = sim_variable_get(agent->variables, "WTEL_ENDPOINT");
	const char *caller = sim_variable_get(agent->variables, "WTEL_CALLER_ID");
	const char *ring = sim_variable_get(agent->variables, "WTEL_DIAL_TIMEOUT");
	int seconds = (int)(base_slice_number(wtel_slice_of(ring), SIM_DIAL_TIMEOUT) % 86400);
	char copy[80];

	if (!dial_clean(agent->extension, "+") || !*endpoint || !dial_clean(endpoint, "_.-")) {
		sim_dialplan_end(sim, call, 15, 28);
		return;
	}
	agent->priority = 8;
	sim_channel_caller(sim, agent, dial_clean(caller, "+") ? caller : "", "");
	sim_copy(copy, sizeof(copy), endpoint);
	dial_begin(sim, call, copy, seconds > 0 ? seconds : SIM_DIAL_TIMEOUT);
}

/* "1.5": microseconds, a year at most; what is no number is none. */
static int64_t dial_seconds(const char *text)
{
	double seconds = strtod(text, NULL);

	if (!(seconds > 0))
		return 0;
	return (int64_t)((seconds < 31536000 ? seconds : 31536000) * 1e6);
}

/* An application of Originate's: these last until somebody hangs up; Wait as long as it is told; others are over at
 * once. */
static void dial_application(struct wtel_sim *sim, struct sim_call *call)
{
	static const char *const lasting[] = {"Echo", "MusicOnHold", "Milliwatt", "WaitForNever"};
	const struct sim_origin *origin = &call->origin;
	int64_t delay = 0;
	size_t i;

	sim_copy(call->agent->application, sizeof(call->agent->application), origin->application);
	sim_copy(call->agent->data, sizeof(call->agent->data), origin->data);
	if (strcmp(origin->application, "Wait") == 0)
		delay = dial_seconds(origin->data);
	for (i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (strcmp(origin->application, lasting[i]) == 0)
			delay = INT64_MAX / 2;
	sim_call_next(sim, call, SIM_APPLICATION_ENDS, delay);
}

void sim_dialplan(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_origin *origin = &call->origin;
	struct sim_channel *agent = call->agent;
	char extension[80];

	if (*origin->application) {
		dial_application(sim, call);
		return;
	}
	if (!sim_extension_exists(origin->context, origin->extension, origin->priority)) {
		sim_channel_request(sim, agent, true, 16, 0);
		sim_copy(agent->context, sizeof(agent->context), origin->context);
		sim_copy(agent->extension, sizeof(agent->extension), origin->extension);
		agent->priority = origin->priority;
		sim_channel_hangup(sim, agent, call->dial_cause, sim_cause_to_sip(call->dial_cause));
		sim_call_free(sim, call);
		return;
	}
	sim_copy(agent->context, sizeof(agent->context), origin->context);
	sim_copy(agent->extension, sizeof(agent->extension), origin->extension);
	agent->priority = origin->priority;
	if (strcmp(origin->context, "welcomedly-outbound") == 0) {
		if (origin->priority > 9)
			sim_dialplan_end(sim, call, 13, 0);
		else
			dial_outbound(sim, call);
	} else {
		/* A colleague; and where a trunk's calls come in, which is not for agents, the same. */
		sim_copy(extension, sizeof(extension), origin->extension);
		dial_begin(sim, call, extension, SIM_DIAL_TIMEOUT);
	}
}

static void dial_answered(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *customer = call->customer;

	sim_channel_state(sim, customer, 6);
	*customer->extension = '\0';
	sim_dial(sim, "DialEnd", call->agent, customer, "ANSWER");
	call->dialling = false;
	sim_bridge_create(sim, call);
	sim_bridge_enter(sim, customer);
	sim_bridge_enter(sim, call->agent);
	call->dial_cause = 16;
	sim_call_next(sim, call, SIM_TALK_ENDS, sim->talk);
}

static void dial_refused(struct wtel_sim *sim, struct sim_call *call)
{
	struct dial_refusal refusal = dial_refusal_of(call->outcome);

	sim_channel_request(sim, call->customer, false, refusal.cause, refusal.status);
	sim_dial(sim, "DialEnd", call->agent, call->customer, refusal.dial_status);
	call->dialling = false;
	call->dial_cause = refusal.cause;
	sim_channel_hangup(sim, call->customer, refusal.cause, refusal.status);
	if (refusal.waits)
		dial_wait(sim, call);
	else
		sim_dialplan_end(sim, call, 13, 0);
}

static void dial_provisional(struct wtel_sim *sim, struct sim_call *call)
{
	switch (call->outcome) {
	case SIM_ANSWERS:
	case SIM_RINGS:
		sim_channel_state(sim, call->customer, 5);
		sim_dial(sim, "DialState", call->agent, call->customer, "RINGING");
		dial_before(sim, call, SIM_FINAL, call->outcome == SIM_RINGS ? INT64_MAX / 2 : sim->ring);
		break;
	case SIM_EARLY_MEDIA:
		sim_dial(sim, "DialState", call->agent, call->customer, "PROGRESS");
		dial_before(sim, call, SIM_FINAL, sim->ring);
		break;
	case SIM_ANSWERS_AT_ONCE:
		dial_answered(sim, call);
		break;
	case SIM_BUSY:
	case SIM_CONGESTION:
	case SIM_UNKNOWN:
	case SIM_DECLINES:
	case SIM_SILENT:
	case SIM_FAULT:
		dial_refused(sim, call);
		break;
	}
}

static void dial_expired(struct wtel_sim *sim, struct sim_call *call)
{
	sim_dial(sim, "DialEnd", call->agent, call->customer, "NOANSWER");
	call->dialling = false;
	sim_channel_hangup(sim, call->customer, 0, 0);
	sim_dialplan_end(sim, call, 13, 16);
}

void sim_bridge_end(struct wtel_sim *sim, struct sim_call *call, struct sim_channel *first, struct sim_channel *second)
{
	sim_bridge_leave(sim, first);
	sim_bridge_leave(sim, second);
	sim_bridge_destroy(sim, call);
}

void sim_dial_step(struct wtel_sim *sim, struct sim_call *call)
{
	if (call->step == SIM_PROVISIONAL) {
		dial_provisional(sim, call);
	} else if (call->step == SIM_FINAL) {
		dial_answered(sim, call);
	} else if (call->step == SIM_DIAL_EXPIRES) {
		dial_expired(sim, call);
	} else if (call->step == SIM_TALK_ENDS) {
		sim_channel_request(sim, call->customer, false, 16, 0);
		sim_bridge_end(sim, call, call->customer, call->agent);
		sim_channel_hangup(sim, call->customer, 16, 0);
		sim_dialplan_end(sim, call, 0, 16);
	} else if (call->step == SIM_APPLICATION_ENDS) {
		sim_channel_hangup(sim, call->agent, 0, 0);
		sim_call_free(sim, call);
	} else {
		sim_dialplan_end(sim, call, 13, 0);
	}
}

/* An action's hangup: no HangupRequest, as nobody at either end asked. */
void sim_dial_hangup(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *agent = call->agent, *customer = call->customer;
	int cause = call->cause;

	if (!customer && *call->origin.application) {
		sim_channel_hangup(sim, agent, cause, sim_cause_to_sip(cause));
		sim_call_free(sim, call);
	} else if (!customer) {
		sim_dialplan_end(sim, call, 0, cause);
	} else if (*call->bridge) {
		bool of_customer = customer->doomed;

		sim_bridge_end(sim, call, of_customer ? customer : agent, of_customer ? agent : customer);
		sim_channel_hangup(sim, customer, of_customer && cause ? cause : 16,
				   of_customer ? sim_cause_to_sip(cause) : 0);
		sim_dialplan_end(sim, call, 0, !of_customer && cause ? cause : 16);
	} else if (agent->doomed) {
		sim_dial(sim, "DialEnd", agent, customer, "CANCEL");
		call->dial_cause = 0;
		sim_channel_hangup(sim, customer, 16, 0);
		sim_dialplan_end(sim, call, 0, cause);
	} else {
		sim_dial(sim, "DialEnd", agent, customer, "NOANSWER");
		call->dialling = false;
		call->dial_cause = cause;
		sim_channel_hangup(sim, customer, cause, sim_cause_to_sip(cause));
		dial_wait(sim, call);
	}
}

/* The old customer, if there is still one, is left behind: his leg ends as a cancelled or a finished call. */
void sim_dial_redirect(struct wtel_sim *sim, struct sim_call *call)
{
	struct sim_channel *agent = call->agent, *customer = call->customer;
	const struct sim_origin *origin = &call->origin;

	if (customer) {
		sim_copy(agent->context, sizeof(agent->context), origin->context);
		sim_copy(agent->extension, sizeof(agent->extension), origin->extension);
		agent->priority = origin->priority;
		if (*call->bridge)
			sim_bridge_end(sim, call, agent, customer);
		else
			sim_dial(sim, "DialEnd", agent, customer, "CANCEL");
		call->dialling = false;
		sim_channel_hangup(sim, customer, 16, 0);
	}
	sim_dialplan(sim, call);
}
