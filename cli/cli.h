/*
 * wtelctl: parses arguments, calls the public API, prints. Nothing here knows the
 * inside of the library.
 */
#ifndef CLI_H
#define CLI_H

#include <jansson.h>
#include <stdio.h>
#include <wtel/json.h>
#include <wtel/wtel.h>

/* Exit statuses, as the manual page tells them. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_ASTERISK = 3, EXIT_NO_DATABASE = 4 };

struct cli_command;

struct cli {
	const struct cli_command *command;
	const char *ami; /* --ami, --db, --ca-file, ...: NULL if not given */
	const char *db;
	const char *ca_file;
	const char *country; /* --country; see cli_country() */
	bool json;
	bool verbose;
	int audit_days; /* of the store; 0: it removes nothing from the audit log */
	bool colour;	/* standard output is a terminal that wants it */
	struct wtel_config *config;
	struct wtel_store *store;
	struct wtel_service *service;
};

/* ---- commands (commands.def) ------------------------------------------ */

typedef int cli_run_fn(struct cli *cli, int argc, char **argv);

struct cli_command {
	const char *name; /* "trunk add": one or two words */
	cli_run_fn *run;
	const char *usage;
	const char *summary;
};

extern const struct cli_command cli_commands[];

#define CLI_COMMAND_X(name, function, usage, summary) cli_run_fn function;
#include "commands.def"
#undef CLI_COMMAND_X

/* ---- options.c -------------------------------------------------------- */

enum cli_option_kind { CLI_FLAG, CLI_TEXT, CLI_TEXTS, CLI_NUMBER, CLI_SECONDS, CLI_DATE };

/* What an option that may be repeated was given. */
enum { CLI_MOST_TEXTS = 256 };
struct cli_texts {
	const char *texts[CLI_MOST_TEXTS];
	size_t count;
};

/* `target`: bool, const char *, struct cli_texts, int64_t (number; microseconds; wall microseconds). */
struct cli_option {
	const char *name;
	enum cli_option_kind kind;
	void *target;
	const char *argument; /* "N" in the help */
	const char *help;
};

/*
 * Reads options (an entry without a name ends the list; NULL: none) and the words between. `words` receives `most` of
 * them, NULL where there are fewer. 0, or an exit status: after --help, EXIT_DONE + CLI_STOP.
 */
enum { CLI_STOP = 256 };
int cli_parse(struct cli *cli, int argc, char **argv, const struct cli_option *options, const char **words, int least,
	      int most);
int cli_help(const struct cli_command *command, const struct cli_option *options);
/* "127.0.0.1:5038", "[::1]:5038", ":0" for 127.0.0.1: cuts `text`. */
bool cli_split_address(char *text, const char **address, int *port);
/* Overwrites the secrets of URLs in argv after copying it, so that ps does not show them. */
char **cli_hide_secrets(int argc, char **argv);

/* ---- output.c --------------------------------------------------------- */

