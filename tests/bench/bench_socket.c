/*
 * libwtel on the replayed stream, as the peers are: a socket, a login, then events as they come.
 *
 *   bench_socket PORT [track]      prints events and the seconds from the first to the last
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wtel/wtel.h>

struct bench {
	struct wtel_ami_session *session;
	struct wtel_tracker *tracker; /* NULL: decode only */
	uint64_t events;
	uint64_t typed;
	uint64_t changes;
	int64_t first;
};

static int connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int size = 4 << 20;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror("connect");
		exit(1);
	}
	return fd;
}

static int take_event(struct bench *bench, const struct wtel_ami_notice *notice)
{
	struct wtel_call_change change;
	int code = 0;

	if (!bench->events++)
		bench->first = notice->time.mono;
	bench->typed += notice->event.type != WTEL_AMI_OTHER;
	if (bench->tracker) {
		code = wtel_tracker_feed(bench->tracker, &notice->event, notice->wall);
		while (!code && wtel_tracker_next(bench->tracker, &change) == 1)
			bench->changes++;
	}
	return code;
}

/* Everything that is buffered. */
static int drain(struct bench *bench)
{
	struct wtel_ami_notice notice;
	int code;

	while ((code = wtel_ami_session_next(bench->session, &notice)) == 1)
		if (notice.type == WTEL_AMI_NOTICE_EVENT && (code = take_event(bench, &notice)))
			return code;
	return code;
}

static int flush(struct bench *bench, int fd)
{
	struct wtel_slice output = wtel_ami_session_output(bench->session);
	ssize_t sent = output.length ? write(fd, output.data, output.length) : 0;

	if (sent < 0)
		return WTEL_EIO;
	wtel_ami_session_sent(bench->session, (size_t)sent);
	return 0;
}

static int run(struct bench *bench, int fd)
{
	int code = wtel_ami_session_open(bench->session, wtel_time_now());

	while (!code) {
		size_t room = 0;
		char *to = NULL;
		ssize_t length;

		code = wtel_ami_session_reserve(bench->session, &to, &room, 256 << 10);
		length = code ? 0 : read(fd, to, room);
		if (length <= 0)
			return code;
		wtel_ami_session_commit(bench->session, (size_t)length, wtel_time_now());
		if (!(code = drain(bench)))
			code = flush(bench, fd);
	}
	return code;
}

int main(int argc, char **argv)
{
	struct wtel_ami_session_options options = WTEL_AMI_SESSION_OPTIONS_INIT;
	struct bench bench = {0};
	int code;

	if (argc < 2)
		return 2;
	options.username = "bench";
	options.secret = "bench";
	code = wtel_ami_session_new(&bench.session, &options, NULL, NULL);
	if (!code && argc > 2)
		code = wtel_tracker_new(&bench.tracker, NULL, NULL);
	if (!code && bench.tracker)
		code = wtel_tracker_set_trunk(bench.tracker, "carrier-a", 1);
	if (!code)
		code = run(&bench, connect_to((int)strtol(argv[1], NULL, 10)));
	if (code) {
		fprintf(stderr, "bench_socket: %s\n", wtel_error_text(code));
		return 1;
	}
	printf("%llu %f %llu %llu\n", (unsigned long long)bench.events,
	       (double)(wtel_time_now().mono - bench.first) / 1e6, (unsigned long long)bench.typed,
	       (unsigned long long)bench.changes);
	wtel_tracker_free(bench.tracker);
	wtel_ami_session_free(bench.session);
	return 0;
}
