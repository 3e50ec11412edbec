"""wtelctl as a test uses it, and databases that are new for each test."""

import json
import os
import secrets
import sqlite3
import subprocess
import tempfile
import time

WTELCTL = os.environ.get("WTELCTL", "wtelctl")


def wait_for(condition, timeout, what):
    """condition()'s first true value; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(what() if callable(what) else what)


def own_address():
    """One of this machine's own (127.0.0.0/8) that nobody else listens at or calls by chance: a port there is free again when it was
    closed, and no other test's socket gets it meanwhile."""
    return "127.%d.%d.%d" % (secrets.randbelow(255) + 1, secrets.randbelow(256), secrets.randbelow(254) + 1)


class Sqlite:
    name = "sqlite"

    def __init__(self, directory):
        self.path = str(directory / "calls.db")
        self.url = "sqlite:" + self.path

    def rows(self, sql):
        with sqlite3.connect(self.path, timeout=60) as connection:
            return [tuple(row) for row in connection.execute(sql)]

    def execute(self, sql):
        connection = sqlite3.connect(self.path, timeout=60)
        connection.execute(sql)
        connection.commit()
        connection.close()

    def drop(self):
        pass


class Postgres:
    """A database of its own in the cluster that WTEL_TEST_PG names."""

    name = "postgresql"

    def __init__(self, server):
        self.server, self.database = server, "test_" + secrets.token_hex(6)
        # Nobody ever visits template0; autovacuum does template1, and then a database is not made from it.
        self.psql(server, "CREATE DATABASE %s TEMPLATE template0" % self.database)
        base, _, query = server.partition("?")
        self.url = base[:base.rindex("/")] + "/" + self.database + ("?" + query if query else "")

    @staticmethod
    def psql(url, sql):
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-R", "\x1e", url, "-c", sql],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def rows(self, sql):
        return [tuple(row.split("\x1f")) for row in self.psql(self.url, sql).split("\x1e") if row]

    def execute(self, sql):
        self.psql(self.url, sql)

    def drop(self):
        def dropped():
            done = subprocess.run(["psql", "-X", "-q", self.server, "-c", "DROP DATABASE IF EXISTS %s WITH (FORCE)" % self.database],
                                  capture_output=True, text=True)
            # It waits five seconds for whoever is told to go; what leaves later is no fault of a test.
            assert done.returncode == 0 or "is being accessed by other users" in done.stderr, done.stderr
            return done.returncode == 0

        wait_for(dropped, 60, "somebody stays in the database")


class Watcher:
    """`wtelctl events --json` in the background: what it has heard up to now."""

    def __init__(self, client):
        self.file = tempfile.NamedTemporaryFile("r")
        with open(self.file.name, "w") as out:
            self.process = client.start("events", "--json", stdout=out)
        self.wait("ami:connected", timeout=60)

    def heard(self, event=None):
        self.file.seek(0)
        lines = [json.loads(line) for line in self.file.read().split("\n")[:-1]]
        return [line for line in lines if event in (None, line["event"])]

    def wait(self, event, wanted=lambda _: True, timeout=60):
        return wait_for(lambda: next((line for line in self.heard(event) if wanted(line)), None), timeout,
                        lambda: "%s was not heard: %s" % (event, self.heard()))


class Client:
    """Runs wtelctl with an Asterisk and a database."""

    def __init__(self, ami, database):
        self.database = database
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("WTEL_AMI", "WTEL_DB", "ASTERISK_", "DB_"))}
        self.environment.update(WTEL_DB=database.url, **({"WTEL_AMI": ami} if ami else {}))
        self.processes = []

    def run(self, *words, timeout=90, **environment):
        return subprocess.run([WTELCTL, *map(str, words)], capture_output=True, text=True, timeout=timeout,
                              env=dict(self.environment, **environment), stdin=subprocess.DEVNULL)

    def json(self, *words, status=0, timeout=90):
        done = self.run(*words, "--json", timeout=timeout)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def watch(self):
        return Watcher(self)

    def start(self, *words, stdout=subprocess.PIPE, **environment):
        """In the background; ended by close() at the latest."""
        process = subprocess.Popen([WTELCTL, *map(str, words)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                                   env=dict(self.environment, **environment), stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def calls(self):
        return self.json("calls", "history", "--limit", 1000)["calls"]

    def call(self, call_id):
        return self.json("calls", "show", call_id)["call"]

    def open_rows(self):
        return int(self.database.rows("SELECT count(*) FROM calls WHERE end_time IS NULL")[0][0])

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
