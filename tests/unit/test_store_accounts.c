/* Accounts' secrets in the database, and what Asterisk sees of them: against both databases. */
#include "fault.h"
#include "store_world.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define TWOS "2222222222222222222222222222222222222222222222222222222222222222"

static struct wtel_store *open_with(const struct world *world, const char *keys)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	struct wtel_store *store = NULL;
	int code;

	options.url = world->url;
	options.secret_keys = keys;
	code = wtel_store_open(&store, &options, NULL, &detail);
	cr_assert_eq(code, 0, "%s", detail.text);
	return store;
}

static void create(struct wtel_store *store, char *secret, int64_t user, const char *first, const char *last)
{
	struct wtel_peer_list *list = NULL;

	cr_assert_eq(wtel_store_peer_create(store, &list, secret, user, wtel_slice_of(first), wtel_slice_of(last)), 0,
		     "%s", wtel_store_error(store)->text);
	wtel_peer_list_free(list);
}

static void expect_digests(const struct world *world, const char *secret)
{
	static const char *const users[] = {"johndoe", "1001"}, *const columns[] = {"username", "extension"};
	char sql[256], digest[WTEL_DIGEST_SIZE];
	int i;

	for (i = 0; i < 4; i++) {
		cr_assert_eq(wtel_peer_digest(digest, i % 2 ? WTEL_DIGEST_SHA256 : WTEL_DIGEST_MD5, users[i / 2],
					      "asterisk", secret),
			     0);
		snprintf(sql, sizeof(sql),
			 "SELECT %s_%s FROM wtel_peers w JOIN sip_peers p ON p.id = w.peer_id WHERE p.user_id = 5",
			 columns[i / 2], i % 2 ? "sha256" : "md5");
		world_says(world, digest, sql);
	}
}

STORE_TEST(secrets_are_given_to_their_owner_again, true)
{
	struct wtel_store *store = open_with(world, "k1 " ONES);
	char secret[WTEL_PEER_SECRET_SIZE], again[WTEL_PEER_SECRET_SIZE];
	struct wtel_credentials credentials;

	create(store, secret, 5, "John", "Doe");
	expect_digests(world, secret);
	cr_assert_eq(wtel_store_peer_credentials(store, &credentials, 5), 0, "%s", wtel_store_error(store)->text);
	cr_assert_str_eq(credentials.username, "johndoe");
	cr_assert_str_eq(credentials.extension, "1001");
	cr_assert_str_eq(credentials.display_name, "John Doe");
	cr_assert_str_eq(credentials.password, secret);
	cr_assert(credentials.webrtc);
	cr_assert_eq(wtel_store_peer_set_webrtc(store, 5, false), 0);
	cr_assert_eq(wtel_store_peer_set_webrtc(store, 6, false), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_peer_renew(store, again, 5), 0, "%s", wtel_store_error(store)->text);
	expect_digests(world, again);
	cr_assert_eq(wtel_store_peer_credentials(store, &credentials, 5), 0);
	cr_assert_str_eq(credentials.password, again);
	cr_assert_str_eq(credentials.display_name, "John Doe");
	cr_assert_not(credentials.webrtc);
	cr_assert_eq(wtel_store_peer_credentials(store, &credentials, 6), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_peer_set_status(store, 5, WTEL_PEER_DISABLED), 0);
	cr_assert_eq(wtel_store_peer_credentials(store, &credentials, 5), WTEL_ESTATE);
	wtel_store_close(store);
}

