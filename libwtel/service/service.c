/* Life, dispatch and what the program may ask. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll */
#endif
#include "service/service.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>

enum { HEARTBEAT = 5000000, MEMORY_RETRY = 10000 };

void service_log(struct wtel_service *service, enum wtel_log_level level, const char *format, ...)
{
	char text[640];
	va_list arguments;
	char *at;

	if (!service->options.log)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Names and texts come from the wire too: one line stays one line. */
	for (at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	service_enter(service);
	service->options.log(level, text, service->options.log_user);
	service_leave(service);
}

int service_note(struct wtel_service *service, int code)
{
	if (code == WTEL_ENOMEM)
		service->code = code;
	return code;
}

int service_fail(struct wtel_service *service, int code, const char *field, const char *format, ...)
{
	va_list arguments;

	base_fail(&service->error, code, field, "%s", "");
	va_start(arguments, format);
	vsnprintf(service->error.text, sizeof(service->error.text), format, arguments);
	va_end(arguments);
	return code;
}

void service_enter(struct wtel_service *service)
{
	service->depth++;
}

void service_leave(struct wtel_service *service)
{
	service->depth--;
}

/* ---- life ---- */

static void prepare(struct wtel_service *service, const struct wtel_allocator *allocator)
{
	service->allocator = *allocator;
	service->loop.epoll = service->loop.timer = service->loop.wake = -1;
	service->conn.fd = -1;
	service->store_fd = -1;
	service_list_init(&service->tickets);
	service_list_init(&service->requests);
	service_list_init(&service->originates);
	service_list_init(&service->failovers);
	service_list_init(&service->health_steps);
	service_list_init(&service->hangups);
	service_list_init(&service->jobs_new);
	service_list_init(&service->jobs);
	service_list_init(&service->jobs_due);
	service_list_init(&service->observers);
}

static void destroy(struct wtel_service *service)
{
	struct wtel_allocator allocator = service->allocator;

	if (service->annex)
		service->annex->release(service, service->annex);
	conn_close(&service->conn);
	sync_free(service);
	routing_free(service);
	base_map_free(&service->calls, &allocator);
	wtel_tracker_free(service->tracker);
	options_free(service);
	loop_close(&service->loop);
	base_release(&allocator, service);
}

static int open_all(struct wtel_service *service, const struct wtel_service_options *options,
		    struct wtel_detail *detail)
{
	int code = options_copy(service, options, detail);

	if (!code)
		code = options_hosts(service, options, detail);
	if (code)
		return code;
	code = wtel_tracker_new(&service->tracker, &service->options.tracker, &service->allocator);
	if (code)
		return base_fail(detail, code, "tracker", "%s", wtel_error_text(code));
	service->expire_at = service->jobs_deadline = INT64_MAX;
	code = sync_init(service);
	if (code)
		return base_fail(detail, code, "", "%s", wtel_error_text(code));
	if (loop_open(&service->loop))
		return base_fail(detail, WTEL_EIO, "", "no descriptor: %s", strerror(errno));
	if (getrandom(&service->random, sizeof(service->random), 0) != sizeof(service->random))
		return base_fail(detail, WTEL_EIO, "", "the system has no randomness");
	service->random |= 1;
	base_map_init(&service->calls, service->random);
	return 0;
}

int wtel_service_new(struct wtel_service **out, const struct wtel_service_options *options,
		     const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct wtel_allocator from = base_allocator(allocator);
	struct wtel_service *service;
	int code;

	if (!options)
		return base_fail(detail, WTEL_EINVAL, "options", "options are needed");
	service = base_allocate_zero(&from, sizeof(*service));
	if (!service)
		return base_fail(detail, WTEL_ENOMEM, "", "out of memory");
	prepare(service, &from);
	code = open_all(service, options, detail);
	if (code) {
		destroy(service);
		return code;
	}
	/* The first dispatch connects. */
	loop_arm(&service->loop, 1);
	*out = service;
	return 0;
}

void wtel_service_free(struct wtel_service *service)
{
	if (!service || service->closing)
		return;
	service->closing = true;
	if (service->depth || service->dispatching)
		return;
	service->now = wtel_time_now();
	link_finish(service);
	(void)fold_changes(service);
	originate_end_all(service);
	hangup_end_all(service);
	request_end_all(service);
	job_end_all(service);
	(void)fold_changes(service);
	failover_end_all(service);
	health_end_all(service);
	if (service->store)
		store_watch(service->store, NULL, NULL);
	ticket_abandon_all(service);
	observer_detach_all(service);
	destroy(service);
}

int wtel_service_fd(const struct wtel_service *service)
{
	return service->loop.epoll;
}

/* ---- dispatch ---- */

/* The store's descriptor may be another one after each of its calls. */
static void watch_store(struct wtel_service *service)
{
	int fd = store_fd(service->store);
	short events = store_events(service->store);

	if (service->store_fd >= 0 && service->store_fd != fd && service->store_fd != service->conn.fd)
		loop_forget(&service->loop, service->store_fd);
	service->store_fd = fd;
	if (fd >= 0)
		(void)loop_watch(&service->loop, fd,
				 (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u), LOOP_STORE);
}

static void step_store(struct wtel_service *service)
{
	if (!service->store)
		return;
	if (service->now.mono >= service->heartbeat_at) {
		service->heartbeat_at = service->now.mono + HEARTBEAT;
		(void)service_note(service, store_heartbeat(service->store));
	}
	(void)service_note(service, store_dispatch(service->store, service->now));
	watch_store(service);
}

static void step_resolver(struct wtel_service *service, const struct loop_ready *ready, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ready[i].kind == LOOP_RESOLVER)
			resolve_process(&service->conn.resolve, ready[i].fd, ready[i].events);
}

