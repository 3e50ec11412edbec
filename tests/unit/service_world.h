/*
 * A simulated Asterisk, a store and a service in one process and on one loop, with what the service told:
 *
 *   struct world world;
 *   world_open(&world, NULL);
 *   WORLD_UNTIL(&world, world_stats(&world).synchronised);
 *   world_close(&world);
 */
#ifndef TESTS_SERVICE_WORLD_H
#define TESTS_SERVICE_WORLD_H

#include <criterion/criterion.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wtel/service.h>
#include <wtel/sim.h>

#define WORLD_SECRET "wtel-Secret-9"

struct world {
	struct wtel_sim_options sim_options;
	struct wtel_service_options options;
	struct wtel_ami_host hosts[3];
	const struct wtel_allocator *allocator; /* of the service */
	struct wtel_store *store;
	struct wtel_sim *sim;
	struct wtel_sim_server *server;
	struct wtel_service *service;
	struct wtel_observer *observer;
	int64_t trunk;

	char log[32768];     /* all lines */
	char notices[32768]; /* "name status text\n" */
	int done_code;	     /* of the last originate or hangup */
	unsigned done;	     /* how many */
	char done_text[256];
	char done_call[WTEL_CALL_ID_SIZE];
	char done_trunk[128];
};

static inline void world_append(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
static inline void world_append(char *to, size_t room, const char *format, ...)
{
	size_t length = strlen(to);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(to + length, room - length, format, arguments);
	va_end(arguments);
}

static inline void world_log(enum wtel_log_level level, const char *text, void *user)
{
	struct world *world = user;

	world_append(world->log, sizeof(world->log), "%d %s\n", (int)level, text);
}

static inline void world_store_open(struct world *world)
{
	struct wtel_store_options options = WTEL_STORE_OPTIONS_INIT;
	struct wtel_detail detail = {"", ""};

	options.url = "sqlite::memory:";
	options.max_delay = 0;
	cr_assert_eq(wtel_store_open(&world->store, &options, NULL, &detail), 0, "%s", detail.text);
	cr_assert_eq(wtel_store_migrate(world->store, NULL, NULL), 0, "%s", wtel_store_error(world->store)->text);
}

static inline int64_t world_trunk(struct world *world, const char *name, bool needs_registration, int max_channels)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	int64_t id = 0;

	trunk.name = name;
	trunk.host = "carrier.example";
	trunk.max_channels = max_channels;
	trunk.needs_registration = needs_registration;
	trunk.advanced_settings = needs_registration ? "{}" : "{\"registration\": false}";
	cr_assert_eq(wtel_store_trunk_save(world->store, &id, &trunk), 0, "%s", wtel_store_error(world->store)->text);
	return id;
}

/* Everything but the service: a test may change what it likes before world_start(). */
static inline void world_prepare(struct world *world)
{
	static const char *const registrations[] = {"carrier-a=Registered", NULL};
	struct wtel_sim_options sim = WTEL_SIM_OPTIONS_INIT;
	struct wtel_service_options options = WTEL_SERVICE_OPTIONS_INIT;

	memset(world, 0, sizeof(*world));
	sim.secret = WORLD_SECRET;
	sim.agent_pickup = sim.ring = 20000;
	sim.talk = 60000;
	sim.registrations = registrations;
	world->sim_options = sim;
	world->options = options;
	world->options.backoff_max = 200000;
	world->options.backoff_min = 10000;
	world->options.log = world_log;
	world->options.log_user = world;
	world->hosts[0] = (struct wtel_ami_host){"127.0.0.1", 0, "wtel", WORLD_SECRET, false};
	world->options.hosts = world->hosts;
	world->options.host_count = 1;
	world_store_open(world);
	world->trunk = world_trunk(world, "Carrier A", true, 10);
}

static inline void world_sim_open(struct world *world, int port)
{
	struct wtel_detail detail = {"", ""};

	cr_assert_eq(wtel_sim_new(&world->sim, &world->sim_options, NULL), 0);
	cr_assert_eq(wtel_sim_server_new(&world->server, world->sim, "127.0.0.1", port, &detail), 0, "%s", detail.text);
}

static inline void world_sim_close(struct world *world)
{
	wtel_sim_server_free(world->server);
	wtel_sim_free(world->sim);
	world->server = NULL;
	world->sim = NULL;
}

static inline void world_start(struct world *world)
{
	struct wtel_detail detail = {"", ""};
	int code;

	if (!world->sim)
		world_sim_open(world, 0);
	if (!world->hosts[0].port)
		world->hosts[0].port = wtel_sim_server_port(world->server);
	world->options.store = world->store;
	code = wtel_service_new(&world->service, &world->options, world->allocator, &detail);
	cr_assert_eq(code, 0, "%s: %s", detail.field, detail.text);
	cr_assert_eq(wtel_observer_new(&world->observer, world->service, 0, NULL, NULL), 0);
}

