#include "fault.h"

#include "trunk/rules.h"

#include "base/timestamp.h"

#include <stdio.h>
#include <string.h>

static struct trunk_rules rules_of(const char *settings)
{
	struct wtel_detail detail = {"", ""};
	struct trunk_rules rules;

	cr_assert_eq(trunk_rules_read(&rules, settings, NULL, &detail), 0, "%s: %s", settings, detail.text);
	return rules;
}

static const char whole[] =
	"{\"endpoint\": \"twilio-main\", \"registration\": false, \"callsPerSecond\": 5, \"weight\": 3,"
	" \"callerId\": \"+15550001000\", \"timezone\": \"Europe/Madrid\","
	" \"prefixes\": [{\"prefix\": \"+34\"}, {\"prefix\": \"+1\", \"strip\": 1, \"prepend\": \"00\"},"
	"                {\"prefix\": \"+1900\", \"deny\": true}],"
	" \"windows\": [{\"days\": [\"sun\", \"fri\"], \"from\": \"22:00\", \"to\": \"06:00\"},"
	"               {\"days\": [\"mon\"], \"from\": \"09:00\", \"to\": \"18:30\"}],"
	" \"failover\": {\"next\": [404, 486], \"stop\": [503]},"
	" \"breaker\": {\"faults\": 3, \"ratio\": 20, \"samples\": 50, \"pause\": 10, \"longestPause\": 60},"
	" \"codecs\": [\"alaw\"], \"note\": null, \"prefix\": {\"any\": 1}}";

Test(trunk_rules, everything_is_read)
{
	struct trunk_rules rules = rules_of(whole);

	cr_assert_eq(rules.calls_per_second, 5);
	cr_assert_eq(rules.weight, 3);
	cr_assert_str_eq(rules.caller_id, "+15550001000");
	cr_assert_str_eq(rules.timezone, "Europe/Madrid");
	cr_assert_eq(rules.prefix_count, 3);
	cr_assert_str_eq(rules.prefixes[0].prefix, "+1");
	cr_assert_str_eq(rules.prefixes[0].prepend, "00");
	cr_assert_eq(rules.prefixes[0].strip, 1);
	cr_assert_str_eq(rules.prefixes[1].prefix, "+1900");
	cr_assert(rules.prefixes[1].deny);
	cr_assert_str_eq(rules.prefixes[2].prefix, "+34");
	cr_assert(!rules.prefixes[2].deny);
	cr_assert_not(rules.only_denies);
	cr_assert_eq(rules.window_count, 3);
	cr_assert_eq(rules.windows[0].from, 540);
	cr_assert_eq(rules.windows[0].to, 1110);
	cr_assert_eq(rules.windows[1].from, 4 * 1440 + 1320);
	cr_assert_eq(rules.windows[1].to, 5 * 1440 + 360);
	cr_assert_eq(rules.windows[2].to, 7 * 1440 + 360, "into the next week");
	cr_assert_eq(rules.next_count, 2);
	cr_assert_eq(rules.next[1], 486);
	cr_assert_eq(rules.stop_count, 1);
	cr_assert_eq(rules.breaker.faults, 3);
	cr_assert_eq(rules.breaker.ratio, 20);
	cr_assert_eq(rules.breaker.samples, 50);
	cr_assert_eq(rules.breaker.pause, 10000000);
	cr_assert_eq(rules.breaker.longest_pause, 60000000);
	trunk_rules_free(&rules, NULL);
	trunk_rules_free(&rules, NULL);
}

Test(trunk_rules, nothing_is_said)
{
	static const char *const empty[] = {NULL, "", "{}", "{\"prefixes\": [], \"windows\": [], \"failover\": {}}"};
	struct wtel_breaker_settings usual = WTEL_BREAKER_SETTINGS_INIT;
	int64_t until;
	size_t i;

	for (i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		struct trunk_rules rules = rules_of(empty[i]);

		cr_assert_eq(rules.calls_per_second, 0);
		cr_assert_eq(rules.weight, 0);
		cr_assert_str_eq(rules.caller_id, "");
		cr_assert_str_eq(rules.timezone, "");
		cr_assert_eq(rules.prefix_count, 0);
		cr_assert(rules.only_denies);
		cr_assert_eq(rules.breaker.faults, usual.faults);
		cr_assert_eq(rules.breaker.ratio, usual.ratio);
		cr_assert_eq(rules.breaker.samples, usual.samples);
		cr_assert_eq(rules.breaker.pause, usual.pause);
		cr_assert_eq(rules.breaker.longest_pause, usual.longest_pause);
		cr_assert(trunk_rules_open(&rules, NULL, 0, &until));
		cr_assert_eq(until, INT64_MAX);
		trunk_rules_free(&rules, NULL);
	}
}

