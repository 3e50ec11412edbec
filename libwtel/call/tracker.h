/*
 * The tracker from inside. Files of the room, from the bottom up:
 *
 *   pool, index   memory and look-up
 *   cause         why a call ended, as a table
 *   leg           channels: created, gathered into calls, moved, dropped
 *   identity      which leg an event speaks of, and whether to believe it
 *   state         the state machine
 *   verdict       how a call ended, from all that is known of its legs
 *   change        what the program is told
 *   resync        after a reconnect
 *   feed          one event
 *   tracker       life, what is expected, what is asked
 *
 * Two rules keep it whole. Memory for the worst that one call on the tracker can need is reserved before anything is
 * touched (tracker_reserve), so nothing fails half-way. And nothing is decided by the order in which events came: times
 * are the least (or, for an end, the one) that was told, and the verdict is drawn when the last channel is gone.
 */
#ifndef CALL_TRACKER_H
#define CALL_TRACKER_H

#include "base/map.h"
#include "call/cause.h"
#include "call/index.h"
#include "call/pool.h"

enum {
	TRACKER_MAX_LEGS = 64,
	TRACKER_MAX_TEXT = 255, /* bytes of a Uniqueid, a channel's name, a number, a sentence */
	TRACKER_TEXTS = 3,
	TRACKER_GONE = 4096,	/* Uniqueids of the past that are still known */
	TRACKER_RESERVE = 16384 /* bytes of pool that one event can need at the very most */
};

/* A few strings in one block. */
struct tracker_text {
	char *data; /* each terminated, one behind the other; NULL: all empty */
	uint16_t size;
	uint8_t length[TRACKER_TEXTS];
};

enum { LEG_ID, LEG_NAME, LEG_NUMBER };

enum leg_flag {
	LEG_FIRST = 1,	   /* its Uniqueid is the call's identity */
	LEG_TAKEN = 2,	   /* DialEnd ANSWER or AgentConnect: it took the call, not only the line */
	LEG_REQUESTED = 4, /* its own end hung up (HangupRequest) */
	LEG_SOFT = 8,	   /* somebody on our side had it hung up (SoftHangupRequest) */
	LEG_LATE = 16,	   /* was up when a resync found it: when it answered is not known */
	LEG_LOCAL = 32,	   /* half of a Local channel, or another that Asterisk made for itself */
	LEG_TRUNK = 64,
	LEG_VANISHED = 128, /* its end was not seen */
	LEG_MERGED = 256,   /* came with a call that joined this one: what it did before was not for this customer */
	LEG_PAST = 512	    /* another trunk was tried since */
};

struct tracker_leg {
	struct index_link by_id; /* first: an index_link of `ids` is its leg */
	struct index_link by_name;
	struct tracker_leg *next; /* of the call, in order of arrival */
	struct tracker_call *call;
	struct tracker_text text;
	int64_t start;
	int64_t ringing;
	int64_t answer;
	int64_t end;
	int64_t request;  /* first HangupRequest */
	int64_t soft;	  /* first SoftHangupRequest */
	int64_t dial_end; /* DialEnd */
	int64_t doubted;  /* the first Hangup that could not be believed */
	int64_t trunk_id;
	uint64_t bridge; /* hash of the bridge it is in or was in last; 0: none yet */
	uint32_t epoch;	 /* of the resync in which it was last seen */
	int16_t cause;
	int16_t sip_code;
	uint8_t role;
	uint8_t state;
	uint8_t dial; /* enum cause_dial */
	uint16_t flags;
};

/* A Linkedid that leads to a call: its own, and those of calls that merged into it. */
struct tracker_key {
	struct index_link link; /* first: an index_link of `keys` is its key */
	struct tracker_key *next;
	struct tracker_call *call;
	uint8_t length;
	char id[];
};

enum { CALL_CALLER, CALL_CALLEE, CALL_REASON };

