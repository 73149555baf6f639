"""A small HTTP server that answers by a table, as a provider's API does, and keeps what it was asked."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answers = Mapping[str, object]
"""Path below the API, or `function` of a JSON request -> what is answered: an object, or (HTTP status, object or text);
None: the connection is closed without an answer."""


@dataclass
class Answering:
    """Where it listens, and what it was asked: path or function, and the fields of each request."""

    url: str
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)


@contextmanager
def answering(answers: Answers) -> Iterator[Answering]:
    """Answer on a port of its own; what is not in the table gets a 404."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer(json.loads(body) if body.startswith("{") else dict(parse_qsl(body)))

        def _answer(self, fields: dict[str, Any]) -> None:
            name = fields.get("function") or urlsplit(self.path).path
            found.asked.append((name, fields))
            found.headers.append(dict(self.headers))
            wanted = answers.get(name, (404, "nothing is here"))
            if wanted is None:
                self.close_connection = True
                return
            status, content = wanted if isinstance(wanted, tuple) else (200, wanted)
            written = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        found = Answering(f"http://127.0.0.1:{server.server_address[1]}")
        serving = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        try:
            yield found
        finally:
            server.shutdown()
            serving.join()
