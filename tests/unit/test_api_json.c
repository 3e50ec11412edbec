/* Values as JSON, and JSON as text. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/json.h>

#include "api/text.h"
#include "fault.h"

static void is_json(const char *expected, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	cr_expect_str_eq(text ? text : "(none)", expected, "%s, expected %s", text ? text : "(none)", expected);
	free(text);
	json_decref(value);
}

Test(json, texts_are_utf8_whatever_comes)
{
	is_json("null", wtel_json_text(NULL));
	is_json("null", wtel_json_text(""));
	is_json("\"Mu\xc3\xb1oz\"", wtel_json_text("Mu\xc3\xb1oz"));
	is_json("\"a\xef\xbf\xbd"
		"b\"",
		wtel_json_text("a\xff"
			       "b"));
	is_json("\"\xef\xbf\xbd\"", wtel_json_text("\xc3"));
	is_json("\"\xef\xbf\xbd\xef\xbf\xbd"
		"a\"",
		wtel_json_text("\xe2\x82"
			       "a"));
	is_json("\"\xef\xbf\xbd\xef\xbf\xbd\"", wtel_json_text("\xc0\x80"));
	is_json("\"\xf0\x9f\x93\x9e\xef\xbf\xbd\"", wtel_json_text("\xf0\x9f\x93\x9e\xf0"));
}

Test(json, times_are_in_utc_with_milliseconds)
{
	is_json("null", wtel_json_time(0));
	is_json("\"2025-10-25T10:30:00.123Z\"", wtel_json_time(INT64_C(1761388200123999)));
	is_json("\"1969-12-31T23:59:59.999Z\"", wtel_json_time(-1));
	is_json("\"9999-12-31T23:59:59.999Z\"", wtel_json_time(INT64_C(253402300799999999)));
	is_json("null", wtel_json_time(INT64_MAX));
	is_json("null", wtel_json_time(INT64_MIN));
	is_json("null", wtel_json_id(0));
	is_json("-5", wtel_json_id(-5));
}

Test(json, errors_have_a_code_a_sentence_and_a_field)
{
	const struct wtel_detail detail = {"number", "not a telephone number"};

	is_json("{\"code\":\"WTEL_EINVAL\",\"message\":\"not a telephone number\",\"field\":\"number\"}",
		wtel_json_error(WTEL_EINVAL, &detail));
	is_json("{\"code\":\"WTEL_ENOTRUNK\",\"message\":\"No trunks available\",\"field\":null}",
		wtel_json_error(WTEL_ENOTRUNK, NULL));
}

Test(json, statistics_are_the_seeds)
{
	struct wtel_call_stats stats = {150, {0, 120, 20, 5, 3, 2}, 18000, 15000, 120, 125, 8000};

	is_json("{\"totalCalls\":150,\"answered\":120,\"noAnswer\":20,\"busy\":5,\"failed\":3,\"cancelled\":2,"
		"\"totalDuration\":18000,\"totalBillsec\":15000,\"avgDuration\":120,\"avgBillsec\":125,"
		"\"answerRate\":\"80.00\"}",
		wtel_json_stats(&stats));
}

Test(json, a_notice_has_what_there_is)
{
	struct wtel_notice notice = {
		WTEL_NOTICE_TRUNK_REGISTRY, INT64_C(1761388200000000), NULL, 3, "Main", "Registered", "", 0};

	is_json("{\"event\":\"trunk:registry\",\"time\":\"2025-10-25T10:30:00.000Z\",\"trunkId\":3,\"name\":\"Main\","
		"\"status\":\"Registered\"}",
		wtel_json_notice(&notice));
	notice = (struct wtel_notice){WTEL_NOTICE_OVERFLOW, 0, NULL, 0, "", "", "", 7};
	is_json("{\"event\":\"overflow\",\"time\":null,\"lost\":7}", wtel_json_notice(&notice));
}

Test(json, routes_are_read_line_by_line)
{
	struct wtel_call call = {0};

	is_json("[]", wtel_json_route(&call));
	call.route = "{\"a\":1}\nnonsense\n[]\n\n{\"b\":2}";
	is_json("[{\"a\":1},{\"b\":2}]", wtel_json_route(&call));
}

/* ---- as text ---------------------------------------------------------- */

static void is_same_text(const json_t *document)
{
	const struct wtel_allocator allocator = base_allocator(NULL);
	struct base_buffer buffer = {NULL, 0, 0, 0, 0};
	char *expected = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

	cr_assert_eq(text_of(&buffer, &allocator, document), 0);
	cr_assert_eq(base_buffer_length(&buffer), strlen(expected), "%s", expected);
	cr_assert_eq(memcmp(buffer.data, expected, strlen(expected)), 0, "%.*s, expected %s",
		     (int)base_buffer_length(&buffer), buffer.data, expected);
	free(expected);
	base_buffer_free(&buffer, &allocator);
}

static json_t *make(unsigned *seed, int depth)
{
	static const int64_t numbers[] = {0, -1, 7, INT64_MAX, INT64_MIN, 1761388200000};
	static const double reals[] = {0.0, -0.5, 1e300, 5e-324, 3.14159};
	json_t *out;
	char text[32];
	unsigned i, count;

	switch (rand_r(seed) % (depth > 4 ? 5 : 7)) {
	case 0:
		return json_integer(numbers[rand_r(seed) % 6]);
	case 1:
		return json_real(reals[rand_r(seed) % 5]);
	case 2:
		return json_boolean(rand_r(seed) % 2);
	case 3:
		return json_null();
	case 4:
		count = (unsigned)rand_r(seed) % sizeof(text);
		for (i = 0; i < count; i++)
			text[i] = (char)(rand_r(seed) % 127 + (rand_r(seed) % 2 ? 1 : 0));
		for (i = 0; i < count; i++)
			if (!text[i])
				text[i] = '\x7f';
		return json_stringn(text, count);
	case 5:
		out = json_array();
		for (i = (unsigned)rand_r(seed) % 6; i; i--)
			json_array_append_new(out, make(seed, depth + 1));
		return out;
	default:
		out = json_object();
		for (i = (unsigned)rand_r(seed) % 6; i; i--) {
			snprintf(text, sizeof(text), "k\"\n%u", i);
			json_object_set_new(out, text, make(seed, depth + 1));
		}
		return out;
	}
}

Test(json, text_is_what_jansson_writes)
{
	unsigned seed = 7, i;

	for (i = 0; i < 20000; i++) {
		json_t *document = make(&seed, 0);

		is_same_text(document);
		json_decref(document);
	}
}

Test(json, text_without_memory)
{
	json_t *document = json_array();
	size_t i;

	for (i = 0; i < 3000; i++)
		json_array_append_new(document, json_integer((json_int_t)i));
	FAULT_LOOP(allocator)
	{
		struct base_buffer buffer = {NULL, 0, 0, 0, 0};
		int code = text_of(&buffer, &allocator, document);

		cr_assert(code == 0 || code == WTEL_ENOMEM);
		base_buffer_free(&buffer, &allocator);
	}
	json_decref(document);
}
