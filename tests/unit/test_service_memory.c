/* A whole call with its n-th allocation failing: the record is the same, nothing leaks, nothing is told twice. */
#include <criterion/logging.h>

#include "fault.h"
#include "service_world.h"

/* Whether the call's row has its end; false also where the database itself has no memory to tell. */
static bool has_ended(struct world *world, const char *call_id)
{
	struct wtel_call_list *list = NULL;
	bool ended = wtel_store_call(world->store, &list, call_id) == 0 && list->calls[0].end;

	if (ended)
		cr_assert_eq(list->calls[0].disposition, WTEL_DISPOSITION_ANSWERED, "disposition \"%s\"\n%s",
			     wtel_disposition_name(list->calls[0].disposition), world->log);
	wtel_call_list_free(list);
	return ended;
}

static void try_originate(struct world *world, char *call_id)
{
	int code, attempts = 0;

	do {
		code = world_originate(world, call_id, "1001", "5550001");
		cr_assert(code == 0 || code == WTEL_ENOMEM, "%d", code);
	} while (code && attempts++ < 3);
	cr_assert_eq(code, 0);
}

/* `of_store`: the store's memory fails, else the service's. */
static void short_call(struct wtel_allocator *allocator, bool of_store, size_t nth)
{
	struct fault *fault = allocator->user;
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	struct wtel_detail detail;
	int code, attempts = 0;

	world_prepare(&world);
	world.sim_options.agent_pickup = world.sim_options.ring = world.sim_options.talk = 1000;
	if (of_store) {
		wtel_store_close(world.store);
		options.url = "sqlite::memory:";
		options.max_delay = 0;
		cr_assert_eq(wtel_store_open(&world.store, &options, allocator, &detail), 0);
		cr_assert_eq(wtel_store_migrate(world.store, NULL, NULL), 0);
		world.trunk = world_trunk(&world, "Carrier A", true, 10);
	}
	world_sim_open(&world, 0);
	world.hosts[0].port = wtel_sim_server_port(world.server);
	world.options.store = world.store;
	fault->calls = 0;
	fault->fail = nth;
	do {
		code = wtel_service_new(&world.service, &world.options, of_store ? NULL : allocator, &detail);
	} while (code == WTEL_ENOMEM && attempts++ < 3);
	cr_assert_eq(code, 0, "%s", detail.text);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	try_originate(&world, call_id);
	WORLD_UNTIL(&world, world.done);
	cr_assert_eq(world.done_code, 0, "allocation %zu: %s", nth, world.done_text);
	WORLD_UNTIL(&world, world_stats(&world).tracker.ended == 1);
	WORLD_UNTIL(&world, has_ended(&world, call_id));
	cr_assert_eq(world.done, 1);
	fault->fail = 0;
	cr_assert_eq(world_rows(&world, false), 1, "allocation %zu", nth);
	world_close(&world);
	cr_assert_eq(fault->out, 0, "%zu blocks leaked with allocation %zu failing", fault->out, nth);
}

static void every_allocation(bool of_store)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	size_t nth = 1;

	do {
		short_call(&allocator, of_store, nth);
	} while (fault.calls >= nth++ && nth < 2000);
	cr_log_info("%zu allocations, each of them failed once", nth - 2);
	cr_assert(nth > 20, "only %zu allocations", nth);
}

Test(service_memory, every_allocation_of_the_service_fails_once, .timeout = 300)
{
	every_allocation(false);
}

Test(service_memory, every_allocation_of_the_store_fails_once, .timeout = 300)
{
	every_allocation(true);
}
