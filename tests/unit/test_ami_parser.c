#include "fault.h"
#include "golden.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wtel/ami.h>

/* What came out of a stream, so that two ways of cutting it can be compared. */
struct outcome {
	uint64_t digest;
	size_t messages;
	struct wtel_ami_parser_counters counters;
};

static void outcome_add(struct outcome *outcome, const void *data, size_t length)
{
	const unsigned char *byte = data;
	size_t i;

	for (i = 0; i < length; i++)
		outcome->digest = (outcome->digest ^ byte[i]) * 0x100000001b3;
	outcome->digest = (outcome->digest ^ length) * 0x100000001b3;
}

static void outcome_slice(struct outcome *outcome, struct wtel_slice slice)
{
	if (slice.data)
		outcome_add(outcome, slice.data, slice.length);
	else
		outcome_add(outcome, "absent", 7);
}

static void outcome_message(struct outcome *outcome, const struct wtel_ami_message *message)
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

static void outcome_drain(struct outcome *outcome, struct wtel_ami_parser *parser)
{
	struct wtel_ami_message message;

	while (wtel_ami_parser_next(parser, &message) == 1)
		outcome_message(outcome, &message);
}

/* Feeds in pieces of sizes[0], sizes[1], ... over and over; 0 means all that is left. */
static struct outcome parse_cut(const char *data, size_t length, const struct wtel_ami_limits *limits,
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

static struct outcome parse_whole(const char *data, size_t length, const struct wtel_ami_limits *limits)
{
	size_t all = 0;

	return parse_cut(data, length, limits, &all, 1);
}

static void assert_same(struct outcome a, struct outcome b, const char *what, size_t cut)
{
	cr_assert_eq(a.messages, b.messages, "%s cut at %zu: %zu messages instead of %zu", what, cut, b.messages,
		     a.messages);
	cr_assert_eq(a.digest, b.digest, "%s cut at %zu: other messages", what, cut);
	cr_assert_eq(a.counters.skipped, b.counters.skipped, "%s cut at %zu: skipped", what, cut);
	cr_assert_eq(a.counters.stray, b.counters.stray, "%s cut at %zu: stray", what, cut);
}

/* Cuts the stream at each of its boundaries. */
static void assert_any_cut(const char *data, size_t length, const struct wtel_ami_limits *limits, const char *what)
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
static struct wtel_ami_parser *parse_text(const char *text, struct wtel_ami_message *message, int n)
{
	struct wtel_ami_parser *parser;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, text, strlen(text)), 0);
	do
		cr_assert_eq(wtel_ami_parser_next(parser, message), 1, "message %d is missing", n);
	while (n--);
	return parser;
}

static void assert_slice(struct wtel_slice slice, const char *wanted)
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

static void assert_field(const struct wtel_ami_message *message, size_t i, const char *name, const char *value)
{
	cr_assert_lt(i, message->field_count);
	assert_slice(message->fields[i].name, name);
	assert_slice(message->fields[i].value, value);
}

Test(ami_parser, recorded_sessions_are_the_same_however_they_are_cut)
{
	glob_t found = golden_sessions();
	size_t i;

	for (i = 0; i < found.gl_pathc; i++) {
		struct golden_file file = golden_read(found.gl_pathv[i]);
		struct outcome whole = parse_whole(file.data, file.length, NULL);
		size_t one = 1, sizes[16], round, j;
		unsigned state = 12345;

		cr_assert_gt(whole.messages, 1, "%s", found.gl_pathv[i]);
		assert_same(whole, parse_cut(file.data, file.length, NULL, &one, 1), found.gl_pathv[i], 1);
		for (round = 0; round < 50; round++) {
			for (j = 0; j < 16; j++) {
				state = state * 1103515245 + 12345;
				sizes[j] = 1 + (state >> 16) % (round < 25 ? 40 : 4000);
			}
			assert_same(whole, parse_cut(file.data, file.length, NULL, sizes, 16), found.gl_pathv[i],
				    sizes[0]);
		}
		free(file.data);
	}
	globfree(&found);
}

/* Every boundary of every session, in stretches of some messages each: a message's neighbours are enough. */
Test(ami_parser, recorded_sessions_may_be_cut_at_each_boundary, .timeout = 300)
{
	glob_t found = golden_sessions();
	size_t i;

	for (i = 0; i < found.gl_pathc; i++) {
		struct golden_file file = golden_read(found.gl_pathv[i]);
		size_t start = 0;

		while (start < file.length) {
			size_t length = file.length - start;
			const char *end = length > 1500 ? strstr(file.data + start + 1500, "\r\n\r\n") : NULL;

			if (end)
				length = (size_t)(end + 4 - file.data) - start;
			assert_any_cut(file.data + start, length, NULL, found.gl_pathv[i]);
			start += length;
		}
		free(file.data);
	}
	globfree(&found);
}

