/* The gateway over plain HTTP: framing, limits, time, the end. */
#define _GNU_SOURCE
#include <errno.h>

#include "gateway_world.h"

static struct world world;
static struct answer answer;

static void open_world(void)
{
	world_open(&world);
}

static void close_world(void)
{
	world_close(&world);
}

TestSuite(gateway, .init = open_world, .fini = close_world, .timeout = 300);
/* Those change its options first. */
static void prepare(void)
{
	world_prepare(&world);
}
TestSuite(gateway_options, .init = prepare, .fini = close_world, .timeout = 300);

/* ---- what is there ------------------------------------------------------- */

Test(gateway, a_process_that_lives_says_so)
{
	cr_assert_eq(ask(&world, &answer, "GET", "/healthz", "", NULL), 200);
	cr_assert_str_eq(answer.body, "{\"status\":\"ok\"}");
	cr_assert_not_null(strstr(answer.text, "\r\nCache-Control: no-store\r\n"));
	cr_assert_not_null(strstr(answer.text, "\r\nX-Content-Type-Options: nosniff\r\n"));
	cr_assert_not_null(strstr(answer.text, " GMT\r\n"));
	cr_assert_null(strstr(answer.text, "Strict-Transport-Security"));
}

Test(gateway, a_head_is_a_get_without_its_body)
{
	cr_assert_eq(ask(&world, &answer, "HEAD", "/healthz", "", NULL), 200);
	cr_assert_not_null(strstr(answer.text, "\r\nContent-Length: 15\r\n"));
	cr_assert_eq(*answer.body, '\0');
	cr_assert_eq(ask(&world, &answer, "HEAD", STATUS, bearer(world.admin), NULL), 200);
	cr_assert_eq(*answer.body, '\0');
}

Test(gateway, readiness_is_asterisk_and_the_database)
{
	cr_assert_eq(ask(&world, &answer, "GET", "/readyz", "", NULL), 503);
	cr_assert_str_eq(answer.body, "{\"status\":\"unavailable\",\"asterisk\":false,\"database\":true}");
}

static const struct {
	int status;
	const char *method, *path;
} places[] = {
	{404, "GET", "/"},
	{404, "GET", "/api"},
	{404, "GET", "/api/telephony/"},
	{404, "GET", "/api/telephony"},
	{404, "GET", "//api/telephony/status"},
	{404, "GET", "/api/telephony/../telephony/status"},
	{404, "GET", "/api/telephony/%73tatus"},
	{200, "GET", "/api/telephony/status/"},
	{404, "GET", "/api/telephony//status"},
	{404, "GET", "/api/telephony/status%2f"},
	{404, "GET", "/healthz/"},
	{404, "GET", "/HEALTHZ"},
	{200, "GET", "http://test/healthz"},
	{200, "GET", "/healthz?x=y"},
	{405, "POST", "/healthz"},
	{405, "DELETE", "/metrics"},
	{405, "PUT", "/api/telephony/session"},
	{405, "POST", "/api/telephony/events"},
	{405, "TRACE", STATUS},
	{405, "PROPFINDPROPFIND", STATUS},
	{400, "GET", "/api/telephony/status?x=%zz"},
	{200, "GET", STATUS},
};

/* What a path is, is the api's to say: nothing is decoded or joined on the way. */
Test(gateway, paths_go_to_the_api_as_they_came)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++)
		cr_assert_eq(ask(&world, &answer, places[i].method, places[i].path, bearer(world.admin), NULL),
			     places[i].status, "%s %s: %d", places[i].method, places[i].path, answer.status);
}

/* ---- framing ------------------------------------------------------------- */

#define GET "GET /healthz HTTP/1.1\r\n"
#define OK  GET "Host: t\r\n"

