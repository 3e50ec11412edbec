#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MICROSECONDS 1000000

struct wtel_time wtel_time_now(void)
{
	struct timespec mono, wall;
	struct wtel_time now;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	now.mono = (int64_t)mono.tv_sec * MICROSECONDS + mono.tv_nsec / 1000;
	now.wall = (int64_t)wall.tv_sec * MICROSECONDS + wall.tv_nsec / 1000;
	return now;
}

/* Days since the epoch of a date of the Gregorian calendar; months and days may be checked by turning back. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t era, shifted = month <= 2 ? year - 1 : year;
	int64_t of_era, of_year;

	era = (shifted >= 0 ? shifted : shifted - 399) / 400;
	of_era = shifted - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void base_time_format(char out[BASE_TIME_SIZE], int64_t wall)
{
	time_t seconds = (time_t)(wall / MICROSECONDS);
	int micro = (int)(wall % MICROSECONDS);
	char text[64];
	size_t length;
	struct tm tm;

	out[0] = '\0';
	if (!wall)
		return;
	if (micro < 0) {
		micro += MICROSECONDS;
		seconds--;
	}
	if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0)
		return;
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + length, sizeof(text) - length, ".%06dZ", micro);
	snprintf(out, BASE_TIME_SIZE, "%.*s", BASE_TIME_SIZE - 1, text);
}

/* Exactly `count` digits. */
static bool digits(const char **text, int count, int *out)
{
	int value = 0;

	while (count--) {
		if (**text < '0' || **text > '9')
			return false;
		value = value * 10 + (*(*text)++ - '0');
	}
	*out = value;
	return true;
}

static bool clock_part(const char **text, int64_t *micro)
{
	int hour, minute, second = 0, scale = MICROSECONDS / 10;

	if (!digits(text, 2, &hour) || *(*text)++ != ':' || !digits(text, 2, &minute))
		return false;
	if (**text == ':') {
		(*text)++;
		if (!digits(text, 2, &second))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*micro = ((int64_t)hour * 3600 + minute * 60 + second) * MICROSECONDS;
	if (**text != '.')
		return true;
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++, scale /= 10)
		*micro += (int64_t)(**text - '0') * scale;
	return true;
}

static bool zone_part(const char **text, int64_t *micro)
{
	int hours, minutes = 0, sign = **text == '-' ? -1 : 1;

	*micro = 0;
	if (**text == '\0')
		return true;
	if (**text == 'Z' || **text == 'z') {
		(*text)++;
		return true;
	}
	if (**text != '+' && **text != '-')
		return false;
	(*text)++;
	if (!digits(text, 2, &hours))
		return false;
	if (**text == ':')
		(*text)++;
	if (**text && !digits(text, 2, &minutes))
		return false;
	if (hours > 15 || minutes > 59)
		return false;
	*micro = (int64_t)sign * (hours * 3600 + minutes * 60) * MICROSECONDS;
	return true;
}

static bool valid_date(int year, int month, int day)
{
	int64_t first, next;

	if (month < 1 || month > 12 || day < 1)
		return false;
	first = days_of(year, month, 1);
	next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
	return day <= next - first;
}

bool base_time_parse(int64_t *out, const char *text)
{
	int year, month, day;
	int64_t clock = 0, zone = 0;

	if (!text || !digits(&text, 4, &year) || *text++ != '-' || !digits(&text, 2, &month) || *text++ != '-' ||
	    !digits(&text, 2, &day) || !valid_date(year, month, day))
		return false;
	if (*text == 'T' || *text == ' ') {
		text++;
		if (!clock_part(&text, &clock) || !zone_part(&text, &zone))
			return false;
	}
	if (*text)
		return false;
	*out = days_of(year, month, day) * 86400 * MICROSECONDS + clock - zone;
	return true;
}
