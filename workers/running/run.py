"""Run: a handler that is called with an event, the time that it may take, and what comes of it."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from typing import Final, TypeVar

from ringback.schemas.events import Event
from ringback.workers.marks import HandlerError, place
from ringback.workers.registry import Handler
from ringback.workers.running.context import Context
from ringback.workers.running.limits import TimeIsUp

NOT_WANTED: Final = object()
"""What a call returns where the handler's own `when` does not want the event."""


class HandlerTimeoutError(Exception):
    """A handler took longer than its limit."""


class Run(ABC):
    """One run of a handler: when it began (on the machine's clock; 0: not yet), and what came of it.

    `limit`, `took`: in seconds. `is_overdue`: it has taken longer than a run may without others minding. `is_over`: it
    is settled that it took too long; what it still does or raises counts for nothing. `in_thread`: it was
    given to a thread, and not to the loop. `has_own_loop`: what it awaits there is not for the loop that others share.
    """

    __slots__ = (
        "_context",
        "began",
        "error",
        "has_own_loop",
        "in_thread",
        "is_over",
        "is_overdue",
        "limit",
        "returned",
        "took",
    )

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.began = self.took = 0.0
        self.returned: object = None
        self.error: BaseException | None = None
        self.is_overdue = self.is_over = self.has_own_loop = self.in_thread = False
        self._context: Context | None = None

    @property
    @abstractmethod
    def is_async(self) -> bool:
        """Whether it is for the loop."""

    @abstractmethod
    def call(self) -> object:
        """Call the handler; an async one returns a coroutine, and so may a decorator. Raises whatever it raises."""

    @abstractmethod
    def make_context(self) -> Context:
        """Return what the handler may know beside the event."""

    @property
    def context(self) -> Context:
        """What the handler may know beside the event; made when it is first asked for, which most runs never do."""
        if self._context is None:
            self._context = self.make_context()
        return self._context

    def begin(self) -> None:
        """Note that it begins now."""
        self.began = time.monotonic()

    @property
    def ends_by(self) -> float:
        """By when it is to end, on the machine's clock."""
        return self.began + self.limit

    @property
    def left_s(self) -> float:
        """How many seconds it still has."""
        return max(0.0, self.ends_by - time.monotonic())

    def end(self) -> None:
        """Note how long it took, and that what ended it from outside was its limit."""
        self.took = time.monotonic() - self.began
        if self.error is not None and isinstance(self.error, TimeIsUp):
            self.error = self.too_long()

    def too_long(self) -> HandlerTimeoutError:
        """Return the error that its time is up."""
        return HandlerTimeoutError(f"took longer than {self.limit:g} s")


AnyRun = TypeVar("AnyRun", bound=Run)


class HandlerRun(Run):
    """A run of a handler of events. `attempt` counts from 1; `state`: what the user's lifespan has yielded."""

    __slots__ = ("advanced", "attempt", "event", "handler", "state")

    def __init__(
        self, handler: Handler, event: Event, *, attempt: int = 1, advanced: bool | None = None, state: object = None
    ) -> None:
        super().__init__(handler.subscription.timeout)
        self.handler = handler
        self.event = event
        self.attempt = attempt
        self.advanced = advanced
        self.state = state

    @property
    def is_async(self) -> bool:
        """Whether it is for the loop."""
        return self.handler.is_async

    def call(self) -> object:
        """Call the handler, if its `when` wants the event.

        Raises HandlerError where it returns a generator, in which nothing has run.
        """
        handler = self.handler
        when = handler.subscription.when
        if when is not None and not when(self.event):
            return NOT_WANTED
        returned = handler.function(self.event, self.context) if handler.takes_context else handler.function(self.event)
        if returned is not None and isinstance(returned, Generator | AsyncGenerator):
            raise HandlerError(f"{place(handler.function)}: it has a yield behind its decorator; take that out")
        return returned

    def make_context(self) -> Context:
        """Return what the handler may know beside the event."""
        return Context(
            self.handler.name, self.event.id, self.attempt, self.advanced, state=self.state, account=self.event.account
        )
