"""Backlog: what of the events stream our handlers have not finished, as XINFO GROUPS tells it.

Pure: receiver, workers and readers each ask with a client of their own, which waits for the reply or does not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ringback.schemas.keys import HANDLERS_GROUP


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far our handlers are through the stream.

    `lag`: entries that no worker has taken; None where Redis cannot say. `pending`: those in workers' hands.
    `delivered`: id of the last entry that was taken. `read`: how many entries were taken so far.
    """

    lag: int | None = 0
    pending: int = 0
    delivered: str = "0-0"
    read: int = 0

    @property
    def unhandled(self) -> int:
        """How many entries are not finished, as far as Redis can say."""
        return self.pending + (self.lag or 0)

    @classmethod
    def of(cls, groups: Iterable[Mapping[str, Any]]) -> Self | None:
        """Read the reply to XINFO GROUPS, as redis-py returns it; None where our group is not among them yet."""
        for group in groups:
            if group["name"] == HANDLERS_GROUP.encode():
                delivered, read = group["last-delivered-id"].decode(), group.get("entries-read")
                return cls(group.get("lag"), group["pending"], delivered, read or 0)
        return None
