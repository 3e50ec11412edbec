/* AMI streams as Asterisk writes them, for the tests of the guard. */
#ifndef TESTS_AMI_STREAM_H
#define TESTS_AMI_STREAM_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wtel/ami.h>

/*
 * Streams as Asterisk would write them, with a caller's bytes in the fields that it copies raw. What the guard says of
 * each message is told by one letter: T(rusted), B(roken), Q(uarantined).
 */
struct stream {
	char text[80000];
	size_t length;
	char verdicts[1024];
	bool lost;
	struct wtel_ami_guard guard;
};

static inline void write_text(struct stream *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void write_text(struct stream *stream, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(stream->text + stream->length, sizeof(stream->text) - stream->length, format, list);
	va_end(list);
	cr_assert_lt(stream->length + (size_t)length, sizeof(stream->text));
	stream->length += (size_t)length;
}

/* What a caller may choose of a channel. */
struct caller {
	const char *name, *number, *connected, *exten, *unique;
};

/* As ast_manager_build_channel_state_string_prefix. */
static inline void write_block(struct stream *stream, const char *p, struct caller caller)
{
	cr_assert_leq(strlen(caller.number), 79);
	cr_assert_leq(strlen(caller.exten), 79);
	write_text(stream,
		   "%sChannel: %s\r\n%sChannelState: 4\r\n%sChannelStateDesc: Ring\r\n%sCallerIDNum: "
		   "%s\r\n%sCallerIDName: <unknown>\r\n"
		   "%sConnectedLineNum: %s\r\n%sConnectedLineName: <unknown>\r\n%sLanguage: en\r\n%sAccountCode: "
		   "\r\n%sContext: in\r\n"
		   "%sExten: %s\r\n%sPriority: 1\r\n%sUniqueid: %s\r\n%sLinkedid: 1700000000.1\r\n",
		   p, caller.name, p, p, p, caller.number, p, p, caller.connected, p, p, p, p, p, caller.exten, p, p,
		   caller.unique, p);
}

static inline void write_head(struct stream *stream, const char *name)
{
	write_text(stream, "Event: %s\r\nPrivilege: call,all\r\nTimestamp: 1795368076.146927\r\n", name);
}

static const struct caller honest = {"PJSIP/1001-00000001", "1001", "1002", "100", "1700000000.1"};

static inline struct caller attacker(const char *number)
{
	return (struct caller){"PJSIP/trunk-00000002", number, "<unknown>", "100", "1700000000.2"};
}

static inline struct caller dialler(const char *exten)
{
	return (struct caller){"PJSIP/trunk-00000002", "5", "<unknown>", exten, "1700000000.2"};
}

static inline void write_event(struct stream *stream, const char *name, struct caller caller, const char *rest)
{
	write_head(stream, name);
	write_block(stream, "", caller);
	write_text(stream, "%s\r\n", rest);
}

static inline void write_honest(struct stream *stream)
{
	write_event(stream, "Newstate", honest, "");
}

static inline void write_dial(struct stream *stream, struct caller caller, struct caller callee, const char *string)
{
	write_head(stream, "DialBegin");
	write_block(stream, "", caller);
	write_block(stream, "Dest", callee);
	write_text(stream, "DialString: %s\r\n\r\n", string);
}

/* Judges the whole stream; `piece` 0: it comes at once. */
static inline const char *judge(struct stream *stream, size_t piece)
{
	struct wtel_ami_message message;
	struct wtel_ami_parser *parser;
	size_t at, count = 0;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	for (at = 0; at < stream->length; at += piece ? piece : stream->length) {
		size_t rest = stream->length - at;

		cr_assert_eq(wtel_ami_parser_feed(parser, stream->text + at, piece && piece < rest ? piece : rest), 0);
		while (wtel_ami_parser_next(parser, &message) == 1) {
			cr_assert_lt(count + 1, sizeof(stream->verdicts));
			stream->verdicts[count++] = "TBQ"[wtel_ami_guard_judge(&stream->guard, &message)];
		}
	}
	stream->verdicts[count] = '\0';
	stream->lost = stream->guard.lost;
	wtel_ami_parser_free(parser);
	return stream->verdicts;
}

/* The attack must be judged so however it is cut; `lost` must be as said. */
static inline void assert_verdicts(struct stream *stream, const char *wanted, bool lost)
{
	static const size_t pieces[] = {0, 1, 7, 100};
	size_t i;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		memset(&stream->guard, 0, sizeof(stream->guard));
		cr_assert_str_eq(judge(stream, pieces[i]), wanted, "pieces of %zu: %s instead of %s", pieces[i],
				 stream->verdicts, wanted);
		cr_assert_eq(stream->lost, lost, "pieces of %zu: lost %d", pieces[i], stream->lost);
		cr_assert_not(stream->guard.active, "pieces of %zu: still in quarantine", pieces[i]);
	}
}

#endif
