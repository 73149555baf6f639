"""The reader: between the event loop and a connection, so that no more is read than is looked at in one go."""

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.flow_control import FlowControl

if TYPE_CHECKING:
    from ringback.receiver.http.protocol import Connection


class Reader(asyncio.BufferedProtocol):
    """What the event loop talks to: reads into a buffer that is as large as what is looked at in one go.

    The loop's own reads are of 256 KiB, and what was read cannot be given back.
    """

    __slots__ = ("_buffer", "_connection")

    def __init__(self, buffer: memoryview, connection: "Connection") -> None:
        self._buffer = buffer
        self._connection = connection

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return where to read into. All connections share it: each takes what it was given at once."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self._connection.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._connection.connection_made(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._connection.connection_lost(exc)

    def eof_received(self) -> bool:
        """Hear that nothing more comes. Returns whether we go on writing."""
        return self._connection.eof_received()

    def pause_writing(self) -> None:
        """Make no more answers: those that are made are not taken."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        self._connection.resume_writing()


class ReadFlow(FlowControl):
    """uvicorn's, which resumes to read whenever a request wants its body, but not while bytes wait here unparsed."""

    is_full = False

    def resume_reading(self) -> None:
        """Go on, if there is room."""
        if not self.is_full:
            super().resume_reading()
