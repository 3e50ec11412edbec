/* Campaigns, attempts, zones, rules, and the router made of them: against both databases. */
#include "fault.h"
#include "store_answer.h"

/* ---- campaigns -------------------------------------------------------- */

static const char platform[] = "CREATE TABLE usuarios (id INTEGER PRIMARY KEY);"
			       "CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(100));"
			       "CREATE TABLE base_campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(100));"
			       "INSERT INTO campanas VALUES (1, 'Sales Q4'), (2, 'Sales Q1')";

STORE_TEST(campaigns_are_kept_with_their_trunks, true)
{
	int64_t first = world_trunk(world, "First", 5, 5), second = world_trunk(world, "Second", 6, 5);
	struct wtel_campaign campaign = {.id = 7, .general = true, .caller_id = "+15550001000"};
	struct wtel_campaign_list *list = NULL;

	cr_assert_eq(wtel_store_campaigns(world->store, &list), 0);
	cr_assert_eq(list->count, 0);
	wtel_campaign_list_free(list);
	cr_assert_eq(wtel_store_assign(world->store, 9, first, 3), 0);
	cr_assert_eq(wtel_store_assign(world->store, 9, second, 2), 0);
	cr_assert_eq(wtel_store_assign(world->store, 11, second, 1), 0);
	cr_assert_eq(wtel_store_campaign_save(world->store, &campaign), 0, "%s", wtel_store_error(world->store)->text);
	campaign = (struct wtel_campaign){.id = 11, .general = true};
	cr_assert_eq(wtel_store_campaign_save(world->store, &campaign), 0);
	cr_assert_eq(wtel_store_campaigns(world->store, &list), 0);
	cr_assert_eq(list->count, 3);
	cr_expect_eq(list->campaigns[0].id, 7);
	cr_expect(list->campaigns[0].general);
	cr_expect_str_eq(list->campaigns[0].caller_id, "+15550001000");
	cr_expect_eq(list->campaigns[0].trunk_count, 0);
	cr_expect_eq(list->campaigns[1].id, 9);
	cr_expect_not(list->campaigns[1].general, "without settings: its own trunks only");
	cr_expect_str_eq(list->campaigns[1].caller_id, "");
	cr_assert_eq(list->campaigns[1].trunk_count, 2);
	cr_expect_eq(list->campaigns[1].trunks[0].trunk_id, second);
	cr_expect_eq(list->campaigns[1].trunks[0].priority, 2);
	cr_expect_eq(list->campaigns[1].trunks[1].trunk_id, first);
	cr_expect_eq(list->campaigns[2].id, 11);
	cr_expect(list->campaigns[2].general);
	cr_assert_eq(list->campaigns[2].trunk_count, 1);
	cr_expect_eq(list->campaigns[2].trunks[0].trunk_id, second);
	wtel_campaign_list_free(list);
	/* Saved again it changes, and an assignment goes with its trunk. */
	campaign = (struct wtel_campaign){.id = 7, .general = false, .caller_id = NULL};
	cr_assert_eq(wtel_store_campaign_save(world->store, &campaign), 0);
	cr_assert_eq(wtel_store_trunk_remove(world->store, second), 0);
	cr_assert_eq(wtel_store_campaigns(world->store, &list), 0);
	cr_assert_eq(list->count, 3);
	cr_expect_not(list->campaigns[0].general);
	cr_expect_str_eq(list->campaigns[0].caller_id, "");
	cr_expect_eq(list->campaigns[1].trunk_count, 1);
	cr_expect_eq(list->campaigns[2].trunk_count, 0);
	wtel_campaign_list_free(list);
}

/* The save fails with that code and field, and nothing is stored. */
static void refuse_campaign(struct world *world, const struct wtel_campaign *campaign, int code, const char *field)
{
	int got = wtel_store_campaign_save(world->store, campaign);

	cr_expect_eq(got, code, "%s: %s", field, wtel_error_name(got));
	cr_expect_str_eq(wtel_store_error(world->store)->field, field);
	cr_expect_str_neq(wtel_store_error(world->store)->text, "");
	world_says(world, "0", "SELECT count(*) FROM wtel_campaigns");
}

