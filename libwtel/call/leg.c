#include "call/tracker.h"

#define LEG_OF_NAME(link) ((struct tracker_leg *)((char *)(link)-offsetof(struct tracker_leg, by_name)))

uint64_t tracker_hash(const struct wtel_tracker *tracker, struct wtel_slice bytes)
{
	uint64_t hash = base_hash(tracker->seed, bytes);

	return hash ? hash : 1;
}

struct tracker_leg *tracker_leg_by_id(const struct wtel_tracker *tracker, struct wtel_slice id)
{
	uint32_t hash = (uint32_t)tracker_hash(tracker, id);
	struct index_link *link;

	for (link = index_chain(&tracker->ids, hash); link; link = link->next) {
		struct tracker_leg *leg = (struct tracker_leg *)link;

		if (link->hash == hash && base_slice_equal(tracker_text_get(&leg->text, LEG_ID), id))
			return leg;
	}
	return NULL;
}

/* After a restart Asterisk gives old names anew: the one that lives, or the newest. */
struct tracker_leg *tracker_leg_by_name(const struct wtel_tracker *tracker, struct wtel_slice name)
{
	uint32_t hash = (uint32_t)tracker_hash(tracker, name);
	struct tracker_leg *found = NULL;
	struct index_link *link;

	for (link = index_chain(&tracker->names, hash); link; link = link->next) {
		struct tracker_leg *leg = LEG_OF_NAME(link);

		if (link->hash != hash || !base_slice_equal(tracker_text_get(&leg->text, LEG_NAME), name))
			continue;
		if (!leg->end)
			return leg;
		if (!found)
			found = leg;
	}
	return found;
}

bool tracker_leg_is_gone(const struct wtel_tracker *tracker, struct wtel_slice id)
{
	uint64_t hash = tracker_hash(tracker, id);

	return tracker->gone[hash % TRACKER_GONE] == hash;
}

void tracker_leg_set_gone(struct wtel_tracker *tracker, struct wtel_slice id, bool gone)
{
	uint64_t hash = tracker_hash(tracker, id);
	uint64_t *place = &tracker->gone[hash % TRACKER_GONE];

	if (gone)
		*place = hash;
	else if (*place == hash)
		*place = 0;
}

/* "1001" of "PJSIP/1001-00000001": names end in a dash and a number in hexadecimal (chan_pjsip_new); Local's in ";1".
 */
struct wtel_slice tracker_leg_endpoint(struct wtel_slice name)
{
	struct wtel_slice endpoint = {"", 0};
	const char *slash = name.length ? memchr(name.data, '/', name.length) : NULL;
	const char *dash = NULL;
	const char *at;

	if (!slash)
		return endpoint;
	for (at = slash; at < name.data + name.length; at++)
		if (*at == '-')
			dash = at;
	endpoint.data = slash + 1;
	endpoint.length = (size_t)((dash ? dash : name.data + name.length) - endpoint.data);
	return endpoint;
}

/* What Asterisk makes for itself: nobody holds the other end of it in his hand. A phone of any kind may be an agent's.
 */
static bool leg_is_local(const struct wtel_tracker *tracker, const struct wtel_ami_channel *block)
{
	static const struct wtel_slice phones[] = {BASE_SLICE("PJSIP/"), BASE_SLICE("SIP/"), BASE_SLICE("IAX2/"),
						   BASE_SLICE("DAHDI/")};
	size_t i;

	for (i = 0; i < sizeof(phones) / sizeof(*phones); i++)
		if (base_slice_starts(block->name, phones[i]))
			return false;
	return base_slice_starts(block->name, BASE_SLICE("Local/")) || block->state != WTEL_CHANNEL_RING ||
	       !base_slice_is(block->context, tracker->agents_context);
}

/* The trunk whose endpoint a channel's name tells; 0: none. */
static int64_t leg_trunk(const struct wtel_tracker *tracker, struct wtel_slice name)
{
	return base_slice_starts(name, BASE_SLICE("PJSIP/"))
		       ? tracker_endpoint(&tracker->trunks, tracker_leg_endpoint(name))
		       : 0;
}

