/* From a request's octets to whoever answers it. What is not whole is left where it is and read again, from its begin,
 * when more has come: a head has 8 KiB at most. */
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
	struct gateway_connection *connection;
	struct gateway_request request;
	const struct who_grant *grant;
	char secret[SECRET];
	char *data; /* its octets */
	size_t length;
	size_t used; /* 0: more is to come */
};

static bool is(struct wtel_slice text, const char *literal)
{
	return text.length == strlen(literal) && memcmp(text.data, literal, text.length) == 0;
}

static bool changes(const struct visit *visit)
{
	return !is(visit->request.method, "GET") && !is(visit->request.method, "HEAD");
}

/* The answer ends the connection where the octets behind the head are not known to be a body that came whole. */
static void fail(struct visit *visit, int status, int code, const char *field, const char *text, unsigned retry)
{
	struct gateway_connection *connection = visit->connection;
	const struct gateway_request *request = &visit->request;

	if (!visit->used && !request->chunked && visit->length - request->head_length >= request->body_length)
		visit->used = request->head_length + request->body_length;
	if (!visit->used) {
		visit->used = visit->length;
		connection->keep_alive = false;
	}
	gateway_fail(connection, status, code, field, text, retry);
}

/* ---- bodies ------------------------------------------------------------- */

static bool say_continue(struct visit *visit)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	unsigned char data[LWS_PRE + sizeof(text)];
	struct gateway_connection *connection = visit->connection;

	if (!head_equals(visit->request.headers[GATEWAY_EXPECT], "100-continue") || connection->continued ||
	    visit->request.old)
		return true;
	connection->continued = true;
	memcpy(data + LWS_PRE, text, sizeof(text) - 1);
	return lws_write(connection->wsi, data + LWS_PRE, sizeof(text) - 1, LWS_WRITE_RAW) >= 0;
}

/* A login is read before it is known who asks: it may hold little. */
static size_t body_limit(const struct visit *visit)
{
	size_t most = visit->connection->gateway->options.max_body;

	return is(visit->request.path, API "session") && most > BODY_OF_SESSION ? BODY_OF_SESSION : most;
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
		return "only HTTP/1.0 and HTTP/1.1 are spoken here";
	default:
		return "this is no HTTP request";
	}
}

static bool read_chunks(struct visit *visit)
{
	struct gateway_connection *connection = visit->connection;
	size_t head = visit->request.head_length;
	int status;

	/* Its pieces are moved together, and that needs them to stay. */
	connection->kept = true;
	if (visit->data < connection->in || visit->data >= connection->in + connection->in_length)
		return false;
	status = head_chunks(visit->data, visit->length, head, &connection->chunk_from, &connection->chunk_to,
			     body_limit(visit), connection->gateway->options.max_header);
	if (status == 1)
		return false;
	if (status) {
		fail(visit, status, status == 413 ? WTEL_ELIMIT : WTEL_EPROTOCOL, "", reason_of(status), 0);
		return false;
	}
	visit->request.body = (struct wtel_slice){visit->data + head, connection->chunk_to - head};
	visit->used = connection->chunk_from;
	return true;
}

/* true: it is whole, or there is none. */
static bool read_body(struct visit *visit)
{
	struct gateway_request *request = &visit->request;

	if (request->body_length > body_limit(visit)) {
		fail(visit, 413, WTEL_ELIMIT, "", reason_of(413), 0);
		return false;
	}
	if (!request->chunked && visit->length - request->head_length >= request->body_length) {
		request->body = (struct wtel_slice){visit->data + request->head_length, request->body_length};
		visit->used = request->head_length + request->body_length;
		return true;
	}
	if (!say_continue(visit)) {
		connection_end(visit->connection, false);
		return false;
	}
	return request->chunked && read_chunks(visit);
}

/* What is no JSON by its own account is not tried as such; a form of another site's page is none. */
static bool is_json(struct visit *visit)
{
	struct wtel_slice type = visit->request.headers[GATEWAY_CONTENT_TYPE];
	const char *end = type.data ? memchr(type.data, ';', type.length) : NULL;

	if (!visit->request.body.length)
		return true;
	if (end)
		type.length = (size_t)(end - type.data);
	while (type.length && type.data[type.length - 1] == ' ')
		type.length--;
	if (head_equals(type, "application/json") && !visit->request.headers[GATEWAY_CONTENT_ENCODING].data)
		return true;
	fail(visit, 415, WTEL_EINVAL, "", "a body is to be application/json, without a content encoding", 0);
	return false;
}

/* ---- who, how often ------------------------------------------------------ */

static unsigned address_wait(const struct visit *visit, bool take)
{
	const struct gateway_connection *connection = visit->connection;
	struct limit_table *limits = connection->gateway->limits;
	int64_t now = wtel_time_now().mono;
	const void *key = connection->client.s6_addr;
	size_t length = limit_address(&connection->client);

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
	unsigned seconds = limit_take(visit->connection->gateway->limits, user ? LIMIT_USER : LIMIT_GRANT, key,
				      sizeof(*key), wtel_time_now().mono);

	if (seconds)
		fail_often(visit, seconds);
	return !seconds;
}

