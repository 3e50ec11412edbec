"""Fixtures of the tests on a real Asterisk; world.py says what they can do."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]
from client import Client  # noqa: E402
from world import NoAsterisk, World  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """With a failure comes what the servers had to say."""
    report = (yield).get_result()
    made = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, World)]
    if report.failed and made:
        report.sections += [(server.name, server.log()[-4000:]) for server in (made[0].pbx, made[0].world)]


@pytest.fixture(scope="session")
def running_world():
    try:
        world = World()
    except NoAsterisk as reason:
        pytest.skip(str(reason))
    with world:
        yield world


@pytest.fixture
def world(running_world):
    """The two servers, without calls, faults or lost registrations at the test's beginning."""
    running_world.calm()
    running_world.wait_registered()
    yield running_world


@pytest.fixture
def client(running_world, database):
    """wtelctl on the PBX with a new database, its schema in it."""
    made = Client(running_world.environment()["WTEL_AMI"], database)
    assert made.run("migrate").returncode == 0
    yield made
    made.close()
