/* A call's record: what the columns of `calls` hold, and the seed's words for it. */
#include <wtel/call.h>

#include "base/slice.h"

/* Whole seconds gone by, rounded down as the carrier's are; hostile times do not overflow. */
static int64_t cdr_seconds(int64_t from, int64_t to)
{
	if (!from || !to || to <= from)
		return 0;
	return (int64_t)(((uint64_t)to - (uint64_t)from) / 1000000);
}

int64_t wtel_call_duration(const struct wtel_call *call)
{
	return cdr_seconds(call->start, call->end);
}

int64_t wtel_call_billsec(const struct wtel_call *call)
{
	return cdr_seconds(call->answer, call->end);
}

const char *wtel_direction_name(enum wtel_direction direction)
{
	return direction == WTEL_INBOUND ? "inbound" : "outbound";
}

const char *wtel_call_state_name(enum wtel_call_state state)
{
	switch (state) {
	case WTEL_CALL_QUEUED:
		return "queued";
	case WTEL_CALL_AGENT:
		return "agent";
	case WTEL_CALL_DIALING:
		return "dialing";
	case WTEL_CALL_RINGING:
		return "ringing";
	case WTEL_CALL_ANSWERED:
		return "answered";
	case WTEL_CALL_ENDED:
		return "ended";
	}
	return "";
}

const char *wtel_disposition_name(enum wtel_disposition disposition)
{
	static const char *const names[WTEL_DISPOSITIONS] = {
		[WTEL_DISPOSITION_NONE] = "",
#define WTEL_DISPOSITION_X(id, value, key) [WTEL_DISPOSITION_##id] = value,
#include <wtel/disposition.def>
#undef WTEL_DISPOSITION_X
	};

	return (unsigned int)disposition < WTEL_DISPOSITIONS ? names[disposition] : "";
}

const char *wtel_leg_role_name(enum wtel_leg_role role)
{
	switch (role) {
	case WTEL_LEG_AGENT:
		return "agent";
	case WTEL_LEG_CUSTOMER:
		return "customer";
	case WTEL_LEG_OTHER:
		return "other";
	}
	return "";
}
