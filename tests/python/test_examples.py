"""The README's programs and the wallboard, as a reader would run them."""

import os
import re
import signal
import subprocess
import sys

import pytest
from client import Client, wait_for
from conftest import HERE

ROOT = os.path.join(HERE, "..", "..")


@pytest.fixture
def client(database, sim):
    made = Client(sim.url, database)
    assert made.run("migrate").returncode == 0
    made.json("trunk", "add", "main", "--host", "sip.example.com", "--no-registration")
    yield made
    made.close()


def programs():
    with open(os.path.join(ROOT, "bindings", "python", "README.md")) as file:
        return re.findall(r"```python\n(.*?)```", file.read(), re.S)


@pytest.mark.parametrize("number", [0, 1])
def test_readme(client, number):
    done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", programs()[number]], env=client.environment, capture_output=True, text=True, timeout=120)
    # In its development mode asyncio tells what took a tenth of a second, as anything may on a busy machine.
    told = [line for line in done.stderr.splitlines() if not re.match(r"Executing <.* took [\d.]+ seconds$", line)]
    assert (done.returncode, done.stdout, told) == (0, "ANSWERED\n", [])


@pytest.mark.sim("--talk", "600")
def test_wallboard(client, tmp_path):
    client.json("peer", "create", "--user-id", 1, "--first-name", "Ana", "--last-name", "Ruiz")
    with open(tmp_path / "out", "w") as out:
        process = subprocess.Popen([sys.executable, "-X", "dev", "-W", "error", os.path.join(ROOT, "examples", "asyncio", "wallboard.py")],
                                   env=client.environment, stdout=out, stderr=subprocess.STDOUT)
    read = (tmp_path / "out").read_text
    try:
        wait_for(lambda: re.search(r"(?m)^main +active +0/10", read()) and re.search(r"(?m)^1001 ", read()), 60, read)
        caller = client.start("originate", "1001", "+15550001")
        # Agent, trunk and call on one board, while it is answered.
        wait_for(lambda: re.search(r"1 calls, 1 answered(.|\n)*^1001 .*\+15550001 answered(.|\n)*^main .* 1/10(.|\n)*"
                                   r"^\d:\d\d +1001 +\+15550001 +answered", read(), re.M), 60, read)
        (call,) = client.calls()
        client.json("hangup", call["callId"])
        caller.communicate(timeout=60)
        assert [call["disposition"] for call in client.calls()] == ["ANSWERED"]
        wait_for(lambda: re.search(r"0 calls, 0 answered\ntoday: 1 calls, 100.00 % answered", read()), 60, read)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, read()


def test_wallboard_with_a_bad_address(tmp_path):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "examples", "asyncio", "wallboard.py")], capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, WTEL_AMI="ami://u:hunter2@127.0.0.1:1,", WTEL_DB="sqlite:%s/x.db" % tmp_path))
    assert done.returncode == 1 and done.stderr.startswith("wallboard: ") and "hunter2" not in done.stderr
