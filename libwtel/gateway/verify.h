/* bcrypt away from the loop: one thread, made when it is first needed. */
#ifndef GATEWAY_VERIFY_H
#define GATEWAY_VERIFY_H

#include "gateway/gateway.h"

struct verify;

/* Whose memory it is must wait for `done`, or for verify_free(). */
struct verify_job {
	struct verify_job *next;
	void (*done)(struct verify_job *job); /* from the loop */
	char hash[128];
	char secret[1025]; /* wiped when it was tried */
	bool good;
	bool queued; /* until `done` */
};

int verify_new(struct verify **out, struct ev_loop *loop, const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
/* Waits for the one that is being tried, some 50 ms. */
void verify_free(struct verify *verify);
void verify_add(struct verify *verify, struct verify_job *job);

#endif
