/* Trunks, campaigns and routers for the tests of routing. */
#ifndef TESTS_TRUNK_CAST_H
#define TESTS_TRUNK_CAST_H

#include <criterion/criterion.h>
#include <string.h>
#include <wtel/route.h>

#define SECOND INT64_C(1000000)

static inline struct wtel_trunk trunk_make(int64_t id, const char *name, int priority, const char *settings)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;

	trunk.id = id;
	trunk.name = name;
	trunk.host = "sip.example.com";
	trunk.priority = priority;
	trunk.registered = true;
	trunk.advanced_settings = settings;
	return trunk;
}

/*
 * TZif version 1 (RFC 8536) with one type and no transition: a zone that is `hours` east of UTC for ever. 44 bytes of
 * header, 6 of the type, 4 of its name.
 */
static inline struct wtel_slice zone_make(unsigned char out[54], int hours)
{
	uint32_t seconds = (uint32_t)(hours * 3600);

	memset(out, 0, 54);
	memcpy(out, "TZif", 4);
	out[39] = 1; /* typecnt */
	out[43] = 4; /* charcnt */
	out[44] = (unsigned char)(seconds >> 24);
	out[45] = (unsigned char)(seconds >> 16);
	out[46] = (unsigned char)(seconds >> 8);
	out[47] = (unsigned char)seconds;
	memcpy(out + 50, "ABC", 4);
	return (struct wtel_slice){(const char *)out, 54};
}

/* "Test/East2" and "Test/West3"; "Test/Broken" is no TZif. */
static inline int zone_given(struct wtel_slice *data, const char *name, void *user)
{
	static unsigned char zone[54];

	(void)user;
	if (strcmp(name, "Test/East2") == 0)
		*data = zone_make(zone, 2);
	else if (strcmp(name, "Test/West3") == 0)
		*data = zone_make(zone, -3);
	else if (strcmp(name, "Test/Broken") == 0)
		*data = (struct wtel_slice){"TZjf", 4};
	else
		return WTEL_ENOTFOUND;
	return 0;
}

static inline struct wtel_router *router_make(const struct wtel_trunk *trunks, size_t count)
{
	struct wtel_router_options options = WTEL_ROUTER_OPTIONS_INIT;
	struct wtel_router *router;

	options.country = "34";
	options.zone = zone_given;
	options.seed = 42;
	cr_assert_eq(wtel_router_new(&router, &options, NULL), 0);
	cr_assert_eq(wtel_router_set_trunks(router, trunks, count), 0);
	return router;
}

static inline struct wtel_route_request to(const char *number)
{
	struct wtel_route_request request = WTEL_ROUTE_REQUEST_INIT;

	request.number = number;
	return request;
}

#endif
