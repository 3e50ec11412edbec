/* Grants, users of the platform, the audit log: against both databases. */
#include "base/timestamp.h"
#include "fault.h"
#include "store/core.h"
#include "store/rows.h"
#include "store_heard.h"

static struct heard end_grant(struct world *world, int64_t id)
{
	struct heard heard = {false};

	heard.code = wtel_store_token_revoke(world->store, id);
	heard.detail = *wtel_store_error(world->store);
	return heard;
}

/* ---- grants ----------------------------------------------------------- */

STORE_TEST(a_token_is_found_by_its_secret_alone, true)
{
	struct heard made = create(world, WTEL_GRANT_TOKEN, 7, "back'office\"; --", 0), found, other;
	char sql[256];

	cr_assert_eq(made.code, 0, "%s", made.detail.text);
	cr_assert_eq(strlen(made.secret), 48);
	cr_assert_eq(strncmp(made.secret, "wtel_", 5), 0);
	cr_assert_eq(strspn(made.secret + 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
	found = find(world, made.secret);
	cr_assert_eq(found.code, 0, "%s", found.detail.text);
	cr_assert_eq(found.grant.id, made.grant.id);
	cr_assert_eq(found.grant.kind, WTEL_GRANT_TOKEN);
	cr_assert_eq(found.grant.user_id, 7);
	cr_assert_eq(found.grant.role, WTEL_ROLE_SUPERVISOR);
	cr_assert_str_eq(found.name, "back'office\"; --");
	cr_assert_eq(found.grant.created_at, made.grant.created_at);
	cr_assert_eq(found.grant.expires_at, 0);
	other = create(world, WTEL_GRANT_TOKEN, 0, "other", 0);
	cr_assert_str_neq(other.secret, made.secret);
	/* Nothing of the secret is kept, and a hash opens nothing. */
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM wtel_grants WHERE hash LIKE '%%%.12s%%' OR name LIKE '%%%.12s%%'",
		 made.secret + 5, made.secret + 5);
	world_says(world, "0", sql);
	world_says(world, "64|64", "SELECT min(length(hash)), max(length(hash)) FROM wtel_grants");
	made.secret[20] = made.secret[20] == 'A' ? 'B' : 'A';
	cr_assert_eq(find(world, made.secret).code, WTEL_ENOTFOUND);
}

/* The hash is SHA-256 of the whole text, as any other program can make it. */
STORE_TEST(the_hash_is_sha256_of_the_secret, true)
{
	world_do(world, "INSERT INTO wtel_grants (kind, hash, role) VALUES ('token',"
			" '6a17b58a0fcf87c8ffa6b7f2b2a5c8db0c0a3ee7ad7aa25fdb2e5c1aea27a21f', 'admin')");
	cr_assert_eq(find(world, "wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").code, WTEL_ENOTFOUND);
	world_do(world, "UPDATE wtel_grants SET hash ="
			" '9dd238ea85ed9c2c76cbf836a4a057288566fc51f1d1f3747f18ff6c27d8c4c2'");
	cr_assert_eq(find(world, "wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").code, 0);
}

STORE_TEST(use_is_noted_once_a_minute, true)
{
	struct heard made = create(world, WTEL_GRANT_TOKEN, 0, "a", 0), found;
	int64_t now = wtel_time_now().wall;
	char sql[256], at[BASE_TIME_SIZE];

	cr_assert_eq(find(world, made.secret).grant.last_used_at, 0);
	found = find(world, made.secret);
	cr_assert_geq(found.grant.last_used_at, now);
	base_time_format(at, now - 30 * SECOND);
	snprintf(sql, sizeof(sql), "UPDATE wtel_grants SET last_used_at = '%s'", at);
	world_do(world, sql);
	cr_assert_eq(find(world, made.secret).code, 0);
	cr_assert_eq(find(world, made.secret).grant.last_used_at, now - 30 * SECOND);
	base_time_format(at, now - 61 * SECOND);
	snprintf(sql, sizeof(sql), "UPDATE wtel_grants SET last_used_at = '%s'", at);
	world_do(world, sql);
	cr_assert_eq(find(world, made.secret).code, 0);
	cr_assert_geq(find(world, made.secret).grant.last_used_at, now);
}

STORE_TEST(revoked_and_expired_are_told_apart, true)
{
	struct heard token = create(world, WTEL_GRANT_TOKEN, 0, "a", wtel_time_now().wall + DAY), found;
	struct heard session = create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + MINUTE);
	struct wtel_grant_list *list = NULL;
	int64_t at;

	cr_assert_eq(session.code, 0, "%s", session.detail.text);
	cr_assert_eq(find(world, session.secret).grant.kind, WTEL_GRANT_SESSION);
	cr_assert_eq(end_grant(world, 0).code, WTEL_ENOTFOUND);
	cr_assert_eq(end_grant(world, 999).code, WTEL_ENOTFOUND);
	cr_assert_eq(end_grant(world, -1).code, WTEL_EINVAL);
	cr_assert_eq(end_grant(world, token.grant.id).code, 0);
	found = find(world, token.secret);
	cr_assert_eq(found.code, WTEL_ESTATE);
	cr_assert_str_eq(found.detail.text, "the token was revoked");
	cr_assert_eq(wtel_store_tokens(world->store, &list), 0);
	cr_assert_eq(list->count, 1, "a session is no token");
	at = list->grants[0].revoked_at;
	cr_assert_neq(at, 0);
	wtel_grant_list_free(list);
	cr_assert_eq(end_grant(world, token.grant.id).code, 0);
	cr_assert_eq(wtel_store_tokens(world->store, &list), 0);
	cr_assert_eq(list->grants[0].revoked_at, at, "the second time changed something");
	wtel_grant_list_free(list);
	world_do(world, "UPDATE wtel_grants SET expires_at = '2026-01-01T00:00:00.000000Z' WHERE kind = 'session'");
	found = find(world, session.secret);
	cr_assert_eq(found.code, WTEL_ESTATE);
	cr_assert_str_eq(found.detail.text, "the session has expired");
	/* The next one sweeps it away, and no token with it. */
	world_do(world, "UPDATE wtel_grants SET expires_at = '2026-01-01T00:00:00.000000Z' WHERE kind = 'token'");
	cr_assert_eq(create(world, WTEL_GRANT_SESSION, 5, "", wtel_time_now().wall + MINUTE).code, 0);
	cr_assert_eq(find(world, session.secret).code, WTEL_ENOTFOUND);
	world_says(world, "1|1",
		   "SELECT sum(CASE kind WHEN 'token' THEN 1 ELSE 0 END),"
		   " sum(CASE kind WHEN 'session' THEN 1 ELSE 0 END) FROM wtel_grants");
}

