/*
 * The simulator against a real Asterisk: the scenarios of tests/golden/sessions are played in virtual time, and what
 * the simulator sends is compared with what Asterisk 22 sent.
 *
 * Asterisk's threads race: a Newstate of one channel and the Hangup of another come in either order. So events are
 * compared in strands, within which the order is certain: each channel's own events, the dialling of each channel, the
 * bridge, the queue, the music, the OriginateResponse. Left out are device states, peers and contacts, which belong to
 * no call.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/ami.h>
#include <wtel/sim.h>

enum { STRANDS = 32, STRAND = 16384, CHANNELS = 16 };

struct strand {
	char name[32];
	char text[STRAND]; /* a line an event */
};

struct story {
	struct strand strands[STRANDS];
	size_t count;
	char channels[CHANNELS][96]; /* in order of appearance */
	size_t channel_count;
	int64_t first, last; /* microseconds: Newchannel to the end */
};

static void copy(char *out, size_t room, struct wtel_slice text)
{
	snprintf(out, room, "%.*s", (int)text.length, text.data ? text.data : "");
}

/* "agent 1", "customer 2": by what the endpoint looks like and the order of appearance. */
static void role(struct story *story, struct wtel_slice channel, char out[32])
{
	const char *kind;
	char name[96];
	size_t i, number = 1;

	copy(name, sizeof(name), channel);
	for (i = 0; i < story->channel_count && strcmp(story->channels[i], name) != 0; i++)
		;
	if (i == story->channel_count && i < CHANNELS)
		strcpy(story->channels[story->channel_count++], name);
	kind = strncmp(name, "PJSIP/1", 7) == 0 ? "agent" : "customer";
	while (i--)
		number += (strncmp(story->channels[i], "PJSIP/1", 7) == 0) == (*kind == 'a');
	snprintf(out, 32, "%s %zu", kind, number);
}

static char *strand(struct story *story, const char *name)
{
	size_t i;

	for (i = 0; i < story->count && strcmp(story->strands[i].name, name) != 0; i++)
		;
	cr_assert_lt(i, STRANDS);
	if (i == story->count)
		snprintf(story->strands[story->count++].name, sizeof(story->strands[0].name), "%s", name);
	return story->strands[i].text;
}

static bool is_one_of(struct wtel_slice text, const char *const *words)
{
	for (; *words; words++)
		if (text.length == strlen(*words) && memcmp(text.data, *words, text.length) == 0)
			return true;
	return false;
}

