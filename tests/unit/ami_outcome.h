/* What the parser makes of a stream, however it is cut, for its tests. */
#ifndef TESTS_AMI_OUTCOME_H
#define TESTS_AMI_OUTCOME_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <wtel/ami.h>

/* What came out of a stream, so that two ways of cutting it can be compared. */
struct outcome {
	uint64_t digest;
	size_t messages;
	struct wtel_ami_parser_counters counters;
};

static inline void outcome_add(struct outcome *outcome, const void *data, size_t length)
{
	const unsigned char *byte = data;
	size_t i;

	for (i = 0; i < length; i++)
		outcome->digest = (outcome->digest ^ byte[i]) * 0x100000001b3;
	outcome->digest = (outcome->digest ^ length) * 0x100000001b3;
}

static inline void outcome_slice(struct outcome *outcome, struct wtel_slice slice)
{
	if (slice.data)
		outcome_add(outcome, slice.data, slice.length);
	else
		outcome_add(outcome, "absent", 7);
}

static inline void outcome_message(struct outcome *outcome, const struct wtel_ami_message *message)
{
	size_t i;

	outcome->messages++;
	outcome_add(outcome, &message->kind, sizeof(message->kind));
	outcome_slice(outcome, message->head);
	outcome_slice(outcome, message->raw);
	for (i = 0; i < message->field_count; i++) {
		outcome_slice(outcome, message->fields[i].name);
		outcome_slice(outcome, message->fields[i].value);
	}
}

static inline void outcome_drain(struct outcome *outcome, struct wtel_ami_parser *parser)
{
	struct wtel_ami_message message;

	while (wtel_ami_parser_next(parser, &message) == 1)
		outcome_message(outcome, &message);
}

/* Feeds in pieces of sizes[0], sizes[1], ... over and over; 0 means all that is left. */
static inline struct outcome parse_cut(const char *data, size_t length, const struct wtel_ami_limits *limits,
				       const size_t *sizes, size_t size_count)
{
	struct outcome outcome = {14695981039346656037u, 0, {0}};
	struct wtel_ami_parser *parser;
	size_t at = 0, i = 0;

	cr_assert_eq(wtel_ami_parser_new(&parser, limits, NULL), 0);
	while (at < length) {
		size_t piece = sizes[i++ % size_count];

		if (!piece || piece > length - at)
			piece = length - at;
		cr_assert_eq(wtel_ami_parser_feed(parser, data + at, piece), 0);
		at += piece;
		outcome_drain(&outcome, parser);
	}
	outcome.counters = *wtel_ami_parser_counters(parser);
	wtel_ami_parser_free(parser);
	return outcome;
}

static inline struct outcome parse_whole(const char *data, size_t length, const struct wtel_ami_limits *limits)
{
	size_t all = 0;

	return parse_cut(data, length, limits, &all, 1);
}

static inline void assert_same(struct outcome a, struct outcome b, const char *what, size_t cut)
{
	cr_assert_eq(a.messages, b.messages, "%s cut at %zu: %zu messages instead of %zu", what, cut, b.messages,
		     a.messages);
	cr_assert_eq(a.digest, b.digest, "%s cut at %zu: other messages", what, cut);
	cr_assert_eq(a.counters.skipped, b.counters.skipped, "%s cut at %zu: skipped", what, cut);
	cr_assert_eq(a.counters.stray, b.counters.stray, "%s cut at %zu: stray", what, cut);
}

/* Cuts the stream at each of its boundaries. */
static inline void assert_any_cut(const char *data, size_t length, const struct wtel_ami_limits *limits,
				  const char *what)
{
	struct outcome whole = parse_whole(data, length, limits);
	size_t cut, one = 1;

	assert_same(whole, parse_cut(data, length, limits, &one, 1), what, 1);
	for (cut = 1; cut < length; cut++) {
		size_t sizes[] = {cut, 0};

		assert_same(whole, parse_cut(data, length, limits, sizes, 2), what, cut);
	}
}

/* Parses a text and gives back the parser with its n-th message, from 0. Caller frees the parser. */
static inline struct wtel_ami_parser *parse_text(const char *text, struct wtel_ami_message *message, int n)
{
	struct wtel_ami_parser *parser;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, text, strlen(text)), 0);
	do
		cr_assert_eq(wtel_ami_parser_next(parser, message), 1, "message %d is missing", n);
	while (n--);
	return parser;
}

static inline void assert_slice(struct wtel_slice slice, const char *wanted)
{
	if (!wanted) {
		cr_assert_null(slice.data);
		return;
	}
	cr_assert_not_null(slice.data, "\"%s\" is absent", wanted);
	cr_assert_eq(slice.length, strlen(wanted), "\"%.*s\" instead of \"%s\"", (int)slice.length, slice.data, wanted);
	cr_assert_eq(memcmp(slice.data, wanted, slice.length), 0, "\"%.*s\" instead of \"%s\"", (int)slice.length,
		     slice.data, wanted);
}

static inline void assert_field(const struct wtel_ami_message *message, size_t i, const char *name, const char *value)
{
	cr_assert_lt(i, message->field_count);
	assert_slice(message->fields[i].name, name);
	assert_slice(message->fields[i].value, value);
}

static const char old_command[] =
	"Asterisk Call Manager/1.1\r\nResponse: Follows\r\nPrivilege: Command\r\nActionID: 7\r\n"
	"Name   State\n\nSIP: up\r\n1 peer\n--END COMMAND--\r\n\r\nEvent: A\r\n\r\n"
	"Response: Follows\r\nPrivilege: Command\r\nlast--END COMMAND--\r\n\r\nEvent: B\r\n\r\n";

#endif
