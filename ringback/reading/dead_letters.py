"""Dead letters: what a handler failed on until its attempts were spent, the failed jobs of RQ's queue `retries`.

Imports RQ, so the command line imports it only once RQ's prefix is claimed.
"""

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from ringback.schemas.keys import RETRIES_QUEUE, RETRY_JOB
from ringback.terminal.choose import by_beginning, handler_named
from ringback.workers.failures.letters import DEAD_LETTER_TTL_S

log = structlog.get_logger()

_AT_ONCE: Final = 100
_TRACEBACK: Final = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, under the id of its RQ job. `error` names what was raised, without its text."""

    letter_id: str
    time: datetime
    handler: str
    event_id: str
    type: str
    event_json: str
    advanced: bool | None
    attempts: int
    error: str
    replay: bool

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
            "replay": self.replay,
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

    def __init__(self, redis: Redis, aliases: Mapping[str, str] | None = None) -> None:
        self.redis = redis
        self._aliases = aliases or {}
        self.key: str = FailedJobRegistry(RETRIES_QUEUE, connection=redis).key

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

    def traceback(self, letter_id: str) -> str:
        """Return how the last attempt of one ended; nothing if it is gone."""
        job = Job(letter_id, connection=self.redis, serializer=JSONSerializer)
        result = Result.fetch_latest(job, serializer=JSONSerializer)
        return (result.exc_string or "").strip() if result else ""

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
                except (DeserializationError, ValueError, KeyError, TypeError):
                    log.warning("letter.unreadable", letter_id=letter_id)

    def _letter(self, job: Job, expiry: float) -> DeadLetter:
        if job.func_name != RETRY_JOB:
            raise ValueError(job.func_name)
        event_json, handler, advanced = cast("tuple[str, str, bool | None]", job.args)
        meta = cast("dict[str, object]", job.meta)
        return DeadLetter(
            letter_id=job.id,
            time=datetime.fromtimestamp(expiry - (job.failure_ttl or DEAD_LETTER_TTL_S), UTC),
            handler=handler,
            event_id=cast("str", meta["event"]),
            type=_type_of(event_json),
            event_json=event_json,
            advanced=advanced,
            attempts=cast("int", meta["attempt"]),
            error=cast("str | None", meta.get("error")) or self._how_it_ended(job.id),
            replay=meta.get("replay") is True,
        )

    def _how_it_ended(self, letter_id: str) -> str:
        """Return why a job died that its handler did not end by raising: its worker died, in RQ's words or ours."""
        text = self.traceback(letter_id)
        return "" if _TRACEBACK in text else text.partition("\n")[0]


def _type_of(text: str) -> str:
    """Return an event's type; nothing where the letter is of an entry that cannot be read as far as that."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found = event.get("type") if isinstance(event, dict) else None
    return found.encode(errors="replace").decode() if isinstance(found, str) else ""