static bool starts(struct wtel_slice text, const char *with)
{
	return text.length >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* The strand of an event; "" for those that are not compared. */
static void strand_of(struct story *story, const struct wtel_ami_message *message, char out[32])
{
	static const char *const aside[] = {"FullyBooted",
					    "DeviceStateChange",
					    "PeerStatus",
					    "ContactStatus",
					    "QueueMemberStatus",
					    "QueueMemberAdded",
					    "QueueMemberRemoved",
					    "VarSet",
					    "SuccessfulAuth",
					    "QueueMemberPause",
					    NULL};
	struct wtel_slice destination = wtel_ami_message_get(message, "DestChannel");
	char who[24];

	*out = '\0';
	if (is_one_of(message->head, aside) || !wtel_ami_message_get(message, "Privilege").data)
		return;
	if (starts(message->head, "Dial")) {
		role(story, destination, out);
		snprintf(who, sizeof(who), "%.20s", out);
		snprintf(out, 32, "dial %s", who);
	} else if (starts(message->head, "Bridge")) {
		strcpy(out, "bridge");
	} else if (starts(message->head, "Queue") || starts(message->head, "Agent")) {
		strcpy(out, "queue");
	} else if (starts(message->head, "Music")) {
		strcpy(out, "music");
	} else if (starts(message->head, "OriginateResponse") || starts(message->head, "Registry")) {
		strcpy(out, "rest");
	} else {
		role(story, wtel_ami_message_get(message, "Channel"), out);
	}
}

/* What must be the same: names and order of all fields, and the values that say what happened. */
static void describe(struct story *story, const struct wtel_ami_message *message, char *out, size_t room)
{
	static const char *const compared[] = {"ChannelState",
					       "CallerIDNum",
					       "CallerIDName",
					       "ConnectedLineNum",
					       "Context",
					       "Exten",
					       "DialStatus",
					       "UserEvent",
					       "Cause",
					       "Cause-txt",
					       "TechCause",
					       "Response",
					       "Reason",
					       "Queue",
					       "BridgeType",
					       "BridgeTechnology",
					       "BridgeNumChannels",
					       "Status",
					       "Count",
					       "Position",
					       "CID-CallingPres",
					       "ChannelType",
					       "Class",
					       NULL};
	bool with_channel = wtel_ami_message_get(message, "Uniqueid").data != NULL;
	size_t used = (size_t)snprintf(out, room, "%.*s", (int)message->head.length, message->head.data), i;
	char who[32];

	for (i = 1; i < message->field_count && used + 256 < room; i++) {
		struct wtel_slice name = message->fields[i].name, value = message->fields[i].value;

		/* The real one has the name of a system only when it was given one. */
		if (starts(name, "SystemName"))
			continue;
		used += (size_t)snprintf(out + used, room - used, " %.*s", (int)name.length, name.data);
		if (name.length == 7 && with_channel && starts(name, "Channel") &&
		    memchr(value.data, '-', value.length)) {
			role(story, value, who);
			used += (size_t)snprintf(out + used, room - used, "=%s", who);
		} else if (starts(name, "DialString") && memchr(value.data, '@', value.length)) {
			/* The number that is dialled; endpoints have other names here. */
			used += (size_t)snprintf(
				out + used, room - used, "=%.*s",
				(int)((const char *)memchr(value.data, '@', value.length) - value.data), value.data);
		} else if (is_one_of(name, compared)) {
			used += (size_t)snprintf(out + used, room - used, "=%.*s", (int)value.length, value.data);
		}
	}
	snprintf(out + used, room - used, "\n");
}

static int64_t instant(struct wtel_slice text)
{
	char number[40];

	copy(number, sizeof(number), text);
	return (int64_t)(strtod(number, NULL) * 1e6);
}

/* With a limit, only what happened within so many microseconds of the first event of a call. */
static void read_story(struct story *story, struct wtel_slice bytes, int64_t limit)
{
	struct wtel_ami_parser *parser;
	struct wtel_ami_message message;
	char name[32], line[2048], *text;
	int64_t at;

	memset(story, 0, sizeof(*story));
	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, bytes.data, bytes.length), 0);
	while (wtel_ami_parser_next(parser, &message) == 1) {
		if (message.kind != WTEL_AMI_EVENT)
			continue;
		strand_of(story, &message, name);
		if (!*name)
			continue;
		at = instant(wtel_ami_message_get(&message, "Timestamp"));
		story->first = story->first ? story->first : at;
		if (limit && at - story->first > limit)
			break;
		story->last = at;
		describe(story, &message, line, sizeof(line));
		text = strand(story, name);
		cr_assert_lt(strlen(text) + strlen(line), STRAND);
		strcat(text, line);
	}
	wtel_ami_parser_free(parser);
}

/* ---- the simulator's side --------------------------------------------- */

struct scenario {
	const char *name; /* of the captured session */
	const char *extension, *number, *trunk;
	int timeout, dial_timeout; /* seconds */
	const char *from;	   /* inbound: the caller; `number` is what was called */
	double ring, talk;	   /* seconds; 0: 1 and 3.5 */
	const char *until;	   /* then `actions` are sent, `after` seconds later */
	double after;
	const char *actions;
};

struct play {
	struct wtel_sim *sim;
	struct wtel_sim_client *client;
	struct wtel_time now;
};

static const char *const endpoints[] = {"1001",
					"1096",
					"1097",
					"1098",
					"1099",
					"carrier-a",
					"carrier-ip",
					"carrier-b-down",
					"carrier-403",
					"carrier-ring-503",
					"carrier-silent",
					"carrier-absent",
					"carrier-unreachable",
					NULL};
static const char *const only_98[] = {"1098", "carrier-ip", NULL};

