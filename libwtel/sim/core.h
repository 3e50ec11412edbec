/*
 * The simulator's insides. Everything that happens is a timer: a call is a small machine whose timer fires when its
 * next thing is due, so time may be the real one or a test's. Protocol facts are from main/manager.c, main/dial.c and
 * apps/app_dial.c of Asterisk 22; the sequences from sessions captured there.
 */
#ifndef SIM_CORE_H
#define SIM_CORE_H

#include <regex.h>
#include <wtel/sim.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/map.h"
#include "base/slice.h"

enum {
	SIM_LINE = 1024,     /* mansession_session.inbuf without its NUL */
	SIM_HEADERS = 128,   /* AST_MAX_MANHEADERS */
	SIM_UNIQUE_ID = 149, /* AST_MAX_PUBLIC_UNIQUEID */
	SIM_AUTH_LIMIT = 50,
	SIM_FILTERS = 32,
	SIM_DIAL_TIMEOUT = 30, /* seconds; this and the next three of examples/asterisk */
	SIM_WAIT = 2,
	SIM_TRANSACTION = 4,	/* seconds until an INVITE without any answer has failed */
	SIM_LAST_PRIORITY = 23, /* of the outbound context */
	SIM_QUEUE_TIMEOUT = 20,
	SIM_QUEUE_RETRY = 2
};
#define SIM_SECOND	 INT64_C(1000000)
#define SIM_AUTH_TIMEOUT (30 * SIM_SECOND)
#define SIM_LOGIN_DELAY	 SIM_SECOND    /* action_login() sleeps a second before it refuses */
#define SIM_NETWORK	 INT64_C(2000) /* a SIP message and its answer */
#define SIM_OUTPUT_LIMIT (16u << 20)   /* of a client that does not read */

/* Event and permission classes, include/asterisk/manager.h. */
enum {
	SIM_CLASS_SYSTEM = 1 << 0,
	SIM_CLASS_CALL = 1 << 1,
	SIM_CLASS_LOG = 1 << 2,
	SIM_CLASS_VERBOSE = 1 << 3,
	SIM_CLASS_COMMAND = 1 << 4,
	SIM_CLASS_AGENT = 1 << 5,
	SIM_CLASS_USER = 1 << 6,
	SIM_CLASS_CONFIG = 1 << 7,
	SIM_CLASS_DTMF = 1 << 8,
	SIM_CLASS_REPORTING = 1 << 9,
	SIM_CLASS_CDR = 1 << 10,
	SIM_CLASS_DIALPLAN = 1 << 11,
	SIM_CLASS_ORIGINATE = 1 << 12,
	SIM_CLASS_AGI = 1 << 13,
	SIM_CLASS_CC = 1 << 14,
	SIM_CLASS_AOC = 1 << 15,
	SIM_CLASS_TEST = 1 << 16,
	SIM_CLASS_SECURITY = 1 << 17,
	SIM_CLASS_MESSAGE = 1 << 18,
	SIM_CLASS_ALL = 0x7fffffff
};

/* ---- timers (timer.c) ------------------------------------------------- */

struct sim_timer;
typedef void sim_timer_fn(struct wtel_sim *sim, struct sim_timer *timer);

/* Embedded in what it wakes. */
struct sim_timer {
	int64_t due;	/* mono */
	uint64_t order; /* what was set first fires first */
	size_t place;	/* in the heap, from 1; 0: not set */
	sim_timer_fn *fire;
};

struct sim_timers {
	struct sim_timer **heap;
	size_t room;
	size_t count;
	size_t owners; /* timers that may be set at once */
	uint64_t order;
};

/* Room for one more timer, so that setting cannot fail; give it back when its owner goes. */
int sim_timer_adopt(struct wtel_sim *sim, struct sim_timer *timer, sim_timer_fn *fire) WTEL_MUST_CHECK;
void sim_timer_abandon(struct wtel_sim *sim, struct sim_timer *timer);
void sim_timer_set(struct wtel_sim *sim, struct sim_timer *timer, int64_t delay);
void sim_timer_clear(struct wtel_sim *sim, struct sim_timer *timer);
/* The earliest due by `until`, taken out; NULL. */
struct sim_timer *sim_timer_take(struct wtel_sim *sim, int64_t until);

