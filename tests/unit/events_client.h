/*
 * A gateway in front of a simulated Asterisk, and clients of its events on bare sockets, all in one thread:
 *
 *   struct house house;
 *   house_open(&house, NULL);
 *   struct reader *reader = house_read(&house, "/api/telephony/events", house.admin, "");
 *   HOUSE_UNTIL(&house, reader->open);
 */
#ifndef TESTS_EVENTS_CLIENT_H
#define TESTS_EVENTS_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wtel/ev.h>
#include <wtel/gateway.h>

#include "service_world.h"

enum { READERS = 8, READER_ROOM = 1 << 20, IDS = 4096 };

struct reader {
	int fd;		/* -1: closed */
	bool websocket; /* or Server-Sent Events */
	bool open;	/* 101 or 200 came */
	bool ended;	/* the other end closed */
	bool asleep;	/* reads nothing */
	int status;	/* of HTTP */
	char head[4096];
	char in[READER_ROOM];
	size_t length;
	size_t count;	     /* events */
	char ids[IDS][48];   /* "" of an overflow */
	char names[IDS][24]; /* "call:new" */
	int64_t agents[IDS]; /* data.call.agentId */
	json_t *last;	     /* the last event */
	char pong[128];	     /* payload of the last one */
	unsigned pongs, pings, comments;
	int close_code; /* of the other end's close frame */
	char close_text[128];
};

struct house {
	struct world world;
	struct ev_loop *loop;
	struct wtel_ev adapter;
	struct wtel_gateway *gateway;
	struct wtel_gateway_options options;
	struct reader *readers[READERS];
	char admin[WTEL_ACCESS_SECRET_SIZE];
	char supervisor[WTEL_ACCESS_SECRET_SIZE];
	char agent[WTEL_ACCESS_SECRET_SIZE]; /* user 5, extension 1001 */
	int64_t agent_id;		     /* of that token */
	int64_t passed;			     /* without the time in which this process stood still */
	bool stopped;
};

/* ---- clients ---------------------------------------------------------- */

static inline void reader_send(struct reader *reader, const void *data, size_t length)
{
	cr_assert_eq(send(reader->fd, data, length, MSG_NOSIGNAL), (ssize_t)length);
}

static inline size_t reader_mask(unsigned char *out, unsigned first, const void *data, size_t length)
{
	static const unsigned char key[4] = {0x12, 0x34, 0x56, 0x78};
	size_t at = 2, i;

	out[0] = (unsigned char)first;
	if (length < 126) {
		out[1] = (unsigned char)(0x80 | length);
	} else {
		out[1] = 0x80 | 126;
		out[2] = (unsigned char)(length >> 8);
		out[3] = (unsigned char)length;
		at = 4;
	}
	memcpy(out + at, key, 4);
	for (i = 0; i < length; i++)
		out[at + 4 + i] = ((const unsigned char *)data)[i] ^ key[i & 3];
	return at + 4 + length;
}

/* One masked frame; `first` is its first byte: 0x81 a text, 0x01 a text's beginning, 0x80 its end. */
static inline void reader_frame(struct reader *reader, unsigned first, const char *text)
{
	size_t length = strlen(text);
	unsigned char *frame = malloc(length + 16);

	reader_send(reader, frame, reader_mask(frame, first, text, length));
	free(frame);
}

static inline void reader_event(struct reader *reader, const char *json, size_t length)
{
	json_t *document = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL), *call;
	const char *id = json_string_value(json_object_get(document, "id"));

	cr_assert(json_is_object(document), "%.*s", (int)length, json);
	reader->count %= IDS;
	snprintf(reader->ids[reader->count], sizeof(reader->ids[0]), "%s", id ? id : "");
	snprintf(reader->names[reader->count], sizeof(reader->names[0]), "%s",
		 json_string_value(json_object_get(document, "event")));
	call = json_object_get(json_object_get(document, "data"), "call");
	reader->agents[reader->count] = json_integer_value(json_object_get(call, "agentId"));
	reader->count++;
	json_decref(reader->last);
	reader->last = document;
}

static inline void reader_take(struct reader *reader, unsigned first, const char *data, size_t length)
{
	switch (first) {
	case 0x81:
		reader_event(reader, data, length);
		break;
	case 0x88:
		reader->close_code = length < 2 ? 1005 : (unsigned char)data[0] << 8 | (unsigned char)data[1];
		snprintf(reader->close_text, sizeof(reader->close_text), "%.*s", length < 2 ? 0 : (int)length - 2,
			 data + 2);
		break;
	case 0x89:
		reader->pings++;
		break;
	case 0x8a:
		reader->pongs++;
		snprintf(reader->pong, sizeof(reader->pong), "%.*s", (int)length, data);
		break;
	default:
		cr_assert_fail("frame %02x", first);
	}
}