static void say(struct play *play, const char *text)
{
	cr_assert_eq(wtel_sim_feed(play->sim, play->client, text, strlen(text), play->now), 0);
}

static struct wtel_slice heard(const struct play *play)
{
	return wtel_sim_output(play->client, NULL);
}

static void run_to(struct play *play, int64_t mono)
{
	play->now.wall += mono - play->now.mono;
	play->now.mono = mono;
	cr_assert_eq(wtel_sim_tick(play->sim, play->now), 0);
}

/* One thing after the other, until `text` was heard or nothing is left or an hour is over. */
static void run_until(struct play *play, const char *text)
{
	int64_t end = play->now.mono + INT64_C(3600000000);

	while (wtel_sim_deadline(play->sim) < end) {
		struct wtel_slice out = heard(play);

		if (text && memmem(out.data, out.length, text, strlen(text)))
			return;
		run_to(play, wtel_sim_deadline(play->sim));
	}
}

static void begin(struct play *play, const struct scenario *scenario)
{
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;

	options.agent_pickup = 0;
	options.ring = scenario->ring > 0 ? (int64_t)(scenario->ring * 1e6) : 1000000;
	options.talk = scenario->talk > 0 ? (int64_t)(scenario->talk * 1e6) : 3500000;
	options.endpoints = strcmp(scenario->extension, "1098") == 0 ? only_98 : endpoints;
	cr_assert_eq(wtel_sim_new(&play->sim, &options, NULL), 0);
	play->now = (struct wtel_time){INT64_C(5000000), INT64_C(1760000000000000)};
	cr_assert_eq(wtel_sim_connect(play->sim, &play->client, play->now), 0);
	say(play, "Action: Login\r\nUsername: wtel\r\nSecret: wtel\r\nEvents: call,system,agent,user\r\n\r\n");
}

static void originate(struct play *play, const struct scenario *scenario)
{
	char text[2048];

	if (scenario->from) {
		cr_assert_eq(wtel_sim_call_in(play->sim, scenario->trunk, scenario->from, scenario->number, play->now),
			     0);
		return;
	}
	snprintf(text, sizeof(text),
		 "Action: Originate\r\nActionID: test-2\r\nChannel: PJSIP/%s\r\nContext: welcomedly-outbound\r\nExten: "
		 "%s\r\n"
		 "Priority: 1\r\nCallerID: %s\r\nTimeout: %d\r\nAsync: true\r\nChannelId: WLCM-1\r\n"
		 "Variable: __WTEL_ENDPOINT=%s\r\nVariable: __WTEL_DIAL_TIMEOUT=%d\r\n\r\n",
		 scenario->extension, scenario->number, scenario->number,
		 scenario->timeout ? scenario->timeout * 1000 : 30000, scenario->trunk,
		 scenario->dial_timeout ? scenario->dial_timeout : 30);
	say(play, text);
}

static void read_golden(const char *name, char **out, size_t *length)
{
	char path[512];
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/sessions/%s.ami", GOLDEN, name);
	file = fopen(path, "rb");
	cr_assert_not_null(file, "%s is not there", path);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	*out = malloc((size_t)size + 1);
	*length = fread(*out, 1, (size_t)size, file);
	fclose(file);
}

static void compare(const struct story *real, const struct story *simulated, const char *name)
{
	size_t i, j;

	for (i = 0; i < real->count; i++) {
		for (j = 0; j < simulated->count; j++)
			if (strcmp(simulated->strands[j].name, real->strands[i].name) == 0)
				break;
		cr_expect_lt(j, simulated->count, "%s: no strand \"%s\"", name, real->strands[i].name);
		if (j < simulated->count)
			cr_expect_str_eq(simulated->strands[j].text, real->strands[i].text,
					 "%s, strand \"%s\"\n--- Asterisk ---\n%s--- simulator ---\n%s", name,
					 real->strands[i].name, real->strands[i].text, simulated->strands[j].text);
	}
	cr_expect_eq(simulated->count, real->count, "%s: %zu strands, not %zu", name, simulated->count, real->count);
}

