/* From a request to whoever answers it. */
#include "gateway/http.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "gateway/head.h"
#include "gateway/health.h"
#include "gateway/limit.h"
#include "gateway/login.h"
#include "gateway/metrics.h"
#include "gateway/networks.h"

#define API "/api/telephony/"

enum { BODY_OF_SESSION = 4096, SECRET = WTEL_ACCESS_SECRET_SIZE };

/* A request on its way through this file. */
struct visit {
	struct gateway_exchange *exchange;
	struct gateway_request *request;
	const struct who_grant *grant;
	char secret[SECRET];
};

static bool is(struct wtel_slice text, const char *literal)
{
	return text.length == strlen(literal) && memcmp(text.data, literal, text.length) == 0;
}

static bool changes(const struct visit *visit)
{
	return !is(visit->request->method, "GET") && !is(visit->request->method, "HEAD");
}

static void fail(struct visit *visit, int status, int code, const char *field, const char *text, unsigned retry)
{
	gateway_fail(visit->exchange, status, code, field, text, retry);
}

/* ---- bodies ------------------------------------------------------------- */

/* A login is read before it is known who asks: it may hold little. */
static size_t body_limit(const struct visit *visit)
{
	size_t most = visit->exchange->gateway->options.max_body;

	return is(visit->request->path, API "session") && most > BODY_OF_SESSION ? BODY_OF_SESSION : most;
}

static const char *reason_of(int status)
{
	switch (status) {
	case 413:
		return "the body is too long";
	case 431:
		return "the headers are too long";
	case 501:
		return "of transfer encodings only chunked is known";
	case 505:
		return "that version of HTTP is not spoken here";
	default:
		return "this is no HTTP request";
	}
}

/* true: it is whole, or there is none. */
static bool read_body(struct visit *visit)
{
	int status = visit->exchange->carrier->body(visit->exchange, visit->request, body_limit(visit));

	if (status == 503)
		fail(visit, 503, WTEL_ELIMIT, "", "too much comes at once", 1);
	else if (status > 1)
		fail(visit, status, status == 413 ? WTEL_ELIMIT : WTEL_EPROTOCOL, "", reason_of(status), 0);
	return !status;
}

/* What is no JSON by its own account is not tried as such; a form of another site's page is none. */
static bool is_json(struct visit *visit)
{
	struct wtel_slice type = visit->request->headers[GATEWAY_CONTENT_TYPE];
	const char *end = type.data ? memchr(type.data, ';', type.length) : NULL;

	if (!visit->request->body.length)
		return true;
	if (end)
		type.length = (size_t)(end - type.data);
	while (type.length && type.data[type.length - 1] == ' ')
		type.length--;
	if (head_equals(type, "application/json") && !visit->request->headers[GATEWAY_CONTENT_ENCODING].data)
		return true;
	fail(visit, 415, WTEL_EINVAL, "", "a body is to be application/json, without a content encoding", 0);
	return false;
}

/* ---- who, how often ------------------------------------------------------ */

static unsigned address_wait(const struct visit *visit, bool take)
{
	const struct gateway_exchange *exchange = visit->exchange;
	struct limit_table *limits = exchange->gateway->limits;
	int64_t now = wtel_time_now().mono;
	const void *key = exchange->client.s6_addr;
	size_t length = limit_address(&exchange->client);

	return take ? limit_take(limits, LIMIT_ADDRESS, key, length, now)
		    : limit_look(limits, LIMIT_ADDRESS, key, length, now);
}

static void fail_often(struct visit *visit, unsigned seconds)
{
	fail(visit, 429, WTEL_ELIMIT, "", "too many requests: try again later", seconds);
}

static void fail_unknown(struct visit *visit, enum who_answer answer)
{
	unsigned seconds = address_wait(visit, true);

	if (seconds)
		fail_often(visit, seconds);
	else
		fail(visit, 401, WTEL_EPERMISSION, "",
		     answer == WHO_NOBODY ? "log in, or send a token" : "that token or session is not valid", 0);
}

/* A user is one, however many tokens there are; a token of nobody in particular is by itself. */
static bool within_rate(struct visit *visit)
{
	const struct wtel_grant *grant = &visit->grant->grant;
	bool user = grant->user_id;
	const int64_t *key = user ? &grant->user_id : &grant->id;
	unsigned seconds = limit_take(visit->exchange->gateway->limits, user ? LIMIT_USER : LIMIT_GRANT, key,
				      sizeof(*key), wtel_time_now().mono);

	if (seconds)
		fail_often(visit, seconds);
	return !seconds;
}

static bool is_no_forgery(struct visit *visit)
{
	struct wtel_slice token = visit->request->headers[GATEWAY_CSRF];

	if (visit->grant->grant.kind != WTEL_GRANT_SESSION || !changes(visit))
		return true;
	if (token.length == GATEWAY_CSRF_SIZE - 1 && CRYPTO_memcmp(token.data, visit->grant->csrf, token.length) == 0)
		return true;
	fail(visit, 403, WTEL_EPERMISSION, "X-CSRF-Token", "a session's request that changes something needs it", 0);
	return false;
}

