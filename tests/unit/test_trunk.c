#include "fault.h"

#include <stdio.h>
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

Test(trunk, the_seeds_choice)
{
	struct wtel_trunk_load trunks[] = {
		{3, 2, 10, 3, WTEL_TRUNK_ACTIVE, true, true},	{2, 2, 10, 5, WTEL_TRUNK_ACTIVE, false, true},
		{1, 1, 20, 20, WTEL_TRUNK_ACTIVE, true, true},	{4, 1, 5, 0, WTEL_TRUNK_MAINTENANCE, true, true},
		{5, 3, 10, 0, WTEL_TRUNK_ACTIVE, false, false},
	};
	enum wtel_trunk_verdict verdicts[5];
	size_t index = 99;

	wtel_trunk_sort(trunks, 5);
	cr_assert_eq(wtel_trunk_choose(&index, trunks, 5, verdicts), 0);
	cr_assert_eq(trunks[index].id, 3);
	cr_assert_eq(verdicts[0], WTEL_TRUNK_SKIPPED_FULL);
	cr_assert_eq(verdicts[1], WTEL_TRUNK_SKIPPED_STATUS);
	cr_assert_eq(verdicts[2], WTEL_TRUNK_SKIPPED_UNREGISTERED);
	cr_assert_eq(verdicts[3], WTEL_TRUNK_TAKEN);
	cr_assert_eq(verdicts[4], WTEL_TRUNK_NOT_REACHED);
	trunks[3].active_calls = 10;
	cr_assert_eq(wtel_trunk_choose(&index, trunks, 5, NULL), 0);
	cr_assert_eq(trunks[index].id, 5, "a trunk that needs no registration is as good as registered");
	trunks[4].active_calls = 10;
	cr_assert_eq(wtel_trunk_choose(&index, trunks, 5, verdicts), WTEL_ENOTRUNK);
	cr_assert_eq(wtel_trunk_choose(&index, NULL, 0, NULL), WTEL_ENOTRUNK);
}

/* Against the seed's words, read literally: filter, order by priority, first with capacity. */
static int64_t plain_model(const struct wtel_trunk_load *trunks, size_t count)
{
	const struct wtel_trunk_load *best = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct wtel_trunk_load *t = &trunks[i];

		if (t->status != WTEL_TRUNK_ACTIVE || !(t->registered || !t->needs_registration) ||
		    t->active_calls >= t->max_channels)
			continue;
		if (!best || t->priority < best->priority || (t->priority == best->priority && t->id < best->id))
			best = t;
	}
	return best ? best->id : 0;
}

Test(trunk, choice_equals_a_plain_model)
{
	unsigned seed = 7, round, i;

	for (round = 0; round < 20000; round++) {
		struct wtel_trunk_load trunks[8], sorted[8];
		size_t count = (seed = seed * 1103515245 + 12345) / 65536 % 9, index = 0;

		for (i = 0; i < count; i++) {
			seed = seed * 1103515245 + 12345;
			trunks[i] = (struct wtel_trunk_load){(int64_t)i + 1,
							     (int32_t)(seed / 65536 % 3),
							     (int32_t)(seed / 1024 % 4),
							     (int32_t)(seed / 4096 % 4),
							     (enum wtel_trunk_status)(seed / 256 % 8 ? 0 : seed % 4),
							     seed / 512 % 3 != 0,
							     seed / 128 % 4 != 0};
		}
		memcpy(sorted, trunks, sizeof(sorted));
		wtel_trunk_sort(sorted, count);
		if (wtel_trunk_choose(&index, sorted, count, NULL))
			cr_assert_eq(plain_model(trunks, count), 0);
		else
			cr_assert_eq(sorted[index].id, plain_model(trunks, count));
	}
}
