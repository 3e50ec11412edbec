"""Raw messages: the parser alone, a million events, and the same program on panoramisk."""

import asyncio
import gc
import glob
import os
import pickle
import re
import subprocess
import sys

import pytest
import wtel
from conftest import HERE, ready

SESSIONS = os.path.join(HERE, "..", "golden", "sessions")
REPLAY = os.path.join(HERE, "..", "bench", "replay.py")


def reading(data):
    """Messages as plain text says they are."""
    found = []
    for message in re.split(rb"\r\n\r\n", data):
        lines = [line for line in message.split(b"\r\n") if line and not line.startswith(b"Asterisk Call Manager")]
        if lines and lines[0].split(b":")[0] in (b"Event", b"Response"):
            found.append([tuple(part.decode("utf-8", "replace") for part in line.split(b": ", 1)) for line in lines if b": " in line])
    return found


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(SESSIONS, "[a-e]*.ami"))), ids=os.path.basename)
def test_parser(path):
    with open(path, "rb") as file:
        data = file.read()
    with wtel.Parser() as parser:
        messages = parser.feed(data)
    expected = reading(data)
    assert [list(message.items()) for message in messages] == expected and len(expected) > 3
    for message, fields in zip(messages, expected):
        assert message.name == fields[0][1]
        for name, value in fields:
            assert message.get(name) == message.get(name.upper()) == dict(reversed(fields))[name] == message[name]
            assert value in message.get_all(name) and name in message
        assert message.get("Nothing") is None and message.get("Nothing", "x") == "x" and "Nothing" not in message
        with pytest.raises(KeyError):
            message["Nothing"]
        assert pickle.loads(pickle.dumps(message)) == message
    with wtel.Parser() as parser:
        pieces = [message for at in range(0, len(data), 11) for message in parser.feed(memoryview(data)[at:at + 11])]
        assert pieces == messages and parser.skipped == 0
    for use in (lambda: parser.feed(b""), lambda: parser.skipped):
        with pytest.raises(wtel.Closed):
            use()


def test_parser_of_anything():
    with wtel.Parser() as parser:
        for bad in (None, "text", 7, [b"x"], memoryview(b"abcd")[::2]):
            with pytest.raises(wtel.Invalid) as caught:
                parser.feed(bad)
            assert caught.value.field == "data"
        assert parser.feed(b"Event: \xff\xfe\r\nNothing\r\nA:b\r\nA: c \r\nEmpty:\r\n: x\r\n\r\n")[0].get_all("a") == ["b", "c "]
        event = parser.feed(b"Event: Odd\r\nchannel: x\xff\x00y\r\n\r\n")[0]
        assert (event.name, event["CHANNEL"], event["event"]) == ("Odd", "x\ufffd\0y", "Odd")
        assert parser.feed(b"Event: Long\r\nData: " + b"x" * (1 << 21) + b"\r\n\r\nEvent: Next\r\n\r\n")[-1].name == "Next"
        assert parser.skipped == 1
        parser.feed(os.urandom(1 << 20))


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 10


