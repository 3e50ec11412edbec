/* Trunks. */
#include "api/request.h"
#include "store/rows.h"

static const struct wtel_detail no_trunk = {"id", "there is no such trunk"};

static void fail(struct api_request *request, int code, const struct wtel_detail *detail)
{
	api_fail_code(request, code, code == WTEL_ENOTFOUND ? &no_trunk : detail);
}

/* With what this process saw of its last attempts, if it saw any. */
static json_t *trunk_of(struct api_request *request, const struct wtel_trunk *trunk)
{
	struct wtel_router *router = wtel_service_router(request->service);
	struct wtel_trunk_health health;
	json_t *out = wtel_json_trunk(trunk);

	if (router && wtel_router_health(router, &health, trunk->id, wtel_time_now().wall) == 0)
		object_put(&out, "health", wtel_json_health(&health));
	return out;
}

/* ---- looking ---------------------------------------------------------- */

static void trunks_read(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct api_request *request = user;
	json_t *document, *trunks;
	size_t i;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	document = api_success(NULL);
	trunks = json_array();
	for (i = 0; i < list->count; i++)
		array_add(&trunks, trunk_of(request, &list->trunks[i]));
	object_number(&document, "count", (int64_t)list->count);
	object_put(&document, "trunks", trunks);
	api_answer(request, 200, document);
}

/* GET trunks */
void api_trunks_list(struct api_request *request)
{
	struct wtel_store *store = api_store(request);

	if (store)
		api_asked_store(request, store_trunks(store, trunks_read, request));
}

static void trunk_read(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	struct api_request *request = user;
	json_t *document;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	document = api_success(request->message);
	object_put(&document, "trunk", trunk_of(request, list->trunks));
	api_answer(request, request->other_id ? (int)request->other_id : 200, document);
}

/* GET trunks/{id}: {"success": true, "trunk": {...}} */
void api_trunks_get(struct api_request *request)
{
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_trunk(store, request->id, trunk_read, request));
}

/* ---- saving ----------------------------------------------------------- */

static void saved(int code, const struct wtel_detail *detail, int64_t id, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		fail(request, code, detail);
	else
		api_asked_store(request, store_trunk(request->service->store, id, trunk_read, request));
}

/* An enum's name, if it is there; `parse` gives WTEL_EINVAL. */
#define READ_NAME(request, key, parse, out)                                                                            \
	do {                                                                                                           \
		const char *name_ = NULL;                                                                              \
		if (!api_body_text(request, &name_, key))                                                              \
			return false;                                                                                  \
		if (name_ && parse(out, name_)) {                                                                      \
			api_fail(request, 422, WTEL_EINVAL, key, "%.64s is no " key, name_);                           \
			return false;                                                                                  \
		}                                                                                                      \
	} while (0)

static bool read_int(struct api_request *request, int *out, const char *key)
{
	int64_t number = *out;

	if (!api_body_number(request, &number, key, 0, API_ID_MAX))
		return false;
	*out = (int)number;
	return true;
}

/* Texts stay the body's. */
static bool read_trunk(struct api_request *request, struct wtel_trunk *trunk)
{
	READ_NAME(request, "provider", wtel_trunk_provider_parse, &trunk->provider);
	READ_NAME(request, "trunkType", wtel_trunk_type_parse, &trunk->type);
	READ_NAME(request, "status", wtel_trunk_status_parse, &trunk->status);
	return api_body_text(request, &trunk->name, "name") &&
	       api_body_text(request, &trunk->description, "description") &&
	       api_body_text(request, &trunk->host, "host") && read_int(request, &trunk->port, "port") &&
	       api_body_text(request, &trunk->username, "username") &&
	       api_body_text(request, &trunk->password, "password") &&
	       api_body_text(request, &trunk->from_user, "fromUser") &&
	       api_body_text(request, &trunk->from_domain, "fromDomain") &&
	       read_int(request, &trunk->max_channels, "maxChannels") &&
	       read_int(request, &trunk->priority, "priority");
}