Test(ami_parser, banner_is_one_line_of_any_version)
{
	static const char *const versions[] = {"11.0.0", "9.0.0", "2.10.6", "1.1", "12.0.0-rc1"};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		snprintf(text, sizeof(text), "Asterisk Call Manager/%s\r\nResponse: Success\r\n\r\n", versions[i]);
		parser = parse_text(text, &message, 0);
		cr_assert_eq(message.kind, WTEL_AMI_BANNER);
		assert_slice(message.head, versions[i]);
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
		cr_assert_eq(message.kind, WTEL_AMI_RESPONSE);
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
		wtel_ami_parser_free(parser);
	}
}

Test(ami_parser, banner_stands_only_at_the_beginning)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser =
		parse_text("Response: Success\r\n\r\nAsterisk Call Manager/1.0\r\nEvent: X\r\n\r\n", &message, 1);

	cr_assert_eq(message.kind, WTEL_AMI_HEADLESS);
	assert_field(&message, 0, NULL, "Asterisk Call Manager/1.0");
	assert_field(&message, 1, "Event", "X");
	wtel_ami_parser_reset(parser);
	cr_assert_eq(wtel_ami_parser_feed(parser, "Asterisk Call Manager/5.0.1\r\n", 29), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	cr_assert_eq(message.kind, WTEL_AMI_BANNER);
	cr_assert_eq(wtel_ami_parser_counters(parser)->messages, 3);
	wtel_ami_parser_free(parser);
}

Test(ami_parser, reset_forgets_half_a_message)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser = parse_text("Event: A\r\n\r\nEvent: B\r\nChannel: x", &message, 0);

	cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
	wtel_ami_parser_reset(parser);
	cr_assert_eq(wtel_ami_parser_feed(parser, "Event: C\r\n\r\n", 12), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_slice(message.head, "C");
	cr_assert_eq(message.field_count, 1);
	wtel_ami_parser_free(parser);
}

Test(ami_parser, values_are_kept_as_they_came)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser = parse_text("Event: X\r\n"
						    "Tight:value\r\n"
						    "Empty: \r\n"
						    "None:\r\n"
						    "Colons: a: b:c\r\n"
						    "Wide:   two more\r\n"
						    "Latin: Jos\xe9 \xff\r\n"
						    "Utf8: Jos\xc3\xa9\r\n"
						    "Cause-txt: Normal Clearing \r\n"
						    "ChanVariable(PJSIP/1-01): A=b\r\n"
						    ": no name\r\n"
						    "CarriageReturn: a\rb\r\n"
						    "X: 1\r\nX: 2\r\nx: 3\r\n\r\n",
						    &message, 0);

	assert_field(&message, 1, "Tight", "value");
	assert_field(&message, 2, "Empty", "");
	assert_field(&message, 3, "None", "");
	assert_field(&message, 4, "Colons", "a: b:c");
	assert_field(&message, 5, "Wide", "  two more");
	assert_field(&message, 6, "Latin", "Jos\xe9 \xff");
	assert_field(&message, 7, "Utf8", "Jos\xc3\xa9");
	assert_field(&message, 8, "Cause-txt", "Normal Clearing ");
	assert_field(&message, 9, "ChanVariable(PJSIP/1-01)", "A=b");
	assert_field(&message, 10, "", "no name");
	assert_field(&message, 11, "CarriageReturn", "a\rb");
	assert_slice(wtel_ami_message_get(&message, "x"), "1");
	assert_slice(wtel_ami_message_get_nth(&message, "X", 1), "2");
	assert_slice(wtel_ami_message_get_nth(&message, "X", 2), "3");
	assert_slice(wtel_ami_message_get_nth(&message, "X", 3), NULL);
	assert_slice(wtel_ami_message_get(&message, "Y"), NULL);
	cr_assert_eq(wtel_ami_parser_counters(parser)->stray, 0);
	wtel_ami_parser_free(parser);
}

Test(ami_parser, nul_is_a_byte_like_others)
{
	static const char text[] = "Event: X\r\nA: 1\0002\r\n\r\n";
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, text, sizeof(text) - 1), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	cr_assert_eq(message.fields[1].value.length, 3);
	cr_assert_eq(memcmp(message.fields[1].value.data, "1\0002", 3), 0);
	wtel_ami_parser_free(parser);
}

