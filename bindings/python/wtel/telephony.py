"""Calls, trunks and events in asyncio: one descriptor in the loop, no thread, nothing polled."""

import asyncio
import warnings
import weakref
from collections import OrderedDict
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Union

from . import _native, _request
from ._api import Api
from ._handle import BATCH, Handle, log
from ._streams import AmiStream, EventStream, Stream
from .ami import AmiEvent, read_ends
from .errors import Closed, Conflict, Error, Invalid, NotConnected, Timeout, from_json
from .model import Call, Event, Statistics, make

Callback = Callable[[Event], Any]
AmiCallback = Callable[[AmiEvent], Any]
RAW_BYTES = 64 << 20
ENDED = 10000


TYPES = frozenset((
    "ami:connected", "ami:disconnected", "call:new", "call:state", "call:ringing", "call:answered", "call:hangup",
    "call:failover", "trunk:registry", "trunk:down", "trunk:up", "trunk:full", "peer:status", "security", "overflow"))


def _check_type(value: Any, field: str) -> None:
    if not isinstance(value, str) or value not in TYPES:
        raise Invalid("no event is called so", "WTEL_EINVAL", field)


class Telephony(Api):
    """
        async with wtel.Telephony("ami://user:secret@pbx.example.com") as telephony:
            call = await telephony.originate("1001", "+15550001")
            print((await telephony.ended(call)).disposition)

    Without `ami` and `db` the environment says where (WTEL_AMI, WTEL_DB, or ASTERISK_HOST...), and calls are kept in
    SQLite. Times are seconds. `migrate=True` brings a shared database's schema up to date, for which it is waited;
    `store=False` keeps nothing. Entering waits up to `connect_timeout` for Asterisk (0: not at all).
    """

    def __init__(self, ami: Optional[str] = None, db: Optional[str] = None, *, country: Optional[str] = None,
                 technology: Optional[str] = None, ca_file: Optional[str] = None, tls_name: Optional[str] = None,
                 allow_plain: Optional[bool] = None, originate_timeout: Optional[float] = None,
                 dial_timeout: Optional[float] = None, max_attempts: Optional[int] = None,
                 max_queue: int = 10000, migrate: Optional[bool] = None, store: Optional[bool] = None,
                 connect_timeout: float = 10.0) -> None:
        self._handle: Optional[Handle] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._over = False
        self._max_queue = _request.number(max_queue, "max_queue", 1)
        self._connect_timeout = _request.seconds(connect_timeout, "connect_timeout")
        self._options = _request.request(
            ami=ami, db=db, country=country, technology=technology, caFile=ca_file, tlsName=tls_name,
            allowPlain=allow_plain, originateTimeout=_request.milliseconds(originate_timeout, "originate_timeout"),
            dialTimeout=_request.milliseconds(dial_timeout, "dial_timeout"), maxAttempts=max_attempts,
            maxQueue=max_queue, migrate=migrate, store=store)
        # By id of the question: who waits, and whether a call is to be hung up if nobody does any more.
        self._pending: Dict[int, Tuple["asyncio.Future[Any]", bool]] = {}
        self._quiet: Set[int] = set()
        self._settled: Optional["asyncio.Future[None]"] = None
        self._ready: Optional["asyncio.Future[None]"] = None
        self._why = ""
        # Calls of our own: those under way, and the last state of those that ended.
        self._mine: Set[str] = set()
        self._ended: "OrderedDict[str, Call]" = OrderedDict()
        self._end_waiters: Dict[str, List["asyncio.Future[Call]"]] = {}
        self._callbacks: List[Tuple[str, Callback]] = []
        self._wanted: Set[str] = set()
        self._ami_callbacks: List[Tuple[AmiCallback, Any]] = []
        self._streams: "weakref.WeakSet[EventStream]" = weakref.WeakSet()
        self._ami_streams: "weakref.WeakSet[AmiStream]" = weakref.WeakSet()
        # Tasks that wait are held only by what they wait for.
        self._held: Set[Any] = set()
        self._closing: Optional["asyncio.Future[None]"] = None

    # ---- life ----

    async def start(self) -> "Telephony":
        """What `async with` does at its beginning."""
        if self._handle is not None or self._over:
            raise Conflict("started already", "WTEL_ESTATE")
        self._loop = asyncio.get_running_loop()
        self._handle = Handle(self._options)
        self._want()
        self._loop.add_reader(self._handle.fd(), self._on_readable)
        try:
            await self._wait_ready()
        except BaseException:
            self._abort()
            raise
        return self

    async def _wait_ready(self) -> None:
        if not self._connect_timeout:
            return
        assert self._loop is not None
        self._ready = self._loop.create_future()
        try:
            await asyncio.wait_for(self._ready, self._connect_timeout)
        except asyncio.TimeoutError:
            if self._check_loop().statistics().get("connected"):
                raise Timeout("Asterisk's channels and the database's trunks were not read in time", "WTEL_ETIMEOUT") from None
            raise NotConnected(self._why or "Asterisk does not answer", "WTEL_ECONNECT") from None
        finally:
            self._ready = None

    async def close(self, timeout: float = 10.0) -> None:
        """Everything is written, Asterisk logged off. Calls that are under way go on there. Repeatable."""
        limit = _request.seconds(timeout, "timeout")
        if self._handle is None or self._over:
            self._over = True
            return
        if self._closing is None:
            self._check_loop()
            self._closing = asyncio.ensure_future(self._close(limit))
        await asyncio.shield(self._closing)

    async def _close(self, timeout: Optional[float]) -> None:
        assert self._handle is not None and self._loop is not None
        try:
            if self._quiet or any(future.cancelled() for future, _ in self._pending.values()):
                self._settled = self._loop.create_future()
                await asyncio.wait([self._settled], timeout=timeout)
            reply = self._ask(_native.binding_close)
            done, _ = await asyncio.wait([reply], timeout=timeout)
            if not done:
                log.warning("closed although the database has not answered")
        except Error as error:
            log.warning("not closed in order: %s", error)
        finally:
            self._abort()

    def _abort(self) -> None:
        """The end, at once."""
        self._over = True
        handle = self._handle
        if handle is None or handle.freed:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(handle.fd())
        handle.tell_log()
        handle.free()
        closed = Closed("closed before there was an answer", "WTEL_ECLOSED")
        waiting = [future for future, _ in self._pending.values()]
        waiting += [future for waiters in self._end_waiters.values() for future in waiters]
        self._pending.clear()
        self._end_waiters.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(closed)
                future.exception()  # seen: nobody may wait any more
        streams: List[Stream[Any]] = [*self._streams, *self._ami_streams]
        for stream in streams:
            stream._end()

    async def __aenter__(self) -> "Telephony":
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self, _warn: Any = warnings.warn) -> None:
        handle = getattr(self, "_handle", None)
        if handle is None or handle.freed:
            return
        _warn("unclosed %r" % self, ResourceWarning, source=self)
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.remove_reader(handle.fd())
        handle.free()

    def __repr__(self) -> str:
        state = "closed" if self._over else "running" if self._handle else "new"
        return "<wtel.Telephony, %s>" % state

    def _check_loop(self) -> Handle:
        if self._handle is None and not self._over:
            raise Conflict("not started: use `async with`, or await start()", "WTEL_ESTATE")
        if self._over or self._handle is None:
            raise Closed("closed already", "WTEL_ESTATE")
        return self._handle

    # ---- the loop's side ----

    def _on_readable(self) -> None:
        handle = self._handle
        if handle is None or handle.freed:
            return
        handle.dispatch()
        self._take_raw(handle)
        while not handle.freed:
            replies = handle.replies()
            for reply in replies:
                self._on_reply(reply)
            if len(replies) < BATCH:
                break
        while not handle.freed:
            notices = handle.notices()
            for notice in notices:
                self._on_event(make(Event, notice))
            if len(notices) < BATCH:
                break
        self._want()
        if not handle.freed:
            handle.tell_log()
        if self._ready is not None and not self._ready.done() and not handle.freed:
            statistics = handle.statistics()
            if statistics.get("connected") and statistics.get("synchronised"):
                self._ready.set_result(None)

    def _want(self) -> None:
        """Only what somebody hears of is made into events."""
        wanted = {"ami:disconnected"}
        if self._mine or self._end_waiters:
            wanted.add("call:hangup")
        wanted.update(name for name, _ in self._callbacks)
        for stream in tuple(self._streams):
            wanted.update(stream._types or TYPES)
        if "*" in wanted:
            wanted = set(TYPES)
        if wanted != self._wanted and self._handle is not None and not self._handle.freed:
            self._handle.want(",".join(wanted))
            self._wanted = wanted

    def _on_reply(self, reply: Dict[str, Any]) -> None:
        number = reply.get("id", 0)
        self._quiet.discard(number)
        future, originated = self._pending.pop(number, (None, False))
        if originated and "data" in reply:
            self._mine.add(str(reply["data"].get("callId")))
            self._want()
        if future is not None and not future.done():
            if "error" in reply:
                future.set_exception(from_json(reply["error"]))
            else:
                future.set_result(reply.get("data"))
        elif originated and "data" in reply:
            self._hang_up_quietly(reply["data"])
        if self._settled is not None and not self._settled.done() and not self._quiet and not any(
                future.cancelled() for future, _ in self._pending.values()):
            self._settled.set_result(None)

    def _hang_up_quietly(self, data: Any) -> None:
        """Of a call that nobody waits for any more."""
        try:
            self._quiet.add(self._check_loop().ask(_native.binding_hangup, str(data.get("callId"))))
        except Error as error:
            log.info("a cancelled call is not there to be hung up: %s", error)

    def _failed(self, what: str, error: BaseException) -> None:
        assert self._loop is not None
        self._loop.call_exception_handler({"message": "Exception in a callback of wtel (%s)" % what, "exception": error})

    def _call(self, callback: Callable[[Any], Any], event: Any, what: str) -> None:
        try:
            result = callback(event)
            if result is not None and asyncio.iscoroutine(result):
                self._spawn(result, what)
        except Exception as error:  # whatever it is, it is not ours
            self._failed(what, error)

    def _spawn(self, coroutine: Any, what: str) -> None:
        def done(task: "asyncio.Task[Any]") -> None:
            self._held.discard(task)
            if not task.cancelled() and task.exception() is not None:
                self._failed(what, task.exception())  # type: ignore[arg-type]

        task = asyncio.ensure_future(coroutine)
        self._held.add(task)
        task.add_done_callback(done)

    def _on_event(self, event: Event) -> None:
        call = event.call
        if call is not None and event.type == "call:hangup":
            if call.call_id in self._mine:
                self._mine.discard(call.call_id)
                self._ended[call.call_id] = call
                if len(self._ended) > ENDED:
                    self._ended.popitem(last=False)
            for future in self._end_waiters.pop(call.call_id, ()):
                if not future.done():
                    future.set_result(call)
        elif event.type == "ami:disconnected":
            self._why = event.text or self._why
        for stream in tuple(self._streams):
            stream._put(event)
        for name, callback in tuple(self._callbacks):
            if name in ("*", event.type):
                self._call(callback, event, event.type)

    def _take_raw(self, handle: Handle) -> None:
        if not self._ami_callbacks and not self._ami_streams:
            return
        block, ends = handle.raw_take()
        if not block or not ends:
            return
        for stream in tuple(self._ami_streams):
            stream._put(block, ends)
        if self._ami_callbacks:
            self._call_ami(block, ends)

    def _call_ami(self, block: bytes, ends: bytes) -> None:
        callbacks = tuple(self._ami_callbacks)
        alone = callbacks[0][0] if len(callbacks) == 1 and callbacks[0][1] is None else None
        start = 0
        for end in read_ends(ends):
            event = AmiEvent(block, start, end)
            # This is where most of the time goes: one callback, without a further call around it.
            if alone is not None:
                try:
                    result = alone(event)
                    if result is not None and asyncio.iscoroutine(result):
                        self._spawn(result, "ami")
                except Exception as error:
                    self._failed("ami", error)
            else:
                for callback, names in callbacks:
                    if names is None or event.name in names:
                        self._call(callback, event, "ami")
            start = end

    # ---- questions ----

    def _ask(self, function: Any, *arguments: str, originated: bool = False) -> "asyncio.Future[Any]":
        handle = self._check_loop()
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            raise Conflict("belongs to another event loop", "WTEL_ESTATE")
        number = handle.ask(function, *arguments)
        future = loop.create_future()
        self._pending[number] = (future, originated)
        return future

    async def api(self, method: str, path: str, query: str = "", body: Optional[str] = None, *,
                  user_id: Optional[int] = None, role: str = "agent", actor: Optional[str] = None,
                  address: Optional[str] = None) -> Tuple[int, Any]:
        """The REST interface without HTTP, as whoever asks: status and document. `path` and `query` percent-encoded, `body`
        as text; `actor` and `address` are for the audit log."""
        self._check_loop()
        answer = await self._ask(_native.binding_api, _request.request(
            method=_request.text(method, "method"), path=_request.text(path, "path"), query=query or None, body=body,
            userId=user_id, role=role, actor=actor, address=address))
        return answer["status"], answer.get("body")

    async def _rest(self, method: str, path: str, query: str = "", body: Optional[str] = None) -> Any:
        self._check_loop()
        answer = await self._ask(_native.binding_api, _request.request(
            method=method, path=path, query=query or None, body=body, role="admin"))
        document = answer.get("body")
        if answer.get("status", 500) >= 400 or not isinstance(document, dict) or document.get("success") is False:
            raise from_json((document or {}).get("error"), "status %s" % answer.get("status"))
        return document

    # ---- calls ----

    async def originate(self, extension: str, number: str, *, campaign_id: Optional[int] = None,
                        lead_id: Optional[int] = None, agent_id: Optional[int] = None, timeout: Optional[float] = None,
                        caller_id: Optional[str] = None, variables: Optional[_request.Variables] = None) -> Call:
        """Calls the agent, then the customer through the best trunk. The call as it is once Asterisk has taken it;
        cancelled before, it is hung up. NoTrunk, Refused, NotConnected, Invalid."""
        request = _request.request(agentExtension=extension, customerPhone=number, campaignId=campaign_id,
                                   leadId=lead_id, agentId=agent_id, callerId=caller_id,
                                   timeout=_request.milliseconds(timeout, "timeout"),
                                   variables=_request.variables(variables))
        future = self._ask(_native.binding_originate, request, originated=True)
        try:
            data = await future
        except asyncio.CancelledError:
            # Answered, and cancelled before it was looked at.
            if future.done() and not future.cancelled() and not future.exception() and not self._over:
                self._hang_up_quietly(future.result())
            raise
        return make(Call, data.get("call") or {}, trunk=data.get("trunk"))

    async def hangup(self, call: Union[Call, str]) -> None:
        """A call, by itself, its id or one of its channels' names. NotFound: it is not active."""
        name = call.call_id if isinstance(call, Call) else call
        if not isinstance(name, str):
            raise Invalid("must be a Call or a str", "WTEL_EINVAL", "channel")
        await self._ask(_native.binding_hangup, _request.check_text(name, "channel"))

    async def ended(self, call: Union[Call, str], timeout: Optional[float] = None) -> Call:
        """Waits for a call's end; its last state. Timeout (of asyncio) after `timeout` seconds."""
        call_id = call.call_id if isinstance(call, Call) else call
        limit = _request.seconds(timeout, "timeout")
        if not isinstance(call_id, str):
            raise Invalid("must be a Call or a str", "WTEL_EINVAL", "call")
        handle = self._check_loop()
        if call_id in self._ended:
            return self._ended[call_id]
        # Heard of from here on, whatever is asked meanwhile.
        future: "asyncio.Future[Call]" = asyncio.get_running_loop().create_future()
        self._end_waiters.setdefault(call_id, []).append(future)
        self._want()
        try:
            return await asyncio.wait_for(self._end_of(handle, call_id, future), limit)
        finally:
            waiters = self._end_waiters.get(call_id, [])
            if future in waiters:
                waiters.remove(future)
            if not waiters:
                self._end_waiters.pop(call_id, None)

    async def _end_of(self, handle: Handle, call_id: str, future: "asyncio.Future[Call]") -> Call:
        active = call_id in self._mine
        while not active and not future.done():
            found = await self.call(call_id)
            if found.ended:
                return found
            active = any(one.get("callId") == call_id for one in handle.calls())
            if not active:
                # It ended a moment ago: its record is on its way.
                await asyncio.wait([future], timeout=0.05)
        return await future

    def calls(self) -> List[Call]:
        """Those that are active now."""
        return [make(Call, call) for call in self._check_loop().calls()]

    def statistics(self) -> Statistics:
        """Of this moment."""
        return make(Statistics, self._check_loop().statistics())

    # ---- events ----

    def events(self, *types: str) -> EventStream:
        """`async for event in telephony.events("call:answered", "call:hangup")`; all of them without a word."""
        self._check_loop()
        for one in types:
            _check_type(one, "types")
        stream = EventStream(self._forget, self._held, types, self._max_queue)
        self._streams.add(stream)
        self._want()
        return stream

    def on(self, type: str, callback: Callback) -> Callable[[], None]:
        """Calls back for each event of that type ("*": all). What it gives back ends it."""
        if type != "*":
            _check_type(type, "type")
        if not callable(callback):
            raise Invalid("must be callable", "WTEL_EINVAL", "callback")
        entry = (type, callback)
        self._callbacks.append(entry)
        self._want()

        def end() -> None:
            if entry in self._callbacks:
                self._callbacks.remove(entry)

        return end

    def ami_events(self, *, max_bytes: int = RAW_BYTES) -> AmiStream:
        """`async for event in telephony.ami_events()`: Asterisk's own events from now on."""
        handle = self._check_loop()
        stream = AmiStream(self._forget, self._held, _request.number(max_bytes, "max_bytes", 1))
        self._ami_streams.add(stream)
        handle.raw(RAW_BYTES)
        return stream

    def on_ami(self, callback: AmiCallback, *names: str) -> Callable[[], None]:
        """Calls back for each of Asterisk's events, or those of these names. What it gives back ends it."""
        if not callable(callback):
            raise Invalid("must be callable", "WTEL_EINVAL", "callback")
        for one in names:
            if not isinstance(one, str):
                raise Invalid("must be names of events", "WTEL_EINVAL", "names")
        handle = self._check_loop()
        entry = (callback, frozenset(names) or None)
        self._ami_callbacks.append(entry)
        handle.raw(RAW_BYTES)

        def end() -> None:
            if entry in self._ami_callbacks:
                self._ami_callbacks.remove(entry)
            self._forget(None)

        return end

    def _forget(self, stream: Optional[Stream[Any]]) -> None:
        if isinstance(stream, EventStream):
            self._streams.discard(stream)
        elif isinstance(stream, AmiStream):
            self._ami_streams.discard(stream)
        if not self._ami_callbacks and not self._ami_streams and self._handle is not None and not self._handle.freed:
            self._handle.raw(0)

    async def action(self, name: str, fields: _request.Fields = (), *,
                     timeout: Optional[float] = None) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
        """Any action of Asterisk's manager interface: its response, and the items of a list. Of a name that comes more
        than once, as a command's "Output", a list of values. Refused."""
        data = await self._ask(_native.binding_action, _request.request(
            action=name, fields=_request.header_fields(fields), timeout=_request.milliseconds(timeout, "timeout")))
        return data["response"], data["items"]
