#include "call/tracker.h"

static size_t text_offset(const struct tracker_text *text, int which)
{
	size_t offset = 0;
	int i;

	for (i = 0; i < which; i++)
		offset += text->length[i] + 1u;
	return offset;
}

struct wtel_slice tracker_text_get(const struct tracker_text *text, int which)
{
	struct wtel_slice slice = {"", 0};

	if (text->data) {
		slice.data = text->data + text_offset(text, which);
		slice.length = text->length[which];
	}
	return slice;
}

const char *tracker_text_string(const struct tracker_text *text, int which)
{
	return text->data ? text->data + text_offset(text, which) : "";
}

/* Cut to TRACKER_MAX_TEXT and at a NUL, which no number or name has. Whether it changed. */
bool tracker_text_set(struct pool *pool, struct tracker_text *text, int which, struct wtel_slice value)
{
	struct tracker_text fresh = *text;
	const char *nul = value.length ? memchr(value.data, '\0', value.length) : NULL;
	char *at;
	int i;

	if (nul)
		value.length = (size_t)(nul - value.data);
	if (value.length > TRACKER_MAX_TEXT)
		value.length = TRACKER_MAX_TEXT;
	if (base_slice_equal(tracker_text_get(text, which), value))
		return false;
	fresh.length[which] = (uint8_t)value.length;
	fresh.size = (uint16_t)text_offset(&fresh, TRACKER_TEXTS);
	at = fresh.data = pool_take(pool, fresh.size);
	for (i = 0; i < TRACKER_TEXTS; i++) {
		struct wtel_slice part = i == which ? value : tracker_text_get(text, i);

		if (part.length)
			memcpy(at, part.data, part.length);
		at[part.length] = '\0';
		at += part.length + 1;
	}
	tracker_text_clear(pool, text);
	*text = fresh;
	return true;
}

void tracker_text_clear(struct pool *pool, struct tracker_text *text)
{
	if (text->data)
		pool_give(pool, text->data, text->size);
	memset(text, 0, sizeof(*text));
}
