"""Room: how much may wait in this process until Redis, or the spool, has it."""

from collections.abc import Sequence
from typing import Final

from receiver.shares import Shares
from receiver.waiting import Waiting

MOST_EVENTS: Final = 16_384
MOST_BYTES: Final = 64 * 1024 * 1024


class Room:
    """What waits, in events and in bytes of their JSON, in all and of each account."""

    def __init__(self) -> None:
        self._events = Shares(MOST_EVENTS)
        self._bytes = Shares(MOST_BYTES)

    def has(self, account: str, events: int = 1) -> bool:
        """Whether so many more events of an account may wait."""
        return self._events.has(account, events) and self._bytes.has(account)

    def enter(self, one: Waiting) -> None:
        """Count one that begins to wait."""
        self._events.take(one.account)
        self._bytes.take(one.account, one.size)

    def leave(self, group: Sequence[Waiting]) -> None:
        """Count some that wait no more."""
        for one in group:
            self._events.give_back(one.account)
            self._bytes.give_back(one.account, one.size)
