#include "service/failover.h"

#include <stdio.h>

#include "base/slice.h"

/* ---- life ------------------------------------------------------------- */

static int on_redirected(struct wtel_service *service, struct service_request *request,
			 const struct wtel_ami_notice *notice)
{
	struct failover *failover = (struct failover *)(void *)((char *)request - offsetof(struct failover, request));

	failover->pending--;
	if (failover->ended) {
		if (!failover->pending)
			failover_free(failover);
		return 0;
	}
	/* Whatever the reason: the call ends as it ends. */
	if (notice->code) {
		service_log(service, WTEL_LOG_WARNING, "call %s could not be sent on: %s", failover->call_id,
			    notice->text && *notice->text ? notice->text : wtel_error_text(notice->code));
		failover_over(failover);
	}
	return 0;
}

int failover_new(struct failover **out, struct wtel_service *service, const char *call_id, const char *number,
		 int64_t campaign_id)
{
	struct failover *failover = base_allocate_zero(&service->allocator, sizeof(*failover));
	int code;

	if (!failover)
		return WTEL_ENOMEM;
	service_list_init(&failover->link);
	failover->service = service;
	failover->request.done = on_redirected;
	failover->campaign_id = campaign_id;
	snprintf(failover->call_id, sizeof(failover->call_id), "%s", call_id);
	snprintf(failover->number, sizeof(failover->number), "%s", number);
	code = base_map_put(&service->calls, &service->allocator, wtel_slice_of(failover->call_id), failover);
	if (code) {
		base_release(&service->allocator, failover);
		return code;
	}
	*out = failover;
	return 0;
}

void failover_free(struct failover *failover)
{
	const struct wtel_allocator *allocator = &failover->service->allocator;

	service_list_remove(&failover->link);
	base_release(allocator, failover->routes);
	base_release(allocator, failover);
}

void failover_drop(struct failover *failover)
{
	(void)base_map_remove(&failover->service->calls, wtel_slice_of(failover->call_id));
	failover_free(failover);
}

struct failover *failover_find(const struct wtel_service *service, struct wtel_slice call_id)
{
	return base_map_get(&service->calls, call_id);
}

bool failover_owns(const struct wtel_service *service, const char *call_id)
{
	return failover_find(service, wtel_slice_of(call_id)) != NULL;
}

void failover_booked(struct failover *failover, int64_t trunk_id, unsigned variables)
{
	failover->tried[0] = trunk_id;
	failover->count = 1;
	failover->variables = variables;
}

/* Before the action is on the wire: what follows it may come with its answer. */
void failover_sent(struct failover *failover)
{
	failover->stage = FAILOVER_WATCHING;
}

void failover_cancel(struct wtel_service *service, const char *call_id)
{
	struct failover *failover = failover_find(service, wtel_slice_of(call_id));

	if (failover)
		failover->cancelled = true;
}

void failover_want(struct failover *failover, enum failover_stage stage)
{
	failover->stage = stage;
	service_list_remove(&failover->link);
	service_list_add(&failover->service->failovers, &failover->link);
}

void failover_over(struct failover *failover)
{
	failover->stage = FAILOVER_OVER;
	service_list_remove(&failover->link);
}

/* ---- what an attempt came to ------------------------------------------ */

static int64_t present(const struct failover *failover)
{
	return failover->count ? failover->tried[failover->count - 1] : 0;
}

/* Its trunk had its turn before the present one: its end is told late. */
static bool is_past(const struct failover *failover, const struct wtel_leg *leg)
{
	size_t i;

	for (i = 0; i + 1 < failover->count; i++)
		if (failover->tried[i] == leg->trunk_id && leg->trunk_id != present(failover))
			return true;
	return false;
}

/* The customer's leg that is to be judged next; NULL: none is there. */
static const struct wtel_leg *next_leg(struct failover *failover, const struct wtel_call *call)
{
	size_t i, number = 0;

	for (i = 0; i < call->leg_count; i++) {
		const struct wtel_leg *leg = &call->legs[i];

		if (leg->role != WTEL_LEG_CUSTOMER || !leg->trunk_id || number++ < failover->judged)
			continue;
		if (!is_past(failover, leg))
			return leg;
		failover->judged++;
	}
	return NULL;
}

/* Nothing but the dialplan tells why: neither status nor cause came with the leg's end. */
static bool is_mute(const struct failover *failover, const struct wtel_leg *leg)
{
	return !leg->answer && leg->sip_code < 300 && !leg->cause && !failover->reported;
}

