/* Every route, against the seed's documents. */
#include <sqlite3.h>
#include <unistd.h>

#include "api_world.h"
#include "store/store.h"

/* The seed's answers of section 5, word for word. */
static const char seed_originate[] =
	"{\"success\": true, \"message\": \"Call originated successfully\", \"data\": {\"callId\": "
	"\"WLCM-1635789123456-abc123\", \"trunk\": \"Twilio Main\", \"call\": {\"id\": 456, \"callId\": "
	"\"WLCM-1635789123456-abc123\", \"direction\": \"outbound\", \"startTime\": \"2025-10-25T10:30:00Z\"}}}";
static const char seed_hangup[] = "{\"success\": true, \"message\": \"Call hung up successfully\"}";
static const char seed_active[] =
	"{\"success\": true, \"count\": 2, \"calls\": [{\"callId\": \"WLCM-123\", \"channel\": "
	"\"PJSIP/1001-00000001\", \"state\": \"6\", \"startTime\": \"2025-10-25T10:30:00Z\", \"direction\": "
	"\"outbound\"}]}";
static const char seed_history[] =
	"{\"success\": true, \"count\": 150, \"calls\": [{\"id\": 456, \"callId\": \"WLCM-123\", \"direction\": "
	"\"outbound\", \"callerNumber\": \"1001\", \"calleeNumber\": \"+1234567890\", \"startTime\": "
	"\"2025-10-25T10:30:00Z\", \"endTime\": \"2025-10-25T10:35:30Z\", \"duration\": 330, \"billsec\": 320, "
	"\"disposition\": \"ANSWERED\", \"campaign\": {\"id\": 1, \"nombre\": \"Sales Q4\"}, \"lead\": {\"id\": 123, "
	"\"nombre\": \"John Doe\"}}]}";
static const char seed_stats[] =
	"{\"success\": true, \"stats\": {\"totalCalls\": 150, \"answered\": 120, \"noAnswer\": 20, \"busy\": 5, "
	"\"failed\": 3, \"cancelled\": 2, \"totalDuration\": 18000, \"totalBillsec\": 15000, \"avgDuration\": 120, "
	"\"avgBillsec\": 125, \"answerRate\": \"80.00\"}}";
static const char seed_sip_status[] =
	"{\"success\": true, \"sipPeer\": {\"username\": \"johndoe\", \"extension\": \"1001\", \"status\": \"active\", "
	"\"registered\": true, \"lastRegisteredAt\": \"2025-10-25T10:00:00Z\", \"userAgent\": \"SIP.js/0.21.0\", "
	"\"ipAddress\": \"192.168.1.10\"}}";
static const char seed_sip_create[] =
	"{\"success\": true, \"message\": \"SIP peer created successfully\", \"sipPeer\": {\"sipUsername\": "
	"\"johndoe\", \"extension\": \"1001\", \"status\": \"active\"}}";
static const char seed_trunks[] =
	"{\"success\": true, \"count\": 3, \"trunks\": [{\"id\": 1, \"name\": \"Twilio Main\", \"provider\": "
	"\"twilio\", \"status\": \"active\", \"registered\": true, \"maxChannels\": 20, \"priority\": 1, "
	"\"totalCalls\": 1500, \"successfulCalls\": 1400, \"failedCalls\": 100}]}";
static const char seed_status[] =
	"{\"success\": true, \"status\": {\"connected\": true, \"activeCalls\": 5, \"callsInProgress\": 3}}";

/* Every key of the seed's is there, with its type; of a list, in each of its items. */
static void has_shape(const char *what, const json_t *wanted, const json_t *there)
{
	const char *key;
	json_t *value;
	size_t i;

	cr_assert(there && (json_typeof(wanted) == json_typeof(there) ||
			    (json_is_boolean(wanted) && json_is_boolean(there))),
		  "%s is missing or of another type", what);
	json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
	{
		has_shape(key, value, json_object_get(there, key));
	}
	if (json_is_array(wanted)) {
		cr_assert_geq(json_array_size(there), 1, "%s is empty", what);
		for (i = 0; i < json_array_size(there); i++)
			has_shape(what, json_array_get(wanted, 0), json_array_get(there, i));
	}
}

