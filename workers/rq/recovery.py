"""Recovery: jobs whose worker died, where RQ's own ways with them are too slow or wrong."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

import rq.utils
from redis import Redis
from rq.executions import Execution, ExecutionRegistry
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job

_FIRST_SEEN_TTL_S: Final = 3600


class TakenJobs(IntermediateQueue):
    """The jobs that workers have taken and not started. One that stays is put back when its worker's claim is over.

    RQ's own waits a minute, and then remembers for a day when it saw a job: a retry of it would be put back at once.
    """

    def __init__(self, queue_key: str, connection: Redis, claim_idle: timedelta) -> None:
        super().__init__(queue_key, connection)
        self._claim_idle = claim_idle

    def set_first_seen(self, job_id: str) -> bool:
        """Note when a job was first seen here; tell whether that is now."""
        seen = rq.utils.now().timestamp()
        return bool(self.connection.set(self.get_first_seen_key(job_id), seen, nx=True, ex=_FIRST_SEEN_TTL_S))

    def should_be_cleaned_up(self, job_id: str) -> bool:
        """Tell whether a job has been here for longer than a claim lasts."""
        seen = self.get_first_seen(job_id)
        return seen is not None and rq.utils.now() - seen > self._claim_idle


class Executions(ExecutionRegistry):
    """The executions of a job. What its worker died with runs out, but is in this registry for a minute longer."""

    def get_executions(self, start: int = 0, end: int = -1) -> list[Execution]:
        """Give those that have not run out. RQ's own raises, and takes that for a failure of the handler."""
        found = []
        for execution_id in self.get_execution_ids(start, end):
            with suppress(ValueError):
                found.append(Execution.fetch(execution_id, self.job_id, connection=self.connection))
        return found


class RecoverableJob(Job):
    """A job that can succeed after its worker has died with it."""

    @property
    def execution_registry(self) -> ExecutionRegistry:
        """Where its executions are."""
        return Executions(self.id, connection=self.connection)
