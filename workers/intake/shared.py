"""Intake: where a drain's entries come from. All drains share the stream, or each takes a partition at a time."""

import time
from dataclasses import dataclass
from typing import Final, Protocol, cast

from redis.exceptions import ResponseError

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.workers.intake import claims
from ringback.workers.intake.entry import Entry, RawEntry
from ringback.workers.intake.group import ensure_group, is_missing
from ringback.workers.intake.handover import LATER, NEXT, Handover
from ringback.workers.runtime import Runtime

ORPHANS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries to work on, in the order of the stream. `orphaned`: a worker died with them in its hands."""

    entries: list[Entry]
    orphaned: bool = False


NOTHING: Final = Batch([])


class Intake(Protocol):
    """Gives a drain its entries."""

    def read(self, most: int, block_ms: int | None) -> Batch:
        """Give what is next, `most` entries at most; wait `block_ms` for it if that is not None."""

    def orphans(self) -> Batch:
        """Give some of what nobody works on any more, for others to try; nothing where `read` gives it."""

    def more_waits(self, batch: Batch) -> bool:
        """Tell whether there is work for another drain, beside this batch."""

    def holds(self, entry: Entry) -> bool:
        """Tell whether an entry of the last batch is still this drain's to start."""

    def give_back(self, entries: list[Entry]) -> None:
        """Leave entries of the last batch, which are not started, to whoever comes."""

    def close(self) -> None:
        """Hold nothing any more."""


class SharedIntake:
    """The whole stream, for all drains: whoever comes first takes the next batch."""

    def __init__(self, run: Runtime, handover: Handover) -> None:
        self._run = run
        self._redis = run.redis
        self._stream = run.keys.events
        self._board = run.board
        self._handover = handover
        self._trusted_until = 0.0

    def read(self, most: int, block_ms: int | None) -> Batch:
        """Take what other drains have left; else the next entries that no drain has had."""
        asked = time.monotonic()
        if left := self._left(most):
            self._trusted_until = asked + self._trusted_s
            return Batch(left)
        try:
            reply = self._redis.xreadgroup(
                HANDLERS_GROUP, self._run.consumer, {self._stream: ">"}, count=most, block=block_ms
            )
        except ResponseError as error:
            if not is_missing(error):
                raise
            ensure_group(self._redis, self._run.keys)
            return NOTHING
        self._trusted_until = asked + self._trusted_s
        streams = cast("list[tuple[bytes, list[RawEntry]]]", reply or [])
        return Batch([Entry.of(raw) for _, entries in streams for raw in entries])

    def orphans(self) -> Batch:
        """Take over what was not refreshed for as long as a claim lasts, or was given back."""
        asked = time.monotonic()
        orphans = self._handover.orphans(ORPHANS_AT_ONCE)
        self._trusted_until = asked + self._trusted_s
        # Drains on other machines have left their entries without a word on this board.
        self._board.note_next()
        self._board.note_later()
        return Batch(orphans, orphaned=True)

    def more_waits(self, batch: Batch) -> bool:
        """Look behind the batch."""
        return bool(self._redis.xrange(self._stream, min=f"({batch.entries[-1].id}", count=1))

    def holds(self, entry: Entry) -> bool:
        """Look, where the batch is so old that its claims may have run out while this process stood still."""
        if time.monotonic() < self._trusted_until:
            return True
        return claims.holds(self._run, entry.id)

    def give_back(self, entries: list[Entry]) -> None:
        """Make them as good as orphaned."""
        claims.give_back(self._run, [entry.id for entry in entries])

    def close(self) -> None:
        """Nothing: what is not finished is still claimed, and its claim runs out."""

    def _left(self, most: int) -> list[Entry]:
        if self._board.take_next() and (left := self._handover.take(most, NEXT)):
            self._board.note_next()  # there may be more
            return left
        if self._board.take_later() and (left := self._handover.take(most, LATER)):
            self._board.note_later()
            return left
        return []

    @property
    def _trusted_s(self) -> float:
        return self._run.claim_idle_ms / 2000
