#include "base/slice.h"

#include <wtel/route.h>

static const char *const statuses[] = {"active", "inactive", "maintenance", "error"};
static const char *const providers[] = {"twilio", "vonage", "bandwidth", "custom"};
static const char *const types[] = {"sip", "iax2", "pjsip"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count ? names[value] : "";
}

static int value_of(unsigned *out, const char *const *names, size_t count, const char *text)
{
	unsigned i;

	for (i = 0; text && i < count; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = i;
			return 0;
		}
	}
	return WTEL_EINVAL;
}

const char *wtel_trunk_status_name(enum wtel_trunk_status status)
{
	return name_of(statuses, COUNT(statuses), (unsigned)status);
}

const char *wtel_trunk_provider_name(enum wtel_trunk_provider provider)
{
	return name_of(providers, COUNT(providers), (unsigned)provider);
}

const char *wtel_trunk_type_name(enum wtel_trunk_type type)
{
	return name_of(types, COUNT(types), (unsigned)type);
}

int wtel_trunk_status_parse(enum wtel_trunk_status *out, const char *text)
{
	unsigned value;
	int code = value_of(&value, statuses, COUNT(statuses), text);

	if (!code)
		*out = (enum wtel_trunk_status)value;
	return code;
}

int wtel_trunk_provider_parse(enum wtel_trunk_provider *out, const char *text)
{
	unsigned value;
	int code = value_of(&value, providers, COUNT(providers), text);

	if (!code)
		*out = (enum wtel_trunk_provider)value;
	return code;
}

int wtel_trunk_type_parse(enum wtel_trunk_type *out, const char *text)
{
	unsigned value;
	int code = value_of(&value, types, COUNT(types), text);

	if (!code)
		*out = (enum wtel_trunk_type)value;
	return code;
}

int wtel_trunk_slug(char *out, size_t room, const char *name)
{
	size_t length = 0, i;
	char slug[128];
	bool gap = false;

	for (i = 0; name && name[i]; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
			gap = length > 0;
			continue;
		}
		if (length + gap + 1 >= sizeof(slug))
			return WTEL_ELIMIT;
		if (gap)
			slug[length++] = '-';
		slug[length++] = (char)c;
		gap = false;
	}
	if (!length)
		return WTEL_EINVAL;
	if (length >= room)
		return WTEL_ELIMIT;
	memcpy(out, slug, length);
	out[length] = '\0';
	return 0;
}
