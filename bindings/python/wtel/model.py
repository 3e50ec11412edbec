"""The library's values as frozen dataclasses."""

import re
import sys
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar

_SLOTS: Dict[str, Any] = {"slots": True} if sys.version_info >= (3, 10) else {}


@dataclass(frozen=True, **_SLOTS)
class Leg:
    """One channel of a call."""

    unique_id: Optional[str]
    channel: Optional[str]
    number: Optional[str]
    role: str  # "agent", "customer", "other"
    trunk_id: Optional[int]
    start_time: Optional[datetime]
    ringing_time: Optional[datetime]
    answer_time: Optional[datetime]
    end_time: Optional[datetime]
    cause: int
    sip_code: Optional[int]


@dataclass(frozen=True, **_SLOTS)
class Named:
    """A campaign or a lead of the platform."""

    id: int
    name: Optional[str]


@dataclass(frozen=True, **_SLOTS)
class Call:
    """One conversation with one customer. `end_time` is None while it lives; durations are whole seconds."""

    id: Optional[int]
    call_id: str
    channel: Optional[str]
    direction: str  # "outbound", "inbound"
    state: str  # "queued", "agent", "dialing", "ringing", "answered", "ended"
    disposition: Optional[str]  # "ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CANCELLED"
    caller_number: Optional[str]
    callee_number: Optional[str]
    start_time: Optional[datetime]
    ringing_time: Optional[datetime]
    answer_time: Optional[datetime]
    end_time: Optional[datetime]
    duration: int
    billsec: int
    estimated: bool
    transferred: bool
    agent_id: Optional[int]
    campaign_id: Optional[int]
    lead_id: Optional[int]
    trunk_id: Optional[int]
    trunk: Optional[str]  # its name, of a call that was just originated
    campaign: Optional[Named]
    lead: Optional[Named]
    cause: int
    sip_code: Optional[int]
    reason: Optional[str]
    recording_url: Optional[str]
    legs: Tuple[Leg, ...]

    @property
    def answered(self) -> bool:
        return self.answer_time is not None

    @property
    def ended(self) -> bool:
        return self.end_time is not None


@dataclass(frozen=True, **_SLOTS)
class Event:
    """What happened: `type` is "call:new", "call:answered", "trunk:down", "overflow"... What does not apply is None."""

    type: str
    time: Optional[datetime]
    call: Optional[Call]
    trunk_id: Optional[int]
    name: Optional[str]  # trunk, extension, channel or host
    status: Optional[str]
    text: Optional[str]
    lost: int  # of "overflow": how many events a slow reader missed


@dataclass(frozen=True, **_SLOTS)
class Breaker:
    """Open: the trunk is left alone until `retry_at`."""

    state: str
    faults: int
    retry_at: Optional[datetime]


@dataclass(frozen=True, **_SLOTS)
class Health:
    """Of a trunk's last attempts as this process saw them; durations in seconds."""

    attempts: int
    answered: int
    faults: int
    answer_seizure_ratio: Optional[str]  # "80.00"
    post_dial_delay: Optional[float]
    average_call_duration: Optional[float]


@dataclass(frozen=True, **_SLOTS)
class Trunk:
    """A way out to the public network."""

    id: int
    name: str
    description: Optional[str]
    provider: str
    trunk_type: Optional[str]
    host: Optional[str]
    port: Optional[int]
    status: str
    registered: bool
    needs_registration: Optional[bool]
    max_channels: int
    active_calls: int
    priority: int
    total_calls: int
    successful_calls: int
    failed_calls: int
    endpoint: Optional[str]
    breaker: Optional[Breaker]
    advanced_settings: Mapping[str, Any]
    last_registered_at: Optional[datetime]
    last_error_at: Optional[datetime]
    last_error_message: Optional[str]
    username: Optional[str]
    from_user: Optional[str]
    from_domain: Optional[str]
    health: Optional[Health]


@dataclass(frozen=True, **_SLOTS)
class Peer:
    """An agent's SIP account."""

    id: Optional[int]
    user_id: int
    username: str
    extension: str
    status: str
    registered: bool
    last_registered_at: Optional[datetime]
    user_agent: Optional[str]
    ip_address: Optional[str]


