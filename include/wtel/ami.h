/*
 * The Asterisk Manager Interface as pure functions: bytes in, messages out,
 * actions in, bytes out. No socket and no clock in here; feed it from any loop,
 * a file or a fuzzer.
 *
 *   wtel_ami_parser   bytes    -> messages (slices into its buffer)
 *   wtel_ami_action   fields   -> bytes, refusing what would be an injection
 *   wtel_ami_event    message  -> typed event
 *   wtel_ami_guard    message  -> trusted or quarantined
 *   wtel_ami_session  all four: login, ActionIDs, lists, deadlines, ping
 *
 * Protocol facts are from main/manager.c and main/manager_channels.c of
 * Asterisk 20 and 22 unless a line says otherwise.
 */
#ifndef WTEL_AMI_H
#define WTEL_AMI_H

#include <stdbool.h>
#include <wtel/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- messages --------------------------------------------------------- */

enum wtel_ami_kind {
	WTEL_AMI_BANNER,   /* "Asterisk Call Manager/11.0.0": the first line of a connection */
	WTEL_AMI_RESPONSE, /* first line is "Response:" */
	WTEL_AMI_EVENT,	   /* first line is "Event:" */
	WTEL_AMI_HEADLESS  /* neither: the tail of a message that a caller broke in two */
};

/* A line "name: value". A line without a colon has an absent name. */
struct wtel_ami_field {
	struct wtel_slice name;
	struct wtel_slice value;
};

/*
 * One message. All slices are borrowed from the parser until its next
 * wtel_ami_parser_next(), _reserve() or _feed(). Fields stand in the order of
 * the wire, repeated names included. Bytes are kept as they came.
 */
struct wtel_ami_message {
	enum wtel_ami_kind kind;
	struct wtel_slice head;		     /* value of the first line: "Success", "Hangup"; the banner's version */
	const struct wtel_ami_field *fields; /* fields[0] is the first line */
	size_t field_count;
	struct wtel_slice raw; /* the whole message without its closing blank line */
	/*
	 * Bytes behind it that came already, from the closing blank line on; for wtel_ami_guard: Asterisk writes an
	 * event in one piece, so what a caller broke off it mostly stands here. Depends on how the stream was cut.
	 */
	struct wtel_slice next;
};

/* The first field with that name, case-insensitive as Asterisk compares; absent if none. */
WTEL_API struct wtel_slice wtel_ami_message_get(const struct wtel_ami_message *message, const char *name);

/* The n-th (from 0) field with that name; absent if there are fewer. */
WTEL_API struct wtel_slice wtel_ami_message_get_nth(const struct wtel_ami_message *message, const char *name, size_t n);

/* ---- parser ----------------------------------------------------------- */

/* Beyond a limit the message is skipped and counted; the connection lives. */
struct wtel_ami_limits {
	size_t size;
	size_t max_line;    /* bytes of one line, 64 KiB by default */
	size_t max_fields;  /* lines of one message, 4096 by default */
	size_t max_message; /* bytes of one message, 1 MiB by default */
};
#define WTEL_AMI_LIMITS_INIT                                                                                           \
	{                                                                                                              \
		sizeof(struct wtel_ami_limits), 65536, 4096, 1048576                                                   \
	}

struct wtel_ami_parser_counters {
	uint64_t bytes;
	uint64_t messages;
	uint64_t skipped; /* messages beyond a limit */
	uint64_t stray;	  /* lines without a colon outside command output */
};

struct wtel_ami_parser;

