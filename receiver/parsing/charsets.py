"""Charsets: from the octets of a text to the text, in the charset that was declared or, without one, UTF-8 or Latin-1.

A declaration is believed, but for the ones that software stamps on whatever it sends (ASCII, Latin-1, Windows-1252):
what is valid UTF-8 under one of those is UTF-8. Whatever was read as anything else than plain UTF-8 is flagged.
"""

import codecs
import re
from contextlib import suppress
from encodings.aliases import aliases
from typing import Final

SURROGATE: Final = "encoding:surrogate"
_LATIN_1: Final = "encoding:latin-1"
_UTF_8: Final = "encoding:utf-8"
_CP1252: Final = "encoding:cp1252"
_BROKEN: Final = "encoding:broken"

_STAMPED: Final = frozenset({"ascii", "latin_1", "iso8859_15", "cp1252"})
_WIDE: Final = {
    "utf_16": 2, "utf_16_be": 2, "utf_16_le": 2, "utf_32": 4, "utf_32_be": 4, "utf_32_le": 4,
}  # fmt: skip
# No others: some of Python's codecs are no charsets, or do not read ASCII as ASCII (rot13, utf-7, EBCDIC, ISO-2022).
_NARROW: Final = (
    "ascii", "latin_1", *(f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp437", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863",
    "cp865", "cp866", "cp869", "cp874", "cp932", "cp949", "cp950", "cp1125",
    "koi8_r", "koi8_t", "koi8_u", "kz1048", "ptcp154", "tis_620",
    "mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2", "mac_roman", "mac_turkish",
    "big5", "big5hkscs", "gbk", "gb18030", "euc_jp",
)  # fmt: skip
# Declared for what is in truth the larger charset of Windows; browsers read them so too.
_LARGER: Final = {"gb2312": "gbk", "euc_kr": "cp949", "shift_jis": "cp932", "utf_8_sig": "utf_8"}
# What Python has no alias for. UCS-2 is what the SMS world calls UTF-16, most significant octet first.
_FURTHER: Final = {
    "unicode11utf8": "utf_8", "utf8mb4": "utf_8", "utf16be": "utf_16_be", "utf16le": "utf_16_le",
    "utf32be": "utf_32_be", "utf32le": "utf_32_le", "ucs2": "utf_16_be", "ucs2be": "utf_16_be", "ucs2le": "utf_16_le",
    "iso10646ucs2": "utf_16_be", "windows874": "cp874", "win1251": "cp1251", "win1252": "cp1252", "xsjis": "cp932",
    "windows31j": "cp932",
}  # fmt: skip
_PUNCTUATION: Final = re.compile(r"[^a-z0-9]")
_LONGEST_NAME: Final = 32

_MARKS: Final = re.compile(rb"(?:\xef\xbb\xbf)+")
_MARK: Final = "\ufeff"
# What a number, a time or an id is made of: in a form of UTF-16 texts these are sent as they are.
_PLAIN: Final = re.compile(rb"[0-9A-Za-z+:.,/@_ -]*")
_PRINTABLE: Final = re.compile(rb"[ -~]*")
# The first half of an emoji; as Latin-1 an eth and a control character, which no text has.
_CUT_EMOJI: Final = re.compile(rb"\xf0[\x90-\x9f](?![\x80-\xbf]{2})")
_CONTROLS: Final = re.compile(rb"[\x80-\x9f]")
_ESCAPED_HALF: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def _by_name() -> dict[str, str]:
    """Make the table of names, without punctuation, by which the charsets that are read may be declared."""
    taken = {codec: codec for codec in (*_NARROW, *_WIDE, "utf_8")} | _LARGER
    named = {alias: taken[codec] for alias, codec in aliases.items() if codec in taken} | taken
    return {_PUNCTUATION.sub("", name): codec for name, codec in named.items()} | _FURTHER


_BY_NAME: Final = _by_name()


def charset_of(declared: str) -> str | None:
    """Return the charset that is meant by a declared name, as Python calls its codec; None where it is not read.

    Python itself is not asked: it remembers for ever each name that it does not know.
    """
    if len(declared) > _LONGEST_NAME:
        return None
    return _BY_NAME.get(_PUNCTUATION.sub("", declared.lower()))


def read(octets: bytes, charset: str | None, flags: list[str]) -> str:
    """Return a text, and flag how it was read. `charset` is None where UTF-8 or nothing was declared."""
    if charset in _WIDE:
        return _read_wide(octets, charset, flags)
    if octets.isascii():
        return octets.decode("ascii")
    if charset is None or charset in _STAMPED:
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            if charset is None or charset == "ascii":
                return _guessed(octets, flags)
        else:
            if charset is not None:
                _flag(flags, _UTF_8)
            return text
    return _in_latin_1(octets, flags) if charset == "latin_1" else _as_declared(octets, charset, flags)


def unmarked(body: bytes, flags: list[str]) -> bytes:
    """Return a body without byte-order marks, and one in UTF-16 or UTF-32 in UTF-8 instead.

    Such a body is known by its mark, or by the zeros in its first character, which in a form or JSON is ASCII.
    """
    if body.startswith(codecs.BOM_UTF8):
        marks = _MARKS.match(body)
        return body[marks.end() :] if marks else body
    codec = _wide_codec(body[:4])
    if codec is None:
        return body
    try:
        text = body.decode(codec).lstrip(_MARK)
    except UnicodeDecodeError as error:
        if error.start < len(body) // 2:  # noise that begins like it
            return body
        text = body.decode(codec, "replace").lstrip(_MARK)
        _flag(flags, _BROKEN)
    _flag(flags, _flag_of(codec))
    return text.encode()


def in_utf_8(body: bytes, charset: str | None, flags: list[str]) -> bytes:
    """Return JSON, whatever was declared of it, in UTF-8. Octets that are none stay, for `reread`."""
    if charset is None or body.isascii():
        return body
    if charset in _WIDE:  # as it was not known by its first character, it is not
        _flag(flags, _UTF_8)
        return body
    return read(body, charset, flags).encode()


def reread(text: str, flags: list[str]) -> str:
    """Read again, by itself, a text from a document that was read with `surrogateescape`, as it was not UTF-8."""
    if text.isascii():
        return text
    whole = _ESCAPED_HALF.sub("\ufffd", text)
    if whole != text:
        _flag(flags, SURROGATE)
    return read(whole.encode("utf-8", "surrogateescape"), None, flags)


def _as_declared(octets: bytes, charset: str, flags: list[str]) -> str:
    _flag(flags, _flag_of(charset))
    try:
        return octets.decode(charset)
    except UnicodeDecodeError:
        _flag(flags, _BROKEN)
        return octets.decode(charset, "replace")


def _guessed(octets: bytes, flags: list[str]) -> str:
    """Read what is not UTF-8: with its broken characters replaced where most are whole, else as Latin-1."""
    text = octets.decode("utf-8", "replace")
    broken = text.count("\ufffd") - octets.count(b"\xef\xbf\xbd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - broken
    if whole + len(_CUT_EMOJI.findall(octets)) >= broken:
        _flag(flags, _BROKEN)
        return text
    return _in_latin_1(octets, flags)


def _in_latin_1(octets: bytes, flags: list[str]) -> str:
    """Read Latin-1; with quotes or dashes where it has control characters, it is Windows-1252."""
    if _CONTROLS.search(octets):
        with suppress(UnicodeDecodeError):
            text = octets.decode("cp1252")
            _flag(flags, _CP1252)
            return text
    _flag(flags, _LATIN_1)
    return octets.decode("latin-1")


def _read_wide(octets: bytes, charset: str, flags: list[str]) -> str:
    """Read one value of a form whose texts are in UTF-16 or UTF-32; not all of its values are texts."""
    _flag(flags, _flag_of(charset))
    if _PLAIN.fullmatch(octets) or (len(octets) % _WIDE[charset] and _PRINTABLE.fullmatch(octets)):
        return octets.decode("ascii")
    if charset == "utf_16":
        charset = _wide_codec(octets[:4]) or "utf_16_be"  # not this machine's order, which Python would take
    elif charset == "utf_32":
        charset = _wide_codec(octets[:4]) or "utf_32_be"
    try:
        return octets.decode(charset).removeprefix(_MARK)
    except UnicodeDecodeError:
        _flag(flags, _BROKEN)
        return octets.decode(charset, "replace").removeprefix(_MARK)


def _wide_codec(first: bytes) -> str | None:
    """Return the codec of a text in UTF-16 or UTF-32 by its first four octets: a mark, or one ASCII character."""
    match first:
        case b"\xff\xfe\0\0":
            return "utf_32_le"
        case b"\0\0\xfe\xff":
            return "utf_32_be"
    match first[:2]:
        case b"\xff\xfe":
            return "utf_16_le"
        case b"\xfe\xff":
            return "utf_16_be"
    match [octet != 0 for octet in first]:
        case [False, False, False, True]:
            return "utf_32_be"
        case [True, False, False, False]:
            return "utf_32_le"
        case [False, True, *_]:
            return "utf_16_be"
        case [True, False, *_]:
            return "utf_16_le"
    return None


def _flag_of(codec: str) -> str:
    return f"encoding:{codec.replace('_', '-')}"


def _flag(flags: list[str], name: str) -> None:
    if name not in flags:
        flags.append(name)
