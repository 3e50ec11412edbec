#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command cli_commands[] = {
#define CLI_COMMAND_X(name, function, usage, summary) {name, function, usage, summary},
#include "commands.def"
#undef CLI_COMMAND_X
	{NULL, NULL, NULL, NULL},
};

static void print_help(FILE *out)
{
	const struct cli_command *command;

	fputs("usage: wtelctl COMMAND [arguments] [--ami URL] [--db URL] [--json]\n\n", out);
	for (command = cli_commands; command->name; command++)
		fprintf(out, "  %-25s %s\n", command->name, command->summary);
	fputs("\nwtelctl COMMAND --help tells a command's options.\n"
	      "Asterisk: --ami ami://user:secret@host:5038, or WTEL_AMI, or ASTERISK_HOST, _PORT, _USER, _PASSWORD.\n"
	      "Database: --db sqlite:PATH or postgresql://..., or WTEL_DB, or DB_HOST, ...; otherwise SQLite in the "
	      "state directory.\n"
	      "Numbers: --country CODE, or WTEL_COUNTRY, for those without a calling code.\n"
	      "Exit status: 0 done, 1 the call or the lookup failed, 2 bad usage, 3 no Asterisk, 4 no database.\n",
	      out);
}

/* How many of the words are the command's name; 0: they are not. */
static int matches(const struct cli_command *command, int argc, char **argv)
{
	const char *space = strchr(command->name, ' ');
	size_t first = space ? (size_t)(space - command->name) : strlen(command->name);

	if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], command->name, first) != 0)
		return 0;
	if (!space)
		return 1;
	return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

/* "trunk" alone: the commands that begin so. */
static bool print_group(const char *word)
{
	const struct cli_command *command;
	bool any = false;

	for (command = cli_commands; command->name; command++) {
		size_t length = strlen(word);

		if (strncmp(command->name, word, length) != 0 || command->name[length] != ' ')
			continue;
		if (!any)
			fprintf(stderr, "usage: wtelctl %s ...\n", word);
		any = true;
		fprintf(stderr, "  wtelctl %s %s\n", command->name, command->usage);
	}
	return any;
}

/* Global options may stand before the command: skip them (and their arguments) to find it. */
static int first_word(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-') {
		bool takes = strcmp(argv[i], "--ami") == 0 || strcmp(argv[i], "--db") == 0 ||
			     strcmp(argv[i], "--ca-file") == 0 || strcmp(argv[i], "--country") == 0;

		i += takes ? 2 : 1;
	}
	return i < argc ? i : argc;
}

/* The command's own words come out, what stood before them moves behind: getopt then sees only options and arguments.
 */
static int run(struct cli *cli, int argc, char **argv, int at, int words)
{
	char **rest = calloc((size_t)argc + 1, sizeof(*rest));
	int count = 0, i, status;

	if (!rest)
		return cli_fail_code(cli, WTEL_ENOMEM, NULL);
	for (i = 0; i < argc; i++)
		if (i < at || i >= at + words)
			rest[count++] = argv[i];
	status = cli->command->run(cli, count, rest);
	cli_close(cli);
	cli_lines_close();
	free(rest);
	return status & (CLI_STOP - 1);
}

static int command(int argc, char **argv)
{
	const char *term = getenv("TERM");
	struct cli cli = {0};
	int at, words = 0;

	cli.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
	at = first_word(argc, argv);
	if (at == argc) {
		bool version = argc > 1 && strcmp(argv[1], "--version") == 0;
		bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);

		if (version)
			printf("wtelctl %s\n", wtel_version());
		else
			print_help(help ? stdout : stderr);
		return version || help ? EXIT_DONE : EXIT_USAGE;
	}
	for (cli.command = cli_commands; cli.command->name; cli.command++)
		if ((words = matches(cli.command, argc - at, argv + at)))
			return run(&cli, argc, argv, at, words);
	if (strcmp(argv[at], "help") == 0) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (!print_group(argv[at]))
		fprintf(stderr, "wtelctl: '%s' is no command; see wtelctl --help\n", cli_safe(argv[at]));
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	char **words = cli_hide_secrets(argc, argv);
	int status = words ? command(argc, words) : EXIT_FAILED;
	int i;

	for (i = 0; words && i < argc; i++)
		free(words[i]);
	free(words);
	return status;
}
