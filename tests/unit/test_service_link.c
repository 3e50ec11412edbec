/* Connections of the service: refused, lost, silent, rejected, over TLS; and what becomes of calls meanwhile. */
#include <signal.h>
#include <sys/wait.h>

#include "fake_asterisk.h"
#include "service_world.h"

#define FAKE_UNTIL_MS(world, fake, ms, condition)                                                                      \
	do {                                                                                                           \
		int64_t until_ = wtel_time_now().mono + (int64_t)(ms)*1000;                                            \
		bool met_ = false;                                                                                     \
		while (!(met_ = (condition)) && wtel_time_now().mono < until_) {                                       \
			fake_turn(fake);                                                                               \
			(void)world_turn(world, 2);                                                                    \
		}                                                                                                      \
		cr_assert(met_, "%s\nlog:\n%s\nnotices:\n%s", #condition, (world)->log, (world)->notices);             \
	} while (0)
#define FAKE_UNTIL(world, fake, condition) FAKE_UNTIL_MS(world, fake, 60000, condition)

static void fake_run(struct world *world, struct fake *fake, int64_t milliseconds)
{
	int64_t left = milliseconds * 1000;

	while (left > 0) {
		int64_t before = wtel_time_now().mono;

		fake_turn(fake);
		(void)world_turn(world, 2);
		left -= world_passed(before, 2);
	}
}

/* A service whose only Asterisk is the fake. */
static void fake_world(struct world *world, struct fake *fake)
{
	fake_open(fake);
	world_prepare(world);
	world_trunk(world, "Direct", false, 10);
	world_sim_open(world, 0);
	world->hosts[0].port = fake->port;
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		count++;
	return count;
}

/* Nobody listens there and nobody else may: whoever shares the address, as the simulator does, may later. `port` 0:
 * any. */
static int hold_port(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	socklen_t length = sizeof(address);

	address.sin_port = htons((uint16_t)port);
	cr_assert(holder >= 0);
	cr_assert_eq(setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	cr_assert_eq(bind(holder, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(getsockname(holder, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

/* ---- hosts ---- */

Test(service_link, the_second_host_when_the_first_refuses)
{
	struct world world;
	struct wtel_service_stats stats;
	char wanted[32];

	world_prepare(&world);
	world_sim_open(&world, 0);
	world.hosts[0].port = hold_port(0);
	world.hosts[1] = world.hosts[0];
	world.hosts[1].port = wtel_sim_server_port(world.server);
	world.options.host_count = 2;
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).connected);
	stats = world_stats(&world);
	snprintf(wanted, sizeof(wanted), "127.0.0.1:%d", world.hosts[1].port);
	cr_assert_str_eq(stats.host, wanted);
	world_close(&world);
}

Test(service_link, a_refusal_is_told_once_and_tried_again)
{
	struct world world;
	int port = hold_port(0);

	world_prepare(&world);
	world_sim_open(&world, 0);
	world.hosts[0].port = port;
	world_start(&world);
	world_run(&world, 600);
	cr_assert_not(world_stats(&world).connected);
	cr_assert_eq(count_of(world.notices, "ami:disconnected"), 1, "%s", world.notices);
	cr_assert_str_eq(wtel_service_error(world.service)->field, "host");
	cr_assert(strstr(wtel_service_error(world.service)->text, "refused"), "%s",
		  wtel_service_error(world.service)->text);
	world_sim_close(&world);
	world_sim_open(&world, port);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	world_close(&world);
}

Test(service_link, localhost_and_other_names)
{
	struct world world;

	world_prepare(&world);
	world.hosts[0].host = "localhost";
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).connected);
	world_close(&world);

	world_prepare(&world);
	world.hosts[0].host = "no-such-host.invalid";
	world.options.connect_timeout = 2000000;
	world_start(&world);
	WORLD_UNTIL(&world, strstr(world.notices, "ami:disconnected"));
	cr_assert(strstr(wtel_service_error(world.service)->text, "no address"), "%s",
		  wtel_service_error(world.service)->text);
	world_close(&world);
}

Test(service_link, a_rejected_login_is_not_hammered)
{
	struct fake fake;
	struct world world;
	int64_t began;

	fake_world(&world, &fake);
	fake.reject = true;
	world.options.backoff_min = 1000;
	world.options.backoff_max = 400000;
	world_start(&world);
	FAKE_UNTIL(&world, &fake, strstr(world.notices, "ami:disconnected"));
	cr_assert_str_eq(wtel_service_error(world.service)->field, "login");
	cr_assert(strstr(wtel_service_error(world.service)->text, "Authentication failed"), "%s",
		  wtel_service_error(world.service)->text);
	began = wtel_time_now().mono;
	FAKE_UNTIL(&world, &fake, fake.logins >= 3);
	/* Two pauses, the first of which may have begun a moment before. */
	cr_assert_geq(wtel_time_now().mono - began, 500000);
	cr_assert_null(strstr(world.log, WORLD_SECRET));
	cr_assert_not(world_stats(&world).connected);
	world_close(&world);
	fake_close(&fake);
}

Test(service_link, a_silent_server_is_left, .timeout = 300)
{
	struct fake fake;
	struct world world;

	fake_world(&world, &fake);
	fake.mute_after_login = true;
	world_start(&world);
	FAKE_UNTIL(&world, &fake, world_stats(&world).connected);
	cr_assert_not(world_stats(&world).synchronised);
	/* The ping goes out after 15 s and is waited for 5 s. */
	FAKE_UNTIL_MS(&world, &fake, 90000, fake.connections == 2);
	cr_assert(strstr(world.notices, "ami:disconnected"), "%s", world.notices);
	cr_assert(strstr(world.log, "lost the connection"), "%s", world.log);
	world_close(&world);
	fake_close(&fake);
}

/* ---- calls across a lost connection ---- */

Test(service_link, calls_that_vanished_are_closed_as_estimated)
{
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];
	int port;

	world_prepare(&world);
	world.sim_options.talk = 60000000;
	world_start(&world);
	port = world.hosts[0].port;
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, call_id, "1001", "5550001"), 0);
	WORLD_UNTIL(&world, strstr(world.notices, "call:answered"));
	world_sim_close(&world);
	(void)hold_port(port);
	WORLD_UNTIL(&world, strstr(world.notices, "ami:disconnected"));
	cr_assert_eq(world_stats(&world).active_calls, 1);
	world_sim_open(&world, port);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup ANSWERED"));
	cr_assert_eq(world_stats(&world).reconnects, 1);
	list = world_row(&world, call_id);
	cr_assert(list->calls[0].estimated);
	cr_assert_neq(list->calls[0].end, 0);
	wtel_call_list_free(list);
	cr_assert_eq(world_rows(&world, false), 1);
	world_close(&world);
}

