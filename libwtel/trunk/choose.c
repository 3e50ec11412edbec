#include <stdlib.h>
#include <wtel/trunk.h>

static int by_priority(const void *left, const void *right)
{
	const struct wtel_trunk_load *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

struct wtel_trunk_load wtel_trunk_load_of(const struct wtel_trunk *trunk)
{
	struct wtel_trunk_load load = {
		.id = trunk->id,
		.priority = trunk->campaign_priority ? trunk->campaign_priority : trunk->priority,
		.max_channels = trunk->max_channels,
		.active_calls = trunk->active_calls,
		.status = trunk->status,
		.registered = trunk->registered,
		.needs_registration = trunk->needs_registration,
	};

	return load;
}

void wtel_trunk_sort(struct wtel_trunk_load *trunks, size_t count)
{
	if (count)
		qsort(trunks, count, sizeof(*trunks), by_priority);
}

static enum wtel_trunk_verdict judge(const struct wtel_trunk_load *trunk)
{
	if (trunk->status != WTEL_TRUNK_ACTIVE)
		return WTEL_TRUNK_SKIPPED_STATUS;
	if (!trunk->registered && trunk->needs_registration)
		return WTEL_TRUNK_SKIPPED_UNREGISTERED;
	if (trunk->active_calls >= trunk->max_channels)
		return WTEL_TRUNK_SKIPPED_FULL;
	return WTEL_TRUNK_TAKEN;
}

/* Whether a call may take it; without a branch, because most of a thousand may be full. */
static unsigned usable(const struct wtel_trunk_load *trunk)
{
	return (unsigned)(trunk->active_calls < trunk->max_channels) & (unsigned)(trunk->status == WTEL_TRUNK_ACTIVE) &
	       ((unsigned)trunk->registered | (unsigned)!trunk->needs_registration);
}

/* The first that is usable; count if there is none. */
static size_t first_usable(const struct wtel_trunk_load *trunks, size_t count)
{
	size_t i = 0;

	for (; i + 4 <= count; i += 4)
		if (usable(&trunks[i]) | usable(&trunks[i + 1]) | usable(&trunks[i + 2]) | usable(&trunks[i + 3]))
			break;
	while (i < count && !usable(&trunks[i]))
		i++;
	return i;
}

int wtel_trunk_choose(size_t *index, const struct wtel_trunk_load *trunks, size_t count,
		      enum wtel_trunk_verdict *verdicts)
{
	size_t taken = first_usable(trunks, count), i;

	for (i = 0; verdicts && i < count; i++)
		verdicts[i] = i > taken ? WTEL_TRUNK_NOT_REACHED : judge(&trunks[i]);
	if (taken == count)
		return WTEL_ENOTRUNK;
	*index = taken;
	return 0;
}
