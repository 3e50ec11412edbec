/* The tracker's life, what it is told of the world, and what it is asked. */
#include "call/tracker.h"

#include <limits.h>
#include <unistd.h>

static int tracker_seed(struct wtel_tracker *tracker, uint64_t seed)
{
	if (!seed && getentropy(&seed, sizeof(seed)))
		return WTEL_EIO;
	base_map_init(&tracker->trunks, seed);
	base_map_init(&tracker->agents, seed);
	tracker->seed[0] = seed;
	tracker->seed[1] = seed * 0x9e3779b97f4a7c15u + 1;
	return 0;
}

static char *tracker_copy(struct wtel_tracker *tracker, const char *text)
{
	return base_copy_string(&tracker->allocator, text ? text : "");
}

int wtel_tracker_new(struct wtel_tracker **out, const struct wtel_tracker_options *options,
		     const struct wtel_allocator *allocator)
{
	struct wtel_tracker_options given = WTEL_TRACKER_OPTIONS_INIT;
	struct wtel_allocator use = base_allocator(allocator);
	struct wtel_tracker *tracker;
	int code;

	if (options && options->size > sizeof(given))
		return WTEL_EINVAL;
	if (options)
		memcpy(&given, options, options->size);
	tracker = base_allocate_zero(&use, sizeof(*tracker));
	if (!tracker)
		return WTEL_ENOMEM;
	tracker->allocator = use;
	tracker->queue_tail = &tracker->queue;
	/* Places are 32 bits wide; more would not fit into any memory. */
	tracker->max_calls = given.max_calls < UINT32_MAX / 2 ? given.max_calls : UINT32_MAX / 2;
	tracker->track_foreign = given.track_foreign;
	tracker->outbound_context = tracker_copy(tracker, given.outbound_context);
	tracker->inbound_context = tracker_copy(tracker, given.inbound_context);
	tracker->agents_context = tracker_copy(tracker, given.agents_context);
	code = tracker_seed(tracker, given.seed);
	if (!tracker->outbound_context || !tracker->inbound_context || !tracker->agents_context)
		code = WTEL_ENOMEM;
	if (code) {
		wtel_tracker_free(tracker);
		return code;
	}
	*out = tracker;
	return 0;
}

static void tracker_endpoints_free(struct wtel_tracker *tracker, struct base_map *map)
{
	size_t position = 0;
	void *endpoint;

	while ((endpoint = base_map_walk(map, &position)))
		base_release(&tracker->allocator, endpoint);
	base_map_free(map, &tracker->allocator);
}

void wtel_tracker_free(struct wtel_tracker *tracker)
{
	struct wtel_allocator allocator;

	if (!tracker)
		return;
	allocator = tracker->allocator;
	tracker_endpoints_free(tracker, &tracker->trunks);
	tracker_endpoints_free(tracker, &tracker->agents);
	index_free(&tracker->ids, &allocator);
	index_free(&tracker->names, &allocator);
	index_free(&tracker->keys, &allocator);
	base_release(&allocator, tracker->calls);
	base_release(&allocator, tracker->outbound_context);
	base_release(&allocator, tracker->inbound_context);
	base_release(&allocator, tracker->agents_context);
	pool_free(&tracker->pool, &allocator);
	base_release(&allocator, tracker);
}

static int tracker_set_endpoint(struct wtel_tracker *tracker, struct base_map *map, const char *name, int64_t id)
{
	struct wtel_slice key = wtel_slice_of(name);
	struct tracker_endpoint *endpoint;
	int code;

	if (!key.length || id < 0)
		return WTEL_EINVAL;
	endpoint = base_map_get(map, key);
	if (endpoint && id) {
		endpoint->id = id;
		return 0;
	}
	if (!id) {
		base_release(&tracker->allocator, base_map_remove(map, key));
		return 0;
	}
	endpoint = base_allocate(&tracker->allocator, sizeof(*endpoint) + key.length + 1);
	if (!endpoint)
		return WTEL_ENOMEM;
	endpoint->id = id;
	memcpy(endpoint->name, name, key.length + 1);
	code = base_map_put(map, &tracker->allocator, wtel_slice_of(endpoint->name), endpoint);
	if (code)
		base_release(&tracker->allocator, endpoint);
	return code;
}

int wtel_tracker_set_trunk(struct wtel_tracker *tracker, const char *endpoint, int64_t trunk_id)
{
	tracker_forget(tracker);
	return tracker_set_endpoint(tracker, &tracker->trunks, endpoint, trunk_id);
}

int wtel_tracker_set_agent(struct wtel_tracker *tracker, const char *extension, int64_t agent_id)
{
	tracker_forget(tracker);
	return tracker_set_endpoint(tracker, &tracker->agents, extension, agent_id);
}

int64_t tracker_endpoint(const struct base_map *map, struct wtel_slice name)
{
	const struct tracker_endpoint *endpoint = name.length ? base_map_get(map, name) : NULL;

	return endpoint ? endpoint->id : 0;
}

