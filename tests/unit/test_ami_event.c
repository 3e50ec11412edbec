#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "ami/schema.h"

static struct wtel_ami_parser *parser;

static void setup(void)
{
	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
}

static void teardown(void)
{
	wtel_ami_parser_free(parser);
}

TestSuite(ami_event, .init = setup, .fini = teardown);

/* The event of a text, without its blank line. Valid until the next. */
static const struct wtel_ami_event *decode(const char *text)
{
	static struct wtel_ami_message message;
	static struct wtel_ami_event event;

	cr_assert_eq(wtel_ami_parser_feed(parser, text, strlen(text)), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, "\r\n", 2), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	cr_assert_eq(wtel_ami_event_decode(&event, &message), 0);
	cr_assert_eq(event.message, &message);
	return &event;
}

static void assert_slice(struct wtel_slice slice, const char *wanted)
{
	if (!wanted) {
		cr_assert_null(slice.data, "\"%.*s\" instead of nothing", (int)slice.length, slice.data);
		return;
	}
	cr_assert_not_null(slice.data, "nothing instead of \"%s\"", wanted);
	cr_assert(slice.length == strlen(wanted) && !memcmp(slice.data, wanted, slice.length),
		  "\"%.*s\" instead of \"%s\"", (int)slice.length, slice.data, wanted);
}

#define BLOCK(p, name, unique)                                                                                         \
	p "Channel: " name "\r\n" p "ChannelState: 6\r\n" p "ChannelStateDesc: Up\r\n" p "CallerIDNum: 1001\r\n" p     \
	  "CallerIDName: <unknown>\r\n" p "ConnectedLineNum: 1002\r\n" p "ConnectedLineName: Ann\r\n" p                \
	  "Language: en\r\n" p "AccountCode: \r\n" p "Context: welcomedly-agents\r\n" p "Exten: s\r\n" p               \
	  "Priority: 3\r\n" p "Uniqueid: " unique "\r\n" p "Linkedid: 1700000000.1\r\n"

static void assert_channel(const struct wtel_ami_channel *channel, const char *name, const char *unique)
{
	assert_slice(channel->name, name);
	assert_slice(channel->unique_id, unique);
	if (!name)
		return;
	cr_assert_eq(channel->state, WTEL_CHANNEL_UP);
	assert_slice(channel->caller_number, "1001");
	assert_slice(channel->caller_name, NULL);
	assert_slice(channel->connected_number, "1002");
	assert_slice(channel->connected_name, "Ann");
	assert_slice(channel->language, "en");
	assert_slice(channel->account_code, "");
	assert_slice(channel->context, "welcomedly-agents");
	assert_slice(channel->extension, "s");
	cr_assert_eq(channel->priority, 3);
	assert_slice(channel->linked_id, "1700000000.1");
}

Test(ami_event, every_type_is_found_by_its_name_in_any_case)
{
	static const char *const names[] = {
#define WTEL_AMI_EVENT_X(id, name, group, shape) name,
#include <wtel/event.def>
#undef WTEL_AMI_EVENT_X
	};
	char text[64];
	size_t i, j;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_str_eq(wtel_ami_event_type_name((enum wtel_ami_event_type)(i + 1)), names[i]);
		cr_assert_eq(ami_schema_find(wtel_slice_of(names[i]))->type, i + 1, "%s", names[i]);
		for (j = 0; names[i][j]; j++)
			text[j] = (char)(names[i][j] ^ (names[i][j] >= 'A' ? 0x20 : 0));
		text[j] = '\0';
		cr_assert_eq(ami_schema_find(wtel_slice_of(text))->type, i + 1, "%s", text);
		text[0] = '-';
		cr_assert_eq(ami_schema_find(wtel_slice_of(text))->type, WTEL_AMI_OTHER, "%s", text);
	}
	cr_assert_str_eq(wtel_ami_event_type_name(WTEL_AMI_OTHER), "");
	cr_assert_str_eq(wtel_ami_event_type_name((enum wtel_ami_event_type)1000), "");
	cr_assert_str_eq(wtel_ami_event_type_name((enum wtel_ami_event_type) - 1), "");
}

Test(ami_event, every_field_is_found_by_its_name)
{
	unsigned i;
	bool exact;

	for (i = 1; i < AMI_FIELDS; i++) {
		struct wtel_slice name = {ami_field_names[i].text, ami_field_names[i].length};

		cr_assert_eq(ami_field_find(name, &exact), i, "%s", name.data);
		cr_assert(exact);
		name.length--;
		cr_assert_neq(ami_field_find(name, &exact), i);
	}
	cr_assert_eq(ami_field_find(wtel_slice_of("uniqueID"), &exact), AMI_FIELD_UNIQUEID);
	cr_assert_not(exact);
	cr_assert_eq(ami_field_find(wtel_slice_of(""), &exact), AMI_FIELD_NONE);
	cr_assert_eq(ami_field_find(wtel_slice_of("U"), &exact), AMI_FIELD_NONE);
}

