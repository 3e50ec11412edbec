/* What the language packages stand on: any text is answered, no answer and no event is lost, no order of ends hurts. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/sim.h>
#include <wtel/wtel.h>

#include "binding.h"

static struct {
	struct wtel_sim *sim;
	struct wtel_sim_server *server;
	struct binding *binding;
	char options[200];
	json_t *replies, *notices;
} world;

static void open_world(const char *more)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;

	options.agent_pickup = 20000;
	options.ring = 20000;
	options.talk = 100000;
	cr_assert_eq(wtel_sim_new(&world.sim, &options, NULL), 0);
	cr_assert_eq(wtel_sim_server_new(&world.server, world.sim, "127.0.0.1", 0, NULL), 0);
	snprintf(world.options, sizeof(world.options), "{\"ami\": \"ami://wtel:wtel@127.0.0.1:%d\", %s}",
		 wtel_sim_server_port(world.server), more);
	world.replies = json_array();
	world.notices = json_array();
	world.binding = binding_new(world.options);
	cr_assert(world.binding, "%s", binding_error(NULL));
}

static void close_world(void)
{
	binding_free(world.binding);
	wtel_sim_server_free(world.server);
	wtel_sim_free(world.sim);
	json_decref(world.replies);
	json_decref(world.notices);
}

static void extend(json_t *list, struct binding_bytes bytes)
{
	json_t *more;

	if (!bytes.data)
		return;
	more = json_loadb(bytes.data, bytes.length, 0, NULL);
	cr_assert(json_is_array(more) && json_array_size(more), "not an array: %.*s", (int)bytes.length, bytes.data);
	json_array_extend(list, more);
	json_decref(more);
}

static void turn(int milliseconds)
{
	struct pollfd polled[2] = {{wtel_sim_server_fd(world.server), POLLIN, 0},
				   {binding_fd(world.binding), POLLIN, 0}};

	poll(polled, 2, milliseconds);
	cr_assert_eq(wtel_sim_server_dispatch(world.server), 0);
	cr_assert_eq(binding_dispatch(world.binding), 0);
	extend(world.replies, binding_replies(world.binding, 1));
	extend(world.replies, binding_replies(world.binding, 1000));
	extend(world.notices, binding_notices(world.binding, 1000));
}

static json_t *reply_of(int64_t id)
{
	int64_t end = wtel_time_now().mono + 60000000;
	json_t *reply;
	size_t i;

	cr_assert_gt(id, 0, "%s", binding_error(world.binding));
	while (wtel_time_now().mono < end) {
		json_array_foreach(world.replies, i,
				   reply) if (json_integer_value(json_object_get(reply, "id")) == id) return reply;
		turn(100);
	}
	cr_assert_fail("no reply");
	return NULL;
}

/* NULL: not yet. */
static json_t *is_told(const char *event)
{
	json_t *notice;
	size_t i;

	json_array_foreach(world.notices, i, notice) if (strcmp(json_string_value(json_object_get(notice, "event")),
								event) == 0) return notice;
	return NULL;
}

static json_t *wait_notice(const char *event)
{
	int64_t end = wtel_time_now().mono + 60000000;

	for (; wtel_time_now().mono < end; turn(100))
		if (is_told(event))
			return is_told(event);
	cr_assert_fail("%s was not told", event);
	return NULL;
}

static json_t *api(const char *request)
{
	return json_object_get(json_object_get(reply_of(binding_api(world.binding, request)), "data"), "body");
}

/* A document of its own. */
static json_t *load(struct binding_bytes bytes)
{
	json_t *value = bytes.data ? json_loadb(bytes.data, bytes.length, 0, NULL) : NULL;

	cr_assert(value);
	return value;
}