static bool is_no_forgery(struct visit *visit)
{
	struct wtel_slice token = visit->request.headers[GATEWAY_CSRF];

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
	struct gateway_connection *connection = visit->connection;
	unsigned seconds = address_wait(visit, false);
	enum who_answer answer;

	/* Whoever guesses is not worth a look at the database: who.c knows who is all the same. */
	answer = who_asks(connection, &visit->request, !seconds, &visit->grant, visit->secret);
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
	connection->grant_id = visit->grant->grant.id;
	memcpy(connection->actor, visit->grant->actor, sizeof(connection->actor));
	return is_no_forgery(visit);
}

/* ---- routes --------------------------------------------------------------- */

static void api_answered(int status, struct wtel_slice json, void *user)
{
	struct gateway_connection *connection = user;

	if (connection_resume(connection))
		gateway_answer(connection, status, "application/json", json);
}

static void ask_api(struct visit *visit)
{
	struct gateway_connection *connection = visit->connection;
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;

	request.method = connection->head ? "GET" : connection->method;
	request.path = connection->path;
	request.query = visit->request.query;
	request.body = visit->request.body;
	request.user_id = visit->grant->grant.user_id;
	request.role = visit->grant->grant.role;
	request.actor = connection->actor;
	request.address = connection->address;
	connection->phase = CONNECTION_WAITS;
	connection_hold(connection);
	connection->gateway->asked = true;
	if (wtel_api_call(connection->gateway->service, &request, api_answered, connection)) {
		connection->pending--;
		gateway_fail(connection, 503, WTEL_ENOMEM, "", "the service cannot take it now", 1);
	}
}

static void go_api(struct visit *visit)
{
	if (admitted(visit) && read_body(visit) && is_json(visit) && within_rate(visit))
		ask_api(visit);
}

static void fail_method(struct visit *visit, const char *allowed)
{
	visit->connection->extra_head = wtel_slice_of(allowed);
	fail(visit, 405, WTEL_EINVAL, "", "that method is not for this path", 0);
}

/* Passwords are for those who come from this site, or from one of `origins`. */
static void go_login(struct visit *visit)
{
	if (!origin_allowed(visit->connection->gateway, &visit->request))
		fail(visit, 403, WTEL_EPERMISSION, "origin", "pages of that site may not log in here", 0);
	else if (read_body(visit) && is_json(visit))
		login_post(visit->connection, &visit->request);
}

static void go_session(struct visit *visit)
{
	struct wtel_slice method = visit->request.method;
	bool ends = is(method, "DELETE");

	if (is(method, "POST")) {
		go_login(visit);
	} else if (!ends && changes(visit)) {
		fail_method(visit, "Allow: GET, HEAD, POST, DELETE\r\n");
	} else if (admitted(visit) && read_body(visit) && within_rate(visit)) {
		if (ends)
			login_delete(visit->connection, visit->grant, visit->secret);
		else
			login_get(visit->connection, visit->grant);
	}
}

/* RFC 9110, 15.5.22 and 7.8: what it could be asked with is told, and that this is for the next hop. */
static void fail_upgrade(struct visit *visit)
{
	visit->connection->extra_head = wtel_slice_of("Upgrade: websocket\r\nConnection: Upgrade\r\n");
	fail(visit, 426, WTEL_EINVAL, "", "events are for WebSocket, or for who accepts text/event-stream", 0);
}

static void go_events(struct visit *visit)
{
	struct gateway_visitor visitor = {&visit->request, NULL, visit->secret, visit->connection->address};
	bool upgrade = head_has(visit->request.headers[GATEWAY_UPGRADE], "websocket");
	bool sse = visit->request.headers[GATEWAY_ACCEPT].data &&
		   memmem(visit->request.headers[GATEWAY_ACCEPT].data, visit->request.headers[GATEWAY_ACCEPT].length,
			  "text/event-stream", 17);

	if (!is(visit->request.method, "GET")) {
		fail_method(visit, "Allow: GET\r\n");
		return;
	}
	if (!admitted(visit) || !read_body(visit) || !within_rate(visit))
		return;
	visitor.grant = &visit->grant->grant;
	if (visitor.grant->kind == WTEL_GRANT_SESSION && !origin_allowed(visit->connection->gateway, &visit->request))
		fail(visit, 403, WTEL_EPERMISSION, "origin", "pages of that site may not read events here", 0);
	else if ((upgrade || sse) && !stream_room(visit->connection, visitor.grant))
		return;
	else if (upgrade)
		websocket_open(visit->connection, &visitor);
	else if (sse)
		sse_open(visit->connection, &visitor);
	else
		fail_upgrade(visit);
}

