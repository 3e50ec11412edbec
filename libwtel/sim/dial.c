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

enum sim_outcome sim_outcome_of(const char *number, int *status)
{
	static const enum sim_outcome outcomes[] = {SIM_ANSWERS,	 SIM_ANSWERS, SIM_REFUSED, SIM_RINGS,
						    SIM_REFUSED,	 SIM_REFUSED, SIM_REFUSED, SIM_EARLY_MEDIA,
						    SIM_ANSWERS_AT_ONCE, SIM_SILENT};
	static const int statuses[] = {0, 0, 486, 0, 503, 404, 603, 0, 0, 0};
	size_t length = strlen(number);

	if (length < 2 || number[length - 2] != '0' || number[length - 1] < '0' || number[length - 1] > '9')
		return SIM_ANSWERS;
	*status = statuses[number[length - 1] - '0'];
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

/* FILTER(), and what else the dialplan lets through. */
static void dial_filter(struct wtel_sim *sim, const char *name, const char *value, const char *extra)
{
	char out[SIM_LINE];
	size_t length = 0;

	for (; *value && length < sizeof(out) - 1; value++)
		if ((*value >= '0' && *value <= '9') || (*value >= 'A' && *value <= 'Z') ||
		    (*value >= 'a' && *value <= 'z') || strchr(extra, *value))
			out[length++] = *value;
	out[length] = '\0';
	sim_line(sim, name, out);
}

/* Tells of the trunk's fault (multi_user_event_to_ami(), main/stasis.c: the channel first), then waits. */
static void dial_wait(struct wtel_sim *sim, struct sim_call *call, const char *status, int cause)
{
	struct sim_channel *agent = call->agent;

	agent->priority = SIM_LAST_PRIORITY - 2;
	sim_copy(agent->application, sizeof(agent->application), "UserEvent");
	sim_event_begin(sim, "UserEvent", SIM_CLASS_USER);
	sim_put_channel(sim, "", agent);
	sim_line(sim, "UserEvent", "WtelTrunkFault");
	dial_filter(sim, "CallID", sim_variable_get(agent->variables, "CALL_ID"), "_.-");
	dial_filter(sim, "Trunk", sim_variable_get(agent->variables, "TRUNK_ID"), "");
	sim_line(sim, "DialStatus", status);
	sim_line_number(sim, "Cause", cause);
	sim_event_end(sim);
	agent->priority = SIM_LAST_PRIORITY - 1;
	sim_copy(agent->application, sizeof(agent->application), "Wait");
	snprintf(agent->data, sizeof(agent->data), "%d", SIM_WAIT);
	sim_call_next(sim, call, SIM_WAIT_ENDS, SIM_WAIT * SIM_SECOND);
}

/* "-404-486-" has "-486-". */
static bool dial_listed(const char *list, int status)
{
	char text[SIM_LINE], word[16];

	snprintf(text, sizeof(text), "-%.1000s-", list);
	snprintf(word, sizeof(word), "-%d-", status);
	return strstr(text, word) != NULL;
}

/*
 * The dialplan after a Dial() that was not answered; `code`: SIP status of the trunk's leg, 0: none came. The status
 * and not the cause decides whose answer it is; after ringing nothing is tried again.
 */
static void dial_over(struct wtel_sim *sim, struct sim_call *call, const char *status, int cause, int code)
{
	static const char callee[] = "404-410-433-470-480-484-485-486-487";
	const char *next = sim_variable_get(call->agent->variables, "WTEL_NEXT");
	bool fault = dial_listed(next, code) || (!dial_listed(callee, code) && code < 600);

	/* Colleagues call each other without all this. */
	if (strcmp(call->agent->context, "welcomedly-outbound") != 0)
		sim_dialplan_end(sim, call, 2, 0);
	else if (call->alerted || !fault)
		sim_dialplan_end(sim, call, SIM_LAST_PRIORITY, 0);
	else
		dial_wait(sim, call, status, cause);
}

static void dial_before(struct wtel_sim *sim, struct sim_call *call, enum sim_step step, int64_t delay)
{
	if (sim->now.mono > INT64_MAX - delay || sim->now.mono + delay >= call->expires)
		sim_call_next(sim, call, SIM_DIAL_EXPIRES, call->expires - sim->now.mono);
	else
		sim_call_next(sim, call, step, delay);
}

/* What comes back to the INVITE, and when. */
static void dial_send(struct wtel_sim *sim, struct sim_call *call, const char *dialled, const struct sim_trunk *trunk)
{
	int64_t delay = SIM_NETWORK;

	call->status = 0;
	call->alerted = false;
	call->outcome = sim_outcome_of(dialled, &call->status);
	if (call->outcome == SIM_SILENT)
		delay = INT64_MAX / 2;
	if (trunk->status) {
		call->outcome = trunk->rings ? SIM_RINGS_REFUSED : SIM_REFUSED;
		call->status = trunk->status;
		delay = SIM_NETWORK;
	} else if (trunk->silent) {
		call->outcome = SIM_REFUSED;
		call->status = 408;
		delay = SIM_TRANSACTION * SIM_SECOND;
	}
	dial_before(sim, call, SIM_PROVISIONAL, delay);
}

/* dial_exec_full(), apps/app_dial.c: the customer's channel and what is told of it before it rings. */
static void dial_begin(struct wtel_sim *sim, struct sim_call *call, const char *dialled, const char *endpoint,
		       int seconds)
{
	struct sim_channel *agent = call->agent, *customer;
	const char *number = agent->extension;
	struct sim_trunk trunk = sim_trunk_of(endpoint);
	char target[176];
	int code = WTEL_ENOTFOUND;

	if (sim_endpoint_exists(sim, endpoint) && !trunk.absent && !trunk.unreachable)
		code = sim_channel_new(&call->customer, call, SIM_CUSTOMER, endpoint, "", sim);
	agent->priority = 13;
	if (code) {
		if (code == WTEL_ENOMEM)
			sim->failed = code;
		call->dial_cause = 3;
		dial_over(sim, call, "CHANUNAVAIL", 3, 0);
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
	snprintf(target, sizeof(target), "%s@%s", dialled, endpoint);
	sim_copy(agent->application, sizeof(agent->application), "Dial");
	snprintf(agent->data, sizeof(agent->data), "PJSIP/%s,%d", target, seconds);
	sim_dial(sim, "DialBegin", agent, customer, target);
	call->dialling = true;
	sim_channel_connected(sim, agent, number, "");
	call->expires = sim->now.mono + seconds * SIM_SECOND;
	dial_send(sim, call, dialled, &trunk);
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
	const char *dialled = sim_variable_get(agent->variables, "WTEL_DIAL");
	char copy[80], target[80];

	if (!dial_clean(agent->extension, "+") || !*endpoint || !dial_clean(endpoint, "_.-") ||
	    !dial_clean(dialled, "+")) {
		sim_dialplan_end(sim, call, 2, 28);
		return;
	}
	agent->priority = 11;
	sim_channel_caller(sim, agent, dial_clean(caller, "+") ? caller : "", "");
	sim_copy(copy, sizeof(copy), endpoint);
	sim_copy(target, sizeof(target), *dialled ? dialled : agent->extension);
	dial_begin(sim, call, target, copy, seconds > 0 ? seconds : SIM_DIAL_TIMEOUT);
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
		if (origin->priority > 13)
			sim_dialplan_end(sim, call, SIM_LAST_PRIORITY, 0);
		else
			dial_outbound(sim, call);
	} else {
		/* A colleague; and where a trunk's calls come in, which is not for agents, the same. */
		sim_copy(extension, sizeof(extension), origin->extension);
		dial_begin(sim, call, extension, extension, SIM_DIAL_TIMEOUT);
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
	int cause = sim_sip_to_cause(call->status);

	sim_channel_request(sim, call->customer, false, cause, call->status);
	sim_dial(sim, "DialEnd", call->agent, call->customer, sim_dial_status(cause));
	call->dialling = false;
	call->dial_cause = cause;
	sim_channel_hangup(sim, call->customer, cause, call->status);
	dial_over(sim, call, sim_dial_variable(cause), cause, call->status);
}

static void dial_provisional(struct wtel_sim *sim, struct sim_call *call)
{
	switch (call->outcome) {
	case SIM_ANSWERS:
	case SIM_RINGS:
	case SIM_RINGS_REFUSED:
		call->alerted = true;
		sim_channel_state(sim, call->customer, 5);
		sim_dial(sim, "DialState", call->agent, call->customer, "RINGING");
		dial_before(sim, call, SIM_FINAL, call->outcome == SIM_RINGS ? INT64_MAX / 2 : sim->ring);
		break;
	case SIM_EARLY_MEDIA:
		call->alerted = true;
		sim_dial(sim, "DialState", call->agent, call->customer, "PROGRESS");
		dial_before(sim, call, SIM_FINAL, sim->ring);
		break;
	case SIM_ANSWERS_AT_ONCE:
		dial_answered(sim, call);
		break;
	case SIM_SILENT:
	case SIM_REFUSED:
		dial_refused(sim, call);
		break;
	}
}

static void dial_expired(struct wtel_sim *sim, struct sim_call *call)
{
	sim_dial(sim, "DialEnd", call->agent, call->customer, "NOANSWER");
	call->dialling = false;
	call->dial_cause = 16;
	sim_channel_hangup(sim, call->customer, 0, 0);
	dial_over(sim, call, "NOANSWER", 0, 0);
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
	} else if (call->step == SIM_FINAL && call->outcome == SIM_RINGS_REFUSED) {
		dial_refused(sim, call);
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
		sim_dialplan_end(sim, call, SIM_LAST_PRIORITY, 0);
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
		dial_over(sim, call, sim_dial_variable(cause), cause, 0);
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
