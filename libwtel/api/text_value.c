/*
 * Values as text without a document between: lists of calls are asked for again and again, and a tree of them costs
 * twenty times what its text does. Keys, their order and every byte are those of json.c.
 */
#include "api/text.h"

#include <string.h>
#include <wtel/json.h>

#include "api/object.h"
#include "base/slice.h"

#define FIELD(text, name) TEXT_LITERAL(text, ",\"" name "\":")

/* ---- texts, ids, times ------------------------------------------------ */

void text_put_string(struct text *text, const char *value)
{
	size_t length = value ? strlen(value) : 0;
	json_t *mended;

	if (!length) {
		TEXT_LITERAL(text, "null");
		return;
	}
	if (base_slice_utf8((struct wtel_slice){value, length})) {
		text_put_quoted(text, value, length);
		return;
	}
	mended = wtel_json_text(value);
	if (mended)
		text_put_quoted(text, json_string_value(mended), json_string_length(mended));
	else
		text->code = WTEL_ENOMEM;
	json_decref(mended);
}

void text_put_id(struct text *text, int64_t id)
{
	if (id)
		text_put_integer(text, id);
	else
		TEXT_LITERAL(text, "null");
}

void text_put_flag(struct text *text, bool flag)
{
	if (flag)
		TEXT_LITERAL(text, "true");
	else
		TEXT_LITERAL(text, "false");
}

static char *digits(char *out, int64_t number, int count)
{
	int i;

	for (i = count; i-- > 0; number /= 10)
		out[i] = (char)('0' + number % 10);
	return out + count;
}

/* The Gregorian date of a day since 1970 (the inverse of base/timestamp.c's): years of 400 begin in March. */
static char *put_date(char *out, int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t of_era = shifted - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	int64_t day = of_year - (153 * month + 2) / 5 + 1;

	month += month < 10 ? 3 : -9;
	out = digits(out, year + era * 400 + (month <= 2), 4);
	*out++ = '-';
	out = digits(out, month, 2);
	*out++ = '-';
	return digits(out, day, 2);
}

void text_put_time(struct text *text, int64_t wall)
{
	/* Years of four digits: 1000 to 9999. */
	static const int64_t first = INT64_C(-30610224000000000), end = INT64_C(253402300800000000);
	int64_t milliseconds = wall / 1000 - (wall % 1000 < 0);
	int64_t days = milliseconds / 86400000 - (milliseconds % 86400000 < 0);
	int64_t left = milliseconds - days * 86400000;
	char out[32], *at = out;

	if (!wall || wall < first || wall >= end) {
		TEXT_LITERAL(text, "null");
		return;
	}
	*at++ = '"';
	at = put_date(at, days);
	*at++ = 'T';
	at = digits(at, left / 3600000, 2);
	*at++ = ':';
	at = digits(at, left / 60000 % 60, 2);
	*at++ = ':';
	at = digits(at, left / 1000 % 60, 2);
	*at++ = '.';
	at = digits(at, left % 1000, 3);
	memcpy(at, "Z\"", 2);
	text_put_raw(text, out, (size_t)(at + 2 - out));
}

/* ---- calls ------------------------------------------------------------ */

static void put_leg(struct text *text, const struct wtel_leg *leg)
{
	TEXT_LITERAL(text, "{\"uniqueId\":");
	text_put_string(text, leg->unique_id);
	FIELD(text, "channel");
	text_put_string(text, leg->channel);
	FIELD(text, "number");
	text_put_string(text, leg->number);
	FIELD(text, "role");
	text_put_string(text, wtel_leg_role_name(leg->role));
	FIELD(text, "trunkId");
	text_put_id(text, leg->trunk_id);
	FIELD(text, "startTime");
	text_put_time(text, leg->start);
	FIELD(text, "ringingTime");
	text_put_time(text, leg->ringing);
	FIELD(text, "answerTime");
	text_put_time(text, leg->answer);
	FIELD(text, "endTime");
	text_put_time(text, leg->end);
	FIELD(text, "cause");
	text_put_integer(text, leg->cause);
	FIELD(text, "sipCode");
	text_put_id(text, leg->sip_code);
	TEXT_LITERAL(text, "}");
}

static void put_named(struct text *text, int64_t id, const char *name)
{
	if (!id) {
		TEXT_LITERAL(text, "null");
		return;
	}
	TEXT_LITERAL(text, "{\"id\":");
	text_put_integer(text, id);
	FIELD(text, "nombre");
	text_put_string(text, name);
	TEXT_LITERAL(text, "}");
}

static void put_who(struct text *text, const struct wtel_call *call)
{
	TEXT_LITERAL(text, "{\"id\":");
	text_put_id(text, call->id);
	FIELD(text, "callId");
	text_put_string(text, call->call_id);
	FIELD(text, "channel");
	text_put_string(text, call->channel);
	FIELD(text, "direction");
	text_put_string(text, wtel_direction_name(call->direction));
	FIELD(text, "state");
	text_put_string(text, state_number(call->state));
	FIELD(text, "stateName");
	text_put_string(text, wtel_call_state_name(call->state));
	FIELD(text, "callerNumber");
	text_put_string(text, call->caller_number);
	FIELD(text, "calleeNumber");
	text_put_string(text, call->callee_number);
}

