/* What was asked: a line for the access log, a tick for the figures. No query, no header: they may hold secrets. */
#include <stdio.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/metrics.h"

enum { LINE_PATH = 256 };

/* As it came, but for what could write lines of its own or drive a terminal. */
static void safe(char *out, size_t room, const char *text)
{
	size_t length = 0;

	for (; *text && length + 5 < room; text++) {
		if ((unsigned char)*text < 0x21 || (unsigned char)*text > 0x7e || *text == '\\' || *text == '"')
			length += (size_t)snprintf(out + length, room - length, "\\x%02x", (unsigned char)*text);
		else
			out[length++] = *text;
	}
	out[length] = '\0';
}

void gateway_note(struct gateway_exchange *exchange, int status, size_t bytes)
{
	struct wtel_gateway *gateway = exchange->gateway;
	int64_t took = exchange->started ? wtel_time_now().mono - exchange->started : 0;
	char line[LINE_PATH + GATEWAY_ACTOR_SIZE + 200], path[LINE_PATH], method[48];

	metrics_count(gateway->metrics, exchange->route, status, took);
	if (!gateway->options.access)
		return;
	safe(path, sizeof(path), exchange->path);
	safe(method, sizeof(method), exchange->method);
	snprintf(line, sizeof(line), "%s \"%s\" %s %s %d %zu %lld.%03lldms", exchange->address,
		 *exchange->actor ? exchange->actor : "-", *method ? method : "-", *path ? path : "-", status, bytes,
		 (long long)(took / 1000), (long long)(took % 1000));
	gateway->options.access(WTEL_LOG_INFO, line, gateway->options.log_user);
}

void gateway_warn(struct wtel_gateway *gateway, const char *text)
{
	int64_t now = wtel_time_now().mono;

	if (!gateway->options.log || (gateway->warned && now - gateway->warned < 10000000))
		return;
	gateway->warned = now;
	gateway->options.log(WTEL_LOG_WARNING, text, gateway->options.log_user);
}
