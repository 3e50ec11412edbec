/*
 * The choice. What depends on the number is one set of the index, what depends on the trunks is kept up to date as they
 * change: a choice walks the number's digits, intersects the sets and goes through its lists group by group.
 */
#include "trunk/router.h"

#include <string.h>

struct rank {
	struct wtel_router *router;
	struct router_table *table;
	struct wtel_route *routes;
	size_t count, room;
	const char *number;    /* "" none */
	const char *caller_id; /* of the campaign */
	uint64_t *candidates;
	uint64_t *late; /* full ones, as far as is known: after the others of their group. NULL: none */
};

/* Four weights at a time; which of them are meant is four bits of a set. */
typedef uint32_t lanes __attribute__((vector_size(16)));
#define LANE(bit) ((bit) ? UINT32_MAX : 0)
#define LANES(set)                                                                                                     \
	{                                                                                                              \
		LANE((set)&1), LANE((set)&2), LANE((set)&4), LANE((set)&8)                                             \
	}

static const lanes lanes_of[16] = {LANES(0),  LANES(1),	 LANES(2),  LANES(3), LANES(4),	 LANES(5),
				   LANES(6),  LANES(7),	 LANES(8),  LANES(9), LANES(10), LANES(11),
				   LANES(12), LANES(13), LANES(14), LANES(15)};

/* A weight is at most a million: 16 of them fit a lane. */
static uint64_t sum_of(const uint32_t *weights, uint64_t set)
{
	lanes sum = {0, 0, 0, 0}, four;

	for (; set; set >>= 4, weights += 4) {
		memcpy(&four, weights, sizeof(four));
		sum += four & lanes_of[set & 15];
	}
	return (uint64_t)sum[0] + sum[1] + sum[2] + sum[3];
}

