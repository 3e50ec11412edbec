#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_OPTION = 1000, MOST_OPTIONS = 40 };

static const struct cli_option common[] = {
	{"ami", CLI_TEXT, NULL, "URL", "Asterisk: ami://user:secret@host:5038, amis:// for TLS; several by commas"},
	{"db", CLI_TEXT, NULL, "URL", "database: sqlite:PATH or postgresql://..."},
	{"ca-file", CLI_TEXT, NULL, "FILE", "certificates to trust for amis://"},
	{"country", CLI_TEXT, NULL, "CODE", "calling code of numbers without one, such as 34"},
	{"json", CLI_FLAG, NULL, NULL, "print JSON"},
	{"verbose", CLI_FLAG, NULL, NULL, "log what happens to standard error"},
	{"help", CLI_FLAG, NULL, NULL, "this text"},
	{NULL, CLI_FLAG, NULL, NULL, NULL},
};

static void print_options(const struct cli_option *options)
{
	for (; options && options->name; options++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", options->name, options->argument ? " " : "",
			 options->argument ? options->argument : "");
		printf("  %-22s %s\n", left, options->help);
	}
}

int cli_help(const struct cli_command *command, const struct cli_option *options)
{
	printf("usage: wtelctl %s%s%s\n%s\n\n", command->name, *command->usage ? " " : "", command->usage,
	       command->summary);
	print_options(options);
	print_options(common);
	return CLI_STOP + EXIT_DONE;
}

static bool read_number(int64_t *out, const char *text)
{
	long long value;
	char *end;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < 0)
		return false;
	*out = value;
	return true;
}

static bool read_seconds(int64_t *out, const char *text)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(text, &end);
	if (end == text || *end || errno || !(value >= 0) || value > 1e6)
		return false;
	*out = (int64_t)(value * 1e6);
	return true;
}

/* "2025-10-01" or "2025-10-01 10:30[:00]", local time as a person at a shell means it; with a Z it is UTC. */
static bool read_date(int64_t *out, const char *text)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0}, again;
		const char *end = strptime(text, forms[i], &tm);
		bool utc = end && *end == 'Z' && !end[1];
		time_t seconds;

		if (!end || (*end && !utc))
			continue;
		tm.tm_isdst = -1;
		again = tm;
		seconds = utc ? timegm(&again) : mktime(&again);
		if (seconds == (time_t)-1 || again.tm_mday != tm.tm_mday)
			return false;
		*out = (int64_t)seconds * 1000000;
		return true;
	}
	return false;
}

static bool add_text(struct cli_texts *out, const char *text)
{
	if (out->count == CLI_MOST_TEXTS)
		return false;
	out->texts[out->count++] = text;
	return true;
}

static int set_option(struct cli *cli, const struct cli_option *option, const char *argument)
{
	bool good = true;

	switch (option->kind) {
	case CLI_FLAG:
		*(bool *)option->target = true;
		break;
	case CLI_TEXT:
		*(const char **)option->target = argument;
		break;
	case CLI_TEXTS:
		if (!add_text(option->target, argument))
			return cli_fail(cli, EXIT_USAGE, "--%s: at most %d", option->name, CLI_MOST_TEXTS);
		break;
	case CLI_NUMBER:
		good = read_number(option->target, argument);
		break;
	case CLI_SECONDS:
		good = read_seconds(option->target, argument);
		break;
	case CLI_DATE:
		good = read_date(option->target, argument);
		break;
	}
	if (good)
		return 0;
	return cli_fail(cli, EXIT_USAGE, "--%s wants %s, not '%s'", option->name,
			option->kind == CLI_DATE      ? "a date such as 2025-10-01 or '2025-10-01 10:30'"
			: option->kind == CLI_SECONDS ? "seconds"
						      : "a number",
			cli_safe(argument));
}

/* The command's options, then the common ones, in the form that getopt_long() takes. */
static size_t gather(struct cli *cli, const struct cli_option *options, struct cli_option *all, struct option *forms,
		     bool *help)
{
	void *targets[] = {&cli->ami, &cli->db, &cli->ca_file, &cli->country, &cli->json, &cli->verbose, help};
	size_t count = 0, i;

	for (; options && options->name && count < MOST_OPTIONS; options++)
		all[count++] = *options;
	for (i = 0; common[i].name; i++) {
		all[count] = common[i];
		all[count++].target = targets[i];
	}
	memset(forms, 0, (count + 1) * sizeof(*forms));
	for (i = 0; i < count; i++) {
		forms[i].name = all[i].name;
		forms[i].has_arg = all[i].kind == CLI_FLAG ? no_argument : required_argument;
		forms[i].val = FIRST_OPTION + (int)i;
	}
	return count;
}

static int usage(struct cli *cli)
{
	return cli_fail(cli, EXIT_USAGE, "usage: wtelctl %s %s", cli->command->name, cli->command->usage);
}

int cli_parse(struct cli *cli, int argc, char **argv, const struct cli_option *options, const char **words, int least,
	      int most)
{
	struct cli_option all[MOST_OPTIONS + 8];
	struct option forms[MOST_OPTIONS + 9];
	bool help = false;
	int found, status, i;

	gather(cli, options, all, forms, &help);
	optind = 1;
	opterr = 0;
	while ((found = getopt_long(argc, argv, "h", forms, NULL)) != -1) {
		if (found == 'h') {
			help = true;
		} else if (found == '?') {
			const char *bad = optind > 0 && optind <= argc ? argv[optind - 1] : "";

			return cli_fail(cli, EXIT_USAGE,
					"option '%s' is unknown or lacks its argument; see wtelctl %s --help",
					cli_safe(bad), cli->command->name);
		} else if ((status = set_option(cli, &all[found - FIRST_OPTION], optarg))) {
			return status;
		}
	}
	if (help)
		return cli_help(cli->command, options);
	if (argc - optind < least || argc - optind > most)
		return usage(cli);
	for (i = 0; i < most; i++)
		words[i] = optind + i < argc ? argv[optind + i] : NULL;
	return 0;
}

bool cli_split_address(char *text, const char **address, int *port)
{
	char *colon = strrchr(text, ':');
	char *end;
	long value;

	if (!colon)
		return false;
	*colon = '\0';
	value = strtol(colon + 1, &end, 10);
	if (*end || end == colon + 1 || value < 0 || value > 65535)
		return false;
	if (text[0] == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		text++;
	}
	*address = *text ? text : "127.0.0.1";
	*port = (int)value;
	return true;
}

/* "scheme://user:secret@host": where the secret is; false if there is none. */
static bool secret_in(char *url, char **start, char **end)
{
	char *scheme = strstr(url, "://");
	char *at, *colon;

	if (!scheme)
		return false;
	at = strchr(scheme + 3, '@');
	colon = strchr(scheme + 3, ':');
	if (!at || !colon || colon > at)
		return false;
	*start = colon + 1;
	*end = at;
	return true;
}

char **cli_hide_secrets(int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));
	int i;

	for (i = 0; copy && i < argc; i++) {
		char *start = argv[i], *end;

		copy[i] = strdup(argv[i]);
		if (!copy[i])
			return NULL;
		while (secret_in(start, &start, &end)) {
			memset(start, '*', (size_t)(end - start));
			start = end;
		}
		if (i && strcmp(argv[i - 1], "--password") == 0)
			memset(argv[i], '*', strlen(argv[i]));
		if (strncmp(argv[i], "--password=", 11) == 0)
			memset(argv[i] + 11, '*', strlen(argv[i] + 11));
	}
	return copy;
}
