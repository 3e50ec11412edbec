/* Schema, trunks, accounts: against both databases. */
#include "store_world.h"

/* ---- schema ----------------------------------------------------------- */

STORE_TEST(migrating_is_repeatable, false)
{
	int version = -1, wanted = -1;
	struct wtel_trunk_list *list = NULL;

	cr_assert_eq(wtel_store_schema(world->store, &version, &wanted), 0);
	cr_assert_eq(version, 0);
	cr_assert_gt(wanted, 0);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), WTEL_ESCHEMA);
	cr_assert_null(list);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_schema(world->store, &version, &wanted), 0);
	cr_assert_eq(version, wanted);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	cr_assert_eq(list->count, 0);
	wtel_trunk_list_free(list);
}

STORE_TEST(the_seeds_columns_and_indexes_are_there, true)
{
	const char *tables = world->postgres ? "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position)"
					       " FROM information_schema.columns WHERE table_name = '%s'"
					     : "SELECT group_concat(name, ' ') FROM pragma_table_info('%s')";
	const char *indexes =
		world->postgres ? "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public' AND indexname IN (%s)"
				: "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name IN (%s)";
	char sql[1024];

	snprintf(sql, sizeof(sql), tables, "trunks");
	world_says(world,
		   "id name description provider trunk_type host port username password from_user from_domain"
		   " max_channels priority status registered last_registered_at last_error_at last_error_message"
		   " total_calls successful_calls failed_calls advanced_settings created_at updated_at",
		   sql);
	snprintf(sql, sizeof(sql), tables, "sip_peers");
	world_says(world,
		   "id user_id sip_username sip_password extension status registered last_registered_at user_agent"
		   " ip_address created_at updated_at",
		   sql);
	snprintf(sql, sizeof(sql), tables, "calls");
	world_says(world,
		   "id call_id agent_id campaign_id lead_id trunk_id direction caller_number callee_number start_time"
		   " answer_time end_time duration billsec disposition recording_url created_at updated_at",
		   sql);
	snprintf(sql, sizeof(sql), tables, "campaign_trunks");
	world_says(world, "id campana_id trunk_id priority created_at updated_at", sql);
	snprintf(sql, sizeof(sql), indexes,
		 "'idx_trunks_name', 'idx_trunks_status_registered', 'idx_trunks_priority_status', "
		 "'idx_trunks_provider',"
		 "'idx_sip_peers_username', 'idx_sip_peers_extension', 'idx_sip_peers_status_registered',"
		 "'idx_calls_call_id', 'idx_calls_agent_starttime', 'idx_calls_campaign_disposition',"
		 "'idx_calls_lead_id', 'idx_calls_trunk_id'");
	world_says(world, "12", sql);
}

static const char platform[] = "CREATE TABLE usuarios (id INTEGER PRIMARY KEY);"
			       "CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(100));"
			       "CREATE TABLE base_campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(100));"
			       "INSERT INTO usuarios VALUES (5); INSERT INTO campanas VALUES (1, 'Sales Q4');"
			       "INSERT INTO base_campanas VALUES (123, 'John Doe')";

STORE_TEST(with_the_platforms_tables_come_foreign_keys_and_names, false)
{
	struct wtel_call call = world_call("A");
	struct wtel_call_list *list = NULL;
	static struct wtel_booking booking;
	int64_t trunk;

	world_do(world, platform);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	trunk = world_trunk(world, "Main", 1, 5);
	call.agent_id = 99;
	booking.row_id = -7;
	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), WTEL_ENOTFOUND);
	cr_assert_eq(booking.row_id, -7);
	call.agent_id = 5;
	call.campaign_id = 1;
	call.lead_id = 123;
	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0, "%s",
		     wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_assign(world->store, 77, trunk, 1), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_calls(world->store, &list, NULL), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(list->count, 1);
	cr_assert_str_eq(list->campaign_names[0], "Sales Q4");
	cr_assert_str_eq(list->lead_names[0], "John Doe");
	wtel_call_list_free(list);
	/* The agent goes: the record stays. A record of an agent, campaign and lead that are gone is kept too. */
	world_do(world, "DELETE FROM usuarios");
	world_says(world, "A||1|123", "SELECT call_id, agent_id, campaign_id, lead_id FROM calls");
	call = world_call("B");
	call.agent_id = 5;
	call.campaign_id = 1;
	call.lead_id = 4;
	call.trunk_id = trunk;
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_BUSY;
	world_write(world, &call);
	world_says(world, "B||1|", "SELECT call_id, agent_id, campaign_id, lead_id FROM calls WHERE call_id = 'B'");
	world_says(world, "1|0|1", "SELECT total_calls, successful_calls, failed_calls FROM trunks");
}

