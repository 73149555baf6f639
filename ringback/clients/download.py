"""Downloads: a file of a provider as a handle, whose `save` and `read` ask for it and stream it.

Nothing goes out before. `save` writes beside the path and renames at the end, so that half a file never has its name.
Redirects are followed only where the request allows it, without credentials to another host or from https to http.
"""

import asyncio
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn, Protocol
from urllib.parse import SplitResult, unquote, unquote_plus, urljoin, urlsplit

import httpx

from ringback.clients.errors import RefusedError, SendError, UnavailableError
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.transport import (
    LARGEST_ANSWER,
    AsyncHttpTransport,
    HttpTransport,
    Progress,
    answer_of,
    failure,
)

LARGEST_FILE: Final = 256 * 1024**2
"""Bytes. Mocean's largest documented media have 100 MB; of recordings it documents none."""
DOWNLOAD_TIMEOUT_S: Final = 600.0
_ERROR_SIZE: Final = 64 * 1024
_BUFFER: Final = 1024**2
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_CREDENTIALS: Final = ("mocean-api-key", "mocean-api-secret", "username", "password")
_LONGEST_NAME: Final = 120
_EXTENDED_NAME: Final = re.compile(r";\s*filename\*\s*=\s*\"?(utf-8|iso-8859-1)'[^']*'([^;\"]*)", re.IGNORECASE)
_NAME: Final = re.compile(r';\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^";]*))', re.IGNORECASE)
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]')


@dataclass(frozen=True, slots=True)
class Fetch:
    """A request for a file, as a pure pair.

    `is_file`: whether an answer with this head is the file. `call` reads any other answer, and raises. `redirects`:
    how many are followed.
    """

    call: Call[NoReturn]
    is_file: Callable[[ProviderAnswer], bool] = field(repr=False)
    redirects: int = 0


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that was saved. `name` is the sender's, as a base name without a path; `size` in bytes."""

    path: Path
    content_type: str
    name: str | None = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file that was read. `name` is the sender's, as a base name without a path."""

    data: bytes = field(repr=False)
    content_type: str
    name: str | None = field(repr=False)


class Download:
    """A file that can be had of the provider: each call of `save` or `read` asks for it."""

    def __init__(self, transport: HttpTransport, fetch: Fetch) -> None:
        self._transport = transport
        self._fetch = fetch

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        limit: int = LARGEST_FILE,
        timeout: float = DOWNLOAD_TIMEOUT_S,
    ) -> SavedFile:
        """Save the file at a path, in place of one that is there. `limit` in bytes; `timeout` in seconds for all of it.

        Raises SendError, and OSError where the file cannot be written; neither leaves a part of it.
        """
        with _beside(path) as sink:
            visit = self._take(sink, limit, timeout)
            sink.finish()
        return SavedFile(sink.path, visit.content_type, visit.name, visit.size)

    def read(self, *, limit: int = LARGEST_ANSWER, timeout: float = DOWNLOAD_TIMEOUT_S) -> FileContent:
        """Return the file, of at most `limit` bytes. Raises SendError."""
        sink = _Memory()
        visit = self._take(sink, limit, timeout)
        return FileContent(bytes(sink.data), visit.content_type, visit.name)

    def _take(self, sink: "_Sink", limit: int, timeout: float) -> "_Visit":
        visit = _Visit(self._fetch, sink, limit, time.monotonic() + timeout)
        while (request := visit.next_request) is not None:
            failed: BaseException | None = None
            try:
                with self._transport.stream(request, Progress(begun=True)) as response:
                    if visit.begin(response):
                        for part in response.iter_bytes():
                            if not visit.add(part):
                                break
                            if sink.full:
                                sink.flush()
            except Exception as error:  # noqa: BLE001 - whatever httpx raises, its words may hold a URL with credentials
                failed = visit.failed(error)
            if failed is not None:
                raise failed  # here, so that no httpx error hangs on to it
            visit.end()
        return visit


