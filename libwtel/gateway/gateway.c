/* The gateway's life: options, the loop, the end. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/limit.h"
#include "gateway/listen.h"
#include "gateway/login.h"
#include "gateway/metrics.h"
#include "gateway/networks.h"
#include "gateway/stream.h"
#include "gateway/who.h"

static const ev_tstamp SWEEP_EVERY = 0.25; /* seconds */
enum { HISTORY_MAX = 10000000 };

static int fail(struct wtel_detail *detail, int code, const char *field, const char *text)
{
	snprintf(detail->field, sizeof(detail->field), "%s", field);
	snprintf(detail->text, sizeof(detail->text), "%s", text);
	return code;
}

/* ---- options -------------------------------------------------------------- */

/* Into one block; the options point into it from then on. */
static bool copy_strings(struct wtel_gateway *gateway)
{
	const char **const texts[] = {&gateway->options.host,	  &gateway->options.cert_file,
				      &gateway->options.key_file, &gateway->options.origins,
				      &gateway->options.proxies,  &gateway->options.metrics_from};
	size_t size = 1, i;
	char *to;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	to = gateway->strings = gateway_allocate(&gateway->allocator, size);
	if (!to)
		return false;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t length = *texts[i] ? strlen(*texts[i]) + 1 : 0;

		if (length)
			*texts[i] = memcpy(to, *texts[i], length);
		to += length;
	}
	return true;
}

/* The list is ours to be cut into words: it is "https://a.example https://b.example:8443". */
static int read_origins(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	char *at = (char *)(uintptr_t)gateway->options.origins;

	while (at && *(at += strspn(at, " ,"))) {
		size_t length = strcspn(at, " ,");
		bool more = at[length];

		at[length] = '\0';
		if (gateway->origin_count == GATEWAY_ORIGINS_MAX || length > 190 || at[length - 1] == '/' ||
		    (strncasecmp(at, "http://", 7) != 0 && strncasecmp(at, "https://", 8) != 0))
			return fail(detail, WTEL_ECONFIG, "origins",
				    "origins are \"https://host\" or \"https://host:port\", without a path");
		gateway->origins[gateway->origin_count++] = at;
		at += length + more;
	}
	return 0;
}

static int check_options(const struct wtel_gateway_options *options, struct wtel_detail *detail)
{
	if (!options->service)
		return fail(detail, WTEL_EINVAL, "service", "a service is needed");
	if (options->port < 0 || options->port > 65535)
		return fail(detail, WTEL_EINVAL, "port", "a port is 0 to 65535");
	if (!options->cert_file != !options->key_file)
		return fail(detail, WTEL_ECONFIG, options->cert_file ? "key_file" : "cert_file",
			    "a certificate and its key belong together");
	if (!options->max_connections || !options->max_header || options->max_header > 1048576)
		return fail(detail, WTEL_EINVAL, options->max_connections ? "max_header" : "max_connections",
			    "1 at least, and 1 MiB of headers at most");
	if (options->idle_timeout <= 0 || options->request_timeout <= 0 || options->session_lifetime <= 0)
		return fail(detail, WTEL_EINVAL, "idle_timeout", "times are more than 0");
	if (!options->event_history || options->event_history > HISTORY_MAX || !options->max_unsent)
		return fail(detail, WTEL_EINVAL, "event_history", "1 to 10 000 000 events, and some bytes unsent");
	if (options->user_streams < 0)
		return fail(detail, WTEL_EINVAL, "user_streams", "0 (no limit) or more");
	return 0;
}

static int read_options(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	if (!copy_strings(gateway))
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	if (networks_read(&gateway->proxies, gateway->options.proxies))
		return fail(detail, WTEL_ECONFIG, "proxies", "a list of addresses or networks is needed");
	if (networks_read(&gateway->metrics_from, gateway->options.metrics_from))
		return fail(detail, WTEL_ECONFIG, "metrics_from", "a list of addresses or networks is needed");
	gateway->service = gateway->options.service;
	gateway->tls = gateway->options.cert_file;
	return read_origins(gateway, detail);
}

/* ---- the loop --------------------------------------------------------------- */

static void finish_stop(struct wtel_gateway *gateway)
{
	void (*stopped)(void *user) = gateway->stopped;

	gateway->stopped = NULL;
	if (stopped)
		stopped(gateway->stopped_user);
}

/* What was asked in this turn is answered in it. */
static void before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct wtel_gateway *gateway = watcher->data;

	(void)loop;
	(void)events;
	if (gateway->asked) {
		gateway->asked = false;
		(void)wtel_service_dispatch(gateway->service);
	}
	connection_settle_all(gateway);
	if (gateway->stopping && !gateway->connections)
		finish_stop(gateway);
}

