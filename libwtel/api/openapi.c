/*
 * GET openapi.json: the OpenAPI 3.1 document, made of route.def and openapi.def, so that it cannot say anything else
 * than the code does.
 */
#include <stdio.h>

#include "api/request.h"

struct answer {
	const char *summary;
	int status;
	const char *failures;
	const char *fields;
};

enum {
#define API_ROUTE_X(name, method, path, role, query, body, most) ROUTE_##name,
#include "api/route.def"
#undef API_ROUTE_X
	ROUTES
};
enum {
#define API_ANSWER_X(name, summary, status, failures, fields) ANSWER_##name,
#include "api/openapi.def"
#undef API_ANSWER_X
	ANSWERS
};
_Static_assert((int)ROUTES == (int)ANSWERS, "every route of route.def has a line in openapi.def");

static const struct answer answers[] = {
#define API_ANSWER_X(name, summary, status, failures, fields) [ROUTE_##name] = {summary, status, failures, fields},
#include "api/openapi.def"
#undef API_ANSWER_X
};

static const struct {
	const char *name;
	const char *method;
	const char *path;
	enum wtel_role role;
	const char *query;
	const char *body;
} routes[] = {
#define API_ROUTE_X(name, method, path, role, query, body, most) {#name, method, path, WTEL_ROLE_##role, query, body},
#include "api/route.def"
#undef API_ROUTE_X
};

/* ---- types ------------------------------------------------------------ */

#define TYPE(name) "{\"type\":\"" name "\"}"
#define NUMBER	   "{\"type\":\"integer\",\"minimum\":"

static const struct {
	const char *name;
	const char *schema;
} types[] = {
	{"string", TYPE("string")},
	{"integer", TYPE("integer")},
	{"number", TYPE("number")},
	{"boolean", TYPE("boolean")},
	{"object", TYPE("object")},
	{"any", "{}"},
	{"id", NUMBER "1,\"maximum\":2147483647}"},
	{"count", NUMBER "0,\"maximum\":2147483647}"},
	{"time", "{\"type\":\"string\",\"format\":\"date-time\","
		 "\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\\\.[0-9]{3}Z$\"}"},
	{"when", "{\"type\":\"string\",\"description\":\"a day, or a time in ISO 8601\","
		 "\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?$\"}"},
	{"percent", "{\"type\":\"string\",\"pattern\":\"^[0-9]+\\\\.[0-9]{2}$\"}"},
};

/* What an enum's values are called, by the functions that answers are written with; NULL: it is none. */
static json_t *enum_of(const char *name)
{
	json_t *values = json_array(), *schema;
	int i;

#define ENUM(of, function, enumeration, first, last)                                                                   \
	for (i = (first); strcmp(name, of) == 0 && i <= (int)(last); i++)                                              \
		array_add(&values, json_string(function((enumeration)i)));
	ENUM("direction", wtel_direction_name, enum wtel_direction, 0, WTEL_INBOUND)
	ENUM("disposition", wtel_disposition_name, enum wtel_disposition, 1, WTEL_DISPOSITIONS - 1)
	ENUM("stateName", wtel_call_state_name, enum wtel_call_state, 0, WTEL_CALL_ENDED)
	ENUM("role", wtel_leg_role_name, enum wtel_leg_role, 0, WTEL_LEG_OTHER)
	ENUM("peerStatus", wtel_peer_status_name, enum wtel_peer_status, 0, WTEL_PEER_DISABLED)
	ENUM("provider", wtel_trunk_provider_name, enum wtel_trunk_provider, 0, WTEL_PROVIDER_CUSTOM)
	ENUM("trunkType", wtel_trunk_type_name, enum wtel_trunk_type, 0, WTEL_TRUNK_PJSIP)
	ENUM("trunkStatus", wtel_trunk_status_name, enum wtel_trunk_status, 0, WTEL_TRUNK_ERROR)
	ENUM("breakerState", wtel_breaker_state_name, enum wtel_breaker_state, 0, WTEL_BREAKER_OPEN)
#undef ENUM
	if (values && !json_array_size(values)) {
		json_decref(values);
		return NULL;
	}
	schema = json_object();
	object_text(&schema, "type", "string");
	object_put(&schema, "enum", values);
	return schema;
}

static json_t *reference(const char *kind, const char *name)
{
	json_t *schema = json_object();

	object_put(&schema, "$ref", json_sprintf("#/components/%s/%s", kind, name));
	return schema;
}

static json_t *type_of(const char *name)
{
	json_t *schema;
	size_t i;

	if (name[0] >= 'A' && name[0] <= 'Z')
		return reference("schemas", name);
	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return json_loads(types[i].schema, 0, NULL);
	schema = enum_of(name);
	return schema;
}

