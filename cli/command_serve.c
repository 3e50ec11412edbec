/* wtelctl serve: a service and its gateway on one loop, from the first signal on with care for what is under way. */
#include "cli.h"

#include <arpa/inet.h>
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#ifdef CLI_GATEWAY
#include <wtel/gateway.h>
#endif

/* What --help tells; numbers that stay negative are the gateway's own defaults. */
struct choices {
	const char *listen, *cert, *key, *origins, *proxies, *metrics_from;
	bool access_log;
	int64_t user_rate, address_rate, login_rate, user_streams, session_lifetime, drain, audit_days;
};

enum { AUDIT_DAYS = 400 };

#ifdef CLI_GATEWAY

enum { STOP_TIMEOUT = 5000000, GLANCE = 50000, MOST_FILES = 65536 };

struct server {
	struct cli *cli;
	struct wtel_gateway *gateway;
	bool gone;		    /* nobody is connected any more */
	struct wtel_call_list *own; /* calls whose ends are this process's; NULL: not known */
};

/* A line for each request, without secrets; the gateway made it safe to print. */
static void on_access(enum wtel_log_level level, const char *text, void *user)
{
	(void)level;
	(void)user;
	cli_print("%s", text);
}

static void on_gone(void *user)
{
	struct server *server = user;

	server->gone = true;
	ev_break(ev_default_loop(0), EVBREAK_ALL);
}

/* As many connections as the gateway takes: the usual 1 024 are a default of the shell's, not of the machine's. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= MOST_FILES)
		return;
	limit.rlim_cur = limit.rlim_max < MOST_FILES ? limit.rlim_max : MOST_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool is_local(const char *host)
{
	unsigned char address[16];

	if (!host)
		return false;
	if (inet_pton(AF_INET, host, address) == 1)
		return address[0] == 127;
	return strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

static void say_where(const struct server *server, const struct choices *choices, const char *host)
{
	const char *scheme = choices->cert ? "https" : "http";
	bool six = host && strchr(host, ':');

	cli_say("wtelctl: listening on %s://%s%s%s:%d/api/telephony", scheme, six ? "[" : "",
		host ? cli_safe(host) : "*", six ? "]" : "", wtel_gateway_port(server->gateway));
}

static void warn(const struct choices *choices, const char *host)
{
	if (!choices->cert && !is_local(host))
		cli_say("wtelctl: WARNING: tokens, passwords and calls cross the network in the clear: give --cert "
			"and --key, or listen on 127.0.0.1 behind a proxy that speaks TLS");
}

static int64_t active_calls(const struct cli *cli)
{
	struct wtel_service_stats stats;

	wtel_service_stats(cli->service, &stats);
	return (int64_t)stats.active_calls;
}

/* Those of another process are followed by that one. */
static bool own_goes_on(const struct server *server)
{
	size_t i;

	if (!server->own)
		return active_calls(server->cli);
	for (i = 0; i < server->own->count; i++)
		if (wtel_service_call(server->cli->service, server->own->calls[i].call_id))
			return true;
	return false;
}

/*
 * Nobody may ask any more; this process's calls are followed to their ends, for the next trunk of one that is being
 * dialled is its to choose. A second signal ends the wait.
 */
static void stop(struct server *server, int64_t drain)
{
	struct cli *cli = server->cli;
	int64_t end = wtel_time_now().mono + drain, left;

	cli_say("wtelctl: stopping; %lld calls are under way", (long long)active_calls(cli));
	wtel_gateway_stop(server->gateway, STOP_TIMEOUT, on_gone, server);
	while (!server->gone && cli_interrupts() < 2)
		(void)cli_turn(cli, STOP_TIMEOUT);
	if (drain && active_calls(cli) && wtel_store_own_calls(cli->store, &server->own))
		server->own = NULL;
	while (own_goes_on(server) && cli_interrupts() < 2 && (left = end - wtel_time_now().mono) > 0)
		(void)cli_turn(cli, left < GLANCE ? left : GLANCE);
}