int tracker_reserve(struct wtel_tracker *tracker)
{
	int code = pool_reserve(&tracker->pool, &tracker->allocator, TRACKER_RESERVE);

	if (!code)
		code = index_reserve(&tracker->ids, &tracker->allocator, 2);
	if (!code)
		code = index_reserve(&tracker->names, &tracker->allocator, 2);
	if (!code)
		code = index_reserve(&tracker->keys, &tracker->allocator, 2);
	if (!code && tracker->call_count + 2 > tracker->call_room) {
		size_t room = tracker->call_room ? tracker->call_room * 2 : 64;
		void *calls = base_reallocate(&tracker->allocator, tracker->calls, room * sizeof(*tracker->calls));

		if (!calls)
			return WTEL_ENOMEM;
		tracker->calls = calls;
		tracker->call_room = room;
	}
	return code;
}

struct tracker_call *tracker_call_find(const struct wtel_tracker *tracker, struct wtel_slice linked_id)
{
	uint32_t hash = (uint32_t)tracker_hash(tracker, linked_id);
	struct index_link *link;

	for (link = index_chain(&tracker->keys, hash); link; link = link->next) {
		struct tracker_key *key = (struct tracker_key *)link;

		if (link->hash == hash && key->length == linked_id.length &&
		    !memcmp(key->id, linked_id.data, key->length))
			return key->call;
	}
	return NULL;
}

/* NULL: there are too many. */
struct tracker_call *tracker_call_new(struct wtel_tracker *tracker, struct wtel_slice linked_id, int64_t wall)
{
	struct tracker_call *call;
	struct tracker_key *key;

	if (tracker->call_count + tracker->held >= tracker->max_calls) {
		tracker->counters.refused++;
		return NULL;
	}
	key = pool_take(&tracker->pool, sizeof(*key) + linked_id.length + 1);
	call = pool_take(&tracker->pool, sizeof(*call));
	memset(call, 0, sizeof(*call));
	key->next = NULL;
	key->call = call;
	key->length = (uint8_t)linked_id.length;
	memcpy(key->id, linked_id.data, linked_id.length);
	key->id[linked_id.length] = '\0';
	index_add(&tracker->keys, &key->link, (uint32_t)tracker_hash(tracker, linked_id));
	call->key = key;
	call->tail = &call->legs;
	call->start = wall;
	call->refusal = -1;
	call->sentence = "";
	call->place = (uint32_t)tracker->call_count;
	tracker->calls[tracker->call_count++] = call;
	return call;
}

/* Out of the look-up. Its memory goes once nobody can look at it. */
void tracker_call_discard(struct wtel_tracker *tracker, struct tracker_call *call)
{
	struct tracker_call *last = tracker->calls[--tracker->call_count];
	struct tracker_key *key;

	tracker->version++;
	for (key = call->key; key; key = key->next)
		index_remove(&tracker->keys, &key->link);
	tracker->calls[call->place] = last;
	last->place = call->place;
	tracker->refused -= call->refused;
	if (call->waiting) {
		tracker->held++;
		return;
	}
	call->queued = tracker->over;
	tracker->over = call;
}

void tracker_forget(struct wtel_tracker *tracker)
{
	while (tracker->over) {
		struct tracker_call *call = tracker->over;

		tracker->over = call->queued;
		while (call->legs) {
			struct tracker_leg *next = call->legs->next;

			tracker_leg_free(tracker, call->legs);
			call->legs = next;
		}
		while (call->key) {
			struct tracker_key *next = call->key->next;

			pool_give(&tracker->pool, call->key, sizeof(*call->key) + call->key->length + 1u);
			call->key = next;
		}
		tracker_text_clear(&tracker->pool, &call->text);
		pool_give(&tracker->pool, call, sizeof(*call));
	}
}

/* Calls of the store that were on their way when the program ended are not new to anybody. */
static void tracker_restore(struct tracker_call *call, const struct wtel_call *given)
{
	call->ringing = given->ringing;
	call->answer = given->answer;
	if (given->state > WTEL_CALL_QUEUED && given->state < WTEL_CALL_ENDED)
		call->state = (uint8_t)given->state;
	if (given->answer)
		call->state = WTEL_CALL_ANSWERED;
	else if (call->state == WTEL_CALL_ANSWERED)
		call->state = WTEL_CALL_RINGING;
	if (given->ringing && call->state < WTEL_CALL_RINGING)
		call->state = WTEL_CALL_RINGING;
}

/*
 * The call that is expected: a new one, or the one that events told of before its record was read, and nobody else yet.
 * A call of which somebody was told keeps what it is.
 */
