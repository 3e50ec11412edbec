/* The simulator's sessions: login, masks, actions, and what a line may be. */
#define _GNU_SOURCE
#include "sim_play.h"

#include <openssl/evp.h>

/* ---- login ------------------------------------------------------------ */

Test(sim, plain_login)
{
	struct play play;

	begin(&play, NULL);
	cr_expect_str_eq(hear(&play), "Asterisk Call Manager/11.0.0\r\n");
	answers(&play, "Action: Login\r\nActionID: 7\r\nUsername: wtel\r\nSecret: wtel\r\n\r\n",
		"Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\nEvent: FullyBooted\r\n"
		"Privilege: system,all\r\nUptime: 0\r\nLastReload: 0\r\nStatus: Fully Booted\r\n\r\n");
	answers(&play, LOGIN, "Response: Success\r\nMessage: Already authenticated\r\n\r\n");
	end(&play);
}

Test(sim, a_wrong_secret_is_refused_after_a_second_and_ends_the_session)
{
	struct play play;

	begin(&play, NULL);
	hear(&play);
	answers(&play, "Action: Login\r\nActionID: 7\r\nUsername: wtel\r\nSecret: no\r\n\r\nAction: Ping\r\n\r\n", "");
	wait_for(&play, SECOND - 1);
	cr_expect_str_empty(hear(&play));
	cr_expect(!closing(&play));
	wait_for(&play, 1);
	cr_expect_str_eq(hear(&play), "Response: Error\r\nActionID: 7\r\nMessage: Authentication failed\r\n\r\n");
	cr_expect(closing(&play));
	end(&play);
}