static void step_expire(struct wtel_service *service)
{
	if (service->now.mono < service->expire_at)
		return;
	service->expire_at = wtel_tracker_expire(service->tracker, service->now.wall, SERVICE_PATIENCE) == 1
				     ? service->now.mono + SERVICE_PATIENCE / 5
				     : INT64_MAX;
}

/* Everything but the program's callbacks. WTEL_ENOMEM: an event waits for memory, and nothing may overtake it. */
static int step_all(struct wtel_service *service)
{
	int code = link_dispatch(service);

	if (!code)
		code = fold_changes(service);
	if (code)
		return code;
	failover_step_all(service); /* an agent waits */
	step_store(service);
	failover_step_all(service);
	state_flush(service);
	sync_step(service);
	originate_step_all(service);
	health_step_all(service);
	hangup_step_all(service);
	job_step_all(service);
	step_expire(service);
	code = fold_changes(service);
	if (code)
		return code;
	/* An embedded database answers at once: its answer is acted on now, not with the next wakeup. */
	step_store(service);
	failover_step_all(service);
	originate_step_all(service);
	code = fold_changes(service);
	return code ? code : link_flush(service);
}

static void earlier(int64_t *deadline, int64_t other)
{
	if (other < *deadline)
		*deadline = other;
}

static void arm(struct wtel_service *service)
{
	int64_t deadline = link_deadline(service);

	earlier(&deadline, sync_deadline(service));
	earlier(&deadline, originate_deadline(service));
	earlier(&deadline, failover_deadline(service));
	earlier(&deadline, health_deadline(service));
	earlier(&deadline, hangup_deadline(service));
	earlier(&deadline, job_deadline(service));
	earlier(&deadline, service->expire_at);
	if (service->store) {
		earlier(&deadline, store_deadline(service->store));
		earlier(&deadline, service->heartbeat_at);
		watch_store(service);
	}
	if (service->code == WTEL_ENOMEM && deadline < service->now.mono + MEMORY_RETRY)
		deadline = service->now.mono + MEMORY_RETRY;
	else if (service->code == WTEL_ENOMEM)
		earlier(&deadline, service->now.mono + MEMORY_RETRY);
	loop_arm(&service->loop, deadline);
}

int wtel_service_dispatch(struct wtel_service *service)
{
	struct loop_ready ready[LOOP_BATCH];
	size_t count;
	int code;

	if (service->depth || service->dispatching)
		return WTEL_EBUSY;
	service->dispatching = true;
	service->code = 0;
	service->now = wtel_time_now();
	count = loop_ready(&service->loop, ready);
	step_resolver(service, ready, count);
	(void)service_note(service, step_all(service));
	if (!service->held && !service->change_held) {
		originate_complete_all(service);
		hangup_complete_all(service);
		job_complete_all(service);
		(void)service_note(service, link_flush(service));
	}
	observer_run(service);
	arm(service);
	service->dispatching = false;
	code = service->code;
	if (service->closing) {
		service->closing = false;
		wtel_service_free(service);
	}
	return code;
}

int wtel_service_wait(struct wtel_service *service, int64_t timeout)
{
	struct pollfd poller = {service->loop.epoll, POLLIN, 0};
	struct timespec left = {0, 0};
	int ready, code;

	if (service->depth || service->dispatching)
		return WTEL_EBUSY;
	if (timeout > 0) {
		left.tv_sec = timeout / 1000000;
		left.tv_nsec = timeout % 1000000 * 1000;
	}
	ready = ppoll(&poller, 1, timeout < 0 ? NULL : &left, NULL);
	if (ready == 0 || (ready < 0 && errno == EINTR))
		return 0;
	if (ready < 0)
		return service_fail(service, WTEL_EIO, "", "poll: %s", strerror(errno));
	code = wtel_service_dispatch(service);
	return code ? code : 1;
}

/* ---- questions ---- */

const struct wtel_detail *wtel_service_error(const struct wtel_service *service)
{
	return &service->error;
}

/* While a change waits for memory the tracker is not asked: its answer would take the change's place. */
const struct wtel_call *wtel_service_call(struct wtel_service *service, const char *name)
{
	return service->change_held || !name ? NULL : wtel_tracker_find(service->tracker, name);
}

const struct wtel_call *wtel_service_walk(struct wtel_service *service, size_t *position)
{
	return service->change_held ? NULL : wtel_tracker_walk(service->tracker, position);
}

void wtel_service_stats(const struct wtel_service *service, struct wtel_service_stats *out)
{
	struct wtel_ami_session *session = link_session(service);

	memset(out, 0, sizeof(*out));
	wtel_ami_session_counters(session, &out->ami);
	wtel_tracker_counters(service->tracker, &out->tracker);
	out->connected = service->ready;
	out->synchronised = service->ready && service->sync.synchronised;
	out->active_calls = out->tracker.active;
	out->calls_in_progress = out->tracker.in_progress;
	out->store_queue = service->store ? store_queued(service->store) : 0;
	out->reconnects = service->reconnects;
	out->round_trip = out->ami.round_trip;
	out->host = service->ready ? service->hosts[service->host].name : "";
	out->version = service->ready ? wtel_ami_session_version(session) : "";
}
