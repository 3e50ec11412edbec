"""Whatever a program hands over: an exception that names the field, never a crash, and the handle goes on."""

import asyncio
import json
import math
import random
import subprocess
import sys

import pytest
import wtel

LONE = "\ud800"
BAD_TEXTS = [LONE, "a" + LONE + "b", "\udfff", "nul\0", "1001\r\nAction: Command", "\n", "x" * (1 << 20) + "x"]
BAD_TYPES = [1.5, math.nan, b"bytes", object(), [], {}, (), set(), Exception, lambda: 0, 1 << 70, True]


def names(error, field):
    assert isinstance(error, wtel.Error) and error.code.startswith("WTEL_E") and error.message
    assert error.field == field, error
    assert field in str(error)


async def refuse(awaitable, field):
    with pytest.raises(wtel.Error) as caught:
        await awaitable
    names(caught.value, field)


def test_originate_names_the_field(play):
    async def scene(t):
        for value in BAD_TEXTS + BAD_TYPES:
            await refuse(t.originate(value, "+15550001"), "extension")
            await refuse(t.originate("1001", value), "number")
        for value in BAD_TEXTS[:-1] + BAD_TYPES[:-2]:
            await refuse(t.originate("1001", "+15550001", caller_id=value), "caller_id")
        for value in BAD_TYPES + ["1", -1, 1 << 63]:
            for field in ("campaign_id", "lead_id", "agent_id"):
                await refuse(t.originate("1001", "+15550001", **{field: value}), field)
        for value in [math.nan, math.inf, -1, 0, 4000, "1", [], True]:
            await refuse(t.originate("1001", "+15550001", timeout=value), "timeout")
        for value in ["x", 1, [("A", "b")], object()]:
            await refuse(t.originate("1001", "+15550001", variables=value), "variables")
        for value in BAD_TEXTS[:-1] + [1.5, b"x", [], None, True]:
            field = "variables.A" if not isinstance(value, str) or LONE in value or "\udfff" in value or "\0" in value else "A"
            await refuse(t.originate("1001", "+15550001", variables={"A": value}), field)
        for name in ("", "A B", "SHELL(x)", "CALL_ID", "A\r\n", 7):
            with pytest.raises(wtel.Invalid) as caught:
                await t.originate("1001", "+15550001", variables={name: "x"})
            assert caught.value.field.startswith("variables")
        await refuse(t.originate("", "+15550001"), "extension")
        await refuse(t.originate("1001", ""), "number")
        with pytest.raises(TypeError):
            await t.originate()
        assert t.calls() == [] and (await t.action("Ping"))[0]["Ping"] == "Pong"

    play(scene)


def test_the_rest_names_the_field(play):
    async def scene(t):
        for value in BAD_TEXTS + BAD_TYPES + [None, ""]:
            await refuse(t.hangup(value), "channel")
        for value in BAD_TEXTS[:-1] + BAD_TYPES + [None, ""]:
            await refuse(t.action(value), "action")
        for value in BAD_TEXTS[:-1] + [1.5, b"x", None, {}, True]:
            await refuse(t.action("Ping", {"Header": value}), "Header")
        for value in ["x", 7, [("a",)], [(1, "b")], object()]:
            await refuse(t.action("Ping", value), "fields")
        for value in BAD_TYPES[:-1] + ["1", -1]:
            await refuse(t.history(limit=value), "limit")
        for value in BAD_TYPES[:-1] + [LONE, "nul\0", "yesterday"]:
            if not isinstance(value, type) and not callable(value):
                await refuse(t.history(since=value), "since")
        for value in BAD_TYPES[:-2] + [LONE, "MAYBE"]:
            await refuse(t.history(disposition=value), "disposition")
        for value in BAD_TYPES + [LONE, "", "nul\0", None]:
            await refuse(t.call(value), "call_id")
        for value in BAD_TEXTS[:5] + BAD_TYPES[:-2]:
            await refuse(t.trunk_add(value, "h.example.com"), "name")
            await refuse(t.trunk_set("main", host=value), "host")
        await refuse(t.trunk_set("main", nonsense=1), "nonsense")
        await refuse(t.trunk_set("main", advanced_settings={"prefixes": [{"prefix": LONE}]}), "advanced_settings.prefixes[0].prefix")
        for value in [None, 1.5, b"x", -1, 0, True]:
            await refuse(t.trunk_remove(value), "trunk")
        for value in BAD_TYPES + [-1, "1"]:
            await refuse(t.peer_disable(value), "user_id")
        await refuse(t.explain("nobody"), "number")
        for value in ["nonsense", 7, None, LONE]:
            with pytest.raises(wtel.Invalid) as caught:
                t.events(value)
            names(caught.value, "types")
            with pytest.raises(wtel.Invalid):
                t.on(value, print)
        for value in [None, 7, "print"]:
            with pytest.raises(wtel.Invalid) as caught:
                t.on_ami(value)
            names(caught.value, "callback")
        assert (await t.action("Ping"))[0]["Ping"] == "Pong"

    play(scene)


