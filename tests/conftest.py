"""What the suites on the simulator and on the real Asterisk share."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
from client import Postgres, Sqlite  # noqa: E402

# Seconds of the longest files. Those whose tests share nothing but the database's kind are two: one part for each kind.
LONG = {"real/test_failover.py": 170, "real/test_calls.py": 120, "real/test_forged.py": 50, "real/test_faults.py": 45, "real/test_world.py": 45,
        "real/test_dialplan.py": 45, "real/test_accounts.py": 40, "real/test_browser.py": 30, "cli/test_cli_calls.py": 130,
        "cli/test_cli_trunks.py": 130, "cli/test_cli_accounts.py": 40, "cli/test_cli_setup.py": 30, "cli/test_serve.py": 25}
PARTS = ("real/test_failover.py", "real/test_calls.py", "real/test_forged.py", "real/test_faults.py", "cli/test_cli_calls.py",
         "cli/test_cli_trunks.py")


def part_of(nodeid):
    """The tests that one process runs one after the other."""
    file = nodeid.split("::")[0]
    if file.endswith(PARTS):
        return file + (" postgresql" if "postgresql" in nodeid.rpartition("[")[2] else " sqlite")
    return file


def seconds_of(nodeid):
    file = nodeid.split("::")[0]
    return next((time / (2 if name in PARTS else 1) for name, time in LONG.items() if file.endswith(name)), 0)


def pytest_collection_modifyitems(items):
    """The longest first: what begins last is not waited for alone."""
    items.sort(key=lambda item: -seconds_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return part_of(nodeid)

    return Parts(config, log)


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
