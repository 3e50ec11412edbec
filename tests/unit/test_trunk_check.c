#include "fault.h"

#include <string.h>
#include <wtel/route.h>

Test(trunk_check, names)
{
	cr_assert_str_eq(wtel_breaker_state_name(WTEL_BREAKER_CLOSED), "closed");
	cr_assert_str_eq(wtel_breaker_state_name(WTEL_BREAKER_OPEN), "open");
	cr_assert_str_eq(wtel_breaker_state_name((enum wtel_breaker_state)2), "");
	cr_assert_str_eq(wtel_route_verdict_name(WTEL_ROUTE_TAKEN), "taken");
	cr_assert_str_eq(wtel_route_verdict_name(WTEL_ROUTE_RATE), "rate");
	cr_assert_str_eq(wtel_route_verdict_name(WTEL_ROUTE_VERDICTS), "");
}

static void refused(const struct wtel_campaign *campaign, const char *field)
{
	struct wtel_detail detail = {"", ""};

	cr_assert_eq(wtel_campaign_check(campaign, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, field);
	cr_assert_neq(detail.text[0], '\0');
}

Test(trunk_check, bad_campaigns_are_named)
{
	struct wtel_assignment trunks[] = {{7, 1}, {3, 100}, {9, 1}};
	struct wtel_campaign campaign = {4, true, "+15550001000", trunks, 3};

	cr_assert_eq(wtel_campaign_check(&campaign, NULL), 0);
	trunks[2].trunk_id = 7;
	refused(&campaign, "trunk_id");
	trunks[2].trunk_id = 0;
	refused(&campaign, "trunk_id");
	trunks[2].trunk_id = 9;
	trunks[1].priority = 101;
	refused(&campaign, "priority");
	trunks[1].priority = 0;
	refused(&campaign, "priority");
	trunks[1].priority = 1;
	campaign.caller_id = "+1555\r\nX: y";
	refused(&campaign, "caller_id");
	campaign.caller_id = "Sales";
	refused(&campaign, "caller_id");
	campaign.caller_id = "+";
	refused(&campaign, "caller_id");
	campaign.caller_id = "123456789012345678901";
	refused(&campaign, "caller_id");
	campaign.caller_id = NULL;
	campaign.id = 0;
	refused(&campaign, "id");
	campaign.id = 4;
	campaign.trunks = NULL;
	refused(&campaign, "trunks");
	campaign.trunk_count = 0;
	cr_assert_eq(wtel_campaign_check(&campaign, NULL), 0, "one without trunks of its own is fine");
	refused(NULL, "campaign");
}

Test(trunk_check, a_campaign_of_many_trunks)
{
	static struct wtel_assignment trunks[200000];
	struct wtel_campaign campaign = {4, true, "", trunks, sizeof(trunks) / sizeof(*trunks)};
	size_t i;

	for (i = 0; i < campaign.trunk_count; i++)
		trunks[i] = (struct wtel_assignment){(int64_t)(campaign.trunk_count - i), 1 + (int)(i % 100)};
	cr_assert_eq(wtel_campaign_check(&campaign, NULL), 0);
	trunks[0].trunk_id = 1;
	refused(&campaign, "trunk_id");
}

Test(trunk_check, rules_are_checked_with_the_columns)
{
	struct wtel_trunk trunk = WTEL_TRUNK_INIT;
	struct wtel_detail detail = {"", ""};

	trunk.name = "Twilio Main";
	trunk.host = "sip.example.com";
	cr_assert_eq(wtel_trunk_check(&trunk, NULL), 0);
	trunk.advanced_settings = "{\"prefixes\": [{\"prefix\": \"+1\"}, {\"prefix\": \"+1\"}]}";
	cr_assert_eq(wtel_trunk_check(&trunk, &detail), WTEL_EINVAL);
	cr_assert_str_eq(detail.field, "advanced_settings.prefixes[1].prefix");
	trunk.advanced_settings = "{\"prefixes\": [{\"prefix\": \"+1\"}, {\"prefix\": \"+12\"}]}";
	cr_assert_eq(wtel_trunk_check(&trunk, &detail), 0);
	trunk.advanced_settings = NULL;
	cr_assert_eq(wtel_trunk_check(&trunk, &detail), 0);
}
