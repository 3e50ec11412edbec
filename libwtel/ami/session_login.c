/*
 * From the banner to READY. Challenge and Login are the only actions that Asterisk takes from a stranger; the
 * mask goes with the Login, in its Events header, so that no event of an unwanted class is ever queued (action_login,
 * authenticate in main/manager.c). FullyBooted is not waited for: only who may read `system` gets it.
 */
#include "ami/session.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

/* All of it was reserved when the connection was opened, so nothing fails. */
static void put(struct wtel_ami_session *session, const char *name, const char *value)
{
	int code = base_buffer_append(&session->output, &session->allocator, name, strlen(name));

	if (!code)
		code = base_buffer_append(&session->output, &session->allocator, value, strlen(value));
	if (!code)
		code = base_buffer_append(&session->output, &session->allocator, "\r\n", 2);
	if (code)
		session_lose(session, "no memory for the login");
}

static void put_action(struct wtel_ami_session *session, const char *name)
{
	char id[SESSION_ID_SIZE];

	session->login_token = pending_own_token(&session->pending);
	session_id(session, session->login_token, id);
	put(session, "Action: ", name);
	put(session, "ActionID: ", id);
}

static void send_challenge(struct wtel_ami_session *session)
{
	session->state = SESSION_CHALLENGE;
	put_action(session, "Challenge");
	put(session, "AuthType: ", "MD5");
	put(session, "", "");
}

/* `key` is the answer to the challenge, or NULL for a plain login. */
static void send_login(struct wtel_ami_session *session, const char *key)
{
	session->state = SESSION_LOGIN;
	put_action(session, "Login");
	put(session, "Username: ", session->username);
	if (key) {
		put(session, "AuthType: ", "MD5");
		put(session, "Key: ", key);
	} else {
		session->output_secret = true;
		put(session, "Secret: ", session->secret);
	}
	put(session, "Events: ", session->event_mask);
	put(session, "", "");
}

/* Only a version is believed: digits, letters and dots. */
static void keep_version(struct wtel_ami_session *session, struct wtel_slice version)
{
	size_t i;

	for (i = 0; i < version.length && i < sizeof(session->version) - 1; i++)
		session->version[i] = (unsigned char)version.data[i] > ' ' && (unsigned char)version.data[i] < 127
					      ? version.data[i]
					      : '?';
	session->version[i] = '\0';
}

static void greeted(struct wtel_ami_session *session)
{
	if (session->message.kind != WTEL_AMI_BANNER) {
		session_lose(session, "the peer does not greet as an Asterisk manager does");
		return;
	}
	keep_version(session, session->message.head);
	if (session->authentication == WTEL_AMI_PLAIN)
		send_login(session, NULL);
	else
		send_challenge(session);
}

/* md5(challenge + secret) in lower-case hexadecimal digits, which Asterisk compares by strcmp. */
static bool answer_challenge(const struct wtel_ami_session *session, struct wtel_slice challenge, char key[33])
{
	char text[64 + WTEL_AMI_MAX_ACTION_LINE];
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t secret = strlen(session->secret);
	size_t length = 0;
	bool done;
	size_t i;

	memcpy(text, challenge.data, challenge.length);
	memcpy(text + challenge.length, session->secret, secret);
	/* "-fips": Asterisk knows no other digest, and this one proves nothing but the secret. */
	done = EVP_Q_digest(NULL, "MD5", "-fips", text, challenge.length + secret, digest, &length) == 1 &&
	       length == 16;
	for (i = 0; done && i < length; i++)
		snprintf(key + 2 * i, 3, "%02x", digest[i]);
	base_wipe(text, sizeof(text));
	return done;
}

static bool rejected(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	const char *text = session_text(session, &session->message);

	/* Any action is refused so while Asterisk stops (process_message): it says nothing about the user. */
	if (strcmp(text, "Asterisk is shutting down") == 0) {
		session_lose(session, "Asterisk is shutting down");
		return false;
	}
	session->state = SESSION_REJECTED;
	session_notice(session, out, WTEL_AMI_NOTICE_REJECTED);
	out->code = WTEL_EAUTH;
	out->message = &session->message;
	out->text = text;
	return true;
}

static void challenged(struct wtel_ami_session *session)
{
	struct wtel_slice challenge = wtel_ami_message_get(&session->message, "Challenge");
	char key[33];
	size_t i;

	for (i = 0; i < challenge.length && challenge.data[i] >= '0' && challenge.data[i] <= '9'; i++)
		;
	/* Digits only ("%ld" of ast_random): whoever sits in between shall not choose what is hashed with the secret.
	 */
	if (!challenge.length || i != challenge.length || challenge.length > 32)
		session_lose(session, "the challenge of the login is no number");
	else if (!answer_challenge(session, challenge, key))
		session_lose(session, "no MD5 in this OpenSSL");
	else
		send_login(session, key);
}

static void send_filters(struct wtel_ami_session *session)
{
	char id[SESSION_ID_SIZE];
	uint64_t token;
	size_t i;

	for (i = 0; i < session->filter_count; i++) {
		token = pending_own_token(&session->pending);
		if (!i)
			session->filter_token = token;
		session_id(session, token, id);
		if (action_append(session->filters[i].action, id, &session->output, &session->allocator))
			session_lose(session, "no memory for the filters");
	}
}

bool session_filter_answer(struct wtel_ami_session *session, size_t index, struct wtel_ami_notice *out)
{
	char reason[128];
	const char *text;

	if (!base_slice_equal_fold(session->message.head, BASE_SLICE("Error")))
		return false;
	text = session_text(session, &session->message);
	session_notice(session, out, WTEL_AMI_NOTICE_DONE);
	out->code = session_refusal(text);
	out->message = &session->message;
	snprintf(reason, sizeof(reason), "%s", text);
	snprintf(session->text, sizeof(session->text), "filter \"%.96s\" refused: %s", session->filters[index].text,
		 reason);
	out->text = session->text;
	return true;
}

bool session_login(struct wtel_ami_session *session, struct wtel_ami_notice *out)
{
	const struct wtel_ami_message *message = &session->message;
	struct wtel_slice id;

	if (session->state == SESSION_BANNER) {
		greeted(session);
		return false;
	}
	if (message->kind != WTEL_AMI_RESPONSE)
		return false;
	id = wtel_ami_message_get(message, "ActionID");
	if (session_id_token(session, id) != session->login_token) {
		session->unknown++;
		return false;
	}
	if (!base_slice_equal_fold(message->head, BASE_SLICE("Success")))
		return rejected(session, out);
	if (session->state == SESSION_CHALLENGE) {
		challenged(session);
		return false;
	}
	session->state = SESSION_READY;
	session_ping_start(session, session->received.mono);
	send_filters(session);
	session_notice(session, out, WTEL_AMI_NOTICE_READY);
	out->message = message;
	return true;
}
