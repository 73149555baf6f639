"""Partitions: order within a partition key. Events are dealt to one consumer a partition, in the order of the stream,
and a drain takes one partition at a time, alone.

A partition's backlog is the pending list of its consumer, so XACK stays the ledger, and the trimming need know nothing.
"""

import json
import time
from typing import Final, cast

from redis.exceptions import ResponseError

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.workers.intake import claims, leases
from ringback.workers.intake.entry import Entry
from ringback.workers.intake.group import ensure_group, is_missing
from ringback.workers.intake.shared import NOTHING, Batch, trusted_s
from ringback.workers.runtime import Runtime
from ringback.workers.scripts.lua import script

_NONE: Final = -1
_Flat = tuple[bytes, list[bytes] | None]
_Taken = tuple[bytes, int, int, int, list[_Flat]]


class PartitionIntake:
    """A partition after the other: each is let go of when its batch is worked off, so that none starves."""

    in_order = True

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._redis = run.redis
        self._stream = run.keys.events
        self._script = run.redis.register_script(script("partitions.lua"))
        self._keys = [run.keys.events, run.keys.hands, *leases.names(run)]
        self._partition = _NONE
        self._orphaned = False
        self._more = False

    def read(self, most: int, block_ms: int | None) -> Batch:
        """Let go of the last partition and take the next that has work; the group is dealt what it has not had."""
        mark = "keep" if self._orphaned else "clear"
        arguments: list[str | int] = [
            HANDLERS_GROUP, self._run.consumer, self._run.claim_idle_ms, most, self._partition, mark
        ]  # fmt: skip
        asked = time.monotonic()
        try:
            delivered, partition, orphaned, more, entries = cast("_Taken", self._script(self._keys, arguments))
        except ResponseError as error:
            if not is_missing(error):
                raise
            ensure_group(self._redis, self._run.keys)
            return NOTHING
        self._orphaned, self._more = bool(orphaned), bool(more)
        if partition != _NONE:
            self._partition = partition
        elif block_ms is not None and not more:
            self._redis.xread({self._stream: delivered}, count=1, block=block_ms)
        return Batch([self._entry(flat, asked) for flat in entries], orphaned=self._orphaned)

    def more_waits(self) -> bool:
        """Tell what the last reading saw: another partition with work, and nobody on it."""
        return self._more

    def holds(self, entry: Entry) -> bool:
        """Look, where the lease is so old that it may have run out while this process stood still."""
        if time.monotonic() < entry.trusted_until:
            return True
        return claims.holds(self._run, entry) if entry.is_due else leases.holds(self._run, self._partition)

    def close(self) -> None:
        """Let go of the partition. What is not started in it is no suspect."""
        if self._partition != _NONE:
            if not self._orphaned and leases.holds(self._run, self._partition):
                self._redis.hdel(self._run.keys.hands, str(self._partition))
            leases.let_go(self._run)

    def _entry(self, flat: _Flat, asked: float) -> Entry:
        entry_id, fields = flat
        named = dict(zip(fields[::2], fields[1::2], strict=True)) if fields else {}
        already = frozenset[str]()
        if self._orphaned:
            noted = cast("bytes | None", self._redis.hget(self._run.keys.ledger, entry_id.decode()))
            already = frozenset(json.loads(noted)) if noted else already
        return Entry(
            entry_id.decode(), named, already, is_suspect=self._orphaned, trusted_until=asked + trusted_s(self._run)
        )
