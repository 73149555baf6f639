"""Jobs whose worker died or stood still."""

from redis import Redis
from rq.executions import Execution
from rq.serializers import JSONSerializer

from ringback.workers.rq.recovery import RecoverableJob


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