class AsyncDownload:
    """A file that can be had of the provider from coroutines: each call of `save` or `read` asks for it."""

    def __init__(self, transport: AsyncHttpTransport, fetch: Fetch) -> None:
        self._transport = transport
        self._fetch = fetch

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        limit: int = LARGEST_FILE,
        timeout: float = DOWNLOAD_TIMEOUT_S,  # noqa: ASYNC109
    ) -> SavedFile:
        """Save the file at a path, in place of one that is there. `limit` in bytes; `timeout` in seconds for all of it.

        Raises SendError, and OSError where the file cannot be written; neither leaves a part of it.
        """
        with _beside(path) as sink:
            visit = await self._take(sink, limit, timeout)
            await asyncio.to_thread(sink.finish)
        return SavedFile(sink.path, visit.content_type, visit.name, visit.size)

    async def read(
        self,
        *,
        limit: int = LARGEST_ANSWER,
        timeout: float = DOWNLOAD_TIMEOUT_S,  # noqa: ASYNC109
    ) -> FileContent:
        """Return the file, of at most `limit` bytes. Raises SendError."""
        sink = _Memory()
        visit = await self._take(sink, limit, timeout)
        return FileContent(bytes(sink.data), visit.content_type, visit.name)

    async def _take(self, sink: "_Sink", limit: int, timeout: float) -> "_Visit":  # noqa: ASYNC109
        visit = _Visit(self._fetch, sink, limit, time.monotonic() + timeout)
        while (request := visit.next_request) is not None:
            failed: BaseException | None = None
            try:
                async with (
                    asyncio.timeout(visit.left()),
                    self._transport.stream(request, Progress(begun=True)) as response,
                ):
                    if visit.begin(response):
                        async for part in response.aiter_bytes():
                            if not visit.add(part):
                                break
                            if sink.full:
                                await asyncio.to_thread(sink.flush)
            except Exception as error:  # noqa: BLE001 - whatever httpx raises, its words may hold a URL with credentials
                failed = visit.failed(error)
            if failed is not None:
                raise failed  # here, so that no httpx error hangs on to it
            visit.end()
        return visit


class _Sink(Protocol):
    """Where the parts of a file go."""

    error: OSError | None

    @property
    def full(self) -> bool:
        """Whether it is worth a `flush`."""
        ...

    def write(self, part: bytes) -> None:
        """Take a part."""
        ...

    def flush(self) -> None:
        """Write what was taken. Raises OSError."""
        ...


class _Memory:
    """Parts of a file in memory."""

    full = False
    error: OSError | None = None

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, part: bytes) -> None:
        self.data += part

    def flush(self) -> None:
        return


