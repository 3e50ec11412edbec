/*
 * Many readers of the gateway's events in one process: how late each event is at each of them, and that none is lost.
 * The delay is from the time that an event bears, which is whole milliseconds, to its arrival here: the same clock.
 *
 *   bench_events PORT TOKEN CLIENTS SECONDS
 *
 * Whoever starts it makes the calls. Prints one line of JSON: clients, seconds, events (of the best informed client),
 * deliveries, lost, repeated, closed, delay_ms {p50, p99, max}, cpu_seconds (of this process).
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_SIZE = 262144,
	STEP = 100,	 /* microseconds in a step of the histogram */
	STEPS = 200000,	 /* 20 s of them */
	TIMES = 1 << 16, /* events whose time is remembered */
	PATIENCE = 5,	 /* seconds for what is still under way */
};

struct client {
	int fd;
	bool open;  /* handshake done */
	char *rest; /* of a frame that has not come whole */
	size_t rest_length;
	size_t rest_room;
	uint64_t last; /* number of its last event; 0: none */
};

static struct bench {
	struct client *clients;
	size_t count;
	size_t open;
	uint64_t first; /* events of the window */
	uint64_t highest;
	uint64_t deliveries;
	uint64_t lost;
	uint64_t repeated;
	uint64_t closed;
	int64_t max_delay;
	bool counting;
	struct {
		uint64_t number;
		int64_t time;
	} times[TIMES];
	uint32_t delays[STEPS + 1];
	char buffer[READ_SIZE];
} bench;

static int64_t wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_events: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- events ----------------------------------------------------------- */

/* "2025-10-25T10:30:00.123Z" in microseconds. */
static int64_t read_time(const char *text)
{
	struct tm parts;
	int milliseconds;

	memset(&parts, 0, sizeof(parts));
	if (sscanf(text, "%d-%d-%dT%d:%d:%d.%3dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
		   &parts.tm_min, &parts.tm_sec, &milliseconds) != 7)
		return 0;
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	return (int64_t)timegm(&parts) * 1000000 + milliseconds * 1000;
}

/* The same event comes to all: its time is read once. */
static int64_t time_of(uint64_t number, const char *json, size_t length)
{
	size_t slot = number % TIMES;

	if (bench.times[slot].number != number) {
		const char *at = memmem(json, length < 160 ? length : 160, "\"time\":\"", 8);

		bench.times[slot].number = number;
		bench.times[slot].time = at ? read_time(at + 8) : 0;
	}
	return bench.times[slot].time;
}

static void count_delay(int64_t delay)
{
	int64_t step = delay < 0 ? 0 : delay / STEP;

	bench.deliveries++;
	bench.delays[step < STEPS ? step : STEPS]++;
	if (delay > bench.max_delay)
		bench.max_delay = delay;
}

/* {"id":"<boot>-<number>",... */
static void take_event(struct client *client, const char *json, size_t length, int64_t now)
{
	const char *dash = length > 8 && memcmp(json, "{\"id\":\"", 7) == 0 ? memchr(json + 7, '-', 40) : NULL;
	uint64_t number = dash ? strtoull(dash + 1, NULL, 10) : 0;

	if (!number) {
		fprintf(stderr, "bench_events: %.*s\n", (int)(length < 200 ? length : 200), json);
		bench.lost++;
		return;
	}
	if (client->last && number <= client->last) {
		bench.repeated++;
		return;
	}
	if (client->last)
		bench.lost += number - client->last - 1;
	client->last = number;
	if (number > bench.highest)
		bench.highest = number;
	if (bench.counting && number >= bench.first)
		count_delay(now - time_of(number, json, length));
}

/* ---- frames ----------------------------------------------------------- */

/* The whole frame's length, 0: not all of it is there. */
static size_t frame_length(const unsigned char *data, size_t length, size_t *skip)
{
	uint64_t payload;
	size_t i;

	*skip = 2;
	if (length < 2)
		return 0;
	payload = data[1] & 127;
	if (payload >= 126) {
		size_t bytes = payload == 126 ? 2 : 8;

		*skip += bytes;
		if (length < *skip)
			return 0;
		for (payload = 0, i = 0; i < bytes; i++)
			payload = payload << 8 | data[2 + i];
	}
	return length - *skip < payload ? 0 : *skip + (size_t)payload;
}

static void keep(struct client *client, const char *data, size_t length)
{
	if (length > client->rest_room) {
		client->rest_room = length * 2 + 256;
		client->rest = realloc(client->rest, client->rest_room);
		if (!client->rest)
			fail("memory");
	}
	memmove(client->rest, data, length);
	client->rest_length = length;
}

static void answer_ping(struct client *client)
{
	static const unsigned char pong[6] = {0x8a, 0x80, 0, 0, 0, 0};

	(void)!send(client->fd, pong, sizeof(pong), MSG_NOSIGNAL);
}

static void take_frames(struct client *client, char *data, size_t length)
{
	int64_t now = wall();
	size_t skip, frame;

	while ((frame = frame_length((unsigned char *)data, length, &skip))) {
		int opcode = data[0] & 15;

		if (opcode == 1)
			take_event(client, data + skip, frame - skip, now);
		else if (opcode == 9)
			answer_ping(client);
		data += frame;
		length -= frame;
	}
	keep(client, data, length);
}

