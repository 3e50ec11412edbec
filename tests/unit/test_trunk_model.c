/*
 * The choice against a plain model that looks at every trunk, every prefix and every window anew each time, in
 * generated worlds.
 */
#include "trunk_cast.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRUNKS_MOST = 150, PREFIXES_MOST = 6, WORLDS = 2500, CHOICES = 12 };

struct model_prefix {
	char text[12];
	char prepend[4];
	int strip;
	bool deny;
};

struct model_window {
	int day; /* 0 Monday; -1: each */
	int from, to;
};

struct model_trunk {
	struct wtel_trunk row;
	bool broken;
	int weight; /* 0: free channels */
	int calls_per_second;
	bool has_caller_id;
	int hours; /* of its zone, east of UTC: 0, 2 or -3 */
	struct model_prefix prefixes[PREFIXES_MOST];
	size_t prefix_count;
	struct model_window windows[2];
	size_t window_count;
	char name[16];
	char settings[1024];
};

struct model {
	struct model_trunk trunks[TRUNKS_MOST];
	size_t count;
	struct wtel_assignment assignments[2][8];
	struct wtel_campaign campaigns[2];
	size_t campaign_count;
};

/* A trunk's place in the order of a choice. */
struct model_place {
	const struct model_trunk *trunk;
	int list; /* 0 the campaign's, 1 general */
	int priority;
};

static uint64_t state;

static int pick(int below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (int)((state >> 33) % (uint64_t)below);
}

/* ---- generating ------------------------------------------------------- */

/* "+1" and some of few digits, so that they meet; or the same without "+". */
static void make_number(char *out, int least, int most)
{
	int length = 0, wanted = least + pick(most - least + 1);

	if (pick(4))
		out[length++] = '+';
	out[length++] = '1';
	while (wanted-- > 0)
		out[length++] = (char)('1' + pick(2));
	out[length] = '\0';
}

static bool has_prefix(const struct model_trunk *trunk, const char *text)
{
	size_t i;

	for (i = 0; i < trunk->prefix_count; i++)
		if (strcmp(trunk->prefixes[i].text, text) == 0)
			return true;
	return false;
}

static void make_prefixes(struct model_trunk *trunk)
{
	static const char *const prepends[] = {"", "", "00", "9"};
	int wanted = pick(3) ? pick(PREFIXES_MOST + 1) : 0;

	while (wanted-- > 0) {
		struct model_prefix prefix = {"", "", 0, pick(3) == 0};

		if (pick(6))
			make_number(prefix.text, 0, 5);
		if (has_prefix(trunk, prefix.text))
			continue;
		if (!prefix.deny) {
			prefix.strip = (int)strlen(prefix.text) ? pick((int)strlen(prefix.text) + 1) : 0;
			strcpy(prefix.prepend, prepends[pick(4)]);
		}
		trunk->prefixes[trunk->prefix_count++] = prefix;
	}
}

static void make_windows(struct model_trunk *trunk)
{
	int from = pick(12 * 60);

	if (pick(3))
		return;
	trunk->hours = pick(3) ? 0 : pick(2) ? 2 : -3;
	trunk->window_count = (size_t)pick(2) + 1;
	trunk->windows[0] = (struct model_window){pick(3) ? -1 : pick(7), from, from + 1 + pick(12 * 60 - from)};
	if (trunk->window_count == 1 && !pick(3)) /* into the next day */
		trunk->windows[0] = (struct model_window){pick(8) - 1, 12 * 60 + from, from};
	trunk->windows[1] = (struct model_window){pick(7), 13 * 60, 13 * 60 + 1 + pick(10 * 60)};
}

static size_t write_settings(struct model_trunk *trunk)
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
	char *out = trunk->settings;
	size_t room = sizeof(trunk->settings), length = 0, i;

