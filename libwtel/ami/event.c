/* Messages -> typed events. Where a field goes is a table; blocks of channel fields are taken whole. */
#include "ami/run.h"
#include "base/slice.h"

#include <stddef.h>

static const char *const event_names[WTEL_AMI_EVENT_TYPES] = {
	"",
#define WTEL_AMI_EVENT_X(id, name, group, shape) name,
#include <wtel/event.def>
#undef WTEL_AMI_EVENT_X
};

const char *wtel_ami_event_type_name(enum wtel_ami_event_type type)
{
	return (unsigned)type < WTEL_AMI_EVENT_TYPES ? event_names[type] : "";
}

enum event_kind { EVENT_NOTHING, EVENT_TEXT, EVENT_INT, EVENT_INT64, EVENT_TIME };

struct event_target {
	uint8_t kind;
	uint16_t offset;
};

#define TARGET(id, kind, member) [AMI_FIELD_##id] = {EVENT_##kind, offsetof(struct wtel_ami_event, member)}

/* Bare channel fields stand here too: OriginateResponse, Rename and old events carry some of them without a block. */
static const struct event_target event_targets[AMI_FIELDS] = {
	TARGET(CHANNEL, TEXT, channel.name),
	TARGET(CHANNEL_STATE, INT, channel.state),
	TARGET(CALLER_ID_NUM, TEXT, channel.caller_number),
	TARGET(CALLER_ID_NAME, TEXT, channel.caller_name),
	TARGET(CONNECTED_LINE_NUM, TEXT, channel.connected_number),
	TARGET(CONNECTED_LINE_NAME, TEXT, channel.connected_name),
	TARGET(LANGUAGE, TEXT, channel.language),
	TARGET(ACCOUNT_CODE, TEXT, channel.account_code),
	TARGET(CONTEXT, TEXT, channel.context),
	TARGET(EXTEN, TEXT, channel.extension),
	TARGET(PRIORITY, INT, channel.priority),
	TARGET(UNIQUEID, TEXT, channel.unique_id),
	TARGET(LINKEDID, TEXT, channel.linked_id),
	TARGET(TIMESTAMP, TIME, timestamp),
	TARGET(ACTION_ID, TEXT, action_id),
	TARGET(AGENT, TEXT, member),
	TARGET(AOR, TEXT, username),
	TARGET(BRIDGE_ID, TEXT, bridge_id),
	TARGET(BRIDGE_NUM_CHANNELS, INT, bridge_channels),
	TARGET(BRIDGE_TYPE, TEXT, bridge_type),
	TARGET(BRIDGE_UNIQUEID, TEXT, bridge_id),
	TARGET(CALLER_ID_1, TEXT, channel.caller_number),
	TARGET(CALLER_ID_2, TEXT, other.caller_number),
	TARGET(CAUSE, INT, cause),
	TARGET(CAUSE_TEXT, TEXT, cause_text),
	TARGET(CHANNEL_1, TEXT, channel.name),
	TARGET(CHANNEL_2, TEXT, other.name),
	TARGET(CONTACT_STATUS, TEXT, status),
	TARGET(DESTINATION, TEXT, other.name),
	TARGET(DEST_UNIQUE_ID, TEXT, other.unique_id),
	TARGET(DEVICE, TEXT, peer),
	TARGET(DIAL_STATUS, TEXT, status),
	TARGET(DIAL_STRING, TEXT, dial_string),
	TARGET(DOMAIN, TEXT, domain),
	TARGET(ENDPOINT_NAME, TEXT, peer),
	TARGET(HOLD_TIME, INT64, hold_time),
	TARGET(INTERFACE, TEXT, interface),
	TARGET(MEMBER_NAME, TEXT, member),
	TARGET(NEW_NAME, TEXT, new_name),
	TARGET(PEER, TEXT, peer),
	TARGET(PEER_STATUS, TEXT, status),
	TARGET(QUEUE, TEXT, queue),
	TARGET(REASON, INT, reason),
	TARGET(RESPONSE, TEXT, status),
	TARGET(ROUND_TRIP, INT64, round_trip),
	TARGET(SHUTDOWN, TEXT, status),
	TARGET(SOURCE, TEXT, channel.name),
	TARGET(SOURCE_UNIQUE_ID, TEXT, channel.unique_id),
	TARGET(STATE, TEXT, status),
	TARGET(STATUS, TEXT, status),
	TARGET(TALK_TIME, INT64, talk_time),
	TARGET(TECH_CAUSE, INT, tech_cause),
	TARGET(UNIQUEID_1, TEXT, channel.unique_id),
	TARGET(UNIQUEID_2, TEXT, other.unique_id),
	TARGET(URI, TEXT, uri),
	TARGET(USERNAME, TEXT, username),
	TARGET(USER_EVENT, TEXT, text),
};