static json_t *or_null(json_t *schema)
{
	json_t *either = json_array(), *nothing = json_object(), *out = json_object();

	object_text(&nothing, "type", "null");
	array_add(&either, schema);
	array_add(&either, nothing);
	object_put(&out, "anyOf", either);
	return out;
}

/* ---- objects ---------------------------------------------------------- */

static json_t *strict(json_t *properties, json_t *required)
{
	json_t *out = json_object();

	object_text(&out, "type", "object");
	object_put(&out, "properties", properties);
	object_put(&out, "required", required);
	object_flag(&out, "additionalProperties", false);
	return out;
}

/* "name:type[]?~" at the beginning of `field`. */
static void put_field(json_t **properties, json_t **required, const char *field, size_t length)
{
	char name[64], type[64];
	size_t colon = strcspn(field, ":");
	bool list = false, nullable = false, optional = false;
	json_t *schema;

	snprintf(name, sizeof(name), "%.*s", (int)colon, field);
	snprintf(type, sizeof(type), "%.*s", (int)(length - colon - 1), field + colon + 1);
	for (length = strlen(type); length && strchr("~?]", type[length - 1]); type[length] = '\0') {
		optional = optional || type[length - 1] == '~';
		nullable = nullable || type[length - 1] == '?';
		list = list || type[length - 1] == ']';
		length -= type[length - 1] == ']' ? 2 : 1;
	}
	schema = type_of(type);
	if (list) {
		json_t *items = schema;

		schema = json_object();
		object_text(&schema, "type", "array");
		object_put(&schema, "items", items);
	}
	object_put(properties, name, nullable ? or_null(schema) : schema);
	if (!optional)
		array_add(required, json_string(name));
}

static void put_fields(json_t **properties, json_t **required, const char *fields)
{
	while (*fields) {
		size_t length = strcspn(fields, " ");

		if (length)
			put_field(properties, required, fields, length);
		fields += length + (fields[length] == ' ');
	}
}

static json_t *object_schema(const char *fields, const bool *success)
{
	json_t *properties = json_object(), *required = json_array();

	if (success) {
		json_t *constant = json_object();

		object_flag(&constant, "const", *success);
		object_put(&properties, "success", constant);
		array_add(&required, json_string("success"));
	}
	put_fields(&properties, &required, fields);
	return strict(properties, required);
}

/* ---- what is asked ---------------------------------------------------- */

/* Of a parameter or a key, by its name. */
static json_t *word_schema(const char *name)
{
#define API_WORD_X(word, type)                                                                                         \
	if (strcmp(name, word) == 0)                                                                                   \
		return type_of(type);
#include "api/openapi.def"
#undef API_WORD_X
	return NULL;
}

static void put_parameter(json_t **parameters, const char *in, const char *name)
{
	json_t *parameter = json_object();

	object_text(&parameter, "name", name);
	object_text(&parameter, "in", in);
	object_flag(&parameter, "required", strcmp(in, "path") == 0);
	object_put(&parameter, "schema", word_schema(name));
	array_add(parameters, parameter);
}

static json_t *parameters_of(const char *path, const char *query)
{
	json_t *parameters = json_array();
	char name[64];

	for (path = strchr(path, '{'); path; path = strchr(path, '{')) {
		path++;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, "}"), path);
		put_parameter(&parameters, "path", name);
	}
	while (*query) {
		size_t length = strcspn(query, " ");

		snprintf(name, sizeof(name), "%.*s", (int)length, query);
		if (length)
			put_parameter(&parameters, "query", name);
		query += length + (query[length] == ' ');
	}
	return parameters;
}

static json_t *of_json(json_t *schema)
{
	json_t *content = json_object(), *media = json_object();

	object_put(&media, "schema", schema);
	object_put(&content, "application/json", media);
	return content;
}

/* null is as good as "", 0 or false where a key may be left out; `!` must be there. */
static json_t *body_of(const char *keys)
{
	json_t *properties = json_object(), *required = json_array(), *body = json_object();
	bool any = false;
	char name[64];

	while (*keys) {
		size_t length;

		keys += strspn(keys, " ");
		length = strcspn(keys, " ");
		if (*keys == '!')
			any = true;
		snprintf(name, sizeof(name), "%.*s", (int)(length - (*keys == '!')), keys + (*keys == '!'));
		if (*keys == '!')
			array_add(&required, json_string(name));
		object_put(&properties, name, or_null(word_schema(name)));
		keys += length;
	}
	object_flag(&body, "required", any);
	object_put(&body, "content", of_json(strict(properties, required)));
	return body;
}

