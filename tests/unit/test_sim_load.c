/* The simulator's clock, load and memory, and its TCP front. */
#define _GNU_SOURCE
#include "sim_play.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"

/* ---- clock, load, memory ---------------------------------------------- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t count(struct wtel_slice text, const char *word)
{
	const char *at = text.data, *end_of = text.data + text.length;
	size_t found = 0;

	while ((at = memmem(at, (size_t)(end_of - at), word, strlen(word)))) {
		at += strlen(word);
		found++;
	}
	return found;
}

/* Runs the simulator's own load for so long in virtual time. */
static void run_load(double calls, int64_t time, size_t *begun, size_t *over, size_t *events)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	struct play play;
	int64_t end_of;

	*begun = *over = *events = 0;
	options.load = calls;
	begin_inside(&play, &options);
	end_of = play.now.mono + time;
	while (play.now.mono < end_of) {
		struct wtel_slice out;

		wait_for(&play, 10000);
		out = wtel_sim_output(play.client, NULL);
		*begun += count(out, "Event: OriginateResponse\r\n");
		*over += count(out, "Event: Hangup\r\n");
		*events += count(out, "Event: ");
		wtel_sim_sent(play.client, out.length);
		cr_assert(!closing(&play));
	}
	end(&play);
}

Test(sim, thousands_of_calls_a_second)
{
	double start = seconds(), took;
	size_t begun, over, events;

	run_load(2000, 20 * SECOND, &begun, &over, &events);
	took = seconds() - start;
	cr_log_info("%zu calls, %zu events in %.2f s: %.0f calls/s, %.0f events/s", begun, events, took,
		    (double)begun / took, (double)events / took);
	/* All are accepted after half a second; each answered one has two channels. */
	cr_expect_geq(begun, 38000);
	cr_expect_gt(over, begun);
#ifndef __SANITIZE_ADDRESS__
	cr_expect_geq((double)begun / took, 2000, "%.0f calls/s", (double)begun / took);
#endif
}

Test(sim, an_hour_passes_in_a_blink)
{
	double start = seconds();
	size_t begun, over, events;

	run_load(1, 3600 * SECOND, &begun, &over, &events);
	cr_expect_geq(begun, 3590);
	cr_expect_leq(begun, 3601);
	cr_expect_lt(seconds() - start, 30.0);
}

Test(sim, a_client_that_does_not_read_is_dropped)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	struct play play;
	int i;

	options.load = 2000;
	begin_inside(&play, &options);
	for (i = 0; i < 1000 && !closing(&play); i++) {
		wait_for(&play, 10000);
		cr_assert_leq(wtel_sim_output(play.client, NULL).length, 16u << 20);
	}
	cr_expect(closing(&play));
	cr_expect_eq(wtel_sim_output(play.client, NULL).length, 0);
	end(&play);
}

Test(sim, no_allocation_once_it_is_warm)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	struct wtel_time now = {0, 1760000000 * SECOND};
	struct wtel_sim_client *client;
	struct wtel_sim *sim;
	size_t warm = 0, calls = 0;
	int i;

	options.load = 100;
	cr_assert_eq(wtel_sim_new(&sim, &options, &allocator), 0);
	cr_assert_eq(wtel_sim_connect(sim, &client, now), 0);
	cr_assert_eq(wtel_sim_feed(sim, client, LOGIN, strlen(LOGIN), now), 0);
	for (i = 0; i < 12000; i++) {
		now.mono += 10000;
		now.wall += 10000;
		cr_assert_eq(wtel_sim_tick(sim, now), 0);
		calls += i >= 6000 ? count(wtel_sim_output(client, NULL), "Event: OriginateResponse\r\n") : 0;
		wtel_sim_sent(client, wtel_sim_output(client, NULL).length);
		if (i == 6000)
			warm = fault.calls;
	}
	cr_expect_geq(calls, 5900);
	/* A call's variables are its own: two blocks, the agent's and the customer's. */
	cr_expect_leq(fault.calls - warm, 2 * calls + 300, "%zu allocations in %zu calls", fault.calls - warm, calls);
	wtel_sim_free(sim);
	cr_expect_eq(fault.out, 0);
}

