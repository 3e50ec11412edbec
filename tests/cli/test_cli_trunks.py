"""wtelctl's trunks: their rules, the choice told, failover, health, campaigns."""

import json
import signal
import time

import pytest

from client import Client, wait_for


def add(client, name, *options, **more):
    """A trunk that needs no registration."""
    return client.json("trunk", "add", name, "--host", "sip.example.com", "--no-registration", *options, **more)


def settings(client, name):
    return next(t["advancedSettings"] for t in client.json("trunk", "list")["trunks"] if t["name"] == name)


def verdicts(client, *options, status=0):
    return {t["name"]: t["verdict"] for t in client.json("trunk", "explain", *options, status=status)["trunks"]}


# ---- rules as options -------------------------------------------------------

def test_rules_without_json(offline):
    add(offline, "main", "--calls-per-second", 5, "--weight", 3, "--caller-id", "+15550001000", "--timezone", "Europe/Madrid",
        "--prefix", "+1:strip=1,prepend=00", "--prefix", "!+1900", "--prefix", "+34", "--window", "mon-fri 09:00-18:30",
        "--window", "sat,sun 22:00-02:00", "--settings", '{"codecs": ["ulaw"], "breaker": {"faults": 3}}')
    assert settings(offline, "main") == {
        "codecs": ["ulaw"], "breaker": {"faults": 3}, "registration": False, "callsPerSecond": 5, "weight": 3,
        "callerId": "+15550001000", "timezone": "Europe/Madrid",
        "prefixes": [{"prefix": "+1", "strip": 1, "prepend": "00"}, {"prefix": "+1900", "deny": True}, {"prefix": "+34"}],
        "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:30"},
                    {"days": ["sat", "sun"], "from": "22:00", "to": "02:00"}]}


def test_a_change_leaves_the_rest_alone(offline):
    add(offline, "main", "--weight", 3, "--caller-id", "+15550001000", "--prefix", "+1", "--prefix", "!+1900",
        "--window", "09:00-12:00", "--settings", '{"nat": {"deep": [1, null]}, "failover": {"next": [404]}}')
    before = settings(offline, "main")
    offline.json("trunk", "set", "main", "--priority", 7)
    assert settings(offline, "main") == before
    # One of the same prefix is replaced, another one comes to them.
    offline.json("trunk", "set", "main", "--prefix", "+1:prepend=9", "--prefix", "+44", "--window", "fri-sun 13:00-14:00")
    after = settings(offline, "main")
    assert after["prefixes"] == [{"prefix": "+1", "prepend": "9"}, {"prefix": "+1900", "deny": True}, {"prefix": "+44"}]
    assert after["windows"] == [{"from": "09:00", "to": "12:00"}, {"days": ["fri", "sat", "sun"], "from": "13:00", "to": "14:00"}]
    assert {k: v for k, v in after.items() if k not in ("prefixes", "windows")} == \
        {k: v for k, v in before.items() if k not in ("prefixes", "windows")}
    offline.json("trunk", "set", "main", "--no-prefixes", "--prefix", "+7", "--no-windows", "--weight", 0, "--caller-id", "")
    assert settings(offline, "main") == {"nat": {"deep": [1, None]}, "failover": {"next": [404]}, "registration": False,
                                         "prefixes": [{"prefix": "+7"}]}
    offline.json("trunk", "set", "main", "--no-prefixes", "--registration")
    assert settings(offline, "main") == {"nat": {"deep": [1, None]}, "failover": {"next": [404]}}


BAD_RULES = [
    (("--window", "mon-fri 09:00-18:30", "--window", "wed 18:00-20:00"), "windows"),  # they overlap
    (("--window", "mon 22:00-02:00", "--window", "tue 01:00-03:00"), "windows"),
    (("--window", "mon-fri 09:00"), "--window"),
    (("--window", "noday 09:00-10:00"), "--window"),
    (("--window", "mon 9-25:00"), "windows"),
    (("--prefix", "abc"), "prefix"),
    (("--prefix", "+1x"), "prefix"),
    (("--prefix", "+1:strip=-1"), "--prefix"),
    (("--prefix", "+1:strip=99"), "strip"),
    (("--prefix", "+1:prepend=ab"), "prepend"),
    (("--prefix", "+1:what=1"), "--prefix"),
    (("--prefix", "!+1:strip=1"), "--prefix"),
    (("--prefix", "+1" * 200), "--prefix"),
    (("--prefix", "+1\r\nAction: Logoff"), "prefix"),
    (("--calls-per-second", "-5"), "--calls-per-second"),
    (("--calls-per-second", "1001"), "callsPerSecond"),
    (("--weight", "-1"), "--weight"),
    (("--weight", "5000"), "weight"),
    (("--max-channels", "-1"), "--max-channels"),
    (("--caller-id", "O'Brien"), "callerId"),
    (("--caller-id", "+1555\r\nX"), "callerId"),
    (("--timezone", "Nowhere/At-All"), "timezone"),
    (("--timezone", "../../etc/passwd"), "timezone"),
    (("--settings", '{"prefixes": [{"prefix": "+1"}, {"prefix": "+1"}]}'), "prefixes"),  # twice
    (("--settings", '{"weight": "much"}'), "weight"),
    (("--settings", '{"breaker": {"faults": -1}}'), "breaker"),
    (("--settings", '{"failover": {"next": [17]}}'), "failover"),
]


