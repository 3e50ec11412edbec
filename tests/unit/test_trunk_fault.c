#include "fault.h"

#include "trunk/rules.h"

#include "base/slice.h"

#include <string.h>

static enum wtel_fault of_sip(int code, bool ringing)
{
	return wtel_fault_of(code, 0, wtel_slice_of(NULL), ringing);
}

static enum wtel_fault of_cause(int cause, bool ringing)
{
	return wtel_fault_of(0, cause, wtel_slice_of(NULL), ringing);
}

static enum wtel_fault of_dial(const char *status, bool ringing)
{
	return wtel_fault_of(0, 0, wtel_slice_of(status), ringing);
}

/* The policy as it was agreed on, code by code; the table says it in ranges. */
static const short trunk_sip[] = {400, 401, 402, 403, 405, 406, 407, 408, 409, 411, 412, 413, 414, 415, 416, 417,
				  420, 421, 422, 423, 424, 428, 429, 430, 436, 437, 438, 439, 440, 469, 481, 482,
				  483, 488, 489, 491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 555, 580, 599};
static const short callee_sip[] = {300, 301, 302, 305, 380, 399, 404, 410, 433, 470, 480,
				   484, 485, 486, 487, 600, 603, 604, 606, 607, 608, 699};

Test(trunk_fault, sip_codes)
{
	size_t i;

	for (i = 0; i < sizeof(trunk_sip) / sizeof(*trunk_sip); i++)
		cr_assert_eq(of_sip(trunk_sip[i], false), WTEL_FAULT_TRUNK, "%d", trunk_sip[i]);
	for (i = 0; i < sizeof(callee_sip) / sizeof(*callee_sip); i++) {
		cr_assert_eq(of_sip(callee_sip[i], false), WTEL_FAULT_CALLEE, "%d", callee_sip[i]);
		cr_assert_eq(of_sip(callee_sip[i], true), WTEL_FAULT_CALLEE, "%d after ringing", callee_sip[i]);
	}
	cr_assert_eq(of_sip(408, true), WTEL_FAULT_CALLEE, "somebody let it ring");
	cr_assert_eq(of_sip(503, true), WTEL_FAULT_TRUNK, "a breaker wants to know, also when nobody retries");
}

Test(trunk_fault, causes)
{
	static const short trunk[] = {2,  3,  5,  6,  8,  14, 18, 20, 25, 27, 29, 34, 38, 41,  42,
				      44, 47, 50, 52, 57, 58, 63, 65, 66, 69, 79, 88, 96, 102, 111};
	static const short callee[] = {1, 7, 16, 17, 19, 21, 22, 23, 26, 28, 31, 54, 127};
	size_t i;

	for (i = 0; i < sizeof(trunk) / sizeof(*trunk); i++)
		cr_assert_eq(of_cause(trunk[i], false), WTEL_FAULT_TRUNK, "%d", trunk[i]);
	for (i = 0; i < sizeof(callee) / sizeof(*callee); i++)
		cr_assert_eq(of_cause(callee[i], false), WTEL_FAULT_CALLEE, "%d", callee[i]);
	cr_assert_eq(of_cause(18, true), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_cause(20, true), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_cause(34, true), WTEL_FAULT_TRUNK);
	cr_assert_eq(of_cause(-1, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_cause(128, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_cause(100000, false), WTEL_FAULT_CALLEE);
}

Test(trunk_fault, dial_status)
{
	cr_assert_eq(of_dial("CHANUNAVAIL", false), WTEL_FAULT_TRUNK);
	cr_assert_eq(of_dial("CONGESTION", false), WTEL_FAULT_TRUNK);
	cr_assert_eq(of_dial("INVALIDARGS", false), WTEL_FAULT_TRUNK);
	cr_assert_eq(of_dial("NOANSWER", false), WTEL_FAULT_TRUNK, "the trunk never said a word");
	cr_assert_eq(of_dial("NOANSWER", true), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_dial("BUSY", false), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_dial("CANCEL", false), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_dial("", false), WTEL_FAULT_CALLEE);
	cr_assert_eq(of_dial(NULL, false), WTEL_FAULT_CALLEE);
}

/* 603 and 403 both become cause 21, and app_dial makes CHANUNAVAIL of both. */
Test(trunk_fault, the_sip_status_comes_first)
{
	struct wtel_slice unavailable = wtel_slice_of("CHANUNAVAIL");

	cr_assert_eq(wtel_fault_of(603, 21, unavailable, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(wtel_fault_of(403, 21, unavailable, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(wtel_fault_of(404, 1, unavailable, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(wtel_fault_of(480, 34, unavailable, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(wtel_fault_of(0, 1, unavailable, false), WTEL_FAULT_CALLEE, "a cause before DIALSTATUS");
	cr_assert_eq(wtel_fault_of(200, 34, unavailable, false), WTEL_FAULT_TRUNK, "200 ended nothing");
	cr_assert_eq(wtel_fault_of(700, 1, unavailable, false), WTEL_FAULT_CALLEE, "700 is no status");
	cr_assert_eq(wtel_fault_of(-503, 1, unavailable, false), WTEL_FAULT_CALLEE);
}

Test(trunk_fault, a_trunk_may_differ)
{
	struct wtel_slice none = wtel_slice_of(NULL);
	struct trunk_rules rules;

	cr_assert_eq(trunk_rules_read(&rules, "{\"failover\": {\"next\": [404, 486], \"stop\": [503]}}", NULL, NULL),
		     0);
	cr_assert_eq(trunk_rules_fault(&rules, 404, 0, none, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(trunk_rules_fault(&rules, 486, 17, none, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(trunk_rules_fault(&rules, 503, 34, none, false), WTEL_FAULT_CALLEE);
	cr_assert_eq(trunk_rules_fault(&rules, 500, 0, none, false), WTEL_FAULT_TRUNK);
	cr_assert_eq(trunk_rules_fault(&rules, 0, 34, none, false), WTEL_FAULT_TRUNK, "503 was not said");
	cr_assert_eq(trunk_rules_fault(&rules, 603, 21, none, false), WTEL_FAULT_CALLEE);
	trunk_rules_free(&rules, NULL);
}
