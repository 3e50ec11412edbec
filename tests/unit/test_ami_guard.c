#include "describe.h"
#include "golden.h"

#include <stdarg.h>

/*
 * Streams as Asterisk would write them, with a caller's bytes in the fields that it copies raw. What the guard says of
 * each message is told by one letter: T(rusted), B(roken), Q(uarantined).
 */
struct stream {
	char text[80000];
	size_t length;
	char verdicts[1024];
	bool lost;
	struct wtel_ami_guard guard;
};

static void write_text(struct stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_text(struct stream *stream, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(stream->text + stream->length, sizeof(stream->text) - stream->length, format, list);
	va_end(list);
	cr_assert_lt(stream->length + (size_t)length, sizeof(stream->text));
	stream->length += (size_t)length;
}

/* What a caller may choose of a channel. */
struct caller {
	const char *name, *number, *connected, *exten, *unique;
};

/* As ast_manager_build_channel_state_string_prefix. */
static void write_block(struct stream *stream, const char *p, struct caller caller)
{
	cr_assert_leq(strlen(caller.number), 79);
	cr_assert_leq(strlen(caller.exten), 79);
	write_text(stream,
		   "%sChannel: %s\r\n%sChannelState: 4\r\n%sChannelStateDesc: Ring\r\n%sCallerIDNum: "
		   "%s\r\n%sCallerIDName: <unknown>\r\n"
		   "%sConnectedLineNum: %s\r\n%sConnectedLineName: <unknown>\r\n%sLanguage: en\r\n%sAccountCode: "
		   "\r\n%sContext: in\r\n"
		   "%sExten: %s\r\n%sPriority: 1\r\n%sUniqueid: %s\r\n%sLinkedid: 1700000000.1\r\n",
		   p, caller.name, p, p, p, caller.number, p, p, caller.connected, p, p, p, p, p, caller.exten, p, p,
		   caller.unique, p);
}

static void write_head(struct stream *stream, const char *name)
{
	write_text(stream, "Event: %s\r\nPrivilege: call,all\r\nTimestamp: 1795368076.146927\r\n", name);
}

static const struct caller honest = {"PJSIP/1001-00000001", "1001", "1002", "100", "1700000000.1"};

static struct caller attacker(const char *number)
{
	return (struct caller){"PJSIP/trunk-00000002", number, "<unknown>", "100", "1700000000.2"};
}

static struct caller dialler(const char *exten)
{
	return (struct caller){"PJSIP/trunk-00000002", "5", "<unknown>", exten, "1700000000.2"};
}

static void write_event(struct stream *stream, const char *name, struct caller caller, const char *rest)
{
	write_head(stream, name);
	write_block(stream, "", caller);
	write_text(stream, "%s\r\n", rest);
}

static void write_honest(struct stream *stream)
{
	write_event(stream, "Newstate", honest, "");
}

static void write_dial(struct stream *stream, struct caller caller, struct caller callee, const char *string)
{
	write_head(stream, "DialBegin");
	write_block(stream, "", caller);
	write_block(stream, "Dest", callee);
	write_text(stream, "DialString: %s\r\n\r\n", string);
}

/* Judges the whole stream; `piece` 0: it comes at once. */
static const char *judge(struct stream *stream, size_t piece)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t at, count = 0;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	for (at = 0; at < stream->length; at += piece ? piece : stream->length) {
		size_t rest = stream->length - at;

		cr_assert_eq(wtel_ami_parser_feed(parser, stream->text + at, piece && piece < rest ? piece : rest), 0);
		while (wtel_ami_parser_next(parser, &message) == 1) {
			cr_assert_lt(count + 1, sizeof(stream->verdicts));
			stream->verdicts[count++] = "TBQ"[wtel_ami_guard_judge(&stream->guard, &message)];
		}
	}
	stream->verdicts[count] = '\0';
	stream->lost = stream->guard.lost;
	wtel_ami_parser_free(parser);
	return stream->verdicts;
}

/* The attack must be judged so however it is cut; `lost` must be as said. */
static void assert_verdicts(struct stream *stream, const char *wanted, bool lost)
{
	static const size_t pieces[] = {0, 1, 7, 100};
	size_t i;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		memset(&stream->guard, 0, sizeof(stream->guard));
		cr_assert_str_eq(judge(stream, pieces[i]), wanted, "pieces of %zu: %s instead of %s", pieces[i],
				 stream->verdicts, wanted);
		cr_assert_eq(stream->lost, lost, "pieces of %zu: lost %d", pieces[i], stream->lost);
		cr_assert_not(stream->guard.active, "pieces of %zu: still in quarantine", pieces[i]);
	}
}

