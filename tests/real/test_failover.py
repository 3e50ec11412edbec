"""Which trunk carries a call, on the real Asterisk: the next one after a trunk's fault, nobody after the callee's answer."""

import datetime
import json
import time

import pytest

from client import wait_for
from test_calls import number
from test_faults import active

SECOND = "carrier-a"

# name: the campaign's first trunk, its leg's SIP code (None: it is never dialled), whether it was tried at all
FAULTS = {
    "503": ("carrier-503", 503, True),
    "403": ("carrier-403", 403, True),
    "nothing at all": ("carrier-silent", 408, True),
    "unregistered": ("carrier-b", None, False),
    "without a contact": ("carrier-absent", None, True),
    "unknown to Asterisk": ("carrier-nowhere", None, True),
}
# The same for answers that are the callee's: and the disposition.
ANSWERS = {
    "486": ("carrier-486", 486, "BUSY"),
    "603": ("carrier-603", 603, "BUSY"),
    "404": ("carrier-404", 404, "FAILED"),
    "180, then 503": ("carrier-ring-503", 503, "FAILED"),
}


def milliseconds(text):
    """Of an ISO time as wtelctl prints it."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def add_trunks(client, names):
    """Trunks by name, all of the general list; only those of REGISTERING have to be registered. Their ids."""
    for name in names:
        free = [] if name in ("carrier-a", "carrier-b") else ["--no-registration"]
        client.json("trunk", "add", name, "--host", "127.0.0.1", "--max-channels", 10, *free)
    return ids(client)


def ids(client):
    return {trunk["name"]: int(trunk["id"]) for trunk in client.json("trunk", "list")["trunks"]}


def trunks(client):
    return {trunk["name"]: trunk for trunk in client.json("trunk", "list")["trunks"]}


def assign(client, cases):
    """A campaign for each case: its own first trunk, then SECOND. The campaign's number by case."""
    campaigns = {}
    for campaign, (name, (first, *_)) in enumerate(cases.items(), 1):
        client.json("trunk", "assign", campaign, first, "--priority", 1)
        client.json("trunk", "assign", campaign, SECOND, "--priority", 2)
        campaigns[name] = campaign
    return campaigns


def customers(call):
    return [leg for leg in call["legs"] if leg["role"] == "customer"]


def counted_truly(client):
    """Every attempt of each trunk was a success or a failure, and nothing is held any more."""
    for name, trunk in trunks(client).items():
        assert trunk["totalCalls"] == trunk["successfulCalls"] + trunk["failedCalls"], name
        assert trunk["activeCalls"] == 0, name


def place(client, cases, end, campaigns=None):
    """A call each second, to the end: name -> (called number, exit status, record with its legs)."""
    campaigns, running = campaigns or assign(client, cases), {}
    for name in cases:
        called = number(end)
        running[name] = (called, client.start("originate", "1001", called, "--campaign", campaigns[name], "--json"))
        time.sleep(1)
    placed = {}
    for name, (called, process) in running.items():
        out, errors = process.communicate(timeout=180)
        try:
            placed[name] = (called, process.returncode, client.call(json.loads(out)["call"]["callId"]))
        except (ValueError, KeyError):
            pytest.fail("%s: %s%s" % (name, out, errors))
    return placed


def judge_fault(world, client, known, case, called, call):
    """What is wrong with a call whose first trunk failed; and milliseconds from the fault to the second leg, if it had a first."""
    first, code, _ = FAULTS[case]
    legs, agents = customers(call), [leg for leg in call["legs"] if leg["role"] == "agent"]
    assert call["disposition"] == "ANSWERED" and int(call["trunkId"]) == known[SECOND], (case, call)
    assert call["calleeNumber"] == called and not call["estimated"]
    assert len(agents) == 1, "%s: another agent's leg" % case
    assert agents[0]["startTime"] <= legs[0]["startTime"] and agents[0]["endTime"] >= legs[-1]["startTime"]
    assert milliseconds(agents[0]["endTime"]) >= milliseconds(legs[-1]["endTime"]) - 100, "%s: the agent was dropped" % case
    assert [int(leg["trunkId"]) for leg in legs] == ([known[first]] if code else []) + [known[SECOND]], case
    bill = world.wait_cdr(called) if not code or first == "carrier-silent" else \
        wait_for(lambda: next(iter(world.cdrs(called, SECOND)), None), 60, "no bill of the second carrier")
    assert bill["accountcode"] == SECOND and bill["disposition"] == "ANSWERED"
    assert abs(bill["billsec"] - call["billsec"]) <= 1, (case, bill, call)
    assert legs[-1]["answerTime"] and legs[-1]["cause"] == 16
    if not code:
        return None
    assert (legs[0]["sipCode"], legs[0]["answerTime"], legs[0]["ringingTime"]) == (code, None, None), case
    return milliseconds(legs[1]["startTime"]) - milliseconds(legs[0]["endTime"])


