#include "trunk/zone_rule.h"

#include "base/slice.h"

enum { DAY = 86400, CHANGES = 10, HOURS_MOST = 167 };

/* Beyond it a year means nothing, and seconds stay far from overflowing. */
static const int64_t horizon = (int64_t)1 << 50;

/* ---- reading ---------------------------------------------------------- */

/* What is left to be read. */
static char peek(const struct wtel_slice *text)
{
	return text->length ? text->data[0] : '\0';
}

static bool take(struct wtel_slice *text, char c)
{
	if (!text->length || text->data[0] != c)
		return false;
	text->data++;
	text->length--;
	return true;
}

static bool take_number(int *out, struct wtel_slice *text, int least, int most)
{
	int value = 0, digits = 0;

	for (; peek(text) >= '0' && peek(text) <= '9' && digits < 4; digits++) {
		value = value * 10 + (peek(text) - '0');
		take(text, peek(text));
	}
	*out = value;
	return digits && value >= least && value <= most;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "CET" or "<+0130>": at least three characters. */
static bool take_name(struct wtel_slice *text)
{
	bool quoted = take(text, '<');
	size_t length = 0;

	while (is_letter(peek(text)) ||
	       (quoted && (peek(text) == '+' || peek(text) == '-' || (peek(text) >= '0' && peek(text) <= '9')))) {
		take(text, peek(text));
		length++;
	}
	return length >= 3 && (!quoted || take(text, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(int32_t *out, struct wtel_slice *text, int hours_most)
{
	int sign = take(text, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;

	if (sign > 0)
		take(text, '+');
	if (!take_number(&hours, text, 0, hours_most))
		return false;
	if (take(text, ':') &&
	    (!take_number(&minutes, text, 0, 59) || (take(text, ':') && !take_number(&seconds, text, 0, 59))))
		return false;
	*out = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

static bool take_day(struct zone_day *out, struct wtel_slice *text)
{
	bool fine;

	if (!take(text, ','))
		return false;
	if (take(text, 'M')) {
		out->kind = ZONE_DAY_MONTH;
		fine = take_number(&out->month, text, 1, 12) && take(text, '.') &&
		       take_number(&out->week, text, 1, 5) && take(text, '.') && take_number(&out->day, text, 0, 6);
	} else if (take(text, 'J')) {
		out->kind = ZONE_DAY_JULIAN;
		fine = take_number(&out->day, text, 1, 365);
	} else {
		out->kind = ZONE_DAY_ZERO;
		fine = take_number(&out->day, text, 0, 365);
	}
	out->second = 2 * 3600;
	return fine && (!take(text, '/') || take_time(&out->second, text, HOURS_MOST));
}

/* West is positive in POSIX. */
bool zone_rule_parse(struct zone_rule *out, struct wtel_slice text)
{
	struct zone_rule rule = {0};
	int32_t west;

	if (!take_name(&text) || !take_time(&west, &text, 24))
		return false;
	rule.standard = -west;
	if (text.length) {
		rule.has_summer = true;
		rule.summer = rule.standard + 3600;
		if (!take_name(&text))
			return false;
		if (peek(&text) != ',') {
			if (!take_time(&west, &text, 24))
				return false;
			rule.summer = -west;
		}
		if (!take_day(&rule.start, &text) || !take_day(&rule.end, &text) || text.length)
			return false;
	}
	*out = rule;
	return true;
}

/* ---- asking ----------------------------------------------------------- */

static int64_t floor_div(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970-01-01 of the first day of a year. */
static int64_t year_day(int64_t year)
{
	int64_t before = year - 1;

	return 365 * (year - 1970) + floor_div(before, 4) - floor_div(before, 100) + floor_div(before, 400) - 477;
}

static int64_t year_of(int64_t second)
{
	int64_t day = floor_div(second, DAY), year = 1970 + floor_div(day * 400, 146097);

	while (year_day(year) > day)
		year--;
	while (year_day(year + 1) <= day)
		year++;
	return year;
}

/* In local time. */
static int64_t second_of(const struct zone_day *when, int64_t year)
{
	static const short month_day[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	int64_t day = year_day(year);
	int first, shift, length;

	switch (when->kind) {
	case ZONE_DAY_JULIAN:
		day += when->day - 1 + (is_leap(year) && when->day >= 60);
		break;
	case ZONE_DAY_ZERO:
		day += when->day;
		break;
	case ZONE_DAY_MONTH:
		length = month_day[when->month] - month_day[when->month - 1] + (when->month == 2 && is_leap(year));
		day += month_day[when->month - 1] + (when->month > 2 && is_leap(year));
		/* 1970-01-01 was a Thursday. */
		first = (int)(day + 4 - floor_div(day + 4, 7) * 7);
		shift = (when->day - first + 7) % 7 + (when->week - 1) * 7;
		day += shift >= length ? shift - 7 : shift;
		break;
	}
	return day * DAY + when->second;
}

struct change {
	int64_t at;
	int32_t offset;
};

/* Stable: of two at one instant the one that was put last stands last, and counts. */
static void put_change(struct change *changes, size_t count, int64_t at, int32_t offset)
{
	for (; count && changes[count - 1].at > at; count--)
		changes[count] = changes[count - 1];
	changes[count].at = at;
	changes[count].offset = offset;
}

int zone_rule_offset(const struct zone_rule *rule, int64_t second, int64_t *until)
{
	struct change changes[CHANGES];
	int64_t year;
	int32_t offset;
	size_t i, now;

	*until = INT64_MAX;
	if (!rule->has_summer || second > horizon || second < -horizon)
		return rule->standard;
	/* A rule may lie a week outside its year, so that two years before and after are looked at. */
	year = year_of(second + rule->standard) - 2;
	for (i = 0; i < CHANGES; i += 2, year++) {
		put_change(changes, i, second_of(&rule->start, year) - rule->standard, rule->summer);
		put_change(changes, i + 1, second_of(&rule->end, year) - rule->summer, rule->standard);
	}
	for (now = 0; now + 1 < CHANGES && changes[now + 1].at <= second; now++)
		;
	offset = changes[now].offset;
	/* Not the last one: what undoes it at the same instant (summer time all the year) is not there. */
	for (i = now + 1; i + 1 < CHANGES && *until == INT64_MAX; i++)
		if (changes[i + 1].at != changes[i].at && changes[i].offset != offset)
			*until = changes[i].at;
	return offset;
}
