"""Invocation: a handler that is to be called with an event, and the time that it may take."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ringback.schemas.events import Event
from ringback.workers.marks import HandlerError, place
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
        """Call the handler; an async one returns a coroutine, and so may a decorator of one.

        Raises HandlerError where it returns a generator, in which nothing has run.
        """
        handler = self.handler
        returned = handler.function(self.event, self.context) if handler.takes_context else handler.function(self.event)
        if returned is not None and isinstance(returned, Generator | AsyncGenerator):
            raise HandlerError(f"{place(handler.function)}: it has a yield behind its decorator; take that out")
        return returned

    def too_long(self) -> HandlerTimeoutError:
        """Return the error that its time is up."""
        return HandlerTimeoutError(f"took longer than {self.limit:g} s")
