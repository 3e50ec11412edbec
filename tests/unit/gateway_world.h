/* A gateway on 127.0.0.1 with SQLite and without Asterisk, and clients on bare sockets, all on one loop. */
#ifndef TESTS_GATEWAY_WORLD_H
#define TESTS_GATEWAY_WORLD_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wtel/ev.h>
#include <wtel/gateway.h>
#include <wtel/peer.h>

#include "gateway/gateway.h"

#define SECOND INT64_C(1000000)

struct world {
	struct ev_loop *loop;
	struct wtel_store *store;
	struct wtel_service *service;
	struct wtel_ev adapter;
	struct wtel_gateway *gateway;
	struct wtel_gateway_options options;
	char path[64];
	char admin[WTEL_ACCESS_SECRET_SIZE], agent[WTEL_ACCESS_SECRET_SIZE];
	int64_t admin_id;
	char log[65536]; /* access lines */
	size_t log_length;
};

/* An answer as it came. */
struct answer {
	char text[262144];
	size_t length;
	int status;
	char *body;
	bool closed;
};

static inline void world_log(enum wtel_log_level level, const char *text, void *user)
{
	struct world *world = user;
	size_t length = strlen(text);

	(void)level;
	if (world->log_length + length + 2 > sizeof(world->log))
		world->log_length = 0;
	memcpy(world->log + world->log_length, text, length);
	world->log_length += length;
	world->log[world->log_length++] = '\n';
	world->log[world->log_length] = '\0';
}

static inline void world_sql(const struct world *world, const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(world->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* "ana", agent 5, and "boss", admin 1, both with the password "correct horse". */
static inline void world_people(const struct world *world)
{
	char hash[WTEL_PEER_HASH_SIZE], sql[512];

	cr_assert_eq(wtel_peer_hash(hash, "correct horse", 4), 0);
	snprintf(sql, sizeof(sql),
		 "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, email TEXT, password TEXT, role TEXT);"
		 "INSERT INTO usuarios VALUES (1, 'boss', '%s', 'admin'), (5, 'ana', '%s', 'agent')",
		 hash, hash);
	world_sql(world, sql);
}

static inline int64_t world_token(struct world *world, char *secret, enum wtel_role role, int64_t user_id)
{
	struct wtel_grant token = {.name = "test", .role = role, .user_id = user_id};
	struct wtel_grant_list *list;
	int64_t id;

	cr_assert_eq(wtel_store_token_create(world->store, &list, secret, &token), 0);
	id = list->grants[0].id;
	wtel_grant_list_free(list);
	return id;
}

/* Everything but the gateway, whose options may be changed yet. */
static inline void world_prepare(struct world *world)
{
	struct wtel_store_options store = WTEL_STORE_OPTIONS_INIT;
	struct wtel_service_options service = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_gateway_options options = WTEL_GATEWAY_OPTIONS_INIT;
	/* Nobody listens there. */
	struct wtel_ami_host nowhere = {.host = "127.0.0.1", .port = 1, .username = "u", .secret = "s"};
	struct wtel_detail detail;
	char url[80];
	int fd;

	memset(world, 0, sizeof(*world));
	snprintf(world->path, sizeof(world->path), "/tmp/wtel-gateway-XXXXXX");
	fd = mkstemp(world->path);
	cr_assert_geq(fd, 0);
	close(fd);
	world_people(world);
	snprintf(url, sizeof(url), "sqlite:%s", world->path);
	store.url = url;
	cr_assert_eq(wtel_store_open(&world->store, &store, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
	world->admin_id = world_token(world, world->admin, WTEL_ROLE_ADMIN, 0);
	world_token(world, world->agent, WTEL_ROLE_AGENT, 5);
	service.store = world->store;
	service.hosts = &nowhere;
	service.host_count = 1;
	cr_assert_eq(wtel_service_new(&world->service, &service, NULL, &detail), 0, "%s", detail.text);
	world->loop = ev_loop_new(EVFLAG_AUTO);
	wtel_ev_start(&world->adapter, world->loop, world->service);
	world->options = options;
	world->options.service = world->service;
	world->options.port = 0;
	world->options.access = world_log;
	world->options.log_user = world;
}

static inline void world_start(struct world *world)
{
	struct wtel_detail detail = {"", ""};

	cr_assert_eq(wtel_gateway_new(&world->gateway, world->loop, &world->options, &detail), 0, "%s: %s",
		     detail.field, detail.text);
	cr_assert_gt(wtel_gateway_port(world->gateway), 0);
}

static inline void world_open(struct world *world)
{
	world_prepare(world);
	world_start(world);
}

static inline void world_close(struct world *world)
{
	char path[80];

	wtel_gateway_free(world->gateway);
	wtel_ev_stop(&world->adapter);
	wtel_service_free(world->service);
	wtel_store_close(world->store);
	ev_loop_destroy(world->loop);
	unlink(world->path);
	snprintf(path, sizeof(path), "%s-wal", world->path);
	unlink(path);
	snprintf(path, sizeof(path), "%s-shm", world->path);
	unlink(path);
}

/* How long a client waits for what is to come: nobody waits for so long unless it never comes. */
#define PATIENCE (60 * SECOND)

/* One turn, which waits a millisecond at most. */
static inline void world_wake(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)timer;
	(void)events;
}

static inline void world_turn(struct world *world)
{
	ev_timer timer;

	ev_timer_init(&timer, world_wake, 0.001, 0);
	ev_timer_start(world->loop, &timer);
	ev_run(world->loop, EVRUN_ONCE);
	ev_timer_stop(world->loop, &timer);
}

static inline void world_run(struct world *world, int64_t microseconds)
{
	int64_t before = wtel_time_now().mono, now, took;

	/* A turn counts a millisecond at most: while the process was stopped, nothing could happen in it. */
	for (; microseconds > 0; microseconds -= took < 1000 ? took : 1000, before = now) {
		world_turn(world);
		now = wtel_time_now().mono;
		took = now - before;
	}
}

/* ---- clients ------------------------------------------------------------ */

static inline int client_open(const struct world *world)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)wtel_gateway_port(world->gateway)),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	cr_assert_geq(fd, 0);
	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static inline void client_send(struct world *world, int fd, const char *data, size_t length)
{
	int64_t end = wtel_time_now().mono + PATIENCE;

	while (length && wtel_time_now().mono < end) {
		ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);

		if (sent < 0)
			world_turn(world);
		if (sent < 0 && errno != EAGAIN)
			return;
		data += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
	}
}