/* In a database without tables every question would fail otherwise. */
STORE_TEST(what_is_no_secret_never_reaches_the_database, false)
{
	static const char *const texts[] = {
		NULL,
		"",
		"wtel_",
		"' OR 1=1 --",
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",   /* 42 */
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 44 */
		"WTEL_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+",
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\xc3",
		"wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
	};
	struct heard heard = {false};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_assert_eq(store_grant_find(world->store, texts[i], hear_grants, &heard), WTEL_ENOTFOUND, "%zu", i);
	cr_assert(!heard.finished);
	cr_assert_eq(find(world, "wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").code, WTEL_ESCHEMA);
}

STORE_TEST(grants_that_cannot_be, false)
{
	char name[102];
	int64_t later = wtel_time_now().wall + DAY;
	struct heard heard;

	world_do(world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY); INSERT INTO usuarios VALUES (5)");
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
	memset(name, 'n', sizeof(name));
	name[101] = '\0';
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, name, 0).code, WTEL_ELIMIT);
	name[100] = '\0';
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, name, 0).code, 0);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, "", 0).code, WTEL_EINVAL);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, NULL, 0).code, WTEL_EINVAL);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, "a\nb", 0).code, WTEL_EINJECTION);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, "a\xff", 0).code, WTEL_EINVAL);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, -1, "a", 0).code, WTEL_EINVAL);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, INT64_C(1) << 31, "a", 0).code, WTEL_EINVAL);
	cr_assert_eq(create(world, WTEL_GRANT_TOKEN, 0, "a", NOON).code, WTEL_EINVAL);
	cr_assert_eq(create(world, WTEL_GRANT_SESSION, 5, "", 0).code, WTEL_EINVAL);
	cr_assert_eq(create(world, (enum wtel_grant_kind)7, 5, "a", later).code, WTEL_EINVAL);
	heard = create(world, WTEL_GRANT_SESSION, 99, "", later);
	cr_assert_eq(heard.code, WTEL_ENOTFOUND);
	cr_assert_str_eq(heard.detail.field, "user_id");
	heard = create(world, WTEL_GRANT_SESSION, 5, "", later);
	cr_assert_eq(heard.code, 0, "%s", heard.detail.text);
	world_says(world, "2", "SELECT count(*) FROM wtel_grants");
	/* Who is gone can do nothing more. */
	world_do(world, "DELETE FROM usuarios");
	cr_assert_eq(find(world, heard.secret).code, WTEL_ENOTFOUND);
}

