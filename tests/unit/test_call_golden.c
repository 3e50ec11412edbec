/*
 * Sessions captured from a real Asterisk 22, and the calls that come of them: golden/sessions/NAME.ami and
 * NAME.calls.json. WTEL_GOLDEN_UPDATE=1 writes the latter anew, to be read before it is believed.
 */
#include "call_events.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <wtel/ami.h>

#include "call/tracker.h"

struct replay {
	struct wtel_tracker *tracker;
	struct wtel_ami_parser *parser;
	struct wtel_ami_guard guard;
	json_t *calls;
	int64_t base; /* wall of the first event */
	int64_t wall;
	bool listing;
	char *shown; /* what a walk over the calls showed last, of that version */
	uint64_t version;
};

static size_t kept, renewed; /* events that left the version as it was, and others */

static json_t *golden_time(const struct replay *replay, int64_t wall)
{
	return wall ? json_integer((wall - replay->base + 500) / 1000) : json_null();
}

static json_t *golden_leg(const struct replay *replay, const struct wtel_leg *leg)
{
	return json_pack("{s:s s:s s:s s:s s:I s:o s:o s:o s:o s:i s:i}", "channel", leg->channel, "uniqueId",
			 leg->unique_id, "number", leg->number, "role", wtel_leg_role_name(leg->role), "trunkId",
			 (json_int_t)leg->trunk_id, "start", golden_time(replay, leg->start), "ringing",
			 golden_time(replay, leg->ringing), "answer", golden_time(replay, leg->answer), "end",
			 golden_time(replay, leg->end), "cause", leg->cause, "sipCode", leg->sip_code);
}

static json_t *golden_call(const struct replay *replay, const struct wtel_call *call)
{
	json_t *legs = json_array();
	size_t i;

	for (i = 0; i < call->leg_count; i++)
		json_array_append_new(legs, golden_leg(replay, &call->legs[i]));
	return json_pack("{s:s s:s s:s s:s s:s s:s s:I s:I s:b s:b s:o s:o s:o s:o s:I s:I s:i s:i s:s s:o}", "callId",
			 call->call_id, "direction", wtel_direction_name(call->direction), "state",
			 wtel_call_state_name(call->state), "disposition", wtel_disposition_name(call->disposition),
			 "caller", call->caller_number, "callee", call->callee_number, "agentId",
			 (json_int_t)call->agent_id, "trunkId", (json_int_t)call->trunk_id, "transferred",
			 call->transferred, "estimated", call->estimated, "start", golden_time(replay, call->start),
			 "ringing", golden_time(replay, call->ringing), "answer", golden_time(replay, call->answer),
			 "end", golden_time(replay, call->end), "duration", (json_int_t)wtel_call_duration(call),
			 "billsec", (json_int_t)wtel_call_billsec(call), "cause", call->cause, "sipCode",
			 call->sip_code, "reason", call->reason, "legs", legs);
}

/* Calls that the service originated carry its own ids; the captures were made with them. */
static void golden_expect(struct replay *replay, struct wtel_slice id)
{
	char call_id[160];
	struct wtel_call call;
	int code;

	if (id.length < 5 || id.length >= sizeof(call_id) || memcmp(id.data, "WLCM-", 5) ||
	    memchr(id.data, ';', id.length))
		return;
	memcpy(call_id, id.data, id.length);
	call_id[id.length] = '\0';
	memset(&call, 0, sizeof(call));
	call.call_id = call_id;
	call.start = replay->wall;
	code = wtel_tracker_expect(replay->tracker, &call);
	cr_assert(code == 0 || code == WTEL_EEXISTS);
}

static bool golden_first(const struct wtel_ami_event *event)
{
	return event->type == WTEL_AMI_NEWCHANNEL || event->type == WTEL_AMI_ORIGINATE_RESPONSE;
}

/* Who keeps what a walk showed, until the version is another one, never shows what is no more. */
static void golden_walk(struct replay *replay)
{
	uint64_t version = tracker_version(replay->tracker);
	const struct wtel_call *call;
	json_t *calls = json_array();
	size_t position = 0;
	char *shown;

	while ((call = wtel_tracker_walk(replay->tracker, &position)))
		json_array_append_new(calls, golden_call(replay, call));
	shown = json_dumps(calls, 0);
	if (replay->shown && replay->version == version) {
		cr_assert_str_eq(shown, replay->shown);
		kept++;
	} else {
		renewed++;
	}
	free(replay->shown);
	replay->shown = shown;
	replay->version = version;
	json_decref(calls);
}

static void golden_event(struct replay *replay, const struct wtel_ami_event *event)
{
	struct wtel_call_change change;

	if (event->timestamp) {
		replay->wall = event->timestamp;
		if (!replay->base)
			replay->base = event->timestamp;
	}
	if (golden_first(event) &&
	    (!event->channel.linked_id.length || (event->channel.linked_id.length == event->channel.unique_id.length)))
		if (event->type == WTEL_AMI_NEWCHANNEL || event->reason != 4)
			golden_expect(replay, event->channel.unique_id);
	if (event->type == WTEL_AMI_CORE_SHOW_CHANNEL && !replay->listing) {
		replay->listing = true;
		wtel_tracker_resync_begin(replay->tracker);
	}
	cr_assert_eq(wtel_tracker_feed(replay->tracker, event, replay->wall), 0);
	while (wtel_tracker_next(replay->tracker, &change) == 1)
		if (change.type == WTEL_CALL_CHANGE_ENDED)
			json_array_append_new(replay->calls, golden_call(replay, change.call));
	golden_walk(replay);
}

