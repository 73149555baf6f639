"""The ledger: which handlers are done with which entry. XACK is the ledger; a hash holds only partial progress.

Written in one transaction every 64 entries or 50 ms, and before a handler starts that may take longer: what is written
is not run again.
"""

import json
import time
from collections.abc import Iterable
from typing import Final, cast

from redis import Redis

from schemas.keys import HANDLERS_GROUP, Keys
from workers.letters import Failure, Letters
from workers.tally import Tally

_MAX_UNWRITTEN: Final = 64
_MAX_AGE_S: Final = 0.05


class Ledger:
    """One drain's notes between two writes."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._letters = Letters(redis)
        self.tally = Tally(keys)
        self._finished: list[str] = []
        self._failures: list[Failure] = []
        self._open: dict[str, set[str]] = {}
        self._unwritten: set[str] = set()
        self._suspects: list[str] = []
        self._since: float | None = None

    def read(self, entry_id: str) -> set[str]:
        """Give the handlers that were done with an entry before its worker died."""
        noted = cast("bytes | None", self._redis.hget(self._keys.ledger, entry_id))
        return set(json.loads(noted)) if noted else set()

    def suspect(self, entry_id: str, handler: str) -> int:
        """Note, at once, that a handler starts on an entry that a worker died with. Gives how often that was so."""
        field = f"{entry_id} {handler}"
        self._suspects.append(field)
        return self._redis.hincrby(self._keys.suspects, field, 1)

    def done(self, entry_id: str, handler: str, already: Iterable[str] = ()) -> None:
        """Note that a handler has finished an entry; `already`: what `read` gave."""
        self._open.setdefault(entry_id, set(already)).add(handler)
        self._unwritten.add(entry_id)
        self._touch()

    def failed(self, entry_id: str, failure: Failure, already: Iterable[str] = ()) -> None:
        """Note that a handler has failed on an entry: from here on it is its letter's matter."""
        self._failures.append(failure)
        self.done(entry_id, failure.handler.name, already)

    def finish(self, entry_id: str) -> None:
        """Note that no handler is left for an entry."""
        self._finished.append(entry_id)
        self._open.pop(entry_id, None)
        self._unwritten.discard(entry_id)
        self._touch()
        if len(self._finished) >= _MAX_UNWRITTEN:
            self.write()

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
            for entry_id in self._unwritten:
                pipeline.hset(self._keys.ledger, entry_id, json.dumps(sorted(self._open[entry_id])))
            if self._finished:
                pipeline.xack(self._keys.events, HANDLERS_GROUP, *self._finished)
                pipeline.hdel(self._keys.ledger, *self._finished)
            if self._suspects:  # those that had been started have ended, or this line would not be reached
                pipeline.hdel(self._keys.suspects, *self._suspects)
            self.tally.write(pipeline)
            pipeline.execute()
        self.tally.written()
        self._unwritten.clear()
        self._failures.clear()
        self._finished.clear()
        self._suspects.clear()
        self._since = None

    def _touch(self) -> None:
        if self._since is None:
            self._since = time.monotonic()
