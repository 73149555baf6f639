"""Letters: what failed. A failed (event, handler) is an RQ job on `retries`; exhausted, it is in RQ's failed registry.
What cannot be read is one without a handler, and there from the start.

That registry is the dead-letter box, so RQ's own tools see it. All is written into the caller's transaction.
"""

import math
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from pydantic import ValidationError
from redis import Redis
from redis.client import Pipeline
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from schemas.keys import RETRIES_QUEUE, RETRY_JOB
from workers.entry import Entry
from workers.line import Line
from workers.outcomes import RetryLater
from workers.registry import Handler

DEAD_LETTER_TTL_S: Final = 14 * 24 * 3600
# A run that ends because its worker died spends a retry of RQ's. That count is for these alone: each run that ends by
# itself sets it anew, and our own count of attempts decides when it is enough.
ABANDONED_RUNS: Final = 10
_JITTER: Final = 0.2
NO_HANDLER: Final = "-"
"""In place of a handler's name: the letter is of an entry that could not be read."""


@dataclass(frozen=True, slots=True)
class HandlerFailure:
    """A handler that failed on an event: everything that it takes to run it again, also when the stream is trimmed.

    `error`: the exception's name, if it was one. `pause`: seconds to the next attempt that the handler asked for.
    `unrun`: it has not failed but was passed over, for a first attempt: at once, or from its handler's `line`.
    """

    handler: Handler
    event_id: str
    event_json: str
    advanced: bool | None
    traceback: str
    final: bool = False
    error: str | None = None
    pause: int | None = None
    line: Line | None = None
    unrun: bool = False

    @classmethod
    def of(
        cls, handler: Handler, event_id: str, event_json: str, advanced: bool | None, error: BaseException
    ) -> "HandlerFailure":
        """Make one of what a handler raised."""
        text = "".join(traceback.format_exception(error))
        name, pause = error_name(error), pause_asked(error)
        return cls(handler, event_id, event_json, advanced, text, error=name, pause=pause)


class UnreadableError(Exception):
    """An entry holds no event that this version can read. Its words hold nothing of what is in the entry."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Make one of what reading has raised."""
        if isinstance(error, ValidationError):
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return cls("; ".join(f"{'.'.join(map(str, one['loc'])) or 'event'}: {one['type']}" for one in found))
        return cls(f"event: {error_name(error)}")


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry that could not be read. `text`: all there is of it (workers.entry)."""

    event_id: str
    text: str
    advanced: bool | None
    reason: str

    @classmethod
    def of(cls, entry: Entry, error: Exception) -> Self:
        """Make one of an entry, and of what reading it has raised."""
        reason = f"entry {entry.id} cannot be read: {UnreadableError.of(error)}"
        return cls(entry.event_id or entry.id, entry.text, entry.advanced, reason)


class Letters:
    """Writes retries, dead letters and replays."""

    def __init__(self, redis: Redis) -> None:
        self._queue = Queue(RETRIES_QUEUE, connection=redis, serializer=JSONSerializer, default_timeout=-1)
        self._redis = redis

    def write(self, pipeline: Pipeline, failure: HandlerFailure) -> None:
        """Schedule the second attempt, or bury it if the handler has no retries; or put the first one in line."""
        name = failure.handler.name
        if failure.unrun and failure.line is None:
            self.begin(pipeline, failure.event_json, failure.event_id, name, failure.advanced, replay=False)
            return
        job = self._job(failure.event_json, failure.event_id, name, failure.advanced)
        if failure.line is not None:
            job.meta["attempt"] = 0
            job.set_status(JobStatus.QUEUED, pipeline=pipeline)
            job.save(pipeline=pipeline)
            failure.line.add(pipeline, name, job.id)
            return
        job.meta["attempt"] = 1
        if failure.error is not None:
            job.meta["error"] = failure.error
        pauses = () if failure.final else failure.handler.subscription.retry
        if pauses:
            pause = jittered(pauses, 1) if failure.pause is None else failure.pause
            self._queue.schedule_job(job, job.created_at + timedelta(seconds=pause), pipeline=pipeline)
            return
        self._bury(pipeline, job, failure.traceback)

    def bury(self, pipeline: Pipeline, unread: Unread) -> None:
        """Make a dead letter of an entry that cannot be read."""
        job = self._job(unread.text, unread.event_id, NO_HANDLER, unread.advanced)
        job.meta |= {"attempt": 1, "error": UnreadableError.__name__}
        self._bury(pipeline, job, unread.reason)

    def begin(
        self,
        pipeline: Pipeline,
        event_json: str,
        event_id: str,
        handler: str,
        advanced: bool | None,
        *,
        replay: bool,
        letter_id: str | None = None,
    ) -> None:
        """Queue a run whose attempts count from 1: a replay, or a dead letter (by its id) that is given another try."""
        job = self._job(event_json, event_id, handler, advanced, letter_id)
        job.meta["attempt"] = 0
        if replay:
            job.meta["replay"] = True
        # Not enqueue_job: it begins a transaction, which fails in one that already has commands.
        pipeline.sadd(self._queue.redis_queues_keys, self._queue.key)
        self._queue._enqueue_job(job, pipeline=pipeline)

    def _bury(self, pipeline: Pipeline, job: Job, text: str) -> None:
        pipeline.sadd(self._queue.redis_queues_keys, self._queue.key)
        job.set_status(JobStatus.FAILED, pipeline=pipeline)
        job.save(pipeline=pipeline)
        self._queue.failed_job_registry.add(job, ttl=DEAD_LETTER_TTL_S, exc_string=text, pipeline=pipeline)
        Result.create_failure(job, DEAD_LETTER_TTL_S, exc_string=text, pipeline=pipeline)

    def _job(
        self, event_json: str, event_id: str, handler: str, advanced: bool | None, letter_id: str | None = None
    ) -> Job:
        return Job.create(
            RETRY_JOB,
            args=[event_json, handler, advanced],
            id=letter_id,
            connection=self._redis,
            origin=RETRIES_QUEUE,
            timeout=-1,
            result_ttl=0,
            failure_ttl=DEAD_LETTER_TTL_S,
            description=f"{handler} on {event_id}",  # RQ's own would hold the event
            retry=Retry(max=ABANDONED_RUNS),
            meta={"handler": handler, "event": event_id},
            serializer=JSONSerializer,
        )


def pause_asked(error: BaseException) -> int | None:
    """Give the pause in whole seconds that a handler asked for by what it raised; None if it asked for none."""
    if not isinstance(error, RetryLater):
        return None
    # RQ cuts the fraction off the time at which a job is due; with a second more it is never too early.
    return math.ceil(error.seconds) + 1 if error.seconds else 0


def jittered(pauses: Sequence[int], attempt: int) -> int:
    """Give the pause in whole seconds after the `attempt`th attempt (from 1), up to a fifth longer than set.

    So that what failed together does not come back together.
    """
    pause = pauses[attempt - 1]
    return round(pause * (1 + random.random() * _JITTER))  # noqa: S311


def error_name(error: BaseException) -> str:
    """Name an error without its text, which may hold what a handler was given."""
    return type(error).__name__
