/* Failover where Asterisk's threads tell things in another order, late, or not at all. */
#include <criterion/logging.h>

#include "failover_world.h"
#include "fake_asterisk.h"

#define FAKE_UNTIL(world, fake, condition)                                                                             \
	do {                                                                                                           \
		int64_t until_ = wtel_time_now().mono + 60000000;                                                      \
		bool met_ = false;                                                                                     \
		while (!(met_ = (condition)) && wtel_time_now().mono < until_) {                                       \
			fake_turn(fake);                                                                               \
			(void)world_turn(world, 1);                                                                    \
		}                                                                                                      \
		cr_assert(met_, "%s\nlog:\n%s\nnotices:\n%s\n%s", #condition, (world)->log, (world)->notices,          \
			  (fake)->redirection);                                                                        \
	} while (0)

static void fake_run(struct world *world, struct fake *fake, int64_t milliseconds)
{
	int64_t left = milliseconds * 1000;

	while (left > 0) {
		int64_t before = wtel_time_now().mono;

		fake_turn(fake);
		(void)world_turn(world, 1);
		left -= world_passed(before, 1);
	}
}

struct scene {
	struct world world;
	struct fake fake;
	int64_t ids[3];
	char call_id[WTEL_CALL_ID_SIZE];
	int64_t clock;
	bool postgres; /* asked for; then: it is */
};

/* A channel's block; `leg` 0 is the agent's, 1 that of the first trunk. */
static void say_block(struct scene *scene, const char *prefix, int leg, int state)
{
	static const char *const names[] = {"PJSIP/1001-00000001", "PJSIP/one-00000002", "PJSIP/two-00000003"};
	static const char *const states[] = {"Down", "", "", "", "", "Ringing", "Up"};
	char id[WTEL_CALL_ID_SIZE];

	snprintf(id, sizeof(id), "1795379125.%d", leg);
	fake_say(&scene->fake,
		 "%sChannel: %s\r\n%sChannelState: %d\r\n%sChannelStateDesc: %s\r\n%sCallerIDNum: <unknown>\r\n"
		 "%sCallerIDName: <unknown>\r\n%sConnectedLineNum: <unknown>\r\n%sConnectedLineName: <unknown>\r\n"
		 "%sLanguage: en\r\n%sAccountCode: \r\n%sContext: %s\r\n%sExten: s\r\n%sPriority: 1\r\n"
		 "%sUniqueid: %s\r\n%sLinkedid: %s\r\n",
		 prefix, names[leg], prefix, state, prefix, states[state], prefix, prefix, prefix, prefix, prefix,
		 prefix, prefix, leg ? "welcomedly-inbound" : "welcomedly-outbound", prefix, prefix, prefix,
		 leg ? id : scene->call_id, prefix, scene->call_id);
}

static void say_head(struct scene *scene, const char *event, const char *class)
{
	scene->clock = wtel_time_now().wall;
	fake_say(&scene->fake, "Event: %s\r\nPrivilege: %s,all\r\nTimestamp: %lld.%06d\r\n", event, class,
		 (long long)(scene->clock / 1000000), (int)(scene->clock % 1000000));
}

static void say_channel(struct scene *scene, const char *event, int leg, int state, const char *more)
{
	say_head(scene, event, "call");
	say_block(scene, "", leg, state);
	fake_say(&scene->fake, "%s\r\n", more);
}

static void say_dial(struct scene *scene, const char *event, int leg, int state, const char *more)
{
	say_head(scene, event, "call");
	say_block(scene, "", 0, 6);
	say_block(scene, "Dest", leg, state);
	fake_say(&scene->fake, "%s\r\n", more);
}

static void say_fault(struct scene *scene, int64_t trunk_id, const char *status, int cause)
{
	say_head(scene, "UserEvent", "user");
	say_block(scene, "", 0, 6);
	fake_say(&scene->fake,
		 "UserEvent: WtelTrunkFault\r\nCallID: %s\r\nTrunk: %d\r\nDialStatus: %s\r\nCause: %d\r\n\r\n",
		 scene->call_id, (int)trunk_id, status, cause);
}

