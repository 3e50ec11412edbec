#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int print_list(const struct cli *cli, const struct wtel_call_list *list, const struct wtel_trunk_list *trunks)
{
	static const char *const headings[] = {"start", "call",	       "from",	    "to",
					       "trunk", "disposition", "%duration", "%billed"};
	struct cli_table *table;
	size_t i;

	if (cli->json) {
		json_t *calls = json_array();

		for (i = 0; i < list->count; i++)
			json_array_append_new(
				calls, wtel_json_call(&list->calls[i], list->campaign_names[i], list->lead_names[i]));
		return cli_print_json(
			json_pack("{s:b, s:I, s:o}", "success", 1, "count", (json_int_t)list->total, "calls", calls),
			false);
	}
	table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	for (i = 0; i < list->count; i++) {
		const struct wtel_call *call = &list->calls[i];

		cli_table_add(table, cli_when(call->start));
		cli_table_add(table, call->call_id);
		cli_table_add(table, call->caller_number);
		cli_table_add(table, call->callee_number);
		cli_table_add(table, cli_trunk_name(trunks, call->trunk_id));
		cli_table_add(table,
			      call->end ? wtel_disposition_name(call->disposition) : wtel_call_state_name(call->state));
		cli_table_addf(table, "%lld", (long long)wtel_call_duration(call));
		cli_table_addf(table, "%lld", (long long)wtel_call_billsec(call));
	}
	cli_table_print(table, cli);
	if (list->total > (int64_t)list->count)
		printf("%zu of %lld\n", list->count, (long long)list->total);
	return EXIT_DONE;
}

static int list_calls(struct cli *cli, const struct wtel_call_filter *filter)
{
	struct wtel_trunk_list *trunks = NULL;
	struct wtel_call_list *list = NULL;
	int status = cli_open_store(cli);
	int code;

	if (status)
		return status;
	code = wtel_store_calls(cli->store, &list, filter);
	if (!code && !cli->json)
		code = wtel_store_trunks(cli->store, &trunks, 0);
	status = code ? cli_fail_code(cli, code, wtel_store_error(cli->store)) : print_list(cli, list, trunks);
	wtel_trunk_list_free(trunks);
	wtel_call_list_free(list);
	return status;
}

int command_calls_active(struct cli *cli, int argc, char **argv)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);

	filter.active = true;
	filter.limit = 10000;
	return status ? status : list_calls(cli, &filter);
}

int command_calls_history(struct cli *cli, int argc, char **argv)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	const struct cli_option options[] = {
		{"limit", CLI_NUMBER, &filter.limit, "N", "at most that many (50)"},
		{"offset", CLI_NUMBER, &filter.offset, "N", "leave out the newest N"},
		{"agent", CLI_NUMBER, &filter.agent_id, "N", "only this agent's"},
		{"campaign", CLI_NUMBER, &filter.campaign_id, "N", "only this campaign's"},
		{"from", CLI_DATE, &filter.from, "D", "from that day or time on"},
		{"to", CLI_DATE, &filter.until, "D", "before that day or time"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);

	return status ? status : list_calls(cli, &filter);
}

static int show(const struct cli *cli, const struct wtel_call_list *list, const struct wtel_trunk_list *trunks)
{
	json_t *call;

	if (cli->json) {
		call = wtel_json_call(list->calls, list->campaign_names[0], list->lead_names[0]);
		json_object_set_new(call, "route", wtel_json_route(list->calls));
		return cli_print_json(json_pack("{s:b, s:o}", "success", 1, "call", call), false);
	}
	cli_print_call(cli, list->calls, trunks);
	cli_print_route(cli, list->calls, trunks);
	return EXIT_DONE;
}

int command_calls_show(struct cli *cli, int argc, char **argv)
{
	struct wtel_trunk_list *trunks = NULL;
	struct wtel_call_list *list = NULL;
	const char *words[1];
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_call(cli->store, &list, words[0]);
	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "there is no call '%s'", cli_safe(words[0]));
	if (!code)
		code = wtel_store_trunks(cli->store, &trunks, 0);
	status = code ? cli_fail_code(cli, code, wtel_store_error(cli->store)) : show(cli, list, trunks);
	wtel_trunk_list_free(trunks);
	wtel_call_list_free(list);
	return status;
}

static int print_stats(const struct cli *cli, const struct wtel_call_stats *stats)
{
	char rate[32];

	snprintf(rate, sizeof(rate), "%lld.%02lld", (long long)(stats->answer_rate / 100),
		 (long long)(stats->answer_rate % 100));
	if (!cli->json) {
		printf("calls       %lld\n", (long long)stats->total_calls);
#define WTEL_DISPOSITION_X(id, value, key)                                                                             \
	printf("%-11s %lld\n", value, (long long)stats->by_disposition[WTEL_DISPOSITION_##id]);
#include <wtel/disposition.def>
#undef WTEL_DISPOSITION_X
		printf("duration    %lld s, %lld s on average\n", (long long)stats->total_duration,
		       (long long)stats->average_duration);
		printf("billed      %lld s, %lld s on average\n", (long long)stats->total_billsec,
		       (long long)stats->average_billsec);
		printf("answered    %s %%\n", rate);
		return EXIT_DONE;
	}
	return cli_print_json(json_pack("{s:b, s:o}", "success", 1, "stats", wtel_json_stats(stats)), false);
}

int command_stats(struct cli *cli, int argc, char **argv)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	const struct cli_option options[] = {
		{"agent", CLI_NUMBER, &filter.agent_id, "N", "only this agent's calls"},
		{"campaign", CLI_NUMBER, &filter.campaign_id, "N", "only this campaign's"},
		{"from", CLI_DATE, &filter.from, "D", "from that day or time on"},
		{"to", CLI_DATE, &filter.until, "D", "before that day or time"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_call_stats stats;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_stats(cli->store, &stats, &filter);
	return code ? cli_fail_code(cli, code, wtel_store_error(cli->store)) : print_stats(cli, &stats);
}

static void progress(enum wtel_log_level level, const char *text, void *user)
{
	(void)level;
	(void)user;
	fprintf(stderr, "%s\n", cli_safe(text));
}

int command_migrate(struct cli *cli, int argc, char **argv)
{
	int version = 0, wanted = 0;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_database(cli)))
		return status;
	code = wtel_store_migrate(cli->store, progress, NULL);
	if (!code)
		code = wtel_store_schema(cli->store, &version, &wanted);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	if (cli->json)
		return cli_print_json(json_pack("{s:b, s:i}", "success", 1, "version", version), false);
	printf("the schema has version %d\n", version);
	return EXIT_DONE;
}