/* ---- what is answered ------------------------------------------------- */

static void put_failure(json_t **responses, const char *status)
{
	object_put(responses, status, reference("responses", "Error"));
}

static void put_failures(json_t **responses, size_t route)
{
	const char *list = answers[route].failures;
	char status[8];

	put_failure(responses, "400");
	put_failure(responses, "401");
	put_failure(responses, "403");
	if (strchr(routes[route].path, '{'))
		put_failure(responses, "404");
	put_failure(responses, "413");
	put_failure(responses, "429");
	put_failure(responses, "503");
	while (list && *list) {
		snprintf(status, sizeof(status), "%.*s", (int)strcspn(list, " "), list);
		put_failure(responses, status);
		list += strcspn(list, " ");
		list += *list == ' ';
	}
}

static json_t *responses_of(size_t route)
{
	static const bool yes = true;
	json_t *responses = json_object(), *success = json_object();
	const char *fields = answers[route].fields;
	bool itself = route == ROUTE_service_openapi;
	char status[8];

	snprintf(status, sizeof(status), "%d", answers[route].status);
	object_text(&success, "description", "done");
	object_put(&success, "content", of_json(itself ? type_of("object") : object_schema(fields, &yes)));
	object_put(&responses, status, success);
	put_failures(&responses, route);
	return responses;
}

static json_t *operation_of(size_t route)
{
	static const char *const roles[] = {"agent", "supervisor", "admin"};
	json_t *operation = json_object();

	object_text(&operation, "operationId", routes[route].name);
	object_text(&operation, "summary", answers[route].summary);
	object_text(&operation, "x-role", roles[routes[route].role]);
	object_put(&operation, "parameters", parameters_of(routes[route].path, routes[route].query));
	if (*routes[route].body)
		object_put(&operation, "requestBody", body_of(routes[route].body));
	object_put(&operation, "responses", responses_of(route));
	return operation;
}

static json_t *paths_of(void)
{
	json_t *paths = json_object();
	char path[128], method[8];
	size_t i, k;

	for (i = 0; paths && i < ROUTES; i++) {
		json_t *item;

		snprintf(path, sizeof(path), "/%s", routes[i].path);
		for (k = 0; routes[i].method[k] && k < sizeof(method) - 1; k++)
			method[k] = (char)(routes[i].method[k] | 0x20);
		method[k] = '\0';
		if (!json_object_get(paths, path))
			object_put(&paths, path, json_object());
		item = json_incref(json_object_get(paths, path));
		object_put(&item, method, operation_of(i));
		if (!item)
			object_put(&paths, path, NULL);
		json_decref(item);
	}
	return paths;
}

/* ---- the document ----------------------------------------------------- */

static json_t *components(void)
{
	static const char security[] = "{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
				       "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"wtel_session\"}}";
	static const bool no = false;
	json_t *schemas = json_object(), *responses = json_object(), *error = json_object(), *out = json_object();

#define API_OBJECT_X(name, fields) object_put(&schemas, #name, object_schema(fields, NULL));
#include "api/openapi.def"
#undef API_OBJECT_X
	object_put(&schemas, "Error", object_schema("error:ErrorDetail", &no));
	object_text(&error, "description", "refused, or not possible now: `code` and `message` say why, `field` where");
	object_put(&error, "content", of_json(reference("schemas", "Error")));
	object_put(&responses, "Error", error);
	object_put(&out, "schemas", schemas);
	object_put(&out, "responses", responses);
	object_put(&out, "securitySchemes", json_loads(security, 0, NULL));
	return out;
}

static json_t *whole(void)
{
	json_t *document = json_object(), *info = json_object();

	object_text(&document, "openapi", "3.1.0");
	object_text(&info, "title", "libwtel: telephony of call centres");
	object_text(&info, "version", WTEL_VERSION);
	object_put(&document, "info", info);
	object_put(&document, "servers", json_loads("[{\"url\":\"/api/telephony\"}]", 0, NULL));
	object_put(&document, "security", json_loads("[{\"token\":[]},{\"session\":[]}]", 0, NULL));
	object_put(&document, "paths", paths_of());
	object_put(&document, "components", components());
	return document;
}

int wtel_api_openapi(char **out)
{
	json_t *document = whole();
	char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;

	json_decref(document);
	if (!text)
		return WTEL_ENOMEM;
	*out = text;
	return 0;
}

/* GET openapi.json */
void api_service_openapi(struct api_request *request)
{
	api_answer(request, 200, whole());
}
