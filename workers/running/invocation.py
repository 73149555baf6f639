"""Invocation: a handler that is to be called with an event, and the time that it may take."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ringback.schemas.events import Event
from ringback.workers.registry import CallHandler, Handler
from ringback.workers.running.context import Context

AnyHandler = TypeVar("AnyHandler", bound=Handler | CallHandler)


class HandlerTimeoutError(Exception):
    """A handler took longer than its limit."""


@dataclass(frozen=True, slots=True)
class Invocation(Generic[AnyHandler]):
    """A handler to run on an event; `limit` in seconds."""

    handler: AnyHandler
    event: Event
    context: Context
    limit: float

    @property
    def is_async(self) -> bool:
        """Whether it can run beside others."""
        return self.handler.is_async

    def call(self) -> object:
        """Call the handler; an async one returns a coroutine."""
        if self.handler.takes_context:
            return self.handler.function(self.event, self.context)
        return self.handler.function(self.event)

    def too_long(self) -> HandlerTimeoutError:
        """Return the error that its time is up."""
        return HandlerTimeoutError(f"took longer than {self.limit:g} s")