STORE_TEST(without_the_platforms_tables_any_id_is_taken, true)
{
	struct wtel_call call = world_call("A");
	struct wtel_call_list *list = NULL;
	static struct wtel_booking booking;
	int64_t trunk = world_trunk(world, "Main", 1, 5);

	call.agent_id = 99;
	call.campaign_id = 7;
	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0);
	cr_assert_eq(wtel_store_calls(world->store, &list, NULL), 0);
	cr_assert_eq(list->calls[0].agent_id, 99);
	cr_assert_str_eq(list->campaign_names[0], "");
	wtel_call_list_free(list);
	/* They come later. PostgreSQL then gets its keys, and rows that refer to nothing stay as they are. */
	world_do(world, platform);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	world_says(world, "99", "SELECT agent_id FROM calls");
	call.agent_id = 98;
	call.call_id = "B";
	if (world->postgres)
		cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), WTEL_ENOTFOUND);
	call = world_call("A");
	call.agent_id = 99;
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_FAILED;
	world_write(world, &call);
	world_says(world, "99|FAILED", "SELECT agent_id, disposition FROM calls");
	cr_assert_eq(wtel_store_calls(world->store, &list, NULL), 0);
	cr_assert_str_eq(list->campaign_names[0], "");
	wtel_call_list_free(list);
}

/* As the platform's first migration leaves them in PostgreSQL: one more index a name, and no trunk_id in calls yet. */
static const char made_before[] =
	"CREATE TYPE enum_trunks_status AS ENUM ('active', 'inactive', 'maintenance', 'error');"
	"CREATE TYPE enum_calls_direction AS ENUM ('inbound', 'outbound');"
	"CREATE TYPE enum_calls_disposition AS ENUM ('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CANCELLED');"
	"CREATE TABLE calls (id SERIAL PRIMARY KEY, call_id VARCHAR(255) NOT NULL UNIQUE,"
	" agent_id INTEGER REFERENCES usuarios(id) ON DELETE SET NULL, campaign_id INTEGER, lead_id INTEGER,"
	" direction enum_calls_direction NOT NULL, caller_number VARCHAR(50), callee_number VARCHAR(50),"
	" start_time TIMESTAMPTZ NOT NULL, answer_time TIMESTAMPTZ, end_time TIMESTAMPTZ, duration INTEGER DEFAULT 0,"
	" billsec INTEGER DEFAULT 0, disposition enum_calls_disposition, recording_url VARCHAR(500),"
	" created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW());"
	"CREATE UNIQUE INDEX idx_calls_call_id ON calls(call_id);"
	"INSERT INTO calls (call_id, agent_id, direction, start_time) VALUES ('old', 5, 'inbound', '2025-10-25');";

