/* A breaker under scripted trunks, on a clock that the script moves. What the store does is in take(). */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <wtel/route.h>

#define SECOND INT64_C(1000000)

enum { FLAKY = 1, SPARE = 2, TRIAL_SECONDS = 120, STEPS = 64 };

/* A trunk that is good or not as the time of the script says; a second one that always is. */
struct world {
	struct wtel_router *router;
	bool (*good)(int64_t second);
	struct wtel_breaker stored;
	struct {
		int64_t second;
		enum wtel_breaker_state state;
		int openings;
	} steps[STEPS];
	size_t step_count;
	int writes;  /* of the breaker's row */
	int offered; /* calls that came */
	int cost;    /* calls that the flaky trunk was given in vain */
	int carried; /* by either */
};

static void world_begin(struct world *world, bool (*good)(int64_t second), const char *settings)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_trunk trunks[2] = {WTEL_TRUNK_INIT, WTEL_TRUNK_INIT};

	*world = (struct world){.good = good};
	options.seed = 1;
	trunks[0].id = FLAKY;
	trunks[0].name = "flaky";
	trunks[0].priority = 1;
	trunks[0].registered = true;
	trunks[0].advanced_settings = settings;
	trunks[1].id = SPARE;
	trunks[1].name = "spare";
	trunks[1].priority = 2;
	trunks[1].registered = true;
	cr_assert_eq(wtel_router_new(&world->router, &options, NULL), 0);
	cr_assert_eq(wtel_router_set_trunks(world->router, trunks, 2), 0);
}

static void store(struct world *world, const struct wtel_breaker *breaker, int64_t second)
{
	if (breaker->state != world->stored.state || breaker->openings != world->stored.openings) {
		cr_assert_lt(world->step_count, (size_t)STEPS);
		world->steps[world->step_count].second = second;
		world->steps[world->step_count].state = breaker->state;
		world->steps[world->step_count++].openings = breaker->openings;
	}
	world->writes++;
	world->stored = *breaker;
	world->stored.version++;
	wtel_router_set_breaker(world->router, FLAKY, &world->stored);
}

/* Booking lets one trial call through: no other before its time is up. */
static void take(struct world *world, const struct wtel_route *route, int64_t wall)
{
	if (!route->trial)
		return;
	cr_assert_eq(world->stored.state, WTEL_BREAKER_OPEN);
	world->stored.trial_until = wall + TRIAL_SECONDS * SECOND;
	world->stored.version++;
	wtel_router_set_breaker(world->router, FLAKY, &world->stored);
}

static void end(struct world *world, enum wtel_outcome outcome, int64_t second)
{
	struct wtel_breaker breaker;
	int changed = wtel_router_outcome(world->router, &breaker, FLAKY, outcome, 0, SECOND, second * SECOND);

	cr_assert_geq(changed, 0);
	if (changed)
		store(world, &breaker, second);
}

/* A call is offered each second and ends at once. */
static void run(struct world *world, int64_t from, int64_t to)
{
	struct wtel_route routes[2];
	size_t count;
	int64_t second;

	for (second = from; second < to; second++) {
		world->offered++;
		cr_assert_eq(wtel_router_rank(world->router, routes, &count, 2, NULL, second * SECOND), 0);
		cr_assert_eq(routes[count - 1].trunk_id, SPARE);
		if (routes[0].trunk_id != FLAKY) {
			world->carried++;
			continue;
		}
		take(world, &routes[0], second * SECOND);
		if (world->good(second)) {
			end(world, WTEL_OUTCOME_ANSWERED, second);
		} else {
			world->cost++;
			end(world, WTEL_OUTCOME_FAULT, second);
		}
		world->carried++; /* after a fault, by the spare one */
	}
}

static void is_step(const struct world *world, size_t index, int64_t second, enum wtel_breaker_state state,
		    int openings)
{
	cr_assert_lt(index, world->step_count);
	cr_expect(world->steps[index].second == second && world->steps[index].state == state &&
			  world->steps[index].openings == openings,
		  "step %zu: at %lld s %s, %d openings", index, (long long)world->steps[index].second,
		  wtel_breaker_state_name(world->steps[index].state), world->steps[index].openings);
}

static bool always(int64_t second)
{
	(void)second;
	return true;
}

static bool never(int64_t second)
{
	(void)second;
	return false;
}

Test(trunk_breaker, a_good_trunk_costs_nothing_and_writes_nothing)
{
	struct world world;

	world_begin(&world, always, "");
	run(&world, 1000, 1000 + 3600);
	cr_assert_eq(world.cost, 0);
	cr_assert_eq(world.writes, 0);
	cr_assert_eq(world.step_count, 0);
	wtel_router_free(world.router);
}

