"""wtelctl serve on the simulator, asked with curl. What each route answers to whom is in test_permissions.py."""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from client import WTELCTL, Client, Postgres, Sqlite, own_address, wait_for
from serve import PASSWORD, USERS, Gateway, compare, csrf_of, golden, grant, make_certificate, make_platform


def start_sim(host="127.0.0.1", port=0, talk="1.9"):
    process = subprocess.Popen([WTELCTL, "sim", "--listen", "%s:%d" % (host, port), "--pickup", "0.1", "--ring", "0.2", "--talk", talk,
                                "--registrations", "main=Registered"], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    return process, int(process.stdout.readline().rsplit(":", 1)[1])


@pytest.fixture
def served(sim, tmp_path):
    """The client behind a gateway: an empty database with the platform's tables."""
    database = Sqlite(tmp_path)
    make_platform(database)
    client = Client(sim, database)
    assert client.run("migrate").returncode == 0
    client.json("trunk", "add", "main", "--host", "sip.example.com", "--max-channels", 100)
    yield client
    client.close()


@pytest.fixture
def standing(served):
    """The same with calls that last until somebody hangs up."""
    sim, port = start_sim(talk="900")
    served.environment["WTEL_AMI"] = "ami://wtel:wtel@127.0.0.1:%d" % port
    yield served
    served.close()
    sim.terminate()
    assert sim.wait(60) == 0


HTTP = ("--http1.1", "--http2-prior-knowledge")


@pytest.fixture(params=HTTP, ids=["1.1", "2"])
def gateway(served, request):
    made = Gateway(served, "--access-log")
    made.curl = [request.param]
    yield made
    assert made.stop() == 0, made.said()


def dial(gateway, token, end="01", extension="1001", **more):
    answer = gateway.post("call/originate", dict(more, agentExtension=extension, customerPhone="+155500" + end), token)
    assert answer.status == 200, answer
    return answer.json["data"]["callId"]


def ended(gateway, token, call_id):
    return gateway.until("calls/" + call_id, token, lambda document: document["call"]["endTime"]).json["call"]


# ---- who asks -----------------------------------------------------------------


def test_tokens(gateway, served):
    made = served.run("token", "create", "--role", "supervisor", "--name", "backoffice", "--json")
    assert made.returncode == 0, made.stderr
    token = re.search(r"wtel_[A-Za-z0-9_-]{43}", made.stdout).group(0)
    assert gateway.get("status", token).status == 200
    assert token not in str(served.database.rows("SELECT * FROM wtel_grants")), "the secret itself is stored"
    listed = served.run("token", "list", "--json").stdout
    assert "backoffice" in listed and token not in listed
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), "wtel_", token + "A", "x" * 48):
        answer = gateway.get("status", headers={"Authorization": "Bearer " + wrong})
        assert answer.status == 401 and answer.error and "www-authenticate" in answer.headers, (wrong, answer)
    assert gateway.get("status").status == 401
    # In HTTP/2 no value ends with a space (RFC 9113, 8.2.1).
    assert gateway.get("status", headers={"Authorization": "Bearer "}).status == (401 if "--http1.1" in gateway.curl else 400)
    assert gateway.get("status", headers={"Authorization": "Basic " + token}).status == 401
    number = json.loads(listed)["tokens"][0]["id"]
    assert served.run("token", "revoke", str(number)).returncode == 0
    time.sleep(1)
    assert gateway.get("status", token).status == 401, "a revoked token is good for more than a second"
    assert token not in gateway.said() + gateway.printed()


def test_login(gateway, served):
    answer = gateway.post("session", {"username": USERS[5][0], "password": PASSWORD})
    assert answer.status == 200, answer
    cookie = answer.headers["set-cookie"]
    assert re.match(r"wtel_session=\S+; ", cookie), cookie
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/api/telephony"} <= parts and "secure" not in parts, cookie
    headers, csrf = {"Cookie": cookie.split(";")[0]}, csrf_of(answer)
    who = gateway.get("session", headers=headers)
    assert who.status == 200 and csrf_of(who) == csrf and '"agent"' in who.body and "5" in who.body, who
    assert gateway.get("calls/active", headers=headers).status == 200
    assert gateway.get("trunks", headers=headers).status == 403
    call = {"agentExtension": "1001", "customerPhone": "+15550008"}
    for refused in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": csrf[:-1]}):
        assert gateway.post("call/originate", call, headers=dict(headers, **refused)).status == 403
    allowed = dict(headers, **{"X-CSRF-Token": csrf})
    answer = gateway.post("call/originate", call, headers=allowed)
    assert answer.status == 200 and answer.json["data"]["call"]["agentId"] == 5
    assert gateway.ask("DELETE", "session", headers=headers).status == 403, "logged out by another site"
    assert gateway.ask("DELETE", "session", headers=allowed).status in (200, 204)
    assert gateway.get("session", headers=headers).status == 401
    assert gateway.get("calls/active", headers=headers).status == 401
    assert PASSWORD not in gateway.said() + gateway.printed() and "wtel_session=wtel_" not in gateway.said() + gateway.printed()