/* ---- channels, bridges, calls ----------------------------------------- */

struct sim_variable {
	struct sim_variable *next;
	char *value; /* in the same block, behind the name */
	char name[];
};

enum sim_role { SIM_AGENT, SIM_CUSTOMER };

struct sim_channel {
	struct sim_channel *next; /* in the list of active ones, or of free ones */
	struct sim_channel *previous;
	struct sim_call *call;
	enum sim_role role;
	int state;
	int cause;
	int tech_cause;
	int priority;
	bool bridged;
	bool doomed;	 /* a hangup was asked for */
	int64_t created; /* mono */
	struct sim_variable *variables;
	char name[96];
	char unique_id[SIM_UNIQUE_ID + 3];
	char linked_id[SIM_UNIQUE_ID + 3];
	char endpoint[80];
	char caller[80], caller_name[80];
	char connected[80], connected_name[80];
	char account[80];
	char context[80];
	char extension[80];
	char application[32];
	char data[256];
};

/* What the called number does, by its last two digits, or the trunk before it comes to that. */
enum sim_outcome {
	SIM_ANSWERS,
	SIM_RINGS,
	SIM_EARLY_MEDIA,
	SIM_ANSWERS_AT_ONCE,
	SIM_SILENT,
	SIM_REFUSED,	  /* with the call's status */
	SIM_RINGS_REFUSED /* the same after a 180 */
};

/* What happens to a call when its timer fires. */
enum sim_step {
	SIM_REQUEST, /* Originate begins */
	SIM_AGENT_RINGS,
	SIM_AGENT_ANSWERS,
	SIM_AGENT_EXPIRES, /* Originate's timeout */
	SIM_APPLICATION_ENDS,
	SIM_PROVISIONAL,  /* 180 or 183 of the customer */
	SIM_FINAL,	  /* the customer's answer or refusal */
	SIM_DIAL_EXPIRES, /* Dial() gives up */
	SIM_TALK_ENDS,	  /* the customer hangs up */
	SIM_WAIT_ENDS,	  /* the dialplan's Wait() after a trunk's failure */
	SIM_HANGUP,	  /* by an action */
	SIM_REDIRECT,	  /* by an action */
	SIM_QUEUE_CALLS,  /* an agent, if there is one */
	SIM_QUEUE_RINGS,
	SIM_QUEUE_ANSWERS,
	SIM_QUEUE_EXPIRES /* the agent did not pick up */
};

/* What an action asked for, kept for the OriginateResponse. */
struct sim_origin {
	char action_id[SIM_LINE];
	char channel[256];
	char context[80];
	char extension[80];
	char application[80];
	char data[512];
	char caller[80], caller_name[80];
	char account[80];
	char unique_id[SIM_UNIQUE_ID + 1];
	int priority;
	int64_t timeout;		 /* microseconds */
	struct wtel_sim_client *waiting; /* not Async: the session that stands still until the agent answered */
};

struct sim_call {
	struct sim_timer timer;
	struct sim_timer leave; /* an agent who hangs up first */
	struct sim_call *next, *previous;
	enum sim_step step;
	enum sim_outcome outcome;
	bool inbound;
	bool originated;		 /* OriginateResponse was sent */
	bool alerted;			 /* the customer's phone rang, or early media came */
	bool dialling;			 /* DialBegin without DialEnd */
	bool queued;			 /* QueueCallerJoin without QueueCallerLeave */
	int status;			 /* SIP status of a refusal */
	int cause;			 /* of the hangup asked for */
	int dial_cause;			 /* what the last Dial left for the agent's channel */
	int64_t expires;		 /* mono: the Dial's or the Originate's timeout */
	int64_t joined, rang, connected; /* mono: queue */
	bool native;			 /* the bridge's technology */
	struct sim_channel *agent, *customer;
	struct sim_variable *variables; /* until the channel is there */
	size_t bridged;			/* channels in the bridge */
	char bridge[40];		/* its uuid; "" without one */
	struct sim_origin origin;
};

