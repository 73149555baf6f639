"""Dead letters: what a handler failed on until its attempts were spent, and what a provider refused to send. They are
failed jobs of RQ's queue `events`.

Imports RQ, so the command line imports it only once RQ's prefix is claimed.
"""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, cast

import structlog
from redis import Redis
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer

from ringback.reading.waiting_runs import type_of
from ringback.schemas.keys import EVENTS_QUEUE, Keys
from ringback.terminal.choose import by_beginning, handler_named
from ringback.workers.failures.letters import DEAD_LETTER_TTL_S, SENDS, job_of, record_of
from ringback.workers.failures.stored_run import StoredRun

log = structlog.get_logger()

_AT_ONCE: Final = 100
_UNREADABLE: Final = (DeserializationError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, under the id of its RQ job. `errors` name what its attempts have raised, without its text: the
    last ones, also those from before it was given another try. `send`: the ref, if it is of a send that was refused
    and not of a handler's run.
    """

    letter_id: str
    time: datetime
    handler: str
    event_id: str
    type: str
    event_json: str
    advanced: bool | None
    attempts: int
    errors: tuple[str, ...]
    replay: bool
    send: str | None = None

    @property
    def error(self) -> str:
        """What the last attempt has raised."""
        return self.errors[-1] if self.errors else ""

    def row(self) -> dict[str, object]:
        """Return what a list shows: nothing of the event but its id and type."""
        return {
            "id": self.letter_id,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "handler": self.handler,
            "event_id": self.event_id,
            "type": self.type,
            "attempts": self.attempts,
            "error": self.error,
            "errors": list(self.errors),
            "replay": self.replay,
            **({} if self.send is None else {"send": self.send}),
        }

    def whole(self) -> dict[str, object]:
        """Return all of it, with its event; one that is no JSON, or cannot be written as such, is in base64 instead."""
        raw = self.event_json.encode(errors="surrogateescape")
        try:
            event = json.loads(raw.decode())
            json.dumps(event, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return {**self.row(), "event_base64": base64.b64encode(raw).decode()}
        return {**self.row(), "event": event}


class DeadLetters:
    """Reads the dead letters. `key`: the sorted set of their ids, by the times at which they expire.

    `aliases`: earlier names of handlers and their present ones; letters are chosen by either.
    """

    def __init__(self, redis: Redis, keys: Keys, aliases: Mapping[str, str] | None = None) -> None:
        self.redis = redis
        self.keys = keys
        self._aliases = aliases or {}
        self.key: str = FailedJobRegistry(EVENTS_QUEUE, connection=redis).key

    def count(self) -> int:
        """Count them."""
        return self.redis.zcard(self.key)

    def ids(self) -> list[str]:
        """Return the ids of all, the one that died first first."""
        return [letter_id for letter_id, _ in self._died()]

    def named(self, typed: Iterable[str]) -> list[str]:
        """Find ids, or the only ones that begin so, each once. Raises ChoiceError."""
        ids = self.ids()
        absent = "none of the dead letters has the id {}; `ringback dead ls` lists them"
        return list(dict.fromkeys(by_beginning(one, ids, "dead letters", absent.format(one)) for one in typed))

    def latest(self, limit: int, handler: str | None = None, kind: str | None = None) -> list[DeadLetter]:
        """Return the newest that fit, the oldest of them first. Raises ChoiceError."""
        return list(islice(self._fitting(self._died()[::-1], handler, kind), limit))[::-1]

    def select(self, handler: str | None = None, kind: str | None = None) -> list[str]:
        """Return the ids of those that fit, the one that died first first. Raises ChoiceError."""
        return [letter.letter_id for letter in self._fitting(self._died(), handler, kind)]

    def find(self, letter_id: str) -> DeadLetter | None:
        """Return one by its whole id; None if it is gone."""
        expiry = self.redis.zscore(self.key, letter_id)
        return None if expiry is None else next(self._read([(letter_id, expiry)]), None)

    def records(self, ids: Sequence[str]) -> dict[str, StoredRun]:
        """Return the runs of those that are still there, by their ids; but of no job that is none of ours."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for letter_id in ids:
                pipeline.hmget(self.keys.rq_job(letter_id), "data", "meta")
            kept = zip(ids, cast("list[tuple[bytes | None, bytes | None]]", pipeline.execute()), strict=True)
        found = {}
        for letter_id, (data, meta) in kept:
            if data is not None and meta is not None:
                with suppress(*_UNREADABLE):
                    found[letter_id] = record_of(job_of(letter_id, data, meta, self.redis))
        return found

    def traceback(self, letter_id: str) -> str:
        """Return how the last attempt of one ended; nothing if it is gone."""
        return next(iter(self.history(letter_id)), "")

    def history(self, letter_id: str) -> list[str]:
        """Return how the last attempts before each of its deaths ended, the newest first."""
        job = Job(letter_id, connection=self.redis, serializer=JSONSerializer)
        return [(result.exc_string or "").strip() for result in Result.all(job, serializer=JSONSerializer)]

    def _died(self) -> list[tuple[str, float]]:
        """Return the ids with the times of their expiry, in order. What has expired RQ's workers take out in time."""
        reply = cast("list[tuple[bytes, float]]", self.redis.zrange(self.key, 0, -1, withscores=True))
        now = time.time()
        return [(one.decode(errors="replace"), expiry) for one, expiry in reply if not 0 <= expiry <= now]

    def _fitting(
        self, died: Sequence[tuple[str, float]], handler: str | None, kind: str | None
    ) -> Iterator[DeadLetter]:
        """Yield those of a handler, whose name may be without its module, and of a type."""
        if handler is not None:  # one that no letter has stays as it is, and fits none
            names = (letter.handler for letter in self._read(died))
            handler = handler_named(handler, names, self._aliases) or handler
        for letter in self._read(died):
            present = self._aliases.get(letter.handler, letter.handler)
            if handler in (None, present) and kind in (None, letter.type):
                yield letter

    def _read(self, died: Sequence[tuple[str, float]]) -> Iterator[DeadLetter]:
        """Read letters. One that cannot be read, or is no job of ours, is named in the log and left alone."""
        for start in range(0, len(died), _AT_ONCE):
            page = died[start : start + _AT_ONCE]
            jobs = Job.fetch_many([one for one, _ in page], connection=self.redis, serializer=JSONSerializer)
            for (letter_id, expiry), job in zip(page, jobs, strict=True):
                if job is None:  # retried or dropped meanwhile
                    continue
                try:
                    yield self._letter(job, expiry)
                except _UNREADABLE:
                    log.warning("letter.unreadable", letter_id=letter_id)

    def _letter(self, job: Job, expiry: float) -> DeadLetter:
        record = record_of(job)
        event_json = record.event.decode(errors="surrogateescape")
        return DeadLetter(
            letter_id=job.id,
            time=datetime.fromtimestamp(expiry - (job.failure_ttl or DEAD_LETTER_TTL_S), UTC),
            handler=record.handler,
            event_id=record.event_id,
            type=type_of(record.event),
            event_json=event_json,
            advanced=record.advanced,
            attempts=cast("int", job.meta["attempt"]),
            errors=record.errors,
            replay=record.replay,
            send=record.key if record.handler == SENDS else None,
        )
