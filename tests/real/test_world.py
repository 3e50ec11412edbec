"""Tests of the world itself, without libwtel: if these fail, no other test of this directory says anything."""

import os
import socket
import ssl
import subprocess
import sys

import pytest

from world import World, sip_user, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
# What Asterisk says of its own modules' start, of a busy machine, and of a carrier that starts when it does; that the trunks do
# register, start() waits for.
NO_COMPLAINTS = ("registered during operation", "scheduled tasks", "on registration attempt to")


def test_shipped_configuration_has_no_complaint(running_world):
    """Of a PBX of its own: what other tests do to theirs gives it reason to complain."""
    with World() as fresh, fresh.ami() as ami:
        fresh.originate(ami, "1001", "+15551234508", "carrier-a", "WLCM-0")
        assert fresh.wait_cdr("+15551234508")["disposition"] == "ANSWERED"
        lines = fresh.pbx.log().splitlines()
    assert not [line for line in lines if ("WARNING" in line or "ERROR" in line) and not any(text in line for text in NO_COMPLAINTS)]


def test_trunks_and_agents(world):
    assert all(world.registered(name) for name in world.REGISTERING)
    endpoints = world.pbx.cli("pjsip show endpoints")
    for name in world.TRUNKS + world.PHONES + world.ABSENT + ("1006",):
        assert " %s " % name in endpoints
    for context in ("welcomedly-outbound", "welcomedly-inbound", "welcomedly-agents"):
        assert context in world.pbx.cli("dialplan show " + context)


@pytest.mark.parametrize("number, trunk, disposition, billsec, tech_cause", [
    ("+15551234501", "carrier-a", "ANSWERED", 3, None),
    ("+15551234502", "carrier-b", "BUSY", 0, "486"),
    ("+15551234504", "carrier-ip", "CONGESTION", 0, "503"),
    ("+15551234505", "carrier-a", "NO ANSWER", 0, "404"),
    ("+15551234506", "carrier-a", "NO ANSWER", 0, "603"),
    ("+15551234507", "carrier-ip", "ANSWERED", 3, None),
    ("+15551234508", "carrier-b", "ANSWERED", 3, None),
])
def test_the_number_decides(world, number, trunk, disposition, billsec, tech_cause):
    with world.ami(events="on") as ami:
        before = len(world.cdrs(number))
        call = "WLCM-1-" + number[1:]
        assert world.originate(ami, "1001", number, trunk, call)["Response"] == "Success"
        hangup = ami.wait(lambda m: m.get("Event") == "Hangup" and m["Channel"].startswith("PJSIP/" + trunk) and m["Linkedid"] == call)
        assert hangup.get("TechCause") == tech_cause
        cdr = world.wait_cdr(number, before + 1)
        cdr = cdr[-1] if isinstance(cdr, list) else cdr
        assert (cdr["accountcode"], cdr["disposition"]) == (trunk, disposition)
        # It waits three seconds; longer, if it was kept from its work.
        assert billsec - 1 <= cdr["billsec"] <= billsec * 3
        ami.event("Hangup", Uniqueid=call)


def test_rings_for_ever_until_the_dial_timeout(world):
    with world.ami(events="on") as ami:
        world.originate(ami, "1001", "+15551234503", "carrier-a", "WLCM-3", dial_timeout=2)
        assert ami.event("DialEnd", DialStatus="NOANSWER")["DestChannel"].startswith("PJSIP/carrier-a")
    assert world.wait_cdr("+15551234503")["disposition"] == "NO ANSWER"


# The first needs time to ring; the others end by themselves.
@pytest.mark.parametrize("extension, reason, timeout", [("1003", "3", 5), ("1004", "0", 60), ("1005", "0", 60)])
def test_agents_that_do_not_answer(world, extension, reason, timeout):
    number = f"+1555777{extension}00"  # nobody else's
    with world.ami(events="on") as ami:
        world.originate(ami, extension, number, "carrier-a", "WLCM-4-" + extension, timeout=timeout)
        assert ami.event("OriginateResponse")["Reason"] == reason
    assert not world.cdrs(number)


@pytest.mark.parametrize("number", ["+1555123a01", "15551&PJSIP/1003", "1555,30,m", '15551" = "1', "1555${EXTEN}", "155 51"])
def test_nothing_but_digits_and_plus_is_dialled(world, number):
    with world.ami(events="on") as ami:
        world.originate(ami, "1001", number, "carrier-a", "WLCM-5")
        assert ami.event("Hangup", Uniqueid="WLCM-5")["Cause"] == "28"
        assert not [m for m in ami.messages if m.get("Event") == "DialBegin" and "carrier" in m["DestChannel"]]
    # Asterisk has a thread of its own that writes.
    wait_for(lambda: "was not dialled" in world.pbx.log(), 30, "nothing is in the log")
    assert number not in world.pbx.log()