/* ---- clients ---------------------------------------------------------- */

struct sim_filter {
	bool exclude;
	bool compiled; /* `pattern` is in use */
	regex_t pattern;
	char text[256]; /* what the event must contain; "" for a pattern */
	char name[64];	/* the event's name; "" for any */
};

/*
 * Compiles an extended regular expression that a client sent. Refused are repetition counts and back references, which
 * glibc answers with time and memory beyond all bounds.
 */
bool sim_pattern(regex_t *out, const char *text);

struct wtel_sim_client {
	struct wtel_sim *sim;
	struct wtel_sim_client *next, *previous;
	struct sim_timer timer; /* authentication; the second before a refusal */
	struct base_buffer out;
	struct base_buffer late;  /* events that wait for an action to end */
	struct base_buffer input; /* bytes that wait for the same */
	struct base_buffer text;  /* the headers of the message so far, each terminated */
	uint32_t header[SIM_HEADERS];
	size_t header_count;
	bool header_lost;
	bool too_long;
	size_t line_length;
	char line[SIM_LINE];
	char challenge[24];
	bool authenticated;
	bool closing;
	bool refused; /* asleep before the refusal */
	bool acting;  /* an action is under way: events follow it */
	bool waiting; /* for its own Originate */
	int events;   /* classes sent */
	struct sim_filter filters[SIM_FILTERS];
	size_t filter_count;
	char refusal[SIM_LINE]; /* ActionID of the login that will be refused */
};

struct sim_registration {
	struct sim_registration *next;
	char *status; /* in the block of `endpoint`, with room for the longest */
	char endpoint[];
};

struct wtel_sim {
	struct wtel_allocator allocator;
	struct wtel_time now;
	int failed; /* WTEL_ENOMEM met where nothing can be returned */
	struct sim_timers timers;
	struct base_buffer event; /* the one being written */
	bool broken;		  /* memory ran out while it was written: who should get it is dropped */
	int event_class;
	const char *event_name;

	struct sim_channel *channels, *channels_last, *free_channels;
	struct sim_call *calls, *free_calls;
	struct base_map by_name, by_unique_id;
	size_t channel_count;
	uint64_t calls_processed;
	uint64_t qualifies;
	struct wtel_sim_client *clients;
	struct sim_registration *registrations, *registrations_last;
	char **endpoints;
	size_t endpoint_count;
	bool endpoints_any;
	struct sim_variable *globals;

	char username[80];
	char secret[128];
	int64_t agent_pickup, ring, talk;
	bool timestamps;
	uint64_t random;
	uint32_t channel_number;
	uint32_t unique_number;
	bool running;	 /* a time was given */
	int64_t started; /* wall */
	size_t queued;
	size_t queue_next; /* agent */

	double load;
	uint64_t load_made;
	int64_t load_began;
	struct sim_timer load_timer;
};

/* ---- text (event.c) --------------------------------------------------- */

/* Texts go to `event`; they cannot fail where they stand: sim->failed tells. */
void sim_text_clear(struct wtel_sim *sim);
void sim_put(struct wtel_sim *sim, const char *text);
void sim_put_number(struct wtel_sim *sim, int64_t number);
void sim_line(struct wtel_sim *sim, const char *name, const char *value);
void sim_line_number(struct wtel_sim *sim, const char *name, int64_t value);
void sim_put_instant(struct wtel_sim *sim, int64_t wall); /* "seconds.micros" */
/* Asterisk's block of a channel's fields; every name with the prefix. */
void sim_put_channel(struct wtel_sim *sim, const char *prefix, const struct sim_channel *channel);

/* Begin, lines, end: sent to every client that asked for the class. */
void sim_event_begin(struct wtel_sim *sim, const char *name, int class);
void sim_event_end(struct wtel_sim *sim);
/* An event with nothing but a channel's block. */
void sim_event_channel(struct wtel_sim *sim, const char *name, const struct sim_channel *channel);