Test(ami_parser, a_lone_line_feed_ends_only_an_empty_line)
{
	static const char text[] =
		"\r\n\n\r\nResponse: Error\r\nMessage: Uniqueid length exceeds maximum of 149\n\r\n\r\n"
		"Event: A\r\nB: 1\nEvent: Hangup\n\nC: 2\r\n\r\n\n"
		"Event: D\r\nE: 3\r\n\n";
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser = parse_text(text, &message, 0);

	cr_assert_eq(message.field_count, 2);
	assert_field(&message, 1, "Message", "Uniqueid length exceeds maximum of 149\n");
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	cr_assert_eq(message.field_count, 2);
	assert_field(&message, 1, "B", "1\nEvent: Hangup\n\nC: 2");
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_slice(message.head, "D");
	assert_field(&message, 1, "E", "3");
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
	wtel_ami_parser_free(parser);
	assert_any_cut(text, sizeof(text) - 1, NULL, "lone LF");
}

Test(ami_parser, kinds_go_by_the_first_line_as_asterisk_spells_it)
{
	static const struct {
		const char *text;
		enum wtel_ami_kind kind;
	} cases[] = {
		{"Event: X\r\n\r\n", WTEL_AMI_EVENT},
		{"Response: X\r\n\r\n", WTEL_AMI_RESPONSE},
		{" Event: Hangup\r\n\r\n", WTEL_AMI_HEADLESS},
		{"event: Hangup\r\n\r\n", WTEL_AMI_HEADLESS},
		{"EVENT: Hangup\r\n\r\n", WTEL_AMI_HEADLESS},
		{"Event : Hangup\r\n\r\n", WTEL_AMI_HEADLESS},
		{"A: 1\r\nEvent: X\r\n\r\n", WTEL_AMI_HEADLESS},
		{"Event\r\n\r\n", WTEL_AMI_HEADLESS},
	};
	struct wtel_ami_message message;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wtel_ami_parser *parser = parse_text(cases[i].text, &message, 0);

		cr_assert_eq(message.kind, cases[i].kind, "%s", cases[i].text);
		wtel_ami_parser_free(parser);
	}
}

Test(ami_parser, raw_and_next_are_what_stands_there)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser = parse_text("\r\nEvent: A\r\nB: 1\r\n\r\nEvent: C\r\n", &message, 0);

	assert_slice(message.raw, "Event: A\r\nB: 1\r\n");
	assert_slice(message.next, "Event: C\r\n");
	wtel_ami_parser_free(parser);
}

Test(ami_parser, output_lines_are_fields_in_order)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser =
		parse_text("Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: Command output "
			   "follows\r\nOutput: Name: x\r\nOutput: \r\nOutput: 2 found\r\n\r\n",
			   &message, 1);

	assert_slice(wtel_ami_message_get_nth(&message, "Output", 0), "Name: x");
	assert_slice(wtel_ami_message_get_nth(&message, "Output", 1), "");
	assert_slice(wtel_ami_message_get_nth(&message, "Output", 2), "2 found");
	wtel_ami_parser_free(parser);
}

static const char old_command[] =
	"Asterisk Call Manager/1.1\r\nResponse: Follows\r\nPrivilege: Command\r\nActionID: 7\r\n"
	"Name   State\n\nSIP: up\r\n1 peer\n--END COMMAND--\r\n\r\nEvent: A\r\n\r\n"
	"Response: Follows\r\nPrivilege: Command\r\nlast--END COMMAND--\r\n\r\nEvent: B\r\n\r\n";

Test(ami_parser, old_command_output_is_raw_lines)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser = parse_text(old_command, &message, 1);

	cr_assert_eq(message.kind, WTEL_AMI_RESPONSE);
	assert_slice(message.head, "Follows");
	assert_slice(wtel_ami_message_get(&message, "ActionID"), "7");
	cr_assert_eq(message.field_count, 7);
	assert_field(&message, 3, NULL, "Name   State");
	assert_field(&message, 4, NULL, "");
	assert_field(&message, 5, NULL, "SIP: up");
	assert_field(&message, 6, NULL, "1 peer");
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_slice(message.head, "A");
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_field(&message, 2, NULL, "last");
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_slice(message.head, "B");
	wtel_ami_parser_free(parser);
	assert_any_cut(old_command, sizeof(old_command) - 1, NULL, "old command");
}

/* Otherwise a caller's "Response: Follows" would swallow the stream. */
Test(ami_parser, old_command_output_is_not_believed_of_new_servers)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser = parse_text(
		"Asterisk Call Manager/11.0.0\r\nResponse: Follows\r\nPrivilege: Command\r\n\r\nEvent: A\r\n\r\n",
		&message, 2);

	assert_slice(message.head, "A");
	wtel_ami_parser_free(parser);
}

