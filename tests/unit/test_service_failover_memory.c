/* A whole failover with its n-th allocation failing, and the service gone in the middle of one. */
#include <criterion/logging.h>

#include "failover_world.h"
#include "fault.h"

struct scene {
	struct world world;
	int64_t ids[2];
	char call_id[WTEL_CALL_ID_SIZE];
};

/* From the first channel of the customer on, allocation `nth` of the service fails. */
struct aim {
	struct fault *fault;
	size_t nth;
	bool armed;
};

static void on_event(const struct wtel_ami_event *event, int64_t wall, void *user)
{
	struct aim *aim = user;

	(void)wall;
	if (aim->armed || event->type != WTEL_AMI_DIAL_BEGIN)
		return;
	aim->armed = true;
	aim->fault->calls = 0;
	aim->fault->fail = aim->nth;
}

static void scene_open(struct scene *scene, const char *name, struct wtel_allocator *allocator, struct aim *aim)
{
	failover_prepare(&scene->world);
	scene->world.sim_options.agent_pickup = scene->world.sim_options.talk = 1000;
	scene->ids[0] = failover_trunk(&scene->world, name, 1, NULL);
	scene->ids[1] = failover_trunk(&scene->world, "Good", 2, NULL);
	scene->world.allocator = allocator;
	failover_start(&scene->world);
	aim->armed = false;
	wtel_service_on_event(scene->world.service, on_event, aim);
	cr_assert_eq(world_originate(&scene->world, scene->call_id, "1001", "+15550001"), 0);
}

Test(service_failover_memory, every_allocation_fails_once, .timeout = 300)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct aim aim = {&fault, 0, false};
	struct scene scene;

	do {
		aim.nth++;
		scene_open(&scene, "Carrier 503", &allocator, &aim);
		WORLD_UNTIL(&scene.world, world_stats(&scene.world).tracker.ended == 1);
		world_run(&scene.world, 5);
		fault.fail = 0;
		failover_expect(&scene.world, scene.call_id, WTEL_DISPOSITION_ANSWERED, scene.ids[1], 2);
		cr_assert_str_eq(failover_statistics(&scene.world, scene.ids[0]), "1/0/1", "%zu", aim.nth);
		cr_assert_str_eq(failover_statistics(&scene.world, scene.ids[1]), "1/1/0", "%zu", aim.nth);
		world_close(&scene.world);
		cr_assert_eq(fault.out, 0, "%zu blocks leaked with allocation %zu failing", fault.out, aim.nth);
	} while (fault.calls >= aim.nth && aim.nth < 2000);
	cr_log_info("%zu allocations, each of them failed once", aim.nth - 1);
	cr_assert(aim.nth > 20, "only %zu allocations", aim.nth);
}

/* Dispatches until memory lacked, or until the agent was sent on. */
static bool until_short_of_memory(struct scene *scene)
{
	int code = 0;

	while (code != WTEL_ENOMEM && !strstr(scene->world.log, "on to Good"))
		code = world_turn(&scene->world, 5);
	return code == WTEL_ENOMEM;
}

/*
 * The process goes between the fault and the redirection, wherever lack of memory made it stop: the call's row is
 * on the trunk that was dialled, and nothing is counted for the other.
 */
Test(service_failover_memory, the_service_goes_in_the_middle, .timeout = 300)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct aim aim = {&fault, 0, false};
	struct wtel_call_list *list;
	struct scene scene;
	size_t stopped = 0;
	bool enough, all;

	do {
		aim.nth++;
		scene_open(&scene, "Carrier 503", &allocator, &aim);
		enough = !until_short_of_memory(&scene);
		stopped += !enough;
		all = fault.calls < aim.nth;
		fault.fail = 0;
		wtel_service_free(scene.world.service);
		scene.world.service = NULL;
		list = world_row(&scene.world, scene.call_id);
		if (!strstr(scene.world.log, "on to Good")) {
			cr_assert_eq(list->calls[0].trunk_id, scene.ids[0], "%zu: trunk %d", aim.nth,
				     (int)list->calls[0].trunk_id);
			cr_assert_str_eq(failover_statistics(&scene.world, scene.ids[0]), "0/0/0", "%zu", aim.nth);
		}
		wtel_call_list_free(list);
		cr_assert_str_eq(failover_statistics(&scene.world, scene.ids[1]), "0/0/0", "%zu", aim.nth);
		world_close(&scene.world);
		cr_assert_eq(fault.out, 0, "%zu blocks leaked with allocation %zu failing", fault.out, aim.nth);
	} while (!all && aim.nth < 2000);
	cr_log_info("stopped at %zu places", stopped);
	cr_assert(stopped > 5, "only at %zu places", stopped);
}
