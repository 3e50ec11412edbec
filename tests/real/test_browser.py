"""An agent whose phone is a browser: examples/phone in Chromium, with SIP.js, at the real Asterisk over WSS."""

import json
import os
import time

import pytest

from browser import Browser, NoBrowser, Site, chromium, packages
from client import Client, Postgres, wait_for
from serve import PASSWORD, USERS, Gateway, grant, make_keys, make_platform
from world import NoAsterisk, World

# What the page's only call has sent and received up to now, with the energy of the sound that came; null before any came.
STATISTICS = """phone.sessions()[0].sessionDescriptionHandler.peerConnection.getStats().then((report) => {
  const of = (type) => [...report.values()].find((one) => one.type === type);
  if (!of("inbound-rtp") || !of("outbound-rtp")) return null;
  const { packetsReceived, totalAudioEnergy, codecId } = of("inbound-rtp");
  return { received: packetsReceived, energy: totalAudioEnergy, sent: of("outbound-rtp").packetsSent, codec: report.get(codecId)?.mimeType };
})"""

LOGIN = """fetch("/api/telephony/session", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(%s)})
  .then((response) => response.status)"""


class BrowserWorld(World):
    """Without other phones: accounts get the extensions from 1001 on, and what stands in pjsip.conf would go before them."""

    PHONES = ABSENT = ()


@pytest.fixture(scope="module")
def database():
    if not os.environ.get("WTEL_TEST_PG"):
        pytest.skip("WTEL_TEST_PG names no PostgreSQL server")
    made = Postgres(os.environ["WTEL_TEST_PG"])
    make_platform(made)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def site_packages():
    try:
        chromium()
        return packages()
    except NoBrowser as reason:
        print(reason)
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def pbx(database, site_packages):
    """Two servers of this module's own, of which the PBX takes accounts from the database."""
    schema = Client(None, database)
    assert schema.run("migrate").returncode == 0
    database.execute("DO $$ BEGIN CREATE ROLE asterisk LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$")
    database.execute("GRANT SELECT ON wtel_ps_endpoints, wtel_ps_auths, wtel_ps_aors, wtel_ps_registrations, wtel_ps_identifies "
                     "TO asterisk")
    try:
        made = BrowserWorld(realtime=database.url)
    except NoAsterisk as reason:
        pytest.skip(str(reason))
    if not made.pbx.values["ICE"]:
        pytest.skip("**** THE BROWSER IS SKIPPED: Asterisk offers no address where there is none beside 127.0.0.1 ****")
    with made:
        yield made


@pytest.fixture(scope="module")
def gateway(pbx, database):
    client = Client(pbx.environment()["WTEL_AMI"], database)
    client.json("trunk", "add", "Carrier A", "--endpoint", "carrier-a", "--host", "127.0.0.9", "--max-channels", 5)
    settings = {"ASTERISK_WSS_HOST": "127.0.0.1", "ASTERISK_WSS_PORT": str(pbx.wss_port), "WTEL_SECRET_KEYS": make_keys()}
    made = Gateway(client, **settings)
    made.admin = grant(database, "admin")
    made.peers = {user: account(made, made.admin, user, name) for user, name in ((5, "John"), (6, "Jane"))}
    yield made
    client.close()


@pytest.fixture(scope="module")
def running_browser(pbx, site_packages, tmp_path_factory):
    made = Browser(site_packages, tmp_path_factory.mktemp("browser") / "profile", pbx.pbx.etc + "/ami.crt")
    yield made
    made.close()
    assert made.processes() == []


@pytest.fixture
def browser(pbx, gateway, site_packages, running_browser):
    """The page is there, and knows nothing yet."""
    pbx.calm()
    site = Site(site_packages, gateway.port)
    running_browser.newPage()
    running_browser.goto(site.url)
    yield running_browser
    site.close()


def account(gateway, admin, user, first_name):
    answer = gateway.post("sip/create", {"userId": user, "primerNombre": first_name, "primerApellido": "Doe"}, admin)
    assert answer.status == 200, answer
    return answer.json["sipPeer"]


def wait_state(browser, state):
    wait_for(lambda: browser.getAttribute("#state", "data-state") == state, 60,
             lambda: "never %s: %s" % (state, browser.textContent("#state")))


def register(browser):
    """From the click on: seconds. SIP.js gives a connection five of them; where that was too few, whoever wants to log in tries again."""
    for _ in range(5):
        began = time.monotonic()
        browser.click("#enter")
        wait_for(lambda: browser.getAttribute("#state", "data-state") in ("registered", "failed"), 60,
                 lambda: "neither registered nor failed: %s" % browser.textContent("#state"))
        if "WebSocket closed" not in browser.textContent("#state"):
            break
    wait_state(browser, "registered")
    return time.monotonic() - began


def start(browser, credentials):
    """The same without the page's form."""
    for left in range(4, -1, -1):
        try:
            return browser.evaluate("phone.start(%s)" % json.dumps(credentials))
        except RuntimeError as error:
            if "WebSocket closed" not in str(error) or not left:
                raise


