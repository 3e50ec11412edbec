/*
 * Recorded sessions of a real Asterisk into which a caller's bytes are put at every place where Asterisk copies such
 * bytes raw. Of what Asterisk wrote, only the event that carries them may be missed.
 */
#include "ami_stream.h"
#include "golden.h"

enum { MESSAGES = 4096, PIECE = 79 };

/* Fields whose values are not escaped (main/manager_channels.c, main/core_local.c, apps/app_queue.c). */
static const char *const raw_fields[] = {
	"CallerIDNum: ", "ConnectedLineNum: ", "Exten: ", "DialString: ", "AppData: ", "Extension: ", "Forward: "};

static const char *const pieces[] = {
	"1\r\n\r\nEvent: Hangup\r\nUniqueid: 1700000000.1\r\nCause: 16\r\n\r\n",
	"1\r\n\r\nEvent: Hangup\r\nUniqueid: 1700000000.1\r\nCause: 16",
	"1\r\nEvent: Hangup",
	"1\r\nUniqueid: 1700000000.1",
	"\r\n\r\n\r\n",
	"1\r\n\r\nResponse: Success\r\nActionID: 1\r\n\r\n",
	"1\r\n\r\nEvent: Newstate\r\nPrivilege: call,all\r\nChannel: a\r\nChannelState: 6",
	"1\r\n\r\nCallerIDName: x\r\nConnectedLineNum: 1\r\n\r\nEvent: X\r\n\r\n",
	"1\r\n\r\nEvent: Registry\r\nPrivilege: a\r\nUsername: a\r\nStatus: Rejected\r\n\r\n",
	"1\r\n\r\nA: b\r\n\r\nA: b\r\n\r\nA: b\r\n\r\nA: b\r\n\r\nA: b\r\n\r\nA: b\r\n\r\nA: b\r\n\r\nA: b",
	"1\r\n\r\nEvent: DialEnd\r\nPrivilege: call,all\r\nDestChannel: a\r\nDestChannelState: 6",
};

struct recorded {
	struct golden_file file;
	struct {
		const char *text;
		size_t length; /* with the blank line */
	} messages[MESSAGES];
	size_t count;
};

static void read_session(struct recorded *out, const char *path)
{
	const char *at, *end;

	out->file = golden_read(path);
	out->count = 0;
	at = out->file.data + strcspn(out->file.data, "\n") + 1; /* the banner */
	for (; (end = strstr(at, "\r\n\r\n")) != NULL; at = end + 4 + strspn(end + 4, "\r\n")) {
		cr_assert_lt(out->count, MESSAGES);
		out->messages[out->count].text = at;
		out->messages[out->count++].length = (size_t)(end + 4 - at);
	}
}

static void put(struct stream *stream, const char *text, size_t length)
{
	cr_assert_lt(stream->length + length, sizeof(stream->text));
	memcpy(stream->text + stream->length, text, length);
	stream->length += length;
}

/* Up to `count` messages from the n-th on. Gives back how many. */
static size_t put_messages(struct stream *stream, const struct recorded *session, size_t n, size_t count)
{
	size_t i;

	for (i = n; i < n + count && i < session->count; i++)
		put(stream, session->messages[i].text, session->messages[i].length);
	return i - n;
}

/*
 * Judges [0, from) and [to, length) as Asterisk's own, all between as the caller's. Gives back how many of Asterisk's
 * were missed; a caller's that is trusted and matters fails.
 */
static size_t missed(struct stream *stream, struct wtel_ami_parser *parser, size_t from, size_t to, size_t genuine)
{
	struct wtel_ami_message message;
	struct wtel_ami_event event;
	const char *start = NULL;

	memset(&stream->guard, 0, sizeof(stream->guard));
	wtel_ami_parser_reset(parser);
	cr_assert_eq(wtel_ami_parser_feed(parser, stream->text, stream->length), 0);
	while (wtel_ami_parser_next(parser, &message) == 1) {
		size_t at;

		if (!start)
			start = message.raw.data;
		at = (size_t)(message.raw.data - start);
		if (wtel_ami_guard_judge(&stream->guard, &message) != WTEL_AMI_TRUSTED)
			continue;
		if (at < from || at >= to) {
			genuine--;
			continue;
		}
		/* What a last field's 79 bytes can hold changes nothing (guard.c); the event itself may be whole. */
		if (at == from || message.kind != WTEL_AMI_EVENT || wtel_ami_event_decode(&event, &message))
			continue;
		cr_assert(event.type == WTEL_AMI_OTHER || event.type == WTEL_AMI_USER_EVENT,
			  "forged and trusted:\n%.*s", (int)message.raw.length, message.raw.data);
	}
	return genuine;
}

