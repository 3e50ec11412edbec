/* One epoll descriptor for everything the service waits for, and one timer in it. */
#ifndef SERVICE_LOOP_H
#define SERVICE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum loop_kind { LOOP_TIMER, LOOP_WAKE, LOOP_AMI, LOOP_STORE, LOOP_RESOLVER, LOOP_KINDS };

struct loop {
	int epoll;
	int timer;
	int wake; /* an eventfd: "at once" without setting the timer, and setting it back, which costs more */
	bool woken;
	int64_t armed; /* mono; INT64_MAX: the timer is off */
	struct {
		int fd; /* the one that was entered last; -1: none */
		uint32_t events;
	} watched[LOOP_KINDS];
};

struct loop_ready {
	enum loop_kind kind;
	int fd;
	uint32_t events; /* EPOLLIN, ... */
};

enum { LOOP_BATCH = 32 };

int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/*
 * Watches `fd` for `events`, or changes for what. Repeating it costs nothing. Whoever closes a descriptor says so with
 * loop_forget(): the kernel forgets it by itself, and another one may get its number.
 */
int loop_watch(struct loop *loop, int fd, uint32_t events, enum loop_kind kind);
void loop_forget(struct loop *loop, int fd);

/* Wakes at that instant of the mono clock at the latest. INT64_MAX: need not wake; in the past: at once. */
void loop_arm(struct loop *loop, int64_t deadline);

/* What is ready now, without waiting; at most LOOP_BATCH. */
size_t loop_ready(struct loop *loop, struct loop_ready out[LOOP_BATCH]);

#endif