/* Five calls open it; then one each pause: 30, 60, 120, 240, 480, 600, 600... seconds. */
Test(trunk_breaker, a_dead_trunk_costs_fourteen_calls_an_hour)
{
	static const int64_t trials[] = {34, 94, 214, 454, 934, 1534, 2134, 2734, 3334};
	struct world world;
	size_t i;

	world_begin(&world, never, "");
	run(&world, 1000, 1000 + 3600);
	printf("# dead trunk: %d of %d calls in an hour went to it in vain, %d were carried\n", world.cost,
	       world.offered, world.carried);
	is_step(&world, 0, 1004, WTEL_BREAKER_OPEN, 1);
	for (i = 0; i < 9; i++)
		is_step(&world, i + 1, 1000 + trials[i], WTEL_BREAKER_OPEN, (int)i + 2);
	cr_assert_eq(world.step_count, 10);
	cr_assert_eq(world.cost, 14);
	cr_assert_eq(world.carried, 3600);
	cr_assert_eq(world.stored.faults, 14);
	wtel_router_free(world.router);
}

/* Dead in the first 100 of each 300 seconds. */
static bool flapping(int64_t second)
{
	return (second - 3000) % 300 >= 100;
}

Test(trunk_breaker, a_flapping_trunk_opens_and_closes)
{
	struct world world;
	int64_t cycle;
	size_t i;

	world_begin(&world, flapping, "{\"breaker\": {\"faults\": 5}}");
	run(&world, 3000, 3000 + 900);
	printf("# flapping trunk: %d of %d calls went to it in vain\n", world.cost, world.offered);
	for (i = 0, cycle = 3000; cycle < 3900; cycle += 300) {
		is_step(&world, i++, cycle + 4, WTEL_BREAKER_OPEN, 1);
		is_step(&world, i++, cycle + 34, WTEL_BREAKER_OPEN, 2);
		is_step(&world, i++, cycle + 94, WTEL_BREAKER_OPEN, 3);
		is_step(&world, i++, cycle + 214, WTEL_BREAKER_CLOSED, 0);
	}
	cr_assert_eq(world.step_count, i);
	cr_assert_eq(world.cost, 3 * 7);
	wtel_router_free(world.router);
}

Test(trunk_breaker, faults_in_a_row_only)
{
	struct wtel_breaker_settings settings = WTEL_BREAKER_SETTINGS_INIT;
	struct wtel_breaker breaker = {0};
	int i;

	for (i = 0; i < 100; i++) {
		cr_assert(wtel_breaker_step(&breaker, &settings, i % 5 == 4 ? WTEL_OUTCOME_CALLEE : WTEL_OUTCOME_FAULT,
					    0, 0, i * SECOND));
		cr_assert_eq(breaker.faults, (i + 1) % 5);
		cr_assert_eq(breaker.state, WTEL_BREAKER_CLOSED);
	}
	cr_assert_not(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_ANSWERED, 0, 0, 0), "nothing to store");
	settings.faults = 0;
	for (i = 0; i < 100; i++)
		(void)wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_FAULT, 0, 100, i);
	cr_assert_eq(breaker.state, WTEL_BREAKER_CLOSED, "0 faults: never");
}

Test(trunk_breaker, calls_begun_before_it_opened_say_nothing)
{
	struct wtel_breaker_settings settings = WTEL_BREAKER_SETTINGS_INIT;
	struct wtel_breaker breaker = {.version = 7, .state = WTEL_BREAKER_OPEN, .faults = 5, .openings = 2};
	struct wtel_breaker before;

	breaker.retry_at = 100 * SECOND;
	before = breaker;
	cr_assert_not(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_FAULT, 0, 0, 50 * SECOND));
	cr_assert_not(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_ANSWERED, 0, 0, 101 * SECOND));
	cr_assert_eq(memcmp(&breaker, &before, sizeof(before)), 0);
	/* The trial call's end counts, even an hour after it was let through. */
	breaker.trial_until = 221 * SECOND;
	cr_assert(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_ANSWERED, 0, 0, 3700 * SECOND));
	cr_assert_eq(breaker.state, WTEL_BREAKER_CLOSED);
	cr_assert_eq(breaker.faults + breaker.openings, 0);
	cr_assert_eq(breaker.retry_at + breaker.trial_until, 0);
	cr_assert_eq(breaker.version, 7, "the store counts versions");
}

Test(trunk_breaker, a_customer_who_does_not_answer_closes_it)
{
	struct wtel_breaker_settings settings = WTEL_BREAKER_SETTINGS_INIT;
	struct wtel_breaker breaker = {.state = WTEL_BREAKER_OPEN, .openings = 9, .trial_until = 1};

	cr_assert(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_CALLEE, 0, 0, 5));
	cr_assert_eq(breaker.state, WTEL_BREAKER_CLOSED);
}

/* Every tenth call is answered, the others are the customers' noes. */
static void one_in_ten(struct world *world, int64_t from, int calls)
{
	int i;

	for (i = 0; i < calls; i++)
		end(world, i % 10 ? WTEL_OUTCOME_CALLEE : WTEL_OUTCOME_ANSWERED, from + i);
}

