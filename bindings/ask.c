/* What a program asks of Asterisk and of the store: checked here as far as only a language can get it wrong. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES_MAX = 1000, FIELDS_MAX = 1000 };

/* Gone by binding_close(), or about to. */
static int check_open(const struct binding *binding, struct wtel_detail *detail)
{
	if (binding->service && !binding->closing)
		return 0;
	return text_fail(detail, WTEL_ESTATE, "", "closed already");
}

static void on_done(int code, const char *text, void *user)
{
	struct ask *ask = user;

	if (code)
		core_answer_error(ask, code, text);
	else
		core_answer(ask, json_pack("{s:b}", "success", 1));
}

/* What was asked, or why it was not. `detail` says why where the service does not. */
static int64_t asked(struct binding *binding, struct ask *ask, int code, const struct wtel_detail *detail)
{
	int64_t id = ask ? ask->id : 0;

	if (!code)
		return id;
	if (ask)
		core_forget(ask);
	return core_fail(binding, code, detail);
}

/* ---- originate ------------------------------------------------------------ */

static void on_originate(int code, const char *text, const struct wtel_call *call, const struct wtel_trunk *trunk,
			 void *user)
{
	struct ask *ask = user;

	if (code || !call) {
		core_answer_error(ask, code, text);
		return;
	}
	core_answer(ask, json_pack("{s:b,s:o,s:o,s:o}", "success", 1, "callId", wtel_json_text(call->call_id), "trunk",
				   wtel_json_text(trunk ? trunk->name : NULL), "call", wtel_json_call(call, "", "")));
}

/* *out and its names and values are borrowed from the object; the array is the caller's. */
static int read_variables(struct wtel_variable **out, size_t *count, json_t *object, struct wtel_detail *detail)
{
	json_t *variables = json_object_get(object, "variables"), *value;
	char field[sizeof(detail->field)];
	struct wtel_variable *made;
	const char *key;
	int code = 0;

	if (!variables || json_is_null(variables))
		return 0;
	if (!json_is_object(variables))
		return text_fail(detail, WTEL_EINVAL, "variables", "must be an object of texts");
	if (json_object_size(variables) > VARIABLES_MAX)
		return text_fail(detail, WTEL_ELIMIT, "variables", "more than %d", VARIABLES_MAX);
	made = calloc(json_object_size(variables) + 1, sizeof(*made));
	if (!made)
		return WTEL_ENOMEM;
	*out = made;
	json_object_foreach(variables, key, value)
	{
		snprintf(field, sizeof(field), "variables.%s", key);
		code = text_check(value, field, detail);
		if (code)
			break;
		made[(*count)++] = (struct wtel_variable){key, {json_string_value(value), json_string_length(value)}};
	}
	return code;
}

static int read_originate(struct wtel_originate *request, json_t *object, struct wtel_detail *detail)
{
	static const char *const names[] = {"agentExtension", "customerPhone", "campaignId", "leadId", "agentId",
					    "timeout",	      "callerId",      "variables",  NULL};
	int64_t timeout = 0;
	int code = text_known(object, names, detail);

	if (code || (code = text_read_string(&request->extension, object, "agentExtension", detail)) ||
	    (code = text_read_string(&request->number, object, "customerPhone", detail)) ||
	    (code = text_read_string(&request->caller_id, object, "callerId", detail)) ||
	    (code = text_read_integer(&request->campaign_id, object, "campaignId", 0, INT64_MAX, detail)) ||
	    (code = text_read_integer(&request->lead_id, object, "leadId", 0, INT64_MAX, detail)) ||
	    (code = text_read_integer(&request->agent_id, object, "agentId", 0, INT64_MAX, detail)) ||
	    (code = text_read_integer(&timeout, object, "timeout", 1, MILLISECONDS_MAX, detail)))
		return code;
	request->timeout = timeout * 1000;
	return 0;
}

