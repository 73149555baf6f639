"""Letters: what a handler failed on until its attempts were spent, and what could not be read. Each is a job in RQ's
failed registry of the queue `events`, so that RQ's own tools see it.

A letter that is given another try stays as a job meanwhile: with its history, and as what it was if that fails too.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, cast

from redis import Redis
from redis.client import Pipeline
from rq import get_current_job
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer
from rq.utils import current_timestamp

from ringback.schemas.keys import EVENTS_QUEUE, LETTER_JOB, Keys
from ringback.workers.failures import due
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.runtime import runtime
from ringback.workers.scripts.lua import NOW

DEAD_LETTER_TTL_S: Final = 14 * 24 * 3600
NO_HANDLER: Final = "-"
"""In place of a handler's name: the letter is of an entry that could not be read."""
SENDS: Final = "ringback.sends"
"""In place of a handler's name: the letter is of a send that was refused; its key is the send's ref."""

# KEYS: registry, due. ARGV: how long letters are kept (s), their status meanwhile, then of each: the key of its job,
# that of its results, its id, its run. Returns how many were still there.
_RETRY: Final = f"""{NOW}
local count = 0
for i = 3, #ARGV, 4 do
  if redis.call('ZREM', KEYS[1], ARGV[i + 2]) == 1 then
    redis.call('HSET', ARGV[i], 'status', ARGV[2])
    redis.call('EXPIRE', ARGV[i], ARGV[1])
    redis.call('EXPIRE', ARGV[i + 1], ARGV[1])
    redis.call('ZADD', KEYS[2], now, ARGV[i + 3])
    count = count + 1
  end
end
return count
"""
_DROP: Final = """
local count = 0
for i = 1, #ARGV, 3 do
  if redis.call('ZREM', KEYS[1], ARGV[i + 2]) == 1 then
    redis.call('DEL', ARGV[i], ARGV[i + 1])
    count = count + 1
  end
end
return count
"""


class Letters:
    """Writes dead letters, into the caller's transaction."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._registry = FailedJobRegistry(EVENTS_QUEUE, connection=redis, serializer=JSONSerializer)

    def bury(self, pipeline: Pipeline, record: StoredRun, text: str) -> None:
        """Make a dead letter of a run that is not tried again. `text`: its last traceback, or why there is none.

        One that was a letter before is so again, with what is new added to what was known.
        """
        job = self._job(record)
        # As RQ's own registry does it, which writes the job twice and costs four times as much.
        pipeline.hset(job.key, mapping=job.to_dict())
        pipeline.expire(job.key, DEAD_LETTER_TTL_S)
        pipeline.zadd(self._registry.key, {job.id: current_timestamp() + DEAD_LETTER_TTL_S})
        Result.create_failure(job, DEAD_LETTER_TTL_S, exc_string=text, pipeline=pipeline)

    def forget(self, pipeline: Pipeline, letter_ids: Sequence[str]) -> None:
        """Delete letters, with their history: another try has succeeded."""
        if letter_ids:
            pipeline.zrem(self._registry.key, *letter_ids)
            pipeline.delete(*(key for letter_id in letter_ids for key in _keys_of(letter_id)))

    def retry(self, records: Mapping[str, StoredRun]) -> int:
        """Let the runs of letters begin anew, as `try_again` does, those that are still there. Return how many."""
        registry, status = self._registry.key, JobStatus.SCHEDULED.value
        arguments: list[bytes | str] = [str(DEAD_LETTER_TTL_S), status]
        for letter_id, record in records.items():
            arguments += [*_keys_of(letter_id), letter_id, record.dump()]
        return cast("int", self._redis.eval(_RETRY, 2, registry, self._keys.due, *arguments))

    def drop(self, ids: Iterable[str]) -> int:
        """Delete letters, those that are still there. Return how many."""
        arguments = [part for letter_id in ids for part in (*_keys_of(letter_id), letter_id)]
        return cast("int", self._redis.eval(_DROP, 1, self._registry.key, *arguments))

    def try_again(self, pipeline: Pipeline, letter_id: str, record: StoredRun) -> None:
        """Let the run of a letter begin anew, at once. It is dead no more, and kept until that has ended well."""
        pipeline.zrem(self._registry.key, letter_id)
        pipeline.hset(Job.key_for(letter_id), "status", JobStatus.SCHEDULED.value)
        for key in _keys_of(letter_id):
            pipeline.expire(key, timedelta(seconds=DEAD_LETTER_TTL_S))
        due.add(pipeline, self._keys, [(0, record)])

    def _job(self, record: StoredRun) -> Job:
        return Job.create(
            LETTER_JOB,
            args=[record.event.decode(errors="surrogateescape"), record.handler, record.advanced],
            id=record.letter,
            connection=self._redis,
            origin=EVENTS_QUEUE,
            status=JobStatus.FAILED,
            timeout=-1,
            result_ttl=0,
            failure_ttl=DEAD_LETTER_TTL_S,
            description=f"{record.handler} on {record.event_id}",  # RQ's own would hold the event
            meta={
                "handler": record.handler, "event": record.event_id, "attempt": record.attempts,
                "errors": list(record.errors), "key": record.key, "replay": record.replay,
                "resend": record.resend,
            },
            serializer=JSONSerializer,
        )  # fmt: skip


def _keys_of(letter_id: str) -> tuple[str, str]:
    """Return the keys of a letter's job and of its results."""
    return Job.key_for(letter_id), Result.get_key(letter_id)  # type: ignore[no-untyped-call]


def send_letter_id(ref: str) -> str:
    """Return the id of the dead letter of a send."""
    return f"send-{ref}"


def job_of(letter_id: str, data: bytes, meta: bytes, redis: Redis) -> Job:
    """Make as much of a letter's job as `record_of` needs, of two fields of its hash. Raises ValueError."""
    job = Job(letter_id, connection=redis, serializer=JSONSerializer)
    job.data = data
    with suppress(zlib.error):  # RQ reads what is not compressed too
        job.data = zlib.decompress(data)
    job.meta = json.loads(meta)
    return job


def record_of(job: Job) -> StoredRun:
    """Return the run of a letter, its attempts counted anew. Raises what a job that is no letter makes it raise."""
    if job.func_name != LETTER_JOB:
        raise ValueError(job.func_name)
    event, handler, advanced = cast("tuple[str, str, bool | None]", job.args)
    meta = cast("dict[str, object]", job.meta)
    return StoredRun(
        handler=handler,
        event_id=cast("str", meta["event"]),
        key=cast("str", meta["key"]),
        event=event.encode(errors="surrogateescape"),
        advanced=advanced,
        errors=tuple(cast("list[str]", meta["errors"])),
        replay=meta["replay"] is True,
        resend=meta.get("resend") is True,
        letter=job.id,
    )


def again(event: str, handler: str, advanced: bool | None) -> None:  # noqa: ARG001 - they are in the job
    """Let a dead letter be tried once more. RQ runs this where somebody asks for it with RQ's own tools."""
    run = runtime.get()
    job = cast("Job", get_current_job())
    with run.redis.pipeline(transaction=True) as pipeline:
        Letters(run.redis, run.keys).try_again(pipeline, job.id, record_of(job))
        pipeline.execute()