STORE_TEST(bad_campaigns_are_refused, true)
{
	const struct wtel_assignment wild = {1, 101}, twice[2] = {{1, 1}, {1, 2}};
	int64_t trunk = world_trunk(world, "Main", 1, 5);
	struct wtel_campaign campaign = {.id = 0};

	refuse_campaign(world, &campaign, WTEL_EINVAL, "id");
	campaign.id = -3;
	refuse_campaign(world, &campaign, WTEL_EINVAL, "id");
	campaign.id = INT64_C(1) << 40;
	refuse_campaign(world, &campaign, WTEL_EINVAL, "id");
	campaign.id = 1;
	campaign.caller_id = "call me";
	refuse_campaign(world, &campaign, WTEL_EINVAL, "caller_id");
	campaign.caller_id = "";
	campaign.trunks = &wild;
	campaign.trunk_count = 1;
	refuse_campaign(world, &campaign, WTEL_EINVAL, "priority");
	campaign.trunks = twice;
	campaign.trunk_count = 2;
	refuse_campaign(world, &campaign, WTEL_EINVAL, "trunk_id");
	cr_expect_eq(wtel_store_assign(world->store, 1, trunk + 50, 1), WTEL_ENOTFOUND);
	cr_expect_str_eq(wtel_store_error(world->store)->field, "trunk_id");
	cr_expect_eq(wtel_store_assign(world->store, 1, trunk, -1), WTEL_EINVAL);
	cr_expect_str_eq(wtel_store_error(world->store)->field, "priority");
	world_says(world, "0", "SELECT count(*) FROM campaign_trunks");
}

STORE_TEST(with_the_platforms_tables_a_campaign_must_exist, false)
{
	struct wtel_campaign campaign = {.id = 3, .general = true};
	int64_t trunk;

	world_do(world, platform);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
	trunk = world_trunk(world, "Main", 1, 5);
	refuse_campaign(world, &campaign, WTEL_ENOTFOUND, "id");
	cr_expect_eq(wtel_store_assign(world->store, 3, trunk, 1), WTEL_ENOTFOUND);
	cr_expect_str_eq(wtel_store_error(world->store)->field, "campaign_id");
	campaign.id = 2;
	cr_assert_eq(wtel_store_campaign_save(world->store, &campaign), 0);
	world_says(world, "1", "SELECT count(*) FROM wtel_campaigns");
	world_do(world, "DELETE FROM campanas WHERE id = 2");
	world_says(world, "0", "SELECT count(*) FROM wtel_campaigns");
}

/* ---- attempts --------------------------------------------------------- */

static struct answer attempts_of(struct wtel_store *store, int seconds)
{
	struct answer answer = {false, -1};

	cr_assert_eq(store_attempts(store, seconds, take_attempts, &answer), 0);
	wait_answer(store, &answer);
	cr_assert_eq(answer.code, 0, "%s", answer.detail.text);
	return answer;
}

STORE_TEST(attempts_are_the_ended_legs_to_customers, true)
{
	int64_t now = wtel_time_now().wall, first = world_trunk(world, "First", 1, 5);
	int64_t second = world_trunk(world, "Second", 2, 5);
	struct wtel_leg leg = leg_of("2.1", first, now - 1000 * SECOND, now - 900 * SECOND);
	struct wtel_call call = world_call("old");
	struct answer answer;

	put_failover(world, first, second, now);
	call.start = leg.start;
	call.end = leg.end;
	call.disposition = WTEL_DISPOSITION_FAILED;
	call.legs = &leg;
	call.leg_count = 1;
	world_write(world, &call);
	/* Still ringing, and one that came in. */
	leg = leg_of("3.1", first, now - 10 * SECOND, 0);
	call.call_id = "now";
	call.start = leg.start;
	call.end = 0;
	world_write(world, &call);
	leg = leg_of("4.1", first, now - 10 * SECOND, now - 5 * SECOND);
	call.call_id = "inbound";
	call.direction = WTEL_INBOUND;
	world_write(world, &call);

	answer = attempts_of(world->store, 300);
	cr_assert_eq(answer.count, 2);
	cr_expect_eq(answer.attempts[0].trunk_id, first);
	cr_expect_eq(answer.attempts[0].start, now - 120 * SECOND);
	cr_expect_eq(answer.attempts[0].end, now - 119 * SECOND);
	cr_expect_eq(answer.attempts[0].ringing, 0);
	cr_expect_eq(answer.attempts[0].answer, 0);
	cr_expect_eq(answer.attempts[0].sip_code, 503);
	cr_expect_eq(answer.attempts[0].cause, 34);
	cr_expect_eq(answer.attempts[1].trunk_id, second);
	cr_expect_eq(answer.attempts[1].ringing, now - 117 * SECOND);
	cr_expect_eq(answer.attempts[1].answer, now - 110 * SECOND);
	cr_assert_eq(attempts_of(world->store, 90).count, 1);
	answer = attempts_of(world->store, 1000);
	cr_assert_eq(answer.count, 3);
	cr_expect_eq(answer.attempts[0].end, now - 900 * SECOND, "oldest first");
	cr_assert_eq(store_attempts(world->store, 0, take_attempts, &answer), WTEL_EINVAL);
	cr_assert_eq(store_attempts(world->store, -1, take_attempts, &answer), WTEL_EINVAL);
}

