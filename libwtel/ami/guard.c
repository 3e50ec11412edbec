/*
 * Which messages Asterisk made, and which a caller.
 *
 * What a caller can do. pjproject decodes %0d%0a in a SIP user, and res_pjsip copies it raw into CallerIDNum (and so
 * into ConnectedLineNum of the other side), the dialplan's pattern may let it into Exten, and that into the name of a
 * Local channel, DialString and AppData. Each copy holds at most 79 bytes. In one event several fields may be broken,
 * each with lines and messages of its own; then comes what is left of the true event, the tail: alone, behind a half
 * line of the caller's, or swallowed by a forged head that was left open.
 *
 * What is told apart, in this order:
 *  1. An event must have every run of its shape (event.def) complete, contiguous and in order, and none of
 *     their names anywhere else in it, in whatever case. A caller has 79 bytes in one piece, and genuine lines stand
 *     between one piece and the next: no block (more than 200 bytes) and no Registry, PeerStatus, ContactStatus,
 * Rename, OriginateResponse, Bridge* or QueueMember* (85 and more, with Privilege) fits, even outside a quarantine.
 *  2. After a broken event nothing is believed before its tail. The place where it really broke is not known, because
 *     the lines behind the break may be forged: any place up to the one seen may be the tail's first. A tail that
 * breaks off in its turn adds the places that it reached and takes none away, because it may be forged too. The
 * quarantine ends when a run begins at one of these places and everything to the shape's end follows.
 *     A piece is 79 bytes and the true line follows it, so the tail begins within `reach` of the last value that could
 * have held the break, and one at a run's second place within `name_reach` of the run's first value. Beyond, no
 * tail will come any more: the event was of a shape that is not known here. The quarantine is over, `lost` is raised.
 *  3. A complete event with a block, or of another shape that is longer than a piece, is genuine by rule 1, so it also
 *     ends a quarantine whose tail was missed, and `lost` is raised. It is still dropped where its block could be
 *     the tail: a Local channel's name is raw and stands first, so a forged head and "Channel: ..." may have been put
 *     before the true rest of a block, all within reach.
 *
 * What cannot be told, and why it does no harm:
 *  - Exten is near enough to the block's end: "Priority", "Uniqueid", "Linkedid" with values of the caller's
 *    choice fit into 79 bytes, and a blank line behind them ends a complete event that names the caller's own channel,
 * but another's Uniqueid. Only events that end with the block can be ended so (Hangup lacks Cause, DialEnd a block),
 * and only where the dialplan lets such an extension in. What gives it away is the tail behind it, which the parser
 * mostly sees at once (`cut`). Where it comes later, `lost` says to read the state anew, and who keeps channels must
 * not let a Uniqueid change its channel's name except by Rename. The same holds for a Local channel's name in an event
 * without a shape: the rest of its block, under a forged head and name, looks complete.
 *  - A short forged tail from Exten may end a quarantine early. What then follows is under rule 1 still, and the true
 * tail raises `lost`.
 *  - DialString and AppData end an event, so a whole message of at most 79 bytes can stand behind them unseen: enough
 *    for FullyBooted, Shutdown, UserEvent, DeviceStateChange and names without a shape, which change no state, and
 *    for responses, whose ActionIDs cannot be guessed. A dialplan that joins several such values, or decodes
 *    URIs by itself, into one argument lifts the limit of 79 bytes; FILTER() them there.
 *  - Inside the 79 bytes a value may be any text: what it says is the caller's.
 */
#include "ami/run.h"
#include "base/slice.h"

enum {
	/* One event's forgeries: six raw fields in two blocks, 79 bytes each, make less than 120 messages of 4 bytes.
	 */
	GUARD_MESSAGES = 256,
	GUARD_PIECE = 79, /* AST_CHANNEL_NAME, AST_MAX_EXTENSION */
	GUARD_BITS = 32
};

