/* Against the C library, which reads the same files. Criterion runs each test in a process of its own, so TZ is free.
 */
#include "fault.h"

#include "trunk/rules.h"
#include "trunk/zone.h"

#include "base/timestamp.h"

#include <criterion/logging.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM "/usr/share/zoneinfo"

static const char *const zones[] = {
	"Europe/Madrid",
	"America/Mexico_City",
	"Africa/Casablanca",
	"Australia/Lord_Howe",
	"Asia/Kolkata",
	"Europe/Dublin",
	"America/New_York",
	"America/Santiago",
	"America/Sao_Paulo",
	"Asia/Tehran",
	"Africa/Cairo",
	"America/Nuuk",
	"Antarctica/Troll",
	"Pacific/Apia",
	"Pacific/Chatham",
	"America/Caracas",
	"Asia/Kathmandu",
	"Asia/Gaza",
	"Europe/Moscow",
	"Africa/Monrovia",
	"America/Bogota",
	"Asia/Jerusalem",
	"Asia/Tokyo",
	"Europe/London",
	"UTC",
	"America/Los_Angeles",
	"Etc/GMT+8",
	"Asia/Manila",
	"EST5EDT",
	"Pacific/Kiritimati",
};
enum { ZONES = sizeof(zones) / sizeof(*zones) };

static size_t read_zone(char *out, size_t room, const char *folder, const char *name)
{
	char path[256];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file) {
		length = fread(out, 1, room, file);
		fclose(file);
	}
	return length;
}

/* NULL: this machine does not have it. */
static struct trunk_zone *zone_of(const char *folder, const char *name)
{
	static char data[65536];
	struct wtel_slice slice = {data, read_zone(data, sizeof(data), folder, name)};
	struct trunk_zone *zone = NULL;

	if (slice.length)
		cr_assert_eq(trunk_zone_new(&zone, slice, NULL), 0, "%s/%s", folder, name);
	return zone;
}

static int64_t second_of(const char *text)
{
	int64_t wall;

	cr_assert(base_time_parse(&wall, text), "%s", text);
	return wall / 1000000;
}

static long libc_offset(int64_t second)
{
	time_t when = (time_t)second;
	struct tm local;

	cr_assert_not_null(localtime_r(&when, &local));
	return local.tm_gmtoff;
}

/* The offset is the C library's; it is the same until *until, and another one there. */
static void compare(const struct trunk_zone *zone, const char *name, int64_t second)
{
	int64_t until;
	int offset = trunk_zone_offset(zone, second, &until);

	cr_assert_eq(offset, libc_offset(second), "%s at %lld: %d, not %ld", name, (long long)second, offset,
		     libc_offset(second));
	if (until == INT64_MAX)
		return;
	cr_assert_gt(until, second);
	cr_assert_eq(offset, libc_offset(until - 1), "%s at %lld, before %lld", name, (long long)second,
		     (long long)until);
	cr_assert_neq(offset, libc_offset(until), "%s at %lld, until %lld", name, (long long)second, (long long)until);
}

/* From 1840 to 2540: random seconds, and each change with the seconds around it. */
static void compare_all(const struct trunk_zone *zone, const char *name)
{
	int64_t second = second_of("1840-01-01"), last = second_of("2540-01-01"), until;
	unsigned seed = 3, i;

	setenv("TZ", name, 1);
	tzset();
	for (i = 0; i < 2000; i++) {
		seed = seed * 1103515245 + 12345;
		compare(zone, name, second + (last - second) / 65536 * (seed / 65536) + seed % 86400);
	}
	while (second < last) {
		trunk_zone_offset(zone, second, &until);
		compare(zone, name, second);
		if (until == INT64_MAX)
			break;
		compare(zone, name, until - 1);
		second = until;
	}
}

static size_t compare_folder(const char *folder)
{
	size_t i, found = 0;

	for (i = 0; i < ZONES; i++) {
		struct trunk_zone *zone = zone_of(folder, zones[i]);

		if (!zone)
			continue;
		found++;
		compare_all(zone, zones[i]);
		trunk_zone_free(zone, NULL);
	}
	return found;
}

Test(trunk_zone, equals_the_c_library, .timeout = 300)
{
	if (!compare_folder(SYSTEM))
		cr_skip_test("this machine has no time zones");
}

/* POSIX wants them without const, and does not write them. */
static char *const *plain(const char *const *list)
{
	return (char *const *)(uintptr_t)list;
}

