"""Waiting runs: what is to run on an event later. Due at some time, in a worker's hands, or held back.

There may be a million, so they are read in pages, and counted by Redis.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from typing import Final, cast

import structlog
from redis import Redis

from ringback.reading.entries import Entries
from ringback.schemas.keys import Keys
from ringback.workers.failures.stored_run import StoredRun, StoredRunError

log = structlog.get_logger()

_AT_ONCE: Final = 500
HANDLER_OF: Final = """
local function handler_of(record)
  local is_json, head = pcall(cjson.decode, string.match(record, '^!?([^\\n]*)'))
  return is_json and type(head) == 'table' and type(head.handler) == 'string' and head.handler or ''
end
"""
# ARGV: the first, how many, handlers. Returns how many were there, and each that fits with its score.
_PAGE: Final = f"""{HANDLER_OF}
local wanted, fitting = {{}}, {{}}
for i = 3, #ARGV do wanted[ARGV[i]] = true end
local found = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  if #ARGV == 2 or wanted[handler_of(found[i])] then
    table.insert(fitting, found[i])
    table.insert(fitting, found[i + 1])
  end
end
return {{#found / 2, fitting}}
"""
# From the end that nothing is taken from meanwhile. ARGV: the first, how many. Returns how many were there, and how
# many each handler has of them.
_COUNT: Final = f"""{HANDLER_OF}
local found = redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1)
local counts, flat = {{}}, {{}}
for _, record in ipairs(found) do
  local handler = handler_of(record)
  counts[handler] = (counts[handler] or 0) + 1
end
for handler, count in pairs(counts) do
  table.insert(flat, handler)
  table.insert(flat, count)
end
return {{#found, flat}}
"""


class Waits(StrEnum):
    """Where a run waits."""

    DUE = "due"
    IN_HAND = "in hand"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that waits. `due`: when it may start; None where that is not a matter of time."""

    waits: Waits
    due: datetime | None
    record: StoredRun

    @property
    def type(self) -> str:
        """The type of its event; nothing where that cannot be read."""
        return type_of(self.record.event)

    def row(self) -> dict[str, object]:
        """Return what a list shows: nothing of the event but its id and type."""
        record = self.record
        return {
            "waits": self.waits.value,
            "due": None if self.due is None else self.due.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "handler": record.handler,
            "event_id": record.event_id,
            "type": self.type,
            "attempts": record.attempts,
            "error": record.errors[-1] if record.errors else "",
            "errors": list(record.errors),
            "replay": record.replay,
        }


class WaitingRuns:
    """Reads the runs that wait."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._taken = Entries(redis, keys.due_taken)

    def next(self, limit: int, handlers: Collection[str] = (), kind: str | None = None) -> list[WaitingRun]:
        """Return those that are next: first what workers have in their hands, then by time, last what is held back.

        `handlers`: only of these, by all the names that they have had; none: of all. `kind`: only of this type.
        """
        everything = self._all(frozenset(handlers))
        return list(islice((one for one in everything if kind in (None, one.type)), limit))

    def counts(self) -> dict[Waits, Counter[str]]:
        """Count them by where they wait, and by handler, as that was called when its run began to wait."""
        in_hand = Counter(one.record.handler for one in self._in_hand(frozenset()))
        return {Waits.DUE: self._due_by_handler(), Waits.IN_HAND: in_hand, Waits.HELD: self.held()}

    def held(self) -> Counter[str]:
        """Count those that are held back, by handler."""
        names = self.held_handlers()
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.zcard(self._keys.held(name))
            return Counter(dict(zip(names, cast("list[int]", pipeline.execute()), strict=True)))

    def held_handlers(self) -> list[str]:
        """Return the handlers of which runs are held back, in the order of their names."""
        return sorted(one.decode() for one in cast("set[bytes]", self._redis.smembers(self._keys.held_handlers)))

    def _all(self, handlers: frozenset[str]) -> Iterator[WaitingRun]:
        yield from self._in_hand(handlers)
        yield from self._in_set(self._keys.due, Waits.DUE, handlers)
        for name in self.held_handlers():
            if not handlers or name in handlers:
                yield from self._in_set(self._keys.held(name), Waits.HELD, frozenset())

    def _in_hand(self, handlers: frozenset[str]) -> Iterator[WaitingRun]:
        for entry_id, fields in self._taken.oldest_first("-", "+"):
            found = _read(fields.get(b"record", b""), Waits.IN_HAND, None, entry_id)
            if found is not None and (not handlers or found.record.handler in handlers):
                yield found

    def _in_set(self, key: str, waits: Waits, handlers: frozenset[str]) -> Iterator[WaitingRun]:
        """Yield those of a sorted set, in its order. What is taken out meanwhile makes the next page begin later."""
        start, there = 0, _AT_ONCE
        while there == _AT_ONCE:
            reply = self._redis.eval(_PAGE, 1, key, str(start), str(_AT_ONCE), *handlers)
            there, found = cast("tuple[int, list[bytes]]", reply)
            for record, score in zip(found[::2], found[1::2], strict=True):
                due = datetime.fromtimestamp(float(score) / 1000, UTC) if waits is Waits.DUE else None
                run = _read(record, waits, due, f"{float(score):.0f}")
                if run is not None:
                    yield run
            start += there

    def _due_by_handler(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        start, there = 0, _AT_ONCE
        while there == _AT_ONCE:
            reply = self._redis.eval(_COUNT, 1, self._keys.due, str(start), str(_AT_ONCE))
            there, flat = cast("tuple[int, list[bytes | int]]", reply)
            for name, count in zip(flat[::2], flat[1::2], strict=True):
                counts[cast("bytes", name).decode(errors="replace")] += cast("int", count)
            start += there
        return counts


def type_of(event: bytes) -> str:
    """Return an event's type; nothing where it cannot be read as far as that."""
    try:
        read = json.loads(event)
    except (ValueError, RecursionError):
        return ""
    found = read.get("type") if isinstance(read, dict) else None
    return found.encode(errors="replace").decode() if isinstance(found, str) else ""


def _read(stored: bytes, waits: Waits, due: datetime | None, entry_id: str) -> WaitingRun | None:
    """Read a run; None, and a line in the log, for one that cannot be read."""
    try:
        return WaitingRun(waits, due, StoredRun.load(stored))
    except StoredRunError:
        log.warning("run.unreadable", entry_id=entry_id)
        return None
