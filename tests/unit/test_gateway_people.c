/* The gateway: what becomes of people's sessions, tokens and events when the platform changes its mind about them. */
#define _GNU_SOURCE
#include <errno.h>

#include "gateway_world.h"

#include "gateway/stream.h"

static struct world world;
static struct answer answer;

static void open_world(void)
{
	world_prepare(&world);
	world_sql(&world, "ALTER TABLE usuarios ADD COLUMN activo BOOLEAN DEFAULT 1");
	world_start(&world);
}

static void close_world(void)
{
	world_close(&world);
}

TestSuite(gateway_people, .init = open_world, .fini = close_world, .timeout = 300);

#define AUDIT "/api/telephony/audit"

/* "Cookie: wtel_session=...\r\n" of a new session. */
static void log_in(char *header, size_t room, const char *name)
{
	char body[128];
	const char *at;

	snprintf(body, sizeof(body), "{\"username\":\"%s\",\"password\":\"correct horse\"}", name);
	cr_assert_eq(ask(&world, &answer, "POST", "/api/telephony/session", "", body), 200, "%s", answer.text);
	at = strstr(answer.text, "wtel_session=");
	cr_assert_not_null(at);
	snprintf(header, room, "Cookie: %.*s\r\n", (int)strcspn(at, ";"), at);
}

/* Within a second or two; a minute on a busy machine. A session is good for hours. */
static void becomes(const char *path, const char *headers, int status)
{
	int64_t began = wtel_time_now().mono;

	while (ask(&world, &answer, "GET", path, headers, NULL) != status) {
		cr_assert_lt(wtel_time_now().mono - began, PATIENCE, "%s", answer.text);
		world_run(&world, 20000);
	}
}

Test(gateway_people, whoever_is_set_inactive_is_refused_soon)
{
	char session[128];

	log_in(session, sizeof(session), "ana");
	cr_assert_eq(ask(&world, &answer, "GET", STATUS, session, NULL), 200);
	cr_assert_eq(ask(&world, &answer, "GET", STATUS, bearer(world.agent), NULL), 200);
	world_sql(&world, "UPDATE usuarios SET activo = 0 WHERE id = 5");
	becomes(STATUS, session, 401);
	becomes(STATUS, bearer(world.agent), 401);
	cr_assert_eq(ask(&world, &answer, "GET", STATUS, bearer(world.admin), NULL), 200);
	world_sql(&world, "UPDATE usuarios SET activo = 1 WHERE id = 5");
	becomes(STATUS, session, 200);
}

Test(gateway_people, a_role_that_changed_counts_soon)
{
	char session[128];

	log_in(session, sizeof(session), "boss");
	cr_assert_eq(ask(&world, &answer, "GET", AUDIT, session, NULL), 200);
	world_sql(&world, "UPDATE usuarios SET role = 'agent' WHERE id = 1");
	becomes(AUDIT, session, 403);
	cr_assert_eq(ask(&world, &answer, "GET", STATUS, session, NULL), 200);
}

/* ---- events ------------------------------------------------------------------ */

static int listen_to(const char *headers, struct answer *heard)
{
	char text[512];
	int fd = client_open(&world), length;
	int64_t end = wtel_time_now().mono + PATIENCE;

	memset(heard, 0, sizeof(*heard));
	length = snprintf(text, sizeof(text),
			  "GET /api/telephony/events HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n%s\r\n",
			  headers);
	client_send(&world, fd, text, (size_t)length);
	while (!strstr(heard->text, "\r\n\r\n") && wtel_time_now().mono < end)
		client_pump(&world, fd, heard);
	cr_assert_eq(strncmp(heard->text, "HTTP/1.1 200", 12), 0, "%s", heard->text);
	return fd;
}

static void publish(enum wtel_notice_type type)
{
	struct wtel_notice notice;

	memset(&notice, 0, sizeof(notice));
	notice.type = type;
	hub_publish(world.gateway->hub, &notice);
}

static bool hears(int fd, struct answer *heard, const char *text)
{
	int64_t end = wtel_time_now().mono + PATIENCE;

	while (!strstr(heard->text, text) && !heard->closed && wtel_time_now().mono < end)
		client_pump(&world, fd, heard);
	return strstr(heard->text, text);
}

Test(gateway_people, events_of_whoever_is_set_inactive_end_soon)
{
	static struct answer boss, ana;
	char session[128];
	int first, second;

	log_in(session, sizeof(session), "boss");
	first = listen_to(session, &boss);
	second = listen_to(bearer(world.agent), &ana);
	world_sql(&world, "UPDATE usuarios SET activo = 0");
	cr_assert(client_closed(&world, first, &boss));
	cr_assert(client_closed(&world, second, &ana));
	close(first);
	close(second);
}

