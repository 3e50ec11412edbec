"""Ports for the servers and phones of the tests, which several processes run at once."""

import functools
import itertools
import random
import socket

PART = 1000
PARTS = 17


@functools.lru_cache(None)
def part_of_ports():
    """A part of the ports for this process alone: no other one that runs these tests takes a port between its choice and its use."""
    mark = socket.socket(socket.AF_UNIX)
    for part in random.sample(range(PARTS), PARTS):
        try:
            mark.bind("\0wtel-test-ports-%d" % part)  # free again when this process ends, however it does
            return part, mark, itertools.cycle(range(15000 + part * PART, 15000 + (part + 1) * PART))
        except OSError:
            continue
    raise RuntimeError("too many tests at once")


def free_port(kind, addresses=("127.0.0.1",)):
    """A port below the range that the kernel hands out for outgoing connections, so that none of those takes it; another each time."""
    for port in itertools.islice(part_of_ports()[2], PART):
        try:
            for address in addresses:
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind((address, port))
            return port
        except OSError:
            continue
    raise RuntimeError("no free port")