Test(service_link, a_call_lives_through_a_lost_connection)
{
	struct fake fake;
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];

	fake_world(&world, &fake);
	world_start(&world);
	fake.drop_originate = fake.has_call = true;
	FAKE_UNTIL(&world, &fake, world_stats(&world).connected);
	fake.has_call = false;
	FAKE_UNTIL(&world, &fake, world_stats(&world).synchronised);
	fake.has_call = true;
	cr_assert_eq(world_originate(&world, call_id, "1001", "5550001"), 0);
	FAKE_UNTIL(&world, &fake, world.done);
	cr_assert_eq(world.done_code, 0, "found among the channels: %s", world.done_text);
	cr_assert_str_eq(fake.channel_id, call_id);
	cr_assert_eq(fake.originates, 1, "never sent twice");
	cr_assert_eq(world_rows(&world, true), 1);
	world_close(&world);
	fake_close(&fake);
}

/* A call that the fake Asterisk lists, and tells nothing else of. */
static void begin_call(struct world *world, struct fake *fake, char call_id[WTEL_CALL_ID_SIZE])
{
	fake_world(world, fake);
	world_start(world);
	FAKE_UNTIL(world, fake, world_stats(world).synchronised);
	fake->drop_originate = fake->has_call = true;
	cr_assert_eq(world_originate(world, call_id, "1001", "5550001"), 0);
	FAKE_UNTIL(world, fake, world->done);
	cr_assert_eq(world->done_code, 0, "%s", world->done_text);
}