/* A table: headings, then cells row by row; numbers ("%" first in a heading) stand on the right. */
struct cli_table;
struct cli_table *cli_table_new(const char *const *headings, size_t count);
void cli_table_add(struct cli_table *table, const char *cell);
void cli_table_addf(struct cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_table_print(struct cli_table *table, const struct cli *cli); /* and frees it */

/* Text that came from outside, safe for a terminal: control bytes and broken UTF-8 become '?'. Static, eight at a time.
 */
const char *cli_safe(const char *text);
/* "2025-10-25 10:30:00" in local time, "-" for 0. Static, eight at a time. */
const char *cli_when(int64_t wall);
/* Prints one JSON document and a newline, and drops it. */
int cli_print_json(json_t *document, bool line);
int cli_fail(const struct cli *cli, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints what `code` and `detail` say and gives the exit status that belongs to the code. */
int cli_fail_code(const struct cli *cli, int code, const struct wtel_detail *detail);

/* ---- lines.c ---------------------------------------------------------- */

/* A line to standard output, to standard error. The newline is theirs. */
void cli_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* From here on neither of them waits for whoever reads; what finds no room is counted and told. Until the end, when
 * all is written that somebody still reads. */
void cli_lines_open(void);
void cli_lines_close(void);

/* ---- session.c -------------------------------------------------------- */

/* Errors and warnings to standard error, all with --verbose; `user` is the struct cli. */
void cli_log(enum wtel_log_level level, const char *text, void *user);
int cli_open_config(struct cli *cli);
/* Calling code of numbers without one: --country, or WTEL_COUNTRY; NULL: none. */
const char *cli_country(const struct cli *cli);
/* Opens the database; SQLite is brought up to date by itself, PostgreSQL must be. 0 or an exit status. */
int cli_open_store(struct cli *cli);
/* The same without a look at its schema. */
int cli_open_database(struct cli *cli);
int cli_open_service(struct cli *cli);
/* Waits until logged in and synchronised. 0, EXIT_NO_ASTERISK, or CLI_STOP + EXIT_FAILED on a signal. */
int cli_connect(struct cli *cli);
/* One turn of the loop, until something was done or `timeout` (microseconds) is over. False once a signal asked to end.
 */
bool cli_turn(struct cli *cli, int64_t timeout);
/* How often SIGINT or SIGTERM came. */
int cli_interrupts(void);
void cli_close(struct cli *cli);

/* ---- print.c ---------------------------------------------------------- */

/* A trunk's name by its id, "" if it is gone. */
const char *cli_trunk_name(const struct wtel_trunk_list *trunks, int64_t id);
/* A call's record with its legs, for people. */
void cli_print_call(const struct cli *cli, const struct wtel_call *call, const struct wtel_trunk_list *trunks);

/* ---- trace.c: how a call's trunk was chosen --------------------------- */

void cli_print_route(const struct cli *cli, const struct wtel_call *call, const struct wtel_trunk_list *trunks);

/* ---- command_trunk.c -------------------------------------------------- */

/* Name or number -> id: 0 or an exit status, told. */
int cli_find_trunk(struct cli *cli, int64_t *id, const char *word);

/* ---- explain.c: what the trunks would say to a call ------------------- */

struct cli_choice {
	struct wtel_route_step *steps; /* in the order of the list */
	size_t count;
	struct wtel_route *routes; /* one draw, for what would be dialled and shown */
	size_t route_count;
};
/* 0 or an exit status, told. Free it in both cases. `router` lends the names. */
int cli_explain(const struct cli *cli, struct cli_choice *out, struct wtel_router *router,
		const struct wtel_route_request *request);
void cli_choice_free(struct cli_choice *choice);
bool cli_may_carry(const struct wtel_route_step *step);

/* ---- rules.c: options that become a trunk's settings ------------------ */

struct cli_rules {
	int64_t calls_per_second, weight; /* -1: not said; 0: none */
	const char *caller_id, *timezone; /* "": none */
	struct cli_texts prefixes, windows;
	bool no_prefixes, no_windows;
};
/* Puts the rules into `settings`, a JSON object, and leaves its other keys alone. 0 with *out, which the caller frees
 * (NULL: nothing was said, or `settings` is no object, which the store says better), or an exit status. */
int cli_rules_apply(const struct cli *cli, char **out, const char *settings, const struct cli_rules *rules);

/* ---- dialplan.c: examples/asterisk/extensions.conf -------------------- */

extern const char cli_dialplan[];

/* ---- probe.c: questions to Asterisk, and what is found ---------------- */

enum cli_finding { CLI_GOOD, CLI_WARNING, CLI_BAD };

struct cli_probe {
	struct cli *cli;
	bool json; /* one document at the end: what fails on the way is a finding in it */
	json_t *findings;
	int bad;
	/* of the last answer */
	bool answered;
	int code;
	char text[256];
	char value[512]; /* its Value */
};
void cli_tell(struct cli_probe *probe, enum cli_finding finding, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Sends an action of "name", "value" pairs (NULL ends them) and waits for its answer: 0 or an error. */
int cli_ask(struct cli_probe *probe, const char *action, const char *const *pairs, wtel_action_fn *item);
/* Getvar of a function of the dialplan: its value is in `probe`. */
int cli_ask_value(struct cli_probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
