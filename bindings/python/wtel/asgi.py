"""The REST interface as an ASGI application, for any server or framework that mounts one."""

import json
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Tuple

from .errors import Error, Invalid
from .telephony import Telephony

Scope = Mapping[str, Any]
Message = Dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Who = Callable[[Scope], Awaitable[Optional[Mapping[str, Any]]]]

MAX_BODY = 4 << 20


def _refusal(code: str, message: str) -> Dict[str, Any]:
    return {"success": False, "error": {"code": code, "message": message, "field": None}}


async def _body(receive: Receive) -> Optional[bytes]:
    """None: it is too long."""
    parts: List[bytes] = []
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        more = message.get("more_body", False)
        if length > MAX_BODY:
            return None
    return b"".join(parts)


def _path(scope: Scope) -> str:
    """As it came, below where the application is mounted."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path, root = raw.split(b"?")[0].decode("latin-1"), scope.get("root_path", "")
    return "/api/telephony" + (path[len(root):] if root and path.startswith(root) else path)


async def _answer(telephony: Telephony, who: Who, scope: Scope, receive: Receive) -> Tuple[int, Any]:
    given = await who(scope)
    if not given:
        return 401, _refusal("WTEL_EPERMISSION", "this is for a user who is known")
    body = await _body(receive)
    if body is None:
        return 413, _refusal("WTEL_ELIMIT", "the body is too long")
    try:
        return await telephony.api(scope["method"], _path(scope), scope["query_string"].decode("latin-1"),
                                   body.decode() if body else None, address=(scope.get("client") or (None,))[0], **given)
    except (Invalid, UnicodeDecodeError) as error:
        return 400, _refusal("WTEL_EINVAL", str(error))
    except Error as error:
        return 503, _refusal(error.code, error.message)


def application(telephony: Telephony, who: Who) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """`who` is asked of every request (the ASGI scope) and gives {"user_id": 5, "role": "agent"}, perhaps with "actor", or
    None: 401. Mounted at /api/telephony by a framework, or served alone below "/"."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError("this is for http only")
        status, document = await _answer(telephony, who, scope, receive)
        content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        await send({"type": "http.response.start", "status": status, "headers": [
            (b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)),
            (b"cache-control", b"no-store")]})
        await send({"type": "http.response.body", "body": content})

    return serve
