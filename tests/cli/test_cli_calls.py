"""wtelctl's calls on the simulator."""

import json
import select
import signal
import socket

import pytest

from client import Client, own_address, wait_for


@pytest.mark.parametrize("end, disposition, code, sip", [
    ("01", "ANSWERED", 0, None), ("02", "BUSY", 1, 486), ("04", "FAILED", 1, 503), ("05", "FAILED", 1, 404),
    ("06", "BUSY", 1, 603), ("07", "ANSWERED", 0, None), ("08", "ANSWERED", 0, None)])
def test_ends(client, end, disposition, code, sip):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    out = client.json("originate", "1001", "+155500" + end, "--agent", 5, "--campaign", 2, "--lead", 9, status=code)
    call = out["call"]
    assert call["disposition"] == disposition and out["trunk"] == "main" and out["callId"].startswith("WLCM-")
    assert (call["agentId"], call["campaignId"], call["leadId"]) == (5, 2, 9)
    assert call["billsec"] in ((1, 2) if disposition == "ANSWERED" else (0,))
    if sip:
        assert call["sipCode"] == sip
    assert len(client.calls()) == 1 and client.open_rows() == 0
    trunk = client.json("trunk", "list")["trunks"][0]
    assert (trunk["totalCalls"], trunk["successfulCalls"]) == (1, int(disposition == "ANSWERED"))


def test_states_are_shown_to_people(client):
    client.run("trunk", "add", "main", "--host", "sip.example.com")
    done = client.run("originate", "1001", "+15550001")
    assert done.returncode == 0
    order = [done.stdout.index(text) for text in ("trunk", "calling the agent", "the agent answered", "phone rings",
                                                  "the customer answered", "ANSWERED")]
    assert order == sorted(order), done.stdout
    assert "\033" not in done.stdout, "colours without a terminal"


def test_statistics_as_the_seed_has_them(client):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    for end in ("01", "01", "02"):
        client.run("originate", "1001", "+155500" + end, "--agent", 5)
    stats = client.json("stats", "--agent", 5)["stats"]
    assert stats["totalCalls"] == 3 and stats["answered"] == 2 and stats["busy"] == 1 and stats["answerRate"] == "66.67"
    assert stats["avgBillsec"] == 1 and set(stats) == {
        "totalCalls", "answered", "noAnswer", "busy", "failed", "cancelled", "totalDuration", "totalBillsec", "avgDuration",
        "avgBillsec", "answerRate"}
    assert client.json("stats", "--agent", 6)["stats"]["totalCalls"] == 0
    history = client.json("calls", "history", "--limit", 2, "--agent", 5)
    assert history["count"] == 3 and len(history["calls"]) == 2


def test_choice_of_the_trunk(client):
    client.json("trunk", "add", "spare", "--host", "sip.example.com", "--priority", 2)
    client.json("trunk", "add", "main", "--host", "sip.example.com", "--priority", 1)
    client.json("trunk", "add", "down", "--host", "sip.example.com", "--priority", 1)
    assert client.json("originate", "1001", "+15550008")["trunk"] == "main"
    verdicts = {t["name"]: t["verdict"] for t in client.json("trunk", "explain")["trunks"]}
    assert verdicts == {"main": "taken", "spare": "next", "down": "not registered"}
    client.json("trunk", "assign", 7, "spare", "--priority", 1)
    assert client.json("originate", "1001", "+15550008", "--campaign", 7)["trunk"] == "spare"
    assert client.json("originate", "1001", "+15550008", "--campaign", 8)["trunk"] == "main"
    client.json("trunk", "set", "spare", "--status", "inactive")
    done = client.run("originate", "1001", "+15550008", "--campaign", 7)
    assert done.returncode == 1 and "No trunks available" in done.stderr
    client.json("trunk", "set", "main", "--max-channels", 1)
    long_call = client.start("originate", "1001", "+15550003", "--json")
    wait_for(lambda: client.open_rows() == 1, 60, "no row")
    done = client.run("originate", "1001", "+15550008")
    assert done.returncode == 1 and "No trunks available" in done.stderr
    assert client.open_rows() == 1
    long_call.send_signal(signal.SIGINT)
    assert json.loads(long_call.communicate(timeout=60)[0])["call"]["disposition"] == "CANCELLED"
    assert client.open_rows() == 0


