/* Originate as it goes over the wire. */
#include "service/originate.h"

#include <inttypes.h>
#include <stdio.h>

#include "service/originate_action.h"

static int add_text(struct wtel_ami_action *action, const char *name, const char *value, struct wtel_detail *detail)
{
	return wtel_ami_action_add(action, name, wtel_slice_of(value), detail);
}

static int add_id(struct wtel_ami_action *action, const char *name, int64_t id, struct wtel_detail *detail)
{
	char text[24];

	if (!id)
		return 0;
	snprintf(text, sizeof(text), "%" PRId64, id);
	return wtel_ami_action_add_variable(action, name, wtel_slice_of(text), detail);
}

static int add_head(struct wtel_service *service, struct wtel_ami_action *action, const struct originate *originate,
		    const struct wtel_originate *request, struct wtel_detail *detail)
{
	int64_t timeout = request->timeout ? request->timeout : service->options.originate_timeout;
	const char *caller = request->caller_id && *request->caller_id ? request->caller_id : originate->number;
	char channel[64];
	int code;

	snprintf(channel, sizeof(channel), "%s/%s", service->options.technology, request->extension);
	code = add_text(action, "Channel", channel, detail);
	if (!code)
		code = add_text(action, "Context", service->options.tracker.outbound_context, detail);
	if (!code)
		code = add_text(action, "Exten", originate->number, detail);
	if (!code)
		code = wtel_ami_action_add_number(action, "Priority", 1);
	if (!code)
		code = wtel_ami_action_add_number(action, "Timeout", timeout / 1000);
	if (!code)
		code = add_text(action, "CallerID", caller, detail);
	if (!code)
		code = add_text(action, "Async", "true", detail);
	/* Becomes the Uniqueid: by it the call is found again after a lost connection. */
	if (!code)
		code = add_text(action, "ChannelId", originate->call_id, detail);
	return code;
}

/* "__" makes a variable known to all later legs. */
static int add_variables(struct wtel_service *service, struct wtel_ami_action *action,
			 const struct originate *originate, const struct wtel_originate *request,
			 struct wtel_detail *detail)
{
	char name[96];
	size_t i;
	int code = wtel_ami_action_add_variable(action, "__CALL_ID", wtel_slice_of(originate->call_id), detail);

	if (!code)
		code = add_id(action, "__CAMPAIGN_ID", request->campaign_id, detail);
	if (!code)
		code = add_id(action, "__LEAD_ID", request->lead_id, detail);
	/* Seconds, as Dial() wants them; a fraction is a second. */
	if (!code)
		code = add_id(action, "__WTEL_DIAL_TIMEOUT", (service->options.dial_timeout + 999999) / 1000000,
			      detail);
	for (i = 0; i < request->variable_count && !code; i++) {
		const char *plain = request->variables[i].name;

		while (*plain == '_')
			plain++;
		snprintf(name, sizeof(name), "__%s", plain);
		code = wtel_ami_action_add_variable(action, name, request->variables[i].value, detail);
		if (code && code != WTEL_ENOMEM)
			base_fail(detail, code, request->variables[i].name, "the value does not fit into an action: %s",
				  wtel_error_text(code));
	}
	return code;
}

int originate_action(struct wtel_service *service, struct originate *originate, const struct wtel_originate *request,
		     struct wtel_detail *detail)
{
	int code = wtel_ami_action_new(&originate->action, "Originate", &service->allocator);

	if (!code)
		code = add_head(service, originate->action, originate, request, detail);
	if (!code)
		code = add_variables(service, originate->action, originate, request, detail);
	return code;
}

/* One of the trunk's variables; those that it does not have are left out. */
static int add_trunk_variable(struct originate *originate, unsigned which)
{
	static const char *const names[] = {"__WTEL_ENDPOINT", "__WTEL_DIAL", "__WTEL_NEXT", "__WTEL_CALLER_ID"};
	const char *const values[] = {originate->endpoint, originate->dial, originate->next,
				      originate->foreign_caller_id ? "" : originate->caller_id};

	if (which == 0)
		return add_id(originate->action, "__TRUNK_ID", originate->call.trunk_id, NULL);
	if (!values[which - 1][0])
		return 0;
	return wtel_ami_action_add_variable(originate->action, names[which - 1], wtel_slice_of(values[which - 1]),
					    NULL);
}

/* A second attempt after lack of memory goes on where the first one ended: none is in the action twice. */
int originate_action_trunk(struct originate *originate)
{
	int code = 0;

	while (!code && originate->carried < 5) {
		code = add_trunk_variable(originate, originate->carried);
		originate->carried += !code;
	}
	return code;
}
