"""The loop: on which async handlers run side by side, in a thread of its own, as long as the process lives."""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar, cast

import structlog

from ringback.workers.running.context import running
from ringback.workers.running.limits import LONG_S, TimeIsUp, interrupt
from ringback.workers.running.run import AnyRun

log = structlog.get_logger()

_AGAIN_S: Final = 1.0
Result = TypeVar("Result")


class Loop(Generic[AnyRun]):
    """Runs coroutines. `ended` is called, in the loop's thread, when a run has ended.

    `runs`: those that it was given, by their identity, until whoever uses it takes them out.
    """

    def __init__(self, ended: Callable[[AnyRun], None]) -> None:
        self._ended = ended
        self._loop = asyncio.new_event_loop()
        self._todo: deque[AnyRun] = deque()
        self._tasks: dict[asyncio.Task[object], AnyRun] = {}
        self._alive: set[asyncio.Task[None]] = set()
        self.runs: dict[int, AnyRun] = {}
        self._is_asked = self._is_stopped = False
        self._asked = self._interrupted = -math.inf
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._thread.start()

    def start(self, runs: Sequence[AnyRun]) -> None:
        """Begin runs, as soon as the loop comes to it."""
        self.runs.update((id(run), run) for run in runs)
        self._todo.extend(runs)
        self._loop.call_soon_threadsafe(self._begin, len(runs))

    def take_back(self) -> list[AnyRun]:
        """Take what has not begun."""
        taken = []
        try:
            while True:
                taken.append(self._todo.popleft())
        except IndexError:
            for run in taken:
                self.runs.pop(id(run), None)
            return taken

    def ask(self, now: float) -> None:
        """Ask now and then whether it turns."""
        if not self._is_asked and now - self._asked > LONG_S:
            self._is_asked, self._asked = True, now
            self._loop.call_soon_threadsafe(self._answer)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is at work on it, or to be."""
        return not self.runs and not self._tasks

    def still_s(self, now: float) -> float:
        """Return for how many seconds, as far as was asked, it has not turned; 0 where it has answered."""
        return now - self._asked if self._is_asked else 0.0

    @property
    def now(self) -> AnyRun | None:
        """The run whose step is at work just now."""
        task = asyncio.current_task(self._loop)
        return None if task is None else self._tasks.get(task)

    def interrupt(self, now: float) -> None:
        """End the step that is at work; once a second, where it goes on."""
        if now - self._interrupted > _AGAIN_S:
            self._interrupted = now
            interrupt(self._thread)

    def stop(self) -> None:
        """Let its thread end. No run may be left."""
        self._is_stopped = True
        self._loop.call_soon_threadsafe(self._loop.stop)

    def cancel(self, run: AnyRun) -> None:
        """Cancel a run once more; it has swallowed that it was."""
        for task, one in list(self._tasks.items()):
            if one is run:
                self._loop.call_soon_threadsafe(task.cancel)

    def wait_for(self, work: Coroutine[object, object, Result], seconds: float) -> Result:
        """Run something on the loop and wait for it, from another thread. Raises what it raises, and TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def await_(self, run: AnyRun, returned: Awaitable[object]) -> object:
        """Await what a run in another thread has returned, within the time that it still has."""
        return asyncio.run_coroutine_threadsafe(self._known(run, lambda: returned), self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._is_stopped:
            try:
                self._loop.run_forever()
            except TimeIsUp:
                continue  # it came between two steps
            except BaseException as error:  # noqa: BLE001 - a task of the user's may raise SystemExit through the loop
                log.error("loop.interrupted", error=type(error).__name__)
        with suppress(Exception):  # of the user's; what is open on this loop can be closed on no other
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _answer(self) -> None:
        self._is_asked = False

    def _begin(self, count: int) -> None:
        for _ in range(count):
            task = self._loop.create_task(self._next())
            self._alive.add(task)  # else nobody holds it, and it may be collected in its midst
            task.add_done_callback(self._alive.discard)

    async def _next(self) -> None:
        # Taken only now: a step before this one may have kept the loop from turning, and what waits is taken back then.
        try:
            run = self._todo.popleft()
        except IndexError:
            return
        run.begin()
        try:
            run.returned = await self._known(run, run.call)
        except BaseException as error:  # noqa: BLE001 - a handler may raise anything, CancelledError too
            run.error = error
        run.end()
        self._ended(run)

    async def _known(self, run: AnyRun, call: Callable[[], object]) -> object:
        """Await a run in a task that is known to be its own."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._tasks[task] = run
        try:
            return await awaited(run, call)
        finally:
            del self._tasks[task]


async def awaited(run: AnyRun, call: Callable[[], object]) -> object:
    """Await what a handler returns when it is called, and what that returns if need be: all within its limit."""
    timeout = asyncio.timeout_at(asyncio.get_running_loop().time() + run.left_s)
    running.set(run)
    try:
        async with timeout:
            returned = call()
            while isinstance(returned, Awaitable):
                returned = await returned
            return returned
    except TimeoutError:
        if timeout.expired():
            raise run.too_long() from None
        raise
