"""Leading: of all pollers one is at work, as long as it renews its name in Redis."""

from typing import Final, cast

from redis.asyncio import Redis

_RENEW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_LEAVE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class PollerLock:
    """The lock, under a name of this process. Its calls raise RedisError, OSError."""

    def __init__(self, client: Redis, key: str, name: str, ttl_s: float) -> None:
        self._client = client
        self._key = key
        self._name = name
        self._ttl_ms = round(ttl_s * 1000)

    async def take(self) -> bool:
        """Whether it is ours now."""
        taken = await self._client.set(self._key, self._name, px=self._ttl_ms, nx=True)
        return bool(taken) or await self.renew()

    async def renew(self) -> bool:
        """Whether it is still ours."""
        return bool(cast("int", await self._client.eval(_RENEW, 1, self._key, self._name, self._ttl_ms)))

    async def leave(self) -> None:
        """Let another one have it, if it is ours."""
        await self._client.eval(_LEAVE, 1, self._key, self._name)
