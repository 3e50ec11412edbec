#include "cli.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static int store_failed(struct cli *cli, int code)
{
	if (code == WTEL_ENOTFOUND)
		return cli_fail(cli, EXIT_FAILED, "this user has no SIP account; see wtelctl peer list");
	return cli_fail_code(cli, code, wtel_store_error(cli->store));
}

static void print_peers(const struct cli *cli, const struct wtel_peer *peers, size_t count)
{
	static const char *const headings[] = {"%user", "name", "extension", "status", "registered", "last registered"};
	struct cli_table *table = cli_table_new(headings, 6);
	size_t i;

	for (i = 0; i < count; i++) {
		cli_table_addf(table, "%lld", (long long)peers[i].user_id);
		cli_table_add(table, peers[i].username);
		cli_table_add(table, peers[i].extension);
		cli_table_add(table, wtel_peer_status_name(peers[i].status));
		cli_table_add(table, peers[i].registered ? "yes" : "no");
		cli_table_add(table, cli_when(peers[i].last_registered_at));
	}
	cli_table_print(table, cli);
}

int command_peer_list(struct cli *cli, int argc, char **argv)
{
	struct wtel_peer_list *list = NULL;
	json_t *peers;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	int code;
	size_t i;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_peers(cli->store, &list);
	if (code)
		return store_failed(cli, code);
	if (cli->json) {
		peers = json_array();
		for (i = 0; i < list->count; i++)
			json_array_append_new(peers, wtel_json_peer(&list->peers[i]));
		cli_print_json(
			json_pack("{s:b, s:I, s:o}", "success", 1, "count", (json_int_t)list->count, "sipPeers", peers),
			false);
	} else {
		print_peers(cli, list->peers, list->count);
	}
	wtel_peer_list_free(list);
	return EXIT_DONE;
}

static bool kept(const struct cli *cli)
{
	return cli->config->secret_keys != NULL;
}

static int print_created(const struct cli *cli, const struct wtel_peer *peer, const char *secret)
{
	if (cli->json)
		return cli_print_json(json_pack("{s:b, s:s, s:{s:s, s:s, s:s, s:s}}", "success", 1, "message",
						"SIP peer created successfully", "sipPeer", "sipUsername",
						peer->username, "extension", peer->extension, "status",
						wtel_peer_status_name(peer->status), "password", secret),
				      false);
	printf("user name  %s\nextension  %s\nsecret     %s\n", cli_safe(peer->username), cli_safe(peer->extension),
	       secret);
	fputs(kept(cli)
		      ? "The secret is kept sealed: its owner may ask for it again.\n"
		      : "The secret is shown this once: without a key (WTEL_SECRET_KEYS_FILE) only digests are kept.\n",
	      stderr);
	return EXIT_DONE;
}

int command_peer_create(struct cli *cli, int argc, char **argv)
{
	const char *first_name = NULL, *last_name = NULL;
	bool no_webrtc = false;
	int64_t user_id = 0;
	const struct cli_option options[] = {
		{"no-webrtc", CLI_FLAG, &no_webrtc, NULL, "the phone speaks plain SIP; without it, it is a browser"},
		{"user-id", CLI_NUMBER, &user_id, "N", "the platform's user"},
		{"first-name", CLI_TEXT, &first_name, "A", "first name"},
		{"last-name", CLI_TEXT, &last_name, "B", "last name"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	char secret[WTEL_PEER_SECRET_SIZE];
	struct wtel_peer_list *list = NULL;
	int status = cli_parse(cli, argc, argv, options, NULL, 0, 0);
	int code;

	if (status)
		return status;
	if (user_id < 1 || !first_name || !last_name)
		return cli_fail(cli, EXIT_USAGE, "--user-id, --first-name and --last-name are needed");
	if ((status = cli_open_store(cli)))
		return status;
	code = wtel_store_peer_create(cli->store, &list, secret, user_id, wtel_slice_of(first_name),
				      wtel_slice_of(last_name));
	if (code == WTEL_EEXISTS)
		return cli_fail(cli, EXIT_FAILED, "user %lld has a SIP account already", (long long)user_id);
	if (!code && no_webrtc)
		code = wtel_store_peer_set_webrtc(cli->store, user_id, false);
	if (code)
		return store_failed(cli, code);
	status = print_created(cli, list->peers, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	wtel_peer_list_free(list);
	return status;
}

/* The one word of `peer status`, `credentials`, `disable`. */
static int user_word(struct cli *cli, int argc, char **argv, int64_t *user_id)
{
	const char *words[1];
	char *end;
	int status = cli_parse(cli, argc, argv, NULL, words, 1, 1);

	if (status)
		return status;
	*user_id = strtoll(words[0], &end, 10);
	if (*end || *user_id < 1)
		return cli_fail(cli, EXIT_USAGE, "'%s' is no user's number", cli_safe(words[0]));
	return cli_open_store(cli);
}

int command_peer_status(struct cli *cli, int argc, char **argv)
{
	struct wtel_peer_list *list = NULL;
	int64_t user_id = 0;
	int status = user_word(cli, argc, argv, &user_id);
	int code;
	size_t i;

	if (status)
		return status;
	code = wtel_store_peers(cli->store, &list);
	if (code)
		return store_failed(cli, code);
	for (i = 0; i < list->count && list->peers[i].user_id != user_id; i++)
		;
	if (i == list->count)
		status = store_failed(cli, WTEL_ENOTFOUND);
	else if (cli->json)
		status = cli_print_json(
			json_pack("{s:b, s:o}", "success", 1, "sipPeer", wtel_json_peer(&list->peers[i])), false);
	else
		print_peers(cli, &list->peers[i], 1);
	wtel_peer_list_free(list);
	return status;
}

int command_peer_credentials(struct cli *cli, int argc, char **argv)
{
	char secret[WTEL_PEER_SECRET_SIZE];
	int64_t user_id = 0;
	int status = user_word(cli, argc, argv, &user_id);
	int code;

	if (status)
		return status;
	code = wtel_store_peer_renew(cli->store, secret, user_id);
	if (code)
		return store_failed(cli, code);
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:{s:s}}", "success", 1, "credentials", "password", secret), false);
	else
		printf("secret     %s\n", secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	fputs(kept(cli) ? "The old secret is void. This one is kept sealed: its owner may ask for it again.\n"
			: "The old secret is void. This one is shown once: without a key (WTEL_SECRET_KEYS_FILE) only "
			  "digests"
			  " are kept.\n",
	      stderr);
	return EXIT_DONE;
}

static int set_status(struct cli *cli, int argc, char **argv, enum wtel_peer_status wanted)
{
	int64_t user_id = 0;
	int status = user_word(cli, argc, argv, &user_id);
	int code;

	if (status)
		return status;
	code = wtel_store_peer_set_status(cli->store, user_id, wanted);
	if (code)
		return store_failed(cli, code);
	return cli->json ? cli_print_json(json_pack("{s:b}", "success", 1), false) : EXIT_DONE;
}

int command_peer_enable(struct cli *cli, int argc, char **argv)
{
	return set_status(cli, argc, argv, WTEL_PEER_ACTIVE);
}

int command_peer_disable(struct cli *cli, int argc, char **argv)
{
	return set_status(cli, argc, argv, WTEL_PEER_DISABLED);
}
