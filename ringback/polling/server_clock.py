"""The server's clock, by which polling counts: its processes may run on several machines."""

from redis.asyncio import Redis


async def server_ms(client: Redis) -> int:
    """Return now, in ms. Raises RedisError, OSError."""
    seconds, micros = await client.time()
    return int(seconds) * 1000 + int(micros) // 1000
