/*
 * The session's inside. Of all the states only READY lets actions in:
 *
 *   CLOSED --open--> BANNER --banner--> CHALLENGE --digits--> LOGIN --Success--> READY
 *     ^                 |  (plain secret: straight to LOGIN)    |                  |
 *     |                 |                                       +--Error--> REJECTED
 *     |                 +--no banner, no answer in time, no pong--> LOST <---------+
 *     +------------------------------close, from every state
 */
#ifndef AMI_SESSION_H
#define AMI_SESSION_H

#include <wtel/ami.h>

#include "ami/action.h"
#include "base/buffer.h"

enum session_state {
	SESSION_CLOSED,
	SESSION_BANNER,	   /* open; the peer has to speak first */
	SESSION_CHALLENGE, /* asked for the digits */
	SESSION_LOGIN,	   /* asked to be let in */
	SESSION_READY,
	SESSION_REJECTED,
	SESSION_LOST
};

/* ---- actions in flight ---- */

/* One action of the user's, from its sending until its DONE is given out. */
struct pending_entry {
	uint64_t token; /* 0: free */
	void *user;
	int64_t timeout;
	int64_t deadline; /* on the mono clock */
	uint32_t place;	  /* in the heap; 0: not there */
	uint32_t next;	  /* of the free ones, or of the finished ones */
	int code;	  /* how it finished */
	bool list;	  /* answered with a list that is still open */
};

/*
 * All of it is allocated once. A token is (sequence << bits | slot), so that a slot is found without a search and a
 * late answer meets another sequence. Slot 0 belongs to the session's own actions, which have no entry.
 */
struct pending_table {
	struct pending_entry *entries; /* [0] is unused */
	uint32_t *heap;		       /* slots by deadline, from 1 */
	uint32_t room;
	uint32_t heap_count;
	uint32_t free_first;
	uint32_t finished_first;
	uint32_t finished_last;
	unsigned bits;
	uint64_t sequence;
};

enum { PENDING_MAX = 1 << 20 };

int pending_init(struct pending_table *table, const struct wtel_allocator *allocator, size_t room);
void pending_free(struct pending_table *table, const struct wtel_allocator *allocator);
uint64_t pending_own_token(struct pending_table *table);

/* NULL: `room` are in flight. */
struct pending_entry *pending_add(struct pending_table *table, int64_t now, int64_t timeout);
struct pending_entry *pending_find(const struct pending_table *table, uint64_t token); /* NULL: none, or finished */
void pending_remove(struct pending_table *table, struct pending_entry *entry);
void pending_touch(struct pending_table *table, struct pending_entry *entry, int64_t now); /* its time starts anew */

void pending_finish(struct pending_table *table, struct pending_entry *entry, int code);
void pending_finish_all(struct pending_table *table, int code);
size_t pending_expire(struct pending_table *table, int64_t now);		    /* gives back how many */
bool pending_take_finished(struct pending_table *table, struct pending_entry *out); /* in the order they finished */
int64_t pending_deadline(const struct pending_table *table);			    /* INT64_MAX: none */

/* ---- when an event happened ---- */

/*
 * Receipt minus Timestamp is the difference of the two clocks plus how long the event lay in Asterisk's queue, on
 * the wire and in ours. The least of many is the difference of the clocks. It is taken over the
 * present and the last window, so that a stepped or drifting clock is followed.
 */
struct session_clock {
	int64_t started; /* of the present window, mono */
	int64_t present; /* least difference in it */
	int64_t past;	 /* and in the one before */
	int64_t last;	 /* wall given out last: records must not run backwards */
	bool any;
};

void session_clock_sample(struct session_clock *clock, int64_t timestamp, struct wtel_time received);
int64_t session_clock_wall(struct session_clock *clock, int64_t timestamp, struct wtel_time received);

/* ---- the session ---- */

struct session_filter {
	char *text;
	struct wtel_ami_action *action;
};

struct wtel_ami_session {
	struct wtel_allocator allocator;
	struct wtel_ami_parser *parser;
	struct wtel_ami_guard guard;
	struct pending_table pending;
	struct session_clock clock;
	struct base_buffer output;

	char *username;
	char *secret;
	char *event_mask;
	struct session_filter *filters;
	size_t filter_count;
	enum wtel_ami_authentication authentication;
	int64_t login_timeout;
	int64_t ping_interval;
	int64_t ping_timeout;
	char prefix[17]; /* of every ActionID */

	enum session_state state;
	bool closing;	    /* what came before the end is still to be read */
	bool lost_told;	    /* LOST was given out */
	bool distrusted;    /* the guard may have dropped genuine messages: to be told */
	bool output_secret; /* the output holds a plain secret */
	const char *lost_text;
	struct wtel_time now;	   /* of the last call that told one */
	struct wtel_time received; /* of the last bytes */

	uint64_t login_token;
	int64_t login_deadline;
	uint64_t filter_token; /* of the first filter; the others follow */
	size_t login_room;     /* bytes that everything up to READY may need */

	uint64_t ping_token; /* 0: none in flight */
	int64_t ping_sent;
	int64_t ping_deadline;
	int64_t ping_due;

	uint64_t events;
	uint64_t unknown;
	uint64_t timeouts;
	uint64_t broken;      /* of earlier connections */
	uint64_t quarantined; /* of earlier connections */
	int64_t round_trip;

	struct wtel_ami_message message; /* the one given out */
	char version[32];
	char text[256];
};

/* An ActionID with its final NUL: 16 digits, '-', up to 16 digits. */
enum { SESSION_ID_SIZE = 40 };

void session_id(const struct wtel_ami_session *session, uint64_t token, char out[SESSION_ID_SIZE]);
uint64_t session_id_token(const struct wtel_ami_session *session, struct wtel_slice id); /* 0: not ours */

/* Copies the options. WTEL_EINVAL and others with *detail. */
int session_configure(struct wtel_ami_session *session, const struct wtel_ami_session_options *options,
		      struct wtel_detail *detail);

/* The peer is given up. `text` is a literal. */
void session_lose(struct wtel_ami_session *session, const char *text);

/* All of a notice but its event, which is large and is written by its decoder. */
static inline void session_event_notice(const struct wtel_ami_session *session, struct wtel_ami_notice *out,
					enum wtel_ami_notice_type type)
{
	out->type = type;
	out->time = session->received;
	out->wall = session->received.wall;
	out->code = 0;
	out->token = 0;
	out->user = NULL;
	out->message = NULL;
	out->source = "";
	out->text = "";
}

/* A notice without an event in it. */
void session_notice(const struct wtel_ami_session *session, struct wtel_ami_notice *out,
		    enum wtel_ami_notice_type type);

/* Keeps the value of a message's "Message" for a notice's text. */
const char *session_text(struct wtel_ami_session *session, const struct wtel_ami_message *message);

/* What a refused answer means: WTEL_EPERMISSION or WTEL_EREFUSED. */
int session_refusal(const char *text);

/* The message up to READY. true: *out is filled. */
bool session_login(struct wtel_ami_session *session, struct wtel_ami_notice *out);

/* An answer to one of the session's filters; true: *out tells that it was refused. */
bool session_filter_answer(struct wtel_ami_session *session, size_t index, struct wtel_ami_notice *out);

/* A trusted message in READY. true: *out is filled. */
bool session_receive(struct wtel_ami_session *session, struct wtel_ami_notice *out);

void session_ping_start(struct wtel_ami_session *session, int64_t due);
void session_ping_tick(struct wtel_ami_session *session);
void session_pong(struct wtel_ami_session *session);

#endif
