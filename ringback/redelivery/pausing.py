"""Pausing: a handler that runs on nothing until it is resumed. Meanwhile what is for it is held."""

from collections.abc import Collection
from datetime import UTC, datetime

from redis import Redis

from ringback.schemas.keys import Keys
from ringback.workers.handling.drain import ring


def pause(redis: Redis, keys: Keys, handler: str) -> bool:
    """Pause a handler; workers see it within a second, and finish what runs. Return False if it was paused already."""
    seconds, _ = redis.time()
    since = datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    return bool(redis.hsetnx(keys.paused, handler, since))


def resume(redis: Redis, keys: Keys, handlers: Collection[str]) -> bool:
    """Let a handler run again that is paused or set aside; `handlers`: all the names that it has had.

    One that was set aside is so again when it has timed out as often as before. Returns False if it was neither.
    """
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.hdel(keys.paused, *handlers)
        pipeline.hdel(keys.timeouts, *handlers)
        pipeline.delete(*map(keys.probe, handlers))
        was_paused, had_timeouts, _ = pipeline.execute()
    ring(redis, keys)
    return bool(was_paused or had_timeouts)