Test(trunk_rules, denials_alone_let_the_rest_through)
{
	struct trunk_rules rules = rules_of("{\"prefixes\": [{\"prefix\": \"+1900\", \"deny\": true}]}");

	cr_assert(rules.only_denies);
	trunk_rules_free(&rules, NULL);
	rules = rules_of("{\"prefixes\": [{\"prefix\": \"+1900\", \"deny\": true}, {\"prefix\": \"\"}]}");
	cr_assert_not(rules.only_denies);
	cr_assert_str_eq(rules.prefixes[0].prefix, "");
	trunk_rules_free(&rules, NULL);
}

Test(trunk_rules, a_long_pause_is_the_longest)
{
	struct trunk_rules rules = rules_of("{\"breaker\": {\"pause\": 3600}}");

	cr_assert_eq(rules.breaker.pause, 3600000000);
	cr_assert_eq(rules.breaker.longest_pause, 3600000000);
	trunk_rules_free(&rules, NULL);
}

struct mistake {
	const char *settings; /* ' stands for " */
	const char *field;    /* after "advanced_settings" */
};

static const struct mistake mistakes[] = {
	{"[]", ""},
	{"null", ""},
	{"5", ""},
	{"{", ""},
	{"{} {}", ""},
	{"{'weight': 1e999}", ""},
	{"{'weight': 1, 'weight': 2}", ""},
	{"{'note': {'a': 1, 'a': 2}}", ""},
	{"{'note': '\xff'}", ""},
	{"{'callsPerSecond': 0}", ".callsPerSecond"},
	{"{'callsPerSecond': 1001}", ".callsPerSecond"},
	{"{'callsPerSecond': -5}", ".callsPerSecond"},
	{"{'callsPerSecond': 2.5}", ".callsPerSecond"},
	{"{'callsPerSecond': '5'}", ".callsPerSecond"},
	{"{'callsPerSecond': null}", ".callsPerSecond"},
	{"{'callsPerSecond': 9223372036854775807}", ".callsPerSecond"},
	{"{'weight': 0}", ".weight"},
	{"{'weight': 1001}", ".weight"},
	{"{'weight': -1}", ".weight"},
	{"{'weight': true}", ".weight"},
	{"{'callerId': 15550001000}", ".callerId"},
	{"{'callerId': 'Sales'}", ".callerId"},
	{"{'callerId': '+1555\\r\\nX: y'}", ".callerId"},
	{"{'timezone': 1}", ".timezone"},
	{"{'timezone': '../../etc/passwd'}", ".timezone"},
	{"{'timezone': '/etc/localtime'}", ".timezone"},
	{"{'timezone': 'Europe/'}", ".timezone"},
	{"{'timezone': 'Europe//Madrid'}", ".timezone"},
	{"{'timezone': 'Europe/Madrid\\n'}", ".timezone"},
	{"{'endpoint': 'a/b'}", ".endpoint"},
	{"{'endpoint': 7}", ".endpoint"},
	{"{'registration': 'false'}", ".registration"},
	{"{'prefixes': {}}", ".prefixes"},
	{"{'prefixes': ['+1']}", ".prefixes[0]"},
	{"{'prefixes': [{'prefix': '+1'}, {}]}", ".prefixes[1].prefix"},
	{"{'prefixes': [{'prefix': '+1'}, {'prefix': '2'}, {'prefix': 'abc'}]}", ".prefixes[2].prefix"},
	{"{'prefixes': [{'prefix': '1+'}]}", ".prefixes[0].prefix"},
	{"{'prefixes': [{'prefix': '++1'}]}", ".prefixes[0].prefix"},
	{"{'prefixes': [{'prefix': 34}]}", ".prefixes[0].prefix"},
	{"{'prefixes': [{'prefix': ' 34'}]}", ".prefixes[0].prefix"},
	{"{'prefixes': [{'prefix': '', 'prepend': '9w'}]}", ".prefixes[0].prepend"},
	{"{'prefixes': [{'prefix': '', 'strip': -1}]}", ".prefixes[0].strip"},
	{"{'prefixes': [{'prefix': '', 'strip': 48}]}", ".prefixes[0].strip"},
	{"{'prefixes': [{'prefix': '', 'deny': 1}]}", ".prefixes[0].deny"},
	{"{'prefixes': [{'prefix': '', 'prepand': '9'}]}", ".prefixes[0].prepand"},
	{"{'prefixes': [{'prefix': '', 'a.b': '9'}]}", ".prefixes[0]"},
	{"{'prefixes': [{'prefix': '', '': '9'}]}", ".prefixes[0]"},
	{"{'prefixes': [{'prefix': '7'}, {'prefix': '+1'}, {'prefix': '+2'}, {'prefix': '+1'}, {'prefix': '+1'}]}",
	 ".prefixes[3].prefix"},
	{"{'windows': {}}", ".windows"},
	{"{'windows': [5]}", ".windows[0]"},
	{"{'windows': [{'to': '10:00'}]}", ".windows[0].from"},
	{"{'windows': [{'from': '10:00'}]}", ".windows[0].to"},
	{"{'windows': [{'from': '9:00', 'to': '10:00'}]}", ".windows[0].from"},
	{"{'windows': [{'from': '24:00', 'to': '10:00'}]}", ".windows[0].from"},
	{"{'windows': [{'from': '09:60', 'to': '10:00'}]}", ".windows[0].from"},
	{"{'windows': [{'from': '09:00', 'to': '24:01'}]}", ".windows[0].to"},
	{"{'windows': [{'from': '09:00', 'to': '25:00'}]}", ".windows[0].to"},
	{"{'windows': [{'from': '09:00', 'to': '10:00:00'}]}", ".windows[0].to"},
	{"{'windows': [{'from': '09:00', 'to': '-1:00'}]}", ".windows[0].to"},
	{"{'windows': [{'from': '', 'to': '10:00'}]}", ".windows[0].from"},
	{"{'windows': [{'from': 900, 'to': '10:00'}]}", ".windows[0].from"},
	{"{'windows': [{'from': '09:00', 'to': '10:00', 'zone': 'UTC'}]}", ".windows[0].zone"},
	{"{'windows': [{'days': [], 'from': '09:00', 'to': '10:00'}]}", ".windows[0].days"},
	{"{'windows': [{'days': ['lun'], 'from': '09:00', 'to': '10:00'}]}", ".windows[0].days"},
	{"{'windows': [{'days': ['Mon'], 'from': '09:00', 'to': '10:00'}]}", ".windows[0].days"},
	{"{'windows': [{'days': [1], 'from': '09:00', 'to': '10:00'}]}", ".windows[0].days"},
	{"{'windows': [{'days': 'mon', 'from': '09:00', 'to': '10:00'}]}", ".windows[0].days"},
	{"{'windows': [{'days': ['mon', 'mon'], 'from': '09:00', 'to': '10:00'}]}", ".windows[0].days"},
	/* Overlaps. */
	{"{'windows': [{'from': '09:00', 'to': '18:00'}, {'from': '17:59', 'to': '20:00'}]}", ".windows[1].from"},
	{"{'windows': [{'from': '09:00', 'to': '18:00'}, {'from': '08:00', 'to': '09:01'}]}", ".windows[1].to"},
	{"{'windows': [{'from': '09:00', 'to': '18:00'}, {'from': '09:00', 'to': '18:00'}]}", ".windows[1].from"},
	{"{'windows': [{'days': ['mon'], 'from': '00:00', 'to': '02:00'},"
	 " {'days': ['sun'], 'from': '23:00', 'to': '00:01'}]}",
	 ".windows[1].to"},
	{"{'windows': [{'days': ['sun'], 'from': '23:00', 'to': '01:00'},"
	 " {'days': ['mon'], 'from': '00:59', 'to': '01:30'}]}",
	 ".windows[1].from"},
	{"{'windows': [{'days': ['wed'], 'from': '09:00', 'to': '09:00'},"
	 " {'days': ['fri'], 'from': '10:00', 'to': '11:00'}, {'days': ['thu'], 'from': '08:00', 'to': '08:30'}]}",
	 ".windows[2].from"},
	{"{'failover': []}", ".failover"},
	{"{'failover': {'retry': [404]}}", ".failover.retry"},
	{"{'failover': {'next': 404}}", ".failover.next"},
	{"{'failover': {'next': [404, '486']}}", ".failover.next"},
	{"{'failover': {'next': [200]}}", ".failover.next"},
	{"{'failover': {'stop': [700]}}", ".failover.stop"},
	{"{'failover': {'next': [487]}}", ".failover.next"},
	{"{'failover': {'next': [404, 404]}}", ".failover.next"},
	{"{'failover': {'next': [404], 'stop': [503, 404]}}", ".failover.stop"},
	{"{'breaker': 5}", ".breaker"},
	{"{'breaker': {'fault': 5}}", ".breaker.fault"},
	{"{'breaker': {'faults': -1}}", ".breaker.faults"},
	{"{'breaker': {'faults': 1001}}", ".breaker.faults"},
	{"{'breaker': {'ratio': 101}}", ".breaker.ratio"},
	{"{'breaker': {'ratio': 12.5}}", ".breaker.ratio"},
	{"{'breaker': {'samples': 0}}", ".breaker.samples"},
	{"{'breaker': {'pause': 0}}", ".breaker.pause"},
	{"{'breaker': {'pause': '30'}}", ".breaker.pause"},
	{"{'breaker': {'longestPause': 29}}", ".breaker.longestPause"},
	{"{'breaker': {'pause': 900, 'longestPause': 600}}", ".breaker.longestPause"},
};

