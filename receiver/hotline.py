"""The hotline: one connection to Redis, for one command after the other. A pool and its layers cost a commit more
than the commit itself.
"""

import asyncio
from typing import Final

from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as SlowError

TIMEOUT_S: Final = 1.0


class Hotline:
    """A connection like those of a client, which is made at the first use and made anew when it breaks."""

    def __init__(self, client: Redis) -> None:
        pool = client.connection_pool
        self._connection = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})

    async def call(self, *words: str | bytes | int) -> object:
        """Send a command and give its reply. Raises RedisError, OSError, after a second at the latest.

        Where the connection turns out to be dead the command is sent once more, over a new one: it must be one that may
        run twice.
        """
        command = pack_command(words)  # type: ignore[arg-type]  # its hints know a tuple of one only
        try:
            async with asyncio.timeout(TIMEOUT_S):
                was_used = self._connection.is_connected
                try:
                    return await self._exchange(command)
                except LostError:
                    if not was_used:
                        raise
                    await self._connection.disconnect(nowait=True)
                    return await self._exchange(command)
        except ResponseError:
            raise
        except TimeoutError:
            await self._connection.disconnect(nowait=True)
            raise SlowError(f"no reply within {TIMEOUT_S:g} s") from None
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise

    async def close(self) -> None:
        """Hang up."""
        await self._connection.disconnect()

    async def _exchange(self, command: bytes) -> object:
        if not self._connection.is_connected:
            await self._connection.connect()  # type: ignore[no-untyped-call]
        await self._connection.send_packed_command(command, check_health=False)
        reply: object = await self._connection.read_response()
        return reply