@pytest.mark.parametrize("options, field", BAD_RULES)
def test_bad_rules_are_named_and_not_stored(offline, options, field):
    add(offline, "main", "--prefix", "+34")
    before = settings(offline, "main")
    for words in (("trunk", "add", "other", "--host", "h"), ("trunk", "set", "main")):
        done = offline.run(*words, *options)
        assert done.returncode == 2 and field in done.stderr, (words, done.returncode, done.stderr)
        assert len(done.stderr) < 700
    assert settings(offline, "main") == before and offline.json("trunk", "list")["count"] == 1


# ---- the choice, told -------------------------------------------------------

def test_explain(offline):
    done = offline.run("trunk", "explain")
    assert done.returncode == 1 and "No trunks available" in done.stderr
    assert offline.json("trunk", "explain", status=1)["success"] is False
    add(offline, "us", "--priority", 1, "--prefix", "+1:strip=1,prepend=00", "--prefix", "!+1900", "--caller-id", "+15550001000")
    add(offline, "any", "--priority", 2)
    add(offline, "off", "--priority", 3, "--status", "maintenance")
    offline.json("trunk", "add", "unregistered", "--host", "h", "--priority", 4)
    add(offline, "closed", "--priority", 5, "--settings", json.dumps({"windows": [a_window_that_is_over()]}))
    assert verdicts(offline) == {"us": "taken", "any": "next", "off": "not active", "unregistered": "not registered",
                                 "closed": "window"}
    out = offline.json("trunk", "explain", "--to", "+15551234567")
    us, other = out["trunks"][0], out["trunks"][1]
    assert (us["name"], us["order"], us["dials"], us["callerId"]) == ("us", 1, "0015551234567", "+15550001000")
    assert (other["order"], other["dials"], other["callerId"]) == (2, "+15551234567", None)
    assert out["trunkId"] == us["id"] and all(t["why"] for t in out["trunks"] if not t["order"])
    assert verdicts(offline, "--to", "+19005551234")["us"] == "prefix"
    assert verdicts(offline, "--to", "+34600123456")["us"] == "prefix"
    done = offline.run("trunk", "explain", "--to", "+15551234567")
    assert done.returncode == 0 and "0015551234567" in done.stdout and "not registered" in done.stdout
    for bad in ("abc", "", "+", "1" * 40, "+1555\r\nX", "'; DROP TABLE trunks"):
        done = offline.run("trunk", "explain", "--to", bad)
        assert done.returncode == 2 and "number" in done.stderr, (bad, done.stderr)
    offline.json("trunk", "set", "any", "--status", "inactive")
    assert verdicts(offline, "--to", "+34600123456", status=1)["any"] == "not active"
    assert "No trunks available" in offline.run("trunk", "explain", "--to", "+34600123456").stderr