Test(trunk_rules, each_mistake_is_named)
{
	size_t i, j;

	for (i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		struct wtel_detail detail = {"", ""};
		struct trunk_rules rules, before;
		char settings[256], field[64];

		memset(&rules, 0x5a, sizeof(rules));
		before = rules;
		snprintf(settings, sizeof(settings), "%s", mistakes[i].settings);
		for (j = 0; settings[j]; j++)
			if (settings[j] == '\'')
				settings[j] = '"';
		snprintf(field, sizeof(field), "advanced_settings%s", mistakes[i].field);
		cr_assert_eq(trunk_rules_read(&rules, settings, NULL, &detail), WTEL_EINVAL, "%s", settings);
		cr_assert_str_eq(detail.field, field, "%s: %s", settings, detail.field);
		cr_assert_gt(strlen(detail.text), strlen(field), "%s", settings);
		cr_assert_eq(strncmp(detail.text, field, strlen(field)), 0, "%s", detail.text);
		cr_assert_eq(memcmp(&rules, &before, sizeof(rules)), 0, "%s", settings);
		cr_assert_eq(trunk_rules_read(&rules, settings, NULL, NULL), WTEL_EINVAL);
	}
}

/* A password that stands beside the mistake is not repeated. */
Test(trunk_rules, mistakes_tell_no_secrets)
{
	struct wtel_detail detail;
	struct trunk_rules rules;

	cr_assert_eq(trunk_rules_read(&rules, "{\"apiKey\": \"hush\" \"hush\"}", NULL, &detail), WTEL_EINVAL);
	cr_assert_null(strstr(detail.text, "hush"));
	cr_assert_eq(trunk_rules_read(&rules, "{\"hush\": 1, \"hush\": 2}", NULL, &detail), WTEL_EINVAL);
	cr_assert_null(strstr(detail.text, "hush"));
}

