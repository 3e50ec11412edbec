/* Writing messages: every field in the order in which Asterisk writes it. */
#include "sim/core.h"

#include <stdio.h>
#include <strings.h>

static const struct {
	int class;
	const char *label;
} event_classes[] = {{SIM_CLASS_SYSTEM, "system"},
		     {SIM_CLASS_CALL, "call"},
		     {SIM_CLASS_LOG, "log"},
		     {SIM_CLASS_VERBOSE, "verbose"},
		     {SIM_CLASS_COMMAND, "command"},
		     {SIM_CLASS_AGENT, "agent"},
		     {SIM_CLASS_USER, "user"},
		     {SIM_CLASS_CONFIG, "config"},
		     {SIM_CLASS_DTMF, "dtmf"},
		     {SIM_CLASS_REPORTING, "reporting"},
		     {SIM_CLASS_CDR, "cdr"},
		     {SIM_CLASS_DIALPLAN, "dialplan"},
		     {SIM_CLASS_ORIGINATE, "originate"},
		     {SIM_CLASS_AGI, "agi"},
		     {SIM_CLASS_CC, "cc"},
		     {SIM_CLASS_AOC, "aoc"},
		     {SIM_CLASS_TEST, "test"},
		     {SIM_CLASS_SECURITY, "security"},
		     {SIM_CLASS_MESSAGE, "message"},
		     {SIM_CLASS_ALL, "all"},
		     {0, "none"}};

void sim_copy(char *out, size_t room, const char *text)
{
	size_t length = strnlen(text, room - 1);

	memcpy(out, text, length);
	out[length] = '\0';
}

/* splitmix64: enough for numbers that nobody must guess. */
uint64_t sim_random(struct wtel_sim *sim)
{
	uint64_t mixed = sim->random += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

void sim_text_clear(struct wtel_sim *sim)
{
	base_buffer_take(&sim->event, base_buffer_length(&sim->event));
	sim->broken = false;
}

/* Where so many bytes go; NULL: they do not. */
static char *event_room(struct wtel_sim *sim, size_t length)
{
	int code = base_buffer_reserve(&sim->event, &sim->allocator, length);

	if (code) {
		sim->failed = code;
		sim->broken = true;
		return NULL;
	}
	sim->event.end += length;
	return sim->event.data + sim->event.end - length;
}

static void event_append(struct wtel_sim *sim, const char *data, size_t length)
{
	char *to = event_room(sim, length);

	if (to)
		memcpy(to, data, length);
}

void sim_put(struct wtel_sim *sim, const char *text)
{
	event_append(sim, text, strlen(text));
}

/* Most of what is written are such lines. */
static void event_field(struct wtel_sim *sim, const char *prefix, const char *name, const char *value)
{
	size_t before = strlen(prefix), length = strlen(name), rest = strlen(value);
	char *to = event_room(sim, before + length + rest + 4);

	if (!to)
		return;
	memcpy(to, prefix, before);
	memcpy(to + before, name, length);
	memcpy(to + before + length, ": ", 2);
	memcpy(to + before + length + 2, value, rest);
	memcpy(to + before + length + 2 + rest, "\r\n", 2);
}

void sim_put_number(struct wtel_sim *sim, int64_t number)
{
	char digits[24];
	char *at = digits + sizeof(digits);
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (number < 0)
		*--at = '-';
	event_append(sim, at, (size_t)(digits + sizeof(digits) - at));
}

void sim_line(struct wtel_sim *sim, const char *name, const char *value)
{
	event_field(sim, "", name, value);
}

void sim_line_number(struct wtel_sim *sim, const char *name, int64_t value)
{
	sim_put(sim, name);
	event_append(sim, ": ", 2);
	sim_put_number(sim, value);
	event_append(sim, "\r\n", 2);
}

void sim_put_instant(struct wtel_sim *sim, int64_t wall)
{
	int64_t micros = wall % SIM_SECOND;
	char digits[7];
	int i;

	sim_put_number(sim, wall / SIM_SECOND);
	digits[0] = '.';
	for (i = 6; i; i--, micros /= 10)
		digits[i] = (char)('0' + micros % 10);
	event_append(sim, digits, sizeof(digits));
}

static const char *event_known(const char *text)
{
	return *text ? text : "<unknown>";
}

/* ast_manager_build_channel_state_string_prefix(), main/manager_channels.c; names pass ast_escape_c() there. */
void sim_put_channel(struct wtel_sim *sim, const char *prefix, const struct sim_channel *channel)
{
	event_field(sim, prefix, "Channel", channel->name);
	sim_put(sim, prefix);
	sim_line_number(sim, "ChannelState", channel->state);
	event_field(sim, prefix, "ChannelStateDesc", sim_state_text(channel->state));
	event_field(sim, prefix, "CallerIDNum", event_known(channel->caller));
	event_field(sim, prefix, "CallerIDName", event_known(channel->caller_name));
	event_field(sim, prefix, "ConnectedLineNum", event_known(channel->connected));
	event_field(sim, prefix, "ConnectedLineName", event_known(channel->connected_name));
	event_field(sim, prefix, "Language", "en");
	event_field(sim, prefix, "AccountCode", channel->account);
	event_field(sim, prefix, "Context", channel->context);
	event_field(sim, prefix, "Exten", channel->extension);
	sim_put(sim, prefix);
	sim_line_number(sim, "Priority", channel->priority);
	event_field(sim, prefix, "Uniqueid", channel->unique_id);
	event_field(sim, prefix, "Linkedid", channel->linked_id);
}

const char *sim_class_text(int class)
{
	switch (class) {
	case SIM_CLASS_SYSTEM:
		return "system,all";
	case SIM_CLASS_AGENT:
		return "agent,all";
	case SIM_CLASS_USER:
		return "user,all";
	default:
		return "call,all";
	}
}

/* ast_instring(): whole words between commas. */
static bool event_in_list(const char *list, const char *word)
{
	size_t length = strlen(word);
	const char *at = list;

	while (at) {
		const char *comma = strchr(at, ',');
		size_t span = comma ? (size_t)(comma - at) : strlen(at);

		if (span == length && strncmp(at, word, length) == 0)
			return true;
		at = comma ? comma + 1 : NULL;
	}
	return false;
}

int sim_class_parse(const char *text)
{
	size_t i;
	int mask = 0;

	for (i = 0; i < sizeof(event_classes) / sizeof(event_classes[0]); i++)
		if (event_in_list(text, event_classes[i].label))
			mask |= event_classes[i].class;
	return mask;
}

static bool event_word(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(text, *words) == 0)
			return true;
	return false;
}

