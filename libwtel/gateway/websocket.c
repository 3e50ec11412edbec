/*
 * Events over WebSocket (RFC 6455): /api/telephony/events. What the server says are whole frames that the hub made;
 * what a client may say is {"subscribe": [...]}, ping, pong and close. Extensions are not negotiated: a frame goes to
 * all readers as it is.
 */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "gateway/head.h"
#include "gateway/stream.h"

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

/* ---- handshake -------------------------------------------------------- */

static void accept_of(char out[32], struct wtel_slice key)
{
	static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[24 + sizeof(suffix)];
	unsigned char digest[20];

	memcpy(text, key.data, 24);
	memcpy(text + 24, suffix, sizeof(suffix));
	SHA1((const unsigned char *)text, 24 + sizeof(suffix) - 1, digest);
	(void)EVP_EncodeBlock((unsigned char *)out, digest, sizeof(digest));
}

/* 16 bytes in base64. */
static bool is_key(struct wtel_slice key)
{
	size_t i;

	if (key.length != 24 || memcmp(key.data + 22, "==", 2) != 0)
		return false;
	for (i = 0; i < 22; i++) {
		char c = key.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
		      c == '/'))
			return false;
	}
	return true;
}

static bool refused(struct gateway_exchange *exchange, const struct gateway_request *request)
{
	static const char version[] = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
	struct wtel_slice said = request->headers[GATEWAY_WS_VERSION];

	if (!head_has(request->headers[GATEWAY_CONNECTION], "upgrade") || !is_key(request->headers[GATEWAY_WS_KEY])) {
		gateway_fail(exchange, 400, WTEL_EINVAL, "", "this is no WebSocket handshake", 0);
		return true;
	}
	if (said.length != 2 || memcmp(said.data, "13", 2) != 0) {
		exchange->extra_head = (struct wtel_slice){version, sizeof(version) - 1};
		gateway_fail(exchange, 426, WTEL_EINVAL, "", "only version 13 of WebSocket is spoken here", 0);
		return true;
	}
	return false;
}

/* ---- what comes in ---------------------------------------------------- */

/* Nothing that follows is looked at. */
static void fail(struct stream *stream, int code, const char *text)
{
	stream->deaf = true;
	stream_close(stream, code, text);
	stream_ready(stream);
}

/* UTF-8, which jansson insists on. */
static bool is_text(const void *text, size_t length)
{
	json_t *string = json_stringn(text, length);

	json_decref(string);
	return string != NULL;
}

