#!/usr/bin/env python3
"""Records what a real Asterisk sends for the golden tests: one file a scenario in tests/golden/sessions, the bytes from server to
client as they came, login included (the server's side of a login holds no secret).

    python3 tests/real/capture.py [DIRECTORY [SCENARIO...]]

Sessions ask for the events that the library asks for; those named everything_* for all that there are.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, sip_user  # noqa: E402

MASK = "call,system,agent,user"
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def call(world, ami, extension, number, trunk="carrier-a", wait=20, **fields):
    """A call from its Originate to the last Hangup of its legs."""
    identity = begin(world, ami, extension, number, trunk, **fields)
    finish(world, ami, wait)
    return identity


def begin(world, ami, extension, number, trunk="carrier-a", **fields):
    begin.count += 1
    identity = "WLCM-%d-%06x" % (time.time() * 1000, begin.count)
    world.originate(ami, extension, number, trunk, identity, **fields)
    return identity


begin.count = 0


def finish(world, ami, wait=20):
    """Reads until the PBX has no channel left."""
    end = time.monotonic() + wait
    ami.drain(0.5)
    while world.channels() and time.monotonic() < end:
        ami.drain(0.2)
    ami.drain(0.3)


def channel_of(ami, prefix, event="Newchannel"):
    return ami.wait(lambda m: m.get("Event") == event and m.get("Channel", "").startswith("PJSIP/" + prefix), 15)["Channel"]


def outcome(number, extension="1001", trunk="carrier-a", **fields):
    return lambda world, ami: call(world, ami, extension, number, trunk, **fields)


for name, arguments in {
        "answered": ("+15551234501",), "busy": ("+15551234502",), "no_answer": ("+15551234503",),
        "congestion": ("+15551234504",), "unknown_number": ("+15551234505",), "declined": ("+15551234506",),
        "early_media": ("+15551234507",), "answered_at_once": ("+15551234508",), "never_rings": ("+15551234509",),
        "trunk_by_address": ("+15551234501", "1001", "carrier-ip"), "trunk_silent": ("+15551234501", "1001", "carrier-silent"),
        "trunk_rejects": ("+15551234501", "1001", "carrier-403"), "trunk_rings_then_fails": ("+15551234501", "1001", "carrier-ring-503"),
        "trunk_absent": ("+15551234501", "1001", "carrier-absent"), "trunk_times_out": ("+15551234501", "1001", "carrier-silent"),
        "trunk_unknown": ("+15551234501", "1001", "no-such-trunk"), "number_refused": ("1555x", "1001"),
        "agent_never_picks_up": ("+15551234500", "1003"), "agent_busy": ("+15551234500", "1004"),
        "agent_absent": ("+15551234500", "1005"), "agent_unknown": ("+15551234500", "1999"),
        "agent_hangs_up_first": ("+15551234500", "1002"), "agent_hangs_up_while_ringing": ("+15551234503", "1002")}.items():
    limits = {"timeout": 2} if "never_picks" in name else {"dial_timeout": 2} if name in ("no_answer", "never_rings", "trunk_silent") else {}
    SCENARIOS[name] = outcome(*arguments, **limits)


@scenario
def hangup_requested(world, ami):
    identity = begin(world, ami, "1001", "+15551234500")
    ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=identity)
    ami.drain(1)
    ami.action("Hangup", Channel=channel_of(ami, "1001"), Cause="16")
    finish(world, ami)


@scenario
def next_trunk(world, ami):
    """The first trunk fails; the agent's channel is sent to the dialplan again with the second."""
    world.fault("carrier-b", 38)
    identity = begin(world, ami, "1001", "+15551234501", "carrier-b")
    ami.event("DialEnd", Uniqueid=identity)
    agent = channel_of(ami, "1001")
    for variable, value in (("__TRUNK_ID", "2"), ("__WTEL_ENDPOINT", "carrier-a"), ("__WTEL_DIAL", "0015551234501"),
                            ("__WTEL_CALLER_ID", "+15550001000")):
        ami.action("Setvar", Channel=agent, Variable=variable, Value=value)
    ami.action("Redirect", Channel=agent, Context="welcomedly-outbound", Exten="+15551234501", Priority="1")
    finish(world, ami)
    world.fault("carrier-b", 0)


@scenario
def inbound_queue(world, ami):
    world.sipp("call_in.xml", "15550001000", {"from": "15557654321"})
    finish(world, ami)


