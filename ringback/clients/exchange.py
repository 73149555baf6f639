"""Call: one request to a provider as a pure pair, what goes out and how the answer is read.

A provider's module makes one for each request of its document; a transport carries it. So a test of a request is a row:
arguments in, `Request` out; `ProviderAnswer` in, result or SendError out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar
from urllib.parse import urlencode

from ringback.clients.bodies import UnreadableAnswerError
from ringback.clients.errors import (
    InDoubtError,
    RefusedError,
    SendError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

_NOT_DONE: Final = frozenset({301, 302, 307, 308, 400, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431})
"""HTTP statuses that say, without a documented body, that the request was not carried out (*assumed*)."""
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, with its credentials. `has_effect`: it may send, charge or change something."""

    provider: str
    operation: str
    method: Literal["GET", "POST"]
    url: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    has_effect: bool = True

    @property
    def full_url(self) -> str:
        """The URL with its query, which may hold the credentials: never log it."""
        return f"{self.url}?{urlencode(self.query)}" if self.query else self.url


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """One HTTP answer, read to its end. `retry_after` in seconds."""

    status: int
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """A request, and the reader of its answer: it returns the result or raises SendError or UnreadableAnswerError."""

    request: Request
    read: Callable[[ProviderAnswer], T_co] = field(repr=False)

    def result(self, answer: ProviderAnswer) -> T_co:
        """Return what the answer means. Raises SendError; of an answer that cannot be read, one by its HTTP status."""
        try:
            return self.read(answer)
        except UnreadableAnswerError as error:
            reason = str(error)
        raise unreadable(self.request, answer, reason)


def form(fields: Mapping[str, str]) -> bytes:
    """Write a form in UTF-8."""
    return urlencode(fields).encode("ascii")


def json_body(value: object) -> bytes:
    r"""Write JSON in ASCII: Mocean wants emoji as `\ud83d\udc4d` (Mocean document, "Reaction")."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def unreadable(request: Request, answer: ProviderAnswer, reason: str) -> SendError:
    """Return the error of an answer with no documented body: what its HTTP status says of the request."""
    status = answer.status
    kind: type[SendError]
    if status == _TOO_MANY:
        kind, sent, words = ThrottledError, "no", "HTTP 429, too many requests"
    elif status in (401, 403):
        kind, sent, words = UnauthorizedError, "no", f"HTTP {status}, credentials not accepted"
    elif status in _NOT_DONE:
        kind, sent, words = RefusedError, "no", f"HTTP {status}, and {reason}; check the provider's URL"
    elif request.has_effect:
        kind, sent, words = InDoubtError, "unknown", f"HTTP {status}, and {reason}"
    else:
        kind, sent, words = UnavailableError, "no", f"HTTP {status}, and {reason}"
    return kind(
        request.provider,
        request.operation,
        words,
        sent="unknown" if sent == "unknown" else "no",
        http_status=status,
        retry_after=answer.retry_after,
        raw=answer.body,
    )
