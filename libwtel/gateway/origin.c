/* Pages of other sites: CORS, and who may open a WebSocket with a cookie. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/head.h"
#include "gateway/http.h"

static bool listed(const struct wtel_gateway *gateway, struct wtel_slice origin)
{
	size_t i;

	for (i = 0; i < gateway->origin_count; i++)
		if (head_equals(origin, gateway->origins[i]))
			return true;
	return false;
}

bool origin_allowed(const struct wtel_gateway *gateway, const struct gateway_request *request)
{
	struct wtel_slice origin = request->headers[GATEWAY_ORIGIN], host = request->headers[GATEWAY_HOST];
	size_t scheme;

	if (!origin.data || listed(gateway, origin))
		return true;
	/* Behind a proxy that speaks TLS the page's scheme is not ours: its host decides. */
	scheme = origin.length > 8 && strncasecmp(origin.data, "https://", 8) == 0 ? 8 : 7;
	if (origin.length <= scheme || strncasecmp(origin.data, "http", 4) != 0)
		return false;
	return host.length && origin.length - scheme == host.length &&
	       strncasecmp(origin.data + scheme, host.data, host.length) == 0;
}

void origin_note(struct gateway_exchange *exchange, const struct gateway_request *request)
{
	struct wtel_slice origin = request->headers[GATEWAY_ORIGIN];

	exchange->origin[0] = '\0';
	if (origin.length && origin.length < sizeof(exchange->origin) && listed(exchange->gateway, origin))
		snprintf(exchange->origin, sizeof(exchange->origin), "%.*s", (int)origin.length, origin.data);
}

bool origin_preflight(const struct gateway_request *request)
{
	return request->method.length == 7 && memcmp(request->method.data, "OPTIONS", 7) == 0 &&
	       request->headers[GATEWAY_ORIGIN].data && request->headers[GATEWAY_PREFLIGHT].data;
}

void origin_answer(struct gateway_exchange *exchange)
{
	static const char allowed[] = "Access-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE\r\n"
				      "Access-Control-Allow-Headers: Authorization, Content-Type, X-CSRF-Token\r\n"
				      "Access-Control-Max-Age: 600\r\n";

	if (!*exchange->origin) {
		gateway_fail(exchange, 403, WTEL_EREFUSED, "origin", "pages of that site may not ask here", 0);
		return;
	}
	exchange->extra_head = (struct wtel_slice){allowed, sizeof(allowed) - 1};
	gateway_answer(exchange, 204, NULL, (struct wtel_slice){NULL, 0});
}
