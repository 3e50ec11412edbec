/*
 * A service on a libev loop: prints the connection's state and every call until interrupted.
 *
 *   WTEL_AMI=ami://user:secret@host:5038 ./libev
 */
#include <stdio.h>
#include <wtel/ev.h>

static void on_ready(struct wtel_observer *observer, void *user)
{
	struct wtel_notice notice;

	(void)user;
	while (wtel_observer_next(observer, &notice) == 1) {
		printf("%s", wtel_notice_name(notice.type));
		if (notice.call)
			printf(" %s %s -> %s %s", notice.call->call_id, notice.call->caller_number,
			       notice.call->callee_number, wtel_call_state_name(notice.call->state));
		putchar('\n');
	}
	fflush(stdout);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

int main(void)
{
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct ev_loop *loop = ev_default_loop(0);
	struct wtel_observer *observer = NULL;
	struct wtel_service *service = NULL;
	struct wtel_config *config = NULL;
	struct wtel_detail detail = {"", ""};
	struct wtel_ev adapter;
	ev_signal interrupt;
	int code = wtel_config_read(&config, NULL, NULL, NULL, NULL, &detail);

	if (!code) {
		options.hosts = config->hosts;
		options.host_count = config->host_count;
		code = wtel_service_new(&service, &options, NULL, &detail);
	}
	if (!code)
		code = wtel_observer_new(&observer, service, 0, on_ready, NULL);
	if (code) {
		fprintf(stderr, "libev: %s\n", detail.text[0] ? detail.text : wtel_error_text(code));
	} else {
		ev_signal_init(&interrupt, on_signal, SIGINT);
		ev_signal_start(loop, &interrupt);
		wtel_ev_start(&adapter, loop, service);
		ev_run(loop, 0);
		wtel_ev_stop(&adapter);
	}
	wtel_observer_free(observer);
	wtel_service_free(service);
	wtel_config_free(config);
	return code ? 1 : 0;
}