/* An item may have been dropped with what a caller forged: no call is ended by such a list. */
Test(service_link, a_list_that_may_not_be_whole_is_read_again)
{
	struct fake fake;
	struct world world;
	char call_id[WTEL_CALL_ID_SIZE];
	unsigned lists;

	begin_call(&world, &fake, call_id);
	lists = fake.lists;
	fake.torn = true;
	fake_say(&fake, "Event: Reload\r\nPrivilege: system,all\r\nModule: x\r\nStatus: 0\r\n\r\n");
	FAKE_UNTIL_MS(&world, &fake, 60000, fake.lists >= lists + 2);
	fake_run(&world, &fake, 100);
	cr_assert_eq(world_stats(&world).active_calls, 1, "a call that is there was ended");
	cr_assert_eq(world_rows(&world, true), 1);
	world_close(&world);
	fake_close(&fake);
}

/* Its Hangup was broken by a caller: the call ends when that came, not when the channels were next read. */
Test(service_link, a_broken_hangup_that_the_list_bears_out)
{
	struct fake fake;
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];
	unsigned lists;
	int64_t told;

	begin_call(&world, &fake, call_id);
	fake.has_call = false;
	lists = fake.lists;
	fake_say(&fake, "Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-00000001\r\nChannelState: 6\r\n"
			"ChannelStateDesc: Up\r\nCallerIDNum: 5\r\n\r\nX: y\r\n\r\n");
	FAKE_UNTIL(&world, &fake, strstr(world.notices, "security"));
	told = wtel_time_now().wall;
	FAKE_UNTIL_MS(&world, &fake, 60000, fake.lists > lists && !world_stats(&world).active_calls);
	list = world_row(&world, call_id);
	cr_assert_neq(list->calls[0].end, 0);
	cr_assert_leq(list->calls[0].end, told);
	cr_assert(list->calls[0].estimated);
	wtel_call_list_free(list);
	world_close(&world);
	fake_close(&fake);
}

Test(service_link, a_call_lost_before_it_began_is_closed_and_not_repeated)
{
	struct fake fake;
	struct world world;
	struct wtel_call_list *list;
	char call_id[WTEL_CALL_ID_SIZE];

	fake_world(&world, &fake);
	fake.drop_originate = true;
	world_start(&world);
	FAKE_UNTIL(&world, &fake, world_stats(&world).synchronised);
	cr_assert_eq(world_originate(&world, call_id, "1001", "5550001"), 0);
	FAKE_UNTIL_MS(&world, &fake, 60000, world.done);
	cr_assert_eq(world.done_code, WTEL_ECLOSED, "%s", world.done_text);
	cr_assert_eq(fake.originates, 1);
	fake_run(&world, &fake, 100);
	list = world_row(&world, call_id);
	cr_assert_eq(list->calls[0].disposition, WTEL_DISPOSITION_FAILED);
	cr_assert_neq(list->calls[0].end, 0);
	wtel_call_list_free(list);
	cr_assert_eq(world_rows(&world, true), 0);
	world_close(&world);
	fake_close(&fake);
}

