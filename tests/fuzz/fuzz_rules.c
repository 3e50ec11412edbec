/* advanced_settings as anybody may have written them: what is taken holds what the router relies on. */
#include "trunk/rules.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

static void check_prefixes(const struct trunk_rules *rules)
{
	char out[WTEL_NUMBER_SIZE];
	size_t i;

	MUST(rules->prefix_count <= TRUNK_PREFIXES_MAX);
	for (i = 0; i < rules->prefix_count; i++) {
		const struct trunk_prefix *prefix = &rules->prefixes[i];

		MUST(memchr(prefix->prefix, '\0', sizeof(prefix->prefix)));
		MUST(memchr(prefix->prepend, '\0', sizeof(prefix->prepend)));
		MUST(!i || strcmp(prefix[-1].prefix, prefix->prefix) < 0);
		MUST(!rules->only_denies || prefix->deny);
		if (trunk_prefix_apply(out, prefix, "+34600123456") == 0) {
			size_t plus = out[0] == '+', digits = strspn(out + plus, "0123456789");

			/* A '+' alone is what such a rule asks for; the router's business. */
			MUST(!out[plus + digits]);
		}
	}
}

static void check_windows(const struct trunk_rules *rules)
{
	int64_t wall = 1761523200000000, until;
	size_t i;

	for (i = 0; i < rules->window_count; i++) {
		MUST(rules->windows[i].from >= 0 && rules->windows[i].from < 10080);
		MUST(rules->windows[i].to > rules->windows[i].from &&
		     rules->windows[i].to <= rules->windows[i].from + 1440);
		MUST(!i || rules->windows[i - 1].to <= rules->windows[i].from);
	}
	for (i = 0; i < 20; i++) {
		bool open = trunk_rules_open(rules, NULL, wall, &until);

		MUST(until > wall);
		if (until == INT64_MAX) {
			MUST(open);
			break;
		}
		MUST(trunk_rules_open(rules, NULL, until, &wall) != open);
		wall = until;
	}
}

static void check_rest(const struct trunk_rules *rules)
{
	struct wtel_slice none = {NULL, 0};
	size_t i;

	MUST(rules->calls_per_second >= 0 && rules->calls_per_second <= 1000);
	MUST(rules->weight >= 0 && rules->weight <= 1000);
	MUST(strspn(rules->caller_id, "+0123456789") == strlen(rules->caller_id));
	MUST(!strstr(rules->timezone, "..") && rules->timezone[0] != '/');
	MUST(rules->breaker.pause > 0 && rules->breaker.longest_pause >= rules->breaker.pause);
	MUST(rules->breaker.samples > 0 && rules->breaker.faults >= 0);
	for (i = 0; i < rules->next_count; i++)
		MUST(trunk_rules_fault(rules, rules->next[i], 0, none, false) == WTEL_FAULT_TRUNK);
	for (i = 0; i < rules->stop_count; i++)
		MUST(trunk_rules_fault(rules, rules->stop[i], 0, none, false) == WTEL_FAULT_CALLEE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wtel_detail detail = {"", ""};
	struct trunk_rules rules;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (trunk_rules_read(&rules, text, NULL, &detail) == 0) {
		check_prefixes(&rules);
		check_windows(&rules);
		check_rest(&rules);
		trunk_rules_free(&rules, NULL);
	} else {
		MUST(strncmp(detail.field, "advanced_settings", 17) == 0 && detail.text[0]);
	}
	free(text);
	return 0;
}
