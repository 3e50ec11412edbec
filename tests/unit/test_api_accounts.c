/* GET sip/credentials. */
#include "api_world.h"

#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define JOHN "{\"userId\": 5, \"primerNombre\": \"John\", \"primerApellido\": \"Doe\"}"

/* A world whose store keeps secrets, or not. */
static void open_with(struct world *world, const char *keys)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;

	world_prepare(world);
	wtel_store_close(world->store);
	options.url = "sqlite::memory:";
	options.secret_keys = keys;
	options.max_delay = 0;
	cr_assert_eq(wtel_store_open(&world->store, &options, NULL, NULL), 0);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
	world->options.wss_host = "pbx.example";
	world->options.wss_port = 8443;
	world_start(world);
	WORLD_UNTIL(world, world_stats(world).synchronised);
}

Test(api_accounts, credentials_are_given_to_their_owner_alone)
{
	struct world world;
	json_t *document;
	char password[64];

	open_with(&world, "k1 " ONES);
	api_refuses(&world, 404, "userId", agent, "GET sip/credentials", NULL);
	document = api_ask(&world, 200, admin, "POST sip/create", JOHN);
	snprintf(password, sizeof(password), "%s", api_text(document, "sipPeer/password"));
	json_decref(document);
	document = api_ask(&world, 200, agent, "GET sip/credentials", NULL);
	cr_assert_eq(json_object_size(api_at(document, "credentials")), 6);
	cr_assert_str_eq(api_text(document, "credentials/sipServer"), "pbx.example");
	cr_assert_str_eq(api_text(document, "credentials/sipPort"), "8443");
	cr_assert_str_eq(api_text(document, "credentials/username"), "johndoe");
	cr_assert_str_eq(api_text(document, "credentials/password"), password);
	cr_assert_str_eq(api_text(document, "credentials/extension"), "1001");
	cr_assert_str_eq(api_text(document, "credentials/displayName"), "John Doe");
	json_decref(document);
	/* Whoever asks, it is the own account: there is no way to name another's. */
	api_refuses(&world, 404, "userId", other, "GET sip/credentials", NULL);
	api_refuses(&world, 404, "userId", admin, "GET sip/credentials", NULL);
	api_is(&world, 401, nobody, "GET sip/credentials", NULL);
	api_is(&world, 400, admin, "GET sip/credentials?userId=5", NULL);
	document = api_ask(&world, 200, admin, "POST sip/5/renew", NULL);
	cr_assert_str_neq(api_text(document, "credentials/password"), password);
	snprintf(password, sizeof(password), "%s", api_text(document, "credentials/password"));
	json_decref(document);
	document = api_ask(&world, 200, agent, "GET sip/credentials", NULL);
	cr_assert_str_eq(api_text(document, "credentials/password"), password);
	json_decref(document);
	api_is(&world, 200, admin, "POST sip/5/disable", NULL);
	api_refuses(&world, 409, "status", agent, "GET sip/credentials", NULL);
	world_close(&world);
}

Test(api_accounts, without_a_key_it_is_said_what_to_do)
{
	struct world world;
	json_t *document;

	open_with(&world, NULL);
	api_is(&world, 200, admin, "POST sip/create", JOHN);
	document = api_ask(&world, 503, agent, "GET sip/credentials", NULL);
	cr_assert_not_null(strstr(api_text(document, "error/message"), "WTEL_SECRET_KEYS_FILE"), "%s",
			   api_text(document, "error/message"));
	json_decref(document);
	world_close(&world);
}

Test(api_accounts, a_phone_that_is_no_browser)
{
	struct world world;
	struct wtel_account_list *list = NULL;

	open_with(&world, NULL);
	api_is(&world, 200, admin, "POST sip/create",
	       "{\"userId\": 5, \"primerNombre\": \"John\", \"primerApellido\": \"Doe\", \"webrtc\": false}");
	api_refuses(&world, 400, "webrtc", admin, "POST sip/create",
		    "{\"userId\": 6, \"primerNombre\": \"John\", \"primerApellido\": \"Doe\", \"webrtc\": \"no\"}");
	cr_assert_eq(wtel_store_accounts(world.store, &list), 0);
	cr_assert_not(list->accounts[0].webrtc);
	wtel_account_list_free(list);
	world_close(&world);
}