/* Whether a whole answer stands at its begin; sets status and body. */
static inline size_t answer_whole(struct answer *answer, bool head)
{
	const char *end = strstr(answer->text, "\r\n\r\n"), *field;
	size_t length = 0;

	if (!end)
		return 0;
	answer->status = atoi(answer->text + 9);
	answer->body = answer->text + (end - answer->text) + 4;
	if (answer->status == 100 || answer->status == 204 || head)
		return (size_t)(answer->body - answer->text);
	field = strcasestr(answer->text, "\r\nContent-Length:");
	if (field && field < end)
		length = strtoul(field + 17, NULL, 10);
	length += (size_t)(answer->body - answer->text);
	return length <= answer->length ? length : 0;
}

static inline void client_pump(struct world *world, int fd, struct answer *answer)
{
	ssize_t got;

	world_turn(world);
	got = recv(fd, answer->text + answer->length, sizeof(answer->text) - 1 - answer->length, 0);
	if (got > 0)
		answer->length += (size_t)got;
	if (got == 0 || (got < 0 && errno != EAGAIN))
		answer->closed = true;
	answer->text[answer->length] = '\0';
}

/* One answer; what comes behind it stays for the next. */
static inline int client_receive(struct world *world, int fd, struct answer *answer, bool head)
{
	int64_t end = wtel_time_now().mono + PATIENCE;

	answer->status = 0;
	while (!answer_whole(answer, head) && !answer->closed && wtel_time_now().mono < end)
		client_pump(world, fd, answer);
	return answer_whole(answer, head) ? answer->status : 0;
}

static inline void answer_drop(struct answer *answer, bool head)
{
	size_t length = answer_whole(answer, head);

	answer->length -= length;
	memmove(answer->text, answer->text + length, answer->length + 1);
}

static inline bool client_closed(struct world *world, int fd, struct answer *answer)
{
	int64_t end = wtel_time_now().mono + PATIENCE;

	while (!answer->closed && wtel_time_now().mono < end)
		client_pump(world, fd, answer);
	return answer->closed;
}

/* A request on a connection of its own; its status. */
static inline int ask_raw(struct world *world, struct answer *answer, const char *data, size_t length)
{
	int fd = client_open(world), status;

	memset(answer, 0, sizeof(*answer));
	client_send(world, fd, data, length);
	status = client_receive(world, fd, answer, strncmp(data, "HEAD", 4) == 0);
	close(fd);
	return status;
}

/* `headers`: lines, each with its CRLF; `body` NULL: none. */
static inline int ask(struct world *world, struct answer *answer, const char *method, const char *path,
		      const char *headers, const char *body)
{
	static char text[32768];
	int length = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: test\r\n%s", method, path, headers);

	if (body)
		length +=
			snprintf(text + length, sizeof(text) - (size_t)length,
				 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
	else
		length += snprintf(text + length, sizeof(text) - (size_t)length, "\r\n");
	return ask_raw(world, answer, text, (size_t)length);
}

static inline const char *bearer(const char *secret)
{
	static char header[128];

	snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", secret);
	return header;
}

#define STATUS "/api/telephony/status"

#endif
