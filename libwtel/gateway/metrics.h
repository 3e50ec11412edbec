/* Figures for Prometheus, text format 0.0.4. */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway/gateway.h"

/* What the requests are counted by. */
enum metrics_route {
	METRICS_API,
	METRICS_SESSION,
	METRICS_EVENTS,
	METRICS_METRICS,
	METRICS_HEALTH,
	METRICS_OTHER,
	METRICS_ROUTES
};

int metrics_new(struct metrics **out, struct wtel_gateway *gateway) WTEL_MUST_CHECK;
void metrics_free(struct metrics *metrics);
void metrics_count(struct metrics *metrics, enum metrics_route route, int status, int64_t microseconds);

/* GET /metrics. */
void metrics_answer(struct gateway_exchange *exchange);

#endif
