/*
 * Copies of calls, made fit for the tables: texts come from the wire, and one that a column refuses would keep a whole
 * batch from being written.
 */
#include "store/write.h"

#include "store/queue.h"
#include "store/rows.h"

enum { CHANNEL_MAX = 255, REASON_MAX = 1000, URL_MAX = 500 };

/* The last microsecond of year 9999: beyond it a time has no four-digit year. */
#define TIME_MAX INT64_C(253402300799999999)

static int64_t fit_time(int64_t wall)
{
	return wall > 0 && wall <= TIME_MAX ? wall : 0;
}

static int64_t fit_id(int64_t id)
{
	return id > 0 && id <= INT32_MAX ? id : 0;
}

/* Up to `most` bytes, cleaned. */
static const char *fit_text(struct store_pack *pack, const char *text, size_t most)
{
	char *room = pack->block ? pack->block + pack->used : NULL;
	size_t length;

	if (!text || !text[0])
		return "";
	length = store_clean_text(room, most, text);
	pack->used += length + 1;
	if (!room)
		return "";
	room[length] = '\0';
	return room;
}

/* A channel without a name cannot be told apart; one that comes twice would be written twice by one statement. */
static bool is_needed(const struct wtel_call *call, size_t index)
{
	const char *id = call->legs[index].unique_id;
	size_t later;

	if (!id || !id[0])
		return false;
	for (later = index + 1; later < call->leg_count; later++)
		if (call->legs[later].unique_id && strncmp(call->legs[later].unique_id, id, CHANNEL_MAX) == 0)
			return false;
	return true;
}

static void fill_legs(struct store_pack *pack, struct wtel_call *out, const struct wtel_call *call)
{
	struct wtel_leg *legs;
	size_t i, count = 0;

	for (i = 0; i < call->leg_count; i++)
		count += is_needed(call, i);
	legs = store_pack_room(pack, count * sizeof(*legs));
	out->legs = legs;
	out->leg_count = count;
	for (i = count = 0; i < call->leg_count; i++) {
		struct wtel_leg leg = call->legs[i];

		if (!is_needed(call, i))
			continue;
		leg.unique_id = fit_text(pack, leg.unique_id, CHANNEL_MAX);
		leg.channel = fit_text(pack, leg.channel, CHANNEL_MAX);
		leg.number = fit_text(pack, leg.number, CHANNEL_MAX);
		leg.trunk_id = fit_id(leg.trunk_id);
		leg.start = fit_time(leg.start);
		leg.ringing = fit_time(leg.ringing);
		leg.answer = fit_time(leg.answer);
		leg.end = fit_time(leg.end);
		if (legs)
			legs[count] = leg;
		count++;
	}
}

static void fill_entry(struct store_pack *pack, const void *source)
{
	struct store_entry *entry = store_pack_room(pack, sizeof(*entry));
	const struct wtel_call *call = source;
	struct wtel_call out = *call;

	out.call_id = fit_text(pack, call->call_id, STORE_CALL_ID_MAX);
	out.channel = fit_text(pack, call->channel, CHANNEL_MAX);
	out.caller_number = fit_text(pack, call->caller_number, STORE_NUMBER_MAX);
	out.callee_number = fit_text(pack, call->callee_number, STORE_NUMBER_MAX);
	out.reason = fit_text(pack, call->reason, REASON_MAX);
	out.recording_url = fit_text(pack, call->recording_url, URL_MAX);
	out.agent_id = fit_id(call->agent_id);
	out.campaign_id = fit_id(call->campaign_id);
	out.lead_id = fit_id(call->lead_id);
	out.trunk_id = fit_id(call->trunk_id);
	out.ringing = fit_time(call->ringing);
	out.answer = fit_time(call->answer);
	out.end = fit_time(call->end);
	out.start = fit_time(call->start);
	/* The column must not be NULL. */
	if (!out.start)
		out.start = out.answer ? out.answer : out.end ? out.end : wtel_time_now().wall;
	fill_legs(pack, &out, call);
	if (!entry)
		return;
	memset(entry, 0, sizeof(*entry));
	entry->change.call = out;
}

struct store_change *store_change_copy(const struct wtel_allocator *allocator, const struct wtel_call *call)
{
	struct store_pack pack = {NULL, 0};

	fill_entry(&pack, call);
	pack.block = base_allocate(allocator, pack.used);
	if (!pack.block)
		return NULL;
	pack.used = 0;
	fill_entry(&pack, call);
	return (struct store_change *)(void *)pack.block;
}
