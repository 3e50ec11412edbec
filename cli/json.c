#include "cli.h"

#include <string.h>
#include <time.h>

json_t *cli_json_text(const char *text)
{
	json_t *value;

	if (!text || !*text)
		return json_null();
	value = json_string(text);
	return value ? value : json_string(cli_safe(text)); /* not UTF-8 */
}

json_t *cli_json_id(int64_t id)
{
	return id ? json_integer(id) : json_null();
}

json_t *cli_json_time(int64_t wall)
{
	time_t seconds = (time_t)(wall / 1000000);
	char text[40];
	size_t length;
	struct tm tm;

	if (!wall || !gmtime_r(&seconds, &tm))
		return json_null();
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + length, sizeof(text) - length, ".%03dZ", (int)(wall % 1000000 / 1000));
	return json_string(text);
}

static json_t *json_leg(const struct wtel_leg *leg)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o}", "uniqueId",
			 cli_json_text(leg->unique_id), "channel", cli_json_text(leg->channel), "number",
			 cli_json_text(leg->number), "role", wtel_leg_role_name(leg->role), "trunkId",
			 cli_json_id(leg->trunk_id), "startTime", cli_json_time(leg->start), "ringingTime",
			 cli_json_time(leg->ringing), "answerTime", cli_json_time(leg->answer), "endTime",
			 cli_json_time(leg->end), "cause", leg->cause, "sipCode", cli_json_id(leg->sip_code));
}

static json_t *json_named(int64_t id, const char *name)
{
	if (!id)
		return json_null();
	return json_pack("{s:I, s:o}", "id", (json_int_t)id, "nombre", cli_json_text(name));
}

/* Asterisk's own number of the state, as the seed's `state` has it. */
static const char *state_number(enum wtel_call_state state)
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

json_t *cli_json_call(const struct wtel_call *call, const char *campaign, const char *lead)
{
	json_t *legs = json_array();
	json_t *out;
	size_t i;

	for (i = 0; i < call->leg_count; i++)
		json_array_append_new(legs, json_leg(&call->legs[i]));
	out = json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", cli_json_id(call->id),
			"callId", cli_json_text(call->call_id), "channel", cli_json_text(call->channel), "direction",
			wtel_direction_name(call->direction), "state", state_number(call->state), "stateName",
			wtel_call_state_name(call->state), "callerNumber", cli_json_text(call->caller_number),
			"calleeNumber", cli_json_text(call->callee_number), "startTime", cli_json_time(call->start),
			"ringingTime", cli_json_time(call->ringing), "answerTime", cli_json_time(call->answer),
			"endTime", cli_json_time(call->end));
	if (!out)
		return NULL;
	json_object_set_new(out, "duration", json_integer(wtel_call_duration(call)));
	json_object_set_new(out, "billsec", json_integer(wtel_call_billsec(call)));
	json_object_set_new(out, "disposition", cli_json_text(wtel_disposition_name(call->disposition)));
	json_object_set_new(out, "estimated", json_boolean(call->estimated));
	json_object_set_new(out, "transferred", json_boolean(call->transferred));
	json_object_set_new(out, "agentId", cli_json_id(call->agent_id));
	json_object_set_new(out, "campaignId", cli_json_id(call->campaign_id));
	json_object_set_new(out, "leadId", cli_json_id(call->lead_id));
	json_object_set_new(out, "trunkId", cli_json_id(call->trunk_id));
	json_object_set_new(out, "campaign", json_named(call->campaign_id, campaign));
	json_object_set_new(out, "lead", json_named(call->lead_id, lead));
	json_object_set_new(out, "cause", json_integer(call->cause));
	json_object_set_new(out, "sipCode", cli_json_id(call->sip_code));
	json_object_set_new(out, "reason", cli_json_text(call->reason));
	json_object_set_new(out, "recordingUrl", cli_json_text(call->recording_url));
	json_object_set_new(out, "legs", legs);
	return out;
}

static json_t *json_breaker(const struct wtel_breaker *breaker)
{
	return json_pack("{s:s, s:i, s:o}", "state", wtel_breaker_state_name(breaker->state), "faults", breaker->faults,
			 "retryAt", cli_json_time(breaker->retry_at));
}

