#include "service/originate.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "service/failover.h"
#include "service/originate_action.h"

enum {
	WAIT_PATIENCE = 20000000,  /* for the first synchronisation */
	DOUBT_PATIENCE = 60000000, /* for a new connection */
	SEND_RETRY = 50000,
	LOOKS = 2 /* at the channels before a call counts as not dialled */
};

void originate_complete(struct originate *originate, int code, const char *text)
{
	originate->stage = ORIGINATE_COMPLETE;
	originate->deadline = INT64_MAX;
	originate->code = code;
	if (text != originate->text)
		snprintf(originate->text, sizeof(originate->text), "%s", text ? text : "");
}

void originate_condemn(struct originate *originate, enum originate_stage stage, int code, const char *text)
{
	originate_complete(originate, code, text);
	originate->stage = stage;
}

/* ---- the request ---- */

static int new_call_id(struct originate *originate, int64_t wall)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return WTEL_EIO;
	snprintf(originate->call_id, sizeof(originate->call_id), "WLCM-%" PRId64 "-%016" PRIx64, wall / 1000, random);
	return 0;
}

static void fill_call(struct originate *originate, const struct wtel_originate *request, int64_t wall)
{
	struct wtel_call *call = &originate->call;

	snprintf(originate->extension, sizeof(originate->extension), "%s", request->extension);
	call->call_id = originate->call_id;
	call->channel = call->reason = call->recording_url = "";
	call->direction = WTEL_OUTBOUND;
	call->state = WTEL_CALL_QUEUED;
	call->agent_id = request->agent_id;
	call->campaign_id = request->campaign_id;
	call->lead_id = request->lead_id;
	call->caller_number = originate->extension;
	call->callee_number = originate->number;
	call->start = wall;
}

/* As it is kept, shown and dialled: in E.164 where a country is set, else as it was given. */
static int fill_number(struct wtel_service *service, struct originate *originate, const char *number)
{
	char plain[WTEL_NUMBER_SIZE];

	if (wtel_number_normalise(plain, number, service->options.country))
		return service_fail(service, WTEL_EINVAL, "number", "not a telephone number");
	snprintf(originate->number, sizeof(originate->number), "%s", service->options.country ? plain : number);
	return 0;
}

static bool sets_caller_id(const struct wtel_originate *request)
{
	size_t i;

	for (i = 0; i < request->variable_count; i++)
		if (strcmp(request->variables[i].name + strspn(request->variables[i].name, "_"), "WTEL_CALLER_ID") == 0)
			return true;
	return false;
}

static int on_ack(struct wtel_service *service, struct service_request *request, const struct wtel_ami_notice *notice);

static int prepare(struct wtel_service *service, struct originate *originate, const struct wtel_originate *request)
{
	int code = new_call_id(originate, service->now.wall);

	originate->service = service;
	if (code)
		return service_fail(service, code, "", "the system has no randomness");
	code = fill_number(service, originate, request->number);
	if (code)
		return code;
	fill_call(originate, request, service->now.wall);
	originate->foreign_caller_id = sets_caller_id(request);
	originate->stage = ORIGINATE_WAITING;
	originate->deadline = service->now.mono + WAIT_PATIENCE;
	originate->request.done = on_ack;
	service->error.field[0] = '\0';
	code = originate_action(service, originate, request, &service->error);
	if (!code)
		code = failover_new(&originate->failover, service, originate->call_id, originate->number,
				    request->campaign_id);
	if (code && !service->error.field[0])
		service_fail(service, code, "", "%s", wtel_error_text(code));
	return code;
}

static void originate_free(struct originate *originate)
{
	struct wtel_service *service = originate->service;

	service_list_remove(&originate->link);
	if (originate->failover)
		failover_drop(originate->failover);
	wtel_ami_action_free(originate->action);
	base_release(&service->allocator, originate);
}

int wtel_service_originate(struct wtel_service *service, char *call_id, const struct wtel_originate *given,
			   wtel_originate_fn *done, void *user)
{
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	struct originate *originate;
	int code;

	if (!given || given->size < offsetof(struct wtel_originate, campaign_id))
		return service_fail(service, WTEL_EINVAL, "size", "begin with WTEL_ORIGINATE_INIT");
	memcpy(&request, given, given->size < sizeof(request) ? given->size : sizeof(request));
	code = originate_check(service, &request, &service->error);
	if (code)
		return code;
	if (!service->store)
		return service_fail(service, WTEL_ENOTRUNK, "store", "%s: there is no store to choose one from",
				    wtel_error_text(WTEL_ENOTRUNK));
	if (!service->ready || service->down_code || service->closing)
		return service_fail(service, WTEL_ECONNECT, "", "%s", wtel_error_text(WTEL_ECONNECT));
	originate = base_allocate_zero(&service->allocator, sizeof(*originate));
	if (!originate)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	service_list_init(&originate->link);
	if (!service->dispatching)
		service->now = wtel_time_now();
	code = prepare(service, originate, &request);
	if (code) {
		originate_free(originate);
		return code;
	}
	originate->done = done;
	originate->user = user;
	service_list_add(&service->originates, &originate->link);
	if (call_id)
		memcpy(call_id, originate->call_id, WTEL_CALL_ID_SIZE);
	if (!service->dispatching)
		loop_arm(&service->loop, 0);
	return 0;
}