static int revoke_all(struct world *world, int number)
{
	int i;

	(void)number;
	world->store = world_open(world);
	for (i = 1; i <= 20; i++)
		if (wtel_store_token_revoke(world->store, i))
			return 1;
	wtel_store_close(world->store);
	return 0;
}

STORE_TEST(eight_processes_revoke_the_same, true)
{
	char secrets[20][64];
	int i;

	for (i = 0; i < 20; i++) {
		struct heard made = create(world, WTEL_GRANT_TOKEN, 0, "a", 0);

		cr_assert_eq(made.grant.id, i + 1);
		memcpy(secrets[i], made.secret, sizeof(secrets[i]));
	}
	world_fork(world, 8, revoke_all);
	for (i = 0; i < 20; i++)
		cr_assert_eq(find(world, secrets[i]).code, WTEL_ESTATE);
}

/* ---- the audit log ---------------------------------------------------- */

static void note(struct wtel_store *store, const char *path, int status)
{
	struct store_note note = {.method = "POST", .path = path, .status = status};

	cr_assert_eq(store_note(store, &note), 0);
}

STORE_TEST(notes_are_written_in_order_whatever_they_hold, true)
{
	static const char hostile[] = "'); DROP TABLE calls; -- \"\\\x01\xff\xc3\xa9";
	struct store_note note = {0, NOON, 5, hostile, hostile, hostile, hostile, 200, "{\"a\": 1}"};
	struct heard heard = {false};
	char path[32], longest[9000];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/path/%d", i);
		note.path = i ? path : hostile;
		note.user_id = i % 2 ? 5 : INT64_MAX;
		cr_assert_eq(store_note(world->store, &note), 0);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	note = (struct store_note){0, 0, -5, longest, longest, longest, longest, -1, longest};
	cr_assert_eq(store_note(world->store, &note), 0);
	memset(&note, 0, sizeof(note));
	cr_assert_eq(store_note(world->store, &note), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0);
	world_says(world, "1002|500", "SELECT count(*), count(user_id) FROM wtel_audit");
	world_says(world, "1000",
		   "SELECT count(*) FROM wtel_audit a WHERE a.id = 1 OR a.path = '/path/' || (a.id - 1)");
	world_says(world, "200|64|16|512|4096",
		   "SELECT length(actor), length(address), length(method), length(path), length(detail)"
		   " FROM wtel_audit WHERE id = 1001");
	await(world->store, &heard, store_notes(world->store, 2, 0, 10, hear_notes, &heard));
	cr_assert_eq(heard.count, 1);
	cr_assert_str_eq(heard.notes->notes[0].actor, "'); DROP TABLE calls; -- \"\\\x01?\xc3\xa9");
	cr_assert_str_eq(heard.notes->notes[0].detail, "{\"a\": 1}");
	cr_assert_eq(heard.notes->notes[0].at, NOON);
	store_pack_free(heard.notes);
	memset(&heard, 0, sizeof(heard));
	await(world->store, &heard, store_notes(world->store, 0, 5, 10, hear_notes, &heard));
	cr_assert_eq(heard.count, 10);
	cr_assert_eq(heard.notes->notes[0].id, 1000);
	cr_assert_eq(heard.notes->notes[9].id, 982);
	store_pack_free(heard.notes);
	cr_assert_eq(store_notes(world->store, -1, 0, 1, hear_notes, &heard), WTEL_EINVAL);
	cr_assert_eq(store_notes(world->store, 0, 0, 1001, hear_notes, &heard), WTEL_EINVAL);
}

