/*
 * Ten thousand requests that nobody should send, made of every route by a generator with a known beginning: each is
 * answered once, by a document that fits its status, and the service is none the worse.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/api.h>

#include "api/request.h"

enum { REQUESTS = 10000, TEXT_MAX = 6000 };

static const struct {
	const char *method;
	const char *path;
	const char *query;
	const char *body;
} routes[] = {
#define API_ROUTE_X(name, method, path, role, query, body, most) {method, path, query, body},
#include "api/route.def"
#undef API_ROUTE_X
};
enum { ROUTES = sizeof(routes) / sizeof(*routes) };

struct made {
	char method[16];
	char path[TEXT_MAX];
	char query[TEXT_MAX];
	char body[TEXT_MAX];
	size_t query_length;
	size_t body_length;
};

static unsigned seed;

static unsigned below(unsigned most)
{
	return (unsigned)rand_r(&seed) % most;
}

/* ---- what it is made of ----------------------------------------------- */

static const char *const words[] = {"",		  "0",
				    "1",	  "-1",
				    "2147483648", "99999999999999999999",
				    "1e9",	  "null",
				    "%00",	  "%2F",
				    "%",	  "%zz",
				    "..",	  "%2e%2e",
				    "\xff\xfe",	  "\xc0\x80",
				    "%ff",	  "a%0d%0ab",
				    "active",	  "' OR 1=1",
				    "{callId}",	  "+34",
				    "2025-02-30", "2025-10-31T25:00:00Z",
				    "ANSWERED",	  "\xf0\x9f\x93\x9e"};
static const char *const values[] = {"null",
				     "true",
				     "0",
				     "-1",
				     "1.5",
				     "1e400",
				     "99999999999999999999999",
				     "\"\"",
				     "\"a\\u0000b\"",
				     "\"\\ud800\"",
				     "\"a\\r\\nAction: Command\"",
				     "[]",
				     "{}",
				     "[[[[[[[[]]]]]]]]",
				     "{\"a\": {\"a\": {\"a\": 1}}}",
				     "\"\xff\"",
				     "tru",
				     "{",
				     "\"a\\nb\"",
				     "\"1001\"",
				     "\"+34600123456\""};

static void append(char *to, const char *format, const char *text)
{
	size_t length = strlen(to);

	snprintf(to + length, TEXT_MAX - length, format, text);
}

/* One word of a list "a b !c"; "x" of an empty one. */
static void any_key(char out[64], const char *list)
{
	unsigned count = 1, which;
	const char *at;

	for (at = list; *at; at++)
		count += *at == ' ';
	for (which = below(count), at = list; which; which--)
		at = strchr(at, ' ') + 1;
	at += *at == '!';
	snprintf(out, 64, "%.*s", (int)strcspn(at, " "), at);
	if (!*out || !below(8))
		snprintf(out, 64, "x");
}

static void make_path(struct made *made, const char *path)
{
	snprintf(made->path, sizeof(made->path), "%s", below(30) ? "/api/telephony/" : "//api/");
	while (*path) {
		size_t length = strcspn(path, "/");
		char segment[64];

		snprintf(segment, sizeof(segment), "%.*s", (int)length, path);
		append(made->path, "%s",
		       *path == '{' || !below(12) ? words[below(sizeof(words) / sizeof(*words))] : segment);
		path += length;
		if (*path) {
			append(made->path, "%s", below(40) ? "/" : "//");
			path++;
		}
	}
}

static void make_query(struct made *made, const char *list)
{
	unsigned count = below(5) ? below(4) : below(40);
	char key[64];

	if (!*list && below(5))
		count = 0;
	made->query[0] = '\0';
	while (count--) {
		any_key(key, list);
		append(made->query, "%s=", key);
		append(made->query, "%s", words[below(sizeof(words) / sizeof(*words))]);
		append(made->query, "%s", below(20) ? "&" : "=&&");
	}
	made->query_length = strlen(made->query);
}

static void make_body(struct made *made, const char *list)
{
	unsigned count = below(6), i = 0;
	bool whole = below(2);
	char key[64];

	made->body[0] = '\0';
	append(made->body, "%s", below(20) ? "{" : "[");
	/* What must be there, so that what is wrong is found further in. */
	for (const char *at = strchr(list, '!'); whole && at; at = strchr(at, '!')) {
		at++;
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(at, " "), at);
		append(made->body, i++ ? ", \"%s\": " : "\"%s\": ", key);
		append(made->body, "%s",
		       strstr(key, "Id") ? "7" : values[sizeof(values) / sizeof(*values) - 1 - below(3)]);
	}
	if (whole)
		count = below(2);
	while (count--) {
		any_key(key, list);
		append(made->body, i++ ? ", \"%s\": " : "\"%s\": ", key);
		append(made->body, "%s", values[below(sizeof(values) / sizeof(*values))]);
	}
	append(made->body, "%s", below(20) ? "}" : "");
	made->body_length = strlen(made->body);
	if (!below(3))
		made->body_length = 0;
}

