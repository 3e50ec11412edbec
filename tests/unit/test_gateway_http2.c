/* HTTP/2: what HTTP/1.1 answers is answered the same way, on many streams at once. */
#define _GNU_SOURCE
#include <errno.h>

#include "http2_client.h"

#include "gateway/http2_stream.h"

static struct world world;
static struct h2_client *client;

static void open_world(void)
{
	world_open(&world);
	client = h2_open(&world);
}

static void close_world(void)
{
	h2_close(client);
	world_close(&world);
}

TestSuite(gateway_http2, .init = open_world, .fini = close_world, .timeout = 300);

#define HISTORY "/api/telephony/calls/history"
#define SESSION "/api/telephony/session"
#define TRUNKS	"/api/telephony/trunks"
#define EVENTS	"/api/telephony/events"

static int post(const char *path, const char *fields, const char *body, struct h2_answer **answer)
{
	char all[1024];

	snprintf(all, sizeof(all), "content-type: application/json\n%s", fields);
	*answer = h2_until(client, h2_ask(client, "POST", path, all, body));
	return (*answer)->status;
}

Test(gateway_http2, what_is_asked_is_answered)
{
	struct h2_answer *answer = h2_until(client, h2_ask(client, "GET", STATUS, h2_bearer(world.admin), NULL));

	cr_assert_eq(answer->status, 200);
	cr_assert_eq(answer->error, 0u);
	cr_assert_not_null(strstr(answer->body, "\"success\":true"));
	cr_assert_eq(h2_get(client, STATUS, ""), 401);
	cr_assert_eq(h2_get(client, "/nowhere", ""), 404);
	answer = h2_until(client, h2_ask(client, "HEAD", "/healthz", "", NULL));
	cr_assert_eq(answer->status, 200);
	cr_assert_eq(answer->length, 0u);
	answer = h2_until(client, h2_ask(client, "DELETE", "/healthz", "", NULL));
	cr_assert_eq(answer->status, 405);
	cr_assert_str_eq(answer->allow, "GET, HEAD");
	cr_assert_eq(world.gateway->connections, 1u);
	cr_assert_not_null(strstr(world.log, " GET " STATUS " 200 "));
}

Test(gateway_http2, a_hundred_streams_are_answered_each_in_its_time)
{
	static const char *const paths[] = {STATUS, HISTORY, "/healthz", TRUNKS};
	int32_t ids[99], first;
	int i;

	client->send_held = true;
	first = h2_ask(client, "POST", SESSION, "content-type: application/json\n",
		       "{\"username\":\"ana\",\"password\":\"correct horse\"}");
	for (i = 0; i < 99; i++)
		ids[i] = h2_ask(client, "GET", paths[i % 4], h2_bearer(world.admin), NULL);
	for (i = 98; i >= 0; i--)
		cr_assert_eq(h2_until(client, ids[i])->status, 200, "%s", paths[i % 4]);
	cr_assert_not(h2_of(client, first)->ended);
	client->send = "{\"username\":\"ana\",\"password\":\"correct horse\"}";
	client->send_length = strlen(client->send);
	client->send_held = false;
	cr_assert_eq(nghttp2_session_resume_data(client->session, first), 0);
	cr_assert_eq(h2_until(client, first)->status, 200);
	cr_assert_eq(world.gateway->connections, 1u);
	cr_assert_not(client->went);
}

/* ---- strictly ------------------------------------------------------------------- */

