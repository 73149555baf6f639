"""Load: what requests take of this process while they are worked on, and while their bodies are on their way.

A request whose body is on its way does not count as one that is worked on: slow senders hold up nobody. What has come
of its body counts, in bytes.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from receiver.shares import Shares

Result = TypeVar("Result")

LONGEST_USUAL_BODY: Final = 4096
"""A longer one may hold many callbacks, or one that takes long to read."""
MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""Of bodies that did not come in one piece, which those of usual callbacks do."""


class NoRoomError(Exception):
    """So much of an account is held here already that a request of it cannot be taken."""


class Load:
    """What is held now. `requests`: those worked on (`RINGBACK_MAX_CONCURRENT`); `bodies`: bytes still on their way."""

    def __init__(self, limit: int, *, is_shared: bool) -> None:
        self.requests = Shares(limit, is_shared=is_shared)
        self.bodies = Shares(MOST_BODY_BYTES, is_shared=is_shared)
        self._turns: dict[str, asyncio.Lock] = {}

    async def aside(self, account: str, work: Callable[[], Result]) -> Result:
        """Do what takes long for a request in a thread, so that others are served meanwhile: one for each account."""
        async with self._turns.setdefault(account, asyncio.Lock()):
            return await asyncio.to_thread(work)
