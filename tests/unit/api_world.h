/* Requests of the REST interface, asked of a service with a simulated Asterisk behind it. */
#ifndef TESTS_API_WORLD_H
#define TESTS_API_WORLD_H

#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>
#include <wtel/api.h>

#include "service_world.h"

struct reply {
	unsigned count;
	int status;
	json_t *json;
};

static inline void reply_take(int status, struct wtel_slice text, void *user)
{
	struct reply *reply = user;
	json_error_t error;

	reply->count++;
	reply->status = status;
	json_decref(reply->json);
	reply->json = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
	cr_assert(json_is_object(reply->json), "%.*s: %s", (int)text.length, text.data, error.text);
}

struct who {
	enum wtel_role role;
	int64_t user_id;
};
static const struct who admin = {WTEL_ROLE_ADMIN, 1}, supervisor = {WTEL_ROLE_SUPERVISOR, 2},
			agent = {WTEL_ROLE_AGENT, 5}, other = {WTEL_ROLE_AGENT, 6}, nobody = {WTEL_ROLE_AGENT, 0};

/* "GET calls/history?limit=5": below /api/telephony, or a whole path that begins with a slash. */
static inline int api_send(struct world *world, struct reply *reply, struct who who, const char *line, const char *body)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;
	char method[16], path[4096];
	const char *space = strchr(line, ' '), *query = strchr(line, '?');

	memset(reply, 0, sizeof(*reply));
	snprintf(method, sizeof(method), "%.*s", (int)(space - line), line);
	snprintf(path, sizeof(path), "%s%.*s", space[1] == '/' ? "" : "/api/telephony/",
		 (int)(query ? (size_t)(query - space - 1) : strlen(space + 1)), space + 1);
	request.method = method;
	request.path = path;
	request.query = wtel_slice_of(query ? query + 1 : NULL);
	request.body = wtel_slice_of(body);
	request.role = who.role;
	request.user_id = who.user_id;
	return wtel_api_call(world->service, &request, reply_take, reply);
}

/* Where WTEL_API_ANSWERS names a file: a line for each answer, to be held against the OpenAPI document. */
static inline void api_keep_answer(const char *line, const json_t *body, int status, const json_t *answer)
{
	const char *path = getenv("WTEL_API_ANSWERS");
	int out = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	json_t *entry;
	char *text;

	if (out < 0)
		return;
	entry = json_pack("{s:s, s:o, s:i, s:O}", "line", line, "body",
			  body ? json_copy((json_t *)(uintptr_t)body) : json_null(), "status", status, "answer",
			  answer);
	text = entry ? json_dumps(entry, JSON_COMPACT) : NULL;
	/* In one write, as the tests run beside each other: stdio would cut a long line, whatever setvbuf() is told. */
	if (text) {
		size_t length = strlen(text);

		text[length] = '\n';
		cr_assert_eq(write(out, text, length + 1), (ssize_t)length + 1, "%s", path);
	}
	close(out);
	free(text);
	json_decref(entry);
}

/* The document, which the caller frees. The form of every failure is looked at here. */
static inline json_t *api_ask(struct world *world, int status, struct who who, const char *line, const char *body)
{
	struct reply reply;
	json_t *given;
	char *text;

	cr_assert_eq(api_send(world, &reply, who, line, body), 0, "%s", line);
	cr_assert_eq(reply.count, 0, "%s was answered from inside", line);
	WORLD_UNTIL(world, reply.count);
	text = json_dumps(reply.json, 0);
	cr_assert_eq(reply.status, status, "%s %s: %d %s", line, body ? body : "", reply.status, text);
	if (!json_object_get(reply.json, "openapi"))
		cr_assert_eq(json_is_true(json_object_get(reply.json, "success")), status < 300, "%s: %s", line, text);
	given = body ? json_loads(body, 0, NULL) : NULL;
	api_keep_answer(line, given, status, reply.json);
	json_decref(given);
	if (status >= 300) {
		const json_t *error = json_object_get(reply.json, "error");

		cr_assert_eq(json_object_size(reply.json), 2, "%s", text);
		cr_assert_eq(json_object_size(error), 3, "%s", text);
		cr_assert_eq(strncmp(json_string_value(json_object_get(error, "code")), "WTEL_E", 6), 0);
		cr_assert(*json_string_value(json_object_get(error, "message")));
		cr_assert_not_null(json_object_get(error, "field"));
	}
	free(text);
	return reply.json;
}

/* The same, where only the status matters. */
static inline void api_is(struct world *world, int status, struct who who, const char *line, const char *body)
{
	json_decref(api_ask(world, status, who, line, body));
}

/* A failure that names a field. */
static inline void api_refuses(struct world *world, int status, const char *field, struct who who, const char *line,
			       const char *body)
{
	json_t *document = api_ask(world, status, who, line, body);
	const char *said = json_string_value(json_object_get(json_object_get(document, "error"), "field"));

	cr_assert_str_eq(said ? said : "", field, "%s %s: field %s", line, body ? body : "", said);
	json_decref(document);
}

/* What stands at "calls/0/callId" of a document; it stays the document's. */
static inline json_t *api_at(json_t *document, const char *path)
{
	json_t *at = document;

	while (at && *path) {
		char key[64];
		size_t length = strcspn(path, "/");

		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(key)) : json_object_get(at, key);
		path += length + (path[length] == '/');
	}
	return at;
}

static inline const char *api_text(json_t *document, const char *path)
{
	const char *text = json_string_value(api_at(document, path));

	return text ? text : "";
}

static inline json_int_t api_number(json_t *document, const char *path)
{
	json_t *at = api_at(document, path);

	cr_assert(json_is_integer(at), "%s is no number", path);
	return json_integer_value(at);
}

static inline void api_account(struct world *world, int64_t user, const char *first, const char *last)
{
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_peer_list *list;

	cr_assert_eq(
		wtel_store_peer_create(world->store, &list, secret, user, wtel_slice_of(first), wtel_slice_of(last)), 0,
		"%s", wtel_store_error(world->store)->text);
	wtel_peer_list_free(list);
}

/* A call that ended, of that agent, on the world's trunk. */
static inline void api_past_call(struct world *world, const char *call_id, int64_t agent_id,
				 enum wtel_disposition disposition, int64_t start)
{
	struct wtel_leg leg = {
		"u1", "PJSIP/1001-1", "1001", WTEL_LEG_AGENT, WTEL_CHANNEL_UP, 0, start, start, start, start, 16, 0};
	struct wtel_call call;

	memset(&call, 0, sizeof(call));
	call.call_id = call_id;
	call.channel = "PJSIP/1001-1";
	call.reason = call.recording_url = "";
	call.caller_number = "1001";
	call.callee_number = "+1234567890";
	call.state = WTEL_CALL_ENDED;
	call.agent_id = agent_id;
	call.campaign_id = 1;
	call.lead_id = 123;
	call.trunk_id = world->trunk;
	call.start = start;
	call.end = start + 330000000;
	call.answer = disposition == WTEL_DISPOSITION_ANSWERED ? start + 10000000 : 0;
	call.disposition = disposition;
	call.legs = &leg;
	call.leg_count = 1;
	cr_assert_eq(wtel_store_write(world->store, &call), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0, "%s", wtel_store_error(world->store)->text);
}

#endif
