"""wtelctl's trunks, accounts and doctor."""

import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess

import pytest

from client import WTELCTL, Client, Sqlite, own_address, wait_for


def test_trunks(offline):
    added = offline.json("trunk", "add", "Twilio Main", "--provider", "twilio", "--host", "sip.twilio.com", "--max-channels", 20,
                         "--priority", 1, "--username", "AC12", "--from-user", "+15551234567", "--description", "the good one")
    trunk = offline.json("trunk", "list")["trunks"][0]
    assert trunk["id"] == added["id"] and trunk["endpoint"] == "twilio-main" and trunk["maxChannels"] == 20
    assert trunk["provider"] == "twilio" and not trunk["registered"] and trunk["status"] == "active"
    assert offline.run("trunk", "add", "Twilio Main", "--host", "x").returncode == 1
    offline.json("trunk", "set", "Twilio Main", "--no-registration", "--endpoint", "tw", "--priority", 3)
    trunk = offline.json("trunk", "list")["trunks"][0]
    assert trunk["registered"] and not trunk["needsRegistration"] and trunk["endpoint"] == "tw" and trunk["priority"] == 3
    offline.json("trunk", "set", "Twilio Main", "--registration")
    assert offline.json("trunk", "list")["trunks"][0]["needsRegistration"]
    assert trunk["description"] == "the good one" and trunk["maxChannels"] == 20, "what was not said was changed"
    assert offline.run("trunk", "set", "nothing", "--priority", 1).returncode == 1
    offline.json("trunk", "remove", str(added["id"]))
    assert offline.json("trunk", "list")["count"] == 0


def test_a_trunks_password_comes_out_nowhere(offline):
    done = offline.run("trunk", "add", "a", "--host", "h", WTEL_TRUNK_PASSWORD="s3cr3t-of-trunk")
    assert done.returncode == 0
    assert offline.database.rows("SELECT password FROM trunks")[0][0] == "s3cr3t-of-trunk"
    for words in (("trunk", "list"), ("trunk", "list", "--json"), ("trunk", "explain", "--json")):
        assert "s3cr3t" not in offline.run(*words).stdout
    offline.json("trunk", "set", "a", "--priority", 2)
    assert offline.database.rows("SELECT password FROM trunks")[0][0] == "s3cr3t-of-trunk", "a change lost the password"


def test_accounts(offline):
    first = offline.json("peer", "create", "--user-id", 5, "--first-name", "José", "--last-name", "Muñoz")["sipPeer"]
    second = offline.json("peer", "create", "--user-id", 6, "--first-name", "Jose", "--last-name", "Munoz")["sipPeer"]
    assert (first["sipUsername"], first["extension"]) == ("josemunoz", "1001")
    assert (second["sipUsername"], second["extension"]) == ("josemunoz2", "1002")
    assert len(first["password"]) == 32 and first["password"] != second["password"]
    stored = offline.database.rows("SELECT sip_password FROM sip_peers WHERE user_id = 5")[0][0]
    # At bcrypt's least cost: it is made on the loop that follows calls, and 128 random bits need no stretching.
    assert stored.startswith("$2b$04$") and len(stored) == 60 and first["password"] not in stored
    assert offline.run("peer", "create", "--user-id", 5, "--first-name", "A", "--last-name", "B").returncode == 1
    assert offline.run("peer", "create", "--user-id", 7, "--first-name", "中", "--last-name", "文").returncode == 2
    renewed = offline.json("peer", "credentials", 5)["credentials"]["password"]
    assert renewed != first["password"]
    offline.json("peer", "disable", 5)
    assert offline.json("peer", "status", 5)["sipPeer"]["status"] == "disabled"
    assert offline.run("peer", "status", 99).returncode == 1
    assert offline.json("peer", "list")["count"] == 2


def test_sqlite_needs_no_setup(tmp_path):
    """Nothing set: a database in the state directory, which nobody else can read."""
    client = Client(None, Sqlite(tmp_path))
    client.environment.pop("WTEL_DB")
    client.environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    assert client.json("trunk", "list")["count"] == 0
    path = tmp_path / "state" / "wtel" / "wtel.db"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_postgres_is_migrated_only_when_asked(tmp_path):
    from client import Postgres
    if not os.environ.get("WTEL_TEST_PG"):
        pytest.skip("WTEL_TEST_PG names no PostgreSQL server")
    database = Postgres(os.environ["WTEL_TEST_PG"])
    try:
        client = Client(None, database)
        done = client.run("trunk", "list")
        assert done.returncode == 4 and "wtelctl migrate" in done.stderr
        assert client.json("migrate")["version"] == client.json("migrate")["version"]
        assert client.json("trunk", "list")["count"] == 0
    finally:
        database.drop()


