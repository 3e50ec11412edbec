"""Fixtures of the Python package's tests: on the simulator, and on the real Asterisk where it can run.

The package is the one that `import wtel` finds (tests/bindings.sh installs it); WTELCTL names the simulator.
"""

import asyncio
import faulthandler
import inspect
import os
import random
import socket
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "real"), os.path.join(HERE, "..", "tools")]
from client import WTELCTL  # noqa: E402

import wtel  # noqa: E402

faulthandler.enable()


def pytest_configure(config):
    config.addinivalue_line("markers", "sim(*words): options of the simulator")


class Simulator:
    """`wtelctl sim`, fast; stop() and start() on the same port."""

    def __init__(self, *words):
        self.words = words
        # Below the ports that the kernel gives to whoever asks for any: nobody takes it between stop() and start().
        for self.port in random.sample(range(7500, 10000), 100):
            if self.start():
                return
        raise AssertionError("no free port")

    def start(self):
        self.process = subprocess.Popen(
            [WTELCTL, "sim", "--listen", "127.0.0.1:%d" % self.port, "--pickup", "0.05", "--ring", "0.1", "--talk", "0.5",
             "--registrations", "main=Registered", *self.words], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        if not self.process.stdout.readline():
            self.process.wait()
            return False
        # It runs, and so ends as it should, once it greets.
        with socket.create_connection(("127.0.0.1", self.port), 60) as client:
            assert client.recv(64).startswith(b"Asterisk Call Manager")
        self.url = "ami://wtel:wtel@127.0.0.1:%d" % self.port
        return True

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, "the simulator did not end well"
        self.process.stdout.close()


@pytest.fixture
def sim(monkeypatch, request):
    """With the words of the test's mark, @pytest.mark.sim("--talk", "600")."""
    for name in list(os.environ):
        if name.startswith(("WTEL_AMI", "WTEL_DB", "ASTERISK_", "DB_")):
            monkeypatch.delenv(name)
    mark = request.node.get_closest_marker("sim")
    simulator = Simulator(*(mark.args if mark else ()))
    yield simulator
    simulator.stop()


async def until(condition, what):
    """condition()'s first true value, of a coroutine function too."""
    for _ in range(1200):
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        await asyncio.sleep(0.05)
    raise AssertionError("never: " + what)


async def ready(telephony, trunks=1):
    """Once the service has heard of its trunks."""
    async def heard_of():
        return len(await telephony.explain()) == trunks

    await until(heard_of, "the trunks are heard of")


@pytest.fixture
def play(database, sim):
    """play(scene): runs `await scene(telephony)` with one trunk, "main", in a database of its own."""

    def run(scene, **options):
        async def main():
            async with wtel.Telephony(sim.url, database.url, **dict({"migrate": True, "connect_timeout": 60}, **options)) as telephony:
                await telephony.trunk_add("main", "sip.example.com", needs_registration=False)
                await ready(telephony)
                return await scene(telephony)

        return asyncio.run(asyncio.wait_for(main(), 300))

    return run