Test(ami_event, newchannel)
{
	const struct wtel_ami_event *event =
		decode("Event: Newchannel\r\nPrivilege: call,all\r\nTimestamp: 1795368076.146927\r\n" BLOCK(
			"", "PJSIP/1001-00000001", "1700000000.1"));

	cr_assert_eq(event->type, WTEL_AMI_NEWCHANNEL);
	cr_assert_eq(event->timestamp, 1795368076146927);
	assert_channel(&event->channel, "PJSIP/1001-00000001", "1700000000.1");
	assert_channel(&event->other, NULL, NULL);
	cr_assert_eq(event->other.state, -1);
	cr_assert_eq(event->other.priority, -1);
	cr_assert_eq(event->cause, -1);
	cr_assert_eq(event->tech_cause, 0);
	cr_assert_eq(event->reason, -1);
	cr_assert_eq(event->bridge_channels, -1);
	cr_assert_eq(event->round_trip, -1);
	cr_assert_eq(event->hold_time, -1);
	cr_assert_eq(event->talk_time, -1);
	assert_slice(event->action_id, NULL);
	assert_slice(event->status, NULL);
}

Test(ami_event, hangup_takes_its_own_fields_and_no_later_ones)
{
	const struct wtel_ami_event *event = decode("Event: Hangup\r\nPrivilege: call,all\r\n" BLOCK(
		"", "PJSIP/a-1",
		"1.1") "Tenantid: x\r\nChanVariable: A=b\r\n"
		       "Cause: 17\r\nCause-txt: User busy\r\nTechCause: 486\r\nUniqueid: 2.2\r\nCause: 16\r\n");

	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	cr_assert_eq(event->cause, 17);
	assert_slice(event->cause_text, "User busy");
	cr_assert_eq(event->tech_cause, 486);
	cr_assert_eq(event->timestamp, 0);
}

Test(ami_event, dials_have_two_channels_or_one)
{
	const struct wtel_ami_event *event = decode("Event: DialBegin\r\nPrivilege: call,all\r\n" BLOCK(
		"", "PJSIP/a-1", "1.1") BLOCK("Dest", "PJSIP/b-2", "2.2") "DialString: 555@b\r\n");

	cr_assert_eq(event->type, WTEL_AMI_DIAL_BEGIN);
	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	assert_channel(&event->other, "PJSIP/b-2", "2.2");
	assert_slice(event->dial_string, "555@b");
	event = decode("Event: DialEnd\r\nPrivilege: call,all\r\n" BLOCK("Dest", "PJSIP/b-2",
									 "2.2") "Forward: x\r\nDialStatus: BUSY\r\n");
	cr_assert_eq(event->type, WTEL_AMI_DIAL_END);
	assert_channel(&event->channel, NULL, NULL);
	assert_channel(&event->other, "PJSIP/b-2", "2.2");
	assert_slice(event->status, "BUSY");
}

Test(ami_event, bridges)
{
	const struct wtel_ami_event *event =
		decode("Event: BridgeEnter\r\nPrivilege: call,all\r\nBridgeUniqueid: b-1\r\nBridgeType: basic\r\n"
		       "BridgeTechnology: simple_bridge\r\nBridgeCreator: <unknown>\r\nBridgeName: "
		       "<unknown>\r\nBridgeNumChannels: 2\r\n"
		       "BridgeVideoSourceMode: none\r\n" BLOCK("", "PJSIP/a-1", "1.1") "SwapUniqueid: 3.3\r\n");

	assert_slice(event->bridge_id, "b-1");
	assert_slice(event->bridge_type, "basic");
	cr_assert_eq(event->bridge_channels, 2);
	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	event = decode("Event: LocalBridge\r\nPrivilege: call,all\r\n" BLOCK("LocalOne", "Local/1@x-1;1", "1.1") BLOCK(
		"LocalTwo", "Local/1@x-1;2", "2.2") "Context: x\r\nExten: 1\r\nLocalOptimization: Yes\r\n");
	assert_channel(&event->channel, "Local/1@x-1;1", "1.1");
	assert_channel(&event->other, "Local/1@x-1;2", "2.2");
}