def test_the_next_trunk_carries_the_call(world, client):
    known = add_trunks(client, [first for first, *_ in FAULTS.values()] + [SECOND])
    world.unregister("carrier-b")
    try:
        # Somebody has to have seen it: a process that begins asks Asterisk for the registrations.
        assert client.run("status").returncode == 0
        campaigns = assign(client, FAULTS)
        placed = place(client, FAULTS, "01", campaigns)
    finally:
        world.register("carrier-b")
    gaps = {}
    for case, (called, status, call) in placed.items():
        gaps[case] = judge_fault(world, client, known, case, called, call)
        assert status == 0, case
    print("from the fault to the second leg, %s: %s" % (client.database.name, ", ".join(
        "%s %.1f ms" % (case, gap) for case, gap in gaps.items() if gap is not None)))
    measured = [gap for gap in gaps.values() if gap is not None]
    assert min(measured) >= -5, gaps
    assert sorted(call["callId"] for call in client.calls()) == sorted(call["callId"] for *_, call in placed.values()), "one row a call"
    assert client.open_rows() == 0
    counted_truly(client)
    after = trunks(client)
    assert (after[SECOND]["totalCalls"], after[SECOND]["successfulCalls"]) == (len(FAULTS), len(FAULTS))
    for first, _, tried in FAULTS.values():
        assert (after[first]["totalCalls"], after[first]["failedCalls"]) == (int(tried), int(tried)), first
    # All but one may have met a busy machine: the agent waits two seconds, and had that been too late the call would not be ANSWERED.
    for case in ("403", "503") * 3:
        if min(measured) < 100:
            break
        called, _, call = place(client, {case: FAULTS[case]}, "01", campaigns)[case]
        measured.append(judge_fault(world, client, known, case, called, call))
    assert min(measured) < 100, measured


def test_the_callees_answer_is_nobody_elses(world, client):
    known = add_trunks(client, [first for first, *_ in ANSWERS.values()] + [SECOND])
    campaigns, left = assign(client, ANSWERS), ANSWERS
    # Who waits for another trunk sits in silence for two seconds, each time. On a busy machine that may be so now and then.
    for _ in range(4):
        silence = {}
        for case, (called, status, call) in place(client, left, "01", campaigns).items():
            first, code, disposition = ANSWERS[case]
            assert status == 1 and call["disposition"] == disposition, (case, call)
            legs = customers(call)
            assert [(int(leg["trunkId"]), leg["sipCode"]) for leg in legs] == [(known[first], code)], case
            world.wait_cdr(called)
            assert [row["accountcode"] for row in world.cdrs(called)] == [first], "%s: another carrier was called" % case
            silence[case] = milliseconds(call["endTime"]) - milliseconds(legs[0]["endTime"])
        left = {case: ANSWERS[case] for case, time_ in silence.items() if time_ >= 1500}
        if not left:
            break
    assert not left, "the agent sat in silence: %s" % silence
    assert client.open_rows() == 0
    counted_truly(client)
    assert trunks(client)[SECOND]["totalCalls"] == 0


def test_what_a_trunk_counts_otherwise(world, client):
    """`failover` of a trunk's settings: its 486 goes on to the next, its 503 does not."""
    cases = {"486 goes on": ("carrier-486",), "503 stays": ("carrier-503",)}
    settings = {"carrier-486": {"next": [486]}, "carrier-503": {"stop": [503]}}
    known = add_trunks(client, [SECOND])
    for name, failover in settings.items():
        client.json("trunk", "add", name, "--host", "127.0.0.1", "--no-registration", "--settings", json.dumps({"failover": failover}))
    known = ids(client)
    placed = place(client, cases, "01")
    assert [int(leg["trunkId"]) for leg in customers(placed["486 goes on"][2])] == [known["carrier-486"], known[SECOND]]
    assert placed["486 goes on"][2]["disposition"] == "ANSWERED"
    assert [int(leg["trunkId"]) for leg in customers(placed["503 stays"][2])] == [known["carrier-503"]]
    assert world.cdrs(placed["503 stays"][0], SECOND) == []
    counted_truly(client)


