"""Transports: carry a call to the provider over httpx, once, and say of each failure whether anything may be sent.

No retries (the caller knows what a repeat costs), no redirects (a redirect would take credentials along). A connection
idle for 4 s is not used again: a provider that closes it at that moment leaves a request in doubt. `HTTPS_PROXY` and
`SSL_CERT_FILE` count, as for any program that uses httpx.
"""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import httpx

from ringback.clients.bodies import UnreadableAnswerError
from ringback.clients.discreet import unlogged
from ringback.clients.errors import InDoubtError, SendError, UnavailableError
from ringback.clients.exchange import Call, ProviderAnswer, Request, unreadable

T = TypeVar("T")

DEFAULT_TIMEOUT_S: Final = 20.0
CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 15.0
LARGEST_ANSWER: Final = 16 * 1024**2
"""Bytes. The largest documented answer is My-Cool-SMS's list of all incoming SMS."""
MOST_CONNECTIONS: Final = 32
_IDLE_S: Final = 4.0
_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
)


def limits(connections: int = MOST_CONNECTIONS) -> httpx.Limits:
    """Return httpx's limits for so many connections."""
    return httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_IDLE_S)


def timeouts(total: float) -> httpx.Timeout:
    """Return httpx's timeouts within a total in seconds. Raises ValueError unless that is more than 0."""
    if not total > 0:
        raise ValueError("timeout: not more than 0; write seconds")
    return httpx.Timeout(min(total, READ_TIMEOUT_S), connect=min(total, CONNECT_TIMEOUT_S))


class Progress:
    """Whether a request has begun to go out: until then nothing can have been sent, whatever went wrong."""

    __slots__ = ("begun",)

    def __init__(self, *, begun: bool) -> None:
        self.begun = begun

    def trace(self, event: str, _: Mapping[str, object]) -> None:
        """Note an event of httpcore, as its `trace` extension calls it."""
        if event.endswith(".send_request_headers.started"):
            self.begun = True

    async def trace_async(self, event: str, info: Mapping[str, object]) -> None:
        """Note an event of httpcore's async half."""
        self.trace(event, info)


def failure(request: Request, error: BaseException, progress: Progress) -> SendError:
    """Return the error of a request that brought no answer: in doubt once it may have gone out."""
    words = type(error).__name__
    if isinstance(error, _NEVER_SENT) or not progress.begun or not request.has_effect:
        return UnavailableError(request.provider, request.operation, f"not reached ({words})")
    return InDoubtError(request.provider, request.operation, f"no answer ({words})", sent="unknown")


