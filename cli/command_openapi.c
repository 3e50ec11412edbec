#include "cli.h"

#include <stdlib.h>
#include <wtel/api.h>

int command_openapi(struct cli *cli, int argc, char **argv)
{
	int status = cli_parse(cli, argc, argv, NULL, NULL, 0, 0);
	char *text;
	int code;

	if (status)
		return status;
	code = wtel_api_openapi(&text);
	if (code)
		return cli_fail_code(cli, code, NULL);
	puts(text);
	free(text);
	return EXIT_DONE;
}
