#!/usr/bin/env python3
"""The Python package on the replayed stream: events that reached the program, and seconds from the first to the last.

usage: peer_libwtel.py PORT [FIELD]      with a field: it is read from each event
"""
import asyncio
import sys
import time

import wtel


async def main():
    seen = [0, 0.0, 0.0]
    closed = asyncio.Event()
    field = sys.argv[2] if len(sys.argv) > 2 else None

    def on_event(event):
        seen[2] = time.perf_counter()
        if not seen[0]:
            seen[1] = seen[2]
        seen[0] += 1

    def on_event_with_field(event):
        event.get(field)
        on_event(event)

    telephony = wtel.Telephony("ami://bench:bench@127.0.0.1:" + sys.argv[1], store=False, connect_timeout=0)
    async with telephony:
        telephony.on("ami:disconnected", lambda _: closed.set())
        telephony.on_ami(on_event_with_field if field else on_event)
        await closed.wait()
        lost = telephony.statistics().raw_lost
    print(seen[0], seen[2] - seen[1], lost, flush=True)


asyncio.run(asyncio.wait_for(main(), 120))