def a_window_that_is_over():
    """In UTC, on another day than today and tomorrow."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return {"days": [days[(time.gmtime().tm_wday + 3) % 7]], "from": "10:00", "to": "11:00"}


def test_country_of_numbers_without_one(offline):
    add(offline, "spain", "--prefix", "+34")
    assert verdicts(offline, "--to", "600123456", status=1) == {"spain": "prefix"}
    assert verdicts(offline, "--to", "600123456", "--country", "34") == {"spain": "taken"}
    assert offline.run("--country", "34", "trunk", "explain", "--to", "600 123 456").returncode == 0
    assert offline.run("trunk", "explain", "--to", "600123456", WTEL_COUNTRY="34").returncode == 0
    assert offline.run("trunk", "explain", "--to", "600123456", "--country=+34").returncode == 0
    assert offline.run("trunk", "explain", "--to", "600123456", "--country", "34", WTEL_COUNTRY="1").returncode == 0
    for words, environment, name in ((("--country", "999999"), {}, "--country"), (("--country", ""), {}, "--country"), ((), {"WTEL_COUNTRY": "x"}, "WTEL_COUNTRY")):
        done = offline.run("trunk", "explain", *words, **environment)
        assert done.returncode == 2 and name in done.stderr, done.stderr


# ---- campaigns --------------------------------------------------------------

def test_campaigns(offline):
    add(offline, "main", "--caller-id", "+15550001000")
    add(offline, "spare")
    assert offline.json("campaign", "list") == {"success": True, "count": 0, "campaigns": []}
    offline.json("trunk", "assign", 7, "spare", "--priority", 3)
    campaign = offline.json("campaign", "list")["campaigns"][0]
    assert (campaign["id"], campaign["general"], campaign["callerId"]) == (7, False, None)
    assert [(t["name"], t["priority"]) for t in campaign["trunks"]] == [("spare", 3)]
    assert verdicts(offline, "--campaign", 7) == {"spare": "taken", "main": "not of this campaign"}
    offline.json("campaign", "set", 7, "--then-general", "--caller-id", "+34910000000")
    assert verdicts(offline, "--campaign", 7) == {"spare": "taken", "main": "next"}
    shown = offline.json("trunk", "explain", "--campaign", 7, "--to", "+15551234567")["trunks"]
    assert [t["callerId"] for t in shown] == ["+34910000000"] * 2
    offline.json("campaign", "set", 7, "--only-own")
    campaign = offline.json("campaign", "list")["campaigns"][0]
    assert (campaign["general"], campaign["callerId"]) == (False, "+34910000000"), "what was not said was changed"
    offline.json("campaign", "set", 7, "--no-caller-id")
    assert offline.json("campaign", "list")["campaigns"][0]["callerId"] is None
    # One with settings alone uses all trunks.
    offline.json("campaign", "set", 8, "--caller-id", "+34910000001")
    assert set(verdicts(offline, "--campaign", 8).values()) == {"taken", "next"}
    listing = offline.run("campaign", "list").stdout
    assert "spare (3)" in listing and "the general list" in listing and "nothing" in listing


@pytest.mark.parametrize("words, status, said", [
    (("campaign", "set", 7), 2, "nothing to set"), (("campaign", "set", "x", "--only-own"), 2, "campaign"),
    (("campaign", "set", "-1", "--only-own"), 2, "-1"), (("campaign", "set", 0, "--only-own"), 2, "campaign"),
    (("campaign", "set", 7, "--only-own", "--then-general"), 2, "--then-general"),
    (("campaign", "set", 7, "--caller-id", "1", "--no-caller-id"), 2, "--no-caller-id"),
    (("campaign", "set", 7, "--caller-id", "not a number"), 2, "caller_id"),
    (("campaign", "set", 7, "--caller-id", "+1\r\nAction: Logoff"), 2, "caller_id"),
    (("trunk", "assign", 7, "nothing"), 1, "nothing"), (("trunk", "assign", 7, "4711"), 1, "4711"),
    (("trunk", "assign", 7, "main", "--priority", 0), 2, "--priority"), (("trunk", "assign", 7, "main", "--priority", 101), 2, "--priority"),
    (("trunk", "assign", 7, "main", "--priority", -1), 2, "--priority")])
def test_bad_campaigns_are_told_and_not_stored(offline, words, status, said):
    add(offline, "main")
    done = offline.run(*words)
    assert done.returncode == status and said in done.stderr, (done.returncode, done.stderr)
    assert offline.json("campaign", "list")["count"] == 0


def test_a_campaign_that_the_platform_does_not_know(database):
    database.execute("CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(255))")
    database.execute("INSERT INTO campanas VALUES (4, 'Verano')")
    client = Client(None, database)
    assert client.run("migrate").returncode == 0
    done = client.run("campaign", "set", 5, "--then-general")
    assert done.returncode == 1 and "campaign 5" in done.stderr
    client.json("campaign", "set", 4, "--then-general")
    assert [c["id"] for c in client.json("campaign", "list")["campaigns"]] == [4]


# ---- failover ---------------------------------------------------------------

def test_failover_is_shown_and_kept(client):
    add(client, "first", "--endpoint", "first-503", "--priority", 1)
    add(client, "second", "--priority", 2)
    add(client, "off", "--priority", 1, "--status", "maintenance")
    done = client.run("originate", "1001", "+15550008")
    assert done.returncode == 0, done.stderr
    assert "first failed" in done.stdout and "503" in done.stdout and "trying second" in done.stdout
    assert done.stdout.index("trying second") < done.stdout.index("the customer answered") < done.stdout.index("ANSWERED")
    call = client.call(client.calls()[0]["callId"])
    ids = {t["name"]: t["id"] for t in client.json("trunk", "list")["trunks"]}
    assert call["disposition"] == "ANSWERED" and call["trunkId"] == ids["second"]
    attempts = [leg for leg in call["legs"] if leg["role"] == "customer"]
    assert [(leg["trunkId"], leg["sipCode"]) for leg in attempts[:1]] == [(ids["first"], 503)]
    assert attempts[1]["trunkId"] == ids["second"] and attempts[1]["answerTime"]
    assert [line["looked"][-1][:2] for line in call["route"]] == [[ids["first"], "taken"], [ids["second"], "taken"]]
    assert ["not active"] == [item[2] for item in call["route"][0]["skipped"] if item[0] == ids["off"]]
    shown = client.run("calls", "show", call["callId"]).stdout
    table = shown[shown.index("verdict"):]
    assert "not active" in table and "SIP 503" in table and "answered" in table
    statistics = {t["name"]: (t["totalCalls"], t["successfulCalls"], t["failedCalls"]) for t in client.json("trunk", "list")["trunks"]}
    assert statistics["first"] == (1, 0, 1) and statistics["second"] == (1, 1, 0)


@pytest.mark.parametrize("number, disposition", [("+15550002", "BUSY"), ("+15550005", "FAILED"), ("+15550006", "BUSY")])
def test_the_customers_answer_is_nobodys_fault(client, number, disposition):
    add(client, "first", "--priority", 1)
    add(client, "second", "--priority", 2)
    out = client.json("originate", "1001", number, status=1)
    assert out["call"]["disposition"] == disposition and out["trunk"] == "first"
    assert len(client.call(out["callId"])["route"]) == 1
    assert [t["totalCalls"] for t in client.json("trunk", "list")["trunks"]] == [1, 0]


def test_failover_in_json_names_the_last_trunk(client):
    add(client, "first", "--endpoint", "first-503", "--priority", 1)
    add(client, "second", "--endpoint", "second-absent", "--priority", 2)
    add(client, "third", "--priority", 3)
    out = client.json("originate", "1001", "+15550008")
    assert out["trunk"] == "third" and out["success"]
    assert len(client.call(out["callId"])["route"]) == 3


def test_every_trunk_fails(client):
    add(client, "first", "--endpoint", "first-503", "--priority", 1)
    add(client, "second", "--endpoint", "second-403", "--priority", 2)
    out = client.json("originate", "1001", "+15550001", status=1)
    assert out["call"]["disposition"] == "FAILED" and client.open_rows() == 0
    assert [(t["totalCalls"], t["failedCalls"]) for t in client.json("trunk", "list")["trunks"]] == [(1, 1)] * 2


def test_a_call_without_a_route_is_shown(offline):
    """One that another program wrote, and one whose route somebody spoiled."""
    for number, route in ((1, "NULL"), (2, "'no JSON'"), (3, "'[1]'"), (4, """'{"looked":[[1]],"skipped":{"a":1},"at":7}'""")):
        offline.database.execute("INSERT INTO calls (call_id, direction, start_time, end_time, disposition, created_at, updated_at)"
                                 " VALUES ('x-%d', 'outbound', '2025-10-25T10:00:00.000000Z', '2025-10-25T10:00:05.000000Z', 'BUSY',"
                                 " '2025-10-25T10:00:00.000000Z', '2025-10-25T10:00:00.000000Z')" % number)
        if route != "NULL":
            offline.database.execute("INSERT INTO wtel_calls (id, route) SELECT id, %s FROM calls WHERE call_id = 'x-%d'" % (route, number))
        assert offline.run("calls", "show", "x-%d" % number).returncode == 0
        assert isinstance(offline.call("x-%d" % number)["route"], list)


# ---- health and state -------------------------------------------------------

def test_health(client):
    add(client, "dead", "--endpoint", "dead-503", "--priority", 1, "--settings", '{"breaker": {"faults": 2, "samples": 2}}')
    add(client, "good", "--priority", 2, "--settings", '{"breaker": {"samples": 2}}')
    for end in ("08", "02", "08"):
        client.run("originate", "1001", "+155500" + end)
    trunks = {t["name"]: t for t in client.json("trunk", "list", "--health")["trunks"]}
    dead, good = trunks["dead"], trunks["good"]
    assert dead["breaker"]["state"] == "open" and dead["breaker"]["retryAt"] and dead["status"] == "error"
    assert "503" in dead["lastErrorMessage"] and dead["lastErrorAt"]
    assert (dead["health"]["attempts"], dead["health"]["faults"], dead["health"]["answered"]) == (2, 2, 0)
    assert (good["health"]["attempts"], good["health"]["answered"]) == (3, 2)
    assert good["health"]["answerSeizureRatio"] in ("66.66", "66.67") and 1 <= good["health"]["averageCallDuration"] < 4
    assert good["breaker"]["state"] == "closed"
    assert verdicts(client)["dead"] in ("not active", "breaker")
    listing = client.run("trunk", "list", "--health").stdout
    assert "open until" in listing and "66.6" in listing
    status = client.run("status").stdout
    assert "1 of 2 may carry calls" in status and "dead" in status
    # By hand it is used again at once.
    client.json("trunk", "set", "dead", "--status", "active", "--endpoint", "alive")
    assert client.json("trunk", "list")["trunks"][0]["status"] == "active"


def test_events_of_trunks(client):
    add(client, "dead", "--endpoint", "dead-503", "--priority", 1, "--settings", '{"breaker": {"faults": 1, "pause": 1}}')
    add(client, "good", "--priority", 2)
    watcher = client.watch()
    client.run("originate", "1001", "+15550008")
    down = watcher.wait("trunk:down")
    assert down["name"] == "dead" and down["trunkId"] and "503" in down["text"]
    client.json("trunk", "set", "dead", "--endpoint", "alive")
    time.sleep(1.2)
    wait_for(lambda: client.run("originate", "1001", "+15550008").returncode == 0 and watcher.heard("trunk:up"), 90, "it stays down")
    assert watcher.heard("trunk:up")[0]["name"] == "dead"


def test_a_full_trunk(client):
    add(client, "small", "--priority", 1, "--max-channels", 1)
    add(client, "large", "--priority", 2)
    long_call = client.start("originate", "1001", "+15550003", "--json")
    wait_for(lambda: client.open_rows() == 1, 60, "no row")
    out = client.run("status").stdout
    assert "1 of 2 may carry calls" in out and "full: 1 of 1 channels" in out
    assert verdicts(client)["small"] == "full"
    done = client.run("originate", "1001", "+15550008", "--json")
    assert done.returncode == 0 and "small is full" in done.stderr
    out = json.loads(done.stdout)
    looked = client.call(out["callId"])["route"][0]
    assert out["trunk"] == "large" and [look[1] for look in looked["looked"]] in (["full", "taken"], ["taken"])
    long_call.send_signal(signal.SIGINT)
    assert json.loads(long_call.communicate(timeout=60)[0])["call"]["disposition"] == "CANCELLED"
    assert verdicts(client)["small"] == "taken"


# ---- test -------------------------------------------------------------------

def found(out, check):
    return [(f["verdict"], f["text"]) for f in out["findings"] if f["check"] == check][0]


def test_trunk_test(client):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    good = client.json("trunk", "test", "main")
    assert good["success"] and good["registration"] == "Registered" and 1 <= good["roundTrip"] < 3
    assert {f["verdict"] for f in good["findings"]} == {"ok"}, good
    done = client.run("trunk", "test", "main")
    assert done.returncode == 0 and "ms" in done.stdout and "\033" not in done.stdout
    # What is wrong, each by itself.
    client.json("trunk", "add", "down", "--host", "h")
    bad = client.json("trunk", "test", "down", status=1)
    assert bad["registration"] == "Rejected" and found(bad, "registration")[0] == "bad" and "password" in found(bad, "registration")[1]
    client.json("trunk", "add", "forgotten", "--host", "h")
    assert "--no-registration" in found(client.json("trunk", "test", "forgotten", status=1), "registration")[1]
    add(client, "far", "--endpoint", "far-unreachable")
    far = client.json("trunk", "test", "far", status=1)
    assert found(far, "qualify")[0] == "bad" and far["roundTrip"] is None
    add(client, "nowhere", "--endpoint", "nowhere-absent")
    assert "contact" in found(client.json("trunk", "test", "nowhere", status=1), "address")[1]
    add(client, "drained", "--status", "maintenance")
    drained = client.json("trunk", "test", "drained")
    assert found(drained, "status")[0] == "warning"
    done = client.run("trunk", "test", "nothing")
    assert done.returncode == 1 and "nothing" in done.stderr
    done = client.run("trunk", "test", "main", WTEL_AMI="ami://wtel:wtel@127.0.0.1:1")
    assert done.returncode == 3