static void golden_message(struct replay *replay, const struct wtel_ami_message *message)
{
	struct wtel_ami_event event;

	if (message->kind == WTEL_AMI_BANNER || message->kind == WTEL_AMI_RESPONSE)
		return;
	if (wtel_ami_guard_judge(&replay->guard, message) != WTEL_AMI_TRUSTED || message->kind != WTEL_AMI_EVENT)
		return;
	cr_assert_eq(wtel_ami_event_decode(&event, message), 0);
	if (replay->listing && event.type != WTEL_AMI_CORE_SHOW_CHANNEL) {
		replay->listing = false;
		cr_assert_eq(wtel_tracker_resync_end(replay->tracker, replay->wall, 0), 0);
	}
	golden_event(replay, &event);
}

static char *golden_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *bytes;
	long size;

	cr_assert_not_null(file, "%s", path);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t)size + 1);
	*length = fread(bytes, 1, (size_t)size, file);
	fclose(file);
	return bytes;
}

static json_t *golden_replay(const char *path)
{
	struct replay replay = {0};
	struct wtel_ami_message message;
	struct wtel_call_change change;
	const struct wtel_call *call;
	struct wtel_tracker_counters counters;
	size_t position = 0;
	size_t length;
	char *bytes = golden_read(path, &length);

	replay.tracker = tracker_with(NULL);
	cr_assert_eq(wtel_tracker_set_trunk(replay.tracker, "carrier-ip", 3), 0);
	cr_assert_eq(wtel_tracker_set_trunk(replay.tracker, "carrier-silent", 4), 0);
	replay.calls = json_array();
	cr_assert_eq(wtel_ami_parser_new(&replay.parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(replay.parser, bytes, length), 0);
	while (wtel_ami_parser_next(replay.parser, &message) == 1)
		golden_message(&replay, &message);
	if (replay.listing)
		cr_assert_eq(wtel_tracker_resync_end(replay.tracker, replay.wall, 0), 0);
	cr_assert_eq(wtel_tracker_expire(replay.tracker, replay.wall, 0), 0);
	while (wtel_tracker_next(replay.tracker, &change) == 1)
		if (change.type == WTEL_CALL_CHANGE_ENDED)
			json_array_append_new(replay.calls, golden_call(&replay, change.call));
	while ((call = wtel_tracker_walk(replay.tracker, &position)))
		json_array_append_new(replay.calls, golden_call(&replay, call));
	wtel_tracker_counters(replay.tracker, &counters);
	json_array_append_new(replay.calls,
			      json_pack("{s:I s:I s:I}", "calls", (json_int_t)counters.calls, "active",
					(json_int_t)counters.active, "mismatched", (json_int_t)counters.mismatched));
	free(replay.shown);
	wtel_ami_parser_free(replay.parser);
	wtel_tracker_free(replay.tracker);
	free(bytes);
	return replay.calls;
}

/* false: nobody wrote down yet what comes of that session. */
static bool golden_compare(const char *session, const char *name)
{
	char path[512];
	json_t *calls = golden_replay(session);
	json_t *wanted;

	snprintf(path, sizeof(path), "%s/sessions/%s.calls.json", GOLDEN, name);
	if (getenv("WTEL_GOLDEN_UPDATE"))
		cr_assert_eq(json_dump_file(calls, path, JSON_INDENT(2)), 0);
	wanted = json_load_file(path, 0, NULL);
	if (wanted && !json_equal(calls, wanted)) {
		char *text = json_dumps(calls, JSON_INDENT(2));

		cr_assert_fail("%s: other calls than recorded:\n%s", name, text);
	}
	json_decref(calls);
	if (!wanted)
		return false;
	json_decref(wanted);
	return true;
}

Test(call_golden, every_session)
{
	char directory[400];
	char path[512];
	struct dirent *entry;
	size_t seen = 0;
	DIR *open;

	snprintf(directory, sizeof(directory), "%s/sessions", GOLDEN);
	open = opendir(directory);
	cr_assert_not_null(open);
	while ((entry = readdir(open))) {
		char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".ami") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%.100s", directory, entry->d_name);
		*dot = '\0';
		if (golden_compare(path, entry->d_name))
			seen++;
		else
			cr_expect_fail("%s has no calls.json: make it with WTEL_GOLDEN_UPDATE=1 and read it",
				       entry->d_name);
	}
	closedir(open);
	cr_assert_gt(seen, 20, "only %zu sessions", seen);
	cr_assert_gt(kept, renewed / 2, "%zu events made another version, %zu did not", renewed, kept);
}
