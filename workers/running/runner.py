"""Runner: calls handlers in this process's main thread, each within its time; async ones side by side on one loop."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from typing import Final, cast

from ringback.workers.running.context import running
from ringback.workers.running.invocation import AnyHandler, Invocation
from ringback.workers.running.limits import LONG_S, RING_AGAIN_S, Alarm, TimeIsUp, Watch

MAX_TOGETHER: Final = 64
_ASYNC_GRACE_S: Final = 1.0


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

    def run(self, invocation: Invocation[AnyHandler]) -> object:
        """Call the handler and return what it returns. Raises whatever it raises, and HandlerTimeoutError."""
        try:
            try:
                self._watch.expect_end(invocation.limit + _ASYNC_GRACE_S)
                if invocation.is_async:
                    self._alarm.expect_end(invocation.limit + _ASYNC_GRACE_S, _in_a_task)
                    return self._await(invocation, invocation.limit, invocation.call)
                self._alarm.expect_end(invocation.limit)
                running.set(invocation.context)
                returned = invocation.call()
                if returned is None or not isinstance(returned, Awaitable):
                    return returned
                # A plain decorator over an async function looks like a plain function until it is called.
                left = self._alarm.left_s
                is_new = left > invocation.limit - LONG_S
                self._alarm.expect_end(left + _ASYNC_GRACE_S, _in_a_task, call_held_up=is_new)
                return self._await(invocation, left, lambda: returned)
            finally:
                running.set(None)
                self._alarm.rest()
                self._watch.rest()
        except TimeIsUp:
            self._alarm.rest()  # it may have rung within the lines above
            raise invocation.too_long() from None

    def _await(self, invocation: Invocation[AnyHandler], limit: float, call: Callable[[], object]) -> object:
        outcome: list[object] = []

        async def kept() -> None:
            outcome.append(await _within(invocation, limit, call))

        self._loop(kept())
        return outcome[0]

    def run_together(
        self,
        invocations: Sequence[Invocation[AnyHandler]],
        ended: Callable[[Invocation[AnyHandler], BaseException | None, float], None],
        line_of: Callable[[Invocation[AnyHandler]], Hashable] = id,
    ) -> None:
        """Run async handlers side by side, `MAX_TOGETHER` at a time.

        `ended` is called as each ends, with what it raised and the seconds that it took. Those of one line, by
        `line_of`, run one after another.
        """
        lines: dict[Hashable, list[Invocation[AnyHandler]]] = {}
        for invocation in invocations:
            lines.setdefault(line_of(invocation), []).append(invocation)
        gate = asyncio.Semaphore(MAX_TOGETHER)
        due: dict[asyncio.Task[None], float] = {}

        async def one(invocation: Invocation[AnyHandler]) -> None:
            async with gate:
                task = cast("asyncio.Task[None]", asyncio.current_task())
                due[task] = time.monotonic() + invocation.limit + _ASYNC_GRACE_S
                self._watch.expect_end(invocation.limit + _ASYNC_GRACE_S)
                raised: BaseException | None = None
                began = time.perf_counter()
                try:
                    await _within(invocation, invocation.limit, invocation.call)
                except TimeIsUp:
                    raised = invocation.too_long()
                except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything
                    raised = error
                finally:
                    del due[task]
                ended(invocation, raised, time.perf_counter() - began)

        async def one_after_another(line: Sequence[Invocation[AnyHandler]]) -> None:
            for invocation in line:
                await one(invocation)

        async def everyone() -> None:
            held_up = self._held_up and asyncio.get_running_loop().call_later(LONG_S, self._held_up)
            try:
                await asyncio.gather(*map(one_after_another, lines.values()))
            finally:
                if held_up:
                    held_up.cancel()

        def blocks() -> bool:
            """Whether a handler that should await has the loop to itself for longer than it may."""
            return bool(due) and time.monotonic() > min(due.values()) and _in_a_task()

        self._alarm.expect_end(RING_AGAIN_S, blocks, call_held_up=False)
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
    """Whether a step of a task is what runs now; between two steps nothing is to be ended."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


async def _within(invocation: Invocation[AnyHandler], limit: float, call: Callable[[], object]) -> object:
    """Await what a handler returns when it is called, and what that returns if need be: all in `limit` seconds."""
    timeout = asyncio.timeout(limit)
    running.set(invocation.context)
    try:
        async with timeout:
            returned = call()
            while isinstance(returned, Awaitable):
                returned = await returned
            return returned
    except TimeoutError:
        if timeout.expired():
            raise invocation.too_long() from None
        raise
    finally:
        running.set(None)
