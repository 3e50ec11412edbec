"""Messages of Asterisk's manager interface as they came, read only where somebody looks."""

import sys
from array import array
from typing import Any, Dict, Iterator, List, Optional, Tuple, overload

from . import _native
from .errors import Closed, Invalid, OutOfMemory, from_text

_NEEDLES: Dict[str, bytes] = {}


def _needle(name: str) -> bytes:
    if len(_NEEDLES) > 4096:
        _NEEDLES.clear()
    made = _NEEDLES[name] = ("\n%s:" % name).encode("utf-8", "surrogateescape")
    return made


class AmiEvent:
    """One event or response. Reads its fields out of the block of bytes that it came in when they are asked for.

    `event["Channel"]` raises KeyError, `event.get("Channel")` gives None, `event.fields` all of them as a dict (of a
    name that comes more than once, the first; `event.get_all()` gives each). Names are compared as Asterisk does,
    whatever their case. Bytes that are not UTF-8 become U+FFFD.
    """

    __slots__ = ("_block", "_start", "_end")

    def __init__(self, block: bytes, start: int, end: int) -> None:
        self._block = block
        self._start = start
        self._end = end

    @property
    def raw(self) -> bytes:
        """The bytes, with the empty line at their end."""
        return self._block[self._start:self._end]

    @property
    def name(self) -> str:
        """ "Hangup" of an event, "Success" of a response."""
        block = self._block
        colon = block.find(b":", self._start, self._end)
        end = block.find(b"\n", self._start, self._end)
        return block[colon + 1:end].strip().decode("utf-8", "replace") if 0 <= colon < end else ""

    @property
    def is_response(self) -> bool:
        return self._block[self._start:self._start + 9].lower() == b"response:"

    @overload
    def get(self, name: str) -> Optional[str]: ...
    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: Optional[str] = None) -> Optional[str]:
        block = self._block
        # The first line has no line end before it.
        at = block.find(_NEEDLES.get(name) or _needle(name), self._start, self._end)
        if at < 0:
            return self._get_slowly(name, default)
        at += len(_NEEDLES[name])
        return block[at:block.find(b"\n", at, self._end)].strip(b" \r").decode("utf-8", "replace")

    def _get_slowly(self, name: str, default: Optional[str]) -> Optional[str]:
        wanted = name.lower()
        if wanted == "event":
            return default if self.is_response else self.name
        for field, value in self.items():
            if field.lower() == wanted:
                return value
        return default

    def get_all(self, name: str) -> List[str]:
        wanted = name.lower()
        return [value for field, value in self.items() if field.lower() == wanted]

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def items(self) -> Iterator[Tuple[str, str]]:
        """Names and values in the order of the wire."""
        for line in self.raw.split(b"\n"):
            name, colon, value = line.rstrip(b"\r").partition(b":")
            if colon:
                yield name.decode("utf-8", "replace"), value.strip(b" ").decode("utf-8", "replace")

    @property
    def fields(self) -> Dict[str, str]:
        made: Dict[str, str] = {}
        for name, value in self.items():
            made.setdefault(name, value)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AmiEvent) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return "<AmiEvent %s, %d bytes>" % (self.name, self._end - self._start)

    def __reduce__(self) -> Any:
        raw = self.raw
        return AmiEvent, (raw, 0, len(raw))


def read_ends(data: Optional[bytes]) -> "array[int]":
    """Offsets behind each message of a block."""
    ends = array("I")
    if data:
        ends.frombytes(data)
    return ends


def events_of(block: Optional[bytes], ends: Optional[bytes]) -> List[AmiEvent]:
    if not block:
        return []
    start, made = 0, []
    for end in read_ends(ends):
        made.append(AmiEvent(block, start, end))
        start = end
    return made


class Parser:
    """The parser alone, for who has a stream of bytes already: no socket, no loop.

        for message in parser.feed(data): ...
    """

    __slots__ = ("_handle", "__weakref__")

    def __init__(self) -> None:
        self._handle: Any = None
        self._handle = _native.parser_new()
        if not self._handle:
            raise from_text(_native.binding_error(None))

    def feed(self, data: bytes) -> List[AmiEvent]:
        """Any piece of a stream; the messages (events and responses) that are complete with it."""
        if self._handle is None:
            raise Closed("the parser was closed", "WTEL_ESTATE")
        try:
            code = _native.parser_feed(self._handle, data)
        except TypeError:
            raise Invalid("must be bytes", "WTEL_EINVAL", "data") from None
        except BufferError:
            raise Invalid("must be contiguous bytes", "WTEL_EINVAL", "data") from None
        block = _native.parser_take(self._handle)
        messages = events_of(block, _native.parser_ends(self._handle))
        # What could not be taken for want of memory comes with the next piece.
        if code and not messages:
            raise OutOfMemory("out of memory", "WTEL_ENOMEM")
        return messages

    @property
    def skipped(self) -> int:
        """Messages beyond the library's limits: they are left out, and the stream goes on."""
        if self._handle is None:
            raise Closed("the parser was closed", "WTEL_ESTATE")
        return int(_native.parser_skipped(self._handle))

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            _native.parser_free(handle)

    def __enter__(self) -> "Parser":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self, _free: Any = _native.parser_free, _ending: Any = sys.is_finalizing) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            _free(handle)
