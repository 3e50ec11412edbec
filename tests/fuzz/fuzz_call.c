/*
 * Any sequence of events, believable or not, four bytes each: what, who, whom, and how. The first byte says which
 * allocations fail. Whatever comes, times do not run backwards, each call ends once, the counters agree, and after a
 * resync with an empty list nothing is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/call.h>

enum { NAMES = 12, CALLS = 6, MAX_KNOWN = 64 };

struct play {
	struct wtel_tracker *tracker;
	int64_t wall;
	uint64_t news;
	uint64_t ends;
	char alive[MAX_KNOWN][64]; /* call_ids told as new and not as ended */
	size_t alive_count;
};

struct memory {
	unsigned every; /* each n-th allocation fails; 0: none */
	unsigned calls;
};

static const char *const names[NAMES] = {
	"PJSIP/1001-00000001",
	"PJSIP/1002-00000002",
	"PJSIP/carrier-a-00000003",
	"PJSIP/carrier-b-00000004",
	"Local/1001@agents-0001;1",
	"Local/1001@agents-0001;2",
	"PJSIP/carrier-a-00000005",
	"PJSIP/1001-00000006",
	"PJSIP/1001-00000001",
	"PJSIP/1002-00000002<ZOMBIE>",
	"IAX2/x-1",
	"",
};
static const char *const ids[NAMES] = {"c0", "c1", "u2", "u3", "c4", "u5", "c2", "c3", "u8", "c1", "u10", "u11"};
static const char *const calls[CALLS] = {"c0", "c1", "c2", "c3", "c4", ""};
static const char *const statuses[8] = {"ANSWER",  "BUSY",     "NOANSWER",   "CANCEL",
					"RINGING", "PROGRESS", "CONGESTION", ""};

static int memory_fails(struct memory *memory)
{
	return memory->every && ++memory->calls % memory->every == 0;
}

static void *memory_allocate(size_t size, void *user)
{
	return memory_fails(user) ? NULL : malloc(size);
}

static void *memory_reallocate(void *pointer, size_t size, void *user)
{
	return memory_fails(user) ? NULL : realloc(pointer, size);
}

static void memory_release(void *pointer, void *user)
{
	(void)user;
	free(pointer);
}

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_times(int64_t start, int64_t ringing, int64_t answer, int64_t end)
{
	check(!ringing || ringing >= start, "rings before it begins");
	check(!answer || answer >= start, "answered before it begins");
	check(!answer || answer >= ringing, "answered before it rings");
	check(!end || (end >= start && end >= answer && end >= ringing), "ends too early");
}

static void check_call(const struct wtel_call *call)
{
	size_t i;

	check_times(call->start, call->ringing, call->answer, call->end);
	check(wtel_call_billsec(call) >= 0 && wtel_call_duration(call) >= wtel_call_billsec(call),
	      "billed more than it lasted");
	check(call->leg_count <= 64, "too many legs");
	check((call->state == WTEL_CALL_ENDED) == (call->disposition != WTEL_DISPOSITION_NONE),
	      "a disposition without an end");
	check((call->disposition == WTEL_DISPOSITION_ANSWERED) == (call->answer && call->end), "answered or not");
	check(call->caller_number && call->callee_number && call->channel && call->reason && call->recording_url,
	      "a NULL string");
	for (i = 0; i < call->leg_count; i++)
		check_times(call->legs[i].start, call->legs[i].ringing, call->legs[i].answer, call->legs[i].end);
}

static void drain(struct play *play)
{
	struct wtel_tracker_counters counters;
	struct wtel_call_change change;
	size_t i;

	while (wtel_tracker_next(play->tracker, &change) == 1) {
		check_call(change.call);
		for (i = 0; i < play->alive_count && strcmp(play->alive[i], change.call->call_id) != 0; i++)
			;
		if (change.type == WTEL_CALL_CHANGE_NEW) {
			check(i == play->alive_count, "new twice");
			check(play->alive_count < MAX_KNOWN, "too many calls");
			snprintf(play->alive[play->alive_count++], sizeof(play->alive[0]), "%s", change.call->call_id);
			play->news++;
			continue;
		}
		check(i < play->alive_count, "a change of what is not known");
		if (change.type != WTEL_CALL_CHANGE_ENDED)
			continue;
		check(change.call->state == WTEL_CALL_ENDED, "ended and not ended");
		memmove(play->alive[i], play->alive[--play->alive_count], sizeof(play->alive[0]));
		play->ends++;
	}
	wtel_tracker_counters(play->tracker, &counters);
	check(counters.active == play->alive_count, "active calls");
	check(counters.calls == play->news && counters.ended == play->ends, "calls counted");
	check(counters.in_progress <= counters.active, "calls in progress");
	check(counters.channels <= 1000, "channels");
}

static struct wtel_ami_channel block(unsigned who, unsigned how)
{
	struct wtel_ami_channel channel;

	memset(&channel, 0, sizeof(channel));
	who %= NAMES + 1;
	channel.state = -1;
	if (who == NAMES)
		return channel;
	channel.name = wtel_slice_of(names[who]);
	channel.unique_id = wtel_slice_of(ids[who]);
	channel.linked_id = wtel_slice_of(calls[(how >> 3) % CALLS]);
	channel.context = wtel_slice_of(how & 64 ? "welcomedly-outbound" : "welcomedly-inbound");
	channel.extension = wtel_slice_of("15550001000");
	channel.state = (int)(how % 8);
	return channel;
}

