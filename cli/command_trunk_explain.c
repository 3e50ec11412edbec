#include "cli.h"

#include <string.h>

/* What would be dialled through that trunk; NULL: it may not carry the call. */
static const struct wtel_route *route_of(const struct cli_choice *choice, int64_t trunk_id)
{
	size_t i;

	for (i = 0; i < choice->route_count; i++)
		if (choice->routes[i].trunk_id == trunk_id)
			return &choice->routes[i];
	return NULL;
}

static void print_choice(const struct cli *cli, const struct cli_choice *choice, bool numbers)
{
	static const char *const headings[] = {"%order", "%id",	    "name", "%priority", "%share",   "%calls",
					       "%limit", "verdict", "why",  "dials",	 "caller id"};
	struct cli_table *table = cli_table_new(headings, numbers ? 11 : 9);
	size_t order = 0, i;

	for (i = 0; i < choice->count; i++) {
		const struct wtel_route_step *step = &choice->steps[i];
		const struct wtel_route *route = route_of(choice, step->trunk_id);

		if (cli_may_carry(step))
			cli_table_addf(table, "%zu", ++order);
		else
			cli_table_add(table, "-");
		cli_table_addf(table, "%lld", (long long)step->trunk_id);
		cli_table_add(table, step->name);
		cli_table_addf(table, "%d", step->priority);
		cli_table_addf(table, "%d", step->weight);
		cli_table_addf(table, "%d", step->active_calls);
		cli_table_addf(table, "%d", step->max_channels);
		cli_table_add(table, wtel_route_verdict_name(step->verdict));
		cli_table_add(table, step->text);
		if (numbers) {
			cli_table_add(table, route ? route->number : "");
			cli_table_add(table, route ? route->caller_id : "");
		}
	}
	cli_table_print(table, cli);
}

static void print_json(const struct cli_choice *choice)
{
	json_t *trunks = json_array(), *first = NULL;
	size_t order = 0, i;

	for (i = 0; i < choice->count; i++) {
		const struct wtel_route_step *step = &choice->steps[i];
		bool may = cli_may_carry(step);

		if (may && !order)
			first = json_integer(step->trunk_id);
		order += may;
		json_array_append_new(trunks, wtel_json_step(step, route_of(choice, step->trunk_id), may ? order : 0));
	}
	cli_print_json(json_pack("{s:b, s:o, s:o}", "success", order != 0, "trunkId", first ? first : json_null(),
				 "trunks", trunks),
		       false);
}

static bool any(const struct cli_choice *choice)
{
	size_t i;

	for (i = 0; i < choice->count; i++)
		if (cli_may_carry(&choice->steps[i]))
			return true;
	return false;
}

int command_trunk_explain(struct cli *cli, int argc, char **argv)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	const struct cli_option options[] = {
		{"campaign", CLI_NUMBER, &request.campaign_id, "N", "for a call of this campaign"},
		{"to", CLI_TEXT, &request.number, "NUMBER", "for a call to this number: prefixes count then"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_router *router = NULL;
	struct cli_choice choice;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_router(cli->store, &router, cli_country(cli));
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	status = cli_explain(cli, &choice, router, &request);
	if (!status && cli->json)
		print_json(&choice);
	else if (!status)
		print_choice(cli, &choice, request.number != NULL);
	if (!status && !any(&choice)) {
		status = EXIT_FAILED;
		if (!cli->json)
			cli_fail_code(cli, WTEL_ENOTRUNK, NULL);
	}
	cli_choice_free(&choice);
	wtel_router_free(router);
	return status;
}
