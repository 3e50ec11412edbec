/* Trunks that go down and come up, breakers, changes by others, and what the service's router knows. */
#include <stdlib.h>
#include <unistd.h>

#include "failover_world.h"

static enum wtel_trunk_status status_of(struct world *world, int64_t trunk_id, char *error, size_t room)
{
	enum wtel_trunk_status status = WTEL_TRUNK_INACTIVE;
	struct wtel_trunk_list *list;
	size_t i;

	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	for (i = 0; i < list->count; i++)
		if (list->trunks[i].id == trunk_id) {
			status = list->trunks[i].status;
			snprintf(error, room, "%s",
				 list->trunks[i].last_error_message ? list->trunks[i].last_error_message : "");
		}
	wtel_trunk_list_free(list);
	return status;
}

/* As the service's router has it; -1: it has no such trunk. */
static int active_calls(struct world *world, int64_t trunk_id)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_route_step steps[8];
	size_t count, i;

	cr_assert_eq(wtel_router_explain(wtel_service_router(world->service), steps, &count, 8, &request,
					 wtel_time_now().wall),
		     0);
	for (i = 0; i < count; i++)
		if (steps[i].trunk_id == trunk_id)
			return steps[i].active_calls;
	return -1;
}

Test(service_health, a_breaker_opens_after_five_faults_and_costs_no_more_calls, .timeout = 300)
{
	struct wtel_trunk_health health;
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE], error[256];
	int64_t bad, good;
	int i;

	failover_prepare(&world);
	bad = failover_trunk(&world, "Carrier 503", 1, NULL);
	good = failover_trunk(&world, "Good", 2, NULL);
	failover_start(&world);
	for (i = 0; i < 8; i++) {
		failover_call(&world, call_id, "1001");
		failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, good, i < 5 ? 2 : 1);
	}
	cr_assert_str_eq(failover_statistics(&world, bad), "5/0/5");
	cr_assert_str_eq(failover_statistics(&world, good), "8/8/0");
	cr_assert_eq(failover_count(world.notices, "trunk:down Carrier 503"), 1, "%s", world.notices);
	cr_assert(strstr(world.log, "5 faults in a row, the last one SIP 503"), "%s", world.log);
	cr_assert_eq(status_of(&world, bad, error, sizeof(error)), WTEL_TRUNK_ERROR);
	cr_assert_str_eq(error, "5 faults in a row, the last one SIP 503");
	cr_assert_eq(wtel_router_health(wtel_service_router(world.service), &health, bad, wtel_time_now().wall), 0);
	cr_assert_eq(health.attempts, 5);
	cr_assert_eq(health.faults, 5);
	cr_assert_eq(wtel_router_health(wtel_service_router(world.service), &health, good, wtel_time_now().wall), 0);
	cr_assert_eq(health.attempts, 8);
	cr_assert_eq(health.answered, 8);
	cr_assert(health.post_dial_delay > 0 && health.average_call_duration > 0);
	WORLD_UNTIL(&world, active_calls(&world, bad) + active_calls(&world, good) == 0);
	/* A service that begins now knows what was. */
	wtel_observer_free(world.observer);
	wtel_service_free(world.service);
	failover_start(&world);
	cr_assert_eq(wtel_router_health(wtel_service_router(world.service), &health, bad, wtel_time_now().wall), 0);
	cr_assert_eq(health.faults, 5);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, good, 1);
	world_close(&world);
}

static void change_endpoint(struct world *world, int64_t id, const char *settings)
{
	struct wtel_trunk_list *list;
	struct wtel_trunk trunk;
	int64_t saved;
	size_t i;

	cr_assert_eq(wtel_store_trunks(world->store, &list, 0), 0);
	for (i = 0; i < list->count; i++)
		if (list->trunks[i].id == id) {
			trunk = list->trunks[i];
			trunk.endpoint = NULL;
			trunk.advanced_settings = settings;
			cr_assert_eq(wtel_store_trunk_save(world->store, &saved, &trunk), 0, "%s",
				     wtel_store_error(world->store)->text);
		}
	wtel_trunk_list_free(list);
}

