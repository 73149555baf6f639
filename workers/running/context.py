"""Context: what a handler may know beside the event, and which run of a handler a log line comes from."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may know beside the event.

    `attempt` counts from 1. `idempotency_key` is the same for each attempt of this handler on this event: hand it on
    to services that take one. `advanced`: whether a status moved its message forward; None for other events. `replay`:
    whether someone asked for this run by `ringback replay`; the key is that of the first delivery. `begun_as`: what the
    handler was called at its first attempt, if it has another name now. `state`: what `@lifespan` has yielded in this
    process.
    """

    handler: str
    event_id: str
    attempt: int
    advanced: bool | None
    replay: bool = False
    begun_as: str | None = None
    state: Any = None

    @property
    def idempotency_key(self) -> str:
        """What names this handler's work on this event."""
        return f"{self.event_id}:{self.begun_as or self.handler}"

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A logger that knows the event, the handler and the attempt."""
        bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(
            event_id=self.event_id, handler=self.handler, attempt=self.attempt
        )
        return bound


class AtWork(Protocol):
    """Something that is at work for a handler, and knows its context."""

    @property
    def context(self) -> Context:
        """What its handler may know."""


running: Final[ContextVar[AtWork | None]] = ContextVar("running", default=None)


def at_work() -> Mapping[str, object]:
    """Return what names the run that this is called in, for log lines; nothing outside of one.

    A handler's own lines, and those of what it calls, are asked for it; to bind it anew for each run would cost ten
    times as much.
    """
    run = running.get()
    if run is None:
        return {}
    context = run.context
    return {"event_id": context.event_id, "handler": context.handler, "attempt": context.attempt}