static const char *text_at(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void check_error(const struct binding *binding, const char *code, const char *field, const char *what)
{
	json_t *error = json_loads(binding_error(binding), 0, NULL);

	cr_assert(error, "the error is not JSON: %s", binding_error(binding));
	cr_assert_str_eq(text_at(error, "code"), code, "%.80s: %s", what, binding_error(binding));
	cr_assert_str_eq(text_at(error, "field"), field, "%.80s: %s", what, binding_error(binding));
	json_decref(error);
}

Test(binding, options)
{
	static const char *const cases[][3] = {
		{"", "WTEL_ECONFIG", ""},
		{"nonsense", "WTEL_ECONFIG", ""},
		{"[]", "WTEL_ECONFIG", ""},
		{"{\"amy\": \"x\"}", "WTEL_ECONFIG", "amy"},
		{"{\"ami\": 5}", "WTEL_ECONFIG", "ami"},
		{"{\"ami\": \"a\\u0000b\"}", "WTEL_ECONFIG", "ami"},
		{"{\"country\": \"34\", \"ami\": \"\\ud800\"}", "WTEL_ECONFIG", "ami"},
		{"{\"ami\": \"x://y\"}", "WTEL_ECONFIG", "ami"},
		{"{\"ami\": \"ami://u:hunter2@h:99999\"}", "WTEL_ECONFIG", "ami"},
		{"{\"ami\": \"ami://u:p@127.0.0.1:1\", \"db\": \"mongo:hunter2\"}", "WTEL_ECONFIG", "db"},
		{"{\"ami\": \"ami://u:p@127.0.0.1:1\", \"country\": \"999\"}", "WTEL_ECONFIG", "country"},
		{"{\"ami\": \"ami://u:p@127.0.0.1:1\", \"maxQueue\": 0}", "WTEL_ECONFIG", "maxQueue"},
		{"{\"ami\": \"ami://u:p@127.0.0.1:1\", \"dialTimeout\": 1e3}", "WTEL_ECONFIG", "dialTimeout"},
		{"{\"ami\": \"ami://u:p@127.0.0.1:1\", \"store\": \"no\"}", "WTEL_ECONFIG", "store"},
		{"{\"ami\": \"ami://u:p@127.0.0.1:1\", \"ami\": \"twice\"}", "WTEL_ECONFIG", "ami"},
	};
	size_t i;

	unsetenv("WTEL_AMI");
	unsetenv("ASTERISK_HOST");
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert_null(binding_new(cases[i][0]), "%s", cases[i][0]);
		check_error(NULL, cases[i][1], cases[i][2], cases[i][0]);
		cr_assert_null(strstr(binding_error(NULL), "hunter2"), "a secret is told");
	}
	cr_assert_null(binding_new("{\"store\": false}"));
	check_error(NULL, "WTEL_ECONFIG", "ami", "no Asterisk at all");
}

typedef int64_t ask_fn(struct binding *binding, const char *request);

