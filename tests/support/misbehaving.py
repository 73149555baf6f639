"""Misbehaving: a provider's server that breaks off, hangs or talks nonsense, and counts what it was asked."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Manner = Callable[[socket.socket, threading.Event], None]
"""What the server does once it has read a request; the event is set when it stops."""


_TLS_HANDSHAKE = b"\x16"


@dataclass
class Misbehaving:
    """Where it listens, the requests that it has read, and how many connections were made and are open still."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest/2"


@contextmanager
def misbehaving(manner: Manner) -> Iterator[Misbehaving]:
    """Run a server that reads each request whole, then does what `manner` says with the connection."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Misbehaving(listener.getsockname()[1])
        open_ones: list[socket.socket] = []

        def talk(connection: socket.socket) -> None:
            with connection:
                try:
                    while request := _request(connection):
                        server.requests.append(request)
                        manner(connection, stopped)
                except OSError:
                    return  # it closed the connection itself, or the client did
                finally:
                    server.open -= 1

        def accept() -> None:
            while not stopped.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.connections += 1
                server.open += 1
                open_ones.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            stopped.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in open_ones:
                connection.close()


def answers(status: str, body: bytes = b"", *headers: str) -> Manner:
    """Answer as a server should, with whatever status and body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def manner(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(whole)

    return manner


def says(data: bytes) -> Manner:
    """Send some bytes and close."""

    def manner(connection: socket.socket, _: threading.Event) -> None:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_RDWR)

    return manner


def resets(connection: socket.socket, _: threading.Event) -> None:
    """Break off with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hangs(_: socket.socket, stopped: threading.Event) -> None:
    """Keep silent."""
    stopped.wait(30)


def drips(connection: socket.socket, stopped: threading.Event) -> None:
    """Begin a long answer, and go on with it a byte at a time."""
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n")
    end = time.monotonic() + 30
    while time.monotonic() < end and not stopped.wait(0.05):
        connection.sendall(b" ")


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
        if data.startswith(_TLS_HANDSHAKE):
            return data
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
