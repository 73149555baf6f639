"""Worker processes: one queue each, RQ's recovery set up to be quick, and a stop that strands nothing.

One queue a process, since RQ on two would lose the job of a worker that dies. Why the classes differ from RQ's own is
written where they differ.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, cast
from uuid import uuid4

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.job_lifecycle import call_exception_handlers
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
from rq.worker.base import BaseWorker

from schemas.keys import EVENTS_QUEUE, RETRIES_QUEUE, VOICE_QUEUE
from schemas.settings import Settings
from workers import claims
from workers.drain import ensure_group
from workers.registry import Registry
from workers.runtime import Runtime, Stop, runtime, worker_client
from workers.tether import end_with_parent

log = structlog.get_logger()

_WORKER_TTL_S: Final = 20
_MAINTENANCE_S: Final = 5
_MONITORING_S: Final = 10
_LOOK_S: Final = 0.5
_WAIT_FOR_REDIS_S: Final = 2.0


class PatientQueue(Queue):
    """A queue that looks, between two short waits for a job, whether the process is to stop.

    RQ's own waits once for long, so that a stop has to break into it; and that can strand the job just taken.
    """

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> tuple[str, bytes] | None:
        """Take a job, or raise DequeueTimeout after `timeout` seconds, StopRequested if the process is to stop."""
        deadline = time.monotonic() + (timeout or 0)
        while not runtime.get().stop.requested:
            taken_to = IntermediateQueue.get_intermediate_queue_key(queue_key)
            moved = connection.blmove(queue_key, taken_to, _LOOK_S)  # type: ignore[arg-type]
            if moved is not None:
                return queue_key, cast("bytes", moved)
            if time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, queue_key)
        raise StopRequested


class _Stoppable(BaseWorker):
    """A worker whose SIGTERM only sets a flag, which its queue and its loop look at."""

    queue_class = PatientQueue
    max_connection_wait_time = _WAIT_FOR_REDIS_S

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._stop_requested = True
        runtime.get().stop.requested = True

    def handle_exception(self, job: Job, *how: object) -> None:
        """Log nothing: RQ's own line has the whole traceback, and with it texts. Ours names the error's class."""
        call_exception_handlers(self._exc_handlers, job, *how)

    def teardown(self) -> None:
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except (StopRequested, RedisError):
            log.warning("worker.stopped_without_redis", worker=self.name)


class DrainWorker(_Stoppable, Worker):
    """Runs drains, in a forked horse, so that a handler that crashes takes no worker along."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Also tell the horse, which otherwise drains as long as events come."""
        super().request_stop(signum, frame)
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        """End after the handler that runs: when told, and when the worker is gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _stop_runtime)
        runtime.get().watch.rest()  # a horse that was killed could not say so
        end_with_parent(signal.SIGTERM, cast("int", self.pid))

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Also refresh what the horse holds. The horse cannot while a handler of its has the interpreter to itself."""
        super().maintain_heartbeats(job, execution)
        if not end_overdue(self):
            # At worst, where Redis is away for longer than a claim lasts, another worker runs the entry too.
            with suppress(RedisError):
                claims.refresh(runtime.get())

    def handle_work_horse_killed(self, job: Job, *how: object) -> None:
        """Let go of what the horse died with before its job is put back, so that whoever takes that finds it."""
        super().handle_work_horse_killed(job, *how)  # type: ignore[no-untyped-call]
        self._let_go()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Also let go after a horse that died as if nothing were wrong."""
        super().execute_job(job, queue)
        self._let_go()

    def _let_go(self) -> None:
        # What is not let go now is taken over when its claim has run out.
        with suppress(RedisError):
            claims.let_go(runtime.get())


class RetryWorker(_Stoppable, Worker):
    """Runs retries, in a forked horse. A retry is short: the worker waits for it when it is to stop."""

    def setup_work_horse_signals(self) -> None:
        """Finish the retry that runs, whatever happens around."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        runtime.get().watch.rest()
        end_with_parent(signal.SIGKILL, cast("int", self.pid))

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Also end a horse that no alarm could end."""
        super().maintain_heartbeats(job, execution)
        end_overdue(self)


class VoiceWorker(_Stoppable, SimpleWorker):
    """Answers calls without a fork, which alone would cost more than the answer."""


class Scheduler(RQScheduler):
    """RQ's scheduler as a process of its own. It takes the lock of one that died as soon as that runs out."""

    @property
    def should_reacquire_locks(self) -> bool:
        """Try each second; RQ's own waits two minutes."""
        return bool(self._queue_names != self.acquired_locks)

    def stop_by(self, stop: Stop) -> "Scheduler":
        """Use this to stop, so that it also stops while the server is away."""
        self._stop = stop
        return self

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:  # noqa: ARG002
        """Set the flag that the loop looks at each second."""
        self._stop_requested = True
        self._stop.requested = True


_WORKERS: Final[dict[str, Callable[..., BaseWorker]]] = {
    EVENTS_QUEUE: DrainWorker,
    RETRIES_QUEUE: RetryWorker,
    VOICE_QUEUE: VoiceWorker,
}

QUEUES: Final = tuple(_WORKERS)


def run_worker(queue: str, settings: Settings, redis_url: str, registry: Registry) -> None:
    """Work on one queue until SIGTERM or SIGINT, then finish what runs."""
    stop = Stop()
    redis = worker_client(redis_url, stop)
    name = uuid4().hex
    runtime.set(Runtime(settings, registry, redis, consumer=name, stop=stop))
    ensure_group(redis, settings.keys)
    worker = _WORKERS[queue](
        [PatientQueue(queue, connection=redis, serializer=JSONSerializer)],
        name=name,
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=_WORKER_TTL_S,
        maintenance_interval=_MAINTENANCE_S,
        job_monitoring_interval=_MONITORING_S,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")


def run_scheduler(redis_url: str) -> None:
    """Move retries to their queue when they are due, until SIGTERM or SIGINT."""
    stop = Stop()
    redis = worker_client(redis_url, stop)
    scheduler = Scheduler([RETRIES_QUEUE], connection=redis, serializer=JSONSerializer, logging_level="WARNING")
    try:
        scheduler.stop_by(stop).work()  # type: ignore[no-untyped-call]
    except StopRequested:
        log.warning("scheduler.stopped_without_redis")


def end_overdue(worker: Worker) -> bool:
    """Kill a worker's horse if what it runs should have ended long ago. Tell whether it was so."""
    if not runtime.get().watch.overdue:
        return False
    log.error("horse.killed", worker=worker.name, reason="a handler did not end when its time was up")
    worker.kill_horse()
    return True


def _stop_runtime(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    runtime.get().stop.requested = True
