"""Worker processes: one queue each, RQ's recovery set up to be quick, and a stop that strands nothing.

One queue a process, since RQ on two would lose the job of a worker that dies. Why the classes differ from RQ's own is
written where they differ.
"""

import faulthandler
import math
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType
from typing import Final, cast
from uuid import uuid4

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.job_lifecycle import call_exception_handlers
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer, Serializer
from rq.timeouts import BaseDeathPenalty
from rq.utils import as_text
from rq.worker.base import BaseWorker

from ringback.schemas.keys import EVENTS_QUEUE, RETRIES_QUEUE, VOICE_QUEUE
from ringback.schemas.settings import Settings
from ringback.system.tether import end_with_parent
from ringback.workers.failures.retries import hung, must_wait
from ringback.workers.handling.board import Board
from ringback.workers.intake import claims
from ringback.workers.intake.group import ensure_group
from ringback.workers.registry import Registry
from ringback.workers.rq import clock
from ringback.workers.rq.recovery import RecoverableJob, TakenJobs
from ringback.workers.runtime import Runtime, Stop, runtime, worker_client
from ringback.workers.voice import ringing

log = structlog.get_logger()

_WORKER_TTL_S: Final = 20
_MAINTENANCE_S: Final = 5
_CLAIM_REFRESHES: Final = 3
_LOOK_S: Final = 0.5
_WAIT_FOR_REDIS_S: Final = 2.0
_VOICE_GRACE_S: Final = 5.0
_BEAT_S: Final = 2.0


class PatientQueue(Queue):
    """A queue that looks, between two short waits for a job, whether the process is to stop.

    RQ's own waits once for long, so that a stop has to break into it; and that can strand the job just taken.
    """

    @property
    def intermediate_queue(self) -> IntermediateQueue:
        """Where jobs are between the queue and their start."""
        return TakenJobs(self.key, self.connection, runtime.get().settings.claim_idle)

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> tuple[str, bytes] | None:
        """Take a job, or raise DequeueTimeout after `timeout` seconds, StopRequested if the process is to stop."""
        deadline = time.monotonic() + (timeout or 0)
        while not runtime.get().stop.requested:
            taken = cls.take(connection, queue_key)
            if taken is not None:
                return queue_key, taken
            if time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, queue_key)
        raise StopRequested

    @classmethod
    def dequeue_any(
        cls,
        queues: Iterable[Queue],
        timeout: int | None,
        connection: Redis,
        job_class: type[Job] | None = None,
        serializer: Serializer | str | None = None,
        death_penalty_class: type[BaseDeathPenalty] | None = None,
    ) -> tuple[Job, Queue] | None:
        """Take a job as `lmove` does, whatever the server's version.

        RQ's own asks INFO for that, which many a Redis user may not, and then takes jobs in a way that loses them with
        the process that has one, and that does not hear of a stop.
        """
        (key,) = (queue.key for queue in queues)
        while (taken := cls.lmove(connection, key, timeout)) is not None:
            fetched = cls._fetch_dequeued_job(
                connection,
                key,
                as_text(taken[1]),
                job_class=job_class,
                serializer=serializer,
                death_penalty_class=death_penalty_class,
            )
            if fetched is not None:
                return fetched
        return None

    @classmethod
    def take(cls, connection: Redis, queue_key: str) -> bytes | None:
        """Wait for a job, shortly; keep it where RQ finds it if we die with it."""
        taken_to = IntermediateQueue.get_intermediate_queue_key(queue_key)
        return cast("bytes | None", connection.blmove(queue_key, taken_to, _LOOK_S))  # type: ignore[arg-type]


