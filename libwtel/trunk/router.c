#include "trunk/router.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WEIGHT_MOST = 1000000 };

/* ---- one trunk in its table ------------------------------------------- */

size_t router_find(const struct router_table *table, int64_t id)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->ids[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->count && table->ids[low].id == id ? table->ids[low].position : table->count;
}

struct router_trunk *router_trunk_of(const struct wtel_router *router, int64_t id)
{
	size_t position = router_find(router->table, id);

	return position < router->table->count ? &router->table->trunks[position] : NULL;
}

bool router_window_open(const struct router_trunk *trunk, int64_t wall, int64_t *until)
{
	*until = INT64_MAX;
	return !trunk->rules.window_count || trunk_rules_open(&trunk->rules, trunk->zone, wall, until);
}

bool router_breaker_lets(const struct router_trunk *trunk, int64_t wall, int64_t *until)
{
	const struct wtel_breaker *breaker = &trunk->breaker;
	int64_t at = breaker->retry_at > breaker->trial_until ? breaker->retry_at : breaker->trial_until;

	*until = INT64_MAX;
	if (breaker->state != WTEL_BREAKER_OPEN || at <= wall)
		return true;
	*until = at;
	return false;
}

static uint32_t weight_of(const struct router_trunk *trunk)
{
	int64_t free = (int64_t)trunk->max_channels - trunk->active_calls;

	if (trunk->rules.weight > 0)
		free = trunk->rules.weight;
	return free < 1 ? 1 : free > WEIGHT_MOST ? WEIGHT_MOST : (uint32_t)free;
}

void router_note(struct router_table *table, size_t position)
{
	struct router_trunk *trunk = &table->trunks[position];
	bool open = trunk->breaker.state == WTEL_BREAKER_OPEN;
	bool status = trunk->status == WTEL_TRUNK_ACTIVE || (trunk->status == WTEL_TRUNK_ERROR && open);
	bool timed = open || trunk->rules.window_count;

	if (!timed)
		trunk->in_time = true;
	router_bit_set(table->timed, position, timed);
	router_bit_set(table->ready, position,
		       !trunk->broken && status && (trunk->registered || !trunk->needs_registration) && trunk->in_time);
	router_bit_set(table->free, position, trunk->active_calls < trunk->max_channels);
	table->weights[position] = weight_of(trunk);
}

static void look(struct router_table *table, int64_t wall)
{
	size_t word, position;
	int64_t until;

	table->looked_at = wall;
	table->wake_at = INT64_MAX;
	for (word = 0; word < table->words; word++) {
		uint64_t bits = table->timed[word];

		for (; bits; bits &= bits - 1) {
			position = word * 64 + (size_t)__builtin_ctzll(bits);
			table->trunks[position].in_time = router_breaker_lets(&table->trunks[position], wall, &until);
			if (until < table->wake_at)
				table->wake_at = until;
			table->trunks[position].in_time &= router_window_open(&table->trunks[position], wall, &until);
			if (until < table->wake_at)
				table->wake_at = until;
			router_note(table, position);
		}
	}
}

void router_look(struct router_table *table, int64_t wall)
{
	if (wall < table->looked_at || wall >= table->wake_at)
		look(table, wall);
}

/* ---- the router ------------------------------------------------------- */

int wtel_router_new(struct wtel_router **out, const struct wtel_router_options *options,
		    const struct wtel_allocator *allocator)
{
	struct wtel_router_options given = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_allocator use = base_allocator(allocator);
	struct wtel_router *router;
	int code;

	if (options)
		memcpy(&given, options, options->size < sizeof(given) ? options->size : sizeof(given));
	if (wtel_country_check(given.country) || (given.country && strlen(given.country) >= sizeof(router->country)))
		return WTEL_EINVAL;
	if (!given.seed && getentropy(&given.seed, sizeof(given.seed)))
		return WTEL_EIO;
	router = base_allocate_zero(&use, sizeof(*router));
	if (!router)
		return WTEL_ENOMEM;
	router->allocator = use;
	if (given.country)
		memcpy(router->country, given.country, strlen(given.country));
	router->zone = given.zone;
	router->zone_user = given.zone_user;
	router->random = given.seed;
	code = router_table_new(&router->table, router, NULL, 0);
	if (code) {
		base_release(&use, router);
		return code;
	}
	*out = router;
	return 0;
}

