#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int store_failed(struct cli *cli, int code)
{
	return cli_fail_code(cli, code, wtel_store_error(cli->store));
}

int cli_find_trunk(struct cli *cli, int64_t *id, const char *word)
{
	int code = wtel_store_trunk_find(cli->store, id, word);

	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "there is no trunk '%s'; see wtelctl trunk list", cli_safe(word));
	return code ? cli_fail_code(cli, code, wtel_store_error(cli->store)) : 0;
}

static void print_state(const struct cli *cli, const struct wtel_trunk_list *list, bool of_campaign)
{
	static const char *const headings[] = {"%id",	 "name",      "endpoint", "status",    "registered", "%calls",
					       "%limit", "%priority", "%total",	  "%answered", "%failed"};
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct wtel_trunk *trunk = &list->trunks[i];

		cli_table_addf(table, "%lld", (long long)trunk->id);
		cli_table_add(table, trunk->name);
		cli_table_add(table, trunk->endpoint);
		cli_table_add(table, wtel_trunk_status_name(trunk->status));
		cli_table_add(table, !trunk->needs_registration ? "not needed" : trunk->registered ? "yes" : "no");
		cli_table_addf(table, "%d", trunk->active_calls);
		cli_table_addf(table, "%d", trunk->max_channels);
		cli_table_addf(table, "%d", of_campaign ? trunk->campaign_priority : trunk->priority);
		cli_table_addf(table, "%lld", (long long)trunk->total_calls);
		cli_table_addf(table, "%lld", (long long)trunk->successful_calls);
		cli_table_addf(table, "%lld", (long long)trunk->failed_calls);
	}
	cli_table_print(table, cli);
}

/* "closed", "closed, 2 faults", "open until 2025-10-25 10:30:00". */
static void add_breaker(struct cli_table *table, const struct wtel_breaker *breaker)
{
	const char *state = wtel_breaker_state_name(breaker->state);

	if (breaker->state == WTEL_BREAKER_OPEN)
		cli_table_addf(table, "%s until %s", state, cli_when(breaker->retry_at));
	else if (breaker->faults)
		cli_table_addf(table, "%s, %d fault%s", state, breaker->faults, breaker->faults == 1 ? "" : "s");
	else
		cli_table_add(table, state);
}

static void print_health(const struct cli *cli, const struct wtel_trunk_list *list,
			 const struct wtel_trunk_health *healths)
{
	static const char *const headings[] = {"%id",
					       "name",
					       "status",
					       "breaker",
					       "%attempts",
					       "%faults",
					       "%answer-seizure",
					       "%post-dial delay",
					       "%average duration"};
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct wtel_trunk_health *health = &healths[i];

		cli_table_addf(table, "%lld", (long long)list->trunks[i].id);
		cli_table_add(table, list->trunks[i].name);
		cli_table_add(table, wtel_trunk_status_name(list->trunks[i].status));
		add_breaker(table, &list->trunks[i].breaker);
		cli_table_addf(table, "%d", health->attempts);
		cli_table_addf(table, "%d", health->faults);
		if (health->answer_seizure_ratio < 0)
			cli_table_add(table, "-");
		else
			cli_table_addf(table, "%d.%02d %%", health->answer_seizure_ratio / 100,
				       health->answer_seizure_ratio % 100);
		cli_table_addf(table, health->post_dial_delay ? "%.3f s" : "-", (double)health->post_dial_delay / 1e6);
		cli_table_addf(table, health->average_call_duration ? "%.1f s" : "-",
			       (double)health->average_call_duration / 1e6);
	}
	cli_table_print(table, cli);
}

/* Of each trunk of the list, to be freed; NULL: told. */
static struct wtel_trunk_health *read_health(struct cli *cli, const struct wtel_trunk_list *list)
{
	struct wtel_trunk_health *healths = calloc(list->count + 1, sizeof(*healths));
	struct wtel_router *router = NULL;
	int64_t wall = wtel_time_now().wall;
	int code = healths ? wtel_store_router(cli->store, &router, cli_country(cli)) : WTEL_ENOMEM;
	size_t i;