/* ---- limits ----------------------------------------------------------- */

static char *many_prefixes(size_t count, size_t doubled)
{
	char *text = malloc(count * 100 + 100), *at = text;
	size_t i;

	if (!text)
		abort();
	at += sprintf(at, "{\"prefixes\": [");
	for (i = 0; i < count; i++)
		at += sprintf(at,
			      "%s{\"prefix\": \"+%zu\", \"strip\": 1, \"prepend\": \"12345678901234567890123\","
			      " \"deny\": false}",
			      i ? "," : "", 100000 + (i && i == doubled ? 0 : count - i));
	sprintf(at, "]}");
	return text;
}

Test(trunk_rules, as_many_prefixes_as_allowed, .timeout = 300)
{
	char *text = many_prefixes(TRUNK_PREFIXES_MAX, 0);
	struct trunk_rules rules = rules_of(text);
	struct wtel_detail detail;
	char field[64];
	size_t i;

	cr_assert_eq(rules.prefix_count, TRUNK_PREFIXES_MAX);
	for (i = 1; i < rules.prefix_count; i++)
		cr_assert_lt(strcmp(rules.prefixes[i - 1].prefix, rules.prefixes[i].prefix), 0);
	trunk_rules_free(&rules, NULL);
	free(text);
	text = many_prefixes(TRUNK_PREFIXES_MAX + 1, 0);
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "advanced_settings.prefixes");
	free(text);
	text = many_prefixes(TRUNK_PREFIXES_MAX, 19999);
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), 0, "100000 is there once");
	trunk_rules_free(&rules, NULL);
	memcpy(strstr(text, "\"+100002\""), "\"+100000\"", 9);
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), WTEL_EINVAL);
	snprintf(field, sizeof(field), "advanced_settings.prefixes[%d].prefix", 19999);
	cr_assert_str_eq(detail.field, field);
	free(text);
}

