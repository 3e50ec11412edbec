/*
 * What became of attempts on trunks. Each goes into the router's window; those of calls that this process originated
 * also step the breaker that the store keeps for all processes:
 *
 *   outcome --> step --> store_breaker() --stored--> router
 *                ^            |
 *                +------------+ another process was first: again, from what it left
 *
 * Steps of one trunk go one after the other.
 */
#include "service/service.h"

#include <stdio.h>

#include "trunk/router.h"

enum { STORE_RETRY = 1000000 };

enum health_down { HEALTH_UP, HEALTH_STATUS, HEALTH_BREAKER, HEALTH_REGISTRATION };

struct health_step {
	struct service_link link;
	int64_t trunk_id;
	enum wtel_outcome outcome;
	int64_t wall;
	bool asked;
	char fault[40];
	char why[160]; /* if it opens */
};

/* ---- up and down ------------------------------------------------------ */

static enum health_down why_down(const struct sync_trunk *trunk)
{
	bool open = trunk->breaker.state == WTEL_BREAKER_OPEN;

	if (trunk->set != WTEL_TRUNK_ACTIVE && !(trunk->set == WTEL_TRUNK_ERROR && open))
		return HEALTH_STATUS;
	if (open)
		return HEALTH_BREAKER;
	return trunk->needs_registration && !trunk->registered ? HEALTH_REGISTRATION : HEALTH_UP;
}

static const char *text_of(const struct sync_trunk *trunk, enum health_down down, enum health_down before,
			   const char *why)
{
	static const char *const again[] = {"", "status active", "a trial call went well", "registered"};

	switch (down) {
	case HEALTH_UP:
		return again[before];
	case HEALTH_STATUS:
		return wtel_trunk_status_name(trunk->set);
	case HEALTH_BREAKER:
		return why ? why : trunk->error[0] ? trunk->error : "too many faults";
	case HEALTH_REGISTRATION:
		return trunk->status ? trunk->status : "Unregistered";
	}
	return "";
}

void health_judge(struct wtel_service *service, struct sync_trunk *trunk, const char *why)
{
	enum health_down before = trunk->down, down = why_down(trunk);
	struct wtel_notice notice = {
		WTEL_NOTICE_TRUNK_DOWN, service->now.wall, NULL, trunk->id, trunk->name, "", "", 0};
	bool told = trunk->judged;

	/* Until Asterisk told of its registrations nothing is known. */
	if (trunk->needs_registration && !trunk->status)
		return;
	trunk->judged = true;
	trunk->down = (unsigned char)down;
	if (!told || (down == HEALTH_UP) == (before == HEALTH_UP))
		return;
	notice.type = down == HEALTH_UP ? WTEL_NOTICE_TRUNK_UP : WTEL_NOTICE_TRUNK_DOWN;
	notice.text = text_of(trunk, down, before, why);
	notice.status = wtel_trunk_status_name(trunk->set);
	service_log(service, down == HEALTH_UP ? WTEL_LOG_INFO : WTEL_LOG_WARNING, "trunk %s is %s: %s", trunk->name,
		    down == HEALTH_UP ? "up" : "down", notice.text);
	observer_tell(service, &notice);
}

/* ---- outcomes --------------------------------------------------------- */

static bool is_pending(const struct wtel_service *service, int64_t trunk_id, const struct service_link *until)
{
	const struct service_link *at;

	for (at = service->health_steps.next; at != until; at = at->next)
		if (((const struct health_step *)at)->trunk_id == trunk_id)
			return true;
	return false;
}

/* The trunk's breaker after the step. false: it stays as it is. */
static bool next_breaker(struct wtel_service *service, struct wtel_breaker *out, const struct sync_trunk *trunk,
			 const struct health_step *step)
{
	const struct router_trunk *routed = router_trunk_of(service->router, trunk->id);
	int answered, attempts;

	*out = trunk->breaker;
	if (!routed)
		return false;
	health_ratio(routed->health, &answered, &attempts, step->wall);
	return wtel_breaker_step(out, &routed->rules.breaker, step->outcome, answered, attempts, step->wall);
}