/*
 * advancedSettings are replaced as a whole; then endpoint and needsRegistration are what they say, unless the body has
 * these too. *text, if not NULL, is the service's allocator's.
 */
static bool read_settings(struct api_request *request, struct wtel_trunk *trunk, char **text)
{
	const char *given = trunk->advanced_settings && *trunk->advanced_settings ? trunk->advanced_settings : "{}";
	json_t *settings = json_object_get(request->body, "advancedSettings"), *use;
	bool said = api_body_has(request, "needsRegistration");

	if (settings && !json_is_object(settings)) {
		api_fail(request, 400, WTEL_EINVAL, "advancedSettings", "advancedSettings must be an object");
		return false;
	}
	if (settings) {
		trunk->endpoint = NULL;
		trunk->needs_registration = true;
	}
	if (!api_body_text(request, &trunk->endpoint, "endpoint") ||
	    !api_body_flag(request, &trunk->needs_registration, "needsRegistration"))
		return false;
	use = settings ? json_copy(settings) : json_loads(given, 0, NULL);
	if (said && trunk->needs_registration)
		(void)json_object_del(use, "registration");
	if (api_body_has(request, "endpoint"))
		(void)json_object_del(use, "endpoint");
	*text = use ? store_json_text(&request->service->allocator, use, 0) : NULL;
	json_decref(use);
	if (!*text)
		api_answer(request, 503, NULL);
	trunk->advanced_settings = *text;
	return *text != NULL;
}

/* `trunk`: what it is now, or a new one. */
static void save(struct api_request *request, struct wtel_trunk *trunk)
{
	char *text = NULL;

	if (read_trunk(request, trunk) && read_settings(request, trunk, &text))
		api_asked_store(request, store_trunk_save(request->service->store, trunk, saved, request));
	base_release(&request->service->allocator, text);
}

/* POST trunks: 201 with the trunk as it is kept; its password is never shown. */
void api_trunks_create(struct api_request *request)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;

	request->message = "Trunk created successfully";
	request->other_id = 201;
	if (api_store(request))
		save(request, &trunk);
}

static void old_read(struct api_request *request, int code, const struct wtel_detail *detail,
		     const struct wtel_trunk_list *list, bool keep)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;

	if (!api_resume(request))
		return;
	if (code) {
		fail(request, code, detail);
		return;
	}
	if (keep)
		trunk = list->trunks[0];
	trunk.id = list->trunks[0].id;
	trunk.registered = list->trunks[0].registered;
	save(request, &trunk);
}

static void replaced_read(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	old_read(user, code, detail, list, false);
}

static void changed_read(int code, const struct wtel_detail *detail, const struct wtel_trunk_list *list, void *user)
{
	old_read(user, code, detail, list, true);
}

static void change(struct api_request *request, store_trunks_fn *read)
{
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0))
		return;
	request->message = "Trunk updated successfully";
	store = api_store(request);
	if (store)
		api_asked_store(request, store_trunk(store, request->id, read, request));
}

/* PUT trunks/{id}: what is not said becomes what a new trunk has; the password and what Asterisk told stay. */
void api_trunks_replace(struct api_request *request)
{
	change(request, replaced_read);
}

/* PATCH trunks/{id}: what is not said stays. */
void api_trunks_change(struct api_request *request)
{
	change(request, changed_read);
}

/* ---- removing --------------------------------------------------------- */

static void removed(int code, const struct wtel_detail *detail, void *user)
{
	struct api_request *request = user;

	if (!api_resume(request))
		return;
	if (code)
		fail(request, code, detail);
	else
		api_answer(request, 200, api_success("Trunk removed successfully"));
}

/* DELETE trunks/{id}: 409 while calls are on it. */
void api_trunks_remove(struct api_request *request)
{
	struct wtel_store *store;

	if (!api_word_id(request, &request->id, 0))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_trunk_remove(store, request->id, removed, request));
}
