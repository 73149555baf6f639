"""How many parts an SMS takes, and in which alphabet it goes (3GPP TS 23.038 and 23.040).

My-Cool-SMS's limits of 765 and 335 characters are five such parts; Mocean's document has no lengths: *assumed*.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ringback.schemas.tables.gsm0338 import ALPHABET, EXTENSION

GSM7_ALONE: Final = 160
GSM7_JOINED: Final = 153
"""Septets of one part of several: the header that joins them takes the place of seven."""
UCS2_ALONE: Final = 70
UCS2_JOINED: Final = 67

_WIDTHS: Final = dict.fromkeys(ALPHABET, 1) | dict.fromkeys(EXTENSION.values(), 2)
_HEX: Final = re.compile(r"([0-9A-Fa-f]{4})+")
_LAST_OF_ONE_UNIT: Final = "\uffff"


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes as an SMS.

    `encoding`: the alphabet, `gsm7` if it has every character. `characters`: what counts against the limits, septets in
    `gsm7` (one of the extension, such as `€`, counts two) and UTF-16 units in `ucs2` (most emoji count two). `parts`:
    the messages that are charged; 0 for an empty text. `looks_like_hex`: the text could be taken for the hexadecimal
    form of UCS-2, as an eight-digit code could.
    """

    encoding: Literal["gsm7", "ucs2"]
    characters: int
    parts: int
    looks_like_hex: bool


def segments(text: str) -> Segments:
    """Count what a text takes as an SMS. Half of a surrogate pair counts as a character of UCS-2, though it is none."""
    looks_like_hex = _HEX.fullmatch(text) is not None
    if all(character in _WIDTHS for character in text):
        widths = [_WIDTHS[character] for character in text]
        return Segments("gsm7", sum(widths), _parts(widths, GSM7_ALONE, GSM7_JOINED), looks_like_hex)
    # Two halves side by side are a pair on the wire.
    paired = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
    widths = [1 if character <= _LAST_OF_ONE_UNIT else 2 for character in paired]
    return Segments("ucs2", sum(widths), _parts(widths, UCS2_ALONE, UCS2_JOINED), looks_like_hex)


def _parts(widths: Sequence[int], alone: int, joined: int) -> int:
    """Fill part after part: no character is split, so that a part may end with a place empty."""
    if sum(widths) <= alone:
        return 1 if widths else 0
    parts = room = 0
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return parts
