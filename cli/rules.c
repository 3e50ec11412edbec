/* Options that say a trunk's rules, put into its settings. What a rule may be is the library's to judge. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_SIZE = 128 };

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static int bad(const struct cli *cli, const char *option, const char *given, const char *why)
{
	return cli_fail(cli, EXIT_USAGE, "--%s '%s': %s", option, cli_safe(given), why);
}

static int copy(const struct cli *cli, char out[RULE_SIZE], const char *option, const char *given)
{
	if (strlen(given) >= RULE_SIZE)
		return bad(cli, option, given, "too long");
	memcpy(out, given, strlen(given) + 1);
	return 0;
}

/* ---- prefixes --------------------------------------------------------- */

/* "strip=1" or "prepend=00" into the rule; false: neither. */
static bool take_part(json_t *rule, const char *part)
{
	long count;
	char *end;

	if (strncmp(part, "prepend=", 8) == 0)
		return !json_object_set_new(rule, "prepend", json_string(part + 8));
	if (strncmp(part, "strip=", 6) != 0)
		return false;
	errno = 0;
	count = strtol(part + 6, &end, 10);
	if (end == part + 6 || *end || errno || count < 0 || count > 1000)
		return false;
	return !json_object_set_new(rule, "strip", json_integer(count));
}

/* "+34", "+1:strip=1,prepend=00", "!+1900". */
static int read_prefix(const struct cli *cli, json_t **out, const char *given)
{
	char text[RULE_SIZE], *parts, *part, *rest = NULL;
	int status = copy(cli, text, "prefix", given);
	bool deny = text[0] == '!';
	json_t *rule;

	if (status)
		return status;
	parts = strchr(text, ':');
	if (parts)
		*parts++ = '\0';
	rule = json_pack("{s:s}", "prefix", text + deny);
	if (!rule)
		return bad(cli, "prefix", given, "not UTF-8");
	if (deny)
		json_object_set_new(rule, "deny", json_true());
	for (part = parts ? strtok_r(parts, ",", &rest) : NULL; part; part = strtok_r(NULL, ",", &rest)) {
		if (!deny && take_part(rule, part))
			continue;
		json_decref(rule);
		return bad(cli, "prefix", given,
			   deny ? "what is denied is not changed"
				: "wants PREFIX, !PREFIX, or PREFIX:strip=COUNT,prepend=DIGITS");
	}
	*out = rule;
	return 0;
}

/* In the place of the rule of the same prefix, or at the end. */
static void put_prefix(json_t *rules, json_t *rule)
{
	const char *prefix = json_string_value(json_object_get(rule, "prefix"));
	size_t i;

	for (i = 0; i < json_array_size(rules); i++) {
		const char *other = json_string_value(json_object_get(json_array_get(rules, i), "prefix"));

		if (other && strcmp(other, prefix) == 0) {
			json_array_set_new(rules, i, rule);
			return;
		}
	}
	json_array_append_new(rules, rule);
}

/* ---- windows ---------------------------------------------------------- */

static int day_of(const char *text, size_t length)
{
	int i;

	for (i = 0; i < 7; i++)
		if (length == 3 && strncmp(text, days[i], 3) == 0)
			return i;
	return -1;
}

/* "mon-fri" or "sat" into the list; false: it is neither. */
static bool take_days(json_t *list, const char *part)
{
	const char *dash = strchr(part, '-');
	int first = day_of(part, dash ? (size_t)(dash - part) : strlen(part));
	int last = dash ? day_of(dash + 1, strlen(dash + 1)) : first;
	int i;

	if (first < 0 || last < 0)
		return false;
	for (i = first;; i = (i + 1) % 7) {
		json_array_append_new(list, json_string(days[i]));
		if (i == last)
			return true;
	}
}

