/* JSON documents as text. */
#ifndef API_TEXT_H
#define API_TEXT_H

#include <jansson.h>

#include "base/buffer.h"

/* Appends it, without white space. WTEL_ENOMEM: a part of it may be there. */
int text_of(struct base_buffer *buffer, const struct wtel_allocator *allocator, const json_t *document);

#endif
