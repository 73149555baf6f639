"""Handover: entries that a drain has read and leaves to others, in the hands of two consumers that are no workers.

`next` has what was not started because its drain was held up: whoever comes takes it. `later` has what the last free
drain did not start (ringback.workers.handling.bulkhead). No worker has died with either, so they are never taken for
orphans.
"""

import json
from collections.abc import Sequence
from typing import Final, cast

from redis.client import Pipeline

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.workers.intake.entry import Entry
from ringback.workers.runtime import Runtime
from ringback.workers.scripts.lua import script

NEXT: Final = "next"
LATER: Final = "later"
_ANYONE: Final = ""
_Taken = tuple[bytes, list[bytes] | None, bytes | None]

# What another worker has taken over meanwhile is not taken from it again.
_LEAVE: Final = """
for i = 4, #ARGV do
  if #redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) > 0 then
    redis.pcall('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[i], 'JUSTID')
  end
end
"""


class Handover:
    """One drain's way of leaving and taking entries."""

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._take = run.redis.register_script(script("take.lua"))

    def leave(self, pipeline: Pipeline, to: str, entry_ids: Sequence[str]) -> None:
        """Leave entries to `NEXT` or `LATER`, in the caller's transaction, as far as this drain holds them."""
        pipeline.eval(_LEAVE, 1, self._run.keys.events, HANDLERS_GROUP, self._run.consumer, to, *entry_ids)

    def left(self, to: str) -> None:
        """Tell the other drains of this machine that something was left."""
        if to == NEXT:
            self._run.board.note_next()
        else:
            self._run.board.note_later()

    def take(self, most: int, left: str) -> list[Entry]:
        """Take over what was left, the oldest first. Raises RedisError."""
        return self._taken(left, 0, most)

    def orphans(self, most: int) -> list[Entry]:
        """Take over some of what was given back, or not refreshed for as long as a claim lasts. Raises RedisError."""
        return self._taken(_ANYONE, self._run.claim_idle_ms, most)

    def _taken(self, left: str, idle_ms: int, most: int) -> list[Entry]:
        keys = [self._run.keys.events, self._run.keys.ledger]
        arguments: list[str | int] = [HANDLERS_GROUP, self._run.consumer, left, idle_ms, most, NEXT, LATER]
        return [_entry(one) for one in cast("list[_Taken]", self._take(keys, arguments))]


def _entry(taken: _Taken) -> Entry:
    entry_id, flat, done = taken
    fields = dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}
    return Entry(entry_id.decode(), fields, frozenset(json.loads(done) if done else ()))