static void check(struct scenario given)
{
	struct scenario *scenario = &given;
	struct story *real = calloc(1, sizeof(*real)), *simulated = calloc(1, sizeof(*simulated));
	struct play play;
	size_t length;
	char *golden;

	if (!given.extension)
		given.extension = "1001";
	if (!given.trunk)
		given.trunk = "carrier-a";
	read_golden(scenario->name, &golden, &length);
	read_story(real, (struct wtel_slice){golden, length}, 0);
	begin(&play, scenario);
	originate(&play, scenario);
	if (scenario->actions) {
		run_until(&play, scenario->until);
		run_to(&play, play.now.mono + (int64_t)(scenario->after * 1e6));
		say(&play, scenario->actions);
	}
	run_until(&play, NULL);
	/* A session that was cut off in the middle of a call is compared to there. */
	read_story(simulated, heard(&play), strcmp(scenario->name, "inbound_abandoned") ? 0 : real->last - real->first);
	compare(real, simulated, scenario->name);
	wtel_sim_free(play.sim);
	free(golden);
	free(real);
	free(simulated);
}

#define SCENARIO(test, ...)                                                                                            \
	Test(sim_real, test)                                                                                           \
	{                                                                                                              \
		check((struct scenario){.name = #test, __VA_ARGS__});                                                  \
	}

SCENARIO(answered, .number = "+15551234501")
SCENARIO(busy, .number = "+15551234502")
SCENARIO(no_answer, .number = "+15551234503", .dial_timeout = 2)
SCENARIO(congestion, .number = "+15551234504")
SCENARIO(unknown_number, .number = "+15551234505")
SCENARIO(declined, .number = "+15551234506")
SCENARIO(early_media, .number = "+15551234507")
SCENARIO(answered_at_once, .number = "+15551234508")
SCENARIO(never_rings, .number = "+15551234509", .dial_timeout = 2)
SCENARIO(trunk_by_address, .number = "+15551234501", .trunk = "carrier-ip")
SCENARIO(trunk_silent, .number = "+15551234501", .trunk = "carrier-silent", .dial_timeout = 2)
SCENARIO(trunk_times_out, .number = "+15551234501", .trunk = "carrier-silent")
SCENARIO(trunk_rejects, .number = "+15551234501", .trunk = "carrier-403")
SCENARIO(trunk_rings_then_fails, .number = "+15551234501", .trunk = "carrier-ring-503")
SCENARIO(trunk_absent, .number = "+15551234501", .trunk = "carrier-absent")
SCENARIO(trunk_unknown, .number = "+15551234501", .trunk = "no-such-trunk")
SCENARIO(number_refused, .number = "1555x")
SCENARIO(agent_never_picks_up, .number = "+15551234500", .extension = "1098", .timeout = 2)
SCENARIO(agent_busy, .number = "+15551234500", .extension = "1096")
SCENARIO(agent_absent, .number = "+15551234500", .extension = "1099")
SCENARIO(agent_unknown, .number = "+15551234500", .extension = "1999")
SCENARIO(agent_hangs_up_first, .number = "+15551234500", .extension = "1097", .talk = 3)
SCENARIO(agent_hangs_up_while_ringing, .number = "+15551234503", .extension = "1097", .talk = 3)
SCENARIO(hangup_requested, .number = "+15551234500", .until = "Event: BridgeEnter", .after = 1,
	 .actions = "Action: Hangup\r\nChannel: PJSIP/1001-00000000\r\nCause: 16\r\n\r\n")
SCENARIO(next_trunk, .number = "+15551234501", .trunk = "carrier-b-down", .until = "DialStatus: NOANSWER",
	 .actions = "Action: Setvar\r\nChannel: WLCM-1\r\nVariable: __WTEL_ENDPOINT\r\nValue: carrier-a\r\n\r\n"
		    "Action: Setvar\r\nChannel: WLCM-1\r\nVariable: __WTEL_DIAL\r\nValue: 0015551234501\r\n\r\n"
		    "Action: Setvar\r\nChannel: WLCM-1\r\nVariable: __WTEL_CALLER_ID\r\n"
		    "Value: +15550001000\r\n\r\nAction: Redirect\r\nChannel: PJSIP/1001-00000000\r\nContext: "
		    "welcomedly-outbound\r\n"
		    "Exten: +15551234501\r\nPriority: 1\r\n\r\n")
SCENARIO(inbound_registered_trunk, .number = "+15550001000", .from = "+15557654321")
SCENARIO(inbound_abandoned, .number = "15550001000", .from = "15557654321", .trunk = "carrier-ip", .extension = "1098")

/* ---- answers and lists ------------------------------------------------ */

/* "Success Response ActionID Message=..." of every answer and list item with that ActionID, one a line, none twice. */
static void read_shapes(struct wtel_slice bytes, const char *id, char *out, size_t room)
{
	struct wtel_ami_parser *parser;
	struct wtel_ami_message message;
	char line[2048];
	size_t i, used;

	*out = '\0';
	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, bytes.data, bytes.length), 0);
	while (wtel_ami_parser_next(parser, &message) == 1) {
		static const char *const same[] = {"Message", "EventList", "Events", "Ping", "AMIversion", NULL};
		struct wtel_slice own = wtel_ami_message_get(&message, "ActionID");

		if (own.length != strlen(id) || memcmp(own.data, id, own.length) != 0)
			continue;
		used = (size_t)snprintf(line, sizeof(line), "%.*s", (int)message.head.length, message.head.data);
		for (i = 0; i < message.field_count && used + 256 < sizeof(line); i++) {
			struct wtel_slice name = message.fields[i].name, value = message.fields[i].value;

			used += (size_t)snprintf(line + used, sizeof(line) - used, " %.*s", (int)name.length,
						 name.data);
			if (is_one_of(name, same))
				used += (size_t)snprintf(line + used, sizeof(line) - used, "=%.*s", (int)value.length,
							 value.data);
		}
		snprintf(line + used, sizeof(line) - used, "\n");
		if (!strstr(out, line) && strlen(out) + strlen(line) < room)
			strcat(out, line);
	}
	wtel_ami_parser_free(parser);
}

