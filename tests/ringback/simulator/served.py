"""Servers for tests of the simulator: an app of ours in a thread, and a receiver that answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import uvicorn
from starlette.types import ASGIApp

from ringback.receiver.http.listen import bind
from ringback.simulator.connections import DroppableProtocol
from tests.support.service import wait_for


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """Serve an app as `ringback simulate` does, in a thread; yield its port."""
    with bind("127.0.0.1", 0) as bound:
        config = uvicorn.Config(app, http=DroppableProtocol, ws="none", log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        wait_for(lambda: server.started, "the app")
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


class AnswersAsTold:
    """A receiver of callbacks that answers with the statuses it is given, then 200, and keeps what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: Queue[tuple[str, str, bytes]] = Queue()


@contextmanager
def answering(told: AnswersAsTold, port: int = 0) -> Iterator[str]:
    """Run it; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.put((self.command, self.path, body))
            self.send_response(told.statuses.pop(0) if told.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