/* ---- zones ------------------------------------------------------------ */

Test(zones, only_names_of_zones_are_read)
{
	static const char *const bad[] = {
		"",
		"/etc/passwd",
		"../../../etc/passwd",
		"Europe/../Europe/Madrid",
		"Europe",
		"Europe/",
		"Europe//Madrid",
		"Europe/Nowhere",
		"zone.tab",
		"leapseconds",
		"tzdata.zi",
		"Europe/Madrid ",
		"Europe/Madrid\n",
		"Europe\\Madrid",
		".",
		"Europe/M\xc3\xa1laga",
		"Europe/Madrid/Madrid/Madrid/Madrid/Madrid/Madrid/Madrid/Madrid/Madrid/Madrid",
	};
	static const char *const good[] = {"Europe/Madrid", "UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires"};
	const struct wtel_allocator memory = base_allocator(NULL);
	struct store_zones zones = {&memory, NULL};
	struct wtel_slice data = {"untouched", 9};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(store_zone(&data, bad[i], &zones), WTEL_ENOTFOUND, "%s", bad[i]);
	cr_expect_eq(store_zone(&data, NULL, &zones), WTEL_ENOTFOUND);
	cr_expect_eq(data.length, 9);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(store_zone(&data, good[i], &zones), 0, "%s", good[i]);
		cr_expect_gt(data.length, 44);
		cr_expect_eq(memcmp(data.data, "TZif", 4), 0);
		cr_expect_eq(data.data[data.length - 1], '\n', "%s is cut", good[i]);
	}
	store_zones_free(&zones);
	cr_expect_null(zones.data);
}

/* ---- bad trunks ------------------------------------------------------- */

STORE_TEST(bad_rules_are_refused_by_name, true)
{
	static const char *const bad[][2] = {
		{"{\"timezone\": \"Europe/Nowhere\"}", "advanced_settings.timezone"},
		{"{\"timezone\": \"../../etc/passwd\"}", "advanced_settings.timezone"},
		{"{\"timezone\": 5}", "advanced_settings.timezone"},
		{"{\"windows\": [{\"from\": \"09:00\", \"to\": \"18:00\"}, {\"days\": [\"mon\"], \"from\": \"17:00\","
		 " \"to\": \"19:00\"}]}",
		 "advanced_settings.windows[1]"},
		{"{\"prefixes\": [{\"prefix\": \"+1\"}, {\"prefix\": \"abc\"}]}",
		 "advanced_settings.prefixes[1].prefix"},
		{"{\"callsPerSecond\": -1}", "advanced_settings.callsPerSecond"},
		{"{\"weight\": -5}", "advanced_settings.weight"},
		{"{\"breaker\": {\"faults\": -1}}", "advanced_settings.breaker.faults"},
		{"{\"breaker\"", "advanced_settings"},
	};
	int64_t trunk = world_trunk(world, "Main", 1, 5), id = 0;
	struct wtel_trunk change = WTEL_TRUNK_INIT;
	size_t i;
	int code;

	change.name = "Other";
	change.host = "sip.example.com";
	for (i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		change.id = i % 2 ? trunk : 0;
		change.advanced_settings = bad[i / 2][0];
		code = wtel_store_trunk_save(world->store, &id, &change);
		cr_expect_eq(code, WTEL_EINVAL, "%s: %s", change.advanced_settings, wtel_error_name(code));
		cr_expect_eq(strncmp(wtel_store_error(world->store)->field, bad[i / 2][1], strlen(bad[i / 2][1])), 0,
			     "%s: %s, %s", change.advanced_settings, wtel_store_error(world->store)->field,
			     wtel_store_error(world->store)->text);
	}
	change.id = 0;
	change.advanced_settings = "{}";
	change.max_channels = -1;
	cr_expect_eq(wtel_store_trunk_save(world->store, &id, &change), WTEL_EINVAL);
	cr_expect_str_eq(wtel_store_error(world->store)->field, "max_channels");
	cr_expect_eq(id, 0);
	world_says(world, "Main|{}", "SELECT name, advanced_settings FROM trunks");
	change.max_channels = 5;
	change.advanced_settings = "{\"timezone\": \"Europe/Madrid\", \"weight\": 5}";
	cr_expect_eq(wtel_store_trunk_save(world->store, &id, &change), 0, "%s", wtel_store_error(world->store)->text);
}