class HttpTransport:
    """Carries calls over HTTP, from any thread. Made before a fork, it makes a new connection after it."""

    def __init__(self, *, timeout: float = DEFAULT_TIMEOUT_S, transport: httpx.BaseTransport | None = None) -> None:
        self.timeout = timeout
        self._timeouts = timeouts(timeout)
        self._transport = transport
        self._clients: dict[int, httpx.Client] = {}  # by process: a connection is not shared with a parent

    def exchange(self, call: Call[T]) -> T:
        """Carry a call and return its result. Raises SendError."""
        failed: SendError | None = None
        answer = ProviderAnswer(0)
        progress = Progress(begun=self._transport is not None)  # no other transport tells how far it is
        try:
            with self.stream(call.request, progress) as response:
                answer = answer_of(response, b"".join(_within(response.iter_bytes(), time.monotonic() + self.timeout)))
        except UnreadableAnswerError as error:
            failed = unreadable(call.request, answer_of(response), str(error))
        except Exception as error:  # noqa: BLE001 - whatever httpx raises, its words may hold a URL with credentials
            failed = failure(call.request, error, progress)
        if failed is not None:
            raise failed  # here, so that no httpx error hangs on to it
        return call.result(answer)

    @contextmanager
    def stream(self, request: Request, progress: Progress) -> Iterator[httpx.Response]:
        """Yield the answer with its body unread, out of all logs. Raises what httpx raises."""
        try:
            with (
                unlogged(),
                self._connected().stream(
                    request.method,
                    request.full_url,
                    content=request.body or None,
                    headers=dict(request.headers),
                    extensions={"trace": progress.trace},
                ) as response,
            ):
                yield response
        except Exception:
            raise
        except BaseException:  # the thread was interrupted, in the midst of whatever it did with the connections
            self._clients.pop(os.getpid(), None)
            raise

    def close(self) -> None:
        """Close the connections; a later call makes new ones."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            with unlogged():
                client.close()

    def _connected(self) -> httpx.Client:
        client = self._clients.get(os.getpid())
        if client is None:
            made = httpx.Client(timeout=self._timeouts, limits=limits(), transport=self._transport)
            client = self._clients.setdefault(os.getpid(), made)  # another thread may have been quicker
        return client


class AsyncHttpTransport:
    """Carries calls over HTTP from coroutines, with connections of its own for each event loop.

    They are closed with the loop at the latest, if it shuts down its asynchronous generators, as `asyncio.run` does.
    `connections`: how many at most. `tls`: what certificates are checked by, which to make takes long.
    """

    def __init__(
        self,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
        connections: int = MOST_CONNECTIONS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits(connections)
        self._tls = tls
        self.timeout = timeout
        self._timeouts = timeouts(timeout)
        self._transport = transport
        self._clients: dict[asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncGenerator[None, None]]] = {}

    async def exchange(self, call: Call[T]) -> T:
        """Carry a call and return its result. Raises SendError."""
        failed: SendError | None = None
        answer = ProviderAnswer(0)
        progress = Progress(begun=self._transport is not None)  # no other transport tells how far it is
        try:
            async with asyncio.timeout(self.timeout), self.stream(call.request, progress) as response:
                parts = [part async for part in _bounded(response.aiter_bytes())]
                answer = answer_of(response, b"".join(parts))
        except UnreadableAnswerError as error:
            failed = unreadable(call.request, answer_of(response), str(error))
        except Exception as error:  # noqa: BLE001 - whatever httpx raises, its words may hold a URL with credentials
            failed = failure(call.request, error, progress)
        if failed is not None:
            raise failed  # here, so that no httpx error hangs on to it
        return call.result(answer)

    @asynccontextmanager
    async def stream(self, request: Request, progress: Progress) -> AsyncIterator[httpx.Response]:
        """Yield the answer with its body unread, out of all logs. Raises what httpx raises."""
        with unlogged():
            async with (await self._connected()).stream(
                request.method,
                request.full_url,
                content=request.body or None,
                headers=dict(request.headers),
                extensions={"trace": progress.trace_async},
            ) as response:
                yield response

    @property
    def loops(self) -> tuple[asyncio.AbstractEventLoop, ...]:
        """The loops that have connections."""
        return tuple(self._clients)

    async def close(self) -> None:
        """Close this loop's connections; a later call makes new ones."""
        if (known := self._clients.pop(asyncio.get_running_loop(), None)) is not None:
            await known[1].aclose()

    async def _connected(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        known = self._clients.get(loop)
        if known is not None:
            return known[0]
        for one in self.loops:
            if one.is_closed():  # its connections can be used no more, and nobody else lets go of them
                self._clients.pop(one, None)
        client = httpx.AsyncClient(
            timeout=self._timeouts, limits=self._limits, transport=self._transport, verify=self._tls or True
        )
        held = _held(client)
        self._clients[loop] = client, held
        await anext(held)  # here nothing else of this loop comes between
        return client


async def _held(client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    """Yield once, and close the client when the loop lets go of this."""
    try:
        yield
    finally:
        with unlogged():
            await client.aclose()


def answer_of(response: httpx.Response, body: bytes = b"") -> ProviderAnswer:
    """Return an answer with what is known of its body."""
    return ProviderAnswer(
        status=response.status_code,
        content_type=response.headers.get("Content-Type", ""),
        body=body,
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    """Read `Retry-After` in seconds; a date counts as not given."""
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def _within(parts: Iterator[bytes], deadline: float) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        _check_size(size)
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer takes too long")
        yield part


async def _bounded(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    size = 0
    async for part in parts:
        size += len(part)
        _check_size(size)
        yield part


def _check_size(size: int) -> None:
    if size > LARGEST_ANSWER:
        raise UnreadableAnswerError(f"the answer is longer than {LARGEST_ANSWER} bytes")
