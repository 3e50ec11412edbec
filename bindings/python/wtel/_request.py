"""Arguments on their way into the library: whatever they are, it is an Invalid that names the field, or JSON."""

import json
import math
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote, urlencode

from .errors import Invalid, python_name
from .model import camel

MAX_TEXT = 1 << 20
MAX_DEPTH = 32

Variables = Mapping[str, Union[str, int]]
Fields = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]


def check_text(value: str, field: str) -> str:
    if len(value) > MAX_TEXT:
        raise Invalid("longer than %d bytes" % MAX_TEXT, "WTEL_ELIMIT", field)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise Invalid("is not valid Unicode", "WTEL_EINVAL", field) from None
    if "\0" in value:
        raise Invalid("NUL in a text", "WTEL_EINJECTION", field)
    return value


def text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise Invalid("must be a str", "WTEL_EINVAL", field)
    return check_text(value, field)


def check(value: Any, field: str, depth: int = 0) -> Any:
    """`value`, if JSON can carry it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return check_text(value, field)
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise Invalid("is too large a number", "WTEL_EINVAL", field)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid("is not a number", "WTEL_EINVAL", field)
        return value
    if depth == MAX_DEPTH:
        raise Invalid("is nested too deeply", "WTEL_ELIMIT", field)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise Invalid("has a name that is no str", "WTEL_EINVAL", field)
            check_text(key, field)
        return {key: check(one, "%s.%s" % (field, key), depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [check(one, "%s[%d]" % (field, index), depth + 1) for index, one in enumerate(value)]
    raise Invalid("cannot be a %s" % type(value).__name__, "WTEL_EINVAL", field)


def milliseconds(value: Optional[float], field: str) -> Optional[int]:
    """Out of seconds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid("must be seconds", "WTEL_EINVAL", field)
    if not 0 < value <= 3600:
        raise Invalid("must be between a millisecond and an hour", "WTEL_EINVAL", field)
    return max(1, round(value * 1000))


def seconds(value: Optional[float], field: str) -> Optional[float]:
    """As asyncio takes them; None: no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise Invalid("must be seconds", "WTEL_EINVAL", field)
    return min(float(value), 1e9)


def number(value: Any, field: str, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid("must be a whole number", "WTEL_EINVAL", field)
    if not least <= value < 1 << 63:
        raise Invalid("is out of range", "WTEL_EINVAL", field)
    return value


def request(**values: Any) -> str:
    """A JSON object of what is not None; ASCII, so that the library sees every oddity as it is."""
    return json.dumps({key: check(value, python_name(key)) for key, value in values.items() if value is not None})


def variables(value: Optional[Variables]) -> Optional[Dict[str, str]]:
    """Numbers are texts to Asterisk."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Invalid("must be a dict", "WTEL_EINVAL", "variables")
    made = {}
    for name, one in value.items():
        if not isinstance(name, str):
            raise Invalid("has a name that is no str", "WTEL_EINVAL", "variables")
        if isinstance(one, bool) or not isinstance(one, (str, int)):
            raise Invalid("must be a str", "WTEL_EINVAL", "variables." + name)
        made[name] = str(one)
    return made


def header_fields(value: Fields) -> List[List[str]]:
    """A dict, with a list where a name comes more than once, or pairs."""
    made: List[List[str]] = []
    pairs: Iterable[Any] = value.items() if isinstance(value, Mapping) else value
    try:
        pairs = [tuple(pair) for pair in pairs]
    except TypeError:
        raise Invalid("must be a dict or pairs of names and texts", "WTEL_EINVAL", "fields") from None
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise Invalid("must be a dict or pairs of names and texts", "WTEL_EINVAL", "fields")
        for one in pair[1] if isinstance(pair[1], (list, tuple)) else (pair[1],):
            if isinstance(one, bool) or not isinstance(one, (str, int)):
                raise Invalid("must be a str", "WTEL_EINVAL", pair[0])
            made.append([check_text(pair[0], "fields"), check_text(str(one), pair[0])])
    return made


def query(**values: Any) -> str:
    made = {}
    for name, value in values.items():
        if value is None:
            continue
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif hasattr(value, "isoformat"):
            value = _time(value)
        elif not isinstance(value, (str, int)):
            raise Invalid("cannot be a %s" % type(value).__name__, "WTEL_EINVAL", python_name(name))
        made[name] = check(value, python_name(name))
    return urlencode(made, quote_via=quote)


def _time(value: Any) -> str:
    """A day, or an instant in UTC; one without a zone is the machine's own time."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value.isoformat())


def body(values: Mapping[str, Any]) -> str:
    return json.dumps({camel(name): check(value, name) for name, value in values.items() if value is not None})


def segment(value: Any, field: str) -> str:
    """A text as one part of a path."""
    if text(value, field) in ("", ".", ".."):
        raise Invalid("is needed", "WTEL_EINVAL", field)
    return quote(value, safe="")
