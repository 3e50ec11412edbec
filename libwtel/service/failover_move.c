/* The next trunk: chosen, booked in place of the one that failed, and the agent's channel sent there. */
#include "service/failover.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	REDIRECT_TIMEOUT = 5000000,
	SEND_RETRY = 20000,
	WAIT_PATIENCE = 30000 /* for a WtelTrunkFault that a dialplan may or may not send */
};

static const struct wtel_leg *agent_of(const struct wtel_call *call)
{
	size_t i;

	for (i = 0; i < call->leg_count; i++)
		if (strcmp(call->legs[i].unique_id, call->call_id) == 0)
			return call->legs[i].end || !call->legs[i].channel[0] ? NULL : &call->legs[i];
	return NULL;
}

/* The customer is never rung twice, and nobody is called for whom no agent waits. */
static bool is_waiting(const struct failover *failover, const struct wtel_call *call)
{
	return call && call->state != WTEL_CALL_ENDED && !failover->rang && !failover->cancelled && !call->ringing &&
	       !call->answer && agent_of(call) && failover->service->ready;
}

bool failover_may(const struct failover *failover, const struct wtel_call *call)
{
	return is_waiting(failover, call) && failover->count < failover->service->options.max_attempts;
}

/* ---- booking ---------------------------------------------------------- */

int failover_restore(struct failover *failover)
{
	struct wtel_service *service = failover->service;
	bool undialled = failover->stage == FAILOVER_OVER && failover->count > 1 && !failover->dialled;
	int code = 0;

	if (undialled) {
		routing_load(service, failover->tried[failover->count - 1], -1);
		failover->count--;
		failover->moved = true;
		failover->dialled = true;
		routing_load(service, failover->tried[failover->count - 1], 1);
	}
	if (failover->moved && service->store)
		code = store_restore(service->store, failover->call_id, failover->tried[failover->count - 1]);
	if (code != WTEL_ENOMEM)
		failover->moved = false;
	return code;
}

static void booked(struct failover *failover, struct service_ticket *ticket, const struct wtel_booking *booking)
{
	struct wtel_service *service = failover->service;

	routing_load(service, ticket->trunk_id, -1);
	base_release(&service->allocator, failover->routes);
	failover->routes = ticket->routes;
	failover->taken = booking->taken < ticket->route_count ? booking->taken : 0;
	ticket->routes = NULL;
	failover->tried[failover->count++] = failover->routes[failover->taken].trunk_id;
	failover->dialled = false;
	failover->sent = 0;
	if (is_waiting(failover, wtel_tracker_find(service->tracker, failover->call_id)))
		failover_want(failover, FAILOVER_MOVED);
	else
		failover_over(failover);
}

static void not_booked(struct failover *failover, int code, const struct wtel_detail *detail)
{
	struct wtel_service *service = failover->service;

	if (service_note(service, code) == WTEL_ENOMEM) {
		failover_want(failover, FAILOVER_WANTED);
		return;
	}
	/* Whether it was moved before the connection fell is not known: its end puts it right. */
	failover->moved = code != WTEL_ENOTRUNK;
	service_log(service, WTEL_LOG_WARNING, "call %s: %s, and no other trunk: %s", failover->call_id,
		    failover->fault, detail && detail->text[0] ? detail->text : wtel_error_text(code));
	failover_over(failover);
}

static void on_moved(int code, const struct wtel_detail *detail, const struct wtel_booking *booking, void *user)
{
	struct service_ticket *ticket = user;
	struct wtel_service *service = ticket->service;
	struct failover *failover = service ? failover_find(service, wtel_slice_of(ticket->call_id)) : NULL;

	if (service && booking)
		routing_looks(service, ticket->routes, ticket->route_count, booking);
	/* The call is over, or nobody is there to send it on: the trunk that failed is the one that it was on. */
	if (!failover || failover->stage != FAILOVER_MOVING) {
		if (code == 0 || code == WTEL_ECLOSED)
			(void)store_restore(ticket->store, ticket->call_id, ticket->trunk_id);
		if (code == 0 && service)
			routing_load(service, ticket->routes[booking->taken].trunk_id, -1);
	} else if (code == 0) {
		booked(failover, ticket, booking);
	} else {
		not_booked(failover, code, detail);
	}
	ticket_free(ticket);
}

