#include "base/error.h"
#include "base/slice.h"
#include "trunk/rules.h"
#include "trunk/text.h"

#include <stdlib.h>

enum { PRINTABLE, LINE, TEXT };

/* `kind` LINE: no control bytes; TEXT: newlines and tabs are allowed; PRINTABLE: what may stand in a SIP URI, ASCII
 * only. */
static int check_text(const char *field, const char *value, size_t limit, int kind, struct wtel_detail *detail)
{
	struct wtel_slice slice = wtel_slice_of(value);
	size_t i;

	if (slice.length > limit)
		return base_fail(detail, WTEL_ELIMIT, field, "%s is longer than %zu bytes", field, limit);
	if (!base_slice_utf8(slice))
		return base_fail(detail, WTEL_EINVAL, field, "%s is not valid UTF-8", field);
	for (i = 0; i < slice.length; i++) {
		unsigned char c = (unsigned char)slice.data[i];

		if (kind == TEXT && (c == '\n' || c == '\r' || c == '\t'))
			continue;
		if (c == '\r' || c == '\n')
			return base_fail(detail, WTEL_EINJECTION, field, "%s must not hold a line break", field);
		if (c < 0x20 || c == 0x7f)
			return base_fail(detail, WTEL_EINVAL, field, "%s must not hold control characters", field);
		if (kind == PRINTABLE && (c >= 0x80 || strchr(" \"'\\<>,;|", c)))
			return base_fail(detail, WTEL_EINVAL, field, "%s must not hold the character at byte %zu",
					 field, i + 1);
	}
	return 0;
}

static int check_range(const char *field, int64_t value, int64_t least, int64_t most, struct wtel_detail *detail)
{
	if (value < least || value > most)
		return base_fail(detail, WTEL_EINVAL, field, "%s must be from %lld to %lld", field, (long long)least,
				 (long long)most);
	return 0;
}

static bool given(const char *text)
{
	return text && *text;
}

/* The rules are only tried. */
static int check_settings(const char *settings, struct wtel_detail *detail)
{
	struct trunk_rules rules;
	int code = trunk_rules_read(&rules, settings, NULL, detail);

	if (!code)
		trunk_rules_free(&rules, NULL);
	return code;
}

static int check_endpoint(const char *endpoint, struct wtel_detail *detail)
{
	const char *wrong = trunk_endpoint_wrong(endpoint);

	return wrong ? base_fail(detail, strlen(endpoint) > 79 ? WTEL_ELIMIT : WTEL_EINVAL, "endpoint", "endpoint %s",
				 wrong)
		     : 0;
}

int wtel_trunk_check(const struct wtel_trunk *trunk, struct wtel_detail *detail)
{
	char slug[100];
	int code;

	if (!trunk)
		return base_fail(detail, WTEL_EINVAL, "trunk", "no trunk given");
	if (!given(trunk->name))
		return base_fail(detail, WTEL_EINVAL, "name", "name must not be empty");
	if (!given(trunk->host))
		return base_fail(detail, WTEL_EINVAL, "host", "host must not be empty");
	if ((code = check_text("name", trunk->name, 100, LINE, detail)) ||
	    (code = check_text("description", trunk->description, 65536, TEXT, detail)) ||
	    (code = check_text("host", trunk->host, 255, PRINTABLE, detail)) ||
	    (code = check_text("username", trunk->username, 100, LINE, detail)) ||
	    (code = check_text("password", trunk->password, 255, LINE, detail)) ||
	    (code = check_text("from_user", trunk->from_user, 100, PRINTABLE, detail)) ||
	    (code = check_text("from_domain", trunk->from_domain, 255, PRINTABLE, detail)) ||
	    (code = check_text("advanced_settings", trunk->advanced_settings, TRUNK_SETTINGS_MAX, TEXT, detail)) ||
	    (code = check_range("port", trunk->port, 1, 65535, detail)) ||
	    (code = check_range("max_channels", trunk->max_channels, 1, 100000, detail)) ||
	    (code = check_range("priority", trunk->priority, 1, 100, detail)) ||
	    (code = check_range("status", (int64_t)trunk->status, WTEL_TRUNK_ACTIVE, WTEL_TRUNK_ERROR, detail)) ||
	    (code = check_range("provider", (int64_t)trunk->provider, WTEL_PROVIDER_TWILIO, WTEL_PROVIDER_CUSTOM,
				detail)) ||
	    (code = check_range("trunk_type", (int64_t)trunk->type, WTEL_TRUNK_SIP, WTEL_TRUNK_PJSIP, detail)) ||
	    (code = check_endpoint(trunk->endpoint, detail)) ||
	    (code = check_settings(trunk->advanced_settings, detail)))
		return code;
	if (!given(trunk->endpoint) && wtel_trunk_slug(slug, sizeof(slug), trunk->name))
		return base_fail(detail, WTEL_EINVAL, "name",
				 "name has no letter or digit to make an endpoint of: give an endpoint");
	return 0;
}

/* ---- campaigns -------------------------------------------------------- */

static int by_number(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static int check_doubles(const struct wtel_campaign *campaign, struct wtel_detail *detail)
{
	struct wtel_allocator allocator = base_allocator(NULL);
	int64_t *ids = base_allocate(&allocator, campaign->trunk_count * sizeof(*ids));
	int code = 0;
	size_t i;

	if (!ids)
		return WTEL_ENOMEM;
	for (i = 0; i < campaign->trunk_count; i++)
		ids[i] = campaign->trunks[i].trunk_id;
	qsort(ids, campaign->trunk_count, sizeof(*ids), by_number);
	for (i = 1; i < campaign->trunk_count && !code; i++)
		if (ids[i - 1] == ids[i])
			code = base_fail(detail, WTEL_EINVAL, "trunk_id", "trunk %lld is there twice",
					 (long long)ids[i]);
	base_release(&allocator, ids);
	return code;
}

int wtel_campaign_check(const struct wtel_campaign *campaign, struct wtel_detail *detail)
{
	const char *wrong;
	size_t i;
	int code;

	if (!campaign)
		return base_fail(detail, WTEL_EINVAL, "campaign", "no campaign given");
	if (campaign->id < 1)
		return base_fail(detail, WTEL_EINVAL, "id", "id must be positive");
	wrong = trunk_caller_id_wrong(campaign->caller_id);
	if (wrong)
		return base_fail(detail, WTEL_EINVAL, "caller_id", "caller_id %s", wrong);
	if (!campaign->trunk_count)
		return 0;
	if (!campaign->trunks)
		return base_fail(detail, WTEL_EINVAL, "trunks", "no trunks given");
	for (i = 0; i < campaign->trunk_count; i++) {
		if (campaign->trunks[i].trunk_id < 1)
			return base_fail(detail, WTEL_EINVAL, "trunk_id", "trunk_id must be positive");
		if ((code = check_range("priority", campaign->trunks[i].priority, 1, 100, detail)))
			return code;
	}
	return check_doubles(campaign, detail);
}