/* `leg` NULL: Asterisk could not make one. */
static int judge(struct failover *failover, const struct wtel_call *call, const struct wtel_leg *leg)
{
	static const struct wtel_leg none = {.unique_id = ""};
	struct wtel_service *service = failover->service;
	const struct wtel_leg *told = leg ? leg : &none;
	int64_t trunk_id = told->trunk_id ? told->trunk_id : present(failover);
	int64_t rang = told->ringing ? told->ringing : told->answer;
	int cause = told->cause ? told->cause : failover->cause;
	enum wtel_outcome outcome = WTEL_OUTCOME_ANSWERED;
	int code;

	if (!service->router)
		return 0;
	if (!told->answer)
		outcome = wtel_router_fault(service->router, trunk_id, told->sip_code, cause,
					    wtel_slice_of(failover->status), told->ringing != 0) == WTEL_FAULT_TRUNK
				  ? WTEL_OUTCOME_FAULT
				  : WTEL_OUTCOME_CALLEE;
	health_words(failover->fault, sizeof(failover->fault), told->sip_code, cause, failover->status);
	code = health_outcome(service, trunk_id, outcome, rang > told->start ? rang - told->start : 0,
			      told->answer ? told->end - told->answer : 0, true, failover->fault);
	if (code)
		return code;
	failover->judged += leg != NULL;
	failover->reported = false;
	failover->status[0] = '\0';
	failover->cause = 0;
	if (failover->stage != FAILOVER_WATCHING)
		return 0;
	failover->at = wtel_time_now().mono;
	if (outcome == WTEL_OUTCOME_FAULT && failover_may(failover, call))
		failover_want(failover, FAILOVER_WANTED);
	else
		failover_over(failover);
	return 0;
}

static int look(struct failover *failover, const struct wtel_call *call)
{
	const struct wtel_leg *leg;
	int code = 0;

	failover->rang = failover->rang || call->ringing || call->answer;
	while (!code && (leg = next_leg(failover, call)) != NULL) {
		failover->dialled = true;
		if (leg->answer && !failover->answered) {
			code = health_answered(failover->service, leg->trunk_id);
			failover->answered = !code;
		}
		if (code || !leg->end || is_mute(failover, leg))
			break;
		code = judge(failover, call, leg);
	}
	return code;
}

/* ---- the end ---------------------------------------------------------- */

/* What was not judged is counted; the row's trunk becomes that of the last attempt. */
static int finish(struct failover *failover, const struct wtel_call *call)
{
	struct wtel_service *service = failover->service;
	const struct wtel_leg *leg;
	int code = 0;

	failover_over(failover);
	while (!code && (leg = next_leg(failover, call)) != NULL) {
		code = health_count(service, call, leg, true);
		failover->judged += !code;
	}
	if (!code)
		code = failover_restore(failover);
	if (code == WTEL_ENOMEM)
		return code;
	routing_load(service, present(failover), -1);
	(void)base_map_remove(&service->calls, wtel_slice_of(failover->call_id));
	failover->ended = true;
	if (failover->pending)
		service_list_add(&service->failovers, &failover->link);
	else
		failover_free(failover);
	return 0;
}

/* A call that others originated, or that came in. */
static int finish_other(struct wtel_service *service, const struct wtel_call *call)
{
	size_t i;

	for (i = 0; i < call->leg_count; i++)
		if (call->legs[i].role == WTEL_LEG_CUSTOMER && call->legs[i].end)
			(void)!health_count(service, call, &call->legs[i], false);
	routing_load(service, call->trunk_id, -1);
	return 0;
}

int failover_change(struct wtel_service *service, const struct wtel_call_change *change)
{
	const struct wtel_call *call = change->call;
	struct failover *failover = failover_find(service, wtel_slice_of(call->call_id));

	if (!failover && change->type == WTEL_CALL_CHANGE_ENDED)
		return finish_other(service, call);
	if (!failover && change->type == WTEL_CALL_CHANGE_NEW)
		routing_load(service, call->trunk_id, 1);
	if (!failover)
		return 0;
	return change->type == WTEL_CALL_CHANGE_ENDED ? finish(failover, call) : look(failover, call);
}

/* ---- WtelTrunkFault --------------------------------------------------- */

/* The trunk that was dialled last, whether or not the next one is booked. */
static int64_t dialled(const struct failover *failover)
{
	size_t back = failover->stage == FAILOVER_MOVED ? 2 : 1;

	return failover->count >= back ? failover->tried[failover->count - back] : 0;
}

int failover_event(struct wtel_service *service, const struct wtel_ami_event *event)
{
	struct failover *failover = failover_find(service, event->channel.unique_id);
	struct wtel_slice trunk = wtel_ami_message_get(event->message, "Trunk");
	const struct wtel_call *call;
	const struct wtel_leg *leg;

	/* One that is told late is not of the present trunk. */
	if (!failover || base_slice_number(trunk, 0) != dialled(failover))
		return 0;
	failover->waiting = true;
	if (failover->stage != FAILOVER_WATCHING || failover->reported)
		return 0;
	call = wtel_tracker_find(service->tracker, failover->call_id);
	if (!call || call->state == WTEL_CALL_ENDED)
		return 0;
	failover->reported = failover->dialled = true;
	(void)base_slice_copy(failover->status, sizeof(failover->status),
			      wtel_ami_message_get(event->message, "DialStatus"));
	failover->cause = (int)(base_slice_number(wtel_ami_message_get(event->message, "Cause"), 0) & 127);
	leg = next_leg(failover, call);
	/* A living leg tells better than this how it ended, in a moment. */
	if (leg && !leg->end)
		return 0;
	if (judge(failover, call, leg) == 0)
		return 0;
	failover->reported = false;
	return WTEL_ENOMEM;
}