/* The session `lists` of the real one numbers its actions so. */
Test(sim_real, lists)
{
	static const char *const actions[] = {"CoreSettings",
					      "CoreStatus",
					      "CoreShowChannels",
					      "PJSIPShowRegistrationsOutbound",
					      "PJSIPShowEndpoints",
					      "PJSIPShowContacts",
					      "QueueStatus",
					      "Status",
					      "Ping",
					      "Filter",
					      "NoSuchAction",
					      "Events"};
	static const char *const registrations[] = {"carrier-a=Registered", NULL};
	struct wtel_sim_options options = WTEL_SIM_OPTIONS_INIT;
	char *real = malloc(STRAND), *simulated = malloc(STRAND), *golden, text[256], id[16], *line, *rest;
	struct play play;
	size_t length, i;

	options.endpoints = endpoints;
	options.registrations = registrations;
	read_golden("lists", &golden, &length);
	cr_assert_eq(wtel_sim_new(&play.sim, &options, NULL), 0);
	play.now = (struct wtel_time){0, INT64_C(1760000000000000)};
	cr_assert_eq(wtel_sim_connect(play.sim, &play.client, play.now), 0);
	say(&play, "Action: Login\r\nUsername: wtel\r\nSecret: wtel\r\n\r\n");
	originate(&play, &(struct scenario){.extension = "1001", .number = "+15551234500", .trunk = "carrier-a"});
	run_until(&play, "Event: BridgeEnter");
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i], "QueueStatus") == 0)
			continue;
		snprintf(id, sizeof(id), "test-%zu", i + 3);
		snprintf(text, sizeof(text),
			 "Action: %s\r\nActionID: %s\r\nOperation: Add\r\nFilter: !Event: VarSet\r\nEventMask: "
			 "call\r\n\r\n",
			 actions[i], id);
		say(&play, text);
		read_shapes((struct wtel_slice){golden, length}, id, real, STRAND);
		read_shapes(heard(&play), id, simulated, STRAND);
		cr_expect_str_not_empty(simulated, "%s", actions[i]);
		for (line = strtok_r(simulated, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
			cr_expect_not_null(strstr(real, line), "%s: Asterisk never says\n%s\nbut\n%s", actions[i], line,
					   real);
	}
	wtel_sim_free(play.sim);
	free(golden);
	free(real);
	free(simulated);
}