#define WRITE(...) length += (size_t)snprintf(out + length, room - length, __VA_ARGS__)
	WRITE("{\"callsPerSecond\": %d", trunk->calls_per_second);
	if (trunk->weight)
		WRITE(", \"weight\": %d", trunk->weight);
	if (trunk->has_caller_id)
		WRITE(", \"callerId\": \"+1555%07lld\"", (long long)trunk->row.id);
	if (trunk->hours)
		WRITE(", \"timezone\": \"Test/%s\"", trunk->hours > 0 ? "East2" : "West3");
	WRITE(", \"prefixes\": [");
	for (i = 0; i < trunk->prefix_count; i++) {
		WRITE("%s{\"prefix\": \"%s\"", i ? ", " : "", trunk->prefixes[i].text);
		if (trunk->prefixes[i].deny)
			WRITE(", \"deny\": true}");
		else
			WRITE(", \"strip\": %d, \"prepend\": \"%s\"}", trunk->prefixes[i].strip,
			      trunk->prefixes[i].prepend);
	}
	WRITE("]%s", trunk->window_count ? ", \"windows\": [" : "");
	for (i = 0; i < trunk->window_count; i++) {
		const struct model_window *window = &trunk->windows[i];

		WRITE("%s{\"from\": \"%02d:%02d\", \"to\": \"%02d:%02d\"", i ? ", " : "", window->from / 60,
		      window->from % 60, window->to / 60, window->to % 60);
		if (window->day >= 0)
			WRITE(", \"days\": [\"%s\"]", days[window->day]);
		WRITE("}");
	}
	WRITE("%s%s}", trunk->window_count ? "]" : "", trunk->broken ? ", \"breaker\": {\"faults\": -1}" : "");
#undef WRITE
	return length;
}

static int64_t make_wall(void)
{
	return (INT64_C(1760947200) + pick(14 * 24 * 60) * 60 + (pick(3) ? 0 : pick(60))) * SECOND - pick(2);
}

static struct wtel_breaker make_breaker(void)
{
	struct wtel_breaker breaker = {0};

	if (pick(4))
		return breaker;
	breaker.state = WTEL_BREAKER_OPEN;
	breaker.retry_at = make_wall();
	breaker.trial_until = pick(2) ? make_wall() : 0;
	return breaker;
}

static void make_trunk(struct model_trunk *trunk, int64_t id)
{
	memset(trunk, 0, sizeof(*trunk));
	snprintf(trunk->name, sizeof(trunk->name), "Trunk %lld", (long long)id);
	trunk->row = trunk_make(id, trunk->name, 1 + pick(4), trunk->settings);
	trunk->row.max_channels = pick(5);
	trunk->row.active_calls = pick(4);
	trunk->row.status = (enum wtel_trunk_status)(pick(6) ? 0 : pick(4));
	trunk->row.registered = pick(5) != 0;
	trunk->row.needs_registration = pick(3) != 0;
	trunk->row.breaker = make_breaker();
	if (trunk->row.breaker.state == WTEL_BREAKER_OPEN && pick(4))
		trunk->row.status = WTEL_TRUNK_ERROR;
	trunk->broken = pick(15) == 0;
	trunk->weight = pick(2) ? 1 + pick(9) : 0;
	trunk->calls_per_second = 1 + pick(20);
	trunk->has_caller_id = pick(2);
	make_prefixes(trunk);
	make_windows(trunk);
	cr_assert_lt(write_settings(trunk), sizeof(trunk->settings));
}

static void make_campaigns(struct model *model)
{
	size_t c, i;

	model->campaign_count = (size_t)pick(3);
	for (c = 0; c < model->campaign_count; c++) {
		struct wtel_campaign *campaign = &model->campaigns[c];

		*campaign = (struct wtel_campaign){(int64_t)c + 1, pick(2), pick(2) ? "+15550001000" : "", NULL, 0};
		campaign->trunks = model->assignments[c];
		campaign->trunk_count = (size_t)pick(8);
		for (i = 0; i < campaign->trunk_count; i++) /* each another trunk, some of them unknown */
			model->assignments[c][i] = (struct wtel_assignment){(int64_t)i * 3 + 1 + pick(3), 1 + pick(3)};
	}
}

static struct wtel_router *make_world(struct model *model)
{
	static struct wtel_trunk rows[TRUNKS_MOST];
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_router *router;
	size_t i;