def test_who_may_not_log_in(gateway):
    wrong = gateway.post("session", {"username": USERS[5][0], "password": "wrong"})
    nobody = gateway.post("session", {"username": "nobody@example.com", "password": PASSWORD})
    assert wrong.status == nobody.status == 401 and wrong.body == nobody.body, "who exists is told"
    for body in ({}, {"username": "x"}, {"username": 1, "password": 2}, {"username": "", "password": ""}, [1], b"{", b"",
                 {"username": "x" * 5000, "password": "y" * 5000}, {"username": "' OR 1=1 --", "password": "x"}):
        answer = gateway.post("session", body)
        assert answer.status in (400, 401, 413, 422, 429) and answer.error, (body, answer)
        assert "set-cookie" not in answer.headers


def test_logins_are_limited(served):
    gateway = Gateway(served, "--login-rate", 3)
    found = [gateway.post("session", {"username": USERS[5][0], "password": "wrong"}) for _ in range(6)]
    assert found[0].status == 401 and found[-1].status == 429, found
    assert int(found[-1].headers["retry-after"]) >= 1 and found[-1].error


def test_rates_are_limited(served):
    gateway = Gateway(served, "--user-rate", 5, "--address-rate", 5)
    token = grant(served.database, "admin")

    def many(token):
        """In one piece, so that they come at once whatever holds the client up."""
        header = b"Authorization: Bearer %s\r\n" % token.encode() if token else b""
        with socket.create_connection(("127.0.0.1", gateway.port), 60) as connection:
            connection.sendall(b"GET /api/telephony/status HTTP/1.1\r\nHost: x\r\n%s\r\n" % header * 99 +
                               b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", connection.makefile("rb").read())][:-1]

    for found, wanted in ((many(token), {200, 429}), (many(None), {401, 429})):
        assert len(found) == 99 and set(found) == wanted, found
    time.sleep(1.1)
    assert gateway.get("status", token).status == 200, "another's requests count against whoever has a token"


def test_sessions_end(served):
    gateway = Gateway(served, "--session", 3)

    def fresh():
        """A session that was good; None: one that may have been over before it was used, for the machine was slow."""
        began = time.monotonic()
        cookie, _ = gateway.login(5)
        status = gateway.get("session", headers={"Cookie": cookie}).status
        assert status == 200 or time.monotonic() - began >= 3, status
        return cookie if status == 200 else None

    cookie = wait_for(fresh, 60, "no session was ever good")
    time.sleep(4.1)
    assert gateway.get("session", headers={"Cookie": cookie}).status == 401


# ---- calls --------------------------------------------------------------------


def test_a_call_from_its_beginning_to_its_record(gateway, served):
    token, six = grant(served.database, "agent", 5), grant(served.database, "agent", 6)
    standing = dial(gateway, six, end="03", campaignId=1, leadId=123)  # for half a minute: long enough to be looked at
    active = gateway.until("calls/active", six, lambda document: document["count"] == 1)
    assert compare(golden("calls-active"), active.json) == []
    assert gateway.post("call/hangup", {"callId": standing}, six).status == 200
    call_id = dial(gateway, token, campaignId=1, leadId=123)
    call = ended(gateway, token, call_id)
    assert call["disposition"] == "ANSWERED" and call["agentId"] == 5
    history = gateway.get("calls/history?limit=50&offset=0", token)
    assert compare(golden("calls-history"), history.json) == []
    stats = gateway.get("calls/stats?startDate=2025-10-01", token)
    assert compare(golden("calls-stats"), stats.json) == [] and stats.json["stats"]["totalCalls"] == 1
    audited = served.database.rows("SELECT user_id, method, path, status FROM wtel_audit")
    assert (5, "POST", "/api/telephony/call/originate", 200) in audited, audited
    lines = [line for line in gateway.printed().splitlines() if "call/originate" in line]
    assert len(lines) == 2 and all("POST" in line and "200" in line for line in lines) and token not in gateway.printed()


def test_twenty_at_once(gateway, served):
    token = grant(served.database, "admin")
    paths = ["status", "calls/active", "calls/history", "trunks", "sip/peers"] * 4

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda path: gateway.get(path, token), paths))
    assert [answer.status for answer in found] == [200] * 20
    assert all(answer.json["success"] for answer in found)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        calls = list(pool.map(lambda n: dial(gateway, token, extension=str(1001 + n)), range(20)))
    assert len(set(calls)) == 20
    gateway.until("calls/history", token, lambda document: sum(bool(call["endTime"]) for call in document["calls"]) == 20)