Test(trunk_rules, limits)
{
	char *text = malloc(TRUNK_SETTINGS_MAX + 2);
	struct wtel_detail detail;
	struct trunk_rules rules;
	size_t i, length = 0;

	memset(text, ' ', TRUNK_SETTINGS_MAX + 1);
	text[TRUNK_SETTINGS_MAX + 1] = '\0';
	memcpy(text, "{}", 2);
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "advanced_settings");
	text[TRUNK_SETTINGS_MAX] = '\0';
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), 0);
	trunk_rules_free(&rules, NULL);
	memset(text, '[', TRUNK_SETTINGS_MAX);
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), WTEL_EINVAL, "no recursion without end");
	length = (size_t)sprintf(text, "{\"windows\": [");
	for (i = 0; i <= TRUNK_WINDOWS_MAX; i++)
		length += (size_t)sprintf(text + length, "%s{}", i ? "," : "");
	sprintf(text + length, "]}");
	cr_assert_eq(trunk_rules_read(&rules, text, NULL, &detail), WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "advanced_settings.windows");
	cr_assert_eq(
		trunk_rules_read(&rules, "{\"prefixes\": [{\"prefix\": \"123456789012345678901234\"}]}", NULL, &detail),
		WTEL_ELIMIT);
	cr_assert_str_eq(detail.field, "advanced_settings.prefixes[0].prefix");
	free(text);
}

Test(trunk_rules, memory)
{
	FAULT_LOOP(allocator)
	{
		struct trunk_rules rules;
		int code = trunk_rules_read(&rules, whole, &allocator, NULL);

		if (code == WTEL_ENOMEM)
			continue;
		cr_assert_eq(code, 0);
		trunk_rules_free(&rules, &allocator);
	}
	FAULT_LOOP(failing)
	{
		struct trunk_rules rules;
		int code = trunk_rules_read(&rules,
					    "{\"callerId\": \"1\", \"prefixes\": [{\"prefix\": \"\"}],"
					    " \"windows\": [{}]}",
					    &failing, NULL);

		cr_assert(code == WTEL_ENOMEM || code == WTEL_EINVAL);
	}
}

/* ---- windows ---------------------------------------------------------- */

static int64_t at(const char *text)
{
	int64_t wall;

	cr_assert(base_time_parse(&wall, text), "%s", text);
	return wall;
}

static void expect_open(const struct trunk_rules *rules, const char *when, bool open, const char *until)
{
	int64_t change;

	cr_assert_eq(trunk_rules_open(rules, NULL, at(when), &change), open, "%s", when);
	cr_assert_eq(change, until ? at(until) : INT64_MAX, "%s: %lld", when, (long long)change);
}

