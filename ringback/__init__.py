"""Ringback for plugin authors: `from ringback import on, voice, mc`, and the types of what handlers are given."""

from ringback import mc, voice
from schemas.address import Address, AddressKind
from schemas.events import (
    CallIncomingEvent,
    CallInputEvent,
    CallStatusEvent,
    Event,
    LookupCompletedEvent,
    MessageReceivedEvent,
    MessageStatusEvent,
)
from workers.context import Context
from workers.decorators import on
from workers.outcomes import Drop, RetryLater

__all__ = [
    "Address",
    "AddressKind",
    "CallIncomingEvent",
    "CallInputEvent",
    "CallStatusEvent",
    "Context",
    "Drop",
    "Event",
    "LookupCompletedEvent",
    "MessageReceivedEvent",
    "MessageStatusEvent",
    "RetryLater",
    "mc",
    "on",
    "voice",
]