Test(service_link, what_is_sent_to_originate)
{
	static const char *const lines[] = {"Channel: PJSIP/1001\r\n",
					    "Context: welcomedly-outbound\r\n",
					    "Exten: +15550001\r\n",
					    "Priority: 1\r\n",
					    "Timeout: 30000\r\n",
					    "CallerID: +15550001\r\n",
					    "Async: true",
					    "Variable: __WTEL_ENDPOINT=direct",
					    "__CAMPAIGN_ID=7",
					    "__LEAD_ID=8",
					    "__WTEL_DIAL_TIMEOUT=30",
					    "__TRUNK_ID=",
					    "__CALL_ID=WLCM-"};
	struct wtel_originate request = WTEL_ORIGINATE_INIT;
	struct fake fake;
	struct world world;
	size_t i;

	fake_world(&world, &fake);
	world_start(&world);
	FAKE_UNTIL(&world, &fake, world_stats(&world).synchronised);
	request.extension = "1001";
	request.number = "+15550001";
	request.campaign_id = 7;
	request.lead_id = 8;
	cr_assert_eq(wtel_service_originate(world.service, NULL, &request, world_originated, &world), 0);
	FAKE_UNTIL(&world, &fake, world.done);
	cr_assert_eq(world.done_code, 0, "%s", world.done_text);
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		cr_assert(strstr(fake.originate, lines[i]), "%s in:\n%s", lines[i], fake.originate);
	world_close(&world);
	fake_close(&fake);
}

