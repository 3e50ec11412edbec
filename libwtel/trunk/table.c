/* From a list of trunks to a table: rules read, zones loaded, prefixes in their index. */
#include "trunk/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRUNKS_MAX = 1 << 22, NAME_SIZE = 128 };

static size_t length_of(const char *text)
{
	return text ? strlen(text) : 0;
}

/* Copies `text` to *place and moves that on. */
static char *put(char **place, const char *text)
{
	char *start = *place;
	size_t length = length_of(text);

	if (length)
		memcpy(start, text, length);
	start[length] = '\0';
	*place += length + 1;
	return start;
}

/* An endpoint becomes a part of a dial string: nothing in it may mean something there. */
static bool good_endpoint(const char *text)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= '0' && text[i] <= '9') || strchr("-_.", text[i])))
			return false;
	return i > 0 && i < NAME_SIZE;
}

static int mark_broken(struct router_trunk *trunk, const char *field, const char *text,
		       const struct wtel_allocator *allocator)
{
	char sentence[sizeof(struct wtel_detail) + 4];

	snprintf(sentence, sizeof(sentence), "%s: %s", field, text);
	base_release(allocator, trunk->broken);
	trunk->broken = base_copy_string(allocator, sentence);
	return trunk->broken ? 0 : WTEL_ENOMEM;
}

static int copy_text(struct router_trunk *out, const struct wtel_trunk *trunk, const struct wtel_allocator *allocator)
{
	char slug[NAME_SIZE];
	const char *endpoint = trunk->endpoint;
	char *place;

	if (!length_of(endpoint))
		endpoint = wtel_trunk_slug(slug, sizeof(slug), trunk->name) ? "" : slug;
	place = base_allocate(allocator,
			      length_of(trunk->name) + length_of(endpoint) + length_of(trunk->last_error_message) + 3);
	if (!place)
		return WTEL_ENOMEM;
	out->name = put(&place, trunk->name);
	out->endpoint = put(&place, endpoint);
	out->last_error = put(&place, trunk->last_error_message);
	if (!good_endpoint(out->endpoint))
		return mark_broken(out, "endpoint", "none, or it holds what cannot stand in a dial string", allocator);
	return 0;
}

static int load_zone(struct router_zone *out, const struct wtel_router *router, const char *name)
{
	struct wtel_slice data;
	int code;

	out->name = base_copy_string(&router->allocator, name);
	if (!out->name)
		return WTEL_ENOMEM;
	code = router->zone ? router->zone(&data, name, router->zone_user) : WTEL_ENOTFOUND;
	if (!code)
		code = trunk_zone_new(&out->zone, data, &router->allocator);
	if (code) {
		out->zone = NULL;
		if (code == WTEL_ENOMEM)
			base_release(&router->allocator, out->name);
	}
	return code == WTEL_ENOMEM ? code : 0;
}

/* *out NULL: there is no such zone. Each is loaded once. */
static int zone_of(const struct trunk_zone **out, struct router_table *table, const struct wtel_router *router,
		   const char *name)
{
	struct router_zone *zones;
	size_t i;
	int code;

	for (i = 0; i < table->zone_count && strcmp(table->zones[i].name, name) != 0; i++)
		;
	if (i == table->zone_count) {
		zones = base_reallocate(&router->allocator, table->zones, (i + 1) * sizeof(*zones));
		if (!zones)
			return WTEL_ENOMEM;
		table->zones = zones;
		memset(&zones[i], 0, sizeof(zones[i]));
		code = load_zone(&zones[i], router, name);
		if (code)
			return code;
		table->zone_count++;
	}
	*out = table->zones[i].zone;
	return 0;
}

static void release_rules(struct router_rules *kept, const struct wtel_allocator *allocator)
{
	if (!kept || --kept->refs)
		return;
	trunk_rules_free(&kept->rules, allocator);
	base_release(allocator, kept->settings);
	base_release(allocator, kept);
}

/* *out NULL, with a sentence: they cannot be read. */
static int read_settings(struct router_rules **out, const char *settings, const struct wtel_allocator *allocator,
			 struct wtel_detail *detail)
{
	struct router_rules *kept = base_allocate_zero(allocator, sizeof(*kept));
	int code;

