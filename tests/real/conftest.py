"""Fixtures of the tests on a real Asterisk; world.py says what they can do."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import NoAsterisk, World  # noqa: E402


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
