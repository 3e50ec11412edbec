"""Who may ask what over HTTP: one table, complete by the library's own list of routes; then everything that a client should not
send. Not with curl: it is too polite, and too slow for ten thousand."""

import collections
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import socket
import subprocess
import threading
import time

import pytest

from client import WTELCTL, Client, Sqlite, wait_for
from serve import API, Gateway, curl, grant, make_keys, make_platform

ROUTES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "libwtel", "api", "route.def")

# Route, request, body, and what each gets: an agent without a user, agent 6, agent 5 whose objects they are, a supervisor and an
# admin who are nobody in particular. "+": the answer shows what is agent 5's, "-": it does not. Who shows nothing gets 401.
# {call} {channel}: an active call of agent 5, new each time; {ended}: one that was; {trunk}: one that may go; 5 has phone 1001.
TABLE = """
call_originate     POST call/originate {"agentExtension":"1001","customerPhone":"+15550008"}               401 403  200  200  200
call_originate     POST call/originate {"agentExtension":"77","customerPhone":"+15550008","agentId":5}     401 403  200  200  200
call_hangup        POST call/hangup {"callId":"{call}"}                                                    401 404  200  200  200
call_hangup        POST call/hangup {"channel":"{channel}"}                                                401 404  200  200  200
calls_active       GET calls/active                                                                        401 200- 200+ 200+ 200+
calls_history      GET calls/history                                                                       401 200- 200+ 200+ 200+
calls_history      GET calls/history?agentId=5                                                             401 403  200+ 200+ 200+
calls_history      GET calls/history?agentId=6                                                             401 200- 403  200- 200-
calls_stats        GET calls/stats                                                                         401 200- 200+ 200+ 200+
calls_stats        GET calls/stats?agentId=5                                                               401 403  200+ 200+ 200+
calls_detail       GET calls/{call}                                                                        401 404  200+ 200+ 200+
calls_detail       GET calls/{ended}                                                                       401 404  200+ 200+ 200+
calls_change       PATCH calls/{ended} {"recordingUrl":"https://example.com/r"}                            403 403  403  200  200
calls_detail       GET calls/no-such-call                                                                  401 404  404  404  404
sip_status         GET sip/status                                                                          401 200- 200+ 401  401
sip_status         GET sip/status?userId=5                                                                 401 403  200+ 200+ 200+
sip_create         POST sip/create {"userId":7,"primerNombre":"A","primerApellido":"B"}                    403 403  403  403  200
sip_credentials    GET sip/credentials                                                                     401 200- 200+ 401  401
sip_peers          GET sip/peers                                                                           403 403  403  200+ 200+
sip_disable        POST sip/6/disable                                                                      403 403  403  403  200
sip_enable         POST sip/6/enable                                                                       403 403  403  403  200
sip_renew          POST sip/5/renew                                                                        403 403  403  403  200
trunks_list        GET trunks                                                                              403 403  403  403  200
trunks_create      POST trunks {"name":"made {serial}","host":"sip.example.com"}                           403 403  403  403  201
trunks_explain     GET trunks/explain                                                                      403 403  403  403  200
trunks_get         GET trunks/1                                                                            403 403  403  403  200
trunks_replace     PUT trunks/{trunk} {"name":"put {serial}","host":"sip.example.com"}                     403 403  403  403  200
trunks_change      PATCH trunks/{trunk} {"priority":7}                                                     403 403  403  403  200
trunks_remove      DELETE trunks/{trunk}                                                                   403 403  403  403  200
campaigns_get      GET campaigns/1                                                                         403 403  403  403  200
campaigns_replace  PUT campaigns/1 {"general":true}                                                        403 403  403  403  200
campaigns_assign   PUT campaigns/1/trunks/1 {"priority":3}                                                 403 403  403  403  200
campaigns_unassign DELETE campaigns/1/trunks/1                                                             403 403  403  403  200
audit_list         GET audit                                                                               403 403  403  403  200
service_openapi    GET openapi.json                                                                        200 200  200  200  200
service_status     GET status                                                                              200 200  200  200  200
"""
WHO = {"nobody": ("agent", None), "other": ("agent", 6), "own": ("agent", 5), "supervisor": ("supervisor", None), "admin": ("admin", None)}


