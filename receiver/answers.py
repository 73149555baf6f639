"""Answers: what a provider is told, for each outcome (contract, section 1). One table; code and tests read it."""

import json
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

from starlette.types import Send

Headers = list[tuple[bytes, bytes]]


class Outcome(Enum):
    """How a request ended: its name in the logs, the status code, the title of its problem if it has one."""

    STORED = ("stored", 200, None)
    PROBE = ("probe", 200, None)
    NO_ENTRY = ("no_entry", 401, "No valid token")
    UNKNOWN_PATH = ("unknown_path", 404, "No such callback")
    WRONG_METHOD = ("wrong_method", 405, "Method not allowed")
    TOO_LARGE = ("too_large", 413, "Body too large")
    UNUSABLE = ("unusable", 422, "Unusable callback")
    BROKEN = ("broken", 500, "Internal error")
    NOT_STORED = ("not_stored", 503, "Not stored, please repeat")

    def __init__(self, label: str, status: int, title: str | None) -> None:
        self.label = label
        self.status = status
        self.title = title


_EXTRA_HEADERS: dict[Outcome, Headers] = {
    Outcome.NO_ENTRY: [(b"www-authenticate", b'Basic realm="ringback"')],
    Outcome.WRONG_METHOD: [(b"allow", b"GET, HEAD, POST, PUT")],
    Outcome.TOO_LARGE: [(b"connection", b"close")],
    Outcome.NOT_STORED: [(b"retry-after", b"5")],
}
_EMPTY: Headers = [(b"content-length", b"0")]


async def answer(send: Send, outcome: Outcome, problem: Mapping[str, str] | None = None) -> None:
    """Send an outcome. `problem` adds members to its problem+json (RFC 9457)."""
    if outcome.title is None:
        await _send(send, outcome.status, _EMPTY, b"")
        return
    body = json.dumps({"title": outcome.title, "status": outcome.status} | dict(problem or {})).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *_EXTRA_HEADERS.get(outcome, []),
    ]
    await _send(send, outcome.status, headers, body)


async def answer_call(send: Send, commands: object) -> None:
    """Send a Mocean Command, as the wire has it."""
    body = json.dumps(commands, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await _send(send, HTTPStatus.OK, headers, body)


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
