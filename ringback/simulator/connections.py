"""Answers that are none: a connection that is closed without a byte, and one that hangs."""

from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.simulator.magic_numbers import Answering

_ABORT: Final = "ringback.abort"

BAD_GATEWAY_PAGE: Final = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "</body>\r\n</html>\r\n"
)
GARBAGE: Final = b'\x00\xff<{"messages":[{"status":'


class DroppableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, of which an app can close the connection (scope["extensions"])."""

    hangs = False

    def hang(self) -> None:
        """Note that nobody is to wait for the answer of this connection."""
        self.hangs = True

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {_ABORT: {"now": self.transport.abort, "never": self.hang}}


class DroppedResponse(Response):
    """No answer: the connection is closed without a byte. Raises ConnectionAbortedError where no server can do so."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Close the connection."""
        extension = (scope.get("extensions") or {}).get(_ABORT)
        if extension is None:
            raise ConnectionAbortedError("closed without an answer")
        extension["now"]()
        await _until_gone(receive)


class HangingResponse(Response):
    """No answer, and the connection stays open until the other side has had enough."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Wait until the caller is gone."""
        if extension := (scope.get("extensions") or {}).get(_ABORT):
            extension["never"]()
        await _until_gone(receive)


def misbehaviour(answering: Answering) -> Response | None:
    """Return the answer that is none, or none that can be read; None where the provider answers in its own words."""
    match answering:
        case Answering.CLOSE:
            return DroppedResponse()
        case Answering.HANG:
            return HangingResponse()
        case Answering.BAD_GATEWAY:
            return Response(BAD_GATEWAY_PAGE, status_code=502, media_type="text/html")
        case Answering.GARBAGE:
            return Response(GARBAGE, media_type="application/json")
        case _:
            return None


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # what is left of the body
