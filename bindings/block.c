/* Blocks of messages as they came from the wire, and the parser alone. */
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { KEPT = 8 << 20 /* memory that is not given back between two uses */ };

/* Room for `length` bytes more. */
static bool bytes_reserve(struct bytes *bytes, size_t length)
{
	if (bytes->room - bytes->length < length) {
		size_t room = bytes->room ? bytes->room : 1024;
		char *grown;

		if (length > SIZE_MAX / 4 - bytes->length)
			return false;
		while (room - bytes->length < length)
			room *= 2;
		grown = realloc(bytes->data, room);
		if (!grown)
			return false;
		bytes->data = grown;
		bytes->room = room;
	}
	return true;
}

bool bytes_add(struct bytes *bytes, const void *data, size_t length)
{
	if (!bytes_reserve(bytes, length))
		return false;
	if (length)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
	return true;
}

static int add_json(const char *text, size_t length, void *user)
{
	return bytes_add(user, text, length) ? 0 : -1;
}

bool bytes_json(struct bytes *bytes, json_t *value)
{
	size_t before = bytes->length;

	if (value && json_dump_callback(value, add_json, bytes, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return true;
	bytes->length = before;
	return false;
}

void bytes_clear(struct bytes *bytes)
{
	if (bytes->room > KEPT)
		bytes_free(bytes);
	bytes->length = 0;
}

void bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){NULL, 0, 0};
}

struct binding_bytes bytes_give(const struct bytes *bytes)
{
	return bytes->length ? (struct binding_bytes){bytes->data, bytes->length} : (struct binding_bytes){NULL, 0};
}

static size_t end_of(const struct block *block, size_t count)
{
	uint32_t end = 0;

	if (count)
		memcpy(&end, block->ends.data + (count - 1) * sizeof(end), sizeof(end));
	return end;
}

static size_t count_of(const struct block *block)
{
	return block->ends.length / sizeof(uint32_t);
}

bool block_add(struct block *block, const struct wtel_ami_message *message)
{
	size_t before = block->bytes.length;
	/* The last line's own end is the message's or not, as it came. */
	bool ended = message->raw.length && message->raw.data[message->raw.length - 1] == '\n';
	uint32_t end;

	if (bytes_add(&block->bytes, message->raw.data, message->raw.length) &&
	    bytes_add(&block->bytes, "\r\n\r\n", ended ? 2 : 4)) {
		end = (uint32_t)block->bytes.length;
		if (bytes_add(&block->ends, &end, sizeof(end)))
			return true;
	}
	block->bytes.length = before;
	return false;
}

void block_compact(struct block *block)
{
	size_t count = count_of(block), gone = end_of(block, block->first), i;
	uint32_t end;

	if (!block->first)
		return;
	memmove(block->bytes.data, block->bytes.data + gone, block->bytes.length - gone);
	block->bytes.length -= gone;
	for (i = block->first; i < count; i++) {
		end = (uint32_t)(end_of(block, i + 1) - gone);
		memcpy(block->ends.data + (i - block->first) * sizeof(end), &end, sizeof(end));
	}
	block->ends.length -= block->first * sizeof(end);
	block->first = 0;
}

size_t block_limit(struct block *block, size_t most)
{
	size_t count = count_of(block), before = block->first;

	while (block->first < count && block->bytes.length - end_of(block, block->first) > most)
		block->first++;
	before = block->first - before;
	/* Moved only when there is as much dead as alive: a byte is moved once on average. */
	if (block->first && end_of(block, block->first) >= block->bytes.length / 2)
		block_compact(block);
	return before;
}

void block_clear(struct block *block)
{
	bytes_clear(&block->bytes);
	bytes_clear(&block->ends);
	block->first = 0;
}

void block_free(struct block *block)
{
	bytes_free(&block->bytes);
	bytes_free(&block->ends);
	block->first = 0;
}

/* ---- the parser alone ---------------------------------------------------------------- */

struct parser {
	struct wtel_ami_parser *parser;
	struct block blocks[2];
	unsigned filling;
	struct block *given;
};

struct parser *parser_new(void)
{
	struct wtel_detail detail = {"", ""};
	struct parser *parser = calloc(1, sizeof(*parser));
	int code = parser ? wtel_ami_parser_new(&parser->parser, NULL, NULL) : WTEL_ENOMEM;

	if (!code)
		return parser;
	core_fail(NULL, code, &detail);
	free(parser);
	return NULL;
}

void parser_free(struct parser *parser)
{
	if (!parser)
		return;
	wtel_ami_parser_free(parser->parser);
	block_free(&parser->blocks[0]);
	block_free(&parser->blocks[1]);
	free(parser);
}

int parser_feed(struct parser *parser, const char *data, size_t length)
{
	struct wtel_ami_limits limits = WTEL_AMI_LIMITS_INIT;
	struct block *block = &parser->blocks[parser->filling];
	struct wtel_ami_message message;
	int code = wtel_ami_parser_feed(parser->parser, data, length);

	while (!code) {
		/* Before the message leaves the parser, so that none is lost. */
		if (block->bytes.length > RAW_MAX || !bytes_reserve(&block->bytes, limits.max_message + 4) ||
		    !bytes_reserve(&block->ends, sizeof(uint32_t)))
			return WTEL_ENOMEM;
		code = wtel_ami_parser_next(parser->parser, &message);
		if (code != 1)
			return code;
		code = 0;
		if (message.kind == WTEL_AMI_EVENT || message.kind == WTEL_AMI_RESPONSE)
			(void)block_add(block, &message);
	}
	return code;
}

struct binding_bytes parser_take(struct parser *parser)
{
	parser->given = &parser->blocks[parser->filling];
	parser->filling = !parser->filling;
	block_clear(&parser->blocks[parser->filling]);
	return bytes_give(&parser->given->bytes);
}

struct binding_bytes parser_ends(struct parser *parser)
{
	return parser->given ? bytes_give(&parser->given->ends) : (struct binding_bytes){NULL, 0};
}

uint64_t parser_skipped(const struct parser *parser)
{
	return wtel_ami_parser_counters(parser->parser)->skipped;
}