/* Compiled anew, because a system has either slim or fat files. */
static void compare_compiled(const char *form)
{
	char folder[] = "/tmp/wtel_zones_XXXXXX";
	const char *const arguments[] = {"zic", "-b", form, "-d", folder, SYSTEM "/tzdata.zi", NULL};
	const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	const char *const clean[] = {"rm", "-rf", folder, NULL};
	int status = 1;
	pid_t child;

	cr_assert_not_null(mkdtemp(folder));
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	if (access(SYSTEM "/tzdata.zi", R_OK) == 0 &&
	    posix_spawnp(&child, "zic", NULL, NULL, plain(arguments), plain(environment)) == 0)
		waitpid(child, &status, 0);
	if (status == 0) {
		setenv("TZDIR", folder, 1);
		cr_expect_geq(compare_folder(folder), ZONES - 1);
	}
	if (posix_spawnp(&child, "rm", NULL, NULL, plain(clean), plain(environment)) == 0)
		waitpid(child, NULL, 0);
	if (status)
		cr_skip_test("no zic, or nothing for it to compile");
}

Test(trunk_zone, slim_files, .timeout = 300)
{
	compare_compiled("slim");
}

Test(trunk_zone, fat_files, .timeout = 300)
{
	compare_compiled("fat");
}

/* ---- made here -------------------------------------------------------- */

struct made {
	char data[2048];
	size_t length;
};

static void put(struct made *made, int64_t value, int bytes)
{
	while (bytes--)
		made->data[made->length++] = (char)(value >> (8 * bytes));
}

static void put_header(struct made *made, char version, size_t times, size_t types)
{
	memcpy(made->data + made->length, "TZif", 4);
	made->data[made->length + 4] = version;
	memset(made->data + made->length + 5, 0, 15);
	made->length += 20;
	put(made, 0, 4);
	put(made, 0, 4);
	put(made, 0, 4);
	put(made, (int64_t)times, 4);
	put(made, (int64_t)types, 4);
	put(made, 4, 4);
}

/* Types are the offsets given; each transition goes to the type after the last one's, round and round. */
static void put_block(struct made *made, int bytes, const int64_t *times, size_t time_count, const int *offsets,
		      size_t type_count)
{
	size_t i;

	for (i = 0; i < time_count; i++)
		put(made, times[i], bytes);
	for (i = 0; i < time_count; i++)
		put(made, (int64_t)((i + 1) % type_count), 1);
	for (i = 0; i < type_count; i++) {
		put(made, offsets[i], 4);
		put(made, 0, 2);
	}
	memcpy(made->data + made->length, "LMT", 4);
	made->length += 4;
}

static struct made slim(const int64_t *times, size_t time_count, const int *offsets, size_t type_count,
			const char *footer)
{
	static const int zero[] = {0};
	struct made made = {.length = 0};

	put_header(&made, '2', 0, 1);
	put_block(&made, 4, NULL, 0, zero, 1);
	put_header(&made, '2', time_count, type_count);
	put_block(&made, 8, times, time_count, offsets, type_count);
	made.length += (size_t)sprintf(made.data + made.length, "\n%s\n", footer);
	return made;
}

static int make(struct trunk_zone **out, const struct made *made)
{
	struct wtel_slice data = {made->data, made->length};

	return trunk_zone_new(out, data, NULL);
}

static const int hours[] = {0, 3600, 7200};

static int footer_code(const char *footer)
{
	struct made made = slim(NULL, 0, hours, 1, footer);
	struct trunk_zone *zone = NULL;
	int code = make(&zone, &made);

	trunk_zone_free(zone, NULL);
	return code;
}

/* The whole truth of such a file is its footer, and the C library takes the same text as TZ. */
Test(trunk_zone, footers_equal_the_c_library, .timeout = 300)
{
	static const char *const footers[] = {
		"UTC0",
		"CET-1CEST,M3.5.0,M10.5.0/3",
		"EST5EDT,M3.2.0,M11.1.0",
		"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"IST-1GMT0,M10.5.0,M3.5.0/1",
		"NZST-12NZDT,M9.5.0,M4.1.0/3",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
		"AAA3BBB,J60/0,J300/24",
		"AAA-5:30BBB-6:45:30,59/3:30:15,300",
		"AAA0BBB,M2.4.1,M2.5.1/30",
		"IST-2IDT,M3.4.4/26,M10.5.0",
	};
	size_t i;

	for (i = 0; i < sizeof(footers) / sizeof(*footers); i++) {
		struct made made = slim(NULL, 0, hours, 1, footers[i]);
		struct trunk_zone *zone;
		int64_t second, until;

		cr_assert_eq(make(&zone, &made), 0, "%s", footers[i]);
		setenv("TZ", footers[i], 1);
		tzset();
		for (second = second_of("1971-01-01"); second < second_of("2110-01-01"); second = until) {
			trunk_zone_offset(zone, second, &until);
			compare(zone, footers[i], second);
			if (until == INT64_MAX)
				break;
			compare(zone, footers[i], until - 1);
		}
		trunk_zone_free(zone, NULL);
	}
}

