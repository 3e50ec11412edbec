"""Calls of wtelctl on the real Asterisk, judged by the carrier's own records."""

import itertools
import json
import time

import pytest

from client import wait_for

serial = itertools.count(1)


def number(end):
    """A number that nobody else calls; its last two digits decide what the carrier does."""
    return "+1555%06d%s" % (int(time.time() * 10) % 10000 * 100 + next(serial), end)


# name: agent, end of the number, arguments, disposition, exit status, what the carrier writes
SCENARIOS = {
    "answered": ("1001", "01", [], "ANSWERED", 0, {"ANSWERED"}),
    "answered at once": ("1001", "08", [], "ANSWERED", 0, {"ANSWERED"}),
    "early media": ("1001", "07", [], "ANSWERED", 0, {"ANSWERED"}),
    "busy": ("1001", "02", [], "BUSY", 1, {"BUSY"}),
    "no answer": ("1001", "03", [], "NO ANSWER", 1, {"NO ANSWER", "CANCEL"}),
    "congestion": ("1001", "04", [], "FAILED", 1, {"FAILED", "CONGESTION"}),
    "unknown number": ("1001", "05", [], "FAILED", 1, {"FAILED", "NO ANSWER"}),
    "declined": ("1001", "06", [], "BUSY", 1, {"BUSY", "FAILED", "NO ANSWER"}),
    "agent never picks up": ("1003", "01", ["--timeout", "10"], "CANCELLED", 1, None),
    "agent is busy": ("1004", "01", [], "CANCELLED", 1, None),
    "agent is not registered": ("1005", "01", [], "FAILED", 1, None),
    "agent hangs up first": ("1002", "00", [], "ANSWERED", 0, {"ANSWERED"}),
    "agent gives up while it rings": ("1002", "03", [], "CANCELLED", 1, {"NO ANSWER", "CANCEL"}),
}
CODES = {"busy": 486, "congestion": 503, "unknown number": 404, "declined": 603}


@pytest.fixture(scope="module")
def started(running_world):
    """1002 talks for long enough that the customer is called meanwhile, and not as long as one rings who never answers."""
    running_world.set_agent_talk(10)
    yield running_world