POSTGRES_TEST(tables_that_the_platform_made_are_taken_as_they_are, false)
{
	struct wtel_call call = world_call("A");
	struct wtel_call_list *list = NULL;
	static struct wtel_booking booking;
	int64_t trunk;

	world_do(world, platform);
	world_do(world, made_before);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	trunk = world_trunk(world, "Main", 1, 1);
	call.agent_id = 5;
	cr_assert_eq(world_book(world->store, &booking, &call, &trunk, 1), 0, "%s",
		     wtel_store_error(world->store)->text);
	call.trunk_id = trunk;
	call.end = NOON + SECOND;
	call.disposition = WTEL_DISPOSITION_BUSY;
	world_write(world, &call);
	world_says(world, "1|0|1", "SELECT total_calls, successful_calls, failed_calls FROM trunks");
	world_says(world, "1",
		   "SELECT count(*) FROM pg_constraint WHERE conrelid = 'calls'::regclass AND contype = 'f'"
		   " AND confrelid = 'usuarios'::regclass");
	cr_assert_eq(wtel_store_calls(world->store, &list, NULL), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(list->count, 2);
	cr_assert_str_eq(list->calls[1].call_id, "old");
	cr_assert_eq(list->calls[1].state, WTEL_CALL_QUEUED);
	wtel_call_list_free(list);
}

STORE_TEST(a_removed_call_takes_our_rows_with_it, true)
{
	struct wtel_leg leg = {"u1", "PJSIP/1001-1", "1001", WTEL_LEG_AGENT, 0, 0, NOON, 0, 0, 0, 0, 0};
	struct wtel_call call = world_call("A");

	call.legs = &leg;
	call.leg_count = 1;
	world_write(world, &call);
	world_says(world, "1|1|1",
		   "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM wtel_calls),"
		   " (SELECT count(*) FROM wtel_legs)");
	world_do(world, "DELETE FROM calls");
	world_says(world, "0|0", "SELECT (SELECT count(*) FROM wtel_calls), (SELECT count(*) FROM wtel_legs)");
}

/* ---- trunks ----------------------------------------------------------- */

STORE_TEST(a_trunk_is_kept_as_it_was_given, true)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_trunk_list *list = NULL;
	const struct wtel_trunk *got;
	int64_t id = 0, same = 0;

	trunk.name = "Twilio Main";
	trunk.description = "the \"first\"; it's DROP TABLE trunks;--";
	trunk.provider = WTEL_PROVIDER_TWILIO;
	trunk.type = WTEL_TRUNK_SIP;
	trunk.host = "sip.twilio.com";
	trunk.port = 5061;
	trunk.username = "AC1234567890abcdef";
	trunk.password = "s3cret";
	trunk.from_user = "+15551234567";
	trunk.from_domain = "example.com";
	trunk.max_channels = 20;
	trunk.priority = 1;
	trunk.status = WTEL_TRUNK_MAINTENANCE;
	trunk.advanced_settings = "{\"codecs\": [\"opus\", \"ulaw\"], \"registration\": false}";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_gt(id, 0);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(list->count, 1);
	got = list->trunks;
	cr_assert_eq(got->id, id);
	cr_assert_str_eq(got->name, trunk.name);
	cr_assert_str_eq(got->description, trunk.description);
	cr_assert_eq(got->provider, WTEL_PROVIDER_TWILIO);
	cr_assert_eq(got->type, WTEL_TRUNK_SIP);
	cr_assert_str_eq(got->host, trunk.host);
	cr_assert_eq(got->port, 5061);
	cr_assert_str_eq(got->username, trunk.username);
	cr_assert(!got->password || !got->password[0]);
	cr_assert_str_eq(got->from_user, trunk.from_user);
	cr_assert_str_eq(got->from_domain, trunk.from_domain);
	cr_assert_eq(got->max_channels, 20);
	cr_assert_eq(got->priority, 1);
	cr_assert_eq(got->status, WTEL_TRUNK_MAINTENANCE);
	cr_assert(got->registered);
	cr_assert_not(got->needs_registration);
	cr_assert_str_eq(got->endpoint, "twilio-main");
	cr_assert_not_null(strstr(got->advanced_settings, "opus"));
	cr_assert_gt(got->created_at, NOON);
	/* What a list gave can be saved again: nothing is lost, the password stays. */
	trunk = *got;
	trunk.password = NULL;
	trunk.name = "Twilio West";
	trunk.status = WTEL_TRUNK_ACTIVE;
	cr_assert_eq(wtel_store_trunk_save(world->store, &same, &trunk), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(same, id);
	wtel_trunk_list_free(list);
	world_says(world, "Twilio West|s3cret|active", "SELECT name, password, status FROM trunks");
	/* The PBX still knows it by its old endpoint. */
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	cr_assert_str_eq(list->trunks[0].endpoint, "twilio-main");
	wtel_trunk_list_free(list);
}

STORE_TEST(a_bad_trunk_is_refused_with_its_field, true)
{
	static char huge[10001];
	struct {
		const char *field;
		int code;
		const char *name, *settings, *host;
		int channels;
	} cases[] = {
		{"name", WTEL_EINJECTION, "a\nb", "{}", "h", 1},
		{"name", 0, "", "{}", "h", 1},
		{"name", 0, huge, "{}", "h", 1},
		{"host", 0, "a", "{}", "", 1},
		{"max_channels", 0, "a", "{}", "h", -1},
		{"advanced_settings", WTEL_EINVAL, "a", "[]", "h", 1},
		{"advanced_settings", WTEL_EINVAL, "a", "{", "h", 1},
		{"advanced_settings", WTEL_EINVAL, "a", "{\"a\":1,\"a\":2}", "h", 1},
		{"advanced_settings", WTEL_EINVAL, "a", "{\"registration\":\"no\"}", "h", 1},
		{"advanced_settings", WTEL_EINVAL, "a", "{\"endpoint\":7}", "h", 1},
		{"advanced_settings", WTEL_EINVAL, "a", "{\"a\":\"\\u0000\"}", "h", 1},
	};
	size_t i;

	memset(huge, 'x', sizeof(huge) - 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wtel_trunk trunk = WTEL_TRUNK_INIT;
		int64_t id = -7;
		int code;

		trunk.name = cases[i].name;
		trunk.host = cases[i].host;
		trunk.advanced_settings = cases[i].settings;
		trunk.max_channels = cases[i].channels;
		code = wtel_store_trunk_save(world->store, &id, &trunk);
		cr_expect_lt(code, 0, "case %zu was taken", i);
		if (cases[i].code)
			cr_expect_eq(code, cases[i].code, "case %zu: %s", i, wtel_error_name(code));
		cr_expect_str_eq(wtel_store_error(world->store)->field, cases[i].field, "case %zu: %s", i,
				 wtel_store_error(world->store)->text);
		cr_expect_eq(id, -7);
	}
	world_says(world, "0", "SELECT count(*) FROM trunks");
}

STORE_TEST(trunks_are_found_assigned_and_removed, true)
{
	int64_t main = world_trunk(world, "Main", 5, 10), spare = world_trunk(world, "Spare", 1, 10), id = 0;
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_call call = world_call("A");
	struct wtel_trunk_list *list = NULL;
	static struct wtel_booking booking;
	char number[24];

	trunk.name = "Main";
	trunk.host = "h";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), WTEL_EEXISTS);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "name");
	trunk.id = 4711;
	trunk.name = "Other";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_trunk_find(world->store, &id, "Main"), 0);
	cr_assert_eq(id, main);
	snprintf(number, sizeof(number), "%d", (int)spare);
	cr_assert_eq(wtel_store_trunk_find(world->store, &id, number), 0);
	cr_assert_eq(id, spare);
	cr_assert_eq(wtel_store_trunk_find(world->store, &id, "' OR 1=1 --"), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_trunk_find(world->store, &id, NULL), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	cr_assert_str_eq(list->trunks[0].name, "Spare");
	wtel_trunk_list_free(list);
	cr_assert_eq(wtel_store_assign(world->store, 3, main, 1), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_assign(world->store, 3, main, 9), 0);
	cr_assert_eq(wtel_store_assign(world->store, 3, 4711, 1), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_assign(world->store, 3, main, 101), WTEL_EINVAL);
	cr_assert_eq(wtel_store_trunks(world->store, &list, 3), 0);
	cr_assert_eq(list->count, 1);
	cr_assert_eq(list->trunks[0].campaign_priority, 9);
	wtel_trunk_list_free(list);
	call.campaign_id = 3;
	cr_assert_eq(world_book(world->store, &booking, &call, &main, 1), 0);
	cr_assert_eq(wtel_store_trunk_remove(world->store, main), WTEL_ESTATE);
	call.end = NOON + SECOND;
	call.trunk_id = main;
	call.disposition = WTEL_DISPOSITION_FAILED;
	world_write(world, &call);
	cr_assert_eq(wtel_store_trunk_remove(world->store, main), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_trunk_remove(world->store, main), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_assign(world->store, 3, main, 0), WTEL_ENOTFOUND);
	world_says(world, "A|", "SELECT call_id, trunk_id FROM calls");
}

