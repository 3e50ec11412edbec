/*
 * One call that the program asked for, until Asterisk has it or will not have it:
 *
 *   WAITING --synchronised--> RESERVING --row--> RESERVED --expected--> EXPECTED --sent--> SENT --ack--> COMPLETE
 *      |                          |                 |                      |                |
 *      |                          +--no trunk--> EXPLAINING --why--> COMPLETE               +--no answer--> DOUBT
 *      |                                            |                      |                |               |
 *      |                                            v                      +-----> FAILING <+--refused      |
 *      +--disconnected--> COMPLETE               CLOSING (row without a call)         |     <--not there----+
 *                                                   +--------> COMPLETE <-------------+        there --> COMPLETE
 *
 * Nothing is sent twice: after a lost connection the call is looked for among the channels.
 */
#ifndef SERVICE_ORIGINATE_H
#define SERVICE_ORIGINATE_H

#include "service/service.h"

enum originate_stage {
	ORIGINATE_WAITING,
	ORIGINATE_RESERVING,
	ORIGINATE_EXPLAINING,
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
	char number[48];
	char trunk_name[404]; /* 100 characters of UTF-8 */
	char endpoint[404];

	bool cancelled;	  /* a hangup came before it was dialled */
	bool healed;	  /* the store's registrations were put right for it once */
	bool carried;	  /* the trunk's variables are in the action */
	unsigned misses;  /* looks that did not find it */
	int64_t deadline; /* of the stage, mono; INT64_MAX: none */
	int code;	  /* for `done` */
	char text[256];
};

#endif
