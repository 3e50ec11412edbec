/* Which events a session gets: its mask and its filters (action_filter(), should_send_event() of main/manager.c). */
#define _GNU_SOURCE
#include "sim/core.h"

#include <strings.h>

/* glibc copies what a repetition stands behind: nested ones double the pattern each time. */
enum { FILTER_PATTERN = 256, FILTER_REPETITIONS = 6 };

bool sim_pattern(regex_t *out, const char *text)
{
	const char *at;
	size_t repetitions = 0;

	for (at = text; *at; at++)
		repetitions += *at == '+' || *at == '*' || *at == '?';
	if (strlen(text) > FILTER_PATTERN || strchr(text, '{') || repetitions > FILTER_REPETITIONS)
		return false;
	for (at = text; (at = strchr(at, '\\')); at += 2)
		if (!at[1] || (at[1] >= '0' && at[1] <= '9'))
			return false;
	return regcomp(out, text, REG_EXTENDED | REG_NOSUB) == 0;
}

void sim_filters_free(struct wtel_sim_client *client)
{
	size_t i;

	for (i = 0; i < client->filter_count; i++)
		if (client->filters[i].compiled)
			regfree(&client->filters[i].pattern);
	client->filter_count = 0;
}

static bool filter_matches(const struct sim_filter *filter, const char *name, struct wtel_slice text)
{
	if (*filter->name && strcmp(filter->name, name) != 0)
		return false;
	if (filter->compiled) {
		/* Terminated for regexec(): sim_client_wants() saw to it. */
		return regexec(&filter->pattern, text.data, 0, NULL, 0) == 0;
	}
	return !*filter->text || memmem(text.data, text.length, filter->text, strlen(filter->text));
}

bool sim_client_wants(const struct wtel_sim_client *client, int class, const char *name, struct wtel_slice text)
{
	bool included = true, excluded = false;
	size_t i, including = 0, includes = 0;

	if (client->closing || !client->authenticated || !(client->events & class))
		return false;
	if (!text.data)
		return true;
	for (i = 0; i < client->filter_count; i++) {
		const struct sim_filter *filter = &client->filters[i];
		bool match = filter_matches(filter, name, text);

		if (filter->exclude)
			excluded |= match;
		else if (++includes)
			including += match;
	}
	if (includes)
		included = including > 0;
	return included && !excluded;
}

/* MatchCriteria: action(include|exclude),name(Event); a header() or method() is refused here. */
static bool filter_criteria(struct sim_filter *filter, const char *criteria)
{
	while (*criteria) {
		size_t word = strcspn(criteria, "("), value;
		const char *end = strchr(criteria, ')');

		if (!end || !criteria[word])
			return false;
		value = (size_t)(end - criteria) - word - 1;
		if (word == 6 && strncmp(criteria, "action", 6) == 0) {
			struct wtel_slice action = {criteria + word + 1, value};

			if (!base_slice_is(action, "include") && !base_slice_is(action, "exclude"))
				return false;
			filter->exclude = base_slice_is(action, "exclude");
		} else if (word == 4 && strncmp(criteria, "name", 4) == 0) {
			struct wtel_slice name = {criteria + word + 1, value};

			if (!value || !base_slice_copy(filter->name, sizeof(filter->name), name))
				return false;
		} else {
			return false;
		}
		criteria = end + 1 + strspn(end + 1, ", ");
	}
	return true;
}

void sim_action_filter(struct wtel_sim_client *client)
{
	const char *criteria = sim_header(client, "MatchCriteria"), *text = sim_header(client, "Filter");
	struct sim_filter *filter = &client->filters[client->filter_count];

	if (strcasecmp(sim_header(client, "Operation"), "Add") != 0) {
		sim_error(client, "Unknown operation");
		return;
	}
	if (client->filter_count == SIM_FILTERS) {
		sim_error(client, "Internal Error. Failed to allocate regex for filter");
		return;
	}
	memset(filter, 0, sizeof(*filter));
	if (*text == '!') {
		filter->exclude = true;
		text++;
	}
	if (!filter_criteria(filter, criteria) || (!*criteria && !*text)) {
		sim_error(client, "Filter was formatted incorrectly.  Check the syntax of the filter given.");
		return;
	}
	if (strpbrk(text, "^$.[]()*+?{}\\|") || strlen(text) >= sizeof(filter->text)) {
		if (!sim_pattern(&filter->pattern, text)) {
			sim_error(client, "Filter did not compile.  Check the syntax of the filter given.");
			return;
		}
		filter->compiled = true;
	} else {
		sim_copy(filter->text, sizeof(filter->text), text);
	}
	client->filter_count++;
	sim_reply(client, "Success", "Success");
}
