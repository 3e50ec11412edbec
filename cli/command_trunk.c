#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int store_failed(struct cli *cli, int code)
{
	return cli_fail_code(cli, code, wtel_store_error(cli->store));
}

int command_trunk_list(struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = {"%id",	 "name",      "endpoint", "status",    "registered", "%calls",
					       "%limit", "%priority", "%total",	  "%answered", "%failed"};
	int64_t campaign = 0;
	const struct cli_option options[] = {
		{"campaign", CLI_NUMBER, &campaign, "N", "only those assigned to this campaign"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_trunk_list *list = NULL;
	struct cli_table *table;
	json_t *trunks;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;
	size_t i;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_trunks(cli->store, &list, campaign);
	if (code)
		return store_failed(cli, code);
	trunks = json_array();
	table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	for (i = 0; i < list->count; i++) {
		const struct wtel_trunk *trunk = &list->trunks[i];

		json_array_append_new(trunks, cli_json_trunk(trunk));
		cli_table_addf(table, "%lld", (long long)trunk->id);
		cli_table_add(table, trunk->name);
		cli_table_add(table, trunk->endpoint);
		cli_table_add(table, wtel_trunk_status_name(trunk->status));
		cli_table_add(table, !trunk->needs_registration ? "not needed" : trunk->registered ? "yes" : "no");
		cli_table_addf(table, "%d", trunk->active_calls);
		cli_table_addf(table, "%d", trunk->max_channels);
		cli_table_addf(table, "%d", campaign ? trunk->campaign_priority : trunk->priority);
		cli_table_addf(table, "%lld", (long long)trunk->total_calls);
		cli_table_addf(table, "%lld", (long long)trunk->successful_calls);
		cli_table_addf(table, "%lld", (long long)trunk->failed_calls);
	}
	if (cli->json)
		cli_print_json(
			json_pack("{s:b, s:I, s:O}", "success", 1, "count", (json_int_t)list->count, "trunks", trunks),
			false);
	else
		cli_table_print(table, cli);
	json_decref(trunks);
	wtel_trunk_list_free(list);
	return EXIT_DONE;
}

/* What `trunk add` and `trunk set` take; NULL and -1 where nothing was said. */
struct changes {
	const char *name, *description, *provider, *type, *host, *username, *password, *from_user, *from_domain,
		*status, *endpoint, *settings;
	int64_t port, max_channels, priority;
	bool no_registration, registration;
};

#define CHANGES_INIT                                                                                                   \
	{                                                                                                              \
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, -1, -1, -1, false, false       \
	}
#define CHANGE_OPTIONS(c)                                                                                              \
	{"name", CLI_TEXT, &(c).name, "NAME", "another name"},                                                         \
		{"host", CLI_TEXT, &(c).host, "HOST", "the carrier's host"},                                           \
		{"port", CLI_NUMBER, &(c).port, "N", "its SIP port (5060)"},                                           \
		{"provider", CLI_TEXT, &(c).provider, "P", "twilio, vonage, bandwidth or custom (custom)"},            \
		{"type", CLI_TEXT, &(c).type, "T", "sip, iax2 or pjsip (pjsip)"},                                      \
		{"username", CLI_TEXT, &(c).username, "USER", "account at the carrier"},                               \
		{"password", CLI_TEXT, &(c).password, "SECRET",                                                        \
		 "its secret; better in the variable WTEL_TRUNK_PASSWORD"},                                            \
		{"from-user", CLI_TEXT, &(c).from_user, "NUMBER", "caller id that the carrier accepts"},               \
		{"from-domain", CLI_TEXT, &(c).from_domain, "HOST", "domain of the From header"},                      \
		{"max-channels", CLI_NUMBER, &(c).max_channels, "N", "calls at the same time (10)"},                   \
		{"priority", CLI_NUMBER, &(c).priority, "N", "1 first, 100 last (10)"},                                \
		{"status", CLI_TEXT, &(c).status, "S", "active, inactive, maintenance or error (active)"},             \
		{"endpoint", CLI_TEXT, &(c).endpoint, "NAME", "PJSIP endpoint in Asterisk (the name's slug)"},         \
		{"no-registration", CLI_FLAG, &(c).no_registration, NULL, "the carrier knows us by address"},          \
		{"registration", CLI_FLAG, &(c).registration, NULL, "the trunk has to be registered to be used"},      \
		{"description", CLI_TEXT, &(c).description, "TEXT", "for people"},                                     \
		{"settings", CLI_TEXT, &(c).settings, "JSON", "advanced_settings, a JSON object"},                     \
	{                                                                                                              \
		NULL, CLI_FLAG, NULL, NULL, NULL                                                                       \
	}

static int bad_word(struct cli *cli, const char *option, const char *value)
{
	return cli_fail(cli, EXIT_USAGE, "--%s '%s' is none of its values; see wtelctl %s --help", option,
			cli_safe(value), cli->command->name);
}

/* Out of int's range stays out of every column's. */
static int narrow(int64_t value)
{
	return value > 1000000000 ? 1000000000 : (int)value;
}

static int apply(struct cli *cli, struct wtel_trunk *trunk, const struct changes *changes)
{
	if (changes->provider && wtel_trunk_provider_parse(&trunk->provider, changes->provider))
		return bad_word(cli, "provider", changes->provider);
	if (changes->type && wtel_trunk_type_parse(&trunk->type, changes->type))
		return bad_word(cli, "type", changes->type);
	if (changes->status && wtel_trunk_status_parse(&trunk->status, changes->status))
		return bad_word(cli, "status", changes->status);
#define APPLY(member)                                                                                                  \
	if (changes->member)                                                                                           \
	trunk->member = changes->member
	APPLY(name);
	APPLY(description);
	APPLY(host);
	APPLY(username);
	APPLY(password);
	APPLY(from_user);
	APPLY(from_domain);
	APPLY(endpoint);
#undef APPLY
	if (!changes->password)
		trunk->password = getenv("WTEL_TRUNK_PASSWORD");
	if (changes->settings)
		trunk->advanced_settings = changes->settings;
	if (changes->port >= 0)
		trunk->port = narrow(changes->port);
	if (changes->max_channels >= 0)
		trunk->max_channels = narrow(changes->max_channels);
	if (changes->priority >= 0)
		trunk->priority = narrow(changes->priority);
	if (changes->no_registration || changes->registration)
		trunk->needs_registration = changes->registration;
	return 0;
}

/* --registration is stronger than what is left in the settings. The new settings, to be freed; NULL if there is no
 * need. */
static char *settings_with_registration(const struct wtel_trunk *trunk)
{
	json_t *settings = json_loads(trunk->advanced_settings ? trunk->advanced_settings : "{}", 0, NULL);
	char *text = NULL;

	if (settings && !json_object_del(settings, "registration"))
		text = json_dumps(settings, JSON_COMPACT);
	json_decref(settings);
	return text;
}

static int save(struct cli *cli, struct wtel_trunk *trunk, const struct changes *changes)
{
	int status = apply(cli, trunk, changes);
	char *settings = NULL;
	int64_t id = 0;
	int code;

	if (status)
		return status;
	if (changes->registration && (settings = settings_with_registration(trunk)))
		trunk->advanced_settings = settings;
	code = wtel_store_trunk_save(cli->store, &id, trunk);
	free(settings);
	if (code == WTEL_EEXISTS)
		return cli_fail(cli, EXIT_FAILED, "there is a trunk '%s' already", cli_safe(trunk->name));
	if (code)
		return store_failed(cli, code);
	if (cli->json)
		return cli_print_json(json_pack("{s:b, s:I}", "success", 1, "id", (json_int_t)id), false);
	printf("trunk %lld, %s\n", (long long)id, cli_safe(trunk->name));
	return EXIT_DONE;
}

int command_trunk_add(struct cli *cli, int argc, char **argv)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct changes changes = CHANGES_INIT;
	const struct cli_option options[] = {CHANGE_OPTIONS(changes)};
	const char *words[1];
	int status = cli_parse(cli, argc, argv, options, words, 1, 1);

	if (status || (status = cli_open_store(cli)))
		return status;
	trunk.name = words[0];
	return save(cli, &trunk, &changes);
}

static int find(struct cli *cli, int64_t *id, const char *word)
{
	int code = wtel_store_trunk_find(cli->store, id, word);

	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "there is no trunk '%s'; see wtelctl trunk list", cli_safe(word));
	return code ? store_failed(cli, code) : 0;
}

