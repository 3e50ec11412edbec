/*
 * A choice among trunks as a database may have them: lines of settings, each with a name, then a number. What is ranked
 * is what is explained, and the trace is JSON.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wtel/route.h>

enum { TRUNKS = 4, WALLS = 3 };

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

static void check_trace(struct wtel_router *router, const struct wtel_route *routes, size_t count,
			const struct wtel_route_request *request, int64_t wall)
{
	char inside[4096], document[4100];
	json_t *json;

	MUST(wtel_router_trace(router, inside, sizeof(inside), routes, count, request, wall) == 0);
	MUST(!strpbrk(inside, "\r\n"));
	snprintf(document, sizeof(document), "{%s}", inside);
	json = json_loads(document, JSON_REJECT_DUPLICATES, NULL);
	MUST(json);
	json_decref(json);
}

static void choose(struct wtel_router *router, const struct wtel_route_request *request, int64_t wall)
{
	struct wtel_route_step steps[TRUNKS];
	struct wtel_route routes[TRUNKS];
	size_t count = 0, told = 0, usable = 0, i, k;
	int code = wtel_router_rank(router, routes, &count, TRUNKS, request, wall);

	if (code == WTEL_EINVAL) {
		MUST(wtel_router_explain(router, steps, &told, TRUNKS, request, wall) == WTEL_EINVAL);
		return;
	}
	MUST(code == (count ? 0 : WTEL_ENOTRUNK));
	MUST(wtel_router_explain(router, steps, &told, TRUNKS, request, wall) == 0 && told <= TRUNKS);
	for (i = 0; i < told; i++) {
		bool may = steps[i].verdict == WTEL_ROUTE_TAKEN || steps[i].verdict == WTEL_ROUTE_NEXT;

		MUST(memchr(steps[i].text, '\0', sizeof(steps[i].text)) && steps[i].text[0]);
		for (k = 0; k < count && routes[k].trunk_id != steps[i].trunk_id; k++)
			;
		MUST(may == (k < count));
		usable += may;
	}
	MUST(usable == count);
	for (i = 0; i < count; i++) {
		const char *digits = routes[i].number + (routes[i].number[0] == '+');

		MUST(*digits && !digits[strspn(digits, "0123456789")]);
		MUST(*routes[i].endpoint && !strpbrk(routes[i].endpoint, "&/@,"));
	}
	check_trace(router, routes, count, request, wall);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t walls[WALLS] = {1760947200000000, 1761523200000000, 1760950800000000};
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;
	struct wtel_trunk trunks[TRUNKS];
	struct wtel_router *router;
	char *text = malloc(size + 1), *line, *rest;
	size_t count = 0, i;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	rest = text;
	request.number = strsep(&rest, "\n");
	while (count < TRUNKS && (line = strsep(&rest, "\n"))) {
		trunks[count] = (struct wtel_trunk)WTEL_TRUNK_INIT;
		trunks[count].id = (int64_t)count + 1;
		trunks[count].priority = (int)(count / 2);
		trunks[count].registered = true;
		trunks[count].name = line;
		trunks[count++].advanced_settings = strsep(&rest, "\n");
	}
	options.country = size % 2 ? "34" : NULL;
	options.seed = 1;
	MUST(wtel_router_new(&router, &options, NULL) == 0);
	MUST(wtel_router_set_trunks(router, trunks, count) == 0);
	for (i = 0; i < WALLS; i++)
		choose(router, &request, walls[i]);
	wtel_router_free(router);
	free(text);
	return 0;
}
