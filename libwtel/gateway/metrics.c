#include "gateway/metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LEAST = 100, MOST = 599, BUCKETS = 11, FIRST_ROOM = 16384, TRUNKS_MAX = 10000 };

static const int64_t bounds[BUCKETS] = {500,   1000,   2500,   5000,	10000,	25000,
					50000, 100000, 500000, 1000000, 5000000}; /* microseconds */
static const char *const route_names[METRICS_ROUTES] = {"api", "session", "events", "metrics", "health", "other"};

struct route_figures {
	uint64_t by_status[MOST - LEAST + 1];
	uint64_t within[BUCKETS];
	uint64_t count;
	uint64_t microseconds;
};

struct metrics {
	struct wtel_gateway *gateway;
	struct wtel_allocator allocator;
	struct wtel_observer *observer;
	uint64_t ended[WTEL_DISPOSITIONS];
	uint64_t failovers;
	uint64_t lost; /* notices that came too fast to be counted */
	struct route_figures routes[METRICS_ROUTES];
};

/* ---- counting ------------------------------------------------------------- */

static void observe(struct wtel_observer *observer, void *user)
{
	struct metrics *metrics = user;
	struct wtel_notice notice;

	while (wtel_observer_next(observer, &notice) == 1) {
		if (notice.type == WTEL_NOTICE_CALL_HANGUP && notice.call)
			metrics->ended[notice.call->disposition]++;
		else if (notice.type == WTEL_NOTICE_CALL_FAILOVER)
			metrics->failovers++;
		else if (notice.type == WTEL_NOTICE_OVERFLOW)
			metrics->lost += notice.lost;
	}
}

int metrics_new(struct metrics **out, struct wtel_gateway *gateway)
{
	struct metrics *metrics = gateway_allocate(&gateway->allocator, sizeof(*metrics));
	int code;

	if (!metrics)
		return WTEL_ENOMEM;
	metrics->gateway = gateway;
	metrics->allocator = gateway->allocator;
	code = wtel_observer_new(&metrics->observer, gateway->service, 0, observe, metrics);
	if (code)
		metrics_free(metrics);
	else
		*out = metrics;
	return code;
}

void metrics_free(struct metrics *metrics)
{
	struct wtel_allocator allocator;

	if (!metrics)
		return;
	allocator = metrics->allocator;
	wtel_observer_free(metrics->observer);
	gateway_release(&allocator, metrics);
}

void metrics_count(struct metrics *metrics, enum metrics_route route, int status, int64_t microseconds)
{
	struct route_figures *figures = &metrics->routes[route];
	int i;

	if (status >= LEAST && status <= MOST)
		figures->by_status[status - LEAST]++;
	for (i = 0; i < BUCKETS && microseconds > bounds[i]; i++)
		;
	if (i < BUCKETS)
		figures->within[i]++;
	figures->count++;
	figures->microseconds += (uint64_t)microseconds;
}

/* ---- text ------------------------------------------------------------------ */

struct page {
	struct wtel_allocator allocator;
	char *data;
	size_t length, room;
	bool failed;
};

static bool grow(struct page *page, size_t wanted)
{
	size_t room = page->room ? page->room : FIRST_ROOM;
	char *data;

	while (room < page->length + wanted)
		room *= 2;
	if (room == page->room)
		return true;
	data = page->allocator.reallocate(page->data, room, page->allocator.user);
	if (!data) {
		page->failed = true;
		return false;
	}
	page->data = data;
	page->room = room;
	return true;
}

static void put(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *page, const char *format, ...)
{
	va_list arguments;
	int length;

	if (page->failed || !grow(page, 512))
		return;
	va_start(arguments, format);
	length = vsnprintf(page->data + page->length, page->room - page->length, format, arguments);
	va_end(arguments);
	/* Labels are cut to less than that. */
	if (length > 0 && (size_t)length < page->room - page->length)
		page->length += (size_t)length;
}

