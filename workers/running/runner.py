"""Runner: runs handlers, sync ones in threads and async ones on a loop, each within its time. Whoever uses it runs none
of the user's code: it starts runs, waits, and is told what has ended.

- `threads` counts the threads that are not overdue: beside one that is another may start, up to `MOST_THREADS` in all.
- A run over its limit is settled as timed out, its thread interrupted and given up. When `MOST_GIVEN_UP` are lost so,
  the process is best left (`is_worn`).
- Where one step keeps the loop from turning, what has not begun is taken back, and soon another loop takes its place
  (`take_blockers`), unless an async lifespan has opened something on it. The step is ended if its own run is over its
  limit. If that does not help, it is given up, and the process is to be left at once (`is_stuck`).
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, Generic

from ringback.workers.running.limits import ASYNC_GRACE_S, GRACE_S, LONG_S, Silence
from ringback.workers.running.loop import Loop, awaited
from ringback.workers.running.run import AnyRun
from ringback.workers.running.threads import Chunk, HandlerThread

MOST_THREADS: Final = 32
MOST_GIVEN_UP: Final = 16
MOST_LOOPS: Final = 8
_LOOK_S: Final = 0.05
_BLOCKED_S: Final = 0.6
_LATE_S: Final = 0.02


class Runner(Generic[AnyRun]):
    """Runs handlers in one process. All its methods are for one thread."""

    def __init__(self, threads: int, silence: Silence | None = None) -> None:
        self._threads = threads
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._idle: list[HandlerThread[AnyRun]] = []
        self._out: list[Chunk[AnyRun]] = []
        self._overdue_threads = 0
        self._async_done: deque[tuple[Loop[AnyRun], AnyRun]] = deque()
        self._loops: list[Loop[AnyRun]] = []
        self._loop: Loop[AnyRun] | None = None
        self._blockers: list[AnyRun] = []
        self._given_up = 0
        self._is_tied = False
        self._looked = 0.0
        self.is_stuck = False
        self._silence = silence or Silence()
        if silence is not None:
            silence.watch(self._ends_by)

    @property
    def loop(self) -> Loop[AnyRun]:
        """The loop; it is made when it is first needed."""
        if self._loop is None:
            made: Loop[AnyRun] = Loop(lambda run: self._async_ended(made, run))
            self._loop = made
            self._loops.append(made)
        return self._loop

    @property
    def is_worn(self) -> bool:
        """Whether so many runs were given up that another process should take its place."""
        return self._given_up >= MOST_GIVEN_UP

    @property
    def loop_stands_still(self) -> bool:
        """Whether one step keeps the loop from turning for longer than others should mind."""
        return self._loop is not None and self._loop.still_s(time.monotonic()) > LONG_S

    def tie_to_loop(self) -> "Loop[AnyRun]":
        """Return the loop, in whose place no other is to come: what is opened on it can be used on no other."""
        self._is_tied = True
        return self.loop

    def may_start(self, *, is_overdue: bool) -> bool:
        """Whether a thread is to be had for a chunk of a handler, of which runs are overdue or not."""
        if len(self._out) - self._overdue_threads >= self._threads:
            return False
        return len(self._out) < MOST_THREADS - is_overdue  # the last one is for others

    def start(self, runs: Sequence[AnyRun], freed: Callable[[], None]) -> None:
        """Start runs of one sync handler, one after another in one thread. `may_start` comes first.

        `freed` is called, within `ended` or `look`, when that thread is free again or given up.
        """
        self._silence.start(runs[0].limit)
        thread = self._idle.pop() if self._idle else HandlerThread[AnyRun](self._ended, self._await)
        _ = self.loop  # made here, since threads ask for it side by side
        for run in runs:
            run.in_thread = True
        self._out.append(thread.give(runs, freed))

    def start_async(self, runs: Sequence[AnyRun]) -> None:
        """Start runs of one async handler, side by side."""
        self._silence.start(runs[0].limit)
        self.loop.start(runs)

    def wait(self, seconds: float) -> None:
        """Wait until something has ended, and no longer than so many seconds."""
        try:
            self._ended.get(timeout=max(seconds, 0.0))
            while True:
                self._ended.get_nowait()
        except Empty:
            pass

    def ended(self) -> list[AnyRun]:
        """Return the runs that have ended since the last time, also those whose limit has ended them."""
        ended: list[AnyRun] = []
        for chunk in self._out[:]:
            is_done = chunk.is_done  # before what it did is looked at
            while chunk.done:
                run = chunk.done.popleft()
                if run.is_overdue:
                    self._overdue_threads -= 1
                if not run.is_over:
                    ended.append(run)
            if is_done:
                self._out.remove(chunk)
                self._idle.append(chunk.thread)
                chunk.freed()
        while self._async_done:
            loop, run = self._async_done.popleft()
            if loop.runs.pop(id(run), None) is not None and not run.is_over:
                ended.append(run)
        return ended

    def take_blockers(self) -> list[AnyRun]:
        """Return the runs that have kept a loop from turning until another took its place, since the last time."""
        taken, self._blockers = self._blockers, []
        return taken

    def look(self) -> tuple[list[AnyRun], list[AnyRun], list[AnyRun]]:
        """Look at the time, now and then.

        Returns the runs that have become overdue, those that have not begun and are taken back since something is, and
        those that are given up.
        """
        overdue: list[AnyRun] = []
        back: list[AnyRun] = []
        over: list[AnyRun] = []
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._look_at_threads(now, overdue, back, over)
            self._look_at_loops(now, overdue, back, over)
        return overdue, back, over

    def run(self, run: AnyRun) -> object:
        """Call one handler, wait for it and return what it returns.

        Raises whatever it raises, and HandlerTimeoutError.
        """
        if run.is_async:
            self.start_async([run])
        else:
            self.start([run], _nothing)
        ends_by = time.monotonic() + run.limit
        while True:
            self.wait(min(_LOOK_S, max(ends_by - time.monotonic(), 0.001)))
            _, back, over = self.look()
            if run in self.ended():
                if run.error is not None:
                    raise run.error
                return run.returned
            if run in over or run in back or time.monotonic() > ends_by + _LATE_S:
                run.is_over = True  # if it keeps the loop from turning, later looks see to that
                raise run.too_long()

    def _look_at_threads(self, now: float, overdue: list[AnyRun], back: list[AnyRun], over: list[AnyRun]) -> None:
        for chunk in self._out[:]:
            run = chunk.now
            if run is None or run.took:
                continue
            is_over = now >= run.ends_by and not chunk.done
            if not run.is_overdue and (is_over or now - run.began > LONG_S):
                run.is_overdue = True
                self._overdue_threads += 1
                overdue.append(run)
                back += chunk.take_back()
            if is_over:
                self._out.remove(chunk)
                self._overdue_threads -= 1
                chunk.freed()
                chunk.thread.give_up()
                self._give_up(run, over)

    def _look_at_loops(self, now: float, overdue: list[AnyRun], back: list[AnyRun], over: list[AnyRun]) -> None:
        for loop in self._loops[:]:
            if loop.is_idle:
                if loop is not self._loop:
                    self._loops.remove(loop)
                    loop.stop()
                continue
            late = []
            for run in loop.runs.values():
                if run.began and now - run.began > LONG_S:
                    if not run.is_overdue:
                        run.is_overdue = True
                        overdue.append(run)
                    if now >= run.ends_by + ASYNC_GRACE_S:
                        late.append(run)
            if loop.still_s(now) > LONG_S:
                back += loop.take_back()
                self._look_at_step(loop, late, now, over)
            elif late and not loop.still_s(now):
                for run in late:  # it has swallowed that it was cancelled, and others have their turns meanwhile
                    del loop.runs[id(run)]
                    loop.cancel(run)
                    self._give_up(run, over)
            loop.ask(now)

    def _look_at_step(self, loop: Loop[AnyRun], late: list[AnyRun], now: float, over: list[AnyRun]) -> None:
        """Look at the step that keeps a loop from turning."""
        run = loop.now
        if run is None:
            return
        may_leave = loop is self._loop and not self._is_tied and len(self._loops) < MOST_LOOPS
        if may_leave and loop.still_s(now) > _BLOCKED_S:
            self._loop = None
            self._given_up += 1  # one process is to have one loop: the next one will
            self._blockers.append(run)
        if run not in late:
            return
        if now >= run.ends_by + ASYNC_GRACE_S + GRACE_S:
            self.is_stuck = True
            del loop.runs[id(run)]
            self._give_up(run, over)
        else:
            loop.interrupt(now)

    def _give_up(self, run: AnyRun, over: list[AnyRun]) -> None:
        run.is_over = True
        run.took = time.monotonic() - run.began
        run.error = run.too_long()
        self._given_up += 1
        over.append(run)

    def _await(self, run: AnyRun, returned: Awaitable[object]) -> object:
        """Await what a run in a thread has returned: on the loop, unless its handler is known to block that."""
        if run.has_own_loop:
            return asyncio.run(awaited(run, lambda: returned))
        return self.loop.await_(run, returned)

    def _async_ended(self, loop: Loop[AnyRun], run: AnyRun) -> None:
        self._async_done.append((loop, run))
        self._ended.put(None)

    def _ends_by(self) -> float | None:
        """Return by when the first of the runs is to end; asked from another thread."""
        running = [run for chunk in list(self._out) if (run := chunk.now) is not None]
        running += [run for loop in list(self._loops) for run in list(loop.runs.values()) if run.began]
        return min((run.ends_by for run in running), default=None)


def _nothing() -> None:
    """What is free again is of no interest where one run is waited for."""
