"""Sweep: what keeps promises when something was lost. Rings for entries that wait or whose worker died; trims."""

import threading
import time
from typing import Final, cast

import structlog
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from ringback.outbox.slots import doubt_overdue
from ringback.schemas.backlog import Backlog
from ringback.schemas.keys import HANDLERS_GROUP
from ringback.schemas.settings import Settings
from ringback.workers.handling.drain import ring
from ringback.workers.handling.standing import Standing
from ringback.workers.intake.claims import NEXT
from ringback.workers.intake.group import ensure_group
from ringback.workers.scripts.lua import script

log = structlog.get_logger()

_EVERY_S: Final = 5.0
_LOOK_EVERY_S: Final = 1.0
_GONE_CONSUMER_MS: Final = 3600 * 1000
# Trimmed in one step: some milliseconds' work for Redis. What is left after so many seconds is the next sweep's.
_STEP: Final = 10_000
_STEPS_S: Final = 2.0


class Sweep:
    """Looks each second whether entries wait that nobody will read, and sweeps every five, one process at a time."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._keys = settings.keys
        self._retention_ms = round(settings.retention.total_seconds() * 1000)
        self._claim_idle_ms = round(settings.claim_idle.total_seconds() * 1000)
        self._script = redis.register_script(script("sweep.lua"))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sweep", daemon=True)

    def start(self) -> None:
        """Sweep in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more."""
        self._stop.set()
        self._thread.join(timeout=_EVERY_S)

    def sweep(self) -> None:
        """Sweep once. Raises RedisError."""
        ensure_group(self._redis, self._keys)
        doubt_overdue(self._redis, self._keys)
        waiting = self._look_after_stream()
        if not self._redis.exists(self._keys.bell) and (waiting or self._is_left() or self._is_held()):
            ring(self._redis, self._keys)

    def look(self) -> None:
        """Ring if something waits, new or due, and no drain reads: all that do may have no room.

        Raises RedisError.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.exists(self._keys.bell)
            pipeline.xinfo_stream(self._keys.events)
            pipeline.xinfo_groups(self._keys.events)
            pipeline.zrange(self._keys.due, 0, 0, withscores=True)
            pipeline.time()
            bell, stream, groups, due, now = pipeline.execute(raise_on_error=False)
        if bell or isinstance(stream, ResponseError) or isinstance(groups, ResponseError):
            return  # somebody reads, or there is no stream yet
        found = Backlog.of(groups)
        is_due = bool(due) and due[0][1] <= now[0] * 1000 + now[1] / 1000
        if is_due or (found is not None and found.delivered != stream["last-generated-id"].decode()):
            ring(self._redis, self._keys)

    def _look_after_stream(self) -> bool:
        """Run the script, step by step while it trims, and leave Redis to others for as long in between.

        Return whether entries wait that no consumer has.
        """
        keys = [self._keys.events, self._keys.ledger, self._keys.suspects, self._keys.due_taken]
        arguments: list[str | int] = [HANDLERS_GROUP, self._retention_ms, _GONE_CONSUMER_MS, _STEP]
        until = time.monotonic() + _STEPS_S
        while True:
            began = time.monotonic()
            waiting, more = cast("tuple[int, int]", self._script(keys=keys, args=arguments))
            if not more or began > until or self._stop.wait(time.monotonic() - began):
                return bool(waiting)

    def _is_left(self) -> bool:
        """Whether entries wait that a worker has left, or has died with."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for stream in (self._keys.events, self._keys.due_taken):
                pipeline.xpending_range(stream, HANDLERS_GROUP, "-", "+", 1, consumername=NEXT)
                pipeline.xpending_range(stream, HANDLERS_GROUP, "-", "+", 1, idle=self._claim_idle_ms)
            return any(pipeline.execute())

    def _is_held(self) -> bool:
        """Whether runs are held back of which some may be tried by now."""
        standing = Standing(self._redis, self._keys)
        standing.look()
        return any(standing.may_be_released(handler) for handler in standing.held)

    def _loop(self) -> None:
        swept = time.monotonic()
        while not self._stop.wait(_LOOK_EVERY_S):
            try:
                self.look()
                if time.monotonic() - swept < _EVERY_S:
                    continue
                swept = time.monotonic()
                if cast("bool | None", self._redis.set(self._keys.sweep_lock, "1", nx=True, px=int(_EVERY_S * 900))):
                    self.sweep()
            except (RedisError, OSError) as error:
                log.warning("sweep.failed", error=type(error).__name__)
            except Exception:
                # Without this thread what a dead worker held would wait for ever, and nothing would be trimmed.
                log.exception("sweep.broken")
