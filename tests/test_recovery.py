"""Jobs whose worker died or stood still."""

import signal
from pathlib import Path

from redis import Redis
from rq.executions import Execution
from rq.serializers import JSONSerializer

from ringback.workers.rq.recovery import RecoverableJob
from tests.service import running, wait_for, worker_pids


def test_a_job_succeeds_after_an_execution_has_run_out(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis, redis.pipeline() as pipeline:
        job = RecoverableJob.create("tests.nothing", origin="retries", connection=redis, serializer=JSONSerializer)
        job.save()
        abandoned, running = (Execution.create(job, 60, pipeline=pipeline) for _ in range(2))
        pipeline.execute()
        redis.delete(abandoned.key)  # as its time to live does
        assert job.get_executions() == [running]
        job.delete()  # what the end of a run does; RQ's own raises here, and the run counts as failed
        assert not redis.exists(job.key, running.key)


def test_signals_wake_the_thread_that_waits_for_the_horse(redis_url: str) -> None:
    with running(redis_url, queues="events") as service:
        pid = worker_pids(service, "events")[0]

        def threads() -> list[Path]:
            return [task / "status" for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid)]

        others = wait_for(threads, "the thread that listens")
        for status in others:
            (blocked,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigBlk:"))
            assert int(blocked, 16) & 1 << (signal.SIGALRM - 1)
