/*
 * Ending a call: every living channel of it, also one that is only about to appear. The first leg goes first and
 * usually takes the others with it, so that every process that watches sees who gave up; what lives on after a moment
 * is hung up by name.
 */
#include "service/service.h"

#include <stdio.h>

enum {
	APPEAR_PATIENCE = 10000000,
	FIRST_PATIENCE = 500000,
	HANGUP_TIMEOUT = 10000000,
	LEGS_MAX = 32,
	SEND_RETRY = 50000
};

struct hangup {
	struct service_link link;
	struct service_request request;
	struct wtel_service *service;
	wtel_done_fn *done;
	void *user;
	char name[WTEL_CALL_ID_SIZE];
	bool channel;	/* `name` is a channel's */
	bool cancelled; /* the tracker was told */
	bool complete;
	bool first_sent;
	bool rest_sent;
	int64_t rest_at;  /* mono */
	unsigned pending; /* answers awaited */
	unsigned succeeded;
	unsigned gone;	  /* channels that had ended by themselves */
	int64_t deadline; /* for a channel to appear, mono */
	int code;
	char text[160];
	char channels[LEGS_MAX][WTEL_CALL_ID_SIZE]; /* still to send */
	unsigned channel_count;
};

static void conclude(struct hangup *hangup, int code, const char *text)
{
	hangup->complete = true;
	hangup->code = code;
	snprintf(hangup->text, sizeof(hangup->text), "%s", text ? text : "");
}

static int on_answer(struct wtel_service *service, struct service_request *request,
		     const struct wtel_ami_notice *notice)
{
	struct hangup *hangup = (struct hangup *)(void *)((char *)request - offsetof(struct hangup, request));
	struct wtel_slice text = wtel_slice_of(notice->text);

	(void)service;
	if (hangup->pending)
		hangup->pending--;
	if (notice->code == 0) {
		hangup->succeeded++;
	} else if (notice->code == WTEL_EREFUSED && base_slice_starts(text, BASE_SLICE("No such channel"))) {
		hangup->gone++;
	} else if (!hangup->code) {
		hangup->code = notice->code;
		snprintf(hangup->text, sizeof(hangup->text), "%s",
			 notice->text && *notice->text ? notice->text : wtel_error_text(notice->code));
	}
	if (hangup->pending || hangup->channel_count)
		return 0;
	/* The first leg was told, or had gone: the call's end follows, or the rest. */
	if (!hangup->channel && !hangup->rest_sent && !hangup->code)
		return 0;
	if (hangup->succeeded)
		conclude(hangup, 0, "");
	else if (!hangup->code && hangup->channel)
		conclude(hangup, WTEL_ENOTFOUND, "no such channel");
	else
		hangup->complete = true; /* what was to end had ended, or what went wrong */
	return 0;
}

static void note_channel(struct hangup *hangup, const char *name)
{
	if (hangup->channel_count < LEGS_MAX)
		snprintf(hangup->channels[hangup->channel_count++], sizeof(hangup->channels[0]), "%s", name);
}

static bool is_alive(const struct wtel_leg *leg)
{
	return !leg->end && leg->channel[0];
}

/* The leg that the call began with, whatever order the channels were listed in; NULL: none lives. */
static const struct wtel_leg *leader(const struct wtel_call *call)
{
	enum wtel_leg_role role = call->direction == WTEL_OUTBOUND ? WTEL_LEG_AGENT : WTEL_LEG_CUSTOMER;
	const struct wtel_leg *any = NULL;
	size_t i;

	for (i = call->leg_count; i-- > 0;) {
		if (!is_alive(&call->legs[i]))
			continue;
		if (call->legs[i].role == role || !any || any->role != role)
			any = &call->legs[i];
	}
	return any;
}

