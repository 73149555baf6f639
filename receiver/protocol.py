"""The protocol: uvicorn's HTTP connections, with the limits that uvicorn lacks. What breaks them never reaches the app.

- URL and headers of a request: so many bytes, so many fields; past that 431.
- Slow senders: a request must be whole within the request timeout, counted from its first byte, or from the
  connection's opening while there is none; past that 408. One sweep a second looks at all connections: a timer for each
  request would cost more.
- The stop: a caller whose connection stands gets an answer, with `Connection: close`. uvicorn would cut off those who
  wait to be accepted, and those whose connection is so new that their request is still on its way.
- Trailers of a chunked body are dropped. uvicorn adds them to the headers, where an X-Forwarded-For that no proxy of
  ours has seen would come last, and be believed.

It leans on how uvicorn's HttpToolsProtocol is made (the parser's events, `cycle`, `headers`, `pipeline`), since uvicorn
offers no other place for this. tests/test_limits.py tells when a new version differs.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.answers import Outcome, as_bytes
from receiver.listen import let_no_more_in, somebody_waits
from receiver.refusals import Refusals

log = structlog.get_logger()

MAX_HEAD: Final = 16 * 1024
MAX_HEADERS: Final = 100
_MAX_BETWEEN: Final = 2 * MAX_HEAD
_TICKS_A_SECOND: Final = 10
# For as long handshakes that have begun may take to end.
_HANDSHAKE_S: Final = 0.1
_BACKLOG_S: Final = 1.0
# For as long a connection that is idle at the stop may bring one more request. deploy/nginx.conf and deploy/Caddyfile
# let go of an idle one much sooner, so that none of theirs is closed from here.
_LAST_WORDS_S: Final = 1.0
_PAUSE_S: Final = 0.01


class HeadTooLargeError(Exception):
    """The URL and the headers are over the limit. The parser stops at it."""


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, refusals: Refusals, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **kwargs)
        self._refusals = refusals
        self._since: float | None = self.loop.time()  # when that began which is not whole yet; None: there is none
        self._in_head = False
        self._head_bytes = 0  # in the pieces before this one
        self._bytes_between = 0  # since the last byte of a body
        self._refusal: Outcome | None = None

    def data_received(self, data: bytes) -> None:
        """Take what came, in pieces so small that a limit is seen before much is kept."""
        if len(data) > MAX_HEAD:
            for start in range(0, len(data), MAX_HEAD):
                if not self.transport.is_closing():
                    self.data_received(data[start : start + MAX_HEAD])
            return
        super().data_received(data)
        if self._since is not None:
            self._count(len(data))

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._since = self.loop.time()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Go on to the body, if the head is within its limits. A head that came in one piece is not too long."""
        if len(self.headers) > MAX_HEADERS or (self._head_bytes and self._head_size() > MAX_HEAD):
            self._refusal = Outcome.HEAD_TOO_LARGE
            raise HeadTooLargeError
        super().on_headers_complete()
        self.headers = []  # trailers go here; nobody looks
        self._in_head = False
        self._bytes_between = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        super().on_body(body)
        self._bytes_between = 0

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        super().on_message_complete()
        self._since = None

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser has stopped at."""
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def end_if_slow(self, now: float, timeout_s: float) -> bool:
        """Close the connection if a request on it takes too long to come; tell whether there was one that did."""
        if self.transport.is_closing():
            return False
        if self._since is None:
            # uvicorn stops its keep-alive timer at any byte, also at one that begins no request.
            if self.timeout_keep_alive_task is None and self.cycle is not None and self.cycle.response_complete:
                self._since = now
            return False
        if self._is_our_turn:
            self._since = now
            return False
        if now - self._since <= timeout_s:
            return False
        if self._in_head or (self.cycle is not None and not self.cycle.response_complete):
            self._refuse(Outcome.TOO_SLOW)
            return True
        self.transport.close()
        return False

    def answer_last(self) -> None:
        """Say in the answer to the request that is worked on, if there is one, that no other will be taken."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close, unless a request is coming or worked on: that is the last one."""
        if not self._in_head:
            super().shutdown()

    @property
    def _is_our_turn(self) -> bool:
        """Tell whether an earlier request waits for its answer: until then uvicorn may have stopped to read."""
        return bool(self.pipeline) or (self._in_head and self.cycle is not None and not self.cycle.response_complete)

    def _count(self, size: int) -> None:
        """Count a piece after which the request is not whole."""
        if self._in_head:
            self._head_bytes += size
            is_too_much = self._head_bytes > MAX_HEAD
        else:
            self._bytes_between += size
            is_too_much = self._bytes_between > _MAX_BETWEEN  # trailers without end, or extensions of a chunk
        # Many short fields take far more memory than their bytes.
        if (is_too_much or len(self.headers or ()) > MAX_HEADERS) and not self.transport.is_closing():
            self._refuse(Outcome.HEAD_TOO_LARGE)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, outcome: Outcome) -> None:
        """Answer, unless that would come before an earlier request's answer or after this one's own, and close."""
        self._refusals.count(outcome)
        has_begun = not self._in_head and self.cycle is not None and self.cycle.response_started
        if not self._is_our_turn and not has_begun:
            self.transport.write(as_bytes(outcome, self.server_state.default_headers))
        if not self._in_head and self.cycle is not None:
            # The app, if it still waits for the body, learns that there is nobody to answer.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


class LimitedServer(uvicorn.Server):
    """uvicorn's server, which ends slow senders, and stops without cutting anybody off.

    `bound` is the socket that callers come by. `is_held`: another process holds it too, so that whoever comes while
    this one stops waits there for the next.
    """

    def __init__(
        self, config: uvicorn.Config, request_timeout: timedelta, bound: socket.socket, *, is_held: bool
    ) -> None:
        super().__init__(config)
        self._timeout_s = request_timeout.total_seconds()
        self._bound = bound
        self._is_held = is_held

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections, once a second."""
        if counter % _TICKS_A_SECOND == 0:
            self._sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take who has come and nobody else, answer everyone, and close."""
        if not self._is_held:
            await self._take_who_waits()
        for server in self.servers:
            server.close()
        # In place: the requests of this second have this very list.
        self.server_state.default_headers.append((b"connection", b"close"))
        for one in self._connections():
            one.answer_last()
        await asyncio.sleep(_PAUSE_S)  # who was just accepted becomes a connection
        await self._wait_while(lambda: bool(self.server_state.connections), _LAST_WORDS_S)
        await super().shutdown(sockets)

    async def _take_who_waits(self) -> None:
        """Accept all who have a connection: closing the socket would reset those."""
        let_no_more_in(self._bound)
        await asyncio.sleep(_HANDSHAKE_S)
        await self._wait_while(lambda: somebody_waits(self._bound), _BACKLOG_S)

    async def _wait_while(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until it is no more so, for some seconds at most, and not if told to hurry."""
        ends = asyncio.get_running_loop().time() + seconds
        while condition() and not self.force_exit and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110
            await asyncio.sleep(_PAUSE_S)

    def _connections(self) -> Sequence[Connection]:
        return [one for one in self.server_state.connections if isinstance(one, Connection)]

    def _sweep(self) -> None:
        slow = 0
        for one in self._connections():
            slow += one.end_if_slow(one.loop.time(), self._timeout_s)
        if slow:
            log.warning("requests.too_slow", count=slow)
