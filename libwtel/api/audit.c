/* The audit log: what a request that is not a GET leaves in it, and who reads it. */
#include <wtel/access.h>

#include "api/request.h"
#include "store/args.h"
#include "store/rows.h"

enum { KEYS_MAX = 32, KEY_LENGTH = 64, TEXT_LENGTH = 200, DETAIL_LENGTH = 4096 };

/* ---- what a request leaves -------------------------------------------- */

static bool is_listed(const char *list, const char *key)
{
	while (*list) {
		struct wtel_slice word;

		list += strspn(list, " !");
		word = (struct wtel_slice){list, strcspn(list, " ")};
		if (word.length && base_slice_is(word, key))
			return true;
		list += word.length;
	}
	return false;
}

static bool holds(const char *text, const char *part)
{
	size_t length = strlen(part), left = strlen(text);

	for (; left >= length; text++, left--)
		if (base_slice_equal_fold((struct wtel_slice){text, length}, (struct wtel_slice){part, length}))
			return true;
	return false;
}

/* By its name: a secret is not to be written down, whatever the route calls it. */
static bool is_secret(const char *key)
{
	static const char *const parts[] = {"password", "secret",   "token", "hash",	 "auth",
					    "key",	"contrase", "clave", "settings", "credential"};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (holds(key, parts[i]))
			return true;
	return false;
}

/* Plain values of keys that the route knows; of all else that it was there. */
static json_t *shown(const struct api_request *request, const char *key, json_t *value, bool texts)
{
	bool plain = json_is_number(value) || json_is_boolean(value) || json_is_null(value) ||
		     (texts && json_is_string(value) && json_string_length(value) <= TEXT_LENGTH);

	if (!plain || !is_listed(request->route->body, key) || is_secret(key))
		return json_string("...");
	return json_incref(value);
}

/* base_release() frees it; NULL: there is nothing to say, or no memory to say it. */
static char *detail_of(const struct api_request *request, bool texts)
{
	json_t *detail = json_object(), *value;
	size_t count = 0;
	const char *key;
	char *text;

	json_object_foreach(request->body, key, value)
	{
		char name[KEY_LENGTH + 1];
		size_t length = store_clean_text(name, KEY_LENGTH, key);

		name[length] = '\0';
		if (count++ < KEYS_MAX)
			object_put(&detail, name, shown(request, key, value, texts));
	}
	text = count && detail ? store_json_text(&request->allocator, detail, 0) : NULL;
	json_decref(detail);
	if (!text || strlen(text) < DETAIL_LENGTH)
		return text;
	base_release(&request->allocator, text);
	return texts ? detail_of(request, false) : NULL;
}

void api_note(struct wtel_service *service, const struct api_request *request)
{
	struct wtel_audit_entry entry = WTEL_AUDIT_ENTRY_INIT;
	char *detail;
	int code;

	if (!request->noted || !service->store)
		return;
	detail = request->route && request->body ? detail_of(request, true) : NULL;
	entry.user_id = request->user_id;
	entry.actor = request->actor;
	entry.address = request->address;
	entry.method = request->method;
	entry.path = request->noted;
	entry.status = request->status;
	entry.detail = detail;
	code = wtel_access_note(service, &entry);
	if (code)
		service_log(service, WTEL_LOG_ERROR, "audit: %s %s is not noted: %s", entry.method, entry.path,
			    wtel_error_text(code));
	base_release(&request->allocator, detail);
}

/* ---- who reads it ----------------------------------------------------- */

static json_t *entry_of(const struct store_note *note)
{
	json_t *entry = json_object(), *detail = json_loads(note->detail, 0, NULL);

	object_number(&entry, "id", note->id);
	object_put(&entry, "at", wtel_json_time(note->at));
	object_put(&entry, "userId", wtel_json_id(note->user_id));
	object_put(&entry, "actor", wtel_json_text(note->actor));
	object_put(&entry, "address", wtel_json_text(note->address));
	object_put(&entry, "method", wtel_json_text(note->method));
	object_put(&entry, "path", wtel_json_text(note->path));
	object_number(&entry, "status", note->status);
	object_put(&entry, "detail", detail ? detail : wtel_json_text(note->detail));
	return entry;
}

static void audit_read(int code, const struct wtel_detail *detail, const struct store_note_list *list, void *user)
{
	struct api_request *request = user;
	json_t *document, *entries;
	size_t i, count;

	if (!api_resume(request))
		return;
	if (code) {
		api_fail_code(request, code, detail);
		return;
	}
	/* One more was asked for: whether there are more. */
	count = (int64_t)list->count > request->id ? (size_t)request->id : list->count;
	document = api_success(NULL);
	entries = json_array();
	for (i = 0; i < count; i++)
		array_add(&entries, entry_of(&list->notes[i]));
	object_number(&document, "count", (int64_t)count);
	object_put(&document, "entries", entries);
	object_put(&document, "before", wtel_json_id(count < list->count ? list->notes[count - 1].id : 0));
	api_answer(request, 200, document);
}

/* GET audit: {"success": true, "count", "entries": [...], "before": to be asked for next, null at the end}: newest
 * first. */
void api_audit_list(struct api_request *request)
{
	int64_t before = 0, user_id = 0;
	struct wtel_store *store;

	request->id = 50;
	if (!api_parameter_number(request, &request->id, "limit", 1, STORE_AUDIT_PAGE - 1) ||
	    !api_parameter_number(request, &before, "before", 1, INT64_MAX) ||
	    !api_parameter_number(request, &user_id, "userId", 1, API_ID_MAX))
		return;
	store = api_store(request);
	if (store)
		api_asked_store(request, store_notes(store, before, user_id, request->id + 1, audit_read, request));
}