def relay(near, far, done):
    """Between two sockets until done(what came from `near`), or until an end hangs up."""
    said = b""
    while not done(said):
        for end in select.select([near, far], [], [], 60)[0]:
            try:
                piece = end.recv(65536)
                (far if end is near else near).sendall(piece)
            except ConnectionError:
                return  # it went with words unread
            if not piece:
                return
            said += piece if end is near else b""


@pytest.mark.parametrize("words", [(), ("--detach",)])
def test_an_interrupt_before_asterisk_confirmed_the_call(client, words):
    """It is hung up all the same, and its record is printed."""
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    host, port = client.environment["WTEL_AMI"].partition("@")[2].split(":")
    with socket.create_server((own_address(), 0)) as listener:
        listener.settimeout(60)
        process = client.start("originate", "1001", "+15550003", "--json", *words, WTEL_AMI="ami://wtel:wtel@%s:%d" % listener.getsockname())
        near = listener.accept()[0]
        with near, socket.create_connection((host, port), 60) as far:
            relay(near, far, lambda said: b"Action: Originate\r\n" in said)
            process.send_signal(signal.SIGINT)
            assert any("hanging up" in line for line in process.stderr), "it ended without a word"
            relay(near, far, lambda _: False)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and json.loads(out)["call"]["disposition"] == "CANCELLED", (out, errors)
    assert client.open_rows() == 0


HOSTILE = ["1001\r\nAction: Logoff", "1001\nX", "10'01", 'a"b', "1001,1,x", "1;DROP TABLE calls", "9" * 10000, "", "+", "a b", "ñ"]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_numbers_send_and_store_nothing(database, value):
    """A clear error that names the field; no connection is even opened."""
    with socket.create_server((own_address(), 0)) as listener:
        client = Client("ami://wtel:wtel@%s:%d" % listener.getsockname(), database)
        assert client.run("migrate").returncode == 0
        for words, field in ((("1001", value), "number"), ((value, "+15550001"), "extension")):
            done = client.run("originate", *words)
            assert done.returncode == 2 and field in done.stderr, (words, done.stderr)
            assert len(done.stderr) < 500
        # Whoever connects waits in line for accept(): that is known when wtelctl has ended.
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert client.calls() == []


def test_usage(offline):
    for words in ((), ("nonsense",), ("trunk",), ("originate", "1001"), ("originate", "1001", "+1555", "--nope"),
                  ("calls", "history", "--limit", "many"), ("calls", "history", "--from", "yesterday"), ("trunk", "add", "x"),
                  ("trunk", "add", "x", "--host", "h", "--priority", "101"), ("trunk", "add", "x", "--host", "a;b"),
                  ("trunk", "add", "x", "--host", "h", "--settings", "[1"), ("trunk", "test"), ("campaign",), ("campaign", "set"),
                  ("trunk", "list", "--country", "nowhere"), ("peer", "create", "--user-id", "1")):
        done = offline.run(*words)
        assert done.returncode == 2 and done.stderr, (words, done.returncode, done.stderr)
    assert offline.json("trunk", "list")["count"] == 0
    done = offline.run("originate", "1001", "+15550001")
    assert done.returncode == 3 and "WTEL_AMI" in done.stderr
    done = offline.run("originate", "1001", "+15550001", "--ami", "ami://u:topsecret@127.0.0.1:1")
    assert done.returncode == 3 and "topsecret" not in done.stdout + done.stderr