/* The library's names of its fields, as other languages have them. */
static void rename_field(struct wtel_detail *detail)
{
	static const char *const names[][2] = {{"extension", "agentExtension"}, {"number", "customerPhone"},
					       {"caller_id", "callerId"},	{"campaign_id", "campaignId"},
					       {"lead_id", "leadId"},		{"agent_id", "agentId"}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(detail->field, names[i][0]) == 0)
			strcpy(detail->field, names[i][1]);
}

int64_t binding_originate(struct binding *binding, const char *request)
{
	struct wtel_originate originate = WTEL_ORIGINATE_INIT;
	struct wtel_detail detail = {"", ""};
	struct wtel_variable *variables = NULL;
	struct ask *ask = NULL;
	json_t *object = NULL;
	int64_t result;
	int code = check_open(binding, &detail);

	if (!code && !(code = text_object(&object, request, &detail)) &&
	    !(code = read_originate(&originate, object, &detail)))
		code = read_variables(&variables, &originate.variable_count, object, &detail);
	originate.variables = variables;
	if (!code && !(ask = core_ask(binding)))
		code = WTEL_ENOMEM;
	if (!code && (code = wtel_service_originate(binding->service, NULL, &originate, on_originate, ask))) {
		detail = *wtel_service_error(binding->service);
		rename_field(&detail);
	}
	result = asked(binding, ask, code, &detail);
	free(variables);
	json_decref(object);
	return result;
}

/* ---- hangup --------------------------------------------------------------- */

int64_t binding_hangup(struct binding *binding, const char *channel_or_call_id)
{
	struct wtel_detail detail = {"", ""};
	struct ask *ask = NULL;
	int code = check_open(binding, &detail);

	if (!code && (!channel_or_call_id || strnlen(channel_or_call_id, TEXT_MAX + 1) > TEXT_MAX))
		code = text_fail(&detail, channel_or_call_id ? WTEL_ELIMIT : WTEL_EINVAL, "channel",
				 channel_or_call_id ? "is too long" : "a channel or call id is needed");
	if (!code && !(ask = core_ask(binding)))
		code = WTEL_ENOMEM;
	if (!code && (code = wtel_service_hangup(binding->service, channel_or_call_id, on_done, ask)))
		detail = *wtel_service_error(binding->service);
	return asked(binding, ask, code, &detail);
}

/* ---- REST ----------------------------------------------------------------- */

static void on_api(int status, struct wtel_slice json, void *user)
{
	struct bytes bytes = {NULL, 0, 0};
	char head[64];
	int length = snprintf(head, sizeof(head), "\"data\":{\"status\":%d,\"body\":", status);

	/* The document is JSON already. */
	if (!bytes_add(&bytes, head, (size_t)length) ||
	    !bytes_add(&bytes, json.length ? json.data : "null", json.length ? json.length : 4) ||
	    !bytes_add(&bytes, "}", 2))
		bytes_free(&bytes);
	core_answer_text(user, bytes.data);
}

static int read_role(enum wtel_role *out, json_t *object, struct wtel_detail *detail)
{
	const char *role = NULL;
	int code = text_read_string(&role, object, "role", detail);

	if (code || !role)
		return code;
	if (wtel_role_parse(out, role))
		return text_fail(detail, WTEL_EINVAL, "role", "must be agent, supervisor or admin");
	return 0;
}

/* The body may be as large as the request: the interface itself says what is too large for it. */
static int read_body(struct wtel_slice *out, json_t *object, struct wtel_detail *detail)
{
	json_t *body = json_object_get(object, "body");

	if (!body || json_is_null(body))
		return 0;
	if (!json_is_string(body))
		return text_fail(detail, WTEL_EINVAL, "body", "must be a text");
	*out = (struct wtel_slice){json_string_value(body), json_string_length(body)};
	return 0;
}

