"""The hotline: one connection to Redis, for one call after the other. A pool and its layers cost a commit more than
the commit itself.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as SlowError

from ringback.system.redis_async import is_no_primary

TIMEOUT_S: Final = 1.0

Command = Sequence[str | bytes | int]


class Hotline:
    """A connection like those of a client, which is made at the first use and made anew when it breaks."""

    def __init__(self, client: Redis) -> None:
        pool = client.connection_pool
        self._connection = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})
        self._turn = asyncio.Lock()

    async def call(self, *commands: Command, anew: bool = True) -> list[object]:
        """Send commands together; give the reply to each. Raises RedisError, OSError, after a second at the latest.

        Where the connection turns out to be dead they are sent once more, over a new one: they must be such as may run
        twice. Not so without `anew`: then they go over the connection that there is, or nowhere.
        """
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # hints: a tuple
        try:
            async with self._turn, asyncio.timeout(TIMEOUT_S):
                was_used = self._connection.is_connected
                if not (was_used or anew):
                    raise LostError("the connection is gone")
                try:
                    return await self._exchange(packed, len(commands))
                except LostError:
                    if not (was_used and anew):
                        raise
                    await self._connection.disconnect(nowait=True)
                    return await self._exchange(packed, len(commands))
        except ResponseError as error:
            if is_no_primary(error):
                # Whoever is the primary now is found by connecting again.
                await self._connection.disconnect(nowait=True)
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

    async def _exchange(self, packed: bytes, commands: int) -> list[object]:
        if not self._connection.is_connected:
            await self._connection.connect()  # type: ignore[no-untyped-call]
        await self._connection.send_packed_command(packed, check_health=False)
        replies: list[object] = []
        refused: ResponseError | None = None
        for _ in range(commands):
            try:
                replies.append(await self._connection.read_response())
            except ResponseError as error:  # the replies to the others are to be read before the next call
                refused = refused or error
        if refused is not None:
            raise refused
        return replies