int command_trunk_set(struct cli *cli, int argc, char **argv)
{
	struct changes changes = CHANGES_INIT;
	const struct cli_option options[] = {CHANGE_OPTIONS(changes)};
	struct wtel_trunk_list *list = NULL;
	const char *words[1];
	int64_t id = 0;
	int status = cli_parse(cli, argc, argv, options, words, 1, 1);
	int code;
	size_t i;

	if (status || (status = cli_open_store(cli)) || (status = find(cli, &id, words[0])))
		return status;
	code = wtel_store_trunks(cli->store, &list, 0);
	if (code)
		return store_failed(cli, code);
	status = EXIT_FAILED;
	for (i = 0; i < list->count; i++) {
		struct wtel_trunk trunk = list->trunks[i];

		if (trunk.id == id)
			status = save(cli, &trunk, &changes);
	}
	wtel_trunk_list_free(list);
	return status;
}

int command_trunk_remove(struct cli *cli, int argc, char **argv)
{
	const char *words[1];
	int64_t id = 0;
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);
	int code;

	if (status || (status = cli_open_store(cli)) || (status = find(cli, &id, words[0])))
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
	if ((status = cli_open_store(cli)) || (status = find(cli, &id, words[1])))
		return status;
	code = wtel_store_assign(cli->store, campaign, id, removed ? 0 : (int)priority);
	if (code)
		return store_failed(cli, code);
	return cli->json ? cli_print_json(json_pack("{s:b}", "success", 1), false) : EXIT_DONE;
}

