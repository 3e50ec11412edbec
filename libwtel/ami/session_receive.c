/* Trusted messages of a session that is ready: answers, list items, events, pongs. */
#include "ami/session.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"

void session_id(const struct wtel_ami_session *session, uint64_t token, char out[SESSION_ID_SIZE])
{
	snprintf(out, SESSION_ID_SIZE, "%s-%llx", session->prefix, (unsigned long long)token);
}

uint64_t session_id_token(const struct wtel_ami_session *session, struct wtel_slice id)
{
	size_t prefix = sizeof(session->prefix) - 1;
	uint64_t token = 0;
	size_t i;

	if (id.length < prefix + 2 || id.length > prefix + 17 || id.data[prefix] != '-' ||
	    memcmp(id.data, session->prefix, prefix) != 0)
		return 0;
	for (i = prefix + 1; i < id.length; i++) {
		char c = id.data[i];

		if (c >= '0' && c <= '9')
			token = token << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			token = token << 4 | (uint64_t)(c - 'a' + 10);
		else
			return 0;
	}
	return token;
}

const char *session_text(struct wtel_ami_session *session, const struct wtel_ami_message *message)
{
	base_slice_copy(session->text, sizeof(session->text), wtel_ami_message_get(message, "Message"));
	return session->text;
}

int session_refusal(const char *text)
{
	/* The second is how action_originate refuses an application that needs the class `system`. */
	if (strcmp(text, "Permission denied") == 0 || strncmp(text, "Originate Access Forbidden", 26) == 0)
		return WTEL_EPERMISSION;
	return WTEL_EREFUSED;
}

/* ---- ping ---- */

void session_ping_start(struct wtel_ami_session *session, int64_t due)
{
	session->ping_token = 0;
	session->ping_due = session->ping_interval ? due : INT64_MAX;
}

static void send_ping(struct wtel_ami_session *session)
{
	char text[128];
	char id[SESSION_ID_SIZE];
	uint64_t token = pending_own_token(&session->pending);
	int length;
	int code;

	session_id(session, token, id);
	length = snprintf(text, sizeof(text), "Action: Ping\r\nActionID: %s\r\n\r\n", id);
	code = base_buffer_append(&session->output, &session->allocator, text, (size_t)length);
	if (code == WTEL_ENOMEM) {
		session->ping_due = session->now.mono + 100000; /* again in a moment */
		return;
	}
	/* WTEL_ELIMIT: the peer has not read for a mebibyte; if that does not change, it counts as unanswered. */
	session->ping_token = token;
	session->ping_sent = session->now.mono;
	session->ping_deadline = session->now.mono + session->ping_timeout;
}

void session_ping_tick(struct wtel_ami_session *session)
{
	int64_t now = session->now.mono;
	int64_t alive;
	int64_t limit;

	if (!session->ping_token) {
		if (now >= session->ping_due)
			send_ping(session);
		return;
	}
	if (now < session->ping_deadline)
		return;
	/* Answers come in order: a pong may stand behind a long list, and bytes that flow are a sign of life. */
	alive = session->received.mono + session->ping_timeout;
	limit = session->ping_sent + 4 * session->ping_timeout;
	if (alive > limit)
		alive = limit;
	if (alive > now) {
		session->ping_deadline = alive;
		return;
	}
	session->timeouts++;
	session_lose(session, "no answer to a ping in time");
}

void session_pong(struct wtel_ami_session *session)
{
	struct wtel_slice stamp = wtel_ami_message_get(&session->message, "Timestamp"); /* "1761388200.123456" */
	int64_t seconds, micros;
	size_t dot;

	session->round_trip = session->received.mono - session->ping_sent;
	session_ping_start(session, session->ping_sent + session->ping_interval);
	/* The same clock as the events', and seldom a late one. */
	for (dot = 0; dot < stamp.length && stamp.data[dot] != '.'; dot++)
		;
	if (stamp.length != dot + 7)
		return;
	seconds = base_slice_number((struct wtel_slice){stamp.data, dot}, -1);
	micros = base_slice_number((struct wtel_slice){stamp.data + dot + 1, 6}, -1);
	if (seconds > 0 && seconds < INT64_MAX / 1000000 - 1 && micros >= 0)
		session_clock_sample(&session->clock, seconds * 1000000 + micros, session->received);
}

/* ---- answers ---- */