/* The answer to the upgrade, then frames. */
static void take(struct client *client, char *data, size_t length)
{
	char *end;

	if (client->open) {
		take_frames(client, data, length);
		return;
	}
	end = memmem(data, length, "\r\n\r\n", 4);
	if (!end) {
		keep(client, data, length);
		return;
	}
	if (length < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0) {
		fprintf(stderr, "bench_events: refused: %.*s\n", (int)(end - data), data);
		exit(1);
	}
	client->open = true;
	bench.open++;
	end += 4;
	take_frames(client, end, length - (size_t)(end - data));
}

/* ---- sockets ---------------------------------------------------------- */

static void readable(int poller, struct client *client)
{
	size_t before = client->rest_length;
	ssize_t got;

	if (before > READ_SIZE / 2) {
		fprintf(stderr, "bench_events: a frame of more than %d bytes\n", READ_SIZE / 2);
		exit(1);
	}
	memcpy(bench.buffer, client->rest ? client->rest : "", before);
	got = recv(client->fd, bench.buffer + before, READ_SIZE - before, 0);
	if (got > 0) {
		take(client, bench.buffer, before + (size_t)got);
	} else if (!got || (errno != EAGAIN && errno != EINTR)) {
		epoll_ctl(poller, EPOLL_CTL_DEL, client->fd, NULL);
		close(client->fd);
		client->fd = -1;
		bench.closed++;
	}
}

static void turn(int poller, int timeout)
{
	struct epoll_event events[256];
	int count = epoll_wait(poller, events, 256, timeout), i;

	for (i = 0; i < count; i++)
		readable(poller, events[i].data.ptr);
}

static void open_client(int poller, struct client *client, int port, const char *token)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = client}};
	char request[1024];
	int length = snprintf(request, sizeof(request),
			      "GET /api/telephony/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
			      "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Sec-WebSocket-Version: 13\r\nAuthorization: Bearer %s\r\n\r\n",
			      port, token);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	if (length >= (int)sizeof(request) || send(client->fd, request, (size_t)length, MSG_NOSIGNAL) != length)
		fail("send");
	if (fcntl(client->fd, F_SETFL, O_NONBLOCK) || epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event))
		fail("epoll_ctl");
}

static void run_until(int poller, int64_t until)
{
	int64_t left;

	while ((left = until - wall()) > 0)
		turn(poller, (int)(left / 1000) + 1);
}

static bool all_have(uint64_t number)
{
	size_t i;

	for (i = 0; i < bench.count; i++)
		if (bench.clients[i].fd >= 0 && bench.clients[i].last < number)
			return false;
	return true;
}

/* ---- figures ---------------------------------------------------------- */

static double percentile(double part)
{
	uint64_t wanted = (uint64_t)((double)bench.deliveries * part), seen = 0;
	int step;

	for (step = 0; step < STEPS && seen + bench.delays[step] <= wanted; step++)
		seen += bench.delays[step];
	return (double)(step + 1) * STEP / 1000;
}

static void print(double seconds)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"clients\": %zu, \"seconds\": %.1f, \"events\": %llu, \"deliveries\": %llu, \"lost\": %llu, "
	       "\"repeated\": %llu, \"closed\": %llu, \"delay_ms\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}, "
	       "\"cpu_seconds\": %.2f}\n",
	       bench.count, seconds, (unsigned long long)(bench.highest + 1 - bench.first),
	       (unsigned long long)bench.deliveries, (unsigned long long)bench.lost, (unsigned long long)bench.repeated,
	       (unsigned long long)bench.closed, percentile(0.5), percentile(0.99), (double)bench.max_delay / 1000,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

int main(int count, char **words)
{
	int poller = epoll_create1(EPOLL_CLOEXEC);
	int64_t started, until;
	uint64_t highest;
	double seconds;
	size_t i;

	if (count != 5 || (bench.count = strtoul(words[3], NULL, 10)) < 1 || (seconds = strtod(words[4], NULL)) <= 0) {
		fprintf(stderr, "usage: bench_events PORT TOKEN CLIENTS SECONDS\n");
		return 2;
	}
	bench.clients = calloc(bench.count, sizeof(*bench.clients));
	if (!bench.clients || poller < 0)
		fail("start");
	for (i = 0; i < bench.count; i++) {
		open_client(poller, &bench.clients[i], (int)strtol(words[1], NULL, 10), words[2]);
		turn(poller, 0);
	}
	for (until = wall() + 30000000; bench.open < bench.count && wall() < until;)
		turn(poller, 100);
	/* What was under way while the last ones came does not count. */
	run_until(poller, wall() + 1000000);
	bench.counting = true;
	bench.first = bench.highest + 1;
	started = wall();
	run_until(poller, started + (int64_t)(seconds * 1e6));
	highest = bench.highest;
	seconds = (double)(wall() - started) / 1e6;
	for (until = wall() + PATIENCE * 1000000; !all_have(highest) && wall() < until;)
		turn(poller, 100);
	for (i = 0; i < bench.count; i++)
		if (bench.clients[i].last < highest)
			bench.lost += highest - bench.clients[i].last;
	bench.lost += bench.count - bench.open;
	print(seconds);
	return 0;
}
