/*
 * Who may what: one table, in which every route of route.def has a place. A route that is added there without a word
 * here on who may use it does not compile. Everything that is refused must have changed nothing.
 */
#include <ctype.h>
#include <libpq-fe.h>
#include <unistd.h>

#include "api/request.h"
#include "api_world.h"

enum asker { NOBODY, OTHER, OWNER, SUPERVISOR, ADMIN, ASKERS };

/* `other` and `agent`, whose everything is: a call, an account, a history. */
static const struct who askers[ASKERS] = {{WTEL_ROLE_AGENT, 0},
					  {WTEL_ROLE_AGENT, 6},
					  {WTEL_ROLE_AGENT, 5},
					  {WTEL_ROLE_SUPERVISOR, 2},
					  {WTEL_ROLE_ADMIN, 1}};

struct right {
	const char *line;
	const char *body;   /* with %s: of a call of the owner's that is under way, made anew for each asker */
	const char *of;	    /* which of its keys that is */
	int status[ASKERS]; /* for nobody, another agent, the owner, a supervisor, an administrator */
};

/* What a route may be asked, in this order, each line by everybody in turn. */
#define RIGHTS(route) static const struct right may_##route[] __attribute__((unused))

RIGHTS(call_originate) = {
	{"POST call/originate",
	 "{\"agentExtension\": \"1001\", \"customerPhone\": \"x\"}",
	 NULL,
	 {401, 403, 422, 422, 422}},
	{"POST call/originate",
	 "{\"agentExtension\": \"1001\", \"customerPhone\": \"x\", \"agentId\": 5}",
	 NULL,
	 {401, 403, 422, 422, 422}},
	{"POST call/originate",
	 "{\"agentExtension\": \"1002\", \"customerPhone\": \"x\", \"agentId\": 5}",
	 NULL,
	 {401, 403, 403, 422, 422}},
};
RIGHTS(call_hangup) = {
	{"POST call/hangup", "{\"callId\": \"%s\"}", "callId", {401, 404, 200, 200, 200}},
	{"POST call/hangup", "{\"channel\": \"%s\"}", "channel", {401, 404, 200, 200, 200}},
	{"POST call/hangup", "{\"channel\": \"PJSIP/1-1\"}", NULL, {401, 404, 404, 404, 404}},
};
RIGHTS(calls_active) = {{"GET calls/active", NULL, NULL, {401, 200, 200, 200, 200}}};
RIGHTS(calls_history) = {
	{"GET calls/history", NULL, NULL, {401, 200, 200, 200, 200}},
	{"GET calls/history?agentId=5", NULL, NULL, {401, 403, 200, 200, 200}},
	{"GET calls/history?agentId=0", NULL, NULL, {401, 403, 403, 200, 200}},
};
RIGHTS(calls_stats) = {
	{"GET calls/stats", NULL, NULL, {401, 200, 200, 200, 200}},
	{"GET calls/stats?agentId=5", NULL, NULL, {401, 403, 200, 200, 200}},
	{"GET calls/stats?agentId=0", NULL, NULL, {401, 403, 403, 200, 200}},
};
RIGHTS(calls_detail) = {
	{"GET calls/own", NULL, NULL, {401, 404, 200, 200, 200}},
	{"GET calls/none", NULL, NULL, {401, 404, 404, 404, 404}},
};
/* Whose recording may be set: not by an agent, who is on it. */
RIGHTS(calls_change) = {
	{"PATCH calls/own", "{\"recordingUrl\": \"/a.wav\"}", NULL, {403, 403, 403, 200, 200}},
	{"PATCH calls/none", "{\"recordingUrl\": \"/a.wav\"}", NULL, {403, 403, 403, 404, 404}},
};
RIGHTS(sip_status) = {
	{"GET sip/status", NULL, NULL, {401, 200, 200, 404, 404}},
	{"GET sip/status?userId=5", NULL, NULL, {401, 403, 200, 200, 200}},
};
/* The own ones, whoever asks. */
RIGHTS(sip_credentials) = {{"GET sip/credentials", NULL, NULL, {401, 200, 200, 404, 404}}};
RIGHTS(sip_create) = {{"POST sip/create",
		       "{\"userId\": 5, \"primerNombre\": \"a\", \"primerApellido\": \"b\"}",
		       NULL,
		       {403, 403, 403, 403, 409}}};
