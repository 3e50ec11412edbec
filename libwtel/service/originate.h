/*
 * One call that the program asked for, until Asterisk has it or will not have it:
 *
 *   WAITING --synchronised--> RESERVING --row--> RESERVED --expected--> EXPECTED --sent--> SENT --ack--> COMPLETE
 *      |                          |                 |                      |                |
 *      |                          +--no trunk--> COMPLETE |                |                +--no answer--> DOUBT
 *      |                                            |      |                |                |               |
 *      |                                            v      |                +-----> FAILING <+--refused      |
 *      +--disconnected--> COMPLETE               CLOSING (row without a call)         |     <--not there----+
 *                                                   +--------> COMPLETE <-------------+        there --> COMPLETE
 *
 * Nothing is sent twice: after a lost connection the call is looked for among the channels.
 */
#ifndef SERVICE_ORIGINATE_H
#define SERVICE_ORIGINATE_H

#include "service/failover.h"

enum originate_stage {
	ORIGINATE_WAITING,
	ORIGINATE_RESERVING,
	ORIGINATE_RESERVED,
	ORIGINATE_EXPECTED,
	ORIGINATE_SENT,
	ORIGINATE_DOUBT,
	ORIGINATE_FAILING,
	ORIGINATE_CLOSING,
	ORIGINATE_COMPLETE
};

struct originate {
	struct service_link link;
	struct service_request request;
	struct wtel_service *service;
	enum originate_stage stage;
	wtel_originate_fn *done;
	void *user;

	struct wtel_ami_action *action; /* all but the trunk's variables */
	struct wtel_call call;		/* its strings are the arrays below */
	struct wtel_trunk trunk;	/* the same */
	char call_id[WTEL_CALL_ID_SIZE];
	char extension[WTEL_PEER_EXTENSION_MAX + 1];
	char number[WTEL_NUMBER_SIZE];
	char trunk_name[404]; /* 100 characters of UTF-8 */
	char endpoint[404];
	char dial[WTEL_NUMBER_SIZE]; /* what the trunk is to dial; "": the number */
	char caller_id[64];	     /* "" none */
	char next[256];		     /* WTEL_NEXT; "" none */

	struct failover *failover; /* until the tracker has the call */
	bool foreign_caller_id;	   /* the program set WTEL_CALLER_ID itself */
	bool cancelled;		   /* a hangup came before it was dialled */
	bool reread;		   /* no trunk was there: the tables are read anew for it */
	unsigned carried;	   /* so many of the trunk's variables are in the action */
	unsigned misses;	   /* looks that did not find it */
	int64_t deadline;	   /* of the stage, mono; INT64_MAX: none */
	int code;		   /* for `done` */
	char text[512];
};

enum { ORIGINATE_ACK_TIMEOUT = 10000000 }; /* Asterisk queues at once; it is only slow when it is in trouble */

/* originate.c */
void originate_complete(struct originate *originate, int code, const char *text);
/* The call is to end as failed, first in the tracker (FAILING) or in its row alone (CLOSING). */
void originate_condemn(struct originate *originate, enum originate_stage stage, int code, const char *text);

/* originate_book.c: from WAITING to RESERVING. */
int originate_book(struct originate *originate);

#endif
