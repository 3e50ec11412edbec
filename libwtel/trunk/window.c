/* When a trunk may begin calls: the week's windows, in minutes since Monday 00:00 of its zone. */
#include "trunk/settings.h"

#include "base/slice.h"

#include <stdlib.h>

enum { DAY_MINUTES = 1440, WEEK_MINUTES = 10080, MINUTE = 60, SECOND = 1000000, DAYS = 7 };

/* Something must have changed after the longest gap, two weeks when a clock change swallowed the window between. */
enum { LONGEST_GAP = 22 * 86400 };

static const char *const day_names[DAYS] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* While they are read: with the entry they came from. */
struct numbered {
	struct trunk_window window;
	size_t entry;
};

static int by_begin(const void *left, const void *right)
{
	const struct numbered *a = left, *b = right;

	if (a->window.from != b->window.from)
		return a->window.from < b->window.from ? -1 : 1;
	return a->entry < b->entry ? -1 : a->entry > b->entry;
}

/* "09:30" -> 570; "24:00" where `midnight`. -1: neither. */
static int minutes_of(const char *text, bool midnight)
{
	int hour, minute, i;

	for (i = 0; i < 5; i++)
		if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
			return -1;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	if (text[5] || minute > 59 || hour > 24 || (hour == 24 && (minute || !midnight)))
		return -1;
	return hour * MINUTE + minute;
}

static int read_minutes(int *out, const struct settings *settings, const char *key, bool midnight)
{
	const char *text = NULL;
	int code = settings_text(&text, settings, key);

	if (code)
		return code;
	if (!text)
		return settings_fail(settings, WTEL_EINVAL, key, "is missing: a time like \"09:30\"");
	*out = minutes_of(text, midnight);
	return *out < 0 ? settings_fail(settings, WTEL_EINVAL, key, "must be a time like \"09:30\"") : 0;
}

