#include "ami_stream.h"
#include "describe.h"
#include "golden.h"

/* ---- attacks by chance ------------------------------------------------- */

static const char *const scraps[] = {
	"\r\n",
	"\r\n\r\n",
	"\r\n\n",
	"Event: Hangup",
	"Event: Newstate",
	"Event: Registry",
	"Event: X",
	"Response: S",
	"Privilege: call,all",
	"Channel: PJSIP/1-1",
	"ChannelState: 6",
	"CallerIDName: x",
	"ConnectedLineNum: 1",
	"Exten: 1",
	"Priority: 1",
	"Uniqueid: 1.1",
	"Linkedid: 1.1",
	"Cause: 16",
	"DestExten: 1",
	"DestPriority: 1",
	"DestUniqueid: 1.1",
	"DestLinkedid: 1.1",
	"DialStatus: ANSWER",
	"5",
	"Event: DialEnd",
	"Cause-txt: x",
	"DestChannel: a",
	"CallerIDNum: 1",
	"Context: c",
	"Language: e",
	"1\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n",
	"Event: Newstate\r\nPrivilege: call,all\r\nChannel: a",
	"Exten: 1\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n",
	"Event: X\r\nPrivilege: call,all",
};

static unsigned chance(unsigned *state, unsigned below)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 16) % below;
}

/* A hostile value of at most 79 bytes: scraps, most of them on lines of their own. */
static void chance_value(char out[80], unsigned *state)
{
	size_t length = 0;
	unsigned count = chance(state, 9);

	out[0] = '\0';
	while (count--) {
		const char *scrap = scraps[chance(state, sizeof(scraps) / sizeof(scraps[0]))];
		const char *end = chance(state, 4) ? "\r\n" : "";

		if (length + strlen(scrap) + strlen(end) > 79)
			break;
		length += (size_t)sprintf(out + length, "%s%s", scrap, end);
	}
}

/* Whether a trusted message may change a call or a trunk. */
static bool matters(const struct wtel_ami_event *event)
{
	return event->type != WTEL_AMI_OTHER && event->type != WTEL_AMI_DEVICE_STATE_CHANGE &&
	       event->type != WTEL_AMI_FULLY_BOOTED && event->type != WTEL_AMI_SHUTDOWN &&
	       event->type != WTEL_AMI_USER_EVENT;
}

/* One hostile event (or two) between honest ones. Gives back where each written event ends, for comparison. */
static size_t write_round(struct stream *stream, unsigned *state, size_t ends[8])
{
	static const char *const names[] = {"Newchannel",	"Newstate",	    "Hangup",
					    "NewConnectedLine", "MusicOnHoldStart", "HangupRequest"};
	char number[80], connected[80], exten[80], dest[80], string[80];
	struct caller caller = {"PJSIP/trunk-00000002", number, connected, exten, "1700000000.2"};
	struct caller callee = honest;
	unsigned name = chance(state, 7);
	size_t count = 0;

	chance_value(number, state);
	chance_value(connected, state);
	chance_value(exten, state);
	chance_value(dest, state);
	chance_value(string, state);
	callee.connected = dest;
	stream->length = 0;
	write_honest(stream);
	ends[count++] = stream->length;
	if (name == 6)
		write_dial(stream, caller, callee, string);
	else
		write_event(stream, names[name], caller, name == 2 ? "Cause: 16\r\nCause-txt: x\r\n" : "");
	ends[count++] = stream->length;
	write_event(stream, "Hangup", honest, "Cause: 17\r\nCause-txt: y\r\n");
	ends[count++] = stream->length;
	return count;
}

