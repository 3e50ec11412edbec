/* Campaigns' own trunks and settings. */
#include "api/request.h"
#include "store/rows.h"

/* ---- looking ---------------------------------------------------------- */

/* One of which nothing was said uses the general list. */
static struct wtel_campaign campaign_of(const struct wtel_campaign_list *list, int64_t id)
{
	const struct wtel_campaign unsaid = {id, false, "", NULL, 0};
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->campaigns[i].id == id)
			return list->campaigns[i];
	return unsaid;
}

static void names_read(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct api_request *request = user;
	struct wtel_campaign campaign;
	json_t *document;

	if (!api_resume(request))
		return;
	if (code) {
		api_fail_code(request, code, detail);
		return;
	}
	campaign = campaign_of(request->kept, request->id);
	document = api_success(request->message);
	object_put(&document, "campaign", wtel_json_campaign(&campaign, list));
	api_answer(request, 200, document);
}

static void campaigns_read(int code, const struct wtel_detail *detail, const struct wtel_campaign_list *list,
			   void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code) {
		api_fail_code(request, code, detail);
		return;
	}
	request->kept = store_pack_keep(list);
	api_asked_store(request, store_campaign_trunks(request->service->store, request->id, names_read, request));
}

/* GET campaigns/{id}: {"success": true, "campaign": {"id", "general", "callerId", "trunks": [{"id", "name",
 * "priority"}]}} */
void api_campaigns_get(struct api_request *request)
{
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_campaigns(store, campaigns_read, request));
}

/* ---- changing --------------------------------------------------------- */

/* Then it is shown as it is now. */
static void changed(int code, const struct wtel_detail *detail, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		api_fail_code(request, code, detail);
	else
		api_asked_store(request, store_campaigns(request->service->store, campaigns_read, request));
}

/* PUT campaigns/{id}: what is not said is false, or none. */
void api_campaigns_replace(struct api_request *request)
{
	struct wtel_campaign campaign = {0, false, "", NULL, 0};
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0) || !api_body_flag(request, &campaign.general, "general") ||
	    !api_body_text(request, &campaign.caller_id, "callerId"))
		return;
	campaign.id = request->id;
	request->message = "Campaign updated successfully";
	store = api_store(request);
	if (store)
		api_asked_store(request, store_campaign_save(store, &campaign, changed, request));
}

static void assign(struct api_request *request, int priority, const char *message)
{
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0) || !api_word_id(request, &request->other_id, 1))
		return;
	request->message = message;
	store = api_store(request);
	if (store)
		api_asked_store(request,
				store_assign(store, request->id, request->other_id, priority, changed, request));
}

/* PUT campaigns/{id}/trunks/{trunkId}: {"priority": 10} */
void api_campaigns_assign(struct api_request *request)
{
	int64_t priority = 10;

	if (api_body_number(request, &priority, "priority", 1, 100))
		assign(request, (int)priority, "Trunk assigned successfully");
}

/* DELETE campaigns/{id}/trunks/{trunkId} */
void api_campaigns_unassign(struct api_request *request)
{
	assign(request, 0, "Trunk unassigned successfully");
}
