#!/usr/bin/env python3
"""panoramisk on the replayed stream: events that reached the program, and seconds from the first to the last.

usage: peer_panoramisk.py PORT
"""
import asyncio
import sys
import time

from panoramisk import Manager


async def main():
    manager = Manager(host="127.0.0.1", port=int(sys.argv[1]), username="bench", secret="bench", ping_delay=3600,
                      loop=asyncio.get_running_loop())
    seen = [0, 0.0, 0.0]
    closed = asyncio.Event()

    def on_event(_, event):
        seen[2] = time.perf_counter()
        if not seen[0]:
            seen[1] = seen[2]
        seen[0] += 1

    manager.register_event("*", on_event)
    manager.on_disconnect = lambda *_: closed.set()
    await manager.connect()
    await closed.wait()
    print(seen[0], seen[2] - seen[1], flush=True)
    manager.close()


asyncio.run(asyncio.wait_for(main(), 120))