static void say_leg_hangup(struct scene *scene, int leg, int cause, int tech_cause)
{
	char more[128];

	snprintf(more, sizeof(more), "Cause: %d\r\nCause-txt: whatever\r\nTechCause: %d\r\n", cause, tech_cause);
	say_channel(scene, "Hangup", leg, 0, more);
}

/* Three trunks; the agent is there, and the first trunk dials. */
static void scene_open(struct scene *scene)
{
	struct world *world = &scene->world;

	fake_open(&scene->fake);
	failover_prepare(world);
	scene->postgres = scene->postgres && failover_postgres(world);
	world->hosts[0].port = scene->fake.port;
	world_sim_open(world, 0);
	scene->ids[0] = failover_trunk(world, "One", 1, NULL);
	scene->ids[1] = failover_trunk(world, "Two", 2, NULL);
	scene->ids[2] = failover_trunk(world, "Three", 3, NULL);
	world_start(world);
	FAKE_UNTIL(world, &scene->fake, world_stats(world).synchronised);
	cr_assert_eq(world_originate(world, scene->call_id, "1001", "+15550001"), 0);
	FAKE_UNTIL(world, &scene->fake, world->done);
	say_channel(scene, "Newchannel", 0, 0, "");
	say_channel(scene, "Newstate", 0, 6, "");
}

static void scene_dial(struct scene *scene, int leg)
{
	say_channel(scene, "Newchannel", leg, 0, "");
	say_dial(scene, "DialBegin", leg, 0, "DialString: x\r\n");
	fake_run(&scene->world, &scene->fake, 5);
}

static void scene_close(struct scene *scene)
{
	world_close(&scene->world);
	fake_close(&scene->fake);
}

static int64_t row_trunk(struct scene *scene)
{
	struct wtel_call_list *list = world_row(&scene->world, scene->call_id);
	int64_t trunk_id = list->calls[0].trunk_id;

	wtel_call_list_free(list);
	return trunk_id;
}

/* Another program may have the core for a while: then it is tried again. */
enum { ATTEMPTS = 40 };

static int64_t redirected_without_a_fault(void)
{
	struct scene scene = {.postgres = false};
	char first[64];
	int64_t said, took;

	scene_open(&scene);
	scene_dial(&scene, 1);
	said = wtel_time_now().mono;
	say_leg_hangup(&scene, 1, 34, 503);
	FAKE_UNTIL(&scene.world, &scene.fake, scene.fake.redirected_at);
	took = scene.fake.redirected_at - said;
	snprintf(first, sizeof(first), "Setvar __TRUNK_ID %d\n", (int)scene.ids[1]);
	cr_assert_eq(strncmp(scene.fake.redirection, first, strlen(first)), 0, "%s", scene.fake.redirection);
	cr_assert(strstr(scene.fake.redirection, "\nSetvar __WTEL_ENDPOINT two\n"
						 "Redirect welcomedly-outbound +15550001\n"),
		  "%s", scene.fake.redirection);
	cr_assert_eq(row_trunk(&scene), scene.ids[1]);
	scene_close(&scene);
	return took;
}

Test(service_order, a_dialplan_that_tells_nothing_is_waited_for_a_moment)
{
	int64_t took;
	int i = 0;

	do
		took = redirected_without_a_fault();
	while (took >= 100000 && ++i < ATTEMPTS);
	cr_assert(took < 100000, "%d us", (int)took);
	cr_log_info("redirected %d us after the leg's end, without a WtelTrunkFault", (int)took);
}

/* Setvar and Redirect go only once the dialplan has read its TRUNK_ID; the booking did not wait for that. */
static int64_t redirected_by_a_fault(void)
{
	struct scene scene = {.postgres = false};
	int64_t said, took;

	scene_open(&scene);
	scene_dial(&scene, 1);
	say_leg_hangup(&scene, 1, 34, 503);
	FAKE_UNTIL(&scene.world, &scene.fake, row_trunk(&scene) == scene.ids[1]);
	/* Where the core was away for long, the moment is over. */
	if (scene.fake.redirected_at) {
		scene_close(&scene);
		return INT64_MAX;
	}
	said = wtel_time_now().mono;
	say_fault(&scene, scene.ids[0], "CHANUNAVAIL", 34);
	FAKE_UNTIL(&scene.world, &scene.fake, scene.fake.redirected_at);
	took = scene.fake.redirected_at - said;
	/* Told once more, it is an old story. */
	say_fault(&scene, scene.ids[0], "CHANUNAVAIL", 34);
	fake_run(&scene.world, &scene.fake, 60);
	cr_assert_eq(failover_count(scene.fake.redirection, "Redirect"), 1, "%s", scene.fake.redirection);
	scene_close(&scene);
	return took;
}

