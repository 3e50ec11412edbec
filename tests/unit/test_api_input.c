/* What nobody should have sent. */
#include "api_world.h"

Test(api, an_agent_ends_own_calls_only)
{
	struct world world;
	json_t *document;
	char body[256];

	world_prepare(&world);
	world.sim_options.talk = 60000000;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	document = api_ask(&world, 200, agent, "POST call/originate",
			   "{\"agentExtension\": \"1001\", \"customerPhone\": \"+1234567890\"}");
	snprintf(body, sizeof(body), "{\"callId\": \"%s\"}", api_text(document, "data/callId"));
	json_decref(document);
	WORLD_UNTIL(&world, strstr(world.notices, "call:answered"));
	document = api_ask(&world, 200, other, "GET calls/active", NULL);
	cr_assert_eq(api_number(document, "count"), 0);
	json_decref(document);
	api_refuses(&world, 404, "callId", other, "POST call/hangup", body);
	document = api_ask(&world, 200, supervisor, "GET calls/active", NULL);
	cr_assert_eq(api_number(document, "count"), 1);
	json_decref(document);
	api_is(&world, 200, agent, "POST call/hangup", body);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	api_refuses(&world, 404, "callId", agent, "POST call/hangup", body);
	world_close(&world);
}

/* ---- paths, methods, queries ------------------------------------------ */

Test(api, methods_and_paths_that_are_none)
{
	static const char *const missing[] = {
		"GET /",
		"GET /api/telephony",
		"GET /api/telephony/",
		"GET /api/telephonyx/status",
		"GET /API/telephony/status",
		"GET Status",
		"GET calls",
		"GET calls/",
		"GET calls//",
		"GET calls/active/x",
		"GET //api/telephony/status",
		"GET trunks/../status",
		"GET trunks/0",
		"GET trunks/-1",
		"GET trunks/1x",
		"GET trunks/2147483648",
		"GET trunks/99999999999999999999",
		"GET trunks/%31/x",
		"GET status%2f",
		"GET campaigns/1/trunks",
		"POST sip/x/enable",
		"GET %73tatus",
	};
	static const char *const wrong[] = {
		"POST status",	      "get status",
		"HEAD status",	      "OPTIONS trunks",
		"DELETE trunks",      "PUT trunks",
		"GET call/originate", "DELETE call/hangup",
		"POST trunks/1",      "AVERYLONGMETHOD status",
		"POST calls/active",  " status",
		"GET sip/5/renew",    "PATCH campaigns/1",
	};
	struct world world;
	json_t *document;
	size_t i;

	world_open(&world);
	for (i = 0; i < sizeof(missing) / sizeof(*missing); i++)
		api_is(&world, 404, admin, missing[i], NULL);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		api_is(&world, 405, admin, wrong[i], NULL);
	document = api_ask(&world, 405, admin, "POST trunks/1", NULL);
	cr_assert_str_eq(api_text(document, "error/message"), "the method must be one of: GET, PUT, PATCH, DELETE");
	json_decref(document);
	api_is(&world, 200, admin, "GET status/", NULL);
	api_is(&world, 200, admin, "GET trunks/%31", NULL);
	api_is(&world, 400, admin, "GET calls/a%", NULL);
	api_is(&world, 400, admin, "GET calls/a%0", NULL);
	api_is(&world, 400, admin, "GET calls/%zz", NULL);
	api_is(&world, 400, admin, "GET calls/a%00b", NULL);
	api_is(&world, 400, admin, "GET calls/%ff", NULL);
	api_is(&world, 400, admin, "GET calls/%C0%80", NULL);
	api_is(&world, 422, admin, "GET calls/a%0d%0ab", NULL);
	world_close(&world);
}

