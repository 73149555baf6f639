"""Threads: in which sync handlers run, each with a chunk of runs, one after another.

The thread that hands them out can at any time see which run is at work, take back what has not begun, and give a thread
up for lost.
"""

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Generic

from ringback.workers.running.context import running
from ringback.workers.running.limits import TimeIsUp, interrupt
from ringback.workers.running.run import AnyRun

Await = Callable[[AnyRun, Awaitable[object]], object]


class Chunk(Generic[AnyRun]):
    """Runs that a thread does one after another. `now`: the one at work. `done`: those that have ended."""

    __slots__ = ("done", "freed", "is_done", "now", "thread", "todo")

    def __init__(self, runs: Iterable[AnyRun], thread: "HandlerThread[AnyRun]", freed: Callable[[], None]) -> None:
        self.todo = deque(runs)
        self.now: AnyRun | None = None
        self.done: deque[AnyRun] = deque()
        self.is_done = False
        self.thread = thread
        self.freed = freed

    def take_back(self) -> list[AnyRun]:
        """Take what has not begun."""
        taken = []
        try:
            while True:
                taken.append(self.todo.popleft())
        except IndexError:
            return taken


class HandlerThread(threading.Thread, Generic[AnyRun]):
    """A thread that does chunks until it is given up. `ended` is put something into when a chunk is done."""

    def __init__(self, ended: "SimpleQueue[None]", await_: Await[AnyRun]) -> None:
        super().__init__(name="handler", daemon=True)
        self._chunks: SimpleQueue[Chunk[AnyRun] | None] = SimpleQueue()
        self._ended = ended
        self._await = await_
        self._is_given_up = False
        self._context = copy_context()  # else what this process has set up is not seen there
        self.start()

    def give(self, runs: Iterable[AnyRun], freed: Callable[[], None]) -> Chunk[AnyRun]:
        """Let it do a chunk."""
        chunk = Chunk(runs, self, freed)
        self._chunks.put(chunk)
        return chunk

    def give_up(self) -> None:
        """End what it runs, and the thread with it; nobody waits for that."""
        self._is_given_up = True
        self._chunks.put(None)
        interrupt(self)

    def run(self) -> None:
        """Do chunks."""
        self._context.run(self._do_chunks)

    def _do_chunks(self) -> None:
        try:
            while (chunk := self._chunks.get()) is not None:
                self._do(chunk)
                if self._is_given_up:
                    return
                chunk.is_done = True
                self._ended.put(None)
        except TimeIsUp:
            return  # it came between two lines of ours

    def _do(self, chunk: Chunk[AnyRun]) -> None:
        while True:
            try:
                run = chunk.todo.popleft()
            except IndexError:
                return
            run.begin()
            chunk.now = run
            running.set(run)
            try:
                run.returned = run.call()
                if run.returned is not None and isinstance(run.returned, Awaitable):
                    # A plain decorator over an async function looks like a plain function until it is called.
                    run.returned = self._await(run, run.returned)
            except BaseException as error:  # noqa: BLE001 - a handler may raise anything; it is the run's outcome
                run.error = error
            run.end()
            chunk.done.append(run)
            chunk.now = None