/* ---- registrations ---------------------------------------------------- */

STORE_TEST(registrations_follow_what_asterisk_says, true)
{
	int64_t a = world_trunk(world, "a", 1, 9), b;
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;

	trunk.name = "b";
	trunk.host = "h";
	trunk.needs_registration = false;
	cr_assert_eq(wtel_store_trunk_save(world->store, &b, &trunk), 0);
	cr_assert_eq(store_registry(world->store, a, false, NOON, "Forbidden \xff\xfe"), 0);
	cr_assert_eq(store_registry(world->store, b, false, NOON, "Forbidden"), 0);
	cr_assert_eq(wtel_store_flush(world->store), 0);
	while (store_deadline(world->store) == 0)
		store_dispatch(world->store, wtel_time_now());
	{
		struct wtel_trunk_list *list = NULL;

		cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
		cr_assert_not(list->trunks[0].registered);
		cr_assert_eq(list->trunks[0].last_error_at, NOON);
		cr_assert_str_eq(list->trunks[0].last_error_message, "Forbidden ??");
		cr_assert(list->trunks[1].registered);
		cr_assert_eq(list->trunks[1].last_error_at, 0);
		wtel_trunk_list_free(list);
		cr_assert_eq(store_registry(world->store, a, true, NOON + SECOND, NULL), 0);
		cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
		cr_assert(list->trunks[0].registered);
		cr_assert_eq(list->trunks[0].last_registered_at, NOON + SECOND);
		wtel_trunk_list_free(list);
	}
}

