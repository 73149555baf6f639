"""The server: uvicorn's, which ends slow callers, and stops without cutting anybody off."""

import asyncio
import ctypes
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import uvicorn
from starlette.types import Scope

from ringback.receiver.http.cycle import Heads
from ringback.receiver.http.listen import somebody_waits
from ringback.receiver.http.pipelining import Pipelining
from ringback.receiver.http.protocol import READ_SIZE, Connection, Take
from ringback.receiver.http.reader import Reader
from ringback.receiver.metrics import Refusals

_TICKS_A_SECOND: Final = 10
# For so long connections that wait in the socket are accepted at the stop.
_BACKLOG_S: Final = 1.0
# For as long a connection that is idle at the stop may bring one more request. deploy/nginx.conf and deploy/Caddyfile
# let go of an idle one much sooner, so that none of theirs is closed from here.
_LAST_WORDS_S: Final = 1.0
_PAUSE_S: Final = 0.01
_MANY: Final = 256  # connections that are gone: their memory is worth a look at the heap


def protocol_factory(refusals: Refusals, take_of: Callable[[Scope], Take | None]) -> Callable[..., Reader]:
    """Return what uvicorn calls, as its `http` class, for each new connection.

    `take_of` returns the shorter way of requests to a path, if there is one.
    """
    pipelining, heads = Pipelining(), Heads()
    buffer = memoryview(bytearray(READ_SIZE))

    def connect(**uvicorns: Any) -> Reader:  # noqa: ANN401 - uvicorn's own
        connection = Connection(
            refusals=refusals, take_of=take_of, pipelining=pipelining, heads=heads, **uvicorns
        )  # fmt: skip
        return Reader(buffer, connection)

    return connect


class LimitedServer(uvicorn.Server):
    """uvicorn's server, which ends slow senders, and stops without cutting anybody off.

    `bound` is the socket that callers come by. `is_held`: another process holds it too, so that whoever comes while
    this one stops waits there for the next.
    """

    def __init__(
        self, config: uvicorn.Config, request_timeout: timedelta, bound: socket.socket, *, is_held: bool
    ) -> None:
        super().__init__(config)
        self._timeout_s = request_timeout.total_seconds()
        self._bound = bound
        self._is_held = is_held
        self._most = 0  # connections at once, since memory was last given back

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections, once a second."""
        if counter % _TICKS_A_SECOND == 0:
            self._sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve the connections we already have, accept no new ones, then close."""
        if not self._is_held:
            # Closing the socket resets those who wait in it, and so whoever comes between this look and the close: no
            # more than a moment, and only where nobody else holds the socket.
            await self._wait_while(lambda: somebody_waits(self._bound), _BACKLOG_S)
        for server in self.servers:
            server.close()
        # In place: the requests of this second have this very list.
        self.server_state.default_headers.append((b"connection", b"close"))
        for one in self._connections():
            one.answer_last()
        await asyncio.sleep(_PAUSE_S)  # who was just accepted becomes a connection
        await self._wait_while(lambda: bool(self.server_state.connections) or self.is_opening, _LAST_WORDS_S)
        await super().shutdown(sockets)

    @property
    def is_opening(self) -> bool:
        """Whether somebody was accepted who is no connection yet."""
        return False

    async def _wait_while(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until it is no more so, for some seconds at most, and not if told to hurry."""
        ends = asyncio.get_running_loop().time() + seconds
        while condition() and not self.force_exit and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE_S)

    def _connections(self) -> Sequence[Connection]:
        return [one for one in self.server_state.connections if isinstance(one, Connection)]

    def _sweep(self) -> None:
        there = self._connections()
        for one in there:
            one.end_if_slow(one.loop.time(), self._timeout_s)
        self._most = max(self._most, len(there))
        if self._most - len(there) > _MANY:
            self._most = len(there)
            give_memory_back()


def give_memory_back() -> None:
    """Let the system have what freed objects have left in the C library's heap; nothing where that is not glibc."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