def hears(browser, wanted, seconds=1.5):
    """Packets received and sent, and energy of what was heard, from now on for that time; again while they are not as wanted: what
    is under way yet is heard for a moment, and a busy machine may keep whoever speaks from speaking."""
    for _ in range(20):
        before = wait_for(lambda: browser.evaluate(STATISTICS), 60, "nothing was sent or has come")
        time.sleep(seconds)
        after = browser.evaluate(STATISTICS)
        heard = {name: after[name] - before[name] for name in ("received", "sent", "energy")}
        if wanted(heard):
            break
    assert wanted(heard), heard
    return heard


def talk(browser):
    """The customer plays back what it hears; so what comes is what went."""
    time.sleep(0.5)
    loud = hears(browser, lambda heard: heard["received"] > 50 and heard["sent"] > 50 and heard["energy"] > 0.01)
    assert browser.evaluate(STATISTICS)["codec"] == "audio/opus"
    browser.click(".mute")
    hears(browser, lambda heard: heard["received"] > 50 and heard["energy"] < loud["energy"] / 100)


def check_record(pbx, client, call):
    trunk = client.json("trunk", "list")["trunks"][0]
    assert (call["disposition"], call["trunkId"], trunk["name"], trunk["activeCalls"]) == ("ANSWERED", trunk["id"], "Carrier A", 0), call
    bill = pbx.wait_cdr(call["calleeNumber"])
    assert bill["disposition"] == "ANSWERED" and abs(bill["billsec"] - call["billsec"]) <= 1, (bill, call)


def test_an_account_of_the_template(pbx, gateway, browser):
    """[1007](wtel-agent-webrtc) in wtel-agents.conf; the call comes from the shell."""
    agent = pbx.browser_agent
    credentials = {"sipServer": "127.0.0.1", "sipPort": str(pbx.wss_port), "username": agent, "password": pbx.ami_secret,
                   "extension": agent, "displayName": "Agent"}
    start(browser, credentials)
    wait_state(browser, "registered")
    originate = gateway.client.start("originate", agent, "+15557771010", "--json")
    browser.click(".answer")
    wait_for(lambda: "answered" in [call["stateName"] for call in gateway.client.json("calls", "active")["calls"]], 60,
             lambda: "the customer does not answer: %s" % gateway.client.json("calls", "active"))
    talk(browser)
    browser.click(".end")
    out, errors = originate.communicate(timeout=120)
    assert originate.returncode == 0, (out, errors)
    check_record(pbx, gateway.client, json.loads(out)["call"])
    wait_for(lambda: browser.evaluate("phone.sessions().length") == 0, 60, "the page still has the call")


def test_an_agent_logs_in_and_calls_a_customer(pbx, gateway, browser):
    """All in the page: an account made over REST, a session, the number typed."""
    assert browser.evaluate(LOGIN % json.dumps({"username": USERS[5][0], "password": PASSWORD})) == 200
    assert any(register(browser) < 1 for _ in range(15))  # the first, if the machine is not busy with the browser's start
    agent = grant(gateway.database, "agent", 5)
    status = gateway.until("sip/status", agent, lambda document: document["sipPeer"]["registered"])
    assert (status.json["sipPeer"]["ipAddress"], status.json["sipPeer"]["extension"]) == ("127.0.0.1", gateway.peers[5]["extension"])
    gateway.until("sip/status", agent, lambda document: (document["sipPeer"]["userAgent"] or "").startswith("SIP.js/"))

    browser.fill("#number", "+15557772010")
    browser.click("#call")
    browser.click(".answer")
    gateway.until("calls/active", agent, lambda document: [call["stateName"] for call in document["calls"]] == ["answered"])
    talk(browser)
    browser.click(".end")
    done = gateway.until("calls/history", agent, lambda document: document["calls"] and document["calls"][0]["endTime"])
    check_record(pbx, gateway.client, done.json["calls"][0])
    assert done.json["calls"][0]["agentId"] == 5


def test_an_account_that_is_disabled_is_none(pbx, gateway, browser):
    agent = grant(gateway.database, "agent", 6)
    browser.fill("#token", agent)
    register(browser)
    gateway.until("sip/status", agent, lambda document: document["sipPeer"]["registered"])

    assert gateway.post("sip/6/disable", {}, gateway.admin).status == 200
    gateway.until("sip/status?userId=6", gateway.admin, lambda document: not document["sipPeer"]["registered"])
    browser.evaluate("phone.manager.register()")
    wait_state(browser, "refused")
    failed = gateway.client.run("originate", gateway.peers[6]["extension"], "+15557773010", "--timeout", 5)
    assert failed.returncode == 1, failed
    assert pbx.cdrs("+15557773010") == [], "the customer was called"
    assert browser.evaluate("phone.sessions().length") == 0
    # Nor from the beginning.
    browser.reload()
    browser.fill("#token", agent)
    browser.click("#enter")
    wait_state(browser, "failed")