static void go_metrics(struct visit *visit)
{
	const struct gateway_connection *connection = visit->connection;

	if (changes(visit)) {
		fail_method(visit, "Allow: GET, HEAD\r\n");
		return;
	}
	/* By the address of the socket: what a proxy writes is for its own clients. */
	if (!networks_hold(&connection->gateway->metrics_from, &connection->remote)) {
		if (!admitted(visit) || !within_rate(visit))
			return;
		if (visit->grant->grant.role != WTEL_ROLE_ADMIN) {
			fail(visit, 403, WTEL_EPERMISSION, "", "this is for admin only", 0);
			return;
		}
	}
	if (read_body(visit))
		metrics_answer(visit->connection);
}

static void go_health(struct visit *visit)
{
	if (changes(visit))
		fail_method(visit, "Allow: GET, HEAD\r\n");
	else if (!read_body(visit))
		return;
	else if (is(visit->request.path, "/healthz"))
		health_live(visit->connection);
	else
		health_ready(visit->connection);
}

static void go_nowhere(struct visit *visit)
{
	fail(visit, 404, WTEL_ENOTFOUND, "", "there is nothing at that path", 0);
}

static void dispatch(struct visit *visit)
{
	struct gateway_connection *connection = visit->connection;
	struct wtel_slice path = visit->request.path;

	origin_note(connection, &visit->request);
	if (path.length > sizeof(API) - 1 && memcmp(path.data, API, sizeof(API) - 1) == 0) {
		bool session = is(path, API "session"), events = is(path, API "events");

		connection->route = session ? METRICS_SESSION : events ? METRICS_EVENTS : METRICS_API;
		if (origin_preflight(&visit->request) && read_body(visit))
			origin_answer(connection);
		else if (!origin_preflight(&visit->request))
			(session ? go_session : events ? go_events : go_api)(visit);
	} else if (is(path, "/healthz") || is(path, "/readyz")) {
		connection->route = METRICS_HEALTH;
		go_health(visit);
	} else if (is(path, "/metrics")) {
		connection->route = METRICS_METRICS;
		go_metrics(visit);
	} else {
		go_nowhere(visit);
	}
}

/* ---- from the connection --------------------------------------------------- */

static void copy(char *out, size_t room, struct wtel_slice from)
{
	size_t length = from.length < room ? from.length : room - 1;

	memcpy(out, from.data, length);
	out[length] = '\0';
}

static void begin(struct gateway_connection *connection, const struct gateway_request *request)
{
	struct wtel_gateway *gateway = connection->gateway;

	if (!connection->started)
		connection->started = wtel_time_now().mono;
	connection->head = is(request->method, "HEAD");
	connection->old = request->old;
	connection->keep_alive = request->keep_alive;
	connection->route = METRICS_OTHER;
	connection->grant_id = 0;
	connection->actor[0] = '\0';
	copy(connection->method, sizeof(connection->method), request->method);
	copy(connection->path, sizeof(connection->path), request->path);
	if (gateway->proxies.count) {
		networks_client(&connection->client, &gateway->proxies, &connection->remote,
				request->headers[GATEWAY_FORWARDED_FOR]);
		networks_text(connection->address, &connection->client);
	}
}

/* What is no request has no name in the log. */
static size_t refuse(struct gateway_connection *connection, int status, size_t length)
{
	struct gateway_request none;

	memset(&none, 0, sizeof(none));
	none.method = none.path = wtel_slice_of("");
	begin(connection, &none);
	gateway_fail(connection, status, status == 431 ? WTEL_ELIMIT : WTEL_EPROTOCOL, "", reason_of(status), 0);
	return length;
}

size_t http_read(struct gateway_connection *connection, char *data, size_t length)
{
	struct visit visit;
	int status;

	visit.connection = connection;
	visit.grant = NULL;
	visit.data = data;
	visit.length = length;
	visit.used = 0;
	*visit.secret = '\0';
	status = head_read(&visit.request, data, length);
	if (status == 1 && length <= connection->gateway->options.max_header)
		return 0;
	if (status == 1 || (!status && visit.request.head_length > connection->gateway->options.max_header))
		status = 431;
	if (status)
		return refuse(connection, status, length);
	begin(connection, &visit.request);
	if (visit.request.path.length > GATEWAY_PATH_MAX)
		fail(&visit, 414, WTEL_ELIMIT, "", "the path is too long", 0);
	else if (visit.request.headers[GATEWAY_EXPECT].data &&
		 !head_equals(visit.request.headers[GATEWAY_EXPECT], "100-continue"))
		fail(&visit, 417, WTEL_EINVAL, "", "only 100-continue can be expected", 0);
	else
		dispatch(&visit);
	OPENSSL_cleanse(visit.secret, sizeof(visit.secret));
	return visit.used;
}

void http_late(struct gateway_connection *connection)
{
	connection->keep_alive = false;
	gateway_fail(connection, 408, WTEL_ETIMEOUT, "", "the request did not come in time", 0);
}
