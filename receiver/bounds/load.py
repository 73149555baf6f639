"""Load: what accounts hold of this process, so that none takes it all from the others.

Three things are held: requests that are worked on, bodies that are on their way, and events that wait until Redis, or
the spool, has them. A request whose body is on its way does not count as one that is worked on: slow senders hold up
nobody. What has come of its body counts, in bytes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ringback.receiver.commit.waiting import Waiting

LONGEST_USUAL_BODY: Final = 4096
"""A longer one may hold many callbacks, or one that takes long to read."""
MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""Of bodies that did not come in one piece, which those of usual callbacks do."""
MOST_BYTES: Final = 80 * 1024 * 1024
"""Of events that wait to be stored."""
BESIDE_JSON: Final = 4096
"""Bytes that an event counts beside its JSON: what Python keeps for it, and for the request that waits with it."""
Read = TypeVar("Read")


class NoRoomError(Exception):
    """So much of an account is held here already that a request of it cannot be taken."""


class Shares:
    """What is held, in all and by each account, and how much all may hold together.

    An account may hold as much as is still free. So one alone can take half, two a third each, and there is always some
    left for another. `is_shared` says whether there may be another at all; an only account may hold everything.
    """

    def __init__(self, most: int, *, is_shared: bool = True) -> None:
        self.most = most
        self.held = 0
        self._is_shared = is_shared
        self._of: defaultdict[str, int] = defaultdict(int)  # there are no more accounts than have tokens

    def has(self, account: str, more: int = 1) -> bool:
        """Whether an account may hold so much more."""
        if 2 * self.held + more <= self.most:
            return True  # nearly always: even if all of it were this account's
        free = self.most - self.held
        return more <= free and (not self._is_shared or self._of[account] + more <= free)

    def take(self, account: str, size: int = 1) -> None:
        """Hold so much more."""
        self.held += size
        if self._is_shared:
            self._of[account] += size

    def give_back(self, account: str, size: int = 1) -> None:
        """Hold so much less."""
        self.held -= size
        if self._is_shared:
            self._of[account] -= size


class Load:
    """What is held now. `requests`: those worked on (`RINGBACK_MAX_CONCURRENT`); `bodies`: bytes still on their way."""

    def __init__(self, limit: int, *, is_shared: bool) -> None:
        self.requests = Shares(limit, is_shared=is_shared)
        self.bodies = Shares(MOST_BODY_BYTES, is_shared=is_shared)
        self._turns: dict[str, asyncio.Lock] = {}

    async def aside(self, account: str, work: Callable[[], Read]) -> Read:
        """Do what takes long for a request in a thread, so that others are served meanwhile: one for each account."""
        async with self._turns.setdefault(account, asyncio.Lock()):
            return await asyncio.to_thread(work)


class Room:
    """How much may wait in this process until Redis, or the spool, has it: in bytes, in all and of each account."""

    def __init__(self, *, is_shared: bool = True) -> None:
        self._bytes = Shares(MOST_BYTES, is_shared=is_shared)

    def has(self, account: str, events: int = 1) -> bool:
        """Whether so many more events of an account may wait. Their JSON is not known yet, and does not count."""
        return self._bytes.has(account, events * BESIDE_JSON)

    def enter(self, one: Waiting) -> None:
        """Count one that begins to wait."""
        self._bytes.take(one.account, one.size + BESIDE_JSON)

    def leave(self, group: Sequence[Waiting]) -> None:
        """Release a group that is stored or refused."""
        for one in group:
            self._bytes.give_back(one.account, one.size + BESIDE_JSON)
