#include "cli.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <wtel/access.h>

#define DAY INT64_C(86400000000)

static json_t *token_json(const struct wtel_grant *token)
{
	return json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "id", (json_int_t)token->id, "name",
			 wtel_json_text(token->name), "role", wtel_role_name(token->role), "userId",
			 wtel_json_id(token->user_id), "createdAt", wtel_json_time(token->created_at), "expiresAt",
			 wtel_json_time(token->expires_at), "lastUsedAt", wtel_json_time(token->last_used_at),
			 "revokedAt", wtel_json_time(token->revoked_at), "userInactive", token->user_inactive);
}

/* ---- create ----------------------------------------------------------- */

static int print_created(const struct cli *cli, const struct wtel_grant *token, const char *secret)
{
	if (cli->json)
		return cli_print_json(
			json_pack("{s:b, s:o, s:s}", "success", 1, "token", token_json(token), "secret", secret),
			false);
	puts(secret);
	fprintf(stderr, "Token %lld (%s). Its secret is shown this once: only its hash is kept.\n",
		(long long)token->id, wtel_role_name(token->role));
	return EXIT_DONE;
}

static int check(const struct cli *cli, const struct wtel_grant *token, const char *role)
{
	if (!token->name || !*token->name || !role)
		return cli_fail(cli, EXIT_USAGE, "--name and --role are needed");
	if (token->role == WTEL_ROLE_AGENT && !token->user_id)
		return cli_fail(cli, EXIT_USAGE, "an agent's token needs --user-id: an agent has own calls only");
	return EXIT_DONE;
}

int command_token_create(struct cli *cli, int argc, char **argv)
{
	struct wtel_grant token = {0, WTEL_GRANT_TOKEN, 0, WTEL_ROLE_AGENT, NULL, 0, 0, 0, 0, false};
	const char *role = NULL;
	int64_t days = 0;
	const struct cli_option options[] = {
		{"name", CLI_TEXT, &token.name, "NAME", "what it is for, for people"},
		{"role", CLI_TEXT, &role, "ROLE", "agent, supervisor or admin"},
		{"user-id", CLI_NUMBER, &token.user_id, "N", "the platform's user whom it stands for"},
		{"expires", CLI_NUMBER, &days, "DAYS", "after so many days; without it never"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	struct wtel_grant_list *list = NULL;
	char secret[WTEL_ACCESS_SECRET_SIZE];
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status)
		return status;
	if (role && wtel_role_parse(&token.role, role))
		return cli_fail(cli, EXIT_USAGE, "'%s' is no role: agent, supervisor or admin", cli_safe(role));
	if ((status = check(cli, &token, role)))
		return status;
	if (days > 36500)
		return cli_fail(cli, EXIT_USAGE, "--expires is at most 36500 days");
	if (days)
		token.expires_at = wtel_time_now().wall + days * DAY;
	if ((status = cli_open_store(cli)))
		return status;
	code = wtel_store_token_create(cli->store, &list, secret, &token);
	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "the platform has no user %lld", (long long)token.user_id);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	status = print_created(cli, list->grants, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	wtel_grant_list_free(list);
	return status;
}

/* ---- list ------------------------------------------------------------- */

static const char *state_of(const struct wtel_grant *token, int64_t now)
{
	if (token->revoked_at)
		return "revoked";
	if (token->expires_at && token->expires_at <= now)
		return "expired";
	return token->user_inactive ? "user inactive" : "good";
}

static void print_tokens(const struct cli *cli, const struct wtel_grant_list *list)
{
	static const char *const headings[] = {"%id",	  "name",    "role",	  "%user",
					       "created", "expires", "last used", "state"};
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(*headings));
	int64_t now = wtel_time_now().wall;
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct wtel_grant *token = &list->grants[i];

		cli_table_addf(table, "%lld", (long long)token->id);
		cli_table_add(table, token->name);
		cli_table_add(table, wtel_role_name(token->role));
		if (token->user_id)
			cli_table_addf(table, "%lld", (long long)token->user_id);
		else
			cli_table_add(table, "-");
		cli_table_add(table, cli_when(token->created_at));
		cli_table_add(table, cli_when(token->expires_at));
		cli_table_add(table, cli_when(token->last_used_at));
		cli_table_add(table, state_of(token, now));
	}
	cli_table_print(table, cli);
}

int command_token_list(struct cli *cli, int argc, char **argv)
{
	struct wtel_grant_list *list = NULL;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	json_t *tokens;
	size_t i;
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_tokens(cli->store, &list);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	if (cli->json) {
		tokens = json_array();
		for (i = 0; i < list->count; i++)
			json_array_append_new(tokens, token_json(&list->grants[i]));
		status = cli_print_json(
			json_pack("{s:b, s:I, s:o}", "success", 1, "count", (json_int_t)list->count, "tokens", tokens),
			false);
	} else {
		print_tokens(cli, list);
	}
	wtel_grant_list_free(list);
	return status;
}

/* ---- revoke ----------------------------------------------------------- */

int command_token_revoke(struct cli *cli, int argc, char **argv)
{
	const char *words[1];
	long long id;
	char *end;
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);
	int code;

	if (status)
		return status;
	id = strtoll(words[0], &end, 10);
	if (end == words[0] || *end || id < 1 || id > INT32_MAX)
		return cli_fail(cli, EXIT_USAGE, "'%s' is no token's number; see wtelctl token list",
				cli_safe(words[0]));
	if ((status = cli_open_store(cli)))
		return status;
	code = wtel_store_token_revoke(cli->store, id);
	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "there is no token %lld; see wtelctl token list", id);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	return cli->json ? cli_print_json(json_pack("{s:b}", "success", 1), false) : EXIT_DONE;
}
