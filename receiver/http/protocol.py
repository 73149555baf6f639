"""The protocol: uvicorn's HTTP connections, with the limits that uvicorn lacks. What breaks them never reaches the app.

What one connection may make us hold is bounded, and time limits look at both directions:

- URL and headers of a request: so many bytes, so many fields; past that 431.
- Pipelined requests: one is parsed ahead of the one that is worked on, what came behind it waits as bytes, one read at
  most; they take turns with those of other connections, and after so many in a row the connection is closed.
- Slow senders: a request must be whole within the request timeout, counted from its first byte, or from the
  connection's opening while there is none; past that 408. Callers that do not take their answers within that time are
  cut off. One sweep a second looks at all connections: a timer for each request would cost more.
- Connections: past so many, a new one takes the place of one that asks nothing.
- The stop: a caller whose connection stands gets an answer, with `Connection: close`. uvicorn would cut off those who
  wait to be accepted, and those whose connection is so new that their request is still on its way.

And it is what RFC 9112 asks of a server where uvicorn is not (ringback.receiver.http.head):

- An upgrade that we do not do is ignored, and the request's body read (RFC 9110, section 7.8).
- One Host, and no transfer coding but chunked (sections 3.2 and 6.1): what proxies read in two ways is refused.
- Who closes only the sending side after a request still gets the answer (section 9.6).
- Trailers of a chunked body are dropped. uvicorn adds them to the headers, where an X-Forwarded-For that no proxy of
  ours has seen would come last, and be believed.

It leans on how uvicorn's HttpToolsProtocol is made (the parser's events, `cycle`, `headers`, `pipeline`), since uvicorn
offers no other place for this. test_limits.py and test_connections.py fail when a new version differs.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.receiver.http.answers import EMPTY, Answer, answering, as_bytes
from ringback.receiver.http.cycle import Cycle, Heads
from ringback.receiver.http.head import fault_of, without_upgrade
from ringback.receiver.http.pipelining import Pipelining
from ringback.receiver.http.reader import ReadFlow
from ringback.receiver.metrics import Refusals

READ_SIZE: Final = 16 * 1024
MAX_HEAD: Final = 16 * 1024
MAX_HEADERS: Final = 100
MAX_IN_A_ROW: Final = 128
MAX_CONNECTIONS: Final = 10_000
_MAX_BETWEEN: Final = 2 * MAX_HEAD
MAX_DISCARDED: Final = 512 * 1024
_A_PIECE: Final = 256  # bytes that a piece counts beside its own: each takes its time
_WRITE_AHEAD: Final = 16 * 1024  # bytes of answers that nobody takes, before no more are made
_CANDIDATES: Final = 64
_END_OF_HEAD: Final = b"\r\n\r\n"
_CHECKED: Final = frozenset({b"host", b"expect", b"transfer-encoding"})


Tell = Callable[[Answer | None], None]
Take = Callable[[Scope, bytes, Tell], bool]
"""The shorter way to an answer, without an app: given a request and its body, tells the answer later. Returns whether
it takes that one.
"""


class RequestRefusedError(Exception):
    """The request is not taken. Raised to make the parser stop."""


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        *,
        refusals: Refusals,
        take_of: Callable[[Scope], Take | None],
        pipelining: Pipelining,
        heads: Heads,
        **uvicorns: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(**uvicorns)
        self._refusals = refusals
        self._take_of = take_of
        self._pipelining = pipelining
        self._heads = heads
        self.flow: ReadFlow
        self.cycle: Cycle
        self._since: float | None = self.loop.time()  # when that began which is not whole yet; None: there is none
        self._idle_since: float | None = None  # since when all is answered, and not a byte has come
        self._untaken_since: float | None = None  # since when answers of ours wait for the caller to take them
        self._in_head = False
        self._head_bytes = 0  # in the pieces before this one
        self._bytes_between = 0  # since the last byte of a body
        self._discarded = 0  # of bodies whose answer was given before they were whole
        self._hosts: list[bytes] = []
        self._host: bytes | None = None  # of the last request, which was found to be one
        self._transfer_codings: list[bytes] = []
        self._is_upgrade = False
        self._is_unstarted = False  # a request whose head is whole, and nobody answers it yet
        self._ahead = b""  # what came behind a request that waits already
        self._in_a_row = 0  # requests that were there before the answer to the one before
        self._refusal: Answer | None = None
        self._is_last = False  # nothing is read any more: what is worked on is answered, then the connection closed
        self._last_word: Answer | None = None  # said before it is closed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, in the place of another if there are too many."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WRITE_AHEAD)
        self.flow = ReadFlow(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """End. What still waits here is let go of at once: a cycle of references would keep it for long."""
        super().connection_lost(exc)
        for cycle, _ in self.pipeline:
            cycle.on_response = _do_nothing
        self.pipeline.clear()
        self._ahead = b""

    def data_received(self, data: bytes) -> None:
        """Take what came, one read at most."""
        self._idle_since = None
        if not self._is_last and not self.transport.is_closing():
            self._take(data)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn never stays
        """Answer what has come whole; then close. Returns whether the connection stays open until then."""
        self._end()
        return not self.transport.is_closing()

    def on_message_begin(self) -> None:
        """Begin a request. What it is, is put together once, when its head is whole."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._since = self.loop.time()
        self._in_head = True
        self._head_bytes = 0
        if self._hosts:
            self._hosts = []
        if self._transfer_codings:
            self._transfer_codings = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        name = name.lower()
        self.headers.append((name, value))
        if name in _CHECKED:
            if name == b"host":
                self._hosts.append(value)
            elif name == b"expect":
                self.expect_100_continue = value.lower() == b"100-continue"
            else:
                self._transfer_codings.append(value)

    def on_headers_complete(self) -> None:
        """Go on to the body, if the head is as it should be. A head that came in one piece is not too long."""
        if len(self.headers) > MAX_HEADERS or (self._head_bytes and self._head_size() > MAX_HEAD):
            self._stop_parsing(Answer.HEAD_TOO_LARGE)
        version = self.parser.get_http_version()
        if version != "1.1" or len(self._hosts) != 1 or self._transfer_codings or self._hosts[0] != self._host:
            self._check_head(version)
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._stop_parsing(Answer.BAD_REQUEST)  # there is no such thing as its target here
            self._is_upgrade = True
            return
        self._begin(version)
        self.headers = []  # trailers go here; nobody looks
        self._in_head = False
        self._bytes_between = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; of one that nobody waits for any more, only so much."""
        super().on_body(body)
        self._bytes_between = 0
        if self.cycle.response_complete and not self.cycle.is_heard_out:
            self._discarded += len(body) + _A_PIECE
            if self._discarded > MAX_DISCARDED and not self.transport.is_closing():
                self.transport.close()

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if not self._is_upgrade:
            super().on_message_complete()
            self._since = None

    def on_response_complete(self) -> None:
        """Go on to what came meanwhile, when it is its turn."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._pipelining.wait(self._begin_next)
            return
        self._in_a_row = 0
        self._idle_since = self.loop.time()
        self.flow.resume_reading()
        if self._is_last:
            self._close_once_done()

    def end_if_slow(self, now: float, timeout_s: float) -> None:
        """Close the connection if a request on it takes too long to come, or an answer to be taken."""
        if not self.transport.get_write_buffer_size():
            self._untaken_since = None
        elif self._untaken_since is None:
            self._untaken_since = now
        elif now - self._untaken_since > timeout_s:
            self._refusals.count(Answer.TOO_SLOW, self._peer)
            self.transport.abort()
            return
        if self.transport.is_closing():
            return
        if self._since is None:
            if self._idle_since is not None:
                if now - self._idle_since > self.timeout_keep_alive:
                    self.transport.close()
            elif not self._is_answering:
                self._since = now  # what came since begins no request
        elif self._is_our_turn:
            self._since = now
        elif now - self._since <= timeout_s:
            return
        elif self._in_head or (self.cycle is not None and not self.cycle.response_complete):
            self._refuse(Answer.TOO_SLOW)
        else:
            self.transport.close()

    def answer_last(self) -> None:
        """Say in the answer to the request that is worked on, if there is one, that no other will be taken."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close, unless a request is coming or worked on: that is the last one."""
        if not self._in_head:
            super().shutdown()

    @property
    def _peer(self) -> str | None:
        """The address at the other end, which may be a proxy's; None of a Unix socket."""
        return self.client[0] if self.client else None

    @property
    def _is_our_turn(self) -> bool:
        """Whether an earlier request waits for its answer: until then uvicorn may have stopped to read."""
        return bool(self.pipeline) or (self._in_head and self._is_answering)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _take(self, data: bytes) -> None:
        """Parse a piece, up to where a request waits behind another."""
        if self.pipeline or self._ahead:
            self._wait_with(self._ahead + data)
            return
        while data.count(_END_OF_HEAD) > 1:  # nearly never
            end = data.index(_END_OF_HEAD) + len(_END_OF_HEAD)
            self._feed(data[:end])
            data = data[end:]
            if self._last_word is not None or self.transport.is_closing():
                return
            if self.pipeline:
                self._wait_with(data)
                return
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        """Feed bytes to the parser. No more than one head ends in them."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            (rest_at,) = upgrade.args
            self._go_on_without_upgrade(data[rest_at:])
            return
        except httptools.HttpParserError:
            self._start_if_there()  # what is wrong may be the next one's head
            self._refuse(self._refusal or Answer.BAD_REQUEST)
            return
        self._start_if_there()
        if self._since is not None:
            self._count(len(data))

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Parse the request again as if it had not asked for an upgrade: with one, the parser skips the body."""
        self._is_upgrade = False
        parser = self.parser
        head = without_upgrade(
            parser.get_method(), self.url, parser.get_http_version(), self.headers, close=not parser.should_keep_alive()
        )
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(head)
        if rest and self._last_word is None and not self.transport.is_closing():
            self._take(rest)

    def _check_head(self, version: str) -> None:
        """Refuse a head that servers and proxies may read in different ways."""
        fault = fault_of(version, self._hosts, self._transfer_codings)
        if fault is not None:
            self._stop_parsing(fault)
        self._host = self._hosts[0] if self._hosts else None

    def _begin(self, version: str) -> None:
        """Start the request, or let it wait behind another."""
        url = self.url
        if url.startswith(b"/") and b"#" not in url:
            raw_path, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path, parsed.query or b""
        path = raw_path.decode("ascii")
        scope: HTTPScope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": self.parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        before = self.cycle
        self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=_NOBODY_WAITS,
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle.heads = self._heads
        if before is None or before.response_complete:
            self._is_unstarted = True
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_if_there(self) -> None:
        """Have the request answered whose head has come: in the shorter way, if all of it has and it can be."""
        if not self._is_unstarted:
            return
        self._is_unstarted = False
        cycle = self.cycle
        if not cycle.more_body:
            scope = cast("Scope", cycle.scope)
            take = self._take_of(scope)
            if take is not None and take(scope, bytes(cycle.body), partial(self._answer, cycle)):
                return
        self._start_app(cycle, self.app)

    def _answer(self, cycle: Cycle, outcome: Answer | None) -> None:
        """Answer a request that went the shorter way; where an error of ours came between, it goes the other."""
        if outcome is None:
            self._start_app(cycle, self.app)
        elif outcome is not Answer.STORED or not cycle.answer_at_once(outcome.status, EMPTY):
            self._start_app(cycle, answering(outcome))

    def _start_app(self, cycle: Cycle, app: Any) -> None:  # noqa: ANN401 - uvicorn's ASGI types are not Starlette's
        cycle.begin_asgi()
        self._start_asgi_task(cycle, app)

    def _stop_parsing(self, outcome: Answer) -> None:
        self._refusal = outcome
        raise RequestRefusedError

    def _wait_with(self, data: bytes) -> None:
        """Keep what came behind a request that waits; read no more until it is its turn."""
        self._ahead = data
        self.flow.is_full = bool(data)
        if data:
            self.flow.pause_reading()

    def _begin_next(self) -> None:
        """Start the request that waits, and see what came behind it."""
        if not self.pipeline or self.transport.is_closing():
            return
        cycle, app = self.pipeline.pop()
        self._in_a_row += 1
        if self._in_a_row >= MAX_IN_A_ROW:
            cycle.keep_alive = False
        self._start_app(cast("Cycle", cycle), app)
        ahead, self._ahead = self._ahead, b""
        if ahead:
            self._take(ahead)
        if not self._ahead:
            self.flow.is_full = False
            self.flow.resume_reading()
        if self._is_last:
            self._close_once_done()

    def _end(self) -> None:
        """Read no more; close once all that came whole is answered."""
        self._is_last = True
        self._close_once_done()

    def _close_once_done(self) -> None:
        if self.transport.is_closing() or self._ahead or self._is_our_turn:
            return
        if self._is_answering and self._since is None:
            return
        if self._last_word is not None:
            self.transport.write(as_bytes(self._last_word, self.server_state.default_headers))
        self.transport.close()

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
            self._refuse(Answer.HEAD_TOO_LARGE)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, outcome: Answer) -> None:
        """Answer and close: after the answers to earlier requests, and not if this one's own has begun."""
        self._refusals.count(outcome, self._peer)
        if self._is_our_turn:
            self._last_word = outcome
            self._ahead = b""
            self._in_head = False
            self._since = None
            self.flow.pause_reading()
            self._end()
            return
        if self._in_head or self.cycle is None or not self.cycle.response_started:
            self.transport.write(as_bytes(outcome, self.server_state.default_headers))
        if not self._in_head and self.cycle is not None:
            # The app, if it still waits for the body, learns that there is nobody to answer.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _make_room(self) -> None:
        """Close a connection that asks nothing, any one; this one if none is found soon."""
        for one in islice(self.connections, _CANDIDATES):
            if isinstance(one, Connection) and one is not self and not one._is_answering:
                one.transport.close()
                return
        self.transport.close()


def _do_nothing() -> None:
    pass


# Until an app is to answer a request, its body is collected here alone.
_NOBODY_WAITS: Final = asyncio.Event()
