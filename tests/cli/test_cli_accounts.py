"""Accounts' secrets, their keys, and Asterisk's files."""

import hashlib
import json
import os
import re
import stat
import subprocess

import pytest

from client import Client

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


@pytest.fixture
def wtel(database):
    made = Client(None, database)
    assert made.run("migrate").returncode == 0
    yield made
    made.close()


def create(wtel, user=5, *more, **environment):
    done = wtel.run("peer", "create", "--user-id", user, "--first-name", "John", "--last-name", "Doe", "--json", *more, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["sipPeer"]


def sections(text):
    """[(name, template, {key: value})], as Asterisk reads them."""
    found = []
    for line in text.split("\n"):
        line = re.sub(r"(?<!\\);.*", "", line).replace("\\;", ";").strip()
        head = re.fullmatch(r"\[([^]]+)\](?:\(([^)]*)\))?", line)
        if head:
            found.append((head[1], head[2], {}))
        elif line:
            key, value = line.split(" = ", 1)
            found[-1][2].setdefault(key, value)
    return found


def test_a_new_key_seals(wtel, tmp_path):
    first, second = (wtel.run("keys", "new").stdout for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{8} [0-9a-f]{64}\n", first) and first != second
    path = tmp_path / "keys"
    path.write_text(first)
    path.chmod(0o640)
    secret = create(wtel, WTEL_SECRET_KEYS_FILE=str(path))["password"]
    sealed = wtel.database.rows("SELECT sealed FROM wtel_peers")[0][0]
    assert sealed.startswith("1:%s:" % first[:8]) and secret not in sealed
    path.write_text(second + first)
    done = wtel.run("peer", "reseal", WTEL_SECRET_KEYS_FILE=str(path))
    assert (done.returncode, done.stdout) == (0, "1 sealed anew\n")
    assert wtel.database.rows("SELECT sealed FROM wtel_peers")[0][0].startswith("1:%s:" % second[:8])
    path.write_text(first)
    done = wtel.run("peer", "reseal", WTEL_SECRET_KEYS_FILE=str(path))
    assert done.returncode == 1 and "1 do not open" in done.stderr


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602])
def test_keys_that_others_may_read_or_write_are_refused(wtel, tmp_path, mode):
    path = tmp_path / "keys"
    path.write_text(wtel.run("keys", "new").stdout)
    path.chmod(mode)
    done = wtel.run("peer", "list", WTEL_SECRET_KEYS_FILE=str(path))
    assert done.returncode == 2 and "WTEL_SECRET_KEYS_FILE" in done.stderr
    assert path.read_text()[9:20] not in done.stderr


def test_wrong_keys_are_refused(wtel, tmp_path):
    assert wtel.run("peer", "list", WTEL_SECRET_KEYS_FILE=str(tmp_path / "absent")).returncode == 2
    assert wtel.run("peer", "list", WTEL_SECRET_KEYS_FILE=str(tmp_path)).returncode == 2
    done = wtel.run("peer", "list", WTEL_SECRET_KEYS="k1 " + "5" * 63 + "x")
    assert done.returncode == 2 and "5555" not in done.stderr and "line 1" in done.stderr


def test_accounts_as_asterisk_reads_them(wtel):
    made, other = create(wtel), create(wtel, 6, "--no-webrtc")
    create(wtel, 7)
    assert wtel.run("peer", "disable", 7).returncode == 0
    done = wtel.run("asterisk-config", "peers")
    assert done.returncode == 0 and made["password"] not in done.stdout
    read = sections(done.stdout)
    assert [section[:2] for section in read[:3]] == [("1001", "wtel-agent-webrtc"), ("1001", None), ("1001", "wtel-agent-aor")]
    assert [section[0] for section in read] == ["1001"] * 3 + ["johndoe"] * 3 + ["1002"] * 3 + ["johndoe2"] * 3
    assert read[6][1] == "wtel-agent"
    assert read[0][2] == {"auth": "johndoe,1001", "aors": "1001,johndoe"}
    for section, name in ((read[1], "1001"), (read[4], "johndoe")):
        digest = hashlib.md5(("%s:asterisk:%s" % (name, made["password"])).encode()).hexdigest()
        assert section[2] == {"type": "auth", "auth_type": "digest", "username": name, "realm": "asterisk",
                              "password_digest": "MD5:" + digest}
    old = sections(wtel.run("asterisk-config", "peers", "--md5-cred").stdout)[1][2]
    assert old["auth_type"] == "md5" and re.fullmatch("[0-9a-f]{32}", old["md5_cred"]) and "password_digest" not in old
    assert other["password"] != made["password"]


