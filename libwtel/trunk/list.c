/* Lists of trunks by priority: the general one, and those of campaigns. */
#include "trunk/router.h"

#include <stdlib.h>

int router_list_new(struct router_list *out, const struct router_place *places, size_t count,
		    const struct wtel_allocator *allocator)
{
	struct router_list list = {NULL, NULL, 0, count};
	struct router_entry *entry = NULL;
	struct router_group *group = NULL;
	uint32_t used = 0;
	size_t i;

	if (count) {
		list.groups = base_allocate_zero(allocator, count * sizeof(*list.groups));
		list.entries = base_allocate_zero(allocator, count * sizeof(*list.entries));
		if (!list.groups || !list.entries) {
			router_list_free(&list, allocator);
			return WTEL_ENOMEM;
		}
	}
	for (i = 0; i < count; i++) {
		uint32_t position = places[i].position;

		if (!group || places[i].priority != places[i - 1].priority) {
			group = &list.groups[list.group_count++];
			group->first = used;
			entry = NULL;
		}
		if (!entry || entry->word != position / 64) {
			entry = &list.entries[used++];
			entry->word = position / 64;
			group->count++;
		}
		entry->mask |= UINT64_C(1) << (position & 63);
	}
	*out = list;
	return 0;
}

void router_list_free(struct router_list *list, const struct wtel_allocator *allocator)
{
	base_release(allocator, list->groups);
	base_release(allocator, list->entries);
	*list = (struct router_list){NULL, NULL, 0, 0};
}

static int by_priority(const void *left, const void *right)
{
	const struct router_place *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

int router_list_of(struct router_list *out, const struct router_campaign *campaign, const struct router_table *table,
		   const struct wtel_allocator *allocator)
{
	struct router_place *places;
	size_t i, position, count = 0;
	int code;

	*out = (struct router_list){NULL, NULL, 0, 0};
	if (!campaign->place_count)
		return 0;
	places = base_allocate(allocator, campaign->place_count * sizeof(*places));
	if (!places)
		return WTEL_ENOMEM;
	for (i = 0; i < campaign->place_count; i++) {
		position = router_find(table, campaign->places[i].id);
		if (position == table->count)
			continue;
		places[count] = campaign->places[i];
		places[count++].position = (uint32_t)position;
	}
	if (count)
		qsort(places, count, sizeof(*places), by_priority);
	code = router_list_new(out, places, count, allocator);
	base_release(allocator, places);
	return code;
}

const struct router_campaign *router_campaign_of(const struct wtel_router *router, int64_t id)
{
	size_t low = 0, high = router->campaign_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (router->campaigns[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < router->campaign_count && router->campaigns[low].id == id ? &router->campaigns[low] : NULL;
}
