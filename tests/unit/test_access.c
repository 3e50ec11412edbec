/* Who asks, and the audit log, through a service: on both databases. */
#include <wtel/access.h>

#include "access_place.h"
#include "api_world.h"
#include "fault.h"
#include "service/service.h"
#include "store/core.h"

#define HOUR   INT64_C(3600000000)
#define NOBODY "wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ---- a world ---------------------------------------------------------- */

static void open_store(struct world *world, const struct place *place, const struct wtel_allocator *allocator)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};

	wtel_store_close(world->store);
	options.url = place->url;
	options.max_delay = 0;
	options.log = world_log;
	options.log_user = world;
	cr_assert_eq(wtel_store_open(&world->store, &options, allocator, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	world->trunk = world_trunk(world, "Carrier A", true, 10);
}

static void begin(struct world *world, struct place *place, bool postgres)
{
	place_open(place, postgres);
	world_prepare(world);
	open_store(world, place, NULL);
	world_start(world);
	WORLD_UNTIL(world, world_stats(world).synchronised);
}

static void end(struct world *world, struct place *place)
{
	world_close(world);
	place_close(place);
}

#define ACCESS_TEST(name)                                                                                              \
	static void check_##name(struct world *world, struct place *place);                                            \
	static void run_##name(bool postgres)                                                                          \
	{                                                                                                              \
		struct world world;                                                                                    \
		struct place place;                                                                                    \
		begin(&world, &place, postgres);                                                                       \
		check_##name(&world, &place);                                                                          \
		end(&world, &place);                                                                                   \
	}                                                                                                              \
	Test(sqlite, name)                                                                                             \
	{                                                                                                              \
		run_##name(false);                                                                                     \
	}                                                                                                              \
	Test(postgres, name)                                                                                           \
	{                                                                                                              \
		run_##name(true);                                                                                      \
	}                                                                                                              \
	static void check_##name(struct world *world, struct place *place)

/* ---- asking ----------------------------------------------------------- */

struct heard {
	unsigned count;
	int code;
	char text[256];
	struct wtel_grant grant;
	char name[128];
	char secret[WTEL_ACCESS_SECRET_SIZE];
	int64_t user_id;
	enum wtel_role role;
	char hash[128];
};

static void hear(struct heard *heard, int code, const char *text)
{
	cr_assert_eq(!code, !text[0], "%d: %s", code, text);
	heard->count++;
	heard->code = code;
	snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void hear_grant(int code, const char *text, const struct wtel_grant *grant, void *user)
{
	struct heard *heard = user;

	hear(heard, code, text);
	cr_assert_eq(!grant, code != 0);
	if (!grant)
		return;
	heard->grant = *grant;
	snprintf(heard->name, sizeof(heard->name), "%s", grant->name);
}

static void hear_secret(int code, const char *text, const struct wtel_grant *grant, const char *secret, void *user)
{
	struct heard *heard = user;

	hear_grant(code, text, grant, user);
	cr_assert_eq(!secret, code != 0);
	snprintf(heard->secret, sizeof(heard->secret), "%s", secret ? secret : "");
}

static void hear_user(int code, const char *text, int64_t user_id, enum wtel_role role, const char *hash, void *user)
{
	struct heard *heard = user;

	hear(heard, code, text);
	cr_assert_eq(!hash, code != 0);
	heard->user_id = user_id;
	heard->role = role;
	snprintf(heard->hash, sizeof(heard->hash), "%s", hash ? hash : "");
}

static void hear_done(int code, const char *text, void *user)
{
	hear(user, code, text);
}

#define AWAIT(world, heard, started)                                                                                   \
	do {                                                                                                           \
		cr_assert_eq(started, 0);                                                                              \
		cr_assert_eq((heard)->count, 0, "answered from inside");                                               \
		WORLD_UNTIL(world, (heard)->count);                                                                    \
		cr_assert_eq((heard)->count, 1);                                                                       \
	} while (0)

static struct heard find(struct world *world, const char *secret)
{
	struct heard heard = {0};

	AWAIT(world, &heard, wtel_access_find(world->service, secret, hear_grant, &heard));
	return heard;
}

static struct heard open_grant(struct world *world, enum wtel_grant_kind kind, int64_t user_id, const char *name)
{
	struct wtel_grant grant = {0, kind, user_id, WTEL_ROLE_AGENT, name, 0, wtel_time_now().wall + HOUR, 0, 0};
	struct heard heard = {0};

	AWAIT(world, &heard, wtel_access_open(world->service, &grant, hear_secret, &heard));
	return heard;
}

static struct heard end_grant(struct world *world, int64_t id)
{
	struct heard heard = {0};

	AWAIT(world, &heard, wtel_access_revoke(world->service, id, hear_done, &heard));
	return heard;
}

static struct heard user_of(struct world *world, const char *login)
{
	struct heard heard = {0};

	AWAIT(world, &heard, wtel_access_user(world->service, login, hear_user, &heard));
	return heard;
}

ACCESS_TEST(a_session_from_login_to_logout)
{
	struct heard user = user_of(world, "ana"), session, found;

	(void)place;
	cr_assert_eq(user.code, 0, "%s", user.text);
	cr_assert_eq(user.user_id, 5);
	cr_assert_eq(user.role, WTEL_ROLE_AGENT);
	cr_assert_str_eq(user.hash, HASH);
	cr_assert_eq(user_of(world, "boss").role, WTEL_ROLE_ADMIN);
	cr_assert_eq(user_of(world, "nobody").code, WTEL_ENOTFOUND);
	session = open_grant(world, WTEL_GRANT_SESSION, user.user_id, "ana");
	cr_assert_eq(session.code, 0, "%s", session.text);
	found = find(world, session.secret);
	cr_assert_eq(found.code, 0, "%s", found.text);
	cr_assert_eq(found.grant.id, session.grant.id);
	cr_assert_eq(found.grant.kind, WTEL_GRANT_SESSION);
	cr_assert_eq(found.grant.user_id, 5);
	cr_assert_str_eq(found.name, "ana");
	cr_assert_eq(end_grant(world, session.grant.id).code, 0);
	found = find(world, session.secret);
	cr_assert_eq(found.code, WTEL_ESTATE);
	cr_assert_str_eq(found.text, "the session was revoked");
	cr_assert_eq(end_grant(world, 999).code, WTEL_ENOTFOUND);
	/* Nobody need hear of it. */
	session = open_grant(world, WTEL_GRANT_SESSION, 5, "ana");
	cr_assert_eq(wtel_access_revoke(world->service, session.grant.id, NULL, NULL), 0);
	WORLD_UNTIL(world, find(world, session.secret).code == WTEL_ESTATE);
}

ACCESS_TEST(what_cannot_be_is_refused_with_a_sentence)
{
	char longest[400];
	struct wtel_grant grant = {0};

	(void)place;
	memset(longest, 'A', sizeof(longest));
	longest[399] = '\0';
	cr_assert_eq(find(world, NOBODY).code, WTEL_ENOTFOUND);
	cr_assert_eq(find(world, NULL).code, WTEL_ENOTFOUND);
	cr_assert_eq(find(world, "").code, WTEL_ENOTFOUND);
	cr_assert_eq(find(world, longest).code, WTEL_ENOTFOUND);
	cr_assert_eq(find(world, NOBODY "A").code, WTEL_ENOTFOUND);
	cr_assert_eq(find(world, "wtel_\xff").code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, longest).code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, NULL).code, WTEL_ENOTFOUND);
	cr_assert_eq(user_of(world, "ana' OR 'a'='a").code, WTEL_ENOTFOUND);
	cr_assert_eq(open_grant(world, WTEL_GRANT_TOKEN, 0, longest).code, WTEL_ELIMIT);
	cr_assert_eq(open_grant(world, WTEL_GRANT_TOKEN, 0, "").code, WTEL_EINVAL);
	cr_assert_eq(open_grant(world, WTEL_GRANT_SESSION, 77, "ana").code, WTEL_ENOTFOUND);
	cr_assert_eq(end_grant(world, -1).code, WTEL_EINVAL);
	cr_assert_eq(wtel_access_find(world->service, NOBODY, NULL, NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_access_user(world->service, "ana", NULL, NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_access_open(world->service, &grant, NULL, NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_access_open(world->service, NULL, hear_secret, NULL), WTEL_EINVAL);
	cr_assert_eq(wtel_access_note(world->service, NULL), WTEL_EINVAL);
}

Test(access, without_a_database_there_is_an_answer)
{
	struct wtel_audit_entry entry = WTEL_AUDIT_ENTRY_INIT;
	struct wtel_store *store;
	struct world world;

	world_prepare(&world);
	store = world.store;
	world.store = NULL;
	world_start(&world);
	cr_assert_eq(find(&world, NOBODY).code, WTEL_ESTORE);
	cr_assert_eq(user_of(&world, "ana").code, WTEL_ESTORE);
	cr_assert_eq(wtel_access_note(world.service, &entry), WTEL_ESTORE);
	api_is(&world, 503, admin, "POST sip/5/disable", NULL);
	world.store = store;
	world_close(&world);
}

static void send_all(struct world *world, struct heard heard[4], struct reply *reply)
{
	static const struct wtel_grant token = {0, WTEL_GRANT_TOKEN, 0, WTEL_ROLE_ADMIN, "a", 0, 0, 0, 0};

	memset(heard, 0, 4 * sizeof(*heard));
	cr_assert_eq(wtel_access_find(world->service, NOBODY, hear_grant, &heard[0]), 0);
	cr_assert_eq(wtel_access_user(world->service, "ana", hear_user, &heard[1]), 0);
	cr_assert_eq(wtel_access_open(world->service, &token, hear_secret, &heard[2]), 0);
	cr_assert_eq(wtel_access_revoke(world->service, 99, hear_done, &heard[3]), 0);
	cr_assert_eq(api_send(world, reply, admin, "POST sip/5/disable", NULL), 0);
}

static void go_away(bool postgres)
{
	int turns, i;

	for (turns = 0; turns < 4; turns++) {
		struct fault fault = {0, 0, 0, 0};
		struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
		struct heard heard[4];
		struct reply reply;
		struct world world;
		struct place place;

		place_open(&place, postgres);
		world_prepare(&world);
		world.allocator = &allocator;
		open_store(&world, &place, NULL);
		world_start(&world);
		WORLD_UNTIL(&world, world_stats(&world).synchronised);
		send_all(&world, heard, &reply);
		for (i = 0; i < turns; i++)
			(void)wtel_service_dispatch(world.service);
		wtel_observer_free(world.observer);
		wtel_service_free(world.service);
		for (i = 0; i < 4; i++) {
			cr_assert_eq(heard[i].count, 1, "%d", i);
			cr_assert(turns || heard[i].code == WTEL_ECLOSED, "%d: %s", i, heard[i].text);
		}
		cr_assert_eq(reply.count, 1);
		json_decref(reply.json);
		world_sim_close(&world);
		/* Even that request was noted. */
		cr_assert_eq(wtel_store_flush(world.store), 0);
		place_do(&place,
			 postgres ? "SELECT 1 / count(*) FROM wtel_audit WHERE path LIKE '%/sip/5/disable'"
				  : "CREATE TABLE t (n INTEGER CHECK (n = 1)); INSERT INTO t SELECT count(*) FROM"
				    " wtel_audit WHERE path LIKE '%/sip/5/disable'");
		wtel_store_close(world.store);
		cr_assert_eq(fault.out, 0, "%zu blocks leaked", fault.out);
		place_close(&place);
	}
}

Test(sqlite, questions_are_answered_when_the_service_goes)
{
	go_away(false);
}

Test(postgres, questions_are_answered_when_the_service_goes)
{
	go_away(true);
}

/* ---- the audit log ---------------------------------------------------- */

/* A request as a gateway makes it. */
static void ask_as(struct world *world, int status, struct who who, const char *line, const char *body)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;
	struct reply reply = {0};
	char method[16], path[2048];

	snprintf(method, sizeof(method), "%.*s", (int)strcspn(line, " "), line);
	snprintf(path, sizeof(path), "/api/telephony/%s", strchr(line, ' ') + 1);
	request.method = method;
	request.path = path;
	request.body = wtel_slice_of(body);
	request.role = who.role;
	request.user_id = who.user_id;
	request.actor = "token 3 (\"back\noffice\")";
	request.address = "2001:db8::1";
	cr_assert_eq(wtel_api_call(world->service, &request, reply_take, &reply), 0);
	WORLD_UNTIL(world, reply.count);
	cr_assert_eq(reply.status, status, "%s: %d", line, reply.status);
	json_decref(reply.json);
}

static json_t *entries(struct world *world, const char *query, size_t count)
{
	char line[128];
	json_t *document, *list;

	cr_assert_eq(wtel_store_flush(world->store), 0);
	snprintf(line, sizeof(line), "GET audit%s", query);
	document = api_ask(world, 200, admin, line, NULL);
	list = api_at(document, "entries");
	cr_assert_eq(json_array_size(list), count, "%zu entries", json_array_size(list));
	cr_assert_eq((size_t)api_number(document, "count"), count);
	return document;
}

static void detail_is(json_t *document, size_t at, const char *wanted)
{
	char path[32], *text;
	json_t *there, *expected = json_loads(wanted, JSON_DECODE_ANY, NULL);

	snprintf(path, sizeof(path), "entries/%zu/detail", at);
	there = api_at(document, path);
	text = json_dumps(there, JSON_ENCODE_ANY);
	cr_assert(json_equal(there, expected), "%s instead of %s", text, wanted);
	free(text);
	json_decref(expected);
}

ACCESS_TEST(what_changes_something_is_noted_with_who_and_from_where)
{
	json_t *document;

	(void)place;
	ask_as(world, 200, admin, "GET trunks", NULL);
	ask_as(world, 200, admin, "PUT campaigns/3/trunks/1", "{\"priority\": 2}");
	ask_as(world, 403, agent, "DELETE trunks/1", NULL);
	ask_as(world, 404, admin, "POST nothing%2Fhere", "{\"a\": 1}");
	ask_as(world, 405, admin, "BREW trunks", NULL);
	ask_as(world, 400, admin, "PUT campaigns/3", "{\"general\": tr");
	document = entries(world, "", 5);
	cr_assert_str_eq(api_text(document, "entries/4/method"), "PUT");
	cr_assert_str_eq(api_text(document, "entries/4/path"), "/api/telephony/campaigns/3/trunks/1");
	cr_assert_str_eq(api_text(document, "entries/4/actor"), "token 3 (\"back\noffice\")");
	cr_assert_str_eq(api_text(document, "entries/4/address"), "2001:db8::1");
	cr_assert_eq(api_number(document, "entries/4/userId"), admin.user_id);
	cr_assert_eq(api_number(document, "entries/4/status"), 200);
	detail_is(document, 4, "{\"priority\": 2}");
	cr_assert_eq(api_number(document, "entries/3/userId"), agent.user_id);
	cr_assert_eq(api_number(document, "entries/3/status"), 403);
	detail_is(document, 3, "null");
	cr_assert_str_eq(api_text(document, "entries/2/path"), "/api/telephony/nothing%2Fhere");
	cr_assert_str_eq(api_text(document, "entries/1/method"), "BREW");
	detail_is(document, 0, "null");
	cr_assert(json_is_null(api_at(document, "before")));
	json_decref(document);
}

ACCESS_TEST(secrets_and_long_texts_are_not_noted)
{
	char body[2048], text[301];
	json_t *document;
	char *all;

	(void)place;
	memset(text, 'x', 300);
	text[300] = '\0';
	snprintf(body, sizeof(body),
		 "{\"name\": \"B\", \"host\": \"b.example\", \"password\": \"s3cret\", \"port\": 5061, \"description\":"
		 " \"%s\", \"advancedSettings\": {\"weight\": 1}, \"needsRegistration\": false}",
		 text);
	ask_as(world, 201, admin, "POST trunks", body);
	ask_as(world, 400, admin, "PATCH trunks/1", "{\"passwrd\": \"s3cret\", \"pin\": 1234, \"priority\": 3}");
	document = entries(world, "", 2);
	detail_is(document, 1,
		  "{\"name\": \"B\", \"host\": \"b.example\", \"password\": \"...\", \"port\": 5061, \"description\":"
		  " \"...\", \"advancedSettings\": \"...\", \"needsRegistration\": false}");
	detail_is(document, 0, "{\"passwrd\": \"...\", \"pin\": \"...\", \"priority\": 3}");
	all = json_dumps(document, 0);
	cr_assert_null(strstr(all, "s3cret"));
	free(all);
	json_decref(document);
}

ACCESS_TEST(the_log_is_read_page_by_page)
{
	struct wtel_audit_entry entry = WTEL_AUDIT_ENTRY_INIT;
	json_t *document;
	char path[32];
	int i;

	(void)place;
	entry.method = "POST";
	entry.path = path;
	entry.status = 200;
	for (i = 1; i <= 7; i++) {
		snprintf(path, sizeof(path), "/login/%d", i);
		entry.user_id = i % 2 ? 5 : 0;
		entry.detail = i == 7 ? "no JSON" : NULL;
		cr_assert_eq(wtel_access_note(world->service, &entry), 0);
	}
	document = entries(world, "?limit=3", 3);
	cr_assert_str_eq(api_text(document, "entries/0/path"), "/login/7");
	detail_is(document, 0, "\"no JSON\"");
	cr_assert_eq(api_number(document, "before"), api_number(document, "entries/2/id"));
	snprintf(path, sizeof(path), "?limit=4&before=%lld", (long long)api_number(document, "before"));
	json_decref(document);
	document = entries(world, path, 4);
	cr_assert_str_eq(api_text(document, "entries/3/path"), "/login/1");
	cr_assert(json_is_null(api_at(document, "before")));
	json_decref(document);
	json_decref(entries(world, "?userId=5", 4));
	json_decref(entries(world, "?userId=6", 0));
	api_refuses(world, 400, "limit", admin, "GET audit?limit=0", NULL);
	api_refuses(world, 400, "before", admin, "GET audit?before=9999999999999999999", NULL);
	api_is(world, 403, supervisor, "GET audit", NULL);
	api_is(world, 403, agent, "GET audit", NULL);
}

/* Without anything else to do the loop comes back for it. */
ACCESS_TEST(a_note_wakes_the_loop)
{
	struct wtel_audit_entry entry = WTEL_AUDIT_ENTRY_INIT;

	(void)place;
	world_run(world, 100);
	entry.method = "POST";
	entry.path = "/login";
	cr_assert_eq(wtel_access_note(world->service, &entry), 0);
	WORLD_UNTIL(world, !world->store->audit.waiting.count && !world->store->audit.flying.count);
	place_do(place, place->postgres ? "SELECT 1 / count(*) FROM wtel_audit"
					: "CREATE TABLE t (n INTEGER CHECK (n = 1)); INSERT INTO t SELECT count(*)"
					  " FROM wtel_audit");
}

ACCESS_TEST(a_log_that_fails_stops_nothing)
{
	place_do(place, "ALTER TABLE wtel_audit RENAME TO away");
	ask_as(world, 200, admin, "PUT campaigns/3", "{\"general\": true}");
	ask_as(world, 200, admin, "PUT campaigns/3", "{\"general\": false}");
	WORLD_UNTIL(world, strstr(world->log, "audit:"));
	api_is(world, 503, admin, "GET audit", NULL);
	place_do(place, "ALTER TABLE away RENAME TO wtel_audit");
	json_decref(entries(world, "", 2));
}

/* ---- without memory --------------------------------------------------- */

static int ask_nth(struct world *world, unsigned which, const char *secret)
{
	struct wtel_grant grant = {0, WTEL_GRANT_SESSION, 5, WTEL_ROLE_AGENT, "ana", 0, wtel_time_now().wall + HOUR, 0,
				   0};
	struct heard heard = {0};
	int code;

	switch (which) {
	case 0:
		code = wtel_access_open(world->service, &grant, hear_secret, &heard);
		break;
	case 1:
		code = wtel_access_find(world->service, secret, hear_grant, &heard);
		break;
	case 2:
		code = wtel_access_user(world->service, "ana", hear_user, &heard);
		break;
	default:
		code = wtel_access_revoke(world->service, 1, hear_done, &heard);
	}
	if (!code)
		WORLD_UNTIL(world, heard.count);
	return code ? code : heard.code;
}

static void run_out(bool of_store)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct world world;
	struct place place;
	struct heard made;
	unsigned which;
	size_t nth;

	place_open(&place, false);
	world_prepare(&world);
	world.allocator = of_store ? NULL : &allocator;
	open_store(&world, &place, of_store ? &allocator : NULL);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	made = open_grant(&world, WTEL_GRANT_TOKEN, 0, "a");
	for (which = 0; which < 4; which++)
		for (nth = 1;; nth++) {
			int code;

			fault.calls = 0;
			fault.fail = nth;
			code = ask_nth(&world, which, made.secret);
			fault.fail = 0;
			if (fault.calls < nth)
				break;
			cr_assert(code == 0 || code == WTEL_ENOMEM || (which == 1 && code == WTEL_ESTATE), "%u: %d",
				  which, code);
			cr_assert_lt(nth, 1000);
		}
	world_close(&world);
	cr_assert_eq(fault.out, 0, "%zu blocks leaked", fault.out);
	place_close(&place);
}

Test(access, every_question_is_answered_without_memory_of_the_service)
{
	run_out(false);
}

Test(access, every_question_is_answered_without_memory_of_the_store)
{
	run_out(true);
}
