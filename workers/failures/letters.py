"""Letters: what failed. A failed (event, handler) is an RQ job on `retries`; exhausted, it is in RQ's failed registry.
What cannot be read is one without a handler, and there from the start.

That registry is the dead-letter box, so RQ's own tools see it. All is written into the caller's transaction.
"""

from datetime import timedelta
from typing import Final

from redis import Redis
from redis.client import Pipeline
from rq import Queue, Retry
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from ringback.schemas.keys import RETRIES_QUEUE, RETRY_JOB
from ringback.workers.failures.failure import HandlerFailure, Unread, UnreadableError, jittered

DEAD_LETTER_TTL_S: Final = 14 * 24 * 3600
# A run that ends because its worker died spends a retry of RQ's. That count is for these alone: each run that ends by
# itself sets it anew, and our own count of attempts decides when it is enough.
ABANDONED_RUNS: Final = 10
NO_HANDLER: Final = "-"
"""In place of a handler's name: the letter is of an entry that could not be read."""


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
