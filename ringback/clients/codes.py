"""Codes: what a provider's code means for whoever asked. One table an endpoint; the same number differs among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ringback.clients.errors import (
    NoCreditError,
    RefusedError,
    SendError,
    Sent,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from ringback.clients.exchange import ProviderAnswer, Request


class Reading(Enum):
    """Our reading of a code (the documents have none): which error it raises, and whether it is permanent."""

    UNAUTHORIZED = (UnauthorizedError, True)
    NO_CREDIT = (NoCreditError, True)
    REFUSED = (RefusedError, True)
    UNSAID = (RefusedError, None)
    THROTTLED = (ThrottledError, False)
    UNAVAILABLE = (UnavailableError, False)

    def __init__(self, error: type[SendError], permanent: bool | None) -> None:
        self.error: Final = error
        self.permanent: Final = permanent


@dataclass(frozen=True, slots=True)
class Code:
    """One code: the document's words for it, and our reading."""

    text: str
    reading: Reading


Codes = Mapping[int, Code]


def table(rows: Mapping[int, tuple[str, Reading]]) -> Codes:
    """Return the table of an endpoint from `{code: (the document's words, reading)}`."""
    return {code: Code(text, reading) for code, (text, reading) in rows.items()}


def refused(
    request: Request,
    answer: ProviderAnswer,
    codes: Codes,
    code: int | None,
    *,
    description: str | None,
    raw: Mapping[str, object],
    sent: Sent,
) -> SendError:
    """Return the error of a code; an undocumented one, or none, counts as refused, for a reason that is not known.

    `description`: the provider's own words.
    """
    known = codes.get(code) if code is not None else None
    reading = known.reading if known else Reading.UNSAID
    undocumented = "no code" if code is None else "a code that the document does not have"
    return reading.error(
        request.provider,
        request.operation,
        known.text if known else undocumented,
        sent=sent,
        code=code,
        name=known.text.partition(". ")[0].rstrip(".") + "." if known else None,
        description=description,
        http_status=answer.status,
        permanent=reading.permanent,
        retry_after=answer.retry_after,
        raw=dict(raw),
    )