def test_a_trunk_with_other_characters_is_refused(world):
    with world.ami(events="on") as ami:
        world.originate(ami, "1001", "+15551234501", "carrier-a&PJSIP/1003", "WLCM-6")
        assert ami.event("Hangup", Uniqueid="WLCM-6")["Cause"] == "28"


def test_a_customer_calls_in(world):
    with world.ami(events="on") as ami:
        world.call_in("carrier-a", "+15557654321", "+15550001000", stay=1)
        connect = ami.event("AgentConnect", timeout=60)
        assert (connect["Queue"], connect["CallerIDNum"]) == ("welcome-queue", "+15557654321")
        ami.event("AgentComplete")


def test_registration_can_be_lost(world):
    with world.ami(events="on") as ami:
        world.unregister("carrier-b")
        assert ami.event("Registry", Status="Unregistered")["Username"] == "sip:carrier-b@127.0.0.1:%d" % world.world_sip
        world.register("carrier-b")
        ami.event("Registry", Status="Registered")


def test_a_trunk_can_fail(world):
    world.fault("carrier-b", 38)
    with world.ami(events="on") as ami:
        world.originate(ami, "1001", "+15551234501", "carrier-b", "WLCM-7")
        hangup = ami.wait(lambda m: m.get("Event") == "Hangup" and m["Channel"].startswith("PJSIP/carrier-b") and m["Linkedid"] == "WLCM-7")
        assert hangup["TechCause"] == "500"


def test_agents_can_leave(world):
    world.agent_away("1001")
    world.agent_back("1001")


@pytest.mark.parametrize("how", ["stop", "kill", "exec"])
def test_restart(world, how):
    world.restart_pbx(how)
    with world.ami() as ami:
        assert ami.action("Ping")["Ping"] == "Pong"


def test_tls_is_verifiable(world):
    context = ssl.create_default_context(cafile=world.ca_file)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", world.tls_port)), server_hostname="localhost") as tls:
        assert tls.recv(100).startswith(b"Asterisk Call Manager/")


def test_the_poor_user_is_refused(world):
    with world.ami("poor") as ami:
        assert ami.action("Originate", Channel="PJSIP/1001", Application="Wait", Data="1")["Message"] == "Permission denied"


def test_the_shipped_user_may_do_what_the_library_needs_and_no_more(world):
    with world.ami() as ami:
        for action in ("Ping", "CoreSettings", "CoreShowChannels", "PJSIPShowRegistrationsOutbound"):
            assert ami.action(action)["Response"] == "Success", action
        for action in ("Hangup", "Redirect", "Setvar", "Getvar"):
            assert "ermission" not in ami.action(action, Channel="none", Variable="x")["Message"], action
        assert world.originate(ami, "1001", "+15551234508", "carrier-a", "WLCM-8")["Response"] == "Success"
        wait_for(world.channels, 30, "no call is made")  # or it would begin in the next test
        for action in ("Command", "UpdateConfig", "UserEvent", "Filter", "PJSIPShowEndpoints", "PJSIPShowContacts",
                       "DialplanExtensionAdd", "ModuleLoad", "GetConfig"):
            assert ami.action(action, Command="core stop now")["Message"] == "Permission denied", action


def test_the_wider_user(world):
    with world.ami("wide") as ami:
        for action in ("PJSIPShowEndpoints", "PJSIPShowContacts", "CoreShowChannels"):
            assert ami.action(action)["Response"] == "Success", action
        assert ami.action("Filter", Operation="Add", Filter="!Event: VarSet")["Response"] == "Success"


@pytest.mark.parametrize("number", ["1\r\nEvent: X", "15550001000x", "+", "1", "155500010001234567", "1555,1"])
def test_a_called_number_that_is_none_makes_no_channel(world, number):
    with world.ami(events="on") as ami:
        assert world.sipp("call_in.xml", sip_user(number), {"from": "15557654321"}, timeout=5) != 0
        assert not [m for m in ami.messages if m.get("Event") == "Newchannel"]
        ami.drain(0.2)
        assert not [m for m in ami.messages if m.get("Event") == "Newchannel"]


def test_run_leaves_nothing(tmp_path):
    script = "import os,sys; print(os.environ['WTEL_AMI'], os.listdir('%s/srv/wtel'))"
    root = os.environ.get("WTEL_ASTERISK_ROOT", "/var/cache/wtel/asterisk22")
    done = subprocess.run([sys.executable, HERE + "/world.py", "--run", sys.executable, "-c", script % root], stdout=subprocess.PIPE,
                          text=True, check=True, timeout=300)
    run = done.stdout.split("'")[-2]
    assert done.stdout.startswith("ami://wtel:")
    assert not [name for name in os.listdir(root + "/srv/wtel") if name == run and not os.path.isdir("/proc/" + run.split("-")[0])]