/* One attack by number on a Newchannel, between honest events. */
static void assert_number(const char *number, const char *wanted)
{
	static struct stream stream;

	memset(&stream, 0, sizeof(stream));
	write_honest(&stream);
	write_event(&stream, "Newchannel", attacker(number), "");
	write_honest(&stream);
	assert_verdicts(&stream, wanted, false);
	cr_assert_str_eq(stream.guard.source, "PJSIP/trunk-00000002");
}

Test(ami_guard, honest_events_are_trusted)
{
	static struct stream stream;

	write_text(&stream, "Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: 1\r\n\r\n");
	write_honest(&stream);
	write_event(&stream, "Hangup", honest,
		    "Tenantid: t\r\nChanVariable: A=b\r\nCause: 16\r\nCause-txt: Normal\r\nTechCause: 200\r\n");
	write_dial(&stream, honest, attacker("5"), "100@trunk");
	write_head(&stream, "DialEnd");
	write_block(&stream, "Dest", honest);
	write_text(&stream, "Forward: x\r\nDialStatus: BUSY\r\n\r\n");
	write_text(
		&stream,
		"Event: Registry\r\nPrivilege: system,all\r\nTimestamp: 1.1\r\nSystemName: x\r\nChannelType: pjsip\r\n"
		"Username: sip:a@b\r\nDomain: sip:b\r\nStatus: Registered\r\n\r\n");
	write_text(&stream, "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 2\r\nLastReload: 2\r\nStatus: "
			    "Fully Booted\r\n\r\n");
	write_text(&stream, "Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: none\r\nUniqueid: none\r\nVariable: "
			    "A\r\nValue: b\r\n\r\n");
	write_text(&stream,
		   "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: x\r\nChannel: a\r\nUniqueid: 1.1\r\n\r\n");
	write_event(&stream, "UserEvent", honest, "UserEvent: x\r\nChannel: a\r\nUniqueid: 1.1\r\n");
	write_event(&stream, "MusicOnHoldStart", honest, "Class: default\r\n");
	write_text(&stream, "Event: TestEvent\r\nPrivilege: test,all\r\nType: StateChange\r\nChannel: PJSIP/1\r\n\r\n");
	write_honest(&stream);
	assert_verdicts(&stream, "TTTTTTTTTTTTTT", false);
}

Test(ami_guard, one_forged_line)
{
	assert_number("555\r\nEvent: Hangup", "TBT");
	assert_number("555\r\nUniqueid: 1700000000.1\r\nLinkedid: 1700000000.1", "TBT");
	assert_number("555\r\nuniqueid: 1700000000.1", "TBT");
	assert_number("555\r\nX: y", "TBT");
	assert_number("555\r\nno colon", "TBT");
	assert_number("555\r\n CallerIDName: x", "TBT");
}

Test(ami_guard, a_repeated_field)
{
	assert_number("555\r\nCallerIDName: x", "TBT");
	assert_number("555\r\nCallerIDName: x\r\nConnectedLineNum: 1\r\nConnectedLineName: y\r\nLanguage: e", "TBT");
	assert_number("555\r\nCallerIDNum: 1", "TBT");
}

Test(ami_guard, a_forged_message)
{
	assert_number("1\r\n\r\nEvent: Hangup\r\nUniqueid: 1700000000.1\r\nCause: 16\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nEvent: Hangup\r\nUniqueid: 1700000000.1\r\nCause: 16", "TBQT");
	assert_number("1\r\n\r\n Event: Hangup\r\nUniqueid: 1700000000.1\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nevent: Hangup\r\nUniqueid: 1700000000.1\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nEvent:Hangup\r\nUniqueid:1700000000.1\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nResponse: Success\r\nActionID: 1\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nResponse: Success\r\nActionID: 1", "TBQT");
	assert_number("1\r\n\r\nEvent: Registry\r\nUsername: sip:a@b\r\nStatus: Rejected\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nAsterisk Call Manager/1.0\r\nResponse: Follows\r\n\r\n", "TBQQT");
	assert_number("1\r\n\r\nEvent: X\r\n\r\nEvent: Y\r\n\r\nEvent: Z\r\n\r\n", "TBQQQQT");
	assert_number("1\r\n\r\nEvent: X\r\n\r\nhalf", "TBQQT");
	assert_number("1\r\n\n\r\n\nEvent: X", "TBQT");
	assert_number("\r\n\r\n", "TBQT");
	assert_number("\r\n\r\n\r\n\r\n", "TBQT");
}

