"""Values as the providers write them: a word of a fixed list, an amount of money."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from receiver.fields import Fields

_Ours = TypeVar("_Ours")

_LARGEST_EXPONENT: Final = 18  # "1e999999" written out would fill the memory


def choice(
    fields: Fields, name: str, table: Mapping[str, _Ours], unknown: _Ours, called: str | None = None
) -> _Ours | None:
    """Translate a word of a fixed list. None where it is absent; `unknown`, flagged so, where the list lacks it.

    `called` is what the flag calls the field, if not by its name.
    """
    word = fields.word(name)
    if word is None:
        return None
    ours = table.get(word)
    if ours is None:
        fields.flag(f"unknown:{called or name}")
        return unknown
    return ours


def amount(fields: Fields, name: str) -> str | None:
    """Give an amount as a decimal string, with the zeros that were sent; None where it is no number."""
    text = fields.word(name)
    if text is None or not text.isascii() or "_" in text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        return None
    return format(number, "f") if "e" in text.lower() else text
