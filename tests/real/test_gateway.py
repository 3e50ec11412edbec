"""The requests of the system that this replaces, one by one with curl, on the real Asterisk: status and JSON against its own
documents (tests/golden/rest, word for word), whose every key must be there with the same type."""

import json
import os
import subprocess
import time

import pytest

from client import Client, wait_for
from serve import GOLDEN, Gateway, compare, golden, grant, make_keys, make_platform

# What we answer beyond those documents. A key that is not here is a surprise; one that is here and not there is stale.
CALL = set("""agentId answerTime billsec calleeNumber callerNumber campaign campaignId cause channel disposition duration endTime estimated id
lead leadId legs reason recordingUrl ringingTime sipCode state stateName transferred trunkId""".split())
BEYOND = {
    "call-originate": {"data.call." + key for key in CALL - {"id"}},
    "call-hangup": set(),
    "calls-active": {"calls[]." + key for key in CALL - {"channel", "state"}},
    "calls-history": {"next"} | {"calls[]." + key for key in CALL - {"billsec", "calleeNumber", "callerNumber", "campaign", "disposition", "duration",
                                                                     "endTime", "id", "lead"}},
    "calls-stats": set(),
    "sip-create": {"sipPeer.password"},
    "sip-credentials": set(),
    "sip-status": {"sipPeer.id", "sipPeer.userId"},
    "status": {"status." + key for key in "ami channels host reconnects roundTrip storeQueue synchronised".split()},
    "trunks": {"trunks[]." + key for key in """activeCalls advancedSettings breaker description endpoint fromDomain fromUser health host lastErrorAt
               lastErrorMessage lastRegisteredAt needsRegistration port trunkType username""".split()},
}


@pytest.fixture
def gateway(running_world, database):
    """On the PBX, with the platform's tables; user 5 is the agent at phone 1001."""
    make_platform(database)
    client = Client(running_world.environment()["WTEL_AMI"], database)
    assert client.run("migrate").returncode == 0
    client.json("trunk", "add", "Carrier A", "--host", "127.0.0.1", "--endpoint", "carrier-a", "--max-channels", 20, "--priority", 1)
    made = Gateway(client, ASTERISK_WSS_HOST="pbx.example.com", ASTERISK_WSS_PORT="8089", WTEL_SECRET_KEYS=make_keys())
    yield made
    client.close()


class Judge:
    """Compares answers with the documents and keeps what we have beyond them."""

    def __init__(self):
        self.seen, self.beyond = set(), {}

    def __call__(self, name, answer):
        assert answer.status == 200, (name, answer)
        more = set()
        assert compare(golden(name), answer.json, more=more) == [], (name, answer)
        self.seen.add(name)
        self.beyond.setdefault(name, set()).update(more)
        return answer.json


def test_request_by_request(world, gateway):
    judge = Judge()
    admin = grant(gateway.database, "admin", name="backoffice")
    cookie, csrf = gateway.login(5)
    reader, writer = {"Cookie": cookie}, {"Cookie": cookie, "X-CSRF-Token": csrf}

    made = judge("sip-create", gateway.post("sip/create", golden("sip-create", "request"), admin))["sipPeer"]
    assert (made["sipUsername"], made["extension"], made["status"]) == ("johndoe", "1001", "active")
    registered(gateway, world, reader)
    peer = judge("sip-status", gateway.get("sip/status", headers=reader))["sipPeer"]
    assert peer["registered"] and peer["username"] == "johndoe" and "Asterisk" in peer["userAgent"]
    credentials = judge("sip-credentials", gateway.get("sip/credentials", headers=reader))["credentials"]
    assert (credentials["sipServer"], credentials["sipPort"], credentials["displayName"]) == ("pbx.example.com", "8089", "John Doe")
    assert credentials["username"] == "johndoe" and len(credentials["password"]) == 32
    trunk = judge("trunks", wait_trunk(gateway, admin))["trunks"][0]
    assert trunk["name"] == "Carrier A" and trunk["registered"] is True and trunk["totalCalls"] == 0
    assert judge("status", gateway.get("status", headers=reader))["status"]["connected"] is True

    day = time.strftime("%Y-%m-%d", time.gmtime())
    asked = dict(golden("call-originate", "request"), customerPhone="+15557%05d00" % (time.time() % 100000))
    data = judge("call-originate", gateway.post("call/originate", asked, headers=writer))["data"]
    assert data["trunk"] == "Carrier A" and data["call"]["callId"] == data["callId"]
    answered(gateway, reader, data["callId"])
    active = judge("calls-active", gateway.get("calls/active", headers=reader))
    assert active["count"] == 1 and active["calls"][0]["state"] == "6" and active["calls"][0]["channel"].startswith("PJSIP/1001-")
    assert judge("status", gateway.get("status", headers=reader))["status"]["callsInProgress"] == 1
    time.sleep(2)
    hangup = {"channel": active["calls"][0]["channel"]}
    assert set(hangup) == set(golden("call-hangup", "request"))
    judge("call-hangup", gateway.post("call/hangup", hangup, headers=writer))

    call = ended(gateway, reader, judge)
    assert (call["callerNumber"], call["calleeNumber"], call["disposition"]) == ("1001", asked["customerPhone"], "ANSWERED")
    assert call["campaign"] == {"id": 1, "nombre": "Sales Q4"} and call["lead"] == {"id": 123, "nombre": "John Doe"}
    bill = world.wait_cdr(asked["customerPhone"])
    assert bill["disposition"] == "ANSWERED" and abs(bill["billsec"] - call["billsec"]) <= 1 and call["billsec"] >= 2
    today = time.strftime("%Y-%m-%d", time.gmtime())  # midnight may have passed
    stats = judge("calls-stats", gateway.get("calls/stats?startDate=%s&endDate=%s" % (day, today), headers=reader))["stats"]
    assert (stats["totalCalls"], stats["answered"], stats["answerRate"], stats["totalBillsec"]) == (1, 1, "100.00", call["billsec"])
    assert judge("trunks", wait_trunk(gateway, admin))["trunks"][0]["successfulCalls"] == 1
    complete(judge)