/* The choice as it would be made now, from the store's own rows. */
static int explain(struct cli *cli, const struct wtel_trunk_list *list)
{
	static const char *const headings[] = {"%id", "name", "%priority", "%calls", "%limit", "verdict"};
	struct wtel_trunk_load *loads = calloc(list->count + 1, sizeof(*loads));
	enum wtel_trunk_verdict *verdicts = calloc(list->count + 1, sizeof(*verdicts));
	struct cli_table *table = cli_table_new(headings, 6);
	json_t *trunks = json_array();
	size_t index = 0, i, k;
	int code;

	if (!loads || !verdicts)
		return cli_fail_code(cli, WTEL_ENOMEM, NULL);
	for (i = 0; i < list->count; i++)
		loads[i] = wtel_trunk_load_of(&list->trunks[i]);
	wtel_trunk_sort(loads, list->count);
	code = wtel_trunk_choose(&index, loads, list->count, verdicts);
	for (i = 0; i < list->count; i++) {
		for (k = 0; list->trunks[k].id != loads[i].id; k++)
			;
		json_array_append_new(trunks, json_pack("{s:I, s:o, s:s}", "id", (json_int_t)loads[i].id, "name",
							cli_json_text(list->trunks[k].name), "verdict",
							wtel_trunk_verdict_name(verdicts[i])));
		cli_table_addf(table, "%lld", (long long)loads[i].id);
		cli_table_add(table, list->trunks[k].name);
		cli_table_addf(table, "%d", loads[i].priority);
		cli_table_addf(table, "%d", loads[i].active_calls);
		cli_table_addf(table, "%d", loads[i].max_channels);
		cli_table_add(table, wtel_trunk_verdict_name(verdicts[i]));
	}
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:o, s:O}", "success", !code, "trunkId",
					 code ? json_null() : json_integer(loads[index].id), "trunks", trunks),
			       false);
	else
		cli_table_print(table, cli);
	json_decref(trunks);
	free(loads);
	free(verdicts);
	if (code && !cli->json)
		return cli_fail_code(cli, code, NULL);
	return code ? EXIT_FAILED : EXIT_DONE;
}

int command_trunk_explain(struct cli *cli, int argc, char **argv)
{
	int64_t campaign = 0;
	const struct cli_option options[] = {
		{"campaign", CLI_NUMBER, &campaign, "N", "for a call of this campaign"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_trunk_list *list = NULL;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_trunks(cli->store, &list, campaign);
	if (!code && campaign && !list->count) {
		/* A campaign without trunks of its own uses all. */
		wtel_trunk_list_free(list);
		code = wtel_store_trunks(cli->store, &list, 0);
	}
	if (code)
		return store_failed(cli, code);
	status = explain(cli, list);
	wtel_trunk_list_free(list);
	return status;
}