Test(gateway_http2, what_is_no_request_is_refused_and_the_connection_stays)
{
	static const struct {
		const char *fields;
		int status; /* 0: reset */
	} all[] = {
		{":path: \n", 0},
		{":method: \n", 0},
		{":scheme: \n", 0},
		{":authority: \n", 0},
		{":path: status\n", 0},
		{":path: http://test" STATUS "\n", 0},
		{":path: /a b\n", 0},
		{":path: /a#b\n", 400},
		{":scheme: gopher\n", 400},
		{":authority: user@test\n", 400},
		{"host: other\n", 400},
		{"host: TEST\n", 404},
		{":protocol: websocket\n", 0},
		{":other: x\n", 0},
		{"connection: keep-alive\n", 0},
		{"keep-alive: 5\n", 0},
		{"transfer-encoding: chunked\n", 0},
		{"upgrade: websocket\n", 0},
		{"te: gzip\n", 0},
		{"te: trailers\n", 404},
		{"x-y: a\x01"
		 "b\n",
		 400},
		{"x y: a\n", 400},
		{"content-length: 5\n", 0},
		{"content-length: 0\n", 404},
		{"content-length: x\n", 0},
		{"authorization: Bearer a\nauthorization: Bearer b\n", 400},
		{"origin: http://a\norigin: http://a\n", 400},
		{"accept: a/b\naccept: c/d\n", 404},
		{"expect: more\n", 417},
		{":method: CONNECT\n:path: \n:scheme: \n", 400},
		{":method: OPTIONS\n:path: *\n", 404},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct h2_answer *answer = h2_until(client, h2_ask(client, "GET", "/nowhere", all[i].fields, NULL));

		cr_assert_eq(answer->status, all[i].status, "%s: %d", all[i].fields, answer->status);
		cr_assert_eq(answer->error, all[i].status ? 0u : NGHTTP2_PROTOCOL_ERROR, "%s: %u", all[i].fields,
			     answer->error);
	}
	cr_assert_not(client->went);
	cr_assert_eq(h2_get(client, "/healthz", ""), 200);
}

Test(gateway_http2, what_is_too_long_is_refused)
{
	static char long_one[20000], fields[20100], body[6000];
	struct h2_answer *answer;

	memset(long_one, 'a', sizeof(long_one) - 1);
	snprintf(fields, sizeof(fields), "x-long: %.*s\n", 8000, long_one);
	cr_assert_eq(h2_get(client, "/healthz", fields), 200);
	snprintf(fields, sizeof(fields), "x-long: %.*s\n", 8200, long_one);
	cr_assert_eq(h2_get(client, "/healthz", fields), 431);
	/* In several frames. */
	snprintf(fields, sizeof(fields), "x-long: %s\n", long_one);
	cr_assert_eq(h2_get(client, "/healthz", fields), 431);
	snprintf(fields, sizeof(fields), ":path: /%.*s\n", 2000, long_one);
	cr_assert_eq(h2_get(client, "/healthz", fields), 414);
	memset(body, ' ', sizeof(body) - 1);
	cr_assert_eq(post(SESSION, "", body, &answer), 413);
	cr_assert_eq(answer->error, 0u);
	cr_assert_eq(h2_get(client, "/healthz", ""), 200);
}

Test(gateway_http2, trailers_are_read_over_and_have_the_heads_limit)
{
	static char value[9000];
	nghttp2_nv trailer = {(uint8_t *)"x-trailer", (uint8_t *)value, 9, 100, 0};
	int32_t id;

	memset(value, 'a', sizeof(value) - 1);
	client->send_held = true;
	id = h2_ask(client, "GET", "/healthz", "", "");
	h2_turn(client);
	cr_assert_eq(nghttp2_submit_trailer(client->session, id, &trailer, 1), 0);
	client->send_held = false;
	(void)!nghttp2_session_resume_data(client->session, id);
	cr_assert_eq(h2_until(client, id)->status, 200);
}

/* ---- bodies ------------------------------------------------------------------------ */

Test(gateway_http2, a_body_may_come_in_pieces)
{
	struct h2_answer *answer;
	char fields[256];

	client->send_at_once = 3;
	cr_assert_eq(post(SESSION, "", "{\"username\":\"ana\",\"password\":\"correct horse\"}", &answer), 200);
	snprintf(fields, sizeof(fields), "%scontent-length: 17\n", h2_bearer(world.admin));
	cr_assert_eq(post(TRUNKS, fields, "{\"name\":\"x\",    }", &answer), 400);
	snprintf(fields, sizeof(fields), "%scontent-length: 16\n", h2_bearer(world.admin));
	cr_assert_eq(post(TRUNKS, fields, "{\"name\":\"x\",    }", &answer), 0);
	cr_assert_eq(answer->error, NGHTTP2_PROTOCOL_ERROR);
	cr_assert_eq(h2_until(client, h2_ask(client, "POST", TRUNKS, h2_bearer(world.admin), "{}"))->status, 415);
}

