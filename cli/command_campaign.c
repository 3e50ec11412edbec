#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* "twilio-main (1), vonage (2)" into a cell. */
static void add_trunks(struct cli_table *table, const struct wtel_campaign *campaign,
		       const struct wtel_trunk_list *trunks)
{
	char text[400] = "";
	size_t length = 0, i;

	for (i = 0; i < campaign->trunk_count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s (%d)", i ? ", " : "",
					   cli_safe(cli_trunk_name(trunks, campaign->trunks[i].trunk_id)),
					   campaign->trunks[i].priority);
	cli_table_add(table, text);
}

static int print_campaigns(const struct cli *cli, const struct wtel_campaign_list *list,
			   const struct wtel_trunk_list *trunks)
{
	static const char *const headings[] = {"%campaign", "own trunks (priority)", "then", "caller id"};
	json_t *campaigns = cli->json ? json_array() : NULL;
	struct cli_table *table = cli->json ? NULL : cli_table_new(headings, 4);
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct wtel_campaign *campaign = &list->campaigns[i];

		if (campaigns) {
			json_array_append_new(campaigns, wtel_json_campaign(campaign, trunks));
			continue;
		}
		cli_table_addf(table, "%lld", (long long)campaign->id);
		add_trunks(table, campaign, trunks);
		cli_table_add(table, campaign->general || !campaign->trunk_count ? "the general list" : "nothing");
		cli_table_add(table, campaign->caller_id);
	}
	if (campaigns)
		return cli_print_json(json_pack("{s:b, s:I, s:o}", "success", 1, "count", (json_int_t)list->count,
						"campaigns", campaigns),
				      false);
	cli_table_print(table, cli);
	return EXIT_DONE;
}

int command_campaign_list(struct cli *cli, int argc, char **argv)
{
	struct wtel_campaign_list *list = NULL;
	struct wtel_trunk_list *trunks = NULL;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_campaigns(cli->store, &list);
	if (!code)
		code = wtel_store_trunks(cli->store, &trunks, 0);
	status = code ? cli_fail_code(cli, code, wtel_store_error(cli->store)) : print_campaigns(cli, list, trunks);
	wtel_trunk_list_free(trunks);
	wtel_campaign_list_free(list);
	return status;
}

/* What is known of a campaign; one without anything uses its own trunks alone. */
static struct wtel_campaign known(const struct wtel_campaign_list *list, int64_t id)
{
	struct wtel_campaign campaign = {id, false, "", NULL, 0};
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->campaigns[i].id == id)
			return list->campaigns[i];
	return campaign;
}

struct campaign_changes {
	bool general, own, no_caller_id;
	const char *caller_id;
};

static int save(struct cli *cli, int64_t id, const struct campaign_changes *changes)
{
	struct wtel_campaign_list *list = NULL;
	struct wtel_campaign campaign;
	int code = wtel_store_campaigns(cli->store, &list);

	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	campaign = known(list, id);
	if (changes->general || changes->own)
		campaign.general = changes->general;
	if (changes->caller_id || changes->no_caller_id)
		campaign.caller_id = changes->caller_id ? changes->caller_id : "";
	code = wtel_store_campaign_save(cli->store, &campaign);
	wtel_campaign_list_free(list);
	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "there is no campaign %lld", (long long)id);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	return cli->json ? cli_print_json(json_pack("{s:b, s:I}", "success", 1, "id", (json_int_t)id), false)
			 : EXIT_DONE;
}

int command_campaign_set(struct cli *cli, int argc, char **argv)
{
	struct campaign_changes changes = {false, false, false, NULL};
	const struct cli_option options[] = {
		{"then-general", CLI_FLAG, &changes.general, NULL, "after its own trunks the general list"},
		{"only-own", CLI_FLAG, &changes.own, NULL, "its own trunks, and no other"},
		{"caller-id", CLI_TEXT, &changes.caller_id, "NUMBER", "shown to its customers, whatever the trunk"},
		{"no-caller-id", CLI_FLAG, &changes.no_caller_id, NULL, "the trunk's own is shown"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	const char *words[1];
	char *end;
	int64_t id;
	int status = cli_parse(cli, argc, argv, options, words, 1, 1);

	if (status)
		return status;
	id = strtoll(words[0], &end, 10);
	if (*end || id < 1)
		return cli_fail(cli, EXIT_USAGE, "'%s' is no campaign's number", cli_safe(words[0]));
	if (changes.general && changes.own)
		return cli_fail(cli, EXIT_USAGE, "--then-general and --only-own exclude each other");
	if (changes.caller_id && changes.no_caller_id)
		return cli_fail(cli, EXIT_USAGE, "--caller-id and --no-caller-id exclude each other");
	if (!changes.general && !changes.own && !changes.caller_id && !changes.no_caller_id)
		return cli_fail(cli, EXIT_USAGE, "nothing to set; see wtelctl %s --help", cli->command->name);
	status = cli_open_store(cli);
	return status ? status : save(cli, id, &changes);
}
