/*
 * How a call's trunk was chosen: a line of JSON for each booking, the first one and one for each failover. "skipped"
 * has the trunks that could not carry the call, [id, name, verdict, why]; "looked" those that the booking looked at, in
 * their order, [id, verdict, calls, limit]: the last one is the one that was taken, if any.
 */
#include "cli.h"

#include <string.h>
#include <time.h>

static const char *text_at(const json_t *list, size_t index)
{
	const char *text = json_string_value(json_array_get(list, index));

	return text ? text : "";
}

static int64_t number_at(const json_t *list, size_t index)
{
	return json_integer_value(json_array_get(list, index));
}

/* "2025-10-25T10:30:00.250Z" -> wall; 0: it is not that. */
static int64_t wall_of(const char *text)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t scale = 100000, part = 0;

	if (!rest)
		return 0;
	for (rest += *rest == '.'; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
		part += (*rest - '0') * scale;
	return (int64_t)timegm(&tm) * 1000000 + part;
}

/* What became of the attempt through that trunk; a trunk has a call at most once. */
static void add_outcome(struct cli_table *table, const struct wtel_call *call, int64_t trunk_id)
{
	const struct wtel_leg *leg = NULL;
	size_t i;

	for (i = 0; i < call->leg_count; i++)
		if (call->legs[i].role == WTEL_LEG_CUSTOMER && call->legs[i].trunk_id == trunk_id)
			leg = &call->legs[i];
	if (!leg)
		cli_table_add(table, call->trunk_id != trunk_id ? "no channel" : "");
	else if (leg->answer)
		cli_table_add(table, "answered");
	else if (leg->sip_code)
		cli_table_addf(table, "SIP %d", leg->sip_code);
	else if (leg->cause)
		cli_table_addf(table, "cause %d", leg->cause);
	else
		cli_table_add(table, leg->end ? "ended" : leg->ringing ? "rings" : "dialled");
}

struct printed {
	struct cli_table *table;
	const struct wtel_call *call;
	const struct wtel_trunk_list *trunks;
	int64_t wall; /* of this booking */
};

static void add_row(const struct printed *to, const char *name, int64_t id, const char *verdict)
{
	if (to->wall)
		cli_table_addf(to->table, "%+.3f", (double)(to->wall - to->call->start) / 1e6);
	else
		cli_table_add(to->table, "-");
	if (*name)
		cli_table_add(to->table, name);
	else
		cli_table_addf(to->table, "%lld", (long long)id);
	cli_table_add(to->table, verdict);
}

static const json_t *route_of(const json_t *document, int64_t id)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(document, "routes"), i, item)
	{
		if (number_at(item, 0) == id)
			return item;
	}
	return NULL;
}

/* What the booking found at one trunk, and what became of it. */
static void add_look(const struct printed *to, const json_t *document, const json_t *look)
{
	int64_t id = number_at(look, 0), calls = number_at(look, 2);
	const json_t *route = route_of(document, id);
	const char *name = cli_trunk_name(to->trunks, id), *number = text_at(route, 2);
	bool taken = strcmp(text_at(look, 1), "taken") == 0;
	char why[160] = "";

	add_row(to, *name ? name : text_at(route, 1), id, text_at(look, 1));
	if (calls >= 0)
		snprintf(why, sizeof(why), "%lld of %lld channels", (long long)calls, (long long)number_at(look, 3));
	if (taken && *number && strcmp(number, to->call->callee_number) != 0)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%sdials %.60s", *why ? ", " : "", number);
	if (taken && *text_at(route, 3))
		snprintf(why + strlen(why), sizeof(why) - strlen(why), ", trial call");
	cli_table_add(to->table, why);
	if (taken)
		add_outcome(to->table, to->call, id);
	else
		cli_table_add(to->table, "");
}

static void add_booking(const struct printed *to, const json_t *document)
{
	const json_t *skipped = json_object_get(document, "skipped"), *looked = json_object_get(document, "looked");
	const json_t *item;
	int64_t more = json_integer_value(json_object_get(document, "more"));
	size_t i;

	json_array_foreach(skipped, i, item)
	{
		/* That one stands above, with what became of it. */
		if (strcmp(text_at(item, 2), "tried") == 0)
			continue;
		add_row(to, text_at(item, 1), number_at(item, 0), text_at(item, 2));
		cli_table_add(to->table, text_at(item, 3));
		cli_table_add(to->table, "");
	}
	if (more > 0) {
		add_row(to, "others", 0, "");
		cli_table_addf(to->table, "%lld not told", (long long)more);
		cli_table_add(to->table, "");
	}
	json_array_foreach(looked, i, item)
	{
		add_look(to, document, item);
	}
}

void cli_print_route(const struct cli *cli, const struct wtel_call *call, const struct wtel_trunk_list *trunks)
{
	static const char *const headings[] = {"%route", "trunk", "verdict", "why", "outcome"};
	struct printed to = {NULL, call, trunks, 0};
	json_t *route = wtel_json_route(call);
	const json_t *document;
	size_t i;

	if (json_array_size(route)) {
		to.table = cli_table_new(headings, 5);
		json_array_foreach(route, i, document)
		{
			to.wall = wall_of(json_string_value(json_object_get(document, "at")));
			add_booking(&to, document);
		}
		puts("");
		cli_table_print(to.table, cli);
	}
	json_decref(route);
}
