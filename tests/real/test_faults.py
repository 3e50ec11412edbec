"""What goes wrong around a call, on the real Asterisk: no trunk, restarts, kills."""

import json
import signal
import time

from client import wait_for
from test_calls import number


def active(client, state):
    """The one call that is in that state, once it is."""
    return wait_for(lambda: next((c for c in client.json("calls", "active")["calls"] if c["stateName"] == state), None), 60,
                    lambda: "no call is %s: %s" % (state, client.calls()))


def refused(client, *words):
    done = client.run("originate", "1001", number("01"), *words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "No trunks available" in done.stderr
    assert "warning" in done.stderr or "error" in done.stderr, "no line in the log"


def test_no_trunk(world, client):
    """Down, unregistered or full: exit 1, the seed's sentence, a line in the log, no row left open."""
    refused(client)
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1", "--max-channels", 1)
    client.json("trunk", "set", "carrier-a", "--status", "maintenance")
    refused(client)
    client.json("trunk", "set", "carrier-a", "--status", "active")
    world.unregister("carrier-a")
    try:
        refused(client)
    finally:
        world.register("carrier-a")
    assert client.calls() == []
    long_call = client.start("originate", "1001", number("00"), "--json")
    call = active(client, "answered")
    refused(client)
    assert client.json("trunk", "explain", status=1)["trunks"][0]["verdict"] == "full"
    assert client.json("hangup", call["callId"])["success"]
    long_call.communicate(timeout=120)
    assert len(client.calls()) == 1 and client.open_rows() == 0
    assert client.json("trunk", "list")["trunks"][0]["activeCalls"] == 0


def test_registration_is_followed(world, client):
    client.json("trunk", "add", "carrier-b", "--host", "127.0.0.1")
    watcher = client.watch()

    def registered():
        return client.json("trunk", "list")["trunks"][0]["registered"]

    wait_for(registered, 60, "the trunk is not seen as registered")
    world.unregister("carrier-b")
    try:
        wait_for(lambda: not registered(), 60, "the lost registration is not seen")
    finally:
        world.register("carrier-b")
    wait_for(registered, 60, "the new registration is not seen")
    watcher.wait("trunk:registry", lambda n: n["status"] == "Unregistered")
    # What is in the database may not have been printed yet.
    wait_for(lambda: watcher.heard("trunk:registry")[-1]["status"] == "Registered", 60, lambda: watcher.heard("trunk:registry"))


def test_asterisk_dies_in_mid_call(world, client):
    """kill -9 of Asterisk: after it is back, the row is closed and marked as estimated, once."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    process = client.start("originate", "1001", number("00"), "--json")
    call = active(client, "answered")
    world.restart_pbx("kill")
    out, errors = process.communicate(timeout=120)
    record = json.loads(out)["call"]
    assert record["callId"] == call["callId"] and record["estimated"] and record["disposition"] == "ANSWERED", errors
    assert len(client.calls()) == 1 and client.open_rows() == 0
    world.calm()


def test_asterisk_restarts_in_mid_call(world, client):
    """core stop now hangs up by itself: whether its last words were heard or not, one closed row."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    process = client.start("originate", "1001", number("00"), "--json")
    active(client, "answered")
    world.restart_pbx("stop")
    out, errors = process.communicate(timeout=120)
    assert json.loads(out)["call"]["disposition"] == "ANSWERED", errors
    assert len(client.calls()) == 1 and client.open_rows() == 0
    world.calm()


def test_we_die_in_mid_call_and_it_ends_meanwhile(world, client):
    """kill -9 of the process; nobody sees the end: the next process closes the row as estimated."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    process = client.start("originate", "1001", number("00"), "--json")
    call = active(client, "answered")
    process.kill()
    process.communicate()
    world.calm()
    assert client.open_rows() == 1
    assert client.run("status").returncode == 0
    record = wait_for(lambda: next((c for c in client.calls() if c["endTime"]), None), 60, "the row stays open")
    assert record["callId"] == call["callId"] and record["estimated"] and record["disposition"] == "ANSWERED"
    assert len(client.calls()) == 1 and client.open_rows() == 0
    assert client.json("trunk", "list")["trunks"][0]["totalCalls"] == 1


def test_we_die_in_mid_call_and_another_takes_over(world, client):
    """kill -9 of the process while another one watches the same Asterisk: the true end, the carrier's seconds."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    called = number("00")
    process = client.start("originate", "1001", called, "--json")
    call = active(client, "answered")
    process.kill()
    process.communicate()
    client.watch()
    time.sleep(2)
    assert client.open_rows() == 1, "a living call was closed"
    world.calm()
    record = wait_for(lambda: next((c for c in client.calls() if c["endTime"]), None), 60, "the row stays open")
    bill = world.wait_cdr(called)
    assert record["callId"] == call["callId"] and not record["estimated"]
    assert abs(record["billsec"] - bill["billsec"]) <= 1
    assert len(client.calls()) == 1 and client.open_rows() == 0


def test_interrupt_hangs_up(world, client):
    """Ctrl-C during the call: it is hung up and its record is complete."""
    client.json("trunk", "add", "carrier-a", "--host", "127.0.0.1")
    called = number("00")
    process = client.start("originate", "1001", called, "--json")
    active(client, "answered")
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    record = json.loads(out)["call"]
    assert record["disposition"] == "ANSWERED" and not record["estimated"]
    assert abs(record["billsec"] - world.wait_cdr(called)["billsec"]) <= 1
