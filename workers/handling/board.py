"""The board: on which the drains of one machine show one another what they run, in memory that they share.

What for is the bulkhead's rule (ringback.workers.handling.bulkhead): the last drain that is free starts no handler that
another one runs.
"""

import mmap
import os
import random
import struct
import tempfile
import time
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Final

# What is younger may well end soon, so that it is worth waiting for; but not for ever, if it is always another one.
_SHORT_S: Final = 0.005
_LONGEST_WAIT_S: Final = 0.02
_PAUSE_S: Final = 0.0002
_ABSENT: Final = 1.0
_SLOT: Final = 2
_NEXT, _LATER, _SLOTS_FROM = 0, 1, 2
_WORD: Final = struct.calcsize("q")
_BITS: Final = 63


def share(slots: int) -> int:
    """Make the memory of a board and give its descriptor, which stays open. A drain that is yet to come is not free."""
    size = (_SLOTS_FROM + _SLOT * slots) * _WORD
    descriptor = os.memfd_create("board") if hasattr(os, "memfd_create") else _unnamed_file()
    os.truncate(descriptor, size)
    board = memoryview(mmap.mmap(descriptor, size))
    for slot in range(slots):
        board.cast("d")[_SLOTS_FROM + _SLOT * slot] = _ABSENT
    return descriptor


def _unnamed_file() -> int:
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Board:
    """One drain's view of it. A handler is a bit of a number, so that one look tells who runs any of several."""

    def __init__(self, descriptor: int | None = None, slot: int = 0) -> None:
        """Map the memory, or make some that nobody shares: then there is no other drain, and no rule."""
        if descriptor is None:
            descriptor = share(1)
        memory = memoryview(mmap.mmap(descriptor, 0))
        os.close(descriptor)
        self._times, self._words = memory.cast("d"), memory.cast("q")
        self._mine = _SLOTS_FROM + _SLOT * slot
        self._others = [at for at in range(_SLOTS_FROM, len(self._words), _SLOT) if at != self._mine]
        self.rest()

    @staticmethod
    def bit(number: int) -> int:
        """Give the bit of a handler, by its number."""
        return 1 << number % _BITS

    def start(self, handler: int, beside: int = 0) -> bool:
        """Say that a handler starts. Tell whether it may; if not, no more is said than what it would have run beside.

        It is said before it is looked, so that of two drains that look at once never both start.
        """
        words, times, mine = self._words, self._times, self._mine
        asked = now = time.monotonic()
        while True:
            words[mine + 1] = handler | beside
            times[mine] = now
            running, youngest = 0, 0.0
            for other in self._others:
                began = times[other]
                if not began:
                    return True
                running |= words[other + 1]
                youngest = max(youngest, began)
            if not running & handler:
                return True
            words[mine + 1] = beside
            if not beside:
                times[mine] = 0.0
            if now - youngest > _SHORT_S or now - asked > _LONGEST_WAIT_S:
                return False
            time.sleep(_PAUSE_S * random.random())  # noqa: S311
            now = time.monotonic()

    def go_on_with(self, handlers: Iterable[int]) -> None:
        """Say that a run has ended, and which handlers still run beside it."""
        self._words[self._mine + 1] = reduce(or_, handlers, 0)
        self._times[self._mine] = time.monotonic()

    def holds_up(self, handler: int) -> bool:
        """Tell whether a handler holds up another drain."""
        long_ago = time.monotonic() - _SHORT_S
        return any(self._words[other + 1] & handler and self._times[other] < long_ago for other in self._others)

    def rest(self) -> None:
        """Say that nothing runs."""
        self._times[self._mine] = 0.0

    @property
    def is_last_free(self) -> bool:
        """Tell whether each other drain runs something."""
        return bool(self._others) and all(self._times[other] for other in self._others)

    def note_next(self) -> None:
        """Say that something was left to whoever comes."""
        self._words[_NEXT] = 1

    def note_later(self) -> None:
        """Say that something was left for later."""
        self._words[_LATER] = 1

    def take_next(self) -> bool:
        """Tell whether something may be left to whoever comes, and forget that it was said."""
        noted, self._words[_NEXT] = self._words[_NEXT], 0
        return bool(noted)

    def take_later(self) -> bool:
        """Tell whether something may be left for later, and forget that it was said; not for the last free drain."""
        if not self._words[_LATER] or self.is_last_free:
            return False
        self._words[_LATER] = 0
        return True