static void sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct wtel_gateway *gateway = timer->data;
	struct gateway_connection *connection;
	int64_t now = wtel_time_now().mono;
	bool late = gateway->stopping && now >= gateway->stop_deadline;

	(void)loop;
	(void)events;
	for (connection = gateway->first; connection; connection = connection->next) {
		if (late)
			connection_end(connection, false);
		else
			connection_sweep(connection, now);
	}
}

/* ---- life ------------------------------------------------------------------- */

static int open_parts(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	int code = limit_new(&gateway->limits, &gateway->options, &gateway->allocator);

	if (!code)
		code = who_new(&gateway->who, gateway);
	if (!code)
		code = login_new(&gateway->login, gateway);
	if (!code)
		code = metrics_new(&gateway->metrics, gateway);
	if (!code)
		code = streams_new(gateway);
	return code ? fail(detail, code, "", wtel_error_text(code)) : 0;
}

static void start(struct wtel_gateway *gateway)
{
	ev_prepare_init(&gateway->before_sleep, before_sleep);
	/* Before whoever writes what comes of it. */
	ev_set_priority(&gateway->before_sleep, EV_MAXPRI);
	ev_timer_init(&gateway->sweep, sweep, SWEEP_EVERY, SWEEP_EVERY);
	gateway->before_sleep.data = gateway->sweep.data = gateway;
	ev_prepare_start(gateway->loop, &gateway->before_sleep);
	ev_timer_start(gateway->loop, &gateway->sweep);
	gateway->started = true;
}

static int open_all(struct wtel_gateway *gateway, struct wtel_detail *detail)
{
	int code = read_options(gateway, detail);

	if (!code)
		code = transports_open(&gateway->transports, gateway->loop, &gateway->allocator,
				       gateway->options.cert_file, gateway->options.key_file, detail);
	if (!code)
		code = open_parts(gateway, detail);
	if (!code)
		code = listen_open(gateway, detail);
	if (!code)
		start(gateway);
	return code;
}

int gateway_new(struct wtel_gateway **out, struct ev_loop *loop, const struct wtel_gateway_options *options,
		const struct wtel_allocator *allocator, struct wtel_detail *detail)
{
	struct wtel_gateway_options use = WTEL_GATEWAY_OPTIONS_INIT;
	struct wtel_detail unheard = {"", ""};
	struct wtel_gateway *gateway;
	int code;

	detail = detail ? detail : &unheard;
	if (!options || !loop)
		return fail(detail, WTEL_EINVAL, "loop", "a loop and options are needed");
	memcpy(&use, options, options->size < sizeof(use) ? options->size : sizeof(use));
	code = check_options(&use, detail);
	if (code)
		return code;
	allocator = allocator ? allocator : &gateway_memory;
	gateway = gateway_allocate(allocator, sizeof(*gateway));
	if (!gateway)
		return fail(detail, WTEL_ENOMEM, "", "out of memory");
	gateway->allocator = *allocator;
	gateway->options = use;
	gateway->loop = loop;
	code = open_all(gateway, detail);
	if (code)
		wtel_gateway_free(gateway);
	else
		*out = gateway;
	return code;
}

int wtel_gateway_new(struct wtel_gateway **out, struct ev_loop *loop, const struct wtel_gateway_options *options,
		     struct wtel_detail *detail)
{
	return gateway_new(out, loop, options, NULL, detail);
}

int wtel_gateway_port(const struct wtel_gateway *gateway)
{
	return gateway->port;
}

void wtel_gateway_stop(struct wtel_gateway *gateway, int64_t timeout, void (*done)(void *user), void *user)
{
	struct gateway_connection *connection;

	gateway->stopping = true;
	gateway->stop_deadline = wtel_time_now().mono + timeout;
	gateway->stopped = done;
	gateway->stopped_user = user;
	listen_close(gateway);
	streams_stop(gateway);
	for (connection = gateway->first; connection; connection = connection->next)
		connection_stop(connection);
	/* The loop may sleep: this wakes it. */
	ev_timer_stop(gateway->loop, &gateway->sweep);
	ev_timer_set(&gateway->sweep, 0, SWEEP_EVERY);
	ev_timer_start(gateway->loop, &gateway->sweep);
}

void wtel_gateway_free(struct wtel_gateway *gateway)
{
	struct wtel_allocator allocator;

	if (!gateway)
		return;
	allocator = gateway->allocator;
	listen_close(gateway);
	connection_close_all(gateway);
	transports_close(&gateway->transports);
	if (gateway->started) {
		ev_prepare_stop(gateway->loop, &gateway->before_sleep);
		ev_timer_stop(gateway->loop, &gateway->sweep);
	}
	streams_free(gateway);
	login_free(gateway->login);
	metrics_free(gateway->metrics);
	who_free(gateway->who);
	limit_free(gateway->limits);
	gateway_release(&allocator, gateway->scratch);
	gateway_release(&allocator, gateway->strings);
	gateway_release(&allocator, gateway);
}