Test(service_link, orphans_of_a_dead_process_are_closed)
{
	struct world world;
	struct wtel_call call;
	struct wtel_call_list *list;
	struct wtel_booking booking;
	struct wtel_route route = {0};
	char path[] = "/tmp/wtel-test-db-XXXXXX", url[64];
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	int fd = mkstemp(path), status = 0;
	pid_t child;

	cr_assert(fd >= 0);
	close(fd);
	snprintf(url, sizeof(url), "sqlite:%s", path);
	world_prepare(&world);
	wtel_store_close(world.store);
	options.url = url;
	cr_assert_eq(wtel_store_open(&world.store, &options, NULL, NULL), 0);
	cr_assert_eq(wtel_store_migrate(world.store, NULL, NULL), 0);
	world.trunk = world_trunk(&world, "Carrier A", false, 10);
	wtel_store_close(world.store);
	memset(&call, 0, sizeof(call));
	call.call_id = "WLCM-1-orphan";
	call.channel = call.reason = call.recording_url = "";
	call.caller_number = "1001";
	call.callee_number = "5550001";
	call.start = wtel_time_now().wall; /* however young it is */
	route.trunk_id = world.trunk;
	child = fork();
	if (child == 0) {
		struct wtel_store *store;

		/* Books a call, and dies without a word. */
		if (wtel_store_open(&store, &options, NULL, NULL) ||
		    wtel_store_reserve(store, &booking, &call, &route, 1, NULL))
			_exit(1);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_eq(wtel_store_open(&world.store, &options, NULL, NULL), 0);
	cr_assert_eq(world_rows(&world, true), 1);
	world_start(&world);
	WORLD_UNTIL(&world, world_stats(&world).synchronised);
	WORLD_UNTIL(&world, strstr(world.notices, "call:hangup"));
	list = world_row(&world, "WLCM-1-orphan");
	cr_assert_neq(list->calls[0].end, 0);
	cr_assert(list->calls[0].estimated);
	wtel_call_list_free(list);
	cr_assert_eq(world_rows(&world, true), 0);
	world_close(&world);
	unlink(path);
}

/* ---- TLS ---- */

static void tls_world(struct world *world, struct fake *fake, const struct authority *signer,
		      const struct authority *trusted, const char *alternative)
{
	fake_world(world, fake);
	fake_tls(fake, signer, alternative);
	world->hosts[0].tls = true;
	world->options.ca_file = trusted->file;
	world_start(world);
}

Test(service_link, tls_with_a_trusted_certificate)
{
	static const struct {
		const char *host;
		const char *alternative;
		const char *name;
	} cases[] = {{"localhost", "DNS:localhost", NULL},
		     {"127.0.0.1", "IP:127.0.0.1", NULL},
		     {"127.0.0.1", "DNS:pbx.example", "pbx.example"}};
	struct authority authority;
	struct fake fake;
	struct world world;
	size_t i;

	authority_open(&authority);
	for (i = 0; i < 3; i++) {
		fake_world(&world, &fake);
		fake_tls(&fake, &authority, cases[i].alternative);
		world.hosts[0].tls = true;
		world.hosts[0].host = cases[i].host;
		world.options.ca_file = authority.file;
		world.options.tls_name = cases[i].name;
		world_start(&world);
		FAKE_UNTIL(&world, &fake, world_stats(&world).synchronised);
		cr_assert_eq(world_originate(&world, NULL, "1001", "5550001"), 0);
		FAKE_UNTIL(&world, &fake, world.done);
		cr_assert_eq(world.done_code, 0);
		fake_drop(&fake);
		FAKE_UNTIL(&world, &fake, world_stats(&world).reconnects == 1);
		world_close(&world);
		fake_close(&fake);
	}
	authority_close(&authority);
}

Test(service_link, tls_refuses_what_is_not_trusted)
{
	struct authority good, other;
	struct fake fake;
	struct world world;

	signal(SIGPIPE, SIG_DFL);
	authority_open(&good);
	authority_open(&other);
	tls_world(&world, &fake, &good, &good, "DNS:other.example");
	FAKE_UNTIL(&world, &fake, strstr(world.notices, "ami:disconnected"));
	cr_assert_str_eq(wtel_service_error(world.service)->field, "tls");
	cr_assert(strstr(wtel_service_error(world.service)->text, "mismatch"), "%s",
		  wtel_service_error(world.service)->text);
	cr_assert_eq(fake.logins, 0);
	world_close(&world);
	fake_close(&fake);

	/* A name in a certificate is no address, even if it looks like one. */
	tls_world(&world, &fake, &good, &good, "DNS:127.0.0.1");
	FAKE_UNTIL(&world, &fake, strstr(world.notices, "ami:disconnected"));
	cr_assert_eq(fake.logins, 0);
	world_close(&world);
	fake_close(&fake);

	tls_world(&world, &fake, &other, &good, "IP:127.0.0.1");
	FAKE_UNTIL(&world, &fake, strstr(world.notices, "ami:disconnected"));
	cr_assert(strstr(wtel_service_error(world.service)->text, "not trusted"), "%s",
		  wtel_service_error(world.service)->text);
	cr_assert_eq(fake.logins, 0);
	world_close(&world);
	fake_close(&fake);
	authority_close(&good);
	authority_close(&other);
}

Test(service_link, a_handshake_that_hangs_sleeps_and_ends)
{
	struct authority authority;
	struct fake fake;
	struct world world;
	struct pollfd poller = {-1, POLLIN, 0};
	unsigned count = 0;

	/* The fake accepts, by its backlog, and says nothing. */
	authority_open(&authority);
	fake_world(&world, &fake);
	world.hosts[0].tls = true;
	world.options.ca_file = authority.file;
	world.options.connect_timeout = 600000;
	world_start(&world);
	poller.fd = wtel_service_fd(world.service);
	while (!strstr(world.notices, "ami:disconnected") && count < 1000)
		if (poll(&poller, 1, 1000) == 1) {
			count++;
			(void)!wtel_service_dispatch(world.service);
			world_read(&world);
		}
	cr_assert(count < 30, "%u wakeups", count);
	cr_assert(strstr(wtel_service_error(world.service)->text, "not finished in time"), "%s",
		  wtel_service_error(world.service)->text);
	world_close(&world);
	fake_close(&fake);
	authority_close(&authority);
}

Test(service_link, tls_against_a_plain_server)
{
	struct authority authority;
	struct fake fake;
	struct world world;

	authority_open(&authority);
	fake_world(&world, &fake);
	world.hosts[0].tls = true;
	world.options.ca_file = authority.file;
	world_start(&world);
	FAKE_UNTIL(&world, &fake, strstr(world.notices, "ami:disconnected"));
	cr_assert_str_eq(wtel_service_error(world.service)->field, "tls");
	world_close(&world);
	fake_close(&fake);
	authority_close(&authority);
}