Test(trunk_breaker, the_ratio_needs_its_samples_and_forgets_what_was_before)
{
	struct wtel_trunk_health health;
	struct wtel_route route;
	struct world world;
	size_t count;

	world_begin(&world, always, "{\"breaker\": {\"ratio\": 20, \"samples\": 30, \"pause\": 60}}");
	one_in_ten(&world, 10000, 29);
	cr_assert_eq(world.stored.state, WTEL_BREAKER_CLOSED);
	cr_assert_eq(wtel_router_health(world.router, &health, FLAKY, 10029 * SECOND), 0);
	cr_assert_eq(health.answer_seizure_ratio, -1, "too few samples");
	end(&world, WTEL_OUTCOME_CALLEE, 10029);
	cr_assert_eq(wtel_router_health(world.router, &health, FLAKY, 10029 * SECOND), 0);
	cr_assert_eq(health.answer_seizure_ratio, 1000);
	cr_assert_eq(world.stored.state, WTEL_BREAKER_OPEN);
	cr_assert_eq(world.stored.faults, 0);
	cr_assert_eq(world.stored.retry_at, 10089 * SECOND);
	cr_assert_eq(wtel_router_rank(world.router, &route, &count, 1, NULL, 10090 * SECOND), 0);
	cr_assert(route.trial);
	take(&world, &route, 10090 * SECOND);
	end(&world, WTEL_OUTCOME_CALLEE, 10095);
	cr_assert_eq(world.stored.state, WTEL_BREAKER_CLOSED);
	one_in_ten(&world, 10100, 29);
	cr_assert_eq(world.stored.state, WTEL_BREAKER_CLOSED,
		     "the window still holds 60 bad ones, but it closed since");
	end(&world, WTEL_OUTCOME_CALLEE, 10129);
	cr_assert_eq(world.stored.state, WTEL_BREAKER_OPEN);
	wtel_router_free(world.router);
}

Test(trunk_breaker, an_answered_call_never_opens_it)
{
	struct wtel_breaker_settings settings = WTEL_BREAKER_SETTINGS_INIT;
	struct wtel_breaker breaker = {0};

	settings.ratio = 50;
	cr_assert_not(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_ANSWERED, 1, 100, SECOND));
	cr_assert_not(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_CALLEE, 50, 100, SECOND), "not fewer");
	cr_assert(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_CALLEE, 49, 100, SECOND));
	cr_assert_eq(breaker.state, WTEL_BREAKER_OPEN);
}

Test(trunk_breaker, one_trial_at_a_time_and_another_when_it_is_lost)
{
	struct wtel_breaker breaker = {1, WTEL_BREAKER_OPEN, 5, 1, 100 * SECOND, 0};
	struct wtel_route route;
	struct world world;
	size_t count;

	world_begin(&world, never, "");
	world.stored = breaker;
	wtel_router_set_breaker(world.router, FLAKY, &breaker);
	cr_assert_eq(wtel_router_rank(world.router, &route, &count, 1, NULL, 100 * SECOND - 1), 0);
	cr_assert_eq(route.trunk_id, SPARE);
	cr_assert_eq(wtel_router_rank(world.router, &route, &count, 1, NULL, 100 * SECOND), 0);
	cr_assert(route.trunk_id == FLAKY && route.trial);
	take(&world, &route, 100 * SECOND);
	cr_assert_eq(wtel_router_rank(world.router, &route, &count, 1, NULL, 220 * SECOND - 1), 0);
	cr_assert_eq(route.trunk_id, SPARE);
	cr_assert_eq(wtel_router_rank(world.router, &route, &count, 1, NULL, 220 * SECOND), 0);
	cr_assert(route.trunk_id == FLAKY && route.trial, "the first trial's process died");
	cr_assert_eq(wtel_router_rank(world.router, &route, &count, 1, NULL, 150 * SECOND), 0);
	cr_assert_eq(route.trunk_id, SPARE, "a clock that goes back");
	wtel_router_free(world.router);
}

Test(trunk_breaker, hostile_rows_do_no_harm)
{
	struct wtel_breaker_settings settings = {5, 50, 0, INT64_MAX, INT64_MAX};
	struct wtel_breaker breaker = {INT64_MAX, WTEL_BREAKER_CLOSED, INT_MAX, INT_MAX, INT64_MIN, INT64_MIN};

	cr_assert(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_FAULT, INT_MAX, INT_MAX, INT64_MAX));
	cr_assert_eq(breaker.state, WTEL_BREAKER_OPEN);
	cr_assert_eq(breaker.retry_at, INT64_MAX);
	breaker.trial_until = -1;
	cr_assert(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_FAULT, 0, 0, 1));
	cr_assert_eq(breaker.faults, INT_MAX);
	settings.pause = settings.longest_pause = -5;
	breaker.trial_until = 1;
	cr_assert(wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_FAULT, 0, 0, 9));
	cr_assert_eq(breaker.retry_at, 9);
	breaker.state = (enum wtel_breaker_state)77;
	(void)wtel_breaker_step(&breaker, &settings, WTEL_OUTCOME_ANSWERED, 0, 0, 9);
	cr_assert_str_eq(wtel_breaker_state_name((enum wtel_breaker_state)77), "");
	cr_assert_str_eq(wtel_breaker_state_name(WTEL_BREAKER_OPEN), "open");
}
