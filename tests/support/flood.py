"""Floods: many connections that want nothing good, from a process of their own. For the tests, and by hand:

    python -m tests.support.flood unread 8000 1000 30

Each kind ends with a line of JSON: how many connections there were, and how many the receiver had ended by itself.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Final

from ringback.receiver.serve import raise_open_files
from tests.support.service import TOKEN

_PIPELINED: Final = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
_SENT: Final = 2_000_000
_ESTABLISHED: Final = 1  # of Linux's TCP states
_BUFFER: Final = 64 * 1024


async def unread(connection: socket.socket) -> None:
    """Send two megabytes of requests, and read no answer."""
    await asyncio.get_running_loop().sock_sendall(connection, _PIPELINED * (_SENT // len(_PIPELINED)))


async def trickle(connection: socket.socket) -> None:
    """Send requests, and read answers, byte by byte."""
    loop = asyncio.get_running_loop()

    async def read() -> None:
        while await loop.sock_recv(connection, 1):  # noqa: ASYNC110 - slowly
            await asyncio.sleep(0.05)

    reading = asyncio.create_task(read())
    try:
        await loop.sock_sendall(connection, _PIPELINED * 20)
        while not reading.done():
            for byte in _PIPELINED:
                await loop.sock_sendall(connection, bytes((byte,)))
                await asyncio.sleep(0.2)
    finally:
        reading.cancel()


async def idle(connection: socket.socket) -> None:
    """Send nothing."""


async def head(connection: socket.socket) -> None:
    """Send as much of a head as is taken, and not its end."""
    fields = b"X: x\r\n" * 95 + b"X: " + b"x" * 15_000
    await asyncio.get_running_loop().sock_sendall(connection, b"GET /x HTTP/1.1\r\n" + fields)


async def bodies(connection: socket.socket) -> None:
    """Send a body that is as large as it may be, but for its end, with the right token of an account."""
    target = f"/webhooks/mocean/inbound-sms?token={TOKEN}".encode()
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n" % target
    await asyncio.get_running_loop().sock_sendall(connection, head + b"x" * 262_000)


KINDS: Final[dict[str, Callable[[socket.socket], Coroutine[None, None, None]]]] = {
    kind.__name__: kind for kind in (unread, trickle, idle, head, bodies)
}


def is_open(connection: socket.socket) -> bool:
    """Whether the other side has not closed it. Reads nothing."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


async def flood(kind: str, port: int, count: int, seconds: float) -> int:
    """Open so many connections, and wait until the receiver has ended them; return how many it ended in this time."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    connections: list[socket.socket] = []
    doing: list[asyncio.Task[None]] = []

    async def run(connection: socket.socket) -> None:
        with suppress(OSError):
            await KINDS[kind](connection)

    for number in range(count):
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        await loop.sock_connect(connection, ("127.0.0.1", port))
        connections.append(connection)
        doing.append(asyncio.create_task(run(connection)))
        if number % 50 == 0:
            await asyncio.sleep(0)
    while any(map(is_open, connections)) and loop.time() < ends:  # noqa: ASYNC110 - the kernel says it to who asks
        await asyncio.sleep(0.1)
    ended = sum(not is_open(connection) for connection in connections)
    for task in doing:
        task.cancel()
    await asyncio.gather(*doing, return_exceptions=True)
    for connection in connections:
        connection.close()
    return ended


def main(kind: str, port: str, count: str, seconds: str) -> None:
    """Flood, and say what came of it."""
    raise_open_files()
    ended = asyncio.run(flood(kind, int(port), int(count), float(seconds)))
    sys.stdout.write(json.dumps({"connections": int(count), "ended": ended}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
