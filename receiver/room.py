"""Room: how much may wait in this process until Redis, or the spool, has it."""

from collections.abc import Sequence
from typing import Final

from receiver.shares import Shares
from receiver.waiting import Waiting

MOST_BYTES: Final = 80 * 1024 * 1024
BESIDE_JSON: Final = 4096
"""Bytes that an event counts beside its JSON: what Python keeps for it, and for the request that waits with it."""


class Room:
    """What waits, in bytes, in all and of each account."""

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