/* ---- router ----------------------------------------------------------- */

STORE_TEST(a_router_of_what_the_store_has, true)
{
	int64_t now = wtel_time_now().wall;
	int64_t first = world_trunk(world, "First", 1, 5), second = world_trunk(world, "Second", 2, 5);
	int64_t third = world_trunk(world, "Third", 3, 1);
	struct wtel_campaign campaign = {.id = 4, .general = true, .caller_id = "+34910000000"};
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_breaker open = {0, WTEL_BREAKER_OPEN, 5, 1, now + 3600 * SECOND, 0};
	struct wtel_call call = world_call("on-third");
	struct wtel_trunk_health health;
	struct wtel_router *router = NULL;
	struct wtel_route routes[8];
	size_t count = 0;

	put_failover(world, first, second, now);
	cr_assert(swap(world->store, first, &open, "dead").stored);
	cr_assert_eq(wtel_store_assign(world->store, 4, third, 1), 0);
	cr_assert_eq(wtel_store_campaign_save(world->store, &campaign), 0);
	cr_assert_eq(wtel_store_router(world->store, &router, "999"), WTEL_EINVAL);
	cr_assert_str_eq(wtel_store_error(world->store)->field, "country");
	cr_assert_null(router);
	cr_assert_eq(wtel_store_router(world->store, &router, "34"), 0, "%s", wtel_store_error(world->store)->text);
	/* Its own trunk, then the general list, without the one that is open. */
	request.number = "600 123 456";
	request.campaign_id = 4;
	cr_assert_eq(wtel_router_rank(router, routes, &count, 8, &request, now), 0);
	cr_assert_eq(count, 2);
	cr_expect_eq(routes[0].trunk_id, third);
	cr_expect_str_eq(routes[0].caller_id, "+34910000000");
	cr_expect_str_eq(routes[0].number, "+34600123456");
	cr_expect_eq(routes[1].trunk_id, second);
	cr_assert_eq(wtel_router_health(router, &health, first, now), 0);
	cr_expect_eq(health.attempts, 1);
	cr_expect_eq(health.faults, 1);
	cr_assert_eq(wtel_router_health(router, &health, second, now), 0);
	cr_expect_eq(health.attempts, 1);
	cr_expect_eq(health.answered, 1);
	cr_expect_eq(health.faults, 0);
	cr_expect_eq(health.post_dial_delay, 2 * SECOND);
	cr_expect_eq(health.average_call_duration, 50 * SECOND);
	wtel_router_free(router);
	/* Its only channel is taken. */
	call.trunk_id = third;
	call.start = now;
	world_write(world, &call);
	cr_assert_eq(wtel_store_router(world->store, &router, "34"), 0);
	cr_assert_eq(wtel_router_rank(router, routes, &count, 8, &request, now), 0);
	cr_assert_eq(count, 1);
	cr_expect_eq(routes[0].trunk_id, second);
	wtel_router_free(router);
}

