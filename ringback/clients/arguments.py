"""Arguments: what callers may write for a number, a sender or a time, as a request has it. Wrong ones never go out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ringback.clients.accounts import Account
from ringback.clients.errors import InvalidRequestError
from ringback.schemas.address import Address, AddressKind, parse_address

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")
_SECONDS: Final = len("2007-03-02 08:55:00")

Party = str | Address
"""A number as people write it (`+60 12-345 6789`), a short code, a name; or the address of an event."""


def invalid(provider: str, operation: str, argument: str, reason: str) -> InvalidRequestError:
    """Return the error of an argument; `reason` says what is wrong and what to write, without quoting it."""
    return InvalidRequestError(provider, operation, f"{argument}: {reason}")


def address_of(provider: str, operation: str, argument: str, party: object) -> Address:
    """Return what callers may write for a party. Raises InvalidRequestError for what is no text and no address.

    So for None, as `event.data.sender` is of a WhatsApp message that names no sender.
    """
    if isinstance(party, Address):
        return party
    return parse_address(text_of(provider, operation, argument, party))


def text_of(provider: str, operation: str, argument: str, value: object) -> str:
    """Return a text. Raises InvalidRequestError for anything else, as `event.data.text` may be None."""
    if not isinstance(value, str):
        raise invalid(provider, operation, argument, f"{type(value).__name__}, not a text; write a str")
    return value


def msisdn(provider: str, operation: str, argument: str, party: Party) -> str:
    """Return a phone number as digits alone: Mocean splits receivers at blanks. Raises InvalidRequestError."""
    if isinstance(party, Address) and party.kind is AddressKind.E164:
        return party.value[1:]
    address = address_of(provider, operation, argument, party)
    if address.kind is not AddressKind.E164:
        raise invalid(
            provider, operation, argument, "not a phone number with its country code; write such as +60123456789"
        )
    return address.value[1:]


def sender(provider: str, operation: str, argument: str, party: Party) -> str:
    """Return a sender: digits of a number or short code, or a name. Raises InvalidRequestError where it is empty."""
    if isinstance(party, Address) and party.kind is AddressKind.E164:
        return party.value[1:]
    address = address_of(provider, operation, argument, party)
    if not address.value:
        raise invalid(provider, operation, argument, "empty; write the number, short code or name that sends")
    return encodable(provider, operation, argument, address.value.removeprefix("+"))


def needed(provider: str, operation: str, argument: str, value: str) -> str:
    """Return a text that must not be empty. Raises InvalidRequestError."""
    if text := encodable(provider, operation, argument, value):
        return text
    raise invalid(provider, operation, argument, "empty")


def encodable(provider: str, operation: str, argument: str, value: str) -> str:
    """Return a text that UTF-8 can hold. Raises InvalidRequestError: an encoder's own error would quote the text."""
    text = text_of(provider, operation, argument, value)
    if not text.isascii() and _SURROGATE.search(text):
        raise invalid(provider, operation, argument, "has half of a surrogate pair; write whole characters")
    return value


def several(provider: str, operation: str, argument: str, parties: Sequence[Party], most: int) -> tuple[str, ...]:
    """Return one to `most` phone numbers, each once, in their order. Raises InvalidRequestError."""
    if isinstance(parties, str | Address) or not isinstance(parties, Iterable):
        raise invalid(provider, operation, argument, "not several receivers; write a list of them")
    numbers = tuple(
        dict.fromkeys(msisdn(provider, operation, f"{argument}[{index}]", party) for index, party in enumerate(parties))
    )
    if not 1 <= len(numbers) <= most:
        raise invalid(provider, operation, argument, f"{len(numbers)} receivers; write 1 to {most}")
    return numbers


def callback_address(
    provider: str,
    operation: str,
    account: Account,
    name: str,
    context: Mapping[str, str] | None,
    callback_url: str | None,
) -> str | None:
    """Return the URL for a request's callbacks: the caller's, else this service's with the context, else None.

    `name` is the callback's path below `/webhooks/`. Raises InvalidRequestError.
    """
    pairs: object = context or {}
    if not isinstance(pairs, Mapping):
        raise invalid(provider, operation, "context", "not a dict; write names and texts")
    for part in chain.from_iterable(pairs.items()):
        encodable(provider, operation, "context", part)
    if callback_url is None:
        return account.callback_url(name, context)
    if context:
        raise invalid(provider, operation, "context", "has no place in a callback_url of yours; write it into that URL")
    text_of(provider, operation, "callback_url", callback_url)
    try:
        parts = urlsplit(callback_url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or _UNPRINTABLE.search(callback_url):
        raise invalid(provider, operation, "callback_url", "not a web address; write https://host/path")
    return encodable(provider, operation, "callback_url", callback_url)


def local_time(provider: str, operation: str, argument: str, moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment as Mocean writes it, `2007-03-02 08:55:00` in its zone. Raises InvalidRequestError if naive."""
    aware: object = moment
    if not isinstance(aware, datetime) or aware.tzinfo is None:
        raise invalid(provider, operation, argument, "a time without a zone; write datetime(…, tzinfo=…)")
    try:
        return moment.astimezone(zone).isoformat(" ", "seconds")[:_SECONDS]
    except OverflowError:
        raise invalid(provider, operation, argument, "a time that no calendar has in that zone") from None