/* How far an event goes: complete, or where it stops. */
struct guard_walk {
	const struct ami_schema *schema;
	const struct wtel_ami_message *message;
	unsigned run;		    /* that is incomplete; run_count: none */
	unsigned place;		    /* of it that is missing */
	size_t at;		    /* field that stands there instead, or where to go on */
	size_t start[AMI_MAX_RUNS]; /* of each run that was found; SIZE_MAX: none */
	size_t end[AMI_MAX_RUNS];
};

static const struct ami_run *guard_run(const struct wtel_ami_guard *guard, const struct ami_schema *schema,
				       unsigned run)
{
	return schema->loose ? ami_schema_block_number(guard->block) : &schema->runs[run];
}

static unsigned guard_run_count(const struct ami_schema *schema)
{
	return schema->loose ? 1 : schema->run_count;
}

static uint32_t guard_places(unsigned first, unsigned last)
{
	return (uint32_t)((1ull << (last + 1)) - (1ull << first));
}

/* VarSet outside a channel: "Channel: none", "Uniqueid: none" (varset_to_ami, main/stasis_channels.c). */
static bool guard_no_channel(const struct wtel_ami_message *message, size_t at)
{
	return at + 1 < message->field_count && base_slice_is(message->fields[at].value, "none") &&
	       base_slice_is(message->fields[at + 1].name, "Uniqueid") &&
	       base_slice_is(message->fields[at + 1].value, "none");
}

/* Walks the runs from walk->run on, looking for each from walk->at on. true: complete. */
static bool guard_walk(struct guard_walk *walk)
{
	const struct wtel_ami_message *message = walk->message;

	for (; walk->run < walk->schema->run_count; walk->run++) {
		const struct ami_run *run = &walk->schema->runs[walk->run];
		size_t at = walk->at;

		walk->start[walk->run] = walk->end[walk->run] = SIZE_MAX;
		while (at < message->field_count && !run_is(run, 0, message->fields[at].name))
			at++;
		if (at == message->field_count) {
			if (run->optional)
				continue;
			walk->place = 0;
			return false;
		}
		if (run->optional && run->block && guard_no_channel(message, at)) {
			walk->start[walk->run] = at;
			walk->end[walk->run] = walk->at = at + 2;
			continue;
		}
		walk->place = run_match(run, 0, message, at);
		walk->start[walk->run] = at;
		walk->end[walk->run] = walk->at = at + walk->place;
		if (walk->place < run->count)
			return false;
	}
	return true;
}

/* Whether the name belongs to one of the event's runs, in any case. */
static bool guard_owns(const struct ami_schema *schema, struct wtel_slice name)
{
	bool exact;
	unsigned i, id = ami_field_find(name, &exact);

	if (id && schema->own[id / 64] >> id % 64 & 1)
		return true;
	for (i = 0; i < schema->run_count; i++) {
		const struct ami_run *run = &schema->runs[i];
		struct wtel_slice head = {name.data, run->prefix_length};
		struct wtel_slice rest = {name.data + run->prefix_length, name.length - run->prefix_length};

		if (!run->prefix_length || name.length <= run->prefix_length ||
		    !base_slice_equal_fold(head, (struct wtel_slice){run->prefix, run->prefix_length}))
			continue;
		id = ami_field_find(rest, &exact);
		if (id && id <= AMI_BLOCK)
			return true;
	}
	return false;
}

/* The first field outside the runs that has a name of theirs; SIZE_MAX: none. */
static size_t guard_repeated(const struct guard_walk *walk)
{
	size_t at = 1;
	unsigned run = 0;

	while (at < walk->message->field_count) {
		while (run < walk->schema->run_count && (walk->start[run] == SIZE_MAX || walk->end[run] <= at))
			run++;
		if (run < walk->schema->run_count && at >= walk->start[run]) {
			at = walk->end[run];
			continue;
		}
		if (walk->message->fields[at].name.length && guard_owns(walk->schema, walk->message->fields[at].name))
			return at;
		at++;
	}
	return SIZE_MAX;
}