/* Forged tails: they hold a place or two of the true one, or run on to where they must stop for want of room. */
Test(ami_guard, a_forged_tail_does_not_end_the_quarantine)
{
	assert_number("1\r\n\r\nCallerIDName: x\r\n\r\nEvent: Hangup\r\n\r\n", "TBQQQT");
	assert_number("1\r\n\r\nCallerIDName: x\r\nConnectedLineNum: 1\r\n\r\nEvent: X\r\n\r\n", "TBQQQT");
	assert_number("1\r\nCallerIDName: x\r\n\r\nConnectedLineNum: 1\r\n\r\nEvent: X\r\n\r\n", "TBQQQT");
	assert_number("1\r\n\r\nPriority: 1\r\nUniqueid: 1\r\nLinkedid: 1\r\n\r\nEvent: X\r\n\r\n", "TBQQQT");
	assert_number("1\r\n\r\nEvent: Newchannel\r\nChannel: PJSIP/1001-00000001\r\n\r\n", "TBQQT");
}

/* A lone LF is a byte of the value: nothing is broken. */
Test(ami_guard, bare_line_feeds_forge_nothing)
{
	static struct stream stream;

	write_honest(&stream);
	write_event(&stream, "Newchannel", attacker("555\nEvent: Hangup\n\nEvent: Hangup\n\n"), "");
	write_honest(&stream);
	assert_verdicts(&stream, "TTT", false);
}

Test(ami_guard, several_fields_broken_at_once)
{
	static struct stream stream;
	struct caller caller = attacker("1\r\n\r\nEvent: X\r\n\r\n");

	caller.connected = "2\r\n\r\nEvent: Y\r\n\r\n";
	caller.exten = "3\r\n\r\nEvent: Z\r\n\r\n";
	write_honest(&stream);
	write_event(&stream, "Newchannel", caller, "");
	write_honest(&stream);
	assert_verdicts(&stream, "TBQQQQQQT", false);
}

Test(ami_guard, two_blocks_both_broken)
{
	static struct stream stream;
	struct caller callee = honest;

	callee.connected = "1\r\n\r\nEvent: Hangup\r\nUniqueid: 1700000000.1\r\nCause: 16\r\n\r\n";
	write_honest(&stream);
	write_dial(&stream, attacker(callee.connected), callee, "1001");
	write_honest(&stream);
	write_dial(&stream, attacker(callee.connected), honest, "1001");
	write_honest(&stream);
	write_dial(&stream, attacker("5"), callee, "1001");
	write_honest(&stream);
	assert_verdicts(&stream, "TBQQQQTBQQTBQQT", false);
}

/* The whole second block stands in the tail, under a forged head. */
Test(ami_guard, a_forged_head_over_a_true_second_block)
{
	static struct stream stream;

	write_honest(&stream);
	write_dial(&stream, attacker("1\r\n\r\nEvent: DialEnd\r\nPrivilege: call,all\r\nTimestamp: 1.1"), honest,
		   "1\r\nDialStatus: ANSWER");
	write_honest(&stream);
	assert_verdicts(&stream, "TBQT", false);
}

Test(ami_guard, a_forged_name_of_a_local_channel)
{
	static struct stream stream;
	struct caller caller = attacker("5");

	caller.name = "Local/5\r\n\r\nEvent: Newstate\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-1";
	write_honest(&stream);
	write_event(&stream, "Newexten", caller, "Extension: 1\r\nApplication: Dial\r\nAppData: x\r\n");
	write_honest(&stream);
	memset(&stream.guard, 0, sizeof(stream.guard));
	/* The forged event is dropped; it might also be the first whole one after a tail that was missed: read anew. */
	cr_assert_str_eq(judge(&stream, 0), "TBQT");
	memset(stream.text, 0, sizeof(stream.text));
	stream.length = 0;
	memset(&stream.guard, 0, sizeof(stream.guard));
	write_event(&stream, "MusicOnHoldStart", caller, "Class: x\r\n");
	write_honest(&stream);
	cr_assert_str_eq(judge(&stream, 0), "BQT");
}

