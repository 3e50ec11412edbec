/* Clients of HTTP/2 on a world's loop: nghttp2's, and one that says whatever octets it likes. */
#ifndef TESTS_HTTP2_CLIENT_H
#define TESTS_HTTP2_CLIENT_H

#include <nghttp2/nghttp2.h>

#include "gateway_world.h"

enum { H2_ANSWERS = 256 };

struct h2_answer {
	int32_t id; /* 0: free */
	int status;
	char *body;
	size_t length;
	char cookie[256];
	char allow[64];
	bool continued; /* 100 came */
	bool ended;
	uint32_t error;
};

struct h2_client {
	struct world *world;
	nghttp2_session *session;
	int fd;
	bool closed;
	bool went; /* GOAWAY came, */
	uint32_t went_error;
	bool thirsty; /* its windows are opened again as it reads; else never */
	struct h2_answer answers[H2_ANSWERS];
	const char *send; /* the body that the next request sends, */
	size_t send_length;
	size_t send_at_once;
	bool send_held; /* and whether it does not send it yet */
};

static inline struct h2_answer *h2_of(struct h2_client *client, int32_t id)
{
	struct h2_answer *free_one = NULL;
	int i;

	for (i = 0; i < H2_ANSWERS; i++) {
		if (client->answers[i].id == id)
			return &client->answers[i];
		if (!client->answers[i].id && !free_one)
			free_one = &client->answers[i];
	}
	cr_assert_not_null(free_one);
	free_one->id = id;
	return free_one;
}

static inline int h2_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
			   size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags, void *user)
{
	struct h2_answer *answer = h2_of(user, frame->hd.stream_id);

	(void)session;
	(void)flags;
	(void)name_length;
	if (strcmp((const char *)name, ":status") == 0 && strcmp((const char *)value, "100") == 0)
		answer->continued = true;
	else if (strcmp((const char *)name, ":status") == 0)
		answer->status = (int)strtol((const char *)value, NULL, 10);
	else if (strcmp((const char *)name, "set-cookie") == 0)
		snprintf(answer->cookie, sizeof(answer->cookie), "%.*s", (int)strcspn((const char *)value, ";"), value);
	else if (strcmp((const char *)name, "allow") == 0)
		snprintf(answer->allow, sizeof(answer->allow), "%.*s", (int)value_length, value);
	return 0;
}

static inline int h2_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t length,
			  void *user)
{
	struct h2_client *client = user;
	struct h2_answer *answer = h2_of(client, id);

	(void)flags;
	answer->body = realloc(answer->body, answer->length + length + 1);
	memcpy(answer->body + answer->length, data, length);
	answer->length += length;
	answer->body[answer->length] = '\0';
	if (client->thirsty)
		cr_assert_eq(nghttp2_session_consume(session, id, length), 0);
	return 0;
}

static inline int h2_closed(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
	struct h2_answer *answer = h2_of(user, id);

	(void)session;
	answer->ended = true;
	answer->error = error;
	return 0;
}

static inline int h2_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct h2_client *client = user;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->went = true;
		client->went_error = frame->goaway.error_code;
	}
	return 0;
}

static inline struct h2_client *h2_open(struct world *world)
{
	struct h2_client *client = calloc(1, sizeof(*client));
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;

	client->world = world;
	client->thirsty = true;
	client->fd = client_open(world);
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_field);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_closed);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_frame);
	nghttp2_option_new(&option);
	nghttp2_option_set_no_auto_window_update(option, 1);
	/* What is wrong is to reach the gateway. */
	nghttp2_option_set_no_http_messaging(option, 1);
	cr_assert_eq(nghttp2_session_client_new2(&client->session, callbacks, client, option), 0);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	cr_assert_eq(nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
	return client;
}

/* There is room for so many answers. */
static inline void h2_forget(struct h2_client *client)
{
	int i;

	for (i = 0; i < H2_ANSWERS; i++)
		free(client->answers[i].body);
	memset(client->answers, 0, sizeof(client->answers));
}

static inline void h2_close(struct h2_client *client)
{
	h2_forget(client);
	nghttp2_session_del(client->session);
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

static inline void h2_flush(struct h2_client *client)
{
	const uint8_t *data;
	ssize_t length;

	while ((length = nghttp2_session_mem_send(client->session, &data)) > 0)
		client_send(client->world, client->fd, (const char *)data, (size_t)length);
}

/* One turn of everything. */
static inline void h2_turn(struct h2_client *client)
{
	static uint8_t data[65536];
	ssize_t got;

	h2_flush(client);
	world_turn(client->world);
	got = recv(client->fd, data, sizeof(data), 0);
	if (got > 0)
		cr_assert_geq(nghttp2_session_mem_recv(client->session, data, (size_t)got), 0);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		client->closed = true;
}

static inline ssize_t h2_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t length, uint32_t *flags,
			      nghttp2_data_source *source, void *user)
{
	struct h2_client *client = user;

	(void)session;
	(void)id;
	(void)source;
	if (client->send_held)
		return NGHTTP2_ERR_DEFERRED;
	if (client->send_at_once && length > client->send_at_once)
		length = client->send_at_once;
	if (length > client->send_length)
		length = client->send_length;
	memcpy(to, client->send, length);
	client->send += length;
	client->send_length -= length;
	if (!client->send_length)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)length;
}