/* Where the fields of the event itself begin, behind what the manager puts before them; 0: "Privilege" is missing. */
static size_t guard_preamble(const struct wtel_ami_message *message, bool *stamped)
{
	size_t at = 2;
	bool exact;

	*stamped = false;
	if (message->field_count < 2 || !base_slice_is(message->fields[1].name, "Privilege"))
		return 0;
	for (; at < message->field_count; at++) {
		unsigned id = ami_field_find(message->fields[at].name, &exact);

		if (id < AMI_FIELD_TIMESTAMP || id > AMI_FIELD_ACTION_ID || !exact)
			break;
		if (id == AMI_FIELD_TIMESTAMP)
			*stamped = true;
	}
	return at;
}

/* An event without blocks: its one run stands right behind the preamble, and nothing of it again. */
static bool guard_plain(const struct wtel_ami_guard *guard, struct guard_walk *walk)
{
	const struct ami_run *run = &walk->schema->runs[0];
	bool exact, stamped;
	size_t i;

	if (!walk->schema->run_count)
		return true;
	walk->at = guard_preamble(walk->message, &stamped);
	if (!walk->at || (guard->stamped && !stamped))
		return false;
	if (!walk->schema->legacy) {
		walk->start[0] = walk->at;
		walk->end[0] = walk->at + run_match(run, 0, walk->message, walk->at);
		return walk->end[0] == walk->start[0] + run->count && guard_repeated(walk) == SIZE_MAX;
	}
	/* Before Asterisk 12 names were spelled in more than one way. */
	for (i = 0; i < run->count; i++) {
		const struct ami_place *place = &ami_places[run->first + i];
		unsigned id = walk->at + i < walk->message->field_count
				      ? ami_field_find(walk->message->fields[walk->at + i].name, &exact)
				      : AMI_FIELD_NONE;

		if (!id || (id != place->id && id != place->other))
			return false;
	}
	return true;
}

/*
 * Whether the true event goes on behind the message. `from` is where a piece of the caller's may have begun: at most
 * GUARD_PIECE bytes and CR LF later the line with the block's next place must stand.
 */
static bool guard_goes_on(const struct wtel_ami_message *message, const char *from, const struct ami_run *block,
			  unsigned place)
{
	const char *line = message->next.data, *end = line + message->next.length, *stop, *colon;

	while (line < end && (*line == '\r' || *line == '\n'))
		line++;
	if (line >= end || line - from > GUARD_PIECE + 2)
		return false;
	if (memcmp(line, "Event:", end - line < 6 ? (size_t)(end - line) : 6) &&
	    memcmp(line, "Response:", end - line < 9 ? (size_t)(end - line) : 9))
		return true;
	while (line < end && line - from <= GUARD_PIECE + 2 && (stop = memchr(line, '\n', (size_t)(end - line)))) {
		colon = memchr(line, ':', (size_t)(stop - line));
		if (colon && run_is(block, place, (struct wtel_slice){line, (size_t)(colon - line)}))
			return true;
		line = stop + 1;
	}
	return false;
}

/* The same for a block that is complete from fields[at] on, at its n-th place: Exten's value may have held the rest. */
static bool guard_ended_early(const struct wtel_ami_message *message, const struct ami_run *block, size_t at,
			      unsigned n)
{
	const unsigned exten = AMI_FIELD_EXTEN - AMI_FIELD_CHANNEL;
	const char *from = n <= exten ? message->fields[at + exten - n].value.data : message->fields[at].name.data;

	return guard_goes_on(message, from, block, exten + 1);
}

/* Whether a message holds the end of a block from Exten on, but not the block. */
static bool guard_holds_orphan(const struct wtel_ami_message *message)
{
	const struct ami_run *block = ami_schema_block_number(0);
	const unsigned rest = AMI_FIELD_PRIORITY - AMI_FIELD_CHANNEL;
	size_t i;

	for (i = 0; i < message->field_count; i++)
		if (run_match(block, rest, message, i) == AMI_BLOCK - rest &&
		    (i < rest || run_match(block, 0, message, i - rest) != AMI_BLOCK))
			return true;
	return false;
}

/*
 * An event whose shape is not known, or that may carry what it likes: every block that it begins must be complete.
 * true: so it is; otherwise *block is the first that is not.
 */
