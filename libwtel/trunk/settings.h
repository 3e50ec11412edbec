/* Reading JSON that a person wrote: each mistake is told with the path of its field. */
#ifndef TRUNK_SETTINGS_H
#define TRUNK_SETTINGS_H

#include "trunk/rules.h"
#include <jansson.h>

struct settings {
	const json_t *object; /* being read */
	char path[64];	      /* of it, with a '.' behind: "advanced_settings.windows[1]." */
	struct wtel_detail *detail;
};

/* Gives back `code`; the sentence is the field's path and then `format`: "must not be negative". `key` NULL: the object
 * itself. */
int settings_fail(const struct settings *settings, int code, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Elements of a list, and objects inside. WTEL_EINVAL: not an object. */
int settings_enter(struct settings *out, const struct settings *outer, const char *key, const json_t *value);
int settings_enter_item(struct settings *out, const struct settings *outer, const char *key, size_t index,
			const json_t *value);

/* Keys that stand in no list of names are an error; `names` ends with NULL. */
int settings_only(const struct settings *settings, const char *const *names);

/* What is not there leaves *out as it is. Texts and lists are borrowed from the document. */
int settings_number(int *out, const struct settings *settings, const char *key, int least, int most);
int settings_flag(bool *out, const struct settings *settings, const char *key);
int settings_text(const char **out, const struct settings *settings, const char *key);
int settings_list(const json_t **out, const struct settings *settings, const char *key, size_t most);

/* `windows`, into `rules`. */
int settings_windows(struct trunk_rules *rules, const struct settings *settings,
		     const struct wtel_allocator *allocator);

#endif
