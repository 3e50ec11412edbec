/*
 * Actions to bytes. Asterisk ends a header at CR LF or at a bare LF, ends its string at NUL, skips the blanks before
 * a value, and answers Error to a line beyond its buffer (get_input, do_message and __astman_get_header in
 * main/manager.c): whatever it would read differently from what was given is refused here.
 */
#include "ami/action.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"

struct wtel_ami_action {
	struct wtel_allocator allocator;
	char *name;
	struct base_buffer lines; /* every header but Action and ActionID, each with its CR LF */
	struct base_buffer bytes; /* what the last encode gave out */
	size_t headers;
};

/* A name for messages: it may come from outside, and a log takes no control characters. */
static const char *printable(char *out, size_t room, const char *name)
{
	size_t i;

	for (i = 0; name && name[i] && i < room - 1; i++)
		out[i] = (unsigned char)name[i] < 32 || name[i] == 127 ? '?' : name[i];
	out[i] = '\0';
	return out;
}

/* No byte that ends the name or the line. */
static int check_name(const char *name, const char *field, struct wtel_detail *detail)
{
	const char *c;

	if (!name || !*name)
		return base_fail(detail, WTEL_EINVAL, field, "a header needs a name");
	for (c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == ':' || *c == 127)
			return base_fail(detail, WTEL_EINJECTION, field,
					 "a header's name must not hold ':', blanks or control characters");
	return 0;
}

static int check_value(struct wtel_slice value, const char *field, struct wtel_detail *detail)
{
	if (base_slice_unsafe(value) != value.length)
		return base_fail(detail, WTEL_EINJECTION, field, "a value must not hold CR, LF or NUL");
	if (value.length && (unsigned char)value.data[0] <= ' ')
		return base_fail(detail, WTEL_EINVAL, field,
				 "a value must not begin with a blank: Asterisk would drop it");
	return 0;
}

static int check_line(size_t length, const char *field, struct wtel_detail *detail)
{
	if (length > WTEL_AMI_MAX_ACTION_LINE)
		return base_fail(detail, WTEL_ELIMIT, field, "the line has %zu bytes, and Asterisk reads at most %d",
				 length, WTEL_AMI_MAX_ACTION_LINE);
	return 0;
}

int action_check_header(const char *name, struct wtel_slice value, const char *field, struct wtel_detail *detail)
{
	int code = check_name(name, field, detail);

	if (!code)
		code = check_value(value, field, detail);
	return code ? code : check_line(strlen(name) + 2 + value.length, field, detail);
}

int action_check_id(const char *action_id)
{
	struct wtel_slice id = wtel_slice_of(action_id);

	if (!id.length || (unsigned char)id.data[0] <= ' ')
		return WTEL_EINVAL;
	if (base_slice_unsafe(id) != id.length)
		return WTEL_EINJECTION;
	return id.length > WTEL_AMI_MAX_ACTION_ID ? WTEL_ELIMIT : 0;
}

int wtel_ami_action_new(struct wtel_ami_action **out, const char *name, const struct wtel_allocator *allocator)
{
	struct wtel_allocator from = base_allocator(allocator);
	struct wtel_ami_action *action;
	int code = name && *name ? action_check_header("Action", wtel_slice_of(name), "Action", NULL) : WTEL_EINVAL;

	if (code)
		return code;
	action = base_allocate_zero(&from, sizeof(*action));
	if (!action)
		return WTEL_ENOMEM;
	action->allocator = from;
	action->name = base_copy_string(&from, name);
	if (!action->name) {
		base_release(&from, action);
		return WTEL_ENOMEM;
	}
	*out = action;
	return 0;
}

void wtel_ami_action_free(struct wtel_ami_action *action)
{
	struct wtel_allocator from;

	if (!action)
		return;
	from = action->allocator;
	base_buffer_free(&action->lines, &from);
	base_buffer_free(&action->bytes, &from);
	base_release(&from, action->name);
	base_release(&from, action);
}

static int check_count(const struct wtel_ami_action *action, const char *field, struct wtel_detail *detail)
{
	if (action->headers < WTEL_AMI_MAX_ACTION_HEADERS - 2)
		return 0;
	return base_fail(detail, WTEL_ELIMIT, field, "an action has at most %d headers", WTEL_AMI_MAX_ACTION_HEADERS);
}

/* Bytes into room that was reserved. */
static void put(struct base_buffer *buffer, const char *data, size_t length)
{
	if (length)
		memcpy(buffer->data + buffer->end, data, length);
	buffer->end += length;
}

static void put_header(struct base_buffer *buffer, const char *name, struct wtel_slice value)
{
	put(buffer, name, strlen(name));
	put(buffer, ": ", 2);
	put(buffer, value.data, value.length);
	put(buffer, "\r\n", 2);
}

int wtel_ami_action_add(struct wtel_ami_action *action, const char *name, struct wtel_slice value,
			struct wtel_detail *detail)
{
	char field[64];
	int code;