static bool guard_loose(struct guard_walk *walk, const struct ami_run **block)
{
	const struct wtel_ami_message *message = walk->message;
	size_t at = 1;

	while (at < message->field_count) {
		*block = message->fields[at].name.length ? ami_schema_block(message->fields[at].name) : NULL;
		if (!*block) {
			at++;
			continue;
		}
		walk->place = run_match(*block, 0, message, at);
		walk->at = at + walk->place;
		if (walk->place == AMI_BLOCK) {
			if (guard_ended_early(message, *block, at, 0))
				return false;
			at = walk->at;
			continue;
		}
		/* "Channel" alone is no block (nor with "ChannelState", as in TestEvent), unless the rest follows. */
		if (walk->place > 2 || guard_goes_on(message, message->fields[at].value.data, *block, 1))
			return false;
		at++;
	}
	return true;
}

/* Adds to the guard's sets where a tail may begin after the walk stopped. */
static void guard_expect(struct wtel_ami_guard *guard, const struct guard_walk *walk, unsigned first)
{
	unsigned run;

	for (run = first; run < walk->run; run++)
		if (walk->start[run] != SIZE_MAX && walk->schema->runs[run].count > 1)
			guard->expected[run] |= guard_places(1, walk->schema->runs[run].count - 1u);
	if (walk->run < walk->schema->run_count)
		guard->expected[walk->run] |= walk->place ? guard_places(1, walk->place) : 1;
}

static int32_t guard_left(const struct wtel_ami_message *message, const struct wtel_ami_field *field)
{
	size_t behind = (size_t)(message->raw.data + message->raw.length - field->value.data);

	/* The blank line behind the message is one byte at least. */
	return behind > GUARD_PIECE + 1 ? -1 : (int32_t)(GUARD_PIECE + 1 - behind);
}

/* How far behind the message the tail may begin: one of its values is where the event, or its tail, broke. */
static void guard_measure(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	const struct ami_schema *schema = ami_schema_number(guard->schema);
	size_t i;
	unsigned run;

	guard->reach = guard_left(message, &message->fields[message->field_count - 1]);
	for (i = message->field_count; i-- > 0;)
		for (run = 0; run < guard_run_count(schema); run++)
			if (message->fields[i].name.length &&
			    run_is(guard_run(guard, schema, run), 0, message->fields[i].name)) {
				int32_t left = guard_left(message, &message->fields[i]);

				if (left > guard->name_reach)
					guard->name_reach = left;
				return;
			}
}

/* A message stands between the break and the tail. */
static void guard_pass(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	int32_t passed = message->raw.length > GUARD_PIECE ? GUARD_PIECE + 1 : (int32_t)message->raw.length + 1;

	guard->reach = guard->reach < passed ? -1 : guard->reach - passed;
	guard->name_reach = guard->name_reach < passed ? -1 : guard->name_reach - passed;
}

/* The tail begins at fields[at], at a place of a run. true: it goes to the event's end. */
static bool guard_tail_from(struct wtel_ami_guard *guard, const struct wtel_ami_message *message, size_t at,
			    unsigned run, unsigned place)
{
	const struct ami_schema *schema = ami_schema_number(guard->schema);
	const struct ami_run *shape = guard_run(guard, schema, run);
	unsigned matched = run_match(shape, place, message, at);
	struct guard_walk walk = {.schema = schema, .message = message, .run = run + 1, .at = at + matched};

	if (place + matched < shape->count) {
		guard->expected[run] |= guard_places(place + 1, place + matched);
		return false;
	}
	if (shape->block && guard_ended_early(message, shape, at, place)) {
		guard->expected[run] |= guard_places(1, AMI_BLOCK - 1);
		return false;
	}
	if (schema->loose || guard_walk(&walk))
		return true;
	guard_expect(guard, &walk, run + 1);
	return false;
}

/* Whether the field may be the tail's first, at that place of the run; one that has begun may break off again. */
static bool guard_expects(const struct wtel_ami_guard *guard, unsigned run, unsigned place, bool begun,
			  const struct wtel_ami_message *message, const struct wtel_ami_field *field)
{
	const struct ami_run *shape = guard_run(guard, ami_schema_number(guard->schema), run);

	return guard->expected[run] >> place & 1 && place < shape->count && run_is(shape, place, field->name) &&
	       (begun || field->name.data - message->raw.data <= (place == 1 ? guard->name_reach : guard->reach));
}

