"""Run one handler on one event, within its time."""

import asyncio
import inspect
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

import structlog

from schemas.events import Event
from workers.registry import CallHandler, Handler

_ASYNC_GRACE_S: Final = 1.0


class HandlerTimeoutError(Exception):
    """A handler took longer than its limit."""


class _Alarm(BaseException):
    """Ends a handler from outside. No Exception, so that a handler's `except Exception` does not swallow it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may know beside the event.

    `attempt` counts from 1. `idempotency_key` is the same for each attempt of this handler on this event: hand it on
    to services that take one. `advanced`: whether a status moved its message forward; None for other events.
    """

    handler: str
    event_id: str
    attempt: int
    advanced: bool | None

    @property
    def idempotency_key(self) -> str:
        """Names this handler's work on this event."""
        return f"{self.event_id}:{self.handler}"

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A logger that knows the event, the handler and the attempt."""
        bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(
            event_id=self.event_id, handler=self.handler, attempt=self.attempt
        )
        return bound


class Runner:
    """Runs handlers in this process's main thread; async ones on one loop that lives as long."""

    def __init__(self) -> None:
        self._loop: asyncio.Runner | None = None

    def close(self) -> None:
        """End the loop."""
        if self._loop is not None:
            self._loop.close()

    def run(self, handler: Handler | CallHandler, event: Event, context: Context, limit: float) -> object:
        """Call the handler and give what it returns; `limit` in seconds.

        Raises whatever it raises, and HandlerTimeoutError.
        """
        arguments: tuple[object, ...] = (event, context) if handler.takes_context else (event,)
        if inspect.iscoroutinefunction(handler.function):
            if self._loop is None:
                self._loop = asyncio.Runner()
            with _alarm(limit + _ASYNC_GRACE_S):
                return self._loop.run(_within(handler, arguments, limit))
        with _alarm(limit):
            return handler.function(*arguments)


async def _within(handler: Handler | CallHandler, arguments: tuple[object, ...], limit: float) -> object:
    result = handler.function(*arguments)
    timeout = asyncio.timeout(limit)
    try:
        async with timeout:
            return await result if inspect.isawaitable(result) else result
    except TimeoutError:
        if timeout.expired():
            raise HandlerTimeoutError(f"took longer than {limit:g} s") from None
        raise


@contextmanager
def _alarm(limit: float) -> Iterator[None]:
    def ring(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise _Alarm

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    except _Alarm:
        raise HandlerTimeoutError(f"took longer than {limit:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