class Events:
    """curl -N on the stream of events, and what it has heard."""

    def __init__(self, gateway, token, *arguments):
        self.process = subprocess.Popen(["curl", "-isSN", "-m", "300", "-H", "Authorization: Bearer " + token, "-H",
                                         "Accept: text/event-stream", *gateway.curl, *arguments, gateway.url + "/api/telephony/events"],
                                        stdout=subprocess.PIPE, text=True)
        while self.process.stdout.readline().strip():
            pass  # the head: from here on it hears

    def until(self, name):
        """Events up to the first of that name: (id, document)."""
        heard, number = [], None
        for line in self.process.stdout:
            if line.startswith("id:"):
                number = line[3:].strip()
            if line.startswith("data:"):
                heard.append((number, json.loads(line[5:])))
                if heard[-1][1]["event"] == name:
                    return heard
        raise AssertionError("%s was not heard: %s" % (name, heard))

    def close(self):
        self.process.kill()
        self.process.communicate()


def test_events_by_curl(gateway, served):
    five, six = grant(served.database, "agent", 5), grant(served.database, "agent", 6)
    own, others = Events(gateway, five), Events(gateway, six)
    first = dial(gateway, five)
    heard = own.until("call:hangup")
    names = [event["event"] for _, event in heard]
    assert [name for name in names if name.startswith("call:")][0] == "call:new" and "call:answered" in names
    assert all(event["data"]["call"]["callId"] == first for _, event in heard if event["event"].startswith("call:"))
    assert all(set(event) >= {"id", "event", "time", "data"} and event["id"] == number for number, event in heard)
    second = dial(gateway, six)
    theirs = others.until("call:hangup")
    assert {event["data"]["call"]["callId"] for _, event in theirs if event["event"].startswith("call:")} == {second}, "another's call was told"
    answered = next(number for number, event in heard if event["event"] == "call:answered")
    own.close()
    own = Events(gateway, five, "-H", "Last-Event-ID: " + answered)
    again = own.until("call:hangup")
    assert [number for number, _ in again] == [number for number, _ in heard[names.index("call:answered") + 1:]]
    own.close()
    others.close()


# ---- what keeps it running ----------------------------------------------------


def test_figures_and_health(gateway, served):
    admin, agent = grant(served.database, "admin"), grant(served.database, "agent", 5)
    assert gateway.get("/healthz").status == 200 and gateway.get("/readyz").status == 200
    assert gateway.get("/metrics").status == 401 and gateway.get("/metrics", agent).status == 403
    ended(gateway, agent, dial(gateway, agent))
    metrics = gateway.get("/metrics", admin)
    assert metrics.status == 200 and metrics.headers["content-type"].startswith("text/plain")
    names = set()
    for line in metrics.body.splitlines():
        assert re.match(r'^(# (HELP|TYPE) \w+ .+|[a-zA-Z_]\w*(\{(\w+="([^"\\]|\\.)*",?)*\})? -?[0-9.eE+naNIif-]+)$', line), line
        if not line.startswith("#"):
            names.add(re.match(r"\w+", line).group(0))
    assert len(names) > 8 and all(name.startswith(("wtel_", "process_")) for name in names), names
    assert not re.search(r"wtel_[A-Za-z0-9_-]{43}\b", metrics.body)


def test_metrics_without_a_token(served):
    gateway = Gateway(served, "--metrics-from", "127.0.0.1")
    assert gateway.get("/metrics").status == 200