	if (code) {
		cli_fail_code(cli, code, healths ? wtel_store_error(cli->store) : NULL);
		free(healths);
		return NULL;
	}
	for (i = 0; i < list->count; i++)
		/* One that came between the two lists has none yet. */
		if (wtel_router_health(router, &healths[i], list->trunks[i].id, wall))
			healths[i].answer_seizure_ratio = -1;
	wtel_router_free(router);
	return healths;
}

static int print_list(const struct cli *cli, const struct wtel_trunk_list *list,
		      const struct wtel_trunk_health *healths, bool of_campaign)
{
	json_t *trunks;
	size_t i;

	if (!cli->json) {
		if (healths)
			print_health(cli, list, healths);
		else
			print_state(cli, list, of_campaign);
		return EXIT_DONE;
	}
	trunks = json_array();
	for (i = 0; i < list->count; i++) {
		json_t *trunk = wtel_json_trunk(&list->trunks[i]);

		if (healths)
			json_object_set_new(trunk, "health", wtel_json_health(&healths[i]));
		json_array_append_new(trunks, trunk);
	}
	return cli_print_json(
		json_pack("{s:b, s:I, s:o}", "success", 1, "count", (json_int_t)list->count, "trunks", trunks), false);
}

int command_trunk_list(struct cli *cli, int argc, char **argv)
{
	int64_t campaign = 0;
	bool health = false;
	const struct cli_option options[] = {
		{"campaign", CLI_NUMBER, &campaign, "N", "only those assigned to this campaign"},
		{"health", CLI_FLAG, &health, NULL, "breakers, and how the calls of the last five minutes went"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_trunk_health *healths = NULL;
	struct wtel_trunk_list *list = NULL;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_trunks(cli->store, &list, campaign);
	if (code)
		return store_failed(cli, code);
	status = EXIT_FAILED;
	if (!health || (healths = read_health(cli, list)))
		status = print_list(cli, list, healths, campaign != 0);
	free(healths);
	wtel_trunk_list_free(list);
	return status;
}

int command_trunk_remove(struct cli *cli, int argc, char **argv)
{
	const char *words[1];
	int64_t id = 0;
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);
	int code;

	if (status || (status = cli_open_store(cli)) || (status = cli_find_trunk(cli, &id, words[0])))
		return status;
	code = wtel_store_trunk_remove(cli->store, id);
	if (code) {
		store_failed(cli, code);
		return EXIT_FAILED;
	}
	return cli->json ? cli_print_json(json_pack("{s:b}", "success", 1), false) : EXIT_DONE;
}

int command_trunk_assign(struct cli *cli, int argc, char **argv)
{
	int64_t priority = 10, campaign = 0, id = 0;
	bool removed = false;
	const struct cli_option options[] = {
		{"priority", CLI_NUMBER, &priority, "N", "1 first, 100 last, within the campaign (10)"},
		{"remove", CLI_FLAG, &removed, NULL, "take the trunk away from the campaign"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	const char *words[2];
	char *end;
	int status = cli_parse(cli, argc, argv, options, words, 2, 2);
	int code;

	if (status)
		return status;
	campaign = strtoll(words[0], &end, 10);
	if (*end || campaign < 1)
		return cli_fail(cli, EXIT_USAGE, "'%s' is no campaign's number", cli_safe(words[0]));
	if (!removed && (priority < 1 || priority > 100))
		return cli_fail(cli, EXIT_USAGE, "--priority wants 1 to 100");
	if ((status = cli_open_store(cli)) || (status = cli_find_trunk(cli, &id, words[1])))
		return status;
	code = wtel_store_assign(cli->store, campaign, id, removed ? 0 : (int)priority);
	if (code)
		return store_failed(cli, code);
	return cli->json ? cli_print_json(json_pack("{s:b}", "success", 1), false) : EXIT_DONE;
}