/* The end of the block, forged from Exten on: the true end follows and gives it away. */
Test(ami_guard, a_block_ended_early)
{
	static const char *const extens[] = {
		"5\r\nPriority: 1\r\nUniqueid: 1700000000.1\r\nLinkedid: 1700000000.1\r\n\r\n",
		"1\r\nPriority: 1\r\nUniqueid: 1700000000.1\r\nLinkedid: x\r\n\r\nEvent: X",
		"1\r\nPriority: 1\r\nUniqueid: 1700000000.1\r\nLinkedid: x\r\n\r\nEvent:X\r\n\r\n",
		"1\r\nPriority: 1\r\nUniqueid: 1700000000.1\r\nLinkedid: x\r\n\r\nx",
	};
	static const char *const verdicts[] = {"TBQT", "TBQT", "TBQQT", "TBQT"};
	static struct stream stream;
	size_t i;

	for (i = 0; i < sizeof(extens) / sizeof(extens[0]); i++) {
		memset(&stream, 0, sizeof(stream));
		write_honest(&stream);
		write_event(&stream, "Newstate", dialler(extens[i]), "");
		write_honest(&stream);
		cr_assert_str_eq(judge(&stream, 0), verdicts[i], "%s: %s", extens[i], stream.verdicts);
		cr_assert_not(stream.lost);
		/* Byte by byte the end is believed, and what follows says that it was wrong. */
		memset(&stream.guard, 0, sizeof(stream.guard));
		judge(&stream, 1);
		cr_assert(stream.lost, "%s: %s", extens[i], stream.verdicts);
	}
}

/* Events that do not end with the block cannot be ended so. */
Test(ami_guard, a_hangup_is_not_ended_early)
{
	static struct stream stream;

	write_event(&stream, "Hangup",
		    dialler("5\r\nPriority: 1\r\nUniqueid: 1700000000.1\r\nLinkedid: 1700000000.1\r\n\r\n"),
		    "Cause: 16\r\nCause-txt: Normal\r\n");
	write_honest(&stream);
	assert_verdicts(&stream, "BQT", false);
}

Test(ami_guard, exten_repeats_the_end)
{
	static struct stream stream;

	write_honest(&stream);
	write_event(&stream, "Newstate", dialler("5\r\nPriority: 1\r\nUniqueid: 1700000000.1\r\nLinkedid: 1.1\r\nX: "),
		    "");
	write_honest(&stream);
	assert_verdicts(&stream, "TBT", false);
}

/* Behind the last field of an event no tail comes; what is forged there must be judged by itself. */
Test(ami_guard, forgeries_behind_the_last_field)
{
	static const char *const forged[] = {
		"Event: Hangup\r\nUniqueid: 1700000000.1\r\nCause: 16\r\nCause-txt: x",
		"Event: Registry\r\nUsername: sip:a@b\r\nDomain: sip:b\r\nStatus: Rejected",
		"Event: Registry\r\nPrivilege: system,all\r\nUsername: a\r\nStatus: Rejected",
		"Event: PeerStatus\r\nPeer: PJSIP/1001\r\nPeerStatus: Unreachable",
		"Event: Rename\r\nChannel: a\r\nNewname: b\r\nUniqueid: 1700000000.1",
		"Event: BridgeLeave\r\nBridgeUniqueid: x\r\nUniqueid: 1700000000.1",
		"Event: OriginateResponse\r\nResponse: Failure\r\nUniqueid: 1700000000.1",
		"Event: Dial\r\nSubEvent: End\r\nUniqueID: 1700000000.1\r\nDialStatus: BUSY",
		"Event: Link\r\nChannel1: a\r\nChannel2: b\r\nUniqueid1: 1\r\nUniqueid2: 2",
	};
	static struct stream stream;
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		memset(&stream, 0, sizeof(stream));
		snprintf(text, sizeof(text), "5\r\n\r\n%s", forged[i]);
		cr_assert_leq(strlen(text), 79, "%s", forged[i]);
		write_honest(&stream);
		write_dial(&stream, honest, honest, text);
		write_honest(&stream);
		assert_verdicts(&stream, "TTBT", false);
	}
}

Test(ami_guard, a_field_of_the_event_behind_its_last)
{
	static struct stream stream;

	write_dial(&stream, honest, honest, "5\r\nDestUniqueid: 1700000000.1");
	write_dial(&stream, honest, honest, "5\r\ndestuniqueid: 1700000000.1");
	write_dial(&stream, honest, honest, "5\r\nUniqueid: 1700000000.1");
	write_dial(&stream, honest, honest, "5\r\nX: y");
	write_honest(&stream);
	assert_verdicts(&stream, "BBBTT", false);
}

