/* The session's public face: connection, bytes in and out, notices. */
#include "ami/session.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

/* What a peer that does not read may make us hold. */
enum { SESSION_OUTPUT_LIMIT = 1 << 20 };

/* Microseconds: longer than a lost packet takes to be sent again, shorter than what follows a pause by itself. */
enum { TAIL_PATIENCE = 1000000 };

int wtel_ami_session_new(struct wtel_ami_session **out, const struct wtel_ami_session_options *options,
			 const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct wtel_allocator from = base_allocator(allocator);
	struct wtel_ami_session *session = base_allocate_zero(&from, sizeof(*session));
	int code;

	if (!session)
		return WTEL_ENOMEM;
	session->allocator = from;
	session->round_trip = -1;
	session->output.limit = SESSION_OUTPUT_LIMIT;
	code = session_configure(session, options, detail);
	if (code) {
		wtel_ami_session_free(session);
		return code;
	}
	if (session->login_room > session->output.limit)
		session->output.limit = session->login_room;
	*out = session;
	return 0;
}

static void wipe_string(const struct wtel_allocator *from, char *text)
{
	if (text)
		base_wipe(text, strlen(text));
	base_release(from, text);
}

static void wipe_output(struct wtel_ami_session *session)
{
	if (session->output.data && session->output_secret)
		base_wipe(session->output.data, session->output.room);
	session->output_secret = false;
}

void wtel_ami_session_free(struct wtel_ami_session *session)
{
	struct wtel_allocator from;
	size_t i;

	if (!session)
		return;
	from = session->allocator;
	for (i = 0; i < session->filter_count; i++) {
		wtel_ami_action_free(session->filters[i].action);
		base_release(&from, session->filters[i].text);
	}
	base_release(&from, session->filters);
	base_release(&from, session->username);
	wipe_string(&from, session->secret);
	base_release(&from, session->event_mask);
	wipe_output(session);
	base_buffer_free(&session->output, &from);
	pending_free(&session->pending, &from);
	wtel_ami_parser_free(session->parser);
	base_wipe(session, sizeof(*session));
	base_release(&from, session);
}

/* ---- connection ---- */

static void forget_connection(struct wtel_ami_session *session)
{
	pending_finish_all(&session->pending, WTEL_ECLOSED);
	wtel_ami_parser_reset(session->parser);
	session->broken += session->guard.broken;
	session->quarantined += session->guard.quarantined;
	memset(&session->guard, 0, sizeof(session->guard));
	wipe_output(session);
	session->output.start = session->output.end = 0;
	session->state = SESSION_CLOSED;
	session->closing = false;
	session->distrusted = false;
	session->ping_token = 0;
}

int wtel_ami_session_open(struct wtel_ami_session *session, struct wtel_time now)
{
	int code;

	forget_connection(session);
	session->now = session->received = now;
	/* So that reading the answers of the login never needs memory. */
	code = base_buffer_reserve(&session->output, &session->allocator, session->login_room);
	if (code)
		return code;
	memset(&session->clock, 0, sizeof(session->clock));
	session->version[0] = '\0';
	session->lost_told = false;
	session->login_deadline = now.mono + session->login_timeout;
	session->state = SESSION_BANNER;
	return 0;
}

void wtel_ami_session_close(struct wtel_ami_session *session, struct wtel_time now)
{
	session->now = now;
	switch (session->state) {
	case SESSION_BANNER:
	case SESSION_CHALLENGE:
	case SESSION_LOGIN:
	case SESSION_READY:
		session->closing = true; /* a refusal often comes with the end: it is read first */
		break;
	case SESSION_CLOSED:
	case SESSION_REJECTED:
	case SESSION_LOST:
		forget_connection(session);
		break;
	}
}

void session_lose(struct wtel_ami_session *session, const char *text)
{
	session->state = SESSION_LOST;
	session->lost_text = text;
	session->lost_told = false;
}

/* ---- bytes ---- */

int wtel_ami_session_reserve(struct wtel_ami_session *session, char **out, size_t *room, size_t wanted)
{
	return wtel_ami_parser_reserve(session->parser, out, room, wanted);
}

/* Bytes came. An event is written in one piece: the tail of a broken one does not come after a silence. */
static void note_bytes(struct wtel_ami_session *session, size_t length, struct wtel_time now)
{
	session->now = now;
	if (!length)
		return;
	if (session->guard.active && now.mono - session->received.mono >= TAIL_PATIENCE) {
		session->guard.active = false;
		session->distrusted = true;
	}
	session->received = now;
}

void wtel_ami_session_commit(struct wtel_ami_session *session, size_t length, struct wtel_time now)
{
	wtel_ami_parser_commit(session->parser, length);
	note_bytes(session, length, now);
}

int wtel_ami_session_feed(struct wtel_ami_session *session, const void *data, size_t length, struct wtel_time now)
{
	int code = wtel_ami_parser_feed(session->parser, data, length);

	if (code)
		return code;
	note_bytes(session, length, now);
	return 0;
}

struct wtel_slice wtel_ami_session_output(struct wtel_ami_session *session)
{
	struct wtel_slice bytes = {NULL, base_buffer_length(&session->output)};

	if (bytes.length)
		bytes.data = base_buffer_front(&session->output);
	return bytes;
}

void wtel_ami_session_sent(struct wtel_ami_session *session, size_t length)
{
	size_t held = base_buffer_length(&session->output);

	base_buffer_take(&session->output, length < held ? length : held);
	if (!base_buffer_length(&session->output))
		wipe_output(session);
}

