"""The same without await, for scripts: a loop of its own, which runs while a method does."""

import asyncio
from typing import Any, Awaitable, Callable, Dict, Iterator, List, Optional, Tuple, TypeVar, Union

from . import _request
from ._api import When
from .ami import AmiEvent
from .errors import Closed, Conflict
from .model import Call, Credentials, Event, History, Peer, Statistics, Stats, Step, Trunk
from .telephony import AmiCallback, Callback, Telephony

Result = TypeVar("Result")


class Connection:
    """What connect() gives. Events are heard, and callbacks called, only while a method runs: sleep() is one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._telephony = Telephony(*arguments, **options)
        self._loop: Optional[asyncio.AbstractEventLoop] = asyncio.new_event_loop()
        try:
            self._run(self._telephony.start)
        except BaseException:
            self._end()
            raise

    def _run(self, function: Callable[..., Awaitable[Result]], *arguments: Any, **options: Any) -> Result:
        if self._loop is None or self._loop.is_closed():
            raise Closed("closed already", "WTEL_ESTATE")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise Conflict("called where an event loop runs: use wtel.Telephony there", "WTEL_ESTATE")

        async def call() -> Result:
            return await function(*arguments, **options)

        return self._loop.run_until_complete(call())

    def _end(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.close()

    def close(self, timeout: float = 10.0) -> None:
        """Everything is written, Asterisk logged off. Repeatable."""
        if self._loop is None:
            return
        try:
            self._run(self._telephony.close, timeout)
        finally:
            if self._telephony._over:
                self._end()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_loop", None) is not None:
            self._telephony.__del__()
            self._end()

    def __repr__(self) -> str:
        return repr(self._telephony).replace("Telephony", "Connection")

    def sleep(self, seconds: float) -> None:
        """Lets time pass, and events be heard."""
        self._run(asyncio.sleep, _request.seconds(seconds, "seconds"))

    # ---- calls ----

    def originate(self, extension: str, number: str, *, campaign_id: Optional[int] = None,
                  lead_id: Optional[int] = None, agent_id: Optional[int] = None, timeout: Optional[float] = None,
                  caller_id: Optional[str] = None, variables: Optional[_request.Variables] = None) -> Call:
        return self._run(self._telephony.originate, extension, number, campaign_id=campaign_id, lead_id=lead_id,
                         agent_id=agent_id, timeout=timeout, caller_id=caller_id, variables=variables)

    def hangup(self, call: Union[Call, str]) -> None:
        self._run(self._telephony.hangup, call)

    def ended(self, call: Union[Call, str], timeout: Optional[float] = None) -> Call:
        return self._run(self._telephony.ended, call, timeout)

    def calls(self) -> List[Call]:
        return self._telephony.calls()

    def statistics(self) -> Statistics:
        return self._telephony.statistics()

    def call(self, call_id: str) -> Call:
        return self._run(self._telephony.call, call_id)

    def history(self, *, limit: int = 50, offset: int = 0, agent_id: Optional[int] = None,
                campaign_id: Optional[int] = None, trunk_id: Optional[int] = None, disposition: Optional[str] = None,
                since: When = None, until: When = None) -> History:
        return self._run(self._telephony.history, limit=limit, offset=offset, agent_id=agent_id,
                         campaign_id=campaign_id, trunk_id=trunk_id, disposition=disposition, since=since, until=until)

    def stats(self, *, agent_id: Optional[int] = None, campaign_id: Optional[int] = None,
              trunk_id: Optional[int] = None, since: When = None, until: When = None) -> Stats:
        return self._run(self._telephony.stats, agent_id=agent_id, campaign_id=campaign_id, trunk_id=trunk_id,
                         since=since, until=until)

    # ---- trunks ----

    def trunks(self) -> List[Trunk]:
        return self._run(self._telephony.trunks)

    def trunk_add(self, name: str, host: str, **settings: Any) -> Trunk:
        return self._run(self._telephony.trunk_add, name, host, **settings)

    def trunk_set(self, trunk: Union[Trunk, int, str], **settings: Any) -> Trunk:
        return self._run(self._telephony.trunk_set, trunk, **settings)

    def trunk_remove(self, trunk: Union[Trunk, int, str]) -> None:
        self._run(self._telephony.trunk_remove, trunk)

    def explain(self, number: Optional[str] = None, *, campaign_id: Optional[int] = None) -> List[Step]:
        return self._run(self._telephony.explain, number, campaign_id=campaign_id)

    def assign(self, campaign_id: int, trunk: Union[Trunk, int, str], priority: Optional[int] = 1) -> None:
        self._run(self._telephony.assign, campaign_id, trunk, priority)

    # ---- accounts ----

    def peers(self) -> List[Peer]:
        return self._run(self._telephony.peers)

    def peer_create(self, user_id: int, first_name: str, last_name: str) -> Credentials:
        return self._run(self._telephony.peer_create, user_id, first_name, last_name)

    def peer_renew(self, user_id: int) -> Credentials:
        return self._run(self._telephony.peer_renew, user_id)

    def peer_enable(self, user_id: int) -> None:
        self._run(self._telephony.peer_enable, user_id)

    def peer_disable(self, user_id: int) -> None:
        self._run(self._telephony.peer_disable, user_id)

    # ---- events ----

    def events(self, *types: str, timeout: Optional[float] = None) -> Iterator[Event]:
        """`for event in telephony.events("call:hangup")`: from now on; ends when none came for `timeout` seconds."""
        return self._iterate(self._telephony.events(*types), _request.seconds(timeout, "timeout"))

    def ami_events(self, *, timeout: Optional[float] = None) -> Iterator[AmiEvent]:
        """Asterisk's own events, in the same way."""
        return self._iterate(self._telephony.ami_events(), _request.seconds(timeout, "timeout"))

    def _iterate(self, stream: Any, timeout: Optional[float]) -> Iterator[Any]:
        with stream:
            while True:
                item = stream._take()
                if item is None:
                    try:
                        item = self._run(asyncio.wait_for, stream.__anext__(), timeout)
                    except (StopAsyncIteration, asyncio.TimeoutError):
                        return
                yield item

    def on(self, type: str, callback: Callback) -> Callable[[], None]:
        return self._telephony.on(type, callback)

    def on_ami(self, callback: AmiCallback, *names: str) -> Callable[[], None]:
        return self._telephony.on_ami(callback, *names)

    def action(self, name: str, fields: _request.Fields = (), *,
               timeout: Optional[float] = None) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
        return self._run(self._telephony.action, name, fields, timeout=timeout)

    def request(self, method: str, path: str, query: Optional[Dict[str, Any]] = None,
                body: Optional[Dict[str, Any]] = None) -> Any:
        return self._run(self._telephony.request, method, path, query, body)


def connect(*arguments: Any, **options: Any) -> Connection:
    """For scripts; arguments are those of Telephony.

        with wtel.connect("ami://user:secret@pbx.example.com") as telephony:
            call = telephony.originate("1001", "+15550001")
            print(telephony.ended(call).disposition)
    """
    return Connection(*arguments, **options)
