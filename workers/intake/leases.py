"""Leases: which partitions a worker drains. Its parent renews them, and lets go of what a horse died with."""

from typing import Final, cast

from ringback.workers.runtime import Runtime

_RENEW: Final = """
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('PEXPIRE', lease, ARGV[2]) end
end
"""
_LET_GO: Final = """
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('DEL', lease) end
end
"""


def names(run: Runtime) -> list[str]:
    """Give the key of each partition's lease."""
    return [run.keys.lease(partition) for partition in range(run.settings.partitions)]


def renew(run: Runtime) -> None:
    """Keep this worker's leases for as long again. Raises RedisError."""
    if keys := names(run):
        run.redis.eval(_RENEW, len(keys), *keys, run.consumer, str(run.claim_idle_ms))


def let_go(run: Runtime) -> None:
    """Leave this worker's partitions to others, with the marks of what was in its hands. Raises RedisError."""
    if keys := names(run):
        run.redis.eval(_LET_GO, len(keys), *keys, run.consumer)


def holds(run: Runtime, partition: int) -> bool:
    """Tell whether this worker still has a partition. Raises RedisError."""
    return cast("bytes | None", run.redis.get(run.keys.lease(partition))) == run.consumer.encode()