STORE_TEST(without_a_key_nothing_is_sealed, true)
{
	struct wtel_store *keyed = open_with(world, "k1 " ONES), *other = open_with(world, "k2 " ONES);
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_credentials credentials;
	int64_t changed = -1, left = -1;

	create(world->store, secret, 5, "John", "Doe");
	expect_digests(world, secret);
	world_says(world, "1", "SELECT count(*) FROM wtel_peers WHERE sealed IS NULL");
	cr_assert_eq(wtel_store_peer_credentials(world->store, &credentials, 5), WTEL_ECONFIG);
	cr_assert_not_null(strstr(wtel_store_error(world->store)->text, "WTEL_SECRET_KEYS_FILE"));
	cr_assert_eq(wtel_store_peer_credentials(keyed, &credentials, 5), WTEL_ESTATE);
	cr_assert_eq(wtel_store_reseal(world->store, &changed, &left), WTEL_ECONFIG);
	cr_assert_eq(wtel_store_peer_renew(keyed, secret, 5), 0);
	cr_assert_eq(wtel_store_peer_credentials(other, &credentials, 5), WTEL_ECONFIG);
	cr_assert_eq(wtel_store_peer_credentials(keyed, &credentials, 5), 0);
	cr_assert_str_eq(credentials.password, secret);
	world_do(world, "UPDATE wtel_peers SET sealed = replace(sealed, ':k1:', ':k1:A')");
	cr_assert_eq(wtel_store_peer_credentials(keyed, &credentials, 5), WTEL_ESTATE);
	/* An account that the platform made. */
	world_do(world, "INSERT INTO sip_peers (user_id, sip_username, sip_password, extension, created_at, updated_at)"
			" VALUES (7, 'seven', '$2b$10$x', '1007', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')");
	cr_assert_eq(wtel_store_peer_credentials(keyed, &credentials, 7), WTEL_ESTATE);
	cr_assert_eq(wtel_store_peer_renew(keyed, secret, 7), 0, "%s", wtel_store_error(keyed)->text);
	cr_assert_eq(wtel_store_peer_credentials(keyed, &credentials, 7), 0);
	cr_assert_str_eq(credentials.password, secret);
	wtel_store_close(keyed);
	wtel_store_close(other);
}

STORE_TEST(everything_is_sealed_anew, true)
{
	struct wtel_store *before = open_with(world, "k1 " ONES), *both = open_with(world, "k2 " TWOS "\nk1 " ONES),
			  *after = open_with(world, "k2 " TWOS);
	char secrets[3][WTEL_PEER_SECRET_SIZE];
	struct wtel_credentials credentials;
	int64_t changed = -1, left = -1, i;

	for (i = 0; i < 3; i++)
		create(before, secrets[i], 5 + i, "John", "Doe");
	world_do(world, "UPDATE wtel_peers SET sealed = '1:k1:AAAA' WHERE username_md5 ="
			" (SELECT w.username_md5 FROM wtel_peers w JOIN sip_peers p ON p.id = w.peer_id"
			" WHERE p.user_id = 7)");
	cr_assert_eq(wtel_store_reseal(both, &changed, &left), 0, "%s", wtel_store_error(both)->text);
	cr_assert_eq(changed, 2);
	cr_assert_eq(left, 1);
	for (i = 0; i < 2; i++) {
		cr_assert_eq(wtel_store_peer_credentials(after, &credentials, 5 + i), 0);
		cr_assert_str_eq(credentials.password, secrets[i]);
	}
	cr_assert_eq(wtel_store_reseal(both, &changed, &left), 0);
	cr_assert_eq(changed, 0);
	cr_assert_eq(left, 1);
	wtel_store_close(before);
	wtel_store_close(both);
	wtel_store_close(after);
}

STORE_TEST(accounts_for_asterisks_files_are_the_active_ones, true)
{
	struct wtel_account_list *list = NULL;
	char secret[WTEL_PEER_SECRET_SIZE], password[WTEL_TRUNK_PASSWORD_SIZE], digest[WTEL_DIGEST_SIZE];
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	int64_t id = 0;

	create(world->store, secret, 5, "John", "Doe");
	create(world->store, secret, 6, "Jane", "Doe");
	cr_assert_eq(wtel_store_peer_set_status(world->store, 5, WTEL_PEER_INACTIVE), 0);
	cr_assert_eq(wtel_store_accounts(world->store, &list), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(list->count, 1);
	cr_assert_str_eq(list->accounts[0].username, "janedoe");
	cr_assert_str_eq(list->accounts[0].extension, "1002");
	cr_assert_str_eq(list->accounts[0].realm, "asterisk");
	cr_assert_eq(wtel_peer_digest(digest, WTEL_DIGEST_MD5, "1002", "asterisk", secret), 0);
	cr_assert_str_eq(list->accounts[0].extension_md5, digest);
	cr_assert(list->accounts[0].webrtc);
	wtel_account_list_free(list);

	trunk.name = "Carrier";
	trunk.host = "sip.carrier.example";
	trunk.password = "geh;eim";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), 0);
	cr_assert_eq(wtel_store_trunk_password(world->store, password, id), 0);
	cr_assert_str_eq(password, "geh;eim");
	cr_assert_eq(wtel_store_trunk_password(world->store, password, id + 1), WTEL_ENOTFOUND);
}

