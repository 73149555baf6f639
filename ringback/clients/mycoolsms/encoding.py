"""Encoding: a text as `message` and `unicode` carry it, and the document's "toUCS2" and "fromUCS2", done here."""

import re
from typing import Final

from ringback.clients.arguments import invalid, text_of
from ringback.clients.errors import InvalidRequestError
from ringback.clients.mycoolsms.codes import BY_FUNCTION
from ringback.clients.mycoolsms.judge import PROVIDER
from ringback.schemas.segments import segments

LONGEST_GSM: Final = 765
"""Septets (*assumed*: the document says characters): five parts. A character of the extension counts two."""
LONGEST_UNICODE: Final = 335
"""UTF-16 units (*assumed*: the document says characters): five parts."""
_INVALID_UCS2: Final = 201
_UCS2: Final = re.compile(r"([0-9A-Fa-f]{4})*")


def to_ucs2(text: str) -> str:
    """Return a text in UCS2 notation: four hexadecimal digits for each UTF-16 unit (document, "toUCS2").

    Nothing is asked of the provider. Raises InvalidRequestError of half a surrogate pair.
    """
    return _units("toUCS2", text).hex().upper()


def from_ucs2(notation: str) -> str:
    """Return the text of its UCS2 notation (document, "fromUCS2").

    Nothing is asked of the provider. Raises InvalidRequestError, with the document's code 201, of anything else.
    """
    if _UCS2.fullmatch(notation) and _is_utf16(units := bytes.fromhex(notation)):
        return units.decode("utf-16-be")
    raise InvalidRequestError(
        PROVIDER,
        "fromUCS2",
        "notation: not UCS2; write four hexadecimal digits for each UTF-16 unit",
        code=_INVALID_UCS2,
        name=BY_FUNCTION["fromUCS2"][_INVALID_UCS2].text,
    )


def message(operation: str, text: str) -> dict[str, object]:
    """Return the fields `message` and `unicode` of a text. Raises InvalidRequestError where it is empty or too long.

    `unicode` is always sent: left to itself, the provider may take digits such as `12345678` for UCS2 (*assumed*). A
    text that looks like that goes as UCS2, so it reads as itself; it has room for 335 characters then, not 765.
    """
    if not text_of(PROVIDER, operation, "text", text):
        raise invalid(PROVIDER, operation, "text", "empty")
    counted = segments(text)
    if counted.encoding == "gsm7" and not counted.looks_like_hex:
        if counted.characters > LONGEST_GSM:
            raise invalid(
                PROVIDER,
                operation,
                "text",
                f"{counted.characters} septets in GSM 7 (€ and {{}}[]~|^\\ count two); write at most {LONGEST_GSM}",
            )
        return {"message": text, "unicode": False}
    units = _units(operation, text)
    if len(units) > 2 * LONGEST_UNICODE:
        raise invalid(
            PROVIDER,
            operation,
            "text",
            f"{len(units) // 2} UTF-16 units in Unicode (most emoji count two, and hexadecimal digits alone go in "
            f"Unicode); write at most {LONGEST_UNICODE}",
        )
    return {"message": units.hex().upper(), "unicode": True}


def _units(operation: str, text: str) -> bytes:
    """Return a text's UTF-16 units. Two halves of a pair that stand side by side are one character on the wire."""
    units = text.encode("utf-16-be", "surrogatepass")
    if _is_utf16(units):
        return units
    raise invalid(PROVIDER, operation, "text", "half of a surrogate pair; write whole characters")


def _is_utf16(units: bytes) -> bool:
    try:
        units.decode("utf-16-be")
    except UnicodeDecodeError:
        return False
    return True