def registered(gateway, world, reader):
    """The phone had registered before the account was made: it leaves and comes back, and that is known."""
    world.agent_away("1001")
    world.agent_back("1001")
    wait_for(lambda: gateway.get("sip/status", headers=reader).json["sipPeer"]["userAgent"], 60,
             lambda: "not registered: %s" % gateway.get("sip/status", headers=reader))


def wait_trunk(gateway, admin):
    """Once its registration was read."""
    return gateway.until("trunks", admin, lambda document: document["trunks"] and document["trunks"][0]["registered"])


def answered(gateway, reader, call_id):
    def look():
        calls = gateway.get("calls/active", headers=reader).json["calls"]
        return [call for call in calls if call["callId"] == call_id and call["answerTime"]]

    wait_for(look, 60, lambda: "no answer: %s" % gateway.get("calls/active", headers=reader))


def ended(gateway, reader, judge):
    def look():
        calls = gateway.get("calls/history?limit=50&offset=0", headers=reader).json["calls"]
        return calls and calls[0]["endTime"]

    wait_for(look, 60, lambda: "no record: %s" % gateway.get("calls/history", headers=reader))
    history = judge("calls-history", gateway.get("calls/history?limit=50&offset=0", headers=reader))
    assert history["count"] == 1
    return history["calls"][0]


def complete(judge):
    """Every document was compared, and what we have beyond them is what is written above."""
    assert judge.seen == {name.split(".")[0] for name in os.listdir(GOLDEN)}
    for name, more in sorted(judge.beyond.items()):
        print("%s, beyond the document: %s" % (name, ", ".join(sorted(more)) or "nothing"))
    assert {name: sorted(more) for name, more in judge.beyond.items()} == {name: sorted(more) for name, more in BEYOND.items()}


def test_the_curl_lines(world, gateway):
    """As they stand in its manual, but for the cookie's name and the header that keeps other sites' pages out."""
    cookie, csrf = gateway.login(5)
    number = "+15556%05d08" % (time.time() % 100000)
    wait_trunk(gateway, grant(gateway.database, "admin"))
    originate = """curl -s -X POST {url}/api/telephony/call/originate \\
  -H "Content-Type: application/json" \\
  -H "Cookie: {cookie}" \\
  {csrf} \\
  -d '{{
    "agentExtension": "1001",
    "customerPhone": "{number}",
    "campaignId": 1,
    "leadId": 123
  }}'"""
    status = """curl -s {url}/api/telephony/status \\
  -H "Cookie: {cookie}\""""

    def run(command, header):
        line = command.format(url=gateway.url, cookie=cookie, csrf=header, number=number)
        return json.loads(subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout)

    refused = run(originate, "")
    assert refused["success"] is False and refused["error"]["field"] == "X-CSRF-Token", refused
    assert world.cdrs(number) == []
    document = run(originate, '-H "X-CSRF-Token: %s"' % csrf)
    assert compare(golden("call-originate"), document) == [], document
    assert compare(golden("status"), run(status, "")) == []
    assert world.wait_cdr(number)["disposition"] == "ANSWERED"


def test_a_call_ends_at_once_for_whoever_watches(world, gateway):
    """Hung up over REST, the end is heard as an event, and is in the metrics."""
    token = grant(gateway.database, "supervisor")
    wait_trunk(gateway, grant(gateway.database, "admin"))
    events = subprocess.Popen(["curl", "-isSN", "-m", "180", "-H", "Authorization: Bearer " + token, "-H", "Accept: text/event-stream",
                               gateway.url + "/api/telephony/events"], stdout=subprocess.PIPE, text=True)
    try:
        while events.stdout.readline().strip():
            pass  # the head: from here on it hears
        data = gateway.post("call/originate", {"agentExtension": "1001", "customerPhone": "+15558%05d00" % (time.time() % 100000)},
                            token).json["data"]
        heard = []
        for line in events.stdout:
            if not line.startswith("data: "):
                continue
            event = json.loads(line[6:])
            heard.append(event["event"])
            if event["event"] == "call:answered":
                assert gateway.post("call/hangup", {"callId": data["callId"]}, token).status == 200
            if event["event"] == "call:hangup":
                assert event["data"]["call"]["callId"] == data["callId"] and event["data"]["call"]["disposition"] == "ANSWERED"
                break
        assert heard.index("call:new") < heard.index("call:answered") < heard.index("call:hangup"), heard
    finally:
        events.kill()
        events.wait()
    wait_for(lambda: gateway.database.rows("SELECT count(*) FROM calls WHERE end_time IS NOT NULL")[0][0] in (1, "1"), 60, "no record")