def test_every_command_has_help(offline):
    listing = offline.run("--help").stdout
    for line in listing.splitlines():
        if line.startswith("  "):
            words = line[2:].split("  ")[0].split()
            done = offline.run(*words, "--help")
            assert done.returncode == 0 and done.stdout.startswith("usage: wtelctl " + " ".join(words)), line


def test_database_errors(offline, tmp_path):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    done = offline.run("trunk", "list", "--db", "sqlite:%s" % broken)
    assert done.returncode == 4 and done.stderr
    done = offline.run("trunk", "list", "--db", "postgresql://nobody:topsecret@127.0.0.1:1/none")
    assert done.returncode == 4 and "topsecret" not in done.stdout + done.stderr
    done = offline.run("trunk", "list", "--db", "mysql://x")
    assert done.returncode == 2 and "topsecret" not in done.stderr


def test_rejected_login(client):
    done = client.run("status", WTEL_AMI=client.environment["WTEL_AMI"].replace("wtel:wtel", "wtel:wrongsecret"))
    assert done.returncode == 3 and "login" in done.stderr and "wrongsecret" not in done.stderr


def command_line(process):
    with open("/proc/%d/cmdline" % process.pid) as file:
        return file.read()


def test_secrets_are_not_in_the_process_list(client):
    process = client.start("events", "--ami", client.environment["WTEL_AMI"], WTEL_AMI="")
    wait_for(lambda: "events" in command_line(process) and "wtel:wtel" not in command_line(process), 60, lambda: command_line(process))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def is_hidden(process):
    line = command_line(process)
    return "trunk" in line and "topsecret" not in line and "dbsecret" not in line


@pytest.mark.parametrize("words", [("--password", "topsecret"), ("--password=topsecret",)])
def test_a_trunks_password_is_not_in_the_process_list(offline, words):
    """While the database does not answer."""
    with socket.create_server((own_address(), 0)) as silent:
        silent.settimeout(60)
        process = offline.start("trunk", "add", "x", "--host", "h", *words, "--db",
                                "postgresql://u:dbsecret@%s:%d/x" % silent.getsockname())
        # Held open: wtelctl ends, and its words with it, when the database hangs up.
        connection = silent.accept()[0]
        with connection:
            assert is_hidden(process), command_line(process)
            process.kill()
    process.communicate(timeout=60)


def test_detached_call_is_finished_by_the_next_process(client):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    watcher = client.watch()
    out = client.json("originate", "1001", "+15550001", "--detach")
    call_id = out["data"]["callId"]
    call = wait_for(lambda: client.call(call_id)["endTime"] and client.call(call_id), 60, "the row stays open")
    assert call["disposition"] == "ANSWERED" and not call["estimated"]
    for name in ("call:new", "call:ringing", "call:answered", "call:hangup"):
        watcher.wait(name, lambda n: n["call"]["callId"] == call_id)


def test_names_of_campaigns_and_leads(offline):
    """The platform's own tables, with hostile names in them: shown as they are, and harmless."""
    name = "O'Brien\"; DROP TABLE calls; -- \r\n,ñ"
    quoted = name.replace("'", "''")
    offline.database.execute("CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(255))")
    offline.database.execute("INSERT INTO campanas VALUES (4, '%s')" % quoted)
    offline.database.execute("INSERT INTO calls (call_id, direction, campaign_id, start_time, end_time, disposition, created_at, updated_at)"
                             " VALUES ('WLCM-1-a', 'outbound', 4, '2025-10-25T10:00:00.000000Z', '2025-10-25T10:00:05.000000Z', 'BUSY',"
                             " '2025-10-25T10:00:00.000000Z', '2025-10-25T10:00:00.000000Z')")
    call = offline.calls()[0]
    assert call["campaign"] == {"id": 4, "nombre": name} and call["duration"] in (0, 5)
    assert offline.run("calls", "history").returncode == 0
    assert len(offline.calls()) == 1
