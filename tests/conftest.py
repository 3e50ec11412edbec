"""What the suites on the simulator and on the real Asterisk share."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
from client import Postgres, Sqlite  # noqa: E402


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """A new database of each kind, with the schema in it."""
    if request.param == "sqlite":
        made = Sqlite(tmp_path)
    elif os.environ.get("WTEL_TEST_PG"):
        made = Postgres(os.environ["WTEL_TEST_PG"])
    else:
        pytest.skip("WTEL_TEST_PG names no PostgreSQL server")
    yield made
    made.drop()