json_t *cli_json_trunk(const struct wtel_trunk *trunk)
{
	json_t *out = json_pack(
		"{s:I, s:o, s:o, s:s, s:s, s:o, s:i, s:s, s:b, s:b, s:i, s:i, s:i, s:I, s:I, s:I}", "id",
		(json_int_t)trunk->id, "name", cli_json_text(trunk->name), "description",
		cli_json_text(trunk->description), "provider", wtel_trunk_provider_name(trunk->provider), "trunkType",
		wtel_trunk_type_name(trunk->type), "host", cli_json_text(trunk->host), "port", trunk->port, "status",
		wtel_trunk_status_name(trunk->status), "registered", (int)trunk->registered, "needsRegistration",
		(int)trunk->needs_registration, "maxChannels", trunk->max_channels, "activeCalls", trunk->active_calls,
		"priority", trunk->priority, "totalCalls", (json_int_t)trunk->total_calls, "successfulCalls",
		(json_int_t)trunk->successful_calls, "failedCalls", (json_int_t)trunk->failed_calls);
	json_t *settings = json_loads(trunk->advanced_settings ? trunk->advanced_settings : "{}", 0, NULL);

	if (!out) {
		json_decref(settings);
		return NULL;
	}
	json_object_set_new(out, "endpoint", cli_json_text(trunk->endpoint));
	json_object_set_new(out, "breaker", json_breaker(&trunk->breaker));
	json_object_set_new(out, "advancedSettings", settings ? settings : json_object());
	json_object_set_new(out, "lastRegisteredAt", cli_json_time(trunk->last_registered_at));
	json_object_set_new(out, "lastErrorAt", cli_json_time(trunk->last_error_at));
	json_object_set_new(out, "lastErrorMessage", cli_json_text(trunk->last_error_message));
	if (trunk->campaign_priority)
		json_object_set_new(out, "campaignPriority", json_integer(trunk->campaign_priority));
	return out;
}

/* "66.67" as the seed's answerRate has it; seconds. */
json_t *cli_json_health(const struct wtel_trunk_health *health)
{
	json_t *out = json_pack("{s:i, s:i, s:i}", "attempts", health->attempts, "answered", health->answered, "faults",
				health->faults);
	int ratio = health->answer_seizure_ratio;

	if (!out)
		return NULL;
	json_object_set_new(out, "answerSeizureRatio",
			    ratio < 0 ? json_null() : json_sprintf("%d.%02d", ratio / 100, ratio % 100));
	json_object_set_new(out, "postDialDelay",
			    health->post_dial_delay ? json_real((double)health->post_dial_delay / 1e6) : json_null());
	json_object_set_new(out, "averageCallDuration",
			    health->average_call_duration ? json_real((double)health->average_call_duration / 1e6)
							  : json_null());
	return out;
}

json_t *cli_json_peer(const struct wtel_peer *peer)
{
	return json_pack("{s:I, s:I, s:o, s:o, s:s, s:b, s:o, s:o, s:o}", "id", (json_int_t)peer->id, "userId",
			 (json_int_t)peer->user_id, "username", cli_json_text(peer->username), "extension",
			 cli_json_text(peer->extension), "status", wtel_peer_status_name(peer->status), "registered",
			 (int)peer->registered, "lastRegisteredAt", cli_json_time(peer->last_registered_at),
			 "userAgent", cli_json_text(peer->user_agent), "ipAddress", cli_json_text(peer->ip_address));
}

json_t *cli_json_notice(const struct wtel_notice *notice)
{
	json_t *out =
		json_pack("{s:s, s:o}", "event", wtel_notice_name(notice->type), "time", cli_json_time(notice->wall));

	if (!out)
		return NULL;
	if (notice->call)
		json_object_set_new(out, "call", cli_json_call(notice->call, "", ""));
	if (notice->trunk_id)
		json_object_set_new(out, "trunkId", json_integer(notice->trunk_id));
	if (notice->name && *notice->name)
		json_object_set_new(out, "name", cli_json_text(notice->name));
	if (notice->status && *notice->status)
		json_object_set_new(out, "status", cli_json_text(notice->status));
	if (notice->text && *notice->text)
		json_object_set_new(out, "text", cli_json_text(notice->text));
	if (notice->lost)
		json_object_set_new(out, "lost", json_integer((json_int_t)notice->lost));
	return out;
}
