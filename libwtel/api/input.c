/* What a request may hold: parameters, ids, keys of the body. Each refusal names its field. */
#include "api/request.h"

#include "base/timestamp.h"

enum { DAY_LENGTH = sizeof("2025-10-25") - 1 };
#define DAY INT64_C(86400000000)

/* ---- parameters and paths --------------------------------------------- */

/* Digits only: 0 to `most`. */
static bool read_number(int64_t *out, const char *text, int64_t most)
{
	int64_t value = 0;

	if (!*text || strlen(text) > 18)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (*text - '0');
	}
	*out = value;
	return value <= most;
}

bool api_parameter_number(struct api_request *request, int64_t *out, const char *name, int64_t least, int64_t most)
{
	const char *text = api_parameter(request, name);
	int64_t value;

	if (!text)
		return true;
	if (!read_number(&value, text, most) || value < least) {
		api_fail(request, 400, WTEL_EINVAL, name, "%s must be a number from %lld to %lld", name,
			 (long long)least, (long long)most);
		return false;
	}
	*out = value;
	return true;
}

bool api_parameter_time(struct api_request *request, int64_t *out, const char *name, bool end)
{
	const char *text = api_parameter(request, name);
	int64_t wall;

	if (!text)
		return true;
	if (!base_time_parse(&wall, text)) {
		api_fail(request, 400, WTEL_EINVAL, name,
			 "%s must be a day such as 2025-10-31, or a time such as 2025-10-31T09:00:00Z", name);
		return false;
	}
	if (end && strlen(text) == DAY_LENGTH)
		wall += DAY;
	/* 0 would be no bound at all. */
	*out = wall ? wall : 1;
	return true;
}

bool api_word_id(struct api_request *request, int64_t *out, size_t index)
{
	if (read_number(out, request->words[index], API_ID_MAX) && *out)
		return true;
	api_fail(request, 404, WTEL_ENOTFOUND, "path", "there is nothing of that number");
	return false;
}

/* ---- bodies ----------------------------------------------------------- */

/* The next word of a list; false: there is none. A "!" before it: it must be there. */
static bool next_word(const char **list, struct wtel_slice *word, bool *needed)
{
	const char *text = *list + strspn(*list, " ");

	*needed = *text == '!';
	text += *needed;
	word->data = text;
	word->length = strcspn(text, " ");
	*list = text + word->length;
	return word->length != 0;
}

static bool is_listed(const char *list, const char *key)
{
	struct wtel_slice word;
	bool needed;

	while (next_word(&list, &word, &needed))
		if (base_slice_is(word, key))
			return true;
	return false;
}

static bool check_keys(struct api_request *request)
{
	const char *list = request->route->body, *key;
	struct wtel_slice word;
	json_t *value;
	bool needed;

	json_object_foreach(request->body, key, value)
	{
		if (is_listed(list, key))
			continue;
		api_fail(request, 400, WTEL_EINVAL, key, "%.64s is no key of this request", key);
		return false;
	}
	while (next_word(&list, &word, &needed)) {
		char name[64];

		base_slice_copy(name, sizeof(name), word);
		if (!needed || api_body_has(request, name))
			continue;
		api_fail(request, 400, WTEL_EINVAL, name, "%s is missing", name);
		return false;
	}
	return true;
}

bool api_read_body(struct api_request *request)
{
	const char *text = request->text.data;
	json_error_t error;

	if (request->text.length > request->route->body_max) {
		api_fail(request, 413, WTEL_ELIMIT, "", "the body is longer than %zu bytes", request->route->body_max);
		return false;
	}
	if (!request->text.length)
		request->body = json_object();
	else
		request->body = json_loadb(text, request->text.length, JSON_REJECT_DUPLICATES, &error);
	if (!request->body && !request->text.length)
		api_answer(request, 503, NULL);
	else if (!request->body && json_error_code(&error) == json_error_null_character)
		api_fail(request, 400, WTEL_EINVAL, "", "a text in the body holds NUL, at line %d, column %d",
			 error.line, error.column);
	else if (!request->body)
		api_fail(request, 400, WTEL_EINVAL, "", "the body is not a JSON object: line %d: %.120s", error.line,
			 error.text);
	else if (!json_is_object(request->body))
		api_fail(request, 400, WTEL_EINVAL, "", "the body must be a JSON object");
	else
		return check_keys(request);
	return false;
}

bool api_body_has(const struct api_request *request, const char *key)
{
	return json_object_get(request->body, key) != NULL;
}

bool api_body_number(struct api_request *request, int64_t *out, const char *key, int64_t least, int64_t most)
{
	const json_t *value = json_object_get(request->body, key);
	int64_t number = json_integer_value(value);

	if (!value)
		return true;
	if (!json_is_integer(value) && !json_is_null(value)) {
		api_fail(request, 400, WTEL_EINVAL, key, "%s must be a whole number", key);
		return false;
	}
	if (number < least || number > most) {
		api_fail(request, 422, WTEL_EINVAL, key, "%s must be from %lld to %lld", key, (long long)least,
			 (long long)most);
		return false;
	}
	*out = number;
	return true;
}

bool api_body_flag(struct api_request *request, bool *out, const char *key)
{
	const json_t *value = json_object_get(request->body, key);

	if (!value)
		return true;
	if (!json_is_boolean(value) && !json_is_null(value)) {
		api_fail(request, 400, WTEL_EINVAL, key, "%s must be true or false", key);
		return false;
	}
	*out = json_is_true(value);
	return true;
}

bool api_body_text(struct api_request *request, const char **out, const char *key)
{
	const json_t *value = json_object_get(request->body, key);

	if (!value)
		return true;
	if (!json_is_string(value) && !json_is_null(value)) {
		api_fail(request, 400, WTEL_EINVAL, key, "%s must be a text", key);
		return false;
	}
	*out = json_is_string(value) ? json_string_value(value) : "";
	return true;
}

/* ---- who -------------------------------------------------------------- */

bool api_whose(struct api_request *request, int64_t *out, bool said, int64_t asked, const char *field)
{
	bool agent = request->role == WTEL_ROLE_AGENT;

	if (agent && !request->user_id)
		api_fail(request, 401, WTEL_EPERMISSION, "", "this is for a user who is known");
	else if (agent && said && asked != request->user_id)
		api_fail(request, 403, WTEL_EPERMISSION, field, "an agent may ask for what is the agent's own");
	else
		return *out = said ? asked : request->user_id, true;
	return false;
}