static bool ends_with_fold(struct wtel_slice text, struct wtel_slice end)
{
	if (text.length < end.length)
		return false;
	return base_slice_equal_fold((struct wtel_slice){text.data + text.length - end.length, end.length}, end);
}

/* Asterisk before 12 announces some lists by the message alone ("Channels will follow"). */
static bool opens_list(const struct wtel_ami_message *message)
{
	struct wtel_slice list = wtel_ami_message_get(message, "EventList");

	if (list.data)
		return base_slice_equal_fold(list, BASE_SLICE("start"));
	return ends_with_fold(wtel_ami_message_get(message, "Message"), BASE_SLICE("will follow"));
}

static bool closes_list(const struct wtel_ami_message *message)
{
	struct wtel_slice list = wtel_ami_message_get(message, "EventList");

	if (list.data)
		return base_slice_equal_fold(list, BASE_SLICE("Complete")) ||
		       base_slice_equal_fold(list, BASE_SLICE("Cancelled"));
	return ends_with_fold(message->head, BASE_SLICE("Complete"));
}

/* Fills *out and frees the entry. */
static bool tell_done(struct wtel_ami_session *session, struct wtel_ami_notice *out, struct pending_entry *entry)
{
	session_notice(session, out, WTEL_AMI_NOTICE_DONE);
	out->token = entry->token;
	out->user = entry->user;
	out->message = &session->message;
	out->text = session_text(session, &session->message);
	pending_remove(&session->pending, entry);
	return true;
}

static bool receive_response(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	const struct wtel_ami_message *message = &session->message;
	uint64_t token = session_id_token(session, wtel_ami_message_get(message, "ActionID"));
	uint64_t filter = (token - session->filter_token) >> session->pending.bits;
	struct pending_entry *entry;

	if (token && token == session->ping_token) {
		session_pong(session);
		return false;
	}
	if (session->filter_count && token >= session->filter_token && filter < session->filter_count &&
	    !(token & (((uint64_t)1 << session->pending.bits) - 1)))
		return session_filter_answer(session, (size_t)filter, out);
	entry = pending_find(&session->pending, token);
	if (!entry) {
		session->unknown++;
		return false;
	}
	/* An Error may also end an open list ("Unable to format endpoint", res_pjsip/pjsip_configuration.c). */
	if (base_slice_equal_fold(message->head, BASE_SLICE("Error"))) {
		tell_done(session, out, entry);
		out->code = session_refusal(out->text);
		return true;
	}
	if (entry->list) {
		session->unknown++;
		return false;
	}
	if (!opens_list(message))
		return tell_done(session, out, entry);
	entry->list = true;
	pending_touch(&session->pending, entry, session->received.mono);
	return false;
}

/* ---- events ---- */

/*
 * Two events carry the ActionID of an action that is done: OriginateResponse, which comes when the call was answered
 * or not, and the UserEvent that was asked for. Any other with our ActionID is the item of a list.
 */
static bool outlives_action(enum wtel_ami_event_type type)
{
	return type == WTEL_AMI_ORIGINATE_RESPONSE || type == WTEL_AMI_USER_EVENT;
}

static bool receive_event(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	struct pending_entry *entry = NULL;
	uint64_t token;

	session_event_notice(session, out, WTEL_AMI_NOTICE_EVENT);
	if (wtel_ami_event_decode(&out->event, &session->message))
		return false;
	out->message = &session->message;
	token = session_id_token(session, out->event.action_id);
	if (token && !outlives_action(out->event.type)) {
		entry = pending_find(&session->pending, token);
		if (!entry) {
			session->unknown++; /* its action has timed out */
			return false;
		}
	}
	if (entry && entry->list && closes_list(&session->message))
		return tell_done(session, out, entry);
	if (entry && entry->list) {
		out->type = WTEL_AMI_NOTICE_ITEM;
		out->token = entry->token;
		out->user = entry->user;
		pending_touch(&session->pending, entry, session->received.mono);
		return true;
	}
	session->events++;
	out->token = token;
	out->wall = session_clock_wall(&session->clock, out->event.timestamp, session->received);
	return true;
}

bool session_receive(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	switch (session->message.kind) {
	case WTEL_AMI_RESPONSE:
		return receive_response(session, out);
	case WTEL_AMI_EVENT:
		return receive_event(session, out);
	case WTEL_AMI_BANNER:
	case WTEL_AMI_HEADLESS:
		break;
	}
	return false;
}
