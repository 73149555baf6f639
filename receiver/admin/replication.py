"""Replication: is it the primary that we talk to, and are enough replicas there for a 200 to mean what it should."""

from collections.abc import Mapping
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from ringback.receiver.admin.check import Check, Grade, ok_if

_NAME = "replicas"


async def replication_checks(client: Redis, wanted: int) -> list[Check]:
    """Ask the server. `wanted`: how many replicas are waited for. Raises RedisError, OSError."""
    try:
        told = cast("Mapping[str, object]", await client.info("replication"))
    except NoPermissionError:
        if not wanted:
            return []
        fix = "ACL SETUSER <user> +info"
        return [Check(_NAME, Grade.UNKNOWN, "this Redis user may not ask INFO, so how many follow is not known", fix)]
    if told.get("role") != "master":
        return [
            Check(
                "role", Grade.BAD, "a replica, which takes no events",
                "let RINGBACK_REDIS_URL name the primary, or the Sentinels that know it: redis+sentinel://…",
            )
        ]  # fmt: skip
    if not wanted:
        return []
    there = sum(isinstance(one, Mapping) and one.get("state") == "online" for one in told.values())
    return [
        Check(
            _NAME, ok_if(there >= wanted), f"{there} follow, {wanted} are waited for",
            "bring the replicas back: until then each receiver keeps copies on its disk, where it has a spool, or "
            "answers 503; or set RINGBACK_WAIT_REPLICAS to fewer",
        )
    ]  # fmt: skip
