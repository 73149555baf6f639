"""Standing: what all workers know of a handler, beside its code.

- People pause it (`ringback handlers pause`): no run of it starts.
- It timed out several times in a row and is set aside: one run of it at a time is tried, now and then. One that ends in
  time brings it back.
- Runs of it are held back, for either reason or since there was no room (ringback.workers.handling.lanes).
"""

from collections.abc import Mapping
from typing import Final, cast

import structlog
from redis import Redis
from redis.client import Pipeline

from ringback.schemas.keys import Keys
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.scripts.lua import NOW

log = structlog.get_logger()

TIMEOUTS_IN_A_ROW: Final = 3
# Longer than nearly every handler's limit: what is still being tried is not forgotten.
_FORGOTTEN_AFTER_S: Final = 3600
_PROBE_EVERY_MS: Final = 10_000

_HOLD: Final = f"""{NOW}
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], string.format('%.3f', now + (i - 2) / 1000), ARGV[i]) end
redis.call('SADD', KEYS[2], ARGV[1])
"""
_RELEASE: Final = f"""{NOW}
local records = redis.call('ZRANGE', KEYS[1], 0, ARGV[2] - 1)
for i, record in ipairs(records) do
  redis.call('ZADD', KEYS[3], now, ARGV[3] .. record)
  redis.call('ZREM', KEYS[1], record)
end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
return #records
"""
_AS_PROBE: Final = "!"


def hold(pipeline: Pipeline, keys: Keys, handler: str, records: list[StoredRun]) -> None:
    """Hold runs of a handler back, behind those that are held already, in the caller's transaction."""
    pipeline.eval(_HOLD, 2, keys.held(handler), keys.held_handlers, handler, *(record.dump() for record in records))


class Standing:
    """What one drain knows of the handlers' standing. `look` comes first, and again from time to time.

    `aliases`: earlier names of handlers and their present ones; what was said of an earlier name holds on.
    """

    def __init__(self, redis: Redis, keys: Keys, aliases: Mapping[str, str] | None = None) -> None:
        self._redis = redis
        self._keys = keys
        self._aliases = aliases or {}
        self._timeouts: dict[str, int] = {}
        self._paused: frozenset[str] = frozenset()
        self.held: frozenset[str] = frozenset()
        """The handlers of which runs are held back."""
        self.is_restless = False
        """Whether any handler is paused, or has timed out of late."""

    def look(self) -> None:
        """Learn what other workers and people have done."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(self._keys.timeouts)
            pipeline.hkeys(self._keys.paused)
            pipeline.smembers(self._keys.held_handlers)
            timeouts, paused, held = cast("tuple[dict[bytes, bytes], list[bytes], set[bytes]]", pipeline.execute())
        self._timeouts = {name.decode(): int(count) for name, count in timeouts.items()}
        named = frozenset(name.decode() for name in paused)
        self._paused = named | {self._aliases.get(name, name) for name in named}
        self.held = frozenset(name.decode() for name in held)
        self.is_restless = bool(timeouts or paused)

    def is_paused(self, handler: str) -> bool:
        """Whether people have paused a handler."""
        return handler in self._paused

    def is_aside(self, handler: str) -> bool:
        """Whether a handler is set aside."""
        return self._timeouts.get(handler, 0) >= TIMEOUTS_IN_A_ROW

    def may_run(self, handler: str, *, probe: bool) -> bool:
        """Whether a run of a handler may start, as far as its standing goes."""
        return not self.is_paused(handler) and (probe or not self.is_aside(handler))

    def holds(self, handler: str) -> None:
        """Note that runs of a handler are held back from here, before `look` would learn it."""
        if handler not in self.held:
            self.held |= {handler}

    def timed_out(self, handler: str) -> None:
        """Count a timeout."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(self._keys.timeouts, handler, 1)
            pipeline.expire(self._keys.timeouts, _FORGOTTEN_AFTER_S)
            counted = pipeline.execute()
        self._timeouts[handler] = counted[0]
        self.is_restless = True
        if counted[0] == TIMEOUTS_IN_A_ROW:
            log.error("handler.set_aside", handler=handler, timeouts=TIMEOUTS_IN_A_ROW)

    def ended_in_time(self, handler: str) -> None:
        """Forget a handler's timeouts, if there are any that we know of."""
        if self.is_aside(handler):
            log.warning("handler.back", handler=handler)
        if self._timeouts.pop(handler, None) is not None:
            self._redis.hdel(self._keys.timeouts, handler)

    def may_be_released(self, handler: str) -> bool:
        """Whether `release` would let any of those be due that are held. Raises RedisError."""
        if self.is_paused(handler):
            return False
        return not self.is_aside(handler) or not self._redis.exists(self._keys.probe(handler))

    def release(self, handler: str, most: int) -> int:
        """Let runs of a handler that are held be due; if it is set aside one, to try it, and not too often.

        Returns how many those are.
        """
        if self.is_paused(handler):
            return 0
        prefix = ""
        if self.is_aside(handler):
            if not self._redis.set(self._keys.probe(handler), "1", nx=True, px=_PROBE_EVERY_MS):
                return 0
            most, prefix = 1, _AS_PROBE
        keys = [self._keys.held(handler), self._keys.held_handlers, self._keys.due]
        return cast("int", self._redis.eval(_RELEASE, 3, *keys, handler, str(most), prefix))