	model->count = (size_t)(pick(12) ? pick(13) : pick(TRUNKS_MOST + 1));
	for (i = 0; i < model->count; i++) {
		make_trunk(&model->trunks[i], (int64_t)i + 1);
		rows[model->count - 1 - i] = model->trunks[i].row;
	}
	make_campaigns(model);
	options.zone = zone_given;
	options.seed = state;
	cr_assert_eq(wtel_router_new(&router, &options, NULL), 0);
	if (pick(2))
		cr_assert_eq(wtel_router_set_campaigns(router, model->campaigns, model->campaign_count), 0);
	cr_assert_eq(wtel_router_set_trunks(router, rows, model->count), 0);
	cr_assert_eq(wtel_router_set_campaigns(router, model->campaigns, model->campaign_count), 0);
	return router;
}

/* Something happens to one trunk. */
static void disturb(struct model *model, struct wtel_router *router)
{
	struct model_trunk *trunk;

	if (!model->count)
		return;
	trunk = &model->trunks[pick((int)model->count)];
	if (pick(2)) {
		trunk->row.active_calls = pick(5);
		wtel_router_set_load(router, trunk->row.id, trunk->row.active_calls);
	} else if (pick(2)) {
		trunk->row.registered = pick(2);
		wtel_router_set_registered(router, trunk->row.id, trunk->row.registered);
	} else {
		bool was = trunk->row.breaker.state == WTEL_BREAKER_OPEN, is;

		trunk->row.breaker = make_breaker();
		is = trunk->row.breaker.state == WTEL_BREAKER_OPEN;
		if (is && trunk->row.status == WTEL_TRUNK_ACTIVE)
			trunk->row.status = WTEL_TRUNK_ERROR;
		else if (was && !is && trunk->row.status == WTEL_TRUNK_ERROR)
			trunk->row.status = WTEL_TRUNK_ACTIVE;
		wtel_router_set_breaker(router, trunk->row.id, &trunk->row.breaker);
	}
}

/* ---- the model -------------------------------------------------------- */

static const struct model_prefix *longest(const struct model_trunk *trunk, const char *number)
{
	const struct model_prefix *best = NULL;
	size_t i;

	for (i = 0; i < trunk->prefix_count; i++) {
		const struct model_prefix *prefix = &trunk->prefixes[i];

		if (strncmp(prefix->text, number, strlen(prefix->text)) == 0 &&
		    (!best || strlen(prefix->text) > strlen(best->text)))
			best = prefix;
	}
	return best;
}

/* What is dialled; false: it does not carry the number. */
static bool dialled(char *out, const struct model_trunk *trunk, const char *number)
{
	const struct model_prefix *prefix = longest(trunk, number);
	size_t i;

	*out = '\0';
	if (!prefix) {
		for (i = 0; i < trunk->prefix_count; i++)
			if (!trunk->prefixes[i].deny)
				return false;
		strcpy(out, number);
		return true;
	}
	if (prefix->deny)
		return false;
	number += prefix->strip;
	sprintf(out, "%s%s", prefix->prepend, *prefix->prepend && *number == '+' ? number + 1 : number);
	return *out != '\0';
}

static bool window_open(const struct model_trunk *trunk, int64_t wall)
{
	/* 1970-01-01 was a Thursday, three days after a Monday. */
	int64_t minute = (wall / (60 * SECOND) + trunk->hours * 60 + INT64_C(3) * 1440) % 10080;
	size_t i;
	int day;

	for (i = 0; i < trunk->window_count; i++) {
		const struct model_window *window = &trunk->windows[i];
		int length = window->to > window->from ? window->to - window->from : window->to - window->from + 1440;

		for (day = 0; day < 7; day++)
			if ((window->day < 0 || window->day == day) &&
			    (minute - day * 1440 - window->from + 2 * 10080) % 10080 < length)
				return true;
	}
	return trunk->window_count == 0;
}

