"""HTTP/2 as others speak it: Node.js on one connection, in the clear and over TLS. What curl asks is in test_serve.py."""

import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from client import Client, Sqlite, wait_for
from serve import Gateway, grant, make_certificate, make_platform

CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "http2.mjs")


@pytest.fixture(params=["http", "https"])
def gateway(sim, tmp_path, request):
    database = Sqlite(tmp_path)
    make_platform(database)
    client = Client(sim, database)
    assert client.run("migrate").returncode == 0
    client.json("trunk", "add", "main", "--host", "sip.example.com", "--max-channels", 100)
    certificate, key = make_certificate(tmp_path)
    words = ("--cert", certificate, "--key", key) if request.param == "https" else ()
    made = Gateway(client, "--user-rate", 0, *words, scheme=request.param, wait=False)
    made.curl, made.certificate = ["--cacert", certificate], certificate
    wait_for(lambda: made.get("/readyz").status == 200, 60, made.said)
    yield made
    if made.process.poll() is None:
        assert made.stop() == 0, made.said()
    client.close()


def start(gateway, what):
    return subprocess.Popen(["node", CLIENT, gateway.url, grant(gateway.database, "admin"), what], stdout=subprocess.PIPE, text=True,
                            env=dict(os.environ, NODE_EXTRA_CA_CERTS=gateway.certificate))


def finish(process):
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return json.loads(said.splitlines()[-1])


def test_many_on_one_connection(gateway):
    found = finish(start(gateway, "many"))
    assert found["statuses"] == ([200] * 6 + [404]) * 100 and found["goaway"] is None
    documents = found["documents"][:7]
    assert [name in keys.split(",") for name, keys in zip(("status", "calls", "calls", "trunks", "sipPeers", "stats", "error"), documents)] == [True] * 7, documents
    assert found["documents"] == documents * 100, "an answer was another's"


def test_events_beside_requests(gateway):
    found = finish(start(gateway, "events"))
    assert found["status"] == 200 and found["same"], found
    assert "event: call:answered" in found["names"] and found["names"][-1] == "event: call:hangup"


def test_a_stop_answers_what_was_asked(gateway):
    process = start(gateway, "stop")
    assert process.stdout.readline() == "ready\n"
    gateway.process.send_signal(signal.SIGTERM)
    found = finish(process)
    assert found["goaway"] == 0 and found["closed"] and found["status"] == 200 and "error" not in found, found
    assert gateway.process.wait(60) == 0


def test_a_slow_reader_gets_a_long_answer_whole(gateway):
    """More than any buffer on the way holds; others are answered meanwhile."""
    token = grant(gateway.database, "admin")
    gateway.database.execute("INSERT INTO trunks (name, provider, host, description) VALUES ('long', 'custom', 'sip.example.com', "
                             "hex(randomblob(6000000)))")
    wait_for(lambda: len(gateway.get("trunks", token).body) > 12000000, 60, "the trunk is not there")
    wanted = gateway.database.rows("SELECT description FROM trunks WHERE name = 'long'")[0][0]
    for version in ("--http1.1", "--http2-prior-knowledge" if gateway.scheme == "http" else "--http2"):
        slow = subprocess.Popen(["curl", "-sS", "-m", "250", version, *gateway.curl, "--limit-rate", "8M", "-H", "Authorization: Bearer " + token,
                                 gateway.url + "/api/telephony/trunks"], stdout=subprocess.PIPE, text=True)
        assert gateway.get("/healthz", timeout=60).status == 200
        said = slow.communicate(timeout=300)[0]
        assert slow.returncode == 0, version
        assert {one["name"]: one["description"] for one in json.loads(said)["trunks"]}["long"] == wanted, (version, said[:300])


def test_a_websocket_beside_it(gateway):
    """HTTP/2 offers none (RFC 8441): a browser opens a connection of HTTP/1.1 for it, and ends it with a close frame."""
    context = ssl.create_default_context(cafile=gateway.certificate)
    context.set_alpn_protocols(["http/1.1"])
    token = grant(gateway.database, "admin")
    with socket.create_connection(("127.0.0.1", gateway.port), 60) as connection:
        if gateway.scheme == "https":
            connection = context.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(b"GET /api/telephony/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: Upgrade\r\n"
                           b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % token.encode())
        stream = connection.makefile("rb")
        head = iter(lambda: stream.readline().strip(), b"")
        assert next(head) == b"HTTP/1.1 101 Switching Protocols"
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in list(head)
        assert gateway.post("call/originate", {"agentExtension": "1001", "customerPhone": "+15550001"}, token).status == 200
        first, length = stream.read(2)
        if length >= 126:
            length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
        assert first == 0x81 and json.loads(stream.read(length))["event"]
        connection.sendall(bytes([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]))
        assert stream.read().endswith(b"\x88\x02\x03\xe8")
    # Without a close_notify, TLS would raise here: a truncated answer.
    with socket.create_connection(("127.0.0.1", gateway.port), 60) as connection:
        if gateway.scheme == "https":
            connection = context.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        stream = connection.makefile("rb")
        assert stream.read().endswith(b'{"status":"ok"}')