static void key_of(const char *challenge, const char *secret, char out[33])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[128];
	int i;

	snprintf(text, sizeof(text), "%s%s", challenge, secret);
	cr_assert(EVP_Digest(text, strlen(text), digest, NULL, EVP_md5(), NULL));
	for (i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static bool md5_login(const char *secret, bool ask)
{
	char challenge[32] = "", key[33], text[256];
	struct play play;
	bool inside;

	begin(&play, NULL);
	hear(&play);
	if (ask) {
		say(&play, "Action: Challenge\r\nAuthType: MD5\r\n\r\n");
		cr_assert_eq(sscanf(hear(&play), "Response: Success\r\nChallenge: %31[0-9]\r\n\r\n", challenge), 1);
	}
	key_of(challenge, secret, key);
	snprintf(text, sizeof(text), "Action: Login\r\nUsername: wtel\r\nAuthType: MD5\r\nKey: %s\r\n\r\n", key);
	say(&play, text);
	wait_for(&play, SECOND);
	inside = strstr(hear(&play), "Authentication accepted") != NULL;
	cr_expect_neq(inside, closing(&play));
	end(&play);
	return inside;
}

Test(sim, md5_login)
{
	cr_expect(md5_login("wtel", true));
	cr_expect(!md5_login("wtel", false), "without a challenge no key is right");
	cr_expect(!md5_login("other", true));
}

Test(sim, nothing_is_permitted_before_the_login)
{
	struct play play;

	begin(&play, NULL);
	hear(&play);
	answers(&play, "Action: Ping\r\nActionID: 1\r\n\r\n",
		"Response: Error\r\nActionID: 1\r\nMessage: Permission denied\r\n\r\n");
	answers(&play, "Action: Nonsense\r\n\r\n", "Response: Error\r\nMessage: Permission denied\r\n\r\n");
	cr_assert_eq(wtel_sim_call_in(play.sim, "carrier", "15550001", "15550002", play.now), 0);
	cr_expect_str_empty(hear(&play), "events before the login");
	answers(&play, "Action: Logoff\r\n\r\n", "Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n");
	cr_expect(closing(&play));
	end(&play);
}

Test(sim, who_does_not_log_in_is_disconnected)
{
	struct play play;

	begin(&play, NULL);
	wait_for(&play, 30 * SECOND - 1);
	cr_expect(!closing(&play));
	wait_for(&play, 1);
	cr_expect(closing(&play));
	end(&play);
}

Test(sim, masks_and_filters_choose_the_events)
{
	struct play play;

	begin(&play, NULL);
	say(&play, "Action: Login\r\nUsername: wtel\r\nSecret: wtel\r\nEvents: agent\r\n\r\n");
	cr_expect_null(strstr(hear(&play), "FullyBooted"), "it needs system");
	answers(&play, "Action: Events\r\n\r\n", "Response: Error\r\nMessage: Invalid event mask\r\n\r\n");
	answers(&play, "Action: Events\r\nEventMask: off\r\n\r\n", "Response: Success\r\nEvents: Off\r\n\r\n");
	cr_assert_eq(wtel_sim_registry(play.sim, "carrier", "Rejected", play.now), 0);
	cr_expect_str_empty(hear(&play));
	answers(&play, "Action: Events\r\nEventMask: system,call\r\n\r\n", "Response: Success\r\nEvents: On\r\n\r\n");
	answers(&play, "Action: Filter\r\nOperation: Add\r\nFilter: !Event: New\r\n\r\n",
		"Response: Success\r\nMessage: Success\r\n\r\n");
	answers(&play, "Action: Filter\r\nOperation: Add\r\nFilter: !Event: (Bridge|Dial).*\r\n\r\n",
		"Response: Success\r\nMessage: Success\r\n\r\n");
	answers(&play, "Action: Filter\r\nOperation: Add\r\nFilter: (\r\n\r\n",
		"Response: Error\r\nMessage: Filter did not compile.  Check the syntax of the filter given.\r\n\r\n");
	answers(&play, "Action: Filter\r\nOperation: Add\r\nMatchCriteria: action(exclude),name(Hangup)\r\n\r\n",
		"Response: Success\r\nMessage: Success\r\n\r\n");
	say(&play, CALL("5551"));
	wait_for(&play, 60 * SECOND);
	hear(&play);
	cr_expect_not_null(strstr(play.text, "Event: OriginateResponse\r\n"));
	cr_expect_not_null(strstr(play.text, "Event: HangupRequest\r\n"));
	cr_expect_null(strstr(play.text, "Event: New"));
	cr_expect_null(strstr(play.text, "Event: Dial"));
	cr_expect_null(strstr(play.text, "Event: Bridge"));
	cr_expect_null(strstr(play.text, "Event: Hangup\r\n"));
	end(&play);
}

/* ---- actions ---------------------------------------------------------- */

Test(sim, actions_answer_as_asterisk_does)
{
	struct play play;

	begin_inside(&play, NULL);
	answers(&play, "Action: Ping\r\nActionID: 3\r\n\r\n",
		"Response: Success\r\nActionID: 3\r\nPing: Pong\r\nTimestamp: 1760000000.000000\r\n\r\n");
	answers(&play, "action:  ping\n\n", "Response: Success\r\nPing: Pong\r\nTimestamp: 1760000000.000000\r\n\r\n");
	answers(&play, "Action: Foo\r\n\r\n",
		"Response: Error\r\nMessage: Invalid/unknown command: Foo. Use Action: ListCommands to show available "
		"commands.\r\n\r\n");
	answers(&play, "\r\n", "Response: Error\r\nMessage: Missing action in request\r\n\r\n");
	answers(&play, "Action: Hangup\r\nChannel: x\r\n\r\n", "Response: Error\r\nMessage: No such channel\r\n\r\n");
	answers(&play, "Action: Hangup\r\nChannel: /x{9}/\r\n\r\n",
		"Response: Error\r\nMessage: Regex compile failed on: /x{9}/\r\n\r\n");
	answers(&play, "Action: Setvar\r\nVariable: a\r\nValue: b\r\n\r\n",
		"Response: Success\r\nMessage: Variable Set\r\n\r\n");
	answers(&play, "Action: Getvar\r\nVariable: a\r\n\r\n", "Response: Success\r\nVariable: a\r\nValue: b\r\n\r\n");
	answers(&play, "Action: CoreShowChannels\r\nActionID: 4\r\n\r\n",
		"Response: Success\r\nActionID: 4\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n"
		"Event: CoreShowChannelsComplete\r\nActionID: 4\r\nEventList: Complete\r\nListItems: 0\r\n\r\n");
	answers(&play, "Action: Command\r\nCommand: x\r\n\r\n",
		"Response: Error\r\nMessage: Command output follows\r\nOutput: No such command 'x' (type 'core show "
		"help x' for "
		"other possible commands)\r\n\r\n");
	answers(&play, "Action: UserEvent\r\nUserEvent: Hello\r\nFoo: bar\r\n\r\n",
		"Response: Success\r\nMessage: Event Sent\r\n\r\nEvent: UserEvent\r\nPrivilege: user,all\r\n"
		"Timestamp: 1760000000.000000\r\nUserEvent: Hello\r\nFoo: bar\r\n\r\n");
	end(&play);
}

Test(sim, originate_refuses_as_asterisk_does)
{
	static const struct {
		const char *fields, *message;
	} cases[] = {
		{"", "Channel not specified"},
		{"Channel: x\r\n", "Invalid channel"},
		{"Channel: PJSIP/1\r\n", "Originate with 'Exten' requires 'Context' and 'Priority'"},
		{"Channel: PJSIP/1\r\nContext: no\r\nExten: 1\r\nPriority: 1\r\n", "Extension does not exist."},
		{"Channel: PJSIP/1\r\nContext: welcomedly-outbound\r\nExten: abc\r\nPriority: 1\r\n",
		 "Extension does not exist."},
		{"Channel: PJSIP/1\r\nPriority: x\r\n", "Invalid priority"},
		{"Channel: PJSIP/1\r\nTimeout: x\r\n", "Invalid timeout"},
	};
	char action[256], answer[256];
	struct play play;
	size_t i;

	begin_inside(&play, NULL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(action, sizeof(action), "Action: Originate\r\nActionID: 9\r\n%s\r\n", cases[i].fields);
		snprintf(answer, sizeof(answer), "Response: Error\r\nActionID: 9\r\nMessage: %s\r\n\r\n",
			 cases[i].message);
		answers(&play, action, answer);
	}
	cr_expect_eq(wtel_sim_channels(play.sim), 0);
	end(&play);
}

Test(sim, variables_are_split_unquoted_and_inherited)
{
	struct play play;

	begin_inside(&play, NULL);
	say(&play,
	    "Action: Originate\r\nChannel: PJSIP/1001\r\nContext: welcomedly-outbound\r\nExten: 5551\r\nPriority: 1\r\n"
	    "Async: yes\r\nChannelId: c\r\nVariable: __WTEL_ENDPOINT=t,_A=1\\,2,B=\"x,y\"\r\nvariable: "
	    "C=(a,b)\r\n\r\n");
	wait_for(&play, SECOND);
	hear(&play);
	answers(&play, "Action: Getvar\r\nChannel: c\r\nVariable: A\r\n\r\n",
		"Response: Success\r\nVariable: A\r\nValue: 1,2\r\n\r\n");
	answers(&play, "Action: Getvar\r\nChannel: c\r\nVariable: B\r\n\r\n",
		"Response: Success\r\nVariable: B\r\nValue: x,y\r\n\r\n");
	answers(&play, "Action: Getvar\r\nChannel: c\r\nVariable: C\r\n\r\n",
		"Response: Success\r\nVariable: C\r\nValue: (a,b)\r\n\r\n");
	answers(&play, "Action: Getvar\r\nChannel: PJSIP/t-00000001\r\nVariable: WTEL_ENDPOINT\r\n\r\n",
		"Response: Success\r\nVariable: WTEL_ENDPOINT\r\nValue: t\r\n\r\n");
	answers(&play, "Action: Getvar\r\nChannel: PJSIP/t-00000001\r\nVariable: B\r\n\r\n",
		"Response: Success\r\nVariable: B\r\nValue: \r\n\r\n");
	end(&play);
}

static void call_over(struct play *play, const char *endpoint, const char *variables)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "Action: Originate\r\nChannel: PJSIP/1001\r\nContext: welcomedly-outbound\r\nExten: +15551\r\n"
		 "Priority: 1\r\nVariable: __WTEL_ENDPOINT=%s%s\r\nVariable: CALL_ID=c\r\nVariable: TRUNK_ID=7\r\n"
		 "Async: true\r\nChannelId: c\r\n\r\n",
		 endpoint, variables);
	say(play, text);
	wait_for(play, 60 * SECOND);
	cr_expect_eq(wtel_sim_channels(play->sim), 0);
	hear(play);
}

