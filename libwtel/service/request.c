/* Actions: the service's own, and the program's through wtel_service_action(). */
#include "service/service.h"

int request_send(struct wtel_service *service, struct service_request *request, struct wtel_ami_action *action,
		 int64_t timeout)
{
	if (!service->ready || service->down_code)
		return WTEL_ESTATE;
	/* A message is still lent out; sending could take its bytes away. */
	if (service->held)
		return WTEL_ENOMEM;
	return wtel_ami_session_send(link_session(service), NULL, action, timeout, request, service->now);
}

struct action_request {
	struct service_request base;
	wtel_action_fn *item;
	wtel_action_fn *done;
	void *user;
};

static int on_item(struct wtel_service *service, struct service_request *base, const struct wtel_ami_notice *notice)
{
	struct action_request *request = (struct action_request *)base;

	if (!request->item)
		return 0;
	service_enter(service);
	request->item(0, notice->message, request->user);
	service_leave(service);
	return 0;
}

static void finish(struct wtel_service *service, struct action_request *request, int code,
		   const struct wtel_ami_message *message)
{
	service_list_remove(&request->base.link);
	if (request->done) {
		service_enter(service);
		request->done(code, message, request->user);
		service_leave(service);
	}
	base_release(&service->allocator, request);
}

static int on_done(struct wtel_service *service, struct service_request *base, const struct wtel_ami_notice *notice)
{
	finish(service, (struct action_request *)base, notice->code, notice->message);
	return 0;
}

int wtel_service_action(struct wtel_service *service, struct wtel_ami_action *action, int64_t timeout,
			wtel_action_fn *item, wtel_action_fn *done, void *user)
{
	struct action_request *request;
	int code;

	if (!action)
		return service_fail(service, WTEL_EINVAL, "action", "an action is needed");
	if (!service->ready || service->down_code || service->closing)
		return service_fail(service, WTEL_ECONNECT, "", "%s", wtel_error_text(WTEL_ECONNECT));
	request = base_allocate_zero(&service->allocator, sizeof(*request));
	if (!request)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	request->base.item = on_item;
	request->base.done = on_done;
	request->item = item;
	request->done = done;
	request->user = user;
	service->now = service->dispatching ? service->now : wtel_time_now();
	code = request_send(service, &request->base, action, timeout > 0 ? timeout : 10000000);
	if (code) {
		base_release(&service->allocator, request);
		return service_fail(service, code, "", "%s", wtel_error_text(code));
	}
	service_list_add(&service->requests, &request->base.link);
	if (!service->dispatching)
		loop_arm(&service->loop, 0);
	return 0;
}

void request_end_all(struct wtel_service *service)
{
	while (service->requests.next != &service->requests)
		finish(service, (struct action_request *)service->requests.next, WTEL_ECLOSED, NULL);
}

void wtel_service_on_event(struct wtel_service *service, wtel_event_fn *event, void *user)
{
	service->event = event;
	service->event_user = user;
}
