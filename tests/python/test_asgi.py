"""The ASGI application, called as a server would."""

import json

import pytest
from conftest import until
from wtel import asgi


async def who(scope):
    return json.loads(dict(scope["headers"]).get(b"who", b"null"))


async def ask(application, method, path, *, query=b"", body=(), given=None, root="", raw=True):
    """The answer of one request: status, document."""
    scope = {"type": "http", "method": method, "path": path, "root_path": root, "query_string": query, "client": ("192.0.2.7", 999),
             "headers": [(b"who", json.dumps(given).encode())]}
    if raw:
        scope["raw_path"] = path.encode()
    parts = list(body) or [b""]
    sent = []

    async def receive():
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    await application(scope, receive, send)
    start, answer = sent
    assert start["type"] == "http.response.start" and answer["type"] == "http.response.body"
    headers = dict(start["headers"])
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"content-length"] == str(len(answer["body"])).encode()
    return start["status"], json.loads(answer["body"])


ADMIN = {"user_id": 1, "role": "admin", "actor": "test"}
AGENT = {"user_id": 5, "role": "agent"}


def test_the_whole_interface_as_whoever_asks(play):
    async def scene(telephony):
        application = asgi.application(telephony, who)
        assert (await ask(application, "GET", "/trunks", given=AGENT))[0] == 403
        status, document = await ask(application, "GET", "/api/trunks", root="/api", given=ADMIN)
        assert (status, document["trunks"][0]["name"]) == (200, "main")
        status, document = await ask(application, "POST", "/trunks", given=ADMIN, body=[b'{"name": "B", ', b'"host": "h.example"}'])
        assert (status, document["trunk"]["name"]) == (201, "B")
        status, document = await ask(application, "GET", "/calls/history", query=b"limit=5&number=%2B1", given=AGENT)
        assert (status, document) == (200, {"success": True, "count": 0, "calls": [], "next": None})
        assert (await ask(application, "GET", "/calls/a%2Fb", given=AGENT))[0] == 404
        assert (await ask(application, "GET", "/calls/active", given=AGENT, raw=False))[1]["count"] == 0

        async def logged():
            entries = (await ask(application, "GET", "/audit", given=ADMIN))[1]["entries"]
            return any(entry["actor"] == "test" and entry["address"] == "192.0.2.7" and entry["status"] == 201 for entry in entries)

        await until(logged, "it is in the audit log")

    play(scene)


@pytest.mark.parametrize("body, status", [([b"{"], 400), ([b"\xff"], 400), ([b'{"name": "a\\u0000b", "host": "h"}'], 400), ([b"[1]"], 400),
                                          ([b" " * 1000000] * 5, 413)])
def test_bodies_that_are_none(play, body, status):
    async def scene(telephony):
        got, document = await ask(asgi.application(telephony, who), "POST", "/trunks", given=ADMIN, body=body)
        assert (got, document["success"]) == (status, False)

    play(scene)


def test_nobody_and_nothing(play):
    async def scene(telephony):
        application = asgi.application(telephony, who)
        assert (await ask(application, "GET", "/status"))[0] == 401
        assert (await ask(application, "GET", "/nothing", given=AGENT))[0] == 404
        assert (await ask(application, "GET", "/status", given={"role": "emperor"}))[0] == 400
        with pytest.raises(ValueError):
            await application({"type": "websocket"}, None, None)
        await telephony.close()
        assert (await ask(application, "GET", "/status", given=AGENT))[0] == 503

    play(scene)


def test_pages_and_a_recording(play):
    async def scene(telephony):
        for _ in range(3):
            await telephony.ended(await telephony.originate("1001", "+15550001"))
        page = await telephony.history(limit=2, number="+1555", direction="outbound")
        assert (page.total, len(page.calls)) == (3, 2)
        behind = await telephony.history(limit=2, cursor=page.next)
        assert (behind.total, len(behind.calls), behind.next) == (None, 1, None)
        call = await telephony.recording(page.calls[0], "https://media.example/a.wav")
        assert call.recording_url == "https://media.example/a.wav"
        assert (await telephony.recording(call.call_id, None)).recording_url is None

    play(scene)