void sim_copy(char *out, size_t room, const char *text);
uint64_t sim_random(struct wtel_sim *sim);
const char *sim_class_text(int class);
int sim_class_parse(const char *text); /* get_perm() */
int sim_mask_parse(const char *text);  /* strings_to_mask(): -1 for an empty one */

/* ---- client.c --------------------------------------------------------- */

/* What stands in sim->event goes to the client; as an event, it may have to wait. */
void sim_client_send(struct wtel_sim_client *client, bool event);
void sim_client_drop(struct wtel_sim_client *client);
bool sim_client_wants(const struct wtel_sim_client *client, int class, const char *name, struct wtel_slice text);
/* A header's value, "" if there is none; the first match, as Asterisk takes it. */
const char *sim_header(const struct wtel_sim_client *client, const char *name);
/* The n-th (from 0) line of the message; NULL beyond. */
const char *sim_header_line(const struct wtel_sim_client *client, size_t n);
/* The Originate that the session stood still for is decided. */
void sim_client_resume(struct wtel_sim_client *client, bool success);
void sim_client_free_all(struct wtel_sim *sim);
void sim_filters_free(struct wtel_sim_client *client);
/* Fires what is due and sets the clock. */
void sim_run(struct wtel_sim *sim, struct wtel_time now);

/* ---- action.c, list.c, originate.c ------------------------------------ */

void sim_action(struct wtel_sim_client *client);
void sim_reply(struct wtel_sim_client *client, const char *response, const char *message);
void sim_reply_begin(struct wtel_sim_client *client, const char *response);
void sim_reply_end(struct wtel_sim_client *client);
void sim_error(struct wtel_sim_client *client, const char *message);
void sim_list_begin(struct wtel_sim_client *client, const char *message);
void sim_item_begin(struct wtel_sim_client *client, const char *event, bool with_action_id);
void sim_list_end(struct wtel_sim_client *client, const char *event, size_t count);

typedef void sim_action_fn(struct wtel_sim_client *client);
sim_action_fn sim_action_channels, sim_action_registrations, sim_action_endpoints, sim_action_contacts;
sim_action_fn sim_action_originate, sim_action_hangup, sim_action_redirect, sim_action_setvar, sim_action_getvar;
sim_action_fn sim_action_bridge, sim_action_status, sim_action_filter, sim_action_qualify;
sim_action_fn sim_action_command, sim_action_settings, sim_action_core_status, sim_action_user_event;

/* ---- channel.c -------------------------------------------------------- */

int sim_channel_new(struct sim_channel **out, struct sim_call *call, enum sim_role role, const char *endpoint,
		    const char *unique_id, struct wtel_sim *sim) WTEL_MUST_CHECK;
void sim_channel_free(struct wtel_sim *sim, struct sim_channel *channel);
/* By name or Uniqueid, as ast_channel_get_by_name() looks. */
struct sim_channel *sim_channel_find(struct wtel_sim *sim, const char *name);
int sim_variable_set(struct wtel_sim *sim, struct sim_variable **list, const char *name, struct wtel_slice value);
const char *sim_variable_get(const struct sim_variable *list, const char *name); /* "" if there is none */
void sim_variables_free(struct wtel_sim *sim, struct sim_variable **list);
void sim_variables_inherit(struct wtel_sim *sim, struct sim_channel *to, const struct sim_channel *from);
bool sim_endpoint_exists(const struct wtel_sim *sim, const char *endpoint);

void sim_channel_state(struct wtel_sim *sim, struct sim_channel *channel, int state);
void sim_channel_caller(struct wtel_sim *sim, struct sim_channel *channel, const char *number, const char *name);
void sim_channel_connected(struct wtel_sim *sim, struct sim_channel *channel, const char *number, const char *name);
/* HangupRequest or SoftHangupRequest; then Hangup, which frees it. */
void sim_channel_request(struct wtel_sim *sim, struct sim_channel *channel, bool soft, int cause, int tech_cause);
void sim_channel_hangup(struct wtel_sim *sim, struct sim_channel *channel, int cause, int tech_cause);
const char *sim_state_text(int state);
const char *sim_cause_text(int cause);

