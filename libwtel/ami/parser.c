/*
 * Bytes -> messages.
 *
 * Where a line ends. Asterisk ends its lines with CR LF and a message with an empty line. A lone LF does turn up in
 * front of the CR LF, inside a value ("Uniqueid length exceeds maximum of 149\n", main/manager.c), and behind a
 * message's end ("\r\n\n", CoreShowChannelMap of some versions). So: CR LF ends a line; a LF alone ends only a line
 * that is empty so far, and is a byte of the value everywhere else. A value that may hold LF but no CR can thus start
 * neither a line nor a message.
 *
 * Command output of Asterisk up to 13 ("Response: Follows") is raw text up to "--END COMMAND--", with LF alone. That
 * form is only believed on a connection whose banner is that old: on any other, four words that a caller forges would
 * make the parser swallow the stream.
 *
 * A byte is looked at once: `scanned` remembers how far the search for LF came in an incomplete message.
 */
#include "base/buffer.h"
#include "base/slice.h"

#include <wtel/ami.h>

enum {
	PARSER_FIELDS = 64,    /* room at first */
	PARSER_KEPT = 64,      /* bytes kept of a line being skipped: enough to see how it ends */
	PARSER_OLD_BANNER = 3, /* first AMI version (Asterisk 14) whose commands answer with "Output:" lines */
};

static const char parser_banner[] = "Asterisk Call Manager";
static const char parser_command_end[] = "--END COMMAND--";

struct wtel_ami_parser {
	struct wtel_allocator allocator;
	struct wtel_ami_limits limits;
	struct wtel_ami_parser_counters counters;
	struct base_buffer buffer;     /* begins with the message under construction */
	struct wtel_ami_field *fields; /* of that message, pointing into the buffer */
	size_t field_room;
	size_t field_count;
	size_t line;	/* where the present line begins, from the buffer's front */
	size_t scanned; /* how far LF was looked for */
	bool greeting;	/* the next line may be the banner */
	bool old;	/* the banner was one of Asterisk up to 13 */
	bool command;	/* inside "Response: Follows" */
	bool output;	/* and past its header lines */
	bool skipping;	/* beyond a limit: nothing is kept up to the blank line */
	bool skipped;	/* bytes of the present line were already dropped */
};

int wtel_ami_parser_new(struct wtel_ami_parser **out, const struct wtel_ami_limits *limits,
			const struct wtel_allocator *allocator)
{
	const struct wtel_ami_limits defaults = WTEL_AMI_LIMITS_INIT;
	struct wtel_allocator memory = base_allocator(allocator);
	struct wtel_ami_parser *parser = base_allocate_zero(&memory, sizeof(*parser));

	if (!parser)
		return WTEL_ENOMEM;
	parser->allocator = memory;
	parser->limits = defaults;
	if (limits && limits->size)
		memcpy(&parser->limits, limits, limits->size < sizeof(*limits) ? limits->size : sizeof(*limits));
	if (!parser->limits.max_line)
		parser->limits.max_line = defaults.max_line;
	if (!parser->limits.max_fields)
		parser->limits.max_fields = defaults.max_fields;
	if (!parser->limits.max_message)
		parser->limits.max_message = defaults.max_message;
	parser->fields = base_allocate(&memory, PARSER_FIELDS * sizeof(*parser->fields));
	if (!parser->fields) {
		base_release(&memory, parser);
		return WTEL_ENOMEM;
	}
	parser->field_room = PARSER_FIELDS;
	parser->greeting = true;
	*out = parser;
	return 0;
}

void wtel_ami_parser_free(struct wtel_ami_parser *parser)
{
	struct wtel_allocator memory;

	if (!parser)
		return;
	memory = parser->allocator;
	base_buffer_free(&parser->buffer, &memory);
	base_release(&memory, parser->fields);
	base_release(&memory, parser);
}

static void parser_begin(struct wtel_ami_parser *parser)
{
	parser->field_count = 0;
	parser->line = 0;
	parser->scanned = 0;
	parser->command = false;
	parser->output = false;
	parser->skipping = false;
	parser->skipped = false;
}

void wtel_ami_parser_reset(struct wtel_ami_parser *parser)
{
	base_buffer_take(&parser->buffer, base_buffer_length(&parser->buffer));
	parser_begin(parser);
	parser->greeting = true;
	parser->old = false;
}

const struct wtel_ami_parser_counters *wtel_ami_parser_counters(const struct wtel_ami_parser *parser)
{
	return &parser->counters;
}

static void parser_move(struct wtel_slice *slice, const char *from, const char *to)
{
	if (slice->data)
		slice->data = to + (slice->data - from);
}

