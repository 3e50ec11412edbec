/*
 * One request of the REST interface as anybody may send it: a byte of who asks, a line "GET trunks/1?x=1", then the
 * body. Whatever it is, it is answered once, with one JSON document that fits its status.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/api.h>

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct wtel_store *store;
	struct wtel_service *service;
} world;

static void close_world(void)
{
	wtel_service_free(world.service);
	wtel_store_close(world.store);
	world.service = NULL;
	world.store = NULL;
}

static void fill(void)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_call call = {0};
	int64_t id;

	trunk.name = "Carrier A";
	trunk.host = "carrier.example";
	MUST(wtel_store_trunk_save(world.store, &id, &trunk) == 0);
	call.call_id = "A";
	call.channel = call.reason = call.recording_url = "";
	call.caller_number = "1001";
	call.callee_number = "+34600123456";
	call.agent_id = 5;
	call.start = INT64_C(1761951600000000);
	call.end = call.start + 1000000;
	call.state = WTEL_CALL_ENDED;
	call.disposition = WTEL_DISPOSITION_BUSY;
	MUST(wtel_store_write(world.store, &call) == 0);
	MUST(wtel_store_flush(world.store) == 0);
}

/* No Asterisk: nothing listens on that port. */
static void open_world(void)
{
	static const struct wtel_ami_host nowhere = {"127.0.0.1", 1, "wtel", "secret", false};
	struct wtel_store_options store = WTEL_STORE_OPTIONS_INIT;
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_detail detail;
	int turns;

	store.url = "sqlite::memory:";
	MUST(wtel_store_open(&world.store, &store, NULL, &detail) == 0);
	MUST(wtel_store_migrate(world.store, NULL, NULL) == 0);
	fill();
	options.hosts = &nowhere;
	options.host_count = 1;
	options.store = world.store;
	options.backoff_min = options.backoff_max = INT64_C(3600000000);
	MUST(wtel_service_new(&world.service, &options, NULL, &detail) == 0);
	for (turns = 0; turns < 8; turns++)
		(void)wtel_service_dispatch(world.service);
}

struct answer {
	unsigned count;
	int status;
};

static bool is_known(int status)
{
	static const int known[] = {200, 201, 400, 401, 403, 404, 405, 409, 413, 422, 503};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] == status)
			return true;
	return false;
}

static void done(int status, struct wtel_slice text, void *user)
{
	json_t *document = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL), *error;
	struct answer *answer = user;

	MUST(json_is_object(document));
	MUST(is_known(status));
	MUST(json_object_get(document, "openapi") ||
	     json_is_true(json_object_get(document, "success")) == (status < 300));
	error = json_object_get(document, "error");
	MUST(!error == (status < 300));
	MUST(!error || (json_is_string(json_object_get(error, "code")) &&
			json_is_string(json_object_get(error, "message")) && json_object_size(error) == 3));
	json_decref(document);
	answer->count++;
	answer->status = status;
}

static void ask(struct wtel_api_request *request)
{
	struct answer answer = {0, 0};
	int turns;

	MUST(wtel_api_call(world.service, request, done, &answer) == 0);
	MUST(!answer.count);
	for (turns = 0; turns < 100 && !answer.count; turns++)
		(void)wtel_service_dispatch(world.service);
	MUST(answer.count == 1);
	/* The next one finds the same world, so that what was found is found again. */
	if (answer.status < 300 && strcmp(request->method, "GET") != 0)
		close_world();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char base[] = "/api/telephony/";
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;
	const uint8_t *end = size ? memchr(data + 1, '\n', size - 1) : NULL;
	size_t length = end ? (size_t)(end - data) - 1 : size ? size - 1 : 0;
	char *line, *path, *query;

	if (!size)
		return 0;
	if (!world.service)
		open_world();
	line = malloc(sizeof(base) + length + 1);
	MUST(line);
	memcpy(line, data + 1, length);
	line[length] = '\0';
	path = strchr(line, ' ');
	if (path) {
		*path++ = '\0';
		request.method = line;
		if (*path != '/') {
			memmove(path + sizeof(base) - 1, path, strlen(path) + 1);
			memcpy(path, base, sizeof(base) - 1);
		}
		query = strchr(path, '?');
		if (query)
			*query++ = '\0';
		request.path = path;
		request.query = wtel_slice_of(query);
	}
	if (end)
		request.body = (struct wtel_slice){(const char *)end + 1, (size_t)(data + size - end) - 1};
	request.role = (enum wtel_role)(data[0] % 3);
	request.user_id = data[0] / 3 % 8;
	ask(&request);
	free(line);
	return 0;
}
