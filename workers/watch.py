"""The watch: until when the horse may be busy with what it runs, written by the horse and read by its parent.

An alarm ends a handler that hangs in Python. One that holds the interpreter in native code hears no alarm; only the
parent can end that, with the whole horse.
"""

import mmap
import struct
import time
from typing import Final

_GRACE_S: Final = 5.0


class Watch:
    """A time shared across the fork, on the clock that all processes of a machine share."""

    def __init__(self) -> None:
        self._due = memoryview(mmap.mmap(-1, struct.calcsize("d"))).cast("d")

    def expect_end(self, within: float) -> None:
        """Say that what starts now ends within so many seconds."""
        self._due[0] = time.monotonic() + within + _GRACE_S

    def rest(self) -> None:
        """Say that nothing runs."""
        self._due[0] = 0.0

    @property
    def overdue(self) -> bool:
        """Tell whether something runs that should have ended, and was not ended by its alarm."""
        return 0.0 < self._due[0] < time.monotonic()