	if (!kept)
		return WTEL_ENOMEM;
	kept->settings = base_copy_string(allocator, settings ? settings : "");
	code = kept->settings ? trunk_rules_read(&kept->rules, settings, allocator, detail) : WTEL_ENOMEM;
	if (code) {
		base_release(allocator, kept->settings);
		base_release(allocator, kept);
		return code == WTEL_ENOMEM ? code : 0;
	}
	kept->refs = 1;
	*out = kept;
	return 0;
}

static int take_rules(struct router_trunk *out, struct router_table *table, const struct wtel_router *router,
		      const char *settings, const struct router_trunk *old)
{
	const struct wtel_breaker_settings usual = WTEL_BREAKER_SETTINGS_INIT;
	struct wtel_detail detail = {"advanced_settings", "cannot be read"};
	int code = 0;

	if (old && old->kept && strcmp(old->kept->settings, settings ? settings : "") == 0) {
		out->kept = old->kept;
		out->kept->refs++;
	} else {
		code = read_settings(&out->kept, settings, &router->allocator, &detail);
	}
	if (code)
		return code;
	if (!out->kept) {
		out->rules.breaker = usual;
		return mark_broken(out, detail.field, detail.text, &router->allocator);
	}
	out->rules = out->kept->rules;
	if (!length_of(out->rules.timezone))
		return 0;
	code = zone_of(&out->zone, table, router, out->rules.timezone);
	if (!code && !out->zone)
		code = mark_broken(out, "advanced_settings.timezone", out->rules.timezone, &router->allocator);
	return code;
}

static int take_health(struct router_trunk *out, const struct router_trunk *old, const struct wtel_allocator *allocator)
{
	out->health = old ? old->health : base_allocate_zero(allocator, sizeof(*out->health));
	if (!out->health)
		return WTEL_ENOMEM;
	out->health->refs++;
	return 0;
}

/* `out` is all zero. What was made is in the table and freed with it. */
static int read_trunk(struct router_trunk *out, struct router_table *table, const struct wtel_router *router,
		      const struct wtel_trunk *trunk)
{
	const struct router_trunk *old = router->table ? router_trunk_of(router, trunk->id) : NULL;
	int code = copy_text(out, trunk, &router->allocator);

	if (!code)
		code = take_rules(out, table, router, trunk->advanced_settings, old);
	if (!code)
		code = take_health(out, old, &router->allocator);
	out->id = trunk->id;
	out->breaker = trunk->breaker;
	out->priority = trunk->priority;
	out->max_channels = trunk->max_channels;
	out->active_calls = trunk->active_calls;
	out->status = trunk->status;
	out->registered = trunk->registered;
	out->needs_registration = trunk->needs_registration;
	return code;
}

static int by_id(const void *left, const void *right)
{
	const struct wtel_trunk *a = *(const struct wtel_trunk *const *)left;
	const struct wtel_trunk *b = *(const struct wtel_trunk *const *)right;

	return a->id < b->id ? -1 : a->id > b->id;
}

static int by_priority(const void *left, const void *right)
{
	const struct wtel_trunk *a = *(const struct wtel_trunk *const *)left;
	const struct wtel_trunk *b = *(const struct wtel_trunk *const *)right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return by_id(left, right);
}

static int by_number(const void *left, const void *right)
{
	const struct router_id *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

/* The trunks in the table's order, an id once. Gives back how many. */
static size_t sort_trunks(const struct wtel_trunk **out, const struct wtel_trunk *trunks, size_t count)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++)
		out[i] = &trunks[i];
	if (!count)
		return 0;
	qsort(out, count, sizeof(*out), by_id);
	for (i = 0; i < count; i++)
		if (!i || out[i]->id != out[kept - 1]->id)
			out[kept++] = out[i];
	qsort(out, kept, sizeof(*out), by_priority);
	return kept;
}