def cases():
    for line in TABLE.strip().splitlines():
        name, method, path, *rest = line.split(" ", 1)[0], *line.split(None, 1)[1].split(None, 2)
        body, wanted = re.match(r"(\{.*\})?\s*(.*)", rest[0]).groups()
        yield name, method, path, body, dict(zip(WHO, wanted.split()))


def test_the_table_is_complete():
    text = open(ROUTES).read()
    routes = re.findall(r'API_ROUTE_X\((\w+), "(\w+)", "([^"]+)", (\w+)', text)
    assert len(routes) == text.count("API_ROUTE_X(") >= 20
    least = {name: (method, path, role.lower()) for name, method, path, role in routes}
    assert {name for name, *_ in cases()} == set(least)
    for name, method, path, _, wanted in cases():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(least[name][1]))
        assert method == least[name][0] and re.fullmatch(pattern, path.split("?")[0]), (name, path)
        # Nobody below the route's least role may, and somebody may.
        roles = ["agent", "supervisor", "admin"]
        for who, status in wanted.items():
            assert len(wanted) == len(WHO)
            if roles.index(WHO[who][0]) < roles.index(least[name][2]):
                assert status == "403", (name, who)
        if path != "calls/no-such-call":
            assert any(status.startswith("20") for status in wanted.values()), name


# ---- asking -------------------------------------------------------------------


class Asker:
    """Requests of one client, over one connection as long as it lasts."""

    def __init__(self, gateway, headers=()):
        self.gateway, self.headers, self.connection = gateway, {"Content-Type": "application/json", **dict(headers)}, None

    def __call__(self, method, path, body=None, **headers):
        for again in (True, False):
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=90)
            try:
                sent = dict(self.headers, **{name.replace("_", "-"): value for name, value in headers.items()})
                self.connection.request(method, path if path.startswith("/") else API + path, body, sent)
                answer = self.connection.getresponse()
                text = answer.read().decode()
                if answer.getheader("connection") == "close":
                    self.connection = None
                return answer.status, text
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.connection = None
                assert again, "no answer to %s %s" % (method, path)


class Http2Asker:
    """The same over HTTP/2, each on a connection of its own."""

    def __init__(self, gateway, headers=()):
        self.gateway, self.headers = gateway, {"Content-Type": "application/json", **dict(headers)}

    def __call__(self, method, path, body=None):
        answer = curl(self.gateway.url + API + path, method, body and body.encode(), self.headers, ["--http2-prior-knowledge"])
        return answer.status, answer.body


def csrf(secret):
    return hmac.new(hashlib.sha256(secret.encode()).digest(), b"csrf", hashlib.sha256).hexdigest()


def as_token(secret):
    return {"Authorization": "Bearer " + secret}


def as_session(secret):
    return {"Cookie": "other=1; wtel_session=" + secret, "X-CSRF-Token": csrf(secret)}


