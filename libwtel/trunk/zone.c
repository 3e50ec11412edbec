/*
 * TZif (RFC 8536): a version 1 block with 32-bit times; from version 2 on a second block with 64-bit times follows,
 * which is the one to read, and a footer "\n<POSIX TZ>\n" for what comes after the last transition. "Slim" files leave
 * the first block empty and say with the footer what "fat" ones spell out until 2037.
 */
#include "trunk/zone.h"

#include "base/slice.h"
#include "trunk/zone_rule.h"

enum { HEADER_SIZE = 44, TYPE_SIZE = 6, OFFSET_MOST = 26 * 3600 };

struct trunk_zone {
	int64_t *at; /* ascending; each changes the offset */
	int32_t *offset;
	size_t count;
	int32_t first;	   /* before all transitions */
	int64_t rule_from; /* from here on the rule alone counts */
	bool has_rule;
	struct zone_rule rule;
};

struct header {
	char version;
	size_t ut_count, standard_count, leap_count, time_count, type_count, name_size;
};

/* One data block: where its parts stand. */
struct block {
	const unsigned char *times, *indices, *types;
	size_t time_size;
};

static uint32_t read_u32(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_time(const unsigned char *at, size_t size)
{
	if (size == 4)
		return (int32_t)read_u32(at);
	return (int64_t)((uint64_t)read_u32(at) << 32 | read_u32(at + 4));
}

static bool read_header(struct header *out, struct wtel_slice data)
{
	const unsigned char *at = (const unsigned char *)data.data;

	if (data.length < HEADER_SIZE || memcmp(at, "TZif", 4) != 0 || (at[4] && (at[4] < '2' || at[4] > '4')))
		return false;
	out->version = (char)at[4];
	out->ut_count = read_u32(at + 20);
	out->standard_count = read_u32(at + 24);
	out->leap_count = read_u32(at + 28);
	out->time_count = read_u32(at + 32);
	out->type_count = read_u32(at + 36);
	out->name_size = read_u32(at + 40);
	return true;
}

/* Counts have 32 bits, so that the sum cannot overflow 64. */
static uint64_t block_size(const struct header *header, unsigned time_size)
{
	return (uint64_t)header->time_count * (time_size + 1) + (uint64_t)header->type_count * TYPE_SIZE +
	       header->name_size + (uint64_t)header->leap_count * (time_size + 4) + header->standard_count +
	       header->ut_count;
}

/* The header and block to read, and what follows them. */
static bool find_block(struct header *header, struct block *block, struct wtel_slice *rest, struct wtel_slice data)
{
	uint64_t size;

	block->time_size = 4;
	if (!read_header(header, data))
		return false;
	if (header->version) {
		size = HEADER_SIZE + block_size(header, 4);
		if (size > data.length)
			return false;
		data.data += size;
		data.length -= (size_t)size;
		block->time_size = 8;
		if (!read_header(header, data) || !header->version)
			return false;
	}
	size = HEADER_SIZE + block_size(header, (unsigned)block->time_size);
	if (size > data.length || !header->type_count || header->type_count > 256)
		return false;
	block->times = (const unsigned char *)data.data + HEADER_SIZE;
	block->indices = block->times + header->time_count * block->time_size;
	block->types = block->indices + header->time_count;
	rest->data = data.data + size;
	rest->length = data.length - (size_t)size;
	return true;
}

static bool read_offset(int32_t *out, const struct header *header, const struct block *block, size_t type)
{
	int64_t offset;

	if (type >= header->type_count)
		return false;
	offset = read_time(block->types + type * TYPE_SIZE, 4);
	*out = (int32_t)offset;
	return offset >= -OFFSET_MOST && offset <= OFFSET_MOST;
}

/* Those that change only the name or whether it is called summer time are left out. */
static bool read_transitions(struct trunk_zone *zone, const struct header *header, const struct block *block)
{
	int64_t last = INT64_MIN, at;
	int32_t current, offset;
	size_t i;

	if (!read_offset(&zone->first, header, block, 0))
		return false;
	current = zone->first;
	for (i = 0; i < header->time_count; i++) {
		at = read_time(block->times + i * block->time_size, block->time_size);
		if ((i && at <= last) || !read_offset(&offset, header, block, block->indices[i]))
			return false;
		last = at;
		if (offset == current)
			continue;
		zone->at[zone->count] = at;
		zone->offset[zone->count++] = current = offset;
	}
	zone->rule_from = last;
	return true;
}

static bool read_footer(struct trunk_zone *zone, const struct header *header, struct wtel_slice rest)
{
	const char *end;

	if (!header->version)
		return true;
	if (!rest.length || rest.data[0] != '\n')
		return false;
	rest.data++;
	end = memchr(rest.data, '\n', --rest.length);
	if (!end)
		return false;
	rest.length = (size_t)(end - rest.data);
	zone->has_rule = rest.length > 0;
	return !rest.length || zone_rule_parse(&zone->rule, rest);
}

int trunk_zone_new(struct trunk_zone **out, struct wtel_slice data, const struct wtel_allocator *given)
{
	struct wtel_allocator allocator = base_allocator(given);
	struct trunk_zone *zone;
	struct header header;
	struct wtel_slice rest;
	struct block block;

	if (!data.data || !find_block(&header, &block, &rest, data))
		return WTEL_EINVAL;
	/* One piece: the times, which want the best alignment, stand right behind the structure. */
	zone = base_allocate_zero(&allocator, sizeof(*zone) + header.time_count * (sizeof(int64_t) + sizeof(int32_t)));
	if (!zone)
		return WTEL_ENOMEM;
	zone->at = (int64_t *)(zone + 1);
	zone->offset = (int32_t *)(zone->at + header.time_count);
	if (!read_transitions(zone, &header, &block) || !read_footer(zone, &header, rest)) {
		trunk_zone_free(zone, &allocator);
		return WTEL_EINVAL;
	}
	*out = zone;
	return 0;
}

void trunk_zone_free(struct trunk_zone *zone, const struct wtel_allocator *given)
{
	struct wtel_allocator allocator = base_allocator(given);

	base_release(&allocator, zone);
}

/* How many transitions are at or before `second`. */
static size_t passed(const struct trunk_zone *zone, int64_t second)
{
	size_t low = 0, high = zone->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->at[middle] <= second)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int trunk_zone_offset(const struct trunk_zone *zone, int64_t second, int64_t *until)
{
	size_t next = passed(zone, second);
	int offset = next ? zone->offset[next - 1] : zone->first, later;

	if (zone->has_rule && second >= zone->rule_from)
		return zone_rule_offset(&zone->rule, second, until);
	*until = next < zone->count ? zone->at[next] : INT64_MAX;
	/* At its beginning the rule may say something else than the last transition. */
	if (zone->has_rule && *until >= zone->rule_from) {
		later = zone_rule_offset(&zone->rule, zone->rule_from, until);
		if (later != offset)
			*until = zone->rule_from;
	}
	return offset;
}
