/*
 * Being told of changes of trunks, campaigns and assignments. A change is told at once, a row of them at most ten times
 * a second: whoever is told reads everything anew.
 */
#include "store/core.h"

enum { BETWEEN = 100000 };

static void note(void *user)
{
	struct wtel_store *store = user;

	store->watch.pending = true;
}

void store_watch(struct wtel_store *store, store_changed_fn *changed, void *user)
{
	store->watch = (struct store_watch){changed, user, false, wtel_time_now().mono - BETWEEN};
	store->ops->watch(store->driver, changed ? note : NULL, store);
}

int64_t store_watch_deadline(const struct wtel_store *store)
{
	return store->watch.pending ? store->watch.told_at + BETWEEN : INT64_MAX;
}

void store_watch_dispatch(struct wtel_store *store, struct wtel_time now)
{
	struct store_watch *watch = &store->watch;

	if (!watch->pending || now.mono < watch->told_at + BETWEEN)
		return;
	watch->pending = false;
	watch->told_at = now.mono;
	watch->changed(watch->user);
}
