#include "fault.h"
#include "trunk_cast.h"

#include <stdio.h>

/* 2025-10-20, a Monday, 08:00 UTC. */
#define MONDAY_8 (INT64_C(1760947200) * SECOND)
#define HOUR	 (3600 * SECOND)

/* The ids of the routes in one line: "1 3 2", "none", "invalid". */
static const char *ranked(struct wtel_router *router, const struct wtel_route_request *request, int64_t wall)
{
	static char text[256];
	struct wtel_route routes[16];
	size_t count = 0, length = 0, i;
	int code = wtel_router_rank(router, routes, &count, 16, request, wall);

	if (code)
		return code == WTEL_ENOTRUNK ? "none" : code == WTEL_EINVAL ? "invalid" : "other";
	for (i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%lld", i ? " " : "",
					   (long long)routes[i].trunk_id);
	return text;
}

/* Of one trunk: "full: 20 of 20 channels". */
static const char *told(struct wtel_router *router, int64_t id, const struct wtel_route_request *request, int64_t wall)
{
	static char text[256];
	struct wtel_route_step steps[16];
	size_t count, i;

	cr_assert_eq(wtel_router_explain(router, steps, &count, 16, request, wall), 0);
	for (i = 0; i < count; i++)
		if (steps[i].trunk_id == id) {
			snprintf(text, sizeof(text), "%s: %s", wtel_route_verdict_name(steps[i].verdict),
				 steps[i].text);
			return text;
		}
	return "unknown";
}

static struct wtel_route_request of_campaign(int64_t id)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;

	request.campaign_id = id;
	return request;
}

Test(trunk_router, the_seeds_choice)
{
	struct wtel_trunk trunks[] = {trunk_make(3, "c", 2, ""), trunk_make(2, "b", 2, ""), trunk_make(1, "a", 1, ""),
				      trunk_make(4, "d", 1, ""), trunk_make(5, "e", 3, "{}")};
	struct wtel_router *router;

	trunks[1].registered = false;
	trunks[2].active_calls = trunks[2].max_channels = 20;
	trunks[3].status = WTEL_TRUNK_MAINTENANCE;
	trunks[4].registered = trunks[4].needs_registration = false;
	router = router_make(trunks, 5);
	cr_assert_str_eq(ranked(router, NULL, 0), "3 5");
	cr_assert_str_eq(told(router, 1, NULL, 0), "full: 20 of 20 channels");
	cr_assert_str_eq(told(router, 4, NULL, 0), "not active: maintenance: its calls may end, no new ones begin");
	cr_assert_str_eq(told(router, 2, NULL, 0), "not registered: not registered with its carrier");
	cr_assert_str_eq(told(router, 3, NULL, 0), "taken: 0 of 10 channels");
	cr_assert_str_eq(told(router, 5, NULL, 0), "next: 0 of 10 channels");
	wtel_router_set_load(router, 3, 10);
	wtel_router_set_registered(router, 5, false);
	cr_assert_str_eq(ranked(router, NULL, 0), "5", "one that needs no registration is as good as registered");
	wtel_router_set_load(router, 5, 10);
	cr_assert_str_eq(ranked(router, NULL, 0), "none");
	wtel_router_set_load(router, 1, 19);
	wtel_router_set_registered(router, 2, true);
	wtel_router_set_load(router, 77, 1);
	wtel_router_set_registered(router, 77, true);
	cr_assert_str_eq(ranked(router, NULL, 0), "1 2");
	wtel_router_set_load(router, 1, -5);
	cr_assert_str_eq(told(router, 1, NULL, 0), "taken: 0 of 20 channels");
	wtel_router_free(router);
	wtel_router_free(NULL);
}

