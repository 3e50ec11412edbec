/*
 * How a call ended, drawn once all is known: neither a Hangup nor a DialEnd decides alone, because they are sent by
 * different threads of Asterisk.
 */
#include "call/tracker.h"

/* Inbound: whoever takes the caller's call, an agent's phone or one beyond a trunk. An IVR or a queue has no leg. */
bool tracker_leg_takes(const struct tracker_leg *leg)
{
	return leg->role != WTEL_LEG_CUSTOMER && !(leg->flags & LEG_LOCAL);
}

/* It answered, and Dial or Queue gave it the caller, or they share a bridge: of two phones picked up at once one got
 * the call. */
bool tracker_leg_took(const struct tracker_leg *leg)
{
	const struct tracker_leg *customer;

	if (!leg->answer)
		return false;
	if (leg->flags & LEG_TAKEN)
		return true;
	customer = leg->bridge ? tracker_customer(leg->call) : NULL;
	return customer && customer->bridge == leg->bridge;
}

static bool leg_later(const struct tracker_leg *a, const struct tracker_leg *b)
{
	if (a->start != b->start)
		return a->start > b->start;
	return strcmp(tracker_text_string(&a->text, LEG_ID), tracker_text_string(&b->text, LEG_ID)) > 0;
}

/* The customer's last leg: what an earlier trunk said does not count once the next was tried. */
static const struct tracker_leg *verdict_last_customer(const struct tracker_call *call)
{
	const struct tracker_leg *found = NULL;
	const struct tracker_leg *leg;

	for (leg = call->legs; leg; leg = leg->next)
		if (leg->role == WTEL_LEG_CUSTOMER && (!found || leg_later(leg, found)))
			found = leg;
	return found;
}

/* The customer's leg that answered first. */
static const struct tracker_leg *verdict_answered_customer(const struct tracker_call *call)
{
	const struct tracker_leg *found = NULL;
	const struct tracker_leg *leg;

	for (leg = call->legs; leg; leg = leg->next)
		if (leg->role == WTEL_LEG_CUSTOMER && leg->answer &&
		    (!found || leg->answer < found->answer || (leg->answer == found->answer && leg_later(found, leg))))
			found = leg;
	return found;
}

/*
 * The trunk that carries the customer: of the leg that answered first, else of the last one. Legs of before a trunk
 * told that it could not even make one (WtelTrunkFault) are past. NULL: none has.
 */
const struct tracker_leg *verdict_carrier(const struct tracker_call *call)
{
	const struct tracker_leg *found = call->answer ? verdict_answered_customer(call) : NULL;
	const struct tracker_leg *leg;

	if (found && found->trunk_id)
		return found;
	found = NULL;
	for (leg = call->legs; leg; leg = leg->next)
		if (leg->role == WTEL_LEG_CUSTOMER && leg->trunk_id && !(leg->flags & LEG_PAST) &&
		    (!found || leg_later(leg, found)))
			found = leg;
	return found;
}

static const struct tracker_leg *verdict_agent(const struct tracker_call *call)
{
	const struct tracker_leg *found = NULL;
	const struct tracker_leg *leg;

	for (leg = call->legs; leg; leg = leg->next) {
		if (leg->role != WTEL_LEG_AGENT)
			continue;
		if (leg->flags & LEG_FIRST)
			return leg;
		if (!found || leg_later(found, leg))
			found = leg;
	}
	return found;
}

/* The far end of that leg spoke for itself: it hung up, or its final status is known. 487 only echoes our CANCEL. */
static bool leg_spoke(const struct tracker_leg *leg)
{
	return leg->flags & LEG_REQUESTED || (leg->sip_code >= 300 && leg->sip_code != 487);
}

/*
 * Somebody else, by the manager interface or the command line, had the leg hung up while the customer was being
 * dialled: the thread that runs Dial tells DialEnd before the dialplan's own Hangup().
 */
static bool leg_asked(const struct tracker_leg *leg, const struct tracker_leg *customer)
{
	return leg->flags & LEG_SOFT && customer->dial_end && leg->soft < customer->dial_end && !leg_spoke(customer);
}

/*
 * Whether our side gave the customer up. Dial says CANCEL when it saw the agent go; NOANSWER too, if it saw it in the
 * moment in which the time was over (wait_for_answer, apps/app_dial.c), so then the agent's own hangup decides. Which
 * leg's Hangup comes first says nothing: two threads send them.
 */
static bool verdict_gave_up(const struct tracker_leg *agent, const struct tracker_leg *customer)
{
	if (customer->dial == CAUSE_DIAL_CANCEL || leg_asked(customer, customer) ||
	    (agent && leg_asked(agent, customer)))
		return true;
	if (customer->dial == CAUSE_DIAL_BUSY || customer->dial == CAUSE_DIAL_CONGESTION ||
	    customer->dial == CAUSE_DIAL_CHANUNAVAIL || leg_spoke(customer))
		return false;
	if (customer->flags & LEG_SOFT)
		return true;
	return agent && agent->flags & LEG_REQUESTED && (!customer->end || agent->request <= customer->end);
}

