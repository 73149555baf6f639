"""Limits: what the document says of numbers, senders, times and lengths, checked before anything goes out."""

import re
from datetime import datetime
from typing import Final, Literal

from ringback.clients.arguments import Party, address_of, encodable, invalid, msisdn, text_of
from ringback.clients.mycoolsms.judge import PROVIDER
from ringback.schemas.address import AddressKind

Order = Literal["ASC", "DESC"]
_ORDERS: Final = ("ASC", "DESC")
_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,11}")
_ATOM: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")


def number(operation: str, argument: str, party: Party) -> str:
    """Return a phone number as the document's samples have it, `+491234567890`. Raises InvalidRequestError."""
    return "+" + msisdn(PROVIDER, operation, argument, party)


def sender_id(operation: str, argument: str, party: Party) -> str:
    """Return a sender as `senderid`: a number, or a name of up to 11 of A-Z a-z 0-9 and `-`.

    Raises InvalidRequestError: short codes are refused (document, code 217), and so is what has no letter (*assumed*).
    """
    address = address_of(PROVIDER, operation, argument, party)
    if address.kind is AddressKind.E164:
        return address.value
    if address.kind is AddressKind.SHORT_CODE:
        raise invalid(
            PROVIDER, operation, argument, "a short code, which My-Cool-SMS does not permit; write a number or a name"
        )
    if address.kind is AddressKind.ALPHANUMERIC and _NAME.fullmatch(address.value):
        return address.value
    raise invalid(
        PROVIDER,
        operation,
        argument,
        "neither a phone number nor a name; write such as +49123456789, or up to 11 of A-Z a-z 0-9 and -",
    )


def moment(operation: str, argument: str, time: datetime) -> str:
    """Return a time as ATOM, `2011-04-17T17:59:36+08:00`, to the second. Raises InvalidRequestError if it is naive."""
    aware: object = time
    if not isinstance(aware, datetime) or aware.utcoffset() is None:
        raise invalid(PROVIDER, operation, argument, "a time without a zone; write datetime(…, tzinfo=…)")
    written = time.isoformat(timespec="seconds")
    if not _ATOM.fullmatch(written):
        raise invalid(PROVIDER, operation, argument, "an offset with seconds, which ATOM cannot have; write it in UTC")
    return written


def at_most(operation: str, argument: str, text: str, most: int) -> str:
    """Return a text of at most so many characters. Raises InvalidRequestError."""
    if len(text_of(PROVIDER, operation, argument, text)) > most:
        raise invalid(PROVIDER, operation, argument, f"{len(text)} characters; write at most {most}")
    return encodable(PROVIDER, operation, argument, text)


def identifier(operation: str, argument: str, value: str, most: int | None = None) -> str:
    """Return an id that is not empty, nor longer than `most`. Raises InvalidRequestError."""
    if not text_of(PROVIDER, operation, argument, value).strip():
        raise invalid(PROVIDER, operation, argument, "empty; write the id as My-Cool-SMS gave it")
    return at_most(operation, argument, value, len(value) if most is None else most)


def at_least(operation: str, argument: str, value: int, least: int) -> int:
    """Return a whole number that is not below `least`. Raises InvalidRequestError."""
    whole: object = value
    if isinstance(whole, bool) or not isinstance(whole, int) or whole < least:
        raise invalid(PROVIDER, operation, argument, f"not a whole number from {least}; write one")
    return value


def paging(operation: str, limit: int | None, order: Order | None, *, least: int) -> dict[str, object]:
    """Return the fields `limit` and `order`, if given. Raises InvalidRequestError."""
    fields: dict[str, object] = {}
    if limit is not None:
        fields["limit"] = at_least(operation, "limit", limit, least)
    if order is not None:
        if order not in _ORDERS:
            raise invalid(PROVIDER, operation, "order", "neither ASC nor DESC; write one of them")
        fields["order"] = order
    return fields
