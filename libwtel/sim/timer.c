/* A binary heap of timers that are embedded in what they wake. */
#include "sim/core.h"

int sim_timer_adopt(struct wtel_sim *sim, struct sim_timer *timer, sim_timer_fn *fire)
{
	struct sim_timers *timers = &sim->timers;

	if (timers->owners == timers->room) {
		size_t room = timers->room ? timers->room * 2 : 64;
		struct sim_timer **heap =
			base_reallocate(&sim->allocator, timers->heap, room * sizeof(struct sim_timer *));

		if (!heap)
			return WTEL_ENOMEM;
		timers->heap = heap;
		timers->room = room;
	}
	timers->owners++;
	timer->place = 0;
	timer->fire = fire;
	return 0;
}

void sim_timer_abandon(struct wtel_sim *sim, struct sim_timer *timer)
{
	sim_timer_clear(sim, timer);
	sim->timers.owners--;
}

static bool timer_before(const struct sim_timer *a, const struct sim_timer *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

/* Places are counted from 1: the parent of p is p / 2. */
static void timer_put(struct sim_timers *timers, size_t place, struct sim_timer *timer)
{
	timers->heap[place - 1] = timer;
	timer->place = place;
}

static void timer_sift(struct sim_timers *timers, size_t place, struct sim_timer *timer)
{
	size_t child;

	while (place > 1 && timer_before(timer, timers->heap[place / 2 - 1])) {
		timer_put(timers, place, timers->heap[place / 2 - 1]);
		place /= 2;
	}
	while ((child = place * 2) <= timers->count) {
		if (child < timers->count && timer_before(timers->heap[child], timers->heap[child - 1]))
			child++;
		if (!timer_before(timers->heap[child - 1], timer))
			break;
		timer_put(timers, place, timers->heap[child - 1]);
		place = child;
	}
	timer_put(timers, place, timer);
}

void sim_timer_set(struct wtel_sim *sim, struct sim_timer *timer, int64_t delay)
{
	struct sim_timers *timers = &sim->timers;

	if (delay < 0)
		delay = 0;
	sim_timer_clear(sim, timer);
	timer->due = delay > INT64_MAX - 1 - sim->now.mono ? INT64_MAX - 1 : sim->now.mono + delay;
	timer->order = timers->order++;
	timer_sift(timers, ++timers->count, timer);
}

void sim_timer_clear(struct wtel_sim *sim, struct sim_timer *timer)
{
	struct sim_timers *timers = &sim->timers;
	struct sim_timer *last;
	size_t place = timer->place;

	if (!place)
		return;
	timer->place = 0;
	last = timers->heap[--timers->count];
	if (last != timer)
		timer_sift(timers, place, last);
}

struct sim_timer *sim_timer_take(struct wtel_sim *sim, int64_t until)
{
	struct sim_timer *timer = sim->timers.count ? sim->timers.heap[0] : NULL;

	if (!timer || timer->due > until)
		return NULL;
	sim_timer_clear(sim, timer);
	return timer;
}
