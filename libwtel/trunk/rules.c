#include "trunk/settings.h"

#include "base/error.h"
#include "base/slice.h"
#include "trunk/text.h"

#include <stdlib.h>

enum {
	PER_SECOND_MOST = 1000,
	WEIGHT_MOST = 1000,
	STRIP_MOST = WTEL_NUMBER_SIZE - 1,
	SIP_LEAST = 300,
	SIP_MOST = 699,
	SIP_CODES = SIP_MOST - SIP_LEAST + 1,
	SIP_CANCELLED = 487,
	FAULTS_MOST = 1000,
	SAMPLES_MOST = 100000,
	PAUSE_MOST = 7 * 86400, /* seconds */
	SECOND = 1000000
};

/* ---- prefixes --------------------------------------------------------- */

static int read_digits(char out[TRUNK_PREFIX_MAX], const struct settings *settings, const char *key, bool needed)
{
	const char *text = NULL;
	size_t length, plus;
	int code = settings_text(&text, settings, key);

	if (code)
		return code;
	if (!text)
		return needed ? settings_fail(settings, WTEL_EINVAL, key, "is missing") : 0;
	length = strlen(text);
	plus = text[0] == '+';
	if (strspn(text + plus, "0123456789") != length - plus)
		return settings_fail(settings, WTEL_EINVAL, key, "must be digits, with a '+' before them or without");
	if (length >= TRUNK_PREFIX_MAX)
		return settings_fail(settings, WTEL_ELIMIT, key, "must not be longer than %d characters",
				     TRUNK_PREFIX_MAX - 1);
	memcpy(out, text, length + 1);
	return 0;
}

static int read_prefix(struct trunk_prefix *out, const struct settings *settings)
{
	static const char *const known[] = {"prefix", "strip", "prepend", "deny", NULL};
	int strip = 0, code;

	if ((code = settings_only(settings, known)) || (code = read_digits(out->prefix, settings, "prefix", true)) ||
	    (code = read_digits(out->prepend, settings, "prepend", false)) ||
	    (code = settings_number(&strip, settings, "strip", 0, STRIP_MOST)) ||
	    (code = settings_flag(&out->deny, settings, "deny")))
		return code;
	out->strip = (unsigned char)strip;
	return 0;
}

static int by_prefix(const void *left, const void *right)
{
	const struct trunk_prefix *a = left, *b = right;

	return strcmp(a->prefix, b->prefix);
}

/* The second entry of `list` with that prefix is the one that is too many. */
static int refuse_double(const struct settings *settings, const json_t *list, const char *prefix)
{
	struct settings entry;
	size_t i, seen = 0;
	int code;

	for (i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_object_get(json_array_get(list, i), "prefix"));

		if (text && strcmp(text, prefix) == 0 && ++seen == 2)
			break;
	}
	code = settings_enter_item(&entry, settings, "prefixes", i, settings->object);
	return code ? code : settings_fail(&entry, WTEL_EINVAL, "prefix", "is there twice: \"%s\"", prefix);
}

static int read_prefixes(struct trunk_rules *rules, const struct settings *settings,
			 const struct wtel_allocator *allocator)
{
	const json_t *list = NULL;
	int code = settings_list(&list, settings, "prefixes", TRUNK_PREFIXES_MAX);
	size_t count, i;

	rules->only_denies = true;
	if (code || !list || !json_array_size(list))
		return code;
	count = json_array_size(list);
	rules->prefixes = base_allocate_zero(allocator, count * sizeof(*rules->prefixes));
	if (!rules->prefixes)
		return WTEL_ENOMEM;
	rules->prefix_count = count;
	for (i = 0; i < count; i++) {
		struct settings entry;

		code = settings_enter_item(&entry, settings, "prefixes", i, json_array_get(list, i));
		if (code || (code = read_prefix(&rules->prefixes[i], &entry)))
			return code;
		rules->only_denies = rules->only_denies && rules->prefixes[i].deny;
	}
	qsort(rules->prefixes, count, sizeof(*rules->prefixes), by_prefix);
	for (i = 1; i < count; i++)
		if (strcmp(rules->prefixes[i - 1].prefix, rules->prefixes[i].prefix) == 0)
			return refuse_double(settings, list, rules->prefixes[i].prefix);
	return 0;
}

/* ---- failover --------------------------------------------------------- */

