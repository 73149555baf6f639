"""Run one handler on one event, within its time."""

import asyncio
import math
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Final, Generic, TypeVar, cast

import structlog

from schemas.events import Event
from workers.registry import CallHandler, Handler
from workers.watch import Watch

MAX_TOGETHER: Final = 64

LONG_S: Final = 0.25

_ASYNC_GRACE_S: Final = 1.0
_RING_AGAIN_S: Final = 1.0
_SHORTEST_S: Final = 0.001  # a timer of 0 is none


class HandlerTimeoutError(Exception):
    """A handler took longer than its limit."""


class _Alarm(BaseException):
    """Ends a handler from outside. No Exception, so that a handler's `except Exception` does not swallow it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may know beside the event.

    `attempt` counts from 1. `idempotency_key` is the same for each attempt of this handler on this event: hand it on
    to services that take one. `advanced`: whether a status moved its message forward; None for other events. `replay`:
    whether someone asked for this run by `ringback replay`; the key is that of the first delivery.
    """

    handler: str
    event_id: str
    attempt: int
    advanced: bool | None
    replay: bool = False

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


_running: Final[ContextVar[Context | None]] = ContextVar("running", default=None)


def at_work() -> Mapping[str, object]:
    """Name the run that this is called in, for log lines; nothing outside of one.

    A handler's own lines, and those of what it calls, are asked for it; to bind it anew for each run would cost ten
    times as much.
    """
    context = _running.get()
    if context is None:
        return {}
    return {"event_id": context.event_id, "handler": context.handler, "attempt": context.attempt}


AnyHandler = TypeVar("AnyHandler", bound=Handler | CallHandler)


@dataclass(frozen=True, slots=True)
class Run(Generic[AnyHandler]):
    """A handler to run on an event; `limit` in seconds."""

    handler: AnyHandler
    event: Event
    context: Context
    limit: float

    @property
    def is_async(self) -> bool:
        """Tell whether it can run beside others."""
        return self.handler.is_async

    def call(self) -> object:
        """Call the handler; an async one gives a coroutine."""
        if self.handler.takes_context:
            return self.handler.function(self.event, self.context)
        return self.handler.function(self.event)

    def too_long(self) -> HandlerTimeoutError:
        """Say that its time is up."""
        return HandlerTimeoutError(f"took longer than {self.limit:g} s")