Test(sim, a_trunk_fails_as_its_name_says)
{
	static const struct {
		const char *endpoint, *variables, *hangup, *fault; /* NULL: no channel; nothing is told */
	} cases[] = {
		{"t-503", "", "Cause: 34\r\nCause-txt: Circuit/channel congestion\r\nTechCause: 503", "CONGESTION"},
		{"t-599", "", "Cause: 34\r\nCause-txt: Circuit/channel congestion\r\nTechCause: 599", "CONGESTION"},
		{"t-403", "", "Cause: 21\r\nCause-txt: Call Rejected\r\nTechCause: 403", "CHANUNAVAIL"},
		{"t-483", "", "Cause: 19\r\nCause-txt: User alerting, no answer\r\nTechCause: 483", "NOANSWER"},
		{"t-down", "", "Cause: 38\r\nCause-txt: Network out of order\r\nTechCause: 500", "CHANUNAVAIL"},
		{"t-silent", "", "Cause: 18\r\nCause-txt: No user responding\r\nTechCause: 408", "CHANUNAVAIL"},
		{"t-603", "", "Cause: 21\r\nCause-txt: Call Rejected\r\nTechCause: 603", NULL},
		{"t-404", "", "Cause: 1\r\nCause-txt: Unallocated (unassigned) number\r\nTechCause: 404", NULL},
		{"t-486", "", "Cause: 17\r\nCause-txt: User busy\r\nTechCause: 486", NULL},
		{"t-486", ",WTEL_NEXT=404-486", "Cause: 17\r\nCause-txt: User busy\r\nTechCause: 486", "BUSY"},
		{"t-ring-503", "", "Cause: 34\r\nCause-txt: Circuit/channel congestion\r\nTechCause: 503", NULL},
		{"t-absent", "", NULL, "CHANUNAVAIL"},
		{"t-unreachable", "", NULL, "CHANUNAVAIL"}};
	struct play play;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin_inside(&play, NULL);
		call_over(&play, cases[i].endpoint, cases[i].variables);
		if (cases[i].hangup)
			cr_expect_not_null(strstr(play.text, cases[i].hangup), "%s", cases[i].endpoint);
		else
			cr_expect_null(strstr(play.text, "Channel: PJSIP/t-"), "%s", cases[i].endpoint);
		snprintf(text, sizeof(text), "UserEvent: WtelTrunkFault\r\nCallID: c\r\nTrunk: 7\r\nDialStatus: %s\r\n",
			 cases[i].fault ? cases[i].fault : "");
		if (cases[i].fault)
			cr_expect_not_null(strstr(play.text, text), "%s", cases[i].endpoint);
		else
			cr_expect_null(strstr(play.text, "UserEvent"), "%s", cases[i].endpoint);
		cr_expect_eq(strstr(play.text, "DialStatus: RINGING") && strstr(play.text, "PJSIP/t-ring-503"),
			     strcmp(cases[i].endpoint, "t-ring-503") == 0);
		end(&play);
	}
}