@dataclass(frozen=True, **_SLOTS)
class Credentials:
    """What a phone registers with."""

    username: str
    password: str
    extension: str


@dataclass(frozen=True, **_SLOTS)
class Stats:
    """Of finished calls, in seconds."""

    total_calls: int
    answered: int
    no_answer: int
    busy: int
    failed: int
    cancelled: int
    total_duration: int
    total_billsec: int
    avg_duration: int
    avg_billsec: int
    answer_rate: str  # "80.00"


@dataclass(frozen=True, **_SLOTS)
class Statistics:
    """The service at this moment."""

    connected: bool
    synchronised: bool  # Asterisk's channels were read since the connect
    active_calls: int
    calls_in_progress: int  # answered
    channels: int
    store_queue: int  # changes that are not durable yet
    reconnects: int
    round_trip: Optional[float]  # seconds of the last ping
    host: Optional[str]
    ami: Optional[str]  # version of Asterisk's manager interface
    raw_lost: int  # raw events that a slow reader missed


@dataclass(frozen=True, **_SLOTS)
class History:
    """Calls, newest first, and how many there are without a limit (None of a page by cursor). `next` is the cursor of
    the page behind this one, None at the end."""

    total: Optional[int]
    calls: Tuple[Call, ...]
    next: Optional[str] = None


@dataclass(frozen=True, **_SLOTS)
class Step:
    """What the choice says of one trunk: "taken", "next", "full", "breaker"... and why. `order` is its place among
    those that may carry the call."""

    order: Optional[int]
    id: int
    name: Optional[str]
    priority: int
    weight: int
    active_calls: int
    max_channels: int
    verdict: str
    why: Optional[str]
    dials: Optional[str]
    caller_id: Optional[str]


Model = TypeVar("Model")
# Where JSON calls a field otherwise.
_NAMED: Dict[Tuple[str, str], str] = {
    ("Call", "state"): "stateName",
    ("Event", "type"): "event",
    ("Named", "name"): "nombre",
}
_ZERO: Dict[str, Any] = {"int": 0, "bool": False, "str": ""}


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found.group(1).upper(), name)


def time_of(text: Any) -> Optional[datetime]:
    """ "2025-10-25T10:30:00.123Z", aware, in UTC."""
    if not text:
        return None
    made = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1] == "Z" else text)
    return made if made.tzinfo is timezone.utc else made.astimezone(timezone.utc)


def _nested(kind: Type[Model]) -> Callable[[Any], Optional[Model]]:
    return lambda value: make(kind, value) if isinstance(value, dict) else None


_MAKERS: Dict[Tuple[str, str], Callable[[Any], Any]] = {
    ("Call", "legs"): lambda value: tuple(make(Leg, leg) for leg in value or ()),
    ("Call", "campaign"): _nested(Named),
    ("Call", "lead"): _nested(Named),
    ("Event", "call"): _nested(Call),
    ("Trunk", "breaker"): _nested(Breaker),
    ("Trunk", "health"): _nested(Health),
    ("Trunk", "advanced_settings"): lambda value: value if isinstance(value, dict) else {},
}
_PLANS: Dict[type, List[Tuple[str, str, Optional[Callable[[Any], Any]], Any]]] = {}


def _plan(kind: type) -> List[Tuple[str, str, Optional[Callable[[Any], Any]], Any]]:
    plan = []
    for field in fields(kind):
        where = (kind.__name__, field.name)
        maker = _MAKERS.get(where)
        if maker is None and field.name.endswith(("_time", "_at")) or field.name == "time":
            maker = time_of
        zero = _ZERO.get(getattr(field.type, "__name__", ""))
        plan.append((field.name, _NAMED.get(where, camel(field.name)), maker, zero))
    _PLANS[kind] = plan
    return plan


def make(kind: Type[Model], data: Mapping[str, Any], **more: Any) -> Model:
    """A dataclass out of JSON's object; `more` is what it cannot know."""
    get = data.get
    values: Dict[str, Any] = {}
    for name, key, maker, zero in _PLANS.get(kind) or _plan(kind):
        value = get(key, zero)
        if maker is not None:
            value = maker(value)
        values[name] = zero if value is None else value
    values.update(more)
    return kind(**values)