/* 2025-10-27 is a Monday. */
Test(trunk_rules, windows_of_utc)
{
	struct trunk_rules rules =
		rules_of("{\"windows\": [{\"days\": [\"mon\", \"tue\"], \"from\": \"09:00\", \"to\": \"12:00\"},"
			 " {\"days\": [\"tue\"], \"from\": \"12:00\", \"to\": \"24:00\"},"
			 " {\"days\": [\"sun\"], \"from\": \"22:00\", \"to\": \"06:00\"}]}");

	expect_open(&rules, "2025-10-27T08:59:59.999999Z", false, "2025-10-27T09:00:00Z");
	expect_open(&rules, "2025-10-27T09:00:00Z", true, "2025-10-27T12:00:00Z");
	expect_open(&rules, "2025-10-27T11:59:59.999999Z", true, "2025-10-27T12:00:00Z");
	expect_open(&rules, "2025-10-27T12:00:00Z", false, "2025-10-28T09:00:00Z");
	expect_open(&rules, "2025-10-28T09:30:00Z", true, "2025-10-29T00:00:00Z");
	expect_open(&rules, "2025-10-29T00:00:00Z", false, "2025-11-02T22:00:00Z");
	expect_open(&rules, "2025-11-02T23:00:00Z", true, "2025-11-03T06:00:00Z");
	expect_open(&rules, "2025-11-03T05:59:00Z", true, "2025-11-03T06:00:00Z");
	expect_open(&rules, "2025-11-03T06:00:00Z", false, "2025-11-03T09:00:00Z");
	expect_open(&rules, "1969-12-29T10:00:00Z", true, "1969-12-29T12:00:00Z");
	trunk_rules_free(&rules, NULL);
}

Test(trunk_rules, a_week_without_a_gap_never_ends)
{
	struct trunk_rules rules = rules_of("{\"windows\": [{\"from\": \"07:30\", \"to\": \"07:30\"}]}");
	int64_t until;

	expect_open(&rules, "2025-10-27T08:59:59Z", true, NULL);
	expect_open(&rules, "2025-10-27T07:30:00Z", true, NULL);
	cr_assert(trunk_rules_open(&rules, NULL, INT64_MAX, &until));
	cr_assert(trunk_rules_open(&rules, NULL, INT64_MIN, &until));
	trunk_rules_free(&rules, NULL);
	rules = rules_of("{\"windows\": [{\"days\": [\"mon\"], \"from\": \"00:00\", \"to\": \"00:01\"}]}");
	trunk_rules_open(&rules, NULL, INT64_MAX, &until);
	cr_assert_eq(until, INT64_MAX, "beyond the end of time");
	trunk_rules_free(&rules, NULL);
}

/* Minute by minute through a week, against the days as they were written. */
Test(trunk_rules, windows_equal_a_plain_model)
{
	unsigned seed = 11, round;

	for (round = 0; round < 60; round++) {
		bool open[7 * 1440] = {false};
		struct trunk_rules rules;
		char text[512];
		int from[2], to[2], days, day, i, minute, length = 0;

		days = (int)((seed = seed * 1103515245 + 12345) / 65536 % 127) + 1;
		for (i = 0; i < 2; i++)
			from[i] = (int)((seed = seed * 1103515245 + 12345) / 65536 % 700) + 720 * i;
		to[0] = from[0] + 1 + (int)(seed / 1024 % (unsigned)(from[1] - from[0]));
		to[1] = (from[1] + 1 + (int)(seed / 2048 % (unsigned)(1440 - from[1] + from[0]))) % 1440;
		length += sprintf(text, "{\"windows\": [");
		for (i = 0; i < 2; i++) {
			length += sprintf(text + length, "%s{\"days\": [", i ? "," : "");
			for (day = 0; day < 7; day++)
				if (days & 1 << day)
					length +=
						sprintf(text + length, "%s\"%.3s\"", text[length - 1] == '[' ? "" : ",",
							&"montuewedthufrisatsun"[day * 3]);
			length += sprintf(text + length, "], \"from\": \"%02d:%02d\", \"to\": \"%02d:%02d\"}",
					  from[i] / 60, from[i] % 60, to[i] / 60, to[i] % 60);
			for (day = 0; day < 7; day++)
				for (minute = from[i]; days & 1 << day && minute < to[i] + (to[i] <= from[i]) * 1440;
				     minute++)
					open[(day * 1440 + minute) % 10080] = true;
		}
		sprintf(text + length, "]}");
		rules = rules_of(text);
		for (minute = 0; minute < 10080; minute += 7) {
			int64_t monday = at("2025-10-27"), until;
			int ahead = minute;

			cr_assert_eq(trunk_rules_open(&rules, NULL, monday + minute * 60000000LL, &until), open[minute],
				     "%s at %d", text, minute);
			while (ahead < minute + 10080 && open[ahead % 10080] == open[minute])
				ahead++;
			cr_assert_eq(until, ahead == minute + 10080 ? INT64_MAX : monday + ahead * 60000000LL,
				     "%s at %d", text, minute);
		}
		trunk_rules_free(&rules, NULL);
	}
}