def test_all_trunks_fail(world, client):
    """Each is tried once, then the call is over: FAILED, the agent is let go, nothing is left booked."""
    names = ["carrier-503", "carrier-403", "carrier-500"]
    known = add_trunks(client, names)
    called = number("01")
    done = client.run("originate", "1001", called, "--json")
    assert done.returncode == 1, done.stderr
    call = client.call(json.loads(done.stdout)["call"]["callId"])
    assert call["disposition"] == "FAILED" and client.open_rows() == 0 and len(client.calls()) == 1
    assert sorted(int(leg["trunkId"]) for leg in customers(call)) == sorted(known.values())
    assert sorted(row["accountcode"] for row in world.wait_cdr(called, len(names))) == sorted(names)
    counted_truly(client)
    assert all(trunk["failedCalls"] == 1 for trunk in trunks(client).values())


def test_the_agent_leaves_before_the_next_trunk(world, client):
    """No customer is dialled for an agent who has gone: 1002 hangs up while the silent trunk is waited for."""
    world.set_agent_talk(2)
    try:
        add_trunks(client, ["carrier-silent"])
        client.json("trunk", "add", SECOND, "--host", "127.0.0.1", "--priority", 50)
        called = number("01")
        done = client.run("originate", "1002", called, "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["call"]["disposition"] == "CANCELLED", done.stdout
        time.sleep(6)
        assert world.cdrs(called) == [] and client.open_rows() == 0
        counted_truly(client)
        assert trunks(client)[SECOND]["totalCalls"] == 0
    finally:
        world.set_agent_talk(5)


def test_maintenance_drains(world, client):
    """The call that goes on ends by itself; the next goes elsewhere."""
    known = add_trunks(client, [SECOND])
    client.json("trunk", "add", "carrier-ip", "--host", "127.0.0.2", "--no-registration", "--priority", 50)
    known = ids(client)
    first = client.start("originate", "1001", number("00"), "--json")
    call = active(client, "answered")
    client.json("trunk", "set", SECOND, "--status", "maintenance")
    other = client.run("originate", "1001", number("08"), "--json")
    assert other.returncode == 0, other.stderr
    assert int(json.loads(other.stdout)["call"]["trunkId"]) == known["carrier-ip"]
    assert [c["callId"] for c in client.json("calls", "active")["calls"]] == [call["callId"]], "the drained call goes on"
    assert trunks(client)[SECOND]["activeCalls"] == 1
    assert client.json("hangup", call["callId"])["success"]
    out, _ = first.communicate(timeout=120)
    record = json.loads(out)["call"]
    assert (record["disposition"], record["cause"], int(record["trunkId"])) == ("ANSWERED", 16, known[SECOND])
    counted_truly(client)
    assert trunks(client)[SECOND]["status"] == "maintenance"


def test_what_is_dialled_and_shown(world, client):
    """A prefix rule and a caller id, as they arrive at the carrier; what we keep is the customer's number."""
    client.json("trunk", "add", "carrier-ip", "--host", "127.0.0.2", "--no-registration", "--prefix", "+1555:strip=1,prepend=00",
                "--caller-id", "+15550001000")
    called = number("08")
    done = client.run("originate", "1001", called, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["call"]["calleeNumber"] == called
    bill = world.wait_cdr("00" + called[1:])
    assert (bill["accountcode"], bill["src"], bill["disposition"]) == ("carrier-ip", "+15550001000", "ANSWERED")
    assert world.cdrs(called) == []
    refused = client.run("originate", "1001", "+34600123456")
    assert refused.returncode == 1 and "No trunks available" in refused.stderr
    assert len(client.calls()) == 1


def test_each_attempt_has_the_number_of_its_trunk(world, client):
    """The first trunk's rules do not stick to the second."""
    client.json("trunk", "add", "carrier-503", "--host", "127.0.0.1", "--no-registration", "--prefix", "+:strip=1,prepend=00",
                "--caller-id", "+15550001000", "--priority", 1)
    client.json("trunk", "add", "carrier-ip", "--host", "127.0.0.2", "--no-registration", "--caller-id", "+15550002000", "--priority", 2)
    called = number("08")
    done = client.run("originate", "1001", called, "--json")
    assert done.returncode == 0, done.stderr
    assert world.wait_cdr("00" + called[1:])["accountcode"] == "carrier-503"
    bill = world.wait_cdr(called)
    assert (bill["accountcode"], bill["src"], bill["disposition"]) == ("carrier-ip", "+15550002000", "ANSWERED")


def test_inbound_calls_count(world, client):
    """A trunk of one channel that a customer calls in by has none left for us."""
    client.json("trunk", "add", SECOND, "--host", "127.0.0.1", "--max-channels", 1, "--priority", 1)
    client.json("trunk", "add", "carrier-ip", "--host", "127.0.0.2", "--no-registration", "--priority", 2)
    known = ids(client)
    client.watch()
    world.set_agent_talk(20)  # until the customer hangs up
    world.call_in(SECOND, "+15557770001", "15550009999", stay=600)
    wait_for(lambda: trunks(client)[SECOND]["activeCalls"] == 1, 60, "the inbound call does not count")
    explained = client.json("trunk", "explain")["trunks"]
    assert {t["name"]: t["verdict"] for t in explained}[SECOND] == "full", explained
    done = client.run("originate", "1002", number("08"), "--json")
    assert done.returncode == 0, done.stderr
    assert int(json.loads(done.stdout)["call"]["trunkId"]) == known["carrier-ip"]
    world.set_agent_talk(5)
    assert trunks(client)[SECOND]["activeCalls"] == 1
    world.calm()
    wait_for(lambda: trunks(client)[SECOND]["activeCalls"] == 0, 60, "the inbound call stays booked")
    wait_for(lambda: client.open_rows() == 0, 60, "a row stays open")


def test_trunk_test(world, client):
    for name in ("carrier-a", "carrier-b", "carrier-unreachable", "carrier-absent", "carrier-nowhere"):
        free = [] if name in ("carrier-a", "carrier-b") else ["--no-registration"]
        client.json("trunk", "add", name, "--host", "127.0.0.1", *free)
    good = client.json("trunk", "test", "carrier-a")
    assert good["success"] and good["registration"] == "Registered" and 0 < good["roundTrip"] < 10000, good
    print("OPTIONS to a carrier on this machine: %.1f ms" % good["roundTrip"])
    world.unregister("carrier-b")
    try:
        bad = client.json("trunk", "test", "carrier-b", status=1)
        assert not bad["success"] and bad["registration"] != "Registered", bad
    finally:
        world.register("carrier-b")
    for name in ("carrier-unreachable", "carrier-absent", "carrier-nowhere"):
        bad = client.json("trunk", "test", name, status=1)
        assert not bad["success"] and bad["roundTrip"] is None, bad
    poor = client.run("trunk", "test", "carrier-a", WTEL_AMI=client.environment["WTEL_AMI"].replace("//wtel:", "//poor:"))
    assert poor.returncode in (1, 3) and "reporting" in poor.stdout + poor.stderr, poor.stdout + poor.stderr


def test_a_dead_trunk_is_left_alone(world, client):
    """Five faults in a row open its breaker: the sixth call does not go there, and the trunk says why."""
    client.json("trunk", "add", "carrier-503", "--host", "127.0.0.1", "--no-registration", "--priority", 1)
    client.json("trunk", "add", SECOND, "--host", "127.0.0.1", "--priority", 2)
    known, attempts = ids(client), []
    for _ in range(6):
        done = client.run("originate", "1001", number("08"), "--json")
        assert done.returncode == 0, done.stderr
        call = client.call(json.loads(done.stdout)["call"]["callId"])
        attempts.append([int(leg["trunkId"]) for leg in customers(call)])
    assert attempts == [[known["carrier-503"], known[SECOND]]] * 5 + [[known[SECOND]]]
    dead = trunks(client)["carrier-503"]
    assert dead["status"] == "error" and dead["lastErrorAt"] and "503" in dead["lastErrorMessage"], dead
    assert (dead["totalCalls"], dead["failedCalls"]) == (5, 5)
    counted_truly(client)
