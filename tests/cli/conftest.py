"""Fixtures of the tests of wtelctl on the simulator."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from client import WTELCTL, Client  # noqa: E402


@pytest.fixture
def sim():
    """A simulated Asterisk, fast: its URL."""
    process = subprocess.Popen([WTELCTL, "sim", "--listen", "127.0.0.1:0", "--pickup", "0.1", "--ring", "0.2", "--talk", "1.9",
                                "--registrations", "main=Registered,spare=Registered,down=Rejected"],
                               stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    port = process.stdout.readline().rsplit(":", 1)[1].strip()
    yield "ami://wtel:wtel@127.0.0.1:" + port
    process.terminate()
    assert process.wait(60) == 0, "the simulator did not end well"


@pytest.fixture
def client(sim, database):
    made = Client(sim, database)
    assert made.run("migrate").returncode == 0
    yield made
    made.close()


@pytest.fixture
def offline(database):
    """Without any Asterisk."""
    made = Client(None, database)
    assert made.run("migrate").returncode == 0
    yield made
    made.close()