@pytest.mark.parametrize("name", ["x\n[evil]\ntype=endpoint", "x]\n", "a;b", "a[b", "a b", "a(b"])
def test_an_account_that_would_be_more_is_left_out(wtel, name):
    create(wtel)
    create(wtel, 6)
    wtel.database.execute("UPDATE sip_peers SET sip_username = '%s' WHERE user_id = 5" % name)
    done = wtel.run("asterisk-config", "peers")
    assert done.returncode == 1 and "1001" in done.stderr
    assert {section[0] for section in sections(done.stdout)} == {"1002", "johndoe2"}


def test_trunks_as_asterisk_reads_them(wtel):
    for words in (("Carrier A", "--host", "sip.a.example", "--username", "user", "--from-user", "+34911"),
                  ("Carrier B", "--host", "2001:db8::1", "--port", 5070, "--no-registration", "--endpoint", "B"),
                  ("Off", "--host", "sip.off.example", "--status", "inactive")):
        done = wtel.run("trunk", "add", *words, WTEL_TRUNK_PASSWORD="p;a\\;s s")
        assert done.returncode == 0, done.stderr
    done = wtel.run("asterisk-config", "trunks")
    assert done.returncode == 0, done.stderr
    read = {(section[0], section[1]): section[2] for section in sections(done.stdout)}
    assert set(read) == {("carrier-a", "wtel-trunk"), ("carrier-a", "wtel-trunk-auth"), ("carrier-a", "wtel-trunk-aor"),
                         ("carrier-a", "wtel-trunk-registration"), ("B", "wtel-trunk"), ("B", "wtel-trunk-aor"), ("B", None)}
    assert read["carrier-a", "wtel-trunk"] == {"aors": "carrier-a", "identify_by": "ip", "outbound_auth": "carrier-a", "from_user": "+34911"}
    assert ("B", "wtel-trunk-auth") not in read
    assert "password = p\\;a\\\\;s s\n" in done.stdout
    assert read["carrier-a", "wtel-trunk-registration"]["client_uri"] == "sip:user@sip.a.example:5060"
    assert read["B", "wtel-trunk-aor"]["contact"] == "sip:[2001:db8::1]:5070"
    assert read["B", None] == {"type": "identify", "endpoint": "B", "match": "2001:db8::1"}


@pytest.mark.parametrize("column,value", [("host", "x\nmatch=0.0.0.0/0"), ("host", "a;b"), ("username", "a>b"), ("username", "a\nb"),
                                          ("from_domain", "a b"), ("password", "a\nb"), ("password", " a")])
def test_a_trunk_that_would_be_more_is_left_out(wtel, column, value):
    assert wtel.run("trunk", "add", "Good", "--host", "sip.good.example").returncode == 0
    assert wtel.run("trunk", "add", "Bad", "--host", "sip.bad.example", "--username", "u").returncode == 0
    wtel.database.execute("UPDATE trunks SET %s = '%s' WHERE name = 'Bad'" % (column, value))
    done = wtel.run("asterisk-config", "trunks")
    assert done.returncode == 1 and "Bad" in done.stderr
    assert {section[0] for section in sections(done.stdout)} == {"good"}


def test_files_are_replaced_whole_and_stay_private(wtel, tmp_path):
    path = tmp_path / "wtel-agents.conf"
    secret = create(wtel)["password"]
    previous = os.umask(0)
    try:
        assert wtel.run("asterisk-config", "peers", "--output", path).returncode == 0
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and "[1001]" in path.read_text() and secret not in path.read_text()
    path.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12346)
    assert wtel.run("asterisk-config", "peers", "--output", path).returncode == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    if os.geteuid() == 0:
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
    assert os.listdir(tmp_path) == [path.name] or set(os.listdir(tmp_path)) == {path.name, "calls.db"} or \
        not [name for name in os.listdir(tmp_path) if name.startswith(path.name + ".")]
    assert wtel.run("asterisk-config", "peers", "--output", tmp_path / "absent" / "x").returncode == 1


def test_the_dialplan_is_the_shipped_one(tmp_path):
    path = tmp_path / "extensions.conf"
    wtelctl = os.environ.get("WTELCTL", "wtelctl")
    subprocess.run([wtelctl, "asterisk-config", "dialplan", "--output", str(path)], check=True)
    with open(os.path.join(ROOT, "examples", "asterisk", "extensions.conf")) as shipped:
        assert path.read_text() == shipped.read()