static int move(struct failover *failover, size_t count)
{
	struct wtel_service *service = failover->service;
	struct service_ticket *ticket;
	int code = ticket_new(&ticket, service, TICKET_MOVE);

	if (code)
		return code;
	snprintf(ticket->call_id, sizeof(ticket->call_id), "%s", failover->call_id);
	ticket->trunk_id = failover->tried[failover->count - 1];
	ticket->route_count = count;
	code = routing_copy(&ticket->routes, service, count);
	if (!code)
		code = store_move(service->store, failover->call_id, ticket->routes, count, service->trace, on_moved,
				  ticket);
	if (code)
		ticket_free(ticket);
	return code;
}

static int step_wanted(struct failover *failover)
{
	struct wtel_service *service = failover->service;
	size_t count = 0;
	int code;

	if (!failover_may(failover, wtel_tracker_find(service->tracker, failover->call_id))) {
		failover_over(failover);
		return 0;
	}
	code = routing_rank(service, &count, failover->number, failover->campaign_id, failover->tried, failover->count);
	if (!code) {
		failover->stage = FAILOVER_MOVING;
		code = move(failover, count);
	}
	if (code == WTEL_ENOMEM) {
		failover->stage = FAILOVER_WANTED;
	} else if (code) {
		service_log(service, WTEL_LOG_WARNING, "call %s: %s, and no other trunk may have it", failover->call_id,
			    failover->fault);
		failover_over(failover);
	} else {
		service_list_remove(&failover->link);
	}
	return code;
}

/* ---- sending ---------------------------------------------------------- */

static int send_variable(struct failover *failover, const char *channel, const char *name, const char *value)
{
	struct wtel_service *service = failover->service;
	struct wtel_ami_action *action;
	int code = wtel_ami_action_new(&action, "Setvar", &service->allocator);

	if (code)
		return code;
	code = wtel_ami_action_add(action, "Channel", wtel_slice_of(channel), NULL);
	if (!code)
		code = wtel_ami_action_add(action, "Variable", wtel_slice_of(name), NULL);
	if (!code)
		code = wtel_ami_action_add(action, "Value", wtel_slice_of(value), NULL);
	if (!code)
		code = request_send(service, NULL, action, REDIRECT_TIMEOUT);
	wtel_ami_action_free(action);
	return code;
}

static int send_redirect(struct failover *failover, const char *channel)
{
	struct wtel_service *service = failover->service;
	struct wtel_ami_action *action;
	int code = wtel_ami_action_new(&action, "Redirect", &service->allocator);

	if (code)
		return code;
	code = wtel_ami_action_add(action, "Channel", wtel_slice_of(channel), NULL);
	if (!code)
		code = wtel_ami_action_add(action, "Context", wtel_slice_of(service->options.tracker.outbound_context),
					   NULL);
	if (!code)
		code = wtel_ami_action_add(action, "Exten", wtel_slice_of(failover->number), NULL);
	if (!code)
		code = wtel_ami_action_add_number(action, "Priority", 1);
	if (!code)
		code = request_send(service, &failover->request, action, REDIRECT_TIMEOUT);
	wtel_ami_action_free(action);
	return code;
}

/* Sets what the trunk has, and empties what the one before had. */
static int send_optional(struct failover *failover, const char *channel, enum failover_variable which, const char *name,
			 const char *value)
{
	int code = 0;

	if (*value || failover->variables & which)
		code = send_variable(failover, channel, name, value);
	if (code)
		return code;
	failover->variables &= ~(unsigned)which;
	failover->variables |= *value ? (unsigned)which : 0;
	return 0;
}

/* The actions in their order, from the one that was not taken yet. Asterisk takes those of a session one by one. */
static int send_next(struct failover *failover, const char *channel)
{
	const struct wtel_route *route = &failover->routes[failover->taken];
	const struct wtel_service *service = failover->service;
	char text[256];

	switch (failover->sent) {
	case 0:
		snprintf(text, sizeof(text), "%" PRId64, route->trunk_id);
		return send_variable(failover, channel, "__TRUNK_ID", text);
	case 1:
		return send_variable(failover, channel, "__WTEL_ENDPOINT", route->endpoint);
	case 2:
		return send_optional(failover, channel, FAILOVER_DIAL, "__WTEL_DIAL",
				     routing_dial(service, route, failover->number));
	case 3:
		if (failover->variables & FAILOVER_FOREIGN_CALLER_ID)
			return 0;
		return send_optional(failover, channel, FAILOVER_CALLER_ID, "__WTEL_CALLER_ID", route->caller_id);
	case 4:
		routing_next(service, text, sizeof(text), route->trunk_id);
		return send_optional(failover, channel, FAILOVER_NEXT, "__WTEL_NEXT", text);
	default:
		return send_redirect(failover, channel);
	}
}