Test(ami_event, transfers)
{
	const struct wtel_ami_event *event = decode(
		"Event: BlindTransfer\r\nPrivilege: call,all\r\nResult: Success\r\n" BLOCK("Transferer", "PJSIP/a-1",
											   "1.1")
			BLOCK("Transferee", "PJSIP/b-2",
			      "2.2") "BridgeUniqueid: b-1\r\nIsExternal: Yes\r\nContext: ctx\r\nExtension: 9\r\n");

	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	assert_channel(&event->other, "PJSIP/b-2", "2.2");
	event = decode("Event: AttendedTransfer\r\nPrivilege: call,all\r\nResult: Success\r\n" BLOCK("OrigTransferer",
												     "PJSIP/a-1", "1.1")
			       BLOCK("SecondTransferer", "PJSIP/a-2", "2.2") BLOCK("Transferee", "PJSIP/c-3", "3.3")
				       BLOCK("TransferTarget", "PJSIP/d-4",
					     "4.4") "IsExternal: Yes\r\nDestType: Bridge\r\nDestBridgeUniqueid: b\r\n");
	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	assert_channel(&event->other, "PJSIP/a-2", "2.2");
}

Test(ami_event, originate_response_and_rename)
{
	const struct wtel_ami_event *event = decode("Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: "
						    "a-1\r\nResponse: Failure\r\nChannel: PJSIP/1001\r\n"
						    "Context: out\r\nExten: 555\r\nReason: 5\r\nUniqueid: "
						    "<unknown>\r\nCallerIDNum: 1\r\nCallerIDName: <unknown>\r\n");

	assert_slice(event->action_id, "a-1");
	assert_slice(event->status, "Failure");
	cr_assert_eq(event->reason, 5);
	assert_slice(event->channel.name, "PJSIP/1001");
	assert_slice(event->channel.unique_id, NULL);
	assert_slice(event->channel.extension, "555");
	event = decode("Event: Rename\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1\r\nNewname: "
		       "PJSIP/a-1<MASQ>\r\nUniqueid: 1.1\r\n");
	assert_slice(event->channel.name, "PJSIP/a-1");
	assert_slice(event->new_name, "PJSIP/a-1<MASQ>");
	assert_slice(event->channel.unique_id, "1.1");
}

Test(ami_event, peers)
{
	const struct wtel_ami_event *event = decode("Event: Registry\r\nPrivilege: system,all\r\nChannelType: "
						    "pjsip\r\nUsername: sip:a@b\r\nDomain: sip:b\r\n"
						    "Status: Rejected\r\nCause: 403\r\n");

	assert_slice(event->domain, "sip:b");
	assert_slice(event->username, "sip:a@b");
	assert_slice(event->status, "Rejected");
	assert_slice(event->text, "403");
	cr_assert_eq(event->cause, -1);
	event = decode("Event: PeerStatus\r\nPrivilege: system,all\r\nChannelType: PJSIP\r\nPeer: "
		       "PJSIP/1001\r\nPeerStatus: Reachable\r\n");
	assert_slice(event->peer, "PJSIP/1001");
	assert_slice(event->status, "Reachable");
	event = decode("Event: ContactStatus\r\nPrivilege: system,all\r\nURI: sip:1001@127.0.0.1\r\nContactStatus: "
		       "Reachable\r\n"
		       "AOR: 1001\r\nEndpointName: 1001e\r\nRoundtripUsec: 1234\r\n");
	assert_slice(event->uri, "sip:1001@127.0.0.1");
	assert_slice(event->username, "1001");
	assert_slice(event->peer, "1001e");
	cr_assert_eq(event->round_trip, 1234);
	event = decode("Event: DeviceStateChange\r\nPrivilege: call,all\r\nDevice: PJSIP/1001\r\nState: INUSE\r\n");
	assert_slice(event->peer, "PJSIP/1001");
	assert_slice(event->status, "INUSE");
}

Test(ami_event, queues_and_agents)
{
	const struct wtel_ami_event *event = decode(
		"Event: AgentComplete\r\nPrivilege: agent,all\r\n" BLOCK("", "PJSIP/a-1", "1.1")
			BLOCK("Dest", "PJSIP/b-2", "2.2") ""
							  "Queue: sales\r\nInterface: PJSIP/1001\r\nMemberName: "
							  "Ann\r\nHoldTime: 3\r\nTalkTime: 40\r\nReason: caller\r\n");

	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	assert_channel(&event->other, "PJSIP/b-2", "2.2");
	assert_slice(event->queue, "sales");
	assert_slice(event->interface, "PJSIP/1001");
	assert_slice(event->member, "Ann");
	cr_assert_eq(event->hold_time, 3);
	cr_assert_eq(event->talk_time, 40);
	assert_slice(event->text, "caller");
	cr_assert_eq(event->reason, -1);
}

