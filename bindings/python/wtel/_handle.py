"""The one native handle of a Telephony: freed once, whoever comes first, and never used after that."""

import json
import logging
from typing import Any, List, Optional, Tuple

from . import _native
from .errors import Closed, from_text

log = logging.getLogger("wtel")
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
BATCH = 1000


def _array(text: Optional[bytes]) -> List[Any]:
    made: List[Any] = json.loads(text) if text else []
    return made


class Handle:
    """Stays usable for what it still holds until free(); then everything raises Closed."""

    __slots__ = ("_native",)

    def __init__(self, options: str) -> None:
        self._native: Any = None
        self._native = _native.binding_new(options)
        if not self._native:
            raise from_text(_native.binding_error(None))

    @property
    def native(self) -> Any:
        if self._native is None:
            raise Closed("closed already", "WTEL_ESTATE")
        return self._native

    @property
    def freed(self) -> bool:
        return self._native is None

    def fd(self) -> int:
        return int(_native.binding_fd(self.native))

    def ask(self, function: Any, *arguments: str) -> int:
        """The id of the reply to wait for."""
        code = function(self.native, *arguments)
        if code < 0:
            raise from_text(_native.binding_error(self._native))
        return int(code)

    def dispatch(self) -> None:
        # Out of memory: the descriptor stays readable, so it is tried again.
        _native.binding_dispatch(self.native)

    def replies(self) -> List[Any]:
        return _array(_native.binding_replies(self.native, BATCH))

    def notices(self) -> List[Any]:
        return _array(_native.binding_notices(self.native, BATCH))

    def want(self, names: str) -> None:
        if _native.binding_want(self.native, names) < 0:
            raise from_text(_native.binding_error(self._native))

    def raw(self, most: int) -> None:
        if _native.binding_raw(self.native, most) < 0:
            raise from_text(_native.binding_error(self._native))

    def raw_take(self) -> Tuple[Optional[bytes], Optional[bytes]]:
        block = _native.binding_raw_take(self.native)
        return block, _native.binding_raw_ends(self._native) if block else None

    def statistics(self) -> Any:
        return json.loads(_native.binding_statistics(self.native) or b"{}")

    def calls(self) -> List[Any]:
        return _array(_native.binding_calls(self.native))

    def tell_log(self) -> None:
        for level, line in _array(_native.binding_logs(self.native)):
            log.log(_LEVELS.get(level, logging.INFO), "%s", line)

    def free(self, _free: Any = _native.binding_free) -> None:
        native, self._native = self._native, None
        if native is not None:
            _free(native)

    def __del__(self, _free: Any = _native.binding_free) -> None:
        native, self._native = self._native, None
        if native is not None:
            _free(native)