static bool may_be_said(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/* The client goes, or answers our own close frame. */
static void take_close(struct stream *stream)
{
	const struct stream_frame *frame = &stream->frame;
	const unsigned char *said = frame->control;
	unsigned code = frame->control_length < 2 ? STREAM_NORMAL : (unsigned)said[0] << 8 | said[1];

	if (frame->control_length == 1 || !may_be_said(code))
		code = STREAM_PROTOCOL;
	else if (frame->control_length > 2 && !is_text(said + 2, frame->control_length - 2))
		code = STREAM_BAD_TEXT;
	stream->close_heard = true;
	stream_close(stream, (int)code, "");
	stream_ready(stream);
}

static void take_control(struct stream *stream)
{
	struct stream_frame *frame = &stream->frame;

	switch (frame->head[0] & 15) {
	case CLOSE:
		take_close(stream);
		break;
	case PING:
		/* Only the latest is answered, if they come faster than they can be. */
		memcpy(stream->pong, frame->control, frame->control_length);
		stream->pong_length = frame->control_length;
		stream->pong_due = true;
		stream_ready(stream);
		break;
	default:
		stream->pong_awaited = false;
	}
}

/* {"subscribe": [...]}; anything else is read and forgotten. */
static void take_text(struct stream *stream)
{
	struct stream_frame *frame = &stream->frame;
	struct wtel_slice text = {frame->text, frame->text_length};

	frame->text_length = 0;
	if (!text.length)
		return;
	if (!is_text(text.data, text.length))
		fail(stream, STREAM_BAD_TEXT, "not UTF-8");
	else if (hub_filter(&stream->reader, text) == 0)
		stream_ready(stream);
}

static void take_frame(struct stream *stream)
{
	struct stream_frame *frame = &stream->frame;

	frame->head_length = 0;
	if (++stream->frames > STREAM_MESSAGE_RATE) {
		fail(stream, STREAM_POLICY, "too many messages");
	} else if (frame->head[0] & 8) {
		take_control(stream);
	} else {
		frame->in_message = !(frame->head[0] & FIN);
		if (!frame->in_message)
			take_text(stream);
	}
}

static uint64_t length_of(const struct stream_frame *frame)
{
	uint64_t length = frame->head[1] & 127;
	unsigned bytes = length == 126 ? 2 : length == 127 ? 8 : 0, i;

	if (bytes)
		for (length = 0, i = 0; i < bytes; i++)
			length = length << 8 | frame->head[2 + i];
	return length;
}

/* The head is there: what it says of its frame must be possible here. */
static void judge(struct stream *stream)
{
	struct stream_frame *frame = &stream->frame;
	unsigned opcode = frame->head[0] & 15;
	uint64_t length = length_of(frame);

	frame->left = length;
	frame->at = 0;
	frame->control_length = 0;
	if (frame->head[0] & 0x70 || !(frame->head[1] & 0x80) || (opcode & 7) > 2 ||
	    (opcode & 8 ? length > STREAM_CONTROL_MAX || !(frame->head[0] & FIN) : frame->in_message != !opcode)) {
		fail(stream, STREAM_PROTOCOL, "protocol error");
	} else if (opcode == BINARY) {
		fail(stream, STREAM_BAD_TYPE, "text only");
	} else if (!(opcode & 8) && length > STREAM_MESSAGE_MAX - frame->text_length) {
		fail(stream, STREAM_TOO_BIG, "too long");
	} else if (!(opcode & 8) && length && !frame->text) {
		frame->text = gateway_allocate(&stream->allocator, STREAM_MESSAGE_MAX);
		if (!frame->text)
			fail(stream, STREAM_TRY_LATER, "try again later");
	}
}

/* Octets that a head has, as far as its first two tell. */
static size_t head_wanted(const struct stream_frame *frame)
{
	unsigned length = frame->head[1] & 127;

	if (frame->head_length < 2)
		return 2;
	return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (frame->head[1] & 0x80 ? 4 : 0);
}

static size_t take_payload(struct stream_frame *frame, const unsigned char *data, size_t length)
{
	const unsigned char *mask = frame->head + head_wanted(frame) - 4;
	unsigned char *to = frame->head[0] & 8 ? frame->control + frame->control_length
					       : (unsigned char *)frame->text + frame->text_length;
	size_t i;

	if (length > frame->left)
		length = (size_t)frame->left;
	for (i = 0; i < length; i++)
		to[i] = data[i] ^ mask[frame->at++ & 3];
	if (frame->head[0] & 8)
		frame->control_length += length;
	else
		frame->text_length += length;
	frame->left -= length;
	return length;
}

static int receive(void *user, const unsigned char *data, size_t length)
{
	struct stream *stream = user;
	struct stream_frame *frame = &stream->frame;
	size_t used = 0;

	while (used < length && !stream->close_heard && !stream->deaf) {
		if (frame->head_length < head_wanted(frame)) {
			frame->head[frame->head_length++] = data[used++];
			if (frame->head_length < head_wanted(frame))
				continue;
			judge(stream);
			if (stream->deaf)
				break;
		}
		if (frame->left && used < length)
			used += take_payload(frame, data + used, length - used);
		if (!frame->left)
			take_frame(stream);
	}
	return 0;
}

/* ---- what goes out ---------------------------------------------------- */

static int put_frame(struct stream *stream, unsigned opcode, const void *data, size_t length)
{
	unsigned char *to = stream_put(stream->streams, 2 + length);

	if (!to)
		return WTEL_ENOMEM;
	to[0] = (unsigned char)(FIN | opcode);
	to[1] = (unsigned char)length;
	memcpy(to + 2, data, length);
	return 0;
}

int websocket_put_control(struct stream *stream)
{
	int code = 0;

	if (stream->pong_due && !stream->close_sent)
		code = put_frame(stream, PONG, stream->pong, stream->pong_length);
	stream->pong_due = false;
	if (code || !stream->ping_due || stream->close_code)
		return code;
	stream->ping_due = false;
	stream->pong_awaited = true;
	stream->pinged = wtel_time_now().mono;
	return put_frame(stream, PING, "", 0);
}

int websocket_put_close(struct stream *stream)
{
	unsigned char payload[STREAM_CONTROL_MAX];
	size_t length = strlen(stream->close_text);

	payload[0] = (unsigned char)(stream->close_code >> 8);
	payload[1] = (unsigned char)stream->close_code;
	memcpy(payload + 2, stream->close_text, length);
	stream->close_sent = true;
	return put_frame(stream, CLOSE, payload, 2 + length);
}

void websocket_open(struct gateway_exchange *exchange, const struct gateway_visitor *visitor)
{
	static const struct gateway_stream calls = {receive, stream_writable, stream_closed};
	struct gateway_text head = {.status = 101};
	struct stream *stream;
	char text[512], accept[32];
	int length;

	if (refused(exchange, visitor->request))
		return;
	stream = exchange->gateway->stopping ? NULL : stream_new(exchange, visitor, false);
	if (!stream) {
		gateway_fail(exchange, 503, WTEL_ECLOSED, "", "try again later", 1);
		return;
	}
	accept_of(accept, visitor->request->headers[GATEWAY_WS_KEY]);
	length = snprintf(text, sizeof(text),
			  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			  "Sec-WebSocket-Accept: %s\r\n",
			  accept);
	head.from = text;
	head.at = text + length;
	head.end = text + sizeof(text);
	gateway_note(exchange, 101, 0);
	exchange_stream(exchange, &head, (struct wtel_slice){NULL, 0}, &calls, stream);
}
