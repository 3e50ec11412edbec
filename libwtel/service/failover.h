/*
 * A call that this process originated, from its booking to its end: which trunks tried it, and whether another may.
 *
 *   ASLEEP --sent--> WATCHING --fault--> WANTED --store_move()--> MOVING --booked--> MOVED --Setvar, Redirect--+
 *                      |    ^               |                       |                  |                      |
 *                      |    +---------------|-----------------------|------------------|----------------------+
 *                      v                    v                       v                  v
 *                    OVER: it rang, it was answered, the answer was the customer's, the agent went, a hangup was asked
 *                          for, no other trunk may have it, or the redirection was refused
 *
 * What a trunk did is judged once for each attempt: at the end of the customer's leg, or, where Asterisk could not even
 * make one, at the dialplan's WtelTrunkFault. Nothing is redirected twice, and nothing after a doubt.
 */
#ifndef SERVICE_FAILOVER_H
#define SERVICE_FAILOVER_H

#include "service/service.h"

enum { FAILOVER_ATTEMPTS_MAX = 16 };

enum failover_stage {
	FAILOVER_ASLEEP,
	FAILOVER_WATCHING,
	FAILOVER_WANTED,
	FAILOVER_MOVING,
	FAILOVER_MOVED,
	FAILOVER_OVER
};

/* What the agent's channel has beside TRUNK_ID and WTEL_ENDPOINT: to be emptied for a trunk that has none. */
enum failover_variable { FAILOVER_DIAL = 1, FAILOVER_CALLER_ID = 2, FAILOVER_NEXT = 4, FAILOVER_FOREIGN_CALLER_ID = 8 };

struct failover {
	struct service_link link; /* in service->failovers while there is something to do, or an answer to come */
	struct service_request request;
	struct wtel_service *service;
	enum failover_stage stage;
	bool rang;	/* 180, 183 or an answer */
	bool cancelled; /* a hangup was asked for */
	bool ended;	/* only an answer is still awaited */
	bool dialled;	/* the present trunk was seen at work */
	bool answered;	/* its breaker was told */
	bool moved;	/* the row's trunk may be another than the one that was dialled last */
	bool reported;	/* WtelTrunkFault came before the end of the leg that it speaks of */
	bool waiting;	/* it came: the agent's channel does nothing but wait */
	unsigned pending;
	unsigned variables;		      /* set of enum failover_variable */
	unsigned sent;			      /* actions of the present redirection */
	size_t judged;			      /* customer's legs, in order of their start */
	size_t count;			      /* trunks that had the call */
	struct wtel_route *routes;	      /* MOVED: our copy */
	size_t taken;			      /* of `routes` */
	int64_t at;			      /* mono: the fault was heard of */
	int64_t campaign_id;		      /* of the request */
	int64_t tried[FAILOVER_ATTEMPTS_MAX]; /* the last one is the present one */
	char call_id[48];
	char number[WTEL_NUMBER_SIZE];
	char status[16]; /* DIALSTATUS, of the WtelTrunkFault */
	int cause;
	char fault[40]; /* in words: "SIP 503" */
};

/* Before anything is booked. WTEL_ENOMEM. */
int failover_new(struct failover **out, struct wtel_service *service, const char *call_id, const char *number,
		 int64_t campaign_id);
/* The call came to nothing before the tracker knew it. */
void failover_drop(struct failover *failover);
/* The call goes to Asterisk with that trunk; what was set for it. */
void failover_booked(struct failover *failover, int64_t trunk_id, unsigned variables);
void failover_sent(struct failover *failover);
/* By call id; NULL: not ours. */
struct failover *failover_find(const struct wtel_service *service, struct wtel_slice call_id);

/* failover_move.c: booking the next trunk and sending the agent there. */
void failover_step(struct failover *failover);
/* A trunk may be tried yet. */
bool failover_may(const struct failover *failover, const struct wtel_call *call);
/* To be looked at in the next step. */
void failover_want(struct failover *failover, enum failover_stage stage);
void failover_over(struct failover *failover);
void failover_free(struct failover *failover);
/* The row goes back to the trunk that was dialled last, if one was booked that never was. */
int failover_restore(struct failover *failover);

#endif