static int read_api(struct wtel_api_request *request, json_t *object, struct wtel_detail *detail)
{
	static const char *const names[] = {"method", "path",  "query",	  "body", "userId",
					    "role",   "actor", "address", NULL};
	const char *query = NULL;
	int code = text_known(object, names, detail);

	if (code || (code = text_read_string(&request->method, object, "method", detail)) ||
	    (code = text_read_string(&request->path, object, "path", detail)) ||
	    (code = text_read_string(&query, object, "query", detail)) ||
	    (code = text_read_integer(&request->user_id, object, "userId", 0, INT64_MAX, detail)) ||
	    (code = text_read_string(&request->actor, object, "actor", detail)) ||
	    (code = text_read_string(&request->address, object, "address", detail)) ||
	    (code = read_role(&request->role, object, detail)))
		return code;
	if (!json_object_get(object, "path"))
		return text_fail(detail, WTEL_EINVAL, "path", "is needed");
	request->query = wtel_slice_of(query);
	return read_body(&request->body, object, detail);
}

int64_t binding_api(struct binding *binding, const char *request)
{
	struct wtel_api_request api = WTEL_API_REQUEST_INIT;
	struct wtel_detail detail = {"", ""};
	struct ask *ask = NULL;
	json_t *object = NULL;
	int64_t result;
	int code = check_open(binding, &detail);

	if (!code && !(code = text_object(&object, request, &detail)))
		code = read_api(&api, object, &detail);
	if (!code && !(ask = core_ask(binding)))
		code = WTEL_ENOMEM;
	if (!code && (code = wtel_api_call(binding->service, &api, on_api, ask)))
		detail = *wtel_service_error(binding->service);
	result = asked(binding, ask, code, &detail);
	json_decref(object);
	return result;
}

/* ---- actions -------------------------------------------------------------- */

/* A slice of the wire as a JSON text: what is not UTF-8 becomes U+FFFD, and so does NUL. */
static json_t *wire_text(struct wtel_slice slice)
{
	char *copy = malloc(slice.length * 3 + 1), *to = copy;
	json_t *text;
	size_t i;

	if (!copy)
		return NULL;
	for (i = 0; i < slice.length; i++) {
		if (slice.data[i]) {
			*to++ = slice.data[i];
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
		}
	}
	*to = '\0';
	text = *copy ? wtel_json_text(copy) : json_string("");
	free(copy);
	return text;
}

