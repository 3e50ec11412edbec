#include "trunk/explain.h"

#include "base/timestamp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *wtel_route_verdict_name(enum wtel_route_verdict verdict)
{
	static const char *const names[] = {
#define WTEL_ROUTE_VERDICT_X(id, name) name,
#include <wtel/verdict.def>
#undef WTEL_ROUTE_VERDICT_X
	};

	return (unsigned)verdict < WTEL_ROUTE_VERDICTS ? names[verdict] : "";
}

/* ---- the order -------------------------------------------------------- */

static int by_priority(const void *left, const void *right)
{
	const struct router_place *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* The campaign's trunks, then the others. The table's own order is by (priority, id). */
static void put_in_order(struct explanation *explanation)
{
	struct router_table *table = explanation->table;
	const struct router_campaign *campaign = explanation->campaign;
	uint64_t *own = table->candidates;
	size_t i, position, count = 0;

	memset(own, 0, table->words * sizeof(*own));
	for (i = 0; campaign && i < campaign->place_count; i++) {
		position = router_find(table, campaign->places[i].id);
		if (position == table->count)
			continue;
		table->order[count] = campaign->places[i];
		table->order[count++].position = (uint32_t)position;
		router_bit_set(own, position, true);
	}
	if (count)
		qsort(table->order, count, sizeof(*table->order), by_priority);
	explanation->own = count;
	explanation->exclusive = count && !campaign->general;
	for (i = 0; i < table->count; i++)
		if (!router_bit(own, i))
			table->order[count++] =
				(struct router_place){table->trunks[i].id, table->trunks[i].priority, (uint32_t)i, -1};
}

/* ---- the verdict ------------------------------------------------------ */

static const struct router_trunk *trunk_at(const struct explanation *explanation, size_t index)
{
	return &explanation->table->trunks[explanation->table->order[index].position];
}

static bool is_full(const struct router_trunk *trunk)
{
	return trunk->active_calls >= trunk->max_channels;
}

static bool was_tried(const struct explanation *explanation, int64_t id)
{
	size_t i;

	for (i = 0; i < explanation->request.tried_count; i++)
		if (explanation->request.tried[i] == id)
			return true;
	return false;
}

/* Whether the number can be dialled there. */
static bool carries(const struct explanation *explanation, const struct router_trunk *trunk)
{
	const struct trunk_prefix *rule;
	char dialled[WTEL_NUMBER_SIZE];

	if (!*explanation->number)
		return true;
	rule = router_prefix(&trunk->rules, explanation->number);
	if (rule ? rule->deny : trunk->rules.prefix_count && !trunk->rules.only_denies)
		return false;
	return router_dialled(dialled, &trunk->rules, explanation->number);
}

/* NEXT: it may carry the call. */
static enum wtel_route_verdict look_at(const struct explanation *explanation, size_t index)
{
	const struct router_trunk *trunk = trunk_at(explanation, index);
	bool open = trunk->breaker.state == WTEL_BREAKER_OPEN;
	int64_t until;

	if (was_tried(explanation, trunk->id))
		return WTEL_ROUTE_TRIED;
	if (explanation->exclusive && index >= explanation->own)
		return WTEL_ROUTE_CAMPAIGN;
	if (trunk->broken)
		return WTEL_ROUTE_SETTINGS;
	if (trunk->status != WTEL_TRUNK_ACTIVE && !(trunk->status == WTEL_TRUNK_ERROR && open))
		return WTEL_ROUTE_STATUS;
	if (!trunk->registered && trunk->needs_registration)
		return WTEL_ROUTE_UNREGISTERED;
	if (!router_breaker_lets(trunk, explanation->wall, &until))
		return WTEL_ROUTE_BREAKER;
	if (!router_window_open(trunk, explanation->wall, &until))
		return WTEL_ROUTE_WINDOW;
	if (!carries(explanation, trunk))
		return WTEL_ROUTE_PREFIX;
	return is_full(trunk) && !explanation->request.loads_are_old ? WTEL_ROUTE_FULL : WTEL_ROUTE_NEXT;
}

/* The same, asked once. */
static enum wtel_route_verdict judge(const struct explanation *explanation, size_t index)
{
	struct router_place *place = &explanation->table->order[index];

	if (place->verdict < 0)
		place->verdict = (int)look_at(explanation, index);
	return (enum wtel_route_verdict)place->verdict;
}

/* The same priority of the same list. */
static bool same_group(const struct explanation *explanation, size_t a, size_t b)
{
	return explanation->table->order[a].priority == explanation->table->order[b].priority &&
	       (a < explanation->own) == (b < explanation->own);
}

/* Full ones, if they count at all, come after the others of their priority. */
static size_t first_taken(const struct explanation *explanation)
{
	size_t count = explanation->table->count, full = count, i;

	for (i = 0; i < count; i++) {
		if (full < count && !same_group(explanation, full, i))
			return full;
		if (judge(explanation, i) != WTEL_ROUTE_NEXT)
			continue;
		if (!is_full(trunk_at(explanation, i)))
			return i;
		if (full == count)
			full = i;
	}
	return full;
}

int explain_begin(struct explanation *out, struct wtel_router *router, const struct wtel_route_request *request,
		  int64_t wall)
{
	struct explanation explanation = {.table = router->table, .wall = wall};

	if (router_request(&explanation.request, explanation.number, router, request))
		return WTEL_EINVAL;
	if (explanation.request.campaign_id)
		explanation.campaign = router_campaign_of(router, explanation.request.campaign_id);
	put_in_order(&explanation);
	explanation.taken = first_taken(&explanation);
	*out = explanation;
	return 0;
}

enum wtel_route_verdict explain_verdict(const struct explanation *explanation, size_t index)
{
	return index == explanation->taken ? WTEL_ROUTE_TAKEN : judge(explanation, index);
}

/* ---- in words --------------------------------------------------------- */

static void say(char *out, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(char *out, size_t room, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(out, room, format, arguments);
	va_end(arguments);
	if (length < 0)
		*out = '\0';
	if (length < 0 || (size_t)length < room)
		return;
	/* Cut: not within a character of several bytes. */
	for (room--; room && ((unsigned char)out[room - 1] & 0xc0) == 0x80; room--)
		;
	if (room && (unsigned char)out[room - 1] >= 0xc0)
		room--;
	out[room] = '\0';
}

/* "12:30:05 UTC", with the date before it if that is not today's. */
static void say_time(char out[BASE_TIME_SIZE], int64_t wall, int64_t now)
{
	char then[BASE_TIME_SIZE], today[BASE_TIME_SIZE];

	base_time_format(then, wall);
	base_time_format(today, now);
	if (strlen(then) < 19) {
		snprintf(out, BASE_TIME_SIZE, "further notice");
		return;
	}
	then[10] = ' ';
	today[10] = ' ';
	if (strncmp(then, today, 11) == 0)
		snprintf(out, BASE_TIME_SIZE, "%.8s UTC", then + 11);
	else
		snprintf(out, BASE_TIME_SIZE, "%.19s UTC", then);
}

static void say_breaker(const struct explanation *explanation, const struct router_trunk *trunk, char *out, size_t room)
{
	const struct wtel_breaker *breaker = &trunk->breaker;
	char time[BASE_TIME_SIZE];

	if (breaker->retry_at <= explanation->wall) {
		say_time(time, breaker->trial_until, explanation->wall);
		say(out, room, "a trial call is under way, the next one from %s", time);
		return;
	}
	say_time(time, breaker->retry_at, explanation->wall);
	if (breaker->faults >= trunk->rules.breaker.faults)
		say(out, room, "open until %s, %d fault%s in a row", time, breaker->faults,
		    breaker->faults == 1 ? "" : "s");
	else
		say(out, room, "open until %s, too few of its calls were answered", time);
}

static void say_window(const struct explanation *explanation, const struct router_trunk *trunk, char *out, size_t room)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	const char *zone = trunk->zone ? trunk->rules.timezone : "UTC";
	int64_t until, second, unused, minute;

	if (router_window_open(trunk, explanation->wall, &until) || until == INT64_MAX) {
		say(out, room, "not open");
		return;
	}
	/* 1970-01-01 was a Thursday. */
	second = until / 1000000;
	second += trunk->zone ? trunk_zone_offset(trunk->zone, second, &unused) : 0;
	minute = (second / 60 + INT64_C(3) * 1440) % 10080;
	if (minute < 0)
		minute += 10080;
	say(out, room, "opens %s %02d:%02d %s", days[minute / 1440], (int)(minute % 1440 / 60), (int)(minute % 60),
	    zone);
}

static void say_prefix(const struct explanation *explanation, const struct router_trunk *trunk, char *out, size_t room)
{
	const struct trunk_prefix *rule = router_prefix(&trunk->rules, explanation->number);

	if (rule && rule->deny)
		say(out, room, "denied by %s", *rule->prefix ? rule->prefix : "the rule for every number");
	else if (rule || !trunk->rules.prefix_count || trunk->rules.only_denies)
		say(out, room, "nothing that can be dialled is left of %s", explanation->number);
	else
		say(out, room, "no prefix for %s", explanation->number);
}

static void say_status(const struct router_trunk *trunk, char *out, size_t room)
{
	if (trunk->status == WTEL_TRUNK_MAINTENANCE)
		say(out, room, "maintenance: its calls may end, no new ones begin");
	else if (trunk->status == WTEL_TRUNK_ERROR && *trunk->last_error)
		say(out, room, "error: %s", trunk->last_error);
	else
		say(out, room, "%s", wtel_trunk_status_name(trunk->status));
}

static void say_load(const struct router_trunk *trunk, char *out, size_t room)
{
	say(out, room, "%s%d of %d channels%s", trunk->breaker.state == WTEL_BREAKER_OPEN ? "a trial call, " : "",
	    trunk->active_calls, trunk->max_channels, is_full(trunk) ? " when last heard of" : "");
}

void explain_text(const struct explanation *explanation, size_t index, enum wtel_route_verdict verdict, char *out,
		  size_t room)
{
	const struct router_trunk *trunk = trunk_at(explanation, index);

	*out = '\0';
	switch (verdict) {
	case WTEL_ROUTE_TAKEN:
	case WTEL_ROUTE_NEXT:
		say_load(trunk, out, room);
		return;
	case WTEL_ROUTE_TRIED:
		say(out, room, "this call failed there already");
		return;
	case WTEL_ROUTE_CAMPAIGN:
		say(out, room, "campaign %" PRId64 " uses its own trunks only", explanation->campaign->id);
		return;
	case WTEL_ROUTE_SETTINGS:
		say(out, room, "%s", trunk->broken);
		return;
	case WTEL_ROUTE_STATUS:
		say_status(trunk, out, room);
		return;
	case WTEL_ROUTE_UNREGISTERED:
		say(out, room, "not registered with its carrier");
		return;
	case WTEL_ROUTE_BREAKER:
		say_breaker(explanation, trunk, out, room);
		return;
	case WTEL_ROUTE_WINDOW:
		say_window(explanation, trunk, out, room);
		return;
	case WTEL_ROUTE_PREFIX:
		say_prefix(explanation, trunk, out, room);
		return;
	case WTEL_ROUTE_FULL:
		say(out, room, "%d of %d channels", trunk->active_calls, trunk->max_channels);
		return;
	case WTEL_ROUTE_RATE: /* only the booking can tell */
	case WTEL_ROUTE_VERDICTS:
		return;
	}
}

int wtel_router_explain(struct wtel_router *router, struct wtel_route_step *steps, size_t *count, size_t room,
			const struct wtel_route_request *request, int64_t wall)
{
	struct explanation explanation;
	size_t i;
	int code = explain_begin(&explanation, router, request, wall);

	if (code)
		return code;
	for (i = 0; i < router->table->count && i < room; i++) {
		const struct router_place *place = &router->table->order[i];
		const struct router_trunk *trunk = &router->table->trunks[place->position];

		steps[i] = (struct wtel_route_step){.trunk_id = trunk->id,
						    .name = trunk->name,
						    .verdict = explain_verdict(&explanation, i),
						    .priority = place->priority,
						    .weight = (int)router->table->weights[place->position],
						    .active_calls = trunk->active_calls,
						    .max_channels = trunk->max_channels};
		explain_text(&explanation, i, steps[i].verdict, steps[i].text, sizeof(steps[i].text));
	}
	*count = router->table->count;
	return 0;
}