/* Trusted messages that matter must be whole events as they were written; honest ones are lost only with a word. */
Test(ami_forgery, attacks_by_chance, .timeout = 300)
{
	static struct stream stream;
	struct wtel_ami_message message;
	struct wtel_ami_event event;
	struct wtel_ami_parser *parser;
	unsigned state = 1, round, honest_seen, dropped = 0;
	size_t ends[8], count, i;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	for (round = 0; round < 200000; round++) {
		struct wtel_ami_guard guard = {0};
		const char *start = NULL;

		count = write_round(&stream, &state, ends);
		honest_seen = 0;
		wtel_ami_parser_reset(parser);
		cr_assert_eq(wtel_ami_parser_feed(parser, stream.text, stream.length), 0);
		while (wtel_ami_parser_next(parser, &message) == 1) {
			size_t at, end;

			if (!start)
				start = message.raw.data;
			at = (size_t)(message.raw.data - start);
			end = at + message.raw.length + 2;
			if (wtel_ami_guard_judge(&guard, &message) != WTEL_AMI_TRUSTED)
				continue;
			if (wtel_ami_event_decode(&event, &message) || !matters(&event))
				continue;
			for (i = 0; i < count; i++)
				if (end == ends[i] && at == (i ? ends[i - 1] : 0))
					break;
			/* DialString stands last: what it holds ends the event for all that can be seen. */
			if (i == count && at == ends[0] && event.type == WTEL_AMI_DIAL_BEGIN)
				continue;
			cr_assert_lt(i, count, "round %u: forged and trusted:\n%.*s\nin:\n%s", round,
				     (int)message.raw.length, message.raw.data, stream.text);
			honest_seen += i != 1;
		}
		if (honest_seen != 2) {
			dropped++;
			cr_assert(guard.lost || guard.active,
				  "round %u: an honest event was dropped without a word:\n%s", round, stream.text);
		}
	}
	cr_assert_lt(dropped, round / 100, "%u of %u rounds", dropped, round);
	wtel_ami_parser_free(parser);
}

/* ---- recorded sessions -------------------------------------------------- */

Test(ami_forgery, recorded_sessions_are_judged_as_reviewed)
{
	glob_t found = golden_sessions();
	size_t i;

	for (i = 0; i < found.gl_pathc; i++) {
		struct golden_file session = golden_read(found.gl_pathv[i]), events;
		struct describe describe = {0};
		struct wtel_ami_parser *parser;
		char path[512], *text = NULL;
		size_t length = 0;

		snprintf(path, sizeof(path), "%.*s.events", (int)(strlen(found.gl_pathv[i]) - 4), found.gl_pathv[i]);
		events = golden_read(path);
		describe.out = open_memstream(&text, &length);
		cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
		cr_assert_eq(wtel_ami_parser_feed(parser, session.data, session.length), 0);
		cr_assert(describe_all(&describe, parser));
		fclose(describe.out);
		cr_assert_str_eq(text, events.data, "%s differs (tests/tools/describe_ami.c)", path);
		wtel_ami_parser_free(parser);
		free(text);
		free(events.data);
		free(session.data);
	}
	globfree(&found);
}

/* In no recorded attack does a forged event come through; the victim's true events all do. */
Test(ami_forgery, recorded_forgeries_are_not_believed)
{
	glob_t found;
	size_t i;

	cr_assert_eq(glob(GOLDEN "/sessions/*forged*.ami", 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		struct golden_file session = golden_read(found.gl_pathv[i]);
		struct wtel_ami_guard guard = {0};
		struct wtel_ami_message message;
		struct wtel_ami_event event;
		struct wtel_ami_parser *parser;
		unsigned hangups = 0;

		cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
		cr_assert_eq(wtel_ami_parser_feed(parser, session.data, session.length), 0);
		while (wtel_ami_parser_next(parser, &message) == 1) {
			if (wtel_ami_guard_judge(&guard, &message) != WTEL_AMI_TRUSTED ||
			    wtel_ami_event_decode(&event, &message))
				continue;
			/* Every true event was recorded with a Timestamp, and no forged one has it. */
			cr_assert(event.timestamp || message.field_count < 4 || event.type == WTEL_AMI_FULLY_BOOTED ||
					  event.action_id.data,
				  "%s: %.*s", found.gl_pathv[i], (int)message.raw.length, message.raw.data);
			cr_assert_neq(event.type, WTEL_AMI_REGISTRY, "%s", found.gl_pathv[i]);
			hangups += event.type == WTEL_AMI_HANGUP;
		}
		cr_assert_geq(hangups, 1, "%s", found.gl_pathv[i]);
		cr_assert_not(guard.lost, "%s", found.gl_pathv[i]);
		cr_assert_not(guard.active, "%s", found.gl_pathv[i]);
		wtel_ami_parser_free(parser);
		free(session.data);
	}
	globfree(&found);
}