class _Beside:
    """A new file beside a path, written by the megabyte: from a coroutine each time costs a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: OSError | None = None
        self._beside = path.with_name(f".{secrets.token_hex(8)}.part")
        self._buffer = bytearray()
        self._file = os.fdopen(os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb", 0)

    @property
    def full(self) -> bool:
        return len(self._buffer) >= _BUFFER

    def write(self, part: bytes) -> None:
        self._buffer += part

    def flush(self) -> None:
        try:
            view = bytes(self._buffer)
            while view:
                view = view[self._file.write(view) or 0 :]
        except OSError as error:
            self.error = error
            raise
        self._buffer.clear()

    def finish(self) -> None:
        """Write the rest and give the file its name."""
        self.flush()
        self._file.close()
        self._beside.replace(self.path)

    def discard(self) -> None:
        """Remove what has no name yet."""
        with suppress(OSError):
            self._file.close()
        self._beside.unlink(missing_ok=True)


@contextmanager
def _beside(path: str | os.PathLike[str]) -> Iterator[_Beside]:
    """Yield a new file beside a path, and remove it unless it was finished. Raises OSError before anything goes out."""
    whole = Path(path)
    if whole.is_dir():
        raise IsADirectoryError(f"{whole}: a folder; write the path of the file")
    sink = _Beside(whole)
    try:
        yield sink
    finally:
        sink.discard()


@dataclass(frozen=True, slots=True)
class _Redirected(Request):
    """A request to where a redirect points. Its URL may be signed, so that it stands in no repr."""

    location: str = field(default="", repr=False)

    @property
    def full_url(self) -> str:
        """The URL as the provider wrote it."""
        return self.location


class _Visit:
    """One download: what was asked, what came, what is asked next."""

    def __init__(self, fetch: Fetch, sink: _Sink, limit: int, deadline: float) -> None:
        self.next_request: Request | None = fetch.call.request
        self.content_type = ""
        self.name: str | None = None
        self.size = 0
        self._fetch = fetch
        self._sink = sink
        self._limit = limit
        self._deadline = deadline
        self._redirects = 0
        self._head: ProviderAnswer | None = None
        self._location: str | None = None
        self._is_file = False
        self._other = bytearray()

    def left(self) -> float:
        """Return the seconds until the whole download takes too long."""
        return max(self._deadline - time.monotonic(), 0)

    def begin(self, response: httpx.Response) -> bool:
        """Take the head of an answer, and return whether its body is wanted."""
        self._head = answer_of(response)
        self._other.clear()
        self._location = response.headers.get("Location") if response.status_code in _REDIRECTS else None
        self._is_file = self._fetch.is_file(self._head)
        self.content_type = self._head.content_type
        self.name = safe_name(response.headers.get("Content-Disposition", ""))
        return self._location is None or not self._fetch.redirects

    def add(self, part: bytes) -> bool:
        """Take a part of the body, and return whether another one is wanted. Raises SendError, TimeoutError."""
        if time.monotonic() > self._deadline:
            raise TimeoutError
        if not self._is_file:
            self._other += part[: _ERROR_SIZE - len(self._other)]
            return len(self._other) < _ERROR_SIZE
        self.size += len(part)
        if self.size > self._limit:
            raise self._error(RefusedError, f"the file is longer than {self._limit} bytes; write a higher limit")
        self._sink.write(part)
        return True

    def failed(self, error: BaseException) -> BaseException:
        """Return what is raised for an error: of the disk as it is, of the network as a SendError."""
        if error is self._sink.error or isinstance(error, SendError):
            return error
        if self._head is None:
            return failure(self._fetch.call.request, error, Progress(begun=True))
        return self._error(UnavailableError, f"the download broke off ({type(error).__name__})")

    def end(self) -> None:
        """Settle what an answer means that came whole. Raises SendError unless it is the file or a redirect."""
        head, request = self._head, self.next_request
        if head is None or request is None or self._is_file:
            self.next_request = None
            return
        if self._location is None or not self._fetch.redirects:
            answer = ProviderAnswer(head.status, head.content_type, bytes(self._other), head.retry_after)
            self._fetch.call.result(answer)
        self._redirects += 1
        if self._redirects > self._fetch.redirects:
            raise self._error(UnavailableError, f"redirected more than {self._fetch.redirects} times")
        self.next_request = self._redirected(request, self._location or "")
        self._head = None

    def _redirected(self, request: Request, location: str) -> Request:
        try:
            url = urljoin(request.full_url, location)
            here, there = urlsplit(request.full_url), urlsplit(url)
            known = there.scheme in _PORTS and bool(there.hostname) and there.port != 0 and url.isprintable()
            near = known and _may_know_credentials(here, there)
        except ValueError:
            known = near = False
        if not known:
            raise self._error(UnavailableError, "redirected to what is not a web address")
        if not near and self._has_credentials(url):
            raise self._error(UnavailableError, "redirected to another host with the credentials; not followed")
        return _Redirected(
            provider=request.provider,
            operation=request.operation,
            method="GET",
            url=f"{there.scheme}://{there.hostname}",
            headers=request.headers if near else _without_authorization(request.headers),
            has_effect=False,
            location=url,
        )

    def _has_credentials(self, url: str) -> bool:
        query = self._fetch.call.request.query
        values = [query[name] for name in _CREDENTIALS if query.get(name)]
        return any(value in text for value in values for text in (url, unquote(url), unquote_plus(url)))

    def _error(self, kind: type[SendError], reason: str) -> SendError:
        request, head = self._fetch.call.request, self._head
        return kind(
            request.provider,
            request.operation,
            reason,
            http_status=head.status if head else None,
            permanent=True if kind is RefusedError else None,
        )


def safe_name(disposition: str) -> str | None:
    """Return the file name of a `Content-Disposition` as a base name that is safe on any system; None without one."""
    if extended := _EXTENDED_NAME.search(disposition):
        name = unquote(extended[2], extended[1], "replace")
    elif plain := _NAME.search(disposition):
        name = re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] is not None else plain[2]
    else:
        return None
    base = re.split(r"[/\\]", name)[-1]
    base = _NOT_IN_NAMES.sub("_", base).strip(" .")
    if len(base) > _LONGEST_NAME:
        stem, dot, suffix = base.rpartition(".")
        kept = f"{dot}{suffix}" if stem and len(suffix) < 10 else ""
        base = base[: _LONGEST_NAME - len(kept)] + kept
    return base or None


def _may_know_credentials(here: SplitResult, there: SplitResult) -> bool:
    """Whether a redirect stays at the same scheme, host and port, or goes from http to https at the same host."""
    if here.hostname != there.hostname:
        return False
    ports = (here.port or _PORTS[here.scheme], there.port or _PORTS[there.scheme])
    if here.scheme == there.scheme:
        return ports[0] == ports[1]
    return (here.scheme, there.scheme) == ("http", "https") and ports == (80, 443)


def _without_authorization(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}
