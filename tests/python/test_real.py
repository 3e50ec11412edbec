"""The package on the real Asterisk: calls judged by the carrier's own bill. Skipped, loudly, where there is none."""

import asyncio
import time

import pytest
import wtel
from conftest import ready, until
from world import NoAsterisk, World


@pytest.fixture(scope="module")
def world():
    try:
        made = World()
    except NoAsterisk as reason:
        pytest.skip(str(reason))
    with made:
        made.wait_registered()
        yield made


@pytest.fixture(scope="module")
def ami(world):
    return world.environment()["WTEL_AMI"]


def called(end):
    return "+15558%05d%s" % (int(time.time() * 10) % 100000, end)


def test_calls(database, world, ami):
    """Answered, busy, hung up while it rings: state, record and bill agree, and the raw events are there."""
    async def main():
        numbers = [called(end) for end in ("01", "02", "03")]
        async with wtel.Telephony(ami, database.url, migrate=True) as t:
            await t.trunk_add("carrier-a", "127.0.0.1", max_channels=5)

            async def registered():
                return any(step.verdict == "taken" for step in await t.explain())

            await until(registered, "the trunk is registered")
            names = []
            t.on_ami(lambda event: names.append((event.name, event.get("Channel"))))
            ringing = t.events("call:ringing")  # one may ring before the last of them has been sent
            calls = await asyncio.gather(*(t.originate("1001", number, agent_id=7) for number in numbers))
            async for event in ringing:
                if event.call.callee_number == numbers[2]:
                    break
            await t.hangup(calls[2])
            ends = await asyncio.gather(*(t.ended(call, 60) for call in calls))
            assert [end.disposition for end in ends] == ["ANSWERED", "BUSY", "CANCELLED"]
            assert 2 <= ends[0].billsec < 30 and ends[1].sip_code == 486
            assert ("Hangup", ends[0].channel) in names
            response, _ = await t.action("CoreSettings")
            assert response["AsteriskVersion"].startswith("22")
            # The configuration that is shipped does not let this user do that.
            with pytest.raises(wtel.Forbidden):
                await t.action("Command", {"Command": "core show version"})
            with pytest.raises(wtel.Refused):
                await t.action("Originate", {"Channel": "Nonsense/1001", "Application": "Wait"})
        return numbers

    numbers = asyncio.run(asyncio.wait_for(main(), 300))
    assert [world.wait_cdr(number)["disposition"] for number in numbers[:2]] == ["ANSWERED", "BUSY"]
    assert database.rows("SELECT count(*) FROM calls WHERE end_time IS NULL")[0][0] in (0, "0")


def test_cancelled_and_closed(database, world, ami):
    """A cancelled originate leaves no call at Asterisk; a program that ends leaves its calls there."""
    async def main():
        async with wtel.Telephony(ami, database.url, migrate=True) as t:
            await t.trunk_add("carrier-ip", "127.0.0.2", needs_registration=False)
            await ready(t)
            task = asyncio.ensure_future(t.originate("1001", called("03")))
            await asyncio.sleep(0)
            task.cancel()
        async with wtel.Telephony(ami, database.url) as t:
            async def gone():
                return (await t.action("CoreShowChannels"))[1] == []

            await asyncio.wait_for(until(gone, "no call is left behind"), 20)  # it would ring for 30
            await ready(t)
            call = await t.originate("1001", called("00"))
        async with wtel.Telephony(ami, database.url) as t:
            async def there():
                return (await t.action("CoreShowChannels"))[1] != [] and t.calls() != []

            await until(there, "the call is still there")
            await t.hangup(call)
            assert (await t.ended(call.call_id, 60)).ended

    asyncio.run(asyncio.wait_for(main(), 300))
