"""The cycle: uvicorn's, of one request and its answer, with less work where all is there at once.

An app's answer is two messages, and uvicorn writes each by itself, after it has looked at each header. Ours are whole,
and their headers are our own. Anything else falls back to uvicorn.
"""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from ringback.receiver.http.answers import Headers

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent


_LENGTH: Final = b"\r\ncontent-length: "
_CLOSE: Final = b"\r\nconnection: close\r\n"


class Heads:
    """Writes the heads of answers, and remembers the last one: nearly all of a second are alike. One a process."""

    def __init__(self) -> None:
        self._status = 0
        self._headers: Headers = []
        self._further: Headers = []
        self._count = 0  # of the further ones: at the stop one is added
        self._written = b""

    def written(self, status: int, headers: Headers, further: Headers) -> bytes:
        """Return status line and headers, without the empty line at the end."""
        if (
            headers is not self._headers
            or further is not self._further
            or status != self._status
            or len(further) != self._count
        ):
            lines = [name + b": " + value + b"\r\n" for name, value in (*further, *headers)]
            self._written = b"".join((STATUS_LINE[status], *lines))
            self._status, self._headers, self._further, self._count = status, headers, further, len(further)
        return self._written


class Cycle(RequestResponseCycle):
    """One request and its answer. Whoever makes one sets `heads`, and calls `begin_asgi` if an app is to answer."""

    heads: Heads
    is_heard_out = False  # a call's caller: only when all is sent does it look for the answer
    _is_given = False
    _start: Any = None  # the first half of an answer, until the second is there

    def begin_asgi(self) -> None:
        """Be ready for an app, which may wait for what is to come."""
        self.message_event = asyncio.Event()
        if self.body or not self.more_body:
            self.message_event.set()

    def answer_at_once(self, status: int, headers: Headers) -> bool:
        """Send an answer without a body, if it can be sent now. Returns whether that is done."""
        if self.flow.write_paused:
            return False
        if not self.disconnected:
            self._answer(self.heads.written(status, headers, self.default_headers), b"")
        return True

    async def receive(self) -> "ASGIReceiveEvent":
        """Return what has come of the body; without a wait where that is all of it."""
        if self.more_body or self._is_given or self.waiting_for_100_continue or self.disconnected:
            return await super().receive()
        self._is_given = True
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Take a part of the answer, and write a whole one at once."""
        if self._start is None and not self.response_started and message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            is_now = not (self.disconnected or self.flow.write_paused or self.scope["method"] == "HEAD")
            if is_now and not message.get("more_body"):
                head = self.heads.written(start["status"], start["headers"], self.default_headers)
                if _LENGTH in head:
                    self.is_heard_out = start["status"] == HTTPStatus.OK
                    self._answer(head, message.get("body", b""))
                    return
            await super().send(start)
        await super().send(message)

    def _answer(self, head: bytes, body: bytes) -> None:
        end = b"\r\n"
        if _CLOSE in head:
            self.keep_alive = False
        elif not self.keep_alive:
            end = b"connection: close\r\n\r\n"
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(head + end + body)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