/* RFC 8536: summer time all the year; the C library does not know it. */
Test(trunk_zone, summer_time_that_never_ends)
{
	struct made made = slim(NULL, 0, hours, 1, "XXX3EDT4,0/0,J365/23");
	struct trunk_zone *zone;
	int64_t second, until;

	cr_assert_eq(make(&zone, &made), 0);
	for (second = second_of("1999-12-20"); second < second_of("2001-01-20"); second += 7200 * 3) {
		cr_assert_eq(trunk_zone_offset(zone, second, &until), -4 * 3600);
		cr_assert_eq(until, INT64_MAX);
	}
	trunk_zone_free(zone, NULL);
}

Test(trunk_zone, far_away_seconds)
{
	struct made made = slim(NULL, 0, hours, 1, "CET-1CEST,M3.5.0,M10.5.0/3");
	struct trunk_zone *zone;
	int64_t until;

	cr_assert_eq(make(&zone, &made), 0);
	cr_assert_eq(trunk_zone_offset(zone, INT64_MAX, &until), 3600);
	cr_assert_eq(until, INT64_MAX);
	cr_assert_eq(trunk_zone_offset(zone, INT64_MIN, &until), 3600);
	trunk_zone_free(zone, NULL);
}

/* The rule begins at the last transition, and may say something else than it. */
Test(trunk_zone, transitions_then_the_rule)
{
	const int64_t times[] = {-1000, 5000, second_of("2020-07-01")};
	struct made made = slim(times, 3, hours, 3, "CET-1CEST,M3.5.0,M10.5.0/3");
	struct trunk_zone *zone;
	int64_t until;

	cr_assert_eq(make(&zone, &made), 0);
	cr_assert_eq(trunk_zone_offset(zone, -1001, &until), 0);
	cr_assert_eq(until, -1000);
	cr_assert_eq(trunk_zone_offset(zone, -1000, &until), 3600);
	cr_assert_eq(until, 5000);
	cr_assert_eq(trunk_zone_offset(zone, 5000, &until), 7200, "and summer time from July 2020 on is the same");
	cr_assert_eq(until, second_of("2020-10-25T01:00:00Z"));
	cr_assert_eq(trunk_zone_offset(zone, until, &until), 3600);
	cr_assert_eq(until, second_of("2021-03-28T01:00:00Z"));
	trunk_zone_free(zone, NULL);
}

Test(trunk_zone, version_one_has_no_rule)
{
	const int64_t times[] = {-5, 10};
	struct made made = {.length = 0};
	struct trunk_zone *zone;
	int64_t until;

	put_header(&made, '\0', 2, 3);
	put_block(&made, 4, times, 2, hours, 3);
	cr_assert_eq(make(&zone, &made), 0);
	cr_assert_eq(trunk_zone_offset(zone, -6, &until), 0);
	cr_assert_eq(until, -5);
	cr_assert_eq(trunk_zone_offset(zone, 9, &until), 3600);
	cr_assert_eq(trunk_zone_offset(zone, 10, &until), 7200);
	cr_assert_eq(until, INT64_MAX);
	trunk_zone_free(zone, NULL);
}