STORE_TEST(windows_are_of_the_trunks_zone, true)
{
	/* Monday 2026-07-06 in Madrid it is 10:30 at 08:30 UTC. */
	const int64_t monday = INT64_C(1783326600) * SECOND;
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_router *router = NULL;
	struct wtel_route route;
	size_t count = 0;
	int64_t id = 0;

	trunk.name = "Madrid";
	trunk.host = "sip.example.com";
	trunk.registered = true;
	trunk.advanced_settings = "{\"timezone\": \"Europe/Madrid\", \"windows\":"
				  " [{\"days\": [\"mon\"], \"from\": \"10:00\", \"to\": \"11:00\"}]}";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), 0, "%s", wtel_store_error(world->store)->text);
	cr_assert_eq(wtel_store_router(world->store, &router, NULL), 0, "%s", wtel_store_error(world->store)->text);
	cr_expect_eq(wtel_router_rank(router, &route, &count, 1, &request, monday), 0);
	cr_expect_eq(wtel_router_rank(router, &route, &count, 1, &request, monday + 3600 * SECOND), WTEL_ENOTRUNK);
	cr_expect_eq(wtel_router_rank(router, &route, &count, 1, &request, monday + 7200 * SECOND), WTEL_ENOTRUNK);
	/* In winter the same hour is one later. */
	cr_expect_eq(wtel_router_rank(router, &route, &count, 1, &request, monday + (182 * 86400 + 3600) * SECOND), 0);
	wtel_router_free(router);
}

/* ---- a call's route --------------------------------------------------- */

STORE_TEST(the_route_is_read_with_one_call, true)
{
	struct wtel_call call = world_call("A");
	struct wtel_call_list *list = NULL;

	world_write(world, &call);
	cr_assert_eq(wtel_store_call(world->store, &list, "A"), 0);
	cr_expect_str_eq(list->calls[0].route, "");
	wtel_call_list_free(list);
	world_do(world, "UPDATE wtel_calls SET route = '{\"at\":1}'");
	cr_assert_eq(wtel_store_call(world->store, &list, "A"), 0);
	cr_expect_str_eq(list->calls[0].route, "{\"at\":1}");
	wtel_call_list_free(list);
	cr_assert_eq(wtel_store_calls(world->store, &list, NULL), 0);
	cr_expect_null(list->calls[0].route);
	wtel_call_list_free(list);
}

/* ---- memory ----------------------------------------------------------- */

/* Without assertions: any of it may end for want of memory. */
static int use_all(struct wtel_store *store, int64_t trunk)
{
	const struct wtel_campaign campaign = {.id = 4, .general = true, .caller_id = "+34910000000"};
	struct answer answer = {false, -1}, heard = {false, -1};
	struct wtel_breaker breaker = {0};
	struct wtel_router *router = NULL;
	struct wtel_trunk_list *trunks = NULL;
	int code = wtel_store_trunks(store, &trunks, 0);

	if (!code)
		breaker = trunks->trunks[0].breaker;
	wtel_trunk_list_free(trunks);
	if (!code)
		code = store_breaker(store, trunk, &breaker, "dead", take_breaker, &answer);
	if (code)
		return code;
	wait_answer(store, &answer);
	breaker.version = 77;
	answer.finished = false;
	code = answer.code ? answer.code : store_breaker(store, trunk, &breaker, "dead", take_breaker, &answer);
	if (code)
		return code;
	wait_answer(store, &answer);
	code = answer.code ? answer.code : store_attempts(store, 300, take_attempts, &heard);
	if (code)
		return code;
	wait_answer(store, &heard);
	code = heard.code ? heard.code : wtel_store_assign(store, 4, trunk, 1);
	if (!code)
		code = wtel_store_campaign_save(store, &campaign);
	if (!code)
		code = wtel_store_router(store, &router, "34");
	wtel_router_free(router);
	return code;
}

STORE_TEST(every_allocation_may_fail, true)
{
	int64_t now = wtel_time_now().wall, first = world_trunk(world, "First", 1, 5);
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	int64_t id = 0;
	int last = -1;

	put_failover(world, first, world_trunk(world, "Second", 2, 5), now);
	trunk.name = "Zone";
	trunk.host = "sip.example.com";
	trunk.advanced_settings = "{\"timezone\": \"Europe/Madrid\"}";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), 0);
	trunk.id = id;
	options.url = world->url;
	FAULT_LOOP(allocator)
	{
		struct wtel_store *store = NULL;
		struct wtel_detail detail = {"", ""};

		last = wtel_store_open(&store, &options, &allocator, &detail);
		if (!last)
			last = wtel_store_trunk_save(store, &id, &trunk);
		if (!last)
			last = use_all(store, first);
		cr_assert(last == 0 || last == WTEL_ENOMEM, "%s: %s", wtel_error_name(last),
			  store ? wtel_store_error(store)->text : detail.text);
		wtel_store_close(store);
	}
	cr_assert_eq(last, 0);
}
