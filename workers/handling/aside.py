"""Set aside: handlers that timed out several times in a row. Their events go to `retries` unrun, so that a handler that
hangs holds up nobody; there one run of it at a time is tried (ringback.workers.failures.line). One that ends in time
brings it back.
"""

from typing import Final, cast

import structlog
from redis import Redis

from ringback.schemas.keys import Keys

log = structlog.get_logger()

TIMEOUTS_IN_A_ROW: Final = 3
# Longer than nearly every handler's limit: what is still being tried is not forgotten.
_FORGOTTEN_AFTER_S: Final = 3600


class Aside:
    """How often each handler has timed out in a row, shared by all workers."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._key = keys.timeouts
        self._counts: dict[str, int] = {}

    def look(self) -> None:
        """Learn what other workers have seen."""
        counts = cast("dict[bytes, bytes]", self._redis.hgetall(self._key))
        self._counts = {name.decode(): int(count) for name, count in counts.items()}

    def has(self, handler: str) -> bool:
        """Tell whether a handler is set aside."""
        return self._counts.get(handler, 0) >= TIMEOUTS_IN_A_ROW

    def timed_out(self, handler: str) -> None:
        """Count a timeout."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(self._key, handler, 1)
            pipeline.expire(self._key, _FORGOTTEN_AFTER_S)
            counted = pipeline.execute()
        self._counts[handler] = counted[0]
        if counted[0] == TIMEOUTS_IN_A_ROW:
            log.error("handler.set_aside", handler=handler, timeouts=TIMEOUTS_IN_A_ROW)

    def ended_in_time(self, handler: str) -> None:
        """Forget a handler's timeouts, if there are any that we know of. `look` comes first."""
        if self.has(handler):
            log.warning("handler.back", handler=handler)
        if self._counts.pop(handler, None) is not None:
            self._redis.hdel(self._key, handler)
