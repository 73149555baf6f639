"""Accept: of several receivers on one socket, whoever has the fewest connections takes the next one.

The kernel wakes all of them for each connection, and who is quickest has it: left to that, one receiver may take nearly
all that come at once, and keep them. So one that has more than another leaves it to that one for a moment, and no
longer: nobody waits for a receiver that is busy or gone.
"""

import asyncio
import mmap
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import Final

import structlog

from ringback.receiver.http.reader import Reader

log = structlog.get_logger()

_LATE_S: Final = 2
_MOMENT_S: Final = 0.002
_NO_MORE_FILES_S: Final = 1.0


@contextmanager
def counts_file() -> Iterator[int]:
    """Make the file for the counts of several receivers, none of which is there yet."""
    with TemporaryFile(buffering=0) as file:
        file.truncate(mmap.PAGESIZE)
        yield file.fileno()


class ConnectionCounts:
    """How many connections each receiver has, in memory that they share: a file of their parent's (`counts_file`).

    Beside each count is when it was noted, so that one that has died or hangs counts no more.
    """

    def __init__(self, file: int, number: int, receivers: int) -> None:
        shared = memoryview(mmap.mmap(file, mmap.PAGESIZE)).cast("I")
        self._counts, self._noted = shared[:receivers], shared[receivers : 2 * receivers]
        self._number = number

    def note(self, connections: int) -> None:
        """Let the others know how many we have."""
        self._counts[self._number] = connections
        self._noted[self._number] = int(time.monotonic())

    def leave(self) -> None:
        """Let the others know that we take no more."""
        self._noted[self._number] = 0

    @property
    def ours(self) -> int:
        """How many we have."""
        return self._counts[self._number]

    @property
    def are_more_than_anothers(self) -> bool:
        """Whether we have clearly more than the one with the fewest."""
        since = int(time.monotonic()) - _LATE_S
        known = [count for count, noted in zip(self._counts, self._noted, strict=True) if noted >= since]
        fewest = min(known, default=self.ours)
        return self.ours > fewest + 1 + fewest // 8


class Acceptor:
    """Accepts connections, in place of a server of the loop's."""

    def __init__(
        self,
        bound: socket.socket,
        connect: Callable[[], Reader],
        connections: Collection[object],
        counts: ConnectionCounts,
    ) -> None:
        self._bound = bound
        self._connect = connect
        self._connections = connections
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        bound.setblocking(False)
        self._loop.add_reader(bound, self._come)

    def note(self) -> None:
        """Let the others know how many connections we have. To be called again and again."""
        self._counts.note(len(self._connections) + len(self._opening))

    @property
    def is_opening(self) -> bool:
        """Whether somebody was accepted who is no connection yet."""
        return bool(self._opening)

    def close(self) -> None:
        """Accept no more, and let go of the socket."""
        if self._pause is not None:
            self._pause.cancel()
        if self._bound.fileno() >= 0:
            self._loop.remove_reader(self._bound)
            self._bound.close()
            self._counts.leave()

    async def wait_closed(self) -> None:
        """Wait for nothing: it is closed."""

    def _come(self) -> None:
        self.note()
        if self._counts.are_more_than_anothers:
            self._wait(_MOMENT_S)
        else:
            self._accept()

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._bound)
        self._pause = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._bound, self._come)
        # Nobody else has taken them. Some each time, for the others may be only slow.
        for _ in range(1 + self._counts.ours // 8):
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Take one who waits. Return whether another may wait."""
        try:
            accepted, _ = self._bound.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another has it, or it has left
            return False
        except OSError as error:
            log.error("receiver.cannot_accept", reason=error.strerror)
            self._wait(_NO_MORE_FILES_S)
            return False
        opening = self._loop.create_task(self._open(accepted))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        self.note()
        return True

    async def _open(self, accepted: socket.socket) -> None:
        with suppress(OSError):  # it has left
            await self._loop.connect_accepted_socket(self._connect, accepted)
