#include "base/error.h"
#include "base/slice.h"

#include <wtel/trunk.h>

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

/* The endpoint becomes a part of a dial string and of a channel's name. */
static int check_endpoint(const char *endpoint, struct wtel_detail *detail)
{
	size_t i;

	if (!given(endpoint))
		return 0;
	for (i = 0; endpoint[i]; i++) {
		char c = endpoint[i];

		if (i == 79)
			return base_fail(detail, WTEL_ELIMIT, "endpoint", "endpoint is longer than 79 bytes");
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.", c)))
			return base_fail(detail, WTEL_EINVAL, "endpoint",
					 "endpoint may hold letters, digits, '-', '_' and '.' only");
	}
	return 0;
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
	    (code = check_text("advanced_settings", trunk->advanced_settings, 65536, TEXT, detail)) ||
	    (code = check_range("port", trunk->port, 1, 65535, detail)) ||
	    (code = check_range("max_channels", trunk->max_channels, 1, 100000, detail)) ||
	    (code = check_range("priority", trunk->priority, 1, 100, detail)) ||
	    (code = check_range("status", (int64_t)trunk->status, WTEL_TRUNK_ACTIVE, WTEL_TRUNK_ERROR, detail)) ||
	    (code = check_range("provider", (int64_t)trunk->provider, WTEL_PROVIDER_TWILIO, WTEL_PROVIDER_CUSTOM,
				detail)) ||
	    (code = check_range("trunk_type", (int64_t)trunk->type, WTEL_TRUNK_SIP, WTEL_TRUNK_PJSIP, detail)) ||
	    (code = check_endpoint(trunk->endpoint, detail)))
		return code;
	if (!given(trunk->endpoint) && wtel_trunk_slug(slug, sizeof(slug), trunk->name))
		return base_fail(detail, WTEL_EINVAL, "name",
				 "name has no letter or digit to make an endpoint of: give an endpoint");
	return 0;
}
