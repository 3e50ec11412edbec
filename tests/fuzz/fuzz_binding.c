/*
 * What a language may hand over: arbitrary text as options, requests, channels, and an arbitrary stream for the parser.
 * First byte: where it goes. There is one handle, logged in at a simulated Asterisk; whatever was asked is answered.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wtel/sim.h>
#include <wtel/wtel.h>

#include "binding.h"

static struct wtel_sim *sim;
static struct wtel_sim_server *server;
static struct binding *handle;

static void turn(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (wtel_sim_server_dispatch(server) || binding_dispatch(handle))
			abort();
		usleep(i ? 0 : 1);
	}
}

static void expect_json(struct binding_bytes bytes)
{
	json_t *value = bytes.data ? json_loadb(bytes.data, bytes.length, 0, NULL) : json_null();

	if (!value)
		abort();
	json_decref(value);
}

static void drain(void)
{
	turn();
	expect_json(binding_replies(handle, 1000));
	expect_json(binding_notices(handle, 1000));
	expect_json(binding_statistics(handle));
	expect_json(binding_calls(handle));
	expect_json(binding_logs(handle));
}

static void open_world(void)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	char text[120];
	int i;

	options.agent_pickup = options.ring = options.talk = 1000;
	if (wtel_sim_new(&sim, &options, NULL) || wtel_sim_server_new(&server, sim, "127.0.0.1", 0, NULL))
		abort();
	snprintf(text, sizeof(text), "{\"ami\": \"ami://wtel:wtel@127.0.0.1:%d\", \"db\": \"sqlite::memory:\"}",
		 wtel_sim_server_port(server));
	handle = binding_new(text);
	if (!handle)
		abort();
	for (i = 0; i < 200; i++) {
		usleep(1000);
		drain();
	}
}

/* Nothing leaves this machine and no file is made: an address or a database of the input's own is taken out. */
static void options(const char *text)
{
	json_t *object = json_loads(text, 0, NULL);
	char *safe = NULL;
	struct binding *made;

	if (json_is_object(object)) {
		json_object_del(object, "ami");
		if (json_is_string(json_object_get(object, "db")))
			json_object_del(object, "db");
		if (json_is_true(json_object_get(object, "store")))
			json_object_del(object, "store");
		safe = json_dumps(object, 0);
	}
	json_decref(object);
	made = binding_new(safe ? safe : text);
	if (!made)
		expect_json((struct binding_bytes){binding_error(NULL), strlen(binding_error(NULL))});
	binding_free(made);
	free(safe);
}

static void parse(const char *data, size_t size)
{
	struct parser *parser = parser_new();
	size_t half = size / 2;

	if (!parser || parser_feed(parser, data, half) || parser_feed(parser, data + half, size - half))
		abort();
	(void)parser_take(parser);
	if (parser_ends(parser).length % sizeof(uint32_t))
		abort();
	parser_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t id = 1;
	char *text;

	if (!handle) {
		setenv("WTEL_AMI", "ami://x:y@127.0.0.1:1", 1);
		setenv("WTEL_DB", "sqlite::memory:", 1);
		open_world();
	}
	if (size < 1 || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 7) {
	case 0:
		options(text);
		break;
	case 1:
		id = binding_originate(handle, text);
		break;
	case 2:
		id = binding_api(handle, text);
		break;
	case 3:
		id = binding_action(handle, text);
		break;
	case 4:
		id = binding_hangup(handle, text);
		break;
	case 5:
		id = binding_want(handle, text) ? -1 : 1;
		(void)binding_want(handle, NULL);
		break;
	default:
		parse(text, size - 1);
		break;
	}
	if (id == 0)
		abort();
	if (id < 0)
		expect_json((struct binding_bytes){binding_error(handle), strlen(binding_error(handle))});
	drain();
	free(text);
	return 0;
}