Test(sim, what_is_dialled_may_differ_from_the_number)
{
	struct play play;

	begin_inside(&play, NULL);
	call_over(&play, "t", ",__WTEL_DIAL=0015551");
	cr_expect_not_null(strstr(play.text, "DialString: 0015551@t\r\n"));
	end(&play);
	begin_inside(&play, NULL);
	call_over(&play, "t", ",__WTEL_DIAL=00;1");
	cr_expect_null(strstr(play.text, "Channel: PJSIP/t-"));
	end(&play);
}

Test(sim, a_channel_id_is_used_once_at_a_time)
{
	struct play play;

	begin_inside(&play, NULL);
	say(&play, CALL("5551"));
	wait_for(&play, 0);
	hear(&play);
	say(&play, CALL("5551"));
	wait_for(&play, 0);
	cr_expect_not_null(strstr(hear(&play),
				  "Response: Failure\r\nChannel: PJSIP/1001\r\nContext: welcomedly-outbound\r\n"
				  "Exten: 5551\r\nReason: 0\r\nUniqueid: WLCM-1\r\n"));
	cr_expect_eq(wtel_sim_channels(play.sim), 1);
	end(&play);
}

Test(sim, a_synchronous_originate_stops_its_session_until_it_is_decided)
{
	struct play play;
	const char *answer;

	begin_inside(&play, NULL);
	say(&play, "Action: Originate\r\nActionID: s\r\nChannel: PJSIP/1001\r\nApplication: Wait\r\nData: 1\r\n\r\n"
		   "Action: Ping\r\nActionID: p\r\n\r\n");
	wait_for(&play, SECOND / 4);
	cr_expect_str_empty(hear(&play));
	wait_for(&play, SECOND);
	answer = strstr(hear(&play),
			"Response: Success\r\nActionID: s\r\nMessage: Originate successfully queued\r\n\r\n");
	cr_assert_eq(answer, play.text, "the answer comes first");
	cr_expect_not_null(strstr(play.text, "ActionID: p\r\nPing: Pong"));
	cr_expect_not_null(strstr(play.text, "Event: Newchannel"));
	end(&play);
}

