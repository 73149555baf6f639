"""RQ jobs as the fields of their Redis hash, made by RQ's own `Job`, for the commit script to write."""

import json
from collections.abc import Sequence
from typing import Final, cast

from redis import Redis
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.utils import now

NEVER_TIMES_OUT: Final = -1


def job_items(
    connection: Redis, function: str, args: Sequence[str], queue: str, *, timeout: int = NEVER_TIMES_OUT
) -> list[str | bytes]:
    """Return field, value, field, value… of a queued job that runs `function(*args)`.

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
    items: list[str | bytes] = []
    for name, value in cast("dict[str, object]", job.to_dict()).items():
        items.append(name)
        if isinstance(value, bytes | str):
            items.append(value.value if isinstance(value, JobStatus) else value)
        else:
            items.append(json.dumps(value))
    return items