Test(service_order, the_fault_that_is_told_after_the_legs_end_sends_the_agent_on)
{
	int64_t took;
	int i = 0;

	do
		took = redirected_by_a_fault();
	while (took >= 15000 && ++i < ATTEMPTS);
	cr_assert(took < 15000, "%lld us", (long long)took);
}

Test(service_order, the_fault_before_the_legs_end_waits_for_it)
{
	static const int codes[] = {503, 486};
	struct scene scene = {.postgres = false};
	size_t i;

	for (i = 0; i < 2; i++) {
		scene_open(&scene);
		scene_dial(&scene, 1);
		say_fault(&scene, scene.ids[0], "CHANUNAVAIL", 34);
		fake_run(&scene.world, &scene.fake, 40);
		cr_assert_eq(scene.fake.redirected_at, 0, "%s", scene.fake.redirection);
		say_leg_hangup(&scene, 1, 34, codes[i]);
		if (i == 0)
			FAKE_UNTIL(&scene.world, &scene.fake, scene.fake.redirected_at);
		fake_run(&scene.world, &scene.fake, 60);
		cr_assert_eq(failover_count(scene.fake.redirection, "Redirect"), i == 0, "%d", codes[i]);
		cr_assert_eq(row_trunk(&scene), scene.ids[i == 0], "%d", codes[i]);
		scene_close(&scene);
	}
}

Test(service_order, a_leg_that_ends_without_a_word_is_judged_by_the_dialplan)
{
	struct scene scene = {.postgres = false};

	scene_open(&scene);
	scene_dial(&scene, 1);
	say_leg_hangup(&scene, 1, 0, 0);
	fake_run(&scene.world, &scene.fake, 60);
	cr_assert_eq(scene.fake.redirected_at, 0);
	say_fault(&scene, scene.ids[0], "NOANSWER", 0);
	FAKE_UNTIL(&scene.world, &scene.fake, scene.fake.redirected_at);
	scene_close(&scene);
}

Test(service_order, the_second_trunk_that_makes_no_channel_and_the_third_that_rang)
{
	struct scene scene = {.postgres = false};

	scene_open(&scene);
	scene_dial(&scene, 1);
	say_leg_hangup(&scene, 1, 34, 503);
	say_fault(&scene, scene.ids[0], "CHANUNAVAIL", 34);
	FAKE_UNTIL(&scene.world, &scene.fake, failover_count(scene.fake.redirection, "Redirect") == 1);
	say_fault(&scene, scene.ids[1], "CHANUNAVAIL", 3);
	FAKE_UNTIL(&scene.world, &scene.fake, failover_count(scene.fake.redirection, "Redirect") == 2);
	cr_assert_eq(row_trunk(&scene), scene.ids[2]);
	cr_assert(strstr(scene.fake.redirection, "__WTEL_ENDPOINT three\n"), "%s", scene.fake.redirection);
	cr_assert_eq(world_stats(&scene.world).tracker.active, 1);
	scene_close(&scene);
}

Test(service_order, nothing_after_ringing_whatever_comes_then)
{
	struct scene scene = {.postgres = false};

	scene_open(&scene);
	scene_dial(&scene, 1);
	say_dial(&scene, "DialState", 1, 0, "DialStatus: PROGRESS\r\n");
	say_leg_hangup(&scene, 1, 34, 503);
	say_fault(&scene, scene.ids[0], "CHANUNAVAIL", 34);
	fake_run(&scene.world, &scene.fake, 80);
	cr_assert_eq(scene.fake.redirected_at, 0, "%s", scene.fake.redirection);
	cr_assert_eq(row_trunk(&scene), scene.ids[0]);
	scene_close(&scene);
}

