#include "ami_stream.h"

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

/* The tail begins 79 bytes behind the break at the latest: no message beyond is waited with. */
Test(ami_guard, a_tail_that_never_comes)
{
	static struct stream stream;
	int i;

	write_text(&stream,
		   "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/x-1\r\nChannelState: 4\r\n\r\n");
	for (i = 0; i < 12; i++)
		write_text(&stream, "Event: X\r\n\r\n");
	judge(&stream, 0);
	cr_assert(stream.lost);
	cr_assert_not(stream.guard.active);
	cr_assert_str_eq(stream.verdicts, "BQQQQQQQQTTTT");
	cr_assert_str_eq(stream.guard.source, "PJSIP/x-1");
}

Test(ami_guard, one_long_message_is_beyond_reach)
{
	static struct stream stream;

	write_text(&stream,
		   "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/x-1\r\nChannelState: 4\r\n\r\n");
	write_text(&stream, "X: %0100d\r\n\r\n", 1);
	write_text(&stream, "Response: Success\r\nActionID: 1\r\n\r\n");
	cr_assert_str_eq(judge(&stream, 0), "BQT");
	cr_assert(stream.lost);
}

/* No tail is lost on tails that break off again: each begins anew. */
Test(ami_guard, broken_tails_without_end)
{
	static struct stream stream;
	int i;

	write_text(&stream,
		   "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/x-1\r\nChannelState: 4\r\n\r\n");
	for (i = 0; i < 300; i++)
		write_text(&stream, "ChannelState: 4\r\n\r\n");
	judge(&stream, 0);
	cr_assert(stream.lost);
	cr_assert_eq(stream.verdicts[255], 'Q');
	cr_assert_not(stream.guard.active);
}

/*
 * An event of a kind that is not known here begins a block and does not end it: no tail comes. What Asterisk says next
 * must be believed, with the Timestamp and without.
 */
Test(ami_guard, genuine_events_behind_an_unknown_shape)
{
	static const char *const stamps[] = {"", "Timestamp: 1795368076.146927\r\n"};
	static const char odd[] = "Event: Odd\r\nPrivilege: call,all\r\n%sChannel: PJSIP/1001-00000001\r\n"
				  "ChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 1001\r\n\r\n";
	static struct stream stream;
	size_t i;

	for (i = 0; i < 2; i++) {
		memset(&stream, 0, sizeof(stream));
		write_text(&stream, odd, stamps[i]);
		write_text(&stream, "Event: Hold\r\nPrivilege: call,all\r\n%s", stamps[i]);
		write_block(&stream, "", honest);
		write_text(&stream, "\r\n");
		write_text(&stream, odd, stamps[i]);
		write_text(&stream,
			   "Event: Registry\r\nPrivilege: system,all\r\n%sChannelType: pjsip\r\nUsername: a\r\n"
			   "Domain: sip:carrier.example.com\r\nStatus: Registered\r\n\r\n",
			   stamps[i]);
		cr_assert_str_eq(judge(&stream, 0), "BTBT", "%s: %s", stamps[i], stream.verdicts);
		cr_assert(stream.lost);
		cr_assert_not(stream.guard.active);
	}
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