/* `seen` has a flag for each code that stands in one of the lists. */
static int read_codes(unsigned short **out, size_t *count, const struct settings *settings, const char *key,
		      bool seen[SIP_CODES], const struct wtel_allocator *allocator)
{
	const json_t *list = NULL;
	int code = settings_list(&list, settings, key, SIP_CODES);
	size_t i;

	if (code || !list || !json_array_size(list))
		return code;
	*out = base_allocate(allocator, json_array_size(list) * sizeof(**out));
	if (!*out)
		return WTEL_ENOMEM;
	for (i = 0; i < json_array_size(list); i++) {
		const json_t *value = json_array_get(list, i);
		json_int_t number = json_integer_value(value);

		if (!json_is_integer(value) || number < SIP_LEAST || number > SIP_MOST)
			return settings_fail(settings, WTEL_EINVAL, key, "must hold SIP codes from %d to %d: entry %zu",
					     SIP_LEAST, SIP_MOST, i);
		if (number == SIP_CANCELLED)
			return settings_fail(settings, WTEL_EINVAL, key, "must not hold 487, which is our own CANCEL");
		if (seen[number - SIP_LEAST])
			return settings_fail(settings, WTEL_EINVAL, key, "has %d, which is there already", (int)number);
		seen[number - SIP_LEAST] = true;
		(*out)[(*count)++] = (unsigned short)number;
	}
	return 0;
}

static int read_failover(struct trunk_rules *rules, const struct settings *settings,
			 const struct wtel_allocator *allocator)
{
	static const char *const known[] = {"next", "stop", NULL};
	const json_t *value = json_object_get(settings->object, "failover");
	bool seen[SIP_CODES] = {false};
	struct settings inner;
	int code;

	if (!value)
		return 0;
	if ((code = settings_enter(&inner, settings, "failover", value)) || (code = settings_only(&inner, known)) ||
	    (code = read_codes(&rules->next, &rules->next_count, &inner, "next", seen, allocator)))
		return code;
	return read_codes(&rules->stop, &rules->stop_count, &inner, "stop", seen, allocator);
}

/* ---- breaker ---------------------------------------------------------- */

static int read_breaker(struct trunk_rules *rules, const struct settings *settings)
{
	static const char *const known[] = {"faults", "ratio", "samples", "pause", "longestPause", NULL};
	const json_t *value = json_object_get(settings->object, "breaker");
	struct wtel_breaker_settings breaker = WTEL_BREAKER_SETTINGS_INIT;
	int pause = (int)(breaker.pause / SECOND), longest = (int)(breaker.longest_pause / SECOND), code;
	struct settings inner;

	rules->breaker = breaker;
	if (!value)
		return 0;
	if ((code = settings_enter(&inner, settings, "breaker", value)) || (code = settings_only(&inner, known)) ||
	    (code = settings_number(&breaker.faults, &inner, "faults", 0, FAULTS_MOST)) ||
	    (code = settings_number(&breaker.ratio, &inner, "ratio", 0, 100)) ||
	    (code = settings_number(&breaker.samples, &inner, "samples", 1, SAMPLES_MOST)) ||
	    (code = settings_number(&pause, &inner, "pause", 1, PAUSE_MOST)))
		return code;
	/* Who asks for a pause longer than the usual longest has to say no more. */
	if (longest < pause)
		longest = pause;
	if ((code = settings_number(&longest, &inner, "longestPause", 1, PAUSE_MOST)))
		return code;
	if (longest < pause)
		return settings_fail(&inner, WTEL_EINVAL, "longestPause", "must not be less than the pause of %d",
				     pause);
	breaker.pause = (int64_t)pause * SECOND;
	breaker.longest_pause = (int64_t)longest * SECOND;
	rules->breaker = breaker;
	return 0;
}

/* ---- texts ------------------------------------------------------------ */

/* A name of the IANA database: it becomes a part of a file's path. */
static bool is_zone_name(const char *name)
{
	size_t i;

	if (name[0] == '/' || strlen(name) > 63)
		return false;
	for (i = 0; name[i]; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_+-", c) ||
		      (c == '/' && name[i + 1] && name[i + 1] != '/')))
			return false;
	}
	return true;
}

static int keep_text(const char **out, const char *text, const struct wtel_allocator *allocator)
{
	*out = "";
	if (!*text)
		return 0;
	*out = base_copy_string(allocator, text);
	return *out ? 0 : WTEL_ENOMEM;
}

/* endpoint and registration are the store's to use; here they are only looked at, because what is wrong in them would
 * end up in a dial string. */