Test(binding, hostile_texts, .timeout = 300)
{
	static const struct {
		ask_fn *ask;
		const char *text, *code, *field;
	} cases[] = {
		{binding_originate, NULL, "WTEL_EINVAL", ""},
		{binding_originate, "{", "WTEL_EINVAL", ""},
		{binding_originate, "7", "WTEL_EINVAL", ""},
		{binding_originate, "{}", "WTEL_EINVAL", "agentExtension"},
		{binding_originate, "{\"agentExtension\": \"1001\"}", "WTEL_EINVAL", "customerPhone"},
		{binding_originate, "{\"agentExtension\": 1001}", "WTEL_EINVAL", "agentExtension"},
		{binding_originate, "{\"agentExtension\": \"1\", \"customerPhone\": \"\\u0000\"}", "WTEL_EINJECTION",
		 "customerPhone"},
		{binding_originate, "{\"agentExtension\": \"1\", \"customerPhone\": \"\\udfff\"}", "WTEL_EINVAL",
		 "customerPhone"},
		{binding_originate, "{\"agentExtension\": \"1\", \"customerPhone\": \"\xff\"}", "WTEL_EINVAL",
		 "customerPhone"},
		{binding_originate, "{\"agentExtension\": \"1\\r\\n\", \"customerPhone\": \"1\"}", "WTEL_EINJECTION",
		 "agentExtension"},
		{binding_originate, "{\"x\": {\"y\": 1}, \"variables\": {\"A\": \"1\", \"B\": \"\\ud800\"}}",
		 "WTEL_EINVAL", "variables.B"},
		{binding_originate, "{\"variables\": {\"A\": \"1\", \"B\": 2}}", "WTEL_EINVAL", "variables.B"},
		{binding_originate, "{\"variables\": []}", "WTEL_EINVAL", "variables"},
		{binding_originate, "{\"campaignId\": 99999999999999999999}", "WTEL_EINVAL", "campaignId"},
		{binding_originate, "{\"campaignId\": -1}", "WTEL_EINVAL", "campaignId"},
		{binding_originate, "{\"timeout\": true}", "WTEL_EINVAL", "timeout"},
		{binding_originate, "{\"nobody\": true}", "WTEL_EINVAL", "nobody"},
		{binding_hangup, NULL, "WTEL_EINVAL", "channel"},
		{binding_hangup, "", "WTEL_EINVAL", "channel"},
		{binding_hangup, "PJSIP/1\r\nAction: Command", "WTEL_EINJECTION", "channel"},
		{binding_hangup, "/.*/", "WTEL_EINVAL", "channel"},
		{binding_hangup, "WLCM-nobody", "WTEL_ENOTFOUND", "channel"},
		{binding_api, "{}", "WTEL_EINVAL", "path"},
		{binding_api, "{\"path\": \"/\", \"role\": \"king\"}", "WTEL_EINVAL", "role"},
		{binding_api, "{\"path\": \"/\", \"body\": {}}", "WTEL_EINVAL", "body"},
		{binding_api, "{\"path\": \"/\", \"userId\": \"1\"}", "WTEL_EINVAL", "userId"},
		{binding_action, "{}", "WTEL_EINVAL", "action"},
		{binding_action, "{\"action\": \"\"}", "WTEL_EINVAL", "action"},
		{binding_action, "{\"action\": \"Pi\\nng\"}", "WTEL_EINJECTION", "action"},
		{binding_action, "{\"action\": \"Ping\", \"fields\": {}}", "WTEL_EINVAL", "fields"},
		{binding_action, "{\"action\": \"Ping\", \"fields\": [[\"A\"]]}", "WTEL_EINVAL", "fields"},
		{binding_action, "{\"action\": \"Ping\", \"fields\": [[1, \"A\"]]}", "WTEL_EINVAL", "fields"},
		{binding_action, "{\"action\": \"Ping\", \"fields\": [[\"A\", 1]]}", "WTEL_EINVAL", "A"},
		{binding_action, "{\"action\": \"Ping\", \"fields\": [[\"A\", \"b\\r\\nc\"]]}", "WTEL_EINJECTION", "A"},
	};
	size_t i;

	open_world("\"store\": false");
	wait_notice("ami:connected");
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t id = cases[i].ask(world.binding, cases[i].text);

		cr_assert_lt(id, 0, "taken: %s", cases[i].text);
		check_error(world.binding, cases[i].code, cases[i].field, cases[i].text ? cases[i].text : "NULL");
	}
	close_world();
}

Test(binding, huge_texts, .timeout = 300)
{
	size_t lengths[] = {(1 << 20) + 1, 17 << 20}, i;

	open_world("\"store\": false");
	wait_notice("ami:connected");
	for (i = 0; i < 2; i++) {
		char *text = malloc(lengths[i] + 64), *at;

		at = text + sprintf(text, "{\"agentExtension\": \"1001\", \"customerPhone\": \"");
		memset(at, '1', lengths[i]);
		strcpy(at + lengths[i], "\"}");
		cr_assert_lt(binding_originate(world.binding, text), 0);
		check_error(world.binding, "WTEL_ELIMIT", "customerPhone", "huge");
		cr_assert_lt(binding_hangup(world.binding, text), 0);
		free(text);
	}
	/* A thousand opening brackets are no stack. */
	{
		char deep[20001];

		memset(deep, '[', sizeof(deep) - 1);
		deep[sizeof(deep) - 1] = '\0';
		cr_assert_lt(binding_api(world.binding, deep), 0);
	}
	close_world();
}