Test(gateway_http2, a_body_is_sent_for_when_somebody_waits_to_be_asked)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	char fields[256];
	int32_t id;

	client->send_held = true;
	snprintf(fields, sizeof(fields), "%scontent-type: application/json\nexpect: 100-continue\n",
		 h2_bearer(world.admin));
	id = h2_ask(client, "POST", TRUNKS, fields, "[]");
	while (!h2_of(client, id)->continued && wtel_time_now().mono < end)
		h2_turn(client);
	cr_assert(h2_of(client, id)->continued);
	client->send_held = false;
	cr_assert_eq(nghttp2_session_resume_data(client->session, id), 0);
	cr_assert_eq(h2_until(client, id)->status, 400);
}

/* Who it is was asked when it began; that is too old when its body is there. */
Test(gateway_http2, a_body_may_take_its_time)
{
	char fields[256];
	int64_t end;
	int32_t id;

	client->send_held = true;
	snprintf(fields, sizeof(fields), "%scontent-type: application/json\n", h2_bearer(world.admin));
	id = h2_ask(client, "POST", TRUNKS, fields, "[]");
	for (end = wtel_time_now().mono + 1200000; wtel_time_now().mono < end;)
		h2_turn(client);
	client->send_held = false;
	cr_assert_eq(nghttp2_session_resume_data(client->session, id), 0);
	cr_assert_eq(h2_until(client, id)->status, 400);
}

/* A client that opens no window is not answered without end: what waits for it is bounded. */
Test(gateway_http2, long_answers_that_are_not_read_are_refused)
{
	nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
	int64_t end = wtel_time_now().mono + PATIENCE;
	struct wtel_trunk trunk = {.port = 5060, .max_channels = 1, .priority = 1, .host = "sip.example"};
	int i, refused = 0, served = 0;
	int32_t ids[100];
	char name[30];

	for (i = 0; i < 700; i++) {
		int64_t id;

		snprintf(name, sizeof(name), "trunk %d", i);
		trunk.name = name;
		cr_assert_eq(wtel_store_trunk_save(world.store, &id, &trunk), 0);
	}
	cr_assert_eq(nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, &none, 1), 0);
	for (i = 0; i < 100; i++)
		ids[i] = h2_ask(client, "GET", TRUNKS, h2_bearer(world.admin), NULL);
	while (served + refused < 100 && wtel_time_now().mono < end) {
		h2_turn(client);
		for (i = served = refused = 0; i < 100; i++) {
			served += h2_of(client, ids[i])->status == 200;
			refused += h2_of(client, ids[i])->status == 503;
		}
	}
	cr_assert_eq(served + refused, 100);
	cr_assert(served && refused, "%d were served", served);
	cr_assert_leq(world.gateway->first->http2->unsent, HTTP2_UNSENT_MAX + 100 * 2048u);
	cr_assert_null(strstr(strstr(world.log, " 503 "), " 0 503 "));
}

/* Twice as long as may be: answered before all of it came, and the rest is read over. */
Test(gateway_http2, whoever_is_refused_may_go_on_sending)
{
	size_t most = 8388608;
	char *body = malloc(most + 1);
	struct h2_answer *answer;

	memset(body, ' ', most);
	body[most] = '\0';
	cr_assert_eq(post(TRUNKS, h2_bearer(world.admin), body, &answer), 413);
	cr_assert_eq(answer->error, 0u);
	cr_assert_eq(post(TRUNKS, "", body, &answer), 401);
	cr_assert_eq(h2_get(client, STATUS, h2_bearer(world.admin)), 200);
	cr_assert_eq(world.gateway->first->http2->bodies, 0u);
	free(body);
}

/* ---- sessions ------------------------------------------------------------------------- */