enum call_flag {
	CALL_VISIBLE = 1, /* a call, and not only channels that may become one */
	CALL_EXPECTED = 2,
	CALL_CANCELLED = 4, /* a hangup was asked for */
	CALL_FAILED = 8,    /* the program said so */
	CALL_TRANSFERRED = 16,
	CALL_QUEUED = 32, /* waited in a queue */
	CALL_ESTIMATED = 64,
	CALL_JOINED = 128 /* shares a bridge with another call that has a customer of its own */
};

struct tracker_call {
	struct tracker_key *key; /* its identity; merged ones follow */
	struct tracker_leg *legs;
	struct tracker_leg **tail;
	struct tracker_call *queued; /* next with changes to tell */
	struct tracker_text text;
	const char *sentence; /* how it ended; static */
	int64_t id;
	int64_t agent_id;
	int64_t campaign_id;
	int64_t lead_id;
	int64_t trunk_id;
	int64_t start;
	int64_t ringing;
	int64_t answer;
	int64_t end;
	int64_t change; /* wall of the last change */
	uint32_t place; /* in tracker->calls */
	uint16_t leg_count;
	uint16_t live; /* legs that have not ended */
	int16_t cause;
	int16_t sip_code;
	uint8_t direction;
	uint8_t state;
	uint8_t disposition;
	uint8_t flags;
	uint8_t pending; /* set of 1 << enum wtel_call_change_type */
	int8_t refusal;	 /* reason of a failed OriginateResponse; -1: none came */
	bool refused;	 /* so it failed, and no channel was seen yet */
	bool waiting;	 /* in the queue of changes */
	bool late;	 /* its answer was before our time */
};

struct tracker_endpoint {
	int64_t id;
	char name[];
};

struct wtel_tracker {
	struct wtel_allocator allocator;
	struct pool pool;
	struct index ids;   /* legs by Uniqueid */
	struct index names; /* legs by channel name */
	struct index keys;  /* calls by Linkedid */
	struct tracker_call **calls;
	size_t call_room;
	size_t call_count;
	size_t held; /* calls ended and not yet told */
	size_t max_calls;
	struct base_map trunks; /* struct tracker_endpoint */
	struct base_map agents;
	char *outbound_context;
	char *inbound_context;
	char *agents_context;
	bool track_foreign;
	bool resyncing;
	uint32_t epoch;
	uint64_t seed[2];
	struct tracker_call *queue; /* with changes to tell */
	struct tracker_call **queue_tail;
	struct tracker_call *over; /* told to the end: forgotten at the next call on the tracker */
	size_t refused;		   /* calls that await wtel_tracker_expire() */
	struct wtel_tracker_counters counters;
	uint64_t version;
	uint64_t gone[TRACKER_GONE];
	struct wtel_call view;
	struct wtel_leg view_legs[TRACKER_MAX_LEGS];
};

/* tracker.c */
/* Another one whenever a call that is walked over may look different, or is there no more. */
uint64_t tracker_version(const struct wtel_tracker *tracker);
int tracker_reserve(struct wtel_tracker *tracker);
void tracker_forget(struct wtel_tracker *tracker); /* what was told to the end */
int64_t tracker_endpoint(const struct base_map *map, struct wtel_slice name);
struct tracker_call *tracker_call_new(struct wtel_tracker *tracker, struct wtel_slice linked_id, int64_t wall);
struct tracker_call *tracker_call_find(const struct wtel_tracker *tracker, struct wtel_slice linked_id);
void tracker_call_discard(struct wtel_tracker *tracker, struct tracker_call *call);

/* text.c */
struct wtel_slice tracker_text_get(const struct tracker_text *text, int which);
const char *tracker_text_string(const struct tracker_text *text, int which);
bool tracker_text_set(struct pool *pool, struct tracker_text *text, int which, struct wtel_slice value);
void tracker_text_clear(struct pool *pool, struct tracker_text *text);

