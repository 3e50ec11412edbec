/* A trunk's fault goes on to the next one, the callee's answer does not; rows and statistics stay true. */
#include <criterion/logging.h>
#include <stdlib.h>

#include "failover_world.h"

/* What the service says of the time from the fault to the Redirect; -1: it did not. */
static long told_time(const struct world *world)
{
	const char *at = strstr(world->log, " after ");

	return at ? strtol(at + 7, NULL, 10) : -1;
}

static void two_trunks(struct world *world, const char *name, int64_t ids[2])
{
	failover_prepare(world);
	ids[0] = failover_trunk(world, name, 1, NULL);
	ids[1] = failover_trunk(world, "Good", 2, NULL);
	failover_start(world);
}

static const char *const faults[] = {"Carrier 503",  "Carrier 403",    "Carrier 408",	      "Carrier 500",
				     "Carrier down", "Carrier absent", "Carrier unreachable", "Carrier silent"};
static const char *const verdicts[] = {"Carrier 486", "Carrier 603",	  "Carrier 404",
				       "Carrier 480", "Carrier ring 503", "Carrier ring 408"};

/* A machine that stands still may try again. */
enum { MOST_TIME = 100000, ATTEMPTS = 5 };

static long fail_over(const char *fault)
{
	bool legless = strstr(fault, "absent") || strstr(fault, "unreach");
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[2];
	long time;

	two_trunks(&world, fault, ids);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, ids[1], legless ? 1 : 2);
	cr_assert(strstr(world.notices, "call:failover"), "%s: %s", fault, world.notices);
	cr_assert_str_eq(failover_statistics(&world, ids[0]), "1/0/1", "%s", fault);
	cr_assert_str_eq(failover_statistics(&world, ids[1]), "1/1/0", "%s", fault);
	cr_assert_eq(world_stats(&world).tracker.ended, 1);
	time = told_time(&world);
	cr_assert(time >= 0, "%s", world.log);
	world_close(&world);
	return time;
}

Test(service_failover, every_kind_of_fault_goes_on_to_the_second_trunk, .timeout = 300)
{
	long time, worst = 0;
	size_t i;
	int k;

	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		time = fail_over(faults[i]);
		for (k = 1; k < ATTEMPTS && time >= MOST_TIME; k++)
			time = fail_over(faults[i]);
		cr_assert_lt(time, MOST_TIME, "%s: %ld us", faults[i], time);
		worst = time > worst ? time : worst;
	}
	cr_log_info("%zu kinds of fault: from its event to the Redirect %ld us at worst", i, worst);
}

Test(service_failover, the_callees_answer_is_final, .timeout = 300)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[2];
	size_t i;

	for (i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		struct wtel_call_list *list;

		two_trunks(&world, verdicts[i], ids);
		failover_call(&world, call_id, "1001");
		list = world_row(&world, call_id);
		cr_assert_neq(list->calls[0].disposition, WTEL_DISPOSITION_ANSWERED, "%s", verdicts[i]);
		cr_assert_eq(list->calls[0].trunk_id, ids[0]);
		cr_assert_eq(list->calls[0].leg_count, 2, "%s", verdicts[i]);
		wtel_call_list_free(list);
		cr_assert_null(strstr(world.notices, "call:failover"), "%s", verdicts[i]);
		cr_assert_str_eq(failover_statistics(&world, ids[0]), "1/0/1", "%s", verdicts[i]);
		cr_assert_str_eq(failover_statistics(&world, ids[1]), "0/0/0", "%s", verdicts[i]);
		world_close(&world);
	}
}

Test(service_failover, a_trunk_may_count_codes_otherwise)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[2];

	failover_prepare(&world);
	ids[0] = failover_trunk(&world, "Carrier 404", 1, "{\"failover\": {\"next\": [404]}}");
	ids[1] = failover_trunk(&world, "Good", 2, NULL);
	failover_start(&world);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, ids[1], 2);
	world_close(&world);

	failover_prepare(&world);
	ids[0] = failover_trunk(&world, "Carrier 503", 1, "{\"failover\": {\"stop\": [503]}}");
	ids[1] = failover_trunk(&world, "Good", 2, NULL);
	failover_start(&world);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_FAILED, ids[0], 1);
	world_close(&world);
}

