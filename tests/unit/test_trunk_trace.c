/* What is kept of a choice with its call. */
#include "trunk_cast.h"

#include <jansson.h>
#include <stdio.h>

static json_t *traced(struct wtel_router *router, size_t count, const struct wtel_route_request *request, size_t room)
{
	struct wtel_route routes[40];
	char inside[8192], document[8300];
	size_t got = 0;
	json_t *json;

	cr_assert_leq(room, sizeof(inside));
	if (count && wtel_router_rank(router, routes, &got, count, request, 0))
		got = 0;
	cr_assert_eq(wtel_router_trace(router, inside, room, routes, got, request, 0), 0);
	cr_assert_lt(strlen(inside), room);
	cr_assert_null(strpbrk(inside, "\r\n\t"));
	snprintf(document, sizeof(document), "{%s}", inside);
	json = json_loads(document, JSON_REJECT_DUPLICATES, NULL);
	cr_assert_not_null(json, "%s", document);
	return json;
}

Test(trunk_trace, the_trace_of_a_choice)
{
	struct wtel_trunk trunks[] = {trunk_make(3, "Twilio Main", 1, ""), trunk_make(5, "B", 2, ""),
				      trunk_make(6, "C", 3, ""), trunk_make(7, "D", 4, "")};
	struct wtel_route_request request = to("+34600123456");
	struct wtel_router *router;
	struct wtel_route routes[2];
	char out[4096];
	size_t count;

	trunks[0].max_channels = trunks[0].active_calls = 20;
	trunks[2].status = trunks[3].status = WTEL_TRUNK_INACTIVE;
	router = router_make(trunks, 4);
	cr_assert_eq(wtel_router_rank(router, routes, &count, 2, &request, 0), 0);
	cr_assert_eq(wtel_router_trace(router, out, sizeof(out), routes, count, &request, 0), 0);
	cr_assert_str_eq(out, "\"number\":\"+34600123456\",\"routes\":[[5,\"B\",\"+34600123456\"]],"
			      "\"skipped\":[[3,\"Twilio Main\",\"full\",\"20 of 20 channels\"]]");
	wtel_router_set_load(router, 5, 10);
	cr_assert_eq(wtel_router_trace(router, out, sizeof(out), routes, 0, &request, 0), 0);
	cr_assert_not_null(strstr(out, "[7,\"D\",\"not active\",\"inactive\"]"), "without routes all were skipped");
	cr_assert_eq(wtel_router_trace(router, out, 100, routes, 0, &request, 0), WTEL_ELIMIT);
	request.number = "nobody";
	cr_assert_eq(wtel_router_trace(router, out, sizeof(out), routes, 0, &request, 0), WTEL_EINVAL);
	wtel_router_free(router);
}

Test(trunk_trace, the_trace_is_json_whatever_trunks_are_called)
{
	static char names[100][600];
	struct wtel_trunk trunks[100];
	struct wtel_route_request request = to("112");
	struct wtel_router *router;
	unsigned seed = 3;
	size_t room;
	int i, k;

	for (i = 0; i < 100; i++) {
		for (k = 0; k < i * 5; k++) {
			seed = seed * 1103515245 + 12345;
			names[i][k] = (char)(seed / 65536 % 255 + 1);
		}
		trunks[i] = trunk_make(i + INT64_MAX - 100, names[i], i + 1, "");
		trunks[i].endpoint = "e";
		trunks[i].status = i % 5 ? WTEL_TRUNK_ERROR : WTEL_TRUNK_ACTIVE;
		trunks[i].last_error_message = names[99 - i];
	}
	router = router_make(trunks, 100);
	for (room = 256; room <= 8192; room += room < 300 ? 1 : 101) {
		json_t *json = traced(router, room % 40, &request, room);
		size_t shown = json_array_size(json_object_get(json, "routes")) +
			       json_array_size(json_object_get(json, "skipped"));

		cr_assert_leq(shown, 32);
		cr_assert_str_eq(json_string_value(json_object_get(json, "number")), "112");
		if (!(room % 40))
			cr_assert_eq(shown + (size_t)json_integer_value(json_object_get(json, "more")), 80);
		json_decref(json);
	}
	wtel_router_free(router);
}

Test(trunk_trace, what_only_looks_like_utf8_is_replaced)
{
	/* Overlong, half of a pair, beyond the last character, cut short (RFC 3629). */
	struct wtel_trunk trunks[] = {trunk_make(1, "\xe0\x80\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xc3", 1, ""),
				      trunk_make(2, "a\"b\\c\n\x7f\xc3\xb1", 2, "")};
	struct wtel_route_request request = to("112");
	struct wtel_router *router;
	char out[4096];

	trunks[0].endpoint = trunks[1].endpoint = "e";
	trunks[0].status = trunks[1].status = WTEL_TRUNK_INACTIVE;
	router = router_make(trunks, 2);
	cr_assert_eq(wtel_router_trace(router, out, sizeof(out), NULL, 0, &request, 0), 0);
#define NO "\\ufffd"
	cr_assert_not_null(strstr(out, "[1,\"" NO NO NO " " NO NO NO " " NO NO NO NO " " NO NO " " NO "\","), "%s",
			   out);
	cr_assert_not_null(strstr(out, "[2,\"a\\\"b\\\\c\\u000a\\u007f\xc3\xb1\","), "%s", out);
	wtel_router_free(router);
}