static inline void world_open(struct world *world)
{
	world_prepare(world);
	world_start(world);
}

static inline void world_close(struct world *world)
{
	wtel_observer_free(world->observer);
	wtel_service_free(world->service);
	world_sim_close(world);
	wtel_store_close(world->store);
}

static inline void world_read(struct world *world)
{
	struct wtel_notice notice;

	while (world->observer && wtel_observer_next(world->observer, &notice) == 1)
		world_append(world->notices, sizeof(world->notices), "%s %s %s\n", wtel_notice_name(notice.type),
			     notice.call ? (notice.call->end ? wtel_disposition_name(notice.call->disposition)
							     : wtel_call_state_name(notice.call->state))
					 : notice.name,
			     notice.call ? notice.call->call_id : notice.status);
}

/* One turn of the loop, up to `timeout` ms. Gives what the dispatch gave. */
static inline int world_turn(struct world *world, int timeout)
{
	struct pollfd pollers[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};
	int code = 0;

	if (world->service)
		pollers[0].fd = wtel_service_fd(world->service);
	if (world->server)
		pollers[1].fd = wtel_sim_server_fd(world->server);
	poll(pollers, 2, timeout);
	/* Always: a test may have told the simulator something behind its server's back. */
	if (world->server)
		(void)!wtel_sim_server_dispatch(world->server);
	if (world->service && pollers[0].revents)
		code = wtel_service_dispatch(world->service);
	world_read(world);
	return code;
}

#define WORLD_UNTIL_MS(world, ms, condition)                                                                           \
	do {                                                                                                           \
		int64_t until_ = wtel_time_now().mono + (int64_t)(ms)*1000;                                            \
		bool met_ = false;                                                                                     \
		while (!(met_ = (condition)) && wtel_time_now().mono < until_)                                         \
			(void)world_turn(world, 20);                                                                   \
		cr_assert(met_, "%s\nlog:\n%s\nnotices:\n%s", #condition, (world)->log, (world)->notices);             \
	} while (0)
#define WORLD_UNTIL(world, condition) WORLD_UNTIL_MS(world, 60000, condition)

/* What of a turn that waited for so long counts: while the process was stopped, nothing could happen in it. */
static inline int64_t world_passed(int64_t before, int wait)
{
	int64_t took = wtel_time_now().mono - before;

	return took < wait * 1000 ? took : wait * 1000;
}

static inline void world_run(struct world *world, int64_t milliseconds)
{
	int wait = milliseconds < 20 ? 1 : milliseconds > 200 ? 10 : (int)(milliseconds / 20);
	int64_t left = milliseconds * 1000;

	while (left > 0) {
		int64_t before = wtel_time_now().mono;

		(void)world_turn(world, wait);
		left -= world_passed(before, wait);
	}
}

static inline struct wtel_service_stats world_stats(const struct world *world)
{
	struct wtel_service_stats stats;

	wtel_service_stats(world->service, &stats);
	return stats;
}

static inline void world_originated(int code, const char *text, const struct wtel_call *call,
				    const struct wtel_trunk *trunk, void *user)
{
	struct world *world = user;

	world->done++;
	world->done_code = code;
	snprintf(world->done_text, sizeof(world->done_text), "%s", text);
	snprintf(world->done_call, sizeof(world->done_call), "%s", call ? call->call_id : "");
	snprintf(world->done_trunk, sizeof(world->done_trunk), "%s", trunk ? trunk->name : "");
}

static inline void world_done(int code, const char *text, void *user)
{
	world_originated(code, text, NULL, NULL, user);
}

static inline int world_originate(struct world *world, char *call_id, const char *extension, const char *number)
{
	struct wtel_originate request = WTEL_ORIGINATE_INIT;

	request.extension = extension;
	request.number = number;
	return wtel_service_originate(world->service, call_id, &request, world_originated, world);
}

/* The only row, or none: how many there are. */
static inline int64_t world_rows(struct world *world, bool active)
{
	struct wtel_call_filter filter = WTEL_CALL_FILTER_INIT;
	struct wtel_call_list *list;
	int64_t total;

	filter.active = active;
	cr_assert_eq(wtel_store_calls(world->store, &list, &filter), 0, "%s", wtel_store_error(world->store)->text);
	total = list->total;
	wtel_call_list_free(list);
	return total;
}

static inline struct wtel_call_list *world_row(struct world *world, const char *call_id)
{
	struct wtel_call_list *list = NULL;

	cr_assert_eq(wtel_store_flush(world->store), 0);
	cr_assert_eq(wtel_store_call(world->store, &list, call_id), 0, "%s", wtel_store_error(world->store)->text);
	return list;
}

#endif