Test(gateway_http2, a_cookie_may_come_in_crumbs)
{
	struct h2_answer *answer;
	char fields[1024], csrf[65];

	cr_assert_eq(post(SESSION, "", "{\"username\":\"ana\",\"password\":\"correct horse\"}", &answer), 200);
	cr_assert(strncmp(answer->cookie, "wtel_session=wtel_", 18) == 0, "%s", answer->cookie);
	snprintf(csrf, sizeof(csrf), "%s", strstr(answer->body, "\"csrfToken\":\"") + 13);
	snprintf(fields, sizeof(fields), "cookie: a=b\ncookie: %s\ncookie: c=d; e=f\n", answer->cookie);
	cr_assert_eq(h2_get(client, SESSION, fields), 200);
	cr_assert_eq(h2_until(client, h2_ask(client, "DELETE", SESSION, fields, NULL))->status, 403);
	snprintf(fields + strlen(fields), 100, "x-csrf-token: %s\n", csrf);
	cr_assert_eq(h2_until(client, h2_ask(client, "DELETE", SESSION, fields, NULL))->status, 200);
	cr_assert_eq(h2_get(client, SESSION, fields), 401);
}

/* ---- events ------------------------------------------------------------------------------- */

static void happen(void)
{
	static const struct wtel_notice notice = {WTEL_NOTICE_TRUNK_UP, 1, NULL, 1, "main", "", "", 0};

	hub_publish(world.gateway->hub, &notice);
}

static int32_t listen_to_events(void)
{
	char fields[256];
	int32_t id;
	int64_t end = wtel_time_now().mono + PATIENCE;

	snprintf(fields, sizeof(fields), "%saccept: text/event-stream\n", h2_bearer(world.admin));
	id = h2_ask(client, "GET", EVENTS, fields, NULL);
	while (h2_of(client, id)->length < 3 && wtel_time_now().mono < end)
		h2_turn(client);
	cr_assert_eq(h2_of(client, id)->status, 200);
	cr_assert_str_eq(h2_of(client, id)->body, ":\n\n");
	return id;
}

static int heard(int32_t id)
{
	const char *at = h2_of(client, id)->body;
	int count = 0;

	while ((at = strstr(at, "event: trunk:up\n"))) {
		count++;
		at++;
	}
	return count;
}

Test(gateway_http2, events_come_as_a_stream_among_others)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	int32_t first = listen_to_events(), second = listen_to_events();
	int i;

	/* More than the windows hold. */
	for (i = 0; i < 2000; i++)
		happen();
	while ((heard(first) < 2000 || heard(second) < 2000) && wtel_time_now().mono < end)
		h2_turn(client);
	cr_assert_eq(heard(first), 2000);
	cr_assert_eq(heard(second), 2000);
	cr_assert_eq(h2_get(client, STATUS, h2_bearer(world.admin)), 200);
	cr_assert_eq(nghttp2_submit_rst_stream(client->session, 0, first, NGHTTP2_CANCEL), 0);
	cr_assert(h2_until(client, first)->ended);
	happen();
	while (heard(second) < 2001 && wtel_time_now().mono < end)
		h2_turn(client);
	cr_assert_eq(heard(second), 2001);
	cr_assert_not(h2_of(client, second)->ended);
}

Test(gateway_http2, events_are_for_whoever_accepts_them)
{
	cr_assert_eq(h2_get(client, EVENTS, h2_bearer(world.admin)), 406);
	cr_assert_eq(h2_get(client, EVENTS, ""), 401);
	cr_assert_eq(h2_until(client, h2_ask(client, "POST", EVENTS, h2_bearer(world.admin), NULL))->status, 405);
}

/* ---- the begin and the end --------------------------------------------------------------------- */

Test(gateway_http2, the_preface_may_come_octet_by_octet)
{
	static const char settings[] = "\0\0\0\4\0\0\0\0\0";
	static struct answer answer;
	int fd = client_open(&world), i;

	for (i = 0; i < (int)NGHTTP2_CLIENT_MAGIC_LEN; i++) {
		client_send(&world, fd, NGHTTP2_CLIENT_MAGIC + i, 1);
		world_run(&world, 2000);
	}
	client_send(&world, fd, settings, 9);
	memset(&answer, 0, sizeof(answer));
	while (answer.length < 27 + 9 && !answer.closed)
		client_pump(&world, fd, &answer);
	cr_assert_not(answer.closed);
	cr_assert_eq(answer.text[3], NGHTTP2_SETTINGS);
	close(fd);
}

