"""Tally: how handlers ran, added with the next write of the ledger to what all workers have counted."""

from bisect import bisect_left
from collections import Counter, defaultdict

from redis.client import Pipeline

from ringback.schemas.keys import Keys
from ringback.schemas.tally_fields import BUCKETS_S, Bucket, Ran, Runs, Seconds
from ringback.workers.running.outcomes import Drop
from ringback.workers.running.run import HandlerTimeoutError


class Tally:
    """What one process has counted since it last wrote."""

    def __init__(self, keys: Keys) -> None:
        self._key = keys.tally
        self._runs: Counter[tuple[str, Ran]] = Counter()
        self._buckets: Counter[tuple[str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def ran(self, handler: str, error: BaseException | None, seconds: float) -> None:
        """Count a run, by what it raised and how long it took."""
        self._runs[handler, _how(error)] += 1
        self._buckets[handler, bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds[handler] += seconds

    def write(self, pipeline: Pipeline) -> None:
        """Add what was counted, in the caller's transaction; `written` when that has succeeded."""
        for (handler, how), count in self._runs.items():
            pipeline.hincrby(self._key, str(Runs(handler, how)), count)
        for (handler, bucket), count in self._buckets.items():
            if bucket < len(BUCKETS_S):
                pipeline.hincrby(self._key, str(Bucket(handler, BUCKETS_S[bucket])), count)
        for handler, seconds in self._seconds.items():
            pipeline.hincrbyfloat(self._key, str(Seconds(handler)), round(seconds, 6))

    def written(self) -> None:
        """Begin anew."""
        self._runs.clear()
        self._buckets.clear()
        self._seconds.clear()


def _how(error: BaseException | None) -> Ran:
    if error is None:
        return Ran.OK
    if isinstance(error, Drop):
        return Ran.DROPPED
    return Ran.TIMEOUT if isinstance(error, HandlerTimeoutError) else Ran.FAILED