#define BREAKER(endpoint)                                                                                              \
	"{\"registration\": false, \"endpoint\": \"" endpoint                                                          \
	"\", \"breaker\": {\"faults\": 2, \"pause\": 1, \"longestPause\": 1}}"

static int failed_calls(struct world *world, int64_t trunk_id)
{
	return atoi(strrchr(failover_statistics(world, trunk_id), '/') + 1);
}

Test(service_health, a_trial_call_that_fails_keeps_it_open_and_one_that_goes_well_closes_it, .timeout = 300)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE], error[256];
	int64_t bad, good, began;
	char expected[64];
	int faults, calls = 0, i = 0;

	failover_prepare(&world);
	bad = failover_trunk(&world, "Flapping", 1, BREAKER("flapping-503"));
	good = failover_trunk(&world, "Good", 2, NULL);
	failover_start(&world);
	for (; calls < 2; calls++)
		failover_call(&world, call_id, "1001");
	cr_assert_str_eq(failover_statistics(&world, bad), "2/0/2");
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:down Flapping"));
	/* One trial, and only one; where the machine stood still for the second after which there is another, once
	 * more. */
	do {
		world_run(&world, 1100);
		began = wtel_time_now().mono;
		faults = failed_calls(&world, bad);
		failover_call(&world, call_id, "1001");
		failover_call(&world, call_id, "1001");
		failover_call(&world, call_id, "1001");
		calls += 3;
	} while (wtel_time_now().mono - began >= 1000000 && ++i < 10);
	cr_assert_eq(failed_calls(&world, bad), faults + 1);
	cr_assert_eq(failover_count(world.notices, "trunk:down"), 1, "%s", world.notices);
	cr_assert_eq(status_of(&world, bad, error, sizeof(error)), WTEL_TRUNK_ERROR);
	cr_assert_str_eq(error, "the trial call failed: SIP 503");
	change_endpoint(&world, bad, BREAKER("flapping"));
	world_run(&world, 1200);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, bad, 1);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:up Flapping"));
	cr_assert(strstr(world.log, "trunk Flapping is up: a trial call went well"), "%s", world.log);
	cr_assert_eq(status_of(&world, bad, error, sizeof(error)), WTEL_TRUNK_ACTIVE);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, bad, 1);
	snprintf(expected, sizeof(expected), "%d/%d/0", calls, calls);
	cr_assert_str_eq(failover_statistics(&world, good), expected);
	world_close(&world);
}

Test(service_health, a_trial_call_that_is_answered_closes_it_before_it_ends, .timeout = 300)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE], error[256];
	int64_t bad;
	int i;

	failover_prepare(&world);
	bad = failover_trunk(&world, "Flapping", 1, BREAKER("flapping-503"));
	failover_trunk(&world, "Good", 2, NULL);
	world.sim_options.talk = 1000000;
	failover_start(&world);
	for (i = 0; i < 2; i++)
		failover_call(&world, call_id, "1001");
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:down Flapping"));
	change_endpoint(&world, bad, BREAKER("flapping"));
	world_run(&world, 1200);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:up Flapping"));
	/* Where the process stood still for a second, the end came in the same turn, but behind it. */
	cr_assert(wtel_service_call(world.service, call_id) ||
			  strstr(strstr(world.notices, "trunk:up Flapping"), "call:hangup"),
		  "the call is over");
	cr_assert_eq(status_of(&world, bad, error, sizeof(error)), WTEL_TRUNK_ACTIVE);
	WORLD_UNTIL(&world, !wtel_service_call(world.service, call_id));
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, bad, 1);
	world_close(&world);
}