int originate_close_row(struct wtel_store *store, const struct wtel_call *call, int64_t wall, const char *reason)
{
	struct wtel_call ended = *call;

	ended.state = WTEL_CALL_ENDED;
	ended.disposition = ended.answer ? WTEL_DISPOSITION_ANSWERED : WTEL_DISPOSITION_FAILED;
	ended.end = wall < ended.start ? ended.start : wall;
	ended.reason = reason;
	ended.estimated = true;
	return wtel_store_write(store, &ended);
}

/* ---- Asterisk's answer ---- */

static int on_ack(struct wtel_service *service, struct service_request *request, const struct wtel_ami_notice *notice)
{
	struct originate *originate =
		(struct originate *)(void *)((char *)request - offsetof(struct originate, request));

	if (notice->code == 0) {
		originate_complete(originate, 0, "");
	} else if (notice->code == WTEL_ECLOSED || notice->code == WTEL_ETIMEOUT) {
		originate->stage = ORIGINATE_DOUBT;
		originate->deadline = service->now.mono + DOUBT_PATIENCE;
		originate->code = notice->code;
		if (notice->code == WTEL_ETIMEOUT)
			sync_request_again(service, 0);
	} else {
		originate_condemn(originate, ORIGINATE_FAILING, notice->code,
				  notice->text && *notice->text ? notice->text : wtel_error_text(notice->code));
	}
	return 0;
}

void originate_resynced(struct wtel_service *service)
{
	struct service_link *at;

	for (at = service->originates.next; at != &service->originates; at = at->next) {
		struct originate *originate = (struct originate *)at;
		const struct wtel_call *call;

		if (originate->stage != ORIGINATE_DOUBT)
			continue;
		call = wtel_tracker_find(service->tracker, originate->call_id);
		if (call && call->leg_count)
			originate_complete(originate, 0, "");
		else if (++originate->misses >= LOOKS || !call)
			originate_condemn(
				originate, ORIGINATE_FAILING, WTEL_ECLOSED,
				"the connection was lost before Asterisk had the call, and no channel of it was found");
		else
			sync_request_again(service, 0);
	}
}

/* ---- steps ---- */

static int send_action(struct originate *originate)
{
	struct wtel_service *service = originate->service;
	struct failover *failover;
	int code = originate_action_trunk(originate);

	if (!code)
		code = request_send(service, &originate->request, originate->action, ORIGINATE_ACK_TIMEOUT);
	if (code == 0) {
		failover = failover_find(service, wtel_slice_of(originate->call_id));
		if (failover)
			failover_sent(failover);
		originate->stage = ORIGINATE_SENT;
		originate->deadline = INT64_MAX;
	} else if (code == WTEL_ESTATE) {
		originate_condemn(originate, ORIGINATE_FAILING, WTEL_ECONNECT,
				  "the connection was lost before the call was sent");
	} else if (code != WTEL_ENOMEM && (code != WTEL_ELIMIT || service->now.mono >= originate->deadline)) {
		originate_condemn(originate, ORIGINATE_FAILING, code, "the call could not be sent");
	}
	return code;
}

static int expect(struct originate *originate)
{
	struct wtel_service *service = originate->service;
	int code = wtel_tracker_set_trunk(service->tracker, originate->endpoint, originate->call.trunk_id);

	if (!code)
		code = wtel_tracker_expect(service->tracker, &originate->call);
	service->expected_at = service->now.mono;
	if (code == 0) {
		originate->stage = ORIGINATE_EXPECTED;
		originate->failover = NULL; /* goes with the call's end now */
	} else if (code != WTEL_ENOMEM) {
		originate_condemn(originate, ORIGINATE_CLOSING, code, "the call cannot be followed: too many are");
	}
	return code;
}

static int step_waiting(struct originate *originate)
{
	struct wtel_service *service = originate->service;

	if (originate->cancelled) {
		originate_complete(originate, WTEL_ECLOSED, "hung up before it was dialled");
		return 0;
	}
	if (!service->ready) {
		originate_complete(originate, WTEL_ECONNECT, wtel_error_text(WTEL_ECONNECT));
		return 0;
	}
	if (!service->sync.synchronised || !service->router) {
		if (service->now.mono >= originate->deadline)
			originate_complete(originate, service->sync.synchronised ? WTEL_ESTORE : WTEL_ETIMEOUT,
					   service->sync.synchronised
						   ? "the trunks could not be read in time"
						   : "Asterisk's channels and registrations were not told in time");
		return 0;
	}
	if (originate->reread && sync_reads_tables(service) && service->now.mono < originate->deadline)
		return 0;
	return originate_book(originate);
}

