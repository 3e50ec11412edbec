/*
 * A login: its rates -> wtel_access_user() -> bcrypt in the helper thread -> wtel_access_open() -> the cookie. Whoever
 * does not exist costs the same 50 ms as a wrong password, and is told the same.
 */
#include "gateway/login.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "gateway/limit.h"
#include "gateway/verify.h"

enum { NAME_MAX_BYTES = 200, PASSWORD_MAX = 1024, AT_ONCE = 64, HEAD_ROOM = 400 };

/* One login on its way. */
struct attempt {
	struct verify_job job; /* first */
	struct gateway_exchange *exchange;
	struct login *login; /* NULL: the gateway is gone */
	struct attempt *next, *previous;
	struct wtel_allocator allocator;
	char name[NAME_MAX_BYTES + 1];
	int64_t user_id;
	enum wtel_role role;
	bool exists;
};

struct login {
	struct wtel_gateway *gateway;
	struct wtel_allocator allocator;
	struct verify *verify;
	struct attempt *first;
	size_t count;
};

int login_new(struct login **out, struct wtel_gateway *gateway)
{
	struct login *login = gateway_allocate(&gateway->allocator, sizeof(*login));
	int code;

	if (!login)
		return WTEL_ENOMEM;
	login->gateway = gateway;
	login->allocator = gateway->allocator;
	code = verify_new(&login->verify, gateway->loop, &login->allocator);
	if (code)
		gateway_release(&login->allocator, login);
	else
		*out = login;
	return code;
}

static void end_attempt(struct attempt *attempt)
{
	struct wtel_allocator allocator = attempt->allocator;

	if (attempt->previous)
		attempt->previous->next = attempt->next;
	else if (attempt->login)
		attempt->login->first = attempt->next;
	if (attempt->next)
		attempt->next->previous = attempt->previous;
	if (attempt->login)
		attempt->login->count--;
	OPENSSL_cleanse(attempt, sizeof(*attempt));
	gateway_release(&allocator, attempt);
}

/* Those that the database answers later find it gone; those of the thread will never come back. */
void login_free(struct login *login)
{
	struct wtel_allocator allocator;
	struct attempt *attempt, *next;

	if (!login)
		return;
	allocator = login->allocator;
	verify_free(login->verify);
	for (attempt = login->first; attempt; attempt = next) {
		next = attempt->next;
		if (attempt->job.queued) {
			(void)exchange_resume(attempt->exchange);
			end_attempt(attempt);
		} else {
			attempt->login = NULL;
		}
	}
	gateway_release(&allocator, login);
}

/* ---- what is said -------------------------------------------------------------- */

static void note(const struct gateway_exchange *exchange, int64_t user_id, const char *actor, int status)
{
	struct wtel_audit_entry entry = WTEL_AUDIT_ENTRY_INIT;

	entry.user_id = user_id;
	entry.actor = actor;
	entry.address = exchange->address;
	entry.method = exchange->method;
	entry.path = exchange->path;
	entry.status = status;
	(void)!wtel_access_note(exchange->gateway->service, &entry);
	exchange->gateway->asked = true;
}

static void answer_json(struct gateway_exchange *exchange, int status, json_t *document)
{
	char text[2048];
	size_t length = document ? json_dumpb(document, text, sizeof(text), JSON_COMPACT) : 0;

	if (length && length <= sizeof(text))
		gateway_answer(exchange, status, "application/json", (struct wtel_slice){text, length});
	else
		gateway_fail(exchange, 503, WTEL_ENOMEM, "", "out of memory", 1);
	OPENSSL_cleanse(text, sizeof(text));
	json_decref(document);
}

static json_t *iso_time(int64_t wall)
{
	char text[96];
	time_t seconds = (time_t)(wall / 1000000);
	struct tm tm;

	if (!wall || !gmtime_r(&seconds, &tm))
		return json_null();
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall / 1000 % 1000));
	return json_string(text);
}

static json_t *describe(const struct wtel_grant *grant, const char *csrf)
{
	json_t *session = json_pack("{s:s, s:o, s:s, s:s, s:o, s:o}", "kind",
				    grant->kind == WTEL_GRANT_SESSION ? "session" : "token", "userId",
				    grant->user_id ? json_integer(grant->user_id) : json_null(), "role",
				    wtel_role_name(grant->role), "name", grant->name ? grant->name : "", "expiresAt",
				    iso_time(grant->expires_at), "csrfToken", *csrf ? json_string(csrf) : json_null());

	return session ? json_pack("{s:b, s:o}", "success", 1, "session", session) : NULL;
}

