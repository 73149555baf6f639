"""Calls: a client that calls as Mocean does, one call after another or many at once, and times each answer."""

import argparse
import asyncio
import json
import secrets
import sys
import time
from typing import Final

import uvloop

from benchmarks.dlr import TOKEN
from benchmarks.results import CallsMade

PATH: Final = "/webhooks/mocean/voice/answer"
CALLER: Final = "60123456789"
_ANSWER: Final = [{"action": "say", "text": f"Thank you for calling from {CALLER}.", "language": "en-GB"}]


class _Line:
    """A connection that makes one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "_Line":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def call(self) -> tuple[float, bool]:
        """Give the seconds until the answer was there, and whether it was the handler's."""
        ids = secrets.token_hex(16)
        body = (f"mocean-session-uuid={ids}&mocean-call-uuid={ids}&mocean-to=60312345678&mocean-from={CALLER}").encode()
        head = (
            f"POST {PATH}?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        self._writer.write(head.encode() + body)
        answered = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answered.partition(b"content-length:")[2].partition(b"\r\n")[0])
        content = await self._reader.readexactly(length)
        took = time.perf_counter() - began
        return took, answered[9:12] == b"200" and json.loads(content) == _ANSWER

    def close(self) -> None:
        self._writer.close()


async def _make(port: int, calls: int, at_once: int) -> CallsMade:
    lines = [await _Line.open(port) for _ in range(at_once)]
    began = time.perf_counter()
    answers: list[tuple[float, bool]] = []
    for _ in range(calls // at_once):
        answers += await asyncio.gather(*(line.call() for line in lines))
    seconds = time.perf_counter() - began
    for line in lines:
        line.close()
    return CallsMade.of([took for took, _ in answers], sum(good for _, good in answers), seconds)


def main() -> None:
    """Make calls to a port of this machine, and print what came of them as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("calls", type=int)
    parser.add_argument("--at-once", type=int, default=1)
    chosen = parser.parse_args()
    sys.stdout.write(uvloop.run(_make(chosen.port, chosen.calls, chosen.at_once)).model_dump_json() + "\n")


if __name__ == "__main__":
    main()
