"""Values as the providers write them: a word of a fixed list, an amount of money."""

from collections.abc import Collection, Mapping
from typing import Final, TypeVar

from ringback.receiver.parsing.fields import FRACTION, Fields
from ringback.receiver.parsing.numbers import decimal, has_fraction, whole
from ringback.schemas.tables.countries import COUNTRIES

_Ours = TypeVar("_Ours")

UNKNOWN: Final = "unknown"
_LARGEST_EXPONENT: Final = 18  # "1e999999" written out would fill the memory


def choice(
    fields: Fields, name: str, table: Mapping[str, _Ours], unknown: _Ours, called: str | None = None
) -> _Ours | None:
    """Translate a word of a fixed list, in any case; a number however it is written (`1`, `01`, `1.0`).

    None where it is absent; `unknown`, flagged so, where the list lacks it. `table` has its words in lower case, others
    only beside them. `called` is what the flag calls the field, if not by its name.
    """
    word = fields.word(name)
    if word is None:
        return None
    ours = table.get(word)
    if ours is None:
        ours = _otherwise_written(fields, word, table)
    if ours is None:
        fields.flag(f"unknown:{called or name}")
        return unknown
    return ours


def _otherwise_written(fields: Fields, word: str, table: Mapping[str, _Ours]) -> _Ours | None:
    digits = whole(word)
    ours = table.get(word.lower() if digits is None else str(int(digits)))
    if ours is not None and digits is not None and has_fraction(word):
        fields.flag(FRACTION)
    return ours


def limited(fields: Fields, name: str, words: Collection[str]) -> str | None:
    """Return a word of a fixed list that has no names of ours, in lower case; `unknown`, flagged so, for another.

    The flag calls the field by its name, with dashes.
    """
    word = fields.word(name)
    if word is None:
        return None
    lower = word.lower()
    if lower in words:
        return lower
    fields.flag(f"unknown:{name.replace('_', '-')}")
    return UNKNOWN


def country(fields: Fields, name: str) -> str | None:
    """Return a country in ISO 3166 alpha-2; None where it is absent or, flagged `unknown:country`, is none."""
    word = fields.word(name)
    if word is None:
        return None
    code = word.upper()
    if code in COUNTRIES:
        return code
    fields.flag("unknown:country")
    return None


def amount(fields: Fields, name: str) -> str | None:
    """Return an amount as a decimal string, with the zeros that were sent; None where it is absent or no number."""
    text = (fields.text(name) or "").strip()
    if not text:
        return None
    number = decimal(text)
    if number is None or abs(number.adjusted()) > _LARGEST_EXPONENT:
        fields.unreadable(name)
        return None
    return format(number, "f") if "e" in text.lower() else text