class House:
    """A gateway with two agents who have phones, and calls of one of them."""

    def __init__(self, gateway):
        self.gateway, self.database, self.serial = gateway, gateway.database, 0
        self.admin = Asker(gateway, as_token(grant(self.database, "admin")))
        self.agent = Asker(gateway, as_token(grant(self.database, "agent", 5)))
        for user, extension in ((5, "1001"), (6, "1002")):
            status, text = self.admin("POST", "sip/create", json.dumps({"userId": user, "primerNombre": "A%d" % user, "primerApellido": "B"}))
            assert status == 200 and json.loads(text)["sipPeer"]["extension"] == extension, text
        self.ended = self.call()
        assert self.admin("POST", "call/hangup", json.dumps({"callId": self.ended}))[0] == 200
        self.standing = self.call()

    def call(self):
        """An active call of agent 5."""
        status, text = self.agent("POST", "call/originate", '{"agentExtension":"1001","customerPhone":"+15550008"}')
        assert status == 200, text
        call_id = json.loads(text)["data"]["callId"]
        wait_for(lambda: self.channel(call_id), 60, "the call is not active")
        return call_id

    def channel(self, call_id):
        calls = json.loads(self.admin("GET", "calls/active")[1])["calls"]
        return next((call["channel"] for call in calls if call["callId"] == call_id), None)

    def trunk(self):
        self.serial += 1
        text = self.admin("POST", "trunks", json.dumps({"name": "spare %d" % self.serial, "host": "sip.example.com"}))[1]
        return self.database.rows("SELECT max(id) FROM trunks")[0][0] if '"success"' in text else None

    def fill(self, text):
        """The objects that a case names."""
        self.serial += 1
        if "{call}" in text or "{channel}" in text:
            call_id = self.call()
            text = text.replace("{call}", call_id).replace("{channel}", self.channel(call_id))
        if "{trunk}" in text:
            text = text.replace("{trunk}", str(self.trunk()))
        return text.replace("{ended}", self.ended).replace("{serial}", str(self.serial))

    def shows(self, name, text):
        """Is there anything of agent 5's in an answer?"""
        document = json.loads(text)
        if name == "calls_stats":
            return document["stats"]["totalCalls"] > 0
        if name in ("sip_status", "sip_peers", "sip_credentials"):
            return '"1001"' in text
        if name == "calls_detail":
            return document["call"]["agentId"] == 5
        return any(call["agentId"] == 5 for call in document["calls"])


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    sim = subprocess.Popen([WTELCTL, "sim", "--listen", "127.0.0.1:0", "--pickup", "0.02", "--ring", "0.02", "--talk", "900",
                            "--registrations", "main=Registered"], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    port = int(sim.stdout.readline().rsplit(":", 1)[1])
    database = Sqlite(tmp_path_factory.mktemp("house"))
    make_platform(database)
    database.execute("INSERT INTO usuarios (id, estado) VALUES (7, TRUE), (8, TRUE)")
    client = Client("ami://wtel:wtel@127.0.0.1:%d" % port, database)
    with contextlib.ExitStack() as last:
        last.callback(sim.wait)
        last.callback(sim.terminate)
        last.callback(client.close)
        assert client.run("migrate").returncode == 0
        client.json("trunk", "add", "main", "--host", "sip.example.com", "--max-channels", 100)
        made = House(Gateway(client, "--address-rate", 0, "--user-rate", 0, "--drain", 0, WTEL_SECRET_KEYS=make_keys()))
        yield made
        assert made.gateway.stop() == 0, made.gateway.said()


@pytest.mark.parametrize("way, asker", [("token", Asker), ("session", Asker), ("session", Http2Asker)])
def test_who_may_what(house, way, asker):
    make = as_token if way == "token" else as_session
    house.database.execute("DELETE FROM sip_peers WHERE user_id = 7")
    askers = {who: asker(house.gateway, make(grant(house.database, role, user, kind=way, expires=3600)))
              for who, (role, user) in WHO.items()}
    stranger = asker(house.gateway)
    problems = []
    for name, method, path, body, wanted in cases():
        for who, ask in dict(askers, stranger=stranger).items():
            line, sent = house.fill(path), body and house.fill(body)
            status, text = ask(method, line, sent)
            expected = wanted.get(who, "401")
            if str(status) != expected[:3]:
                problems.append("%s %s by %s: %d, not %s: %s" % (method, path, who, status, expected, text))
            elif expected[3:] and house.shows(name, text) != (expected[3:] == "+"):
                problems.append("%s %s by %s: what it shows is not %s: %s" % (method, path, who, expected, text))
            if status not in (200, 201) and not json.loads(text)["error"]["message"]:
                problems.append("%s %s by %s: no reason" % (method, path, who))
    assert problems == []
    assert house.channel(house.standing), "somebody ended the call that nobody was to end"


def test_the_gateway_s_own_paths(house):
    for path, wanted in (("/metrics", {"nobody": 403, "other": 403, "own": 403, "supervisor": 403, "admin": 200}),
                         (API + "session", {"nobody": 200, "other": 200, "own": 200, "supervisor": 200, "admin": 200}),
                         ("/healthz", dict.fromkeys(WHO, 200)), ("/readyz", dict.fromkeys(WHO, 200)),
                         ("/", dict.fromkeys(WHO, 404)), ("/api", dict.fromkeys(WHO, 404)), (API + "nothing", dict.fromkeys(WHO, 404))):
        for who, (role, user) in WHO.items():
            status, text = Asker(house.gateway, as_token(grant(house.database, role, user)))("GET", path)
            assert status == wanted[who], (path, who, status, text)
    for path, wanted in (("/metrics", 401), (API + "session", 401), (API + "events", 401), ("/healthz", 200), ("/readyz", 200)):
        assert Asker(house.gateway)("GET", path)[0] == wanted, path


# ---- grants that are good no more ------------------------------------------------


@pytest.mark.parametrize("kind, make", [("token", as_token), ("session", as_session)])
def test_grants_that_are_good_no_more(house, kind, make):
    def ask(secret):
        return Asker(house.gateway, make(secret))("GET", "status")[0]

    assert ask(grant(house.database, "admin", kind=kind, expires=-1)) == 401, "expired"
    assert ask(grant(house.database, "admin", kind=kind, revoked=-1, expires=60)) == 401, "revoked"

    def fresh():
        """One that was good: itself, and when it is over at the latest; None: it may have been over before, for the machine was slow."""
        least = int(time.time()) + 2
        secret = grant(house.database, "admin", kind=kind, expires=2)
        most, status = time.time() + 2, ask(secret)
        assert status == 200 or time.time() >= least, status
        return (secret, most) if status == 200 else None

    secret, end = wait_for(fresh, 60, "no grant was ever good")
    while time.time() < end:
        ask(secret)
    assert ask(secret) == 401, "it does not expire while it is used"
    secret = grant(house.database, "agent", 8, kind=kind, expires=60)
    assert ask(secret) == 200
    house.database.execute("UPDATE wtel_grants SET revoked_at = created_at WHERE hash = '%s'" % hashlib.sha256(secret.encode()).hexdigest())
    time.sleep(1)
    assert ask(secret) == 401, "revoked, and good for more than a second"
    assert ask(secret) == 401, "replayed"
    secret = grant(house.database, "admin", kind=kind, expires=60)
    other = [a if a != b else "x" for a, b in zip(secret, secret.swapcase())]
    assert ask("".join(other)) == 401 and ask(secret[:-2]) == 401 and ask(secret + "A") == 401
    assert ask(hashlib.sha256(secret.encode()).hexdigest()) == 401, "the stored hash opens"
    assert ask(secret) == 200
    # What is a token is no session, and the other way round: a session's requests need their CSRF token.
    other = as_session if make is as_token else as_token
    assert Asker(house.gateway, other(secret))("GET", "status")[0] == 401


def test_a_logout_ends_the_session_for_ever(house):
    cookie, token = house.gateway.login(5)
    session = Asker(house.gateway, {"Cookie": cookie, "X-CSRF-Token": token})
    assert session("GET", "calls/active")[0] == 200
    assert session("DELETE", "session")[0] in (200, 204)
    assert session("GET", "calls/active")[0] == 401
    assert session("POST", "call/originate", '{"agentExtension":"1001","customerPhone":"+15550008"}')[0] == 401


def test_a_session_needs_its_own_csrf_token(house):
    mine, others = (grant(house.database, "admin", kind="session", expires=60) for _ in range(2))
    before = house.database.rows("SELECT count(*) FROM trunks"), house.database.rows("SELECT status FROM sip_peers ORDER BY id")
    cookie = {"Cookie": "wtel_session=" + mine}
    good = csrf(mine)
    wrongs = {"missing": {}, "empty": {"X-CSRF-Token": ""}, "wrong": {"X-CSRF-Token": "0" * 64}, "another's": {"X-CSRF-Token": csrf(others)},
              "shorter": {"X-CSRF-Token": good[:-1]}, "longer": {"X-CSRF-Token": good + "0"}, "its secret": {"X-CSRF-Token": mine}}
    for name, method, path, body, _ in cases():
        if method == "GET" or "{call" in (body or "") or "{channel" in (body or ""):
            continue
        for what, header in wrongs.items():
            status, text = Asker(house.gateway, dict(cookie, **header))(method, path.replace("{trunk}", "1"), body)
            assert status == 403, (what, name, status, text)
    assert before == (house.database.rows("SELECT count(*) FROM trunks"), house.database.rows("SELECT status FROM sip_peers ORDER BY id"))
    asker = Asker(house.gateway, dict(cookie, **{"X-CSRF-Token": good}))
    assert asker("PATCH", "trunks/1", '{"description":"x"}')[0] == 200
    assert Asker(house.gateway, cookie)("GET", "trunks")[0] == 200, "reading needs none"


# ---- paths and queries -------------------------------------------------------------

ODD_PATHS = ["//api/telephony/trunks", "/api//telephony/trunks", "/api/telephony//trunks", "/api/telephony/trunks//", "/api/telephony/./trunks",
             "/api/telephony/status/../trunks", "/api/telephony/../telephony/trunks", "/api/telephony/%2e/trunks", "/api/telephony/%2e%2e/trunks",
             "/api/telephony/status/%2e%2e/trunks", "/api/telephony/status%2f..%2ftrunks", "/api/telephony/%74runks", "/api/telephony/trunks%00",
             "/api/telephony/trunks%00/x", "/api/telephony/%00trunks", "/api/telephony/trunks;x=1", "/api/telephony;x=1/trunks", "/API/telephony/trunks",
             "/api/telephony/TRUNKS", "/api/telephony/trunks%20", "/api/telephony/trunks%", "/api/telephony/trunks%2", "/api/telephony/trunks%zz",
             "/api/telephony/trunks%ff", "/api/telephony/trunks\\x", "/api/telephony\\trunks", "/api/telephony/trunks/1/..", "/api/telephony/trunks#x",
             "/api/telephony/trunks/" + "1" * 900, "/api/telephony/trunks/" + "a/" * 400, "/api/telephony/trunks/" + "%41" * 1500, "*", "http://example.com/api/telephony/trunks",
             "/api/telephony/trunks/0", "/api/telephony/trunks/-1", "/api/telephony/trunks/1e1", "/api/telephony/trunks/99999999999999999999",
             "/api/telephony/trunks/1%2f2", "/metrics/..//api/telephony/trunks", "/healthz/../api/telephony/trunks", "/../api/telephony/trunks"]


def raw(port, data, wait=60, shut=False):
    """Bytes to the gateway; what came back until it closed, or said nothing for `wait` seconds."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.settimeout(wait)
        back = b""
        try:
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
            while len(back) < 1 << 20:
                piece = connection.recv(65536)
                if not piece:
                    break
                back += piece
        except (socket.timeout, ConnectionError):
            pass
        return back


def raw_status(port, method, path, secret, body=b"", headers=b""):
    data = b"%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
        method.encode(), path.encode("latin-1"), secret.encode(), len(body), headers, body)
    back = raw(port, data)
    found = re.match(rb"HTTP/1\.[01] (\d\d\d) ", back)
    return int(found.group(1)) if found else 0


def test_odd_paths_open_nothing(house):
    """Whatever a path is taken for: to whom its plain form is closed, the odd one is too, and nothing breaks."""
    agent, admin = grant(house.database, "agent", 5), grant(house.database, "admin")
    problems = []
    for path in ODD_PATHS:
        for who, secret, allowed in (("agent", agent, {0, 400, 403, 404, 405, 413, 414, 422}),
                                     ("admin", admin, {0, 200, 400, 404, 405, 413, 414, 422})):
            status = raw_status(house.gateway.port, "GET", path, secret)
            if status not in allowed:
                problems.append("%s by %s: %d" % (path[:80], who, status))
        status = raw_status(house.gateway.port, "GET", path, "")
        if status not in (0, 400, 401, 404, 405, 413, 414):
            problems.append("%s by nobody: %d" % (path[:80], status))
    assert problems == []
    assert house.admin("GET", "trunks")[0] == 200


def test_odd_queries_and_bodies(house):
    for query in ("limit=1&limit=2", "limit=1&limit=1", "LIMIT=1", "limit[]=1", "nothing=1", "limit=%00", "limit=%", "limit=%zz", "limit=-1", "limit=1e3",
                  "limit=99999999999999999999", "&".join("a%d=1" % n for n in range(40)), "from=yesterday", "limit=1;offset=2", "=1", "agentId=5'"):
        status, text = house.admin("GET", "calls/history?" + query)
        assert status in (400, 422) and json.loads(text)["error"]["code"], (query, status, text)
    assert house.admin("GET", "calls/history?limit=" + "0" * 5000)[0] in (400, 413, 414)
    assert house.admin("GET", "calls/history?&&limit=1&")[0] == 200
    for body, wanted in (('{"agentExtension":"1001","agentExtension":"1002","customerPhone":"+1555"}', {400}), ("[]", {400}), ("{", {400}), ("", {400}),
                         ("\x00", {400}), ('{"a":1}', {400}), ("[" * 5000, {400}), ('{"agentExtension":"\\u0000","customerPhone":"1"}', {400, 422}),
                         ('{"agentExtension":"1001\\r\\nAction: Logoff","customerPhone":"1"}', {422}), ('{"agentExtension":1,"customerPhone":2}', {400}),
                         ("x" * 70000, {400, 413}), ('{"agentExtension":"' + "1" * 60000 + '","customerPhone":"1"}', {422})):
        status, text = house.admin("POST", "call/originate", body.encode())
        assert status in wanted and json.loads(text)["success"] is False, (body[:80], status, text[:300])
    status, text = house.admin("POST", "trunks", b'{"name":"' + b"x" * 5000000 + b'"}')
    assert status == 413, text[:300]


def test_unknown_methods(house):
    secret = grant(house.database, "admin")
    for method in ("HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "PROPFIND", "DELETE", "PUT", "X" * 300, "G\x00T", "GET\tX"):
        status = raw_status(house.gateway.port, method, "/api/telephony/status", secret)
        assert status in (0, 200 if method == "HEAD" else 405, 204 if method == "OPTIONS" else 405, 400, 404, 405, 501, 403), (method, status)
    assert house.admin("GET", "status")[0] == 200


def test_headers_have_limits(house):
    secret = grant(house.database, "admin")
    port = house.gateway.port
    assert raw_status(port, "GET", "/api/telephony/status", secret, headers=b"X-A: %s\r\n" % (b"x" * 200)) == 200
    for headers in (b"X-A: %s\r\n" % (b"x" * 100000), b"X-A: y\r\n" * 20000, b"Cookie: %s\r\n" % (b"wtel_session=x; " * 5000)):
        assert raw_status(port, "GET", "/api/telephony/status", secret, headers=headers) in (0, 400, 403, 413, 431)
    # Two requests in one: what follows the first is judged as a request of its own, never as the first one's.
    smuggled = raw(port, b"POST /api/telephony/call/hangup HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                         b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n" % secret.encode(), 2)
    assert not smuggled.startswith(b"HTTP/1.1 200"), smuggled[:300]
    assert house.admin("GET", "status")[0] == 200


# ---- ten thousand ------------------------------------------------------------------


class Generator:
    """Requests that are almost right, and some that are nowhere near; the same for the same seed."""

    METHODS = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"", b"G E T", b"\xff", b"PRI"]

    def __init__(self, seed, secret):
        self.random, self.secret = random.Random(seed), secret.encode()
        self.paths = [API.encode() + path.replace("{", "").replace("}", "").encode() for _, _, path, _, _ in cases()] + [
            b"/metrics", b"/healthz", b"/readyz", b"/", b"*", API.encode() + b"session", API.encode() + b"events"]
        self.bodies = [(body or "").encode() for _, _, _, body, _ in cases()]
        self.wellformed = [(method.encode(), path, body) for (_, method, _, _, _), path, body in zip(cases(), self.paths, self.bodies)]

    def noise(self, most):
        return self.random.randbytes(self.random.randrange(most))

    def headers(self, body):
        r = self.random
        lines = [b"Host: x", b"Authorization: Bearer " + r.choice([self.secret, self.secret[:-1], b"", self.noise(60).replace(b"\n", b"")])]
        lines.append(r.choice([b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) + r.randrange(9)), b"Content-Length: -1",
                               b"Content-Length: 99999999999999999999", b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: x",
                               b"Transfer-Encoding: chunked", b"Transfer-Encoding: %s" % self.noise(9).replace(b"\n", b""), b"Expect: 100-continue"]))
        lines += r.sample([b"Connection: close", b"Connection: keep-alive, Upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__",
                           b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + self.noise(20).replace(b"\n", b""), b"Accept: text/event-stream",
                           b"Cookie: wtel_session=" + self.noise(60).replace(b"\n", b""), b"Cookie: " + b";" * 99, b"X" * r.randrange(300) + b": y", b": y", b"no colon",
                           b" folded", b"A:\x00", b"Content-Type: application/json", b"Origin: http://x", b"X-Forwarded-For: 127.0.0.1",
                           b"Range: bytes=0-1,5-", b"If-None-Match: *", b"Accept-Encoding: " + self.noise(30).replace(b"\n", b"")], r.randrange(6))
        r.shuffle(lines)
        return lines

    def decent(self):
        """HTTP as it should be, with what is not as it should be in it: for the routes themselves."""
        r = self.random
        method, path, body = r.choice(self.wellformed)
        query = r.choice([b"", b"", b"?limit=%d" % r.randrange(-5, 20000), b"?agentId=" + self.word(), b"?from=" + self.word(), b"?%s=%s" % (self.word(), self.word()),
                          b"?limit=1&limit=1", b"?" + b"&".join(self.word() for _ in range(r.randrange(30)))])
        if r.random() < 0.3:
            path = re.sub(rb"[0-9]+$|[^/]+$", lambda _: self.word() or b"0", path)
        if r.random() < 0.2:
            method = r.choice(self.METHODS[:8])
        if r.random() < 0.5 and body:
            changed = bytearray(body)
            for _ in range(r.randrange(1, 4)):
                changed[r.randrange(len(changed))] = r.choice(b'{}[]":,0\\\x00\xff-e')
            body = bytes(changed)
        return b"%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
            method, path + (query if b"?" not in path else b""), self.secret, len(body), body)

    def word(self):
        r = self.random
        return r.choice([b"", b"%00", b"%", b"%ff", b"1", b"-1", b"9" * 30, b"'", b"..", b"%2e%2e", b"%0d%0aX:y", b";", b"a" * 300, b"%F0%9F%98%80", b"null",
                         b"2025-13-45", b"[]", b"%7b%7d", bytes(r.choice(b"abc019%+_-.~!*'(),;=@&") for _ in range(r.randrange(12)))])

    def request(self):
        if self.random.random() < 0.5:
            return self.decent()
        r = self.random
        kind = r.random()
        if kind < 0.1:
            return self.noise(400)
        body = r.choice(self.bodies + [b"[" * 99, b"\x00", b'{"a":', self.noise(200)])
        path = r.choice(self.paths)
        if r.random() < 0.4:
            path += r.choice([b"?", b"?limit=1&limit=2", b"/../..", b"%00", b"%", b"#", b" x", b";", b"//", self.noise(40), b"?" + b"a" * r.randrange(6000)])
        line = r.choice(self.METHODS[:5] if r.random() < 0.7 else self.METHODS) + b" " + path + b" " + r.choice(
            [b"HTTP/1.1"] * 5 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"", b"HTTP/1.1 x", self.noise(10)])
        end = r.choice([b"\r\n"] * 6 + [b"\n", b"\r"])
        data = end.join([line] + self.headers(body) + [b"", body])
        if kind < 0.25:
            return data[:r.randrange(len(data) + 1)]
        if kind < 0.6:
            changed = bytearray(data)
            for _ in range(r.randrange(1, 8)):
                changed[r.randrange(len(changed))] = r.randrange(256)
            return bytes(changed)
        return data * r.choice([1, 1, 1, 2, 3])


def memory_of(pid):
    with open("/proc/%d/status" % pid) as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def files_of(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def test_ten_thousand_malformed_requests(house, count=10000, clients=8):
    """The server lives, answers the next request as ever, and has kept nothing of them. WTEL_SEED chooses another ten thousand."""
    gateway = house.gateway
    secret = grant(house.database, "agent", 6)
    generator = Generator(int(os.environ.get("WTEL_SEED", "20251025")), secret)
    pending, problems, lock = [generator.request() for _ in range(count)], [], threading.Lock()
    files = files_of(gateway.process.pid)
    before = [house.database.rows("SELECT count(*) FROM " + table) for table in ("trunks", "sip_peers", "wtel_grants")]
    sizes, answers = [], collections.Counter()

    def work():
        while True:
            with lock:
                if not pending or problems:
                    return
                data = pending.pop()
                if len(pending) % 2500 == 0:
                    sizes.append(memory_of(gateway.process.pid))
            try:
                back = raw(gateway.port, data, 20, shut=True)
            except OSError as error:
                problems.append("%r: %s" % (data, error))
                return
            found = re.match(rb"HTTP/1\.[01] (\d\d\d) ", back)
            answers[int(found.group(1)) if found else 0] += 1
            if found and int(found.group(1)) in (500, 502, 504) or back and not found and not back.startswith(b"\x00\x00"):
                problems.append("%r: %r" % (data, back[:300]))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == [] and gateway.process.poll() is None, (problems[:3], gateway.said()[-2000:])
    print(sorted(answers.items()))
    assert sum(answers[status] for status in (200, 403, 404, 405, 409, 422)) > count / 5, "hardly any came through to the routes: %s" % answers
    assert house.admin("GET", "trunks")[0] == 200 and Asker(gateway, as_token(secret))("GET", "calls/active")[0] == 200
    assert gateway.get("/readyz").status == 200
    assert before == [house.database.rows("SELECT count(*) FROM " + table) for table in ("trunks", "sip_peers", "wtel_grants")]
    wait_for(lambda: files_of(gateway.process.pid) <= files + 5, 60, lambda: "%d descriptors, not %d" % (files_of(gateway.process.pid), files))
    assert sizes[-1] < sizes[1] * 1.3 + 4096, "memory grows: %s KiB" % sizes
    assert secret not in gateway.said() + gateway.printed()