static void put_kind(struct page *page, const char *name, const char *kind, const char *help)
{
	put(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_one(struct page *page, const char *name, const char *kind, const char *help, double value)
{
	put_kind(page, name, kind, help);
	put(page, "%s %.10g\n", name, value);
}

/* A label's value: \, " and newline are escaped. */
static void label(char out[200], const char *text)
{
	size_t length = 0;

	for (; *text && length < 190; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			out[length++] = '\\';
		out[length++] = *text == '\n' ? 'n' : *text;
	}
	out[length] = '\0';
}

/* ---- what there is ----------------------------------------------------------- */

static void put_service(struct page *page, const struct metrics *metrics)
{
	struct wtel_service_stats stats;
	int i;

	wtel_service_stats(metrics->gateway->service, &stats);
	put_one(page, "wtel_calls_active", "gauge", "Calls under way.", (double)stats.active_calls);
	put_one(page, "wtel_calls_answered_active", "gauge", "Calls under way that were answered.",
		(double)stats.calls_in_progress);
	put_kind(page, "wtel_calls_ended_total", "counter", "Calls that ended, by disposition.");
	for (i = 0; i < WTEL_DISPOSITIONS; i++)
		if (i != WTEL_DISPOSITION_NONE)
			put(page, "wtel_calls_ended_total{disposition=\"%s\"} %llu\n",
			    wtel_disposition_name((enum wtel_disposition)i), (unsigned long long)metrics->ended[i]);
	put_one(page, "wtel_calls_failover_total", "counter", "Times that a call went to the next trunk.",
		(double)metrics->failovers);
	put_one(page, "wtel_notices_lost_total", "counter", "Notices that were dropped before they were counted here.",
		(double)metrics->lost);
	put_one(page, "wtel_ami_connected", "gauge", "1: there is a connection to Asterisk.", stats.connected);
	put_one(page, "wtel_ami_synchronised", "gauge", "1: channels and registrations were read since it stands.",
		stats.synchronised);
	put_one(page, "wtel_ami_reconnects_total", "counter", "Connections to Asterisk that were made again.",
		(double)stats.reconnects);
	if (stats.round_trip >= 0)
		put_one(page, "wtel_ami_round_trip_seconds", "gauge", "What the last ping of Asterisk took.",
			(double)stats.round_trip / 1e6);
	put_one(page, "wtel_store_queue", "gauge", "Changes that the database does not have yet.",
		(double)stats.store_queue);
}

static void put_trunk(struct page *page, const struct wtel_route_step *step, const char *what)
{
	char name[200];
	bool usable = step->verdict == WTEL_ROUTE_TAKEN || step->verdict == WTEL_ROUTE_NEXT;

	label(name, step->name);
	put(page, "%s{trunk=\"%s\",id=\"%lld\"", what, name, (long long)step->trunk_id);
	if (strcmp(what, "wtel_trunk_available") == 0)
		put(page, ",verdict=\"%s\"} %d\n", wtel_route_verdict_name(step->verdict), usable);
	else
		put(page, "} %d\n",
		    strcmp(what, "wtel_trunk_active_calls") == 0 ? step->active_calls : step->max_channels);
}

static void put_trunks(struct page *page, const struct metrics *metrics)
{
	static const char *const names[] = {"wtel_trunk_active_calls", "wtel_trunk_max_channels",
					    "wtel_trunk_available"};
	static const char *const helps[] = {"Calls on a trunk, of all processes.", "Calls that a trunk may have.",
					    "1: the next call may take it; else the verdict says why not."};
	struct wtel_router *router = wtel_service_router(metrics->gateway->service);
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_route_step *steps;
	size_t count = 0, i, k;
	int64_t wall = wtel_time_now().wall;

	if (!router || wtel_router_explain(router, NULL, &count, 0, &request, wall) || !count || count > TRUNKS_MAX)
		return;
	steps = gateway_allocate(&page->allocator, count * sizeof(*steps));
	if (!steps)
		return;
	if (wtel_router_explain(router, steps, &count, count, &request, wall) == 0) {
		for (k = 0; k < 3; k++) {
			put_kind(page, names[k], "gauge", helps[k]);
			for (i = 0; i < count; i++)
				put_trunk(page, &steps[i], names[k]);
		}
	}
	gateway_release(&page->allocator, steps);
}

static void put_route(struct page *page, const char *name, const struct route_figures *figures)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < BUCKETS; i++) {
		sum += figures->within[i];
		put(page, "wtel_http_request_duration_seconds_bucket{route=\"%s\",le=\"%g\"} %llu\n", name,
		    (double)bounds[i] / 1e6, (unsigned long long)sum);
	}
	put(page, "wtel_http_request_duration_seconds_bucket{route=\"%s\",le=\"+Inf\"} %llu\n", name,
	    (unsigned long long)figures->count);
	put(page, "wtel_http_request_duration_seconds_sum{route=\"%s\"} %.6f\n", name,
	    (double)figures->microseconds / 1e6);
	put(page, "wtel_http_request_duration_seconds_count{route=\"%s\"} %llu\n", name,
	    (unsigned long long)figures->count);
}

static void put_http(struct page *page, const struct metrics *metrics)
{
	int route, status;

	put_one(page, "wtel_http_connections", "gauge", "Connections of clients.",
		(double)metrics->gateway->connections);
	put_kind(page, "wtel_http_requests_total", "counter", "Requests that were answered, by class and status.");
	for (route = 0; route < METRICS_ROUTES; route++)
		for (status = LEAST; status <= MOST; status++)
			if (metrics->routes[route].by_status[status - LEAST])
				put(page, "wtel_http_requests_total{route=\"%s\",status=\"%d\"} %llu\n",
				    route_names[route], status,
				    (unsigned long long)metrics->routes[route].by_status[status - LEAST]);
	put_kind(page, "wtel_http_request_duration_seconds", "histogram",
		 "From a request's first octet to its answer.");
	for (route = 0; route < METRICS_ROUTES; route++)
		put_route(page, route_names[route], &metrics->routes[route]);
}

static void put_events(struct page *page, const struct metrics *metrics)
{
	struct hub_figures figures;

	hub_figures(metrics->gateway->hub, &figures);
	put_one(page, "wtel_events_total", "counter", "Events that were published.", (double)figures.events);
	put_one(page, "wtel_events_failed_total", "counter", "Events for which there was no memory.",
		(double)figures.failed);
	put_one(page, "wtel_events_subscribers", "gauge", "Who reads events, over WebSocket or SSE.",
		(double)figures.readers);
	put_one(page, "wtel_events_overflows_total", "counter", "Readers that were told of events they missed.",
		(double)figures.overflows);
	put_one(page, "wtel_events_cut_off_total", "counter", "Readers that were too slow.", (double)figures.cut);
}

void metrics_answer(struct gateway_exchange *exchange)
{
	const struct metrics *metrics = exchange->gateway->metrics;
	struct page page = {.allocator = metrics->allocator};

	put_service(&page, metrics);
	put_trunks(&page, metrics);
	put_http(&page, metrics);
	put_events(&page, metrics);
	if (page.failed)
		gateway_fail(exchange, 503, WTEL_ENOMEM, "", "out of memory", 1);
	else
		gateway_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8",
			       (struct wtel_slice){page.data, page.length});
	gateway_release(&page.allocator, page.data);
}