Test(ami_parser, beyond_a_limit_a_message_is_skipped_and_the_connection_lives)
{
	const struct wtel_ami_limits limits = {sizeof(limits), 20, 4, 50};
	static const char text[] = "Event: A\r\nB: 1\r\n\r\n"
				   "Event: line\r\nC: 34567890123456789\r\nD: 4\r\n\r\n"  /* 20 bytes: allowed */
				   "Event: long\r\nC: 345678901234567890\r\nD: 4\r\n\r\n" /* 21: not */
				   "Event: many\r\nB: 1\r\nB: 2\r\nB: 3\r\n\r\n"	  /* 4 fields */
				   "Event: more\r\nB: 1\r\nB: 2\r\nB: 3\r\nB: 4\r\n\r\n"  /* 5 */
				   "Event: size\r\nB: 3456789012345\r\nC: 34567890123456\r\n\r\n"  /* 50 bytes */
				   "Event: big\r\nB: 34567890123456\r\nC: 345678901234567\r\n\r\n" /* 51 */
				   "Event: Z\r\n\r\n";
	static const char *const kept[] = {"A", "line", "many", "size", "Z"};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t i;

	cr_assert_eq(wtel_ami_parser_new(&parser, &limits, NULL), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, text, sizeof(text) - 1), 0);
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 1, "%s is missing", kept[i]);
		assert_slice(message.head, kept[i]);
	}
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
	cr_assert_eq(wtel_ami_parser_counters(parser)->skipped, 3);
	wtel_ami_parser_free(parser);
	assert_any_cut(text, sizeof(text) - 1, &limits, "limits");
}

Test(ami_parser, old_command_output_beyond_a_limit_is_skipped_to_its_end)
{
	const struct wtel_ami_limits limits = {sizeof(limits), 40, 5, 100};

	cr_assert_eq(parse_whole(old_command, sizeof(old_command) - 1, &limits).counters.skipped, 1);
	assert_any_cut(old_command, sizeof(old_command) - 1, &limits, "old command, limited");
}

struct peak {
	size_t now, most;
};

static void *peak_allocate(size_t size, void *user)
{
	struct peak *peak = user;
	size_t *block = malloc(size + 16);

	*block = size;
	peak->now += size;
	peak->most = peak->now > peak->most ? peak->now : peak->most;
	return block + 2;
}

static void peak_release(void *pointer, void *user)
{
	struct peak *peak = user;

	if (!pointer)
		return;
	peak->now -= ((size_t *)pointer)[-2];
	free((size_t *)pointer - 2);
}

static void *peak_reallocate(void *pointer, size_t size, void *user)
{
	void *grown = peak_allocate(size, user);
	size_t old = pointer ? ((size_t *)pointer)[-2] : 0;

	if (old)
		memcpy(grown, pointer, old < size ? old : size);
	peak_release(pointer, user);
	return grown;
}

Test(ami_parser, a_line_of_a_gigabyte_does_not_grow_the_buffer)
{
	struct peak peak = {0, 0};
	struct wtel_allocator allocator = {peak_allocate, peak_reallocate, peak_release, &peak};
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t i, room;
	char *data;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, &allocator), 0);
	cr_assert_eq(wtel_ami_parser_feed(parser, "Event: A\r\nB: ", 13), 0);
	for (i = 0; i < 16384; i++) {
		cr_assert_eq(wtel_ami_parser_reserve(parser, &data, &room, 65536), 0);
		cr_assert_geq(room, 65536);
		memset(data, i & 1 ? 'x' : '\n', 65536);
		wtel_ami_parser_commit(parser, 65536);
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 0);
	}
	cr_assert_eq(wtel_ami_parser_feed(parser, "\r\n\r\nEvent: C\r\n\r\n", 16), 0);
	cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
	assert_slice(message.head, "C");
	cr_assert_eq(wtel_ami_parser_counters(parser)->skipped, 1);
	cr_assert_lt(peak.most, 600000, "%zu bytes", peak.most);
	wtel_ami_parser_free(parser);
	cr_assert_eq(peak.now, 0);
}