static enum wtel_route_verdict judge(const struct model_trunk *trunk, const struct wtel_route_request *request,
				     int64_t wall)
{
	bool open = trunk->row.breaker.state == WTEL_BREAKER_OPEN;
	char number[WTEL_NUMBER_SIZE];
	size_t i;

	for (i = 0; i < request->tried_count; i++)
		if (request->tried[i] == trunk->row.id)
			return WTEL_ROUTE_TRIED;
	if (trunk->broken)
		return WTEL_ROUTE_SETTINGS;
	if (trunk->row.status != WTEL_TRUNK_ACTIVE && !(trunk->row.status == WTEL_TRUNK_ERROR && open))
		return WTEL_ROUTE_STATUS;
	if (trunk->row.needs_registration && !trunk->row.registered)
		return WTEL_ROUTE_UNREGISTERED;
	if (open && (trunk->row.breaker.retry_at > wall || trunk->row.breaker.trial_until > wall))
		return WTEL_ROUTE_BREAKER;
	if (!window_open(trunk, wall))
		return WTEL_ROUTE_WINDOW;
	if (request->number && !dialled(number, trunk, request->number))
		return WTEL_ROUTE_PREFIX;
	if (trunk->row.active_calls >= trunk->row.max_channels && !request->loads_are_old)
		return WTEL_ROUTE_FULL;
	return WTEL_ROUTE_NEXT;
}

static int by_order(const void *left, const void *right)
{
	const struct model_place *a = left, *b = right;

	if (a->list != b->list)
		return a->list - b->list;
	if (a->priority != b->priority)
		return a->priority - b->priority;
	return (int)(a->trunk->row.id - b->trunk->row.id);
}

/* Gives back whether only the campaign's own trunks may be used. */
static bool put_in_order(struct model_place *out, const struct model *model, int64_t campaign_id)
{
	const struct wtel_campaign *campaign = NULL;
	size_t i, k, own = 0;

	if (campaign_id > 0 && (size_t)campaign_id <= model->campaign_count)
		campaign = &model->campaigns[campaign_id - 1];
	for (i = 0; i < model->count; i++) {
		out[i] = (struct model_place){&model->trunks[i], 1, model->trunks[i].row.priority};
		for (k = 0; campaign && k < campaign->trunk_count; k++)
			if (campaign->trunks[k].trunk_id == model->trunks[i].row.id) {
				out[i].list = 0;
				out[i].priority = campaign->trunks[k].priority;
				own++;
			}
	}
	if (model->count)
		qsort(out, model->count, sizeof(*out), by_order);
	return own && !campaign->general;
}

/* ---- comparing -------------------------------------------------------- */

static bool is_full(const struct model_place *place)
{
	return place->trunk->row.active_calls >= place->trunk->row.max_channels;
}

/* Before whom none of a lower rank may come: by list, priority, and full ones last. */
static int64_t rank_of(const struct model_place *place)
{
	return place->list * 1000 + place->priority * 2 + is_full(place);
}

static const struct model_place *place_of(const struct model_place *places, size_t count, int64_t id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (places[i].trunk->row.id == id)
			return &places[i];
	cr_assert(false, "an unknown trunk");
	return NULL;
}

static void compare_route(const struct wtel_route *route, const struct model_trunk *trunk, const char *number,
			  const char *caller_id)
{
	char expected[WTEL_NUMBER_SIZE] = "", own[24] = "";

	if (number)
		cr_assert(dialled(expected, trunk, number));
	if (trunk->has_caller_id)
		snprintf(own, sizeof(own), "+1555%07lld", (long long)trunk->row.id);
	cr_assert_str_eq(route->number, expected);
	cr_assert_str_eq(route->name, trunk->name);
	cr_assert_str_eq(route->caller_id, *caller_id ? caller_id : own);
	cr_assert_eq(route->calls_per_second, trunk->calls_per_second);
	cr_assert_eq(route->trial, trunk->row.breaker.state == WTEL_BREAKER_OPEN);
}