Test(gateway_http2, what_only_begins_like_it_is_HTTP_1)
{
	static const char *const begins[] = {"P", "PR", "PRI", "PRI * HTTP/2"};
	static const char *const rests[] = {"OST", "OPFIND", " ", ".1"};
	static const int statuses[] = {404, 404, 404, 505};
	static const char later[] = "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n" NGHTTP2_CLIENT_MAGIC;
	static struct answer answer;
	char text[100];
	size_t i;

	for (i = 0; i < 4; i++) {
		int fd = client_open(&world);

		client_send(&world, fd, begins[i], strlen(begins[i]));
		world_run(&world, 5000);
		snprintf(text, sizeof(text), "%s%s\r\nHost: t\r\n\r\n", rests[i], i < 3 ? " /x HTTP/1.1" : "");
		if (i == 2)
			snprintf(text, sizeof(text), " /x HTTP/1.1\r\nHost: t\r\n\r\n");
		client_send(&world, fd, text, strlen(text));
		memset(&answer, 0, sizeof(answer));
		cr_assert_eq(client_receive(&world, fd, &answer, false), statuses[i], "%s: %s", begins[i], answer.text);
		close(fd);
	}
	/* Later on a connection it is nothing but a bad request. */
	i = (size_t)client_open(&world);
	memset(&answer, 0, sizeof(answer));
	client_send(&world, (int)i, later, sizeof(later) - 1);
	cr_assert_eq(client_receive(&world, (int)i, &answer, false), 200);
	answer_drop(&answer, false);
	cr_assert_eq(client_receive(&world, (int)i, &answer, false), 505);
	close((int)i);
}

static void note_gone(void *user)
{
	(*(int *)user)++;
}

Test(gateway_http2, a_stop_answers_what_was_asked)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	int32_t asked, events = listen_to_events();
	int gone = 0;

	asked = h2_ask(client, "GET", HISTORY, h2_bearer(world.admin), NULL);
	while (world.gateway->first->http2->count < 2)
		world_turn(&world);
	wtel_gateway_stop(world.gateway, 10 * SECOND, note_gone, &gone);
	cr_assert_eq(h2_until(client, asked)->status, 200);
	cr_assert(h2_until(client, events)->ended);
	cr_assert_eq(h2_of(client, events)->error, 0u);
	while (!client->closed && wtel_time_now().mono < end)
		h2_turn(client);
	cr_assert(client->went && client->went_error == 0 && client->closed);
	close(client->fd);
	client->fd = -1;
	while (!gone && wtel_time_now().mono < end)
		world_turn(&world);
	cr_assert_eq(gone, 1);
	cr_assert_eq(world.gateway->connections, 0u);
}

Test(gateway_http2, a_client_may_go_while_its_requests_are_under_way)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	int i;

	for (i = 0; i < 50; i++)
		(void)h2_ask(client, "GET", HISTORY, h2_bearer(world.admin), NULL);
	while (!world.gateway->first || !world.gateway->first->http2 || world.gateway->first->http2->count < 50)
		world_turn(&world);
	close(client->fd);
	while (world.gateway->connections && wtel_time_now().mono < end)
		world_turn(&world);
	cr_assert_eq(world.gateway->connections, 0u);
	world_run(&world, 100000);
	client->fd = client_open(&world);
}

Test(gateway_http2, it_may_be_freed_with_requests_under_way)
{
	int i;

	(void)listen_to_events();
	for (i = 0; i < 50; i++)
		(void)h2_ask(client, "GET", HISTORY, h2_bearer(world.agent), NULL);
	while (world.gateway->first->http2->count < 51)
		ev_run(world.loop, EVRUN_NOWAIT);
	wtel_gateway_free(world.gateway);
	world.gateway = NULL;
	world_run(&world, 100000);
}
