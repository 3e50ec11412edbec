/*
 * How Asterisk reads an action: a plain model of get_input, do_message, __astman_get_header and man_do_variable_value
 * of main/manager.c and of __ast_app_separate_args of main/app.c, written from what they do and not from how the writer
 * escapes. It is the judge of what the writer puts on the wire.
 */
#ifndef TESTS_MANAGER_MODEL_H
#define TESTS_MANAGER_MODEL_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { MODEL_HEADERS = 128, MODEL_LINE = 1024, MODEL_VARIABLES = 64 };

struct model_message {
	char headers[MODEL_HEADERS][MODEL_LINE + 1];
	size_t count;
	bool too_long; /* "Failed to parse message: line too long" */
	bool too_many; /* "Too many lines in message" */
	size_t used;   /* bytes up to and with the blank line; 0: it never came */
};

static inline void model_read(struct model_message *message, const char *bytes, size_t length)
{
	size_t start = 0;
	size_t end, text;

	memset(message, 0, sizeof(*message));
	while (start < length) {
		for (end = start; end < length && bytes[end] != '\n'; end++)
			;
		if (end == length)
			return;
		text = end - start;
		if (text && bytes[end - 1] == '\r')
			text--;
		if (end + 1 - start > MODEL_LINE)
			message->too_long = true;
		if (!text || !bytes[start]) {
			message->used = end + 1;
			return;
		}
		if (message->count == MODEL_HEADERS)
			message->too_many = true;
		else if (!message->too_long) {
			memcpy(message->headers[message->count], bytes + start, text);
			message->headers[message->count++][text] = '\0'; /* a NUL inside ends it too */
		}
		start = end + 1;
	}
}

/* The value of the n-th header with that name; NULL: there are fewer. */
static inline const char *model_header(const struct model_message *message, const char *name, size_t n)
{
	size_t length = strlen(name);
	size_t i;

	for (i = 0; i < message->count; i++) {
		const char *value = message->headers[i];

		if (strncasecmp(value, name, length) != 0 || value[length] != ':' || n--)
			continue;
		for (value += length + 1; *value && (unsigned char)*value < 33; value++)
			;
		return value;
	}
	return NULL;
}

struct model_variables {
	char text[2 * MODEL_LINE];
	const char *name[MODEL_VARIABLES];
	const char *value[MODEL_VARIABLES];
	size_t count;
};

/* One "name=value" piece, where it has both. */
static inline void model_keep(struct model_variables *out, char *piece)
{
	char *equals = strchr(piece, '=');

	if (!equals || equals == piece)
		return;
	*equals = '\0';
	out->name[out->count] = piece;
	out->value[out->count++] = equals + 1;
}

static inline void model_variables(struct model_variables *out, const char *header)
{
	char *to = out->text;
	char *piece = to;
	size_t round = 0, square = 0;
	bool quoted = false;

	out->count = 0;
	for (; *header; header++) {
		if (*header == '"') {
			quoted = !quoted;
			continue;
		}
		if (*header == '\\') {
			if (!header[1])
				break;
			*to++ = *++header;
			continue;
		}
		if (*header == ',' && !round && !quoted && !square) {
			*to++ = '\0';
			model_keep(out, piece);
			piece = to;
			continue;
		}
		round += *header == '(';
		round -= *header == ')' && round;
		square += *header == '[';
		square -= *header == ']' && square;
		*to++ = *header;
	}
	*to = '\0';
	model_keep(out, piece);
}

#endif
