"""Limits: how long a run may take, how it is ended, and what a parent hears of a process that stands still.

A run that is over its limit gets an asynchronous exception. That reaches Python code at once; a sleep or a wait for a
socket only when it returns, so nobody waits for it. What holds the interpreter in native code hears nothing, and
nothing else of its process runs: only the parent can end that, with the whole process.
"""

import ctypes
import mmap
import struct
import threading
import time
from collections.abc import Callable
from typing import Final

LONG_S: Final = 0.25
"""A run that takes longer than this is overdue: what waits behind it goes elsewhere."""

GRACE_S: Final = 5.0
ASYNC_GRACE_S: Final = 1.0
_WATCH_EVERY_S: Final = 0.25


class TimeIsUp(BaseException):
    """Ends a run from outside. No Exception, so that a handler's `except Exception` does not swallow it."""


def interrupt(thread: threading.Thread) -> None:
    """Raise TimeIsUp in what a thread runs, as soon as that is Python code."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TimeIsUp))


class Silence:
    """Until when nothing need be heard of a process: one number, shared with its parent, on the machine's clock.

    A thread of the process moves it on as long as it can. Where a run holds the interpreter for longer than it may, it
    cannot, and the parent ends the process.
    """

    def __init__(self) -> None:
        self._until = memoryview(mmap.mmap(-1, struct.calcsize("d"))).cast("d")

    def watch(self, ends_by: Callable[[], float | None]) -> None:
        """Move it on from now on. `ends_by` returns by when the first of the runs is to end; None if none runs."""
        threading.Thread(target=self._watch, args=(ends_by,), name="silence", daemon=True).start()

    def start(self, limit_s: float) -> None:
        """Note that a run starts, which may hold the interpreter at once."""
        by = time.monotonic() + limit_s + GRACE_S
        if not 0.0 < self._until[0] < by:
            self._until[0] = by

    def rest(self) -> None:
        """Note that nothing runs."""
        self._until[0] = 0.0

    @property
    def is_over(self) -> bool:
        """Whether something should have been heard."""
        return 0.0 < self._until[0] < time.monotonic()

    def _watch(self, ends_by: Callable[[], float | None]) -> None:
        while True:
            by = ends_by()
            self._until[0] = 0.0 if by is None else max(by, time.monotonic()) + GRACE_S
            time.sleep(_WATCH_EVERY_S)