int wtel_ami_session_send(struct wtel_ami_session *session, uint64_t *token, struct wtel_ami_action *action,
			  int64_t timeout, void *user, struct wtel_time now)
{
	struct pending_entry *entry;
	char id[SESSION_ID_SIZE];
	int code;

	if (!wtel_ami_session_ready(session))
		return WTEL_ESTATE;
	if (timeout <= 0)
		return WTEL_EINVAL;
	entry = pending_add(&session->pending, now.mono, timeout);
	if (!entry)
		return WTEL_ELIMIT;
	session_id(session, entry->token, id);
	code = action_append(action, id, &session->output, &session->allocator);
	if (code) {
		pending_remove(&session->pending, entry);
		return code;
	}
	entry->user = user;
	if (token)
		*token = entry->token;
	return 0;
}

/* ---- time ---- */

static bool is_logging_in(const struct wtel_ami_session *session)
{
	return session->state == SESSION_BANNER || session->state == SESSION_CHALLENGE ||
	       session->state == SESSION_LOGIN;
}

int64_t wtel_ami_session_deadline(const struct wtel_ami_session *session)
{
	int64_t deadline;
	int64_t ping;

	if (session->closing)
		return INT64_MAX;
	if (is_logging_in(session))
		return session->login_deadline;
	if (session->state != SESSION_READY)
		return INT64_MAX;
	deadline = pending_deadline(&session->pending);
	ping = session->ping_token ? session->ping_deadline : session->ping_due;
	return ping < deadline ? ping : deadline;
}

void wtel_ami_session_tick(struct wtel_ami_session *session, struct wtel_time now)
{
	session->now = now;
	if (session->closing)
		return;
	if (is_logging_in(session) && now.mono >= session->login_deadline) {
		session_lose(session, session->state == SESSION_BANNER ? "no greeting of an Asterisk manager in time"
								       : "no answer to the login in time");
	} else if (session->state == SESSION_READY) {
		session->timeouts += pending_expire(&session->pending, now.mono);
		session_ping_tick(session);
	}
}

/* ---- notices ---- */

void session_notice(const struct wtel_ami_session *session, struct wtel_ami_notice *out, enum wtel_ami_notice_type type)
{
	memset(&out->event, 0, sizeof(out->event));
	session_event_notice(session, out, type);
}

/* DONE without an answer. */
static bool take_finished(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	struct pending_entry entry;

	if (!pending_take_finished(&session->pending, &entry))
		return false;
	session_notice(session, out, WTEL_AMI_NOTICE_DONE);
	out->time = session->now;
	out->wall = session->now.wall;
	out->token = entry.token;
	out->user = entry.user;
	out->code = entry.code;
	out->text = wtel_error_text(entry.code);
	return true;
}

static bool take_lost(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	if (session->state != SESSION_LOST || session->lost_told)
		return false;
	session_notice(session, out, WTEL_AMI_NOTICE_LOST);
	out->time = session->now;
	out->wall = session->now.wall;
	out->text = session->lost_text;
	session->lost_told = true;
	return true;
}

/* What the guard dropped for good must be read anew; it says so beside a message that may itself be trusted. */
static bool take_distrust(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	if (!session->distrusted)
		return false;
	session->distrusted = false;
	session_notice(session, out, WTEL_AMI_NOTICE_SECURITY);
	out->code = WTEL_EPROTOCOL;
	out->verdict = WTEL_AMI_BROKEN;
	out->source = session->guard.source;
	out->text = "genuine messages may have been dropped with forged ones: read the state anew";
	return true;
}

static void tell_security(struct wtel_ami_session *session, struct wtel_ami_notice *out, enum wtel_ami_verdict verdict)
{
	session_notice(session, out, WTEL_AMI_NOTICE_SECURITY);
	out->message = &session->message;
	out->verdict = verdict;
	out->source = session->guard.source;
	out->text = verdict == WTEL_AMI_BROKEN ? "an event breaks off, repeats a field or lacks one"
					       : "a message stands between a broken event and its tail, or is one";
}

/* What the parser gave. true: *out is filled. */
static bool handle(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	enum wtel_ami_verdict verdict;

	switch (session->state) {
	case SESSION_BANNER:
		return session_login(session, out);
	case SESSION_CHALLENGE:
	case SESSION_LOGIN:
	case SESSION_READY:
		verdict = wtel_ami_guard_judge(&session->guard, &session->message);
		session->distrusted |= session->guard.lost;
		session->guard.lost = false;
		if (verdict != WTEL_AMI_TRUSTED) {
			tell_security(session, out, verdict);
			return true;
		}
		return session->state == SESSION_READY ? session_receive(session, out) : session_login(session, out);
	case SESSION_CLOSED:
	case SESSION_REJECTED:
	case SESSION_LOST:
		break;
	}
	return false;
}

int wtel_ami_session_next(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	int code;

	for (;;) {
		if (take_finished(session, out) || take_lost(session, out) || take_distrust(session, out))
			return 1;
		code = wtel_ami_parser_next(session->parser, &session->message);
		if (code < 0)
			return code;
		if (code > 0) {
			if (handle(session, out))
				return 1;
			continue;
		}
		if (!session->closing)
			return 0;
		forget_connection(session);
	}
}

/* ---- what it is ---- */

bool wtel_ami_session_ready(const struct wtel_ami_session *session)
{
	return session->state == SESSION_READY && !session->closing;
}

const char *wtel_ami_session_version(const struct wtel_ami_session *session)
{
	return session->version;
}

void wtel_ami_session_counters(const struct wtel_ami_session *session, struct wtel_ami_session_counters *out)
{
	out->parser = *wtel_ami_parser_counters(session->parser);
	out->events = session->events;
	out->unknown_responses = session->unknown;
	out->timeouts = session->timeouts;
	out->broken = session->broken + session->guard.broken;
	out->quarantined = session->quarantined + session->guard.quarantined;
	out->round_trip = session->round_trip;
}