static struct health_step *new_step(struct wtel_service *service, int64_t trunk_id, enum wtel_outcome outcome,
				    const char *fault)
{
	struct health_step *step = base_allocate_zero(&service->allocator, sizeof(*step));

	if (!step)
		return NULL;
	service_list_init(&step->link);
	step->trunk_id = trunk_id;
	step->outcome = outcome;
	step->wall = service->now.wall;
	snprintf(step->fault, sizeof(step->fault), "%s", fault);
	return step;
}

/* Takes it if it would change anything. `step` may be NULL. */
static void add_step(struct wtel_service *service, const struct sync_trunk *trunk, struct health_step *step)
{
	struct wtel_breaker breaker;

	if (step &&
	    (is_pending(service, trunk->id, &service->health_steps) || next_breaker(service, &breaker, trunk, step)))
		service_list_add(&service->health_steps, &step->link);
	else
		base_release(&service->allocator, step);
}

int health_outcome(struct wtel_service *service, int64_t trunk_id, enum wtel_outcome outcome, int64_t delay,
		   int64_t duration, bool own, const char *fault)
{
	struct sync_trunk *trunk = service->router ? table_trunk_by_id(service, trunk_id) : NULL;
	struct health_step *step = NULL;

	if (!trunk)
		return 0;
	if (own && !(step = new_step(service, trunk_id, outcome, fault)))
		return WTEL_ENOMEM;
	(void)wtel_router_outcome(service->router, NULL, trunk_id, outcome, delay, duration, service->now.wall);
	add_step(service, trunk, step);
	return 0;
}

int health_answered(struct wtel_service *service, int64_t trunk_id)
{
	struct sync_trunk *trunk = service->router ? table_trunk_by_id(service, trunk_id) : NULL;
	struct health_step *step;

	/* The end says it again, and to the window: here it only matters where there were faults. */
	if (!trunk || (trunk->breaker.state == WTEL_BREAKER_CLOSED && !trunk->breaker.faults))
		return 0;
	step = new_step(service, trunk_id, WTEL_OUTCOME_ANSWERED, "");
	if (!step)
		return WTEL_ENOMEM;
	add_step(service, trunk, step);
	return 0;
}

void health_words(char *out, size_t room, int sip_code, int cause, const char *status)
{
	if (sip_code >= 300)
		snprintf(out, room, "SIP %d", sip_code);
	else if (cause)
		snprintf(out, room, "cause %d", cause);
	else
		snprintf(out, room, "%s", *status ? status : "no reply");
}

int health_count(struct wtel_service *service, const struct wtel_call *call, const struct wtel_leg *leg, bool own)
{
	const struct wtel_slice none = {NULL, 0};
	int64_t rang = leg->ringing ? leg->ringing : leg->answer;
	int64_t duration = leg->answer && leg->end > leg->answer ? leg->end - leg->answer : 0;
	enum wtel_outcome outcome = WTEL_OUTCOME_ANSWERED;
	char fault[40];

	/* What came in to us says nothing about what the trunk carries for us; nor does what nobody saw. */
	if (!service->router || call->direction != WTEL_OUTBOUND || !leg->trunk_id ||
	    (call->estimated && !leg->answer && !leg->sip_code && !leg->cause))
		return 0;
	if (!leg->answer)
		outcome = wtel_router_fault(service->router, leg->trunk_id, leg->sip_code, leg->cause, none,
					    leg->ringing != 0) == WTEL_FAULT_TRUNK
				  ? WTEL_OUTCOME_FAULT
				  : WTEL_OUTCOME_CALLEE;
	health_words(fault, sizeof(fault), leg->sip_code, leg->cause, "");
	return health_outcome(service, leg->trunk_id, outcome, rang > leg->start ? rang - leg->start : 0, duration, own,
			      fault);
}

/* ---- steps ------------------------------------------------------------ */