Test(trunk_router, nothing_to_choose_from)
{
	struct wtel_router *router;
	struct wtel_route route;
	struct wtel_breaker breaker = {0};
	struct wtel_trunk_health health;
	size_t count = 7;

	cr_assert_eq(wtel_router_new(&router, NULL, NULL), 0);
	cr_assert_eq(wtel_router_rank(router, &route, &count, 1, NULL, 0), WTEL_ENOTRUNK);
	cr_assert_eq(count, 7);
	cr_assert_eq(wtel_router_rank(router, &route, &count, 0, NULL, 0), WTEL_EINVAL);
	cr_assert_eq(wtel_router_explain(router, NULL, &count, 0, NULL, 0), 0);
	cr_assert_eq(count, 0);
	cr_assert_eq(wtel_router_outcome(router, &breaker, 1, WTEL_OUTCOME_FAULT, 0, 0, 0), WTEL_ENOTFOUND);
	cr_assert_eq(wtel_router_health(router, &health, 1, 0), WTEL_ENOTFOUND);
	wtel_router_set_breaker(router, 1, &breaker);
	wtel_router_free(router);
	cr_assert_str_eq(wtel_route_verdict_name(WTEL_ROUTE_RATE), "rate");
	cr_assert_str_eq(wtel_route_verdict_name((enum wtel_route_verdict)99), "");
}

Test(trunk_router, options_are_checked)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_router *router = NULL;

	options.country = "999999999999";
	cr_assert_eq(wtel_router_new(&router, &options, NULL), WTEL_EINVAL);
	options.country = "x";
	cr_assert_eq(wtel_router_new(&router, &options, NULL), WTEL_EINVAL);
	cr_assert_null(router);
}

Test(trunk_router, the_longest_prefix_decides)
{
	struct wtel_trunk trunks[] = {
		trunk_make(
			1, "spain", 1,
			"{\"prefixes\": [{\"prefix\": \"+34\", \"strip\": 3}, {\"prefix\": \"+3480\", \"deny\": true},"
			"{\"prefix\": \"+34807\", \"strip\": 1, \"prepend\": \"00\"}]}"),
		trunk_make(2, "not premium", 2, "{\"prefixes\": [{\"prefix\": \"+1900\", \"deny\": true}]}"),
		trunk_make(3, "rest", 3, "{\"prefixes\": [{\"prefix\": \"\", \"strip\": 1, \"prepend\": \"9\"}]}"),
	};
	struct wtel_router *router = router_make(trunks, 3);
	struct wtel_route_request request = to("600 123 456");
	struct wtel_route routes[3];
	size_t count;

	cr_assert_eq(wtel_router_rank(router, routes, &count, 3, &request, 0), 0);
	cr_assert_eq(count, 3);
	cr_assert_str_eq(routes[0].number, "600123456");
	cr_assert_str_eq(routes[1].number, "+34600123456");
	cr_assert_str_eq(routes[2].number, "934600123456");
	request = to("+34801111111");
	cr_assert_str_eq(ranked(router, &request, 0), "2 3");
	cr_assert_str_eq(told(router, 1, &request, 0), "prefix: denied by +3480");
	request = to("+34807111111");
	cr_assert_eq(wtel_router_rank(router, routes, &count, 1, &request, 0), 0);
	cr_assert_eq(count, 1);
	cr_assert_str_eq(routes[0].number, "0034807111111");
	request = to("00 1 (900) 555-1234");
	cr_assert_str_eq(ranked(router, &request, 0), "3");
	cr_assert_str_eq(told(router, 1, &request, 0), "prefix: no prefix for +19005551234");
	cr_assert_str_eq(told(router, 2, &request, 0), "prefix: denied by +1900");
	request = to("+3");
	cr_assert_str_eq(ranked(router, &request, 0), "invalid");
	request = to("");
	cr_assert_str_eq(ranked(router, &request, 0), "invalid");
	request = to("Robert'); DROP");
	cr_assert_str_eq(ranked(router, &request, 0), "invalid");
	cr_assert_str_eq(ranked(router, NULL, 0), "1 2 3", "without a number prefixes are not asked");
	wtel_router_free(router);
}