/* ---- accounts --------------------------------------------------------- */

STORE_TEST(accounts_get_the_first_free_name_and_extension, true)
{
	struct wtel_slice john = wtel_slice_of("John"), doe = wtel_slice_of("Doe");
	char secret[WTEL_PEER_SECRET_SIZE], again[WTEL_PEER_SECRET_SIZE], *hash;
	struct wtel_peer_list *list = NULL;

	cr_assert_eq(wtel_store_peer_create(world->store, &list, secret, 5, john, doe), 0, "%s",
		     wtel_store_error(world->store)->text);
	cr_assert_str_eq(list->peers[0].username, "johndoe");
	cr_assert_str_eq(list->peers[0].extension, "1001");
	cr_assert_eq(list->peers[0].user_id, 5);
	cr_assert_eq(list->peers[0].status, WTEL_PEER_ACTIVE);
	wtel_peer_list_free(list);
	hash = world_sql(world, "SELECT sip_password FROM sip_peers");
	cr_assert(wtel_peer_verify(hash, secret), "%s", hash);
	free(hash);
	cr_assert_eq(wtel_store_peer_create(world->store, &list, secret, 5, john, doe), WTEL_EEXISTS);
	cr_assert_eq(wtel_store_peer_create(world->store, &list, secret, 6, john, doe), 0);
	cr_assert_str_eq(list->peers[0].username, "johndoe2");
	cr_assert_str_eq(list->peers[0].extension, "1002");
	wtel_peer_list_free(list);
	world_do(world, "UPDATE sip_peers SET extension = '2000' WHERE user_id = 5");
	world_do(world, "INSERT INTO sip_peers (user_id, sip_username, sip_password, extension) VALUES (9, 'x', 'y', "
			"'front-desk')");
	cr_assert_eq(wtel_store_peer_create(world->store, &list, secret, 7, john, doe), 0);
	cr_assert_str_eq(list->peers[0].username, "johndoe3");
	cr_assert_str_eq(list->peers[0].extension, "1001");
	wtel_peer_list_free(list);
	cr_assert_eq(wtel_store_peer_renew(world->store, again, 7), 0);
	cr_assert_str_neq(again, secret);
	hash = world_sql(world, "SELECT sip_password FROM sip_peers WHERE user_id = 7");
	cr_assert(wtel_peer_verify(hash, again) && !wtel_peer_verify(hash, secret));
	free(hash);
	cr_assert_eq(wtel_store_peer_renew(world->store, again, 77), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_store_peer_set_status(world->store, 7, WTEL_PEER_DISABLED), 0);
	cr_assert_eq(wtel_store_peer_set_status(world->store, 77, WTEL_PEER_DISABLED), WTEL_ENOTFOUND);
	cr_assert_eq(store_peer_registered(world->store, "1001", true, NOON, "SIP.js/0.21.0", "192.168.1.10"), 0);
	cr_assert_eq(wtel_store_peers(world->store, &list), 0);
	cr_assert_eq(list->count, 4);
	cr_assert_str_eq(list->peers[0].extension, "1001");
	cr_assert_eq(list->peers[0].status, WTEL_PEER_DISABLED);
	cr_assert(list->peers[0].registered);
	cr_assert_eq(list->peers[0].last_registered_at, NOON);
	cr_assert_str_eq(list->peers[0].user_agent, "SIP.js/0.21.0");
	cr_assert_str_eq(list->peers[0].ip_address, "192.168.1.10");
	wtel_peer_list_free(list);
	cr_assert_eq(wtel_store_peer_create(world->store, &list, secret, 0, john, doe), WTEL_EINVAL);
	cr_assert_eq(wtel_store_peer_create(world->store, &list, secret, 8, (struct wtel_slice){"a\0b", 3}, doe),
		     WTEL_EINVAL);
}