Test(api, queries_are_read_strictly)
{
	static const struct {
		const char *query, *field;
	} bad[] = {
		{"limit=-1", "limit"},
		{"limit=10001", "limit"},
		{"limit=", "limit"},
		{"limit", "limit"},
		{"limit=1e3", "limit"},
		{"limit=0x10", "limit"},
		{"limit=99999999999999999999999", "limit"},
		{"limit=1&limit=1", "limit"},
		{"offset=4294967296", "offset"},
		{"lim%69t=x", "limit"},
		{"from=yesterday", "from"},
		{"from=2025-13-01", "from"},
		{"from=2025-02-30", "from"},
		{"to=2025-10-31T25:00:00Z", "to"},
		{"disposition=answered", "disposition"},
		{"disposition=", "disposition"},
		{"agentId=x", "agentId"},
		{"trunkId=-5", "trunkId"},
		{"campaignId=2147483648", "campaignId"},
		{"nothing=1", "nothing"},
		{"=1", ""},
		{"limit=%", "query"},
		{"%=1", "query"},
		{"limit=%00", "query"},
		{"%ff=1", "query"},
	};
	struct world world;
	char line[6000];
	size_t i;

	world_open(&world);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "GET calls/history?%s", bad[i].query);
		api_refuses(&world, 400, bad[i].field, supervisor, line, NULL);
	}
	api_is(&world, 200, supervisor, "GET calls/history?&&limit=5&", NULL);
	api_is(&world, 200, supervisor, "GET calls/history?l%69mit=%35", NULL);
	api_refuses(&world, 400, "x", supervisor, "GET status?x=1", NULL);
	api_refuses(&world, 400, "to", admin, "GET trunks/explain?to=abc", NULL);
	snprintf(line, sizeof(line), "GET calls/history?%04100d", 0);
	api_is(&world, 413, supervisor, line, NULL);
	snprintf(line, sizeof(line), "GET calls/%01100d", 0);
	api_is(&world, 413, supervisor, line, NULL);
	world_close(&world);
}

/* ---- bodies ----------------------------------------------------------- */

Test(api, bodies_are_read_strictly)
{
	static const struct {
		int status;
		const char *field, *body;
	} bad[] = {
		{400, "", "{"},
		{400, "", "nonsense"},
		{400, "", "[]"},
		{400, "", "null"},
		{400, "", "\"text\""},
		{400, "", "{} {}"},
		{400, "", "{\"agentExtension\": \"\xff\", \"customerPhone\": \"1\"}"},
		{400, "", "{\"agentExtension\": \"\\u0000\", \"customerPhone\": \"1\"}"},
		{400, "", "{\"agentExtension\": \"\\ud800\", \"customerPhone\": \"1\"}"},
		{400, "", "{\"customerPhone\": \"1\", \"customerPhone\": \"2\"}"},
		{400, "", "{\"campaignId\": 99999999999999999999}"},
		{400, "", "{\"campaignId\": 1e999}"},
		{400, "customerPhone", "{\"agentExtension\": \"1001\"}"},
		{400, "agentExtension", "{\"customerPhone\": \"1\"}"},
		{400, "agentExtension", "{}"},
		{400, "agentExtension", NULL},
		{400, "agentExtension", "{\"agentExtension\": 1001, \"customerPhone\": \"1\"}"},
		{400, "customerPhone", "{\"agentExtension\": \"1001\", \"customerPhone\": [\"1\"]}"},
		{400, "extension", "{\"extension\": \"1001\", \"customerPhone\": \"1\"}"},
		{400, "", "{\"\": 1, \"agentExtension\": \"1001\", \"customerPhone\": \"1\"}"},
		{400, "campaignId", "{\"agentExtension\": \"1001\", \"customerPhone\": \"1\", \"campaignId\": \"1\"}"},
		{400, "campaignId", "{\"agentExtension\": \"1001\", \"customerPhone\": \"1\", \"campaignId\": 1.5}"},
		{422, "leadId", "{\"agentExtension\": \"1001\", \"customerPhone\": \"1\", \"leadId\": -1}"},
		{422, "leadId", "{\"agentExtension\": \"1001\", \"customerPhone\": \"1\", \"leadId\": 2147483648}"},
		{422, "leadId",
		 "{\"agentExtension\": \"1001\", \"customerPhone\": \"1\", \"leadId\": 9223372036854775807}"},
		{422, "agentExtension", "{\"agentExtension\": \"\", \"customerPhone\": \"1\"}"},
		{422, "agentExtension", "{\"agentExtension\": \"1001@x\", \"customerPhone\": \"1\"}"},
		{422, "agentExtension", "{\"agentExtension\": \"1001\\r\\nX: y\", \"customerPhone\": \"1\"}"},
		{422, "customerPhone", "{\"agentExtension\": \"1001\", \"customerPhone\": \"call me\"}"},
		{422, "customerPhone", "{\"agentExtension\": \"1001\", \"customerPhone\": \"1\\nAction: X\"}"},
	};
	struct world world;
	json_t *document;
	size_t i;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		api_refuses(&world, bad[i].status, bad[i].field, admin, "POST call/originate", bad[i].body);
	document = api_ask(&world, 400, admin, "POST call/hangup", "{\"channel\": \"\\u0000\"}");
	cr_assert_str_eq(json_string_value(api_at(document, "error/message")),
			 "a text in the body holds NUL, at line 1, column 20");
	json_decref(document);
	api_refuses(&world, 400, "channel", admin, "POST call/hangup", "{}");
	api_refuses(&world, 400, "channel", admin, "POST call/hangup", "{\"channel\": \"a\", \"callId\": \"b\"}");
	api_refuses(&world, 400, "channel", admin, "POST call/hangup", "{\"channel\": 5}");
	api_refuses(&world, 422, "channel", admin, "POST call/hangup", "{\"channel\": \"\"}");
	api_refuses(&world, 422, "channel", admin, "POST call/hangup", "{\"channel\": \"/.*/\"}");
	api_refuses(&world, 422, "channel", admin, "POST call/hangup", "{\"channel\": \"PJSIP/1\\r\\n-1\"}");
	api_refuses(&world, 400, "a", admin, "GET status", "{\"a\": 1}");
	api_is(&world, 200, admin, "GET status", "{}");
	world_close(&world);
}