def test_ready_follows_asterisk(tmp_path):
    database, host = Sqlite(tmp_path), own_address()
    sim, port = start_sim(host)
    client = Client("ami://wtel:wtel@%s:%d" % (host, port), database)
    try:
        assert client.run("migrate").returncode == 0
        gateway = Gateway(client)
        token = grant(database, "admin")
        sim.terminate()
        assert sim.wait(60) == 0
        wait_for(lambda: gateway.get("/readyz").status == 503, 60, "ready without Asterisk")
        assert gateway.get("/healthz").status == 200
        assert gateway.get("status", token).json["status"]["connected"] is False
        assert gateway.post("call/originate", {"agentExtension": "1001", "customerPhone": "+15550001"}, token).status == 503
        sim, _ = start_sim(host, port)
        wait_for(lambda: gateway.get("/readyz").status == 200, 90, "not ready again")
        assert gateway.stop() == 0
    finally:
        sim.kill()
        sim.wait()
        client.close()


def test_starts_without_asterisk(tmp_path):
    client = Client("ami://wtel:topsecret@127.0.0.1:1", Sqlite(tmp_path))
    try:
        gateway = Gateway(client, wait=False)
        assert gateway.get("/healthz").status == 200 and gateway.get("/readyz").status == 503
        assert "topsecret" not in gateway.get("/readyz").body + gateway.said()
        assert gateway.stop() == 0
    finally:
        client.close()


# ---- the end ------------------------------------------------------------------


@pytest.mark.parametrize("http", HTTP)
def test_a_stop_in_the_middle_of_calls(standing, http):
    """No new request is taken; each call's record is finished."""
    gateway = Gateway(standing, "--drain", 300)
    gateway.curl = [http]
    token = grant(standing.database, "admin")
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        calls = list(pool.map(lambda n: dial(gateway, token, extension=str(1001 + n)), range(5)))
        gateway.until("calls/active", token, lambda document: [call["stateName"] for call in document["calls"]] == ["answered"] * 5)
        time.sleep(1.5)  # of which a second is billed
        reader = Events(gateway, token)
        gateway.process.terminate()
        wait_for(lambda: refused(gateway.port), 60, "it still listens")
        assert gateway.process.poll() is None, "it did not wait for the calls"
        # What they wait for is their end and nothing else: it comes from another process.
        assert {done.returncode for done in pool.map(lambda call: standing.run("hangup", call), calls)} == {0}
    assert gateway.process.wait(60) == 0
    assert reader.process.wait(60) in (0, 18, 56), "the reader of events was not let go"
    rows = standing.database.rows("SELECT call_id, disposition, billsec, end_time FROM calls")
    assert {row[0] for row in rows} == set(calls)
    assert all(row[1] == "ANSWERED" and row[2] >= 1 and row[3] for row in rows), rows
    assert "5 calls are under way" in gateway.said() and gateway.said().rstrip().endswith("stopped")


def refused(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 60).close()
    except ConnectionRefusedError:
        return True
    return False


@contextlib.contextmanager
def locked(database):
    """While it lasts, whoever asks whose token that is waits: PostgreSQL is slow. Yields how many wait."""
    def count(granted):
        return int(database.rows("SELECT count(*) FROM pg_locks WHERE relation = 'wtel_grants'::regclass AND %s" % granted)[0][0])

    with subprocess.Popen(["psql", "-X", "-q", database.url], stdin=subprocess.PIPE, text=True) as holder:
        holder.stdin.write("BEGIN; LOCK TABLE wtel_grants;\n")
        holder.stdin.flush()
        wait_for(lambda: count("granted"), 60, "the table is not locked")
        yield lambda: count("NOT granted")
        holder.stdin.close()  # and with it the transaction


@pytest.fixture
def on_postgres(sim):
    if not os.environ.get("WTEL_TEST_PG"):
        pytest.skip("WTEL_TEST_PG names no PostgreSQL server")
    database = Postgres(os.environ["WTEL_TEST_PG"])
    make_platform(database)
    client = Client(sim, database)
    assert client.run("migrate").returncode == 0
    yield client
    client.close()
    database.drop()


@pytest.mark.parametrize("http", HTTP)
def test_an_answer_of_a_slow_database_counts(on_postgres, http):
    """However long it took, and whoever logs out meanwhile."""
    gateway = Gateway(on_postgres)
    gateway.curl = [http]
    token = grant(on_postgres.database, "admin")
    cookie, csrf = gateway.login(5)
    session = {"Cookie": cookie, "X-CSRF-Token": csrf}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert gateway.get("session", headers=session).status == 200  # known, for a moment: its logout does not wait to be known
        with locked(on_postgres.database) as waiting:
            asked = pool.submit(gateway.get, "status", token)
            wait_for(waiting, 60, "nobody waits for the database")
            logout = pool.submit(gateway.ask, "DELETE", "session", None, None, session)
            time.sleep(1.2)
        assert asked.result(60).status == 200, asked.result()
        assert logout.result(60).status == 200, logout.result()
    assert gateway.get("session", headers=session).status == 401
    assert gateway.stop() == 0


