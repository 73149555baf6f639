"""The sender: a provider that repeats each callback, with the same ids, until it gets a 200."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

_CONNECTIONS: Final = 8
_ANSWER_S: Final = 10.0
_PAUSE_S: Final = 0.2
_TAKEN: Final = 200
_TRY_AGAIN: Final = 503


class WrongAnswerError(Exception):
    """The receiver answered what it never should."""


class Requests(Protocol):
    """What is sent: so many events, and the callback of each, which is the same each time that it is asked for."""

    events: int

    def request(self, number: int) -> bytes: ...


class Sender:
    """Sends a plan at a bounded rate, over connections that are kept and spread over the receivers."""

    def __init__(self, plan: Requests, ports: Sequence[int], rate: float, progress: Callable[[int], None]) -> None:
        self._plan = plan
        self._ports = ports
        self._pace_s = 1 / rate
        self._progress = progress
        self._due = 0.0
        self._numbers: Iterator[int] = iter(range(plan.events))
        self.taken: dict[int, float] = {}
        self.repeated = 0

    async def run(self) -> None:
        """Send everything. Raises WrongAnswerError."""
        async with asyncio.TaskGroup() as group:
            for number in range(_CONNECTIONS):
                group.create_task(self._send(number))

    async def _send(self, first_port: int) -> None:
        connection = Connection(self._ports, first_port)
        for number in self._numbers:
            now = time.monotonic()
            # A standstill is not made good by a flood.
            self._due = max(self._due + self._pace_s, now - 1)
            await asyncio.sleep(self._due - now)
            request = self._plan.request(number)
            while (status := await connection.ask(request)) != _TAKEN:
                if status not in (None, _TRY_AGAIN):
                    raise WrongAnswerError(f"event {number} was answered with {status}")
                self.repeated += 1
                await asyncio.sleep(_PAUSE_S)
            self.taken[number] = time.monotonic()
            self._progress(len(self.taken))
        connection.close()


class Connection:
    """A kept connection to one of several receivers."""

    def __init__(self, ports: Sequence[int], first: int) -> None:
        self._ports = ports
        self._at = first
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int | None:
        """Give the status of the answer, or None where there was none; the next try goes to the next receiver."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._ports[self._at % len(self._ports)])
                reader, writer = self._streams
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
        except (OSError, EOFError, TimeoutError):
            self.close()
            self._at += 1
            return None
        if b"\r\nconnection: close" in head:
            self.close()
        return int(head.split()[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
