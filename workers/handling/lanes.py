"""Lanes: what waits for each handler in this process, and which of it may start.

A handler that hangs must delay no other. What for that is needed is counted here, in one process:

- A run that takes longer than `LONG_S` is overdue. It does not count as load, and its thread is replaced
  (ringback.workers.running.runner), so that other handlers go on.
- A sync handler with `MOST_OVERDUE` overdue runs starts no more, since each costs a thread. Nor does one that has
  `concurrency` runs at work.
- What waits for such a handler, or behind a run of it, is held back in Redis, and is due again when there is room: here
  or in another process. So it takes nobody's place.

With partitions nothing is held back for want of room: the order of a conversation forbids to pass over anything in it.
There a conversation has one run of a handler at a time.
"""

from collections import Counter, deque
from typing import Final

from ringback.workers.handling.pair import Pair
from ringback.workers.registry import Handler

MOST_OVERDUE: Final = 4
ASYNC_TOGETHER: Final = 64
"""How many runs of an async handler that says nothing of it may be side by side in one process."""

_CHUNK_S: Final = 0.01
_LARGEST_CHUNK: Final = 64
_QUICK_S: Final = 0.001
_MOST_RELEASED: Final = 256
_WEIGHT: Final = 0.2


class Lane:
    """One handler in one process. `out`: its chunks, or async runs, at work; `overdue`: those of them that are."""

    __slots__ = (
        "_busy", "_in_order", "_limit", "_mean_s", "_release", "blocks", "handler", "is_async", "out", "overdue",
        "waiting",
    )  # fmt: skip

    def __init__(self, handler: Handler, threads: int, *, in_order: bool) -> None:
        self.handler = handler
        self.is_async = handler.is_async
        self.blocks = False
        self._limit = handler.subscription.concurrency or (ASYNC_TOGETHER if handler.is_async else threads)
        self._in_order = in_order
        self._busy: Counter[str] = Counter()
        self._mean_s: float | None = None
        self._release = 1
        self.waiting: deque[Pair] = deque()
        self.out = 0
        self.overdue = 0

    @property
    def is_full(self) -> bool:
        """Whether it may start nothing, for as long as what is at work is."""
        return self.out >= self._limit or (self.overdue >= MOST_OVERDUE and not self.is_async)

    @property
    def holds_up(self) -> bool:
        """Whether what waits should not wait here."""
        return self.overdue > 0 and self.is_full and not self._in_order

    @property
    def is_quick(self) -> bool:
        """Whether it is known to be done so quickly that two threads at a time are as good as more."""
        return self._mean_s is not None and self._mean_s < _QUICK_S

    def next(self) -> list[Pair]:
        """Take what is to start next: a chunk for one thread, or async runs to start side by side."""
        if self.is_async:
            most = self._limit - self.out
        else:
            most = 1 if self._mean_s is None else max(1, min(_LARGEST_CHUNK, int(_CHUNK_S / max(self._mean_s, 1e-6))))
        if self._in_order:
            return self._next_in_order(most)
        waiting = self.waiting
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]

    def turn_to_threads(self) -> None:
        """Run in threads from now on, though it is async: a step of it has kept the loop from turning for long."""
        self.is_async, self.blocks = False, True

    def free(self) -> None:
        """Note that one of its threads is free again, or given up."""
        self.out -= 1

    def ended(self, pair: Pair) -> None:
        """Note that a run has ended, for the next choice."""
        if not pair.is_over:
            mean = pair.took if self._mean_s is None else self._mean_s
            self._mean_s = (1 - _WEIGHT) * mean + _WEIGHT * pair.took
        self.let_go(pair)

    def let_go(self, pair: Pair) -> None:
        """Note that a run that `next` has given is not at work: what follows it in its conversation may be."""
        if self._in_order:
            self._busy[pair.event.partitionkey] -= 1

    def put_back(self, pair: Pair) -> None:
        """Let a run that `next` has given wait again, before all others."""
        self.let_go(pair)
        self.waiting.appendleft(pair)

    def to_release(self) -> int:
        """Return how many of the runs that are held there is room for now.

        Of an async handler, and beside overdue ones, as many as may start; else twice as many each time that all of the
        last were done.
        """
        if self.is_async:
            return max(0, self._limit - self.out - len(self.waiting))
        if self.is_full or len(self.waiting) >= self._release:
            return 0
        if self.overdue:
            self._release = 1
            return MOST_OVERDUE - self.overdue
        if self.waiting:
            return self._release - len(self.waiting)
        most, self._release = self._release, min(2 * self._release, _MOST_RELEASED)
        return most

    def _next_in_order(self, most: int) -> list[Pair]:
        """Take from the front, but nothing of a conversation that is at work."""
        taken: list[Pair] = []
        passed: deque[Pair] = deque()
        blocked = {key for key, count in self._busy.items() if count}
        while self.waiting:
            pair = self.waiting.popleft()
            key = pair.event.partitionkey
            if len(taken) < most and key not in blocked:
                taken.append(pair)
                if self.is_async:  # a chunk is done in its order, so there it may hold several of one
                    blocked.add(key)
            else:
                blocked.add(key)
                passed.append(pair)
        self.waiting = passed
        self._busy = +self._busy + Counter(pair.event.partitionkey for pair in taken)
        return taken
