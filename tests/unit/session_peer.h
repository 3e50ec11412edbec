/* A manager on the other side of a session, played by the test: it hears actions and says lines. */
#ifndef TESTS_SESSION_PEER_H
#define TESTS_SESSION_PEER_H

#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <wtel/ami.h>

#include "manager_model.h"

#define SECOND INT64_C(1000000)

/* Our wall clock when the mono clock stands at 0. */
#define WALL_BASE INT64_C(1761388200000000)

struct peer {
	struct wtel_ami_session *session;
	struct wtel_time now;
	struct model_message heard; /* the last action */
	struct wtel_ami_notice notice;
};

static inline void peer_at(struct peer *peer, int64_t mono)
{
	peer->now = (struct wtel_time){mono, WALL_BASE + mono};
}

static inline struct wtel_ami_session_options peer_options(void)
{
	struct wtel_ami_session_options options = WTEL_AMI_SESSION_OPTIONS_INIT;

	options.username = "wtel";
	options.secret = "open sesame";
	options.seed = 0x1122334455667788;
	return options;
}

static inline void peer_new(struct peer *peer, const struct wtel_ami_session_options *options)
{
	struct wtel_ami_session_options standard = peer_options();

	memset(peer, 0, sizeof(*peer));
	peer_at(peer, 5 * SECOND);
	cr_assert_eq(wtel_ami_session_new(&peer->session, options ? options : &standard, NULL, NULL), 0);
}

/* Takes the next action from the session's output; false: there is none. */
static inline bool peer_hear(struct peer *peer)
{
	struct wtel_slice bytes = wtel_ami_session_output(peer->session);

	if (!bytes.length)
		return false;
	model_read(&peer->heard, bytes.data, bytes.length);
	cr_assert(peer->heard.used && !peer->heard.too_long && !peer->heard.too_many);
	wtel_ami_session_sent(peer->session, peer->heard.used);
	return true;
}

/* A header of the action heard last; "" if it has none. */
static inline const char *peer_heard(const struct peer *peer, const char *name)
{
	const char *value = model_header(&peer->heard, name, 0);

	return value ? value : "";
}

static inline void peer_say(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void peer_say(struct peer *peer, const char *format, ...)
{
	static char text[65536];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cr_assert_eq(wtel_ami_session_feed(peer->session, text, (size_t)length, peer->now), 0);
}

/* The next notice, which must be there. */
static inline const struct wtel_ami_notice *peer_next(struct peer *peer)
{
	cr_assert_eq(wtel_ami_session_next(peer->session, &peer->notice), 1, "no notice where one is due");
	return &peer->notice;
}

/* Whether a slice is that text. */
static inline bool slice_is(struct wtel_slice slice, const char *text)
{
	return slice.data && slice.length == strlen(text) && memcmp(slice.data, text, slice.length) == 0;
}

#define peer_is_quiet(peer) (wtel_ami_session_next((peer)->session, &(peer)->notice) == 0)

static inline void peer_tick(struct peer *peer, int64_t mono)
{
	peer_at(peer, mono);
	wtel_ami_session_tick(peer->session, peer->now);
}

/* Up to READY, by the challenge. */
static inline void peer_let_in(struct peer *peer)
{
	cr_assert_eq(wtel_ami_session_open(peer->session, peer->now), 0);
	peer_say(peer, "Asterisk Call Manager/11.0.0\r\n");
	cr_assert(peer_is_quiet(peer));
	cr_assert(peer_hear(peer));
	peer_say(peer, "Response: Success\r\nActionID: %s\r\nChallenge: 840415273\r\n\r\n",
		 peer_heard(peer, "ActionID"));
	cr_assert(peer_is_quiet(peer));
	cr_assert(peer_hear(peer));
	peer_say(peer, "Response: Success\r\nActionID: %s\r\nMessage: Authentication accepted\r\n\r\n",
		 peer_heard(peer, "ActionID"));
	cr_assert_eq(peer_next(peer)->type, WTEL_AMI_NOTICE_READY);
}

static inline struct peer peer_ready(void)
{
	struct wtel_ami_session_options options = peer_options();
	struct peer peer;

	options.ping_interval = 0;
	peer_new(&peer, &options);
	peer_let_in(&peer);
	return peer;
}

/* Sends an action of that name; gives back its token, and its ActionID stands in peer_heard(). */
static inline uint64_t peer_ask(struct peer *peer, const char *name, int64_t timeout, void *user)
{
	struct wtel_ami_action *action = NULL;
	uint64_t token = 0;

	cr_assert_eq(wtel_ami_action_new(&action, name, NULL), 0);
	cr_assert_eq(wtel_ami_session_send(peer->session, &token, action, timeout, user, peer->now), 0);
	wtel_ami_action_free(action);
	cr_assert(peer_hear(peer));
	cr_assert_str_eq(peer_heard(peer, "Action"), name);
	cr_assert_neq(token, 0);
	return token;
}

static inline struct wtel_ami_session_counters peer_counters(const struct peer *peer)
{
	struct wtel_ami_session_counters counters;

	wtel_ami_session_counters(peer->session, &counters);
	return counters;
}

#endif