Test(trunk_router, a_number_that_nothing_is_left_of_is_not_dialled)
{
	struct wtel_trunk trunks[] = {
		trunk_make(1, "a", 1, "{\"prefixes\": [{\"prefix\": \"+34600123456\", \"strip\": 12}]}"),
		trunk_make(2, "b", 2,
			   "{\"prefixes\": [{\"prefix\": \"+34600123456\", \"strip\": 12, \"prepend\": \"+\"}]}"),
		trunk_make(3, "c", 3, "")};
	struct wtel_route_request request = to("+34600123456");
	struct wtel_router *router = router_make(trunks, 3);

	cr_assert_str_eq(ranked(router, &request, 0), "3");
	cr_assert_eq(strncmp(told(router, 1, &request, 0), "prefix: ", 8), 0);
	cr_assert_eq(strncmp(told(router, 2, &request, 0), "prefix: ", 8), 0);
	wtel_router_free(router);
}

Test(trunk_router, a_route_has_what_is_to_be_set)
{
	struct wtel_trunk trunks[] = {
		trunk_make(1, "Twilio Main", 1, "{\"callsPerSecond\": 5, \"callerId\": \"+15550001000\"}"),
		trunk_make(2, "Carrier B", 2, NULL)};
	struct wtel_assignment own[] = {{1, 1}};
	struct wtel_campaign campaigns[] = {
		{7, true, "+15550009999", own, 1}, {8, false, "+15550008888", NULL, 0}, {9, true, NULL, own, 1}};
	struct wtel_route_request request = of_campaign(7);
	struct wtel_router *router;
	struct wtel_route routes[2];
	size_t count;

	trunks[1].endpoint = "b_2.example";
	router = router_make(trunks, 2);
	cr_assert_eq(wtel_router_rank(router, routes, &count, 2, NULL, 0), 0);
	cr_assert_str_eq(routes[0].name, "Twilio Main");
	cr_assert_str_eq(routes[0].endpoint, "twilio-main");
	cr_assert_str_eq(routes[0].caller_id, "+15550001000");
	cr_assert_eq(routes[0].calls_per_second, 5);
	cr_assert_not(routes[0].trial);
	cr_assert_str_eq(routes[0].number, "");
	cr_assert_str_eq(routes[1].endpoint, "b_2.example");
	cr_assert_str_eq(routes[1].caller_id, "");
	cr_assert_eq(routes[1].calls_per_second, 0);
	cr_assert_eq(wtel_router_set_campaigns(router, campaigns, 3), 0);
	cr_assert_eq(wtel_router_rank(router, routes, &count, 2, &request, 0), 0);
	cr_assert_str_eq(routes[0].caller_id, "+15550009999", "the campaign's is stronger");
	cr_assert_str_eq(routes[1].caller_id, "+15550009999");
	request.campaign_id = 8;
	cr_assert_eq(wtel_router_rank(router, routes, &count, 2, &request, 0), 0);
	cr_assert_str_eq(routes[1].caller_id, "+15550008888", "without trunks of its own it still has a number");
	request.campaign_id = 9;
	cr_assert_eq(wtel_router_rank(router, routes, &count, 2, &request, 0), 0);
	cr_assert_str_eq(routes[0].caller_id, "+15550001000");
	wtel_router_free(router);
}

