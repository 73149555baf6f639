"""Time limits of handlers: the alarm ends what takes too long, and the watch what no alarm can end.

An alarm ends a handler that hangs in Python. One that holds the interpreter in native code hears no alarm; only the
parent can end that, with the whole horse.
"""

import math
import mmap
import signal
import struct
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

LONG_S: Final = 0.25
"""A run that takes longer than this holds up what waits behind it."""

_SHORTEST_S: Final = 0.001  # a timer of 0 is none
RING_AGAIN_S: Final = 1.0
_GRACE_S: Final = 5.0


class TimeIsUp(BaseException):
    """Ends a handler from outside. No Exception, so that a handler's `except Exception` does not swallow it."""


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
        """Raise TimeIsUp in what runs longer from now on than this, and each second from then, if `may_end` says so."""
        self._may_end = may_end or _always
        now = time.monotonic()
        self._due = now + seconds
        self._long_at = now + self._long_s if call_held_up else math.inf
        if self._due < self._rings_at or self._long_at < self._rings_at:
            self._set(min(self._due, self._long_at) - now)

    @property
    def left_s(self) -> float:
        """How many seconds what runs still has."""
        return max(0.0, self._due - time.monotonic())

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
        self._set(min(left, self._long_at - now) if left > 0 else RING_AGAIN_S)
        if left <= 0 and self._may_end():
            raise TimeIsUp


class Watch:
    """Until when the horse may be busy with what it runs, written by the horse and read by its parent.

    A time shared across the fork, on the clock that all processes of a machine share.
    """

    def __init__(self) -> None:
        self._due = memoryview(mmap.mmap(-1, struct.calcsize("d"))).cast("d")

    def expect_end(self, within: float) -> None:
        """Record that what starts now ends within so many seconds."""
        self._due[0] = time.monotonic() + within + _GRACE_S

    def rest(self) -> None:
        """Record that nothing runs."""
        self._due[0] = 0.0

    @property
    def overdue(self) -> bool:
        """Whether something runs that should have ended, and was not ended by its alarm."""
        return 0.0 < self._due[0] < time.monotonic()


def _always() -> bool:
    return True