/* leg.c */
uint64_t tracker_hash(const struct wtel_tracker *tracker, struct wtel_slice bytes);
struct tracker_leg *tracker_leg_by_id(const struct wtel_tracker *tracker, struct wtel_slice id);
struct tracker_leg *tracker_leg_by_name(const struct wtel_tracker *tracker, struct wtel_slice name);
struct tracker_leg *tracker_leg_new(struct wtel_tracker *tracker, const struct wtel_ami_channel *block, int64_t wall);
void tracker_leg_rename(struct wtel_tracker *tracker, struct tracker_leg *leg, struct wtel_slice name);
/* What it is, once more: it was heard of before its call's record was read, and perhaps before its trunk was. */
void tracker_leg_settle(struct wtel_tracker *tracker, struct tracker_leg *leg, struct wtel_slice callee);
bool tracker_leg_number(struct wtel_tracker *tracker, struct tracker_leg *leg, struct wtel_slice number);
void tracker_leg_hide(struct wtel_tracker *tracker, struct tracker_leg *leg); /* no event finds it any more */
void tracker_leg_free(struct wtel_tracker *tracker, struct tracker_leg *leg);
bool tracker_leg_is_gone(const struct wtel_tracker *tracker, struct wtel_slice id);
void tracker_leg_set_gone(struct wtel_tracker *tracker, struct wtel_slice id, bool gone);
bool tracker_leg_end(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall);
struct tracker_leg *tracker_customer(const struct tracker_call *call);
void tracker_merge(struct wtel_tracker *tracker, struct tracker_call *into, struct tracker_call *from, int64_t wall);
struct wtel_slice tracker_leg_endpoint(struct wtel_slice name);

/* identity.c */
struct identity {
	const struct wtel_ami_channel *block;
	struct tracker_leg *leg; /* NULL: not known yet */
	bool present;		 /* the event has such a block */
};
/* false: it contradicts what is known. */
bool identity_check(struct wtel_tracker *tracker, struct identity *out, const struct wtel_ami_channel *block,
		    const struct wtel_ami_event *event);
/* The leg, created where `create` allows and up to date with the block; NULL: none. */
struct tracker_leg *identity_take(struct wtel_tracker *tracker, struct identity *identity, bool create, int64_t wall);

/* state.c */
enum call_input {
	CALL_INPUT_AGENT,  /* the agent's phone is called */
	CALL_INPUT_DIAL,   /* outbound: the customer is called; inbound: an IVR or a queue has the call */
	CALL_INPUT_RING,   /* the one who is called hears it */
	CALL_INPUT_ANSWER, /* the customer answered, or an agent did */
	CALL_INPUT_GONE	   /* no channel is left */
};
void call_input(struct wtel_tracker *tracker, struct tracker_call *call, enum call_input input, int64_t wall);
void call_reveal(struct wtel_tracker *tracker, struct tracker_call *call, enum wtel_direction direction, int64_t wall);
/* Draws from what is known of the leg what it means for its call. */
void call_assess(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall);
/* The last channel is gone, or is taken to be: verdict, end, change. */
void call_finish(struct wtel_tracker *tracker, struct tracker_call *call, int64_t wall, bool vanished);

/* verdict.c */
struct verdict {
	enum wtel_disposition disposition;
	const struct tracker_leg *leg; /* whose times and causes are the call's; NULL: none */
	const char *sentence;
};
struct verdict verdict_draw(const struct tracker_call *call);
const struct tracker_leg *verdict_carrier(const struct tracker_call *call);
bool tracker_leg_takes(const struct tracker_leg *leg); /* inbound: somebody, not an IVR or a queue */
bool tracker_leg_took(const struct tracker_leg *leg);

/* change.c */
void change_queue(struct wtel_tracker *tracker, struct tracker_call *call, enum wtel_call_change_type type,
		  int64_t wall);
const struct wtel_call *change_view(struct wtel_tracker *tracker, const struct tracker_call *call);

#endif
