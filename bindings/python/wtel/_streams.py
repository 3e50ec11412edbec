"""Queues between the library and `async for`: bounded, so that a slow reader loses, and is told, instead of filling memory."""

import asyncio
from array import array
from collections import deque
from typing import Any, Callable, Deque, Generic, Optional, Set, Tuple, TypeVar

from .ami import AmiEvent, read_ends
from .errors import Closed
from .model import Event

Item = TypeVar("Item")


class Stream(Generic[Item]):
    """`async for` over what comes from the moment it was made until the end of the Telephony or close()."""

    def __init__(self, forget: Callable[[Any], None], held: Set[Any]) -> None:
        self._forget = forget
        self._held = held
        self._waiting: Optional["asyncio.Future[None]"] = None
        self._ended = False

    def _take(self) -> Optional[Item]:
        raise NotImplementedError

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _end(self) -> None:
        self._ended = True
        self._wake()

    def close(self) -> None:
        """No more from now on."""
        self._forget(self)
        self._end()

    def __aiter__(self) -> "Stream[Item]":
        return self

    async def __anext__(self) -> Item:
        while True:
            item = self._take()
            if item is not None:
                return item
            if self._ended:
                raise StopAsyncIteration
            if self._waiting is not None:
                raise Closed("two tasks read from one stream", "WTEL_EBUSY")
            self._waiting = asyncio.get_running_loop().create_future()
            # The task that waits is held by what it waits for, and by nobody else.
            self._held.add(self)
            try:
                await self._waiting
            finally:
                self._waiting = None
                self._held.discard(self)

    def __enter__(self) -> "Stream[Item]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> "Stream[Item]":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class EventStream(Stream[Event]):
    """Events, of the wanted types. When `most` wait the oldest is dropped, and an "overflow" says how many were."""

    def __init__(self, forget: Callable[[Any], None], held: Set[Any], types: Tuple[str, ...], most: int) -> None:
        super().__init__(forget, held)
        self._types = frozenset(types)
        self._queue: Deque[Event] = deque()
        self._most = most
        self._lost = 0

    def _put(self, event: Event) -> None:
        if self._types and event.type not in self._types and event.type != "overflow":
            return
        if len(self._queue) >= self._most:
            self._queue.popleft()
            self._lost += 1
        self._queue.append(event)
        self._wake()

    def _take(self) -> Optional[Event]:
        if self._lost:
            lost, self._lost = self._lost, 0
            return Event("overflow", self._queue[0].time if self._queue else None, None, None, None, None, None, lost)
        return self._queue.popleft() if self._queue else None


class AmiStream(Stream[AmiEvent]):
    """Raw events. When more than `most` bytes wait the oldest blocks are dropped; `lost` counts their events."""

    def __init__(self, forget: Callable[[Any], None], held: Set[Any], most: int) -> None:
        super().__init__(forget, held)
        self._blocks: Deque[Tuple[bytes, "array[int]"]] = deque()
        self._block: bytes = b""
        self._ends: "array[int]" = array("I")
        self._at = 0
        self._start = 0
        self._bytes = 0
        self._most = most
        self.lost = 0

    def _put(self, block: bytes, ends: bytes) -> None:
        self._blocks.append((block, read_ends(ends)))
        self._bytes += len(block)
        while self._bytes > self._most and len(self._blocks) > 1:
            dropped, its_ends = self._blocks.popleft()
            self._bytes -= len(dropped)
            self.lost += len(its_ends)
        self._wake()

    def _take(self) -> Optional[AmiEvent]:
        if self._at == len(self._ends):
            if not self._blocks:
                return None
            self._block, self._ends = self._blocks.popleft()
            self._bytes -= len(self._block)
            self._at = self._start = 0
        start, self._start = self._start, self._ends[self._at]
        self._at += 1
        return AmiEvent(self._block, start, self._start)