Test(service_failover, two_faults_in_a_row_and_a_limit)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[4];
	size_t most;

	for (most = 4; most >= 2; most -= 2) {
		failover_prepare(&world);
		world.options.max_attempts = most;
		ids[0] = failover_trunk(&world, "One 503", 1, NULL);
		ids[1] = failover_trunk(&world, "Two absent", 2, NULL);
		ids[2] = failover_trunk(&world, "Three 403", 3, NULL);
		ids[3] = failover_trunk(&world, "Four", 4, NULL);
		failover_start(&world);
		failover_call(&world, call_id, "1001");
		if (most == 4)
			failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, ids[3], 3);
		else
			failover_expect(&world, call_id, WTEL_DISPOSITION_FAILED, ids[1], 1);
		cr_assert_str_eq(failover_statistics(&world, ids[0]), "1/0/1");
		cr_assert_str_eq(failover_statistics(&world, ids[1]), "1/0/1");
		cr_assert_str_eq(failover_statistics(&world, ids[2]), most == 4 ? "1/0/1" : "0/0/0");
		cr_assert_str_eq(failover_statistics(&world, ids[3]), most == 4 ? "1/1/0" : "0/0/0");
		cr_assert_eq(failover_count(world.notices, "call:failover"), most - 1);
		world_close(&world);
	}
}

Test(service_failover, no_other_trunk_and_one_attempt_only)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[2];

	failover_prepare(&world);
	ids[0] = failover_trunk(&world, "Carrier 503", 1, NULL);
	failover_start(&world);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_FAILED, ids[0], 1);
	cr_assert(strstr(world.log, "no other trunk may have it"), "%s", world.log);
	world_close(&world);

	two_trunks(&world, "Carrier 503", ids);
	wtel_service_free(world.service);
	world.options.max_attempts = 1;
	wtel_observer_free(world.observer);
	failover_start(&world);
	failover_call(&world, call_id, "1001");
	failover_expect(&world, call_id, WTEL_DISPOSITION_FAILED, ids[0], 1);
	cr_assert_str_eq(failover_statistics(&world, ids[0]), "1/0/1");
	world_close(&world);
}

Test(service_failover, nothing_for_an_agent_who_went_or_a_call_that_was_hung_up)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[2];

	/* He leaves while the silent trunk is waited for. */
	failover_prepare(&world);
	world.sim_options.talk = 300000;
	ids[0] = failover_trunk(&world, "Carrier silent", 1, NULL);
	ids[1] = failover_trunk(&world, "Good", 2, NULL);
	failover_start(&world);
	failover_call(&world, call_id, "1097");
	failover_expect(&world, call_id, WTEL_DISPOSITION_CANCELLED, ids[0], 1);
	cr_assert_str_eq(failover_statistics(&world, ids[1]), "0/0/0");
	cr_assert_null(strstr(world.notices, "call:failover"));
	world_close(&world);

	two_trunks(&world, "Carrier silent", ids);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:state dialing"));
	cr_assert_eq(wtel_service_hangup(world.service, call_id, world_done, &world), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup CANCELLED"));
	cr_assert_null(strstr(world.notices, "call:failover"));
	failover_expect(&world, call_id, WTEL_DISPOSITION_CANCELLED, ids[0], 1);
	world_close(&world);
}

/* Somebody else ends that channel, before the simulator reads what the service wrote. */
static void kill_channel(struct world *world, const char *channel)
{
	struct wtel_sim_client *client;
	struct wtel_time now = wtel_time_now();
	char text[512];

	snprintf(text, sizeof(text),
		 "Action: Login\r\nUsername: wtel\r\nSecret: %s\r\n\r\nAction: Hangup\r\nChannel: %s\r\n\r\n",
		 WORLD_SECRET, channel);
	cr_assert_eq(wtel_sim_connect(world->sim, &client, now), 0);
	cr_assert_eq(wtel_sim_feed(world->sim, client, text, strlen(text), now), 0);
	wtel_sim_disconnect(world->sim, client);
}

