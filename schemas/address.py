"""Addresses: who sent, who received, who called (contract, section 2). Phone numbers, short codes, names."""

from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from ringback.schemas.parts import Part, Word
from ringback.schemas.tables.calling_codes import COUNTRY_OF_CALLING_CODE
from ringback.schemas.tables.countries import COUNTRIES

_SEPARATORS: Final = str.maketrans("", "", " -()")
_LONGEST_CALLING_CODE: Final = 3
_SHOWN_DIGITS: Final = 3


class AddressKind(Word):
    """What an address is, judged by its form alone."""

    E164 = "e164"
    SHORT_CODE = "short_code"
    ALPHANUMERIC = "alphanumeric"
    UNKNOWN = "unknown"


class Address(Part, frozen=True, kw_only=True):
    """One end of a message or call: its canonical value, and what the provider sent."""

    value: Annotated[str, Meta(description="The canonical form: `+60123456789`, `63001`, `MyCompany`.")]
    kind: Annotated[AddressKind, Meta(description="What it is, judged by its form alone.")]
    raw: Annotated[str, Meta(description="What the provider sent.")]
    country: Annotated[
        str | None, Meta(description="ISO 3166 alpha-2. Absent where neither the provider nor the number decides it.")
    ] = None


# Our own numbers and names come with every event, which is worth 2 µs; the other end is mostly one that is new.
@lru_cache(maxsize=256)
def parse_address(raw: str, country: str | None = None) -> Address:
    """Read an address as a provider writes it: `60123456789`, `+60 12-345`, `0060…`, `63001`, `MyCompany`.

    A leading ` ` is a literal `+` that form decoding turned into a space. `country` is the provider's own word
    (ISO 3166 alpha-2; any other counts as none) and wins over the numbering plan. Nothing is refused: what fits no kind
    is `unknown`.
    """
    country = country if country in COUNTRIES else None
    compact = raw if raw.isalnum() else raw.translate(_SEPARATORS)
    digits = compact.removeprefix("+").removeprefix("00")
    if digits.isascii() and digits.isdigit():
        if 7 <= len(digits) <= 15 and digits[0] != "0":
            return Address(
                value=f"+{digits}", kind=AddressKind.E164, raw=raw, country=country or country_of_number(digits)
            )
        if 3 <= len(digits) <= 6:
            return Address(value=digits, kind=AddressKind.SHORT_CODE, raw=raw, country=country)
    name = raw.strip()
    if 1 <= len(name) <= 11 and any(character.isalpha() for character in name):
        return Address(value=name, kind=AddressKind.ALPHANUMERIC, raw=raw, country=country)
    return Address(value=name, kind=AddressKind.UNKNOWN, raw=raw, country=country)


def country_of_number(digits: str) -> str | None:
    """Return the country (ISO 3166 alpha-2) of E.164 digits without `+`; None where several share the calling code."""
    for length in range(1, _LONGEST_CALLING_CODE + 1):
        if country := COUNTRY_OF_CALLING_CODE.get(digits[:length]):
            return country
    return None


def masked(address: Address | None) -> str:
    """Return an address that may be logged: the end of it."""
    return "someone" if address is None else f"…{address.value[-_SHOWN_DIGITS:]}"