@scenario
def inbound_registered_trunk(world, ami):
    world.call_in("carrier-a", "+15557654321", "+15550001000", stay=2)
    ami.event("AgentComplete", 20)
    finish(world, ami)


@scenario
def inbound_abandoned(world, ami):
    """Nobody is there to answer."""
    world.agent_away("1001")
    world.pbx.cli("queue add member PJSIP/1003 to welcome-queue")
    world.sipp("abandon.xml", "15550001000", {"from": "15557654321"})
    finish(world, ami)
    world.pbx.cli("queue remove member PJSIP/1003 from welcome-queue")
    world.agent_back("1001")
    ami.drain(0.5)


@scenario
def blind_transfer(world, ami):
    identity = begin(world, ami, "1001", "+15551234500")
    ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=identity)
    ami.drain(1)
    ami.action("BlindTransfer", Channel=channel_of(ami, "1001"), Context="transfer-target", Exten="1002")
    finish(world, ami)


@scenario
def attended_transfer(world, ami):
    identity = begin(world, ami, "1001", "+15551234500", variables=["BRIDGE_FEATURES=T"])
    ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=identity)
    ami.drain(1)
    agent = channel_of(ami, "1001")
    ami.action("Atxfer", Channel=agent, Context="transfer-target", Exten="1002")
    ami.wait(lambda m: m.get("Event") == "BridgeEnter" and m["Channel"].startswith("PJSIP/1002"), 15)
    ami.drain(0.5)
    ami.action("Hangup", Channel=agent)
    finish(world, ami)


@scenario
def hold(world, ami):
    phone = world.sipp("phone_hold.xml", source="127.0.0.1", port=world.phone_port, wait=False)
    time.sleep(0.3)
    begin(world, ami, "1006", "+15551234500")
    ami.event("Unhold", 15)
    ami.drain(1.5)
    ami.action("Hangup", Channel=channel_of(ami, "1006"))
    finish(world, ami)
    phone.wait(10)


@scenario
def local_channel(world, ami):
    call(world, ami, "1001", "+15551234501", channel="Local/1001@welcomedly-agents")


@scenario
def two_calls(world, ami):
    """Their events are mixed."""
    begin(world, ami, "1001", "+15551234501")
    begin(world, ami, "1002", "+15551234500", "carrier-b")
    finish(world, ami)


@scenario
def registration_lost(world, ami):
    world.unregister("carrier-b")
    ami.drain(0.5)
    world.register("carrier-b")
    ami.drain(0.5)


@scenario
def agent_leaves(world, ami):
    world.agent_away("1001")
    world.agent_back("1001")
    ami.drain(1)


@scenario
def lists(world, ami):
    begin(world, ami, "1001", "+15551234500")
    ami.drain(2.5)
    for action in ("CoreSettings", "CoreStatus", "CoreShowChannels", "PJSIPShowRegistrationsOutbound", "PJSIPShowEndpoints",
                   "PJSIPShowContacts", "QueueStatus", "Status", "Ping", "Filter", "NoSuchAction", "Events"):
        ami.action(action, Operation="Add", Filter="!Event: VarSet", EventMask=MASK)
        ami.drain(0.3)
    ami.action("Hangup", Channel="PJSIP/none-00000000")
    ami.action("Hangup", Channel="/^PJSIP/1001-.*/")
    finish(world, ami)
    ami.action("CoreShowChannels")
    ami.drain(0.3)


@scenario
def trunk_test(world, ami):
    """What is asked of a trunk's endpoint: a good one, one whose contact is silent, one without a contact, none."""

    def getvar(text):
        return ami.action("Getvar", Variable=text)["Value"]

    for endpoint in ("carrier-a", "carrier-unreachable", "carrier-absent", "no-such-trunk"):
        getvar("PJSIP_ENDPOINT(%s,aors)" % endpoint)
        contact = getvar("PJSIP_AOR(%s,contact)" % endpoint)
        ami.action("PJSIPQualify", Endpoint=endpoint)
        ami.drain(0.3)
        for field in ("status", "rtt"):
            getvar("PJSIP_CONTACT(%s,%s)" % (contact or "none", field))


@scenario
def command(world, ami):
    for text in ("core show version", "dialplan show welcomedly-outbound", "no such command"):
        ami.action("Command", Command=text)


