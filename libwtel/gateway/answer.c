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
	case 406:
		return "Not Acceptable";
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

void gateway_put(struct gateway_text *text, const char *data, size_t length)
{
	if (length > (size_t)(text->end - text->at))
		length = (size_t)(text->end - text->at);
	if (length)
		memcpy(text->at, data, length);
	text->at += length;
}

static void put_text(struct gateway_text *text, const char *data)
{
	gateway_put(text, data, strlen(data));
}

static void put_number(struct gateway_text *text, size_t number)
{
	char digits[24], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	gateway_put(text, at, (size_t)(digits + sizeof(digits) - at));
}

/* RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static void put_date(struct wtel_gateway *gateway, struct gateway_text *text)
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

static void put_common(struct gateway_exchange *exchange, struct gateway_text *text, int status, const char *type)
{
	const struct wtel_gateway *gateway = exchange->gateway;

	text->status = status;
	GATEWAY_PUT(text, "HTTP/1.1 ");
	put_number(text, (size_t)status);
	GATEWAY_PUT(text, " ");
	put_text(text, reason(status));
	GATEWAY_PUT(text, "\r\n");
	text->fields = text->at;
	GATEWAY_PUT(text, "Date: ");
	put_date(exchange->gateway, text);
	if (type) {
		GATEWAY_PUT(text, "\r\nContent-Type: ");
		put_text(text, type);
	}
	GATEWAY_PUT(text, "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
	if (gateway->tls)
		GATEWAY_PUT(text, "Strict-Transport-Security: max-age=31536000\r\n");
	if (gateway->origin_count)
		GATEWAY_PUT(text, "Vary: Origin\r\n");
	if (*exchange->origin) {
		GATEWAY_PUT(text, "Access-Control-Allow-Origin: ");
		put_text(text, exchange->origin);
		GATEWAY_PUT(text, "\r\nAccess-Control-Allow-Credentials: true\r\n"
				  "Access-Control-Expose-Headers: Retry-After\r\n");
	}
	gateway_put(text, exchange->extra_head.data, exchange->extra_head.length);
	exchange->extra_head = (struct wtel_slice){NULL, 0};
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

static bool begin(struct gateway_exchange *exchange, struct gateway_text *text, size_t body, int status,
		  const char *type)
{
	struct wtel_gateway *gateway = exchange->gateway;

	if (!make_room(gateway, HEAD_ROOM + body))
		return false;
	text->from = text->at = gateway->scratch;
	text->end = gateway->scratch + gateway->scratch_room;
	put_common(exchange, text, status, type);
	return true;
}

bool gateway_answer_begin(struct gateway_exchange *exchange, struct gateway_text *head, int status, const char *type)
{
	return begin(exchange, head, 0, status, type);
}

void gateway_answer(struct gateway_exchange *exchange, int status, const char *type, struct wtel_slice body)
{
	bool bodiless = exchange->head || status == 204;
	struct gateway_text text;

	if (!exchange->gateway)
		return;
	if (exchange->carrier->takes && !exchange->carrier->takes(exchange, body.length)) {
		gateway_fail(exchange, 503, WTEL_ELIMIT, "", "too much of what was answered before is not read", 1);
		return;
	}
	if (!begin(exchange, &text, body.length, status, type)) {
		exchange->carrier->end(exchange, false);
		return;
	}
	if (status != 204) {
		GATEWAY_PUT(&text, "Content-Length: ");
		put_number(&text, body.length);
		GATEWAY_PUT(&text, "\r\n");
	}
	if (bodiless)
		body.length = 0;
	gateway_note(exchange, status, body.length);
	exchange->carrier->answer(exchange, &text, body);
}

/* ---- errors ------------------------------------------------------------- */

static void put_json(struct gateway_text *text, const char *value)
{
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20 || (unsigned char)*value > 0x7e)
			GATEWAY_PUT(text, "?");
		else if (*value == '"' || *value == '\\')
			GATEWAY_PUT(text, "\\"), gateway_put(text, value, 1);
		else
			gateway_put(text, value, 1);
	}
}

void gateway_fail(struct gateway_exchange *exchange, int status, int code, const char *field, const char *message,
		  unsigned retry)
{
	char body[ERROR_ROOM], extra[64];
	struct gateway_text text = {.at = body, .end = body + sizeof(body) - 8};

	GATEWAY_PUT(&text, "{\"success\":false,\"error\":{\"code\":\"");
	put_text(&text, wtel_error_name(code));
	GATEWAY_PUT(&text, "\",\"message\":\"");
	put_json(&text, message);
	if (field && *field) {
		GATEWAY_PUT(&text, "\",\"field\":\"");
		put_json(&text, field);
		GATEWAY_PUT(&text, "\"}}");
	} else {
		GATEWAY_PUT(&text, "\",\"field\":null}}");
	}
	if (status == 401)
		exchange->extra_head = wtel_slice_of("WWW-Authenticate: Bearer realm=\"wtel\"\r\n");
	if (retry) {
		snprintf(extra, sizeof(extra), "Retry-After: %u\r\n", retry);
		exchange->extra_head = wtel_slice_of(extra);
	}
	gateway_answer(exchange, status, "application/json", (struct wtel_slice){body, (size_t)(text.at - body)});
}