Test(gateway_people, events_are_those_of_the_role_that_one_has_now)
{
	static struct answer boss;
	const struct stream *stream;
	char session[128];
	int64_t end;
	int fd;

	log_in(session, sizeof(session), "boss");
	fd = listen_to(session, &boss);
	publish(WTEL_NOTICE_SECURITY);
	cr_assert(hears(fd, &boss, "event: security\n"));
	world_sql(&world, "UPDATE usuarios SET role = 'agent' WHERE id = 1");
	stream = world.gateway->streams->first;
	for (end = wtel_time_now().mono + PATIENCE; stream->reader.role != WTEL_ROLE_AGENT;) {
		cr_assert_lt(wtel_time_now().mono, end);
		client_pump(&world, fd, &boss);
	}
	boss.length = 0;
	*boss.text = '\0';
	publish(WTEL_NOTICE_SECURITY);
	publish(WTEL_NOTICE_AMI_CONNECTED);
	cr_assert(hears(fd, &boss, "event: ami:connected\n"), "%s", boss.text);
	cr_assert_null(strstr(boss.text, "security"));
	world_sql(&world, "UPDATE usuarios SET role = 'admin' WHERE id = 1");
	for (end = wtel_time_now().mono + PATIENCE; stream->reader.role != WTEL_ROLE_ADMIN;) {
		cr_assert_lt(wtel_time_now().mono, end);
		client_pump(&world, fd, &boss);
	}
	publish(WTEL_NOTICE_SECURITY);
	cr_assert(hears(fd, &boss, "event: security\n"));
	close(fd);
}

/* ---- how many ---------------------------------------------------------------- */

static void few_streams(void)
{
	world_prepare(&world);
	world.options.user_streams = 3;
	world_start(&world);
}

TestSuite(gateway_streams, .init = few_streams, .fini = close_world, .timeout = 300);

#define EVENTS "/api/telephony/events"
#define STREAM "Accept: text/event-stream\r\n"

/* A session and a token of one user count together; another user's, and a token's of nobody, by themselves. */
Test(gateway_streams, a_user_reads_a_few_streams_and_no_more)
{
	static struct answer heard;
	char session[128], headers[256];
	int64_t end = wtel_time_now().mono + PATIENCE;
	int fds[3], i;

	log_in(session, sizeof(session), "ana");
	for (i = 0; i < 3; i++)
		fds[i] = listen_to(i ? session : bearer(world.agent), &heard);
	snprintf(headers, sizeof(headers), STREAM "%s", bearer(world.agent));
	cr_assert_eq(ask(&world, &answer, "GET", EVENTS, headers, NULL), 429);
	cr_assert_not_null(strstr(answer.text, "\r\nRetry-After: 5\r\n"), "%s", answer.text);
	cr_assert_not_null(strstr(answer.body, "this user reads 3 streams of events already"), "%s", answer.body);
	cr_assert_eq(ask(&world, &answer, "GET", STATUS, bearer(world.agent), NULL), 200);
	close(listen_to(bearer(world.admin), &heard));
	close(fds[1]);
	while (ask(&world, &answer, "GET", STATUS, session, NULL) == 200 && world.gateway->streams->count > 2)
		cr_assert_lt(wtel_time_now().mono, end);
	fds[1] = listen_to(session, &heard);
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

Test(gateway_streams, whoever_asks_for_events_without_a_way_is_told_the_ways)
{
	cr_assert_eq(ask(&world, &answer, "GET", EVENTS, bearer(world.admin), NULL), 426);
	cr_assert_not_null(strstr(answer.text, "\r\nUpgrade: websocket\r\n"), "%s", answer.text);
	cr_assert_not_null(strstr(answer.text, "\r\nConnection: Upgrade\r\n"), "%s", answer.text);
}

/* ---- neighbours -------------------------------------------------------------- */

static void low_rate(void)
{
	world_prepare(&world);
	world.options.address_rate = 5;
	world_start(&world);
}

TestSuite(gateway_neighbours, .init = low_rate, .fini = close_world, .timeout = 300);

/* One after the other as long as it is over its rate. */
static int guess(unsigned number)
{
	char secret[WTEL_ACCESS_SECRET_SIZE];

	snprintf(secret, sizeof(secret), "wtel_%043u", number);
	return ask(&world, &answer, "GET", STATUS, bearer(secret), NULL);
}

/* Behind one address: whoever has been here, and whoever logs in, does not suffer for others. */
Test(gateway_neighbours, whoever_guesses_harms_nobody_beside)
{
	int64_t end = wtel_time_now().mono + 2500000;
	unsigned guesses = 0, refused = 0;
	char session[128];

	cr_assert_eq(ask(&world, &answer, "GET", STATUS, bearer(world.admin), NULL), 200);
	while (guess(guesses++) != 429)
		cr_assert_lt(guesses, 100);
	log_in(session, sizeof(session), "ana");
	do {
		int i;

		for (i = 0; i < 20; i++)
			refused += guess(guesses++) == 429;
		cr_assert_eq(ask(&world, &answer, "GET", STATUS, bearer(world.admin), NULL), 200, "%s", answer.text);
		cr_assert_eq(ask(&world, &answer, "GET", STATUS, session, NULL), 200, "%s", answer.text);
	} while (wtel_time_now().mono < end);
	cr_assert_gt(refused, guesses / 4);
}

/* A program that goes on with a token that is no good any more, and a new one beside it. */
Test(gateway_neighbours, one_bad_token_uses_up_no_questions)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	int i, status = 429;

	for (i = 0; guess(7) != 429; i++)
		cr_assert_lt(i, 100);
	/* The bad one is asked about itself now and then: another moment will do. */
	while (status == 429 && wtel_time_now().mono < end) {
		for (i = 0; i < 10; i++)
			(void)guess(7);
		status = ask(&world, &answer, "GET", STATUS, bearer(world.admin), NULL);
	}
	cr_assert_eq(status, 200, "%s", answer.text);
}