/* Gives what it took: one frame, or nothing. */
static inline size_t reader_take_frame(struct reader *reader)
{
	const unsigned char *in = (const unsigned char *)reader->in;
	size_t length, skip = 2, i;

	if (reader->length < 2)
		return 0;
	cr_assert_lt(in[1], 128, "a server masks nothing");
	length = in[1];
	if (length >= 126) {
		skip = length == 126 ? 4 : 10;
		if (reader->length < skip)
			return 0;
		for (length = 0, i = 2; i < skip; i++)
			length = length << 8 | in[i];
	}
	if (reader->length < skip + length)
		return 0;
	reader_take(reader, in[0], reader->in + skip, length);
	return skip + length;
}

/* One event of text/event-stream, or one comment. Its id and name must be those of the JSON. */
static inline size_t reader_take_text(struct reader *reader)
{
	char *end = memmem(reader->in, reader->length, "\n\n", 2), *data, id[48] = "", name[24] = "";

	if (!end)
		return 0;
	*end = '\0';
	if (*reader->in == ':') {
		reader->comments++;
		return (size_t)(end - reader->in) + 2;
	}
	data = strstr(reader->in, "data: ");
	cr_assert_not_null(data, "%s", reader->in);
	reader_event(reader, data + 6, (size_t)(end - data) - 6);
	(void)!sscanf(reader->in, "id: %47s", id);
	(void)!sscanf(strstr(reader->in, "event: "), "event: %23s", name);
	cr_assert_str_eq(id, reader->ids[reader->count - 1]);
	cr_assert_str_eq(name, reader->names[reader->count - 1]);
	return (size_t)(end - reader->in) + 2;
}

static inline void reader_drop(struct reader *reader, size_t length)
{
	reader->length -= length;
	memmove(reader->in, reader->in + length, reader->length);
}

static inline bool reader_head(struct reader *reader)
{
	char *end = memmem(reader->in, reader->length, "\r\n\r\n", 4);

	if (reader->status)
		return reader->open;
	if (!end)
		return false;
	snprintf(reader->head, sizeof(reader->head), "%.*s\r\n", (int)(end - reader->in), reader->in);
	cr_assert_eq(sscanf(reader->head, "HTTP/1.1 %d", &reader->status), 1, "%s", reader->head);
	reader_drop(reader, (size_t)(end - reader->in) + 4);
	reader->open = reader->status == (reader->websocket ? 101 : 200);
	return reader->open;
}

static inline void reader_read(struct reader *reader)
{
	ssize_t got;
	size_t taken;

	if (reader->fd < 0 || reader->asleep)
		return;
	got = recv(reader->fd, reader->in + reader->length, READER_ROOM - reader->length, MSG_DONTWAIT);
	if (!got || (got < 0 && errno != EAGAIN))
		reader->ended = true;
	if (got > 0)
		reader->length += (size_t)got;
	if (!reader_head(reader))
		return;
	while ((taken = reader->websocket ? reader_take_frame(reader) : reader_take_text(reader)))
		reader_drop(reader, taken);
}

/* ---- the house -------------------------------------------------------- */

static inline void house_turn(struct house *house)
{
	int64_t before = wtel_time_now().mono;
	size_t i;

	world_turn(&house->world, 1);
	ev_run(house->loop, EVRUN_NOWAIT);
	for (i = 0; i < READERS; i++)
		if (house->readers[i])
			reader_read(house->readers[i]);
	house->passed += world_passed(before, 1);
}

