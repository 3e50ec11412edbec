/* Lots among trunks of equal priority: each place by the weights' shares, within a hundredth of them. */
#include "trunk_cast.h"

#include <stdio.h>

enum { DRAWS = 2000000, MANY = 150, KINDS = 8, CHANNELS = 20 };

static void within_a_hundredth(const char *what, size_t index, double got, double expected)
{
	double off = got / expected - 1;

	cr_expect(off < 0.01 && off > -0.01, "%s %zu: %.5f instead of %.5f", what, index, got, expected);
}

/* Ids from 1. `weights` NULL: by free channels. */
static struct wtel_router *make(const int *weights, const int *actives, size_t count)
{
	static struct wtel_trunk trunks[MANY];
	static char settings[MANY][32];
	size_t i;

	for (i = 0; i < count; i++) {
		if (weights)
			snprintf(settings[i], sizeof(settings[i]), "{\"weight\": %d}", weights[i]);
		trunks[i] = trunk_make((int64_t)i + 1, "t", 1, weights ? settings[i] : NULL);
		trunks[i].max_channels = CHANNELS;
		trunks[i].active_calls = actives ? actives[i] : 0;
	}
	return router_make(trunks, count);
}

/* The first places of many choices; shares[i] is that of id i + 1. */
static void check(const char *what, struct wtel_router *router, const struct wtel_route_request *request,
		  const double *shares, size_t count)
{
	int drawn[MANY + 1] = {0};
	struct wtel_route route;
	double total = 0;
	size_t i, got;

	for (i = 0; i < count; i++)
		total += shares[i];
	for (i = 0; i < DRAWS; i++) {
		cr_assert_eq(wtel_router_rank(router, &route, &got, 1, request, 0), 0);
		drawn[route.trunk_id]++;
	}
	for (i = 0; i < count; i++) {
		if (shares[i] > 0)
			within_a_hundredth(what, i, (double)drawn[i + 1] / DRAWS, shares[i] / total);
		else
			cr_expect_eq(drawn[i + 1], 0, "%s %zu was drawn", what, i);
	}
}

Test(trunk_shares, by_weight, .timeout = 300)
{
	const int weights[] = {1, 2, 3, 4};
	const double all[] = {1, 2, 3, 4}, two[] = {1, 2, 0, 0};
	struct wtel_router *router = make(weights, NULL, 4);

	check("of four", router, NULL, all, 4);
	wtel_router_set_load(router, 3, CHANNELS);
	wtel_router_set_registered(router, 4, false);
	check("of two", router, NULL, two, 4);
	wtel_router_free(router);
}

Test(trunk_shares, by_free_channels, .timeout = 300)
{
	const int actives[] = {19, 10, 0, 20, 15};
	const double before[] = {1, 10, 20, 0, 5}, after[] = {1, 10, 2, 0, 5};
	struct wtel_router *router = make(NULL, actives, 5);

	check("before", router, NULL, before, 5);
	wtel_router_set_load(router, 3, 18);
	check("after", router, NULL, after, 5);
	wtel_router_free(router);
}

/* Of what is said to be full nothing is known: one share each. */
Test(trunk_shares, with_old_loads, .timeout = 300)
{
	const int actives[] = {20, 25};
	const double shares[] = {1, 1};
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_router *router = make(NULL, actives, 2);

	request.loads_are_old = true;
	check("full", router, &request, shares, 2);
	wtel_router_free(router);
}

Test(trunk_shares, in_a_campaign, .timeout = 300)
{
	const int weights[] = {5, 1, 9, 3};
	const double shares[] = {0, 1, 0, 3};
	struct wtel_assignment own[] = {{4, 1}, {2, 1}, {1, 2}};
	struct wtel_campaign campaign = {1, true, "", own, 3};
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_router *router = make(weights, NULL, 4);

	cr_assert_eq(wtel_router_set_campaigns(router, &campaign, 1), 0);
	request.campaign_id = 1;
	check("campaign", router, &request, shares, 4);
	wtel_router_free(router);
}

/* It is drawn among those that are left. */
Test(trunk_shares, of_the_second_place, .timeout = 300)
{
	const int weights[] = {3, 4, 5};
	struct wtel_router *router = make(weights, NULL, 3);
	struct wtel_route routes[3];
	int seen[4][4] = {{0}};
	size_t i, k, count;

	for (i = 0; i < DRAWS; i++) {
		cr_assert_eq(wtel_router_rank(router, routes, &count, 3, NULL, 0), 0);
		seen[routes[0].trunk_id][routes[1].trunk_id]++;
	}
	for (i = 0; i < 3; i++)
		for (k = 0; k < 3; k++)
			if (i != k)
				within_a_hundredth("place", i * 3 + k, (double)seen[i + 1][k + 1] / DRAWS,
						   weights[i] / 12.0 * weights[k] / (12.0 - weights[i]));
	wtel_router_free(router);
}

/* Over several words of a set, by kinds of equal weight. */
Test(trunk_shares, among_many, .timeout = 300)
{
	double kinds[KINDS] = {0}, drawn[KINDS] = {0}, total = 0;
	int weights[MANY];
	struct wtel_router *router;
	struct wtel_route route;
	size_t i, count;

	for (i = 0; i < MANY; i++) {
		weights[i] = (int)(i % KINDS) + 3;
		kinds[i % KINDS] += weights[i];
		total += weights[i];
	}
	router = make(weights, NULL, MANY);
	for (i = 0; i < DRAWS; i++) {
		cr_assert_eq(wtel_router_rank(router, &route, &count, 1, NULL, 0), 0);
		drawn[(size_t)(route.trunk_id - 1) % KINDS]++;
	}
	for (i = 0; i < KINDS; i++)
		within_a_hundredth("kind", i, drawn[i] / DRAWS, kinds[i] / total);
	wtel_router_free(router);
}