Test(trunk_zone, what_is_no_footer)
{
	static const char *const bad[] = {
		"C",
		"CE-1",
		"CET",
		"CET-25",
		"CET-1CE",
		"CET-1CEST",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M13.5.0,M10.5.0",
		"<+01-1",
		"CET-1x",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1:60",
		"CET-1CEST,,",
		"CET-1CEST,J0,J100",
		"CET-1CEST,366,1",
		":CET",
		"CET-1CEST,M3.5.0,M10.5.0/168",
		"CET-1CEST,M3.5.0,M10.5.0x",
		"<>-1",
		"CET-99999999999999999999",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(footer_code(bad[i]), WTEL_EINVAL, "%s", bad[i]);
	cr_assert_eq(footer_code(""), 0, "no rule is fine");
}

Test(trunk_zone, what_is_no_zone)
{
	const int64_t falling[] = {5, 4}, same[] = {5, 5};
	const int wild[] = {0, 100000};
	struct made made = slim(falling, 2, hours, 2, "UTC0"), good;
	struct trunk_zone *zone = NULL;
	struct wtel_slice none = {NULL, 0};
	size_t i;

	cr_assert_eq(trunk_zone_new(&zone, none, NULL), WTEL_EINVAL);
	cr_assert_eq(make(&zone, &made), WTEL_EINVAL);
	made = slim(same, 2, hours, 2, "UTC0");
	cr_assert_eq(make(&zone, &made), WTEL_EINVAL);
	made = slim(same, 1, wild, 2, "UTC0");
	cr_assert_eq(make(&zone, &made), WTEL_EINVAL);
	made = slim(NULL, 0, hours, 0, "UTC0");
	cr_assert_eq(make(&zone, &made), WTEL_EINVAL);
	good = slim(falling, 1, hours, 2, "CET-1CEST,M3.5.0,M10.5.0/3");
	/* Cut anywhere. */
	for (i = 0; i < good.length; i++) {
		made = good;
		made.length = i;
		cr_assert_eq(make(&zone, &made), WTEL_EINVAL, "%zu bytes", i);
	}
	/* Counts of 2^32 - 1. */
	for (i = 20; i < 44; i += 4) {
		made = good;
		memset(made.data + i, 0xff, 4);
		cr_assert_eq(make(&zone, &made), WTEL_EINVAL, "count at %zu", i);
		made = good;
		memset(made.data + 54 + i, 0xff, 4);
		cr_assert_eq(make(&zone, &made), WTEL_EINVAL, "second count at %zu", i);
	}
	made = good;
	made.data[4] = '9';
	cr_assert_eq(make(&zone, &made), WTEL_EINVAL);
	cr_assert_null(zone);
}

Test(trunk_zone, memory)
{
	struct made made = slim(NULL, 0, hours, 1, "UTC0");
	struct wtel_slice data = {made.data, made.length};

	FAULT_LOOP(allocator)
	{
		struct trunk_zone *zone;
		int code = trunk_zone_new(&zone, data, &allocator);

		if (code == WTEL_ENOMEM)
			continue;
		cr_assert_eq(code, 0);
		trunk_zone_free(zone, &allocator);
	}
}

/* ---- windows in a zone ------------------------------------------------ */

static void expect_open(const struct trunk_rules *rules, const struct trunk_zone *zone, const char *when, bool open,
			const char *until)
{
	int64_t change;

	cr_assert_eq(trunk_rules_open(rules, zone, second_of(when) * 1000000, &change), open, "%s", when);
	cr_assert_eq(change, second_of(until) * 1000000, "%s: %lld", when, (long long)change);
}

Test(trunk_zone, windows_follow_the_clocks)
{
	struct made made = slim(NULL, 0, hours, 1, "CET-1CEST,M3.5.0,M10.5.0/3");
	struct trunk_rules rules;
	struct trunk_zone *zone;

	cr_assert_eq(make(&zone, &made), 0);
	cr_assert_eq(trunk_rules_read(&rules, "{\"windows\": [{\"from\": \"09:00\", \"to\": \"18:00\"}]}", NULL, NULL),
		     0);
	expect_open(&rules, zone, "2025-10-25T06:59:00Z", false, "2025-10-25T07:00:00Z");
	expect_open(&rules, zone, "2025-10-25T07:00:00Z", true, "2025-10-25T16:00:00Z");
	expect_open(&rules, zone, "2025-10-25T16:00:00Z", false, "2025-10-26T08:00:00Z");
	expect_open(&rules, zone, "2025-10-26T16:00:00Z", true, "2025-10-26T17:00:00Z");
	trunk_rules_free(&rules, NULL);
	/* 02:30 comes twice in October, and not at all in March. */
	cr_assert_eq(trunk_rules_read(&rules,
				      "{\"windows\": [{\"days\": [\"sun\"], \"from\": \"02:00\", \"to\": \"02:30\"}]}",
				      NULL, NULL),
		     0);
	expect_open(&rules, zone, "2025-10-26T00:10:00Z", true, "2025-10-26T00:30:00Z");
	expect_open(&rules, zone, "2025-10-26T00:30:00Z", false, "2025-10-26T01:00:00Z");
	expect_open(&rules, zone, "2025-10-26T01:00:00Z", true, "2025-10-26T01:30:00Z");
	expect_open(&rules, zone, "2026-03-23T00:00:00Z", false, "2026-04-05T00:00:00Z");
	trunk_rules_free(&rules, NULL);
	trunk_zone_free(zone, NULL);
}
