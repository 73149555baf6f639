"""Codings: undo a body's Content-Encoding (gzip, deflate), within a limit that is counted after decoding."""

import re
import zlib
from collections.abc import Callable
from typing import Final

from ringback.receiver.parsing.charsets import charset_of

READ: Final = "gzip, deflate"
MAX_CODINGS: Final = 2
MOST_GROWTH: Final = 100
"""What a callback shrinks to is a tenth of it, or a little less. Past this somebody wants much for little."""
_SMALL: Final = 16 * 1024
_MAX_MEMBERS: Final = 16  # a gzip file may be several, one after the other; each costs the copy of what is left
_NO_GZIP: Final = "coding:absent"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,11}")  # as long as the longest registered; no token, no number


class CodingError(ValueError):
    """The body is not what its Content-Encoding says. The text says what is wrong with it."""


class UnreadCodingError(Exception):
    """The Content-Encoding is one that is not read. The text names it, and those that are."""


class TooLargeError(Exception):
    """The body is over the limit, as it was sent or decoded."""


def undone(content_encoding: str, body: bytes, limit: int, flags: list[str]) -> bytes:
    """Return a body of `limit` bytes at most with its codings undone, the last first.

    The name of a charset is no coding, but is sent in that header; it says nothing. Nor does any name of an empty body.

    Raises CodingError, UnreadCodingError, TooLargeError.
    """
    if not body:
        return body
    names = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [name for name in names if name and name != "identity" and charset_of(name) is None]
    for name in codings:
        if name not in _UNDO:
            named = f'"{name}"' if _NAME.fullmatch(name) else "of this name"
            raise UnreadCodingError(f"a Content-Encoding {named} is not read; send {READ} or none")
    if len(codings) > MAX_CODINGS:
        raise UnreadCodingError(f"more than {MAX_CODINGS} Content-Encodings are not read; send {READ} or none")
    for name in reversed(codings):
        most = min(limit, max(_SMALL, MOST_GROWTH * len(body)))
        try:
            body = _UNDO[name](body, most, flags)
        except TooLargeError:
            if most == limit:
                raise
            raise CodingError(f"the body grows more than {MOST_GROWTH}-fold as its {name} is undone") from None
    return body


def _gunzipped(body: bytes, limit: int, flags: list[str]) -> bytes:
    if not body.startswith(_GZIP_MAGIC):  # undone on the way, by a proxy that left the header
        if _NO_GZIP not in flags:
            flags.append(_NO_GZIP)
        return body
    whole = bytearray()
    for _ in range(_MAX_MEMBERS):
        member, body = _inflated(body, limit - len(whole), zlib.MAX_WBITS | 16, "gzip")
        whole += member
        if not body:
            return bytes(whole)
    raise CodingError(f"the body's gzip is of more than {_MAX_MEMBERS} members")


def _inflated_whole(body: bytes, limit: int, _: list[str]) -> bytes:
    """Undo `deflate`: zlib by its definition (RFC 9110, 8.4.1.2), but some senders leave zlib's header out."""
    has_header = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    whole, rest = _inflated(body, limit, zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS, "deflate")
    if rest:
        raise CodingError("the body goes on after the end of its deflate")
    return whole


def _inflated(body: bytes, limit: int, window_bits: int, name: str) -> tuple[bytes, bytes]:
    """Return what a compressed stream holds, and what comes after its end."""
    stream = zlib.decompressobj(window_bits)
    try:
        whole = stream.decompress(body, limit + 1)  # one more, since 0 would mean without a limit
    except zlib.error:
        raise CodingError(f"the body is not valid {name}, as its Content-Encoding says") from None
    if len(whole) > limit:
        raise TooLargeError
    if not stream.eof:
        raise CodingError(f"the body's {name} is cut short")
    return whole, stream.unused_data


_UNDO: Final[dict[str, Callable[[bytes, int, list[str]], bytes]]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _inflated_whole,
}