Test(trunk_router, campaigns_come_first)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, ""), trunk_make(2, "b", 2, ""), trunk_make(3, "c", 3, ""),
				      trunk_make(4, "d", 4, "")};
	struct wtel_assignment own[] = {{4, 1}, {99, 2}, {2, 5}, {4, 9}};
	struct wtel_campaign campaigns[] = {
		{20, true, "", own, 4}, {10, false, "", own, 3}, {30, false, "", NULL, 0}, {40, false, "", own + 1, 1}};
	struct wtel_route_request request;
	struct wtel_router *router = router_make(trunks, 4);
	struct wtel_route_step steps[4];
	size_t count;

	cr_assert_eq(wtel_router_set_campaigns(router, campaigns, 4), 0);
	request = of_campaign(20);
	cr_assert_str_eq(ranked(router, &request, 0), "4 2 1 3");
	request = of_campaign(10);
	cr_assert_str_eq(ranked(router, &request, 0), "4 2");
	cr_assert_str_eq(told(router, 3, &request, 0), "not of this campaign: campaign 10 uses its own trunks only");
	cr_assert_eq(wtel_router_explain(router, steps, &count, 3, &request, 0), 0);
	cr_assert_eq(count, 4, "all are counted, three were asked for");
	cr_assert(steps[0].trunk_id == 4 && steps[0].priority == 1 && steps[0].verdict == WTEL_ROUTE_TAKEN);
	cr_assert(steps[1].trunk_id == 2 && steps[1].priority == 5 && steps[1].verdict == WTEL_ROUTE_NEXT);
	cr_assert(steps[2].trunk_id == 1 && steps[2].priority == 1 && steps[2].verdict == WTEL_ROUTE_CAMPAIGN);
	request = of_campaign(30);
	cr_assert_str_eq(ranked(router, &request, 0), "1 2 3 4", "without trunks of its own: the general list");
	request = of_campaign(40);
	cr_assert_str_eq(ranked(router, &request, 0), "1 2 3 4", "an unknown trunk is none");
	request = of_campaign(50);
	cr_assert_str_eq(ranked(router, &request, 0), "1 2 3 4", "an unknown campaign");
	request = of_campaign(10);
	cr_assert_eq(wtel_router_set_trunks(router, trunks, 3), 0);
	cr_assert_str_eq(ranked(router, &request, 0), "2", "campaigns follow the list of trunks");
	cr_assert_eq(wtel_router_set_campaigns(router, NULL, 0), 0);
	cr_assert_str_eq(ranked(router, &request, 0), "1 2 3");
	wtel_router_free(router);
}

Test(trunk_router, tried_and_old_loads)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, ""), trunk_make(2, "b", 1, ""), trunk_make(3, "c", 2, "")};
	int64_t tried[] = {3, 99};
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_router *router;

	trunks[0].active_calls = 10;
	router = router_make(trunks, 3);
	cr_assert_str_eq(ranked(router, &request, 0), "2 3");
	request.loads_are_old = true;
	cr_assert_str_eq(ranked(router, &request, 0), "2 1 3", "at the end of its priority");
	cr_assert_str_eq(told(router, 1, &request, 0), "next: 10 of 10 channels when last heard of");
	cr_assert_str_eq(told(router, 2, &request, 0), "taken: 0 of 10 channels");
	wtel_router_set_load(router, 2, 10);
	cr_assert_str_eq(told(router, 1, &request, 0), "taken: 10 of 10 channels when last heard of");
	wtel_router_set_load(router, 2, 0);
	request.tried = tried;
	request.tried_count = 2;
	cr_assert_str_eq(ranked(router, &request, 0), "2 1");
	cr_assert_str_eq(told(router, 3, &request, 0), "tried: this call failed there already");
	request.loads_are_old = false;
	cr_assert_str_eq(ranked(router, &request, 0), "2");
	/* A program that knows less of the request. */
	request.loads_are_old = true;
	request.size = offsetof(struct wtel_route_request, loads_are_old);
	cr_assert_str_eq(ranked(router, &request, 0), "2");
	wtel_router_free(router);
}

Test(trunk_router, windows_open_and_close_by_themselves)
{
	struct wtel_trunk trunks[] = {
		trunk_make(1, "utc", 1,
			   "{\"windows\": [{\"days\": [\"mon\"], \"from\": \"09:00\", \"to\": \"10:00\"}]}"),
		trunk_make(2, "east", 2,
			   "{\"timezone\": \"Test/East2\", \"windows\": [{\"from\": \"09:00\", \"to\": \"12:00\"}]}"),
		trunk_make(3, "unknown", 3, "{\"timezone\": \"Test/None\"}"),
		trunk_make(4, "broken", 3, "{\"timezone\": \"Test/Broken\", \"windows\": []}"),
	};
	struct wtel_router *router = router_make(trunks, 4);

	cr_assert_str_eq(ranked(router, NULL, MONDAY_8), "2");
	cr_assert_str_eq(told(router, 1, NULL, MONDAY_8), "window: opens Mon 09:00 UTC");
	cr_assert_str_eq(told(router, 3, NULL, MONDAY_8), "settings: advanced_settings.timezone: Test/None");
	cr_assert_str_eq(told(router, 4, NULL, MONDAY_8), "settings: advanced_settings.timezone: Test/Broken");
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + HOUR - 1), "2");
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + HOUR), "1 2");
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + 2 * HOUR - 1), "1 2");
	wtel_router_free(router);
}

