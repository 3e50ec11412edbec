/* Values as JSON: the seed's camelCase, field by field. */
#include <wtel/json.h>

#include <stdio.h>

#include "api/object.h"
#include "base/slice.h"
#include "base/timestamp.h"

/* ---- objects ---------------------------------------------------------- */

void object_put(json_t **object, const char *key, json_t *value)
{
	if (!*object || !value) {
		json_decref(value);
		json_decref(*object);
		*object = NULL;
	} else if (json_object_set_new(*object, key, value)) {
		json_decref(*object);
		*object = NULL;
	}
}

void object_text(json_t **object, const char *key, const char *text)
{
	object_put(object, key, wtel_json_text(text));
}

void object_number(json_t **object, const char *key, int64_t number)
{
	object_put(object, key, json_integer((json_int_t)number));
}

void object_flag(json_t **object, const char *key, bool flag)
{
	object_put(object, key, json_boolean(flag));
}

void array_add(json_t **array, json_t *value)
{
	if (!*array || !value) {
		json_decref(value);
		json_decref(*array);
		*array = NULL;
	} else if (json_array_append_new(*array, value)) {
		json_decref(*array);
		*array = NULL;
	}
}

/* ---- texts, ids, times ------------------------------------------------ */

static size_t sequence_length(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* How many bytes the well-formed character takes that begins here; 0: none does. */
static size_t sequence(const char *text, size_t left)
{
	size_t length = sequence_length((unsigned char)*text);

	return length <= left && base_slice_utf8((struct wtel_slice){text, length}) ? length : 0;
}

/* Every byte that is of no character becomes U+FFFD. */
static json_t *mended(const char *text, size_t length)
{
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	json_t *value = NULL;
	int code = 0;

	while (length && !code) {
		size_t bytes = sequence(text, length);

		code = bytes ? base_buffer_append(&buffer, &allocator, text, bytes)
			     : base_buffer_append(&buffer, &allocator, "\xef\xbf\xbd", 3);
		bytes += !bytes;
		text += bytes;
		length -= bytes;
	}
	if (!code)
		value = json_stringn(base_buffer_front(&buffer), base_buffer_length(&buffer));
	base_buffer_free(&buffer, &allocator);
	return value;
}

json_t *wtel_json_text(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (!length)
		return json_null();
	return base_slice_utf8((struct wtel_slice){text, length}) ? json_stringn(text, length) : mended(text, length);
}

json_t *wtel_json_id(int64_t id)
{
	return id ? json_integer(id) : json_null();
}

json_t *wtel_json_time(int64_t wall)
{
	char text[BASE_TIME_SIZE];
	size_t length;

	base_time_format(text, wall);
	length = strlen(text);
	if (length < sizeof("2025-10-25T10:30:00.123456Z") - 1)
		return json_null();
	/* Milliseconds are enough for every reader of dates. */
	memcpy(text + length - 4, "Z", 2);
	return json_string(text);
}

/* Hundredths: "80.00". */
static json_t *hundredths(int64_t number)
{
	return json_sprintf("%lld.%02d", (long long)(number / 100), (int)(number % 100));
}

/* ---- calls ------------------------------------------------------------ */

static json_t *leg_of(const struct wtel_leg *leg)
{
	json_t *out = json_object();

	object_text(&out, "uniqueId", leg->unique_id);
	object_text(&out, "channel", leg->channel);
	object_text(&out, "number", leg->number);
	object_text(&out, "role", wtel_leg_role_name(leg->role));
	object_put(&out, "trunkId", wtel_json_id(leg->trunk_id));
	object_put(&out, "startTime", wtel_json_time(leg->start));
	object_put(&out, "ringingTime", wtel_json_time(leg->ringing));
	object_put(&out, "answerTime", wtel_json_time(leg->answer));
	object_put(&out, "endTime", wtel_json_time(leg->end));
	object_number(&out, "cause", leg->cause);
	object_put(&out, "sipCode", wtel_json_id(leg->sip_code));
	return out;
}

static json_t *named(int64_t id, const char *name)
{
	json_t *out;

	if (!id)
		return json_null();
	out = json_object();
	object_number(&out, "id", id);
	object_text(&out, "nombre", name);
	return out;
}

/* Asterisk's own number of the state, as the seed's `state` has it. */
const char *state_number(enum wtel_call_state state)
{
	switch (state) {
	case WTEL_CALL_QUEUED:
		return "0";
	case WTEL_CALL_AGENT:
		return "4";
	case WTEL_CALL_DIALING:
		return "3";
	case WTEL_CALL_RINGING:
		return "5";
	case WTEL_CALL_ANSWERED:
	case WTEL_CALL_ENDED:
		break;
	}
	return "6";
}

static void put_times(json_t **out, const struct wtel_call *call)
{
	object_put(out, "startTime", wtel_json_time(call->start));
	object_put(out, "ringingTime", wtel_json_time(call->ringing));
	object_put(out, "answerTime", wtel_json_time(call->answer));
	object_put(out, "endTime", wtel_json_time(call->end));
	object_number(out, "duration", wtel_call_duration(call));
	object_number(out, "billsec", wtel_call_billsec(call));
}

json_t *wtel_json_call(const struct wtel_call *call, const char *campaign, const char *lead)
{
	json_t *out = json_object(), *legs = json_array();
	size_t i;

	object_put(&out, "id", wtel_json_id(call->id));
	object_text(&out, "callId", call->call_id);
	object_text(&out, "channel", call->channel);
	object_text(&out, "direction", wtel_direction_name(call->direction));
	object_text(&out, "state", state_number(call->state));
	object_text(&out, "stateName", wtel_call_state_name(call->state));
	object_text(&out, "callerNumber", call->caller_number);
	object_text(&out, "calleeNumber", call->callee_number);
	put_times(&out, call);
	object_text(&out, "disposition", wtel_disposition_name(call->disposition));
	object_flag(&out, "estimated", call->estimated);
	object_flag(&out, "transferred", call->transferred);
	object_put(&out, "agentId", wtel_json_id(call->agent_id));
	object_put(&out, "campaignId", wtel_json_id(call->campaign_id));
	object_put(&out, "leadId", wtel_json_id(call->lead_id));
	object_put(&out, "trunkId", wtel_json_id(call->trunk_id));
	object_put(&out, "campaign", named(call->campaign_id, campaign));
	object_put(&out, "lead", named(call->lead_id, lead));
	object_number(&out, "cause", call->cause);
	object_put(&out, "sipCode", wtel_json_id(call->sip_code));
	object_text(&out, "reason", call->reason);
	object_text(&out, "recordingUrl", call->recording_url);
	for (i = 0; i < call->leg_count; i++)
		array_add(&legs, leg_of(&call->legs[i]));
	object_put(&out, "legs", legs);
	return out;
}

json_t *wtel_json_route(const struct wtel_call *call)
{
	const char *line = call->route ? call->route : "";
	json_t *out = json_array();

	while (*line) {
		size_t length = strcspn(line, "\n");
		json_t *document = json_loadb(line, length, 0, NULL);

		if (json_is_object(document))
			array_add(&out, document);
		else
			json_decref(document);
		line += length + (line[length] == '\n');
	}
	return out;
}

json_t *wtel_json_stats(const struct wtel_call_stats *stats)
{
	json_t *out = json_object();

	object_number(&out, "totalCalls", stats->total_calls);
#define WTEL_DISPOSITION_X(id, value, key) object_number(&out, key, stats->by_disposition[WTEL_DISPOSITION_##id]);
#include <wtel/disposition.def>
#undef WTEL_DISPOSITION_X
	object_number(&out, "totalDuration", stats->total_duration);
	object_number(&out, "totalBillsec", stats->total_billsec);
	object_number(&out, "avgDuration", stats->average_duration);
	object_number(&out, "avgBillsec", stats->average_billsec);
	object_put(&out, "answerRate", hundredths(stats->answer_rate));
	return out;
}

/* ---- trunks ----------------------------------------------------------- */

static json_t *breaker_of(const struct wtel_breaker *breaker)
{
	json_t *out = json_object();

	object_text(&out, "state", wtel_breaker_state_name(breaker->state));
	object_number(&out, "faults", breaker->faults);
	object_put(&out, "retryAt", wtel_json_time(breaker->retry_at));
	return out;
}

static json_t *settings_of(const struct wtel_trunk *trunk)
{
	json_t *settings = trunk->advanced_settings ? json_loads(trunk->advanced_settings, 0, NULL) : NULL;

	return settings ? settings : json_object();
}

json_t *wtel_json_trunk(const struct wtel_trunk *trunk)
{
	json_t *out = json_object();

	object_number(&out, "id", trunk->id);
	object_text(&out, "name", trunk->name);
	object_text(&out, "description", trunk->description);
	object_text(&out, "provider", wtel_trunk_provider_name(trunk->provider));
	object_text(&out, "trunkType", wtel_trunk_type_name(trunk->type));
	object_text(&out, "host", trunk->host);
	object_number(&out, "port", trunk->port);
	object_text(&out, "status", wtel_trunk_status_name(trunk->status));
	object_flag(&out, "registered", trunk->registered);
	object_flag(&out, "needsRegistration", trunk->needs_registration);
	object_number(&out, "maxChannels", trunk->max_channels);
	object_number(&out, "activeCalls", trunk->active_calls);
	object_number(&out, "priority", trunk->priority);
	object_number(&out, "totalCalls", trunk->total_calls);
	object_number(&out, "successfulCalls", trunk->successful_calls);
	object_number(&out, "failedCalls", trunk->failed_calls);
	object_text(&out, "endpoint", trunk->endpoint);
	object_put(&out, "breaker", breaker_of(&trunk->breaker));
	object_put(&out, "advancedSettings", settings_of(trunk));
	object_put(&out, "lastRegisteredAt", wtel_json_time(trunk->last_registered_at));
	object_put(&out, "lastErrorAt", wtel_json_time(trunk->last_error_at));
	object_text(&out, "lastErrorMessage", trunk->last_error_message);
	object_text(&out, "username", trunk->username);
	object_text(&out, "fromUser", trunk->from_user);
	object_text(&out, "fromDomain", trunk->from_domain);
	if (trunk->campaign_priority)
		object_number(&out, "campaignPriority", trunk->campaign_priority);
	return out;
}

json_t *wtel_json_health(const struct wtel_trunk_health *health)
{
	json_t *out = json_object();
	int ratio = health->answer_seizure_ratio;

	object_number(&out, "attempts", health->attempts);
	object_number(&out, "answered", health->answered);
	object_number(&out, "faults", health->faults);
	object_put(&out, "answerSeizureRatio", ratio < 0 ? json_null() : hundredths(ratio));
	object_put(&out, "postDialDelay",
		   health->post_dial_delay ? json_real((double)health->post_dial_delay / 1e6) : json_null());
	object_put(&out, "averageCallDuration",
		   health->average_call_duration ? json_real((double)health->average_call_duration / 1e6)
						 : json_null());
	return out;
}

json_t *wtel_json_step(const struct wtel_route_step *step, const struct wtel_route *route, size_t order)
{
	json_t *out = json_object();

	object_put(&out, "order", wtel_json_id((int64_t)order));
	object_number(&out, "id", step->trunk_id);
	object_text(&out, "name", step->name);
	object_number(&out, "priority", step->priority);
	object_number(&out, "weight", step->weight);
	object_number(&out, "activeCalls", step->active_calls);
	object_number(&out, "maxChannels", step->max_channels);
	object_text(&out, "verdict", wtel_route_verdict_name(step->verdict));
	object_text(&out, "why", step->text);
	if (route) {
		object_text(&out, "dials", route->number);
		object_text(&out, "callerId", route->caller_id);
	}
	return out;
}

static const char *name_of(const struct wtel_trunk_list *trunks, int64_t id)
{
	size_t i;

	for (i = 0; trunks && i < trunks->count; i++)
		if (trunks->trunks[i].id == id)
			return trunks->trunks[i].name;
	return "";
}

json_t *wtel_json_campaign(const struct wtel_campaign *campaign, const struct wtel_trunk_list *trunks)
{
	json_t *out = json_object(), *own = json_array();
	size_t i;

	object_number(&out, "id", campaign->id);
	object_flag(&out, "general", campaign->general);
	object_text(&out, "callerId", campaign->caller_id);
	for (i = 0; i < campaign->trunk_count; i++) {
		json_t *trunk = json_object();

		object_number(&trunk, "id", campaign->trunks[i].trunk_id);
		object_text(&trunk, "name", name_of(trunks, campaign->trunks[i].trunk_id));
		object_number(&trunk, "priority", campaign->trunks[i].priority);
		array_add(&own, trunk);
	}
	object_put(&out, "trunks", own);
	return out;
}

/* ---- the rest --------------------------------------------------------- */

json_t *wtel_json_peer(const struct wtel_peer *peer)
{
	json_t *out = json_object();

	object_number(&out, "id", peer->id);
	object_number(&out, "userId", peer->user_id);
	object_text(&out, "username", peer->username);
	object_text(&out, "extension", peer->extension);
	object_text(&out, "status", wtel_peer_status_name(peer->status));
	object_flag(&out, "registered", peer->registered);
	object_put(&out, "lastRegisteredAt", wtel_json_time(peer->last_registered_at));
	object_text(&out, "userAgent", peer->user_agent);
	object_text(&out, "ipAddress", peer->ip_address);
	return out;
}

json_t *wtel_json_status(const struct wtel_service_stats *stats)
{
	json_t *out = json_object();

	object_flag(&out, "connected", stats->connected);
	object_flag(&out, "synchronised", stats->synchronised);
	object_number(&out, "activeCalls", (int64_t)stats->active_calls);
	object_number(&out, "callsInProgress", (int64_t)stats->calls_in_progress);
	object_number(&out, "channels", (int64_t)stats->tracker.channels);
	object_number(&out, "storeQueue", (int64_t)stats->store_queue);
	object_number(&out, "reconnects", (int64_t)stats->reconnects);
	object_put(&out, "roundTrip", stats->round_trip < 0 ? json_null() : json_real((double)stats->round_trip / 1e6));
	object_text(&out, "host", stats->host);
	object_text(&out, "ami", stats->version);
	return out;
}

json_t *wtel_json_notice(const struct wtel_notice *notice)
{
	json_t *out = json_object();

	object_text(&out, "event", wtel_notice_name(notice->type));
	object_put(&out, "time", wtel_json_time(notice->wall));
	if (notice->call)
		object_put(&out, "call", wtel_json_call(notice->call, "", ""));
	if (notice->trunk_id)
		object_number(&out, "trunkId", notice->trunk_id);
	if (notice->name && *notice->name)
		object_text(&out, "name", notice->name);
	if (notice->status && *notice->status)
		object_text(&out, "status", notice->status);
	if (notice->text && *notice->text)
		object_text(&out, "text", notice->text);
	if (notice->lost)
		object_number(&out, "lost", (int64_t)notice->lost);
	return out;
}

json_t *wtel_json_error(int code, const struct wtel_detail *detail)
{
	json_t *out = json_object();

	object_text(&out, "code", wtel_error_name(code));
	object_text(&out, "message", detail && detail->text[0] ? detail->text : wtel_error_text(code));
	object_text(&out, "field", detail ? detail->field : "");
	return out;
}