Test(ami_event, old_names)
{
	const struct wtel_ami_event *event = decode(
		"Event: Dial\r\nPrivilege: call,all\r\nSubEvent: Begin\r\nChannel: SIP/a-1\r\nDestination: SIP/b-2\r\n"
		"CallerIDNum: 1\r\nCallerIDName: x\r\nUniqueID: 1.1\r\nDestUniqueID: 2.2\r\nDialstring: b\r\n");

	cr_assert_eq(event->type, WTEL_AMI_DIAL_BEGIN);
	assert_slice(event->channel.name, "SIP/a-1");
	assert_slice(event->channel.unique_id, "1.1");
	assert_slice(event->other.name, "SIP/b-2");
	assert_slice(event->other.unique_id, "2.2");
	assert_slice(event->dial_string, "b");
	event = decode("Event: Dial\r\nPrivilege: call,all\r\nSubEvent: End\r\nChannel: SIP/a-1\r\nUniqueID: "
		       "1.1\r\nDialStatus: BUSY\r\n");
	cr_assert_eq(event->type, WTEL_AMI_DIAL_END);
	assert_slice(event->status, "BUSY");
	event = decode(
		"Event: Bridge\r\nPrivilege: call,all\r\nBridgestate: Link\r\nBridgetype: core\r\nChannel1: SIP/a-1\r\n"
		"Channel2: SIP/b-2\r\nUniqueid1: 1.1\r\nUniqueid2: 2.2\r\nCallerID1: 1\r\nCallerID2: 2\r\n");
	cr_assert_eq(event->type, WTEL_AMI_BRIDGE);
	assert_slice(event->channel.name, "SIP/a-1");
	assert_slice(event->other.unique_id, "2.2");
	assert_slice(event->other.caller_number, "2");
	assert_slice(event->bridge_type, "core");
	cr_assert_eq(decode("Event: Link\r\nChannel1: SIP/a-1\r\n")->type, WTEL_AMI_BRIDGE);
}

Test(ami_event, unknown_events_keep_their_fields)
{
	const struct wtel_ami_event *event =
		decode("Event: Marvel\r\n" BLOCK("", "PJSIP/a-1", "1.1") "Wonder: yes\r\n");

	cr_assert_eq(event->type, WTEL_AMI_OTHER);
	assert_slice(event->message->head, "Marvel");
	assert_channel(&event->channel, "PJSIP/a-1", "1.1");
	assert_slice(wtel_ami_message_get(event->message, "wonder"), "yes");
	cr_assert_eq(decode("Event: \r\n")->type, WTEL_AMI_OTHER);
}

Test(ami_event, no_channel_is_told_as_none)
{
	const struct wtel_ami_event *event = decode("Event: VarSet\r\nPrivilege: dialplan,all\r\nChannel: "
						    "none\r\nUniqueid: none\r\nVariable: A\r\nValue: b\r\n");

	assert_channel(&event->channel, NULL, NULL);
}

Test(ami_event, what_is_no_event_is_refused)
{
	struct wtel_ami_message message;
	struct wtel_ami_event event;

	memset(&event, 0x55, sizeof(event));
	cr_assert_eq(wtel_ami_parser_feed(parser, "Response: Success\r\n\r\nUniqueid: 1\r\n\r\n", 36), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	cr_assert_eq(wtel_ami_event_decode(&event, &message), WTEL_EPROTOCOL);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	cr_assert_eq(wtel_ami_event_decode(&event, &message), WTEL_EPROTOCOL);
	cr_assert_eq(((unsigned char *)&event)[0], 0x55);
}

Test(ami_event, numbers_that_are_none_are_absent)
{
	const struct wtel_ami_event *event = decode("Event: Hangup\r\nTimestamp: 12.3456789\r\n" BLOCK(
		"", "a", "1.1") "Cause: 99999999999\r\nTechCause: x\r\n");

	cr_assert_eq(event->cause, -1);
	cr_assert_eq(event->tech_cause, 0);
	cr_assert_eq(event->timestamp, 12345678);
	cr_assert_eq(decode("Event: Hangup\r\nTimestamp: 12.3x\r\n")->timestamp, 0);
	cr_assert_eq(decode("Event: Hangup\r\nTimestamp: 99999999999999999999.1\r\n")->timestamp, 0);
	cr_assert_eq(decode("Event: Hangup\r\nTimestamp: .5\r\n")->timestamp, 0);
	cr_assert_eq(decode("Event: Hangup\r\nTimestamp: 7\r\n")->timestamp, 7000000);
}

/* Unguarded, a block in another order is still read, first come. */
Test(ami_event, a_block_out_of_order_is_read_field_by_field)
{
	const struct wtel_ami_event *event =
		decode("Event: DialEnd\r\nDestUniqueid: 2.2\r\nUniqueid: 1.1\r\nDestChannel: b\r\n"
		       "Channel: a\r\nDestChannelState: 5\r\nUniqueid: 3.3\r\nDestUniqueid: 4.4\r\n");

	assert_slice(event->channel.name, "a");
	assert_slice(event->channel.unique_id, "1.1");
	assert_slice(event->other.name, "b");
	assert_slice(event->other.unique_id, "2.2");
	cr_assert_eq(event->other.state, WTEL_CHANNEL_RINGING);
}
