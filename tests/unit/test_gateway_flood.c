/* Clients of HTTP/2 that mean harm: each costs little, is ended with GOAWAY, and nobody else notices. */
#define _GNU_SOURCE
#include <errno.h>

#include "http2_client.h"

#include "gateway/http2_stream.h"
#include "gateway/stream.h"

static struct world world;
static struct h2_raw raw;

static void open_world(void)
{
	world_prepare(&world);
	world.options.user_rate = world.options.address_rate = 0;
	world_start(&world);
	h2_raw_open(&raw, &world);
}

static void prepare(void)
{
	world_prepare(&world);
}

/* Another is served all the time, and after it. */
static void close_world(void)
{
	struct h2_client *client;
	int status;

	/* And is not the subject. */
	world.gateway->options.request_timeout = world.gateway->options.idle_timeout = PATIENCE;
	client = h2_open(&world);
	status = h2_get(client, STATUS, h2_bearer(world.admin));
	cr_assert_eq(status, 200, "%d %d", status, client->closed);
	h2_close(client);
	world_close(&world);
}

TestSuite(gateway_flood, .init = open_world, .fini = close_world, .timeout = 300);
TestSuite(gateway_patience, .init = prepare, .fini = close_world, .timeout = 300);

#define MANY 100000

/* Whether it is still listened to, looked at now and then. */
static bool heard(uint32_t said)
{
	const struct gateway_connection *first;

	if (said % 64 == 1)
		world_turn(&world);
	first = world.gateway->first;
	return said < 64 || (first && (!first->http2 || !first->http2->drains));
}

/* Until the gateway has had enough: GOAWAY with that error. */
static void flood(unsigned type, unsigned flags, uint32_t id, const char *data, size_t length, uint32_t error)
{
	uint32_t i;

	for (i = 0; i < MANY && heard(i); i++)
		h2_raw_say(&raw, type, flags, id, data, length);
	cr_assert_lt(i, MANY, "it never had enough");
	cr_assert_eq(h2_raw_end(&raw), (int64_t)error);
}

