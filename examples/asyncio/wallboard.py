#!/usr/bin/env python3
"""A wallboard in the terminal: agents, trunks and calls, live.

    WTEL_AMI=ami://user:secret@pbx.example.com python3 wallboard.py

Without an Asterisk: `wtelctl sim` says where it listens; then WTEL_AMI=ami://wtel:wtel@127.0.0.1:PORT. Written to anything
but a terminal, it prints one board after the other. Ends with Ctrl-C.
"""
import asyncio
import datetime
import shutil
import signal
import sys
import time

import wtel

REFRESH = 1.0  # seconds without an event
PAUSE = 0.1  # at least, between two boards
COLOURS = {"answered": 32, "ringing": 33, "dialing": 33, "agent": 36, "queued": 36}


def paint(text, colour):
    return "\033[%dm%s\033[0m" % (colour, text) if sys.stdout.isatty() and colour else text


def clock(since, now):
    seconds = int((now - since).total_seconds()) if since else 0
    return "%d:%02d" % divmod(max(seconds, 0), 60)


class Board:
    """What is on the wall; `lines()` is all that knows how it looks."""

    def __init__(self):
        self.agents = {}  # extension -> status
        self.trunks = []
        self.calls = []
        self.today = None
        self.news = ""

    async def read(self, telephony):
        """What no event tells: totals, and accounts that were made meanwhile."""
        self.trunks = await telephony.trunks()
        self.today = await telephony.stats(since=datetime.date.today())
        for peer in await telephony.peers():
            self.agents.setdefault(peer.extension, "Reachable" if peer.registered else "-")

    def hear(self, event):
        if event.type == "peer:status" and event.name:
            self.agents[event.name] = event.status
        if event.type in ("ami:connected", "ami:disconnected", "trunk:down", "trunk:up", "trunk:full", "call:failover", "security"):
            self.news = " ".join(filter(None, (event.type, event.name, event.text)))

    def lines(self, now, connected):
        busy = {call.caller_number: call for call in self.calls if call.direction == "outbound"}
        yield "%s   %s   %d calls, %d answered" % (
            now.astimezone().strftime("%H:%M:%S"), "connected" if connected else paint("NO ASTERISK", 31), len(self.calls),
            sum(call.state == "answered" for call in self.calls))
        if self.today:
            yield "today: %d calls, %s %% answered, %d s on average" % (self.today.total_calls, self.today.answer_rate, self.today.avg_billsec)
        yield ""
        yield "%-10s %-12s %s" % ("AGENT", "PHONE", "CALL")
        for extension in sorted(set(self.agents) | set(busy)):
            call = busy.get(extension)
            yield "%-10s %-12s %s" % (extension, self.agents.get(extension, "-"), "%s %s" % (call.callee_number, call.state) if call else "")
        yield ""
        yield "%-20s %-12s %9s %9s" % ("TRUNK", "STATUS", "CHANNELS", "FAILED")
        for trunk in self.trunks:
            carried = sum(call.trunk_id == trunk.id for call in self.calls)
            status = "open" if trunk.breaker and trunk.breaker.state == "open" else trunk.status if trunk.registered else "unregistered"
            yield "%-20.20s %s %9s %9d" % (trunk.name, paint("%-12s" % status, 0 if status == "active" else 31),
                                           "%d/%d" % (carried, trunk.max_channels), trunk.failed_calls)
        yield ""
        yield "%-8s %-16s %-16s %-10s" % ("TIME", "FROM", "TO", "STATE")
        for call in sorted(self.calls, key=lambda call: call.start_time):
            yield "%-8s %-16s %-16s %s" % (clock(call.answer_time or call.start_time, now), call.caller_number, call.callee_number,
                                           paint("%-10s" % call.state, COLOURS.get(call.state, 0)))
        yield ""
        yield self.news


def show(lines):
    if not sys.stdout.isatty():
        print("\n".join(lines) + "\n", flush=True)
        return
    width, height = shutil.get_terminal_size()
    # From the top, each line to its end, then what is left of the board before.
    print("\033[H" + "\n".join(line + "\033[K" for line in list(lines)[:height - 1]) + "\033[J", end="", flush=True)


async def watch(telephony, board):
    changed = asyncio.Event()

    def heard(event):
        board.hear(event)
        changed.set()

    telephony.on("*", heard)
    read = 0.0
    while True:
        changed.clear()
        if time.monotonic() - read >= REFRESH:
            await board.read(telephony)
            read = time.monotonic()
        board.calls = telephony.calls()
        show(board.lines(datetime.datetime.now(datetime.timezone.utc), telephony.statistics().connected))
        await asyncio.sleep(PAUSE)
        try:
            await asyncio.wait_for(changed.wait(), REFRESH)
        except asyncio.TimeoutError:
            pass


async def main():
    task = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with wtel.Telephony() as telephony:
            await watch(telephony, Board())
    except asyncio.CancelledError:
        pass
    except wtel.Error as error:
        sys.exit("wallboard: %s" % error)


if __name__ == "__main__":
    asyncio.run(main())
