"""The hotline: one connection to Redis, for calls that follow each other without a wait for replies.

A pool and its layers cost a commit more than the commit itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from hiredis import pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as SlowError

from ringback.system.redis_async import is_no_primary

TIMEOUT_S: Final = 1.0

Command = Sequence[str | bytes | int]


def always() -> bool:
    """Whether a new connection may be made: yes."""
    return True


def never() -> bool:
    """Whether a new connection may be made: no."""
    return False


class _Call:
    """A call's place in the line. `over`: which connection it was sent over, the first being 1; 0 of none."""

    __slots__ = ("done", "over")

    def __init__(self) -> None:
        self.over = 0
        self.done = asyncio.Event()


class Hotline:
    """A connection like those of a client, which is made at the first use and made anew when it breaks.

    A call need not wait for the reply to the one before it: it is sent behind that one, and Redis replies in order.
    What is sent again, over a new connection, is sent in the same order.
    """

    def __init__(self, client: Redis) -> None:
        pool = client.connection_pool
        self._connection = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})
        self._made = 0  # connections until now, with one that is being made
        self._last: _Call | None = None

    async def call(self, *commands: Command, anew: Callable[[], bool] = always) -> list[object]:
        """Send commands together; return the reply to each. Raises RedisError, OSError, within a second of its turn.

        Where the connection turns out to be dead they are sent once more, over a new one: they must be such as may run
        twice. `anew` is asked whether a new one may be made; else they go over the connection that there is, or
        nowhere. It is asked at that moment: what became of the call before this one is known by then.
        """
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # hints: a tuple
        before, call = self._last, _Call()
        self._last = call
        try:
            if before is not None and not before.done.is_set():
                await self._wait_behind(before, call, packed)  # which ends in time, and so does this
            async with asyncio.timeout(TIMEOUT_S):
                was_used = self._connection.is_connected
                if not (was_used or anew()):
                    raise LostError("the connection is gone")
                try:
                    return await self._exchange(call, packed, len(commands))
                except LostError:
                    if not (was_used and anew()):
                        raise
                    await self._connection.disconnect(nowait=True)
                    return await self._exchange(call, packed, len(commands))
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
        finally:
            call.done.set()

    async def close(self) -> None:
        """Hang up."""
        await self._connection.disconnect()

    async def _wait_behind(self, before: _Call, call: _Call, packed: bytes) -> None:
        """Send a call behind the one before, if that was sent over the connection that there is; wait for its end."""
        if before.over == self._made and self._connection.is_connected:
            with suppress(LostError):  # then the one before finds out, and makes a new one
                await self._send(call, packed)
        await before.done.wait()

    async def _send(self, call: _Call, packed: bytes) -> None:
        over = self._made
        await self._connection.send_packed_command(packed, check_health=False)
        call.over = over

    async def _exchange(self, call: _Call, packed: bytes, commands: int) -> list[object]:
        if not self._connection.is_connected:
            # Counted before it is there, so that nothing is sent amid its greeting.
            self._made += 1
            await self._connection.connect()  # type: ignore[no-untyped-call]
        if call.over != self._made:
            await self._send(call, packed)
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