#define HOUSE_UNTIL_MS(house, ms, condition)                                                                           \
	do {                                                                                                           \
		int64_t until_ = wtel_time_now().mono + (int64_t)(ms)*1000;                                            \
		bool met_ = false;                                                                                     \
		while (!(met_ = (condition)) && wtel_time_now().mono < until_)                                         \
			house_turn(house);                                                                             \
		cr_assert(met_, "%s\nlog:\n%s", #condition, (house)->world.log);                                       \
	} while (0)
#define HOUSE_UNTIL(house, condition) HOUSE_UNTIL_MS(house, 60000, condition)

static inline void house_run(struct house *house, int64_t milliseconds)
{
	int64_t until = house->passed + milliseconds * 1000;

	while (house->passed < until)
		house_turn(house);
}

static inline int64_t house_token(struct house *house, char *secret, enum wtel_role role, int64_t user_id,
				  int64_t expires_at)
{
	struct wtel_grant grant = {0, WTEL_GRANT_TOKEN, user_id, role, "test", 0, expires_at, 0, 0};
	struct wtel_grant_list *list;
	int64_t id;

	cr_assert_eq(wtel_store_token_create(house->world.store, &list, secret, &grant), 0, "%s",
		     wtel_store_error(house->world.store)->text);
	id = list->grants[0].id;
	wtel_grant_list_free(list);
	return id;
}

static inline void house_account(struct house *house, int64_t user)
{
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_peer_list *list;

	cr_assert_eq(wtel_store_peer_create(house->world.store, &list, secret, user, wtel_slice_of("John"),
					    wtel_slice_of("Doe")),
		     0, "%s", wtel_store_error(house->world.store)->text);
	wtel_peer_list_free(list);
}

/* `change` (may be NULL) sets options before the gateway starts. */
static inline void house_open(struct house *house, void (*change)(struct house *house))
{
	struct wtel_gateway_options options = WTEL_GATEWAY_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};

	memset(house, 0, sizeof(*house));
	world_open(&house->world);
	house_token(house, house->admin, WTEL_ROLE_ADMIN, 1, 0);
	house_token(house, house->supervisor, WTEL_ROLE_SUPERVISOR, 2, 0);
	house->agent_id = house_token(house, house->agent, WTEL_ROLE_AGENT, 5, 0);
	house_account(house, 5);
	house->loop = ev_loop_new(EVFLAG_AUTO);
	wtel_ev_start(&house->adapter, house->loop, house->world.service);
	house->options = options;
	house->options.service = house->world.service;
	house->options.port = 0;
	house->options.log = world_log;
	house->options.log_user = &house->world;
	if (change)
		change(house);
	cr_assert_eq(wtel_gateway_new(&house->gateway, house->loop, &house->options, &detail), 0, "%s: %s",
		     detail.field, detail.text);
	HOUSE_UNTIL(house, world_stats(&house->world).synchronised);
}

static inline void house_leave(struct house *house, struct reader *reader)
{
	size_t i;

	for (i = 0; i < READERS; i++)
		if (house->readers[i] == reader)
			house->readers[i] = NULL;
	close(reader->fd);
	json_decref(reader->last);
	free(reader);
}

static inline void house_close(struct house *house)
{
	size_t i;

	wtel_gateway_free(house->gateway);
	for (i = 0; i < READERS; i++)
		if (house->readers[i])
			house_leave(house, house->readers[i]);
	wtel_ev_stop(&house->adapter);
	world_close(&house->world);
	ev_loop_destroy(house->loop);
}

/* A connection, and what is sent on it first. */
static inline struct reader *house_connect(struct house *house, bool websocket, const char *request)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	struct sockaddr_in address = {.sin_family = AF_INET};
	size_t i;

	address.sin_port = htons((uint16_t)wtel_gateway_port(house->gateway));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	reader->websocket = websocket;
	reader->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(reader->fd, (struct sockaddr *)&address, sizeof(address)), 0, "%s", strerror(errno));
	for (i = 0; i < READERS && house->readers[i]; i++)
		;
	cr_assert_lt(i, READERS);
	house->readers[i] = reader;
	reader_send(reader, request, strlen(request));
	return reader;
}

#define WEBSOCKET_HEAD                                                                                                 \
	"Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"                                 \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

/* A WebSocket: `query` is "" or "?lastEventId=..."; `secret` NULL: without. */
static inline struct reader *house_read(struct house *house, const char *query, const char *secret)
{
	char request[1024];

	snprintf(request, sizeof(request), "GET /api/telephony/events%s HTTP/1.1\r\n" WEBSOCKET_HEAD "%s%s%s\r\n",
		 query, secret ? "Authorization: Bearer " : "", secret ? secret : "", secret ? "\r\n" : "");
	return house_connect(house, true, request);
}

/* Server-Sent Events; `header` is "" or "Last-Event-ID: ...\r\n". */
static inline struct reader *house_stream(struct house *house, const char *header, const char *secret)
{
	char request[1024];

	snprintf(request, sizeof(request),
		 "GET /api/telephony/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
		 "Authorization: Bearer %s\r\n%s\r\n",
		 secret, header);
	return house_connect(house, false, request);
}

/* Opened, and heard by the hub: whatever happens from here on it hears. */
static inline struct reader *house_ready(struct house *house, struct reader *reader)
{
	HOUSE_UNTIL(house, reader->status);
	cr_assert(reader->open, "%s", reader->head);
	house_run(house, 60);
	return reader;
}

static inline void house_call(struct house *house, const char *extension, int64_t agent_id)
{
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	unsigned done = house->world.done;

	request.extension = extension;
	request.number = "+34600000001";
	request.agent_id = agent_id;
	cr_assert_eq(wtel_service_originate(house->world.service, NULL, &request, world_originated, &house->world), 0);
	HOUSE_UNTIL(house, house->world.done > done);
	cr_assert_eq(house->world.done_code, 0, "%s", house->world.done_text);
}

/* Until nothing is active any more. */
static inline void house_calls_end(struct house *house)
{
	HOUSE_UNTIL(house, !world_stats(&house->world).active_calls);
	house_run(house, 60);
}

#endif