/* Asterisk's word for "not set" is told as absence. */
static struct wtel_slice event_known(struct wtel_slice value)
{
	if (value.length == 9 && !memcmp(value.data, "<unknown>", 9))
		return (struct wtel_slice){NULL, 0};
	return value;
}

static int event_int(struct wtel_slice value, int otherwise)
{
	int64_t number = base_slice_number(value, otherwise);

	return number >= INT32_MIN && number <= INT32_MAX ? (int)number : otherwise;
}

/* "1761388200.123456", with six decimals or fewer; 0 if it is none. */
static int64_t event_time(struct wtel_slice value)
{
	int64_t seconds = 0, part = 0;
	size_t i = 0, decimals = 0;

	for (; i < value.length && value.data[i] >= '0' && value.data[i] <= '9'; i++) {
		if (i >= 12)
			return 0;
		seconds = seconds * 10 + (value.data[i] - '0');
	}
	if (!i || (i < value.length && value.data[i] != '.'))
		return 0;
	for (i++; i < value.length && decimals < 6; i++, decimals++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return 0;
		part = part * 10 + (value.data[i] - '0');
	}
	for (; decimals < 6; decimals++)
		part *= 10;
	return seconds * 1000000 + part;
}

/* Puts a value into its place, unless an earlier field of the message already did. */
static void event_put(struct wtel_ami_event *event, struct event_target target, struct wtel_slice value)
{
	char *place = (char *)event + target.offset;

	switch ((enum event_kind)target.kind) {
	case EVENT_NOTHING:
		break;
	case EVENT_TEXT:
		if (!((struct wtel_slice *)place)->data)
			*(struct wtel_slice *)place = event_known(value);
		break;
	case EVENT_INT:
		if (*(int *)place <= 0)
			*(int *)place = event_int(value, *(int *)place);
		break;
	case EVENT_INT64:
		if (*(int64_t *)place < 0)
			*(int64_t *)place = base_slice_number(value, -1);
		break;
	case EVENT_TIME:
		if (!*(int64_t *)place)
			*(int64_t *)place = event_time(value);
		break;
	}
}

/* The fields of a complete block, in their one order. */
static void event_take_block(struct wtel_ami_channel *channel, const struct wtel_ami_field *fields)
{
	const struct wtel_ami_field *field = fields - AMI_FIELD_CHANNEL;

	channel->name = event_known(field[AMI_FIELD_CHANNEL].value);
	channel->state = event_int(field[AMI_FIELD_CHANNEL_STATE].value, -1);
	channel->caller_number = event_known(field[AMI_FIELD_CALLER_ID_NUM].value);
	channel->caller_name = event_known(field[AMI_FIELD_CALLER_ID_NAME].value);
	channel->connected_number = event_known(field[AMI_FIELD_CONNECTED_LINE_NUM].value);
	channel->connected_name = event_known(field[AMI_FIELD_CONNECTED_LINE_NAME].value);
	channel->language = field[AMI_FIELD_LANGUAGE].value;
	channel->account_code = field[AMI_FIELD_ACCOUNT_CODE].value;
	channel->context = field[AMI_FIELD_CONTEXT].value;
	channel->extension = field[AMI_FIELD_EXTEN].value;
	channel->priority = event_int(field[AMI_FIELD_PRIORITY].value, -1);
	channel->unique_id = event_known(field[AMI_FIELD_UNIQUEID].value);
	channel->linked_id = event_known(field[AMI_FIELD_LINKEDID].value);
}

/* Which of the event's channels a block describes; NULL: neither. */
static struct wtel_ami_channel *event_channel(struct wtel_ami_event *event, const struct ami_run *run)
{
	switch (run->prefix_length) {
	case 0:
		return &event->channel;
	case 4: /* Dest */
		return &event->other;
	case 8: /* LocalOne, LocalTwo */
		return run->prefix[5] == 'O' ? &event->channel : &event->other;
	case 10: /* Transferer, Transferee */
		if (run->prefix[9] == 'r')
			return &event->channel;
		return event->type == WTEL_AMI_BLIND_TRANSFER ? &event->other : NULL;
	case 14: /* OrigTransferer, TransferTarget */
		return run->prefix[0] == 'O' ? &event->channel : NULL;
	case 16: /* SecondTransferer */
		return &event->other;
	default:
		return NULL;
	}
}