static void compare_steps(struct wtel_router *router, const struct model *model, const struct model_place *places,
			  const enum wtel_route_verdict *verdicts, const struct wtel_route_request *request,
			  int64_t wall)
{
	static struct wtel_route_step steps[TRUNKS_MOST];
	size_t count = 0, i, taken = TRUNKS_MOST;

	for (i = 0; i < model->count; i++)
		if (verdicts[i] == WTEL_ROUTE_NEXT &&
		    (taken == TRUNKS_MOST || rank_of(&places[i]) < rank_of(&places[taken])))
			taken = i;
	cr_assert_eq(wtel_router_explain(router, steps, &count, TRUNKS_MOST, request, wall), 0);
	cr_assert_eq(count, model->count);
	for (i = 0; i < count; i++) {
		cr_assert_eq(steps[i].trunk_id, places[i].trunk->row.id);
		cr_assert_eq(steps[i].priority, places[i].priority);
		cr_assert_eq(steps[i].verdict, i == taken ? WTEL_ROUTE_TAKEN : verdicts[i],
			     "trunk %lld is said to be '%s' (%s), not '%s'", (long long)steps[i].trunk_id,
			     wtel_route_verdict_name(steps[i].verdict), steps[i].text,
			     wtel_route_verdict_name(verdicts[i]));
		cr_assert_neq(steps[i].text[0], '\0');
	}
}

/* One choice, ranked and explained. Gives back how many trunks could carry the call. */
static size_t compare(struct wtel_router *router, const struct model *model, const struct wtel_route_request *request,
		      int64_t wall)
{
	static struct model_place places[TRUNKS_MOST];
	static enum wtel_route_verdict verdicts[TRUNKS_MOST];
	static struct wtel_route routes[TRUNKS_MOST];
	size_t room = pick(3) ? TRUNKS_MOST : (size_t)pick(3) + 1, count = 0, usable = 0, i, k;
	bool exclusive = put_in_order(places, model, request->campaign_id);
	int code;

	for (i = 0; i < model->count; i++) {
		verdicts[i] = judge(places[i].trunk, request, wall);
		if (exclusive && places[i].list && verdicts[i] != WTEL_ROUTE_TRIED)
			verdicts[i] = WTEL_ROUTE_CAMPAIGN;
		usable += verdicts[i] == WTEL_ROUTE_NEXT;
	}
	compare_steps(router, model, places, verdicts, request, wall);
	code = wtel_router_rank(router, routes, &count, room, request, wall);
	cr_assert_eq(code, usable ? 0 : WTEL_ENOTRUNK);
	cr_assert_eq(count, usable < room ? usable : room);
	for (i = 0; i < count; i++) {
		const struct model_place *place = place_of(places, model->count, routes[i].trunk_id);
		size_t campaign = (size_t)request->campaign_id;

		cr_assert_eq(verdicts[place - places], WTEL_ROUTE_NEXT);
		verdicts[place - places] = WTEL_ROUTE_TRIED; /* none comes twice */
		compare_route(&routes[i], place->trunk, request->number,
			      campaign && campaign <= model->campaign_count ? model->campaigns[campaign - 1].caller_id
									    : "");
		for (k = 0; k < model->count; k++)
			cr_assert(verdicts[k] != WTEL_ROUTE_NEXT || rank_of(&places[k]) >= rank_of(place),
				  "a better one was left out");
	}
	return usable;
}

Test(trunk_model, choices_equal_a_plain_model, .timeout = 300)
{
	static struct model model;
	int world, choice, choices = 0;
	size_t usable = 0;

	for (world = 0; world < WORLDS; world++) {
		struct wtel_router *router;

		state = (uint64_t)world * 77 + 1;
		router = make_world(&model);
		for (choice = 0; choice < CHOICES; choice++, choices++) {
			struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
			int64_t tried[3] = {pick(12) + 1, pick(12) + 1, pick(200) - 5};
			char number[20];

			make_number(number, 4, 8);
			request.number = pick(5) ? number : NULL;
			request.campaign_id = pick(4);
			request.loads_are_old = pick(3) == 0;
			request.tried = tried;
			request.tried_count = pick(2) ? 0 : (size_t)pick(4);
			usable += compare(router, &model, &request, make_wall());
			disturb(&model, router);
		}
		wtel_router_free(router);
	}
	printf("# %d choices in %d worlds, %.1f usable trunks each\n", choices, WORLDS, (double)usable / choices);
	cr_assert_gt(usable, (size_t)choices);
}