Test(sim, what_waited_behind_a_synchronous_originate_is_done_too)
{
	struct play play;

	begin_inside(&play, NULL);
	say(&play,
	    "Action: Originate\r\nChannel: PJSIP/1001\r\nApplication: Echo\r\nChannelId: c\r\n\r\n"
	    "Action: Hangup\r\nChannel: c\r\n\r\nAction: Originate\r\nChannel: PJSIP/1098\r\nApplication: Echo\r\n"
	    "Timeout: 2000\r\n\r\nAction: Ping\r\n\r\n");
	wait_for(&play, SECOND);
	cr_expect_not_null(strstr(hear(&play), "Message: Channel Hungup\r\n"));
	cr_expect_null(strstr(play.text, "Pong"));
	wait_for(&play, 3 * SECOND);
	cr_expect_eq(wtel_sim_channels(play.sim), 0);
	cr_expect_not_null(strstr(hear(&play), "Message: Originate failed\r\n"));
	cr_expect_not_null(strstr(play.text, "Pong"));
	end(&play);
}

Test(sim, many_channels_are_hung_up_at_once)
{
	struct play play;

	begin_inside(&play, NULL);
	say(&play, CALL("5551"));
	wait_for(&play, 2 * SECOND);
	cr_expect_eq(wtel_sim_channels(play.sim), 2);
	hear(&play);
	say(&play, "Action: Hangup\r\nActionID: h\r\nChannel: /^PJSIP\\/.*/\r\n\r\n");
	cr_expect_not_null(
		strstr(hear(&play),
		       "Event: ChannelsHungupListComplete\r\nActionID: h\r\nEventList: Complete\r\nListItems: 2"));
	wait_for(&play, 0);
	cr_expect_eq(wtel_sim_channels(play.sim), 0);
	end(&play);
}

/* ---- input ------------------------------------------------------------ */

Test(sim, lines_and_headers_have_asterisks_limits)
{
	struct play play;
	char text[4096];
	int i, used;

	begin_inside(&play, NULL);
	/* 1 022 bytes and CR LF fill the buffer. */
	used = snprintf(text, sizeof(text), "Action: Ping\r\nX: %01019d\r\n\r\n", 0);
	cr_assert_eq(used, 14 + 1024 + 2);
	answers(&play, text, "Response: Success\r\nPing: Pong\r\nTimestamp: 1760000000.000000\r\n\r\n");
	snprintf(text, sizeof(text), "Action: Ping\r\nActionID: l\r\nX: %01021d\r\n\r\n", 0);
	answers(&play, text,
		"Response: Error\r\nActionID: l\r\nMessage: Failed to parse message: line too long\r\n\r\n");
	used = snprintf(text, sizeof(text), "Action: Ping\r\nActionID: m\r\n");
	for (i = 0; i < 127; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "X: y\r\n");
	snprintf(text + used, sizeof(text) - (size_t)used, "\r\n");
	answers(&play, text,
		"Response: Error\r\nActionID: m\r\nMessage: Too many lines in message or allocation failure\r\n\r\n");
	answers(&play, "Action: Ping\r\n\r\n",
		"Response: Success\r\nPing: Pong\r\nTimestamp: 1760000000.000000\r\n\r\n");
	end(&play);
}