static void put_times(struct text *text, const struct wtel_call *call)
{
	FIELD(text, "startTime");
	text_put_time(text, call->start);
	FIELD(text, "ringingTime");
	text_put_time(text, call->ringing);
	FIELD(text, "answerTime");
	text_put_time(text, call->answer);
	FIELD(text, "endTime");
	text_put_time(text, call->end);
	FIELD(text, "duration");
	text_put_integer(text, wtel_call_duration(call));
	FIELD(text, "billsec");
	text_put_integer(text, wtel_call_billsec(call));
}

static void put_whose(struct text *text, const struct wtel_call *call, const char *campaign, const char *lead)
{
	FIELD(text, "agentId");
	text_put_id(text, call->agent_id);
	FIELD(text, "campaignId");
	text_put_id(text, call->campaign_id);
	FIELD(text, "leadId");
	text_put_id(text, call->lead_id);
	FIELD(text, "trunkId");
	text_put_id(text, call->trunk_id);
	FIELD(text, "campaign");
	put_named(text, call->campaign_id, campaign);
	FIELD(text, "lead");
	put_named(text, call->lead_id, lead);
}

void text_put_call(struct text *text, const struct wtel_call *call, const char *campaign, const char *lead)
{
	size_t i;

	put_who(text, call);
	put_times(text, call);
	FIELD(text, "disposition");
	text_put_string(text, wtel_disposition_name(call->disposition));
	FIELD(text, "estimated");
	text_put_flag(text, call->estimated);
	FIELD(text, "transferred");
	text_put_flag(text, call->transferred);
	put_whose(text, call, campaign, lead);
	FIELD(text, "cause");
	text_put_integer(text, call->cause);
	FIELD(text, "sipCode");
	text_put_id(text, call->sip_code);
	FIELD(text, "reason");
	text_put_string(text, call->reason);
	FIELD(text, "recordingUrl");
	text_put_string(text, call->recording_url);
	FIELD(text, "legs");
	TEXT_LITERAL(text, "[");
	for (i = 0; i < call->leg_count; i++) {
		if (i)
			TEXT_LITERAL(text, ",");
		put_leg(text, &call->legs[i]);
	}
	TEXT_LITERAL(text, "]}");
}

/* ---- the service ------------------------------------------------------ */

static void put_seconds(struct text *text, int64_t microseconds)
{
	json_t *value = json_real((double)microseconds / 1e6);

	if (value)
		text_put_real(text, value);
	else
		text->code = WTEL_ENOMEM;
	json_decref(value);
}

void text_put_status(struct text *text, const struct wtel_service_stats *stats)
{
	TEXT_LITERAL(text, "{\"connected\":");
	text_put_flag(text, stats->connected);
	FIELD(text, "synchronised");
	text_put_flag(text, stats->synchronised);
	FIELD(text, "activeCalls");
	text_put_integer(text, (int64_t)stats->active_calls);
	FIELD(text, "callsInProgress");
	text_put_integer(text, (int64_t)stats->calls_in_progress);
	FIELD(text, "channels");
	text_put_integer(text, (int64_t)stats->tracker.channels);
	FIELD(text, "storeQueue");
	text_put_integer(text, (int64_t)stats->store_queue);
	FIELD(text, "reconnects");
	text_put_integer(text, (int64_t)stats->reconnects);
	FIELD(text, "roundTrip");
	if (stats->round_trip < 0)
		TEXT_LITERAL(text, "null");
	else
		put_seconds(text, stats->round_trip);
	FIELD(text, "host");
	text_put_string(text, stats->host);
	FIELD(text, "ami");
	text_put_string(text, stats->version);
	TEXT_LITERAL(text, "}");
}

/* ---- events ----------------------------------------------------------- */

/* A key of an object; `first` is its opening brace. */
static void put_key(struct text *text, bool *first, const char *name)
{
	text_put_raw(text, *first ? "{" : ",", 1);
	*first = false;
	text_put_quoted(text, name, strlen(name));
	TEXT_LITERAL(text, ":");
}

static void put_said(struct text *text, bool *first, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	put_key(text, first, name);
	text_put_string(text, value);
}

static void put_notice(struct text *text, const struct wtel_notice *notice)
{
	bool first = true;

	if (notice->call) {
		put_key(text, &first, "call");
		text_put_call(text, notice->call, "", "");
	}
	if (notice->trunk_id) {
		put_key(text, &first, "trunkId");
		text_put_integer(text, notice->trunk_id);
	}
	put_said(text, &first, "name", notice->name);
	put_said(text, &first, "status", notice->status);
	put_said(text, &first, "text", notice->text);
	if (notice->lost) {
		put_key(text, &first, "lost");
		text_put_integer(text, (int64_t)notice->lost);
	}
	if (first)
		TEXT_LITERAL(text, "{");
	TEXT_LITERAL(text, "}");
}

int wtel_json_event(const struct wtel_notice *notice, const char *id, const struct wtel_allocator *allocator,
		    json_dump_callback_t write, void *user)
{
	const struct wtel_allocator from = base_allocator(allocator);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	struct text text = {&buffer, &from, 0};

	TEXT_LITERAL(&text, "{\"id\":");
	text_put_string(&text, id);
	FIELD(&text, "event");
	text_put_string(&text, wtel_notice_name(notice->type));
	FIELD(&text, "time");
	text_put_time(&text, notice->wall);
	FIELD(&text, "data");
	put_notice(&text, notice);
	TEXT_LITERAL(&text, "}");
	if (!text.code)
		text.code = write(base_buffer_front(&buffer), base_buffer_length(&buffer), user);
	base_buffer_free(&buffer, &from);
	return text.code;
}