/* From the block just taken: how many events, each from "Event: " to an empty line. */
static size_t count_raw(struct binding_bytes block, struct binding_bytes ends)
{
	size_t count = ends.length / sizeof(uint32_t), i, start = 0;
	uint32_t end = 0;

	for (i = 0; i < count; i++, start = end) {
		memcpy(&end, ends.data + i * sizeof(end), sizeof(end));
		cr_assert(end > start + 11 && end <= block.length);
		cr_assert(memcmp(block.data + start, "Event: ", 7) == 0);
		cr_assert(memcmp(block.data + end - 4, "\r\n\r\n", 4) == 0);
	}
	cr_assert_eq(end, block.length);
	return count;
}

static void add_trunk(void)
{
	json_t *made =
		api("{\"method\": \"POST\", \"path\": \"/api/telephony/trunks\", \"role\": \"admin\", \"body\": "
		    "\"{\\\"name\\\": \\\"main\\\", \\\"host\\\": \\\"a.example.com\\\", \\\"needsRegistration\\\": "
		    "false}\"}");

	cr_assert_str_eq(text_at(json_object_get(made, "trunk"), "name"), "main");
	/* The service hears of its tables' change a moment later. */
	do
		turn(20);
	while (!json_is_integer(
		json_object_get(api("{\"path\": \"/api/telephony/trunks/explain\", \"role\": \"admin\"}"), "trunkId")));
}

#define ORIGINATE "{\"agentExtension\": \"1001\", \"customerPhone\": \"+15550001\", \"variables\": {\"NOTE\": \"a,b\"}}"

Test(binding, call, .timeout = 300)
{
	struct binding_bytes block, ends;
	json_t *data, *reply, *calls;
	int64_t id;

	open_world("\"db\": \"sqlite::memory:\"");
	wait_notice("ami:connected");
	add_trunk();
	cr_assert_eq(binding_raw(world.binding, 1 << 20), 0);
	data = json_object_get(reply_of(binding_originate(world.binding, ORIGINATE)), "data");
	cr_assert(json_is_true(json_object_get(data, "success")));
	cr_assert_str_eq(text_at(data, "trunk"), "main");
	cr_assert_str_eq(text_at(json_object_get(data, "call"), "callId"), text_at(data, "callId"));
	calls = load(binding_calls(world.binding));
	/* Where the process stood still for longer than the call lasts, it is over. */
	if (!is_told("call:hangup"))
		cr_assert_str_eq(text_at(json_array_get(calls, 0), "callId"), text_at(data, "callId"));
	json_decref(calls);
	reply = wait_notice("call:hangup");
	cr_assert_str_eq(text_at(json_object_get(reply, "call"), "disposition"), "ANSWERED");
	calls = load(binding_calls(world.binding));
	cr_assert(json_is_array(calls) && !json_array_size(calls));
	json_decref(calls);
	block = binding_raw_take(world.binding);
	ends = binding_raw_ends(world.binding);
	cr_assert_gt(count_raw(block, ends), 10);
	cr_assert_null(binding_raw_take(world.binding).data, "taken twice");
	reply = reply_of(binding_action(world.binding, "{\"action\": \"Ping\"}"));
	cr_assert_str_eq(text_at(json_object_get(json_object_get(reply, "data"), "response"), "Response"), "Success");
	id = binding_close(world.binding);
	cr_assert(json_object_get(reply_of(id), "data"));
	cr_assert_lt(binding_originate(world.binding, ORIGINATE), 0);
	check_error(world.binding, "WTEL_ESTATE", "", "after the end");
	cr_assert_lt(binding_close(world.binding), 0);
	data = load(binding_statistics(world.binding));
	cr_assert(json_is_false(json_object_get(data, "connected")));
	json_decref(data);
	turn(0);
	close_world();
}