Test(trunk_router, windows_in_their_zones)
{
	struct wtel_trunk trunks[] = {
		trunk_make(1, "utc", 1,
			   "{\"windows\": [{\"days\": [\"mon\"], \"from\": \"09:00\", \"to\": \"10:00\"}]}"),
		trunk_make(2, "east", 2,
			   "{\"timezone\": \"Test/East2\", \"windows\": [{\"from\": \"09:00\", \"to\": \"12:00\"}]}"),
	};
	struct wtel_router *router = router_make(trunks, 2);

	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + 2 * HOUR), "none", "12:00 in its zone is 10:00 UTC");
	cr_assert_str_eq(told(router, 2, NULL, MONDAY_8 + 2 * HOUR), "window: opens Tue 09:00 Test/East2");
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + 23 * HOUR), "2", "07:00 UTC on Tuesday");
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + HOUR), "1 2", "a clock that goes back");
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8 + 7 * 24 * HOUR + HOUR), "1 2", "a week later");
	wtel_router_free(router);
}

Test(trunk_router, an_open_breaker_is_told)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, ""), trunk_make(2, "b", 2, ""), trunk_make(3, "c", 3, "")};
	struct wtel_breaker breaker = {3, WTEL_BREAKER_OPEN, 5, 1, 0, 0};
	struct wtel_router *router;
	struct wtel_route route;
	size_t count;

	breaker.retry_at = MONDAY_8 + 5 * SECOND;
	trunks[0].breaker = breaker;
	trunks[0].status = WTEL_TRUNK_ERROR;
	trunks[1].status = WTEL_TRUNK_ERROR;
	trunks[1].last_error_message = "403 \xc2\xa1no!";
	router = router_make(trunks, 3);
	cr_assert_str_eq(ranked(router, NULL, MONDAY_8), "3");
	cr_assert_str_eq(told(router, 1, NULL, MONDAY_8), "breaker: open until 08:00:05 UTC, 5 faults in a row");
	cr_assert_str_eq(told(router, 1, NULL, MONDAY_8 - 24 * HOUR),
			 "breaker: open until 2025-10-20 08:00:05 UTC, 5 faults in a row");
	cr_assert_str_eq(told(router, 2, NULL, MONDAY_8), "not active: error: 403 \xc2\xa1no!");
	cr_assert_eq(wtel_router_rank(router, &route, &count, 1, NULL, MONDAY_8 + 5 * SECOND), 0);
	cr_assert(route.trunk_id == 1 && route.trial, "in error because of its breaker: it may be tried");
	cr_assert_str_eq(told(router, 1, NULL, breaker.retry_at), "taken: a trial call, 0 of 10 channels");
	breaker.trial_until = MONDAY_8 + 125 * SECOND;
	wtel_router_set_breaker(router, 1, &breaker);
	cr_assert_str_eq(told(router, 1, NULL, MONDAY_8 + 6 * SECOND),
			 "breaker: a trial call is under way, the next one from 08:02:05 UTC");
	breaker = (struct wtel_breaker){0};
	wtel_router_set_breaker(router, 1, &breaker);
	cr_assert_eq(wtel_router_rank(router, &route, &count, 1, NULL, MONDAY_8), 0);
	cr_assert(route.trunk_id == 1 && !route.trial, "closed, and active with it");
	trunks[0].status = WTEL_TRUNK_INACTIVE;
	cr_assert_eq(wtel_router_set_trunks(router, trunks, 3), 0);
	cr_assert_str_eq(told(router, 1, NULL, MONDAY_8 + HOUR), "not active: inactive", "not even a trial");
	wtel_router_free(router);
}