/* Message or Value of the answer with that ActionID; the contacts' hashes are blotted out. */
static void read_value(struct wtel_slice bytes, const char *id, char *out, size_t room)
{
	struct wtel_ami_parser *parser;
	struct wtel_ami_message message;

	*out = '\0';
	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, bytes.data, bytes.length), 0);
	while (wtel_ami_parser_next(parser, &message) == 1) {
		struct wtel_slice own = wtel_ami_message_get(&message, "ActionID");
		struct wtel_slice value = wtel_ami_message_get(&message, "Value");
		struct wtel_slice text = wtel_ami_message_get(&message, "Message");

		if (own.length == strlen(id) && memcmp(own.data, id, own.length) == 0)
			snprintf(out, room, "%.*s: %.*s", (int)message.head.length, message.head.data,
				 (int)(value.data ? value.length : text.length), value.data ? value.data : text.data);
	}
	wtel_ami_parser_free(parser);
	out = strstr(out, "@@");
	if (out)
		memset(out + 2, 'x', strlen(out + 2));
}

/* The session `trunk_test` asks so of each of these; a round-trip time is only a number. */
Test(sim_real, trunk_test)
{
	static const char *const asked[] = {"carrier-a", "carrier-unreachable", "carrier-absent", "no-such-trunk"};
	struct scenario scenario = {.name = "trunk_test", .extension = "1001"};
	char real[256], simulated[256], text[512], id[16], contact[128];
	struct play play;
	size_t length, i, j;
	char *golden;

	read_golden(scenario.name, &golden, &length);
	begin(&play, &scenario);
	for (i = 0; i < 20; i++) {
		static const char *const actions[] = {
			"Getvar\r\nVariable: PJSIP_ENDPOINT(%s,aors)", "Getvar\r\nVariable: PJSIP_AOR(%s,contact)",
			"PJSIPQualify\r\nEndpoint: %s", "Getvar\r\nVariable: PJSIP_CONTACT(%s,status)",
			"Getvar\r\nVariable: PJSIP_CONTACT(%s,rtt)"};
		const char *endpoint = asked[i / 5];

		snprintf(contact, sizeof(contact), "%s@@%032x", endpoint, 1);
		snprintf(id, sizeof(id), "test-%zu", i + 2);
		j = (size_t)snprintf(text, sizeof(text), "ActionID: %s\r\nAction: ", id);
		snprintf(text + j, sizeof(text) - j, actions[i % 5], i % 5 < 3 ? endpoint : contact);
		say(&play, strcat(text, "\r\n\r\n"));
		read_value((struct wtel_slice){golden, length}, id, real, sizeof(real));
		read_value(heard(&play), id, simulated, sizeof(simulated));
		if (strspn(real, "Sucesx: 0123456789") == strlen(real))
			real[strcspn(real, "0123456789")] = simulated[strcspn(simulated, "0123456789")] = '\0';
		cr_expect_str_not_empty(real);
		cr_expect_str_eq(simulated, real, "%s", text);
	}
	wtel_sim_free(play.sim);
	free(golden);
}

Test(sim_real, registration_lost)
{
	struct story *real = calloc(1, sizeof(*real)), *simulated = calloc(1, sizeof(*simulated));
	struct scenario scenario = {.name = "registration_lost", .extension = "1001"};
	struct play play;
	size_t length, i;
	char *golden;
	static const char *const states[] = {"Unregistered", "Unregistered", "Registered"};

	read_golden(scenario.name, &golden, &length);
	read_story(real, (struct wtel_slice){golden, length}, 0);
	begin(&play, &scenario);
	for (i = 0; i < 3; i++)
		cr_assert_eq(wtel_sim_registry(play.sim, "carrier-b", states[i], play.now), 0);
	read_story(simulated, heard(&play), 0);
	compare(real, simulated, scenario.name);
	wtel_sim_free(play.sim);
	free(golden);
	free(real);
	free(simulated);
}
