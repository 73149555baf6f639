"""Sockets: what any program may say to a receiver, byte by byte, and what comes back."""

import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.service import RINGBACK, TOKEN, Service, await_ready, free_port, process

DLR = "/webhooks/mycoolsms/delivery-report"
BODY = b'{"smsid": "limits", "status": "SMS_STATUS_DELIVERED"}'
AUTH = f"?token={TOKEN}"


@dataclass
class Receiver:
    """A receiver, its process, and a way to say anything to it."""

    service: Service
    pid: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.service.port), timeout=15)

    def say(self, *pieces: bytes) -> bytes:
        """Send pieces over a connection of their own, then give all that comes back until it is closed."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
            return heard(connection)


def heard(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass  # it closed while more of ours was on its way
    return b"".join(pieces)


def takes(connection: socket.socket, data: bytes) -> bool:
    """Send data, and tell whether the other side took it all."""
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def statuses(answer: bytes) -> list[int]:
    """Return the codes of the answers on a connection."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def request(path: str = DLR + AUTH, *headers: str, body: bytes = BODY, method: str = "POST") -> bytes:
    """Write a request after which the server closes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if not any("length" in header.lower() or "transfer" in header.lower() for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*chunks: bytes) -> bytes:
    """Write chunks, without the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


@contextmanager
def receiving(redis_url: str, *, queues: str = "", **settings: str) -> Iterator[Receiver]:
    """Run a receiver, and workers of these queues if any, under a prefix of its own."""
    service = Service(redis_url, f"t{secrets.token_hex(4)}", free_port())
    chosen = {**service.settings, **settings}
    with process([*RINGBACK, "serve"], **chosen) as started, ExitStack() as others:
        if queues:
            others.enter_context(process([*RINGBACK, "work", "--queues", queues], **chosen))
        await_ready(service, len(queues.split(",")) if queues else 0)
        yield Receiver(service, started.pid)
    service.redis.delete(service.keys.events, service.keys.quarantine)
    service.close()