static void is_like(const char *seed, json_t *document)
{
	json_t *wanted = json_loads(seed, 0, NULL);

	cr_assert_not_null(wanted);
	has_shape("the document", wanted, document);
	json_decref(wanted);
}

/* A store with the platform's tables. */
static void platform_open(struct world *world, char dir[64])
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	char path[128], url[160];
	sqlite3 *db;

	snprintf(dir, 64, "/tmp/wtel-api-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/calls.db", dir);
	snprintf(url, sizeof(url), "sqlite:%s", path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db,
				  "CREATE TABLE usuarios (id INTEGER PRIMARY KEY);"
				  "INSERT INTO usuarios VALUES (1), (2), (5), (6);"
				  "CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre TEXT);"
				  "INSERT INTO campanas VALUES (1, 'Sales Q4');"
				  "CREATE TABLE base_campanas (id INTEGER PRIMARY KEY, nombre TEXT);"
				  "INSERT INTO base_campanas VALUES (123, 'John Doe')",
				  NULL, NULL, NULL),
		     SQLITE_OK);
	sqlite3_close(db);
	world_prepare(world);
	wtel_store_close(world->store);
	options.url = url;
	options.max_delay = 0;
	cr_assert_eq(wtel_store_open(&world->store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	world->trunk = world_trunk(world, "Carrier A", true, 10);
	world->sim_options.talk = 60000000;
	world_start(world);
	WORLD_UNTIL(world, world_stats(world).synchronised);
}

static void platform_close(struct world *world, const char *dir)
{
	char text[128];

	world_close(world);
	snprintf(text, sizeof(text), "rm -rf '%s'", dir);
	cr_assert_eq(system(text), 0);
}

Test(api, answers_as_the_seed_does)
{
	struct world world;
	json_t *document;
	char dir[64], line[256];

	platform_open(&world, dir);
	document = api_ask(&world, 200, admin, "POST sip/create",
			   "{\"userId\": 5, \"primerNombre\": \"John\", \"primerApellido\": \"Doe\"}");
	is_like(seed_sip_create, document);
	cr_assert_str_eq(api_text(document, "sipPeer/sipUsername"), "johndoe");
	cr_assert_str_eq(api_text(document, "sipPeer/extension"), "1001");
	cr_assert_eq(strlen(api_text(document, "sipPeer/password")), WTEL_PEER_SECRET_SIZE - 1);
	json_decref(document);

	document = api_ask(&world, 200, agent, "POST call/originate",
			   "{\"agentExtension\": \"1001\", \"customerPhone\": \"+1234567890\", \"campaignId\": 1, "
			   "\"leadId\": 123}");
	is_like(seed_originate, document);
	cr_assert_str_eq(api_text(document, "data/trunk"), "Carrier A");
	cr_assert_str_eq(api_text(document, "data/callId"), api_text(document, "data/call/callId"));
	cr_assert_eq(api_number(document, "data/call/agentId"), 5);
	json_decref(document);
	WORLD_UNTIL(&world, strstr(world.notices, "call:answered"));

	document = api_ask(&world, 200, agent, "GET calls/active", NULL);
	is_like(seed_active, document);
	cr_assert_eq(api_number(document, "count"), 1);
	cr_assert_str_eq(api_text(document, "calls/0/state"), "6");
	snprintf(line, sizeof(line), "{\"channel\": \"%s\"}", api_text(document, "calls/0/channel"));
	json_decref(document);

	document = api_ask(&world, 200, agent, "GET status", NULL);
	is_like(seed_status, document);
	cr_assert_eq(api_number(document, "status/activeCalls"), 1);
	cr_assert_eq(api_number(document, "status/callsInProgress"), 1);
	json_decref(document);

	document = api_ask(&world, 200, agent, "POST call/hangup", line);
	is_like(seed_hangup, document);
	json_decref(document);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	cr_assert_eq(wtel_store_flush(world.store), 0);

	document = api_ask(&world, 200, agent, "GET calls/history?limit=50&offset=0", NULL);
	is_like(seed_history, document);
	cr_assert_eq(api_number(document, "count"), 1);
	cr_assert_str_eq(api_text(document, "calls/0/campaign/nombre"), "Sales Q4");
	cr_assert_str_eq(api_text(document, "calls/0/lead/nombre"), "John Doe");
	json_decref(document);
	document = api_ask(&world, 200, admin, "GET trunks", NULL);
	is_like(seed_trunks, document);
	cr_assert_eq(api_number(document, "trunks/0/totalCalls"), 1);
	json_decref(document);
	platform_close(&world, dir);
}

Test(api, statistics_as_the_seed_counts_them)
{
	struct world world;
	json_t *document;
	int64_t start;

	world_open(&world);
	/* 2025-10-31T23:00:00Z: the last day of the range counts to its end. */
	start = INT64_C(1761951600000000);
	api_past_call(&world, "A", 5, WTEL_DISPOSITION_ANSWERED, start);
	api_past_call(&world, "B", 5, WTEL_DISPOSITION_ANSWERED, start + 1);
	api_past_call(&world, "C", 5, WTEL_DISPOSITION_NO_ANSWER, start + 2);
	api_past_call(&world, "D", 6, WTEL_DISPOSITION_BUSY, start + 3);
	document = api_ask(&world, 200, agent, "GET calls/stats?startDate=2025-10-01&endDate=2025-10-31", NULL);
	is_like(seed_stats, document);
	cr_assert_eq(api_number(document, "stats/totalCalls"), 3);
	cr_assert_eq(api_number(document, "stats/noAnswer"), 1);
	cr_assert_eq(api_number(document, "stats/totalDuration"), 990);
	cr_assert_eq(api_number(document, "stats/avgBillsec"), 320);
	cr_assert_str_eq(api_text(document, "stats/answerRate"), "66.67");
	json_decref(document);
	document = api_ask(&world, 200, agent, "GET calls/stats?startDate=2025-11-01", NULL);
	cr_assert_eq(api_number(document, "stats/totalCalls"), 0);
	cr_assert_str_eq(api_text(document, "stats/answerRate"), "0.00");
	json_decref(document);
	document = api_ask(&world, 200, supervisor, "GET calls/stats?agentId=6", NULL);
	cr_assert_eq(api_number(document, "stats/busy"), 1);
	json_decref(document);
	document = api_ask(&world, 200, supervisor, "GET calls/stats?agentId=0", NULL);
	cr_assert_eq(api_number(document, "stats/totalCalls"), 4);
	json_decref(document);
	world_close(&world);
}

static void history_has(struct world *world, const char *query, const char *wanted)
{
	char line[256], got[64] = "";
	json_t *document, *call;
	size_t i;

	snprintf(line, sizeof(line), "GET calls/history?agentId=0%s", query);
	document = api_ask(world, 200, supervisor, line, NULL);
	json_array_foreach(json_object_get(document, "calls"), i, call)
	{
		strcat(got, api_text(call, "callId"));
	}
	cr_assert_str_eq(got, wanted, "%s: %s", query, got);
	json_decref(document);
}

Test(api, history_is_filtered_and_paged)
{
	struct world world;
	json_t *document;
	char line[64];
	int64_t day = INT64_C(86400000000), start = INT64_C(1761951600000000);

	world_open(&world);
	api_past_call(&world, "A", 5, WTEL_DISPOSITION_ANSWERED, start);
	api_past_call(&world, "B", 6, WTEL_DISPOSITION_NO_ANSWER, start + day);
	api_past_call(&world, "C", 5, WTEL_DISPOSITION_BUSY, start + 2 * day);
	history_has(&world, "", "CBA");
	history_has(&world, "&limit=2", "CB");
	history_has(&world, "&limit=2&offset=2", "A");
	history_has(&world, "&disposition=NO%20ANSWER", "B");
	history_has(&world, "&disposition=NO+ANSWER", "B");
	history_has(&world, "&from=2025-11-01", "CB");
	history_has(&world, "&to=2025-11-01", "BA");
	history_has(&world, "&to=2025-11-01T23:00:00Z", "A");
	history_has(&world, "&to=2025-11-02T01:00:01+02:00", "BA");
	history_has(&world, "&campaignId=1", "CBA");
	history_has(&world, "&campaignId=2", "");
	snprintf(line, sizeof(line), "&trunkId=%lld", (long long)world.trunk);
	history_has(&world, line, "CBA");
	document = api_ask(&world, 200, agent, "GET calls/history?limit=1", NULL);
	cr_assert_eq(api_number(document, "count"), 2);
	cr_assert_eq(json_array_size(json_object_get(document, "calls")), 1);
	json_decref(document);
	document = api_ask(&world, 200, agent, "GET calls/C", NULL);
	cr_assert_str_eq(api_text(document, "call/disposition"), "BUSY");
	cr_assert_str_eq(api_text(document, "call/legs/0/channel"), "PJSIP/1001-1");
	cr_assert(json_is_array(api_at(document, "call/route")));
	json_decref(document);
	world_close(&world);
}

Test(api, a_call_id_may_have_any_character)
{
	struct world world;
	json_t *document;

	world_open(&world);
	api_past_call(&world, "a/b c%?\xc3\xb1", 5, WTEL_DISPOSITION_BUSY, INT64_C(1761951600000000));
	document = api_ask(&world, 200, agent, "GET calls/a%2Fb%20c%25%3f%C3%b1", NULL);
	cr_assert_str_eq(api_text(document, "call/callId"), "a/b c%?\xc3\xb1");
	json_decref(document);
	world_close(&world);
}

Test(api, accounts_from_their_making_to_their_end)
{
	struct world world;
	json_t *document;
	char password[64];

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	document = api_ask(&world, 200, admin, "POST sip/create",
			   "{\"userId\": 5, \"primerNombre\": \"Jos\\u00e9\", \"primerApellido\": \"Mu\\u00f1oz\"}");
	cr_assert_str_eq(api_text(document, "sipPeer/sipUsername"), "josemunoz");
	snprintf(password, sizeof(password), "%s", api_text(document, "sipPeer/password"));
	json_decref(document);
	api_refuses(&world, 409, "userId", admin, "POST sip/create",
		    "{\"userId\": 5, \"primerNombre\": \"a\", \"primerApellido\": \"b\"}");
	api_refuses(&world, 422, "primerNombre", admin, "POST sip/create",
		    "{\"userId\": 6, \"primerNombre\": \"a\\nb\", \"primerApellido\": \"b\"}");
	cr_assert_eq(wtel_store_peer_set_status(world.store, 5, WTEL_PEER_ACTIVE), 0);
	document = api_ask(&world, 200, agent, "GET sip/status", NULL);
	cr_assert_str_eq(api_text(document, "sipPeer/status"), "active");
	cr_assert(json_is_false(api_at(document, "sipPeer/registered")));
	cr_assert(json_is_null(api_at(document, "sipPeer/lastRegisteredAt")));
	json_decref(document);
	cr_assert_eq(
		store_peer_registered(world.store, "1001", true, wtel_time_now().wall, "SIP.js/0.21.0", "192.168.1.10"),
		0);
	document = api_ask(&world, 200, supervisor, "GET sip/status?userId=5", NULL);
	is_like(seed_sip_status, document);
	cr_assert(json_is_true(api_at(document, "sipPeer/registered")));
	json_decref(document);
	document = api_ask(&world, 200, supervisor, "GET sip/peers", NULL);
	cr_assert_eq(api_number(document, "count"), 1);
	cr_assert_str_eq(api_text(document, "sipPeers/0/extension"), "1001");
	json_decref(document);
	document = api_ask(&world, 200, admin, "POST sip/5/renew", NULL);
	cr_assert_str_eq(api_text(document, "credentials/username"), "josemunoz");
	cr_assert_str_eq(api_text(document, "credentials/extension"), "1001");
	cr_assert_eq(strlen(api_text(document, "credentials/password")), 32);
	cr_assert_str_neq(api_text(document, "credentials/password"), password);
	json_decref(document);
	api_is(&world, 200, admin, "POST sip/5/disable", "{}");
	document = api_ask(&world, 200, agent, "GET sip/status", NULL);
	cr_assert_str_eq(api_text(document, "sipPeer/status"), "disabled");
	json_decref(document);
	api_is(&world, 200, admin, "POST sip/5/enable", NULL);
	api_refuses(&world, 404, "userId", other, "GET sip/status", NULL);
	api_refuses(&world, 404, "userId", admin, "POST sip/7/disable", NULL);
	api_refuses(&world, 404, "userId", admin, "POST sip/7/renew", NULL);
	world_close(&world);
}

/* What PATCH of one trunk does to the rules that stand in its settings; `line` is the request's. */
static void change_trunk(struct world *world, const char *line)
{
	json_t *document;

	document = api_ask(world, 200, admin, line, "{\"needsRegistration\": false, \"endpoint\": \"tw\"}");
	cr_assert(json_is_false(api_at(document, "trunk/needsRegistration")));
	cr_assert(json_is_true(api_at(document, "trunk/registered")));
	cr_assert_str_eq(api_text(document, "trunk/endpoint"), "tw");
	json_decref(document);
	document = api_ask(world, 200, admin, line, "{\"needsRegistration\": true, \"description\": null}");
	cr_assert(json_is_true(api_at(document, "trunk/needsRegistration")));
	cr_assert_str_eq(api_text(document, "trunk/endpoint"), "tw");
	cr_assert(json_is_null(api_at(document, "trunk/description")));
	json_decref(document);
	document = api_ask(world, 200, admin, line,
			   "{\"advancedSettings\": {\"endpoint\": \"tx\", \"registration\": false}}");
	cr_assert_str_eq(api_text(document, "trunk/endpoint"), "tx");
	cr_assert(json_is_false(api_at(document, "trunk/needsRegistration")));
	cr_assert_null(api_at(document, "trunk/advancedSettings/callsPerSecond"));
	json_decref(document);
	api_refuses(world, 422, "maxChannels", admin, line, "{\"maxChannels\": 0}");
	api_refuses(world, 422, "advancedSettings.windows[0].days", admin, line,
		    "{\"advancedSettings\": {\"windows\": [{\"days\": []}]}}");
	api_refuses(world, 422, "advancedSettings.timezone", admin, line,
		    "{\"advancedSettings\": {\"timezone\": \"Mars/Olympus\"}}");
	api_refuses(world, 422, "provider", admin, line, "{\"provider\": \"acme\"}");
}

Test(api, without_trunks_a_number_is_none_the_worse)
{
	struct world world;
	json_t *document;
	char line[48];
	size_t left = 1;
	int turns;

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	snprintf(line, sizeof(line), "DELETE trunks/%lld", (long long)world.trunk);
	api_is(&world, 200, admin, line, NULL);
	/* The router hears of it within a second. */
	for (turns = 0; left && turns < 50; turns++) {
		world_run(&world, 50);
		document = api_ask(&world, 200, admin, "GET trunks/explain?to=%2B34600123456", NULL);
		left = json_array_size(api_at(document, "trunks"));
		json_decref(document);
	}
	cr_assert_eq(left, 0);
	world_close(&world);
}

Test(api, trunks_from_their_making_to_their_end)
{
	struct world world;
	json_t *document;
	char line[64];

	world_open(&world);
	document = api_ask(&world, 201, admin, "POST trunks",
			   "{\"name\": \"Twilio Main\", \"provider\": \"twilio\", \"host\": \"sip.twilio.com\","
			   " \"username\": \"AC12\", \"password\": \"s3cret\", \"fromUser\": \"+15551234567\","
			   " \"maxChannels\": 20, \"priority\": 1,"
			   " \"advancedSettings\": {\"codecs\": [\"ulaw\"], \"callsPerSecond\": 5}}");
	cr_assert_str_eq(api_text(document, "trunk/endpoint"), "twilio-main");
	cr_assert_str_eq(api_text(document, "trunk/username"), "AC12");
	cr_assert_null(api_at(document, "trunk/password"));
	cr_assert_eq(api_number(document, "trunk/advancedSettings/callsPerSecond"), 5);
	cr_assert_eq(api_number(document, "trunk/port"), 5060);
	snprintf(line, sizeof(line), "GET trunks/%lld", (long long)api_number(document, "trunk/id"));
	json_decref(document);
	api_refuses(&world, 409, "name", admin, "POST trunks", "{\"name\": \"Twilio Main\", \"host\": \"x.example\"}");

	memcpy(line, "PAT", 3);
	memmove(line + 5, line + 3, strlen(line + 3) + 1);
	memcpy(line, "PATCH", 5);
	document = api_ask(&world, 200, admin, line, "{\"maxChannels\": 30, \"description\": \"main\"}");
	cr_assert_eq(api_number(document, "trunk/maxChannels"), 30);
	cr_assert_eq(api_number(document, "trunk/priority"), 1);
	cr_assert_str_eq(api_text(document, "trunk/description"), "main");
	cr_assert_eq(api_number(document, "trunk/advancedSettings/callsPerSecond"), 5);
	json_decref(document);
	change_trunk(&world, line);

	memmove(line + 3, line + 5, strlen(line + 5) + 1);
	memcpy(line, "PUT", 3);
	document = api_ask(&world, 200, admin, line, "{\"name\": \"Twilio 2\", \"host\": \"b.example\"}");
	cr_assert_eq(api_number(document, "trunk/maxChannels"), 10);
	cr_assert_str_eq(api_text(document, "trunk/provider"), "custom");
	cr_assert_str_eq(api_text(document, "trunk/endpoint"), "twilio-2");
	json_decref(document);
	api_refuses(&world, 400, "host", admin, line, "{\"name\": \"Twilio 2\"}");

	memmove(line + 6, line + 3, strlen(line + 3) + 1);
	memcpy(line, "DELETE", 6);
	api_is(&world, 200, admin, line, NULL);
	api_refuses(&world, 404, "id", admin, line, NULL);
	api_refuses(&world, 404, "id", admin, "GET trunks/999", NULL);
	api_refuses(&world, 404, "id", admin, "PATCH trunks/999", "{\"priority\": 3}");
	world_close(&world);
}

Test(api, a_trunk_with_calls_is_not_removed)
{
	struct world world;
	char line[64];

	world_prepare(&world);
	world.sim_options.talk = 60000000;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	api_is(&world, 200, admin, "POST call/originate",
	       "{\"agentExtension\": \"1001\", \"customerPhone\": \"+1234567890\"}");
	snprintf(line, sizeof(line), "DELETE trunks/%lld", (long long)world.trunk);
	api_refuses(&world, 409, "trunk", admin, line, NULL);
	world_close(&world);
}

Test(api, what_asterisk_told_of_a_trunk_is_not_replaced)
{
	struct world world;
	json_t *document;

	world_open(&world);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:registry Carrier A Registered"));
	world_run(&world, 30);
	document = api_ask(&world, 200, admin, "PUT trunks/1", "{\"name\": \"Carrier A\", \"host\": \"b.example\"}");
	cr_assert(json_is_true(api_at(document, "trunk/registered")));
	cr_assert_str_eq(api_text(document, "trunk/host"), "b.example");
	json_decref(document);
	world_close(&world);
}

Test(api, campaigns_and_what_they_choose)
{
	struct world world;
	json_t *document;
	char line[96];

	world_open(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	document = api_ask(&world, 200, admin, "GET campaigns/7", NULL);
	cr_assert(json_is_false(api_at(document, "campaign/general")));
	cr_assert_eq(json_array_size(api_at(document, "campaign/trunks")), 0);
	json_decref(document);
	snprintf(line, sizeof(line), "PUT campaigns/7/trunks/%lld", (long long)world.trunk);
	document = api_ask(&world, 200, admin, line, "{\"priority\": 3}");
	cr_assert_eq(api_number(document, "campaign/trunks/0/priority"), 3);
	cr_assert_str_eq(api_text(document, "campaign/trunks/0/name"), "Carrier A");
	json_decref(document);
	document =
		api_ask(&world, 200, admin, "PUT campaigns/7", "{\"general\": true, \"callerId\": \"+15550001000\"}");
	cr_assert(json_is_true(api_at(document, "campaign/general")));
	cr_assert_str_eq(api_text(document, "campaign/callerId"), "+15550001000");
	cr_assert_eq(json_array_size(api_at(document, "campaign/trunks")), 1);
	json_decref(document);
	WORLD_UNTIL(&world, ({
		json_t *told = api_ask(&world, 200, admin, "GET trunks/explain?campaignId=7&to=+34+600", NULL);
		bool met = strcmp(api_text(told, "trunks/0/callerId"), "+15550001000") == 0;
		if (met) {
			cr_assert_eq(api_number(told, "trunkId"), world.trunk);
			cr_assert_str_eq(api_text(told, "trunks/0/verdict"), "taken");
			cr_assert_str_eq(api_text(told, "trunks/0/dials"), "+34600");
			cr_assert_eq(api_number(told, "trunks/0/order"), 1);
			cr_assert_eq(api_number(told, "trunks/0/priority"), 3);
		}
		json_decref(told);
		met;
	}));
	api_refuses(&world, 422, "priority", admin, line, "{\"priority\": 0}");
	api_refuses(&world, 422, "priority", admin, line, "{\"priority\": 101}");
	api_refuses(&world, 404, "trunkId", admin, "PUT campaigns/7/trunks/999", NULL);
	memcpy(line, "GET", 3);
	api_is(&world, 405, admin, line, NULL);
	snprintf(line, sizeof(line), "DELETE campaigns/7/trunks/%lld", (long long)world.trunk);
	document = api_ask(&world, 200, admin, line, NULL);
	cr_assert_eq(json_array_size(api_at(document, "campaign/trunks")), 0);
	json_decref(document);
	api_refuses(&world, 404, "trunkId", admin, line, NULL);
	document = api_ask(&world, 200, admin, "GET trunks/explain", NULL);
	cr_assert_null(api_at(document, "trunks/0/dials"));
	json_decref(document);
	world_close(&world);
}

Test(api, without_asterisk_or_database_it_says_so)
{
	struct world world;
	struct wtel_store *store;

	world_prepare(&world);
	world.hosts[0].port = 1;
	world_start(&world);
	api_is(&world, 200, agent, "GET status", NULL);
	api_is(&world, 503, admin, "POST call/originate",
	       "{\"agentExtension\": \"1001\", \"customerPhone\": \"+1234567890\"}");
	api_is(&world, 503, admin, "POST call/hangup", "{\"channel\": \"PJSIP/1001-1\"}");
	api_is(&world, 200, admin, "GET trunks", NULL);
	wtel_observer_free(world.observer);
	world.observer = NULL;
	wtel_service_free(world.service);
	world_sim_close(&world);
	store = world.store;
	world.store = NULL;
	world.hosts[0].port = 0;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).connected);
	api_is(&world, 503, admin, "GET trunks", NULL);
	api_is(&world, 503, admin, "GET trunks/explain", NULL);
	api_is(&world, 503, agent, "GET calls/history", NULL);
	api_is(&world, 200, agent, "GET calls/active", NULL);
	world_close(&world);
	wtel_store_close(store);
}