/* "mon-fri 09:00-18:30", "sat,sun 10:00-14:00", "22:00-06:00". */
static int read_window(const struct cli *cli, json_t **out, const char *given)
{
	static const char form[] = "wants [DAYS] FROM-TO, such as 'mon-fri 09:00-18:30' or 'sat,sun 10:00-14:00'";
	char text[RULE_SIZE], *space, *hours, *dash, *part, *rest = NULL;
	int status = copy(cli, text, "window", given);
	json_t *list = NULL;

	if (status)
		return status;
	space = strrchr(text, ' ');
	hours = space ? space + 1 : text;
	dash = strchr(hours, '-');
	if (!dash)
		return bad(cli, "window", given, form);
	*dash = '\0';
	if (space) {
		*space = '\0';
		list = json_array();
		for (part = strtok_r(text, ", ", &rest); part; part = strtok_r(NULL, ", ", &rest)) {
			if (take_days(list, part))
				continue;
			json_decref(list);
			return bad(cli, "window", given, form);
		}
		if (!json_array_size(list)) {
			json_decref(list);
			list = NULL;
		}
	}
	/* No days: every day. */
	*out = json_pack("{s:o*, s:s, s:s}", "days", list, "from", hours, "to", dash + 1);
	return *out ? 0 : bad(cli, "window", given, form);
}

/* ---- settings --------------------------------------------------------- */

static void put(json_t *settings, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(settings, key, value);
	else
		json_object_del(settings, key);
}

static void put_number(json_t *settings, const char *key, int64_t value)
{
	if (value >= 0)
		put(settings, key, value ? json_integer(value) : NULL);
}

static int put_text(const struct cli *cli, json_t *settings, const char *key, const char *option, const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	if (text && *text && !value)
		return bad(cli, option, text, "not UTF-8");
	if (text)
		put(settings, key, value);
	return 0;
}

typedef int read_fn(const struct cli *cli, json_t **out, const char *given);

static int put_list(const struct cli *cli, json_t *settings, const char *key, bool clear, const struct cli_texts *given,
		    read_fn *read)
{
	json_t *list, *rule = NULL;
	int status;
	size_t i;

	if (clear)
		json_object_del(settings, key);
	if (!given->count)
		return 0;
	list = json_object_get(settings, key);
	if (!list && !json_object_set_new(settings, key, json_array()))
		list = json_object_get(settings, key);
	if (!json_is_array(list))
		return cli_fail(cli, EXIT_FAILED, "advanced_settings.%s is no list: --no-%s takes it away", key, key);
	for (i = 0; i < given->count; i++) {
		if ((status = read(cli, &rule, given->texts[i])))
			return status;
		if (read == read_prefix)
			put_prefix(list, rule);
		else
			json_array_append_new(list, rule);
	}
	return 0;
}

int cli_rules_apply(const struct cli *cli, char **out, const char *settings, const struct cli_rules *rules)
{
	json_t *object;
	int status;

	*out = NULL;
	if (rules->calls_per_second < 0 && rules->weight < 0 && !rules->caller_id && !rules->timezone &&
	    !rules->prefixes.count && !rules->windows.count && !rules->no_prefixes && !rules->no_windows)
		return 0;
	object = json_loads(settings && *settings ? settings : "{}", JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object)) {
		json_decref(object);
		return 0;
	}
	put_number(object, "callsPerSecond", rules->calls_per_second);
	put_number(object, "weight", rules->weight);
	status = put_text(cli, object, "callerId", "caller-id", rules->caller_id);
	if (!status)
		status = put_text(cli, object, "timezone", "timezone", rules->timezone);
	if (!status)
		status = put_list(cli, object, "prefixes", rules->no_prefixes, &rules->prefixes, read_prefix);
	if (!status)
		status = put_list(cli, object, "windows", rules->no_windows, &rules->windows, read_window);
	if (!status && !(*out = json_dumps(object, JSON_COMPACT)))
		status = cli_fail_code(cli, WTEL_ENOMEM, NULL);
	json_decref(object);
	return status;
}
