"""The outbound dialplan of examples/asterisk, without libwtel: whose fault it takes a failed call for, and the next trunk's turn."""

import time

import pytest

NUMBER = "+15551234501"


def dial(world, ami, trunk, variables=(), number=NUMBER, **fields):
    """A call of 1001 over a trunk; its id, which is the Uniqueid of the agent's channel."""
    identity = "WLCM-%d-%06x" % (time.time() * 1000, id(object()) & 0xffffff)
    assert world.originate(ami, "1001", number, trunk, identity, variables=variables, **fields)["Response"] == "Success"
    return identity


def told_of_fault(world, trunk, variables=(), timeout=60, **fields):
    """The UserEvent of a call, or None if it ended without one; and how long the agent waited after the trunk's end."""
    with world.ami(events="call,user") as ami:
        identity = dial(world, ami, trunk, variables, **fields)
        ended = ami.wait(lambda m: m.get("Event") == "Hangup" and m["Uniqueid"] == identity, timeout)
        heard = [m for m in ami.messages if m.get("Event") == "UserEvent"]
        last = [m for m in ami.messages if m.get("Event") == "DialEnd" and m.get("Uniqueid") == identity]
        waited = float(ended["Timestamp"]) - float((heard or last)[-1]["Timestamp"]) if heard or last else None
        assert len(heard) <= 1
        return (heard[0] if heard else None), waited


@pytest.mark.parametrize("trunk, status, cause", [
    ("carrier-503", "CONGESTION", "34"), ("carrier-500", "CHANUNAVAIL", "38"), ("carrier-403", "CHANUNAVAIL", "21"),
    ("carrier-absent", "CHANUNAVAIL", "3"), ("no-such-trunk", "CHANUNAVAIL", "3"), ("carrier-silent", "CHANUNAVAIL", "18")])
def test_a_trunks_fault_is_told(world, trunk, status, cause):
    """And the agent is still there two seconds later."""
    event, waited = told_of_fault(world, trunk)
    assert event["UserEvent"] == "WtelTrunkFault"
    assert (event["DialStatus"], event["Cause"], event["Trunk"]) == (status, cause, "1")
    assert event["CallID"] == event["Uniqueid"] and event["Channel"].startswith("PJSIP/1001-")
    # By the events' times: each may be written down a little late.
    assert 1.5 < waited < 10


@pytest.mark.parametrize("trunk", ["carrier-486", "carrier-603", "carrier-404", "carrier-480", "carrier-ring-503"])
def test_the_callees_answer_ends_the_call_at_once(world, trunk):
    waits = []
    # Whoever waits for another trunk waits two seconds; a busy machine may do so too, but not each time.
    while not waits or waits[-1] >= 1.5 and len(waits) < 5:
        event, waited = told_of_fault(world, trunk)
        assert event is None
        waits.append(waited)
    assert waits[-1] < 1.5, waits


def test_a_trunk_that_only_tries_has_failed_when_the_time_is_up(world):
    """100 Trying and no more: nobody's phone rang. One that rings is the customer's."""
    event, _ = told_of_fault(world, "carrier-a", number="+15551234509", dial_timeout=2)
    assert event["DialStatus"] == "NOANSWER"
    event, _ = told_of_fault(world, "carrier-a", number="+15551234503", dial_timeout=5)  # until it has rung
    assert event is None


def test_a_trunk_may_count_codes_otherwise(world):
    event, _ = told_of_fault(world, "carrier-486", ["__WTEL_NEXT=404-486"])
    assert event["DialStatus"] == "BUSY"
    event, _ = told_of_fault(world, "carrier-404", ["__WTEL_NEXT=486"])
    assert event is None


def test_a_silent_trunk_fails_within_seconds(world):
    with world.ami(events="call") as ami:
        dial(world, ami, "carrier-silent")
        begun = ami.wait(lambda m: m.get("Event") == "DialBegin" and "carrier-silent" in m["DestChannel"])
        ended = ami.wait(lambda m: m.get("Event") == "Hangup" and "carrier-silent" in m["Channel"])
    seconds = float(ended["Timestamp"]) - float(begun["Timestamp"])
    print("a silent trunk fails after %.2f s" % seconds)
    assert ended["TechCause"] == "408" and 5 < seconds < 20  # of the standard's 32


