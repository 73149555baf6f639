"""Pipelining: which requests begin next of those that came before the answer to the one before, on their connection.

Pipelining is in HTTP and hardly in use; no provider and no proxy that we know does it. So such requests wait behind all
others, and a thousand connections that are full of them delay an honest caller by a few requests.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

_AT_ONCE: Final = 8


class Pipelining:
    """Starts what waits, a few in each pass of the event loop. One a process."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_due = False

    def wait(self, begin: Callable[[], None]) -> None:
        """Have `begin` called when its turn comes, in the order of asking."""
        self._waiting.append(begin)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._pass)

    def _pass(self) -> None:
        self._is_due = False
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            asyncio.get_running_loop().call_soon(self._waiting.popleft())  # a failure does not stop the others
        self._schedule()