static int allocate(struct router_table *table, size_t count, const struct wtel_allocator *allocator)
{
	uint64_t **const sets[] = {&table->all,	       &table->ready, &table->free, &table->timed,
				   &table->candidates, &table->late,  &table->sums};
	const size_t kinds = sizeof(sets) / sizeof(*sets);
	size_t i;

	table->words = count ? (count + 63) / 64 : 1;
	table->trunks = base_allocate_zero(allocator, (count + 1) * sizeof(*table->trunks));
	table->ids = base_allocate_zero(allocator, (count + 1) * sizeof(*table->ids));
	table->order = base_allocate_zero(allocator, (count + 1) * sizeof(*table->order));
	table->weights = base_allocate_zero(allocator, table->words * 64 * sizeof(*table->weights));
	table->bits = base_allocate_zero(allocator, kinds * table->words * sizeof(*table->bits));
	if (!table->trunks || !table->ids || !table->order || !table->weights || !table->bits)
		return WTEL_ENOMEM;
	for (i = 0; i < kinds; i++)
		*sets[i] = table->bits + i * table->words;
	return 0;
}

static int read_trunks(struct router_table *table, const struct wtel_router *router, const struct wtel_trunk **sorted,
		       size_t count)
{
	size_t i;
	int code;

	for (i = 0; i < count; i++) {
		table->count = i + 1; /* what is half read is freed too */
		code = read_trunk(&table->trunks[i], table, router, sorted[i]);
		if (code)
			return code;
		table->ids[i] = (struct router_id){sorted[i]->id, (uint32_t)i};
		router_bit_set(table->all, i, true);
	}
	if (count)
		qsort(table->ids, count, sizeof(*table->ids), by_number);
	return 0;
}

static int index_prefixes(struct router_table *table, const struct wtel_router *router)
{
	int code = prefix_index_begin(&table->index, &router->allocator, table->words);
	size_t i, k;

	for (i = 0; !code && i < table->count; i++) {
		const struct trunk_rules *rules = &table->trunks[i].rules;

		router_bit_set(table->candidates, i, !rules->prefix_count || rules->only_denies);
		for (k = 0; !code && k < rules->prefix_count; k++)
			code = prefix_index_add(&table->index, &router->allocator, rules->prefixes[k].prefix,
						(uint32_t)i, rules->prefixes[k].deny);
	}
	if (!code)
		code = prefix_index_end(&table->index, &router->allocator, table->candidates, router->random);
	return code;
}

static int fill(struct router_table *table, const struct wtel_router *router, const struct wtel_trunk *trunks,
		size_t count)
{
	const struct wtel_trunk **sorted = base_allocate(&router->allocator, (count + 1) * sizeof(*sorted));
	size_t i;
	int code;

	if (!sorted)
		return WTEL_ENOMEM;
	code = read_trunks(table, router, sorted, sort_trunks(sorted, trunks, count));
	base_release(&router->allocator, sorted);
	if (!code)
		code = index_prefixes(table, router);
	if (code)
		return code;
	for (i = 0; i < table->count; i++) {
		table->order[i] =
			(struct router_place){table->trunks[i].id, table->trunks[i].priority, (uint32_t)i, -1};
		router_note(table, i);
	}
	table->wake_at = INT64_MIN;
	return router_list_new(&table->general, table->order, table->count, &router->allocator);
}

int router_table_new(struct router_table **out, struct wtel_router *router, const struct wtel_trunk *trunks,
		     size_t count)
{
	struct router_table *table;
	int code;

	if (count > TRUNKS_MAX)
		return WTEL_ENOMEM;
	table = base_allocate_zero(&router->allocator, sizeof(*table));
	if (!table)
		return WTEL_ENOMEM;
	code = allocate(table, count, &router->allocator);
	if (!code)
		code = fill(table, router, trunks, count);
	if (code) {
		router_table_free(table, &router->allocator);
		return code;
	}
	*out = table;
	return 0;
}

void router_table_free(struct router_table *table, const struct wtel_allocator *allocator)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		struct router_trunk *trunk = &table->trunks[i];

		release_rules(trunk->kept, allocator);
		base_release(allocator, trunk->name);
		base_release(allocator, trunk->broken);
		if (trunk->health && !--trunk->health->refs)
			base_release(allocator, trunk->health);
	}
	for (i = 0; i < table->zone_count; i++) {
		base_release(allocator, table->zones[i].name);
		trunk_zone_free(table->zones[i].zone, allocator);
	}
	prefix_index_free(&table->index, allocator);
	router_list_free(&table->general, allocator);
	base_release(allocator, table->zones);
	base_release(allocator, table->trunks);
	base_release(allocator, table->ids);
	base_release(allocator, table->order);
	base_release(allocator, table->weights);
	base_release(allocator, table->bits);
	base_release(allocator, table);
}