/* Trunks by endpoint; the first leg in the inbound context is a customer even where its trunk is unknown. */
static void leg_set_role(struct wtel_tracker *tracker, struct tracker_leg *leg, const struct wtel_ami_channel *block)
{
	struct tracker_call *call = leg->call;
	bool first = leg->flags & LEG_FIRST;
	bool inbound = call->flags & CALL_VISIBLE && call->direction == WTEL_INBOUND;

	leg->trunk_id = leg_trunk(tracker, block->name);
	if (leg->trunk_id)
		leg->flags |= LEG_TRUNK;
	if (leg_is_local(tracker, block))
		leg->flags |= LEG_LOCAL;
	if (first && call->flags & CALL_EXPECTED && !inbound && !(leg->flags & LEG_LOCAL))
		leg->role = WTEL_LEG_AGENT;
	else if (leg->trunk_id)
		leg->role = inbound && !first ? WTEL_LEG_OTHER : WTEL_LEG_CUSTOMER;
	else if (leg->flags & LEG_LOCAL)
		leg->role = WTEL_LEG_OTHER;
	else if (first && block->state == WTEL_CHANNEL_RING && base_slice_is(block->context, tracker->inbound_context))
		leg->role = WTEL_LEG_CUSTOMER;
	else
		leg->role = WTEL_LEG_AGENT;
	if (leg->role == WTEL_LEG_AGENT)
		tracker_leg_number(tracker, leg, tracker_leg_endpoint(block->name));
	if (leg->role != WTEL_LEG_CUSTOMER || !first || block->state == WTEL_CHANNEL_DOWN)
		return;
	/* A customer who calls us: the number that he dialled is the extension at which his channel begins. */
	tracker_leg_number(tracker, leg, block->extension);
	if (!call->text.length[CALL_CALLER])
		tracker_text_set(&tracker->pool, &call->text, CALL_CALLER, block->caller_number);
	if (!call->text.length[CALL_CALLEE])
		tracker_text_set(&tracker->pool, &call->text, CALL_CALLEE, block->extension);
}

void tracker_leg_settle(struct wtel_tracker *tracker, struct tracker_leg *leg, struct wtel_slice callee)
{
	int64_t trunk_id = leg_trunk(tracker, tracker_text_get(&leg->text, LEG_NAME));

	if (leg->role != WTEL_LEG_AGENT || leg->flags & LEG_FIRST || !trunk_id)
		return;
	leg->trunk_id = trunk_id;
	leg->flags |= LEG_TRUNK;
	leg->role = WTEL_LEG_CUSTOMER;
	tracker_leg_number(tracker, leg, callee);
}

/* Room for one more leg: the oldest that is over and was neither the first nor a customer's makes it. */
static bool leg_make_room(struct wtel_tracker *tracker, struct tracker_call *call)
{
	struct tracker_leg **at;

	if (call->leg_count < TRACKER_MAX_LEGS)
		return true;
	tracker->counters.legs_dropped++;
	for (at = &call->legs; *at; at = &(*at)->next) {
		struct tracker_leg *leg = *at;

		if (!leg->end || leg->role == WTEL_LEG_CUSTOMER || leg->flags & (LEG_FIRST | LEG_TAKEN))
			continue;
		*at = leg->next;
		if (call->tail == &leg->next)
			call->tail = at;
		call->leg_count--;
		tracker_leg_hide(tracker, leg);
		tracker_leg_free(tracker, leg);
		return true;
	}
	return false;
}

struct tracker_leg *tracker_leg_new(struct wtel_tracker *tracker, const struct wtel_ami_channel *block, int64_t wall)
{
	struct wtel_slice linked_id = block->linked_id.length ? block->linked_id : block->unique_id;
	struct tracker_call *call = tracker_call_find(tracker, linked_id);
	struct tracker_leg *leg;