STORE_TEST(notes_wait_for_a_table_and_the_newest_stay, false)
{
	char path[32];
	int i;

	for (i = 0; i < STORE_AUDIT_WAITING + 50; i++) {
		snprintf(path, sizeof(path), "%d", i);
		note(world->store, path, 200);
		if (i % 1000 == 0)
			(void)store_dispatch(world->store, wtel_time_now());
	}
	cr_assert_eq(wtel_store_flush(world->store), 0);
	cr_assert_eq(world->store->audit.waiting.count + world->store->audit.flying.count, STORE_AUDIT_WAITING);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0);
	cr_assert_eq(world->store->audit.waiting.count, 0);
	/* A batch that was with the database just then could not be lost: those behind it were. */
	world_says(world, "10000|10049", "SELECT count(*), max(CAST(path AS INTEGER)) FROM wtel_audit");
	world_says(world, "9800", "SELECT count(*) FROM wtel_audit WHERE CAST(path AS INTEGER) >= 250");
}

/* One that the database never takes stands in nobody's way, and closing writes what waits. */
STORE_TEST(a_note_that_is_refused_waits_behind_the_others, true)
{
	world_do(world, world->postgres ? "ALTER TABLE wtel_audit ADD CHECK (path <> 'bad')"
					: "CREATE TRIGGER refuse BEFORE INSERT ON wtel_audit WHEN NEW.path = 'bad'"
					  " BEGIN SELECT RAISE(ABORT, 'no'); END");
	note(world->store, "first", 200);
	note(world->store, "bad", 200);
	note(world->store, "last", 200);
	wtel_store_close(world->store);
	world_says(world, "first\nlast", "SELECT path FROM wtel_audit ORDER BY id");
	world->store = world_open(world);
	note(world->store, "again", 200);
	wtel_store_close(world->store);
	world_says(world, "3", "SELECT count(*) FROM wtel_audit");
	world->store = world_open(world);
}

/* Sent again after its connection was lost, it is there once. */
POSTGRES_TEST(notes_survive_a_lost_connection, true)
{
	char path[32];
	int i;

	for (i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "%d", i);
		note(world->store, path, 200);
		(void)store_turn(world->store, 0);
		if (i % 10 == 5)
			world_do(world, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
					" WHERE datname = current_database() AND pid <> pg_backend_pid()");
	}
	cr_assert_eq(wtel_store_flush(world->store), 0);
	for (i = 0; i < 20 && world->store->audit.waiting.count + world->store->audit.flying.count; i++)
		store_audit_flush(world->store);
	world_says(world, "50|50", "SELECT count(*), count(DISTINCT path) FROM wtel_audit");
}

/* ---- what is too old -------------------------------------------------- */

static void notes_of(struct world *world, int64_t at, int count)
{
	struct store_note note = {.at = at, .method = "POST", .path = "/", .status = 200};
	int i;

	for (i = 0; i < count; i++)
		cr_assert_eq(store_note(world->store, &note), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0);
}

static struct wtel_store *open_for(const struct world *world, int days)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	struct wtel_store *store = NULL;

	options.url = world->url;
	options.audit_days = days;
	cr_assert_eq(wtel_store_open(&store, &options, NULL, &detail), 0, "%s", detail.text);
	return store;
}

/* Until it has no more to do than to wait for the next hour; how often it removed something. */
static int prune(struct world *world, long most)
{
	int64_t until = wtel_time_now().mono + 60 * SECOND;
	long before = world_number(world, "SELECT count(*) FROM wtel_audit"), now;
	int steps = 0;

	world->store->prune.due = 0;
	while (store_prune_deadline(world->store) < until || store_prune_deadline(world->store) == INT64_MAX) {
		cr_assert_lt(wtel_time_now().mono, until, "it does not end");
		(void)store_turn(world->store, wtel_time_now().mono + 50000);
		now = world_number(world, "SELECT count(*) FROM wtel_audit");
		cr_assert_leq(before - now, most, "%ld rows at once", before - now);
		steps += now < before;
		before = now;
	}
	return steps;
}

STORE_TEST(notes_that_are_too_old_are_removed_a_few_at_a_time, true)
{
	int64_t now = wtel_time_now().wall;
	struct wtel_store *keeps_all = world->store;

	notes_of(world, now - 31 * DAY, 120);
	notes_of(world, now - 29 * DAY, 2);
	notes_of(world, now, 1);
	cr_assert_eq(store_prune_deadline(keeps_all), INT64_MAX);
	keeps_all->prune.due = 0;
	(void)store_turn(keeps_all, wtel_time_now().mono + 50000);
	world_says(world, "123", "SELECT count(*) FROM wtel_audit");
	world->store = open_for(world, 30);
	cr_assert_eq(prune(world, 50), 3);
	world_says(world, "3", "SELECT count(*) FROM wtel_audit");
	cr_assert_eq(prune(world, 0), 0);
	wtel_store_close(keeps_all);
}