/* {"Name": "value"}; a name that comes again gathers its values in an array, as a command's "Output" does. */
static json_t *message_json(const struct wtel_ami_message *message)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; object && i < message->field_count; i++) {
		const struct wtel_ami_field *field = &message->fields[i];
		json_t *name = wire_text(field->name), *value = wire_text(field->value), *before, *both;
		const char *key = name ? json_string_value(name) : "";
		int failed = !name || !value;

		before = json_object_get(object, key);
		if (failed) {
			json_decref(value);
		} else if (!before) {
			failed = json_object_set_new(object, key, value);
		} else if (json_is_array(before)) {
			failed = json_array_append_new(before, value);
		} else {
			both = json_pack("[O,o]", before, value);
			failed = !both || json_object_set_new(object, key, both);
		}
		json_decref(name);
		if (failed) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

static void on_item(int code, const struct wtel_ami_message *message, void *user)
{
	struct ask *ask = user;

	if (code || !message)
		return;
	if (!ask->items)
		ask->items = json_array();
	/* Memory that is short shows in the count. */
	if (ask->item_count++ < ITEMS_MAX && ask->items)
		(void)json_array_append_new(ask->items, message_json(message));
}

static void on_action(int code, const struct wtel_ami_message *message, void *user)
{
	struct ask *ask = user;
	struct wtel_slice why = message ? wtel_ami_message_get(message, "Message") : (struct wtel_slice){NULL, 0};
	char text[200];

	if (!code && ask->item_count > ITEMS_MAX)
		code = WTEL_ELIMIT;
	if (!code && json_array_size(ask->items) != ask->item_count)
		code = WTEL_ENOMEM;
	if (code) {
		snprintf(text, sizeof(text), "%.*s", why.length < 190 ? (int)why.length : 190,
			 why.data ? why.data : "");
		core_answer_error(ask, code, code == WTEL_EREFUSED ? text : NULL);
		return;
	}
	core_answer(ask, json_pack("{s:o,s:o}", "response", message ? message_json(message) : json_object(), "items",
				   ask->items ? json_incref(ask->items) : json_array()));
}

static int add_field(struct wtel_ami_action *action, json_t *pair, struct wtel_detail *detail)
{
	json_t *name = json_array_get(pair, 0), *value = json_array_get(pair, 1);
	int code;

	if (json_array_size(pair) != 2 || !json_is_string(name))
		return text_fail(detail, WTEL_EINVAL, "fields", "must be pairs of a name and a text");
	code = text_check(name, "fields", detail);
	if (!code)
		code = text_check(value, json_string_value(name), detail);
	if (!code)
		code = wtel_ami_action_add(action, json_string_value(name),
					   (struct wtel_slice){json_string_value(value), json_string_length(value)},
					   detail);
	if (code && !detail->field[0])
		snprintf(detail->field, sizeof(detail->field), "fields");
	return code;
}

static int read_action(struct wtel_ami_action **out, int64_t *timeout, json_t *object, struct wtel_detail *detail)
{
	static const char *const names[] = {"action", "fields", "timeout", NULL};
	json_t *fields = json_object_get(object, "fields");
	const char *action = NULL;
	size_t i;
	int code = text_known(object, names, detail);

	if (code || (code = text_read_string(&action, object, "action", detail)) ||
	    (code = text_read_integer(timeout, object, "timeout", 1, MILLISECONDS_MAX, detail)))
		return code;
	if (!action || !*action)
		return text_fail(detail, WTEL_EINVAL, "action", "is needed");
	if (fields && !json_is_null(fields) && !json_is_array(fields))
		return text_fail(detail, WTEL_EINVAL, "fields", "must be pairs of a name and a text");
	if (json_array_size(fields) > FIELDS_MAX)
		return text_fail(detail, WTEL_ELIMIT, "fields", "more than %d", FIELDS_MAX);
	code = wtel_ami_action_new(out, action, NULL);
	if (code)
		return text_fail(detail, code, "action", "%s", wtel_error_text(code));
	for (i = 0; !code && i < json_array_size(fields); i++)
		code = add_field(*out, json_array_get(fields, i), detail);
	return code;
}

int64_t binding_action(struct binding *binding, const char *request)
{
	struct wtel_ami_action *action = NULL;
	struct wtel_detail detail = {"", ""};
	struct ask *ask = NULL;
	json_t *object = NULL;
	int64_t timeout = 0, result;
	int code = check_open(binding, &detail);

	if (!code && !(code = text_object(&object, request, &detail)))
		code = read_action(&action, &timeout, object, &detail);
	if (!code && !(ask = core_ask(binding)))
		code = WTEL_ENOMEM;
	if (!code && (code = wtel_service_action(binding->service, action, timeout * 1000, on_item, on_action, ask)))
		detail = *wtel_service_error(binding->service);
	result = asked(binding, ask, code, &detail);
	wtel_ami_action_free(action);
	json_decref(object);
	return result;
}

/* ---- close ---------------------------------------------------------------- */

int64_t binding_close(struct binding *binding)
{
	struct wtel_detail detail = {"", ""};
	int code = check_open(binding, &detail);
	struct ask *ask = code ? NULL : core_ask(binding);

	if (!code && !ask)
		code = WTEL_ENOMEM;
	if (!code) {
		binding->closing = ask->id;
		core_wake(binding);
	}
	return asked(binding, ask, code, &detail);
}
