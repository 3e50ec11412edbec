#include "gateway/health.h"

#include <string.h>

#include "gateway/who.h"

static const int64_t READY_KEPT = 1000000; /* microseconds: whoever asks more often costs the database nothing */

static void say(struct gateway_exchange *exchange, int status, const char *json)
{
	gateway_answer(exchange, status, "application/json", wtel_slice_of(json));
}

void health_live(struct gateway_exchange *exchange)
{
	say(exchange, 200, "{\"status\":\"ok\"}");
}

static void say_ready(struct gateway_exchange *exchange)
{
	const struct wtel_gateway *gateway = exchange->gateway;
	struct wtel_service_stats stats;

	wtel_service_stats(gateway->service, &stats);
	if (stats.connected && gateway->ready == 200)
		say(exchange, 200, "{\"status\":\"ready\",\"asterisk\":true,\"database\":true}");
	else if (gateway->ready == 200)
		say(exchange, 503, "{\"status\":\"unavailable\",\"asterisk\":false,\"database\":true}");
	else if (stats.connected)
		say(exchange, 503, "{\"status\":\"unavailable\",\"asterisk\":true,\"database\":false}");
	else
		say(exchange, 503, "{\"status\":\"unavailable\",\"asterisk\":false,\"database\":false}");
}

/* That nobody has this secret is what a database that works says. */
static void looked(int code, const char *text, const struct wtel_grant *grant, void *user)
{
	struct gateway_exchange *exchange = user;

	(void)text;
	(void)grant;
	if (!exchange_resume(exchange))
		return;
	exchange->gateway->ready = code == 0 || code == WTEL_ENOTFOUND || code == WTEL_ESTATE ? 200 : 503;
	exchange->gateway->ready_until = wtel_time_now().mono + READY_KEPT;
	say_ready(exchange);
}

void health_ready(struct gateway_exchange *exchange)
{
	static const char nobody[] = "wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct wtel_gateway *gateway = exchange->gateway;

	_Static_assert(sizeof(nobody) == WTEL_ACCESS_SECRET_SIZE, "as long as a secret");
	if (wtel_time_now().mono < gateway->ready_until) {
		say_ready(exchange);
		return;
	}
	exchange_hold(exchange);
	gateway->asked = true;
	if (wtel_access_find(gateway->service, nobody, looked, exchange)) {
		exchange_release(exchange);
		gateway->ready = 503;
		say_ready(exchange);
	}
}
