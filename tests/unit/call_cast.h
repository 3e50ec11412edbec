/* The channels that the tests of calls play with, and how an outbound call begins. */
#ifndef TESTS_CALL_CAST_H
#define TESTS_CALL_CAST_H

#include "call_events.h"

static const struct channel agent = {"PJSIP/1001-00000001", "WLCM-1",	    "WLCM-1",
				     "welcomedly-outbound", "+15551234567", "1001"};
static const struct channel customer = {
	"PJSIP/carrier-a-00000002", "1761388200.2", "WLCM-1", "welcomedly-inbound", "s", ""};
static const struct channel second = {
	"PJSIP/carrier-b-00000003", "1761388200.3", "WLCM-1", "welcomedly-inbound", "s", ""};
static const struct channel caller = {"PJSIP/carrier-a-00000010", "1761388200.10", "1761388200.10",
				      "welcomedly-inbound",	  "15550001000",   "15557654321"};
static const struct channel phone1 = {
	"PJSIP/1001-00000011", "1761388200.11", "1761388200.10", "welcomedly-agents", "s", ""};
static const struct channel phone2 = {
	"PJSIP/1002-00000012", "1761388200.12", "1761388200.10", "welcomedly-agents", "s", ""};

static inline void up_to_dial(struct wtel_tracker *tracker)
{
	tracker_expect(tracker, "WLCM-1", T0);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &agent, 0), T0 + 10 * MILLI);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, NULL, &agent, 0, "1001"), T0 + 11 * MILLI);
	tracker_take(tracker, event_of(WTEL_AMI_NEWSTATE, &agent, 6), T0 + SECOND);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_END, NULL, &agent, 6, "ANSWER"), T0 + SECOND + 1);
	tracker_take(tracker, event_originate("PJSIP/1001-00000001", "WLCM-1", "Success", 4), T0 + SECOND + 2);
	tracker_take(tracker, event_of(WTEL_AMI_NEWCHANNEL, &customer, 0), T0 + SECOND + 10 * MILLI);
	tracker_take(tracker, event_dial(WTEL_AMI_DIAL_BEGIN, &agent, &customer, 0, "+15551234567@carrier-a"),
		     T0 + SECOND + 11 * MILLI);
}

static inline void hang_up(struct wtel_tracker *tracker, const struct channel *channel, int state, int cause,
			   int sip_code, int64_t wall)
{
	tracker_take(tracker, event_hangup(channel, state, cause, sip_code), wall);
}

#endif
