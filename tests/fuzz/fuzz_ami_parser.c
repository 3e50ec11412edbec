/*
 * The parser, fed whole and in pieces that the input chooses, must give the same messages. The first bytes are the
 * limits and the pieces, up to a NUL; the rest is the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/ami.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	uint64_t digest;
	uint64_t messages, skipped, stray;
};

static void outcome_slice(struct outcome *outcome, struct wtel_slice slice)
{
	size_t i;

	for (i = 0; i < slice.length; i++)
		outcome->digest = (outcome->digest ^ (unsigned char)slice.data[i]) * 0x100000001b3;
	outcome->digest = (outcome->digest ^ (slice.length + !slice.data)) * 0x100000001b3;
}

static void outcome_message(struct outcome *outcome, const struct wtel_ami_message *message)
{
	size_t i;

	if (!message->field_count || !message->raw.data)
		abort();
	outcome->digest = (outcome->digest ^ (unsigned)message->kind) * 0x100000001b3;
	outcome_slice(outcome, message->head);
	outcome_slice(outcome, message->raw);
	for (i = 0; i < message->field_count; i++) {
		outcome_slice(outcome, message->fields[i].name);
		outcome_slice(outcome, message->fields[i].value);
	}
}

static struct outcome parse(const uint8_t *data, size_t size, const struct wtel_ami_limits *limits,
			    const uint8_t *pieces, size_t piece_count)
{
	struct outcome outcome = {0};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t at = 0, i = 0;

	if (wtel_ami_parser_new(&parser, limits, NULL))
		abort();
	while (at < size) {
		size_t piece = piece_count ? (size_t)pieces[i++ % piece_count] : size;

		piece = piece && piece < size - at ? piece : size - at;
		if (wtel_ami_parser_feed(parser, data + at, piece))
			abort();
		at += piece;
		while (wtel_ami_parser_next(parser, &message) == 1)
			outcome_message(&outcome, &message);
	}
	outcome.messages = wtel_ami_parser_counters(parser)->messages;
	outcome.skipped = wtel_ami_parser_counters(parser)->skipped;
	outcome.stray = wtel_ami_parser_counters(parser)->stray;
	wtel_ami_parser_free(parser);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_ami_limits limits = WTEL_AMI_LIMITS_INIT;
	const uint8_t *end = size ? memchr(data, 0, size) : NULL;
	size_t head = end ? (size_t)(end - data) : 0, skip = end ? head + 1 : 0;
	struct outcome whole, cut;
	uint8_t one = 1;

	if (head > 3) {
		limits.max_line = data[0];
		limits.max_fields = data[1];
		limits.max_message = (size_t)data[2] * 8;
	}
	whole = parse(data + skip, size - skip, &limits, NULL, 0);
	cut = head > 4 ? parse(data + skip, size - skip, &limits, data + 3, head - 3)
		       : parse(data + skip, size - skip, &limits, &one, 1);
	if (memcmp(&whole, &cut, sizeof(whole)))
		abort();
	return 0;
}