def test_options_name_the_field(sim):
    for field, values in {
        "ami": [LONE, 7, "x://y", "ami://u:hunter2@h:99999", "nul\0", b"x", "a" * (1 << 20) + "x"],
        "db": [LONE, 7, "mongo:hunter2"], "country": ["", "999", 34], "max_attempts": [0, "x", 1.5], "max_queue": [0, "x"],
        "dial_timeout": [0, "x", math.nan], "originate_timeout": [-1], "allow_plain": ["yes", 1], "migrate": ["yes"],
        "store": [7], "connect_timeout": ["x", -1], "ca_file": [LONE, 7], "tls_name": [7], "technology": [7],
    }.items():
        for value in values:
            with pytest.raises(wtel.Error) as caught:
                asyncio.run(wtel.Telephony(**dict({"ami": sim.url, "store": False}, **{field: value})).start())
            names(caught.value, field)
            assert "hunter2" not in str(caught.value)
    with pytest.raises(TypeError):
        wtel.Telephony(nonsense=1)


def anything(random, depth=0):
    """A generated value of any kind."""
    kind = random.randrange(14 if depth < 3 else 11)
    if kind < 4:
        return "".join(random.choice(["a", "1", "+", LONE, "\0", "\r\n", "é", "/", "%", '"', "\\", ",", "{", "\U0001f600"]) for _ in range(random.randrange(9)))
    if kind == 13:
        return {anything(random, 3): anything(random, depth + 1) for _ in range(random.randrange(3))}
    if kind > 10:
        return [anything(random, depth + 1) for _ in range(random.randrange(4))]
    return [None, True, random.randrange(-5, 5), 1 << random.randrange(80), random.random() * 1e9, math.nan, b"\xff" * 3][kind - 4]


def test_generated_values(play):
    async def scene(t):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        calls = [
            lambda a, b, c: t.originate(a, b, variables=c), lambda a, b, c: t.originate("1001", "+15550008", caller_id=a, campaign_id=b, timeout=c),
            lambda a, b, c: t.hangup(a), lambda a, b, c: t.action(a, b, timeout=c), lambda a, b, c: t.action("Getvar", {"Variable": a}),
            lambda a, b, c: t.history(limit=a, since=b, disposition=c), lambda a, b, c: t.stats(agent_id=a, until=b),
            lambda a, b, c: t.call(a), lambda a, b, c: t.trunk_set(a, advanced_settings=b), lambda a, b, c: t.trunk_set("main", max_channels=a, description=b),
            lambda a, b, c: t.explain(a, campaign_id=b), lambda a, b, c: t.assign(a, b, c), lambda a, b, c: t.peer_create(a, b, c),
            lambda a, b, c: t.request("GET", a), lambda a, b, c: t.request(a, "/api/telephony/status", {"x": b}), lambda a, b, c: t.ended(a, 0.01),
        ]
        kinds = set()
        for _ in range(1500):
            call, values = chance.choice(calls), [anything(chance) for _ in range(3)]
            try:
                await call(*values)
            except (wtel.Error, asyncio.TimeoutError) as error:
                kinds.add(type(error))
            except Exception as error:
                raise AssertionError("seed %d: %r of %r" % (seed, error, values)) from error
        assert wtel.Invalid in kinds
        assert (await t.action("Ping"))[0]["Ping"] == "Pong"

    play(scene)


def test_the_native_layer_itself(sim):
    """What only the package calls: wrong types and no handle are exceptions as well."""
    program = """if 1:
        import sys
        from wtel import _native as n
        def refused(f, *a):
            try:
                f(*a)
            except (TypeError, ValueError, OverflowError, UnicodeEncodeError, BufferError):
                return
            raise SystemExit("taken: %r %r" % (f, a))
        for f in (n.binding_fd, n.binding_dispatch, n.binding_free, n.binding_calls, n.binding_statistics, n.binding_raw_take, n.binding_close,
                  n.parser_free, n.parser_take, n.parser_skipped):
            for bad in (None, 7, "x", b"x", object()):
                refused(f, bad)
            refused(f)
        for bad in (None, 7, b"{}", "\\ud800", "nul\\0"):
            refused(n.binding_new, bad)
        h = n.binding_new('{"ami": "%s", "store": false}' % sys.argv[1])
        for bad in (None, 7, b"{}", "\\ud800", "nul\\0"):
            for f in (n.binding_originate, n.binding_api, n.binding_action, n.binding_hangup):
                refused(f, h, bad)
        refused(n.binding_replies, h, -1)
        refused(n.binding_raw, h, "x")
        p = n.parser_new()
        refused(n.parser_feed, p, "text")
        refused(n.parser_feed, p, None)
        refused(n.parser_feed, p, memoryview(b"abcd")[::2])
        n.parser_free(p)
        n.binding_free(h)
    """
    done = subprocess.run([sys.executable, "-c", program, sim.url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
