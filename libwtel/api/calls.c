/* Calls that were, and statistics. */
#include "api/request.h"

/* {"success": true, "count": all that match, or null where they were not counted again, "calls": [...], "next": the
 * cursor of the page behind this one, or null} */
static struct api_text *list_of(struct wtel_service *service, const struct wtel_call_list *list)
{
	struct api_text *out = api_text_new(&service->allocator);
	char cursor[API_CURSOR_SIZE] = "";
	size_t i;

	if (!out)
		return NULL;
	TEXT_LITERAL(&out->text, "{\"success\":true,\"count\":");
	if (list->total < 0)
		TEXT_LITERAL(&out->text, "null");
	else
		text_put_integer(&out->text, list->total);
	TEXT_LITERAL(&out->text, ",\"calls\":[");
	for (i = 0; i < list->count; i++) {
		if (i)
			TEXT_LITERAL(&out->text, ",");
		text_put_call(&out->text, &list->calls[i], list->campaign_names[i], list->lead_names[i]);
	}
	if (list->more && list->count)
		api_cursor_write(cursor, &list->calls[list->count - 1]);
	TEXT_LITERAL(&out->text, "],\"next\":");
	text_put_string(&out->text, cursor);
	TEXT_LITERAL(&out->text, "}");
	return out;
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

static bool read_direction(struct api_request *request, unsigned *out)
{
	const char *text = api_parameter(request, "direction");

	if (!text)
		return true;
	if (strcmp(text, wtel_direction_name(WTEL_OUTBOUND)) == 0)
		*out = 1u << WTEL_OUTBOUND;
	else if (strcmp(text, wtel_direction_name(WTEL_INBOUND)) == 0)
		*out = 1u << WTEL_INBOUND;
	else
		api_fail(request, 400, WTEL_EINVAL, "direction", "direction must be outbound or inbound");
	return *out != 0;
}

/* The beginning of a number; the store says what it may be. */
static bool read_number(struct api_request *request, const char **out)
{
	*out = api_parameter(request, "number");
	if (!*out || **out)
		return true;
	api_fail(request, 400, WTEL_EINVAL, "number", "number must be the beginning of a telephone number");
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
	       api_parameter_number(request, &filter->lead_id, "leadId", 0, API_ID_MAX) &&
	       api_parameter_number(request, &filter->trunk_id, "trunkId", 0, API_ID_MAX) &&
	       read_disposition(request, &filter->disposition) && read_direction(request, &filter->directions) &&
	       read_number(request, &filter->number) && api_parameter_time(request, &filter->from, from, false) &&
	       api_parameter_time(request, &filter->until, until, true);
}

static void history_read(int code, const struct wtel_detail *detail, const struct wtel_call_list *list, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		api_fail_code(request, code, detail);
	else
		api_answer_text(request, 200, list_of(request->service, list));
}

/* What the store refuses of a parameter is a bad parameter. */
static void asked(struct api_request *request, int code)
{
	const struct wtel_detail *error = wtel_store_error(request->service->store);

	if (code == WTEL_EINVAL)
		api_fail(request, 400, code, error->field, "%s", error->text);
	else
		api_asked_store(request, code);
}

/* GET calls/history */
void api_calls_history(struct api_request *request)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	struct wtel_store *store;

	if (!api_parameter_number(request, &filter.limit, "limit", 0, 10000) ||
	    !api_parameter_number(request, &filter.offset, "offset", 0, API_ID_MAX) ||
	    !api_parameter_cursor(request, &filter) || !read_filter(request, &filter, "from", "to"))
		return;
	if (filter.before_start && filter.offset) {
		api_fail(request, 400, WTEL_EINVAL, "offset", "a page is found by cursor or by offset, not by both");
		return;
	}
	store = api_store(request);
	if (store)
		asked(request, store_calls(store, &filter, history_read, request));
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
		asked(request, store_stats(store, &filter, stats_read, request));
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
	document = api_success(request->message);
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

static void changed(int code, const struct wtel_detail *detail, void *user)
{
	const struct wtel_detail missing = {"callId", "no such call"};
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		api_fail_code(request, code, code == WTEL_ENOTFOUND ? &missing : detail);
	else
		api_asked_store(request, store_call(request->service->store, request->words[0], call_read, request));
}

/* PATCH calls/{callId}: {"recordingUrl": "https://..."}, null or "": there is none. Answered as GET is. */
void api_calls_change(struct api_request *request)
{
	const char *url = "";
	struct wtel_store *store;

	if (!api_body_text(request, &url, "recordingUrl"))
		return;
	request->message = "Call updated successfully";
	store = api_store(request);
	if (store)
		api_asked_store(request, store_recording(store, request->words[0], url, changed, request));
}
