#include "cli.h"

#include <ev.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <wtel/ev.h>

/* A program has one loop and one set of signals. */
static struct {
	struct ev_loop *loop;
	struct wtel_ev adapter;
	ev_timer timer;
	ev_signal interrupt;
	ev_signal terminate;
	int interrupts;
} session;

void cli_log(enum wtel_log_level level, const char *text, void *user)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	const struct cli *cli = user;

	if (level <= WTEL_LOG_WARNING || cli->verbose)
		cli_say("wtelctl: %s: %s", names[level], cli_safe(text));
}

int cli_open_config(struct cli *cli)
{
	struct wtel_detail detail = {"", ""};
	int code;

	if (cli->config)
		return 0;
	if (cli->country && *cli->country == '+') /* as people write it */
		cli->country++;
	if (cli->country && (!*cli->country || wtel_country_check(cli->country)))
		return cli_fail(cli, EXIT_USAGE, "--country wants a calling code such as 34, not '%s'",
				cli_safe(cli->country));
	code = wtel_config_read(&cli->config, cli->ami, cli->db, NULL, NULL, &detail);
	return code ? cli_fail_code(cli, code, &detail) : 0;
}

const char *cli_country(const struct cli *cli)
{
	return cli->country || !cli->config ? cli->country : cli->config->country;
}

/* SQLite is there out of the box; a shared database is changed only when somebody says so. */
static int check_schema(struct cli *cli)
{
	int version = 0, wanted = 0;
	int code = wtel_store_schema(cli->store, &version, &wanted);

	if (!code && version < wanted && strcmp(wtel_store_backend(cli->store), "sqlite") == 0)
		code = wtel_store_migrate(cli->store, cli_log, cli);
	else if (!code && version != wanted)
		return cli_fail(cli, EXIT_NO_DATABASE, "the database's schema has version %d and %d is wanted: %s",
				version, wanted,
				version < wanted ? "run wtelctl migrate" : "this wtelctl is too old for it");
	return code ? cli_fail_code(cli, code, wtel_store_error(cli->store)) : 0;
}

static int open_store(struct cli *cli, bool check)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	int status = cli_open_config(cli);
	int code;

	if (status || cli->store)
		return status;
	options.url = cli->config->db;
	options.password = cli->config->db_password;
	options.secret_keys = cli->config->secret_keys;
	if (cli->config->sip_realm)
		options.sip_realm = cli->config->sip_realm;
	options.audit_days = cli->audit_days;
	options.log = cli_log;
	options.log_user = cli;
	code = wtel_store_open(&cli->store, &options, NULL, &detail);
	if (code) {
		cli_fail_code(cli, code, &detail);
		return code == WTEL_ECONFIG ? EXIT_USAGE : EXIT_NO_DATABASE;
	}
	return check ? check_schema(cli) : 0;
}

int cli_open_store(struct cli *cli)
{
	return open_store(cli, true);
}

int cli_open_database(struct cli *cli)
{
	return open_store(cli, false);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	session.interrupts++;
	ev_break(loop, EVBREAK_ALL);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void open_loop(void)
{
	if (session.loop)
		return;
	signal(SIGPIPE, SIG_IGN);
	session.loop = ev_default_loop(0);
	ev_signal_init(&session.interrupt, on_signal, SIGINT);
	ev_signal_init(&session.terminate, on_signal, SIGTERM);
	ev_signal_start(session.loop, &session.interrupt);
	ev_signal_start(session.loop, &session.terminate);
	ev_timer_init(&session.timer, on_timer, 0, 0);
}

int cli_open_service(struct cli *cli)
{
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};
	int status = cli_open_config(cli);
	int code;

	if (status)
		return status;
	if (!cli->config->host_count)
		return cli_fail(cli, EXIT_NO_ASTERISK,
				"no Asterisk is configured: give --ami ami://user:secret@host:5038 or set WTEL_AMI");
	options.hosts = cli->config->hosts;
	options.host_count = cli->config->host_count;
	options.store = cli->store;
	options.ca_file = cli->ca_file;
	options.country = cli_country(cli);
	options.wss_host = cli->config->wss_host;
	options.wss_port = cli->config->wss_port;
	options.log = cli_log;
	options.log_user = cli;
	code = wtel_service_new(&cli->service, &options, NULL, &detail);
	if (code)
		return cli_fail_code(cli, code, &detail);
	open_loop();
	wtel_ev_start(&session.adapter, session.loop, cli->service);
	return 0;
}

int cli_interrupts(void)
{
	return session.interrupts;
}

bool cli_turn(struct cli *cli, int64_t timeout)
{
	int before = session.interrupts;

	(void)cli;
	ev_timer_stop(session.loop, &session.timer);
	ev_timer_set(&session.timer, (double)timeout / 1e6, 0);
	ev_timer_start(session.loop, &session.timer);
	ev_run(session.loop, EVRUN_ONCE);
	return session.interrupts == before;
}

int cli_connect(struct cli *cli)
{
	int64_t end = wtel_time_now().mono + 10000000;
	struct wtel_service_stats stats;
	int status = cli->service ? 0 : cli_open_service(cli);

	if (status)
		return status;
	for (;;) {
		int64_t left = end - wtel_time_now().mono;
		const struct wtel_detail *detail = wtel_service_error(cli->service);

		wtel_service_stats(cli->service, &stats);
		if (stats.connected && stats.synchronised)
			return 0;
		if (left <= 0)
			return cli_fail(cli, EXIT_NO_ASTERISK, "no connection to Asterisk: %s",
					detail->text[0] ? cli_safe(detail->text) : "it does not answer");
		if (!cli_turn(cli, left))
			return CLI_STOP + EXIT_FAILED;
	}
}

void cli_close(struct cli *cli)
{
	if (cli->service)
		wtel_ev_stop(&session.adapter);
	wtel_service_free(cli->service);
	wtel_store_close(cli->store);
	wtel_config_free(cli->config);
	cli->service = NULL;
	cli->store = NULL;
	cli->config = NULL;
}