Test(service_failover, a_refused_redirection_leaves_no_trace_of_the_second_trunk)
{
	const struct wtel_call *call;
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE], channel[128] = "";
	int64_t ids[2];

	two_trunks(&world, "Carrier 503", ids);
	cr_assert_eq(world_originate(&world, call_id, "1001", "+15550001"), 0);
	while (!strstr(world.log, "on to Good")) {
		(void)world_turn(&world, 5);
		call = wtel_service_call(world.service, call_id);
		if (call && call->leg_count)
			snprintf(channel, sizeof(channel), "%s", call->channel);
	}
	cr_assert(channel[0]);
	kill_channel(&world, channel);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	world_run(&world, 20);
	failover_expect(&world, call_id, WTEL_DISPOSITION_FAILED, ids[0], 1);
	cr_assert_str_eq(failover_statistics(&world, ids[0]), "1/0/1");
	cr_assert_str_eq(failover_statistics(&world, ids[1]), "0/0/0");
	world_close(&world);
}

/* Gives back the time from the fault to the second leg. */
static int64_t number_by_trunk(void)
{
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t ids[2], time;

	failover_prepare(&world);
	ids[0] =
		failover_trunk(&world, "Carrier 503", 1,
			       "{\"callerId\": \"+34910000000\", \"prefixes\": [{\"prefix\": \"+34\", \"strip\": 3}]}");
	ids[1] = failover_trunk(&world, "Good", 2,
				"{\"prefixes\": [{\"prefix\": \"+\", \"strip\": 1, \"prepend\": \"00\"}]}");
	world.options.country = "34";
	failover_start(&world);
	cr_assert_eq(world_originate(&world, call_id, "1001", "600123401"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, ids[1], 2);
	list = world_row(&world, call_id);
	cr_assert_str_eq(list->calls[0].callee_number, "+34600123401");
	cr_assert_str_eq(list->calls[0].legs[1].number, "600123401");
	cr_assert_str_eq(list->calls[0].legs[2].number, "0034600123401");
	cr_assert(strchr(list->calls[0].route, '\n'), "a line for each booking: %s", list->calls[0].route);
	time = list->calls[0].legs[2].start - list->calls[0].legs[1].end;
	wtel_call_list_free(list);
	world_close(&world);
	return time;
}

Test(service_failover, each_trunk_has_its_own_number_and_caller_id)
{
	int64_t time = number_by_trunk();
	int i;

	for (i = 1; i < ATTEMPTS && time >= MOST_TIME; i++)
		time = number_by_trunk();
	cr_assert_lt(time, MOST_TIME, "second leg %lld us after the fault", (long long)time);
	cr_log_info("second leg %d us after the fault", (int)time);
}

/* What a network and a server add to the booking. */
Test(service_failover, on_postgresql, .timeout = 300)
{
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t bad, good;
	long time, sum = 0, worst = 0;
	int late = 0, i;

	failover_prepare(&world);
	if (!failover_postgres(&world)) {
		world_start(&world);
		world_close(&world);
		cr_skip_test("WTEL_TEST_PG is not set");
	}
	bad = failover_trunk(&world, "Carrier 503", 1, "{\"breaker\": {\"faults\": 0}}");
	good = failover_trunk(&world, "Good", 2, NULL);
	failover_start(&world);
	for (i = 0; i < 50; i++) {
		world.log[0] = world.notices[0] = '\0';
		failover_call(&world, call_id, "1001");
		time = told_time(&world);
		cr_assert(time >= 0, "%s", world.log);
		late += time >= MOST_TIME;
		sum += time;
		worst = time > worst ? time : worst;
	}
	failover_expect(&world, call_id, WTEL_DISPOSITION_ANSWERED, good, 2);
	cr_assert_str_eq(failover_statistics(&world, bad), "50/0/50");
	cr_assert_str_eq(failover_statistics(&world, good), "50/50/0");
	/* Now and then a disk is busy, or a machine stands still. */
	cr_assert_lt(late, i / 2, "%d of %d came late", late, i);
	cr_log_info("from the fault's event to the Redirect: %ld us on average, %ld us at worst", sum / i, worst);
	world_close(&world);
}
