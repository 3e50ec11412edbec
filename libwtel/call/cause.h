/* Why a call ended: the one table is cause.def. */
#ifndef CALL_CAUSE_H
#define CALL_CAUSE_H

#include <wtel/call.h>

/* What a DialEnd said of a leg. */
enum cause_dial {
	CAUSE_DIAL_NONE,
	CAUSE_DIAL_ANSWER,
#define CAUSE_SIP(code, rang, silent, text)
#define CAUSE_Q850(code, rang, silent, text)
#define CAUSE_DIAL(status, rang, silent, text) CAUSE_DIAL_##status,
#include "call/cause.def"
#undef CAUSE_SIP
#undef CAUSE_Q850
#undef CAUSE_DIAL
	CAUSE_DIAL_OTHER /* ABORT, CONTINUE, GOTO */
};

enum cause_dial cause_dial_of(struct wtel_slice status);

/* The disposition, and in *text the sentence (never NULL; "" where there is nothing to say). */
enum wtel_disposition cause_judge(int sip_code, int cause, enum cause_dial dial, bool ringing, const char **text);

#endif