class Alarm:
    """Ends what runs too long, from outside: one timer for as long as a runner lives.

    Setting and clearing a timer around each run would cost more than most handlers. So the timer stays armed, for the
    earliest end that was asked for, and when it rings it is looked at what runs now.

    `held_up` is called once in each run that takes longer than `LONG_S`, in the midst of it.
    """

    def __init__(self, held_up: Callable[[], None] | None) -> None:
        self._held_up = held_up
        self._long_s = math.inf if held_up is None else LONG_S
        self._long_at = math.inf
        self._due = math.inf
        self._rings_at = math.inf
        self._may_end: Callable[[], bool] = _always
        signal.signal(signal.SIGALRM, self._ring)

    def expect_end(
        self, seconds: float, may_end: Callable[[], bool] | None = None, *, call_held_up: bool = True
    ) -> None:
        """Raise _Alarm in what runs from now on if it takes longer, and each second from then, if `may_end` says so."""
        self._may_end = may_end or _always
        now = time.monotonic()
        self._due = now + seconds
        self._long_at = now + self._long_s if call_held_up else math.inf
        if self._due < self._rings_at or self._long_at < self._rings_at:
            self._set(min(self._due, self._long_at) - now)

    def rest(self) -> None:
        """Nothing runs any more."""
        self._due = self._long_at = math.inf

    def close(self) -> None:
        """Ring no more."""
        self._due = self._long_at = math.inf
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _set(self, seconds: float) -> None:
        self._rings_at = time.monotonic() + seconds
        signal.setitimer(signal.ITIMER_REAL, max(seconds, _SHORTEST_S))

    def _ring(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._rings_at = math.inf
        if self._due == math.inf:
            return
        now = time.monotonic()
        if now >= self._long_at and self._held_up is not None:
            self._long_at = math.inf
            self._set(max(self._due - now, _SHORTEST_S))
            self._held_up()
            return
        left = self._due - now
        self._set(min(left, self._long_at - now) if left > 0 else _RING_AGAIN_S)
        if left <= 0 and self._may_end():
            raise _Alarm


def _always() -> bool:
    return True


class Runner:
    """Runs handlers in this process's main thread; async ones on one loop that lives as long.

    `held_up` is called in the midst of what runs, once it has taken longer than `LONG_S`.
    """

    def __init__(self, watch: Watch, held_up: Callable[[], None] | None = None) -> None:
        self._watch = watch
        self._held_up = held_up
        self._alarm = Alarm(held_up)
        self._runner: asyncio.Runner | None = None

    def close(self) -> None:
        """End the loop."""
        self._alarm.close()
        if self._runner is not None:
            self._runner.close()

    def run(self, run: Run[AnyHandler]) -> object:
        """Call the handler and give what it returns. Raises whatever it raises, and HandlerTimeoutError."""
        try:
            try:
                self._watch.expect_end(run.limit + _ASYNC_GRACE_S)
                if run.is_async:
                    self._alarm.expect_end(run.limit + _ASYNC_GRACE_S, _in_a_task)
                    return self._await(run)
                self._alarm.expect_end(run.limit)
                _running.set(run.context)
                return run.call()
            finally:
                _running.set(None)
                self._alarm.rest()
                self._watch.rest()
        except _Alarm:
            self._alarm.rest()  # it may have rung within the lines above
            raise run.too_long() from None

    def _await(self, run: Run[AnyHandler]) -> object:
        outcome: list[object] = []

        async def kept() -> None:
            outcome.append(await _within(run))

        self._loop(kept())
        return outcome[0]

    def run_together(
        self,
        runs: Sequence[Run[AnyHandler]],
        ended: Callable[[Run[AnyHandler], BaseException | None, float], None],
        line_of: Callable[[Run[AnyHandler]], Hashable] = id,
    ) -> None:
        """Run async handlers side by side, `MAX_TOGETHER` at a time.

        `ended` is called as each ends, with what it raised and the seconds that it took. Those of one line, by
        `line_of`, run one after another.
        """
        lines: dict[Hashable, list[Run[AnyHandler]]] = {}
        for run in runs:
            lines.setdefault(line_of(run), []).append(run)
        gate = asyncio.Semaphore(MAX_TOGETHER)
        due: dict[asyncio.Task[None], float] = {}

        async def one(run: Run[AnyHandler]) -> None:
            async with gate:
                task = cast("asyncio.Task[None]", asyncio.current_task())
                due[task] = time.monotonic() + run.limit + _ASYNC_GRACE_S
                self._watch.expect_end(run.limit + _ASYNC_GRACE_S)
                raised: BaseException | None = None
                began = time.perf_counter()
                try:
                    await _within(run)
                except _Alarm:
                    raised = run.too_long()
                except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything
                    raised = error
                finally:
                    del due[task]
                ended(run, raised, time.perf_counter() - began)

        async def one_after_another(line: Sequence[Run[AnyHandler]]) -> None:
            for run in line:
                await one(run)

        async def everyone() -> None:
            held_up = self._held_up and asyncio.get_running_loop().call_later(LONG_S, self._held_up)
            try:
                await asyncio.gather(*map(one_after_another, lines.values()))
            finally:
                if held_up:
                    held_up.cancel()

        def blocks() -> bool:
            """Tell whether a handler that should await has the loop to itself for longer than it may."""
            return bool(due) and time.monotonic() > min(due.values()) and _in_a_task()

        self._alarm.expect_end(_RING_AGAIN_S, blocks, call_held_up=False)
        try:
            self._loop(everyone())
        finally:
            self._alarm.rest()
            self._watch.rest()

    def _loop(self, work: Coroutine[None, None, None]) -> None:
        if self._runner is None:
            self._runner = asyncio.Runner()
        self._runner.run(work)


def _in_a_task() -> bool:
    """Tell whether a step of a task is what runs now; between two steps nothing is to be ended."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


async def _within(run: Run[AnyHandler]) -> object:
    """Await an async handler for as long as it may take."""
    timeout = asyncio.timeout(run.limit)
    _running.set(run.context)
    try:
        async with timeout:
            return await cast("Awaitable[object]", run.call())
    except TimeoutError:
        if timeout.expired():
            raise run.too_long() from None
        raise
    finally:
        _running.set(None)
