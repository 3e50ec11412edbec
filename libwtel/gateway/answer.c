/* Answers: the head and the body in one buffer, in one write. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/gateway.h"
#include "gateway/metrics.h"

enum { HEAD_ROOM = 1536, SCRATCH_KEPT = 1048576, ERROR_ROOM = 1024 };

static const char *reason(int status)
{
	switch (status) {
	case 101:
		return "Switching Protocols";
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 417:
		return "Expectation Failed";
	case 422:
		return "Unprocessable Content";
	case 426:
		return "Upgrade Required";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "";
	}
}

/* ---- the head ----------------------------------------------------------- */

struct text {
	char *at, *end;
};

static void put(struct text *text, const char *data, size_t length)
{
	if (length > (size_t)(text->end - text->at))
		length = (size_t)(text->end - text->at);
	if (length)
		memcpy(text->at, data, length);
	text->at += length;
}

static void put_text(struct text *text, const char *data)
{
	put(text, data, strlen(data));
}

#define PUT(text, literal) put(text, literal, sizeof(literal) - 1)

static void put_number(struct text *text, size_t number)
{
	char digits[24], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	put(text, at, (size_t)(digits + sizeof(digits) - at));
}

/* RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static void put_date(struct wtel_gateway *gateway, struct text *text)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = (time_t)ev_now(gateway->loop);
	struct tm tm;

	if (now != gateway->date_of && gmtime_r(&now, &tm)) {
		snprintf(gateway->date, sizeof(gateway->date), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
			 tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		gateway->date_of = now;
	}
	put_text(text, gateway->date);
}

static void put_common(struct gateway_connection *connection, struct text *text, int status, const char *type)
{
	PUT(text, "HTTP/1.1 ");
	put_number(text, (size_t)status);
	PUT(text, " ");
	put_text(text, reason(status));
	PUT(text, "\r\nDate: ");
	put_date(connection->gateway, text);
	if (type) {
		PUT(text, "\r\nContent-Type: ");
		put_text(text, type);
	}
	PUT(text, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
	if (connection->gateway->tls)
		PUT(text, "Strict-Transport-Security: max-age=31536000\r\n");
	if (connection->gateway->origin_count)
		PUT(text, "Vary: Origin\r\n");
	if (*connection->origin) {
		PUT(text, "Access-Control-Allow-Origin: ");
		put_text(text, connection->origin);
		PUT(text, "\r\nAccess-Control-Allow-Credentials: true\r\n"
			  "Access-Control-Expose-Headers: Retry-After\r\n");
	}
	put(text, connection->extra_head.data, connection->extra_head.length);
}

size_t gateway_answer_head(struct gateway_connection *connection, char *out, size_t room, int status, const char *type)
{
	struct text text = {out, out + room};

	put_common(connection, &text, status, type);
	return (size_t)(text.at - out);
}

/* ---- whole answers ------------------------------------------------------ */

static bool make_room(struct wtel_gateway *gateway, size_t wanted)
{
	char *scratch;

	/* One long answer is no reason to hold its room for ever. */
	if (wanted <= gateway->scratch_room && (gateway->scratch_room <= SCRATCH_KEPT || wanted > SCRATCH_KEPT / 2))
		return true;
	wanted = wanted < 65536 ? 65536 : wanted;
	scratch = gateway->allocator.reallocate(gateway->scratch, wanted, gateway->allocator.user);
	if (!scratch)
		return wanted <= gateway->scratch_room;
	gateway->scratch = scratch;
	gateway->scratch_room = wanted;
	return true;
}

void gateway_answer(struct gateway_connection *connection, int status, const char *type, struct wtel_slice body)
{
	struct wtel_gateway *gateway = connection->gateway;
	bool bodiless = connection->head || status == 204;
	struct text text;
	char *from;

	if (!connection->wsi)
		return;
	if (gateway->stopping)
		connection->keep_alive = false;
	if (!make_room(gateway, LWS_PRE + HEAD_ROOM + body.length)) {
		connection_end(connection, false);
		return;
	}
	from = gateway->scratch + LWS_PRE;
	text = (struct text){from, gateway->scratch + gateway->scratch_room};
	put_common(connection, &text, status, type);
	if (status != 204) {
		PUT(&text, "Content-Length: ");
		put_number(&text, body.length);
		PUT(&text, "\r\n");
	}
	if (!connection->keep_alive)
		PUT(&text, "Connection: close\r\n");
	else if (connection->old)
		PUT(&text, "Connection: keep-alive\r\n");
	PUT(&text, "\r\n");
	if (!bodiless)
		put(&text, body.data, body.length);
	gateway_note(connection, status, bodiless ? 0 : body.length);
	connection->extra_head = (struct wtel_slice){NULL, 0};
	connection_send(connection, from, (size_t)(text.at - from));
}

/* ---- errors ------------------------------------------------------------- */

static void put_json(struct text *text, const char *value)
{
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20 || (unsigned char)*value > 0x7e)
			PUT(text, "?");
		else if (*value == '"' || *value == '\\')
			PUT(text, "\\"), put(text, value, 1);
		else
			put(text, value, 1);
	}
}

void gateway_fail(struct gateway_connection *connection, int status, int code, const char *field, const char *message,
		  unsigned retry)
{
	char body[ERROR_ROOM], extra[64];
	struct text text = {body, body + sizeof(body) - 8};

	PUT(&text, "{\"success\":false,\"error\":{\"code\":\"");
	put_text(&text, wtel_error_name(code));
	PUT(&text, "\",\"message\":\"");
	put_json(&text, message);
	if (field && *field) {
		PUT(&text, "\",\"field\":\"");
		put_json(&text, field);
		PUT(&text, "\"}}");
	} else {
		PUT(&text, "\",\"field\":null}}");
	}
	if (status == 401)
		connection->extra_head = wtel_slice_of("WWW-Authenticate: Bearer realm=\"wtel\"\r\n");
	if (retry) {
		snprintf(extra, sizeof(extra), "Retry-After: %u\r\n", retry);
		connection->extra_head = wtel_slice_of(extra);
	}
	gateway_answer(connection, status, "application/json", (struct wtel_slice){body, (size_t)(text.at - body)});
}