def test_a_million_events_leave_nothing_behind():
    """Through a socket, into a callback and a stream; memory in KiB after a third of them and at the end."""
    passes = 30000
    server = subprocess.Popen([sys.executable, REPLAY, os.path.join(SESSIONS, "answered.ami"), str(passes)], stdout=subprocess.PIPE, text=True)
    port, one_pass, _ = map(int, server.stdout.readline().split())
    seen, memory = [0, 0], []

    def on_event(event):
        seen[0] += 1
        if seen[0] in (passes * one_pass // 3, passes * one_pass):
            gc.collect()
            memory.append(resident())

    async def read(stream):
        async for event in stream:
            seen[1] += event.get("Uniqueid") is not None or 1

    async def main():
        async with wtel.Telephony("ami://bench:bench@127.0.0.1:%d" % port, store=False, connect_timeout=0) as t:
            gone = asyncio.Event()
            t.on("ami:disconnected", lambda _: gone.set())
            t.on_ami(on_event)
            stream = t.ami_events()
            reading = asyncio.ensure_future(read(stream))
            await gone.wait()
            assert t.statistics().raw_lost == 0 and stream.lost == 0
        await reading

    asyncio.run(asyncio.wait_for(main(), 400))
    server.wait(60)
    server.stdout.close()
    assert seen == [passes * one_pass] * 2 and seen[0] > 1000000
    assert memory[1] - memory[0] < 4096, memory


def test_a_thousand_lives_leave_nothing_behind(sim):
    def live():
        async def main():
            async with wtel.Telephony(sim.url, "sqlite::memory:", connect_timeout=0) as t:
                t.on_ami(print)
                with pytest.raises(wtel.Error):
                    await t.action("Ping")
        for _ in range(50):
            asyncio.run(main())
        gc.collect()

    live()
    before, descriptors = resident(), len(os.listdir("/proc/self/fd"))
    for _ in range(4):
        live()
    assert resident() - before < 4096 and len(os.listdir("/proc/self/fd")) == descriptors


WATCHED = ("Newchannel", "DialBegin", "DialEnd", "Hangup")


async def on_panoramisk(port):
    from panoramisk import Manager

    heard, ended = [], asyncio.Event()
    manager = Manager(host="127.0.0.1", port=port, username="wtel", secret="wtel", loop=asyncio.get_running_loop())

    def on_event(manager, event):
        if event.event in WATCHED:
            heard.append((event.event, event.channel))
            if event.event == "Hangup":
                ended.set()

    manager.register_event("*", on_event)
    await manager.connect()
    pong = await manager.send_action({"Action": "Ping"})
    # It waits for the event OriginateResponse, and gives a list of both.
    response, _ = await manager.send_action({"Action": "Originate", "Channel": "PJSIP/1001", "Exten": "+15550001", "Priority": "1",
                                          "Context": "welcomedly-outbound", "Variable": "WTEL_ENDPOINT=main", "Async": "true"})
    await ended.wait()
    channels = [item for item in await manager.send_action({"Action": "CoreShowChannels"}) if item.event == "CoreShowChannel"]
    manager.close()
    return pong.ping, response.response, heard, len(channels)


async def on_wtel(port):
    heard, ended = [], asyncio.Event()

    def on_event(event):
        heard.append((event.name, event.get("Channel")))
        if event.name == "Hangup":
            ended.set()

    async with wtel.Telephony("ami://wtel:wtel@127.0.0.1:%d" % port, store=False, connect_timeout=60) as telephony:
        telephony.on_ami(on_event, *WATCHED)
        pong, _ = await telephony.action("Ping")
        response, _ = await telephony.action("Originate", {"Channel": "PJSIP/1001", "Exten": "+15550001", "Priority": "1",
                                                           "Context": "welcomedly-outbound", "Variable": "WTEL_ENDPOINT=main", "Async": "true"})
        await ended.wait()
        _, channels = await telephony.action("CoreShowChannels")
    return pong["Ping"], response["Response"], heard, len(channels)


def test_the_same_program_on_panoramisk(sim):
    """As the table in the README has it, line by line."""
    pytest.importorskip("panoramisk")

    def plain(result):
        # Numbers of channels go on from one program to the next.
        pong, response, heard, channels = result
        return pong, response, [(name, re.sub(r"-[0-9a-f]{8}", "-N", channel or "")) for name, channel in heard], channels

    theirs = plain(asyncio.run(asyncio.wait_for(on_panoramisk(sim.port), 120)))
    sim.stop()
    sim.start()
    ours = plain(asyncio.run(asyncio.wait_for(on_wtel(sim.port), 120)))
    assert ours == theirs
    assert ours[:2] == ("Pong", "Success") and ("Newchannel", "PJSIP/main-N") in ours[2]