	if (!call)
		call = tracker_call_new(tracker, linked_id, wall);
	if (!call || !leg_make_room(tracker, call))
		return NULL;
	leg = pool_take(&tracker->pool, sizeof(*leg));
	memset(leg, 0, sizeof(*leg));
	leg->call = call;
	leg->start = wall;
	tracker_text_set(&tracker->pool, &leg->text, LEG_ID, block->unique_id);
	tracker_text_set(&tracker->pool, &leg->text, LEG_NAME, block->name);
	index_add(&tracker->ids, &leg->by_id, (uint32_t)tracker_hash(tracker, block->unique_id));
	index_add(&tracker->names, &leg->by_name, (uint32_t)tracker_hash(tracker, block->name));
	*call->tail = leg;
	call->tail = &leg->next;
	call->leg_count++;
	call->live++;
	if (block->unique_id.length == call->key->length &&
	    !memcmp(block->unique_id.data, call->key->id, call->key->length))
		leg->flags |= LEG_FIRST;
	leg_set_role(tracker, leg, block);
	if (call->flags & CALL_VISIBLE)
		tracker->counters.channels++;
	return leg;
}

void tracker_leg_rename(struct wtel_tracker *tracker, struct tracker_leg *leg, struct wtel_slice name)
{
	index_remove(&tracker->names, &leg->by_name);
	tracker_text_set(&tracker->pool, &leg->text, LEG_NAME, name);
	index_add(&tracker->names, &leg->by_name,
		  (uint32_t)tracker_hash(tracker, tracker_text_get(&leg->text, LEG_NAME)));
}

bool tracker_leg_number(struct wtel_tracker *tracker, struct tracker_leg *leg, struct wtel_slice number)
{
	return tracker_text_set(&tracker->pool, &leg->text, LEG_NUMBER, number);
}

void tracker_leg_hide(struct wtel_tracker *tracker, struct tracker_leg *leg)
{
	tracker_leg_set_gone(tracker, tracker_text_get(&leg->text, LEG_ID), true);
	index_remove(&tracker->ids, &leg->by_id);
	index_remove(&tracker->names, &leg->by_name);
}

void tracker_leg_free(struct wtel_tracker *tracker, struct tracker_leg *leg)
{
	tracker_text_clear(&tracker->pool, &leg->text);
	pool_give(&tracker->pool, leg, sizeof(*leg));
}

/* false if it had ended before. */
bool tracker_leg_end(struct wtel_tracker *tracker, struct tracker_leg *leg, int64_t wall)
{
	if (leg->end)
		return false;
	leg->end = wall > 0 ? wall : 1;
	leg->call->live--;
	if (leg->call->flags & CALL_VISIBLE)
		tracker->counters.channels--;
	return true;
}

/* The inbound call's caller: its first leg if that is one, else the first customer there is. */
struct tracker_leg *tracker_customer(const struct tracker_call *call)
{
	struct tracker_leg *found = NULL;
	struct tracker_leg *leg;

	for (leg = call->legs; leg; leg = leg->next) {
		if (leg->role != WTEL_LEG_CUSTOMER)
			continue;
		if (leg->flags & LEG_FIRST)
			return leg;
		if (!found || leg->start < found->start)
			found = leg;
	}
	return found;
}

/* All that `from` had becomes a part of `into`. The caller saw to it that the legs fit and that nobody was told of
 * `from`. */
void tracker_merge(struct wtel_tracker *tracker, struct tracker_call *into, struct tracker_call *from, int64_t wall)
{
	struct tracker_leg *leg;
	struct tracker_leg *first = from->legs;
	struct tracker_key **last = &into->key->next;
	struct tracker_key *key;

	for (key = from->key; key; key = key->next)
		key->call = into;
	while (*last)
		last = &(*last)->next;
	*last = from->key;
	from->key = NULL;
	for (leg = first; leg; leg = leg->next) {
		leg->call = into;
		leg->flags &= (uint16_t) ~(LEG_FIRST | LEG_TAKEN);
		leg->flags |= LEG_MERGED;
	}
	if (first) {
		*into->tail = first;
		into->tail = from->tail;
	}
	if (into->flags & CALL_VISIBLE)
		tracker->counters.channels += from->live;
	into->leg_count = (uint16_t)(into->leg_count + from->leg_count);
	into->live = (uint16_t)(into->live + from->live);
	into->flags |= from->flags & (CALL_TRANSFERRED | CALL_QUEUED);
	from->legs = NULL;
	from->tail = &from->legs;
	from->leg_count = from->live = 0;
	tracker_call_discard(tracker, from);
	for (leg = first; leg; leg = leg->next)
		call_assess(tracker, leg, wall);
}
