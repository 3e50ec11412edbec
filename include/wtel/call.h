/*
 * Calls out of events: channels are gathered by Linkedid into calls, each call
 * walks one state machine and ends in one record. Pure: events and a time in,
 * changes out. Whatever order Asterisk's threads send things in, the record is
 * the same.
 *
 * A call is one conversation with one customer. `answer` is when the customer
 * answered (outbound) or an agent did (inbound); `billsec = end - answer`, what the
 * carrier bills.
 */
#ifndef WTEL_CALL_H
#define WTEL_CALL_H

#include <wtel/ami.h>

#ifdef __cplusplus
extern "C" {
#endif

enum wtel_direction { WTEL_OUTBOUND, WTEL_INBOUND };

/* "outbound", "inbound": the seed's enum values. */
WTEL_API const char *wtel_direction_name(enum wtel_direction direction);

/* Outbound: QUEUED, AGENT (the agent's phone is called), DIALING (the customer is), RINGING, ANSWERED, ENDED.
 * Inbound: QUEUED, DIALING (an IVR or a queue has it), RINGING (an agent's phone), ANSWERED, ENDED. */
enum wtel_call_state {
	WTEL_CALL_QUEUED,
	WTEL_CALL_AGENT,
	WTEL_CALL_DIALING,
	WTEL_CALL_RINGING,
	WTEL_CALL_ANSWERED,
	WTEL_CALL_ENDED
};

/* "queued", "agent", "dialing", "ringing", "answered", "ended". */
WTEL_API const char *wtel_call_state_name(enum wtel_call_state state);

enum wtel_disposition {
	WTEL_DISPOSITION_NONE = 0,
#define WTEL_DISPOSITION_X(id, value, key) WTEL_DISPOSITION_##id,
#include <wtel/disposition.def>
#undef WTEL_DISPOSITION_X
	WTEL_DISPOSITIONS
};

/* "NO ANSWER"; "" for NONE. */
WTEL_API const char *wtel_disposition_name(enum wtel_disposition disposition);

/*
 * How a call that was not answered ended, from its customer's leg: the SIP
 * status decides before Q.850, DIALSTATUS where both are 0 (the one table is libwtel/call/cause.def).
 * `ringing`: 180 or 183 was seen.
 */
WTEL_API enum wtel_disposition wtel_disposition_of(int sip_code, int cause, struct wtel_slice dial_status,
						   bool ringing);

enum wtel_leg_role { WTEL_LEG_AGENT, WTEL_LEG_CUSTOMER, WTEL_LEG_OTHER };

/* "agent", "customer", "other". */
WTEL_API const char *wtel_leg_role_name(enum wtel_leg_role role);

/* One channel of a call. Wall times in microseconds, 0 where it did not happen. */
struct wtel_leg {
	const char *unique_id;
	const char *channel; /* its last name */
	const char *number;  /* whom it reached for: extension or phone number; "" if unknown */
	enum wtel_leg_role role;
	enum wtel_channel_state state;
	int64_t trunk_id; /* 0: none */
	int64_t start;
	int64_t ringing;
	int64_t answer;
	int64_t end;
	int cause;    /* Q.850, 0 while it lives */
	int sip_code; /* 0 if Asterisk did not tell */
};

/*
 * A call as it stands. `end` is 0 while it lives. Strings are never NULL, "" is unknown; ids are 0
 * where there is none. Borrowed from whoever gave it, until that one's next call.
 */
struct wtel_call {
	int64_t id; /* row in `calls`; 0 until the store told */
	const char *call_id;
	const char *channel; /* of its first leg */
	enum wtel_direction direction;
	enum wtel_call_state state;
	enum wtel_disposition disposition;
	bool estimated; /* its end was not seen, only concluded; or so was its answer */
	/* Only its answer: it was up when it was first seen, so `answer` is the latest that it can have been. The store
	 * keeps the earliest that it was told of, and counts from that. */
	bool answer_estimated;
	bool transferred;
	int64_t agent_id;
	int64_t campaign_id;
	int64_t lead_id;
	int64_t trunk_id;
	const char *caller_number; /* outbound: the agent's extension */
	const char *callee_number; /* outbound: the customer */
	int64_t start;		   /* wall, microseconds */
	int64_t ringing;
	int64_t answer;
	int64_t end;
	int cause;
	int sip_code;
	const char *reason; /* one sentence on how it ended; "" if plain */
	const char *recording_url;
	const struct wtel_leg *legs;
	size_t leg_count;
	const char *route; /* how its trunk was chosen, one JSON document a line for each booking; only of one call read
			      from the store, else NULL */
};

/* Whole seconds as the columns have them: end - start and end - answer, 0 while there is none. */
WTEL_API int64_t wtel_call_duration(const struct wtel_call *call);
WTEL_API int64_t wtel_call_billsec(const struct wtel_call *call);

/* ---- tracker ---------------------------------------------------------- */

enum wtel_call_change_type {
	WTEL_CALL_CHANGE_NEW,
	WTEL_CALL_CHANGE_STATE, /* agent, dialing, ringing: see call->state */
	WTEL_CALL_CHANGE_ANSWERED,
	WTEL_CALL_CHANGE_LEG,  /* a leg came, changed or went; nothing else did */
	WTEL_CALL_CHANGE_ENDED /* the last change of this call; it is forgotten after it */
};

struct wtel_call_change {
	enum wtel_call_change_type type;
	int64_t wall;
	const struct wtel_call *call; /* borrowed until the next call on the tracker */
};

/* What the tracker must know of the world to tell legs apart. All borrowed for the length of the call, copied. */
struct wtel_tracker_options {
	size_t size;
	const char *outbound_context; /* "welcomedly-outbound" */
	const char *inbound_context;  /* "welcomedly-inbound" */
	const char *agents_context;   /* "welcomedly-agents" */
	size_t max_calls;	      /* 1 000 000; beyond it new calls are counted and not followed */
	bool track_foreign;	      /* also calls that no trunk carries, such as between agents; false */
	uint64_t seed;		      /* of the hash tables; 0: from the system's random source */
};
#define WTEL_TRACKER_OPTIONS_INIT                                                                                      \
	{                                                                                                              \
		sizeof(struct wtel_tracker_options), "welcomedly-outbound", "welcomedly-inbound", "welcomedly-agents", \
			1000000, false, 0                                                                              \
	}

struct wtel_tracker_counters {
	uint64_t calls;
	uint64_t ended;
	uint64_t refused;      /* beyond max_calls */
	uint64_t mismatched;   /* events whose Channel and Uniqueid contradict what is known: ignored */
	uint64_t legs_dropped; /* beyond 64 of one call: ended ones make room, else the new one is not followed */
	size_t active;	       /* calls now */
	size_t channels;       /* legs now */
	size_t in_progress;    /* calls answered and not ended */
};

struct wtel_tracker;

/* Caller frees. `options` and `allocator` may be NULL. */
WTEL_API int wtel_tracker_new(struct wtel_tracker **out, const struct wtel_tracker_options *options,
			      const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
WTEL_API void wtel_tracker_free(struct wtel_tracker *tracker);

/*
 * The PJSIP endpoint of a trunk: channels "PJSIP/<endpoint>-..." are its legs. Setting the same endpoint again
 * replaces; trunk_id 0 removes. Copied.
 */
WTEL_API int wtel_tracker_set_trunk(struct wtel_tracker *tracker, const char *endpoint,
				    int64_t trunk_id) WTEL_MUST_CHECK;

/* The agent behind an extension (PJSIP/<extension>), for calls that we did not originate. agent_id 0 removes. */
WTEL_API int wtel_tracker_set_agent(struct wtel_tracker *tracker, const char *extension,
				    int64_t agent_id) WTEL_MUST_CHECK;

/*
 * A call is about to be originated: `call_id` is its ChannelId. Of `call` are read: id, call_id, direction, agent_id,
 * campaign_id, lead_id, trunk_id, caller_number, callee_number, start. NEW is told of it at once. Also for calls found
 * unfinished in the store at start-up: then state, ringing and answer count too, and a call that was beyond
 * QUEUED is not told as NEW again. WTEL_EINVAL (no call_id, or one over 255 bytes), WTEL_EEXISTS, WTEL_ELIMIT,
 * WTEL_ENOMEM.
 */
WTEL_API int wtel_tracker_expect(struct wtel_tracker *tracker, const struct wtel_call *call) WTEL_MUST_CHECK;

/* A hangup of that call was asked for: an end before the answer is CANCELLED. WTEL_ENOTFOUND. */
WTEL_API int wtel_tracker_cancel(struct wtel_tracker *tracker, const char *call_id) WTEL_MUST_CHECK;

/*
 * The call never came to life (Asterisk refused, the connection fell): ends with `disposition` (not ANSWERED) and that
 * sentence. If a channel of it lives after all, it ends so when that does, unless it is answered. Copied.
 * WTEL_ENOTFOUND, WTEL_EINVAL, WTEL_ENOMEM.
 */
WTEL_API int wtel_tracker_fail(struct wtel_tracker *tracker, const char *call_id, enum wtel_disposition disposition,
			       const char *reason, int64_t wall) WTEL_MUST_CHECK;

/* One trusted event in stream order; `wall` is when it happened. 0 or WTEL_ENOMEM (nothing of it was taken). */
WTEL_API int wtel_tracker_feed(struct wtel_tracker *tracker, const struct wtel_ami_event *event,
			       int64_t wall) WTEL_MUST_CHECK;

/*
 * After a (re)connect: begin, one wtel_tracker_feed() per CoreShowChannel item, then end. Calls of which no channel
 * is left are closed at `wall`, the latest that they can have ended (or see wtel_tracker_doubt()), and marked as
 * estimated; unknown channels become calls, whose answer, if they were up already, is estimated too. A call that
 * started within the last `grace` microseconds and has no channel yet is left alone. WTEL_ESTATE without a begin.
 */
WTEL_API void wtel_tracker_resync_begin(struct wtel_tracker *tracker);
WTEL_API int wtel_tracker_resync_end(struct wtel_tracker *tracker, int64_t wall, int64_t grace) WTEL_MUST_CHECK;

/*
 * A Hangup of that channel came at `wall` that cannot be believed, as a caller broke it. Should the next resync not
 * find the channel, it ended then; should it find it, nothing was said.
 */
WTEL_API void wtel_tracker_doubt(struct wtel_tracker *tracker, const char *channel, int64_t wall);

/*
 * Between begin and end: how many living channels the list has not named. Asterisk takes a channel off its list before
 * it sends the Hangup, so a moment's wait tells most of them their true end, and none need be estimated.
 */
WTEL_API size_t wtel_tracker_resync_missing(const struct wtel_tracker *tracker);

/*
 * An OriginateResponse that says Failure takes another way through Asterisk than channels' events, so it may overtake
 * them. What it says of a call without any channel is believed once `patience` microseconds have passed
 * since: such calls end now. 1: others still wait, call again; 0: none does.
 */
WTEL_API int wtel_tracker_expire(struct wtel_tracker *tracker, int64_t wall, int64_t patience) WTEL_MUST_CHECK;

/* 1: *out is the next change; 0: none. Drain after each feed. */
WTEL_API int wtel_tracker_next(struct wtel_tracker *tracker, struct wtel_call_change *out) WTEL_MUST_CHECK;

/* By call_id, or by the name or Uniqueid of one of its channels. NULL if unknown. Borrowed until the next call on the
 * tracker. */
WTEL_API const struct wtel_call *wtel_tracker_find(struct wtel_tracker *tracker, const char *name);

/* Walks the active calls: *position starts at 0. NULL at the end. Borrowed until the next call on the tracker. */
WTEL_API const struct wtel_call *wtel_tracker_walk(struct wtel_tracker *tracker, size_t *position);

WTEL_API void wtel_tracker_counters(const struct wtel_tracker *tracker, struct wtel_tracker_counters *out);

#ifdef __cplusplus
}
#endif
#endif
