"""Sentinels: are there enough of them, and will they promote a replica that has all that was answered 200."""

from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import RedisError, ResponseError

from ringback.receiver.admin.check import Check, Grade

_ENOUGH: Final = 3
_NAME: Final = "sentinels"


async def sentinel_checks(client: Redis, wanted: int) -> list[Check]:
    """Ask each Sentinel; nothing where RINGBACK_REDIS_URL names none. `wanted`: how many replicas are waited for."""
    pool = client.connection_pool
    if not isinstance(pool, SentinelConnectionPool):
        return []
    sentinels: list[Redis] = pool.sentinel_manager.sentinels
    answering = []
    for sentinel in sentinels:
        try:
            await sentinel.sentinel_ckquorum(pool.service_name)
        except ResponseError as error:
            return [Check(_NAME, Grade.BAD, f"they cannot agree: {error}", "start those that are missing")]
        except (RedisError, OSError):
            continue
        answering.append(sentinel)
    if not answering:  # the primary was found a moment ago
        return [Check(_NAME, Grade.BAD, "none answers", "start them")]
    seen = f"{len(answering)} of {len(sentinels)} answer"
    if len(answering) < min(len(sentinels), _ENOUGH) or len(sentinels) < _ENOUGH:
        mend = f"run {_ENOUGH} on machines that fail apart, and name them all in RINGBACK_REDIS_URL"
        return [Check(_NAME, Grade.WARNING, seen, mend)]
    priorities = await _priorities(answering[0], pool.service_name)
    if 0 < wanted < len(priorities) and len(set(priorities)) > 1:
        return [
            Check(
                _NAME, Grade.WARNING, f"{seen}; the replicas' priorities differ: one may be promoted that lacks events",
                "CONFIG SET replica-priority to the same on all of them",
            )
        ]  # fmt: skip
    return [Check(_NAME, Grade.OK, f"{seen}, {len(priorities)} replicas to promote")]


async def _priorities(sentinel: Redis, service: str) -> list[int]:
    """Give the priorities of the replicas that may be promoted."""
    told = cast("list[dict[str, int]]", await sentinel.sentinel_slaves(service))
    return [one["slave-priority"] for one in told if one["slave-priority"] and not one["is_sdown"]]
