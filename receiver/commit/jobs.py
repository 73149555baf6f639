"""RQ jobs as an argument of the commit script, which writes them: the fields of their Redis hash, by RQ's own `Job`."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Final, cast

from redis import Redis
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now

NEVER_TIMES_OUT: Final = -1


def packed_job(
    connection: Redis, function: str, args: Sequence[str], queue: str, *, timeout: int = NEVER_TIMES_OUT
) -> bytes:
    """Return field, value, field, value… of a queued job that runs `function(*args)`, each after its length.

    `timeout` in whole seconds, as RQ has it.
    """
    job = Job.create(
        function,
        args=list(args),
        connection=connection,
        origin=queue,
        status=JobStatus.QUEUED,
        timeout=timeout,
        result_ttl=0,
        description=function,  # RQ would write the arguments, and they hold the event
        serializer=JSONSerializer,
    )
    job.enqueued_at = now()
    packed = bytearray()
    for item in chain.from_iterable(cast("dict[str, object]", job.to_dict()).items()):
        written = _bytes_of(item)
        packed += len(written).to_bytes(4, "big") + written
    return bytes(packed)


def _bytes_of(item: object) -> bytes:
    if isinstance(item, bytes):
        return item
    return (item if isinstance(item, str) else json.dumps(item)).encode()
