"""Texts as My-Cool-SMS counts and writes them: GSM 7-bit or UCS2, parts, hexadecimal notations."""

import re
from dataclasses import dataclass
from typing import Final

from ringback.schemas.tables.gsm0338 import ALPHABET, EXTENSION

MAX_GSM: Final = 765
MAX_UNICODE: Final = 335

_ESCAPE: Final = 0x1B
_SEPTETS: Final = {character: (septet,) for septet, character in enumerate(ALPHABET) if septet != _ESCAPE} | {
    character: (_ESCAPE, septet) for septet, character in EXTENSION.items()
}
_NOTATION: Final = re.compile(r"(?:[0-9A-Fa-f]{4})+")
_GSM_SINGLE: Final = 160
_GSM_PART: Final = 153
_UNICODE_SINGLE: Final = 70
_UNICODE_PART: Final = 67


@dataclass(frozen=True, slots=True)
class CountedText:
    """A text in the encoding that it goes out in."""

    body: str
    unicode: bool

    @property
    def ucs2(self) -> str:
        """The text in UCS2 notation."""
        return to_ucs2(self.body)

    @property
    def gsm7(self) -> str | None:
        """The text's septets in hexadecimal, one an octet; None for Unicode."""
        if self.unicode:
            return None
        return bytes(septet for character in self.body for septet in _SEPTETS[character]).hex().upper()

    @property
    def escaped(self) -> int:
        """How many characters are counted as two."""
        return 0 if self.unicode else sum(len(_SEPTETS[character]) - 1 for character in self.body)

    @property
    def length(self) -> int:
        """Return septets, or UTF-16 units: what the limits count (*assumed*, the document says "characters")."""
        return units(self.body) if self.unicode else len(self.body) + self.escaped

    @property
    def parts(self) -> int:
        """How many SMS it takes."""
        single, part = (_UNICODE_SINGLE, _UNICODE_PART) if self.unicode else (_GSM_SINGLE, _GSM_PART)
        return 1 if self.length <= single else -(-self.length // part)

    @property
    def is_too_long(self) -> bool:
        """Whether it is longer than five SMS."""
        return self.length > (MAX_UNICODE if self.unicode else MAX_GSM)

    def row(self) -> dict[str, object]:
        """Return the values that answers and lists have of a text."""
        return {
            "body": self.body,
            "bodyucs2": self.ucs2,
            "bodygsm7": self.gsm7,
            "unicode": self.unicode,
            "numchars": len(self.body),
        }


def detected(message: str) -> CountedText:
    """Return a text in the encoding that is found by itself: what looks like UCS2 notation is taken for it."""
    if _NOTATION.fullmatch(message):
        return CountedText(from_ucs2(message), unicode=True)
    return CountedText(message, unicode=not is_gsm(message))


def is_gsm(text: str) -> bool:
    """Whether the GSM alphabet with its extension has all characters."""
    return all(character in _SEPTETS for character in text)


def is_notation(text: str) -> bool:
    """Whether a text is in UCS2 notation: hexadecimal, four digits a unit."""
    return _NOTATION.fullmatch(text) is not None


def to_ucs2(text: str) -> str:
    """Return UCS2 notation; a character beyond the first plane takes two units."""
    return text.encode("utf-16-be", "surrogatepass").hex().upper()


def from_ucs2(notation: str) -> str:
    """Read UCS2 notation. Half a pair stays half a pair in the text. Raises ValueError for anything else."""
    if not is_notation(notation):
        raise ValueError("no UCS2 notation")
    return bytes.fromhex(notation).decode("utf-16-be", "surrogatepass")


def units(text: str) -> int:
    """Count UTF-16 units."""
    return len(text.encode("utf-16-be", "surrogatepass")) // 2
