"""An agent whose phone is a browser: examples/phone in Chromium, with SIP.js, at the real Asterisk over WSS."""

import http.server
import json
import threading
import time

import pytest

from browser import Browser, NoBrowser, Site, chromium, packages
from client import Client, Sqlite, wait_for

CUSTOMER = "+15557770010"  # plays back what it hears

# What the page's only call has sent and received up to now, with the energy of the sound that came.
STATISTICS = """phone.sessions()[0].sessionDescriptionHandler.peerConnection.getStats().then((report) => {
  const of = (type) => [...report.values()].find((one) => one.type === type);
  const { packetsReceived, totalAudioEnergy, codecId } = of("inbound-rtp");
  return { received: packetsReceived, energy: totalAudioEnergy, sent: of("outbound-rtp").packetsSent, codec: report.get(codecId).mimeType };
})"""


@pytest.fixture(scope="module")
def page_packages(running_world):
    try:
        chromium()
        return packages()
    except NoBrowser as reason:
        print(reason)
        pytest.skip(str(reason))


@pytest.fixture
def gateway(running_world):
    """Answers as the gateway does, for one agent."""
    credentials = {"sipServer": "127.0.0.1", "sipPort": str(running_world.wss_port), "username": running_world.browser_agent,
                   "password": running_world.ami_secret, "extension": running_world.browser_agent, "displayName": "Agent"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"success": True, "csrf": "", "credentials": credentials}).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(running_world, page_packages, gateway, tmp_path):
    site = Site(page_packages, gateway)
    made = Browser(page_packages, tmp_path / "profile", running_world.pbx.etc + "/ami.crt")
    made.goto(site.url)
    yield made
    made.close()
    site.close()
    assert made.processes() == []


@pytest.fixture
def client(running_world, tmp_path):
    made = Client(running_world.environment()["WTEL_AMI"], Sqlite(tmp_path))
    assert made.run("migrate").returncode == 0
    made.json("trunk", "add", "carrier-a", "--host", "127.0.0.1", "--max-channels", 5)
    yield made
    made.close()


def register(browser):
    began = time.monotonic()
    browser.click("#enter")
    browser.waitForSelector("#state[data-state=registered]")
    return time.monotonic() - began


def hears(browser, seconds=1.5):
    """Packets received and sent, and energy of what was heard, from now on for that time."""
    before = browser.evaluate(STATISTICS)
    time.sleep(seconds)
    after = browser.evaluate(STATISTICS)
    return {name: after[name] - before[name] for name in ("received", "sent", "energy")}


def test_an_agent_in_a_browser_talks_to_a_customer(world, client, browser):
    assert register(browser) < 1
    originate = client.start("originate", world.browser_agent, CUSTOMER, "--json")
    browser.click(".answer")
    wait_for(lambda: "answered" in [call["stateName"] for call in client.json("calls", "active")["calls"]], 15,
             lambda: "the customer does not answer: %s" % client.json("calls", "active"))
    time.sleep(0.5)
    talk = hears(browser)
    assert talk["received"] > 50 and talk["sent"] > 50, talk
    assert talk["energy"] > 0.01, talk
    assert browser.evaluate(STATISTICS)["codec"] == "audio/opus"

    browser.click(".mute")
    time.sleep(0.5)
    assert hears(browser)["energy"] < talk["energy"] / 100, "what the customer plays back is what the browser said"

    browser.click(".end")
    out, errors = originate.communicate(timeout=15)
    call = json.loads(out)["call"]
    trunk = client.json("trunk", "list")["trunks"][0]
    assert (originate.returncode, call["disposition"], call["trunkId"]) == (0, "ANSWERED", trunk["id"]), (out, errors)
    assert (trunk["name"], trunk["activeCalls"], trunk["successfulCalls"]) == ("carrier-a", 0, 1)
    bill = world.wait_cdr(CUSTOMER)
    assert bill["disposition"] == "ANSWERED" and abs(bill["billsec"] - call["billsec"]) <= 1
    assert browser.evaluate("phone.sessions().length") == 0