static int tracker_expected(struct wtel_tracker *tracker, struct tracker_call **out, const struct wtel_call *given)
{
	struct wtel_slice id = wtel_slice_of(given->call_id);
	struct tracker_call *call = *out = tracker_call_find(tracker, id);
	struct tracker_leg *leg;
	int code;

	if (!call) {
		*out = tracker_call_new(tracker, id, given->start);
		return *out ? 0 : WTEL_ELIMIT;
	}
	if (call->flags & CALL_VISIBLE)
		return WTEL_EEXISTS;
	code = pool_reserve(&tracker->pool, &tracker->allocator,
			    TRACKER_RESERVE + call->leg_count * 2u * TRACKER_TEXTS * (TRACKER_MAX_TEXT + 1u));
	if (code)
		return code;
	call->start = given->start;
	for (leg = call->legs; leg && given->direction != WTEL_INBOUND; leg = leg->next)
		tracker_leg_settle(tracker, leg, wtel_slice_of(given->callee_number));
	return 0;
}

int wtel_tracker_expect(struct wtel_tracker *tracker, const struct wtel_call *given)
{
	struct wtel_slice id = wtel_slice_of(given->call_id);
	struct tracker_call *call;
	bool told;
	int code;

	tracker_forget(tracker);
	if (!id.length || id.length > TRACKER_MAX_TEXT)
		return WTEL_EINVAL;
	code = tracker_reserve(tracker);
	if (code)
		return code;
	code = tracker_expected(tracker, &call, given);
	if (code)
		return code;
	tracker->version++;
	tracker_leg_set_gone(tracker, id, false);
	call->flags |= CALL_EXPECTED;
	call->id = given->id;
	call->agent_id = given->agent_id;
	call->campaign_id = given->campaign_id;
	call->lead_id = given->lead_id;
	call->trunk_id = given->trunk_id;
	tracker_text_set(&tracker->pool, &call->text, CALL_CALLER, wtel_slice_of(given->caller_number));
	tracker_text_set(&tracker->pool, &call->text, CALL_CALLEE, wtel_slice_of(given->callee_number));
	tracker_restore(call, given);
	told = call->state != WTEL_CALL_QUEUED;
	call_reveal(tracker, call, given->direction == WTEL_INBOUND ? WTEL_INBOUND : WTEL_OUTBOUND, given->start);
	if (told)
		call->pending &= (uint8_t) ~(1 << WTEL_CALL_CHANGE_NEW);
	return 0;
}

int wtel_tracker_cancel(struct wtel_tracker *tracker, const char *call_id)
{
	struct tracker_call *call;

	tracker_forget(tracker);
	call = tracker_call_find(tracker, wtel_slice_of(call_id));
	if (!call)
		return WTEL_ENOTFOUND;
	call->flags |= CALL_CANCELLED;
	return 0;
}

/* With a channel alive it did come to life: then the words wait for its end. */
int wtel_tracker_fail(struct wtel_tracker *tracker, const char *call_id, enum wtel_disposition disposition,
		      const char *reason, int64_t wall)
{
	struct tracker_call *call;
	int code;

	tracker_forget(tracker);
	call = tracker_call_find(tracker, wtel_slice_of(call_id));
	if (!call)
		return WTEL_ENOTFOUND;
	if (disposition <= WTEL_DISPOSITION_ANSWERED || disposition >= WTEL_DISPOSITIONS)
		return WTEL_EINVAL;
	code = tracker_reserve(tracker);
	if (code)
		return code;
	tracker->version++;
	call->flags |= CALL_FAILED;
	call->disposition = (uint8_t)disposition;
	tracker_text_set(&tracker->pool, &call->text, CALL_REASON, wtel_slice_of(reason));
	if (!call->live)
		call_finish(tracker, call, wall, call->answer != 0);
	return 0;
}

const struct wtel_call *wtel_tracker_find(struct wtel_tracker *tracker, const char *name)
{
	struct wtel_slice slice = wtel_slice_of(name);
	struct tracker_call *call;
	struct tracker_leg *leg;

	tracker_forget(tracker);
	if (!slice.length)
		return NULL;
	call = tracker_call_find(tracker, slice);
	if (!call) {
		leg = tracker_leg_by_name(tracker, slice);
		if (!leg)
			leg = tracker_leg_by_id(tracker, slice);
		call = leg ? leg->call : NULL;
	}
	return call && call->flags & CALL_VISIBLE ? change_view(tracker, call) : NULL;
}

const struct wtel_call *wtel_tracker_walk(struct wtel_tracker *tracker, size_t *position)
{
	tracker_forget(tracker);
	while (*position < tracker->call_count) {
		struct tracker_call *call = tracker->calls[(*position)++];

		if (call->flags & CALL_VISIBLE)
			return change_view(tracker, call);
	}
	return NULL;
}

uint64_t tracker_version(const struct wtel_tracker *tracker)
{
	return tracker->version;
}

void wtel_tracker_counters(const struct wtel_tracker *tracker, struct wtel_tracker_counters *out)
{
	*out = tracker->counters;
}
