"""Worker processes: one queue each. They wait for jobs as RQ's own do; what a job is for us, and what becomes of one
whose worker dies, is written where they differ.
"""

import faulthandler
import gc
import math
import os
import random
import select
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn, cast
from uuid import uuid4

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer, Serializer
from rq.timeouts import BaseDeathPenalty
from rq.utils import as_text
from rq.worker.base import BaseWorker, WorkerStatus

from ringback.schemas.keys import EVENTS_QUEUE, VOICE_QUEUE
from ringback.schemas.settings import Settings
from ringback.system.tether import end_with_parent
from ringback.workers.handling.drain import ring
from ringback.workers.intake import claims
from ringback.workers.intake.group import ensure_group
from ringback.workers.registry import Registry
from ringback.workers.running.lifespans import Lifespans
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
_BROKEN: Final = 1
# Some hundred events are alive at a time. By default Python would look through them several times before they are done.
_COLLECT_AFTER: Final = (20_000, 20, 20)
_BROKEN_PAUSE_S: Final = 1.0


class BellQueue(Queue):
    """A queue whose jobs are taken for good, and which looks, between two short waits, whether the process is to stop.

    RQ's own waits once for long, so that a stop has to break into it, and keeps what it takes for a worker's death. A
    doorbell that is lost is rung again by the sweep, and a call whose worker died is not run again: its caller cannot
    wait.
    """

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
        """Take a job, or raise DequeueTimeout after `timeout` seconds, StopRequested if the process is to stop."""
        (key,) = (queue.key for queue in queues)
        deadline = time.monotonic() + (timeout or 0)
        while not runtime.get().stop.requested:
            if (taken := cls.take(connection, key)) is not None:
                fetched = cls._fetch_dequeued_job(
                    connection,
                    key,
                    as_text(taken),
                    job_class=job_class,
                    serializer=serializer,
                    death_penalty_class=death_penalty_class,
                )
                if fetched is not None:
                    return fetched
            elif time.monotonic() >= deadline:
                raise DequeueTimeout(timeout, key)
        raise StopRequested

    @classmethod
    def take(cls, connection: Redis, key: str) -> bytes | None:
        """Wait for a job, shortly."""
        popped = cast("tuple[bytes, bytes] | None", connection.blpop([key], _LOOK_S))
        return None if popped is None else popped[1]