static void set_cookie(struct gateway_exchange *exchange, char *head, size_t room, const char *secret, int64_t lifetime)
{
	snprintf(head, room,
		 "Set-Cookie: wtel_session=%s; Path=/api/telephony; HttpOnly; SameSite=Strict; Max-Age=%lld%s\r\n",
		 secret, (long long)(lifetime / 1000000), exchange->gateway->tls ? "; Secure" : "");
	exchange->extra_head = wtel_slice_of(head);
}

static void refuse(struct gateway_exchange *exchange, const char *name, int64_t user_id)
{
	char actor[GATEWAY_ACTOR_SIZE];

	snprintf(actor, sizeof(actor), "login %.100s", name);
	note(exchange, user_id, actor, 401);
	gateway_fail(exchange, 401, WTEL_EPERMISSION, "", "that name and password do not belong together", 0);
}

/* ---- the way of a login ---------------------------------------------------------- */

/* false: nobody waits for it any more. */
static bool resume(struct attempt *attempt)
{
	if (exchange_resume(attempt->exchange) && attempt->login)
		return true;
	end_attempt(attempt);
	return false;
}

static void opened(int code, const char *text, const struct wtel_grant *grant, const char *secret, void *user)
{
	struct attempt *attempt = user;
	struct gateway_exchange *exchange = attempt->exchange;
	char head[HEAD_ROOM], csrf[GATEWAY_CSRF_SIZE];

	(void)text;
	if (!resume(attempt))
		return;
	if (code) {
		gateway_fail(exchange, 503, code, "", "the session cannot be kept now", 1);
	} else {
		snprintf(exchange->actor, sizeof(exchange->actor), "session %lld (%.100s)", (long long)grant->id,
			 attempt->name);
		note(exchange, grant->user_id, exchange->actor, 200);
		who_granted(exchange->gateway, secret);
		who_csrf(csrf, secret);
		set_cookie(exchange, head, sizeof(head), secret, exchange->gateway->options.session_lifetime);
		answer_json(exchange, 200, describe(grant, csrf));
		OPENSSL_cleanse(head, sizeof(head));
	}
	end_attempt(attempt);
}

static void verified(struct verify_job *job)
{
	struct attempt *attempt = (struct attempt *)job;
	struct gateway_exchange *exchange = attempt->exchange;
	struct wtel_grant grant;

	if (!resume(attempt))
		return;
	if (!job->good || !attempt->exists) {
		refuse(exchange, attempt->name, attempt->user_id);
		end_attempt(attempt);
		return;
	}
	memset(&grant, 0, sizeof(grant));
	grant.kind = WTEL_GRANT_SESSION;
	grant.user_id = attempt->user_id;
	grant.role = attempt->role;
	grant.name = attempt->name;
	grant.expires_at = wtel_time_now().wall + exchange->gateway->options.session_lifetime;
	exchange->gateway->asked = true;
	exchange_hold(exchange);
	if (wtel_access_open(exchange->gateway->service, &grant, opened, attempt)) {
		exchange_release(exchange);
		gateway_fail(exchange, 503, WTEL_ENOMEM, "", "the session cannot be kept now", 1);
		end_attempt(attempt);
	}
}

static void user_read(int code, const char *text, int64_t user_id, enum wtel_role role, const char *hash, void *user)
{
	/* Of no password at all: as long to try as any other. */
	static const char nobody[] = "$2b$10$abcdefghijklmnopqrstuuWqHkPmMnTe7ZdVpZLbCFbJVJ8PvQ2vS";
	struct attempt *attempt = user;
	struct gateway_exchange *exchange = attempt->exchange;

	(void)text;
	if (!resume(attempt))
		return;
	if (code && code != WTEL_ENOTFOUND) {
		gateway_fail(exchange, 503, code, "",
			     code == WTEL_ESCHEMA ? "there is no table of users to log in with"
						  : "no answer from the database",
			     1);
		end_attempt(attempt);
		return;
	}
	attempt->exists = !code;
	attempt->user_id = code ? 0 : user_id;
	attempt->role = code ? WTEL_ROLE_AGENT : role;
	snprintf(attempt->job.hash, sizeof(attempt->job.hash), "%s", code ? nobody : hash);
	attempt->job.done = verified;
	exchange_hold(exchange);
	verify_add(attempt->login->verify, &attempt->job);
}

