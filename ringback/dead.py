"""The dead letters, for people: what a handler failed on until its attempts were spent, and how to go on with it.

They are the failed jobs of RQ's queue `retries`. Imports RQ, so the command line imports it only once RQ's prefix is
claimed.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

import structlog
from redis import Redis
from redis.exceptions import WatchError
from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.results import Result
from rq.serializers import JSONSerializer

from ringback.choose import by_beginning, handler_named
from schemas.keys import RETRIES_QUEUE, RETRY_JOB
from workers.letters import DEAD_LETTER_TTL_S, Letters

log = structlog.get_logger()

_AT_ONCE: Final = 100
_TRACEBACK: Final = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class Letter:
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
        """Give what a list shows: nothing of the event but its id and type."""
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


class DeadLetters:
    """Reads the failed jobs, puts them back on the queue, drops them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._letters = Letters(redis)
        queue = Queue(RETRIES_QUEUE, connection=redis, serializer=JSONSerializer)
        self._registry = queue.failed_job_registry

    def ids(self) -> list[str]:
        """Give the ids of all, the one that died first first."""
        return [letter_id for letter_id, _ in self._died()]

    def named(self, typed: Iterable[str]) -> list[str]:
        """Find ids, or the only ones that begin so, each once. Raises ChoiceError."""
        ids = self.ids()
        absent = "none of the dead letters has the id {}; `ringback dead ls` lists them"
        return list(dict.fromkeys(by_beginning(one, ids, "dead letters", absent.format(one)) for one in typed))

    def latest(self, limit: int, handler: str | None = None, kind: str | None = None) -> list[Letter]:
        """Give the newest that fit, the oldest of them first. Raises ChoiceError."""
        found: list[Letter] = []
        handler = self._whole(handler)
        for letter in self._read(self._died()[::-1]):
            if _fits(letter, handler, kind):
                found.append(letter)
                if len(found) == limit:
                    break
        found.reverse()
        return found

    def select(self, handler: str | None = None, kind: str | None = None) -> list[str]:
        """Give the ids of those that fit, the one that died first first. Raises ChoiceError."""
        handler = self._whole(handler)
        return [letter.letter_id for letter in self._read(self._died()) if _fits(letter, handler, kind)]

    def whole(self, letter_id: str) -> dict[str, object] | None:
        """Give all of one, with its event and traceback; None if it is gone."""
        letter = self._find(letter_id)
        if letter is None:
            return None
        return {**letter.row(), **_event(letter.event_json), "traceback": self._traceback(letter_id)}

    def retry(self, ids: Sequence[str]) -> int:
        """Put some back on the queue, their attempts counted from 1. Gives how many were still there."""
        return sum(self._take(letter_id, again=True) for letter_id in ids)

    def drop(self, ids: Sequence[str]) -> int:
        """Delete some. Gives how many were still there."""
        return sum(self._take(letter_id, again=False) for letter_id in ids)

    def _take(self, letter_id: str, *, again: bool) -> bool:
        """Take one out, and put it back on the queue or not; in one step, so that two who ask do not do it twice."""
        key = Job.key_for(letter_id)
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.watch(key)  # type: ignore[no-untyped-call]
            letter = self._find(letter_id)
            if letter is None:
                return False
            pipeline.multi()
            pipeline.zrem(self._registry.key, letter_id)
            pipeline.delete(key, Result.get_key(letter_id))  # type: ignore[no-untyped-call]
            if again:
                self._letters.begin(
                    pipeline,
                    letter.event_json,
                    letter.event_id,
                    letter.handler,
                    letter.advanced,
                    replay=letter.replay,
                    letter_id=letter_id,
                )
            try:
                pipeline.execute()
            except WatchError:
                return False
        return True

    def _whole(self, handler: str | None) -> str | None:
        """Complete a handler's name; one that no letter has stays as it is, and fits none."""
        if handler is None:
            return None
        return handler_named(handler, (letter.handler for letter in self._read(self._died()))) or handler

    def _died(self) -> list[tuple[str, float]]:
        """Give the ids with the times of their expiry, in order."""
        self._registry.cleanup()
        reply = self._redis.zrange(self._registry.key, 0, -1, withscores=True)
        return [
            (letter_id.decode(errors="replace"), expiry)
            for letter_id, expiry in cast("list[tuple[bytes, float]]", reply)
        ]

    def _find(self, letter_id: str) -> Letter | None:
        expiry = self._redis.zscore(self._registry.key, letter_id)
        return None if expiry is None else next(self._read([(letter_id, expiry)]), None)

    def _read(self, died: Sequence[tuple[str, float]]) -> Iterator[Letter]:
        """Read letters. One that cannot be read, or is no job of ours, is named in the log and left alone."""
        for start in range(0, len(died), _AT_ONCE):
            page = died[start : start + _AT_ONCE]
            jobs = Job.fetch_many([one for one, _ in page], connection=self._redis, serializer=JSONSerializer)
            for (letter_id, expiry), job in zip(page, jobs, strict=True):
                if job is None:  # retried or dropped meanwhile
                    continue
                try:
                    yield self._letter(job, expiry)
                except (DeserializationError, ValueError, KeyError, TypeError):
                    log.warning("letter.unreadable", letter_id=letter_id)

    def _letter(self, job: Job, expiry: float) -> Letter:
        if job.func_name != RETRY_JOB:
            raise ValueError(job.func_name)
        event_json, handler, advanced = cast("tuple[str, str, bool | None]", job.args)
        meta = cast("dict[str, object]", job.meta)
        return Letter(
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
        """Say why a job died that its handler did not end by raising: its worker died, in RQ's words or ours."""
        text = self._traceback(letter_id)
        return "" if _TRACEBACK in text else text.partition("\n")[0]

    def _traceback(self, letter_id: str) -> str:
        job = Job(letter_id, connection=self._redis, serializer=JSONSerializer)
        result = Result.fetch_latest(job, serializer=JSONSerializer)
        return (result.exc_string or "").strip() if result else ""


def _type_of(text: str) -> str:
    """Return an event's type; nothing where the letter is of an entry that cannot be read as far as that."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found = event.get("type") if isinstance(event, dict) else None
    return found.encode(errors="replace").decode() if isinstance(found, str) else ""


def _event(text: str) -> dict[str, object]:
    """Return the event under its name; what is no JSON, or can be written as none, in base64 under another."""
    raw = text.encode(errors="surrogateescape")
    try:
        event = json.loads(raw.decode())
        json.dumps(event, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return {"event_base64": base64.b64encode(raw).decode()}
    return {"event": event}


def _fits(letter: Letter, handler: str | None, kind: str | None) -> bool:
    return (handler is None or letter.handler == handler) and (kind is None or letter.type == kind)
