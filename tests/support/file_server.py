"""File server: a provider's host for downloads on 127.0.0.1, which answers by path and notes who asked with what."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Page = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class FileServer:
    """Where it listens, the request lines that it got, and the `Authorization` of each."""

    port: int
    stopped: threading.Event
    asked: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest/2"


@contextmanager
def file_server(pages: Mapping[str, Page]) -> Iterator[FileServer]:
    """Run a server with a page a path; more pages may be added meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.authorizations.append(self.headers.get("Authorization"))
            pages[self.path.partition("?")[0]](self)

        def handle(self) -> None:
            with suppress(OSError):  # the client went away
                super().handle()

        def log_message(self, *_: object) -> None:
            return

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = FileServer(listening.server_address[1], threading.Event())
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        listening.shutdown()
        thread.join(5)
        listening.server_close()


def page(body: bytes = b"", status: int = 200, **headers: str) -> Page:
    """Return a page; `content_type` is the header `Content-Type`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def redirect(location: str, status: int = 302) -> Page:
    """Return a page that points elsewhere."""
    return page(b"moved", status, location=location)


def cut_off(body: bytes, length: int) -> Page:
    """Return a page that breaks off before the length that it has announced."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "audio/mpeg")
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer
