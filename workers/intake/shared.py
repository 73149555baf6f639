"""Intake: where a drain's new events come from. All drains share the stream, or each takes a partition at a time."""

import time
from dataclasses import dataclass
from typing import Final, Protocol, cast

from redis.exceptions import ResponseError

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.workers.intake import claims
from ringback.workers.intake.entry import Entry, RawEntry
from ringback.workers.intake.group import ensure_group, is_missing
from ringback.workers.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries to work on, in the order of the stream. `orphaned`: a worker died with them in its hands."""

    entries: list[Entry]
    orphaned: bool = False


NOTHING: Final = Batch([])


class Intake(Protocol):
    """Gives a drain its entries."""

    in_order: bool
    """Whether a batch is to be done with before the next is read, and what is of one conversation keeps its order."""

    def read(self, most: int, block_ms: int | None) -> Batch:
        """Return what is next, `most` entries at most; wait `block_ms` for it if that is not None."""

    def more_waits(self) -> bool:
        """Whether there is work for another drain, beside what was read."""

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is still this drain's to start."""

    def close(self) -> None:
        """Hold nothing any more."""


class SharedIntake:
    """The whole stream, for all drains: whoever comes first takes the next batch."""

    in_order = False

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._redis = run.redis
        self._stream = run.keys.events
        self._last = "0"

    def read(self, most: int, block_ms: int | None) -> Batch:
        """Take the next entries that no drain has had."""
        asked = time.monotonic()
        try:
            reply = self._redis.xreadgroup(
                HANDLERS_GROUP, self._run.consumer, {self._stream: ">"}, count=most, block=block_ms
            )
        except ResponseError as error:
            if not is_missing(error):
                raise
            ensure_group(self._redis, self._run.keys)
            return NOTHING
        streams = cast("list[tuple[bytes, list[RawEntry]]]", reply or [])
        trusted_until = asked + trusted_s(self._run)
        batch = Batch(
            [
                Entry(raw[0].decode(), raw[1] or {}, trusted_until=trusted_until)
                for _, entries in streams
                for raw in entries
            ]
        )
        if batch.entries:
            self._last = batch.entries[-1].id
        return batch

    def more_waits(self) -> bool:
        """Look behind what was read last."""
        return bool(self._redis.xrange(self._stream, min=f"({self._last}", count=1))

    def holds(self, entry: Entry) -> bool:
        """Look, where its claim may have run out while this process stood still."""
        return time.monotonic() < entry.trusted_until or claims.holds(self._run, entry)

    def close(self) -> None:
        """Nothing: what is not finished is still claimed, and its claim runs out."""


def trusted_s(run: Runtime) -> float:
    """Return for how many seconds what was just claimed is surely still held."""
    return run.claim_idle_ms / 2000