@pytest.mark.parametrize("words, number", [((), signal.SIGINT), (("--drain", "0"), signal.SIGTERM)])
def test_a_stop_that_does_not_wait(served, words, number):
    """A second signal, or no patience: the call goes on, and the next process writes its end."""
    gateway = Gateway(served, *words)
    token = grant(served.database, "admin")
    call_id = dial(gateway, token, end="03")
    gateway.until("calls/active", token, lambda document: document["count"] == 1)
    gateway.process.send_signal(number)
    if not words:
        wait_for(lambda: refused(gateway.port), 60, "it still listens")
        assert gateway.process.poll() is None
        gateway.process.send_signal(number)
    assert gateway.process.wait(60) == 0 and "1 calls go on" in gateway.said(), gateway.said()
    assert served.open_rows() == 1
    again = Gateway(served)
    wait_for(lambda: again.post("call/hangup", {"callId": call_id}, token).status == 200, 60, "the call is not there")
    assert ended(again, token, call_id)["disposition"] in ("CANCELLED", "NO ANSWER")
    assert again.stop() == 0


def test_a_stop_waits_for_its_own_calls_only(served):
    """Two processes watch one Asterisk: a call is waited for by the one that began it."""
    other, mine = Gateway(served), Gateway(served)
    token = grant(served.database, "admin")
    call_id = dial(mine, token, end="03")
    for gateway in (mine, other):
        gateway.until("calls/active", token, lambda document: document["count"] == 1)
    wait_for(lambda: served.open_rows() == 1, 60, "it is not in the database")
    other.process.terminate()
    assert other.process.wait(60) == 0 and "1 calls go on" in other.said(), other.said()
    mine.process.terminate()
    wait_for(lambda: refused(mine.port), 60, "it still listens")
    time.sleep(0.5)
    assert mine.process.poll() is None, "it did not wait for " + call_id
    mine.process.terminate()
    assert mine.process.wait(60) == 0


def knock(address, times):
    """Requests one behind the other on one connection; each is answered."""
    with socket.create_connection(address, 60) as connection:
        request, answers = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 0
        for _ in range(times // 50):
            connection.sendall(request * 50)
            got = b""
            while got.count(b"HTTP/1.1 200") < 50 or not got.endswith(b"}"):
                piece = connection.recv(65536)
                assert piece, got[-500:]
                got += piece
            answers += got.count(b"HTTP/1.1 200")
    return answers


class Stuck:
    """A gateway on a pipe that is full and that nobody reads."""

    def __init__(self, client, stderr):
        with socket.create_server((own_address(), 0)) as free:
            self.address = free.getsockname()
        self.reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writer, b"x" * 4095 + b"\n")
        self.process = subprocess.Popen([WTELCTL, "serve", "--listen", "%s:%d" % self.address, "--access-log", "--drain", "0"],
                                        stdout=writer, stderr=stderr or writer, env=client.environment, stdin=subprocess.DEVNULL)
        os.close(writer)
        client.processes.append(self.process)
        wait_for(lambda: not refused(self.address[1], self.address[0]), 60, "it does not listen")


def test_a_log_that_nobody_reads_stops_nothing(served, tmp_path):
    """Lines wait, then they are counted, and nothing is lost that was not told."""
    with open(tmp_path / "errors", "w") as errors:
        stuck = Stuck(served, errors)
    assert knock(stuck.address, 10000) == 10000
    with os.fdopen(stuck.reader) as pipe, concurrent.futures.ThreadPoolExecutor(1) as pool:
        text = pool.submit(pipe.read)
        assert knock(stuck.address, 50) == 50
        stuck.process.terminate()
        assert stuck.process.wait(60) == 0
        text = text.result(60)
    lost = [int(number) for number in re.findall(r"(\d+) lines were lost", text)]
    assert lost and text.count("GET /healthz 200") + sum(lost) == 10050, (lost, text.count("GET /healthz 200"))
    assert (tmp_path / "errors").read_text().rstrip().endswith("stopped")


