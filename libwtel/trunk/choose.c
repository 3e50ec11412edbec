#include <stdlib.h>
#include <wtel/trunk.h>

static int by_priority(const void *left, const void *right)
{
	const struct wtel_trunk_load *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
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

int wtel_trunk_choose(size_t *index, const struct wtel_trunk_load *trunks, size_t count,
		      enum wtel_trunk_verdict *verdicts)
{
	size_t taken = count, i;

	for (i = 0; i < count; i++) {
		enum wtel_trunk_verdict verdict = judge(&trunks[i]);

		if (verdicts)
			verdicts[i] = verdict;
		if (verdict == WTEL_TRUNK_TAKEN) {
			taken = i;
			break;
		}
	}
	if (taken == count)
		return WTEL_ENOTRUNK;
	for (i = taken + 1; verdicts && i < count; i++)
		verdicts[i] = WTEL_TRUNK_NOT_REACHED;
	*index = taken;
	return 0;
}