def forged(text, scenario_file="call_in.xml", source="127.0.0.3", number="15550001000"):
    """A customer whose From (and called number) holds that text, while a call of ours goes on; {victim} is that call's id."""

    def play(world, ami):
        victim = begin(world, ami, "1002", "+15551234500")
        ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=victim)
        ami.drain(0.5)
        number_text, from_text = (t.replace("{victim}", victim).replace("{sip}", str(world.world_sip)) for t in (number, text))
        world.sipp(scenario_file, sip_user(number_text), {"from": sip_user(from_text)}, source=source)
        finish(world, ami)

    return play


def redirected(text, extension, trunk, context):
    """Whoever is called answers 302 with that text as the new number."""

    def play(world, ami):
        phone = world.sipp("redirect.xml", keys={"to": sip_user(text)}, source="127.0.0.1", port=world.phone_port, wait=False)
        time.sleep(0.3)
        begin(world, ami, extension, "15551234500", trunk, context=context)
        ami.drain(1.5)
        ami.action("Hangup", Channel="/.*/")
        finish(world, ami)
        phone.wait(10)

    return play


HANGUP = "1\r\n\r\nEvent: Hangup\r\nUniqueid: {victim}\r\nCause: 16\r\n\r\n"
SCENARIOS.update({
    "forged_line": forged("555\r\nEvent: Hangup"),
    "forged_message": forged(HANGUP),
    "forged_message_sanitised": forged(HANGUP, source="127.0.0.2"),
    "forged_message_open": forged("1\r\n\r\nEvent: Hangup\r\nUniqueid: {victim}"),
    "forged_uniqueid": forged("555\r\nUniqueid: {victim}\r\nCause: 16"),
    "forged_registry": forged("1\r\n\r\nEvent: Registry\r\nUsername: sip:carrier-a@127.0.0.1:{sip}\r\nStatus: Rejected"),
    "forged_response": forged("1\r\n\r\nResponse: Success\r\nActionID: test-2\r\n\r\n"),
    "forged_block": forged("555\r\nCallerIDName: x\r\nConnectedLineNum: 1\r\nConnectedLineName: y\r\nLanguage: e"),
    "forged_bare_lf": forged("555\nEvent: Hangup\n\nEvent: Hangup"),
    "forged_number_identity": forged("555", number="1\r\nPriority: 1\r\nUniqueid: {victim}\r\nLinkedid: x\r\n\r\nEvent: X"),
    "forged_number": forged("555", number="1\r\n\r\nEvent: Hangup\r\nUniqueid: x\r\n\r\n"),
    "forged_redirect": redirected("1\r\n\r\nEvent: Hangup\r\nUniqueid: x\r\nA: ", "1001", "carrier-phone-raw", "raw-outbound"),
    "redirect_ignored": redirected("1\r\n\r\nEvent: Hangup\r\nUniqueid: x\r\nA: ", "1001", "carrier-phone", "welcomedly-outbound"),
    "redirect_of_agent": redirected("1\r\n\r\nEvent: Hangup\r\nUniqueid: x\r\nA: ", "1006", "carrier-a", "welcomedly-outbound"),
    "everything_answered": outcome("+15551234501"),
    "everything_forged_message": forged(HANGUP),
})


@scenario
def shutdown(world, ami):
    """Asterisk is stopped in the middle of a call."""
    identity = begin(world, ami, "1001", "+15551234500")
    ami.event("DialEnd", DialStatus="ANSWER", Uniqueid=identity)
    ami.drain(0.5)
    world.pbx.stop()
    ami.drain(1)
    world.pbx.start()
    world.pbx.wait_booted()
    world.wait_registered()


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/sessions")
    failed = []
    with World() as world:
        for name in sys.argv[2:] or SCENARIOS:
            world.calm()
            everything = name.startswith("everything")
            path = os.path.join(directory, name + ".ami")
            with open(path, "wb") as tee, \
                    world.ami("everything" if everything or name == "command" else "wide", "on" if everything else MASK, tee) as ami:
                try:
                    SCENARIOS[name](world, ami)
                except (TimeoutError, KeyError) as error:
                    failed.append(name)
                    print(name, error, file=sys.stderr)
            with open(path, "rb") as file:
                data = file.read()
            # PJSIPShowRegistrationsOutbound lists the trunks' passwords (AuthDetail): the only bytes that are changed.
            if world.ami_secret.encode() in data:
                print("%s: a secret is blotted out" % name)
                with open(path, "wb") as file:
                    file.write(data.replace(world.ami_secret.encode(), b"x" * len(world.ami_secret)))
            print("%-32s %7d bytes %5d events" % (name, len(data), data.count(b"\r\nEvent: ")), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