static int read_texts(struct trunk_rules *rules, const struct settings *settings,
		      const struct wtel_allocator *allocator)
{
	const char *caller_id = "", *timezone = "", *endpoint = "", *wrong;
	bool registration;
	int code;

	if ((code = settings_text(&endpoint, settings, "endpoint")) ||
	    (code = settings_flag(&registration, settings, "registration")) ||
	    (code = settings_text(&caller_id, settings, "callerId")) ||
	    (code = settings_text(&timezone, settings, "timezone")))
		return code;
	if ((wrong = trunk_endpoint_wrong(endpoint)))
		return settings_fail(settings, WTEL_EINVAL, "endpoint", "%s", wrong);
	if ((wrong = trunk_caller_id_wrong(caller_id)))
		return settings_fail(settings, WTEL_EINVAL, "callerId", "%s", wrong);
	if (!is_zone_name(timezone))
		return settings_fail(settings, WTEL_EINVAL, "timezone", "must be a name like \"Europe/Madrid\"");
	code = keep_text(&rules->caller_id, caller_id, allocator);
	return code ? code : keep_text(&rules->timezone, timezone, allocator);
}

/* ---- all -------------------------------------------------------------- */

/* The parser's own sentence repeats what stands in the document, where a password may be. */
static int refuse_document(const json_error_t *error, struct wtel_detail *detail)
{
	const char *field = "advanced_settings";

	if (json_error_code(error) == json_error_out_of_memory)
		return WTEL_ENOMEM;
	if (json_error_code(error) == json_error_duplicate_key)
		return base_fail(detail, WTEL_EINVAL, field, "%s has a key twice, at line %d, column %d", field,
				 error->line, error->column);
	return base_fail(detail, WTEL_EINVAL, field, "%s is not JSON at line %d, column %d", field, error->line,
			 error->column);
}

static int read_rules(struct trunk_rules *rules, const struct settings *settings,
		      const struct wtel_allocator *allocator)
{
	int code;

	if ((code = settings_number(&rules->calls_per_second, settings, "callsPerSecond", 1, PER_SECOND_MOST)) ||
	    (code = settings_number(&rules->weight, settings, "weight", 1, WEIGHT_MOST)) ||
	    (code = read_texts(rules, settings, allocator)) || (code = read_prefixes(rules, settings, allocator)) ||
	    (code = settings_windows(rules, settings, allocator)) || (code = read_failover(rules, settings, allocator)))
		return code;
	return read_breaker(rules, settings);
}

int trunk_rules_read(struct trunk_rules *out, const char *settings, const struct wtel_allocator *given,
		     struct wtel_detail *detail)
{
	struct settings document = {NULL, "advanced_settings.", detail};
	struct wtel_allocator allocator = base_allocator(given);
	struct trunk_rules rules = {0};
	size_t length = settings ? strlen(settings) : 0;
	json_t *object = NULL;
	json_error_t error;
	int code;

	if (length > TRUNK_SETTINGS_MAX)
		return base_fail(detail, WTEL_ELIMIT, "advanced_settings", "advanced_settings is longer than %d bytes",
				 TRUNK_SETTINGS_MAX);
	/* Of a key that is there twice, databases and parsers take different ones. */
	if (length && !(object = json_loadb(settings, length, JSON_REJECT_DUPLICATES, &error)))
		return refuse_document(&error, detail);
	if (object && !json_is_object(object))
		code = base_fail(detail, WTEL_EINVAL, "advanced_settings", "advanced_settings must be a JSON object");
	else {
		document.object = object;
		code = read_rules(&rules, &document, &allocator);
	}
	json_decref(object);
	if (code)
		trunk_rules_free(&rules, &allocator);
	else
		*out = rules;
	return code;
}

static void free_text(const char *text, const struct wtel_allocator *allocator)
{
	if (text && *text)
		base_release(allocator, (char *)text);
}

void trunk_rules_free(struct trunk_rules *rules, const struct wtel_allocator *given)
{
	struct wtel_allocator allocator = base_allocator(given);

	free_text(rules->caller_id, &allocator);
	free_text(rules->timezone, &allocator);
	base_release(&allocator, rules->prefixes);
	base_release(&allocator, rules->windows);
	base_release(&allocator, rules->next);
	base_release(&allocator, rules->stop);
	memset(rules, 0, sizeof(*rules));
}

static bool has_code(const unsigned short *codes, size_t count, int code)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (codes[i] == code)
			return true;
	return false;
}

enum wtel_fault trunk_rules_fault(const struct trunk_rules *rules, int sip_code, int cause,
				  struct wtel_slice dial_status, bool ringing)
{
	if (has_code(rules->next, rules->next_count, sip_code))
		return WTEL_FAULT_TRUNK;
	if (has_code(rules->stop, rules->stop_count, sip_code))
		return WTEL_FAULT_CALLEE;
	return wtel_fault_of(sip_code, cause, dial_status, ringing);
}