def test_doctor(client, tmp_path):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    good = client.json("doctor")
    assert good["success"] and {f["verdict"] for f in good["findings"]} <= {"ok", "warning"}, good
    done = client.run("doctor", WTEL_AMI="ami://wtel:wtel@127.0.0.1:1")
    assert done.returncode == 3 and "login" in done.stdout
    # However much is wrong, programs get one document.
    done = client.run("doctor", "--json", "--db", "sqlite:/nowhere/at/all.db", WTEL_AMI="")
    assert done.returncode in (3, 4) and not json.loads(done.stdout)["success"]


def test_doctor_finds_secrets_that_anybody_can_read(tmp_path):
    client = Client(None, Sqlite(tmp_path))
    client.run("migrate")
    os.chmod(client.database.path, 0o644)
    done = client.run("doctor")
    assert "anybody can read it" in done.stdout and "calls.db" in done.stdout


def test_doctor_finds_phones_at_a_carriers_address(offline):
    offline.json("trunk", "add", "by-address", "--host", "203.0.113.5", "--no-registration")
    offline.json("trunk", "add", "registers", "--host", "203.0.113.5", "--username", "u")
    offline.json("peer", "create", "--user-id", 5, "--first-name", "John", "--last-name", "Doe")

    def warned():
        findings = json.loads(offline.run("doctor", "--json").stdout)["findings"]
        return [finding["text"] for finding in findings if "known by its address" in finding["text"]]

    assert not warned()
    offline.database.execute("UPDATE sip_peers SET ip_address = '203.0.113.5'")
    assert len(warned()) == 1 and warned()[0].startswith("by-address"), warned()
    offline.database.execute("UPDATE sip_peers SET ip_address = '127.0.0.1'")
    assert not warned()
    offline.json("trunk", "set", "by-address", "--host", "localhost")
    assert len(warned()) == 1


def test_doctor_finds_an_old_schema(tmp_path):
    database = Sqlite(tmp_path)
    sqlite3.connect(database.path).close()
    done = Client(None, database).run("doctor")
    assert "run wtelctl migrate" in done.stdout and done.returncode in (3, 4)


def test_completion_of_the_shell(offline):
    """Commands and options come from the program itself, so that none is forgotten."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli", "wtelctl.bash")

    def complete(*words):
        line = " ".join("'%s'" % word for word in words)
        done = subprocess.run(["bash", "-c", "source %s; COMP_WORDS=(wtelctl %s); COMP_CWORD=%d; _wtelctl; printf '%%s\\n' \"${COMPREPLY[@]}\""
                               % (script, line, len(words))], capture_output=True, text=True, timeout=90,
                              env=dict(offline.environment, PATH=os.path.dirname(WTELCTL) + ":" + os.environ["PATH"]))
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert {"originate", "hangup", "trunk", "calls", "doctor", "sim"} <= set(complete(""))
    assert complete("ori") == ["originate"]
    assert set(complete("trunk", "")) == {"list", "add", "set", "remove", "assign", "explain", "test"}
    assert set(complete("campaign", "")) == {"list", "set"}
    assert complete("originate", "--cam") == ["--campaign"]
    assert complete("trunk", "add", "--max") == ["--max-channels"]
    assert complete("campaign", "set", "--then") == ["--then-general"]


def test_a_simulator_that_listens_ends_well():
    """Held up where it says its port, for nobody reads: a signal finds it prepared from the first connection on."""
    host = own_address()
    with socket.create_server((host, 0)) as free:
        port = free.getsockname()[1]
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 4096)
    process = subprocess.Popen([WTELCTL, "sim", "--listen", "%s:%d" % (host, port)], stdout=writer, stdin=subprocess.DEVNULL)
    os.close(writer)
    try:
        wait_for(lambda: connects(host, port), 60, "it does not listen")
        process.send_signal(signal.SIGTERM)
        while os.read(reader, 65536):
            pass
        assert process.wait(60) == 0
    finally:
        os.close(reader)
        process.kill()
        process.wait()


def connects(host, port):
    try:
        socket.create_connection((host, port), 60).close()
    except ConnectionRefusedError:
        return False
    return True