/* The living legs, now: the first, later all. false: the call is no more. */
static bool collect(struct hangup *hangup)
{
	const struct wtel_call *call = wtel_tracker_find(hangup->service->tracker, hangup->name);
	int64_t now = hangup->service->now.mono;
	const struct wtel_leg *first;
	size_t i;

	if (!call || call->state == WTEL_CALL_ENDED)
		return false;
	if (hangup->first_sent && now < hangup->rest_at)
		return true;
	if (!hangup->first_sent && (first = leader(call)) != NULL)
		note_channel(hangup, first->channel);
	for (i = 0; i < call->leg_count && hangup->first_sent; i++)
		if (is_alive(&call->legs[i]))
			note_channel(hangup, call->legs[i].channel);
	if (!hangup->channel_count)
		return true;
	hangup->rest_sent = hangup->first_sent;
	hangup->first_sent = true;
	hangup->rest_at = now + FIRST_PATIENCE;
	return true;
}

static int send_one(struct hangup *hangup, const char *channel)
{
	struct wtel_service *service = hangup->service;
	struct wtel_ami_action *action;
	int code = wtel_ami_action_new(&action, "Hangup", &service->allocator);

	if (code)
		return code;
	code = wtel_ami_action_add(action, "Channel", wtel_slice_of(channel), NULL);
	if (!code)
		code = request_send(service, &hangup->request, action, HANGUP_TIMEOUT);
	wtel_ami_action_free(action);
	if (!code)
		hangup->pending++;
	return code;
}

static int send_all(struct hangup *hangup)
{
	int code;

	while (hangup->channel_count) {
		code = send_one(hangup, hangup->channels[hangup->channel_count - 1]);
		if (code == WTEL_ENOMEM || code == WTEL_ELIMIT)
			return code;
		hangup->channel_count--;
		if (code && !hangup->pending)
			conclude(hangup, code == WTEL_ESTATE ? WTEL_ECONNECT : code,
				 wtel_error_text(code == WTEL_ESTATE ? WTEL_ECONNECT : code));
	}
	return 0;
}

static void step(struct hangup *hangup)
{
	struct wtel_service *service = hangup->service;

	if (hangup->complete || (hangup->pending && !hangup->channel_count))
		return;
	if (!hangup->channel_count && !hangup->channel) {
		if (!collect(hangup) && !originate_owns(service, hangup->name))
			conclude(hangup, 0, "");
		else if (!hangup->channel_count && service->now.mono >= hangup->deadline)
			conclude(hangup, WTEL_ETIMEOUT, "no channel of the call appeared");
		else if (!hangup->channel_count && !service->ready)
			conclude(hangup, WTEL_ECONNECT, wtel_error_text(WTEL_ECONNECT));
	}
	/* First the tracker, so that an end which comes at once is known to be wanted. */
	if (!hangup->cancelled && !hangup->complete && !hangup->channel) {
		failover_cancel(service, hangup->name);
		hangup->cancelled = wtel_tracker_cancel(service->tracker, hangup->name) != WTEL_ENOTFOUND;
	}
	if (!hangup->complete)
		(void)service_note(service, send_all(hangup));
}

void hangup_step_all(struct wtel_service *service)
{
	struct service_link *at;

	for (at = service->hangups.next; at != &service->hangups; at = at->next)
		step((struct hangup *)at);
}

/* What the tracker is told is the call's id, also where a channel is hung up. */
static int cancel(struct wtel_service *service, const struct wtel_call *call)
{
	char call_id[WTEL_CALL_ID_SIZE];

	snprintf(call_id, sizeof(call_id), "%s", call->call_id);
	failover_cancel(service, call_id);
	return wtel_tracker_cancel(service->tracker, call_id);
}