/* true: `grant` may go on. false: answered, or it waits. */
static bool admitted(struct visit *visit)
{
	struct gateway_exchange *exchange = visit->exchange;
	unsigned seconds = address_wait(visit, false);
	enum who_answer answer;

	/* Whoever guesses is not worth a look at the database: who.c knows who is all the same. */
	answer = who_asks(exchange, visit->request, !seconds, &visit->grant, visit->secret);
	switch (answer) {
	case WHO_WAITS:
		return false;
	case WHO_UNAVAILABLE:
		fail(visit, 503, WTEL_ESTORE, "", "no connection to the database", 1);
		return false;
	case WHO_NOBODY:
	case WHO_REFUSED:
		if (seconds)
			fail_often(visit, seconds);
		else
			fail_unknown(visit, answer);
		return false;
	case WHO_GRANTED:
		break;
	}
	exchange->grant_id = visit->grant->grant.id;
	memcpy(exchange->actor, visit->grant->actor, sizeof(exchange->actor));
	return is_no_forgery(visit);
}

/* ---- routes --------------------------------------------------------------- */

static void api_answered(int status, struct wtel_slice json, void *user)
{
	struct gateway_exchange *exchange = user;

	if (exchange_resume(exchange))
		gateway_answer(exchange, status, "application/json", json);
}

static void ask_api(struct visit *visit)
{
	struct gateway_exchange *exchange = visit->exchange;
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;

	request.method = exchange->head ? "GET" : exchange->method;
	request.path = exchange->path;
	request.query = visit->request->query;
	request.body = visit->request->body;
	request.user_id = visit->grant->grant.user_id;
	request.role = visit->grant->grant.role;
	request.actor = exchange->actor;
	request.address = exchange->address;
	exchange_hold(exchange);
	exchange->gateway->asked = true;
	if (wtel_api_call(exchange->gateway->service, &request, api_answered, exchange)) {
		exchange_release(exchange);
		gateway_fail(exchange, 503, WTEL_ENOMEM, "", "the service cannot take it now", 1);
	}
}

static void go_api(struct visit *visit)
{
	if (admitted(visit) && read_body(visit) && is_json(visit) && within_rate(visit))
		ask_api(visit);
}

static void fail_method(struct visit *visit, const char *allowed)
{
	visit->exchange->extra_head = wtel_slice_of(allowed);
	fail(visit, 405, WTEL_EINVAL, "", "that method is not for this path", 0);
}

/* Passwords are for those who come from this site, or from one of `origins`. */
static void go_login(struct visit *visit)
{
	if (!origin_allowed(visit->exchange->gateway, visit->request))
		fail(visit, 403, WTEL_EPERMISSION, "origin", "pages of that site may not log in here", 0);
	else if (read_body(visit) && is_json(visit))
		login_post(visit->exchange, visit->request);
}

static void go_session(struct visit *visit)
{
	struct wtel_slice method = visit->request->method;
	bool ends = is(method, "DELETE");

	if (is(method, "POST")) {
		go_login(visit);
	} else if (!ends && changes(visit)) {
		fail_method(visit, "Allow: GET, HEAD, POST, DELETE\r\n");
	} else if (admitted(visit) && read_body(visit) && within_rate(visit)) {
		if (ends)
			login_delete(visit->exchange, visit->grant, visit->secret);
		else
			login_get(visit->exchange, visit->grant);
	}
}

/* RFC 9110, 15.5.22 and 7.8: what it could be asked with is told, and that this is for the next hop. */
static void fail_upgrade(struct visit *visit)
{
	visit->exchange->extra_head = wtel_slice_of("Upgrade: websocket\r\nConnection: Upgrade\r\n");
	fail(visit, 426, WTEL_EINVAL, "", "events are for WebSocket, or for who accepts text/event-stream", 0);
}

static void go_events(struct visit *visit)
{
	struct gateway_visitor visitor = {visit->request, NULL, visit->secret, visit->exchange->address};
	bool upgrade = head_has(visit->request->headers[GATEWAY_UPGRADE], "websocket");
	bool sse = visit->request->headers[GATEWAY_ACCEPT].data &&
		   memmem(visit->request->headers[GATEWAY_ACCEPT].data, visit->request->headers[GATEWAY_ACCEPT].length,
			  "text/event-stream", 17);

	if (!is(visit->request->method, "GET")) {
		fail_method(visit, "Allow: GET\r\n");
		return;
	}
	if (!admitted(visit) || !read_body(visit) || !within_rate(visit))
		return;
	visitor.grant = &visit->grant->grant;
	if (visitor.grant->kind == WTEL_GRANT_SESSION && !origin_allowed(visit->exchange->gateway, visit->request))
		fail(visit, 403, WTEL_EPERMISSION, "origin", "pages of that site may not read events here", 0);
	else if ((upgrade || sse) && !stream_room(visit->exchange, visitor.grant))
		return;
	else if (upgrade)
		websocket_open(visit->exchange, &visitor);
	else if (sse)
		sse_open(visit->exchange, &visitor);
	else if (visit->exchange->connection->http2)
		fail(visit, 406, WTEL_EINVAL, "accept",
		     "events are for who accepts text/event-stream, or over HTTP/1.1 for WebSocket", 0);
	else
		fail_upgrade(visit);
}

