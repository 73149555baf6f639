"""The GSM 7-bit default alphabet (3GPP TS 23.038, once GSM 03.38) and its extension table, and how to read it."""

from typing import Final

_ESCAPE: Final = 0x1B

ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ"  # 0x1B, the escape: a space to who knows no extension
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""Characters by septet."""

EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""Characters by the septet that follows an escape."""


def decode_gsm0338(septets: bytes, errors: str = "strict") -> str:
    """Read text of one septet an octet.

    An unknown extension is read as the character of the default alphabet, as the standard asks of a handset. Raises
    ValueError where an octet is no septet; with `errors` "replace" it is read as U+FFFD instead.
    """
    if septets and max(septets) >= len(ALPHABET) and errors == "strict":
        raise ValueError("an octet above 0x7F is no septet")
    if _ESCAPE not in septets:
        return "".join([_character(septet) for septet in septets])
    text = []
    following = iter(septets)
    for septet in following:
        if septet != _ESCAPE:
            text.append(_character(septet))
            continue
        escaped = next(following, _ESCAPE)
        text.append(EXTENSION.get(escaped, _character(escaped)))
    return "".join(text)


def _character(septet: int) -> str:
    return ALPHABET[septet] if septet < len(ALPHABET) else "\ufffd"
