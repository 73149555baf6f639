"""Ringback for plugin authors: `from ringback import on, voice, mc`, and the types of what handlers are given.

Nothing is imported here before its name is used: what a process does not need, it does not load.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ringback import events, mc, voice
    from ringback.schemas.address import Address, AddressKind
    from ringback.schemas.events import (
        CallIncomingEvent,
        CallInputEvent,
        CallStatusEvent,
        Event,
        LookupCompletedEvent,
        MessageReceivedEvent,
        MessageStatusEvent,
    )
    from ringback.workers.decorators import lifespan, on
    from ringback.workers.running.context import Context
    from ringback.workers.running.outcomes import Drop, RetryLater

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
    "events",
    "lifespan",
    "mc",
    "on",
    "voice",
]

_PLACES: Final = {
    "Address": "ringback.schemas.address",
    "AddressKind": "ringback.schemas.address",
    "CallIncomingEvent": "ringback.schemas.events",
    "CallInputEvent": "ringback.schemas.events",
    "CallStatusEvent": "ringback.schemas.events",
    "Context": "ringback.workers.running.context",
    "Drop": "ringback.workers.running.outcomes",
    "Event": "ringback.schemas.events",
    "LookupCompletedEvent": "ringback.schemas.events",
    "MessageReceivedEvent": "ringback.schemas.events",
    "MessageStatusEvent": "ringback.schemas.events",
    "RetryLater": "ringback.workers.running.outcomes",
    "events": "ringback.events",
    "lifespan": "ringback.workers.decorators",
    "mc": "ringback.mc",
    "on": "ringback.workers.decorators",
    "voice": "ringback.voice",
}
"""Name -> module that has it, or that it is."""


def __dir__() -> list[str]:
    return sorted(__all__)


if not TYPE_CHECKING:  # else mypy would take any name for one that is here

    def __getattr__(name: str) -> object:
        place = _PLACES.get(name)
        if place is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(place)
        found = module if place == f"{__name__}.{name}" else getattr(module, name)
        globals()[name] = found
        return found
