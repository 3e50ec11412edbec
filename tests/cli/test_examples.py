"""The C examples, as a reader of the README would run them."""

import os
import signal
import subprocess

import pytest

from client import WTELCTL, Client, wait_for

EXAMPLES = os.path.join(os.path.dirname(WTELCTL), "..", "examples")
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "sessions")


def example(name):
    return os.path.join(EXAMPLES, "example_" + name)


def test_originate(client):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    done = subprocess.run([example("originate"), "1001", "+15550001"], env=client.environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert "through main" in done.stdout and "ANSWERED, 1 s billed" in done.stdout
    assert [call["disposition"] for call in client.calls()] == ["ANSWERED"]
    done = subprocess.run([example("originate"), "1001", "nonsense"], env=client.environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 1 and len(client.calls()) == 1


def test_listen():
    """The pure parser on a captured session, and what it says of a forged one."""
    with open(os.path.join(GOLDEN, "answered.ami"), "rb") as session:
        done = subprocess.run([example("listen")], stdin=session, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0
    assert "DialEnd" in done.stdout and "Hangup" in done.stdout and "forged" not in done.stdout
    with open(os.path.join(GOLDEN, "forged_message.ami"), "rb") as session:
        done = subprocess.run([example("listen")], stdin=session, capture_output=True, text=True, timeout=90)
    assert "(forged, from PJSIP/carrier-raw" in done.stdout


@pytest.mark.parametrize("name", ["poll", "libev"])
def test_loops(client, name, tmp_path):
    client.json("trunk", "add", "main", "--host", "sip.example.com")
    with open(tmp_path / "out", "w") as out:
        process = subprocess.Popen([example(name)], env=client.environment, stdin=subprocess.PIPE, stdout=out)
    read = (tmp_path / "out").read_text
    try:
        wait_for(lambda: "ami:connected" in read(), 60, read)
        call_id = client.json("originate", "1001", "+15550008")["callId"]
        wait_for(lambda: "call:hangup " + call_id in read(), 60, read)
    finally:
        process.stdin.close() if name == "poll" else process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