static void on_both(void (*act)(struct scene *scene))
{
	struct scene scene;

	memset(&scene, 0, sizeof(scene));
	act(&scene);
	memset(&scene, 0, sizeof(scene));
	scene.postgres = true;
	if (getenv("WTEL_TEST_PG"))
		act(&scene);
}

static void refused(struct scene *scene)
{
	scene_open(scene);
	scene->fake.refuse_redirect = true;
	scene_dial(scene, 1);
	say_leg_hangup(scene, 1, 34, 503);
	say_fault(scene, scene->ids[0], "CHANUNAVAIL", 34);
	FAKE_UNTIL(&scene->world, &scene->fake, strstr(scene->world.log, "could not be sent on: Redirect failed"));
	fake_run(&scene->world, &scene->fake, 80);
	cr_assert_eq(failover_count(scene->fake.redirection, "Redirect"), 1, "%s", scene->fake.redirection);
	say_leg_hangup(scene, 0, 16, 0);
	FAKE_UNTIL(&scene->world, &scene->fake, strstr(scene->world.notices, "call:hangup FAILED"));
	fake_run(&scene->world, &scene->fake, 15);
	failover_expect(&scene->world, scene->call_id, WTEL_DISPOSITION_FAILED, scene->ids[0], 1);
	cr_assert_str_eq(failover_statistics(&scene->world, scene->ids[0]), "1/0/1");
	cr_assert_str_eq(failover_statistics(&scene->world, scene->ids[1]), "0/0/0");
	scene_close(scene);
}

Test(service_order, a_refused_redirection_is_not_repeated_and_the_row_goes_back)
{
	on_both(refused);
}

/* false: the core was away for so long that the moment in which the agent may go was over. */
static bool agent_goes_at_once(struct scene *scene)
{
	int64_t ended;

	scene_open(scene);
	scene_dial(scene, 1);
	ended = wtel_time_now().mono;
	say_leg_hangup(scene, 1, 34, 503);
	FAKE_UNTIL(&scene->world, &scene->fake, row_trunk(scene) == scene->ids[1]);
	say_leg_hangup(scene, 0, 16, 0);
	FAKE_UNTIL(&scene->world, &scene->fake, strstr(scene->world.notices, "call:hangup"));
	if (strstr(scene->world.log, "on to Two") && wtel_time_now().mono - ended > 20000)
		return false;
	fake_run(&scene->world, &scene->fake, 60);
	cr_assert_eq(scene->fake.redirected_at, 0);
	cr_assert_eq(row_trunk(scene), scene->ids[0]);
	cr_assert_str_eq(failover_statistics(&scene->world, scene->ids[0]), "1/0/1");
	cr_assert_str_eq(failover_statistics(&scene->world, scene->ids[1]), "0/0/0");
	return true;
}

static void attempt(struct scene *scene, bool (*act)(struct scene *scene))
{
	bool done, postgres = scene->postgres;
	int i;

	for (i = 0, done = false; !done && i < ATTEMPTS; i++) {
		memset(scene, 0, sizeof(*scene));
		scene->postgres = postgres;
		done = act(scene);
		scene_close(scene);
	}
	cr_assert(done);
}

static void agent_goes(struct scene *scene)
{
	attempt(scene, agent_goes_at_once);
}

Test(service_order, an_agent_who_goes_between_the_booking_and_the_redirection)
{
	on_both(agent_goes);
}

/* false: as above. */
static bool service_goes_at_once(struct scene *scene)
{
	scene_open(scene);
	scene_dial(scene, 1);
	say_leg_hangup(scene, 1, 34, 503);
	FAKE_UNTIL(&scene->world, &scene->fake, row_trunk(scene) == scene->ids[1]);
	if (strstr(scene->world.log, "on to Two"))
		return false;
	wtel_service_free(scene->world.service);
	scene->world.service = NULL;
	cr_assert_eq(row_trunk(scene), scene->ids[0]);
	cr_assert_str_eq(failover_statistics(&scene->world, scene->ids[0]), "0/0/0", "it has not ended");
	cr_assert_str_eq(failover_statistics(&scene->world, scene->ids[1]), "0/0/0");
	return true;
}

static void service_goes(struct scene *scene)
{
	attempt(scene, service_goes_at_once);
}

Test(service_order, a_service_that_goes_between_the_booking_and_the_redirection)
{
	on_both(service_goes);
}
