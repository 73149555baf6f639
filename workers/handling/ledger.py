"""The ledger: which handlers are done with which entry. XACK is the ledger; a hash holds only partial progress.

Written in one transaction every 256 entries or 100 ms, and when nothing else is to be done. What is written is not run
again. What becomes of a run that was not the last is written with it: when it is due again, or a dead letter. So is
what a run that ended well has asked to be sent.
"""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from redis import Redis

from ringback.outbox import queue
from ringback.outbox.queue import Intent, OptOut, Proof
from ringback.schemas.keys import HANDLERS_GROUP, Keys
from ringback.workers.failures import due
from ringback.workers.failures.letters import Letters
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.handling import standing
from ringback.workers.intake import claims
from ringback.workers.intake.entry import Entry, suspect_id
from ringback.workers.runtime import Runtime
from ringback.workers.tally import Tally

_MAX_UNWRITTEN: Final = 256
_MAX_AGE_S: Final = 0.1


class Ledger:
    """One drain's notes between two writes."""

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._redis: Redis = run.redis
        self._keys: Keys = run.keys
        self._letters = Letters(run.redis, run.keys)
        self.tally = Tally(run.keys)
        self._finished: list[str] = []
        self._finished_due: list[str] = []
        self._left: list[Entry] = []
        self._later: list[tuple[float, StoredRun]] = []
        self._held: defaultdict[str, list[StoredRun]] = defaultdict(list)
        self._buried: list[tuple[StoredRun, str]] = []
        self._forgotten: list[str] = []
        self._asked: list[list[Intent]] = []
        self._proofs: list[Proof] = []
        self._opt_outs: list[OptOut] = []
        self._open: dict[str, set[str]] = {}
        self._unwritten: set[str] = set()
        self._suspects: set[str] = set()
        self._cleared: list[str] = []
        self._since: float | None = None

    def suspect(self, entry: Entry, handler: str) -> int:
        """Note, at once, that a handler starts on an entry that a worker died with. Return how often that was so."""
        field = _suspect(entry, handler)
        self._suspects.add(field)
        return self._redis.hincrby(self._keys.suspects, field, 1)

    def done(self, entry: Entry, handler: str) -> None:
        """Note that a handler has done with an entry."""
        if not entry.is_due:
            self._open.setdefault(entry.id, set(entry.already)).add(handler)
            self._unwritten.add(entry.id)
        if self._suspects and (field := _suspect(entry, handler)) in self._suspects:
            self._suspects.remove(field)
            self._cleared.append(field)
        self._touch()

    def later(self, pause_s: float, record: StoredRun) -> None:
        """Note that a run is due in so many seconds."""
        self._later.append((pause_s, record))
        self._touch()

    def hold(self, handler: str, record: StoredRun) -> None:
        """Note that a run is held back until there is room for it."""
        self._held[handler].append(record)
        self._touch()

    def bury(self, record: StoredRun, text: str) -> None:
        """Note that a run is not tried again: it becomes a dead letter, with this text."""
        self._buried.append((record, text))
        self._touch()

    def send(self, asked: list[Intent]) -> None:
        """Note what a run that ended well has asked to be sent."""
        self._asked.append(asked)
        self._touch()

    def prove(self, proof: Proof) -> None:
        """Note that a callback shows that a send was accepted."""
        self._proofs.append(proof)
        self._touch()

    def opt_out(self, opt_out: OptOut) -> None:
        """Note that somebody wants to be texted no more, or again."""
        self._opt_outs.append(opt_out)
        self._touch()

    def forget_letter(self, letter_id: str) -> None:
        """Note that what was a dead letter has been done after all."""
        self._forgotten.append(letter_id)
        self._touch()

    def finish(self, entry: Entry) -> None:
        """Note that no handler is left for an entry."""
        if entry.is_due:
            self._finished_due.append(entry.id)
        else:
            self._finished.append(entry.id)
            self._open.pop(entry.id, None)
            self._unwritten.discard(entry.id)
        self._touch()

    def leave(self, entries: Sequence[Entry]) -> None:
        """Note that entries of which nothing has begun are left to whoever comes."""
        self._left += entries
        self._touch()

    def forget(self, entry: Entry) -> None:
        """Note no more of an entry: another worker has taken it over."""
        if not entry.is_due:
            self._open.pop(entry.id, None)
            self._unwritten.discard(entry.id)

    def write_if_due(self) -> None:
        """Write what has waited long enough, or is a lot."""
        if self._since is not None and (
            len(self._finished) + len(self._finished_due) >= _MAX_UNWRITTEN
            or time.monotonic() - self._since >= _MAX_AGE_S
        ):
            self.write()

    def write(self) -> None:
        """Write everything. EXEC has no rollback, so no command in it is one that may fail."""
        if self._since is None:
            return
        keys = self._keys
        with self._redis.pipeline(transaction=True) as pipeline:
            due.add(pipeline, keys, self._later)
            for handler, records in self._held.items():
                standing.hold(pipeline, keys, handler, records)
            for record, text in self._buried:
                self._letters.bury(pipeline, record, text)
            self._letters.forget(pipeline, self._forgotten)
            queue.note_opt_outs(pipeline, keys, self._opt_outs)
            queue.prove(pipeline, keys, self._proofs)
            queue.add(pipeline, keys, self._asked)
            for entry_id in self._unwritten:
                pipeline.hset(keys.ledger, entry_id, json.dumps(sorted(self._open[entry_id])))
            if self._finished:
                pipeline.xack(keys.events, HANDLERS_GROUP, *self._finished)
                pipeline.hdel(keys.ledger, *self._finished)
            if self._finished_due:
                pipeline.xack(keys.due_taken, HANDLERS_GROUP, *self._finished_due)
                pipeline.xdel(keys.due_taken, *self._finished_due)
            if self._cleared:
                pipeline.hdel(keys.suspects, *self._cleared)
            claims.leave(pipeline, self._run, self._left)
            self.tally.write(pipeline)
            pipeline.execute()
        self.tally.written()
        for written in (
            self._later, self._held, self._buried, self._forgotten, self._unwritten, self._finished,
            self._finished_due, self._cleared, self._left, self._asked, self._proofs, self._opt_outs,
        ):  # fmt: skip
            written.clear()
        self._since = None

    def _touch(self) -> None:
        if self._since is None:
            self._since = time.monotonic()


def _suspect(entry: Entry, handler: str) -> str:
    return f"{suspect_id(entry)} {handler}"