/* Steele, Lea and Flood's SplitMix64. */
static uint64_t next_random(struct wtel_router *router)
{
	uint64_t x = router->random += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* One of `set`, whose weights' sum is more than `ticket`. */
static size_t drawn(const uint32_t *weights, uint64_t set, uint64_t ticket)
{
	size_t bit = 0;

	for (; set; set &= set - 1) {
		bit = (size_t)__builtin_ctzll(set);
		if (ticket < weights[bit])
			break;
		ticket -= weights[bit];
	}
	return bit;
}

/* By lot among those of the group that are in `set`; the table's count: none is. */
static size_t draw(const struct rank *rank, const struct router_list *list, const struct router_group *group,
		   const uint64_t *set)
{
	const struct router_entry *entries = list->entries + group->first, *only = NULL;
	struct router_table *table = rank->table;
	uint64_t bits, total = 0, ticket;
	bool many = false;
	uint32_t i;

	for (i = 0; i < group->count; i++) {
		bits = set[entries[i].word] & entries[i].mask;
		if (!bits)
			continue;
		many |= only || (bits & (bits - 1));
		only = &entries[i];
	}
	if (!only)
		return table->count;
	if (!many)
		return only->word * 64u + (size_t)__builtin_ctzll(set[only->word] & only->mask);
	for (i = 0; i < group->count; i++) {
		bits = set[entries[i].word] & entries[i].mask;
		table->sums[i] = sum_of(table->weights + entries[i].word * 64u, bits);
		total += table->sums[i];
	}
	ticket = (uint64_t)(((unsigned __int128)next_random(rank->router) * total) >> 64);
	for (i = 0; ticket >= table->sums[i]; i++)
		ticket -= table->sums[i];
	bits = set[entries[i].word] & entries[i].mask;
	return entries[i].word * 64u + drawn(table->weights + entries[i].word * 64u, bits, ticket);
}

const struct trunk_prefix *router_prefix(const struct trunk_rules *rules, const char *number)
{
	const struct trunk_prefix *prefixes = rules->prefixes;
	size_t length = strlen(number), low, high = rules->prefix_count, common;

	/* The last rule that is not after the number is the longest, or whichever is has in common with it what it has
	 * in common with the number. */
	for (;;) {
		for (low = 0; low < high;) {
			size_t middle = low + (high - low) / 2;
			int order = strncmp(prefixes[middle].prefix, number, length);

			if (order < 0 || (!order && strlen(prefixes[middle].prefix) <= length))
				low = middle + 1;
			else
				high = middle;
		}
		if (!low)
			return NULL;
		high = low - 1;
		for (common = 0; common < length && prefixes[high].prefix[common] == number[common];)
			common++;
		if (!prefixes[high].prefix[common])
			return &prefixes[high];
		length = common;
	}
}

bool router_dialled(char out[WTEL_NUMBER_SIZE], const struct trunk_rules *rules, const char *number)
{
	return trunk_prefix_apply(out, router_prefix(rules, number), number) == 0 && strcmp(out, "+") != 0;
}

/* False: what it would dial is no number. */
static bool fill(struct wtel_route *route, const struct rank *rank, const struct router_trunk *trunk)
{
	route->number[0] = '\0';
	if (*rank->number && !router_dialled(route->number, &trunk->rules, rank->number))
		return false;
	route->trunk_id = trunk->id;
	route->calls_per_second = trunk->rules.calls_per_second;
	route->trial = trunk->breaker.state == WTEL_BREAKER_OPEN;
	route->name = trunk->name;
	route->endpoint = trunk->endpoint;
	route->caller_id = *rank->caller_id ? rank->caller_id : trunk->rules.caller_id ? trunk->rules.caller_id : "";
	return true;
}

/* Those of the group in `set`, without putting back. False: no more room. */
static bool rank_group(struct rank *rank, const struct router_list *list, const struct router_group *group,
		       uint64_t *set)
{
	size_t position;

	while (rank->count < rank->room) {
		position = draw(rank, list, group, set);
		if (position == rank->table->count)
			return true;
		router_bit_set(set, position, false);
		rank->count += fill(&rank->routes[rank->count], rank, &rank->table->trunks[position]);
	}
	return false;
}

static void rank_list(struct rank *rank, const struct router_list *list)
{
	size_t i;

	for (i = 0; i < list->group_count; i++)
		if (!rank_group(rank, list, &list->groups[i], rank->candidates) ||
		    (rank->late && !rank_group(rank, list, &list->groups[i], rank->late)))
			return;
}

/* The sets of this choice. */
static void gather(struct rank *rank, const struct wtel_route_request *request, int64_t wall)
{
	struct router_table *table = rank->table;
	const uint64_t *allowed = *rank->number ? prefix_index_find(&table->index, rank->number) : table->all;
	size_t i, position;

	router_look(table, wall);
	rank->candidates = table->candidates;
	for (i = 0; i < table->words; i++)
		table->candidates[i] = allowed[i] & table->ready[i] & table->free[i];
	rank->late = request->loads_are_old ? table->late : NULL;
	for (i = 0; rank->late && i < table->words; i++)
		table->late[i] = allowed[i] & table->ready[i] & ~table->free[i];
	for (i = 0; i < request->tried_count; i++) {
		position = router_find(table, request->tried[i]);
		if (position == table->count)
			continue;
		router_bit_set(table->candidates, position, false);
		if (rank->late)
			router_bit_set(table->late, position, false);
	}
}

/* "+" and 4 to 15 digits, the first no 0: nothing is to be normalised. */
static bool is_e164(const char *number)
{
	size_t length = 1;

	if (number[0] != '+' || number[1] < '1' || number[1] > '9')
		return false;
	while (number[length] >= '0' && number[length] <= '9' && length < 17)
		length++;
	return !number[length] && length >= 5 && length <= 16;
}

int router_request(struct wtel_route_request *out, char number[WTEL_NUMBER_SIZE], const struct wtel_router *router,
		   const struct wtel_route_request *request)
{
	struct wtel_route_request full = WTEL_ROUTE_REQUEST_INIT;

	if (request)
		memcpy(&full, request, request->size < sizeof(full) ? request->size : sizeof(full));
	if (!full.tried)
		full.tried_count = 0;
	*out = full;
	number[0] = '\0';
	if (!full.number)
		return 0;
	if (is_e164(full.number)) {
		memcpy(number, full.number, strlen(full.number) + 1);
		return 0;
	}
	return wtel_number_normalise(number, full.number, router->country);
}

int wtel_router_rank(struct wtel_router *router, struct wtel_route *routes, size_t *count, size_t room,
		     const struct wtel_route_request *request, int64_t wall)
{
	const struct router_campaign *campaign;
	struct wtel_route_request full;
	char number[WTEL_NUMBER_SIZE];
	struct rank rank = {.router = router,
			    .table = router->table,
			    .routes = routes,
			    .room = room,
			    .number = number,
			    .caller_id = ""};

	if (!room || router_request(&full, number, router, request))
		return WTEL_EINVAL;
	campaign = full.campaign_id ? router_campaign_of(router, full.campaign_id) : NULL;
	gather(&rank, &full, wall);
	if (campaign) {
		rank.caller_id = campaign->caller_id;
		rank_list(&rank, &campaign->list);
	}
	if (!campaign || campaign->general || !campaign->list.trunk_count)
		rank_list(&rank, &router->table->general);
	if (!rank.count)
		return WTEL_ENOTRUNK;
	*count = rank.count;
	return 0;
}