/* One bit for each day. */
static int read_days(unsigned *out, const struct settings *settings)
{
	const json_t *list = NULL;
	int code = settings_list(&list, settings, "days", DAYS);
	unsigned days = 0, day;
	size_t i;

	if (code)
		return code;
	for (i = 0; list && i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		for (day = 0; day < DAYS && (!name || strcmp(name, day_names[day]) != 0); day++)
			;
		if (day == DAYS)
			return settings_fail(settings, WTEL_EINVAL, "days",
					     "must hold \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"");
		if (days & 1u << day)
			return settings_fail(settings, WTEL_EINVAL, "days", "has \"%s\" twice", day_names[day]);
		days |= 1u << day;
	}
	if (list && !days)
		return settings_fail(settings, WTEL_EINVAL, "days", "must not be empty");
	*out = list ? days : (1u << DAYS) - 1;
	return 0;
}

static int read_window(struct numbered *out, size_t *count, const struct settings *settings, size_t entry)
{
	static const char *const known[] = {"days", "from", "to", NULL};
	unsigned days, day;
	int from, to, code;

	if ((code = settings_only(settings, known)) || (code = read_days(&days, settings)) ||
	    (code = read_minutes(&from, settings, "from", false)) || (code = read_minutes(&to, settings, "to", true)))
		return code;
	if (to <= from)
		to += DAY_MINUTES;
	for (day = 0; day < DAYS; day++) {
		if (!(days & 1u << day))
			continue;
		out[*count].window.from = (int)day * DAY_MINUTES + from;
		out[*count].window.to = (int)day * DAY_MINUTES + to;
		out[(*count)++].entry = entry;
	}
	return 0;
}

/* Of two that overlap, the later in the document is named: with its `from` if that lies within the other. */
static int refuse_overlap(const struct numbered *first, const struct numbered *second, const struct settings *settings)
{
	bool begins_inside = second->entry >= first->entry;
	size_t later = begins_inside ? second->entry : first->entry;
	size_t other = begins_inside ? first->entry : second->entry;
	struct settings at;
	int code = settings_enter_item(&at, settings, "windows", later, settings->object);

	return code ? code
		    : settings_fail(&at, WTEL_EINVAL, begins_inside ? "from" : "to", "overlaps windows[%zu] on %s",
				    other, day_names[second->window.from / DAY_MINUTES]);
}

/* Sorted by their beginnings: if any two overlap, so do two neighbours; the last reaches into the next week's first. */
static int check_overlaps(const struct numbered *windows, size_t count, const struct settings *settings)
{
	size_t i;

	for (i = 0; i + 1 < count; i++)
		if (windows[i].window.to > windows[i + 1].window.from)
			return refuse_overlap(&windows[i], &windows[i + 1], settings);
	if (count && windows[count - 1].window.to - WEEK_MINUTES > windows[0].window.from)
		return refuse_overlap(&windows[count - 1], &windows[0], settings);
	return 0;
}

int settings_windows(struct trunk_rules *rules, const struct settings *settings, const struct wtel_allocator *allocator)
{
	struct numbered windows[TRUNK_WINDOWS_MAX * DAYS];
	const json_t *list = NULL;
	struct settings entry;
	size_t count = 0, i;
	int code = settings_list(&list, settings, "windows", TRUNK_WINDOWS_MAX);

	for (i = 0; !code && list && i < json_array_size(list); i++) {
		code = settings_enter_item(&entry, settings, "windows", i, json_array_get(list, i));
		if (!code)
			code = read_window(windows, &count, &entry, i);
	}
	if (code || !count)
		return code;
	qsort(windows, count, sizeof(*windows), by_begin);
	code = check_overlaps(windows, count, settings);
	if (code)
		return code;
	rules->windows = base_allocate(allocator, count * sizeof(*rules->windows));
	if (!rules->windows)
		return WTEL_ENOMEM;
	for (i = 0; i < count; i++)
		rules->windows[i] = windows[i].window;
	rules->window_count = count;
	return 0;
}

/* ---- asking ----------------------------------------------------------- */

/* Of the minute, and in *next the minute (of this week or the next) at which a window begins or ends after it. */
static bool open_at(int *next, const struct trunk_rules *rules, int minute)
{
	size_t low = 0, high = rules->window_count;
	const struct trunk_window *last;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rules->windows[middle].from <= minute)
			low = middle + 1;
		else
			high = middle;
	}
	*next = low < rules->window_count ? rules->windows[low].from : rules->windows[0].from + WEEK_MINUTES;
	/* The one that began last: of this week, or of the week before. */
	last = &rules->windows[low ? low - 1 : rules->window_count - 1];
	if (minute < last->to - (low ? 0 : WEEK_MINUTES)) {
		*next = last->to - (low ? 0 : WEEK_MINUTES);
		return true;
	}
	return false;
}

/* Of a second since 1970; *until: when the clock or a window may change it. */
static bool open_second(int64_t *until, const struct trunk_rules *rules, const struct trunk_zone *zone, int64_t second)
{
	int64_t shift = INT64_MAX, local, week;
	int offset = zone ? trunk_zone_offset(zone, second, &shift) : 0, next;
	bool open;

	/* 1970-01-01 was a Thursday: its week began three days before. */
	local = second + offset + 3 * 86400;
	week = local % (WEEK_MINUTES * MINUTE);
	if (week < 0)
		week += WEEK_MINUTES * MINUTE;
	open = open_at(&next, rules, (int)(week / MINUTE));
	*until = second + (int64_t)next * MINUTE - week;
	if (shift < *until)
		*until = shift;
	return open;
}

bool trunk_rules_open(const struct trunk_rules *rules, const struct trunk_zone *zone, int64_t wall, int64_t *until)
{
	int64_t begin = wall / SECOND - (wall % SECOND < 0), at, next;
	bool open;

	*until = INT64_MAX;
	if (!rules->window_count)
		return true;
	open = open_second(&next, rules, zone, begin);
	do {
		at = next;
		if (at - begin > LONGEST_GAP)
			return open;
	} while (open_second(&next, rules, zone, at) == open);
	*until = at > INT64_MAX / SECOND ? INT64_MAX : at * SECOND;
	return open;
}
