#include "service/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <wtel/base.h>

int loop_open(struct loop *loop)
{
	size_t i;

	for (i = 0; i < LOOP_KINDS; i++)
		loop->watched[i].fd = -1;
	loop->armed = INT64_MAX;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->woken = false;
	if (loop->epoll < 0 || loop->timer < 0 || loop->wake < 0 ||
	    loop_watch(loop, loop->timer, EPOLLIN, LOOP_TIMER) || loop_watch(loop, loop->wake, EPOLLIN, LOOP_WAKE)) {
		loop_close(loop);
		return WTEL_EIO;
	}
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->timer >= 0)
		close(loop->timer);
	if (loop->wake >= 0)
		close(loop->wake);
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->timer = loop->wake = loop->epoll = -1;
}

static void unknown(struct loop *loop, int fd)
{
	size_t i;

	for (i = 0; i < LOOP_KINDS; i++)
		if (loop->watched[i].fd == fd)
			loop->watched[i].fd = -1;
}

static int enter(struct loop *loop, int fd, uint32_t events, enum loop_kind kind)
{
	struct epoll_event event;

	memset(&event, 0, sizeof(event));
	event.events = events;
	event.data.u64 = (uint64_t)kind << 32 | (uint32_t)fd;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	if (errno == ENOENT && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return errno == ENOMEM ? WTEL_ENOMEM : WTEL_EIO;
}

int loop_watch(struct loop *loop, int fd, uint32_t events, enum loop_kind kind)
{
	int code;

	/* Asked for after every step, it is nearly always so already. */
	if (loop->watched[kind].fd == fd && loop->watched[kind].events == events)
		return 0;
	unknown(loop, fd);
	code = enter(loop, fd, events, kind);
	if (!code) {
		loop->watched[kind].fd = fd;
		loop->watched[kind].events = events;
	}
	return code;
}

void loop_forget(struct loop *loop, int fd)
{
	struct epoll_event event;

	unknown(loop, fd);
	/* It may be closed already: the kernel forgot it by itself then. */
	memset(&event, 0, sizeof(event));
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, &event);
}

void loop_arm(struct loop *loop, int64_t deadline)
{
	struct itimerspec when;

	/* Most deadlines move on with every event: to wake once too early is cheaper than to set it each time. */
	if (loop->armed <= deadline || loop->woken)
		return;
	if (deadline <= 0) {
		loop->woken = eventfd_write(loop->wake, 1) == 0;
		return;
	}
	memset(&when, 0, sizeof(when));
	when.it_value.tv_sec = deadline / 1000000;
	when.it_value.tv_nsec = deadline % 1000000 * 1000;
	if (timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0)
		loop->armed = deadline;
}

size_t loop_ready(struct loop *loop, struct loop_ready out[LOOP_BATCH])
{
	struct epoll_event events[LOOP_BATCH];
	uint64_t number;
	int i, count = epoll_wait(loop->epoll, events, LOOP_BATCH, 0);

	for (i = 0; i < count; i++) {
		out[i].kind = (enum loop_kind)(events[i].data.u64 >> 32);
		out[i].fd = (int)(uint32_t)events[i].data.u64;
		out[i].events = events[i].events;
		if (out[i].kind == LOOP_TIMER) {
			(void)!read(loop->timer, &number, sizeof(number));
			loop->armed = INT64_MAX;
		} else if (out[i].kind == LOOP_WAKE) {
			(void)eventfd_read(loop->wake, &number);
			loop->woken = false;
		}
	}
	return count > 0 ? (size_t)count : 0;
}