/* Where events carry a Timestamp, those without blocks must too; and no longer when it is switched off. */
Test(ami_guard, timestamps_are_asked_for_where_others_have_them)
{
	static const char registry[] =
		"Event: Registry\r\nPrivilege: system,all\r\n%sChannelType: pjsip\r\nUsername: sip:a@b\r\n"
		"Domain: sip:b\r\nStatus: Registered\r\n\r\n";
	static struct stream stream;

	write_text(&stream, registry, "");
	write_honest(&stream);
	write_text(&stream, registry, "");
	write_text(&stream, registry, "Timestamp: 1.1\r\n");
	write_text(&stream, "Event: Hold\r\nPrivilege: call,all\r\n");
	write_block(&stream, "", honest);
	write_text(&stream, "\r\n");
	write_text(&stream, registry, "");
	assert_verdicts(&stream, "TTBTTT", false);
}

Test(ami_guard, a_tail_without_a_head_is_reported)
{
	static struct stream stream;

	write_honest(&stream);
	write_text(&stream, "Priority: 1\r\nUniqueid: 1700000000.2\r\nLinkedid: 1700000000.2\r\n\r\n");
	write_honest(&stream);
	memset(&stream.guard, 0, sizeof(stream.guard));
	cr_assert_str_eq(judge(&stream, 1), "TQT");
	cr_assert(stream.lost);
	cr_assert_eq(stream.guard.quarantined, 1);
}

Test(ami_guard, a_tail_that_never_comes)
{
	static struct stream stream;
	int i;

	write_text(&stream,
		   "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/x-1\r\nChannelState: 4\r\n\r\n");
	for (i = 0; i < 300; i++)
		write_text(&stream, "Event: X\r\n\r\n");
	judge(&stream, 0);
	cr_assert(stream.lost);
	cr_assert_not(stream.guard.active);
	cr_assert_eq(stream.verdicts[0], 'B');
	cr_assert_eq(stream.verdicts[255], 'Q');
	cr_assert_eq(stream.verdicts[256], 'T');
	cr_assert_str_eq(stream.guard.source, "PJSIP/x-1");
}

Test(ami_guard, bytes_of_a_quarantine_are_bounded_too)
{
	static struct stream stream;
	int i;

	write_text(&stream,
		   "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/x-1\r\nChannelState: 4\r\n\r\n");
	for (i = 0; i < 10; i++)
		write_text(&stream, "X: %06000d\r\n\r\n", i);
	judge(&stream, 0);
	cr_assert(stream.guard.active);
	memset(&stream.guard, 0, sizeof(stream.guard));
	write_text(&stream, "X: %06000d\r\n\r\n", i);
	judge(&stream, 0);
	cr_assert_not(stream.guard.active);
	cr_assert(stream.lost);
}

/* A whole event of another kind ends a quarantine whose tail was missed. */
Test(ami_guard, a_whole_event_ends_the_quarantine)
{
	static struct stream stream;

	write_head(&stream, "DialEnd");
	write_text(&stream, "DestChannel: PJSIP/x-1\r\nDestChannelState: 4\r\n\r\n");
	write_text(&stream, "Event: X\r\n\r\n");
	write_honest(&stream);
	write_honest(&stream);
	memset(&stream.guard, 0, sizeof(stream.guard));
	cr_assert_str_eq(judge(&stream, 0), "BQTT");
	cr_assert(stream.lost);
}

Test(ami_guard, a_new_connection_ends_the_quarantine)
{
	static struct stream stream;
	struct wtel_ami_message banner = {.kind = WTEL_AMI_BANNER};

	write_text(&stream, "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: x\r\nChannelState: 4\r\n\r\n");
	judge(&stream, 0);
	cr_assert(stream.guard.active);
	cr_assert_eq(wtel_ami_guard_judge(&stream.guard, &banner), WTEL_AMI_TRUSTED);
	cr_assert_not(stream.guard.active);
}

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
Test(ami_guard, attacks_by_chance, .timeout = 120)
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

Test(ami_guard, recorded_sessions_are_judged_as_reviewed)
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
Test(ami_guard, recorded_forgeries_are_not_believed)
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
