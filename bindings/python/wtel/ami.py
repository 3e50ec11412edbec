"""Messages of Asterisk's manager interface as they came, read only where somebody looks."""

from array import array
from typing import Any, Dict, Iterator, List, Optional, Tuple, overload

from . import _native
from .errors import Closed, Invalid, OutOfMemory, from_text

# How a field begins, and how long that is.
_NEEDLES: Dict[str, Tuple[bytes, int]] = {}


def _needle(name: str) -> Tuple[bytes, int]:
    if not isinstance(name, str):
        raise Invalid("must be a str", "WTEL_EINVAL", "name")
    if len(_NEEDLES) > 4096:
        _NEEDLES.clear()
    needle = ("\n%s: " % name).encode("utf-8", "replace")
    made = _NEEDLES[name] = needle, len(needle)
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
        line = self._block[self._start:self._block.find(b"\n", self._start, self._end)]
        return line.partition(b":")[2].strip().decode("utf-8", "replace")

    @property
    def is_response(self) -> bool:
        return self._block[self._start:self._start + 9].lower() == b"response:"

    @overload
    def get(self, name: str) -> Optional[str]: ...
    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: Optional[str] = None) -> Optional[str]:
        # As Asterisk itself writes it; the first line has no line end before it.
        needle, length = _NEEDLES.get(name) or _needle(name)
        block, end = self._block, self._end
        at = block.find(needle, self._start, end)
        if at < 0:
            return self._get_slowly(name, default)
        at += length
        return str(block[at:block.find(b"\r\n", at, end)], "utf-8", "replace")

    def _get_slowly(self, name: str, default: Optional[str]) -> Optional[str]:
        """Absent, or written otherwise, or the first line."""
        raw = self.raw
        needle = ("\n%s:" % name).lower().encode("utf-8", "replace")
        at = (b"\n" + raw.lower()).find(needle)
        if at < 0:
            return default
        at += len(needle) - 1
        line = raw[at:raw.find(b"\n", at)]
        return str(line[line.startswith(b" "):len(line) - line.endswith(b"\r")], "utf-8", "replace")

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
            name, colon, value = (line[:-1] if line.endswith(b"\r") else line).partition(b":")
            if colon:
                yield name.decode("utf-8", "replace"), value[value.startswith(b" "):].decode("utf-8", "replace")

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

    def __del__(self, _free: Any = _native.parser_free) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            _free(handle)
