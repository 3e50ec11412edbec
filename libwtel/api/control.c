/* Calls that begin and end by request. */
#include "api/request.h"

/* ---- POST call/originate ---------------------------------------------- */

/* {"success": true, "message", "data": {"callId", "trunk": "Twilio Main", "call": {...}}} */
static struct api_text *originated_text(const struct api_request *request, const struct wtel_call *call,
					const struct wtel_trunk *trunk)
{
	struct api_text *out = api_text_new(&request->service->allocator);

	if (!out)
		return NULL;
	TEXT_LITERAL(&out->text,
		     "{\"success\":true,\"message\":\"Call originated successfully\",\"data\":{\"callId\":");
	text_put_string(&out->text, call->call_id);
	TEXT_LITERAL(&out->text, ",\"trunk\":");
	text_put_string(&out->text, trunk ? trunk->name : "");
	TEXT_LITERAL(&out->text, ",\"call\":");
	text_put_call(&out->text, call, "", "");
	TEXT_LITERAL(&out->text, "}}");
	return out;
}

static void originated(int code, const char *text, const struct wtel_call *call, const struct wtel_trunk *trunk,
		       void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (!code)
		api_answer_text(request, 200, originated_text(request, call, trunk));
	else if (code == WTEL_ENOTFOUND) /* the agent, the campaign or the lead */
		api_fail(request, 422, code, "", "%s", text);
	else
		api_fail(request, api_status(code), code, "", "%s", text);
}

static const char *own_name(const char *field)
{
	if (strcmp(field, "extension") == 0)
		return "agentExtension";
	return strcmp(field, "number") == 0 ? "customerPhone" : field;
}

/* Everything was looked at before: the body is read once more. */
static void originate(struct api_request *request)
{
	struct wtel_originate originate = WTEL_ORIGINATE_INIT;
	const struct wtel_detail *error = wtel_service_error(request->service);
	int code;

	originate.agent_id = request->id;
	if (!api_body_text(request, &originate.extension, "agentExtension") ||
	    !api_body_text(request, &originate.number, "customerPhone") ||
	    !api_body_number(request, &originate.campaign_id, "campaignId", 0, API_ID_MAX) ||
	    !api_body_number(request, &originate.lead_id, "leadId", 0, API_ID_MAX))
		return;
	code = wtel_service_originate(request->service, NULL, &originate, originated, request);
	/* Phones ring for as long as they ring: the service knows its own times. */
	request->job.deadline = INT64_MAX;
	if (code)
		api_fail(request, api_status(code), code, own_name(error->field), "%s", error->text);
	else
		request->pending++;
}

/* An agent's call does not ring at somebody else's phone. */
static void accounts_read(int code, const struct wtel_detail *detail, const struct wtel_peer_list *list, void *user)
{
	struct api_request *request = user;
	const char *extension = "";
	size_t i;

	if (!api_resume(request))
		return;
	if (code) {
		api_fail_code(request, code, detail);
		return;
	}
	(void)api_body_text(request, &extension, "agentExtension");
	for (i = 0; i < list->count; i++)
		if (strcmp(list->peers[i].extension, extension) == 0 && list->peers[i].user_id != request->user_id) {
			api_fail(request, 403, WTEL_EPERMISSION, "agentExtension", "that is another agent's phone");
			return;
		}
	originate(request);
}

void api_call_originate(struct api_request *request)
{
	bool said = api_body_has(request, "agentId");
	const char *text = "";
	int64_t id = 0;
	struct wtel_store *store;

	if (!api_body_text(request, &text, "agentExtension") || !api_body_text(request, &text, "customerPhone") ||
	    !api_body_number(request, &id, "campaignId", 0, API_ID_MAX) ||
	    !api_body_number(request, &id, "leadId", 0, API_ID_MAX) ||
	    !api_body_number(request, &id, "agentId", 0, API_ID_MAX) ||
	    !api_whose(request, &request->id, said, id, "agentId"))
		return;
	if (request->role != WTEL_ROLE_AGENT) {
		originate(request);
		return;
	}
	store = api_store(request);
	if (store)
		api_asked_store(request, store_peers(store, accounts_read, request));
}

/* ---- POST call/hangup ------------------------------------------------- */

static void hung_up(int code, const char *text, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		api_fail(request, api_status(code), code, code == WTEL_ENOTFOUND ? "channel" : "", "%s", text);
	else
		api_answer(request, 200, api_success("Call hung up successfully"));
}

void api_call_hangup(struct api_request *request)
{
	bool by_id = api_body_has(request, "callId");
	const char *name = "", *field = by_id ? "callId" : "channel";
	const struct wtel_call *call;
	int64_t whose;
	int code;

	if (!api_whose(request, &whose, false, 0, ""))
		return;
	if (by_id == api_body_has(request, "channel")) {
		api_fail(request, 400, WTEL_EINVAL, "channel", "either channel or callId is needed");
		return;
	}
	if (!api_body_text(request, &name, field))
		return;
	call = wtel_service_call(request->service, name);
	if (request->role == WTEL_ROLE_AGENT && (!call || call->agent_id != request->user_id)) {
		api_fail(request, 404, WTEL_ENOTFOUND, field, "no such call is active");
		return;
	}
	code = wtel_service_hangup(request->service, name, hung_up, request);
	request->job.deadline = INT64_MAX;
	if (code)
		api_fail(request, api_status(code), code, field, "%s", wtel_service_error(request->service)->text);
	else
		request->pending++;
}
