/* Asking the store what has no waiting form, and what is asked about. */
#ifndef TESTS_STORE_ANSWER_H
#define TESTS_STORE_ANSWER_H

#include "store_world.h"

#include "store/core.h"

struct answer {
	bool finished;
	int code;
	struct wtel_detail detail;
	bool stored;
	struct wtel_breaker breaker;
	size_t count;
	struct store_attempt attempts[16];
};

static inline void wait_answer(struct wtel_store *store, struct answer *answer)
{
	int64_t until = wtel_time_now().mono + 60 * SECOND;

	while (!answer->finished) {
		cr_assert_lt(wtel_time_now().mono, until, "no answer");
		store_turn(store, until);
	}
}

static inline void take_breaker(int code, const struct wtel_detail *detail, bool stored,
				const struct wtel_breaker *breaker, void *user)
{
	struct answer *answer = user;

	answer->finished = true;
	answer->code = code;
	answer->stored = stored;
	if (code)
		answer->detail = *detail;
	if (breaker)
		answer->breaker = *breaker;
}

static inline struct answer swap(struct wtel_store *store, int64_t trunk, const struct wtel_breaker *breaker,
				 const char *error)
{
	struct answer answer = {false, -1};

	cr_assert_eq(store_breaker(store, trunk, breaker, error, take_breaker, &answer), 0);
	wait_answer(store, &answer);
	return answer;
}

static inline void take_attempts(int code, const struct wtel_detail *detail, const struct store_attempt *attempts,
				 size_t count, void *user)
{
	struct answer *answer = user;

	answer->finished = true;
	answer->code = code;
	if (code)
		answer->detail = *detail;
	answer->count = count;
	if (count)
		memcpy(answer->attempts, attempts, (count < 16 ? count : 16) * sizeof(*attempts));
}

/* ---- things to put in ------------------------------------------------- */

static inline struct wtel_leg leg_of(const char *id, int64_t trunk, int64_t start, int64_t end)
{
	struct wtel_leg leg;

	memset(&leg, 0, sizeof(leg));
	leg.unique_id = id;
	leg.channel = leg.number = "";
	leg.role = WTEL_LEG_CUSTOMER;
	leg.trunk_id = trunk;
	leg.start = start;
	leg.end = end;
	return leg;
}

/* A call whose first trunk failed and whose second one carries it, two minutes ago; the agent was reached
 * over a trunk too. */
static inline void put_failover(struct world *world, int64_t first, int64_t second, int64_t now)
{
	struct wtel_leg legs[3] = {leg_of("1.1", first, now - 121 * SECOND, now - 60 * SECOND),
				   leg_of("1.2", first, now - 120 * SECOND, now - 119 * SECOND),
				   leg_of("1.3", second, now - 119 * SECOND, now - 60 * SECOND)};
	struct wtel_call call = world_call("failover");

	legs[0].role = WTEL_LEG_AGENT;
	legs[1].sip_code = 503;
	legs[1].cause = 34;
	legs[2].ringing = now - 117 * SECOND;
	legs[2].answer = now - 110 * SECOND;
	legs[2].cause = 16;
	call.start = now - 121 * SECOND;
	call.trunk_id = second;
	call.legs = legs;
	call.leg_count = 3;
	world_write(world, &call);
}

#endif
