/* The gateway with its n-th allocation failing; hostile heads. */
#define _GNU_SOURCE
#include <errno.h>

#include "http2_client.h"

#include "fault.h"
#include "gateway/head.h"

static struct world world;
static struct answer answer;

/* Whoever is refused for want of memory is told so, or his connection ends: nothing else. */
static void visit(const char *method, const char *path, const char *headers, const char *body)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	char text[2048];
	int fd = client_open(&world), length;

	length = snprintf(
		text, sizeof(text),
		"%s %s HTTP/1.1\r\nHost: t\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, headers, strlen(body), body);
	memset(&answer, 0, sizeof(answer));
	client_send(&world, fd, text, 30);
	world_turn(&world);
	client_send(&world, fd, text + 30, (size_t)length - 30);
	while (!answer_whole(&answer, false) && !answer.closed && wtel_time_now().mono < end)
		client_pump(&world, fd, &answer);
	cr_assert(answer.closed || answer.status == 200 || answer.status == 503, "%s: %s", path, answer.text);
	close(fd);
	world_run(&world, 3000);
}

/* The same over HTTP/2, where it may be its stream alone that ends. */
static int visit_http2(struct h2_client *client, const char *method, const char *path, const char *fields,
		       const char *body)
{
	struct h2_answer *one;

	if (client->closed)
		return 0;
	one = h2_until(client, h2_ask(client, method, path, fields, body));
	cr_assert(client->closed || one->ended, "%s", path);
	cr_assert(!one->status || one->status == 200 || one->status == 503, "%s: %d", path, one->status);
	return one->status;
}

Test(gateway_memory, any_allocation_may_fail_over_HTTP_2, .timeout = 300)
{
	struct wtel_detail detail;
	int whole = 0;

	world_prepare(&world);
	world.options.user_rate = world.options.address_rate = world.options.login_rate = 0;
	world.options.event_history = 16;
	FAULT_LOOP(allocator)
	{
		static const struct wtel_notice notice = {WTEL_NOTICE_TRUNK_UP, 1, NULL, 1, "main", "", "", 0};
		struct h2_client *client;
		char fields[256];

		if (gateway_new(&world.gateway, world.loop, &world.options, &allocator, &detail))
			continue;
		client = h2_open(&world);
		snprintf(fields, sizeof(fields), "%saccept: text/event-stream\n", h2_bearer(world.admin));
		(void)h2_ask(client, "GET", "/api/telephony/events", fields, NULL);
		whole += visit_http2(client, "GET", STATUS, h2_bearer(world.admin), NULL) == 200;
		hub_publish(world.gateway->hub, &notice);
		(void)visit_http2(client, "GET", "/metrics", h2_bearer(world.admin), NULL);
		(void)visit_http2(client, "GET", "/readyz", "", NULL);
		snprintf(fields, sizeof(fields), "content-type: application/json\n");
		whole += visit_http2(client, "POST", "/api/telephony/session", fields,
				     "{\"username\":\"ana\",\"password\":\"correct horse\"}") == 200;
		h2_close(client);
		world_run(&world, 3000);
		wtel_gateway_free(world.gateway);
		world.gateway = NULL;
	}
	cr_assert_gt(whole, 2);
	world_close(&world);
}

Test(gateway_memory, any_allocation_may_fail, .timeout = 300)
{
	struct wtel_detail detail;
	int whole = 0;

	world_prepare(&world);
	world.options.user_rate = world.options.address_rate = world.options.login_rate = 0;
	world.options.event_history = 16;
	FAULT_LOOP(allocator)
	{
		int code = gateway_new(&world.gateway, world.loop, &world.options, &allocator, &detail);

		if (code) {
			cr_assert_eq(code, WTEL_ENOMEM, "%s", detail.text);
			world.gateway = NULL;
			continue;
		}
		visit("GET", STATUS, bearer(world.admin), "");
		visit("GET", "/metrics", bearer(world.admin), "");
		visit("GET", "/readyz", "", "");
		whole += answer.status == 503;
		visit("POST", "/api/telephony/session", "", "{\"username\":\"ana\",\"password\":\"correct horse\"}");
		whole += answer.status == 200;
		wtel_gateway_free(world.gateway);
		world.gateway = NULL;
	}
	cr_assert_gt(whole, 2);
	world_close(&world);
}

/* ---- heads ------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

static bool within(struct wtel_slice slice, const char *data, size_t length)
{
	return !slice.data || (slice.data >= data && slice.data + slice.length <= data + length);
}

/* Octets changed, doubled and left out: what is read stays inside, and what is whole has a path. */
Test(gateway_memory, a_head_may_be_anything, .timeout = 300)
{
	static const char *const seeds[] = {
		"GET /api/telephony/status?x=y HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wtel_abc\r\nCookie: "
		"a=b\r\n\r\n",
		"POST http://h/p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
		"chunked\r\n\r\n5\r\nabcde\r\n3;x\r\nabc\r\n0\r\nT: u\r\n\r\n",
		"\r\nPUT /p HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive, x\r\n\r\nabc",
	};
	uint64_t state = 88172645463325252u;
	int round, whole = 0, chunked = 0;

	for (round = 0; round < 300000; round++) {
		const char *seed = seeds[round % 3];
		size_t length = strlen(seed), i, from = 0, to = 0;
		char *data = malloc(length + 1);
		struct gateway_request request;

		memcpy(data, seed, length);
		for (i = next_random(&state) % 4; i; i--)
			data[next_random(&state) % length] = (char)next_random(&state);
		if (next_random(&state) % 4 == 0)
			length = next_random(&state) % length + 1;
		if (head_read(&request, data, length) == 0) {
			whole++;
			cr_assert_leq(request.head_length, length);
			cr_assert(within(request.path, data, length) && within(request.query, data, length));
			cr_assert(*request.path.data == '/' || *request.path.data == '*');
			for (i = 0; i < GATEWAY_HEADER_COUNT; i++)
				cr_assert(within(request.headers[i], data, length));
			(void)head_cookie(request.headers[GATEWAY_COOKIE], "wtel_session");
			if (request.chunked &&
			    head_chunks(data, length, request.head_length, &from, &to, 100, 100) == 0) {
				chunked++;
				cr_assert(from <= length && to <= from);
			}
		}
		free(data);
	}
	cr_assert_gt(whole, 10000);
	cr_assert_gt(chunked, 1000);
}