Test(service_health, a_lost_registration_is_told_and_not_waited_for)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t good;

	world_prepare(&world);
	good = failover_trunk(&world, "Good", 20, NULL);
	failover_start(&world);
	cr_assert_null(strstr(world.notices, "trunk:down"));
	cr_assert_eq(wtel_sim_registry(world.sim, "carrier-a", "Rejected", wtel_time_now()), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:down Carrier A"));
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, good, 1);
	cr_assert_eq(wtel_sim_registry(world.sim, "carrier-a", "Registered", wtel_time_now()), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "trunk:up Carrier A"));
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, world.trunk, 1);
	world_close(&world);
}

/* A store of its own, as another process has it. */
static struct wtel_store *second_store(const char *url)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_store *store;

	options.url = url;
	cr_assert_eq(wtel_store_open(&store, &options, NULL, NULL), 0);
	return store;
}

static void set_status(struct wtel_store *store, int64_t id, enum wtel_trunk_status status)
{
	struct wtel_trunk_list *list;
	struct wtel_trunk trunk;
	int64_t saved;
	size_t i;

	cr_assert_eq(wtel_store_trunks(store, &list, 0), 0);
	for (i = 0; i < list->count; i++)
		if (list->trunks[i].id == id) {
			trunk = list->trunks[i];
			trunk.status = status;
			cr_assert_eq(wtel_store_trunk_save(store, &saved, &trunk), 0);
		}
	wtel_trunk_list_free(list);
}

Test(service_health, a_trunk_that_was_made_a_moment_ago_carries_the_next_call, .timeout = 300)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t first;

	failover_prepare(&world);
	failover_start(&world);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0);
	WORLD_UNTIL(&world, strstr(world.log, "No trunks available: none is configured"));
	first = failover_trunk(&world, "First", 1, NULL);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, first, 1);
	world_close(&world);
}

static bool is_down(const struct world *world)
{
	return failover_count(world->notices, "trunk:down First") > failover_count(world->notices, "trunk:up First");
}

/* Out of service and back, each within a second and what a busy machine needs; one that stands still may try again. */
static void is_seen_soon(struct world *world, struct wtel_store *other, int64_t id)
{
	int64_t down, up;
	int i = 0;

	do {
		down = wtel_time_now().mono;
		set_status(other, id, WTEL_TRUNK_MAINTENANCE);
		WORLD_UNTIL(world, is_down(world));
		up = wtel_time_now().mono;
		set_status(other, id, WTEL_TRUNK_ACTIVE);
		WORLD_UNTIL(world, !is_down(world));
		down = up - down;
		up = wtel_time_now().mono - up;
	} while ((down >= 2000000 || up >= 2000000) && ++i < 5);
	cr_assert(down < 2000000 && up < 2000000, "%d us, %d us", (int)down, (int)up);
}

Test(service_health, what_another_process_changes_is_seen_within_a_second_and_maintenance_drains, .timeout = 300)
{
	char path[] = "/tmp/wtel-test-db-XXXXXX", url[64], call_id[WTEL_CALL_ID_SIZE], other_id[WTEL_CALL_ID_SIZE];
	int fd = mkstemp(path);
	struct wtel_store *other;
	struct world world;
	int64_t first, second;

	cr_assert(fd >= 0);
	close(fd);
	snprintf(url, sizeof(url), "sqlite:%s", path);
	failover_prepare(&world);
	world.sim_options.talk = 4000000;
	wtel_store_close(world.store);
	world.store = second_store(url);
	cr_assert_eq(wtel_store_migrate(world.store, NULL, NULL), 0);
	first = failover_trunk(&world, "First", 1, NULL);
	second = failover_trunk(&world, "Second", 2, NULL);
	failover_start(&world);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:answered"));
	other = second_store(url);
	is_seen_soon(&world, other, first);
	set_status(other, first, WTEL_TRUNK_MAINTENANCE);
	WORLD_UNTIL(&world, is_down(&world));
	cr_assert(strstr(world.log, "trunk First is down: maintenance"), "%s", world.log);
	/* The call on it goes on, a new one goes elsewhere. */
	cr_assert_eq(world_originate(&world, other_id, "1002", "+15550001"), 0);
	WORLD_UNTIL(&world, failover_count(world.notices, "call:hangup ANSWERED") == 2);
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, first, 1);
	failover_expect(&world, other_id, WTEL_DISPOSITION_ANSWERED, second, 1);
	wtel_store_close(other);
	world_close(&world);
	unlink(path);
}