/* `fields`: "name: value\n..." beside the four that all have; one that names one of these replaces it, and leaves it
 * out where it has no value. `body` NULL: none. */
static inline int32_t h2_ask(struct h2_client *client, const char *method, const char *path, const char *fields,
			     const char *body)
{
	static char text[131072];
	nghttp2_nv all[512] = {
		{(uint8_t *)":method", (uint8_t *)method, 7, strlen(method), 0},
		{(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0},
		{(uint8_t *)":authority", (uint8_t *)"test", 10, 4, 0},
		{(uint8_t *)":path", (uint8_t *)path, 5, strlen(path), 0},
	};
	nghttp2_data_provider provider = {.read_callback = h2_body};
	size_t count = 4, i, left;
	char *at = text, *end;
	int32_t id;

	snprintf(text, sizeof(text), "%s", fields ? fields : "");
	for (; (end = strchr(at, '\n')); at = end + 1) {
		char *colon = strstr(at, ": ");
		nghttp2_nv one = {(uint8_t *)at, (uint8_t *)colon + 2, (size_t)(colon - at), (size_t)(end - colon) - 2,
				  0};

		for (i = 0; i < 4; i++)
			if (all[i].namelen == one.namelen && memcmp(all[i].name, one.name, one.namelen) == 0)
				break;
		if (i == 4)
			i = count++;
		cr_assert_lt(count, 512);
		all[i] = one;
	}
	for (i = left = 0; i < count; i++)
		if (i >= 4 || all[i].valuelen)
			all[left++] = all[i];
	client->send = body;
	client->send_length = body ? strlen(body) : 0;
	id = nghttp2_submit_request(client->session, NULL, all, left, body ? &provider : NULL, NULL);
	cr_assert_gt(id, 0);
	(void)h2_of(client, id);
	h2_flush(client);
	return id;
}

/* Until it is over, or the connection. */
static inline struct h2_answer *h2_until(struct h2_client *client, int32_t id)
{
	int64_t end = wtel_time_now().mono + PATIENCE;
	struct h2_answer *answer = h2_of(client, id);

	while (!answer->ended && !client->closed && wtel_time_now().mono < end)
		h2_turn(client);
	return answer;
}

static inline int h2_get(struct h2_client *client, const char *path, const char *fields)
{
	return h2_until(client, h2_ask(client, "GET", path, fields, NULL))->status;
}

static inline const char *h2_bearer(const char *secret)
{
	static char field[128];

	snprintf(field, sizeof(field), "authorization: Bearer %s\n", secret);
	return field;
}

/* ---- octets ----------------------------------------------------------------------- */

struct h2_raw {
	struct world *world;
	int fd;
	struct answer answer; /* what came: frames */
};

static inline void h2_raw_say(struct h2_raw *raw, unsigned type, unsigned flags, uint32_t id, const void *data,
			      size_t length)
{
	char head[9] = {(char)(length >> 16), (char)(length >> 8), (char)length,    (char)type, (char)flags,
			(char)(id >> 24),     (char)(id >> 16),	   (char)(id >> 8), (char)id};

	client_send(raw->world, raw->fd, head, 9);
	client_send(raw->world, raw->fd, data, length);
}

static inline void h2_raw_open(struct h2_raw *raw, struct world *world)
{
	memset(raw, 0, sizeof(*raw));
	raw->world = world;
	raw->fd = client_open(world);
	client_send(world, raw->fd, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
	h2_raw_say(raw, NGHTTP2_SETTINGS, 0, 0, "", 0);
}

/* A request's block of headers, without a table: GET of that path. `secret` NULL: nobody's. */
static inline size_t h2_raw_head(char *out, const char *path, const char *secret)
{
	size_t length = strlen(path);

	/* :method GET, :scheme http, :path and :authority in letters */
	memcpy(out, "\x82\x86\x04", 3);
	out[3] = (char)length;
	memcpy(out + 4, path, length);
	memcpy(out + 4 + length, "\x01\x04test", 6);
	length += 10;
	/* The 23rd name of the static table, and never to be put into the other. */
	if (secret)
		length += (size_t)sprintf(out + length, "\x1f\x08%cBearer %s", (int)strlen(secret) + 7, secret);
	return length;
}

/* The error that GOAWAY gives; -1: none came before the connection ended, or in good time. */
static inline int64_t h2_raw_end(struct h2_raw *raw)
{
	int64_t end = wtel_time_now().mono + PATIENCE, error = -1;
	const unsigned char *at;
	size_t left, length;

	while (!raw->answer.closed && wtel_time_now().mono < end) {
		client_pump(raw->world, raw->fd, &raw->answer);
		at = (const unsigned char *)raw->answer.text;
		for (left = raw->answer.length; left >= 9; at += 9 + length, left -= 9 + length) {
			length = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
			if (left < 9 + length)
				break;
			if (at[3] == NGHTTP2_GOAWAY)
				error = (int64_t)at[13] << 24 | at[14] << 16 | at[15] << 8 | at[16];
		}
		/* What is whole was looked at. */
		memmove(raw->answer.text, at, left);
		raw->answer.length = left;
	}
	close(raw->fd);
	return raw->answer.closed ? error : -1;
}

#endif