def test_every_end_of_a_call(world, started, client):
    """All at once, as in a call centre: one row each, with the carrier's disposition and its seconds."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1", "--max-channels", 30)
    running = {}
    for name, (agent, end, arguments, *_) in SCENARIOS.items():
        called = number(end)
        running[name] = (called, client.start("originate", agent, called, "--agent", 7, "--json", *arguments))
    problems = []
    for name, (called, process) in running.items():
        out, errors = process.communicate(timeout=180)
        problems += ["%s: %s" % (name, problem) for problem in
                     judge(world, name, called, process.returncode, out, errors)]
    assert problems == []
    calls = client.calls()
    assert sorted(call["calleeNumber"] for call in calls) == sorted(called for called, _ in running.values()), "one row a call"
    assert client.open_rows() == 0
    trunk = client.json("trunk", "list")["trunks"][0]
    assert trunk["totalCalls"] == len(SCENARIOS) and trunk["activeCalls"] == 0
    assert trunk["successfulCalls"] == sum(wanted[3] == "ANSWERED" for wanted in SCENARIOS.values())
    assert trunk["successfulCalls"] + trunk["failedCalls"] == trunk["totalCalls"]
    check_show(client, running)


def judge(world, name, called, status, out, errors):
    """What is wrong with one call; nothing, if all is well."""
    agent, end, _, disposition, wanted_status, carrier = SCENARIOS[name]
    if status != wanted_status:
        yield "exit status %d, not %d: %s%s" % (status, wanted_status, out, errors)
    try:
        call = json.loads(out)["call"]
    except (ValueError, KeyError):
        yield "no record: %s%s" % (out, errors)
        return
    if call["disposition"] != disposition:
        yield "%s (SIP %s, cause %s), not %s" % (call["disposition"], call["sipCode"], call["cause"], disposition)
    if (call["callerNumber"], call["calleeNumber"], call["direction"]) != (agent, called, "outbound"):
        yield "wrong numbers: %s" % call
    if call["estimated"]:
        yield "estimated, though its end was seen"
    if CODES.get(name) not in (None, call["sipCode"]):
        yield "SIP code %s, not %s" % (call["sipCode"], CODES[name])
    if carrier is None:
        if world.cdrs(called):
            yield "the carrier was called"
        return
    bill = world.wait_cdr(called)
    if bill["disposition"] not in carrier:
        yield "the carrier says %s" % bill["disposition"]
    billed = bill["billsec"] if bill["disposition"] == "ANSWERED" else 0
    if abs(call["billsec"] - billed) > 1:
        yield "billed %d s, the carrier bills %d s" % (call["billsec"], billed)
    if len(world.cdrs(called)) != 1:
        yield "the carrier saw %d calls" % len(world.cdrs(called))


def check_show(client, running):
    """`calls show` has the legs, for people and for programs."""
    by_number = {call["calleeNumber"]: call["callId"] for call in client.calls()}
    call_id = by_number[running["answered"][0]]
    legs = client.call(call_id)["legs"]
    assert [leg["role"] for leg in legs] == ["agent", "customer"]
    assert legs[0]["uniqueId"] == call_id and legs[0]["channel"].startswith("PJSIP/1001-")
    assert legs[1]["channel"].startswith("PJSIP/carrier-a-")
    for leg in legs:
        assert leg["startTime"] <= leg["answerTime"] < leg["endTime"] and leg["cause"] == 16
    assert legs[0]["answerTime"] <= legs[1]["startTime"] <= legs[1]["ringingTime"] < legs[1]["answerTime"]
    shown = client.run("calls", "show", call_id)
    assert shown.returncode == 0 and "ANSWERED" in shown.stdout and "PJSIP/carrier-a-" in shown.stdout
    busy = client.call(by_number[running["busy"][0]])["legs"]
    assert busy[-1]["sipCode"] == 486 and busy[-1]["cause"] == 17 and busy[-1]["answerTime"] is None
    assert client.run("calls", "show", "WLCM-0-none").returncode == 1


def test_hangup_by_call_id(world, client):
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    called = number("03")
    process = client.start("originate", "1001", called, "--json")
    call = wait_for(lambda: next((c for c in client.json("calls", "active")["calls"] if c["stateName"] == "ringing"), None), 60,
                    "the call does not ring")
    assert client.json("hangup", call["callId"])["success"]
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and json.loads(out)["call"]["disposition"] == "CANCELLED"
    assert client.run("hangup", call["callId"]).returncode == 1


def test_customer_calls_in(world, client):
    """An inbound call through a trunk: answered by an agent, one row, the carrier's seconds."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    client.watch()
    time.sleep(1)
    world.call_in("carrier-a", "+15557770001", "15550009999", stay=3)
    row = wait_for(lambda: next((c for c in client.calls() if c["endTime"]), None), 120, lambda: str(client.calls()))
    assert row["direction"] == "inbound" and row["disposition"] == "ANSWERED"
    assert row["callerNumber"].endswith("15557770001")
    assert 2 <= row["billsec"] <= 6  # three; more, if somebody was kept from hanging up
    assert len(client.calls()) == 1 and client.open_rows() == 0


def test_over_tls(world, client):
    environment = world.environment()
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    done = client.run("status", "--ca-file", environment["WTEL_TLS_CA"], WTEL_AMI=environment["WTEL_TEST_TLS"])
    assert done.returncode == 0, done.stderr
    # The same without that authority: refused, and no secret in what is said.
    done = client.run("status", WTEL_AMI=environment["WTEL_TEST_TLS"])
    assert done.returncode == 3 and world.ami_secret not in done.stdout + done.stderr
    assert "certificate" in done.stderr


def test_doctor_finds_nothing_and_finds_what_is_wrong(world, client):
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    good = client.json("doctor")
    assert [f for f in good["findings"] if f["verdict"] == "bad"] == [], good
    client.json("trunk", "add", "nowhere", "--host", "127.0.0.1")
    bad = client.run("doctor")
    assert bad.returncode == 1 and "no endpoint 'nowhere'" in bad.stdout
    poor = client.run("doctor", WTEL_AMI=client.environment["WTEL_AMI"].replace("//wtel:", "//poor:"))
    assert poor.returncode in (1, 3) and "lacks" in poor.stdout, poor.stdout + poor.stderr
    refused = client.run("doctor", WTEL_AMI=client.environment["WTEL_AMI"].replace(world.ami_secret, "wrong-secret"))
    assert refused.returncode == 3 and "wrong-secret" not in refused.stdout + refused.stderr
    assert "rejected the login" in refused.stdout or "Authentication failed" in refused.stdout