/* Looks through fields[at...] for the tail. true: it is there to its end; otherwise *begun says whether it began. */
static bool guard_tail(struct wtel_ami_guard *guard, const struct wtel_ami_message *message, size_t at, bool *begun)
{
	unsigned run, place, runs = guard_run_count(ami_schema_number(guard->schema));

	for (*begun = false; at < message->field_count; at++) {
		const struct wtel_ami_field *field = &message->fields[at];

		/* Asterisk puts one space behind the colon; a caller may want to save it. */
		if (!field->name.length || field->value.data != field->name.data + field->name.length + 2)
			continue;
		for (run = 0; run < runs; run++)
			for (place = 0; place < GUARD_BITS; place++) {
				if (!guard_expects(guard, run, place, *begun, message, field))
					continue;
				*begun = true;
				if (guard_tail_from(guard, message, at, run, place))
					return true;
			}
	}
	return false;
}

static enum wtel_ami_verdict guard_broken(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	size_t i;

	guard->broken++;
	guard->source[0] = '\0';
	for (i = 1; i < message->field_count; i++)
		if (message->fields[i].name.length && ami_schema_block(message->fields[i].name)) {
			base_slice_copy(guard->source, sizeof(guard->source), message->fields[i].value);
			break;
		}
	return WTEL_AMI_BROKEN;
}

static void guard_begin(struct wtel_ami_guard *guard, const struct ami_schema *schema)
{
	memset(guard->expected, 0, sizeof(guard->expected));
	guard->schema = schema->number;
	guard->active = true;
	guard->messages = 1;
	guard->reach = guard->name_reach = INT32_MAX;
}

/* The broken event itself, from fields[at] on: it may hold its tail. */
static void guard_head(struct wtel_ami_guard *guard, const struct wtel_ami_message *message, size_t at)
{
	bool begun;

	guard->active = !guard_tail(guard, message, at, &begun);
	guard->name_reach = -1;
	guard_measure(guard, message);
}

static enum wtel_ami_verdict guard_judge_loose(struct wtel_ami_guard *guard, struct guard_walk *walk)
{
	const struct ami_run *block = NULL;

	if (guard_loose(walk, &block)) {
		if (!guard_holds_orphan(walk->message))
			return WTEL_AMI_TRUSTED;
		/* Swallowed by a forged head that was left open; its own head was believed already. */
		guard->lost = true;
		return guard_broken(guard, walk->message);
	}
	guard_begin(guard, walk->schema);
	guard->block = (uint8_t)ami_schema_block_index(block);
	guard->expected[0] = guard_places(1, walk->place < AMI_BLOCK ? walk->place : AMI_BLOCK - 1);
	guard_head(guard, walk->message, walk->at);
	return guard_broken(guard, walk->message);
}

/* Whether a complete event that ends with a block goes on behind its end. */
static bool guard_cut_short(const struct guard_walk *walk)
{
	unsigned last = walk->schema->run_count - 1u;

	while (last && walk->start[last] == SIZE_MAX)
		last--;
	return walk->schema->runs[last].block && walk->start[last] != SIZE_MAX &&
	       walk->end[last] - walk->start[last] == AMI_BLOCK &&
	       guard_ended_early(walk->message, &walk->schema->runs[last], walk->start[last], 0);
}

/* Whether the walk came upon a block, complete or not. */
static bool guard_has_block(const struct guard_walk *walk)
{
	unsigned run;

	for (run = 0; run <= walk->run && run < walk->schema->run_count; run++)
		if (walk->schema->runs[run].block && walk->start[run] != SIZE_MAX)
			return true;
	return false;
}

/* An event with blocks. */
static enum wtel_ami_verdict guard_judge_blocks(struct wtel_ami_guard *guard, struct guard_walk *walk)
{
	const struct ami_schema *schema = walk->schema;
	size_t repeated, last;
	bool stamped;

