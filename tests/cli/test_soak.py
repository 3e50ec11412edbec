"""A shift in minutes: 50 agents, as many calls as they make in eight hours, one server; its memory and descriptors stay flat.

An agent makes a call every 14 seconds of a shift: 50 * 8 h / 14 s = 100 000 calls. A machine that cannot make them in
WTEL_SOAK_SECONDS (180) makes fewer, and says how many; what memory grows by is told of 100 000 all the same. One that has made
less than ENOUGH by then goes on. Prints the figures; they are kept in the results of the run too.
"""

import asyncio
import base64
import json
import os
import re
import subprocess
import time

import pytest

from client import WTELCTL, Client, Postgres, Sqlite, wait_for

SHIFT = 100000
SECONDS = int(os.environ.get("WTEL_SOAK_SECONDS", 180))
AGENTS = 50
VISITORS = 5  # WebSocket clients that come, listen for a moment, and go, at any time
ENOUGH = 20000
WARM = 12000  # calls until all that is kept for a while is there, and the heap has found its size
# 42 bytes a call. One that is forgotten takes 1 KiB and more.
MOST_GROWTH = 4 << 20
# How calls end: answered; busy; rung out, until the agent hangs up; a number that is none; and now and then trunks that fail, while
# the agent waits two seconds.
ENDS = (["01"] * 5 + ["07", "02", "03", "08", "05"]) * 5 + ["04"]

@pytest.fixture
def database(tmp_path):
    made = Postgres(os.environ["WTEL_TEST_PG"]) if os.environ.get("WTEL_TEST_PG") else Sqlite(tmp_path)
    yield made
    made.drop()


@pytest.fixture
def polite():
    """What follows runs behind whatever else is tested."""
    before = os.nice(0)
    os.nice(10)
    yield
    if os.geteuid() == 0:
        os.setpriority(os.PRIO_PROCESS, 0, before)


