/*
 * Which leg a block of channel fields speaks of, and whether to believe it. Asterisk never gives a channel a second
 * Uniqueid nor two channels one name, and moves a channel from one Linkedid to another only where bridges bring calls
 * together (ast_bridge_channel_update_linkedids, main/bridge_channel.c). What says otherwise is ignored and counted.
 */
#include "call/tracker.h"

static bool identity_fits(const struct wtel_ami_channel *block)
{
	return block->unique_id.length <= TRACKER_MAX_TEXT && block->linked_id.length <= TRACKER_MAX_TEXT &&
	       block->name.length <= TRACKER_MAX_TEXT &&
	       !memchr(block->unique_id.data, '\0', block->unique_id.length) &&
	       (!block->name.length || !memchr(block->name.data, '\0', block->name.length));
}

static bool identity_is_call(const struct tracker_call *call, struct wtel_slice linked_id)
{
	return call->key->length == linked_id.length && !memcmp(call->key->id, linked_id.data, linked_id.length);
}

/* A masquerade leaves "NAME<ZOMBIE>" behind (channel_do_masquerade); its Rename may come later than the first event
 * with it. */
static bool identity_same_name(struct wtel_slice known, struct wtel_slice told)
{
	struct wtel_slice zombie = BASE_SLICE("<ZOMBIE>");
	struct wtel_slice rest;

	if (base_slice_equal(known, told))
		return true;
	if (known.length > told.length) {
		rest = known;
		known = told;
		told = rest;
	}
	rest.data = told.data + known.length;
	rest.length = told.length - known.length;
	return base_slice_starts(told, known) && base_slice_equal(rest, zombie);
}

/* Whether something brought the leg and that other call together. */
static bool identity_related(const struct wtel_tracker *tracker, const struct tracker_leg *leg,
			     const struct tracker_call *other, const struct wtel_ami_event *event)
{
	const struct tracker_leg *there;
	uint64_t bridge = leg->bridge;

	if (event->type == WTEL_AMI_CORE_SHOW_CHANNEL || event->type == WTEL_AMI_LOCAL_BRIDGE ||
	    (leg->call->flags | other->flags) & CALL_TRANSFERRED || leg->call->flags & other->flags & CALL_JOINED)
		return true;
	if (event->type == WTEL_AMI_BRIDGE_ENTER && event->bridge_id.length)
		bridge = tracker_hash(tracker, event->bridge_id);
	for (there = other->legs; bridge && there; there = there->next)
		if (there->bridge == bridge)
			return true;
	return false;
}

bool identity_check(struct wtel_tracker *tracker, struct identity *out, const struct wtel_ami_channel *block,
		    const struct wtel_ami_event *event)
{
	struct tracker_call *other;
	struct tracker_leg *leg;

	out->block = block;
	out->leg = NULL;
	out->present = block->unique_id.length > 0;
	if (!out->present)
		return true;
	if (!identity_fits(block))
		return false;
	leg = out->leg = tracker_leg_by_id(tracker, block->unique_id);
	if (!leg) {
		/* The list of channels is the truth: who had that name before is gone. */
		leg = block->name.length ? tracker_leg_by_name(tracker, block->name) : NULL;
		return !leg || leg->end || tracker->resyncing;
	}
	if (block->name.length && !identity_same_name(tracker_text_get(&leg->text, LEG_NAME), block->name))
		return false;
	if (!block->linked_id.length || identity_is_call(leg->call, block->linked_id))
		return true;
	other = tracker_call_find(tracker, block->linked_id);
	return !other || other == leg->call || identity_related(tracker, leg, other, event);
}

/*
 * Asterisk put two calls together. One that nobody was told of joins the other, and the older of two such absorbs the
 * younger. Two that each have a row keep it: each is billed for its own customer.
 */
static void identity_join(struct wtel_tracker *tracker, struct tracker_call *mine, struct tracker_call *other,
			  int64_t wall)
{
	struct tracker_call *into = other;
	struct tracker_call *from = mine;
	bool keep = mine->flags & CALL_VISIBLE;

	if (keep == !!(other->flags & CALL_VISIBLE))
		keep = !keep && (mine->start < other->start);
	if ((mine->flags & other->flags & CALL_VISIBLE) || mine->leg_count + other->leg_count > TRACKER_MAX_LEGS) {
		mine->flags |= CALL_JOINED;
		other->flags |= CALL_JOINED;
		return;
	}
	if (keep) {
		into = mine;
		from = other;
	}
	tracker_merge(tracker, into, from, wall);
}

/* The times that a channel's state tells: it was so by then at the latest. */
static bool identity_take_state(struct tracker_leg *leg, int state, int64_t wall)
{
	bool changed = false;

	if (wall < leg->start) {
		leg->start = wall;
		changed = true;
	}
	if (state < 0 || state > WTEL_CHANNEL_BUSY)
		return changed;
	if (!leg->end && leg->state != state) {
		leg->state = (uint8_t)state;
		changed = true;
	}
	if (state == WTEL_CHANNEL_RINGING && (!leg->ringing || wall < leg->ringing)) {
		leg->ringing = wall;
		changed = true;
	}
	if (state == WTEL_CHANNEL_UP && (!leg->answer || wall < leg->answer)) {
		leg->answer = wall;
		changed = true;
	}
	return changed;
}

static void identity_displace(struct wtel_tracker *tracker, const struct wtel_ami_channel *block, int64_t wall)
{
	struct tracker_leg *old = block->name.length ? tracker_leg_by_name(tracker, block->name) : NULL;

	if (!old || old->end)
		return;
	tracker_leg_end(tracker, old, wall);
	old->flags |= LEG_VANISHED;
	if (!old->call->live)
		call_finish(tracker, old->call, wall, true);
}

struct tracker_leg *identity_take(struct wtel_tracker *tracker, struct identity *identity, bool create, int64_t wall)
{
	const struct wtel_ami_channel *block = identity->block;
	struct tracker_leg *leg;
	bool fresh = false;

	if (!identity->present)
		return NULL;
	/* Looked up again: the event's other block may have moved things. */
	leg = tracker_leg_by_id(tracker, block->unique_id);
	if (!leg) {
		if (!create || !block->name.length || tracker_leg_is_gone(tracker, block->unique_id))
			return NULL;
		identity_displace(tracker, block, wall);
		leg = tracker_leg_new(tracker, block, wall);
		if (!leg)
			return NULL;
		fresh = true;
	} else if (block->linked_id.length && !identity_is_call(leg->call, block->linked_id)) {
		struct tracker_call *other = tracker_call_find(tracker, block->linked_id);

		if (other && other != leg->call && !(leg->call->flags & other->flags & CALL_JOINED))
			identity_join(tracker, leg->call, other, wall);
	}
	leg->epoch = tracker->epoch;
	if (identity_take_state(leg, block->state, wall) || fresh) {
		call_assess(tracker, leg, wall);
		change_queue(tracker, leg->call, WTEL_CALL_CHANGE_LEG, wall);
	}
	return leg;
}