Test(ami_parser, no_allocation_for_a_message_once_it_runs)
{
	struct fault fault = {0, 0, 0, 0};
	struct wtel_allocator allocator = {fault_allocate, fault_reallocate, fault_release, &fault};
	glob_t found = golden_sessions();
	struct golden_file file = golden_read(found.gl_pathv[0]);
	struct outcome outcome = {0, 0, {0}};
	struct wtel_ami_parser *parser;
	size_t round, before = 0, at;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, &allocator), 0);
	for (round = 0; round < 50; round++) {
		if (round == 5)
			before = fault.calls;
		for (at = 0; at < file.length; at += 100) {
			cr_assert_eq(wtel_ami_parser_feed(parser, file.data + at,
							  file.length - at < 100 ? file.length - at : 100),
				     0);
			outcome_drain(&outcome, parser);
		}
	}
	cr_assert_eq(fault.calls, before, "%zu allocations for %zu messages", fault.calls - before, outcome.messages);
	wtel_ami_parser_free(parser);
	cr_assert_eq(fault.out, 0);
	free(file.data);
	globfree(&found);
}

/* A message of 300 fields, so that the field array grows too. */
static size_t many_fields(char *text)
{
	size_t length = (size_t)sprintf(text, "Asterisk Call Manager/11.0.0\r\nEvent: Many\r\n"), i;

	for (i = 0; i < 300; i++)
		length += (size_t)sprintf(text + length, "Field%zu: value %zu\r\n", i, i);
	return length + (size_t)sprintf(text + length, "\r\nEvent: Last\r\n\r\n");
}

Test(ami_parser, nothing_is_lost_when_memory_runs_out)
{
	static char text[16384];
	size_t length = many_fields(text);
	struct outcome whole = parse_whole(text, length, NULL);

	cr_assert_eq(whole.messages, 3);
	FAULT_LOOP(allocator)
	{
		struct outcome outcome = {14695981039346656037u, 0, {0}};
		struct wtel_ami_message message;
		struct wtel_ami_parser *parser;
		size_t at, piece;
		int code, failed = 0;

		if (wtel_ami_parser_new(&parser, NULL, &allocator) == WTEL_ENOMEM)
			continue;
		for (at = 0; at < length; at += piece) {
			piece = length - at < 1000 ? length - at : 1000;
			code = wtel_ami_parser_feed(parser, text + at, piece);
			if (code == WTEL_ENOMEM) {
				failed++;
				cr_assert_eq(wtel_ami_parser_feed(parser, text + at, piece), 0);
			}
			while ((code = wtel_ami_parser_next(parser, &message)) != 0) {
				if (code == 1)
					outcome_message(&outcome, &message);
				else
					failed += code == WTEL_ENOMEM;
				cr_assert_lt(failed, 2);
			}
		}
		outcome.counters = *wtel_ami_parser_counters(parser);
		assert_same(whole, outcome, "failing allocation", allocator_fault.fail);
		wtel_ami_parser_free(parser);
	}
}

/* Blocks that end where memory ends: one byte read too far is a crash. */
static void *edge_allocate(size_t size, void *user)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
	char *base = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)user;
	cr_assert_neq(base, MAP_FAILED);
	cr_assert_eq(mprotect(base + pages * page, page, PROT_NONE), 0);
	return base + pages * page - (size + 15) / 16 * 16;
}

static void *edge_reallocate(void *pointer, size_t size, void *user)
{
	void *grown = edge_allocate(size, user);

	/* Only fields grow, by doubling: half is old. */
	memcpy(grown, pointer, size / 2);
	return grown;
}

static void edge_release(void *pointer, void *user)
{
	(void)pointer;
	(void)user;
}

Test(ami_parser, nothing_is_read_beyond_the_input)
{
	static const char *const ends[] = {"\r\n\r\n", "\r\n\r", "\r\n",   "\r",    "\n",	   ":",
					   ": ",       "",	 "\r\n\n", "Event", "\r\nResponse"};
	struct wtel_allocator allocator = {edge_allocate, edge_reallocate, edge_release, NULL};
	struct outcome outcome = {0, 0, {0}};
	struct wtel_ami_parser *parser;
	struct wtel_ami_guard guard;
	struct wtel_ami_message message;
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* The first buffer has 4096 bytes: the text fills it. */
		memset(text, 'x', sizeof(text));
		memcpy(text, "Event: Newchannel\r\nChannel: a\r\n\r\nEvent: Y\r\nA: ", 47);
		memcpy(text + sizeof(text) - strlen(ends[i]), ends[i], strlen(ends[i]));
		cr_assert_eq(wtel_ami_parser_new(&parser, NULL, &allocator), 0);
		cr_assert_eq(wtel_ami_parser_feed(parser, text, sizeof(text)), 0);
		memset(&guard, 0, sizeof(guard));
		cr_assert_eq(wtel_ami_parser_next(parser, &message), 1);
		wtel_ami_guard_judge(&guard, &message);
		outcome_drain(&outcome, parser);
		wtel_ami_parser_free(parser);
	}
	cr_assert_eq(outcome.messages, 2);
}