class Connection:
    """One that is kept: HTTP/1.1, as little of it as is needed."""

    def __init__(self, address, token):
        self.address, self.reader = address, None
        self.head = "Host: %s:%d\r\nAuthorization: Bearer %s\r\n" % (*address, token)

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(*self.address)

    async def ask(self, method, path, body=None):
        text = json.dumps(body) if body is not None else ""
        if not self.reader:
            await self.open()
        self.writer.write(("%s /api/telephony/%s HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                           % (method, path, self.head, len(text), text)).encode())
        status, headers = await self.answer()
        return status, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def answer(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        return int(lines[0].split()[1]), {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}

    async def upgrade(self):
        await self.open()
        self.writer.write(("GET /api/telephony/events HTTP/1.1\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
                           % (self.head, base64.b64encode(os.urandom(16)).decode())).encode())
        assert (await self.answer())[0] == 101

    def close(self):
        if self.reader:
            self.writer.close()
            self.reader = None


class Shift:
    def __init__(self, address, token, pid):
        self.address, self.token, self.pid = address, token, pid
        self.made = self.ended = self.polls = self.visits = 0
        self.waiting, self.early, self.failures = {}, set(), []
        self.samples = []
        self.over = False
        self.until = time.monotonic() + SECONDS

    def connection(self):
        return Connection(self.address, self.token)

    def memory(self):
        with open("/proc/%d/smaps_rollup" % self.pid) as file:
            return int(re.search(r"^Rss:\s+(\d+)", file.read(), re.M).group(1)) * 1024

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def sample(self):
        self.samples.append((self.ended, self.memory(), self.descriptors()))

    def end_of(self, call_id):
        """A future; the end may have been told before the answer to the request that began the call."""
        future = asyncio.get_running_loop().create_future()
        if call_id in self.early:
            self.early.discard(call_id)
            future.set_result(None)
        else:
            self.waiting[call_id] = future
        return future

    async def listen(self, opened):
        """Server-Sent Events: the ends of calls."""
        connection = self.connection()
        await connection.open()
        connection.writer.write(("GET /api/telephony/events HTTP/1.1\r\n%sAccept: text/event-stream\r\n\r\n" % connection.head).encode())
        status, _ = await connection.answer()
        assert status == 200
        opened.set()
        ended = False
        async for line in connection.reader:
            if line.startswith(b"event: "):
                ended = line.strip() == b"event: call:hangup"
                assert line.strip() != b"event: overflow", "a reader that keeps up was cut off"
            elif ended and line.startswith(b"data: "):
                self.hung_up(re.search(rb'"callId":\s*"([^"]*)"', line).group(1).decode())
        assert self.over, "the events ended"

    def hung_up(self, call_id):
        future = self.waiting.pop(call_id, None)
        if future:
            future.set_result(None)
        else:
            self.early.add(call_id)
        self.ended += 1
        if self.ended % 250 == 0:
            self.sample()

    async def agent(self, number):
        connection = self.connection()
        while self.made < (SHIFT if time.monotonic() < self.until else ENOUGH):
            self.made += 1
            end = ENDS[self.made % len(ENDS)]
            status, body = await connection.ask("POST", "call/originate", {
                "agentExtension": str(1001 + number), "customerPhone": "+1555%05d%s" % (self.made % 100000, end),
                "campaignId": number % 5 + 1, "leadId": self.made, "agentId": number + 1})
            if status != 200:
                self.failures.append((status, body))
                return
            call_id = json.loads(body)["data"]["callId"]
            future = self.end_of(call_id)
            if end == "03":
                await asyncio.sleep(0.05)
                status, body = await connection.ask("POST", "call/hangup", {"callId": call_id})
                if status != 200:
                    self.failures.append((status, body))
            await asyncio.wait_for(future, 300)
        connection.close()

    async def wallboard(self):
        connection = self.connection()
        paths = ["status", "calls/active", "calls/history?limit=20", "calls/active", "nonsense"]
        while not self.over:
            path = paths[self.polls % len(paths)]
            self.polls += 1
            status, body = await connection.ask("GET", path)
            if (status != 200) != (path == "nonsense"):
                self.failures.append((path, status, body))
            if self.polls % 50 == 0:
                connection.close()
            await asyncio.sleep(0.05)
        connection.close()

    async def visitor(self):
        """Some say goodbye, some just vanish, and some never listen."""
        while not self.over:
            connection = self.connection()
            await connection.upgrade()
            self.visits += 1
            if self.visits % 3:
                await connection.reader.read(100000)
            await asyncio.sleep(0.2)
            if self.visits % 2:
                connection.writer.write(b"\x88\x82\0\0\0\0\x03\xe8")
            else:
                connection.writer.transport.abort()
            connection.close()

    async def run(self):
        opened = asyncio.Event()
        listener = asyncio.create_task(self.listen(opened))
        await asyncio.wait([listener, asyncio.create_task(opened.wait())], return_when=asyncio.FIRST_COMPLETED)
        others = [asyncio.create_task(work) for work in [self.wallboard()] + [self.visitor() for _ in range(VISITORS)]]
        try:
            await asyncio.gather(*[self.agent(number) for number in range(AGENTS)])
        finally:
            self.over = True
        await asyncio.gather(*others)
        listener.cancel()


def slope(samples):
    """Bytes a call, by least squares."""
    n = len(samples)
    mean_x, mean_y = sum(x for x, *_ in samples) / n, sum(y for _, y, *_ in samples) / n
    return sum((x - mean_x) * (y - mean_y) for x, y, *_ in samples) / sum((x - mean_x) ** 2 for x, *_ in samples)


def start(client, said):
    for name in ("main", "spare"):
        client.json("trunk", "add", name, "--host", "sip.example.com", "--max-channels", 200)
    token = client.json("token", "create", "--name", "shift", "--role", "admin")["secret"]
    # What it says goes to a file: a full pipe would stop it.
    with open(said, "w") as out:
        server = subprocess.Popen([WTELCTL, "serve", "--listen", "127.0.0.1:0", "--user-rate", "0"], stderr=out,
                                  env=client.environment, stdin=subprocess.DEVNULL)
    client.processes.append(server)
    found = wait_for(lambda: re.search(r"listening on http://([0-9.]+):(\d+)|without the gateway", said.read_text()), 60, said.read_text)
    if not found.group(1):
        pytest.skip("wtelctl without the gateway")
    return server, (found.group(1), int(found.group(2))), token


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="figures of a process are read as Linux has them")
def test_eight_hours_of_calls(polite, database, tmp_path, record_property):
    simulator = subprocess.Popen([WTELCTL, "sim", "--listen", "127.0.0.1:0", "--pickup", "0.01", "--ring", "0.01", "--talk", "0.02",
                                  "--registrations", "main=Registered,spare=Registered"],
                                 stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    client = Client("ami://wtel:wtel@127.0.0.1:" + simulator.stdout.readline().rsplit(":", 1)[1].strip(), database)
    try:
        assert client.run("migrate").returncode == 0
        server, address, token = start(client, tmp_path / "server.log")
        shift = Shift(address, token, server.pid)
        began = time.monotonic()
        asyncio.run(shift.run())
        took = time.monotonic() - began
        assert not shift.failures, shift.failures[:3]
        # Nobody is connected any more.
        idle = wait_for(lambda: (shift.descriptors() <= shift.samples[0][2] - AGENTS + 10) and shift.descriptors(), 60,
                        lambda: "descriptors of clients that are gone: %d" % shift.descriptors())
        judge(shift, took, idle, record_property)
        assert client.json("calls", "active")["count"] == 0
        wait_for(lambda: client.open_rows() == 0, 60, "calls without an end")
        assert int(database.rows("SELECT count(*) FROM calls")[0][0]) == shift.made
        server.terminate()
        assert server.wait(120) == 0
    finally:
        client.close()
        simulator.terminate()
        simulator.communicate()


def judge(shift, took, idle, record_property):
    # Until the first agent goes home.
    after = [sample for sample in shift.samples if WARM < sample[0] <= shift.made - AGENTS]
    growth = slope(after) * SHIFT
    counts = [sample[2] for sample in after]
    figures = {
        "calls": shift.ended, "seconds": round(took), "calls a second": round(shift.ended / took), "polls": shift.polls,
        "WebSocket clients": shift.visits, "MiB at first": round(shift.samples[0][1] / 2**20, 1),
        "MiB after warm-up": round(after[0][1] / 2**20, 1), "MiB at the end": round(after[-1][1] / 2**20, 1),
        "bytes a call": round(slope(after), 2), "descriptors": "%d to %d" % (min(counts), max(counts)), "descriptors, idle": idle,
    }
    for name, value in figures.items():
        print("  %-24s %s" % (name, value))
        record_property(name, value)
    print("  MiB by thousands of calls:", *["%d: %.1f" % (one[0] // 1000, one[1] / 2**20) for one in shift.samples[::8]])
    assert shift.ended == shift.made and len(after) > 20
    assert growth < MOST_GROWTH, "memory grows by %.1f MiB a shift, %.1f bytes a call" % (growth / 2**20, slope(after))
    # Those who come and go aside.
    assert max(counts) - min(counts) <= 2 * VISITORS + 10
