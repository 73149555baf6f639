"""Letters: what failed. A failed (event, handler) is an RQ job on `retries`; exhausted, it is in RQ's failed registry.

That registry is the dead-letter box, so RQ's own tools see it. Both are written into the caller's transaction.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from redis import Redis
from redis.client import Pipeline
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from schemas.keys import RETRIES_QUEUE, RETRY_JOB
from workers.registry import Handler

DEAD_LETTER_TTL_S: Final = 14 * 24 * 3600
_JITTER: Final = 0.2
# Runs that end because their worker died spend a retry of RQ's; our own count of attempts decides when it is enough.
_ABANDONED_RUNS: Final = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """A handler that failed on an event: everything that it takes to run it again, also when the stream is trimmed."""

    handler: Handler
    event_id: str
    event_json: str
    advanced: bool | None
    traceback: str
    final: bool = False


class Letters:
    """Writes retries and dead letters."""

    def __init__(self, redis: Redis) -> None:
        self._queue = Queue(RETRIES_QUEUE, connection=redis, serializer=JSONSerializer, default_timeout=-1)
        self._redis = redis

    def write(self, pipeline: Pipeline, failure: Failure) -> None:
        """Schedule the second attempt, or bury it if the handler has no retries."""
        retry = () if failure.final else failure.handler.subscription.retry
        job = Job.create(
            RETRY_JOB,
            args=[failure.event_json, failure.handler.name, failure.advanced],
            connection=self._redis,
            origin=RETRIES_QUEUE,
            timeout=-1,
            result_ttl=0,
            failure_ttl=DEAD_LETTER_TTL_S,
            description=f"{failure.handler.name} on {failure.event_id}",  # RQ's own would hold the event
            retry=Retry(max=len(retry) + _ABANDONED_RUNS),
            meta={"handler": failure.handler.name, "event": failure.event_id, "attempt": 1},
            serializer=JSONSerializer,
        )
        if retry:
            when = timedelta(seconds=jittered(retry, 1))
            self._queue.schedule_job(job, job.created_at + when, pipeline=pipeline)
            return
        pipeline.sadd(self._queue.redis_queues_keys, self._queue.key)
        job.set_status(JobStatus.FAILED, pipeline=pipeline)
        job.save(pipeline=pipeline)
        self._queue.failed_job_registry.add(job, ttl=DEAD_LETTER_TTL_S, exc_string=failure.traceback, pipeline=pipeline)
        Result.create_failure(job, DEAD_LETTER_TTL_S, exc_string=failure.traceback, pipeline=pipeline)


def jittered(pauses: Sequence[int], attempt: int) -> int:
    """Give the pause in whole seconds after the `attempt`th attempt (from 1), up to a fifth longer than set.

    So that what failed together does not come back together.
    """
    pause = pauses[attempt - 1]
    return round(pause * (1 + random.random() * _JITTER))  # noqa: S311
