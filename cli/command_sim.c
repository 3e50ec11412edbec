#include "cli.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/sim.h>

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	(void)wtel_sim_server_dispatch(watcher->data);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static ev_signal interrupt, terminate;

/* Before anybody can know that it listens: from then on it ends well. */
static void expect_signals(void)
{
	struct ev_loop *loop = ev_default_loop(0);

	ev_signal_init(&interrupt, on_signal, SIGINT);
	ev_signal_init(&terminate, on_signal, SIGTERM);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &terminate);
}

static void serve(struct wtel_sim_server *server)
{
	struct ev_loop *loop = ev_default_loop(0);
	ev_io readable;

	ev_io_init(&readable, on_readable, wtel_sim_server_fd(server), EV_READ);
	readable.data = server;
	ev_io_start(loop, &readable);
	ev_run(loop, 0);
	ev_io_stop(loop, &readable);
}

/* "carrier-a=Registered,carrier-b=Rejected" in place. */
static void split_registrations(char *text, const char **out, size_t most)
{
	size_t count = 0;
	char *rest = NULL, *word;

	for (word = strtok_r(text, ",", &rest); word && count + 1 < most; word = strtok_r(NULL, ",", &rest))
		out[count++] = word;
	out[count] = NULL;
}

static int run(struct cli *cli, const struct wtel_sim_options *options, const char *address, int port)
{
	struct wtel_detail detail = {"", ""};
	struct wtel_sim_server *server = NULL;
	struct wtel_sim *sim = NULL;
	int code = wtel_sim_new(&sim, options, NULL);

	expect_signals();
	if (!code)
		code = wtel_sim_server_new(&server, sim, address, port, &detail);
	if (!code) {
		printf("listening on %s:%d\n", address, wtel_sim_server_port(server));
		fflush(stdout);
		serve(server);
	}
	wtel_sim_server_free(server);
	wtel_sim_free(sim);
	return code ? cli_fail_code(cli, code, &detail) : EXIT_DONE;
}

int command_sim(struct cli *cli, int argc, char **argv)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	const char *listen = "127.0.0.1:5038", *registrations = NULL, *address = NULL, *user = NULL;
	const char *list[64] = {NULL};
	int64_t load = 0;
	const struct cli_option choices[] = {
		{"listen", CLI_TEXT, &listen, "ADDRESS:PORT", "where to listen (127.0.0.1:5038); port 0: any free one"},
		{"user", CLI_TEXT, &user, "NAME", "manager account (wtel); its secret is in WTEL_SIM_SECRET (wtel)"},
		{"registrations", CLI_TEXT, &registrations, "LIST",
		 "trunks, as carrier-a=Registered,carrier-b=Rejected"},
		{"pickup", CLI_SECONDS, &options.agent_pickup, "S", "until an agent answers (0.5)"},
		{"ring", CLI_SECONDS, &options.ring, "S", "until a customer answers (1)"},
		{"talk", CLI_SECONDS, &options.talk, "S", "until a customer hangs up (3)"},
		{"load", CLI_NUMBER, &load, "N", "make N calls a second of its own"},
		{NULL, CLI_FLAG, NULL, NULL, NULL},
	};
	char *listen_copy, *registrations_copy;
	int port = 0, status = cli_parse(cli, argc, argv, choices, NULL, 0, 0);

	if (status)
		return status;
	if (user)
		options.username = user;
	if (getenv("WTEL_SIM_SECRET"))
		options.secret = getenv("WTEL_SIM_SECRET");
	options.load = (double)load;
	listen_copy = strdup(listen);
	registrations_copy = strdup(registrations ? registrations : "");
	if (!listen_copy || !registrations_copy) {
		status = cli_fail_code(cli, WTEL_ENOMEM, NULL);
	} else if (!cli_split_address(listen_copy, &address, &port)) {
		status = cli_fail(cli, EXIT_USAGE, "--listen wants ADDRESS:PORT, not '%s'", cli_safe(listen));
	} else {
		split_registrations(registrations_copy, list, sizeof(list) / sizeof(list[0]));
		options.registrations = registrations ? list : NULL;
		status = run(cli, &options, address, port);
	}
	free(listen_copy);
	free(registrations_copy);
	return status;
}
