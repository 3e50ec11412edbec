/*
 * JSON as text: documents of the JSON library, and values straight from where they are, byte for byte as the same value
 * would come out of a document.
 */
#ifndef API_TEXT_H
#define API_TEXT_H

#include <jansson.h>

#include "base/buffer.h"
#include <wtel/service.h>

/* Appends it, without white space. WTEL_ENOMEM: a part of it may be there. */
int text_of(struct base_buffer *buffer, const struct wtel_allocator *allocator, const json_t *document);

/* What lacks memory sets `code`, and nothing more is appended. */
struct text {
	struct base_buffer *buffer;
	const struct wtel_allocator *allocator;
	int code;
};

void text_put_raw(struct text *text, const char *data, size_t length);
#define TEXT_LITERAL(text, literal) text_put_raw(text, literal, sizeof(literal) - 1)

/* UTF-8, in quotes. */
void text_put_quoted(struct text *text, const char *data, size_t length);

/* Each as its namesake in <wtel/json.h>. */
void text_put_string(struct text *text, const char *value);
void text_put_real(struct text *text, const json_t *value);
void text_put_integer(struct text *text, int64_t number);
void text_put_id(struct text *text, int64_t id);
void text_put_flag(struct text *text, bool flag);
void text_put_time(struct text *text, int64_t wall);
void text_put_call(struct text *text, const struct wtel_call *call, const char *campaign, const char *lead);
void text_put_status(struct text *text, const struct wtel_service_stats *stats);

#endif