class _Stoppable(BaseWorker):
    """A worker whose SIGTERM only sets a flag, which its queue and its loop look at."""

    queue_class = PatientQueue
    max_connection_wait_time = _WAIT_FOR_REDIS_S

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._stop_requested = True
        runtime.get().stop.requested = True

    def subscribe(self) -> None:
        """Start RQ's listening thread, which takes no signals: one that it took would not wake the main thread.

        After a SIGSTOP the alarm that is due may reach any thread; without it a worker sends no more heartbeats.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            super().subscribe()  # type: ignore[no-untyped-call]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def handle_exception(self, job: Job, *how: object) -> None:
        """Log nothing: RQ's own line has the whole traceback, and with it texts. Ours is without the messages."""
        call_exception_handlers(self._exc_handlers, job, *how)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that the worker lives, by a clock that is right."""
        clock.keep()
        super().heartbeat(timeout, pipeline)

    def teardown(self) -> None:
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except (StopRequested, RedisError):
            log.warning("worker.stopped_without_redis", worker=self.name)


class _Forking(_Stoppable, Worker):
    """A worker whose jobs run in a forked horse."""

    job_class = RecoverableJob

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002
        """Give the seconds after which a job is abandoned: as long as a claim lasts. RQ's own are a minute more."""
        return int(runtime.get().settings.claim_idle.total_seconds())


