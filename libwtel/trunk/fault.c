#include "base/slice.h"

#include <wtel/route.h>

#define CALLEE	     WTEL_FAULT_CALLEE
#define TRUNK	     WTEL_FAULT_TRUNK
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fault_range {
	short from, to;
	unsigned char rang, silent;
};

static const struct fault_range sip_codes[] = {
#define FAULT_SIP(from, to, rang, silent) {from, to, rang, silent},
#define FAULT_Q850(from, to, rang, silent)
#define FAULT_DIAL(status, rang, silent)
#include "trunk/fault.def"
#undef FAULT_SIP
#undef FAULT_Q850
#undef FAULT_DIAL
};

static const struct fault_range causes[] = {
#define FAULT_SIP(from, to, rang, silent)
#define FAULT_Q850(from, to, rang, silent) {from, to, rang, silent},
#define FAULT_DIAL(status, rang, silent)
#include "trunk/fault.def"
#undef FAULT_SIP
#undef FAULT_Q850
#undef FAULT_DIAL
};

static const struct {
	const char *status;
	unsigned char rang, silent;
} statuses[] = {
#define FAULT_SIP(from, to, rang, silent)
#define FAULT_Q850(from, to, rang, silent)
#define FAULT_DIAL(status, rang, silent) {#status, rang, silent},
#include "trunk/fault.def"
#undef FAULT_SIP
#undef FAULT_Q850
#undef FAULT_DIAL
};

static enum wtel_fault of_range(const struct fault_range *ranges, size_t count, int code, bool ringing)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return (enum wtel_fault)(ringing ? ranges[i].rang : ranges[i].silent);
	return WTEL_FAULT_CALLEE;
}

/* A status below 300 ended nothing, and one above 699 is none: they tell as much as no status. */
enum wtel_fault wtel_fault_of(int sip_code, int cause, struct wtel_slice dial_status, bool ringing)
{
	size_t i;

	if (sip_code >= 300 && sip_code <= 699)
		return of_range(sip_codes, COUNT(sip_codes), sip_code, ringing);
	if (cause)
		return of_range(causes, COUNT(causes), cause, ringing);
	for (i = 0; i < COUNT(statuses); i++)
		if (base_slice_is(dial_status, statuses[i].status))
			return (enum wtel_fault)(ringing ? statuses[i].rang : statuses[i].silent);
	return WTEL_FAULT_CALLEE;
}