Test(gateway_flood, of_pings)
{
	flood(NGHTTP2_PING, 0, 0, "01234567", 8, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(gateway_flood, of_settings)
{
	flood(NGHTTP2_SETTINGS, 0, 0, "\0\x04\0\0\xff\xff", 6, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(gateway_flood, of_priorities)
{
	flood(NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\x10", 5, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(gateway_flood, of_windows)
{
	flood(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4, NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(gateway_flood, of_empty_data)
{
	char head[128];
	size_t length = h2_raw_head(head, "/healthz", NULL);

	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, head, length);
	flood(NGHTTP2_DATA, 0, 1, "", 0, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* The block never ends. */
Test(gateway_flood, of_continuations)
{
	char head[128];
	uint32_t i;
	size_t length = h2_raw_head(head, "/healthz", NULL);

	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, head, length);
	for (i = 0; i < MANY && heard(i); i++)
		h2_raw_say(&raw, NGHTTP2_CONTINUATION, 0, 1, "", 0);
	cr_assert_lt(i, MANY);
	/* nghttp2 may have had enough before us, and then says nothing. */
	(void)h2_raw_end(&raw);
	cr_assert(raw.answer.closed);
}

/* A request is given up as soon as it is asked. */
Test(gateway_flood, of_resets)
{
	char head[128];
	size_t length = h2_raw_head(head, "/api/telephony/calls/history", world.admin);
	uint32_t id = 1;

	for (; id < MANY && heard(id); id += 2) {
		h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id, head, length);
		h2_raw_say(&raw, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\x08", 4);
	}
	cr_assert_lt(id, MANY);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_ENHANCE_YOUR_CALM);
}

/* As behind a proxy: for each that is given up another is answered. */
Test(gateway_flood, is_none_where_answers_are_taken)
{
	struct h2_client *client = h2_open(&world);
	int i;

	close(raw.fd);
	for (i = 0; i < 500; i++) {
		int32_t id = h2_ask(client, "GET", "/api/telephony/calls/history", h2_bearer(world.admin), NULL);

		cr_assert_eq(nghttp2_submit_rst_stream(client->session, 0, id, NGHTTP2_CANCEL), 0);
		cr_assert_eq(h2_get(client, "/healthz", ""), 200, "%d", i);
		h2_forget(client);
	}
	cr_assert_not(client->went);
	h2_close(client);
}

/* The same, but the gateway is made to reset: a window of 0 octets is opened by 0. */
Test(gateway_flood, of_resets_that_are_provoked)
{
	char head[128];
	size_t length = h2_raw_head(head, "/api/telephony/x", world.admin);
	uint32_t id = 1;

	for (; id < MANY && heard(id); id += 2) {
		h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head, length);
		h2_raw_say(&raw, NGHTTP2_WINDOW_UPDATE, 0, id, "\0\0\0\0", 4);
	}
	cr_assert_lt(id, MANY);
	(void)h2_raw_end(&raw);
	cr_assert(raw.answer.closed);
}

/* 4 000 octets that are named once and repeated by one octet each: 16 KiB of it would be 64 MB. */
Test(gateway_flood, of_a_few_octets_that_become_many)
{
	static char head[16384], value[4000];
	size_t length = h2_raw_head(head, "/healthz", NULL), most = sizeof(head);

	memset(value, 'a', sizeof(value));
	/* literal with indexing, "x-b", a length of 4 000 = 127 + 3873 */
	memcpy(head + length, "\x40\x03x-b\x7f\xa1\x1e", 8);
	length += 8;
	memcpy(head + length, value, sizeof(value));
	length += sizeof(value);
	memset(head + length, '\xbe', most - length);
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, head, most);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A hundred may be open at once; whoever was told so and opens more is ended. */
Test(gateway_flood, of_streams)
{
	char head[128];
	size_t length = h2_raw_head(head, "/healthz", NULL);
	uint32_t id;

	world_run(&world, 20000);
	h2_raw_say(&raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
	for (id = 1; id < 2 * HTTP2_STREAMS_MAX; id += 2)
		h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head, length);
	while (!world.gateway->first->http2 || world.gateway->first->http2->open < HTTP2_STREAMS_MAX)
		world_turn(&world);
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head, length);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_PROTOCOL_ERROR);
}

/* Before that is known to it, it may try again: each one more is refused, and these are counted. */
Test(gateway_flood, of_streams_that_are_refused)
{
	char head[128];
	size_t length = h2_raw_head(head, "/healthz", NULL);
	uint32_t id;

	for (id = 1; id < MANY && heard(id); id += 2) {
		h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, head, length);
		if (world.gateway->first && world.gateway->first->http2)
			cr_assert_leq(world.gateway->first->http2->open, HTTP2_STREAMS_MAX);
	}
	cr_assert_lt(id, MANY);
	(void)h2_raw_end(&raw);
	cr_assert(raw.answer.closed);
}

Test(gateway_flood, of_what_is_no_frame)
{
	flood(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 0, "", 0, NGHTTP2_PROTOCOL_ERROR);
}

Test(gateway_flood, of_frames_too_long)
{
	static char data[20000];

	h2_raw_say(&raw, NGHTTP2_DATA, 0, 1, data, sizeof(data));
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_FRAME_SIZE_ERROR);
}

Test(gateway_flood, of_a_table_that_does_not_exist)
{
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xff\xff\xff\xff\x0f", 5);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_COMPRESSION_ERROR);
}

/* ---- whoever does not go on ------------------------------------------------------------ */

static void impatient(void)
{
	world.options.request_timeout = world.options.idle_timeout = SECOND;
	world_start(&world);
	h2_raw_open(&raw, &world);
}

/* For what it asks, and not for what it does not. */
static void impatient_at_work(void)
{
	world.options.request_timeout = SECOND;
	world_start(&world);
	h2_raw_open(&raw, &world);
}

Test(gateway_patience, ends_with_a_head_that_is_not_finished)
{
	char head[128];
	size_t length = h2_raw_head(head, "/healthz", NULL);

	impatient_at_work();
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, head, length);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(gateway_patience, ends_with_a_connection_that_asks_nothing)
{
	impatient();
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_NO_ERROR);
}

Test(gateway_patience, ends_with_half_a_frame)
{
	impatient_at_work();
	client_send(&world, raw.fd, "\0\0\x20\1", 4);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_ENHANCE_YOUR_CALM);
}

Test(gateway_patience, ends_with_a_ping_that_is_not_finished)
{
	impatient_at_work();
	h2_raw_say(&raw, NGHTTP2_PING, 0, 0, "01234567", 8);
	client_send(&world, raw.fd, "\0\0\x08\6\0\0\0\0\0abc", 12);
	cr_assert_eq(h2_raw_end(&raw), NGHTTP2_ENHANCE_YOUR_CALM);
}