/* Whatever allocation fails, the simulator lives, and what it says ends with a whole message. */
Test(sim, every_allocation_may_fail)
{
	static const char *const names[] = {"1001", "1098", "carrier", NULL};
	static const char *const registrations[] = {"carrier=Registered", NULL};
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;

	options.endpoints = names;
	options.registrations = registrations;
	FAULT_LOOP(allocator)
	{
		struct wtel_time now = {0, 1760000000 * SECOND};
		struct wtel_sim_client *client = NULL;
		struct wtel_sim *sim;
		struct wtel_slice out;
		int i;

		if (wtel_sim_new(&sim, &options, &allocator))
			continue;
		if (wtel_sim_connect(sim, &client, now) == 0) {
			(void)!wtel_sim_feed(sim, client, LOGIN, strlen(LOGIN), now);
			(void)!wtel_sim_feed(sim, client, CALL("5551"), strlen(CALL("5551")), now);
			(void)!wtel_sim_call_in(sim, "carrier", "15557654321", "15550001000", now);
			(void)!wtel_sim_registry(sim, "other", "Rejected", now);
			for (i = 0; i < 20; i++) {
				now.mono += SECOND;
				now.wall += SECOND;
				(void)!wtel_sim_tick(sim, now);
			}
			out = wtel_sim_output(client, NULL);
			cr_expect(out.length == 0 || memcmp(out.data + out.length - 2, "\r\n", 2) == 0);
		}
		wtel_sim_free(sim);
	}
}

/* ---- the TCP front ---------------------------------------------------- */

/* Reads until `text` came, or a minute is over. */
static bool socket_hears(int fd, struct wtel_sim_server *server, char *buffer, size_t room, const char *text)
{
	double limit = seconds() + 60;
	size_t used = 0;

	buffer[0] = '\0';
	while (seconds() < limit) {
		struct pollfd polled[2] = {{fd, POLLIN, 0}, {wtel_sim_server_fd(server), POLLIN, 0}};
		ssize_t length;

		poll(polled, 2, 100);
		cr_assert_eq(wtel_sim_server_dispatch(server), 0);
		length = recv(fd, buffer + used, room - used - 1, MSG_DONTWAIT);
		if (length == 0)
			return strcmp(text, "") == 0;
		used += length > 0 ? (size_t)length : 0;
		buffer[used] = '\0';
		if (*text && strstr(buffer, text))
			return true;
	}
	return false;
}

Test(sim, tcp)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct wtel_detail detail = {"", ""};
	struct wtel_sim_server *server, *second;
	struct wtel_sim *sim;
	char buffer[65536];
	int fd;

	options.agent_pickup = options.ring = options.talk = 20000;
	cr_assert_eq(wtel_sim_new(&sim, &options, NULL), 0);
	cr_expect_eq(wtel_sim_server_new(&server, sim, "nowhere", 0, &detail), WTEL_EINVAL);
	cr_assert_eq(wtel_sim_server_new(&server, sim, "127.0.0.1", 0, &detail), 0, "%s", detail.text);
	cr_assert_gt(wtel_sim_server_port(server), 0);
	cr_expect_eq(wtel_sim_server_new(&second, sim, "127.0.0.1", wtel_sim_server_port(server), &detail), WTEL_EIO);
	at.sin_port = htons((uint16_t)wtel_sim_server_port(server));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_expect(socket_hears(fd, server, buffer, sizeof(buffer), "Asterisk Call Manager/11.0.0\r\n"));
	cr_assert_gt(send(fd, LOGIN CALL("5551"), strlen(LOGIN CALL("5551")), 0), 0);
	cr_expect(socket_hears(fd, server, buffer, sizeof(buffer), "Event: BridgeDestroy\r\n"), "%s", buffer);
	cr_assert_gt(send(fd, "Action: Logoff\r\n\r\n", 18, 0), 0);
	cr_expect(socket_hears(fd, server, buffer, sizeof(buffer), ""), "it hangs up after the goodbye");
	close(fd);
	wtel_sim_server_free(server);
	wtel_sim_free(sim);
}