static void go_metrics(struct visit *visit)
{
	const struct gateway_exchange *exchange = visit->exchange;

	if (changes(visit)) {
		fail_method(visit, "Allow: GET, HEAD\r\n");
		return;
	}
	/* By the address of the socket: what a proxy writes is for its own clients. */
	if (!networks_hold(&exchange->gateway->metrics_from, &exchange->connection->remote)) {
		if (!admitted(visit) || !within_rate(visit))
			return;
		if (visit->grant->grant.role != WTEL_ROLE_ADMIN) {
			fail(visit, 403, WTEL_EPERMISSION, "", "this is for admin only", 0);
			return;
		}
	}
	if (read_body(visit))
		metrics_answer(visit->exchange);
}

static void go_health(struct visit *visit)
{
	if (changes(visit))
		fail_method(visit, "Allow: GET, HEAD\r\n");
	else if (!read_body(visit))
		return;
	else if (is(visit->request->path, "/healthz"))
		health_live(visit->exchange);
	else
		health_ready(visit->exchange);
}

static void go_nowhere(struct visit *visit)
{
	fail(visit, 404, WTEL_ENOTFOUND, "", "there is nothing at that path", 0);
}

static void dispatch(struct visit *visit)
{
	struct gateway_exchange *exchange = visit->exchange;
	struct wtel_slice path = visit->request->path;

	origin_note(exchange, visit->request);
	if (path.length > sizeof(API) - 1 && memcmp(path.data, API, sizeof(API) - 1) == 0) {
		bool session = is(path, API "session"), events = is(path, API "events");

		exchange->route = session ? METRICS_SESSION : events ? METRICS_EVENTS : METRICS_API;
		if (origin_preflight(visit->request) && read_body(visit))
			origin_answer(exchange);
		else if (!origin_preflight(visit->request))
			(session ? go_session : events ? go_events : go_api)(visit);
	} else if (is(path, "/healthz") || is(path, "/readyz")) {
		exchange->route = METRICS_HEALTH;
		go_health(visit);
	} else if (is(path, "/metrics")) {
		exchange->route = METRICS_METRICS;
		go_metrics(visit);
	} else {
		go_nowhere(visit);
	}
}

/* ---- from what carries it ----------------------------------------------------- */

static void copy(char *out, size_t room, struct wtel_slice from)
{
	size_t length = from.length < room ? from.length : room - 1;

	memcpy(out, from.data, length);
	out[length] = '\0';
}

static void begin(struct gateway_exchange *exchange, const struct gateway_request *request)
{
	struct wtel_gateway *gateway = exchange->gateway;

	if (!exchange->started)
		exchange->started = wtel_time_now().mono;
	exchange->head = is(request->method, "HEAD");
	exchange->route = METRICS_OTHER;
	exchange->grant_id = 0;
	exchange->actor[0] = '\0';
	copy(exchange->method, sizeof(exchange->method), request->method);
	copy(exchange->path, sizeof(exchange->path), request->path);
	if (gateway->proxies.count) {
		networks_client(&exchange->client, &gateway->proxies, &exchange->connection->remote,
				request->headers[GATEWAY_FORWARDED_FOR]);
		networks_text(exchange->address, &exchange->client);
	}
}

void http_refuse(struct gateway_exchange *exchange, int status)
{
	struct gateway_request none;

	memset(&none, 0, sizeof(none));
	none.method = none.path = wtel_slice_of("");
	begin(exchange, &none);
	gateway_fail(exchange, status, status == 431 ? WTEL_ELIMIT : WTEL_EPROTOCOL, "", reason_of(status), 0);
}

void http_serve(struct gateway_exchange *exchange, struct gateway_request *request)
{
	struct visit visit = {exchange, request, NULL, ""};
	struct wtel_slice expect = request->headers[GATEWAY_EXPECT];

	begin(exchange, request);
	if (request->path.length > GATEWAY_PATH_MAX)
		fail(&visit, 414, WTEL_ELIMIT, "", "the path is too long", 0);
	else if (expect.data && !head_equals(expect, "100-continue"))
		fail(&visit, 417, WTEL_EINVAL, "", "only 100-continue can be expected", 0);
	else
		dispatch(&visit);
	OPENSSL_cleanse(visit.secret, sizeof(visit.secret));
}

void http_late(struct gateway_exchange *exchange)
{
	gateway_fail(exchange, 408, WTEL_ETIMEOUT, "", "the request did not come in time", 0);
}