static int step(struct originate *originate)
{
	struct wtel_service *service = originate->service;
	int64_t wall = service->now.wall;
	int code = 0;

	switch (originate->stage) {
	case ORIGINATE_WAITING:
		return step_waiting(originate);
	case ORIGINATE_RESERVED:
		if (originate->cancelled) {
			originate_condemn(originate, ORIGINATE_CLOSING, WTEL_ECLOSED, "hung up before it was dialled");
			return 0;
		}
		return expect(originate);
	case ORIGINATE_EXPECTED:
		return send_action(originate);
	case ORIGINATE_DOUBT:
		/* Its end is the tracker's affair now: with the next connection it is found or closed. */
		if (wall && service->now.mono >= originate->deadline)
			originate_complete(originate, WTEL_ECLOSED,
					   "the connection was lost and whether the call is dialled is not known");
		return 0;
	case ORIGINATE_FAILING:
		code = wtel_tracker_fail(service->tracker, originate->call_id, WTEL_DISPOSITION_FAILED, originate->text,
					 wall);
		if (code != WTEL_ENOMEM)
			originate_complete(originate, originate->code, originate->text);
		return code;
	case ORIGINATE_CLOSING:
		code = originate_close_row(service->store, &originate->call, wall, originate->text);
		if (code != WTEL_ENOMEM)
			originate_complete(originate, originate->code, originate->text);
		return code;
	case ORIGINATE_RESERVING:
	case ORIGINATE_SENT:
	case ORIGINATE_COMPLETE:
		break;
	}
	return 0;
}

void originate_step_all(struct wtel_service *service)
{
	struct service_link *at;

	for (at = service->originates.next; at != &service->originates; at = at->next) {
		struct originate *originate = (struct originate *)at;
		enum originate_stage before;

		do {
			before = originate->stage;
			(void)service_note(service, step(originate));
		} while (originate->stage != before && !service->held);
	}
}

/* ---- the end ---- */

static void tell(struct originate *originate)
{
	struct wtel_service *service = originate->service;
	bool queued = originate->code == 0;

	if (!originate->done)
		return;
	service_enter(service);
	originate->done(originate->code, originate->text, queued ? &originate->call : NULL,
			queued ? &originate->trunk : NULL, originate->user);
	service_leave(service);
}

void originate_complete_all(struct wtel_service *service)
{
	struct service_link *at = service->originates.next, *next;

	while (at != &service->originates && !service->closing) {
		struct originate *originate = (struct originate *)at;

		if (originate->stage == ORIGINATE_COMPLETE) {
			tell(originate);
			/* A callback may add at the end, never remove. */
			next = at->next;
			originate_free(originate);
			at = next;
		} else {
			at = at->next;
		}
	}
}

/* The service goes. A call that was sent is Asterisk's; one that was only booked is closed. */
void originate_end_all(struct wtel_service *service)
{
	while (service->originates.next != &service->originates) {
		struct originate *originate = (struct originate *)service->originates.next;
		struct service_link *at;

		for (at = service->tickets.next; at != &service->tickets; at = at->next)
			if (((struct service_ticket *)at)->originate == originate)
				((struct service_ticket *)at)->originate = NULL;
		if (originate->stage != ORIGINATE_COMPLETE) {
			if (originate->stage == ORIGINATE_EXPECTED || originate->stage == ORIGINATE_FAILING)
				(void)!wtel_tracker_fail(service->tracker, originate->call_id, WTEL_DISPOSITION_FAILED,
							 "the service was closed", service->now.wall);
			else if (originate->stage == ORIGINATE_RESERVED || originate->stage == ORIGINATE_CLOSING)
				(void)originate_close_row(service->store, &originate->call, service->now.wall,
							  "the service was closed");
			originate_complete(originate, WTEL_ECLOSED, "the service was closed");
		}
		tell(originate);
		originate_free(originate);
	}
}

int64_t originate_deadline(const struct wtel_service *service)
{
	const struct service_link *at;
	int64_t deadline = INT64_MAX, own;

	for (at = service->originates.next; at != &service->originates; at = at->next) {
		const struct originate *originate = (const struct originate *)at;

		own = originate->deadline;
		if (originate->stage == ORIGINATE_COMPLETE)
			own = 0;
		else if (originate->stage == ORIGINATE_RESERVED || originate->stage == ORIGINATE_EXPECTED)
			own = service->now.mono + SEND_RETRY;
		if (own < deadline)
			deadline = own;
	}
	return deadline;
}

bool originate_owns(const struct wtel_service *service, const char *call_id)
{
	const struct service_link *at;

	for (at = service->originates.next; at != &service->originates; at = at->next)
		if (((const struct originate *)at)->stage != ORIGINATE_COMPLETE &&
		    strcmp(((const struct originate *)at)->call_id, call_id) == 0)
			return true;
	return false;
}

bool originate_cancel(struct wtel_service *service, const char *call_id)
{
	struct service_link *at;

	for (at = service->originates.next; at != &service->originates; at = at->next) {
		struct originate *originate = (struct originate *)at;

		if (strcmp(originate->call_id, call_id) != 0 || originate->stage > ORIGINATE_RESERVED)
			continue;
		originate->cancelled = true;
		return true;
	}
	return false;
}