static struct verdict verdict_of_leg(const struct tracker_leg *leg, bool ringing)
{
	struct verdict verdict = {WTEL_DISPOSITION_FAILED, leg, ""};

	if (leg->flags & LEG_VANISHED && !leg_spoke(leg) && leg->dial == CAUSE_DIAL_NONE) {
		verdict.sentence = "it ended while Asterisk was out of sight";
		return verdict;
	}
	verdict.disposition = cause_judge(leg->sip_code, leg->cause, leg->dial, ringing, &verdict.sentence);
	return verdict;
}

/* The customer was never called. */
static struct verdict verdict_without_customer(const struct tracker_call *call)
{
	const struct tracker_leg *agent = verdict_agent(call);
	struct verdict verdict = {WTEL_DISPOSITION_FAILED, agent, "the agent's phone could not be reached"};
	struct verdict own;

	if (!agent) {
		/* Reasons of OriginateResponse (pbx_dial_reason, main/pbx.c): 3 it rang, 5 busy. */
		if (call->refusal == 3 || call->refusal == 5) {
			verdict.disposition = WTEL_DISPOSITION_CANCELLED;
			verdict.sentence = "the agent did not pick up";
		} else if (call->refusal < 0) {
			verdict.sentence = "Asterisk knows nothing of it";
		}
		return verdict;
	}
	if (agent->flags & LEG_VANISHED) {
		verdict.sentence = "it ended while Asterisk was out of sight";
		return verdict;
	}
	if (agent->answer) {
		verdict.sentence = "no channel to the customer could be made";
		if (agent->flags & LEG_REQUESTED) {
			verdict.disposition = WTEL_DISPOSITION_CANCELLED;
			verdict.sentence = "the agent hung up before the customer was called";
		}
		return verdict;
	}
	own = verdict_of_leg(agent, agent->ringing != 0);
	if (agent->ringing || own.disposition != WTEL_DISPOSITION_FAILED) {
		verdict.disposition = WTEL_DISPOSITION_CANCELLED;
		verdict.sentence = "the agent did not pick up";
	}
	return verdict;
}

static struct verdict verdict_outbound(const struct tracker_call *call)
{
	const struct tracker_leg *customer = verdict_last_customer(call);
	struct verdict verdict = {WTEL_DISPOSITION_CANCELLED, customer, "the agent hung up first"};

	if (!customer)
		return verdict_without_customer(call);
	if (verdict_gave_up(verdict_agent(call), customer))
		return verdict;
	return verdict_of_leg(customer, customer->ringing != 0);
}

/*
 * Inbound and no agent took it. NO ANSWER: it rang or waited, or the caller hung up before; BUSY: every phone tried
 * was; FAILED: no phone could be reached, or the number leads nowhere.
 */
static struct verdict verdict_inbound(const struct tracker_call *call)
{
	const struct tracker_leg *customer = tracker_customer(call);
	struct verdict verdict = {WTEL_DISPOSITION_NO_ANSWER, customer, "no agent answered"};
	const struct tracker_leg *leg;
	size_t tried = 0;
	size_t busy = 0;
	bool rang = false;

	for (leg = call->legs; leg; leg = leg->next) {
		const char *text;

		if (!tracker_leg_takes(leg))
			continue;
		tried++;
		rang = rang || leg->ringing || leg->answer;
		busy += cause_judge(leg->sip_code, leg->cause, leg->dial, leg->ringing != 0, &text) ==
			WTEL_DISPOSITION_BUSY;
	}
	if (customer && customer->flags & LEG_REQUESTED) {
		verdict.sentence = "the caller hung up";
	} else if (tried && busy == tried) {
		verdict.disposition = WTEL_DISPOSITION_BUSY;
		verdict.sentence = "every agent was busy";
	} else if (rang || call->flags & CALL_QUEUED || (customer && customer->answer)) {
		return verdict;
	} else if (tried) {
		verdict.disposition = WTEL_DISPOSITION_FAILED;
		verdict.sentence = "no agent's phone could be reached";
	} else if (customer) {
		/* The dialplan refused it, or it led nowhere. */
		return verdict_of_leg(customer, customer->cause == 0 || customer->cause == 16);
	}
	return verdict;
}

struct verdict verdict_draw(const struct tracker_call *call)
{
	struct verdict verdict = {WTEL_DISPOSITION_ANSWERED, NULL, ""};

	if (call->answer) {
		verdict.leg =
			call->direction == WTEL_INBOUND ? tracker_customer(call) : verdict_answered_customer(call);
		return verdict;
	}
	if (call->flags & CALL_FAILED) {
		verdict.disposition = call->disposition;
		return verdict;
	}
	verdict = call->direction == WTEL_INBOUND ? verdict_inbound(call) : verdict_outbound(call);
	if (call->flags & CALL_CANCELLED) {
		verdict.disposition = WTEL_DISPOSITION_CANCELLED;
		verdict.sentence = "a hangup was asked for";
	}
	return verdict;
}