int wtel_ami_parser_reserve(struct wtel_ami_parser *parser, char **out, size_t *room, size_t wanted)
{
	struct base_buffer *buffer = &parser->buffer;
	uintptr_t before = (uintptr_t)buffer->data + buffer->start;
	size_t i, start = buffer->start;
	char *old = buffer->data;
	int code = base_buffer_reserve(buffer, &parser->allocator, wanted ? wanted : 1);

	if (code)
		return WTEL_ENOMEM;
	/* The message under construction moved: its fields follow. Old pointers are only measured, never read. */
	if (parser->field_count && before != (uintptr_t)base_buffer_front(buffer))
		for (i = 0; i < parser->field_count; i++) {
			parser_move(&parser->fields[i].name, old + start, base_buffer_front(buffer));
			parser_move(&parser->fields[i].value, old + start, base_buffer_front(buffer));
		}
	*out = buffer->data + buffer->end;
	*room = buffer->room - buffer->end;
	return 0;
}

void wtel_ami_parser_commit(struct wtel_ami_parser *parser, size_t length)
{
	size_t room = parser->buffer.room - parser->buffer.end;

	length = length < room ? length : room;
	parser->buffer.end += length;
	parser->counters.bytes += length;
}

int wtel_ami_parser_feed(struct wtel_ami_parser *parser, const void *data, size_t length)
{
	char *room;
	size_t available;

	if (!length)
		return 0;
	if (wtel_ami_parser_reserve(parser, &room, &available, length))
		return WTEL_ENOMEM;
	memcpy(room, data, length);
	wtel_ami_parser_commit(parser, length);
	return 0;
}

/* Room for one more field. Grows by doubling, up to the limit's order of magnitude. */
static int parser_grow_fields(struct wtel_ami_parser *parser)
{
	size_t room = parser->field_room * 2;
	struct wtel_ami_field *grown;

	if (parser->field_count < parser->field_room)
		return 0;
	grown = base_reallocate(&parser->allocator, parser->fields, room * sizeof(*grown));
	if (!grown)
		return WTEL_ENOMEM;
	parser->fields = grown;
	parser->field_room = room;
	return 0;
}

static void parser_add_raw(struct wtel_ami_parser *parser, const char *text, size_t length)
{
	struct wtel_ami_field *field = &parser->fields[parser->field_count++];

	field->name = (struct wtel_slice){NULL, 0};
	field->value = (struct wtel_slice){text, length};
}

static void parser_add(struct wtel_ami_parser *parser, const char *text, size_t length)
{
	const char *colon = memchr(text, ':', length);
	struct wtel_ami_field *field;
	const char *value;

	if (!colon) {
		parser->counters.stray++;
		parser_add_raw(parser, text, length);
		return;
	}
	value = colon + 1;
	if (value < text + length && *value == ' ')
		value++;
	field = &parser->fields[parser->field_count++];
	field->name = (struct wtel_slice){text, (size_t)(colon - text)};
	field->value = (struct wtel_slice){value, (size_t)(text + length - value)};
}

/* A line of old command output. Its last line may stand right before the end mark. */
static void parser_add_output(struct wtel_ami_parser *parser, const char *text, size_t length)
{
	size_t mark = sizeof(parser_command_end) - 1;

	if (!parser->output && (base_slice_starts((struct wtel_slice){text, length}, BASE_SLICE("Privilege: ")) ||
				base_slice_starts((struct wtel_slice){text, length}, BASE_SLICE("ActionID: ")))) {
		parser_add(parser, text, length);
		return;
	}
	parser->output = true;
	if (length >= mark && !memcmp(text + length - mark, parser_command_end, mark)) {
		parser->command = false;
		length -= mark;
		if (!length)
			return;
	}
	parser_add_raw(parser, text, length);
}

static bool parser_is(struct wtel_slice slice, const char *text, size_t length)
{
	return slice.length == length && !memcmp(slice.data, text, length);
}

/* The message that ends at `end` and whose blank line ends at `next`, both from the buffer's front. */
static void parser_emit(struct wtel_ami_parser *parser, struct wtel_ami_message *out, size_t end, size_t next)
{
	const struct wtel_ami_field *first = &parser->fields[0];

	if (parser_is(first->name, "Event", 5))
		out->kind = WTEL_AMI_EVENT;
	else if (parser_is(first->name, "Response", 8))
		out->kind = WTEL_AMI_RESPONSE;
	else
		out->kind = WTEL_AMI_HEADLESS;
	out->head = first->value;
	out->fields = parser->fields;
	out->field_count = parser->field_count;
	out->raw = (struct wtel_slice){base_buffer_front(&parser->buffer), end};
	base_buffer_take(&parser->buffer, next);
	parser_begin(parser);
	out->next = (struct wtel_slice){base_buffer_front(&parser->buffer), base_buffer_length(&parser->buffer)};
	parser->counters.messages++;
}

