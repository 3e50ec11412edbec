#include <jansson.h>

#include "store/rows.h"

#include "base/timestamp.h"

/* ---- values ----------------------------------------------------------- */

int64_t store_row_number(const struct store_rows *rows, size_t row, size_t column)
{
	return base_slice_number(rows->column(rows, row, column), 0);
}

bool store_row_flag(const struct store_rows *rows, size_t row, size_t column)
{
	store_value value = rows->column(rows, row, column);

	return value.length && (value.data[0] == 't' || value.data[0] == '1');
}

const char *store_row_text(char *out, size_t room, const struct store_rows *rows, size_t row, size_t column)
{
	base_slice_copy(out, room, rows->column(rows, row, column));
	return out;
}

int64_t store_row_time(const struct store_rows *rows, size_t row, size_t column)
{
	char text[64];
	int64_t wall;

	return base_time_parse(&wall, store_row_text(text, sizeof(text), rows, row, column)) ? wall : 0;
}

/* ---- packing ---------------------------------------------------------- */

enum { ALIGNMENT = _Alignof(max_align_t) };

void *store_pack_room(struct store_pack *pack, size_t size)
{
	void *room;

	pack->used = (pack->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	room = pack->block ? pack->block + pack->used : NULL;
	pack->used += size;
	return room;
}

const char *store_pack_text(struct store_pack *pack, struct wtel_slice text)
{
	char *room = pack->block ? pack->block + pack->used : NULL;

	if (!text.length)
		return "";
	pack->used += text.length + 1;
	if (!room)
		return "";
	memcpy(room, text.data, text.length);
	room[text.length] = '\0';
	return room;
}

const char *store_pack_column(struct store_pack *pack, const struct store_rows *rows, size_t row, size_t column)
{
	return store_pack_text(pack, rows->column(rows, row, column));
}

/* In front of what is given out, for the free. */
struct header {
	struct wtel_allocator allocator;
	unsigned keepers;
	max_align_t list[];
};

int store_pack_build(void **out, const struct wtel_allocator *allocator, store_fill_fn *fill, const void *source)
{
	struct store_pack pack = {NULL, 0};
	struct header *header;

	fill(&pack, source);
	header = base_allocate(allocator, sizeof(*header) + pack.used);
	if (!header)
		return WTEL_ENOMEM;
	header->allocator = *allocator;
	header->keepers = 1;
	pack = (struct store_pack){(char *)header->list, 0};
	fill(&pack, source);
	*out = header->list;
	return 0;
}

static struct header *header_of(const void *list)
{
	return (struct header *)(void *)((char *)(uintptr_t)list - offsetof(struct header, list));
}

void *store_pack_keep(const void *list)
{
	if (!list)
		return NULL;
	header_of(list)->keepers++;
	return header_of(list)->list;
}

void store_pack_free(void *list)
{
	struct wtel_allocator allocator;
	struct header *header;

	if (!list)
		return;
	header = header_of(list);
	if (--header->keepers)
		return;
	allocator = header->allocator;
	base_release(&allocator, header);
}

void wtel_trunk_list_free(struct wtel_trunk_list *list)
{
	store_pack_free(list);
}

void wtel_peer_list_free(struct wtel_peer_list *list)
{
	store_pack_free(list);
}

void wtel_call_list_free(struct wtel_call_list *list)
{
	store_pack_free(list);
}

/* ---- accounts --------------------------------------------------------- */

void store_fill_peer_list(struct store_pack *pack, const void *source)
{
	const struct store_rows *rows = source;
	struct wtel_peer_list *list = store_pack_room(pack, sizeof(*list));
	struct wtel_peer *peers = store_pack_room(pack, rows->row_count * sizeof(*peers));
	char text[32];
	size_t row;

	for (row = 0; row < rows->row_count; row++) {
		struct wtel_peer peer = {0};

		peer.id = store_row_number(rows, row, 0);
		peer.user_id = store_row_number(rows, row, 1);
		peer.username = store_pack_column(pack, rows, row, 2);
		peer.extension = store_pack_column(pack, rows, row, 3);
		if (wtel_peer_status_parse(&peer.status, store_row_text(text, sizeof(text), rows, row, 4)))
			peer.status = WTEL_PEER_DISABLED;
		peer.registered = store_row_flag(rows, row, 5);
		peer.last_registered_at = store_row_time(rows, row, 6);
		peer.user_agent = store_pack_column(pack, rows, row, 7);
		peer.ip_address = store_pack_column(pack, rows, row, 8);
		if (peers)
			peers[row] = peer;
	}
	if (list)
		*list = (struct wtel_peer_list){rows->row_count, peers};
}

char *store_json_text(const struct wtel_allocator *allocator, const struct json_t *document, size_t before)
{
	char brief[2048]; /* most are: they are made once */
	size_t length = json_dumpb(document, brief, sizeof(brief), JSON_COMPACT);
	char *block = length ? base_allocate(allocator, before + length + 1) : NULL;

	if (!block)
		return NULL;
	if (length <= sizeof(brief))
		memcpy(block + before, brief, length);
	else
		json_dumpb(document, block + before, length, JSON_COMPACT);
	block[before + length] = '\0';
	return block;
}