def test_a_log_that_nobody_will_read_does_not_stop_the_end(served):
    stuck = Stuck(served, None)
    assert knock(stuck.address, 10000) == 10000
    stuck.process.terminate()
    assert stuck.process.wait(60) == 0
    os.close(stuck.reader)


# ---- TLS, and where it listens ------------------------------------------------


def test_tls(served, tmp_path):
    certificate, key = make_certificate(tmp_path)
    gateway = Gateway(served, "--cert", certificate, "--key", key, scheme="https", wait=False)
    assert "https://127.0.0.1" in gateway.said() and "WARNING" not in gateway.said()
    gateway.curl = ["--cacert", certificate]
    wait_for(lambda: gateway.get("/readyz").status == 200, 60, gateway.said)
    token = grant(served.database, "admin")
    for words, version in (("--http1.1", "1.1"), ("--http2", "2"), ("--no-alpn", "1.1")):
        done = subprocess.run(["curl", "-sS", "-m", "90", words, "--cacert", certificate, "-w", " %{http_version}", gateway.url + "/healthz"],
                              capture_output=True, text=True)
        assert done.stdout == '{"status":"ok"} ' + version, done
        answer = gateway.get("status", token, arguments=[words])
        assert answer.status == 200 and answer.json["success"] and "strict-transport-security" in answer.headers
    for offered, chosen in (("h2", "h2"), ("http/1.1", "http/1.1"), ("http/1.1,h2", "h2"), ("spdy/1", None)):
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % gateway.port, "-alpn", offered], capture_output=True,
                              text=True, input="", timeout=90)
        assert ("ALPN protocol: %s\n" % chosen in done.stdout) if chosen else "no application protocol" in done.stderr, (offered, done)
    assert gateway.post("call/originate", {"agentExtension": "1001", "customerPhone": "+15550001"}, token,
                        arguments=["--http2"]).status == 200
    answer = gateway.post("session", {"username": USERS[5][0], "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()
    plain = subprocess.run(["curl", "-s", "-m", "5", "http://127.0.0.1:%d/healthz" % gateway.port], capture_output=True, text=True)
    assert plain.returncode or not plain.stdout.startswith("{\"success\":true")
    old = subprocess.run(["curl", "-s", "-m", "5", "--cacert", certificate, "--tls-max", "1.1", gateway.url + "/healthz"])
    assert old.returncode, "TLS 1.1"
    assert gateway.get("/healthz").status == 200
    assert gateway.stop() == 0


def test_usage(served, tmp_path):
    certificate, key = make_certificate(tmp_path)
    for words, named in ((("--cert", certificate), "--key"), (("--listen", "nowhere"), "--listen"), (("--listen", "127.0.0.1:x"), "--listen"),
                         (("--listen", "127.0.0.1:70000"), "--listen"), (("--user-rate", "99999999"), "rate"), (("word",), "usage"),
                         (("--cert", "/nonexistent", "--key", key, "--listen", "127.0.0.1:0"), "cert"),
                         (("--cert", certificate, "--key", certificate, "--listen", "127.0.0.1:0"), "key")):
        done = served.run("serve", *words, timeout=90)
        assert done.returncode in (1, 2) and named in done.stderr, (words, done)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = served.run("serve", "--listen", "127.0.0.1:%d" % taken.getsockname()[1], timeout=90)
        assert done.returncode == 1 and "listening on" not in done.stderr, done
    # An address that is nobody's: it warns before it fails.
    done = served.run("serve", "--listen", "192.0.2.1:0", timeout=90)
    assert done.returncode == 1 and "WARNING" in done.stderr and "in the clear" in done.stderr, done
    done = served.run("serve", WTEL_LISTEN="nowhere", timeout=90)
    assert done.returncode == 2 and "nowhere" in done.stderr
    for days in ("x", "-1", "40000"):
        done = served.run("serve", WTEL_AUDIT_DAYS=days, timeout=90)
        assert done.returncode == 2 and "audit" in done.stderr.lower(), done


def test_the_unit():
    """The example starts what there is, with options that there are."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(root + "/examples/systemd/wtel.service") as unit, open(root + "/cli/wtelctl.1") as page:
        text, manual = unit.read(), page.read()
    for name in re.findall(r"\b(WTEL_\w+)=", text):
        assert name in manual, name
    for wanted in ("DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "LoadCredential=key.pem", "CapabilityBoundingSet=\n"):
        assert wanted in text