STORE_TEST(an_account_goes_with_its_secret, true)
{
	char secret[WTEL_PEER_SECRET_SIZE];

	create(world->store, secret, 5, "John", "Doe");
	world_do(world, "DELETE FROM sip_peers");
	world_says(world, "0", "SELECT count(*) FROM wtel_peers");
}

static int ask_all(struct wtel_store *store)
{
	struct wtel_account_list *list = NULL;
	struct wtel_credentials credentials;
	int64_t changed, left;
	int code = wtel_store_peer_credentials(store, &credentials, 5);

	if (!code)
		code = wtel_store_accounts(store, &list);
	wtel_account_list_free(list);
	if (!code)
		code = wtel_store_peer_set_webrtc(store, 5, false);
	if (!code)
		code = wtel_store_reseal(store, &changed, &left);
	return code;
}

STORE_TEST(secrets_survive_a_lack_of_memory, true)
{
	struct wtel_store *made = open_with(world, "k1 " ONES);
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_credentials credentials;

	create(made, secret, 5, "John", "Doe");
	FAULT_LOOP(allocator)
	{
		struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
		struct wtel_store *store = NULL;
		int code;

		options.url = world->url;
		options.secret_keys = "k2 " TWOS "\nk1 " ONES;
		code = wtel_store_open(&store, &options, &allocator, NULL);
		if (!code)
			code = ask_all(store);
		wtel_store_close(store);
		cr_assert(code == 0 || code == WTEL_ENOMEM || code == WTEL_ESTORE, "%s", wtel_error_name(code));
	}
	wtel_store_close(made);
	made = open_with(world, "k2 " TWOS);
	cr_assert_eq(wtel_store_peer_credentials(made, &credentials, 5), 0);
	cr_assert_str_eq(credentials.password, secret);
	wtel_store_close(made);
}

/* ---- Asterisk's views ------------------------------------------------- */

POSTGRES_TEST(asterisk_sees_active_accounts_under_both_names, true)
{
	char secret[WTEL_PEER_SECRET_SIZE], digest[WTEL_DIGEST_SIZE], text[128];

	create(world->store, secret, 5, "John", "Doe");
	world_says(world,
		   "1001|1001,johndoe|johndoe,1001|yes|opus,ulaw,alaw\njohndoe|1001,johndoe|johndoe,1001|yes|opus,ulaw,"
		   "alaw",
		   "SELECT id, aors, auth, webrtc, allow FROM wtel_ps_endpoints ORDER BY id");
	cr_assert_eq(wtel_store_peer_set_webrtc(world->store, 5, false), 0);
	world_says(world, "|ulaw,alaw", "SELECT webrtc, allow FROM wtel_ps_endpoints WHERE id = '1001'");
	cr_assert_eq(wtel_peer_digest(digest, WTEL_DIGEST_MD5, "johndoe", "asterisk", secret), 0);
	snprintf(text, sizeof(text), "digest|johndoe|asterisk|MD5:%s|", digest);
	world_says(
		world, text,
		"SELECT auth_type, username, realm, password_digest, password FROM wtel_ps_auths WHERE id = 'johndoe'");
	snprintf(text, sizeof(text), "md5|%s", digest);
	world_says(world, text, "SELECT auth_type, md5_cred FROM wtel_ps_auths_md5 WHERE id = 'johndoe'");
	world_says(world, "2",
		   "SELECT count(*) FROM wtel_ps_auths_sha256 WHERE password_digest LIKE 'MD5:%,SHA-256:%'");
	world_says(world, "1|60", "SELECT max_contacts, qualify_frequency FROM wtel_ps_aors WHERE id = 'johndoe'");
	/* A name that is a trunk's endpoint is not an agent's. */
	world_do(world, "INSERT INTO trunks (name, provider, host) VALUES ('JohnDoe', 'custom', 'sip.example')");
	world_says(world, "johndoe|welcomedly-inbound",
		   "SELECT id, context FROM wtel_ps_endpoints WHERE id = 'johndoe'");
	world_says(world, "", "SELECT id FROM wtel_ps_auths WHERE id = 'johndoe'");
	cr_assert_eq(wtel_store_peer_set_status(world->store, 5, WTEL_PEER_DISABLED), 0);
	world_says(world, "johndoe", "SELECT id FROM wtel_ps_endpoints");
	world_says(world, "0", "SELECT count(*) FROM wtel_ps_auths");
	world_says(world, "johndoe", "SELECT id FROM wtel_ps_aors");
}