Test(trunk_router, settings_that_cannot_be_read_are_named)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, "{\"weight\": -3}"), trunk_make(2, "b", 2, "[1,"),
				      trunk_make(3, "c", 3, ""), trunk_make(4, "\xe4\xb8\xad", 4, ""),
				      trunk_make(4, "d", 4, "")};
	struct wtel_router *router;

	trunks[2].endpoint = "a&PJSIP/b";
	router = router_make(trunks, 4);
	cr_assert_str_eq(ranked(router, NULL, 0), "none");
	cr_assert_eq(strncmp(told(router, 1, NULL, 0), "settings: advanced_settings.weight: ", 36), 0, "%s",
		     told(router, 1, NULL, 0));
	cr_assert_eq(strncmp(told(router, 2, NULL, 0), "settings: advanced_settings: ", 29), 0, "%s",
		     told(router, 2, NULL, 0));
	cr_assert_eq(strncmp(told(router, 3, NULL, 0), "settings: endpoint: ", 20), 0);
	cr_assert_eq(strncmp(told(router, 4, NULL, 0), "settings: endpoint: ", 20), 0);
	cr_assert_eq(wtel_router_set_trunks(router, trunks + 4, 1), 0);
	cr_assert_str_eq(ranked(router, NULL, 0), "4");
	wtel_router_free(router);
}

Test(trunk_router, an_id_is_there_once)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, ""), trunk_make(1, "b", 2, ""), trunk_make(2, "c", 3, "")};
	struct wtel_router *router = router_make(trunks, 3);

	cr_assert_str_eq(ranked(router, NULL, 0), "1 2");
	wtel_router_free(router);
}

Test(trunk_router, health_stays_with_its_trunk)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, ""), trunk_make(2, "b", 2, "")};
	struct wtel_router *router = router_make(trunks, 2);
	struct wtel_trunk_health health;
	int i;

	for (i = 0; i < 40; i++) {
		enum wtel_outcome outcome = i % 4 == 0	 ? WTEL_OUTCOME_ANSWERED
					    : i % 4 == 1 ? WTEL_OUTCOME_FAULT
							 : WTEL_OUTCOME_CALLEE;

		cr_assert_geq(wtel_router_outcome(router, NULL, 2, outcome, i % 4 == 1 ? 0 : (2 + i % 2) * SECOND,
						  i % 4 ? 0 : 60 * SECOND, MONDAY_8 + i * SECOND),
			      0);
	}
	trunks[1].priority = 1;
	trunks[0].id = 3;
	cr_assert_eq(wtel_router_set_trunks(router, trunks, 2), 0);
	cr_assert_eq(wtel_router_health(router, &health, 2, MONDAY_8 + 40 * SECOND), 0);
	cr_assert_eq(health.attempts, 40);
	cr_assert_eq(health.answered, 10);
	cr_assert_eq(health.faults, 10);
	cr_assert_eq(health.answer_seizure_ratio, 2500);
	cr_assert_eq(health.post_dial_delay, (20 * 2 + 10 * 3) * SECOND / 30);
	cr_assert_eq(health.average_call_duration, 60 * SECOND);
	cr_assert_eq(wtel_router_health(router, &health, 3, MONDAY_8), 0);
	cr_assert_eq(health.attempts, 0);
	cr_assert_eq(wtel_router_health(router, &health, 1, MONDAY_8), WTEL_ENOTFOUND);
	/* The first 20 outcomes slide out of the window before the others. */
	cr_assert_eq(wtel_router_health(router, &health, 2, MONDAY_8 + (WTEL_HEALTH_WINDOW + 19) * SECOND), 0);
	cr_assert_eq(health.attempts, 20);
	cr_assert_eq(health.answer_seizure_ratio, -1);
	cr_assert_eq(wtel_router_health(router, &health, 2, MONDAY_8 + HOUR), 0);
	cr_assert_eq(health.attempts + health.faults, 0);
	/* A clock that is set back is lived with. */
	cr_assert_geq(wtel_router_outcome(router, NULL, 2, WTEL_OUTCOME_ANSWERED, INT64_MAX, INT64_MAX, -5), 0);
	cr_assert_eq(wtel_router_health(router, &health, 2, 0), 0);
	cr_assert_eq(health.attempts, 1);
	wtel_router_free(router);
}

