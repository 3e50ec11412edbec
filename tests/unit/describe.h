/*
 * One message of an AMI stream as one line of text: kind, the guard's verdict, and the typed event's main fields. The
 * golden files tests/golden/sessions/<name>.events are made of these (tests/tools/describe_ami.c).
 */
#ifndef TESTS_DESCRIBE_H
#define TESTS_DESCRIBE_H

#include <stdio.h>
#include <string.h>
#include <wtel/ami.h>

struct describe {
	FILE *out;
	struct wtel_ami_guard guard;
};

static inline void describe_text(FILE *out, const char *name, struct wtel_slice value)
{
	size_t i;

	if (!value.data)
		return;
	fprintf(out, " %s=", name);
	for (i = 0; i < value.length; i++) {
		unsigned char byte = (unsigned char)value.data[i];

		if (byte <= ' ' || byte >= 0x7f || byte == '\\')
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

static inline void describe_number(FILE *out, const char *name, int64_t value, int64_t absent)
{
	if (value != absent)
		fprintf(out, " %s=%lld", name, (long long)value);
}

static inline void describe_channel(FILE *out, const char *name, const struct wtel_ami_channel *channel)
{
	describe_text(out, name, channel->name);
	describe_number(out, "state", channel->state, -1);
	describe_text(out, "caller", channel->caller_number);
	describe_text(out, "connected", channel->connected_number);
	describe_text(out, "exten", channel->extension);
	describe_text(out, "unique", channel->unique_id);
	describe_text(out, "linked", channel->linked_id);
}

static inline void describe_event(FILE *out, const struct wtel_ami_event *event)
{
	fprintf(out, " %s", event->type ? wtel_ami_event_type_name(event->type) : "other");
	if (!event->type)
		describe_text(out, "name", event->message->head);
	describe_number(out, "at", event->timestamp, 0);
	describe_text(out, "action", event->action_id);
	describe_channel(out, "channel", &event->channel);
	describe_channel(out, "other", &event->other);
	describe_number(out, "cause", event->cause, -1);
	describe_number(out, "tech", event->tech_cause, 0);
	describe_text(out, "status", event->status);
	describe_text(out, "dial", event->dial_string);
	describe_number(out, "reason", event->reason, -1);
	describe_text(out, "bridge", event->bridge_id);
	describe_number(out, "in-bridge", event->bridge_channels, -1);
	describe_text(out, "new", event->new_name);
	describe_text(out, "domain", event->domain);
	describe_text(out, "user", event->username);
	describe_text(out, "peer", event->peer);
	describe_text(out, "uri", event->uri);
	describe_text(out, "text", event->text);
	describe_number(out, "trip", event->round_trip, -1);
	describe_text(out, "queue", event->queue);
	describe_text(out, "member", event->member);
	describe_text(out, "interface", event->interface);
	describe_number(out, "held", event->hold_time, -1);
	describe_number(out, "talked", event->talk_time, -1);
}

static inline void describe_message(struct describe *describe, const struct wtel_ami_message *message)
{
	static const char *const kinds[] = {"banner", "response", "event", "headless"};
	static const char *const verdicts[] = {"trusted", "BROKEN", "QUARANTINED"};
	enum wtel_ami_verdict verdict = wtel_ami_guard_judge(&describe->guard, message);
	struct wtel_ami_event event;

	fprintf(describe->out, "%s %s %zu", verdicts[verdict], kinds[message->kind], message->field_count);
	if (verdict != WTEL_AMI_TRUSTED)
		describe_text(describe->out, "source",
			      (struct wtel_slice){describe->guard.source, strlen(describe->guard.source)});
	if (!wtel_ami_event_decode(&event, message))
		describe_event(describe->out, &event);
	else
		describe_text(describe->out, "head", message->head);
	fprintf(describe->out, "%s\n", describe->guard.lost ? " LOST" : "");
	describe->guard.lost = false;
}

/* Everything that the parser has. false: out of memory. */
static inline int describe_all(struct describe *describe, struct wtel_ami_parser *parser)
{
	struct wtel_ami_message message;
	int code;

	while ((code = wtel_ami_parser_next(parser, &message)) == 1)
		describe_message(describe, &message);
	return code == 0;
}

#endif
