"""Ringback for plugin authors: `from ringback import on, voice, mc, wa, Mocean`, and the types of what there is.

Nothing is imported here before its name is used: what a process does not need, it does not load.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ringback import events, mc, voice, wa
    from ringback.clients.errors import (
        InDoubtError,
        InvalidRequestError,
        NoCreditError,
        NotConfiguredError,
        PartialError,
        RefusedError,
        SendError,
        ThrottledError,
        UnauthorizedError,
        UnavailableError,
    )
    from ringback.clients.mocean.client import AsyncMocean, Mocean
    from ringback.clients.mycoolsms.client import AsyncMyCoolSms, MyCoolSms
    from ringback.outbox.box import Outbox
    from ringback.outbox.draft import Sending
    from ringback.schemas.address import Address, AddressKind
    from ringback.schemas.events import (
        CallIncomingEvent,
        CallInputEvent,
        CallPlacedEvent,
        CallStatusEvent,
        Event,
        LookupCompletedEvent,
        MessageReceivedEvent,
        MessageSentEvent,
        MessageStatusEvent,
    )
    from ringback.schemas.segments import Segments, segments
    from ringback.schemas.wa_contents import WaError
    from ringback.workers.decorators import lifespan, on
    from ringback.workers.running.context import Context
    from ringback.workers.running.outcomes import Drop, RetryLater

__all__ = [
    "Address",
    "AddressKind",
    "AsyncMocean",
    "AsyncMyCoolSms",
    "CallIncomingEvent",
    "CallInputEvent",
    "CallPlacedEvent",
    "CallStatusEvent",
    "Context",
    "Drop",
    "Event",
    "InDoubtError",
    "InvalidRequestError",
    "LookupCompletedEvent",
    "MessageReceivedEvent",
    "MessageSentEvent",
    "MessageStatusEvent",
    "Mocean",
    "MyCoolSms",
    "NoCreditError",
    "NotConfiguredError",
    "Outbox",
    "PartialError",
    "RefusedError",
    "RetryLater",
    "Segments",
    "SendError",
    "Sending",
    "ThrottledError",
    "UnauthorizedError",
    "UnavailableError",
    "WaError",
    "events",
    "lifespan",
    "mc",
    "on",
    "segments",
    "voice",
    "wa",
]

_PLACES: Final = {
    "Address": "ringback.schemas.address",
    "AddressKind": "ringback.schemas.address",
    "CallIncomingEvent": "ringback.schemas.events",
    "CallInputEvent": "ringback.schemas.events",
    "CallPlacedEvent": "ringback.schemas.events",
    "CallStatusEvent": "ringback.schemas.events",
    "Context": "ringback.workers.running.context",
    "Drop": "ringback.workers.running.outcomes",
    "Event": "ringback.schemas.events",
    "LookupCompletedEvent": "ringback.schemas.events",
    "MessageReceivedEvent": "ringback.schemas.events",
    "MessageSentEvent": "ringback.schemas.events",
    "MessageStatusEvent": "ringback.schemas.events",
    "RetryLater": "ringback.workers.running.outcomes",
    "Segments": "ringback.schemas.segments",
    "WaError": "ringback.schemas.wa_contents",
    "events": "ringback.events",
    "lifespan": "ringback.workers.decorators",
    "mc": "ringback.mc",
    "on": "ringback.workers.decorators",
    "segments": "ringback.schemas.segments",
    "voice": "ringback.voice",
    "AsyncMocean": "ringback.clients.mocean.client",
    "Mocean": "ringback.clients.mocean.client",
    "AsyncMyCoolSms": "ringback.clients.mycoolsms.client",
    "MyCoolSms": "ringback.clients.mycoolsms.client",
    "Outbox": "ringback.outbox.box",
    "Sending": "ringback.outbox.draft",
    "InDoubtError": "ringback.clients.errors",
    "InvalidRequestError": "ringback.clients.errors",
    "NoCreditError": "ringback.clients.errors",
    "NotConfiguredError": "ringback.clients.errors",
    "PartialError": "ringback.clients.errors",
    "RefusedError": "ringback.clients.errors",
    "SendError": "ringback.clients.errors",
    "ThrottledError": "ringback.clients.errors",
    "UnauthorizedError": "ringback.clients.errors",
    "UnavailableError": "ringback.clients.errors",
    "wa": "ringback.wa",
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