Test(sim, any_split_of_the_bytes_says_the_same)
{
	static const char input[] = LOGIN "Action: Ping\nActionID: 1\n\nAction: Status\r\n\r\n" CALL("5552");
	struct play whole, split;
	size_t i;

	begin(&whole, NULL);
	begin(&split, NULL);
	say(&whole, input);
	for (i = 0; input[i]; i++)
		cr_assert_eq(wtel_sim_feed(split.sim, split.client, input + i, 1, split.now), 0);
	wait_for(&whole, 10 * SECOND);
	wait_for(&split, 10 * SECOND);
	hear(&whole);
	cr_expect_str_eq(hear(&split), whole.text);
	end(&whole);
	end(&split);
}

Test(sim, garbage_is_survived)
{
	static const char *const pieces[] = {"Action: ",
					     "Originate",
					     "Channel: PJSIP/1001",
					     "\r\n",
					     "\n",
					     "\r\n\r\n",
					     ":",
					     "Variable: ",
					     "\"",
					     "\\",
					     "=",
					     ",",
					     "(",
					     "/",
					     "Hangup",
					     "Redirect",
					     "Context: welcomedly-outbound",
					     "Priority: 1",
					     "Exten: 5554",
					     "Async: true",
					     "Status",
					     "Filter",
					     "Operation: Add",
					     "Filter: !Event: [",
					     "UserEvent",
					     "\xff\x80",
					     "Events",
					     "EventMask: ",
					     "call",
					     "on",
					     "99999999999999999999",
					     "Bridge",
					     "Timeout: -1",
					     "Application: Wait",
					     "Data: 1e99"};
	struct play play;
	unsigned seed = 1;
	int round, i;

	for (round = 0; round < 300; round++) {
		begin_inside(&play, NULL);
		for (i = 0; i < 200; i++) {
			seed = seed * 1103515245 + 12345;
			say(&play, pieces[(seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
			if (i % 16 == 0)
				wait_for(&play, SECOND);
		}
		wait_for(&play, 3600 * SECOND);
		end(&play);
	}
}

Test(sim, injected_bytes_reach_all_who_are_logged_in)
{
	struct wtel_sim_client *stranger;
	struct play play;

	begin_inside(&play, NULL);
	cr_assert_eq(wtel_sim_connect(play.sim, &stranger, play.now), 0);
	wtel_sim_sent(stranger, wtel_sim_output(stranger, NULL).length);
	cr_assert_eq(wtel_sim_inject(play.sim, wtel_slice_of("Event: Hangup\r\n\r\n")), 0);
	cr_expect_str_eq(hear(&play), "Event: Hangup\r\n\r\n");
	cr_expect_eq(wtel_sim_output(stranger, NULL).length, 0);
	end(&play);
}

Test(sim, options_are_checked)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	static const char *const bad[] = {"a=b\nc", NULL};
	struct wtel_sim *sim = NULL;

	options.username = NULL;
	cr_expect_eq(wtel_sim_new(&sim, &options, NULL), WTEL_EINVAL);
	options = (struct wtel_sim_options)WTEL_SIM_OPTIONS_INIT;
	options.registrations = bad;
	cr_expect_eq(wtel_sim_new(&sim, &options, NULL), WTEL_EINVAL);
	options = (struct wtel_sim_options)WTEL_SIM_OPTIONS_INIT;
	options.load = -1;
	cr_expect_eq(wtel_sim_new(&sim, &options, NULL), WTEL_EINVAL);
	cr_expect_null(sim);
}