static const struct {
	int status;
	const char *text;
} malformed[] = {
	{400, "\x16\x03\x01\x02\r\n\r\n"},
	{400, "GET\r\n\r\n"},
	{400, "GET /healthz\r\n\r\n"},
	{400, "GET  /healthz HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET /healthz  HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET /healthz HTTP/1.1 \r\nHost: t\r\n\r\n"},
	{400, "G(T /healthz HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET healthz HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET /\xc3\xa4\x01 HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET /healthz#x HTTP/1.1\r\nHost: t\r\n\r\n"},
	{400, "GET /healthz http/1.1\r\nHost: t\r\n\r\n"},
	{505, "GET /healthz HTTP/2.0\r\nHost: t\r\n\r\n"},
	{505, "GET /healthz HTTP/1.2\r\nHost: t\r\n\r\n"},
	{400, GET "\r\n"},
	{400, OK "Host: u\r\n\r\n"},
	{400, OK " folded: x\r\n\r\n"},
	{400, OK "A: x\r\n\tfolded\r\n\r\n"},
	{400, OK "No colon\r\n\r\n"},
	{400, OK "Space : x\r\n\r\n"},
	{400, OK ": x\r\n\r\n"},
	{400, OK "A: x\001y\r\n\r\n"},
	{400, OK "A: x\ry\r\n\r\n"},
	{400, OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"},
	{400, OK "Content-Length: 1, 1\r\n\r\nx"},
	{400, OK "Content-Length: -1\r\n\r\nx"},
	{400, OK "Content-Length: +1\r\n\r\nx"},
	{400, OK "Content-Length: 0x1\r\n\r\nx"},
	{400, OK "Content-Length: 99999999999999999999\r\n\r\nx"},
	{400, OK "Content-Length:\r\n\r\n"},
	{400, OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{400, OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{501, OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
	{501, OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
	{400, "GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{400, OK "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n"},
	{400, OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n"},
	{400, OK "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"},
	{413, OK "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"},
	{400, OK "Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n"},
	{413, OK "Content-Length: 4194305\r\n\r\n"},
	/* Whoever logs in is not known yet. */
	{413, "POST /api/telephony/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	      "Transfer-Encoding: chunked\r\n\r\n1001\r\n"},
	{413, "POST /api/telephony/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	      "Content-Length: 4097\r\n\r\n"},
	{417, OK "Expect: more\r\n\r\n"},
};

Test(gateway, what_is_no_request_is_refused_and_the_connection_closed)
{
	size_t i;

	for (i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
		int fd = client_open(&world);

		memset(&answer, 0, sizeof(answer));
		client_send(&world, fd, malformed[i].text, strlen(malformed[i].text));
		cr_assert_eq(client_receive(&world, fd, &answer, false), malformed[i].status, "%zu: %s: %d", i,
			     malformed[i].text, answer.status);
		if (malformed[i].status != 417)
			cr_assert_not_null(strstr(answer.text, "\r\nConnection: close\r\n"), "%s", malformed[i].text);
		close(fd);
	}
}

static size_t trunk_request(char *text, size_t room, int number, bool chunked)
{
	char body[100];
	int length = snprintf(body, sizeof(body), "{\"name\":\"trunk %d\",\"host\":\"sip.example\"}", number), size;

	size = snprintf(text, room,
			"POST /api/telephony/trunks HTTP/1.1\r\nHost: test\r\n%sContent-Type: application/json\r\n",
			bearer(world.admin));
	if (chunked)
		size += snprintf(
			text + size, room - (size_t)size,
			"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n%.5s\r\n%X\r\n%s\r\n0\r\nTrailer: x\r\n\r\n", body,
			(unsigned)length - 5, body + 5);
	else
		size += snprintf(text + size, room - (size_t)size, "Content-Length: %d\r\n\r\n%s", length, body);
	return (size_t)size;
}

static void split_everywhere(bool chunked)
{
	char text[1024];
	int fd = client_open(&world), number = chunked ? 1000 : 0;
	size_t at, length = trunk_request(text, sizeof(text), number, chunked);

	memset(&answer, 0, sizeof(answer));
	for (at = 1; at < length; at++) {
		length = trunk_request(text, sizeof(text), ++number, chunked);
		client_send(&world, fd, text, at);
		world_turn(&world);
		client_send(&world, fd, text + at, length - at);
		cr_assert_eq(client_receive(&world, fd, &answer, false), 201, "at %zu: %s", at, answer.text);
		answer_drop(&answer, false);
	}
	close(fd);
}

Test(gateway, a_request_may_come_in_two_pieces)
{
	split_everywhere(false);
	split_everywhere(true);
}

Test(gateway, a_request_may_come_octet_by_octet)
{
	char text[1024];
	size_t length = trunk_request(text, sizeof(text), 1, true), at;
	int fd = client_open(&world);

	memset(&answer, 0, sizeof(answer));
	for (at = 0; at < length; at++) {
		client_send(&world, fd, text + at, 1);
		world_turn(&world);
	}
	cr_assert_eq(client_receive(&world, fd, &answer, false), 201, "%s", answer.text);
	cr_assert_not_null(strstr(answer.body, "\"name\":\"trunk 1\""));
	close(fd);
}

/* In one write: some that wait for the database, some that do not. The answers keep their order. */
Test(gateway, pipelined_requests_are_answered_in_order)
{
	static char text[65536];
	size_t length = 0;
	int fd = client_open(&world), i;

	memset(&answer, 0, sizeof(answer));
	for (i = 0; i < 60; i++) {
		if (i % 3 == 0)
			length += trunk_request(text + length, sizeof(text) - length, i, i % 2);
		else
			length +=
				(size_t)snprintf(text + length, sizeof(text) - length,
						 i % 3 == 1 ? "HEAD /nowhere HTTP/1.1\r\nHost: t\r\n\r\n" : OK "\r\n");
	}
	client_send(&world, fd, text, length);
	for (i = 0; i < 60; i++) {
		static const int expected[] = {201, 404, 200};

		cr_assert_eq(client_receive(&world, fd, &answer, i % 3 == 1), expected[i % 3], "%d: %s", i,
			     answer.text);
		if (i % 3 == 0) {
			char name[30];

			snprintf(name, sizeof(name), "\"name\":\"trunk %d\"", i);
			cr_assert_not_null(strstr(answer.body, name), "%d: %s", i, answer.text);
		}
		answer_drop(&answer, i % 3 == 1);
	}
	close(fd);
}

static bool stays_open(const char *text)
{
	int fd = client_open(&world);
	bool open;

	memset(&answer, 0, sizeof(answer));
	client_send(&world, fd, text, strlen(text));
	cr_assert_eq(client_receive(&world, fd, &answer, false), 200);
	world_run(&world, 20000);
	answer_drop(&answer, false);
	client_pump(&world, fd, &answer);
	open = !answer.closed;
	close(fd);
	return open;
}

Test(gateway, a_connection_lives_as_long_as_both_want)
{
	cr_assert(stays_open(OK "\r\n"));
	cr_assert(stays_open(OK "Connection: Keep-Alive\r\n\r\n"));
	cr_assert_not(stays_open(OK "Connection: close\r\n\r\n"));
	cr_assert_not(stays_open(OK "Connection: foo, Close\r\n\r\n"));
	cr_assert_not(stays_open("GET /healthz HTTP/1.0\r\n\r\n"));
	cr_assert(stays_open("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

/* ---- bodies ---------------------------------------------------------------- */

Test(gateway, a_body_is_sent_for_when_somebody_waits_to_be_asked)
{
	char text[1024];
	int fd = client_open(&world);

	memset(&answer, 0, sizeof(answer));
	snprintf(text, sizeof(text),
		 "POST /api/telephony/trunks HTTP/1.1\r\nHost: t\r\n%sContent-Type: application/json; charset=utf-8\r\n"
		 "Expect: 100-continue\r\nContent-Length: 27\r\n\r\n",
		 bearer(world.admin));
	client_send(&world, fd, text, strlen(text));
	cr_assert_eq(client_receive(&world, fd, &answer, false), 100);
	answer_drop(&answer, false);
	client_send(&world, fd, "{\"name\":\"a\",\"host\":\"b.org\"}", 27);
	cr_assert_eq(client_receive(&world, fd, &answer, false), 201, "%s", answer.text);
	close(fd);
	/* Who is not let in need not send it. */
	cr_assert_eq(ask(&world, &answer, "POST", "/api/telephony/trunks",
			 "Expect: 100-continue\r\nContent-Length: 100\r\n", NULL),
		     401);
	cr_assert_not_null(strstr(answer.text, "\r\nConnection: close\r\n"));
}

/* Who it is was asked when it began; that is too old when its body is there. */
Test(gateway, a_body_may_take_its_time)
{
	int fd = client_open(&world);
	char text[512];

	snprintf(text, sizeof(text),
		 "POST /api/telephony/trunks HTTP/1.1\r\nHost: t\r\n%sContent-Type: application/json\r\n"
		 "Content-Length: 2\r\n\r\n",
		 bearer(world.admin));
	client_send(&world, fd, text, strlen(text));
	world_run(&world, 1200000);
	client_send(&world, fd, "[]", 2);
	memset(&answer, 0, sizeof(answer));
	cr_assert_eq(client_receive(&world, fd, &answer, false), 400, "%s", answer.text);
	close(fd);
}

Test(gateway, a_body_is_json_by_its_own_account)
{
	char headers[256];

	snprintf(headers, sizeof(headers), "%sContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
		 bearer(world.admin));
	cr_assert_eq(ask(&world, &answer, "POST", "/api/telephony/trunks", headers, NULL), 415);
	snprintf(headers, sizeof(headers), "%sContent-Length: 2\r\n\r\n{}", bearer(world.admin));
	cr_assert_eq(ask(&world, &answer, "POST", "/api/telephony/trunks", headers, NULL), 415);
	snprintf(headers, sizeof(headers), "%sContent-Encoding: gzip\r\n", bearer(world.admin));
	cr_assert_eq(ask(&world, &answer, "POST", "/api/telephony/trunks", headers, "{}"), 415);
	cr_assert_eq(ask(&world, &answer, "POST", "/api/telephony/trunks", bearer(world.admin), "{}"), 400);
}

Test(gateway, what_is_too_long_is_refused)
{
	static char text[20000];

	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	cr_assert_eq(ask_raw(&world, &answer, text, 9000), 431);
	memcpy(text + 2000, " HTTP/1.1\r\nHost: t\r\n\r\n", 22);
	cr_assert_eq(ask_raw(&world, &answer, text, 2022), 414);
	memset(text, 'a', sizeof(text));
	memcpy(text, OK "A: ", strlen(OK) + 3);
	memcpy(text + 8300, "\r\n\r\n", 4);
	cr_assert_eq(ask_raw(&world, &answer, text, 8304), 431);
}

/* ---- time ------------------------------------------------------------------- */

Test(gateway_options, whoever_is_slow_is_told_and_whoever_is_silent_is_closed)
{
	int half, silent;
	static struct answer other;

	world.options.request_timeout = 300000;
	world.options.idle_timeout = 700000;
	world_start(&world);
	half = client_open(&world);
	silent = client_open(&world);
	client_send(&world, half, OK, 10);
	memset(&answer, 0, sizeof(answer));
	cr_assert_eq(client_receive(&world, half, &answer, false), 408);
	cr_assert(client_closed(&world, half, &answer));
	cr_assert(client_closed(&world, silent, &other));
	cr_assert_eq(other.length, 0);
	close(half);
	close(silent);
}

Test(gateway_options, no_more_connections_than_may_be)
{
	int fds[3], i;

	world.options.max_connections = 2;
	world_start(&world);
	for (i = 0; i < 3; i++) {
		fds[i] = client_open(&world);
		world_run(&world, 10000);
	}
	memset(&answer, 0, sizeof(answer));
	cr_assert_eq(client_receive(&world, fds[2], &answer, false), 503);
	close(fds[0]);
	world_run(&world, 20000);
	cr_assert_eq(ask(&world, &answer, "GET", "/healthz", "", NULL), 200);
	for (i = 1; i < 3; i++)
		close(fds[i]);
}

/* ---- the end ------------------------------------------------------------------ */

Test(gateway, a_client_may_go_while_its_request_is_under_way)
{
	char text[512];
	int64_t end;
	int i;

	snprintf(text, sizeof(text), "GET /api/telephony/calls/history HTTP/1.1\r\nHost: t\r\n%s\r\n",
		 bearer(world.admin));
	for (i = 0; i < 50; i++) {
		int fd = client_open(&world);

		client_send(&world, fd, text, strlen(text));
		if (i % 3)
			world_turn(&world);
		close(fd);
		if (i % 2)
			world_turn(&world);
	}
	end = wtel_time_now().mono + PATIENCE;
	while (world.gateway->connections && wtel_time_now().mono < end)
		world_turn(&world);
	cr_assert_eq(world.gateway->connections, 0);
}

static void note_gone(void *user)
{
	++*(int *)user;
}

/* It has said all that it wants to, and listens yet: what it asked is answered, all of it, and then it is let go. */
Test(gateway, a_client_may_say_that_it_asks_no_more)
{
	int fd = client_open(&world), i;
	char text[1024];

	for (i = 0, *text = '\0'; i < 2; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "GET /api/telephony/calls/history HTTP/1.1\r\nHost: t\r\n%s\r\n", bearer(world.admin));
	client_send(&world, fd, text, strlen(text));
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	memset(&answer, 0, sizeof(answer));
	for (i = 0; i < 2; i++) {
		cr_assert_eq(client_receive(&world, fd, &answer, false), 200);
		answer_drop(&answer, false);
	}
	cr_assert(client_closed(&world, fd, &answer));
	cr_assert_eq(answer.length, 0);
	close(fd);
}

Test(gateway, a_stop_answers_what_was_asked)
{
	int fd = client_open(&world), idle = client_open(&world), gone = 0;
	int64_t end = wtel_time_now().mono + 2 * PATIENCE;
	static struct answer other;
	char text[512];

	snprintf(text, sizeof(text), "GET /api/telephony/calls/history HTTP/1.1\r\nHost: t\r\n%s\r\n",
		 bearer(world.admin));
	client_send(&world, fd, text, strlen(text));
	while (!world.gateway->first || world.gateway->connections < 2 || !world.gateway->first->next->exchange.pending)
		if (world_turn(&world), world.gateway->first && world.gateway->first->exchange.pending)
			break;
	wtel_gateway_stop(world.gateway, 5 * SECOND, note_gone, &gone);
	memset(&answer, 0, sizeof(answer));
	cr_assert_eq(client_receive(&world, fd, &answer, false), 200);
	cr_assert_not_null(strstr(answer.text, "\r\nConnection: close\r\n"));
	cr_assert(client_closed(&world, fd, &answer));
	cr_assert(client_closed(&world, idle, &other));
	close(fd);
	close(idle);
	while (!gone && wtel_time_now().mono < end)
		world_turn(&world);
	cr_assert_eq(gone, 1);
	cr_assert_eq(world.gateway->connections, 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_neq(connect(fd,
			      (struct sockaddr *)&(struct sockaddr_in){
				      AF_INET, htons((uint16_t)world.gateway->port), {htonl(INADDR_LOOPBACK)}},
			      sizeof(struct sockaddr_in)),
		      0);
	close(fd);
}

Test(gateway, a_stop_does_not_wait_for_ever)
{
	int fd = client_open(&world), gone = 0;

	client_send(&world, fd, "GET /", 5);
	world_run(&world, 20000);
	wtel_gateway_stop(world.gateway, 100000, note_gone, &gone);
	world_run(&world, SECOND);
	cr_assert_eq(gone, 1);
	close(fd);
}

Test(gateway, it_may_be_freed_with_requests_under_way)
{
	char text[512];
	int fd = client_open(&world), i;

	snprintf(text, sizeof(text), "GET /api/telephony/calls/history HTTP/1.1\r\nHost: t\r\n%s\r\n",
		 bearer(world.admin));
	client_send(&world, fd, text, strlen(text));
	for (i = 0; i < 1000 && (!world.gateway->first || !world.gateway->first->exchange.pending); i++)
		ev_run(world.loop, EVRUN_NOWAIT);
	wtel_gateway_free(world.gateway);
	world.gateway = NULL;
	world_run(&world, 100000);
	close(fd);
}

/* ---- long answers --------------------------------------------------------------- */

/* Whoever reads slowly gets all of it, in order, and is not read from meanwhile. */
Test(gateway, a_slow_reader_gets_long_answers_whole)
{
	static char text[65536];
	struct wtel_trunk trunk = {.port = 5060, .max_channels = 1, .priority = 1, .host = "sip.example"};
	unsigned turns;
	int fd, small = 16384, i;
	size_t length = 0;
	char name[30];

	for (i = 0; i < 200; i++) {
		int64_t id;

		snprintf(name, sizeof(name), "trunk %d", i);
		trunk.name = name;
		cr_assert_eq(wtel_store_trunk_save(world.store, &id, &trunk), 0, "%s",
			     wtel_store_error(world.store)->text);
	}
	fd = client_open(&world);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (i = 0; i < 12; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   "GET /api/telephony/trunks HTTP/1.1\r\nHost: t\r\n%s\r\n",
					   bearer(world.admin));
	client_send(&world, fd, text, length);
	world_run(&world, 50000);
	turns = ev_iteration(world.loop);
	world_run(&world, 300000);
	/* A timer of a millisecond, and nothing that turns in between. */
	cr_assert_lt(ev_iteration(world.loop) - turns, 1500);
	memset(&answer, 0, sizeof(answer));
	for (i = 0; i < 12; i++) {
		cr_assert_eq(client_receive(&world, fd, &answer, false), 200, "%d", i);
		cr_assert_geq(answer_whole(&answer, false), 65536);
		cr_assert_not_null(strstr(answer.body, "\"trunk 199\""));
		answer_drop(&answer, false);
	}
	cr_assert_eq(answer.length, 0);
	close(fd);
}
