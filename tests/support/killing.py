"""A proxy that ends somebody at a chosen moment: when the Nth piece of what they say to a server has gone through it.

So a process is killed between any two of its commands, one run after another.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PIECE: Final = 65_536


class KillingProxy:
    """Passes everything on. Once armed it counts the pieces that come from clients, and calls back after the Nth."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._lock = threading.Lock()
        self._left = 0
        self._kill: Callable[[], None] = lambda: None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.fired = threading.Event()

    def arm(self, after: int, kill: Callable[[], None]) -> None:
        """Call back once so many pieces have gone through from now on."""
        with self._lock:
            self._left, self._kill = after, kill
            self.fired.clear()

    def disarm(self) -> None:
        """Call nobody back."""
        with self._lock:
            self._left = 0

    def serve(self) -> None:
        """Accept connections until `close`."""
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _pass(self, client: socket.socket) -> None:
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            with server:
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server, self._count)
                back.join()

    def _count(self) -> None:
        with self._lock:
            if not self._left:
                return
            self._left -= 1
            if self._left:
                return
            self._kill()
            self.fired.set()


def _copy(source: socket.socket, sink: socket.socket, passed: Callable[[], None] = lambda: None) -> None:
    """Pass on what comes until one of them is gone, and tell the other."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
            passed()
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def killing(to: int) -> Iterator[KillingProxy]:
    """Run one before a port of this machine."""
    proxy = KillingProxy(to)
    serving = threading.Thread(target=proxy.serve, daemon=True)
    serving.start()
    try:
        yield proxy
    finally:
        proxy.close()
        serving.join()
