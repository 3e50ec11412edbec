#include "gateway/health.h"

#include <string.h>

#include "gateway/who.h"

static const int64_t READY_KEPT = 1000000; /* microseconds: whoever asks more often costs the database nothing */

static void say(struct gateway_connection *connection, int status, const char *json)
{
	gateway_answer(connection, status, "application/json", wtel_slice_of(json));
}

void health_live(struct gateway_connection *connection)
{
	say(connection, 200, "{\"status\":\"ok\"}");
}

static void say_ready(struct gateway_connection *connection)
{
	const struct wtel_gateway *gateway = connection->gateway;
	struct wtel_service_stats stats;

	wtel_service_stats(gateway->service, &stats);
	if (stats.connected && gateway->ready == 200)
		say(connection, 200, "{\"status\":\"ready\",\"asterisk\":true,\"database\":true}");
	else if (gateway->ready == 200)
		say(connection, 503, "{\"status\":\"unavailable\",\"asterisk\":false,\"database\":true}");
	else if (stats.connected)
		say(connection, 503, "{\"status\":\"unavailable\",\"asterisk\":true,\"database\":false}");
	else
		say(connection, 503, "{\"status\":\"unavailable\",\"asterisk\":false,\"database\":false}");
}

/* That nobody has this secret is what a database that works says. */
static void looked(int code, const char *text, const struct wtel_grant *grant, void *user)
{
	struct gateway_connection *connection = user;

	(void)text;
	(void)grant;
	if (!connection_resume(connection))
		return;
	connection->gateway->ready = code == 0 || code == WTEL_ENOTFOUND || code == WTEL_ESTATE ? 200 : 503;
	connection->gateway->ready_until = wtel_time_now().mono + READY_KEPT;
	say_ready(connection);
}

void health_ready(struct gateway_connection *connection)
{
	static const char nobody[] = "wtel_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct wtel_gateway *gateway = connection->gateway;

	_Static_assert(sizeof(nobody) == WTEL_ACCESS_SECRET_SIZE, "as long as a secret");
	if (wtel_time_now().mono < gateway->ready_until) {
		say_ready(connection);
		return;
	}
	connection->phase = CONNECTION_WAITS;
	connection_hold(connection);
	gateway->asked = true;
	if (wtel_access_find(gateway->service, nobody, looked, connection)) {
		connection->pending--;
		gateway->ready = 503;
		say_ready(connection);
	}
}