/* The banner stands alone on its line, without a blank one behind it. */
static bool parser_greet(struct wtel_ami_parser *parser, struct wtel_ami_message *out, size_t end, size_t next)
{
	struct wtel_slice line = {base_buffer_front(&parser->buffer) + parser->line, end - parser->line};
	const char *slash;
	int64_t version = 0;

	parser->greeting = false;
	if (!base_slice_starts(line, BASE_SLICE(parser_banner)))
		return false;
	parser_add_raw(parser, line.data, line.length);
	slash = memchr(line.data, '/', line.length);
	if (slash)
		line = (struct wtel_slice){slash + 1, (size_t)(line.data + line.length - slash - 1)};
	parser_emit(parser, out, end, next);
	out->kind = WTEL_AMI_BANNER;
	out->head = line;
	for (; line.length && *line.data >= '0' && *line.data <= '9' && version < 1000; line.data++, line.length--)
		version = version * 10 + (*line.data - '0');
	parser->old = slash && version < PARSER_OLD_BANNER;
	return true;
}

/* Beyond a limit: forget what there is of the message and go on dropping its lines. */
static void parser_skip(struct wtel_ami_parser *parser)
{
	parser->counters.skipped++;
	parser->skipping = true;
	parser->greeting = false;
	parser->field_count = 0;
}

/* Drops what a skipped message needs no more, so that it never grows the buffer. */
static void parser_drop(struct wtel_ami_parser *parser)
{
	size_t kept = parser->scanned - parser->line;

	if (kept > PARSER_KEPT) {
		kept = PARSER_KEPT;
		parser->skipped = true;
	}
	base_buffer_take(&parser->buffer, parser->scanned - kept);
	parser->line = 0;
	parser->scanned = kept;
}

/* One line of a skipped message, [line, end). true: it was the blank one. */
static bool parser_skip_line(struct wtel_ami_parser *parser, size_t end, size_t next)
{
	const char *text = base_buffer_front(&parser->buffer) + parser->line;
	size_t length = end - parser->line, mark = sizeof(parser_command_end) - 1;
	bool blank = !length && !parser->skipped;

	if (parser->command && length >= mark && !memcmp(text + length - mark, parser_command_end, mark))
		parser->command = false;
	if (blank && !parser->command) {
		base_buffer_take(&parser->buffer, next);
		parser_begin(parser);
		return true;
	}
	parser->line = parser->scanned = next;
	parser->skipped = false;
	parser_drop(parser);
	return false;
}

/*
 * The next line's end: *end is one past its content, *next one past its LF, from the buffer's front. false: more
 * bytes are needed.
 */
static bool parser_line(struct wtel_ami_parser *parser, size_t *end, size_t *next)
{
	const char *front = base_buffer_front(&parser->buffer);
	size_t length = base_buffer_length(&parser->buffer);

	while (parser->scanned < length) {
		const char *found = memchr(front + parser->scanned, '\n', length - parser->scanned);
		size_t at;

		if (!found)
			break;
		at = (size_t)(found - front);
		if (at > parser->line && front[at - 1] == '\r') {
			*end = at - 1;
			*next = at + 1;
			return true;
		}
		if ((at == parser->line && !parser->skipped) || parser->command) {
			*end = at;
			*next = at + 1;
			return true;
		}
		parser->scanned = at + 1;
	}
	parser->scanned = length;
	if (!parser->skipping && length &&
	    (length - parser->line > parser->limits.max_line + 1 || length > parser->limits.max_message + 1))
		parser_skip(parser);
	if (parser->skipping)
		parser_drop(parser);
	return false;
}

/* Takes a line that is not blank into the message. 1: beyond a limit; WTEL_ENOMEM: nothing happened. */
static int parser_take_line(struct wtel_ami_parser *parser, size_t end, size_t next)
{
	const char *text = base_buffer_front(&parser->buffer) + parser->line;
	size_t length = end - parser->line;

	if (length > parser->limits.max_line || next > parser->limits.max_message ||
	    parser->field_count >= parser->limits.max_fields)
		return 1;
	if (parser->field_count >= parser->field_room && parser_grow_fields(parser))
		return WTEL_ENOMEM;
	if (parser->command)
		parser_add_output(parser, text, length);
	else
		parser_add(parser, text, length);
	if (parser->old && parser->field_count == 1 &&
	    base_slice_is((struct wtel_slice){text, length}, "Response: Follows"))
		parser->command = true;
	parser->line = parser->scanned = next;
	return 0;
}

int wtel_ami_parser_next(struct wtel_ami_parser *parser, struct wtel_ami_message *out)
{
	size_t end, next;
	int code;

	while (parser_line(parser, &end, &next)) {
		if (parser->skipping) {
			parser_skip_line(parser, end, next);
			continue;
		}
		if (end == parser->line && !parser->command) {
			if (parser->field_count) {
				parser_emit(parser, out, end, next);
				return 1;
			}
			base_buffer_take(&parser->buffer, next);
			parser->scanned = 0;
			continue;
		}
		if (parser->greeting && end <= parser->limits.max_line && next <= parser->limits.max_message &&
		    parser_greet(parser, out, end, next))
			return 1;
		code = parser_take_line(parser, end, next);
		if (code < 0)
			return code;
		if (code) {
			parser_skip(parser);
			parser_skip_line(parser, end, next);
		}
	}
	return 0;
}
