"""Telephony for call centres on Asterisk: calls, trunks and events, on libwtel."""

import logging

from .ami import AmiEvent, Parser
from .blocking import Connection, connect
from .errors import (AuthenticationFailed, Closed, Conflict, DatabaseError, Error, Exists, Forbidden, Invalid, NoTrunk,
                     NotConnected, NotFound, OutOfMemory, Refused, Timeout)
from .model import (Breaker, Call, Credentials, Event, Health, History, Leg, Named, Peer, Statistics, Stats, Step,
                    Trunk)
from .telephony import Telephony

__version__ = "0.1.0"
__all__ = [
    "AmiEvent", "AuthenticationFailed", "Breaker", "Call", "Closed", "Conflict", "Connection", "Credentials",
    "DatabaseError", "Error", "Event", "Exists", "Forbidden", "Health", "History", "Invalid", "Leg", "Named", "NoTrunk",
    "NotConnected", "NotFound", "OutOfMemory", "Parser", "Peer", "Refused", "Statistics", "Stats", "Step", "Telephony",
    "Timeout", "Trunk", "connect",
]

logging.getLogger("wtel").addHandler(logging.NullHandler())