static void start(struct gateway_exchange *exchange, const char *name, const char *password)
{
	struct login *login = exchange->gateway->login;
	struct attempt *attempt = login->count < AT_ONCE ? gateway_allocate(&login->allocator, sizeof(*attempt)) : NULL;

	if (!attempt) {
		gateway_fail(exchange, 503, WTEL_ELIMIT, "", "too many logins are under way", 1);
		return;
	}
	attempt->exchange = exchange;
	attempt->login = login;
	attempt->allocator = login->allocator;
	snprintf(attempt->name, sizeof(attempt->name), "%s", name);
	snprintf(attempt->job.secret, sizeof(attempt->job.secret), "%s", password);
	attempt->next = login->first;
	if (login->first)
		login->first->previous = attempt;
	login->first = attempt;
	login->count++;
	exchange->gateway->asked = true;
	exchange_hold(exchange);
	if (wtel_access_user(exchange->gateway->service, name, user_read, attempt)) {
		exchange_release(exchange);
		gateway_fail(exchange, 503, WTEL_ENOMEM, "", "the service cannot take it now", 1);
		end_attempt(attempt);
	}
}

/* By the address, and by the name, so that neither many names nor many addresses help. 0: go on. */
static unsigned rate(const struct gateway_exchange *exchange, const char *name)
{
	struct limit_table *limits = exchange->gateway->limits;
	int64_t now = wtel_time_now().mono;
	char lower[NAME_MAX_BYTES + 1];
	size_t length;
	unsigned seconds = limit_take(limits, LIMIT_LOGIN_ADDRESS, exchange->client.s6_addr,
				      limit_address(&exchange->client), now);

	for (length = 0; name[length]; length++)
		lower[length] = (char)tolower((unsigned char)name[length]);
	return seconds ? seconds : limit_take(limits, LIMIT_LOGIN_NAME, lower, length, now);
}

static void log_in(struct gateway_exchange *exchange, const json_t *document)
{
	const json_t *name = json_object_get(document, "username"), *password = json_object_get(document, "password");
	unsigned seconds;

	if (!json_is_string(name) || !json_string_length(name) || json_string_length(name) > NAME_MAX_BYTES) {
		gateway_fail(exchange, 400, WTEL_EINVAL, "username", "a name of 1 to 200 bytes is needed", 0);
	} else if (!json_is_string(password) || json_string_length(password) > PASSWORD_MAX) {
		gateway_fail(exchange, 400, WTEL_EINVAL, "password", "a password is needed", 0);
	} else {
		seconds = rate(exchange, json_string_value(name));
		if (seconds)
			gateway_fail(exchange, 429, WTEL_ELIMIT, "", "too many logins: try again later", seconds);
		else
			start(exchange, json_string_value(name), json_string_value(password));
	}
}

void login_post(struct gateway_exchange *exchange, const struct gateway_request *request)
{
	json_t *document = json_loadb(request->body.length ? request->body.data : "", request->body.length,
				      JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(document))
		log_in(exchange, document);
	else
		gateway_fail(exchange, 400, WTEL_EINVAL, "", "the body is to be a JSON object", 0);
	json_decref(document);
}

/* ---- who am I, and out --------------------------------------------------------------- */

void login_get(struct gateway_exchange *exchange, const struct who_grant *grant)
{
	answer_json(exchange, 200, describe(&grant->grant, grant->csrf));
}

static void revoked(int code, const char *text, void *user)
{
	struct gateway_exchange *exchange = user;
	char head[HEAD_ROOM];

	(void)text;
	if (!exchange_resume(exchange))
		return;
	if (code && code != WTEL_ENOTFOUND) {
		gateway_fail(exchange, 503, code, "", "the session cannot be ended now", 1);
		return;
	}
	note(exchange, 0, exchange->actor, 200);
	set_cookie(exchange, head, sizeof(head), "", 0);
	answer_json(exchange, 200, json_pack("{s:b, s:s}", "success", 1, "message", "Logged out"));
}

void login_delete(struct gateway_exchange *exchange, const struct who_grant *grant, const char *secret)
{
	if (grant->grant.kind != WTEL_GRANT_SESSION) {
		gateway_fail(exchange, 409, WTEL_ESTATE, "", "a token has no session to end", 0);
		return;
	}
	exchange->gateway->asked = true;
	exchange_hold(exchange);
	if (wtel_access_revoke(exchange->gateway->service, grant->grant.id, revoked, exchange)) {
		exchange_release(exchange);
		gateway_fail(exchange, 503, WTEL_ENOMEM, "", "the service cannot take it now", 1);
		return;
	}
	who_forget(exchange->gateway, secret);
}