/* Whoever waits when Asterisk is logged off is answered; a handle may go with questions and calls under way. */
Test(binding, ends, .timeout = 300)
{
	json_t *reply;
	int64_t ping, id;

	open_world("\"db\": \"sqlite::memory:\"");
	wait_notice("ami:connected");
	add_trunk();
	ping = binding_action(world.binding, "{\"action\": \"Ping\"}");
	cr_assert_gt(ping, 0);
	id = binding_close(world.binding);
	cr_assert(json_object_get(reply_of(id), "data"));
	reply = reply_of(ping);
	cr_assert_str_eq(text_at(json_object_get(reply, "error"), "code"), "WTEL_ECLOSED");
	binding_free(world.binding);
	world.binding = binding_new(world.options);
	cr_assert(world.binding);
	json_array_clear(world.notices);
	wait_notice("ami:connected");
	add_trunk();
	reply_of(binding_originate(world.binding, ORIGINATE));
	cr_assert_gt(binding_originate(world.binding, ORIGINATE), 0);
	cr_assert_gt(binding_action(world.binding, "{\"action\": \"Ping\"}"), 0);
	close_world();
}

Test(binding, raw_events_beyond_the_limit_are_counted, .timeout = 300)
{
	struct wtel_slice event = wtel_slice_of("Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Tick\r\n\r\n");
	struct binding_bytes block;
	json_t *statistics;
	size_t kept;
	int i;

	open_world("\"store\": false");
	wait_notice("ami:connected");
	cr_assert_lt(binding_raw(world.binding, (size_t)2 << 30), 0);
	cr_assert_eq(binding_raw(world.binding, 1000), 0);
	for (i = 0; i < 100; i++) {
		cr_assert_eq(wtel_sim_inject(world.sim, event), 0);
		turn(10);
	}
	for (i = 0; i < 5; i++)
		turn(10);
	block = binding_raw_take(world.binding);
	kept = count_raw(block, binding_raw_ends(world.binding));
	cr_assert(kept && block.length <= 1000);
	statistics = load(binding_statistics(world.binding));
	cr_assert_eq(json_integer_value(json_object_get(statistics, "rawLost")) + (json_int_t)kept, 100, "%lld + %zu",
		     (long long)json_integer_value(json_object_get(statistics, "rawLost")), kept);
	json_decref(statistics);
	close_world();
}

Test(binding, only_wanted_notices_are_given, .timeout = 300)
{
	open_world("\"store\": false");
	cr_assert_lt(binding_want(world.binding, "call:new,nonsense"), 0);
	check_error(world.binding, "WTEL_EINVAL", "names", "nonsense");
	cr_assert_eq(binding_want(world.binding, "call:new,ami:connected"), 0);
	wait_notice("ami:connected");
	cr_assert_eq(json_array_size(world.notices), 1);
	close_world();
}

/* A captured session, whole and in pieces: the same messages. */
Test(binding, parser)
{
	static char data[4 << 20];
	FILE *file = fopen(GOLDEN "/sessions/answered.ami", "rb");
	struct parser *whole = parser_new(), *pieces = parser_new();
	struct binding_bytes all, part;
	size_t length, at, step, used = 0, count, counted = 0;

	cr_assert(file && whole && pieces);
	length = fread(data, 1, sizeof(data), file);
	fclose(file);
	cr_assert_eq(parser_feed(whole, data, length), 0);
	all = parser_take(whole);
	count = parser_ends(whole).length / sizeof(uint32_t);
	cr_assert_gt(count, 30);
	for (at = 0, step = 1; at < length; at += step, step = step % 97 + 1) {
		if (step > length - at)
			step = length - at;
		cr_assert_eq(parser_feed(pieces, data + at, step), 0);
		part = parser_take(pieces);
		cr_assert(used + part.length <= all.length &&
			  (!part.length || !memcmp(all.data + used, part.data, part.length)));
		used += part.length;
		counted += parser_ends(pieces).length / sizeof(uint32_t);
	}
	cr_assert_eq(used, all.length);
	cr_assert_eq(counted, count);
	cr_assert_eq(parser_skipped(whole), 0);
	parser_free(whole);
	parser_free(pieces);
	parser_free(NULL);
	binding_free(NULL);
}
