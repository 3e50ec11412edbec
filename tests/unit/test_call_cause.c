#include "call_events.h"

static const struct {
	int sip_code;
	int cause;
	const char *dial;
	bool ringing;
	enum wtel_disposition wanted;
} rows[] = {
	/* the SIP status decides */
	{486, 17, "BUSY", false, WTEL_DISPOSITION_BUSY},
	{486, 0, "", true, WTEL_DISPOSITION_BUSY},
	{600, 17, "BUSY", false, WTEL_DISPOSITION_BUSY},
	{603, 21, "NOANSWER", true, WTEL_DISPOSITION_BUSY},
	{486, 34, "CONGESTION", true, WTEL_DISPOSITION_BUSY},
	{503, 17, "BUSY", false, WTEL_DISPOSITION_FAILED},
	{480, 19, "NOANSWER", true, WTEL_DISPOSITION_NO_ANSWER},
	{480, 19, "NOANSWER", false, WTEL_DISPOSITION_FAILED},
	{408, 18, "NOANSWER", true, WTEL_DISPOSITION_NO_ANSWER},
	{408, 18, "NOANSWER", false, WTEL_DISPOSITION_FAILED},
	{487, 0, "NOANSWER", true, WTEL_DISPOSITION_NO_ANSWER},
	{487, 0, "NOANSWER", false, WTEL_DISPOSITION_FAILED},
	{404, 1, "CHANUNAVAIL", false, WTEL_DISPOSITION_FAILED},
	{404, 1, "NOANSWER", true, WTEL_DISPOSITION_FAILED},
	{484, 28, "CHANUNAVAIL", false, WTEL_DISPOSITION_FAILED},
	{500, 38, "NOANSWER", true, WTEL_DISPOSITION_FAILED},
	{302, 23, "CANCEL", false, WTEL_DISPOSITION_FAILED},
	{699, 0, "BUSY", true, WTEL_DISPOSITION_FAILED},
	/* no final status: Q.850 */
	{0, 17, "NOANSWER", false, WTEL_DISPOSITION_BUSY},
	{200, 17, "", false, WTEL_DISPOSITION_BUSY},
	{183, 17, "", true, WTEL_DISPOSITION_BUSY},
	{700, 17, "", true, WTEL_DISPOSITION_BUSY},
	{0, 18, "CONGESTION", false, WTEL_DISPOSITION_NO_ANSWER},
	{0, 19, "", true, WTEL_DISPOSITION_NO_ANSWER},
	{0, 21, "", true, WTEL_DISPOSITION_BUSY},
	{0, 21, "", false, WTEL_DISPOSITION_FAILED},
	{0, 34, "NOANSWER", true, WTEL_DISPOSITION_FAILED},
	{0, 1, "BUSY", true, WTEL_DISPOSITION_FAILED},
	{0, 127, "", true, WTEL_DISPOSITION_FAILED},
	/* neither says anything: DIALSTATUS */
	{0, 0, "BUSY", false, WTEL_DISPOSITION_BUSY},
	{0, 16, "BUSY", false, WTEL_DISPOSITION_BUSY},
	{0, 0, "NOANSWER", true, WTEL_DISPOSITION_NO_ANSWER},
	{0, 0, "NOANSWER", false, WTEL_DISPOSITION_FAILED},
	{0, 16, "CANCEL", true, WTEL_DISPOSITION_CANCELLED},
	{0, 0, "CANCEL", false, WTEL_DISPOSITION_CANCELLED},
	{0, 0, "CONGESTION", true, WTEL_DISPOSITION_FAILED},
	{0, 0, "CHANUNAVAIL", true, WTEL_DISPOSITION_FAILED},
	{0, 0, "", true, WTEL_DISPOSITION_NO_ANSWER},
	{0, 0, "", false, WTEL_DISPOSITION_FAILED},
	{0, 26, "", true, WTEL_DISPOSITION_NO_ANSWER},
	{0, 0, "GOTO", false, WTEL_DISPOSITION_FAILED},
	{-5, -5, "busy", true, WTEL_DISPOSITION_NO_ANSWER},
};

Test(call_cause, table)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		enum wtel_disposition got = wtel_disposition_of(rows[i].sip_code, rows[i].cause,
								wtel_slice_of(rows[i].dial), rows[i].ringing);

		cr_assert_eq(got, rows[i].wanted, "sip %d cause %d %s ringing %d: %s, wanted %s", rows[i].sip_code,
			     rows[i].cause, rows[i].dial, rows[i].ringing, wtel_disposition_name(got),
			     wtel_disposition_name(rows[i].wanted));
	}
}

Test(call_cause, absent_status)
{
	struct wtel_slice absent = {NULL, 0};

	cr_assert_eq(wtel_disposition_of(0, 0, absent, true), WTEL_DISPOSITION_NO_ANSWER);
}

Test(call_cause, words)
{
	cr_assert_str_eq(wtel_disposition_name(WTEL_DISPOSITION_NONE), "");
	cr_assert_str_eq(wtel_disposition_name(WTEL_DISPOSITION_NO_ANSWER), "NO ANSWER");
	cr_assert_str_eq(wtel_disposition_name((enum wtel_disposition)99), "");
	cr_assert_str_eq(wtel_direction_name(WTEL_INBOUND), "inbound");
	cr_assert_str_eq(wtel_direction_name(WTEL_OUTBOUND), "outbound");
	cr_assert_str_eq(wtel_call_state_name(WTEL_CALL_AGENT), "agent");
	cr_assert_str_eq(wtel_call_state_name((enum wtel_call_state)77), "");
	cr_assert_str_eq(wtel_leg_role_name(WTEL_LEG_CUSTOMER), "customer");
}

Test(call_cause, seconds)
{
	struct wtel_call call = {.start = T0, .answer = T0 + 1999999, .end = T0 + 4999998};

	cr_assert_eq(wtel_call_duration(&call), 4);
	cr_assert_eq(wtel_call_billsec(&call), 2);
	call.end = T0 + 4999999;
	cr_assert_eq(wtel_call_billsec(&call), 3);
	call.answer = 0;
	cr_assert_eq(wtel_call_billsec(&call), 0);
	call.end = 0;
	cr_assert_eq(wtel_call_duration(&call), 0);
	call = (struct wtel_call){.start = INT64_MIN, .answer = T0 + 5, .end = T0};
	cr_assert_eq(wtel_call_billsec(&call), 0);
	call.end = INT64_MAX;
	cr_assert_gt(wtel_call_duration(&call), 0);
}