RIGHTS(sip_peers) = {{"GET sip/peers", NULL, NULL, {403, 403, 403, 200, 200}}};
RIGHTS(sip_enable) = {{"POST sip/5/enable", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(sip_disable) = {
	{"POST sip/5/disable", NULL, NULL, {403, 403, 403, 403, 200}},
	{"POST sip/9/disable", NULL, NULL, {403, 403, 403, 403, 404}},
};
RIGHTS(sip_renew) = {{"POST sip/5/renew", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(trunks_list) = {{"GET trunks", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(trunks_create) = {
	{"POST trunks", "{\"name\": \"Carrier B\", \"host\": \"h.example\"}", NULL, {403, 403, 403, 403, 201}},
	{"POST trunks", "{\"name\": \"Carrier A\", \"host\": \"h.example\"}", NULL, {403, 403, 403, 403, 409}},
};
RIGHTS(trunks_explain) = {{"GET trunks/explain", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(trunks_get) = {{"GET trunks/1", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(trunks_replace) = {
	{"PUT trunks/1", "{\"name\": \"Carrier A\", \"host\": \"h.example\"}", NULL, {403, 403, 403, 403, 200}}};
RIGHTS(trunks_change) = {{"PATCH trunks/1", "{\"priority\": 7}", NULL, {403, 403, 403, 403, 200}}};
RIGHTS(trunks_remove) = {
	{"DELETE trunks/2", NULL, NULL, {403, 403, 403, 403, 200}},
	{"DELETE trunks/9", NULL, NULL, {403, 403, 403, 403, 404}},
};
RIGHTS(campaigns_get) = {{"GET campaigns/1", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(campaigns_replace) = {{"PUT campaigns/1", "{\"general\": true}", NULL, {403, 403, 403, 403, 200}}};
RIGHTS(campaigns_assign) = {
	{"PUT campaigns/1/trunks/1", "{\"priority\": 3}", NULL, {403, 403, 403, 403, 200}},
	{"PUT campaigns/1/trunks/9", "{}", NULL, {403, 403, 403, 403, 404}},
};
RIGHTS(campaigns_unassign) = {{"DELETE campaigns/1/trunks/1", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(audit_list) = {{"GET audit", NULL, NULL, {403, 403, 403, 403, 200}}};
RIGHTS(service_status) = {{"GET status", NULL, NULL, {200, 200, 200, 200, 200}}};

RIGHTS(service_openapi) = {{"GET openapi.json", NULL, NULL, {200, 200, 200, 200, 200}}};

static const struct {
	const char *name;
	const char *method;
	const char *path;
	enum wtel_role role;
	const struct right *rights;
	size_t count;
} matrix[] = {
#define API_ROUTE_X(name, method, path, role, query, body, most)                                                       \
	{#name, method, path, WTEL_ROLE_##role, may_##name, sizeof(may_##name) / sizeof(*may_##name)},
#include "api/route.def"
#undef API_ROUTE_X
};
enum { ROUTES = sizeof(matrix) / sizeof(*matrix) };

/* Segment by segment, where one in braces is any. */
static bool is_of(const char *line, const char *method, const char *path)
{
	size_t length = strlen(method);

	if (strncmp(line, method, length) != 0 || line[length] != ' ')
		return false;
	for (line += length + 1; *path; path += strcspn(path, "/"), path += *path == '/') {
		size_t wanted = strcspn(path, "/"), there = strcspn(line, "/?");

		if (*path != '{' && (wanted != there || strncmp(path, line, wanted) != 0))
			return false;
		line += there;
		if ((path[wanted] == '/') != (*line == '/'))
			return false;
		line += *line == '/';
	}
	return !*line || *line == '?';
}

/* What stands in the table is of its route, and says of lesser roles what the route does. */
Test(api_permissions, the_table_is_of_the_routes)
{
	size_t i, j;
	int who;

	for (i = 0; i < ROUTES; i++)
		for (j = 0; j < matrix[i].count; j++) {
			const struct right *right = &matrix[i].rights[j];

			cr_assert(is_of(right->line, matrix[i].method, matrix[i].path), "%s stands under %s",
				  right->line, matrix[i].name);
			for (who = 0; who < ASKERS; who++)
				cr_assert_eq(right->status[who] == 403 || askers[who].role >= matrix[i].role, true,
					     "%s by %d", right->line, who);
			if (matrix[i].role == WTEL_ROLE_AGENT && strcmp(matrix[i].method, "GET") != 0)
				cr_assert_eq(right->status[NOBODY], 401, "%s", right->line);
		}
}

/* Every status of the table is one that the OpenAPI document knows of that route. */
Test(api_permissions, the_document_knows_every_status)
{
	char *text = NULL, path[128], method[8], status[8];
	json_t *document, *responses;
	size_t i, j, k;
	int who;

	cr_assert_eq(wtel_api_openapi(&text), 0);
	document = json_loads(text, 0, NULL);
	for (i = 0; i < ROUTES; i++) {
		snprintf(path, sizeof(path), "/%s", matrix[i].path);
		for (k = 0; k <= strlen(matrix[i].method); k++)
			method[k] = (char)tolower((unsigned char)matrix[i].method[k]);
		responses = json_object_get(
			json_object_get(json_object_get(json_object_get(document, "paths"), path), method),
			"responses");
		for (j = 0; j < matrix[i].count; j++)
			for (who = 0; who < ASKERS; who++) {
				snprintf(status, sizeof(status), "%d", matrix[i].rights[j].status[who]);
				cr_assert_not_null(json_object_get(responses, status), "%s: %s", matrix[i].name,
						   status);
			}
	}
	json_decref(document);
	free(text);
}

/* ---- asking ----------------------------------------------------------- */

static json_t *all_of(struct world *world, const char *line)
{
	return api_ask(world, 200, admin, line, NULL);
}

/* What the service itself keeps up to date, by calls and registrations. */
static void without_news(json_t *document)
{
	/* Its health is there once the service has heard of the trunk. */
	static const char *const keys[] = {
		"registered", "lastRegisteredAt", "lastErrorAt", "lastErrorMessage", "activeCalls",
		"totalCalls", "successfulCalls",  "failedCalls", "breaker",	     "health"};
	json_t *trunk;
	size_t i, j;

	json_array_foreach(json_object_get(document, "trunks"), i, trunk)
	{
		for (j = 0; j < sizeof(keys) / sizeof(*keys); j++)
			(void)json_object_del(trunk, keys[j]);
	}
}

/* All that can be changed, as it stands. */
static char *everything(struct world *world)
{
	static const char *const lines[] = {"GET trunks", "GET campaigns/1", "GET sip/peers",
					    "GET calls/history?agentId=0", "GET calls/own"};
	json_t *all = json_array();
	char *text;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		json_t *document = all_of(world, lines[i]);

		without_news(document);
		json_array_append_new(all, document);
	}
	text = json_dumps(all, 0);
	json_decref(all);
	return text;
}

static json_t *call_of_owner(struct world *world)
{
	world->notices[0] = '\0';
	api_is(world, 200, agent, "POST call/originate",
	       "{\"agentExtension\": \"1001\", \"customerPhone\": \"+1234567890\"}");
	WORLD_UNTIL(world, strstr(world->notices, "call:answered"));
	return all_of(world, "GET calls/active");
}

static void ask_of_call(struct world *world, const struct right *right, enum asker who)
{
	json_t *calls = call_of_owner(world);
	char body[256], key[64];

	cr_assert_eq(api_number(calls, "count"), 1);
	snprintf(key, sizeof(key), "calls/0/%s", right->of);
	snprintf(body, sizeof(body),
		 strcmp(right->of, "callId") == 0 ? "{\"callId\": \"%s\"}" : "{\"channel\": \"%s\"}",
		 api_text(calls, key));
	api_is(world, right->status[who], askers[who], right->line, body);
	if (right->status[who] != 200) {
		json_t *after = all_of(world, "GET calls/active");

		cr_assert(json_equal(after, calls), "%s by %d was refused, and did something", right->line, who);
		json_decref(after);
		api_is(world, 200, admin, right->line, body);
	}
	WORLD_UNTIL(world, strstr(world->notices, "call:hangup"));
	cr_assert_eq(wtel_store_flush(world->store), 0);
	json_decref(calls);
}

static void ask(struct world *world, const struct right *right, enum asker who)
{
	bool changes = strncmp(right->line, "GET", 3) != 0 && right->status[who] >= 300;
	char *before = changes ? everything(world) : NULL, *after;

	api_is(world, right->status[who], askers[who], right->line, right->body);
	if (!changes)
		return;
	after = everything(world);
	cr_assert_str_eq(after, before, "%s by %d was refused, and changed something: %s\n%s", right->line, who, before,
			 after);
	free(before);
	free(after);
}

static void ask_all(struct world *world)
{
	size_t i, j;
	int who;

	world->sim_options.talk = 600000000;
	world_start(world);
	WORLD_UNTIL(world, world_stats(world).synchronised);
	cr_assert_eq(world->trunk, 1);
	api_account(world, 5, "John", "Doe");
	api_account(world, 6, "Jane", "Doe");
	api_past_call(world, "own", 5, WTEL_DISPOSITION_BUSY, INT64_C(1761951600000000));
	for (i = 0; i < ROUTES; i++)
		for (j = 0; j < matrix[i].count; j++)
			for (who = 0; who < ASKERS; who++) {
				if (matrix[i].rights[j].of)
					ask_of_call(world, &matrix[i].rights[j], (enum asker)who);
				else
					ask(world, &matrix[i].rights[j], (enum asker)who);
			}
	world_close(world);
}

/* With a key, so that accounts' secrets are kept and may be given. */
static void prepare(struct world *world, const char *url)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	char key[WTEL_KEY_LINE_SIZE];

	world_prepare(world);
	wtel_store_close(world->store);
	cr_assert_eq(wtel_keyring_line(key), 0);
	options.url = url;
	options.max_delay = 0;
	options.secret_keys = key;
	cr_assert_eq(wtel_store_open(&world->store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	world->trunk = world_trunk(world, "Carrier A", true, 10);
}

Test(api_permissions, are_what_the_table_says, .timeout = 300)
{
	struct world world;

	prepare(&world, "sqlite::memory:");
	ask_all(&world);
}

/* One statement on the server of WTEL_TEST_PG. */
static void on_server(const char *format, const char *name)
{
	PGconn *connection = PQconnectdb(getenv("WTEL_TEST_PG"));
	char sql[128];
	PGresult *result;

	cr_assert_eq(PQstatus(connection), CONNECTION_OK, "%s", PQerrorMessage(connection));
	snprintf(sql, sizeof(sql), "%s \"%s\"", format, name);
	result = PQexec(connection, sql);
	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

Test(api_permissions, are_the_same_on_postgresql, .timeout = 300)
{
	const char *server = getenv("WTEL_TEST_PG");
	char name[64], url[512];
	struct world world;

	if (!server)
		cr_skip_test("WTEL_TEST_PG is not set");
	snprintf(name, sizeof(name), "api_permissions_%d", (int)getpid());
	snprintf(url, sizeof(url), "%.*s/%s", (int)(strrchr(server, '/') - server), server, name);
	on_server("CREATE DATABASE", name);
	prepare(&world, url);
	ask_all(&world);
	on_server("DROP DATABASE", name);
}

/* ---- what no route takes ---------------------------------------------- */

/* Parameters and keys that are none are refused everywhere, and so is every other method. */
Test(api_permissions, nothing_is_taken_that_no_route_has)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get", "OPTIONS"};
	struct world world;
	char line[256], path[128];
	size_t i, j, k;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	for (i = 0; i < ROUTES; i++) {
		const char *given = strchr(matrix[i].rights[0].line, ' ') + 1;

		snprintf(path, sizeof(path), "%.*s", (int)strcspn(given, "?"), given);
		snprintf(line, sizeof(line), "%s %s?unknown=1", matrix[i].method, path);
		api_refuses(&world, 400, "unknown", admin, line, NULL);
		snprintf(line, sizeof(line), "%s %s", matrix[i].method, path);
		api_refuses(&world, 400, "unknown", admin, line, "{\"unknown\": 1}");
		for (j = 0; j < sizeof(methods) / sizeof(*methods); j++) {
			snprintf(line, sizeof(line), "%s %s", methods[j], path);
			for (k = 0; k < ROUTES && !is_of(line, matrix[k].method, matrix[k].path); k++)
				;
			if (k == ROUTES)
				api_refuses(&world, 405, "method", admin, line, NULL);
		}
	}
	world_close(&world);
}
