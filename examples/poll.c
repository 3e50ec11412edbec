/*
 * A service in a plain poll() loop beside a descriptor of the program's own (standard input): prints what
 * observers hear until the input ends.
 *
 *   WTEL_AMI=ami://user:secret@host:5038 ./poll
 */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <wtel/wtel.h>

static void print(struct wtel_observer *observer)
{
	struct wtel_notice notice;

	while (wtel_observer_next(observer, &notice) == 1)
		printf("%s %s %s\n", wtel_notice_name(notice.type), notice.call ? notice.call->call_id : notice.name,
		       notice.call ? wtel_call_state_name(notice.call->state) : notice.status);
	fflush(stdout);
}

/* Until standard input ends. */
static int loop(struct wtel_service *service, struct wtel_observer *observer)
{
	struct pollfd polled[2] = {{wtel_service_fd(service), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
	char ignored[256];
	int code;

	for (;;) {
		if (poll(polled, 2, -1) < 0)
			return WTEL_EIO;
		if (polled[0].revents) {
			code = wtel_service_dispatch(service);
			if (code)
				return code;
			print(observer);
		}
		if (polled[1].revents && read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0)
			return 0;
	}
}

int main(void)
{
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;
	struct wtel_observer *observer = NULL;
	struct wtel_service *service = NULL;
	struct wtel_config *config = NULL;
	struct wtel_detail detail = {"", ""};
	int code = wtel_config_read(&config, NULL, NULL, NULL, NULL, &detail);

	if (!code) {
		options.hosts = config->hosts;
		options.host_count = config->host_count;
		code = wtel_service_new(&service, &options, NULL, &detail);
	}
	if (!code)
		code = wtel_observer_new(&observer, service, 0, NULL, NULL);
	if (!code)
		code = loop(service, observer);
	if (code)
		fprintf(stderr, "poll: %s\n", detail.text[0] ? detail.text : wtel_error_text(code));
	wtel_observer_free(observer);
	wtel_service_free(service);
	wtel_config_free(config);
	return code ? 1 : 0;
}