/* Bytes anywhere, NUL only where a length says where the end is. */
static void spoil(char *text, size_t length, bool with_nul)
{
	unsigned count = below(4);

	while (count-- && length)
		text[below((unsigned)length)] = (char)(below(with_nul ? 256 : 255) + !with_nul);
}

static void make(struct made *made)
{
	unsigned route = below(ROUTES);

	snprintf(made->method, sizeof(made->method), "%s", routes[below(10) ? route : below(ROUTES)].method);
	make_path(made, routes[route].path);
	make_query(made, routes[route].query);
	make_body(made, routes[route].body);
	if (!below(4))
		spoil(made->path, strlen(made->path), false);
	if (!below(4))
		spoil(made->query, made->query_length, true);
	if (!below(4))
		spoil(made->body, made->body_length, true);
	if (!below(60))
		spoil(made->method, strlen(made->method), false);
	if (!below(100))
		made->query_length = TEXT_MAX - 1;
}

/* ---- asking ----------------------------------------------------------- */

struct answers {
	unsigned count;
	unsigned by_status[600];
};

static void take(int status, struct wtel_slice text, void *user)
{
	json_t *document = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
	const json_t *error = json_object_get(document, "error");
	struct answers *answers = user;

	cr_assert(json_is_object(document), "%.*s", (int)text.length, text.data);
	cr_assert(status == 200 || status == 201 || (status >= 400 && status < 600), "%d", status);
	if (!json_object_get(document, "openapi"))
		cr_assert_eq(json_is_true(json_object_get(document, "success")), status < 300);
	cr_assert_eq(error != NULL, status >= 300, "%.*s", (int)text.length, text.data);
	if (error)
		cr_assert(json_is_string(json_object_get(error, "code")) &&
				  json_is_string(json_object_get(error, "message")) && json_object_size(error) == 3,
			  "%.*s", (int)text.length, text.data);
	json_decref(document);
	answers->count++;
	answers->by_status[status]++;
}

static struct wtel_service *open_service(struct wtel_store *store)
{
	/* No Asterisk: nothing listens there. */
	static const struct wtel_ami_host nowhere = {"127.0.0.1", 1, "wtel", "secret", false};
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_service *service = NULL;
	struct wtel_detail detail;

	options.hosts = &nowhere;
	options.host_count = 1;
	options.store = store;
	options.backoff_min = options.backoff_max = INT64_C(3600000000);
	cr_assert_eq(wtel_service_new(&service, &options, NULL, &detail), 0, "%s", detail.text);
	return service;
}

static struct wtel_store *open_store(void)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_store *store = NULL;
	struct wtel_detail detail;

	options.url = "sqlite::memory:";
	cr_assert_eq(wtel_store_open(&store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(store, NULL, NULL), 0);
	return store;
}

static void send_one(struct wtel_service *service, const struct made *made, struct answers *answers)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;

	request.method = made->method;
	request.path = made->path;
	request.query = (struct wtel_slice){made->query, made->query_length};
	request.body = (struct wtel_slice){made->body, made->body_length};
	request.role = (enum wtel_role)below(3);
	request.user_id = below(8);
	cr_assert_eq(wtel_api_call(service, &request, take, answers), 0, "%s %s", made->method, made->path);
}

Test(api_malformed, ten_thousand_requests_are_answered_each, .timeout = 300)
{
	struct wtel_store *store = open_store();
	struct wtel_service *service = open_service(store);
	struct answers answers = {0};
	static struct made made;
	unsigned sent, turns;

	seed = 20251025;
	for (sent = 0; sent < REQUESTS;) {
		unsigned batch = 1 + below(20);

		while (batch-- && sent < REQUESTS) {
			make(&made);
			send_one(service, &made, &answers);
			sent++;
		}
		for (turns = 0; turns < 1000 && answers.count < sent; turns++)
			(void)wtel_service_wait(service, 1000);
		cr_assert_eq(answers.count, sent, "%s %s", made.method, made.path);
	}
	/* It has been all over the place. */
	cr_assert_gt(answers.by_status[200], 100);
	cr_assert_gt(answers.by_status[400], 100);
	cr_assert_gt(answers.by_status[401] + answers.by_status[403], 100);
	cr_assert_gt(answers.by_status[404], 100);
	cr_assert_gt(answers.by_status[405], 10);
	cr_assert_gt(answers.by_status[413], 1);
	cr_assert_gt(answers.by_status[422], 10, "%u", answers.by_status[422]);
	wtel_service_free(service);
	wtel_store_close(store);
	cr_assert_eq(answers.count, REQUESTS);
}