static int finish(struct server *server)
{
	struct cli *cli = server->cli;
	int64_t left = active_calls(cli);
	int code;

	/* From here on a signal ends the process: what follows waits for the database. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	wtel_gateway_free(server->gateway);
	wtel_call_list_free(server->own);
	code = wtel_store_flush(cli->store);
	if (left)
		cli_say("wtelctl: %lld calls go on; whoever watches this Asterisk next writes their ends",
			(long long)left);
	if (code)
		return cli_fail_code(cli, code, wtel_store_error(cli->store));
	cli_say("wtelctl: stopped");
	return EXIT_DONE;
}

static void fill(struct wtel_gateway_options *options, struct cli *cli, const struct choices *choices)
{
	options->service = cli->service;
	options->cert_file = choices->cert;
	options->key_file = choices->key;
	options->origins = choices->origins;
	options->proxies = choices->proxies;
	options->metrics_from = choices->metrics_from;
	options->log = cli_log;
	options->access = choices->access_log ? on_access : NULL;
	options->log_user = cli;
	if (choices->user_rate >= 0)
		options->user_rate = (int)choices->user_rate;
	if (choices->address_rate >= 0)
		options->address_rate = (int)choices->address_rate;
	if (choices->login_rate >= 0)
		options->login_rate = (int)choices->login_rate;
	if (choices->user_streams >= 0)
		options->user_streams = (int)choices->user_streams;
	if (choices->session_lifetime >= 0)
		options->session_lifetime = choices->session_lifetime;
}

static int serve(struct cli *cli, const struct choices *choices, const char *host, int port)
{
	struct wtel_gateway_options options = WTEL_GATEWAY_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	struct server server = {cli, NULL, false, NULL};
	int status, code;

	cli->audit_days = (int)choices->audit_days;
	status = cli_open_store(cli);
	if (!status)
		status = cli_open_service(cli);
	if (status)
		return status;
	cli_lines_open();
	allow_files();
	warn(choices, host);
	fill(&options, cli, choices);
	options.host = host;
	options.port = port;
	code = wtel_gateway_new(&server.gateway, ev_default_loop(0), &options, &detail);
	if (code)
		return cli_fail_code(cli, code, &detail);
	say_where(&server, choices, host);
	while (!cli_interrupts())
		ev_run(ev_default_loop(0), 0);
	stop(&server, choices->drain);
	return finish(&server);
}

#else

static int serve(struct cli *cli, const struct choices *choices, const char *host, int port)
{
	(void)choices;
	(void)host;
	(void)port;
	return cli_fail(cli, EXIT_FAILED, "this wtelctl was built without the gateway (libnghttp2, libev)");
}

#endif

/* An empty variable says nothing. */
static void from_environment(const char **option, const char *name)
{
	const char *value = getenv(name);

	if (!*option && value && *value)
		*option = value;
}

/* false: it is no number. */
static bool number_from_environment(int64_t *option, const char *name, int64_t otherwise)
{
	const char *value = getenv(name);
	char *end = NULL;

	if (*option >= 0)
		return true;
	*option = value && *value ? strtoll(value, &end, 10) : otherwise;
	return !end || (!*end && *option >= 0);
}

static int check(const struct cli *cli, struct choices *choices)
{
	if (!number_from_environment(&choices->audit_days, "WTEL_AUDIT_DAYS", AUDIT_DAYS))
		return cli_fail(cli, EXIT_USAGE, "WTEL_AUDIT_DAYS wants a number, not '%s'",
				cli_safe(getenv("WTEL_AUDIT_DAYS")));
	if (choices->audit_days > 36500)
		return cli_fail(cli, EXIT_USAGE, "the audit log is kept for 36500 days at most; 0: for ever");
	from_environment(&choices->listen, "WTEL_LISTEN");
	from_environment(&choices->cert, "WTEL_CERT");
	from_environment(&choices->key, "WTEL_CERT_KEY");
	from_environment(&choices->origins, "WTEL_ORIGINS");
	from_environment(&choices->proxies, "WTEL_PROXIES");
	from_environment(&choices->metrics_from, "WTEL_METRICS_FROM");
	if (!choices->listen)
		choices->listen = "127.0.0.1:3000";
	if (!choices->cert != !choices->key)
		return cli_fail(cli, EXIT_USAGE, "--cert and --key belong together");
	if (choices->user_streams > 1000000 || choices->user_rate > 1000000 || choices->address_rate > 1000000 ||
	    choices->login_rate > 1000000)
		return cli_fail(cli, EXIT_USAGE, "a rate or number is 1000000 at most; 0: no limit");
	return 0;
}

int command_serve(struct cli *cli, int argc, char **argv)
{
	struct choices choices = {
		.user_rate = -1,
		.address_rate = -1,
		.login_rate = -1,
		.user_streams = -1,
		.session_lifetime = -1,
		.drain = 30000000,
		.audit_days = -1,
	};
	const struct cli_option options[] = {
		{"listen", CLI_TEXT, &choices.listen, "ADDRESS:PORT",
		 "where to listen (127.0.0.1:3000); address *: everywhere, port 0: any free one"},
		{"cert", CLI_TEXT, &choices.cert, "FILE", "certificate for TLS, PEM, with its chain"},
		{"key", CLI_TEXT, &choices.key, "FILE", "its key, PEM"},
		{"origins", CLI_TEXT, &choices.origins, "LIST", "other sites whose pages may ask, by spaces"},
		{"proxies", CLI_TEXT, &choices.proxies, "LIST", "addresses whose X-Forwarded-For is believed"},
		{"metrics-from", CLI_TEXT, &choices.metrics_from, "LIST",
		 "addresses that may read /metrics without a token"},
		{"access-log", CLI_FLAG, &choices.access_log, NULL, "print a line for each request"},
		{"user-rate", CLI_NUMBER, &choices.user_rate, "N",
		 "requests a second of a user or token (1000); 0: no limit"},
		{"address-rate", CLI_NUMBER, &choices.address_rate, "N",
		 "of an address without a valid token or session (50)"},
		{"login-rate", CLI_NUMBER, &choices.login_rate, "N", "logins a minute of an address or a name (10)"},
		{"user-streams", CLI_NUMBER, &choices.user_streams, "N",
		 "streams of events at once of a user or token (20); 0: no limit"},
		{"session", CLI_SECONDS, &choices.session_lifetime, "S", "how long a login is good for (28800)"},
		{"drain", CLI_SECONDS, &choices.drain, "S", "at the end, how long to follow calls under way (30)"},
		{"audit-days", CLI_NUMBER, &choices.audit_days, "N",
		 "how long the audit log is kept (400); 0: for ever"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	const char *host = NULL;
	char *copy;
	int port = 0, status = cli_parse(cli, argc, argv, options, NULL, 0, 0);

	if (!status)
		status = check(cli, &choices);
	if (status)
		return status;
	copy = strdup(choices.listen);
	if (!copy)
		status = cli_fail_code(cli, WTEL_ENOMEM, NULL);
	else if (!cli_split_address(copy, &host, &port))
		status = cli_fail(cli, EXIT_USAGE, "--listen wants ADDRESS:PORT, not '%s'", cli_safe(choices.listen));
	else
		status = serve(cli, &choices, strcmp(host, "*") == 0 ? NULL : host, port);
	free(copy);
	return status;
}