int sim_mask_parse(const char *text)
{
	static const char *const no[] = {"no", "false", "n", "f", "0", "off", NULL};
	static const char *const yes[] = {"yes", "true", "y", "t", "1", "on", NULL};

	if (!*text)
		return -1;
	if (strspn(text, "0123456789") == strlen(text))
		return (int)(base_slice_number(wtel_slice_of(text), SIM_CLASS_ALL) & SIM_CLASS_ALL);
	if (event_word(text, no))
		return 0;
	if (event_word(text, yes))
		return SIM_CLASS_ALL;
	return sim_class_parse(text);
}

void sim_event_begin(struct wtel_sim *sim, const char *name, int class)
{
	sim_text_clear(sim);
	sim->event_name = name;
	sim->event_class = class;
	sim_line(sim, "Event", name);
	sim_line(sim, "Privilege", sim_class_text(class));
	if (sim->timestamps) {
		sim_put(sim, "Timestamp: ");
		sim_put_instant(sim, sim->now.wall);
		sim_put(sim, "\r\n");
	}
}

void sim_event_end(struct wtel_sim *sim)
{
	struct wtel_sim_client *client;
	struct wtel_slice text;

	sim_put(sim, "\r\n");
	/* A NUL behind the end, for the regular expressions of filters. */
	if (base_buffer_reserve(&sim->event, &sim->allocator, 1))
		sim->broken = true;
	else
		sim->event.data[sim->event.end] = '\0';
	text.data = sim->broken ? NULL : base_buffer_front(&sim->event);
	if (sim->broken)
		sim->failed = WTEL_ENOMEM;
	text.length = base_buffer_length(&sim->event);
	for (client = sim->clients; client; client = client->next)
		if (sim_client_wants(client, sim->event_class, sim->event_name, text))
			sim_client_send(client, true);
}

void sim_event_channel(struct wtel_sim *sim, const char *name, const struct sim_channel *channel)
{
	sim_event_begin(sim, name, SIM_CLASS_CALL);
	sim_put_channel(sim, "", channel);
	sim_event_end(sim);
}