static void campaigns_free(struct router_campaign *campaigns, size_t count, const struct wtel_allocator *allocator)
{
	size_t i;

	for (i = 0; i < count; i++) {
		base_release(allocator, campaigns[i].caller_id);
		base_release(allocator, campaigns[i].places);
		router_list_free(&campaigns[i].list, allocator);
	}
	base_release(allocator, campaigns);
}

void wtel_router_free(struct wtel_router *router)
{
	struct wtel_allocator allocator;

	if (!router)
		return;
	allocator = router->allocator;
	campaigns_free(router->campaigns, router->campaign_count, &allocator);
	router_table_free(router->table, &allocator);
	base_release(&allocator, router);
}

/* The campaigns' lists in a new table: all of them or none. */
static int make_lists(struct router_list **out, const struct wtel_router *router, const struct router_table *table)
{
	size_t i, made;
	struct router_list *lists;
	int code = 0;

	lists = base_allocate_zero(&router->allocator, (router->campaign_count + 1) * sizeof(*lists));
	if (!lists)
		return WTEL_ENOMEM;
	for (made = 0; !code && made < router->campaign_count; made++)
		code = router_list_of(&lists[made], &router->campaigns[made], table, &router->allocator);
	if (code) {
		for (i = 0; i < made; i++)
			router_list_free(&lists[i], &router->allocator);
		base_release(&router->allocator, lists);
		return code;
	}
	*out = lists;
	return 0;
}

static bool closes(const struct wtel_breaker *before, const struct wtel_breaker *now)
{
	return before->state == WTEL_BREAKER_OPEN && now->state != WTEL_BREAKER_OPEN;
}

static void forgive_closed(struct router_table *table, const struct router_table *before)
{
	size_t i, old;

	for (i = 0; i < table->count; i++) {
		old = router_find(before, table->trunks[i].id);
		if (old < before->count && closes(&before->trunks[old].breaker, &table->trunks[i].breaker))
			health_forgive(table->trunks[i].health);
	}
}

int wtel_router_set_trunks(struct wtel_router *router, const struct wtel_trunk *trunks, size_t count)
{
	struct router_table *table;
	struct router_list *lists;
	size_t i;
	int code = router_table_new(&table, router, trunks, count);

	if (code)
		return code;
	code = make_lists(&lists, router, table);
	if (code) {
		router_table_free(table, &router->allocator);
		return code;
	}
	for (i = 0; i < router->campaign_count; i++) {
		router_list_free(&router->campaigns[i].list, &router->allocator);
		router->campaigns[i].list = lists[i];
	}
	base_release(&router->allocator, lists);
	forgive_closed(table, router->table);
	router_table_free(router->table, &router->allocator);
	router->table = table;
	return 0;
}

static int by_trunk(const void *left, const void *right)
{
	const struct router_place *a = left, *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->priority < b->priority ? -1 : a->priority > b->priority;
}