@pytest.mark.parametrize("variables", [["__WTEL_DIAL=1555;x"], ["__WTEL_DIAL=PJSIP/1002"], ["__WTEL_DIAL=1&PJSIP/1002@x"]])
def test_what_is_dialled_is_digits(world, variables):
    event, _ = told_of_fault(world, "carrier-a", variables)
    assert event is None and not [row for row in world.cdrs() if "x" in row["number"]]


def test_nothing_strange_gets_into_the_event(world):
    """Values that a careless program sets: only what an identifier is made of is told."""
    with world.ami(events="call,user") as ami:
        ami.action("Originate", ["TRUNK_ID=1)\\,Event: X", "CALL_ID=a b\\,Cause: d${EXTEN}", "WTEL_ENDPOINT=carrier-503"],
                   Channel="PJSIP/1001", Context="welcomedly-outbound", Exten=NUMBER, Priority=1, Async="true")
        event = ami.event("UserEvent")
    assert (event["CallID"], event["Trunk"], event["Cause"]) == ("abCausedEXTEN", "1", "34")
    assert list(event)[-5:] == ["UserEvent", "CallID", "Trunk", "DialStatus", "Cause"]


# Which event the redirect answers: the first sign of the fault comes while Dial() is still at work.
@pytest.mark.parametrize("sign", ["HangupRequest", "Hangup", "UserEvent"])
def test_redirect_to_the_next_trunk(world, sign):
    """Twenty times: the second trunk is dialled, with its own number and caller id, and the agent's channel stays."""
    waits = []
    for _ in range(20):
        dialled = "00%d08" % (time.time() * 1000)
        with world.ami(events="call,user") as ami:
            identity = dial(world, ami, "carrier-503")
            fault = ami.wait(lambda m: m.get("Event") == sign and (sign == "UserEvent" or "carrier-503" in m["Channel"]))
            for name, value in (("TRUNK_ID", "2"), ("WTEL_ENDPOINT", "carrier-ip"), ("WTEL_DIAL", dialled),
                                ("WTEL_CALLER_ID", "+15550001000")):
                assert ami.action("Setvar", Channel=identity, Variable="__" + name, Value=value)["Response"] == "Success"
            done = ami.action("Redirect", Channel=identity, Context="welcomedly-outbound", Exten=NUMBER, Priority=1)
            assert done["Response"] == "Success", done
            leg = ami.wait(lambda m: m.get("Event") == "Newchannel" and "carrier-ip" in m["Channel"])
            waits.append(float(leg["Timestamp"]) - float(fault["Timestamp"]))
            ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=identity)
            ami.action("Hangup", Channel=identity)
            ami.wait(lambda m: m.get("Event") == "Hangup" and m["Uniqueid"] == identity)
            assert not [m for m in ami.messages if m.get("Event") == "Newchannel" and "1001" in m["Channel"]][1:], "another agent's channel"
        bill = world.wait_cdr(dialled)
        assert (bill["accountcode"], bill["src"]) == ("carrier-ip", "+15550001000")
    waits.sort()
    print("from %s to the second leg: %.1f ms in the middle, %.1f ms at most" % (sign, waits[10] * 1e3, waits[-1] * 1e3))
    # Most may have met a busy machine. Too late, and the redirect would have been refused.
    assert waits[3] < 0.1, waits


def test_a_variable_is_inherited_by_the_next_leg(world):
    with world.ami(events="call") as ami:
        identity = dial(world, ami, "carrier-a", number="+15551234500")
        ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=identity)
        leg = ami.wait(lambda m: m.get("Event") == "BridgeEnter" and "carrier-a" in m["Channel"])
        assert ami.action("Getvar", Channel=leg["Channel"], Variable="CALL_ID")["Value"] == identity
        ami.action("Hangup", Channel=identity)
