"""The line: where the retries of a handler that hangs wait, so that they hold up no other handler's.

They leave it one by one: whoever has the turn runs. If the run ends in time the next has the turn at once, else after a
pause. What stands in line is an RQ job like any other, but for its place: it costs a worker nothing and has spent no
attempt. A turn that is lost runs out, and the sweep gives the next one.
"""

from typing import Final, cast

from redis import Redis
from redis.client import Pipeline

from ringback.schemas.keys import RETRIES_QUEUE, Keys

PAUSE_S: Final = 10
_ON_THE_QUEUE_S: Final = 60
# What a run may take beyond its handler's limit until its worker has ended it.
_GRACE_S: Final = 30
_NOBODY: Final = ""


class Line:
    """The lines of all handlers, shared by all workers."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def take_turn(self, handler: str, job_id: str, limit_s: float) -> bool:
        """Take the turn for a run of `limit_s` seconds at most. Tell whether it was free, or the job's already."""
        turn, lasts_ms = self._keys.turn(handler), round((limit_s + _GRACE_S) * 1000)
        if self._redis.set(turn, job_id, nx=True, px=lasts_ms):
            return True
        if self._holder(handler) != job_id:
            return False
        self._redis.set(turn, job_id, px=lasts_ms)
        return True

    def join(self, handler: str, job_id: str, taken_to: str) -> None:
        """Put a job at the end of the line, in one step out of the list to which RQ has taken it."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.lrem(taken_to, 1, job_id)
            self.add(pipeline, handler, job_id)
            pipeline.execute()

    def add(self, pipeline: Pipeline, handler: str, job_id: str) -> None:
        """Put a job that is on no list at the end of the line, in the caller's transaction."""
        pipeline.rpush(self._keys.line(handler), job_id)
        pipeline.sadd(self._keys.lines, handler)

    def pass_on(self, handler: str, job_id: str) -> None:
        """Say that a run has ended in time. The next in line has the turn, unless another job than this one has it."""
        if self._holder(handler) in (None, job_id):
            self._next(handler)

    def pause(self, handler: str) -> None:
        """Say that a run has hung. Nobody has the turn for a while."""
        self._redis.set(self._keys.turn(handler), _NOBODY, ex=PAUSE_S)

    def go_on(self) -> None:
        """Give each line in which nobody has the turn a new start."""
        for name in cast("set[bytes]", self._redis.smembers(self._keys.lines)):
            handler = name.decode()
            if self._holder(handler) is None:
                self._next(handler)

    def _next(self, handler: str) -> None:
        # Before it has the turn on record the job may be taken from the queue; then it takes the turn itself.
        job_id = self._redis.lmove(
            self._keys.line(handler), self._keys.rq_queue(RETRIES_QUEUE), src="LEFT", dest="RIGHT"
        )
        if job_id is None:
            self._redis.delete(self._keys.turn(handler))
        else:
            self._redis.set(self._keys.turn(handler), job_id, ex=_ON_THE_QUEUE_S)

    def _holder(self, handler: str) -> str | None:
        holder = cast("bytes | None", self._redis.get(self._keys.turn(handler)))
        return None if holder is None else holder.decode()