static int by_priority(const void *left, const void *right)
{
	const struct router_place *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int by_id(const void *left, const void *right)
{
	const struct router_campaign *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

static int read_campaign(struct router_campaign *out, const struct wtel_campaign *campaign,
			 const struct wtel_router *router)
{
	const struct wtel_allocator *allocator = &router->allocator;
	size_t i, kept = 0;

	out->id = campaign->id;
	out->general = campaign->general;
	out->caller_id = base_copy_string(allocator, campaign->caller_id ? campaign->caller_id : "");
	out->places = base_allocate(allocator, (campaign->trunk_count + 1) * sizeof(*out->places));
	if (!out->caller_id || !out->places)
		return WTEL_ENOMEM;
	for (i = 0; i < campaign->trunk_count; i++)
		out->places[i] =
			(struct router_place){campaign->trunks[i].trunk_id, campaign->trunks[i].priority, 0, -1};
	if (i)
		qsort(out->places, i, sizeof(*out->places), by_trunk);
	for (i = 0; i < campaign->trunk_count; i++)
		if (!kept || out->places[i].id != out->places[kept - 1].id)
			out->places[kept++] = out->places[i];
	if (kept)
		qsort(out->places, kept, sizeof(*out->places), by_priority);
	out->place_count = kept;
	return router_list_of(&out->list, out, router->table, allocator);
}

int wtel_router_set_campaigns(struct wtel_router *router, const struct wtel_campaign *campaigns, size_t count)
{
	struct router_campaign *read = base_allocate_zero(&router->allocator, (count + 1) * sizeof(*read));
	size_t i;
	int code = 0;

	if (!read)
		return WTEL_ENOMEM;
	for (i = 0; !code && i < count; i++)
		code = read_campaign(&read[i], &campaigns[i], router);
	if (code) {
		campaigns_free(read, count, &router->allocator);
		return code;
	}
	if (count)
		qsort(read, count, sizeof(*read), by_id);
	campaigns_free(router->campaigns, router->campaign_count, &router->allocator);
	router->campaigns = read;
	router->campaign_count = count;
	return 0;
}

/* ---- what changes between two lists ----------------------------------- */

void wtel_router_set_load(struct wtel_router *router, int64_t trunk_id, int active_calls)
{
	size_t position = router_find(router->table, trunk_id);

	if (position == router->table->count)
		return;
	router->table->trunks[position].active_calls = active_calls > 0 ? active_calls : 0;
	router_note(router->table, position);
}

void wtel_router_set_registered(struct wtel_router *router, int64_t trunk_id, bool registered)
{
	size_t position = router_find(router->table, trunk_id);

	if (position == router->table->count)
		return;
	router->table->trunks[position].registered = registered;
	router_note(router->table, position);
}

/* The store sets a trunk's status with the breaker: so does this. */
static void follow(struct router_trunk *trunk, const struct wtel_breaker *breaker)
{
	if (breaker->state == WTEL_BREAKER_OPEN && trunk->status == WTEL_TRUNK_ACTIVE)
		trunk->status = WTEL_TRUNK_ERROR;
	if (closes(&trunk->breaker, breaker)) {
		health_forgive(trunk->health);
		if (trunk->status == WTEL_TRUNK_ERROR)
			trunk->status = WTEL_TRUNK_ACTIVE;
	}
	trunk->breaker = *breaker;
}

void wtel_router_set_breaker(struct wtel_router *router, int64_t trunk_id, const struct wtel_breaker *breaker)
{
	size_t position = router_find(router->table, trunk_id);

	if (position == router->table->count)
		return;
	follow(&router->table->trunks[position], breaker);
	router_note(router->table, position);
	router->table->wake_at = INT64_MIN;
}

/* ---- health ----------------------------------------------------------- */

int wtel_router_outcome(struct wtel_router *router, struct wtel_breaker *breaker, int64_t trunk_id,
			enum wtel_outcome outcome, int64_t post_dial_delay, int64_t duration, int64_t wall)
{
	struct router_trunk *trunk = router_trunk_of(router, trunk_id);
	struct wtel_breaker next;
	int answered, attempts;
	bool changed;

	if (!trunk)
		return WTEL_ENOTFOUND;
	health_add(trunk->health, outcome, post_dial_delay, duration, wall);
	health_ratio(trunk->health, &answered, &attempts, wall);
	next = trunk->breaker;
	changed = wtel_breaker_step(&next, &trunk->rules.breaker, outcome, answered, attempts, wall);
	if (breaker)
		*breaker = next;
	return changed;
}

int wtel_router_health(const struct wtel_router *router, struct wtel_trunk_health *out, int64_t trunk_id, int64_t wall)
{
	const struct router_trunk *trunk = router_trunk_of(router, trunk_id);

	if (!trunk)
		return WTEL_ENOTFOUND;
	health_sum(trunk->health, out, trunk->rules.breaker.samples, wall);
	return 0;
}

enum wtel_fault wtel_router_fault(const struct wtel_router *router, int64_t trunk_id, int sip_code, int cause,
				  struct wtel_slice dial_status, bool ringing)
{
	const struct router_trunk *trunk = router_trunk_of(router, trunk_id);

	if (!trunk)
		return wtel_fault_of(sip_code, cause, dial_status, ringing);
	return trunk_rules_fault(&trunk->rules, sip_code, cause, dial_status, ringing);
}