static int check(struct wtel_service *service, const char *name)
{
	size_t length = name ? strlen(name) : 0;

	if (!length)
		return service_fail(service, WTEL_EINVAL, "channel", "a channel or call id is needed");
	if (length >= WTEL_CALL_ID_SIZE)
		return service_fail(service, WTEL_ELIMIT, "channel", "longer than %d bytes", WTEL_CALL_ID_SIZE - 1);
	if (base_slice_unsafe(wtel_slice_of(name)) != length)
		return service_fail(service, WTEL_EINJECTION, "channel", "CR or LF in a channel's name");
	/* Asterisk takes "/.../" for a regular expression and hangs up all that match (main/manager.c). */
	if (name[0] == '/')
		return service_fail(service, WTEL_EINVAL, "channel", "a pattern is no channel");
	if (!service->ready || service->down_code || service->closing)
		return service_fail(service, WTEL_ECONNECT, "", "%s", wtel_error_text(WTEL_ECONNECT));
	/* An event waits for memory: the tracker and the session are not to be touched. */
	if (service->held || service->change_held)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	return 0;
}

int wtel_service_hangup(struct wtel_service *service, const char *name, wtel_done_fn *done, void *user)
{
	const struct wtel_call *call;
	struct hangup *hangup;
	int code = check(service, name);
	bool channel, known;

	if (code)
		return code;
	channel = strchr(name, '/') != NULL;
	call = wtel_tracker_find(service->tracker, name);
	known = call || originate_cancel(service, name);
	if (!known && !channel)
		return service_fail(service, WTEL_ENOTFOUND, "channel", "no such call is active");
	hangup = base_allocate_zero(&service->allocator, sizeof(*hangup));
	if (!hangup)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	if (!service->dispatching)
		service->now = wtel_time_now();
	hangup->service = service;
	hangup->done = done;
	hangup->user = user;
	hangup->channel = channel;
	hangup->request.done = on_answer;
	hangup->deadline = service->now.mono + APPEAR_PATIENCE;
	snprintf(hangup->name, sizeof(hangup->name), "%s", call && !channel ? call->call_id : name);
	if (channel)
		note_channel(hangup, name);
	if (call)
		hangup->cancelled = cancel(service, call) == 0;
	service_list_add(&service->hangups, &hangup->link);
	if (!service->dispatching)
		loop_arm(&service->loop, 0);
	return 0;
}

static void finish(struct hangup *hangup)
{
	struct wtel_service *service = hangup->service;

	if (hangup->done) {
		service_enter(service);
		hangup->done(hangup->code, hangup->text, hangup->user);
		service_leave(service);
	}
	service_list_remove(&hangup->link);
	base_release(&service->allocator, hangup);
}

void hangup_complete_all(struct wtel_service *service)
{
	struct service_link *at = service->hangups.next;

	while (at != &service->hangups && !service->closing) {
		struct hangup *hangup = (struct hangup *)at;

		if (hangup->complete && !hangup->pending) {
			hangup->complete = false; /* told once */
			at = at->previous;
			finish(hangup);
		}
		at = at->next;
	}
}

void hangup_end_all(struct wtel_service *service)
{
	while (service->hangups.next != &service->hangups) {
		struct hangup *hangup = (struct hangup *)service->hangups.next;

		if (!hangup->complete)
			conclude(hangup, WTEL_ECLOSED, "the service was closed");
		finish(hangup);
	}
}

int64_t hangup_deadline(const struct wtel_service *service)
{
	const struct service_link *at;
	int64_t deadline = INT64_MAX, own;

	for (at = service->hangups.next; at != &service->hangups; at = at->next) {
		const struct hangup *hangup = (const struct hangup *)at;

		own = hangup->deadline;
		if (hangup->complete && !hangup->pending)
			own = 0;
		else if (hangup->channel_count)
			own = service->now.mono + SEND_RETRY;
		else if (hangup->pending)
			own = INT64_MAX;
		else if (hangup->first_sent && !hangup->rest_sent)
			own = hangup->rest_at > service->now.mono ? hangup->rest_at : service->now.mono + SEND_RETRY;
		if (own < deadline)
			deadline = own;
	}
	return deadline;
}
