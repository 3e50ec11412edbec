#include "fault.h"

#include <string.h>
#include <wtel/trunk.h>

Test(trunk, names_go_both_ways)
{
	enum wtel_trunk_status status = WTEL_TRUNK_ERROR;

	cr_assert_eq(wtel_trunk_status_parse(&status, "maintenance"), 0);
	cr_assert_eq(status, WTEL_TRUNK_MAINTENANCE);
	cr_assert_str_eq(wtel_trunk_status_name(status), "maintenance");
	cr_assert_eq(wtel_trunk_status_parse(&status, "Active"), WTEL_EINVAL);
	cr_assert_eq(wtel_trunk_status_parse(&status, NULL), WTEL_EINVAL);
	cr_assert_eq(status, WTEL_TRUNK_MAINTENANCE);
	cr_assert_str_eq(wtel_trunk_status_name((enum wtel_trunk_status)77), "");
	cr_assert_str_eq(wtel_trunk_provider_name(WTEL_PROVIDER_TWILIO), "twilio");
	cr_assert_str_eq(wtel_trunk_type_name(WTEL_TRUNK_IAX2), "iax2");
}

Test(trunk, slug_is_what_pjsip_sections_are_called)
{
	char out[100] = "kept";

	cr_assert_eq(wtel_trunk_slug(out, sizeof(out), "Twilio Main"), 0);
	cr_assert_str_eq(out, "twilio-main");
	cr_assert_eq(wtel_trunk_slug(out, sizeof(out), "  --Carrier (B), 2nd__ "), 0);
	cr_assert_str_eq(out, "carrier-b-2nd");
	cr_assert_eq(wtel_trunk_slug(out, sizeof(out), "\xe4\xb8\xad"), WTEL_EINVAL);
	cr_assert_eq(wtel_trunk_slug(out, 4, "long"), WTEL_ELIMIT);
	cr_assert_str_eq(out, "carrier-b-2nd");
}

static struct wtel_trunk good(void)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;

	trunk.name = "Twilio Main";
	trunk.host = "sip.example.com";
	return trunk;
}

#define REFUSED(member, value, expected_field, expected_code)                                                          \
	do {                                                                                                           \
		struct wtel_trunk trunk = good();                                                                      \
		struct wtel_detail detail = {"", ""};                                                                  \
		trunk.member = (value);                                                                                \
		cr_assert_eq(wtel_trunk_check(&trunk, &detail), (expected_code));                                      \
		cr_assert_str_eq(detail.field, (expected_field));                                                      \
		cr_assert_neq(detail.text[0], '\0');                                                                   \
	} while (0)

Test(trunk, bad_columns_are_named)
{
	struct wtel_trunk plain = good();
	char huge[70000];

	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	cr_assert_eq(wtel_trunk_check(&plain, NULL), 0);
	REFUSED(name, "", "name", WTEL_EINVAL);
	REFUSED(name, NULL, "name", WTEL_EINVAL);
	REFUSED(name, huge, "name", WTEL_ELIMIT);
	REFUSED(name, "a\r\nAction: Command", "name", WTEL_EINJECTION);
	REFUSED(name, "\xff", "name", WTEL_EINVAL);
	REFUSED(host, "sip.example.com;lr", "host", WTEL_EINVAL);
	REFUSED(host, "", "host", WTEL_EINVAL);
	REFUSED(port, 0, "port", WTEL_EINVAL);
	REFUSED(port, 65536, "port", WTEL_EINVAL);
	REFUSED(max_channels, 0, "max_channels", WTEL_EINVAL);
	REFUSED(max_channels, -5, "max_channels", WTEL_EINVAL);
	REFUSED(priority, 0, "priority", WTEL_EINVAL);
	REFUSED(priority, 101, "priority", WTEL_EINVAL);
	REFUSED(endpoint, "a/b", "endpoint", WTEL_EINVAL);
	REFUSED(endpoint, "a@b", "endpoint", WTEL_EINVAL);
	REFUSED(password, "a\nb", "password", WTEL_EINJECTION);
	REFUSED(name, "\xe4\xb8\xad\xe5\x9b\xbd", "name", WTEL_EINVAL);
}