Test(service_health, a_full_trunk_is_told_once_and_the_sentence_names_it)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];

	failover_prepare(&world);
	world.sim_options.talk = 600000000;
	world.trunk = world_trunk(&world, "Narrow", false, 1);
	failover_start(&world);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0);
	WORLD_UNTIL(&world, world.done == 1);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	cr_assert_eq(active_calls(&world, world.trunk), 1);
	cr_assert_eq(world_originate(&world, NULL, "1002", "+15550001"), 0);
	cr_assert_eq(world_originate(&world, NULL, "1003", "+15550001"), 0);
	WORLD_UNTIL(&world, world.done == 3);
	cr_assert_eq(world.done_code, WTEL_ENOTRUNK);
	cr_assert_str_eq(world.done_text, "No trunks available: Narrow full (1 of 1 channels)");
	cr_assert_eq(failover_count(world.notices, "trunk:full Narrow"), 1, "%s", world.notices);
	cr_assert_eq(wtel_service_hangup(world.service, call_id, world_done, &world), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup") && world.done == 4);
	cr_assert_eq(world_rows(&world, false), 1);
	/* Found free, and full again. */
	cr_assert_eq(world_originate(&world, NULL, "1001", "+15550001"), 0);
	WORLD_UNTIL(&world, world.done == 5);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	cr_assert_eq(world_originate(&world, NULL, "1002", "+15550001"), 0);
	WORLD_UNTIL(&world, world.done == 6);
	cr_assert_eq(failover_count(world.notices, "trunk:full Narrow"), 2, "%s", world.notices);
	world_close(&world);
}

Test(service_health, a_call_that_came_in_is_no_fault_and_counts)
{
	struct wtel_trunk_health health;
	char call_id[WTEL_CALL_ID_SIZE];
	struct world world;

	failover_prepare(&world);
	world.sim_options.talk = 600000000;
	world.trunk = world_trunk(&world, "Narrow", false, 1);
	failover_start(&world);
	cr_assert_eq(wtel_sim_call_in(world.sim, "narrow", "+15550100", "5550199", wtel_time_now()), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:new"));
	world_run(&world, 20);
	cr_assert_eq(world_originate(&world, NULL, "1002", "+15550001"), 0);
	WORLD_UNTIL(&world, world.done == 1);
	cr_assert_eq(world.done_code, WTEL_ENOTRUNK, "%d %s", world.done_code, world.done_text);
	cr_assert_eq(sscanf(strstr(world.notices, "call:new"), "call:new %*s %63s", call_id), 1);
	cr_assert_eq(wtel_service_hangup(world.service, call_id, world_done, &world), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	cr_assert_eq(wtel_router_health(wtel_service_router(world.service), &health, world.trunk, wtel_time_now().wall),
		     0);
	cr_assert_eq(health.attempts, 0);
	world_close(&world);
}

Test(service_health, options_of_routing_are_checked)
{
	struct wtel_service *service = NULL;
	struct wtel_detail detail;
	struct world world;

	world_open(&world);
	cr_assert_null(wtel_service_router(world.service), "the trunks were not read yet");
	WORLD_UNTIL(&world, wtel_service_router(world.service));
	world.options.country = "999999";
	cr_assert_eq(wtel_service_new(&service, &world.options, NULL, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "country");
	world.options.country = NULL;
	world.options.max_attempts = 0;
	cr_assert_eq(wtel_service_new(&service, &world.options, NULL, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "max_attempts");
	world_close(&world);
}
