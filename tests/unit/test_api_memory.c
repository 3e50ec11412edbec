/* Requests without memory, and services that go while requests are under way. */
#include "api_world.h"

#include "fault.h"
#include "service/service.h"

static const struct {
	const char *line;
	const char *body;
} asked[] = {
	{"GET status", NULL},
	{"GET calls/active", NULL},
	{"GET calls/history?limit=5", NULL},
	{"GET calls/stats", NULL},
	{"GET calls/own", NULL},
	{"GET sip/peers", NULL},
	{"POST sip/5/disable", NULL},
	{"GET trunks", NULL},
	{"PATCH trunks/1", "{\"priority\": 4, \"advancedSettings\": {\"weight\": 2}}"},
	{"GET trunks/explain?to=+34600123456", NULL},
	{"PUT campaigns/3", "{\"general\": true}"},
	{"PUT campaigns/3/trunks/1", "{\"priority\": 2}"},
	{"POST call/hangup", "{\"channel\": \"PJSIP/none-1\"}"},
};

static void open_world(struct world *world, struct wtel_allocator *allocator, bool of_store)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail;

	world_prepare(world);
	if (of_store) {
		wtel_store_close(world->store);
		options.url = "sqlite::memory:";
		options.max_delay = 0;
		cr_assert_eq(wtel_store_open(&world->store, &options, allocator, &detail), 0);
		cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0);
		world->trunk = world_trunk(world, "Carrier A", true, 10);
	} else {
		world->allocator = allocator;
	}
	world_start(world);
	WORLD_UNTIL(world, world_stats(world).synchronised);
	api_account(world, 5, "John", "Doe");
	api_past_call(world, "own", 5, WTEL_DISPOSITION_BUSY, INT64_C(1761951600000000));
	world_run(world, 20);
}

/* Each request, with one allocation failing after another until none has to: it is answered, well or with 503. */
static void run_out(bool of_store)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct world world;
	size_t i, nth;

	open_world(&world, &allocator, of_store);
	for (i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		for (nth = 1;; nth++) {
			struct reply reply;
			int code;

			fault.calls = 0;
			fault.fail = nth;
			code = api_send(&world, &reply, admin, asked[i].line, asked[i].body);
			cr_assert(code == 0 || code == WTEL_ENOMEM);
			if (!code)
				WORLD_UNTIL(&world, reply.count);
			json_decref(reply.json);
			fault.fail = 0;
			if (fault.calls < nth)
				break;
			if (!code)
				cr_assert(reply.status < 300 || reply.status == 503 || reply.status == 404, "%s: %d",
					  asked[i].line, reply.status);
			cr_assert_lt(nth, 3000);
		}
	world_close(&world);
	cr_assert_eq(fault.out, 0, "%zu blocks leaked", fault.out);
}

Test(api, every_request_is_answered_without_memory_of_the_service)
{
	run_out(false);
}

Test(api, every_request_is_answered_without_memory_of_the_store)
{
	run_out(true);
}

Test(api, requests_under_way_are_answered_when_the_service_goes)
{
	struct reply replies[sizeof(asked) / sizeof(*asked)], call;
	struct world world;
	int turns;
	size_t i;

	for (turns = 0; turns < 4; turns++) {
		struct fault fault = {0, 0, 0, 0};
		struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};

		open_world(&world, &allocator, false);
		for (i = 0; i < sizeof(asked) / sizeof(*asked); i++)
			cr_assert_eq(api_send(&world, &replies[i], admin, asked[i].line, asked[i].body), 0);
		cr_assert_eq(api_send(&world, &call, admin, "POST call/originate",
				      "{\"agentExtension\": \"1001\", \"customerPhone\": \"+1234567890\"}"),
			     0);
		for (i = 0; i < (size_t)turns; i++)
			(void)wtel_service_dispatch(world.service);
		wtel_observer_free(world.observer);
		wtel_service_free(world.service);
		for (i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
			cr_assert_eq(replies[i].count, 1, "%s", asked[i].line);
			cr_assert(turns || replies[i].status == 503, "%s: %d", asked[i].line, replies[i].status);
			json_decref(replies[i].json);
		}
		cr_assert_eq(call.count, 1);
		json_decref(call.json);
		world_sim_close(&world);
		wtel_store_close(world.store);
		cr_assert_eq(fault.out, 0, "%zu blocks leaked", fault.out);
	}
}

struct chain {
	struct world *world;
	struct reply reply;
	unsigned count;
	bool frees;
};

static void chained(int status, struct wtel_slice json, void *user)
{
	struct chain *chain = user;
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;

	(void)json;
	cr_assert_eq(status, chain->frees && chain->count >= 2 ? 503 : 200);
	cr_assert_eq(wtel_service_dispatch(chain->world->service), WTEL_EBUSY);
	if (++chain->count == 2 && chain->frees)
		wtel_service_free(chain->world->service);
	if (chain->count >= 5)
		return;
	request.path = "/api/telephony/status";
	if (chain->frees && chain->count >= 2)
		cr_assert_eq(wtel_api_call(chain->world->service, &request, chained, chain), WTEL_ECLOSED);
	else
		cr_assert_eq(wtel_api_call(chain->world->service, &request, chained, chain), 0);
}

Test(api, may_be_asked_and_the_service_freed_from_its_answer)
{
	struct wtel_api_request request = WTEL_API_REQUEST_INIT;
	struct chain chain = {0};
	struct world world;

	chain.world = &world;
	world_open(&world);
	request.path = "/api/telephony/status";
	cr_assert_eq(wtel_api_call(world.service, &request, chained, &chain), 0);
	WORLD_UNTIL(&world, chain.count == 5);
	chain.count = 0;
	chain.frees = true;
	wtel_observer_free(world.observer);
	world.observer = NULL;
	cr_assert_eq(wtel_api_call(world.service, &request, chained, &chain), 0);
	while (chain.count < 2)
		(void)world_turn(&world, 20);
	world.service = NULL;
	world_close(&world);
}

struct late {
	struct service_job job; /* first */
	unsigned begun;
	unsigned finished;
	int code;
};

static void late_begin(struct service_job *job)
{
	((struct late *)job)->begun++;
}

static void late_finish(struct service_job *job, int code)
{
	((struct late *)job)->finished++;
	((struct late *)job)->code = code;
}

/* Half a minute is made to pass for one of two. */
Test(api, what_is_never_answered_ends_in_time)
{
	struct late late[2];
	struct world world;
	size_t i;

	world_open(&world);
	memset(late, 0, sizeof(late));
	for (i = 0; i < 2; i++) {
		late[i].job.begin = late_begin;
		late[i].job.finish = late_finish;
		job_add(world.service, &late[i].job);
	}
	WORLD_UNTIL(&world, late[1].begun);
	world_run(&world, 30);
	cr_assert_eq(late[0].finished, 0);
	cr_assert_gt(late[0].job.deadline, wtel_time_now().mono + 25000000);
	cr_assert_leq(job_deadline(world.service), late[0].job.deadline);
	late[1].job.deadline = world.service->jobs_deadline = wtel_time_now().mono;
	loop_arm(&world.service->loop, 0);
	WORLD_UNTIL(&world, late[1].finished);
	cr_assert_eq(late[1].code, WTEL_ETIMEOUT);
	cr_assert_eq(late[0].finished, 0);
	cr_assert_eq(job_deadline(world.service), late[0].job.deadline);
	world_close(&world);
	cr_assert_eq(late[0].finished, 1);
	cr_assert_eq(late[0].code, WTEL_ECLOSED);
	cr_assert_eq(late[0].begun, 1);
}