/* Endpoints are named in SQL as in C. */
POSTGRES_TEST(trunks_have_the_same_names_for_asterisk, true)
{
	static const char *const names[] = {"Twilio Main", "  a  ", "Se\xc3\xb1or--X", "UPPER",
					    "1",	   "a_b.c", "I\xc4\xb0i",      "---"};
	char slug[128], sql[256];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (wtel_trunk_slug(slug, sizeof(slug), names[i]))
			slug[0] = '\0';
		snprintf(sql, sizeof(sql), "SELECT wtel_trunk_endpoint('%s', NULL)", names[i]);
		world_says(world, slug, sql);
	}
	world_says(world, "A.b_c-1", "SELECT wtel_trunk_endpoint('x', 'A.b_c-1')");
	world_says(world, "", "SELECT wtel_trunk_endpoint('x', 'a;b')");
}

#define ADD(columns, values) world_do(world, "INSERT INTO trunks (name, provider, host" columns ") VALUES (" values ")")

POSTGRES_TEST(trunks_are_endpoints_and_registrations, true)
{
	ADD(", username, password, from_user, status",
	    "'Carrier A', 'twilio', 'sip.a.example', 'user', 'p;a^s s', '+34911', 'error'");
	ADD(", port, advanced_settings", "'Carrier B', 'custom', '2001:db8::1', 5070,"
					 " '{\"registration\": false, \"endpoint\": \"B\", \"codecs\": [\"alaw\", "
					 "\"ulaw\"], \"transport\": \"transport-tcp\"}'");
	ADD(", status", "'Off', 'custom', 'sip.off.example', 'inactive'");
	ADD(", trunk_type", "'Old', 'custom', 'sip.old.example', 'iax2'");
	ADD("", "'Bad', 'custom', 'x;maddr=evil'");
	ADD(", username", "'Worse', 'custom', 'sip.example', 'a b'");
	world_says(world, "B|B||transport-tcp|alaw,ulaw|ip\ncarrier-a|carrier-a|carrier-a||ulaw,alaw|ip",
		   "SELECT id, aors, outbound_auth, transport, allow, identify_by FROM wtel_ps_endpoints ORDER BY id "
		   "COLLATE \"C\"");
	world_says(world, "sip:[2001:db8::1]:5070\nsip:sip.a.example:5060",
		   "SELECT contact FROM wtel_ps_aors ORDER BY id COLLATE \"C\"");
	world_says(world, "carrier-a|userpass|user|p^3Ba^5Es^20s",
		   "SELECT id, auth_type, username, password FROM wtel_ps_auths");
	world_says(world, "carrier-a|sip:sip.a.example:5060|sip:user@sip.a.example:5060|carrier-a|user|carrier-a|yes",
		   "SELECT id, server_uri, client_uri, outbound_auth, contact_user, endpoint, line FROM "
		   "wtel_ps_registrations");
	world_says(world, "B|B|2001:db8::1", "SELECT id, endpoint, match FROM wtel_ps_identifies");
}

/* One row is asked for at each request of a phone: by an index, not by reading the tables. */
POSTGRES_TEST(asterisk_asks_by_indexes, true)
{
	char *plan;

	world_do(world, "INSERT INTO sip_peers (user_id, sip_username, sip_password, extension) SELECT n, 'user' || n, "
			"'x', (1000 + n)::text"
			" FROM generate_series(1, 5000) n");
	world_do(world, "INSERT INTO wtel_peers (peer_id, realm, username_md5, username_sha256, extension_md5, "
			"extension_sha256)"
			" SELECT id, 'asterisk', '', '', '', '' FROM sip_peers");
	world_do(world, "INSERT INTO trunks (name, provider, host) SELECT 'trunk ' || n, 'custom', 'sip.example' FROM "
			"generate_series(1, 1000) n");
	world_do(world, "ANALYZE");
	plan = world_sql(world, "EXPLAIN SELECT * FROM wtel_ps_endpoints WHERE id = '1007' LIMIT 1");
	cr_assert_null(strstr(plan, "Seq Scan"), "%s", plan);
	free(plan);
	plan = world_sql(world, "EXPLAIN SELECT * FROM wtel_ps_auths WHERE id = 'user7' LIMIT 1");
	cr_assert_null(strstr(plan, "Seq Scan"), "%s", plan);
	free(plan);
}