static void tell(struct failover *failover, const struct wtel_call *call)
{
	struct wtel_service *service = failover->service;
	const struct wtel_route *route = &failover->routes[failover->taken];
	struct sync_trunk *before = table_trunk_by_id(service, failover->tried[failover->count - 2]);
	struct wtel_call shown = *call;
	struct wtel_notice notice = {
		WTEL_NOTICE_CALL_FAILOVER, service->now.wall, &shown, route->trunk_id, route->name, "", "", 0};

	shown.trunk_id = route->trunk_id;
	notice.text = failover->fault;
	service_log(service, WTEL_LOG_INFO, "call %s: trunk %s failed (%s), on to %s after %" PRId64 " us",
		    failover->call_id, before ? before->name : "", failover->fault, route->name,
		    wtel_time_now().mono - failover->at);
	observer_tell(service, &notice);
}

static int step_moved(struct failover *failover)
{
	struct wtel_service *service = failover->service;
	const struct wtel_call *call = wtel_tracker_find(service->tracker, failover->call_id);
	const char *channel;
	int code = 0;

	if (!is_waiting(failover, call)) {
		failover_over(failover);
		return 0;
	}
	/*
	 * Between the leg's end and its Wait() the dialplan still reads TRUNK_ID, to tell whose fault it was: a new one
	 * is not put there before. The booking took place meanwhile.
	 */
	if (!failover->waiting && service->now.mono < failover->at + WAIT_PATIENCE)
		return 0;
	channel = agent_of(call)->channel;
	for (; !code && failover->sent < 6; failover->sent += !code)
		code = send_next(failover, channel);
	if (code == WTEL_ENOMEM || code == WTEL_ELIMIT)
		return code;
	if (code) {
		failover_over(failover);
		return 0;
	}
	failover->pending++;
	tell(failover, call);
	base_release(&service->allocator, failover->routes);
	failover->routes = NULL;
	failover->stage = FAILOVER_WATCHING;
	failover->waiting = false;
	service_list_remove(&failover->link);
	return 0;
}

void failover_step(struct failover *failover)
{
	if (failover->stage == FAILOVER_WANTED)
		(void)service_note(failover->service, step_wanted(failover));
	else if (failover->stage == FAILOVER_MOVED)
		(void)service_note(failover->service, step_moved(failover));
}

void failover_step_all(struct wtel_service *service)
{
	struct service_link *at = service->failovers.next, *next;

	for (; at != &service->failovers; at = next) {
		next = at->next;
		failover_step((struct failover *)at);
	}
}

/* The service goes: whom nobody will send on keeps the trunk that he was on. */
void failover_end_all(struct wtel_service *service)
{
	struct failover *failover;
	size_t position = 0;

	while ((failover = base_map_walk(&service->calls, &position)) != NULL) {
		if (failover->stage == FAILOVER_MOVED) {
			failover_over(failover);
			(void)failover_restore(failover);
		}
		failover_drop(failover);
	}
	while (service->failovers.next != &service->failovers)
		failover_free((struct failover *)service->failovers.next);
	base_map_free(&service->calls, &service->allocator);
}

int64_t failover_deadline(const struct wtel_service *service)
{
	const struct service_link *at;
	int64_t deadline = INT64_MAX, own;

	for (at = service->failovers.next; at != &service->failovers; at = at->next) {
		const struct failover *failover = (const struct failover *)at;

		if (failover->ended)
			continue;
		own = failover->at + WAIT_PATIENCE;
		if (failover->stage != FAILOVER_MOVED || own <= service->now.mono)
			own = service->now.mono + SEND_RETRY;
		if (own < deadline)
			deadline = own;
	}
	return deadline;
}
