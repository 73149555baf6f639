"""Answers: what a provider is told, for each outcome (contract, section 1). One table; code and tests read it."""

import json
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.receiver.parsing.codings import READ

Headers = list[tuple[bytes, bytes]]


class Answer(Enum):
    """How a request ended: its name in the logs, the status code, the title of its problem if it has one."""

    STORED = ("stored", 200, None)
    PROBE = ("probe", 200, None)
    BAD_REQUEST = ("bad_request", 400, "Bad request")
    NO_ENTRY = ("no_entry", 401, "No valid token")
    NOT_ALLOWED = ("not_allowed", 403, "Address not allowed")
    UNKNOWN_PATH = ("unknown_path", 404, "No such callback")
    WRONG_METHOD = ("wrong_method", 405, "Method not allowed")
    TOO_SLOW = ("too_slow", 408, "Request too slow")
    TOO_LARGE = ("too_large", 413, "Body too large")
    UNREAD_CODING = ("unread_coding", 415, "Content-Encoding not read")
    MISDIRECTED = ("misdirected", 421, "Unknown host; ask by an address or as localhost")
    UNUSABLE = ("unusable", 422, "Unusable callback")
    LIMITED = ("limited", 429, "Too many wrong tokens, please wait")
    HEAD_TOO_LARGE = ("head_too_large", 431, "URL and headers too large")
    BROKEN = ("broken", 500, "Internal error")
    UNKNOWN_TRANSFER_CODING = ("unknown_transfer_coding", 501, "Transfer coding not implemented")
    NOT_STORED = ("not_stored", 503, "Not stored, please repeat")
    BUSY = ("busy", 503, "Too many requests at once, please repeat")

    def __init__(self, label: str, status: int, title: str | None) -> None:
        self.label = label
        self.status = status
        self.title = title


_CLOSE = (b"connection", b"close")
_EXTRA_HEADERS: dict[Answer, Headers] = {
    Answer.BAD_REQUEST: [_CLOSE],
    Answer.NO_ENTRY: [(b"www-authenticate", b'Basic realm="ringback"')],
    Answer.WRONG_METHOD: [(b"allow", b"GET, HEAD, POST, PUT")],
    Answer.TOO_SLOW: [_CLOSE],
    Answer.TOO_LARGE: [_CLOSE],
    Answer.UNREAD_CODING: [(b"accept-encoding", READ.encode())],
    Answer.LIMITED: [(b"retry-after", b"3")],
    Answer.HEAD_TOO_LARGE: [_CLOSE],
    Answer.UNKNOWN_TRANSFER_CODING: [_CLOSE],
    Answer.NOT_STORED: [(b"retry-after", b"5")],
    Answer.BUSY: [(b"retry-after", b"1")],
}
EMPTY: Headers = [(b"content-length", b"0")]


async def answer(send: Send, outcome: Answer, problem: Mapping[str, str] | None = None) -> None:
    """Send an outcome. `problem` adds members to its problem+json (RFC 9457)."""
    headers, body = _written(outcome, problem or {})
    await _send(send, outcome.status, headers, body)


def answering(outcome: Answer) -> ASGIApp:
    """Return an app that answers so."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await answer(send, outcome)

    return app


def as_bytes(outcome: Answer, further: Headers) -> bytes:
    """Write an outcome as it goes over the wire, for a request that never comes as far as the app."""
    headers, body = _written(outcome, {})
    lines = [f"HTTP/1.1 {outcome.status} {HTTPStatus(outcome.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in (*further, *headers)]
    return b"\r\n".join((*lines, b"", body))


async def answer_call(send: Send, commands: object) -> None:
    """Send a Mocean Command, as the wire has it."""
    body = json.dumps(commands, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await _send(send, HTTPStatus.OK, headers, body)


def _written(outcome: Answer, problem: Mapping[str, str]) -> tuple[Headers, bytes]:
    if outcome.title is None:
        return EMPTY, b""
    body = json.dumps({"title": outcome.title, "status": outcome.status} | dict(problem)).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *_EXTRA_HEADERS.get(outcome, []),
    ]
    return headers, body


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
