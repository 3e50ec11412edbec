/* wtelctl trunk add and trunk set. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* What `trunk add` and `trunk set` take; NULL and -1 where nothing was said. */
struct changes {
	const char *name, *description, *provider, *type, *host, *username, *password, *from_user, *from_domain,
		*status, *endpoint, *settings;
	int64_t port, max_channels, priority;
	bool no_registration, registration;
	struct cli_rules rules;
};

#define CHANGES_INIT                                                                                                   \
	{                                                                                                              \
		.port = -1, .max_channels = -1, .priority = -1, .rules = {.calls_per_second = -1, .weight = -1},       \
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
		{"calls-per-second", CLI_NUMBER, &(c).rules.calls_per_second, "N",                                     \
		 "calls begun in any one second (0: no limit)"},                                                       \
		{"weight", CLI_NUMBER, &(c).rules.weight, "N",                                                         \
		 "share among trunks of equal priority (0: by free channels)"},                                        \
		{"caller-id", CLI_TEXT, &(c).rules.caller_id, "NUMBER", "shown to the customer ('': none)"},           \
		{"prefix", CLI_TEXTS, &(c).rules.prefixes, "RULE",                                                     \
		 "a prefix it carries, '+1:strip=1,prepend=00', or does not, '!+1900'; repeatable"},                   \
		{"no-prefixes", CLI_FLAG, &(c).rules.no_prefixes, NULL, "takes the prefixes away that it had"},        \
		{"window", CLI_TEXTS, &(c).rules.windows, "TIMES",                                                     \
		 "when calls may begin, 'mon-fri 09:00-18:30'; repeatable"},                                           \
		{"no-windows", CLI_FLAG, &(c).rules.no_windows, NULL, "takes the windows away that it had"},           \
		{"timezone", CLI_TEXT, &(c).rules.timezone, "ZONE",                                                    \
		 "of the windows, such as Europe/Madrid ('': UTC)"},                                                   \
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
	char *settings = NULL, *ruled = NULL;
	int64_t id = 0;
	int code;

	if (status)
		return status;
	if (changes->registration && (settings = settings_with_registration(trunk)))
		trunk->advanced_settings = settings;
	status = cli_rules_apply(cli, &ruled, trunk->advanced_settings, &changes->rules);
	if (ruled)
		trunk->advanced_settings = ruled;
	code = status ? 0 : wtel_store_trunk_save(cli->store, &id, trunk);
	free(settings);
	free(ruled);
	if (status)
		return status;
	if (code == WTEL_EEXISTS)
		return cli_fail(cli, EXIT_FAILED, "there is a trunk '%s' already", cli_safe(trunk->name));
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
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

	if (status || (status = cli_open_store(cli)) || (status = cli_find_trunk(cli, &id, words[0])))
		return status;
	code = wtel_store_trunks(cli->store, &list, 0);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	status = EXIT_FAILED;
	for (i = 0; i < list->count; i++) {
		struct wtel_trunk trunk = list->trunks[i];

		if (trunk.id == id)
			status = save(cli, &trunk, &changes);
	}
	wtel_trunk_list_free(list);
	return status;
}
