"""What can go wrong, by the library's codes."""

import json
import re
from typing import Any, Dict, Optional, Type


class Error(Exception):
    """`code` is one of the library's, as "WTEL_ENOTRUNK"; `field` the argument that was wrong, or ""."""

    def __init__(self, message: str, code: str = "WTEL_EINVAL", field: str = "") -> None:
        super().__init__("%s: %s" % (field, message) if field else message)
        self.message = message
        self.code = code
        self.field = field

    def __reduce__(self) -> Any:
        return type(self), (self.message, self.code, self.field)


class Invalid(Error, ValueError):
    """An argument cannot be: see `field`."""


class NotConnected(Error, ConnectionError):
    """There is no Asterisk at the other end, or the connection was lost."""


class Closed(Error):
    """Used after its end, or ended while it waited."""


class AuthenticationFailed(NotConnected):
    """Asterisk rejected the login."""


class Timeout(Error, TimeoutError):
    """No answer in time."""


class Refused(Error):
    """Asterisk refused the action."""


class NoTrunk(Error):
    """No trunk could take the call."""


class NotFound(Error, LookupError):
    """There is no such thing."""


class Exists(Error):
    """There is one already."""


class Conflict(Error):
    """Not possible in its present state."""


class Forbidden(Error, PermissionError):
    """Not this user's."""


class DatabaseError(Error):
    """The database failed, or its schema is not up to date."""


class OutOfMemory(Error, MemoryError):
    """As it says."""


_CLASSES: Dict[str, Type[Error]] = {
    "WTEL_EINVAL": Invalid,
    "WTEL_ELIMIT": Invalid,
    "WTEL_EINJECTION": Invalid,
    "WTEL_ECONFIG": Invalid,
    "WTEL_ECONNECT": NotConnected,
    "WTEL_ETLS": NotConnected,
    "WTEL_EAUTH": AuthenticationFailed,
    "WTEL_ECLOSED": Closed,
    "WTEL_ETIMEOUT": Timeout,
    "WTEL_EREFUSED": Refused,
    "WTEL_ENOTRUNK": NoTrunk,
    "WTEL_ENOTFOUND": NotFound,
    "WTEL_EEXISTS": Exists,
    "WTEL_ESTATE": Conflict,
    "WTEL_EPERMISSION": Forbidden,
    "WTEL_ESTORE": DatabaseError,
    "WTEL_ESCHEMA": DatabaseError,
    "WTEL_ENOMEM": OutOfMemory,
}

# Where an argument here is not called as it is in JSON.
_FIELDS = {"agentExtension": "extension", "customerPhone": "number", "primerNombre": "first_name",
           "primerApellido": "last_name", "from": "since", "to": "until", "startDate": "since", "endDate": "until"}


def python_name(field: str) -> str:
    """"campaignId" -> "campaign_id"; names of variables and of AMI's fields stay as they are."""
    if field in _FIELDS:
        return _FIELDS[field]
    if re.fullmatch(r"[a-z][A-Za-z0-9]*", field):
        return re.sub(r"[A-Z]", lambda found: "_" + found.group().lower(), field)
    return field


def from_json(value: Any, default: str = "the library failed") -> Error:
    """The exception for {"code", "message", "field"}."""
    if not isinstance(value, dict):
        return Error(str(value or default), "WTEL_EIO")
    code = str(value.get("code") or "WTEL_EIO")
    kind = _CLASSES.get(code, Error)
    return kind(str(value.get("message") or default), code, python_name(str(value.get("field") or "")))


def from_text(text: Optional[str]) -> Error:
    """Of the native layer's own words, which stand in JSON."""
    try:
        return from_json(json.loads(text or "null"))
    except ValueError:
        return Error("the library failed", "WTEL_EIO")
