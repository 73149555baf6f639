"""The ledger: which handlers are done with which entry. XACK is the ledger; a hash holds only partial progress.

Written in one transaction every 64 entries or 50 ms, and before a handler starts that may take longer: what is written
is not run again.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, cast

from redis import Redis

from ringback.schemas.keys import HANDLERS_GROUP, Keys
from ringback.workers.failures.failure import HandlerFailure, Unread
from ringback.workers.failures.letters import Letters
from ringback.workers.intake.handover import Handover
from ringback.workers.tally import Tally

_MAX_UNWRITTEN: Final = 64
_MAX_AGE_S: Final = 0.05


class Ledger:
    """One drain's notes between two writes."""

    def __init__(self, redis: Redis, keys: Keys, handover: Handover) -> None:
        self._redis = redis
        self._keys = keys
        self._letters = Letters(redis)
        self._handover = handover
        self.tally = Tally(keys)
        self._finished: list[str] = []
        self._left: defaultdict[str, list[str]] = defaultdict(list)
        self._failures: list[HandlerFailure] = []
        self._unread: list[Unread] = []
        self._open: dict[str, set[str]] = {}
        self._unwritten: set[str] = set()
        self._suspects: set[str] = set()
        self._cleared: list[str] = []
        self._since: float | None = None

    def read(self, entry_id: str) -> set[str]:
        """Give the handlers that were done with an entry before its worker died."""
        noted = cast("bytes | None", self._redis.hget(self._keys.ledger, entry_id))
        return set(json.loads(noted)) if noted else set()

    def suspect(self, entry_id: str, handler: str) -> int:
        """Note, at once, that a handler starts on an entry that a worker died with. Gives how often that was so."""
        field = f"{entry_id} {handler}"
        self._suspects.add(field)
        return self._redis.hincrby(self._keys.suspects, field, 1)

    def done(self, entry_id: str, handler: str, already: Iterable[str] = ()) -> None:
        """Note that a handler has finished an entry; `already`: what `read` gave."""
        self._open.setdefault(entry_id, set(already)).add(handler)
        self._unwritten.add(entry_id)
        if self._suspects and (field := f"{entry_id} {handler}") in self._suspects:
            self._suspects.remove(field)
            self._cleared.append(field)
        self._touch()

    def failed(self, entry_id: str, failure: HandlerFailure, already: Iterable[str] = ()) -> None:
        """Note that a handler has failed on an entry: from here on it is its letter's matter."""
        self._failures.append(failure)
        self.done(entry_id, failure.handler.name, already)

    def unread(self, unread: Unread) -> None:
        """Note an entry that cannot be read: it becomes a dead letter, of no handler."""
        self._unread.append(unread)
        self._touch()

    def finish(self, entry_id: str) -> None:
        """Note that no handler is left for an entry."""
        self._finished.append(entry_id)
        self._open.pop(entry_id, None)
        self._unwritten.discard(entry_id)
        self._touch()
        if len(self._finished) >= _MAX_UNWRITTEN:
            self.write()

    def leave(self, entry_id: str, to: str) -> None:
        """Note that what no handler is noted for is left to others (`to`: ringback.workers.intake.handover)."""
        self._left[to].append(entry_id)
        self._touch()

    def forget(self, entry_id: str) -> None:
        """Note no more of an entry: another worker has taken it over."""
        self._open.pop(entry_id, None)
        self._unwritten.discard(entry_id)

    def write_if_due(self) -> None:
        """Write what has waited long enough."""
        if self._since is not None and time.monotonic() - self._since >= _MAX_AGE_S:
            self.write()

    def write(self) -> None:
        """Write everything. EXEC has no rollback, so no command in it is one that may fail."""
        if self._since is None:
            return
        with self._redis.pipeline(transaction=True) as pipeline:
            for failure in self._failures:
                self._letters.write(pipeline, failure)
            for unread in self._unread:
                self._letters.bury(pipeline, unread)
            for entry_id in self._unwritten:
                pipeline.hset(self._keys.ledger, entry_id, json.dumps(sorted(self._open[entry_id])))
            if self._finished:
                pipeline.xack(self._keys.events, HANDLERS_GROUP, *self._finished)
                pipeline.hdel(self._keys.ledger, *self._finished)
            if self._cleared:
                pipeline.hdel(self._keys.suspects, *self._cleared)
            self.tally.write(pipeline)
            for to, entry_ids in self._left.items():
                self._handover.leave(pipeline, to, entry_ids)
            pipeline.execute()
        for to, entry_ids in self._left.items():
            self._handover.left(to)
            for entry_id in entry_ids:
                self._open.pop(entry_id, None)
        self.tally.written()
        self._unwritten.clear()
        self._failures.clear()
        self._unread.clear()
        self._finished.clear()
        self._left.clear()
        self._cleared.clear()
        self._since = None

    def _touch(self) -> None:
        if self._since is None:
            self._since = time.monotonic()
