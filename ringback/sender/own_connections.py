"""Connections: one request at a time each, the one that was used last first.

A pool of httpx looks at all its connections for each request, which with thirty of them takes longer than the request.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from ringback.clients.transport import AsyncHttpTransport


class Connections:
    """The connections of one event loop. `timeout`: seconds for a whole request."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._tls = httpx.create_ssl_context()
        self._idle: list[AsyncHttpTransport] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[AsyncHttpTransport]:
        """Yield a transport that nobody else uses meanwhile."""
        if self._idle:
            transport = self._idle.pop()
        else:
            transport = AsyncHttpTransport(timeout=self._timeout, connections=1, tls=self._tls)
        try:
            yield transport
        finally:
            self._idle.append(transport)

    async def close(self) -> None:
        """Close those that nobody uses."""
        for transport in self._idle:
            await transport.close()