class DrainWorker(_Forking):
    """Runs drains, in a forked horse, so that a handler that crashes takes no worker along."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Also tell the horse, which otherwise drains as long as events come."""
        super().request_stop(signum, frame)
        self._tell_horse()

    def setup_work_horse_signals(self) -> None:
        """End after the handler that runs: when told, and when the worker is gone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _stop_runtime)
        runtime.get().watch.rest()  # a horse that was killed could not say so
        end_with_parent(signal.SIGTERM, cast("int", self.pid))

    def handle_exception(self, job: Job, *how: object) -> None:
        """Say what a drain has failed on: nobody else does."""
        log.error("drain.broken", exc_info=how)
        super().handle_exception(job, *how)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Also refresh what the horse holds. The horse cannot while a handler of its has the interpreter to itself."""
        super().maintain_heartbeats(job, execution)
        if not end_overdue(self):
            # At worst, where Redis is away for longer than a claim lasts, another worker runs the entry too.
            with suppress(RedisError):
                claims.refresh(runtime.get())
        if runtime.get().stop.requested:
            self._tell_horse()  # it was being forked when we were told

    def handle_work_horse_killed(self, job: Job, *how: object) -> None:
        """Let go of what the horse died with before its job is put back, so that whoever takes that finds it."""
        super().handle_work_horse_killed(job, *how)  # type: ignore[no-untyped-call]
        self._let_go()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Also let go after a horse that died as if nothing were wrong."""
        super().execute_job(job, queue)
        self._let_go()

    def _tell_horse(self) -> None:
        if self.horse_pid:
            with suppress(ProcessLookupError):  # it may have ended just now
                os.kill(self.horse_pid, signal.SIGTERM)

    def _let_go(self) -> None:
        runtime.get().board.rest()
        # What is not let go now is taken over when its claim has run out.
        with suppress(RedisError):
            claims.let_go(runtime.get())


class RetryWorker(_Forking):
    """Runs retries, in a forked horse. A retry is short: the worker waits for it when it is to stop."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job, or put it in line if its handler hangs and another one has the turn."""
        if not must_wait(runtime.get(), job, queue.intermediate_queue_key):
            super().execute_job(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Finish the retry that runs, whatever happens around."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        runtime.get().watch.rest()
        end_with_parent(signal.SIGKILL, cast("int", self.pid))

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Also end a horse that no alarm could end."""
        super().maintain_heartbeats(job, execution)
        if end_overdue(self):
            hung(runtime.get(), job)


class CallQueue(PatientQueue):
    """A queue whose jobs are taken for good: a call whose worker died is not run again, its caller cannot wait."""

    @classmethod
    def take(cls, connection: Redis, queue_key: str) -> bytes | None:
        """Wait for a job, shortly."""
        runtime.get().lines.look()
        popped = cast("tuple[bytes, bytes] | None", connection.blpop([queue_key], _LOOK_S))
        if popped is None:
            ringing.move(connection, runtime.get().keys)  # a worker that died has moved none
            return None
        return popped[1]


class VoiceWorker(_Stoppable, SimpleWorker):
    """Answers calls: without a fork, and without RQ's book-keeping, which alone would cost more than the answer.

    Around one job RQ sends some forty commands, ten of which wait for the disk, so that a job that is abandoned is
    found and one that fails is kept. A call is neither run again nor kept: its job dies at its deadline by itself.
    """

    queue_class = CallQueue
    _beat = -math.inf

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002
        """Run the job. A handler that holds the interpreter hears no alarm: it takes this process along."""
        within = runtime.get().settings.voice_deadline.total_seconds() + _VOICE_GRACE_S
        faulthandler.dump_traceback_later(within, exit=True)
        try:
            job.perform()
        except StopRequested:
            raise
        except Exception as error:  # noqa: BLE001 - the next call is to be answered whatever was wrong with this one
            runtime.get().lines.error("voice.broken", event_id=job.id, error=type(error).__name__)
            with suppress(RedisError):  # else the next call comes when this worker has waited for one
                ringing.move(self.connection, runtime.get().keys)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that the worker lives; RQ would say so three times a job."""
        if time.monotonic() - self._beat >= _BEAT_S:
            self._beat = time.monotonic()
            super().heartbeat(timeout, pipeline)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Write the state if it is another."""
        if state != self._state:
            super().set_state(state, pipeline)


class Scheduler(RQScheduler):
    """RQ's scheduler as a process of its own. It takes the lock of one that died as soon as that runs out."""

    @property
    def should_reacquire_locks(self) -> bool:
        """Try each second; RQ's own waits two minutes."""
        return bool(self._queue_names != self.acquired_locks)

    def heartbeat(self) -> None:
        """Also let the lock run out as soon as any other claim; RQ's own lasts a minute."""
        clock.keep()
        super().heartbeat()  # type: ignore[no-untyped-call]
        for name in self.acquired_locks:
            self.connection.expire(self.get_locking_key(name), self._claim_s)

    def stop_by(self, stop: Stop, claim_s: int) -> "Scheduler":
        """Use this to stop, so that it also stops while the server is away. `claim_s`: how long its lock lasts."""
        self._stop = stop
        self._claim_s = claim_s
        return self

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:  # noqa: ARG002
        """Set the flag that the loop looks at each second."""
        self._stop_requested = True
        self._stop.requested = True


_WORKERS: Final[dict[str, type[_Stoppable]]] = {
    EVENTS_QUEUE: DrainWorker,
    RETRIES_QUEUE: RetryWorker,
    VOICE_QUEUE: VoiceWorker,
}

QUEUES: Final = tuple(_WORKERS)


def run_worker(queue: str, settings: Settings, redis_url: str, registry: Registry, board: Board) -> None:
    """Work on one queue until SIGTERM or SIGINT, then finish what runs."""
    stop = Stop()
    redis = worker_client(redis_url, stop)
    name = uuid4().hex
    runtime.set(Runtime(settings, registry, redis, consumer=name, stop=stop, board=board))
    clock.follow(redis)
    ensure_group(redis, settings.keys)
    worker_class = _WORKERS[queue]
    worker = worker_class(
        [worker_class.queue_class(queue, connection=redis, serializer=JSONSerializer)],
        name=name,
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=_WORKER_TTL_S,
        maintenance_interval=_MAINTENANCE_S,
        job_monitoring_interval=int(settings.claim_idle.total_seconds() / _CLAIM_REFRESHES),
        log_job_description=False,
    )
    try:
        worker.work(logging_level="WARNING")
    finally:
        runtime.get().lines.flush()


def run_scheduler(settings: Settings, redis_url: str) -> None:
    """Move retries to their queue when they are due, until SIGTERM or SIGINT."""
    stop = Stop()
    redis = worker_client(redis_url, stop)
    try:
        clock.follow(redis)
        scheduler = Scheduler([RETRIES_QUEUE], connection=redis, serializer=JSONSerializer, logging_level="WARNING")
        scheduler.stop_by(stop, int(settings.claim_idle.total_seconds())).work()  # type: ignore[no-untyped-call]
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
