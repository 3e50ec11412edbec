#include "ami_outcome.h"
#include "golden.h"

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