/* A field of a block that is not complete, under a prefix of the event's. Only unguarded messages have such. */
static bool event_take_stray(struct wtel_ami_event *event, const struct ami_schema *schema,
			     const struct wtel_ami_field *field)
{
	unsigned i, id;
	bool exact;

	for (i = 0; i < schema->run_count; i++) {
		const struct ami_run *run = &schema->runs[i];
		size_t prefix = run->prefix_length;
		struct wtel_ami_channel *channel = run->block && prefix ? event_channel(event, run) : NULL;

		if (!channel || field->name.length <= prefix || memcmp(field->name.data, run->prefix, prefix))
			continue;
		id = ami_field_find((struct wtel_slice){field->name.data + prefix, field->name.length - prefix},
				    &exact);
		if (!id || id > AMI_BLOCK)
			continue;
		if (channel == &event->channel)
			event_put(event, event_targets[id], field->value);
		else if (event_targets[id].kind)
			event_put(event,
				  (struct event_target){event_targets[id].kind,
							(uint16_t)(event_targets[id].offset -
								   offsetof(struct wtel_ami_event, channel) +
								   offsetof(struct wtel_ami_event, other))},
				  field->value);
		return true;
	}
	return false;
}

/* A block that begins at fields[at] and is complete: gives back how many fields it has; 0: it is none. */
static size_t event_take_run(struct wtel_ami_event *event, const struct ami_schema *schema, size_t at)
{
	const struct wtel_slice name = event->message->fields[at].name;
	struct wtel_ami_channel *channel;
	unsigned i;

	if (name.length < 7 || name.data[name.length - 1] != 'l' || name.data[name.length - 7] != 'C')
		return 0;
	for (i = 0; i < schema->run_count; i++) {
		const struct ami_run *run = &schema->runs[i];

		if (!run->block || name.length != run->prefix_length + 7u || !run_match_block(run, event->message, at))
			continue;
		channel = event_channel(event, run);
		if (channel && !channel->name.data)
			event_take_block(channel, &event->message->fields[at]);
		return AMI_BLOCK;
	}
	return 0;
}

static void event_take_field(struct wtel_ami_event *event, const struct ami_schema *schema,
			     const struct wtel_ami_field *field)
{
	bool exact;
	unsigned id = ami_field_find(field->name, &exact);

	if (!id) {
		if (schema->blocks)
			event_take_stray(event, schema, field);
		return;
	}
	/* Two names mean different things in different events. */
	if ((id == AMI_FIELD_CAUSE && event->type >= WTEL_AMI_REGISTRY && event->type <= WTEL_AMI_CONTACT_STATUS) ||
	    (id == AMI_FIELD_REASON && event->type != WTEL_AMI_ORIGINATE_RESPONSE)) {
		event_put(event, (struct event_target){EVENT_TEXT, offsetof(struct wtel_ami_event, text)},
			  field->value);
		return;
	}
	/* LocalBridge, BlindTransfer: bare Context and Exten beside blocks with a prefix are of no channel. */
	if (id <= AMI_BLOCK && schema->blocks && !(schema->own[0] >> AMI_FIELD_LINKEDID & 1))
		return;
	event_put(event, event_targets[id], field->value);
}

int wtel_ami_event_decode(struct wtel_ami_event *out, const struct wtel_ami_message *message)
{
	const struct ami_schema *schema;
	size_t at, taken;

	if (message->kind != WTEL_AMI_EVENT)
		return WTEL_EPROTOCOL;
	schema = ami_schema_find(message->head);
	*out = (struct wtel_ami_event){.type = (enum wtel_ami_event_type)schema->type,
				       .message = message,
				       .channel = {.state = -1, .priority = -1},
				       .other = {.state = -1, .priority = -1},
				       .cause = -1,
				       .reason = -1,
				       .bridge_channels = -1,
				       .round_trip = -1,
				       .hold_time = -1,
				       .talk_time = -1};
	if (schema->legacy && schema->type == WTEL_AMI_DIAL_BEGIN &&
	    base_slice_is(wtel_ami_message_get(message, "SubEvent"), "End"))
		out->type = WTEL_AMI_DIAL_END;
	for (at = 1; at < message->field_count; at += taken) {
		taken = schema->blocks ? event_take_run(out, schema, at) : 0;
		if (!taken) {
			if (message->fields[at].name.length)
				event_take_field(out, schema, &message->fields[at]);
			taken = 1;
		}
	}
	if (base_slice_is(out->channel.name, "none"))
		out->channel.name = out->channel.unique_id = (struct wtel_slice){NULL, 0};
	return 0;
}