class _Stoppable(BaseWorker):
    """A worker whose SIGTERM only sets a flag, which its queue and its loop look at.

    It runs jobs without RQ's book-keeping: around one job RQ sends some forty commands, ten of which wait for the disk,
    so that a job that is abandoned is found and one that fails is kept. Ours need neither.
    """

    queue_class = BellQueue
    max_connection_wait_time = _WAIT_FOR_REDIS_S
    _beat = -math.inf

    def request_stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._stop_requested = True
        runtime.get().stop.requested = True

    def subscribe(self) -> None:
        """Start RQ's listening thread, which takes no signals: one that it took would not wake the main thread."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            super().subscribe()  # type: ignore[no-untyped-call]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Note in Redis that the worker lives, now and then; RQ would do so three times a job."""
        if time.monotonic() - self._beat >= _BEAT_S:
            self._beat = time.monotonic()
            super().heartbeat(timeout, pipeline)

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Write the state if it is another."""
        if state != self._state:
            super().set_state(state, pipeline)

    def teardown(self) -> None:
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except (StopRequested, RedisError):
            log.warning("worker.stopped_without_redis", worker=self.name)


class DrainWorker(_Stoppable, Worker):
    """Runs drains, each in a forked horse, so that a handler that crashes takes no worker along."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Also tell the horse, which otherwise drains as long as events come."""
        super().request_stop(signum, frame)
        self._tell_horse()

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002
        """Fork a horse for the job, look after it until it ends, and let go of what it has died with."""
        run = runtime.get()
        run.silence.rest()
        heard, said = os.pipe()
        horse = os.fork()
        if horse == 0:
            os.close(heard)
            self._be_horse(job)
        os.close(said)
        self._horse_pid = horse
        if run.stop.requested:
            self._tell_horse()  # it was being forked when we were told
        self.set_state(WorkerStatus.BUSY)
        try:
            code = self._look_after(horse, heard)
        finally:
            os.close(heard)
            self._horse_pid = 0
        # What is not let go of now is taken over when its claim has run out.
        with suppress(RedisError):
            claims.let_go(run)
            if code:
                ring(run.redis, run.keys)  # what it has died with waits
        if code:
            log.error("horse.died", worker=self.name, code=code)
            if code == _BROKEN:
                time.sleep(_BROKEN_PAUSE_S)  # it would most likely break again at once
        self.set_state(WorkerStatus.IDLE)

    def _be_horse(self, job: Job) -> NoReturn:
        """Do the job in this forked process, and end it."""
        code = _BROKEN
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, _stop_runtime)
            os.setpgrp()
            random.seed()
            gc.freeze()  # what the parent has made is not looked through again and again, nor copied for that
            gc.set_threshold(*_COLLECT_AFTER)
            self._is_horse = True
            end_with_parent(signal.SIGTERM, cast("int", self.pid))
            job.perform()
            code = 0
        except StopRequested:
            log.warning("drain.stopped_without_redis")
        except BaseException:  # nobody else says so, and nothing of this process goes on
            log.exception("drain.broken")
        finally:
            os._exit(code)

    def _look_after(self, horse: int, heard: int) -> int:
        """Wait for a horse's end and keep what it has claimed meanwhile, since it cannot while a handler has the
        interpreter to itself. Return its exit code; that of a signal is negative.
        """
        run = runtime.get()
        every_s = run.settings.claim_idle.total_seconds() / _CLAIM_REFRESHES
        refreshed = time.monotonic()
        while True:
            # The pipe ends with the horse; a process that a handler has started may hold it open for longer.
            select.select([heard], [], [], _LOOK_S)
            ended, status = os.waitpid(horse, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if run.silence.is_over:
                run.silence.rest()
                log.error("horse.killed", worker=self.name, reason="a handler did not end when its time was up")
                self.kill_horse()
            # At worst, where Redis is away for longer than a claim lasts, another worker runs the entries too.
            with suppress(RedisError):
                self.heartbeat()
                if time.monotonic() - refreshed >= every_s:
                    refreshed = time.monotonic()
                    claims.refresh(run)

    def _tell_horse(self) -> None:
        if self.horse_pid:
            with suppress(ProcessLookupError):  # it may have ended just now
                os.kill(self.horse_pid, signal.SIGTERM)


class CallQueue(BellQueue):
    """The queue of calls."""

    @classmethod
    def take(cls, connection: Redis, key: str) -> bytes | None:
        """Wait for a call, shortly; look after what the last ones have left."""
        run = runtime.get()
        run.lines.look()
        run.calls.look()
        if run.calls.is_worn or run.calls.is_stuck:
            log.error("voice.worn", reason="handlers that did not end when their time was up keep this process busy")
            raise StopRequested
        taken = super().take(connection, key)
        if taken is None:
            ringing.move(connection, run.keys)  # a worker that died has moved none
        return taken


class VoiceWorker(_Stoppable, SimpleWorker):
    """Answers calls, without a fork: that would cost more than the answer. A call's job dies at its deadline."""

    queue_class = CallQueue

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002
        """Run the job. A handler that holds the interpreter lets nothing else run: it takes this process along."""
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


_WORKERS: Final[dict[str, type[_Stoppable]]] = {EVENTS_QUEUE: DrainWorker, VOICE_QUEUE: VoiceWorker}

QUEUES: Final = tuple(_WORKERS)


def run_worker(queue: str, settings: Settings, redis_url: str, registry: Registry) -> None:
    """Work on one queue until SIGTERM or SIGINT, then finish what runs."""
    stop = Stop()
    redis = worker_client(redis_url, stop)
    name = uuid4().hex
    runtime.set(Runtime(settings, registry, redis, consumer=name, stop=stop))
    ensure_group(redis, settings.keys)
    worker_class = _WORKERS[queue]
    worker = worker_class(
        [worker_class.queue_class(queue, connection=redis, serializer=JSONSerializer)],
        name=name,
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=_WORKER_TTL_S,
        maintenance_interval=_MAINTENANCE_S,
        log_job_description=False,
    )
    run = runtime.get()
    # A drain opens its own, after the fork.
    lifespans = Lifespans(registry.lifespans if queue == VOICE_QUEUE else (), run.calls)
    run.state = lifespans.open()
    try:
        worker.work(logging_level="WARNING")
    finally:
        lifespans.close()
        run.close_direct()
        run.lines.flush()


def _stop_runtime(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    runtime.get().stop.requested = True
