/*
 * One route among 1 000 trunks with 10 000 prefixes, in nanoseconds: the number normalised and found, the rules
 * applied. Best of several rounds each: first and last of the trunks free (of 100 priorities), and then, with names,
 * all of one priority by weight, a campaign of its own 100 trunks of which the last is free, and as many lots as
 * possible.
 */
#include <stdio.h>
#include <stdlib.h>
#include <wtel/route.h>

enum { TRUNKS = 1000, PREFIXES = 10, NUMBERS = 4096, ROUNDS = 100, OWN = 100 };

static char settings[TRUNKS][1024];
static char numbers[NUMBERS][20];
static struct wtel_trunk trunks[TRUNKS];
static unsigned long long state = 7;

static unsigned pick(unsigned below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % below;
}

/* Each trunk carries one country as a whole and nine areas of it, of one to six digits, otherwise. */
static void make_trunk(int i, int priority)
{
	int k, length = snprintf(settings[i], sizeof(settings[i]), "{\"prefixes\": [{\"prefix\": \"+1\"}");

	for (k = 1; k < PREFIXES; k++)
		length += snprintf(settings[i] + length, sizeof(settings[i]) - (size_t)length,
				   ", {\"prefix\": \"+1%d%u\", \"strip\": 1, \"prepend\": \"00\"}", k, pick(100000));
	snprintf(settings[i] + length, sizeof(settings[i]) - (size_t)length, "]}");
	trunks[i] = (struct wtel_trunk)WTEL_TRUNK_INIT;
	trunks[i].id = i + 1;
	trunks[i].name = "Carrier";
	trunks[i].max_channels = 20;
	trunks[i].priority = priority ? priority : i % 100 + 1;
	trunks[i].registered = true;
	trunks[i].advanced_settings = settings[i];
}

static struct wtel_router *make_router(int priority)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_router *router;
	int i;

	options.seed = 1;
	state = 7;
	for (i = 0; i < TRUNKS; i++)
		make_trunk(i, priority);
	for (i = 0; i < NUMBERS; i++)
		snprintf(numbers[i], sizeof(numbers[i]), "+1%010llu",
			 1000000000ull + pick(4000000) * 2000ull + pick(1000));
	if (wtel_router_new(&router, &options, NULL) || wtel_router_set_trunks(router, trunks, TRUNKS))
		exit(1);
	return router;
}

static double nanoseconds(struct wtel_router *router, int64_t campaign)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_route route;
	double best = 1e9;
	int round, i;

	request.campaign_id = campaign;
	for (round = 0; round < ROUNDS; round++) {
		struct wtel_time begin = wtel_time_now();
		double each;
		size_t count;

		for (i = 0; i < NUMBERS; i++) {
			request.number = numbers[i];
			if (wtel_router_rank(router, &route, &count, 1, &request, begin.wall))
				exit(1);
			__asm__ volatile("" : : "r"(&route) : "memory");
		}
		each = (double)(wtel_time_now().mono - begin.mono) * 1000 / NUMBERS;
		best = each < best ? each : best;
	}
	return best;
}

/* All but the last of the list. */
static void fill_all(struct wtel_router *router)
{
	int i;

	for (i = 0; i < TRUNKS - 1; i++)
		wtel_router_set_load(router, i + 1, 20);
}

static double with_campaign(struct wtel_router *router)
{
	static struct wtel_assignment own[OWN];
	struct wtel_campaign campaign = {1, true, "+15550001000", own, OWN};
	double result;
	int i;

	for (i = 0; i < OWN; i++)
		own[i] = (struct wtel_assignment){i * 7 + 1, i + 1};
	if (wtel_router_set_campaigns(router, &campaign, 1))
		exit(1);
	for (i = 0; i < OWN - 1; i++)
		wtel_router_set_load(router, i * 7 + 1, 20);
	result = nanoseconds(router, 1);
	for (i = 0; i < OWN - 1; i++)
		wtel_router_set_load(router, i * 7 + 1, 0);
	return result;
}

int main(void)
{
	struct wtel_router *router = make_router(0);
	double first = nanoseconds(router, 0), last, campaign, weighted;

	campaign = with_campaign(router);
	fill_all(router);
	last = nanoseconds(router, 0);
	wtel_router_free(router);
	router = make_router(10);
	weighted = nanoseconds(router, 0);
	wtel_router_free(router);
	printf("%.1f %.1f\nweighted %.1f\ncampaign %.1f\n", first, last, weighted, campaign);
	return 0;
}