Test(trunk_router, a_trunks_own_codes)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, "{\"failover\": {\"next\": [404], \"stop\": [503]}}"),
				      trunk_make(2, "b", 2, "")};
	struct wtel_router *router = router_make(trunks, 2);
	struct wtel_slice none = {NULL, 0};

	cr_assert_eq(wtel_router_fault(router, 1, 404, 0, none, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(wtel_router_fault(router, 1, 503, 0, none, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(wtel_router_fault(router, 2, 404, 0, none, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(wtel_router_fault(router, 2, 503, 0, none, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(wtel_router_fault(router, 9, 503, 0, none, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(wtel_router_fault(router, 9, 408, 0, none, true), WTEL_FAULT_CALLEE);
	wtel_router_free(router);
}

/* ---- memory ----------------------------------------------------------- */

#define RULES                                                                                                          \
	"{\"prefixes\": [{\"prefix\": \"+1\"}, {\"prefix\": \"+1900\", \"deny\": true}], \"callerId\": "               \
	"\"+15550001000\","                                                                                            \
	"\"timezone\": \"Test/East2\", \"windows\": [{\"from\": \"00:00\", \"to\": \"24:00\"}],"                       \
	"\"failover\": {\"next\": [404]}}"

static int prepare(struct wtel_router **router, const struct wtel_trunk *trunks, const struct wtel_allocator *allocator)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_assignment own[] = {{2, 1}, {1, 2}};
	struct wtel_campaign campaign = {1, false, "+15550009999", own, 2};
	int code;

	options.zone = zone_given;
	code = wtel_router_new(router, &options, allocator);
	if (code)
		return code;
	code = wtel_router_set_trunks(*router, trunks, 2);
	if (!code)
		code = wtel_router_set_campaigns(*router, &campaign, 1);
	if (code)
		wtel_router_free(*router);
	return code;
}

Test(trunk_router, without_memory_nothing_changes)
{
	struct wtel_trunk trunks[] = {trunk_make(1, "a", 1, RULES), trunk_make(2, "b", 2, RULES)};
	struct wtel_trunk others[] = {trunk_make(2, "b", 1, RULES), trunk_make(3, "c", 2, "{\"weight\": 0}"),
				      trunk_make(4, "d", 3, "{\"timezone\": \"Test/West3\"}")};
	struct wtel_campaign campaign = {1, true, "", NULL, 0};
	struct wtel_route_request request = of_campaign(1);
	size_t passes = 0;

	FAULT_LOOP(allocator)
	{
		struct wtel_trunk_health health;
		struct wtel_router *router;
		int code = prepare(&router, trunks, &allocator);

		if (code == WTEL_ENOMEM)
			continue;
		cr_assert_eq(code, 0);
		passes++;
		(void)wtel_router_outcome(router, NULL, 2, WTEL_OUTCOME_ANSWERED, 0, 0, SECOND);
		code = wtel_router_set_trunks(router, others, 3);
		cr_assert_str_eq(ranked(router, &request, 0), code ? "2 1" : "2");
		cr_assert_eq(wtel_router_health(router, &health, 2, SECOND), 0);
		cr_assert_eq(health.attempts, 1);
		if (!code) {
			code = wtel_router_set_campaigns(router, &campaign, 1);
			cr_assert_str_eq(ranked(router, &request, 0), code ? "2" : "2 4");
		}
		cr_assert(!code || code == WTEL_ENOMEM);
		wtel_router_free(router);
	}
	cr_assert_gt(passes, 20);
}
