#include "cli.h"

#include <openssl/crypto.h>

int command_keys_new(struct cli *cli, int argc, char **argv)
{
	char line[WTEL_KEY_LINE_SIZE];
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	int code;

	if (status)
		return status;
	code = wtel_keyring_line(line);
	if (code)
		return cli_fail_code(cli, code, NULL);
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:s}", "success", 1, "key", line), false);
	else
		puts(line);
	OPENSSL_cleanse(line, sizeof(line));
	fputs("Put the line first in the file that WTEL_SECRET_KEYS_FILE names (mode 640 or 600), then run wtelctl "
	      "peer reseal.\n",
	      stderr);
	return EXIT_DONE;
}

int command_peer_reseal(struct cli *cli, int argc, char **argv)
{
	int64_t changed = 0, left = 0;
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	int code;

	if (status || (status = cli_open_store(cli)))
		return status;
	code = wtel_store_reseal(cli->store, &changed, &left);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:I, s:I}", "success", left == 0, "changed", (json_int_t)changed,
					 "left", (json_int_t)left),
			       false);
	else
		printf("%lld sealed anew\n", (long long)changed);
	return left ? cli_fail(cli, EXIT_FAILED, "%lld do not open with any of these keys and stay as they are",
			       (long long)left)
		    : EXIT_DONE;
}
