"""Media: what a Content-Type says of a body: whether it is JSON or multipart, and in which charset its texts are."""

from functools import lru_cache
from typing import Final, NamedTuple

from python_multipart.multipart import parse_options_header

from ringback.receiver.parsing.charsets import charset_of

_UNKNOWN_CHARSET: Final = "encoding:unknown-charset"


class Media(NamedTuple):
    """A Content-Type. `charset` is a codec's name, None where UTF-8, nothing or what is not read was declared."""

    is_json: bool
    is_multipart: bool
    charset: str | None
    boundary: bytes | None
    flags: tuple[str, ...]


# A provider sends the same few again and again; save a boundary, which is another each time.
@lru_cache(maxsize=64)
def media_of(content_type: str) -> Media:
    """Read a Content-Type as it was sent: case tells one boundary from another."""
    kind, parameters = parse_options_header(content_type)
    flags: list[str] = []
    charset = declared_charset(parameters, flags)
    boundary = parameters.get(b"boundary") or None
    return Media(b"json" in kind, kind.startswith(b"multipart/"), charset, boundary, tuple(flags))


def declared_charset(parameters: dict[bytes, bytes], flags: list[str]) -> str | None:
    """Return the codec of the charset that parameters of a Content-Type declare, None for UTF-8 or none."""
    declared = parameters.get(b"charset", b"").decode("latin-1").strip(" \t'")
    if not declared:
        return None
    charset = charset_of(declared)
    if charset is None and _UNKNOWN_CHARSET not in flags:
        flags.append(_UNKNOWN_CHARSET)
    return None if charset == "utf_8" else charset
