"""Beside: what a drain takes beside new events. Runs that are due, what a worker has left, what one has died with."""

import json
import time
from collections import Counter
from dataclasses import replace
from typing import Final, Literal, cast

from redis.exceptions import ResponseError

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.workers.intake import claims
from ringback.workers.intake.entry import Entry, suspect_id
from ringback.workers.intake.group import ensure_group, is_missing
from ringback.workers.intake.shared import trusted_s
from ringback.workers.runtime import Runtime
from ringback.workers.scripts.lua import NOW, script

_Flat = tuple[bytes, list[bytes] | None]
_Taken = tuple[bytes, list[bytes] | None, bytes | None]

_MOST_BYTES: Final = 4 * 1024 * 1024
_NOTHING_DUE: Final = -1


class Beside:
    """One drain's way to them."""

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._due = run.redis.register_script(NOW + script("due.lua"))
        self._take = run.redis.register_script(script("take.lua"))
        self._streams = [(True, run.keys.due_taken)]
        if not run.settings.partitions:  # else what is left of the events is in its partition, and is read there
            self._streams.append((False, run.keys.events))

    def due(self, most: int) -> tuple[list[Entry], float]:
        """Take runs that are due; and the seconds until the next one is: 0 if there are more, infinite without any.

        Raises RedisError.
        """
        run, asked = self._run, time.monotonic()
        keys = [run.keys.due, run.keys.due_taken]
        try:
            flats, wait_ms = cast(
                "tuple[list[_Flat], int]", self._due(keys, [HANDLERS_GROUP, run.consumer, most, _MOST_BYTES])
            )
        except ResponseError as error:
            if not is_missing(error):
                raise
            ensure_group(run.redis, run.keys)
            return [], 0.0
        entries = [self._entry((flat[0], flat[1], None), asked, is_due=True) for flat in flats]
        return entries, float("inf") if wait_ms == _NOTHING_DUE else wait_ms / 1000

    def left(self, most: int) -> list[Entry]:
        """Take over what a worker has left unbegun. Raises RedisError."""
        return self._over("left", most)

    def orphans(self, most: int) -> list[Entry]:
        """Take over some of what workers died with: let go of, or not refreshed for as long as a claim lasts.

        What may be what they died of comes last, so that the others do not wait for it: what has cost a worker already
        when it ran alone, and what was there first, since the others have come behind it. Raises RedisError.
        """
        found = [replace(entry, is_suspect=True) for entry in self._over("dead", most)]
        if len(found) <= 1:
            return found
        noted = cast("dict[bytes, bytes]", self._run.redis.hgetall(self._run.keys.suspects))
        deaths = Counter[str]()
        for field, count in noted.items():
            deaths[field.decode().partition(" ")[0]] += int(count)
        found.reverse()
        found.sort(key=lambda entry: deaths[suspect_id(entry)])
        return found

    def are_orphans(self) -> bool:
        """Whether `orphans` would give anything. Raises RedisError."""
        for _, stream in self._streams:
            stale = self._run.redis.xpending_range(stream, HANDLERS_GROUP, "-", "+", 2, idle=self._run.claim_idle_ms)
            if any(one["consumer"] != claims.NEXT.encode() for one in cast("list[dict[str, bytes]]", stale)):
                return True
        return False

    def _over(self, which: Literal["left", "dead"], most: int) -> list[Entry]:
        run, asked, taken = self._run, time.monotonic(), []
        for is_due, stream in self._streams:
            arguments: list[str | int] = [
                HANDLERS_GROUP, run.consumer, run.claim_idle_ms, most, claims.NEXT, which, _MOST_BYTES
            ]  # fmt: skip
            try:
                reply = cast("list[_Taken]", self._take([stream, run.keys.ledger], arguments))
            except ResponseError as error:
                if not is_missing(error):
                    raise
                ensure_group(run.redis, run.keys)
                continue
            taken += [self._entry(one, asked, is_due=is_due) for one in reply]
        return taken

    def _entry(self, taken: _Taken, asked: float, *, is_due: bool) -> Entry:
        entry_id, flat, done = taken
        fields = dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}
        already = frozenset(json.loads(done)) if done and not is_due else frozenset[str]()
        return Entry(entry_id.decode(), fields, already, is_due=is_due, trusted_until=asked + trusted_s(self._run))