Test(api, large_bodies_are_refused_where_none_is_expected)
{
	struct world world;
	char *large;

	world_open(&world);
	large = calloc(1, 4400000);
	memset(large, ' ', 70000);
	api_is(&world, 413, admin, "POST call/originate", large);
	memcpy(large, "{\"name\":\"Large\",\"host\":\"h.example\"}", 36);
	api_is(&world, 201, admin, "POST trunks", large);
	api_is(&world, 403, agent, "POST trunks", large);
	memset(large, ' ', 4300000);
	api_is(&world, 413, agent, "POST trunks", large);
	memset(large, '[', 65000);
	large[65000] = '\0';
	api_is(&world, 400, admin, "POST call/originate", large);
	free(large);
	world_close(&world);
}

Test(api, nothing_that_is_no_request_is_taken)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;
	struct reply reply = {0, 0, NULL};
	struct world world;

	world_open(&world);
	cr_assert_eq(wtel_api_call(world.service, NULL, reply_take, &reply), WTEL_EINVAL);
	cr_assert_eq(wtel_api_call(world.service, &request, NULL, &reply), WTEL_EINVAL);
	request.method = NULL;
	cr_assert_eq(wtel_api_call(world.service, &request, reply_take, &reply), WTEL_EINVAL);
	request.method = "GET";
	request.role = 7;
	cr_assert_eq(wtel_api_call(world.service, &request, reply_take, &reply), WTEL_EINVAL);
	request.role = WTEL_ROLE_ADMIN;
	request.user_id = -1;
	cr_assert_eq(wtel_api_call(world.service, &request, reply_take, &reply), WTEL_EINVAL);
	request.user_id = 1;
	request.body = (struct wtel_slice){NULL, 5};
	cr_assert_eq(wtel_api_call(world.service, &request, reply_take, &reply), WTEL_EINVAL);
	world_run(&world, 30);
	cr_assert_eq(reply.count, 0);
	world_close(&world);
}
