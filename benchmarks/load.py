"""Load: `wrk` where it is installed, else a client of our own (`python -m benchmarks.load`).

`oha` is not used: it picks bodies from a list at random, so that some ids would come twice, and be repeats.
"""

import argparse
import asyncio
import secrets
import shutil
import statistics
import sys
import time
from collections import deque
from typing import Final, cast

import uvloop

from benchmarks.dlr import TARGET, body
from benchmarks.machine import HERE, Bench, BenchError
from benchmarks.results import Load

CONNECTIONS: Final = 32
OWN: Final = "benchmarks/load.py"
_DIGITS: Final = "0000000000"


def program() -> str:
    """Say which program makes the load."""
    return "wrk" if shutil.which("wrk") else OWN


def fire(bench: Bench, port: int, seconds: int, by: str) -> tuple[Load, float]:
    """Keep 32 connections busy; give what came of it, and the share of a core that this took.

    Raises BenchError where not each request was answered with success.
    """
    if by == "wrk":
        before, after = template()
        options = ["-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(HERE / "dlr.lua")]
        command = ["wrk", *options, f"http://127.0.0.1:{port}{TARGET}", "--", before, after]
    else:
        command = [sys.executable, "-m", "benchmarks.load", str(port), "--seconds", str(seconds)]
    return _checked(bench, command, seconds)


def drip(bench: Bench, port: int, seconds: float, rate: float) -> Load:
    """Send `rate` requests a second, each with the time of its sending as context; give what came of it."""
    command = [sys.executable, "-m", "benchmarks.load", str(port), "--seconds", str(seconds), "--rate", str(rate)]
    return _checked(bench, command, seconds)[0]


def _checked(bench: Bench, command: list[str], seconds: float) -> tuple[Load, float]:
    printed, used = bench.load(command, seconds)
    load = Load.model_validate_json(printed.strip().splitlines()[-1])
    if load.refused or load.broken or not load.requests:
        raise BenchError(f"{load.requests} requests, {load.refused} refused, {load.broken} without an answer")
    return load, used / load.seconds


def template() -> tuple[str, str]:
    """Give a body's two parts, around the ten digits that make its id fresh; no other run has the same."""
    before, _, after = body(f"{secrets.token_hex(8)}{_DIGITS}").partition(_DIGITS)
    return before, after


class _Connection(asyncio.Protocol):
    """One connection, with one request on its way at a time."""

    def __init__(self, client: "_Client") -> None:
        self._client = client
        self._received = b""
        self._began = 0.0
        self._waits = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._client.idle(self)

    def send(self, request: bytes) -> None:
        if self._transport is None:
            return
        self._waits = True
        self._began = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        head = head.lower()
        if b"\r\ntransfer-encoding: chunked" in head:
            complete = rest.endswith(b"0\r\n\r\n")
        else:
            length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            complete = len(rest) >= int(length or 0)
        if not complete:
            return
        self._received = b""
        self._waits = False
        self._client.answered(time.perf_counter() - self._began, success=head[9:10] == b"2")
        if b"\r\nconnection: close" in head:
            self.close()  # and connection_lost makes another
        else:
            self._client.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None
        self._client.lost(self, waited=self._waits)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Client:
    """Keeps its connections busy, or, with a rate, sends at that rate whatever becomes of the answers."""

    def __init__(self, port: int, seconds: float, rate: float | None) -> None:
        self._port = port
        self._seconds = seconds
        self._rate = rate
        self._took: list[float] = []
        self._refused = 0
        self._broken = 0
        self._made = 0
        self._over = False
        self._idle: deque[_Connection] = deque()
        self._due = 0
        self._open: set[asyncio.Task[None]] = set()
        before, after = template()
        length = len(before) + len(_DIGITS) + len(after)
        self._headers = (
            f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {length}\r\n\r\n{before}"
        )
        self._head = f"PUT {TARGET}{self._headers}"
        self._after = after

    async def run(self) -> Load:
        for _ in range(CONNECTIONS):
            self._connect()
        began = time.perf_counter()
        if self._rate is None:
            await asyncio.sleep(self._seconds)
        else:
            await self._tick(began, self._rate)
        self._over = True
        seconds = time.perf_counter() - began
        answered = list(self._took)
        while self._rate is not None and len(self._took) + self._broken < self._made:
            if time.perf_counter() - began > self._seconds + 10:
                self._broken += self._made - len(self._took)
                break
            await asyncio.sleep(0.01)
            answered = list(self._took)
        cuts = statistics.quantiles(answered, n=100) if len(answered) > 1 else [0.0] * 99
        return Load(
            requests=len(answered),
            seconds=seconds,
            p50_ms=cuts[49] * 1e3,
            p99_ms=cuts[98] * 1e3,
            refused=self._refused,
            broken=self._broken,
        )

    async def _tick(self, began: float, rate: float) -> None:
        sent = 0
        while (passed := time.perf_counter() - began) < self._seconds:
            due = int(passed * rate) - sent
            sent += due
            self._due += due
            self._send_due()
            await asyncio.sleep(max(0.0, began + (sent + 1) / rate - time.perf_counter()))

    def _send_due(self) -> None:
        while self._due and self._idle:
            self._due -= 1
            self._idle.popleft().send(self._request())

    def _request(self) -> bytes:
        self._made += 1
        # The clock that all processes of one machine share.
        head = self._head if self._rate is None else f"PUT {TARGET}&ctx.sent={time.monotonic_ns()}{self._headers}"
        return f"{head}{self._made:010}{self._after}".encode()

    def idle(self, connection: _Connection) -> None:
        if self._rate is not None:
            self._idle.append(connection)
            self._send_due()
        elif not self._over:
            connection.send(self._request())

    def answered(self, took: float, *, success: bool) -> None:
        self._took.append(took)
        self._refused += not success

    def lost(self, connection: _Connection, *, waited: bool) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._over:
            self._broken += waited
            self._connect()

    def _connect(self) -> None:
        async def connect() -> None:
            try:
                await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            except OSError:
                self._broken += 1

        task = asyncio.create_task(connect())
        self._open.add(task)
        task.add_done_callback(self._open.discard)


def main() -> None:
    """Make load on a port of this machine, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, help="requests a second; without it, as many as are answered")
    chosen = parser.parse_args()
    sys.stdout.write(uvloop.run(_Client(chosen.port, chosen.seconds, chosen.rate).run()).model_dump_json() + "\n")


if __name__ == "__main__":
    main()
