#include "trunk/settings.h"

#include "base/error.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdio.h>

int settings_fail(const struct settings *settings, int code, const char *key, const char *format, ...)
{
	char field[sizeof(settings->detail->field)], text[160];
	va_list arguments;
	size_t length;

	length = (size_t)snprintf(field, sizeof(field), "%s%s", settings->path, key ? key : "");
	if (!key && length && length < sizeof(field))
		field[length - 1] = '\0'; /* the '.' */
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return base_fail(settings->detail, code, field, "%s %s", field, text);
}

static int enter(struct settings *out, const struct settings *outer, const json_t *value)
{
	out->object = value;
	out->detail = outer->detail;
	return json_is_object(value) ? 0 : settings_fail(out, WTEL_EINVAL, NULL, "must be an object");
}

int settings_enter(struct settings *out, const struct settings *outer, const char *key, const json_t *value)
{
	snprintf(out->path, sizeof(out->path), "%.30s%.30s.", outer->path, key);
	return enter(out, outer, value);
}

int settings_enter_item(struct settings *out, const struct settings *outer, const char *key, size_t index,
			const json_t *value)
{
	snprintf(out->path, sizeof(out->path), "%.20s%.12s[%zu].", outer->path, key, index);
	return enter(out, outer, value);
}

/* Keys come from whoever wrote the document: only plain ones are repeated. */
static bool is_plain(const char *key)
{
	size_t i;

	for (i = 0; key[i]; i++)
		if (i == 20 || !((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= 'A' && key[i] <= 'Z') || key[i] == '_'))
			return false;
	return i > 0;
}

int settings_only(const struct settings *settings, const char *const *names)
{
	json_t *object = (json_t *)settings->object; /* iterators take no const */
	void *iterator;

	for (iterator = json_object_iter(object); iterator; iterator = json_object_iter_next(object, iterator)) {
		const char *key = json_object_iter_key(iterator);
		size_t i = 0;

		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i])
			return settings_fail(settings, WTEL_EINVAL, is_plain(key) ? key : NULL,
					     is_plain(key) ? "is not known here" : "has a key that is not known here");
	}
	return 0;
}

int settings_number(int *out, const struct settings *settings, const char *key, int least, int most)
{
	const json_t *value = json_object_get(settings->object, key);

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return settings_fail(settings, WTEL_EINVAL, key, "must be a whole number");
	if (json_integer_value(value) < least || json_integer_value(value) > most)
		return settings_fail(settings, WTEL_EINVAL, key, "must be from %d to %d", least, most);
	*out = (int)json_integer_value(value);
	return 0;
}

int settings_flag(bool *out, const struct settings *settings, const char *key)
{
	const json_t *value = json_object_get(settings->object, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return settings_fail(settings, WTEL_EINVAL, key, "must be true or false");
	*out = json_is_true(value);
	return 0;
}

int settings_text(const char **out, const struct settings *settings, const char *key)
{
	const json_t *value = json_object_get(settings->object, key);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return settings_fail(settings, WTEL_EINVAL, key, "must be a text");
	*out = json_string_value(value);
	return 0;
}

int settings_list(const json_t **out, const struct settings *settings, const char *key, size_t most)
{
	const json_t *value = json_object_get(settings->object, key);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return settings_fail(settings, WTEL_EINVAL, key, "must be a list");
	if (json_array_size(value) > most)
		return settings_fail(settings, WTEL_ELIMIT, key, "must not have more than %zu entries", most);
	*out = value;
	return 0;
}