	printable(field, sizeof(field), name);
	code = action_check_header(name, value, field, detail);
	if (!code)
		code = check_count(action, field, detail);
	if (code)
		return code;
	if (base_slice_equal_fold(wtel_slice_of(name), BASE_SLICE("Action")) ||
	    base_slice_equal_fold(wtel_slice_of(name), BASE_SLICE("ActionID")))
		return base_fail(detail, WTEL_EINVAL, field, "the writer sets Action and ActionID itself");
	code = base_buffer_reserve(&action->lines, &action->allocator, strlen(name) + value.length + 4);
	if (code)
		return base_fail(detail, code, field, "%s", wtel_error_text(code));
	put_header(&action->lines, name, value);
	action->headers++;
	return 0;
}

int wtel_ami_action_add_number(struct wtel_ami_action *action, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return wtel_ami_action_add(action, name, wtel_slice_of(text), NULL);
}

/* Whether the variable can be set: Asterisk ends its name at the first '=', and skips a header without one. */
static int check_variable_name(const char *name, const char *field, struct wtel_detail *detail)
{
	int code = check_name(name, field, detail);

	if (code)
		return code;
	if (strchr(name, '='))
		return base_fail(detail, WTEL_EINVAL, field, "a variable's name must not hold '='");
	/* One or two leading underscores ask for inheritance and are no part of the name (ast_var_name). */
	if (strcmp(name, "_") == 0 || strcmp(name, "__") == 0)
		return base_fail(detail, WTEL_EINVAL, field, "a variable needs a name after its underscores");
	return 0;
}

/*
 * Asterisk splits the header at commas (man_do_variable_value, __ast_app_separate_args in main/app.c): it drops every
 * '"' and the backslash before any byte, and keeps that byte as it is. With these three escaped, no comma splits,
 * so the brackets that would shelter one count for nothing, and blanks are kept.
 */
static bool is_special(char c)
{
	return c == ',' || c == '"' || c == '\\';
}

static size_t escaped_length(struct wtel_slice text)
{
	size_t length = text.length;
	size_t i;

	for (i = 0; i < text.length; i++)
		length += is_special(text.data[i]);
	return length;
}

static void put_escaped(struct base_buffer *buffer, struct wtel_slice text)
{
	size_t i;

	for (i = 0; i < text.length; i++) {
		if (is_special(text.data[i]))
			put(buffer, "\\", 1);
		put(buffer, text.data + i, 1);
	}
}

int wtel_ami_action_add_variable(struct wtel_ami_action *action, const char *name, struct wtel_slice value,
				 struct wtel_detail *detail)
{
	char field[64];
	size_t length;
	int code;

	printable(field, sizeof(field), name);
	code = check_variable_name(name, field, detail);
	/* A blank may come first: it stands behind "name=". */
	if (!code && base_slice_unsafe(value) != value.length)
		code = base_fail(detail, WTEL_EINJECTION, field, "a value must not hold CR, LF or NUL");
	if (code)
		return code;
	length = strlen("Variable: ") + escaped_length(wtel_slice_of(name)) + 1 + escaped_length(value);
	code = check_line(length, field, detail);
	if (!code)
		code = check_count(action, field, detail);
	if (code)
		return code;
	code = base_buffer_reserve(&action->lines, &action->allocator, length + 2);
	if (code)
		return base_fail(detail, code, field, "%s", wtel_error_text(code));
	put(&action->lines, "Variable: ", strlen("Variable: "));
	put_escaped(&action->lines, wtel_slice_of(name));
	put(&action->lines, "=", 1);
	put_escaped(&action->lines, value);
	put(&action->lines, "\r\n", 2);
	action->headers++;
	return 0;
}

size_t action_length(const struct wtel_ami_action *action, const char *action_id)
{
	return strlen("Action: \r\nActionID: \r\n\r\n") + strlen(action->name) + strlen(action_id) +
	       base_buffer_length(&action->lines);
}

int action_append(const struct wtel_ami_action *action, const char *action_id, struct base_buffer *buffer,
		  const struct wtel_allocator *allocator)
{
	int code = base_buffer_reserve(buffer, allocator, action_length(action, action_id));

	if (code)
		return code;
	put_header(buffer, "Action", wtel_slice_of(action->name));
	put_header(buffer, "ActionID", wtel_slice_of(action_id));
	if (base_buffer_length(&action->lines))
		put(buffer, base_buffer_front(&action->lines), base_buffer_length(&action->lines));
	put(buffer, "\r\n", 2);
	return 0;
}

int wtel_ami_action_encode(struct wtel_ami_action *action, const char *action_id, struct wtel_slice *out)
{
	int code = action_check_id(action_id);

	if (code)
		return code;
	action->bytes.start = action->bytes.end = 0;
	code = action_append(action, action_id, &action->bytes, &action->allocator);
	if (code)
		return code;
	*out = (struct wtel_slice){base_buffer_front(&action->bytes), base_buffer_length(&action->bytes)};
	return 0;
}
