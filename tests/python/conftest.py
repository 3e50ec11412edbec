"""Fixtures of the Python package's tests: on the simulator, and on the real Asterisk where it can run.

The package is the one that `import wtel` finds (tests/bindings.sh installs it); WTELCTL names the simulator.
"""

import asyncio
import faulthandler
import os
import socket
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "real"), os.path.join(HERE, "..", "tools")]
from client import WTELCTL  # noqa: E402

import wtel  # noqa: E402

faulthandler.enable()


class Simulator:
    """`wtelctl sim`, fast; stop() and start() on the same port."""

    def __init__(self, *words):
        self.words, self.port = words, 0
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [WTELCTL, "sim", "--listen", "127.0.0.1:%d" % self.port, "--pickup", "0.05", "--ring", "0.1", "--talk", "0.5",
             "--registrations", "main=Registered", *self.words], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        # It runs, and so ends as it should, once it greets.
        with socket.create_connection(("127.0.0.1", self.port), 10) as client:
            assert client.recv(64).startswith(b"Asterisk Call Manager")
        self.url = "ami://wtel:wtel@127.0.0.1:%d" % self.port

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0, "the simulator did not end well"
        self.process.stdout.close()


@pytest.fixture
def sim(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("WTEL_AMI", "WTEL_DB", "ASTERISK_", "DB_")):
            monkeypatch.delenv(name)
    simulator = Simulator()
    yield simulator
    simulator.stop()


async def ready(telephony, trunks=1):
    """Once the service has heard of its trunks."""
    for _ in range(400):
        if len(await telephony.explain()) == trunks:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the trunks were not heard of")


@pytest.fixture
def play(database, sim):
    """play(scene): runs `await scene(telephony)` with one trunk, "main", in a database of its own."""

    def run(scene, **options):
        async def main():
            async with wtel.Telephony(sim.url, database.url, **dict({"migrate": True}, **options)) as telephony:
                await telephony.trunk_add("main", "sip.example.com", needs_registration=False)
                await ready(telephony)
                return await scene(telephony)

        return asyncio.run(asyncio.wait_for(main(), 60))

    return run