static void feed(struct play *play, const uint8_t op[4])
{
	struct wtel_ami_field fields[] = {{wtel_slice_of("Duration"), wtel_slice_of("00:00:09")},
					  {wtel_slice_of("BridgeId"), wtel_slice_of("b1")}};
	struct wtel_ami_message message = {WTEL_AMI_EVENT, {"x", 1}, fields, 2, {"", 0}};
	struct wtel_ami_event event;

	memset(&event, 0, sizeof(event));
	event.type = (enum wtel_ami_event_type)(op[0] % WTEL_AMI_EVENT_TYPES);
	event.message = op[3] & 128 ? &message : NULL;
	event.channel = block(op[1] & 15, op[3]);
	event.other = block(op[1] >> 4, op[2]);
	event.status = op[0] & 128 ? wtel_slice_of("Failure") : wtel_slice_of(statuses[op[2] % 8]);
	event.cause = op[2] % 130 - 1;
	event.tech_cause = op[3] % 2 ? 400 + op[2] : 0;
	event.reason = op[2] % 10 - 1;
	event.bridge_id = wtel_slice_of(op[2] & 16 ? "b1" : "b2");
	event.new_name = wtel_slice_of(names[op[2] % NAMES]);
	event.dial_string = wtel_slice_of(op[2] & 1 ? "+1555@carrier-a" : "x/sip:1@y;z");
	play->wall += op[3] % 3 ? 1000 * (int64_t)op[2] : -500 * (int64_t)op[2];
	if (wtel_tracker_feed(play->tracker, &event, play->wall)) {
		/* Nothing of it was taken; later there may be memory again. */
	}
}

static void command(struct play *play, const uint8_t op[4])
{
	struct wtel_call call;
	int code = 0;

	memset(&call, 0, sizeof(call));
	call.call_id = calls[op[1] % CALLS];
	call.start = play->wall + op[3] - 128;
	call.state = (enum wtel_call_state)(op[2] % 7);
	call.direction = op[3] % 2 ? WTEL_INBOUND : WTEL_OUTBOUND;
	call.answer = op[2] & 64 ? play->wall : 0;
	call.ringing = op[2] & 128 ? play->wall : 0;
	switch ((op[0] >> 3) % 6) {
	case 0:
		/* Those of the store were told as new by another process. */
		call.state = WTEL_CALL_QUEUED;
		call.answer = call.ringing = 0;
		code = wtel_tracker_expect(play->tracker, &call);
		break;
	case 1:
		code = wtel_tracker_cancel(play->tracker, call.call_id);
		break;
	case 2:
		code = wtel_tracker_fail(play->tracker, call.call_id, (enum wtel_disposition)(op[2] % 7), "so it is",
					 play->wall);
		break;
	case 3:
		wtel_tracker_resync_begin(play->tracker);
		break;
	case 4:
		code = wtel_tracker_resync_end(play->tracker, play->wall, op[2]);
		break;
	case 5:
		code = wtel_tracker_set_trunk(play->tracker, op[1] & 1 ? "carrier-a" : "carrier-b", op[2] % 4);
		break;
	}
	(void)code;
}

static void look(struct play *play, const uint8_t op[4])
{
	const struct wtel_call *call;
	size_t position = 0;

	call = wtel_tracker_find(play->tracker, op[1] & 1 ? names[op[2] % NAMES] : ids[op[2] % NAMES]);
	if (call)
		check_call(call);
	while ((call = wtel_tracker_walk(play->tracker, &position)))
		check_call(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_tracker_options options = WTEL_TRACKER_OPTIONS_INIT;
	struct memory memory = {0, 0};
	struct wtel_allocator allocator = {memory_allocate, memory_reallocate, memory_release, &memory};
	struct wtel_tracker_counters counters;
	struct play play;
	size_t at;

	memset(&play, 0, sizeof(play));
	if (size < 2)
		return 0;
	options.seed = 7;
	options.track_foreign = data[1] & 1;
	options.max_calls = data[1] & 2 ? 3 : 1000;
	play.wall = 1761388200000000;
	if (wtel_tracker_new(&play.tracker, &options, &allocator) ||
	    wtel_tracker_set_trunk(play.tracker, "carrier-a", 1))
		abort();
	memory.every = data[0] % 8;
	for (at = 2; at + 4 <= size; at += 4) {
		const uint8_t *op = data + at;

		if (op[0] % 8 == 7)
			command(&play, op);
		else if (op[0] == 8)
			look(&play, op);
		else
			feed(&play, op);
		if (!(data[1] & 4) || op[3] % 4 == 0)
			drain(&play);
	}
	wtel_tracker_resync_begin(play.tracker);
	check(wtel_tracker_resync_end(play.tracker, play.wall + 1, 0) == 0, "resync");
	drain(&play);
	wtel_tracker_counters(play.tracker, &counters);
	check(!counters.active && !counters.channels && !counters.in_progress, "something is left");
	wtel_tracker_free(play.tracker);
	return 0;
}