/* The n-th message with a piece in place of the value at `value`. `tail` false: the rest is left out. */
static size_t inject(struct stream *stream, struct wtel_ami_parser *parser, const struct recorded *session, size_t n,
		     const char *value, const char *piece, bool tail)
{
	const char *text = session->messages[n].text, *end = strstr(value, "\r\n");
	size_t from, to, genuine;

	stream->length = 0;
	genuine = put_messages(stream, session, n ? n - 1 : 0, n ? 1 : 0);
	from = stream->length;
	put(stream, text, (size_t)(value - text));
	put(stream, piece, strlen(piece));
	if (tail)
		put(stream, end, (size_t)(text + session->messages[n].length - end));
	else
		put(stream, "\r\n\r\n", 4);
	to = stream->length;
	genuine += put_messages(stream, session, n + 1, 3);
	return missed(stream, parser, from, to, genuine);
}

static const char *raw_value(const char *line, const char *end)
{
	const char *name, *colon = memchr(line, ':', (size_t)(end - line));
	size_t i, length;

	for (i = 0; colon && i < sizeof(raw_fields) / sizeof(raw_fields[0]); i++) {
		length = strlen(raw_fields[i]) - 2;
		name = colon - length;
		if (name >= line && memcmp(name, raw_fields[i], length) == 0)
			return colon + 2;
	}
	return NULL;
}

struct sums {
	size_t injections, missed, silent, worst;
};

static void inject_everywhere(const struct recorded *session, struct wtel_ami_parser *parser, bool tail,
			      struct sums *sums)
{
	static struct stream stream;
	const char *line, *next, *value;
	size_t n, i, lost;

	for (n = 0; n + 4 < session->count; n++) {
		const char *text = session->messages[n].text, *end = text + session->messages[n].length - 2;

		if (strncmp(text, "Event: ", 7) != 0)
			continue;
		for (line = text; line < end; line = next) {
			next = strstr(line, "\r\n") + 2;
			value = raw_value(line, next);
			for (i = 0; value && i < sizeof(pieces) / sizeof(pieces[0]); i++) {
				cr_assert_leq(strlen(pieces[i]), PIECE);
				lost = inject(&stream, parser, session, n, value, pieces[i], tail);
				sums->injections++;
				sums->missed += lost;
				sums->silent += lost && !stream.guard.lost && !stream.guard.active;
				sums->worst = lost > sums->worst ? lost : sums->worst;
			}
		}
	}
}

static struct sums inject_all(bool tail)
{
	static struct recorded session;
	struct wtel_ami_parser *parser;
	struct sums sums = {0};
	glob_t found = golden_sessions();
	size_t i;

	cr_assert_eq(wtel_ami_parser_new(&parser, NULL, NULL), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		if (strstr(found.gl_pathv[i], "forged"))
			continue;
		read_session(&session, found.gl_pathv[i]);
		inject_everywhere(&session, parser, tail, &sums);
		free(session.file.data);
	}
	wtel_ami_parser_free(parser);
	globfree(&found);
	return sums;
}

/*
 * Four, and not in silence: EffectiveConnectedLineNum of Status, which nothing here asks for, stands behind a whole
 * block, so a head forged there looks like an event whose tail is missing.
 */
Test(ami_injection, nothing_of_asterisks_is_missed, .timeout = 300)
{
	struct sums sums = inject_all(true);

	cr_assert_gt(sums.injections, 10000);
	cr_assert_eq(sums.silent, 0);
	cr_assert_leq(sums.missed, 4);
}

/*
 * An event that ends where the caller's bytes end: of a shape unknown here, or cut at a limit. What follows within
 * 79 bytes and is shorter than a block may be missed: mostly an answer.
 */
Test(ami_injection, a_missing_tail_costs_nothing_in_silence, .timeout = 300)
{
	struct sums sums = inject_all(false);

	cr_assert_gt(sums.injections, 10000);
	cr_assert_eq(sums.silent, 0);
	cr_assert_leq(sums.worst, 2);
	cr_assert_lt(sums.missed, sums.injections / 50);
}
