"""`wtelctl serve` as a test uses it: curl in front of it, tokens, the platform's tables, documents compared by their shape."""

import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import tempfile
import time

from client import WTELCTL, wait_for

API = "/api/telephony/"

# The tables of the platform around us, as far as we look at them, and who is in them. "letmein" is everybody's password.
USERS = {1: ("admin@example.com", "admin"), 2: ("supervisor@example.com", "supervisor"), 5: ("five@example.com", "agente"),
         6: ("six@example.com", "agente")}
PASSWORD = "letmein"


def bcrypt(password):
    """Made by the system's own crypt(3), as the platform's other programs make theirs."""
    salt = "$2b$04$" + re.sub(r"[^A-Za-z0-9]", "a", base64.b64encode(secrets.token_bytes(18)).decode())[:22]
    done = subprocess.run(["perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, salt], capture_output=True, text=True)
    assert done.stdout.startswith("$2b$04$") and len(done.stdout) == 60, done
    return done.stdout


def make_platform(database):
    """Before `wtelctl migrate`: then what refers to them does."""
    database.execute("CREATE TABLE usuarios (id INTEGER PRIMARY KEY, correo VARCHAR(255), contrasena VARCHAR(255), rol VARCHAR(50), "
                     "estado BOOLEAN)")
    database.execute("CREATE TABLE campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(255))")
    database.execute("CREATE TABLE base_campanas (id INTEGER PRIMARY KEY, nombre VARCHAR(255))")
    hashed = bcrypt(PASSWORD)
    for number, (name, role) in USERS.items():
        database.execute("INSERT INTO usuarios VALUES (%d, '%s', '%s', '%s', TRUE)" % (number, name, hashed, role))
    database.execute("INSERT INTO campanas VALUES (1, 'Sales Q4')")
    database.execute("INSERT INTO base_campanas VALUES (123, 'John Doe')")


def make_keys():
    """What WTEL_SECRET_KEYS may be: with it a phone's password can be given to its owner again."""
    return "k1 " + secrets.token_hex(32)


def make_certificate(directory):
    """For 127.0.0.1 and localhost: (certificate, key); the certificate is its own authority."""
    certificate, key = str(directory / "tls.pem"), str(directory / "tls.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key


class Answer:
    """What curl brought. `headers` have lower-case names; of one that is there twice, the last."""

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.lines = [line for line in headers.replace("\r", "").split("\n") if ":" in line]
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in self.lines)}

    @property
    def json(self):
        assert self.headers.get("content-type", "").startswith("application/json"), (self.status, self.headers, self.body)
        return json.loads(self.body)

    @property
    def error(self):
        """Its code; the form of every failure is looked at here."""
        document = self.json
        assert document["success"] is False and set(document) == {"success", "error"}, document
        assert set(document["error"]) >= {"code", "message", "field"}, document
        return document["error"]["code"]

    def __repr__(self):
        return "%s %s" % (self.status, self.body[:500])


def curl(url, method=None, body=None, headers=(), arguments=(), timeout=90):
    """One request. `body`: JSON of anything, or bytes as they are."""
    command = ["curl", "-sS", "--path-as-is", "--globoff", "-m", str(timeout), *map(str, arguments)]
    if method:
        command += ["-I"] if method == "HEAD" else ["-X", method]
    for name, value in dict(headers).items():
        command += ["-H", "%s: %s" % (name, value)]
    if body is not None:
        command += ["--data-binary", "@-"]
        if not any(name.lower() == "content-type" for name in dict(headers)):
            command += ["-H", "Content-Type: application/json"]
    with tempfile.NamedTemporaryFile("r", newline="") as head, tempfile.NamedTemporaryFile("rb") as data:
        command += ["-D", head.name, "-o", data.name, "-w", "%{http_code}", url]
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        done = subprocess.run(command, capture_output=True, input=sent if body is not None else b"")
        assert done.returncode == 0, (command, done.returncode, done.stderr)
        last = head.read().replace("\r", "").strip().split("\n\n")[-1]
        return Answer(int(done.stdout), last, data.read().decode("utf-8", "replace"))


class Gateway:
    """A running `wtelctl serve` on a free port, with the client's Asterisk and database."""

    def __init__(self, client, *words, scheme="http", listen="127.0.0.1:0", wait=True, **environment):
        self.client, self.database, self.scheme = client, client.database, scheme
        self.errors, self.output = tempfile.NamedTemporaryFile("r"), tempfile.NamedTemporaryFile("r")
        with open(self.errors.name, "w") as errors, open(self.output.name, "w") as output:
            self.process = subprocess.Popen([WTELCTL, "serve", "--listen", listen, *map(str, words)], stdout=output, stderr=errors,
                                            env=dict(client.environment, **environment), stdin=subprocess.DEVNULL)
        client.processes.append(self.process)
        self.port = int(wait_for(self.listening, 60, lambda: "it does not listen: " + self.said()).group(1))
        self.url = "%s://127.0.0.1:%d" % (scheme, self.port)
        self.curl = []  # arguments of each curl
        if wait:
            wait_for(lambda: self.get("/readyz").status == 200, 60, lambda: "not ready: %s %s" % (self.get("/readyz"), self.said()))

    def listening(self):
        assert self.process.poll() is None, "it ended: " + self.said()
        return re.search(r"listening on \S+:(\d+)/", self.said())

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def printed(self):
        self.output.seek(0)
        return self.output.read()

    # ---- asking -------------------------------------------------------------

    def ask(self, method, path, body=None, token=None, headers=(), arguments=(), timeout=90):
        """`path` below /api/telephony/, or whole with a slash before it."""
        headers = dict(headers)
        if token:
            headers["Authorization"] = "Bearer " + token
        return curl(self.url + (path if path.startswith("/") else API + path), method, body, headers, [*self.curl, *arguments], timeout)

    def get(self, path, token=None, **more):
        return self.ask(None, path, token=token, **more)

    def post(self, path, body=None, token=None, **more):
        return self.ask("POST", path, body, token, **more)

    def until(self, path, token, wanted, timeout=60):
        """The first answer of which wanted(document) is true."""
        last = []

        def look():
            last[:] = [self.get(path, token)]
            return last[0] if last[0].status == 200 and wanted(last[0].json) else None

        return wait_for(look, timeout, lambda: "%s never was as wanted: %s" % (path, last))

    def login(self, user, password=PASSWORD):
        """(cookie as a header has it, CSRF token)"""
        answer = self.post("session", {"username": USERS[user][0], "password": password})
        assert answer.status == 200, answer
        return answer.headers["set-cookie"].split(";")[0], csrf_of(answer)

    # ---- ends ---------------------------------------------------------------

    def stop(self, timeout=60):
        """SIGTERM: its exit status."""
        self.process.terminate()
        return self.process.wait(timeout)


def csrf_of(answer):
    """The token that goes with a session, wherever in the document it stands."""
    found = re.search(r'"csrf(?:Token)?"\s*:\s*"([0-9a-f]{64})"', answer.body)
    assert found, answer
    return found.group(1)


def grant(database, role, user=None, name="test", expires=None, revoked=None, kind="token"):
    """A token made in the database itself: what wtelctl cannot make is made so too (an expired one). Times: seconds from now."""
    secret = "wtel_" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")

    def when(seconds):
        return "NULL" if seconds is None else "'%s'" % time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + seconds))

    database.execute("INSERT INTO wtel_grants (kind, hash, user_id, role, name, expires_at, revoked_at) VALUES ('%s', '%s', %s, '%s', "
                     "'%s', %s, %s)" % (kind, hashlib.sha256(secret.encode()).hexdigest(), user or "NULL", role, name, when(expires),
                                        when(revoked)))
    return secret


# ---- documents by their shape -----------------------------------------------

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "rest")


def golden(name, kind="response"):
    with open(os.path.join(GOLDEN, "%s.%s.json" % (name, kind))) as file:
        return json.load(file)


def kind_of(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "text", dict: "object", list: "list", type(None): "null"}[type(value)]


def compare(wanted, there, where="", more=None):
    """What is missing or of another kind, as sentences; `more` (a set) gets the names of what we have beyond it."""
    if kind_of(wanted) != kind_of(there):
        return ["%s is %s, not %s" % (where or "the document", kind_of(there), kind_of(wanted))]
    problems = []
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            place = where + "." + key if where else key
            problems += compare(value, there[key], place, more) if key in there else [place + " is missing"]
        if more is not None:
            more |= {(where + "." if where else "") + key for key in there if key not in wanted}
    elif isinstance(wanted, list):
        if not there:
            problems.append(where + " is empty")
        for item in there:
            problems += compare(wanted[0], item, where + "[]", more)
    return problems
