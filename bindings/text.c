/* JSON from languages whose strings may hold anything: NUL, halves of surrogate pairs, a gigabyte. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

enum { DEPTH = 4 };

int text_fail(struct wtel_detail *detail, int code, const char *field, const char *format, ...)
{
	va_list arguments;

	snprintf(detail->field, sizeof(detail->field), "%s", field);
	va_start(arguments, format);
	vsnprintf(detail->text, sizeof(detail->text), format, arguments);
	va_end(arguments);
	return code;
}

/* Behind the closing quote of the string that begins at text[at]; `length` if there is none. */
static size_t string_end(const char *text, size_t length, size_t at)
{
	for (at++; at < length; at++) {
		if (text[at] == '\\')
			at++;
		else if (text[at] == '"')
			return at + 1;
	}
	return length;
}

static bool is_key(const char *text, size_t length, size_t end)
{
	while (end < length && strchr(" \t\r\n", text[end]))
		end++;
	return end < length && text[end] == ':';
}

/* The names on the way to the value that stands at text[stop], as "variables.NAME". */
static void locate(char *out, size_t room, const char *text, size_t length, size_t stop)
{
	struct wtel_slice keys[DEPTH + 1] = {{NULL, 0}};
	size_t at = 0, depth = 0, i, used = 0;

	while (at < length && at < stop) {
		size_t next = at + 1;

		if (text[at] == '{' || text[at] == '[') {
			if (++depth <= DEPTH)
				keys[depth].length = 0;
		} else if ((text[at] == '}' || text[at] == ']') && depth) {
			depth--;
		} else if (text[at] == '"') {
			next = string_end(text, length, at);
			if (depth <= DEPTH && is_key(text, length, next))
				keys[depth] = (struct wtel_slice){text + at + 1, next - at - 2};
		}
		at = next;
	}
	out[0] = '\0';
	for (i = 1; i <= depth && i <= DEPTH && used < room; i++)
		if (keys[i].length)
			used += (size_t)snprintf(out + used, room - used, "%s%.*s", used ? "." : "",
						 keys[i].length < room ? (int)keys[i].length : (int)room, keys[i].data);
}

int text_object(json_t **out, const char *text, struct wtel_detail *detail)
{
	size_t length = text ? strnlen(text, REQUEST_MAX + 1) : 0;
	json_error_t error;
	json_t *value;

	if (!text)
		return text_fail(detail, WTEL_EINVAL, "", "a JSON object is needed");
	if (length > REQUEST_MAX) {
		locate(detail->field, sizeof(detail->field), text, length, length);
		snprintf(detail->text, sizeof(detail->text), "longer than %d bytes", REQUEST_MAX);
		return WTEL_ELIMIT;
	}
	value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (!value) {
		enum json_error_code why = json_error_code(&error);
		bool null = why == json_error_null_character || why == json_error_null_byte_in_key;
		bool coding = why == json_error_invalid_utf8 || strncmp(error.text, "invalid Unicode", 15) == 0;

		if (why == json_error_out_of_memory)
			return text_fail(detail, WTEL_ENOMEM, "", "%s", wtel_error_text(WTEL_ENOMEM));
		locate(detail->field, sizeof(detail->field), text, length,
		       error.position > 0 ? (size_t)error.position : 0);
		snprintf(detail->text, sizeof(detail->text), "%s",
			 null				      ? "NUL in a text"
			 : coding			      ? "a text is not valid Unicode"
			 : why == json_error_duplicate_key    ? "is given twice"
			 : why == json_error_numeric_overflow ? "a number is too large"
							      : "the text is not JSON");
		return null ? WTEL_EINJECTION : WTEL_EINVAL;
	}
	if (!json_is_object(value)) {
		json_decref(value);
		return text_fail(detail, WTEL_EINVAL, "", "a JSON object is needed");
	}
	*out = value;
	return 0;
}

int text_known(json_t *object, const char *const *names, struct wtel_detail *detail)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const char *const *name = names;

		while (*name && strcmp(*name, key) != 0)
			name++;
		if (!*name)
			return text_fail(detail, WTEL_EINVAL, key, "is not known here");
	}
	return 0;
}

int text_check(json_t *value, const char *field, struct wtel_detail *detail)
{
	if (!json_is_string(value))
		return text_fail(detail, WTEL_EINVAL, field, "must be a text");
	if (json_string_length(value) > TEXT_MAX)
		return text_fail(detail, WTEL_ELIMIT, field, "longer than %d bytes", TEXT_MAX);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return text_fail(detail, WTEL_EINJECTION, field, "NUL in a text");
	return 0;
}

int text_read_string(const char **out, json_t *object, const char *key, struct wtel_detail *detail)
{
	json_t *value = json_object_get(object, key);
	int code;

	if (!value || json_is_null(value))
		return 0;
	code = text_check(value, key, detail);
	if (!code)
		*out = json_string_value(value);
	return code;
}

int text_read_integer(int64_t *out, json_t *object, const char *key, int64_t least, int64_t most,
		      struct wtel_detail *detail)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value))
		return text_fail(detail, WTEL_EINVAL, key, "must be a whole number");
	if (json_integer_value(value) < least || json_integer_value(value) > most)
		return text_fail(detail, WTEL_EINVAL, key, "must be between %lld and %lld", (long long)least,
				 (long long)most);
	*out = json_integer_value(value);
	return 0;
}

int text_read_boolean(bool *out, json_t *object, const char *key, struct wtel_detail *detail)
{
	json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return text_fail(detail, WTEL_EINVAL, key, "must be true or false");
	*out = json_is_true(value);
	return 0;
}