void sim_bridge_create(struct wtel_sim *sim, struct sim_call *call);
void sim_bridge_enter(struct wtel_sim *sim, struct sim_channel *channel);
void sim_bridge_leave(struct wtel_sim *sim, struct sim_channel *channel);
void sim_bridge_destroy(struct wtel_sim *sim, struct sim_call *call);

/* ---- trunk.c ---------------------------------------------------------- */

/* What the end of an endpoint's name makes of it. */
struct sim_trunk {
	int status;	  /* answers every call so; 0: as the number says */
	bool rings;	  /* 180 before it */
	bool silent;	  /* never says a word */
	bool unreachable; /* it has a contact, which does not answer: no call goes there */
	bool absent;	  /* it has no contact */
};

struct sim_trunk sim_trunk_of(const char *endpoint);
bool sim_endpoint_phone(const char *endpoint);
int sim_sip_to_cause(int status);
const char *sim_dial_variable(int cause);
void sim_contact_id(const char *endpoint, char out[128]);
const char *sim_contact_status(const char *endpoint);
void sim_contact_rtt(const struct wtel_sim *sim, const char *endpoint, char out[24]);
bool sim_function(const struct wtel_sim *sim, const char *text, char *out, size_t room);

/* DialBegin, DialState, DialEnd; `caller` may be NULL. */
void sim_dial(struct wtel_sim *sim, const char *event, const struct sim_channel *caller,
	      const struct sim_channel *destination, const char *status);

/* ---- call.c, dial.c, queue.c ------------------------------------------ */

int sim_call_new(struct sim_call **out, struct wtel_sim *sim) WTEL_MUST_CHECK;
void sim_call_free(struct wtel_sim *sim, struct sim_call *call);
void sim_call_free_all(struct wtel_sim *sim);
void sim_call_next(struct wtel_sim *sim, struct sim_call *call, enum sim_step step, int64_t delay);
/* These two are asked for by actions: they happen in the next tick, after the answer. */
void sim_call_hangup(struct wtel_sim *sim, struct sim_call *call, struct sim_channel *channel, int cause);
void sim_call_redirect(struct wtel_sim *sim, struct sim_call *call, struct sim_channel *channel, const char *context,
		       const char *extension, int priority);
/* The agent's channel goes through the dialplan from where call->origin says. */
void sim_dialplan(struct wtel_sim *sim, struct sim_call *call);
/* Its end: the channel hangs up, and the call is over. `priority` of the last line; `cause` 0: what Dial() left. */
void sim_dialplan_end(struct wtel_sim *sim, struct sim_call *call, int priority, int cause);
void sim_dial_step(struct wtel_sim *sim, struct sim_call *call);
void sim_dial_hangup(struct wtel_sim *sim, struct sim_call *call);
/* The agent answered; 97 hangs up after `talk`. */
void sim_call_answered(struct wtel_sim *sim, struct sim_call *call);
void sim_dial_redirect(struct wtel_sim *sim, struct sim_call *call);
/* The bridge is left by `first`, then the other; and is gone. */
void sim_bridge_end(struct wtel_sim *sim, struct sim_call *call, struct sim_channel *first, struct sim_channel *second);
void sim_queue_step(struct wtel_sim *sim, struct sim_call *call);
void sim_queue_hangup(struct wtel_sim *sim, struct sim_call *call);
void sim_queue_talk_ends(struct wtel_sim *sim, struct sim_call *call);
bool sim_extension_exists(const char *context, const char *extension, int priority);
enum sim_outcome sim_outcome_of(const char *number, int *status);
bool sim_ends(const char *text, const char *end);
int sim_cause_to_sip(int cause);
/* ast_hangup_cause_to_dial_status() */
const char *sim_dial_status(int cause);

#endif
