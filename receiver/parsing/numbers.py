"""Numbers as a provider wrote them. None becomes a float on the way: that would change an amount, or an id."""

import re
from decimal import Decimal
from typing import Final

_LONGEST_INTEGER: Final = 1000  # Python itself reads no more than 4300 digits
_LONGEST_NUMBER: Final = 64
_LONGEST_WHOLE: Final = 40  # digits that an exponent may make: "1e999999" written out would fill the memory
_NUMBER: Final = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?")


class Written(str):
    """A JSON number with a fraction or an exponent, as it was written. A type of its own, to tell it from a text."""

    __slots__ = ()


def integer(number: str) -> int | str:
    """Read a JSON integer; one that Python would not write the same way, or is too long to compute with, stays text."""
    return int(number) if len(number) <= _LONGEST_INTEGER and number != "-0" else number


def no_constant(name: str) -> None:
    """Refuse `NaN` and `Infinity`, which Python reads and JSON does not know. Raises ValueError."""
    raise ValueError(f"{name} is not JSON")


def whole(text: str) -> str | None:
    """Return a number's digits without fraction and exponent (`1.0`, `1e3`); None for what is no whole number.

    A minus stays, and so do zeros in front of a number without an exponent. More than 40 digits are none.
    """
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if found is None:
        return None
    sign, before, after, exponent = found.groups("")
    digits, point = before + after, len(before) + int(exponent or 0)
    if not digits.strip("0"):
        digits, point = before or "0", len(before) or 1
    if not 0 < point <= _LONGEST_WHOLE or digits[point:].strip("0"):
        return None
    digits = digits[:point].ljust(point, "0")
    return sign.strip("+") + (digits.lstrip("0") or "0" if exponent else digits)


def has_fraction(text: str) -> bool:
    """Whether a number is written with a fraction or an exponent."""
    return any(mark in text for mark in ".eE")


def decimal(text: str) -> Decimal | None:
    """Return the value of a decimal number, exactly; None for what is none, or longer than anyone writes."""
    return Decimal(text) if len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text) else None
