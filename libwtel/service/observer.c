/* Queues of notices. One copy of a notice is shared by all observers and freed with the last of them. */
#include "service/service.h"

#include <stdalign.h>
#include <stdatomic.h>

/*
 * Stands before the notice in its block. The count is atomic because two observers are two handles, which two threads
 * may use once the service is gone.
 */
struct shared {
	struct wtel_allocator allocator;
	atomic_size_t holders;
};

struct wtel_observer {
	struct service_link link;
	struct wtel_allocator allocator;
	struct wtel_service *service; /* NULL: it is gone */
	wtel_observer_fn *ready;
	void *user;
	struct wtel_notice **ring;
	size_t room;
	size_t first;
	size_t count;
	size_t max_queue;
	uint64_t lost; /* since the last overflow notice */
	int64_t lost_wall;
	struct wtel_notice *given; /* the one that the program looks at */
	bool fresh;		   /* something came since the last ready */
	bool dead;		   /* freed from inside a callback */
};

const char *wtel_notice_name(enum wtel_notice_type type)
{
	static const char *const names[] = {
#define WTEL_NOTICE_X(id, name) name,
#include <wtel/notice.def>
#undef WTEL_NOTICE_X
	};

	return (unsigned)type < WTEL_NOTICES ? names[type] : "";
}

static size_t shared_size(void)
{
	size_t step = alignof(max_align_t);

	return (sizeof(struct shared) + step - 1) / step * step;
}

static struct shared *shared_of(struct wtel_notice *notice)
{
	return (struct shared *)(void *)((char *)notice - shared_size());
}

static void release(struct wtel_notice *notice)
{
	struct shared *shared;
	struct wtel_allocator allocator;

	if (!notice)
		return;
	shared = shared_of(notice);
	if (atomic_fetch_sub(&shared->holders, 1) != 1)
		return;
	allocator = shared->allocator;
	base_release(&allocator, shared);
}

int wtel_observer_new(struct wtel_observer **out, struct wtel_service *service, size_t max_queue,
		      wtel_observer_fn *ready, void *user)
{
	struct wtel_observer *observer = base_allocate_zero(&service->allocator, sizeof(*observer));

	if (!observer)
		return service_fail(service, WTEL_ENOMEM, "", "out of memory");
	observer->allocator = service->allocator;
	observer->service = service;
	observer->ready = ready;
	observer->user = user;
	observer->max_queue = max_queue ? max_queue : 10000;
	service_list_add(&service->observers, &observer->link);
	*out = observer;
	return 0;
}

static void destroy(struct wtel_observer *observer)
{
	struct wtel_allocator allocator = observer->allocator;

	service_list_remove(&observer->link);
	for (; observer->count; observer->count--) {
		release(observer->ring[observer->first]);
		observer->first = (observer->first + 1) % observer->room;
	}
	release(observer->given);
	base_release(&allocator, observer->ring);
	base_release(&allocator, observer);
}

void wtel_observer_free(struct wtel_observer *observer)
{
	if (!observer)
		return;
	/* A walk over the observers may be under way further up the stack. */
	if (observer->service && (observer->service->depth || observer->service->dispatching)) {
		observer->dead = true;
		observer->service->observers_fresh = true;
		return;
	}
	destroy(observer);
}

static struct wtel_notice *take(struct wtel_observer *observer)
{
	struct wtel_notice *notice = observer->ring[observer->first];

	observer->first = (observer->first + 1) % observer->room;
	observer->count--;
	return notice;
}

static void note_loss(struct wtel_observer *observer, int64_t wall)
{
	observer->lost++;
	observer->lost_wall = wall;
}

/* Room for one more, dropping the oldest when the queue is full. false: out of memory. */
static bool make_room(struct wtel_observer *observer, int64_t wall)
{
	size_t room = observer->room ? observer->room * 2 : 16, i;
	struct wtel_notice **ring;

	if (observer->count < observer->room && observer->count < observer->max_queue)
		return true;
	if (observer->count == observer->max_queue) {
		release(take(observer));
		note_loss(observer, wall);
		return true;
	}
	if (room > observer->max_queue)
		room = observer->max_queue;
	if (room > SIZE_MAX / sizeof(*ring))
		return false;
	ring = base_allocate(&observer->allocator, room * sizeof(*ring));
	if (!ring)
		return false;
	for (i = 0; i < observer->count; i++)
		ring[i] = observer->ring[(observer->first + i) % observer->room];
	base_release(&observer->allocator, observer->ring);
	observer->ring = ring;
	observer->room = room;
	observer->first = 0;
	return true;
}

static struct wtel_notice *share(struct wtel_service *service, const struct wtel_notice *notice)
{
	struct wtel_notice *copy = copy_notice(&service->allocator, notice, shared_size());

	if (copy) {
		shared_of(copy)->allocator = service->allocator;
		atomic_init(&shared_of(copy)->holders, 1);
	}
	return copy;
}

/* An observer for which there is no memory loses the notice, and is told that it did: records do not depend on it. */
void observer_tell(struct wtel_service *service, const struct wtel_notice *notice)
{
	struct wtel_notice *copy = NULL;
	struct service_link *at;
	bool tried = false;

	for (at = service->observers.next; at != &service->observers; at = at->next) {
		struct wtel_observer *observer = (struct wtel_observer *)at;

		if (observer->dead)
			continue;
		if (!tried)
			copy = share(service, notice);
		tried = true;
		observer->fresh = service->observers_fresh = true;
		if (!copy || !make_room(observer, notice->wall)) {
			note_loss(observer, notice->wall);
			continue;
		}
		atomic_fetch_add(&shared_of(copy)->holders, 1);
		observer->ring[(observer->first + observer->count++) % observer->room] = copy;
	}
	release(copy);
}

int wtel_observer_next(struct wtel_observer *observer, struct wtel_notice *out)
{
	release(observer->given);
	observer->given = NULL;
	if (observer->lost) {
		struct wtel_notice overflow = {WTEL_NOTICE_OVERFLOW, observer->lost_wall, NULL, 0, "", "", "", 0};

		overflow.lost = observer->lost;
		observer->lost = 0;
		*out = overflow;
		return 1;
	}
	if (!observer->count)
		return 0;
	observer->given = take(observer);
	*out = *observer->given;
	return 1;
}

void observer_run(struct wtel_service *service)
{
	struct service_link *at, *next;

	if (!service->observers_fresh)
		return;
	service->observers_fresh = false;
	for (at = service->observers.next; at != &service->observers && !service->closing; at = at->next) {
		struct wtel_observer *observer = (struct wtel_observer *)at;

		if (observer->dead || !observer->fresh)
			continue;
		observer->fresh = false;
		if (!observer->ready || !(observer->count || observer->lost))
			continue;
		service_enter(service);
		observer->ready(observer, observer->user);
		service_leave(service);
	}
	for (at = service->observers.next; at != &service->observers; at = next) {
		next = at->next;
		if (((struct wtel_observer *)at)->dead)
			destroy((struct wtel_observer *)at);
	}
}

void observer_detach_all(struct wtel_service *service)
{
	while (service->observers.next != &service->observers) {
		struct wtel_observer *observer = (struct wtel_observer *)service->observers.next;

		service_list_remove(&observer->link);
		observer->service = NULL;
		if (observer->dead)
			destroy(observer);
	}
}
