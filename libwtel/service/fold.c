/* What the session says goes to the tracker; what the tracker says goes to the store first, then to the observers. */
#include "service/service.h"

static int fold_event(struct wtel_service *service)
{
	const struct wtel_ami_event *event = &service->notice.event;
	int64_t wall = service->notice.wall;
	int code;

	/* One that came back for lack of memory was shown already. */
	if (service->event && !service->held) {
		service_enter(service);
		service->event(event, wall, service->event_user);
		service_leave(service);
	}
	code = wtel_tracker_feed(service->tracker, event, wall);
	if (code == WTEL_ENOMEM)
		return code;
	if (event->type == WTEL_AMI_ORIGINATE_RESPONSE && base_slice_is(event->status, "Failure") &&
	    service->expire_at == INT64_MAX)
		service->expire_at = service->now.mono + SERVICE_PATIENCE;
	if (event->type == WTEL_AMI_USER_EVENT && base_slice_is(event->text, "WtelTrunkFault"))
		return failover_event(service, event);
	if (event->type == WTEL_AMI_REGISTRY)
		return state_registry(service, event, wall);
	if (event->type == WTEL_AMI_PEER_STATUS || event->type == WTEL_AMI_CONTACT_STATUS)
		return state_peer(service, event, wall);
	/* Asterisk says FullyBooted at each login as well: that one comes before any answer. */
	if (event->type == WTEL_AMI_FULLY_BOOTED && service->sync.booted)
		sync_request_again(service, 0);
	if (event->type == WTEL_AMI_RELOAD)
		sync_request_again(service, 1000000);
	if (event->type == WTEL_AMI_SHUTDOWN)
		service_log(service, WTEL_LOG_WARNING, "Asterisk at %s shuts down", service->hosts[service->host].name);
	return 0;
}

/*
 * The event that was dropped may have been the true end of a call: the channels are read again. What a channel's forged
 * fields break in that list says nothing new, and must not have the list read again and again.
 */
static void fold_security(struct wtel_service *service)
{
	const struct wtel_ami_message *message = service->notice.message;
	const char *text = service->notice.text && *service->notice.text
				   ? service->notice.text
				   : "a message with lines of a caller's making was dropped";
	struct wtel_notice notice = {
		WTEL_NOTICE_SECURITY, service->now.wall, NULL, 0, service->notice.source, "", text, 0};

	if (!notice.name)
		notice.name = "";
	if (service->notice.verdict != WTEL_AMI_BROKEN)
		return;
	if (service->notice.code)
		sync_doubt(service);
	if (message && base_slice_is(message->head, "CoreShowChannel")) {
		sync_vouch(service, notice.name);
		return;
	}
	if (message && base_slice_is(message->head, "Hangup"))
		wtel_tracker_doubt(service->tracker, notice.name, service->notice.wall);
	service->security++;
	/* Who forges a thousand must not fill the disk: 1, 2, 4, 8, ... */
	if (!(service->security & (service->security - 1)))
		service_log(service, WTEL_LOG_WARNING, "security: %s (channel \"%.96s\", %llu so far)", text,
			    notice.name, (unsigned long long)service->security);
	observer_tell(service, &notice);
	sync_request_again(service, 1000000);
}

static int fold_notice(struct wtel_service *service)
{
	struct service_request *request = service->notice.user;

	switch (service->notice.type) {
	case WTEL_AMI_NOTICE_READY:
		link_ready(service);
		return 0;
	case WTEL_AMI_NOTICE_REJECTED:
		link_fail(service, WTEL_EAUTH, service->notice.text);
		return 0;
	case WTEL_AMI_NOTICE_EVENT:
		return fold_event(service);
	case WTEL_AMI_NOTICE_ITEM:
		return request && request->item ? request->item(service, request, &service->notice) : 0;
	case WTEL_AMI_NOTICE_DONE:
		return request ? request->done(service, request, &service->notice) : 0;
	case WTEL_AMI_NOTICE_SECURITY:
		fold_security(service);
		return 0;
	case WTEL_AMI_NOTICE_LOST:
		link_fail(service, WTEL_ECLOSED, service->notice.text);
		return 0;
	}
	return 0;
}

int fold_drain(struct wtel_service *service)
{
	int code;

	/* Borrowed pointers in `change` end with the next event: it is first. */
	code = fold_changes(service);
	if (code)
		return code;
	while (!service->closing) {
		if (!service->held) {
			code = wtel_ami_session_next(link_session(service), &service->notice);
			if (code != 1)
				return code;
		}
		code = fold_notice(service);
		service->held = code == WTEL_ENOMEM;
		if (service->held)
			return code;
		code = fold_changes(service);
		if (code)
			return code;
	}
	return 0;
}

/* ---- changes ---- */

static enum wtel_notice_type notice_type(const struct wtel_call_change *change)
{
	switch (change->type) {
	case WTEL_CALL_CHANGE_NEW:
		return WTEL_NOTICE_CALL_NEW;
	case WTEL_CALL_CHANGE_STATE:
		return change->call->state == WTEL_CALL_RINGING ? WTEL_NOTICE_CALL_RINGING : WTEL_NOTICE_CALL_STATE;
	case WTEL_CALL_CHANGE_ANSWERED:
		return WTEL_NOTICE_CALL_ANSWERED;
	case WTEL_CALL_CHANGE_ENDED:
		return WTEL_NOTICE_CALL_HANGUP;
	case WTEL_CALL_CHANGE_LEG:
		break;
	}
	return WTEL_NOTICES;
}

/*
 * Legs alone are not worth a write: they go with the next state, and all of them with the end. The row of a call that
 * was originated has its trunk from the booking and from moves, which such a write must not overtake.
 */
static int write_change(struct wtel_service *service, bool own)
{
	const struct wtel_call *call = service->change.call;
	struct wtel_call row;
	int code;

	if (!service->store || service->change.type == WTEL_CALL_CHANGE_LEG)
		return 0;
	row = *call;
	if (own || (!call->end && strncmp(call->call_id, "WLCM-", 5) == 0))
		row.trunk_id = 0;
	code = wtel_store_write(service->store, &row);
	if (!code || code == WTEL_ENOMEM)
		return code;
	/* A record that cannot be kept is at least said. */
	service->store_refused++;
	service_log(service, WTEL_LOG_ERROR, "not kept (%s): call %s, %s, trunk %lld, duration %lld s, billsec %lld s",
		    wtel_error_text(code), call->call_id,
		    call->end ? wtel_disposition_name(call->disposition) : wtel_call_state_name(call->state),
		    (long long)call->trunk_id, (long long)wtel_call_duration(call), (long long)wtel_call_billsec(call));
	return 0;
}

int fold_changes(struct wtel_service *service)
{
	struct wtel_notice notice = {WTEL_NOTICES, 0, NULL, 0, "", "", "", 0};
	bool own;
	int code;

	for (;;) {
		if (!service->change_held) {
			code = wtel_tracker_next(service->tracker, &service->change);
			if (code != 1)
				return code;
		}
		own = failover_owns(service, service->change.call->call_id);
		code = write_change(service, own);
		if (!code)
			code = failover_change(service, &service->change);
		service->change_held = code == WTEL_ENOMEM;
		if (service->change_held)
			return code;
		notice.type = notice_type(&service->change);
		notice.wall = service->change.wall;
		notice.call = service->change.call;
		if (notice.type != WTEL_NOTICES)
			observer_tell(service, &notice);
	}
}