static void drop(struct wtel_service *service, struct health_step *step)
{
	service_list_remove(&step->link);
	base_release(&service->allocator, step);
}

static void on_stored(int code, const struct wtel_detail *detail, bool stored, const struct wtel_breaker *breaker,
		      void *user)
{
	struct service_ticket *ticket = user;
	struct wtel_service *service = ticket->service;
	struct health_step *step = ticket->step;
	struct sync_trunk *trunk;

	if (!service || !step) {
		ticket_free(ticket);
		return;
	}
	step->asked = false;
	trunk = table_trunk_by_id(service, step->trunk_id);
	if (!code && trunk) {
		routing_breaker(service, trunk, breaker);
		health_judge(service, trunk, stored ? step->why : NULL);
	}
	if (code == WTEL_ECLOSED || code == WTEL_ESTORE)
		service->health_at = service->now.mono + STORE_RETRY;
	else if (code && service_note(service, code) != WTEL_ENOMEM)
		service_log(service, WTEL_LOG_WARNING, "the breaker of trunk %lld cannot be kept: %s",
			    (long long)step->trunk_id,
			    detail && detail->text[0] ? detail->text : wtel_error_text(code));
	if (!trunk || stored || (code && code != WTEL_ECLOSED && code != WTEL_ESTORE && code != WTEL_ENOMEM))
		drop(service, step);
	ticket_free(ticket);
}

static void say_why(struct health_step *step, const struct wtel_breaker *before, const struct wtel_breaker *after)
{
	if (before->state == WTEL_BREAKER_OPEN)
		snprintf(step->why, sizeof(step->why), "the trial call failed: %s", step->fault);
	else if (step->outcome == WTEL_OUTCOME_FAULT)
		snprintf(step->why, sizeof(step->why), "%d faults in a row, the last one %s", after->faults,
			 step->fault);
	else
		snprintf(step->why, sizeof(step->why), "too few of its calls are answered");
}

static int ask(struct wtel_service *service, struct health_step *step, const struct wtel_breaker *breaker)
{
	struct service_ticket *ticket;
	int code = ticket_new(&ticket, service, TICKET_BREAKER);

	if (code)
		return code;
	ticket->step = step;
	step->asked = true;
	code = store_breaker(service->store, step->trunk_id, breaker, step->why, on_stored, ticket);
	if (code) {
		step->asked = false;
		ticket_free(ticket);
	}
	return code;
}

void health_step_all(struct wtel_service *service)
{
	struct service_link *at = service->health_steps.next, *next;

	if (service->now.mono < service->health_at)
		return;
	for (; at != &service->health_steps; at = next) {
		struct health_step *step = (struct health_step *)at;
		struct sync_trunk *trunk = table_trunk_by_id(service, step->trunk_id);
		struct wtel_breaker breaker;
		int code;

		next = at->next;
		if (step->asked || is_pending(service, step->trunk_id, at))
			continue;
		if (!trunk || !next_breaker(service, &breaker, trunk, step)) {
			drop(service, step);
			continue;
		}
		say_why(step, &trunk->breaker, &breaker);
		code = ask(service, step, &breaker);
		if (code && service_note(service, code) != WTEL_ENOMEM)
			service->health_at = service->now.mono + STORE_RETRY;
	}
}

void health_end_all(struct wtel_service *service)
{
	struct service_link *at;

	/* Answers that come yet find nobody; their effect is in the store. */
	for (at = service->tickets.next; at != &service->tickets; at = at->next)
		((struct service_ticket *)at)->step = NULL;
	while (service->health_steps.next != &service->health_steps)
		drop(service, (struct health_step *)service->health_steps.next);
}

int64_t health_deadline(const struct wtel_service *service)
{
	const struct service_link *at;

	for (at = service->health_steps.next; at != &service->health_steps; at = at->next)
		if (!((const struct health_step *)at)->asked &&
		    !is_pending(service, ((const struct health_step *)at)->trunk_id, at))
			return service->health_at;
	return INT64_MAX;
}
