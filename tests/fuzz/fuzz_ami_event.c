/*
 * Parser, guard and decoder together on any stream: slices stay inside the message, and what the guard trusts
 * of an event with a block is complete.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/ami.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(const struct wtel_ami_message *message, struct wtel_slice slice)
{
	if (slice.data &&
	    (slice.data < message->raw.data || slice.data + slice.length > message->raw.data + message->raw.length))
		abort();
}

static void check_channel(const struct wtel_ami_message *message, const struct wtel_ami_channel *channel)
{
	check_slice(message, channel->name);
	check_slice(message, channel->caller_number);
	check_slice(message, channel->connected_number);
	check_slice(message, channel->extension);
	check_slice(message, channel->unique_id);
	check_slice(message, channel->linked_id);
}

static void check_event(const struct wtel_ami_message *message, const struct wtel_ami_event *event, int trusted)
{
	check_channel(message, &event->channel);
	check_channel(message, &event->other);
	check_slice(message, event->status);
	check_slice(message, event->bridge_id);
	check_slice(message, event->domain);
	check_slice(message, event->text);
	check_slice(message, event->queue);
	/* No block is shorter than its fourteen names. */
	if (trusted && event->type == WTEL_AMI_HANGUP && (message->raw.length < 200 || message->field_count < 18))
		abort();
	if (trusted && event->type == WTEL_AMI_REGISTRY && message->raw.length < 80)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_ami_guard guard = {0};
	struct wtel_ami_message message;
	struct wtel_ami_event event;
	struct wtel_ami_parser *parser;
	size_t at, piece;

	if (wtel_ami_parser_new(&parser, NULL, NULL))
		abort();
	for (at = 0; at < size; at += piece) {
		piece = size - at < 1000 ? size - at : 1000;
		if (wtel_ami_parser_feed(parser, data + at, piece))
			abort();
		while (wtel_ami_parser_next(parser, &message) == 1) {
			enum wtel_ami_verdict verdict = wtel_ami_guard_judge(&guard, &message);

			if (memchr(guard.source, 0, sizeof(guard.source)) == NULL)
				abort();
			if (!wtel_ami_event_decode(&event, &message))
				check_event(&message, &event, verdict == WTEL_AMI_TRUSTED);
			else if (message.kind == WTEL_AMI_HEADLESS && verdict == WTEL_AMI_TRUSTED)
				abort();
		}
	}
	wtel_ami_parser_free(parser);
	return 0;
}
