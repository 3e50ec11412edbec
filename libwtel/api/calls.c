/* Calls that were, and statistics. */
#include "api/request.h"

/* {"success": true, "count": all that match, "calls": [...]} */
static json_t *list_of(json_t *calls, int64_t count)
{
	json_t *document = api_success(NULL);

	object_number(&document, "count", count);
	object_put(&document, "calls", calls);
	return document;
}

bool api_is_own(const struct api_request *request, const struct wtel_call *call)
{
	return request->role != WTEL_ROLE_AGENT || (request->user_id && call->agent_id == request->user_id);
}

/* ---- what the store has ----------------------------------------------- */

static bool read_disposition(struct api_request *request, enum wtel_disposition *out)
{
	const char *text = api_parameter(request, "disposition");
	char name[32];
	size_t i;
	int value;

	if (!text)
		return true;
	base_slice_copy(name, sizeof(name), wtel_slice_of(text));
	for (i = 0; name[i]; i++)
		if (name[i] == '+' || name[i] == '_')
			name[i] = ' ';
	for (value = 1; value < WTEL_DISPOSITIONS; value++)
		if (strcmp(name, wtel_disposition_name((enum wtel_disposition)value)) == 0) {
			*out = (enum wtel_disposition)value;
			return true;
		}
	api_fail(request, 400, WTEL_EINVAL, "disposition",
		 "disposition must be ANSWERED, NO ANSWER, BUSY, FAILED or CANCELLED");
	return false;
}

static bool read_filter(struct api_request *request, struct wtel_call_filter *filter, const char *from,
			const char *until)
{
	bool said = api_parameter(request, "agentId") != NULL;
	int64_t agent = 0;

	return api_parameter_number(request, &agent, "agentId", 0, API_ID_MAX) &&
	       api_whose(request, &filter->agent_id, said, agent, "agentId") &&
	       api_parameter_number(request, &filter->campaign_id, "campaignId", 0, API_ID_MAX) &&
	       api_parameter_number(request, &filter->trunk_id, "trunkId", 0, API_ID_MAX) &&
	       api_parameter_time(request, &filter->from, from, false) &&
	       api_parameter_time(request, &filter->until, until, true);
}

static void history_read(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	struct api_request *request = user;
	json_t *calls;
	size_t i;

	if (!api_resume(request))
		return;
	if (code) {
		api_fail_code(request, code, detail);
		return;
	}
	calls = json_array();
	for (i = 0; i < list->count; i++)
		array_add(&calls, wtel_json_call(&list->calls[i], list->campaign_names[i], list->lead_names[i]));
	api_answer(request, 200, list_of(calls, list->total));
}

/* GET calls/history */
void api_calls_history(struct api_request *request)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	struct wtel_store *store;

	if (!api_parameter_number(request, &filter.limit, "limit", 0, 10000) ||
	    !api_parameter_number(request, &filter.offset, "offset", 0, API_ID_MAX) ||
	    !read_disposition(request, &filter.disposition) || !read_filter(request, &filter, "from", "to"))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_calls(store, &filter, history_read, request));
}

static void stats_read(int code, const struct wtel_detail *detail, const struct wtel_call_stats *stats, void *user)
{
	struct api_request *request = user;
	json_t *document;

	if (!api_resume(request))
		return;
	if (code) {
		api_fail_code(request, code, detail);
		return;
	}
	document = api_success(NULL);
	object_put(&document, "stats", wtel_json_stats(stats));
	api_answer(request, 200, document);
}

/* GET calls/stats: {"success": true, "stats": {"totalCalls", ..., "answerRate": "80.00"}} */
void api_calls_stats(struct api_request *request)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	struct wtel_store *store;

	if (!read_filter(request, &filter, "startDate", "endDate"))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_stats(store, &filter, stats_read, request));
}

static void call_read(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	const struct wtel_detail missing = {"callId", "no such call"};
	struct api_request *request = user;
	json_t *document, *call;

	if (!api_resume(request))
		return;
	/* Somebody else's is not told from none. */
	if (!code && !api_is_own(request, list->calls))
		code = WTEL_ENOTFOUND;
	if (code) {
		api_fail_code(request, code, code == WTEL_ENOTFOUND ? &missing : detail);
		return;
	}
	call = wtel_json_call(list->calls, list->campaign_names[0], list->lead_names[0]);
	object_put(&call, "route", wtel_json_route(list->calls));
	document = api_success(NULL);
	object_put(&document, "call", call);
	api_answer(request, 200, document);
}

/* GET calls/{callId}: {"success": true, "call": {..., "legs": [...], "route": [...]}} */
void api_calls_detail(struct api_request *request)
{
	struct wtel_store *store;
	int64_t whose;

	if (!api_whose(request, &whose, false, 0, ""))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_call(store, request->words[0], call_read, request));
}