static int prune_in_child(struct world *world, int number)
{
	(void)number;
	world->store = open_for(world, 30);
	prune(world, 150);
	wtel_store_close(world->store);
	return 0;
}

/* That each removes no more than its share is not to be seen from outside: that none waits for another, or fails, is.
 */
STORE_TEST(several_processes_remove_what_is_old, true)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_store *store;
	struct wtel_detail detail;

	notes_of(world, wtel_time_now().wall - 31 * DAY, 150);
	notes_of(world, wtel_time_now().wall, 5);
	world_fork(world, 4, prune_in_child);
	world_says(world, "5", "SELECT count(*) FROM wtel_audit");
	options.url = world->url;
	options.audit_days = -1;
	cr_assert_eq(wtel_store_open(&store, &options, NULL, &detail), WTEL_ECONFIG);
	cr_assert_str_eq(detail.field, "audit_days");
}

/* ---- without memory --------------------------------------------------- */

static int asked(struct wtel_store *store, struct heard *heard, int started)
{
	await(store, heard, started);
	if (heard->code && heard->code != WTEL_ENOMEM)
		cr_assert_fail("%s: %s", wtel_error_name(heard->code), heard->detail.text);
	return heard->code;
}

static int use_all(struct wtel_store *store)
{
	struct wtel_grant session = {0, WTEL_GRANT_SESSION, 5, WTEL_ROLE_AGENT, "ana", 0, wtel_time_now().wall + DAY, 0,
				     0};
	struct wtel_grant token = {0, WTEL_GRANT_TOKEN, 0, WTEL_ROLE_ADMIN, "a", 0, 0, 0, 0};
	struct heard made = {false}, found = {false}, user = {false}, notes = {false};
	struct store_note entry = {.method = "POST", .path = "/", .status = 200};
	struct wtel_grant_list *list = NULL;
	char secret[STORE_TOKEN_SIZE];
	int code = asked(store, &made, store_grant_create(store, &session, hear_granted, &made));

	if (!code)
		code = asked(store, &found, store_grant_find(store, made.secret, hear_grants, &found));
	if (!code)
		code = asked(store, &user, store_user(store, "ana", hear_user, &user));
	if (!code) {
		code = wtel_store_token_create(store, &list, secret, &token);
		if (!code) {
			token.id = list->grants[0].id;
			wtel_grant_list_free(list);
		}
	}
	if (!code)
		code = wtel_store_token_revoke(store, token.id);
	if (!code && !(code = wtel_store_tokens(store, &list)))
		wtel_grant_list_free(list);
	if (!code)
		code = store_note(store, &entry);
	if (!code)
		code = wtel_store_flush(store);
	if (!code) {
		code = asked(store, &notes, store_notes(store, 0, 0, 10, hear_notes, &notes));
		store_pack_free(notes.notes);
	}
	return code;
}

static void run_out(bool postgres)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct world world;
	int last = -1;

	if (!world_begin(&world, postgres, true))
		cr_skip_test("WTEL_TEST_PG is not set");
	world_do(&world, "CREATE TABLE usuarios (id INTEGER PRIMARY KEY, email VARCHAR(99), password VARCHAR(99),"
			 " role VARCHAR(9)); INSERT INTO usuarios VALUES (5, 'ana', '" HASH "', 'admin')");
	options.url = world.url;
	options.max_delay = 0;
	FAULT_LOOP(allocator)
	{
		struct wtel_store *store = NULL;
		struct wtel_detail detail = {"", ""};

		last = wtel_store_open(&store, &options, &allocator, &detail);
		if (!last)
			last = use_all(store);
		cr_assert(last == 0 || last == WTEL_ENOMEM, "%s: %s", wtel_error_name(last),
			  store ? wtel_store_error(store)->text : detail.text);
		wtel_store_close(store);
	}
	cr_assert_eq(last, 0);
	world_end(&world);
}

Test(sqlite, grants_and_notes_without_memory)
{
	run_out(false);
}

Test(postgres, grants_and_notes_without_memory)
{
	run_out(true);
}