/* `limits` and `allocator` may be NULL. Caller frees with wtel_ami_parser_free(). */
WTEL_API int wtel_ami_parser_new(struct wtel_ami_parser **out, const struct wtel_ami_limits *limits,
				 const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
WTEL_API void wtel_ami_parser_free(struct wtel_ami_parser *parser);

/* Forgets buffered bytes and waits for a banner again: for a new connection. Counters stay. */
WTEL_API void wtel_ami_parser_reset(struct wtel_ami_parser *parser);

/*
 * Room for at least `wanted` bytes to read a socket into; `*room` may be more.
 * Then wtel_ami_parser_commit() with what came. Borrowed until the commit.
 * WTEL_ENOMEM. Call wtel_ami_parser_next() until it returns 0 before the next reserve.
 */
WTEL_API int wtel_ami_parser_reserve(struct wtel_ami_parser *parser, char **out, size_t *room,
				     size_t wanted) WTEL_MUST_CHECK;
WTEL_API void wtel_ami_parser_commit(struct wtel_ami_parser *parser, size_t length);

/* Reserve, copy and commit in one. WTEL_ENOMEM: nothing was taken. */
WTEL_API int wtel_ami_parser_feed(struct wtel_ami_parser *parser, const void *data, size_t length) WTEL_MUST_CHECK;

/* 1: *out holds the next message; 0: more bytes are needed; WTEL_ENOMEM: call again later, nothing lost. */
WTEL_API int wtel_ami_parser_next(struct wtel_ami_parser *parser, struct wtel_ami_message *out) WTEL_MUST_CHECK;

WTEL_API const struct wtel_ami_parser_counters *wtel_ami_parser_counters(const struct wtel_ami_parser *parser);

/* ---- writer ----------------------------------------------------------- */

/* Asterisk reads actions into 1024 bytes a line, CR LF included, and 128 headers (main/manager.c). */
enum { WTEL_AMI_MAX_ACTION_LINE = 1022, WTEL_AMI_MAX_ACTION_HEADERS = 128, WTEL_AMI_MAX_ACTION_ID = 128 };

/* An action under construction. Nothing that could be refused reaches the wire. */
struct wtel_ami_action;

/* Caller frees, or hands it to wtel_ami_session_send(), which copies. `name` is copied. */
WTEL_API int wtel_ami_action_new(struct wtel_ami_action **out, const char *name,
				 const struct wtel_allocator *allocator) WTEL_MUST_CHECK;
WTEL_API void wtel_ami_action_free(struct wtel_ami_action *action);

/*
 * Appends "name: value". Copied. WTEL_EINJECTION for CR, LF or NUL in either
 * and for ':', blanks or control characters in the name; WTEL_ELIMIT beyond 1022 bytes a line or 128 headers
 * (two are kept for Action and ActionID); WTEL_EINVAL for an empty name, "Action" or "ActionID", and for a value
 * that begins with a blank, which Asterisk would drop (it keeps those at the end).
 * On failure the action is as it was, and *detail (may be NULL) names the field.
 */
WTEL_API int wtel_ami_action_add(struct wtel_ami_action *action, const char *name, struct wtel_slice value,
				 struct wtel_detail *detail) WTEL_MUST_CHECK;

/* The same for a number. */
WTEL_API int wtel_ami_action_add_number(struct wtel_ami_action *action, const char *name,
					int64_t value) WTEL_MUST_CHECK;

/*
 * Appends "Variable: name=value", one header per variable because a line is
 * split at commas; `"`, `\` and `,` are escaped. `name` may begin with `_` or `__` (inherited
 * by one or all later channels); one that ends in ')' writes a dialplan function, as "CALLERID(num)" does, so let no
 * stranger choose it. The value may begin with a blank. Of two with one name Asterisk keeps the first.
 * Errors as wtel_ami_action_add(), and WTEL_EINVAL for '=' in the name.
 */
WTEL_API int wtel_ami_action_add_variable(struct wtel_ami_action *action, const char *name, struct wtel_slice value,
					  struct wtel_detail *detail) WTEL_MUST_CHECK;

/*
 * The bytes for the wire, with `action_id` as the second line (an Error echoes it
 * only if it was parsed by then). Borrowed until the action changes or is freed.
 */
WTEL_API int wtel_ami_action_encode(struct wtel_ami_action *action, const char *action_id,
				    struct wtel_slice *out) WTEL_MUST_CHECK;

/* ---- typed events ----------------------------------------------------- */

/* WTEL_AMI_NEWCHANNEL, ... from event.def; unknown names are WTEL_AMI_OTHER with their fields intact. */
enum wtel_ami_event_type {
	WTEL_AMI_OTHER = 0,
#define WTEL_AMI_EVENT_X(id, name, group, shape) WTEL_AMI_##id,
#include <wtel/event.def>
#undef WTEL_AMI_EVENT_X
	WTEL_AMI_EVENT_TYPES
};

/* "Hangup" for WTEL_AMI_HANGUP; "" for WTEL_AMI_OTHER. Borrowed for ever. */
WTEL_API const char *wtel_ami_event_type_name(enum wtel_ami_event_type type);

/* Channel states of include/asterisk/channelstate.h. */
enum wtel_channel_state {
	WTEL_CHANNEL_DOWN = 0,
	WTEL_CHANNEL_RESERVED = 1,
	WTEL_CHANNEL_OFFHOOK = 2,
	WTEL_CHANNEL_DIALING = 3,
	WTEL_CHANNEL_RING = 4,	  /* an incoming call on this channel */
	WTEL_CHANNEL_RINGING = 5, /* the far end rings */
	WTEL_CHANNEL_UP = 6,
	WTEL_CHANNEL_BUSY = 7
};

/* A channel's block of fields (ast_manager_build_channel_state_string_prefix). "<unknown>" is given as absent. */
struct wtel_ami_channel {
	struct wtel_slice name; /* "PJSIP/1001-00000001"; absent if the event has no such block */
	int state;		/* enum wtel_channel_state; -1 if absent */
	struct wtel_slice caller_number;
	struct wtel_slice caller_name;
	struct wtel_slice connected_number;
	struct wtel_slice connected_name;
	struct wtel_slice language;
	struct wtel_slice account_code;
	struct wtel_slice context;
	struct wtel_slice extension;
	int priority;
	struct wtel_slice unique_id;
	struct wtel_slice linked_id;
};

/*
 * A typed event. Slices are borrowed as the message's. A slice that the event does not carry is
 * absent; a number is -1 unless said otherwise.
 */
struct wtel_ami_event {
	enum wtel_ami_event_type type;
	const struct wtel_ami_message *message; /* for every other field; borrowed */
	int64_t timestamp;			/* Timestamp header in microseconds; 0 without timestampevents=yes */
	struct wtel_slice action_id;		/* of list items and OriginateResponse */

	/* Channel..., Source... (Dial), LocalOne..., OrigTransferer..., Transferer... */
	struct wtel_ami_channel channel;
	struct wtel_ami_channel other; /* Dest..., LocalTwo..., Transferee..., SecondTransferer... */

	/* Hangup, HangupRequest, SoftHangupRequest */
	int cause;	/* Q.850 */
	int tech_cause; /* SIP status, from TechCause (Asterisk 22.8 on); 0 if absent */
	struct wtel_slice cause_text;

	/* Dial*: DIALSTATUS or DIALSTATE; OriginateResponse: Success or Failure; Registry,
	 * PeerStatus, ContactStatus, DeviceStateChange: the new state; Shutdown: Cleanly... */
	struct wtel_slice status;
	struct wtel_slice dial_string;
	int reason; /* OriginateResponse: 0 other 1 hangup 3 no answer 4 answered 5 busy 8 congestion */

	/* Bridge* */
	struct wtel_slice bridge_id;
	struct wtel_slice bridge_type;
	int bridge_channels;

	/* Rename: the channel's new name. */
	struct wtel_slice new_name;

	/*
	 * Registry: domain is server_uri, username client_uri. PeerStatus: peer. ContactStatus: uri, username is the
	 * address of record, peer the endpoint. DeviceStateChange: peer is the device.
	 */
	struct wtel_slice domain;
	struct wtel_slice username;
	struct wtel_slice peer;
	struct wtel_slice uri;
	struct wtel_slice text; /* Cause of Registry and PeerStatus, UserEvent's name, AgentComplete's Reason */
	int64_t round_trip;	/* ContactStatus: microseconds; -1 if absent */

	/* queues and agents */
	struct wtel_slice queue;
	struct wtel_slice member;
	struct wtel_slice interface;
	int64_t hold_time; /* seconds */
	int64_t talk_time; /* seconds */
};

/*
 * Fills *out from an event message. 0, or WTEL_EPROTOCOL if the message is no event. The
 * seed's and old versions' names are accepted: Dial (SubEvent Begin/End) becomes
 * WTEL_AMI_DIAL_BEGIN/_END, Bridge and Link WTEL_AMI_BRIDGE.
 */
WTEL_API int wtel_ami_event_decode(struct wtel_ami_event *out, const struct wtel_ami_message *message) WTEL_MUST_CHECK;

/* ---- guard ------------------------------------------------------------ */

/*
 * A caller can put CR LF into a SIP From user, and Asterisk copies it raw into CallerIDNum
 * (set_id_from_hdr, res/res_pjsip.c), so any block of channel fields may be broken by lines and
 * whole messages of the caller's choice. The number is cut at 79 bytes (AST_CHANNEL_NAME), as are extensions, and a
 * whole block needs more than 200: so an event that stands complete and in Asterisk's own order, as
 * event.def has it, is genuine, and one that does not is quarantined with all that follows until the tail
 * that completes it. Asterisk writes an event in one piece, so nothing genuine stands in between, and the tail begins
 * at most 79 bytes behind the break: beyond, the quarantine is over and `lost` is raised.
 * The guard keeps no bytes of messages, only the set of places where the tail may begin. libwtel/ami/guard.c says what
 * cannot be told apart, and why that does no harm. Needs Asterisk 13 or later.
 */
enum wtel_ami_verdict {
	WTEL_AMI_TRUSTED,
	WTEL_AMI_BROKEN,     /* an event breaks off, repeats a field or lacks one: drop it */
	WTEL_AMI_QUARANTINED /* between a broken head and its tail, or a tail: drop it */
};

struct wtel_ami_guard {
	uint64_t broken;
	uint64_t quarantined;
	bool active;	 /* in quarantine */
	bool lost;	 /* messages may have been dropped that were genuine: read state anew, then set it to false */
	char source[96]; /* channel named in the last broken head; "" if none */
	/* Private. */
	uint32_t expected[8]; /* sets of places where the tail may begin, by run of fields of the broken event */
	uint32_t messages;    /* of the present quarantine */
	int32_t reach;	      /* bytes from here in which the tail must begin; below 0: it will not come */
	int32_t name_reach;   /* the same for a tail at the second place of a run */
	uint8_t schema;
	uint8_t block;
	bool stamped; /* events carry a Timestamp */
};

/* Zeroed is a fresh guard. Judges one message in stream order. */
WTEL_API enum wtel_ami_verdict wtel_ami_guard_judge(struct wtel_ami_guard *guard,
						    const struct wtel_ami_message *message);

/* ---- session ---------------------------------------------------------- */

enum wtel_ami_authentication {
	WTEL_AMI_MD5,  /* Action: Challenge; the secret never crosses the wire */
	WTEL_AMI_PLAIN /* over TLS, or where the program insists */
};

struct wtel_ami_session_options {
	size_t size;
	const char *username; /* copied */
	const char *secret;   /* copied; wiped on free */
	enum wtel_ami_authentication authentication;
	bool encrypted;		/* the transport is TLS */
	bool allow_plain;	/* plain secret over a transport that is not encrypted */
	const char *event_mask; /* "call,system,agent,user" by default; "on", "off" */
	/*
	 * Each becomes one Action: Filter of the session (needs write class `system`): a pattern as "!Event: VarSet",
	 * or as in manager.conf of Asterisk 22 "eventfilter(name(VarSet),action(exclude))" with " = pattern" where
	 * the criteria want one. NULL-terminated array or NULL. Copied.
	 */
	const char *const *filters;
	int64_t login_timeout; /* 10 s */
	int64_t ping_interval; /* 15 s; the first at once after READY; 0: never */
	/* 5 s; up to four times as long while bytes flow, as a pong may stand behind a long list */
	int64_t ping_timeout;
	size_t max_pending; /* actions in flight, 1024 */
	uint64_t seed;	    /* makes ActionIDs unguessable; 0: from the system's random source */
	struct wtel_ami_limits limits;
};
#define WTEL_AMI_SESSION_OPTIONS_INIT                                                                                  \
	{                                                                                                              \
		sizeof(struct wtel_ami_session_options), NULL, NULL, WTEL_AMI_MD5, false, false, NULL, NULL, 10000000, \
			15000000, 5000000, 1024, 0, WTEL_AMI_LIMITS_INIT                                               \
	}

enum wtel_ami_notice_type {
	WTEL_AMI_NOTICE_READY,	  /* logged in, events asked for */
	WTEL_AMI_NOTICE_REJECTED, /* the login was refused; the connection is of no more use */
	WTEL_AMI_NOTICE_EVENT,	  /* a trusted event */
	WTEL_AMI_NOTICE_ITEM,	  /* a list item of the action `token` */
	WTEL_AMI_NOTICE_DONE,	  /* the action `token` is answered; `code` says how. Token 0: a filter was refused */
	WTEL_AMI_NOTICE_SECURITY, /* a message was quarantined; `source` is the channel it came in with */
	WTEL_AMI_NOTICE_LOST	  /* the peer answers no more: close the connection */
};

struct wtel_ami_notice {
	enum wtel_ami_notice_type type;
	struct wtel_time time; /* of the feed that brought it */
	int64_t wall;	       /* EVENT: when it happened in our wall clock, from Timestamp where there is one */
	/* DONE: 0, WTEL_EREFUSED, WTEL_EPERMISSION, WTEL_ETIMEOUT, WTEL_ECLOSED; REJECTED: WTEL_EAUTH; SECURITY: 0, or
	 * WTEL_EPROTOCOL (without a message) when genuine ones may have been dropped, so that state must be read anew
	 */
	int code;
	uint64_t token; /* DONE, ITEM: as given by wtel_ami_session_send(); EVENT: if its ActionID is ours, or 0 */
	void *user;	/* DONE, ITEM: as given to wtel_ami_session_send() */
	struct wtel_ami_event event; /* EVENT, ITEM */
	/* EVENT, ITEM, SECURITY, READY, REJECTED; DONE: the response, a list's Complete event, or NULL without an
	 * answer */
	const struct wtel_ami_message *message;
	/* SECURITY: WTEL_AMI_BROKEN for the event, WTEL_AMI_QUARANTINED for what came in with it */
	enum wtel_ami_verdict verdict;
	const char *source; /* SECURITY: channel name, or "" */
	const char *text;   /* REJECTED, DONE, SECURITY, LOST: Asterisk's Message, or ours; "" if none */
};

struct wtel_ami_session_counters {
	struct wtel_ami_parser_counters parser;
	uint64_t events;
	uint64_t unknown_responses; /* late (list items too), or with an ActionID that is not ours */
	uint64_t timeouts;
	uint64_t broken;
	uint64_t quarantined;
	int64_t round_trip; /* last ping in microseconds; -1 before the first */
};

struct wtel_ami_session;

/* Caller frees. WTEL_EINVAL names the field in *detail (may be NULL). */
WTEL_API int wtel_ami_session_new(struct wtel_ami_session **out, const struct wtel_ami_session_options *options,
				  const struct wtel_allocator *allocator, struct wtel_detail *detail) WTEL_MUST_CHECK;
WTEL_API void wtel_ami_session_free(struct wtel_ami_session *session);

/* A new connection is open: forget the old one's bytes, await the banner, log in. Every pending action is DONE with
 * WTEL_ECLOSED. */
WTEL_API int wtel_ami_session_open(struct wtel_ami_session *session, struct wtel_time now) WTEL_MUST_CHECK;

/* The connection is gone: every pending action will be DONE with WTEL_ECLOSED. */
WTEL_API void wtel_ami_session_close(struct wtel_ami_session *session, struct wtel_time now);

/* Bytes from the peer: reserve, read, commit; or feed. As the parser's. */
WTEL_API int wtel_ami_session_reserve(struct wtel_ami_session *session, char **out, size_t *room,
				      size_t wanted) WTEL_MUST_CHECK;
WTEL_API void wtel_ami_session_commit(struct wtel_ami_session *session, size_t length, struct wtel_time now);
WTEL_API int wtel_ami_session_feed(struct wtel_ami_session *session, const void *data, size_t length,
				   struct wtel_time now) WTEL_MUST_CHECK;

/* 1: *out is filled, borrowed until the next call on the session; 0: nothing more now; <0: WTEL_ENOMEM, call again. */
WTEL_API int wtel_ami_session_next(struct wtel_ami_session *session, struct wtel_ami_notice *out) WTEL_MUST_CHECK;

/*
 * Queues an action. `timeout` in microseconds; for a list, from one item to the next. `user` comes back in the
 * notices. *token (may be NULL) names it. WTEL_ESTATE before READY, WTEL_ELIMIT with max_pending in flight or with a
 * mebibyte that the peer has not read, WTEL_EINVAL unless timeout > 0.
 * The action is copied and may be freed or sent again.
 */
WTEL_API int wtel_ami_session_send(struct wtel_ami_session *session, uint64_t *token, struct wtel_ami_action *action,
				   int64_t timeout, void *user, struct wtel_time now) WTEL_MUST_CHECK;

/* Bytes for the peer: write what you can, then say how much. Borrowed until the next call on the session. */
WTEL_API struct wtel_slice wtel_ami_session_output(struct wtel_ami_session *session);
WTEL_API void wtel_ami_session_sent(struct wtel_ami_session *session, size_t length);

/* When to call wtel_ami_session_tick() at the latest, on the mono clock; INT64_MAX: never. */
WTEL_API int64_t wtel_ami_session_deadline(const struct wtel_ami_session *session);
WTEL_API void wtel_ami_session_tick(struct wtel_ami_session *session, struct wtel_time now);

WTEL_API bool wtel_ami_session_ready(const struct wtel_ami_session *session);
WTEL_API const char *
wtel_ami_session_version(const struct wtel_ami_session *session); /* of the banner, "11.0.0"; "" before */
WTEL_API void wtel_ami_session_counters(const struct wtel_ami_session *session, struct wtel_ami_session_counters *out);

#ifdef __cplusplus
}
#endif
#endif