/* What was refused, in one frame or in several, is over. */
Test(gateway_patience, has_no_end_for_whoever_was_refused)
{
	char head[128];
	size_t length = h2_raw_head(head, "/healthz", NULL);
	struct h2_client *client;

	impatient_at_work();
	client = h2_open(&world);
	/* Reset: once in a frame of its own, once in two; and trailers of what is closed. */
	memcpy(head + length,
	       "\x40\x0a"
	       "connection\x01x",
	       14);
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, head, length + 14);
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 3, head, length + 14);
	h2_raw_say(&raw, NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 3, "\x40\x01x\x01y", 5);
	h2_raw_say(&raw, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3, "\x40\x01x\x01y", 5);
	cr_assert_eq(h2_get(client, "/healthz", "connection: close\n"), 0);
	world_run(&world, 2 * SECOND);
	cr_assert_eq(world.gateway->connections, 2u);
	cr_assert_eq(h2_get(client, "/healthz", ""), 200);
	cr_assert_not(client->went);
	close(raw.fd);
	h2_close(client);
}

/* A client that sends all the time, and whose octets come as they like, is always in the middle of something. */
Test(gateway_patience, has_no_end_for_whoever_goes_on)
{
	static const char frames[] = "\0\0\x08\6\0\0\0\0\0"
				     "01234567"
				     "\0\0\x08\6\0\0\0\0\0"
				     "01234567";
	int64_t end = wtel_time_now().mono + 2 * SECOND, before = wtel_time_now().mono;

	impatient_at_work();
	client_send(&world, raw.fd, frames, 3);
	while (wtel_time_now().mono < end) {
		client_send(&world, raw.fd, frames + 3, 17);
		world_run(&world, 20000);
		/* Whoever stood still himself did not go on. */
		if (wtel_time_now().mono - before > SECOND / 2) {
			close(raw.fd);
			h2_raw_open(&raw, &world);
			client_send(&world, raw.fd, frames, 3);
			end = wtel_time_now().mono + 2 * SECOND;
		}
		before = wtel_time_now().mono;
	}
	cr_assert_eq(world.gateway->connections, 1u);
	cr_assert_not(world.gateway->first->http2->drains);
	close(raw.fd);
}

Test(gateway_patience, tells_whoever_does_not_send_his_body)
{
	struct h2_client *client;
	char fields[256];
	int32_t id;

	impatient();
	close(raw.fd);
	client = h2_open(&world);
	client->send_held = true;
	snprintf(fields, sizeof(fields), "%scontent-type: application/json\n", h2_bearer(world.admin));
	id = h2_ask(client, "POST", "/api/telephony/trunks", fields, "{}");
	cr_assert_eq(h2_until(client, id)->status, 408);
	h2_close(client);
}

/* A long answer whose window is never opened. */
Test(gateway_patience, ends_with_whoever_does_not_read)
{
	struct h2_client *client;
	nghttp2_settings_entry none = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
	int32_t ids[50];
	int i;

	impatient();
	close(raw.fd);
	client = h2_open(&world);
	cr_assert_eq(nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, &none, 1), 0);
	for (i = 0; i < 50; i++)
		ids[i] = h2_ask(client, "GET", STATUS, h2_bearer(world.admin), NULL);
	for (i = 0; i < 50; i++) {
		struct h2_answer *answer = h2_until(client, ids[i]);

		cr_assert_eq(answer->status, 200);
		cr_assert_eq(answer->length, 0u);
		cr_assert_eq(answer->error, NGHTTP2_CANCEL);
	}
	cr_assert(!world.gateway->first || world.gateway->first->http2->unsent == 0);
	h2_close(client);
}

/* Events that are not read: that stream is cut off, and the others of its connection go on. */
Test(gateway_patience, ends_with_whoever_does_not_read_events)
{
	static const struct wtel_notice notice = {WTEL_NOTICE_TRUNK_UP, 1, NULL, 1, "main", "", "", 0};
	int64_t end = wtel_time_now().mono + PATIENCE;
	struct h2_client *client;
	char fields[256];
	int32_t id;

	world.options.max_unsent = 65536;
	world_start(&world);
	world.gateway->streams->close_within = 200000;
	client = h2_open(&world);
	client->thirsty = false;
	snprintf(fields, sizeof(fields), "%saccept: text/event-stream\n", h2_bearer(world.admin));
	id = h2_ask(client, "GET", "/api/telephony/events", fields, NULL);
	while (h2_of(client, id)->length < 3 && wtel_time_now().mono < end)
		h2_turn(client);
	while (!h2_of(client, id)->ended && wtel_time_now().mono < end) {
		hub_publish(world.gateway->hub, &notice);
		h2_turn(client);
	}
	cr_assert_eq(h2_of(client, id)->error, NGHTTP2_CANCEL);
	cr_assert_lt(h2_of(client, id)->length, 70000u);
	cr_assert_eq(world.gateway->first->http2->unsent, 0u);
	client->thirsty = true;
	cr_assert_eq(nghttp2_session_consume_connection(client->session, h2_of(client, id)->length), 0);
	cr_assert_eq(h2_get(client, STATUS, h2_bearer(world.admin)), 200);
	h2_close(client);
}
