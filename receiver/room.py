"""Room: how much may wait in this process until Redis, or the spool, has it."""

from collections.abc import Sequence
from typing import Final

from receiver.waiting import Waiting

MOST_EVENTS: Final = 16_384
MOST_BYTES: Final = 64 * 1024 * 1024


class Room:
    """What waits, in events and in bytes of their JSON, in all and of each account.

    An account may hold as much as is still free. So one alone can take half of the room, two a third each, and there is
    always some left for another.
    """

    def __init__(self) -> None:
        self._events = 0
        self._bytes = 0
        self._held: dict[str, list[int]] = {}

    def has(self, account: str, events: int = 1) -> bool:
        """Whether so many more events of an account may wait."""
        if 2 * self._events + events <= MOST_EVENTS and 2 * self._bytes < MOST_BYTES:
            return True  # nearly always: even if all of it were this account's
        events_held, bytes_held = self._held.get(account, (0, 0))
        return events_held + events <= MOST_EVENTS - self._events and bytes_held < MOST_BYTES - self._bytes

    def enter(self, one: Waiting) -> None:
        """Count one that begins to wait."""
        held = self._held.get(one.account)
        if held is None:
            held = self._held[one.account] = [0, 0]
        held[0] += 1
        held[1] += one.size
        self._events += 1
        self._bytes += one.size

    def leave(self, group: Sequence[Waiting]) -> None:
        """Count some that wait no more."""
        left = 0
        for one in group:
            held = self._held[one.account]
            held[0] -= 1
            held[1] -= one.size
            left += one.size
        self._events -= len(group)
        self._bytes -= left