	walk->at = 1;
	if (guard_walk(walk)) {
		repeated = guard_repeated(walk);
		last = schema->run_count - 1u;
		if (repeated == SIZE_MAX && !guard_cut_short(walk)) {
			if (guard_preamble(walk->message, &stamped))
				guard->stamped = stamped;
			return WTEL_AMI_TRUSTED;
		}
		/* Behind a last field that is no block's, no tail comes: it was that value which held the lines. */
		if (!schema->runs[last].block && repeated >= walk->at)
			return guard_broken(guard, walk->message);
		walk->at = repeated == SIZE_MAX ? walk->message->field_count : repeated;
	} else if (!guard_has_block(walk)) {
		/* Nothing of a block: forged as a whole, or of another kind of server. No tail comes. */
		return guard_broken(guard, walk->message);
	}
	guard_begin(guard, schema);
	guard_expect(guard, walk, 0);
	guard_head(guard, walk->message, walk->at);
	return guard_broken(guard, walk->message);
}

static enum wtel_ami_verdict guard_judge_event(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	struct guard_walk walk = {.message = message};

	walk.schema = ami_schema_find(message->head);
	if (walk.schema->loose)
		return guard_judge_loose(guard, &walk);
	if (walk.schema->blocks)
		return guard_judge_blocks(guard, &walk);
	return guard_plain(guard, &walk) ? WTEL_AMI_TRUSTED : guard_broken(guard, message);
}

/* Whether a message in quarantine is an event that no piece of a caller's can be: with a block, or longer than one. */
static bool guard_genuine(const struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	struct guard_walk walk = {.message = message, .at = 1};
	const struct ami_run *block;

	walk.schema = ami_schema_find(message->head);
	if (message->kind != WTEL_AMI_EVENT || walk.schema->legacy || !walk.schema->run_count)
		return false;
	if (walk.schema->loose)
		return guard_loose(&walk, &block) && walk.place == AMI_BLOCK && !guard_holds_orphan(message);
	if (walk.schema->blocks)
		return guard_walk(&walk) && guard_repeated(&walk) == SIZE_MAX && !guard_cut_short(&walk);
	return guard_plain(guard, &walk) &&
	       message->fields[walk.end[0] - 1].value.data - message->raw.data > GUARD_PIECE + 2;
}

static enum wtel_ami_verdict guard_judge_quarantined(struct wtel_ami_guard *guard,
						     const struct wtel_ami_message *message)
{
	bool complete = guard_genuine(guard, message), begun;
	bool tail = guard_tail(guard, message, message->kind == WTEL_AMI_HEADLESS ? 0 : 1, &begun);

	guard->messages++;
	guard_pass(guard, message);
	if (begun)
		guard_measure(guard, message);
	if (tail || complete) {
		guard->active = false;
		guard->lost = guard->lost || complete;
		if (!tail)
			return WTEL_AMI_TRUSTED;
	} else if (guard->messages >= GUARD_MESSAGES) {
		guard->active = false;
		guard->lost = true;
	}
	guard->quarantined++;
	return WTEL_AMI_QUARANTINED;
}

/* One outside a quarantine. */
static enum wtel_ami_verdict guard_judge_open(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	if (message->kind == WTEL_AMI_RESPONSE)
		return WTEL_AMI_TRUSTED;
	if (message->kind == WTEL_AMI_EVENT)
		return guard_judge_event(guard, message);
	/* A tail whose head looked complete. */
	guard->quarantined++;
	guard->lost = true;
	return WTEL_AMI_QUARANTINED;
}

enum wtel_ami_verdict wtel_ami_guard_judge(struct wtel_ami_guard *guard, const struct wtel_ami_message *message)
{
	/* The parser gives a banner only at a connection's beginning. */
	if (message->kind == WTEL_AMI_BANNER) {
		guard->active = false;
		guard->stamped = false;
		return WTEL_AMI_TRUSTED;
	}
	if (guard->active && guard->reach >= 0)
		return guard_judge_quarantined(guard, message);
	/* Out of reach: the tail will not come. */
	if (guard->active)
		guard->lost = true;
	guard->active = false;
	return guard_judge_open(guard, message);
}
