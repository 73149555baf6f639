"""Multipart: a `multipart/form-data` body (RFC 7578) as the fields of a form. A file is a field with its text."""

import binascii
import logging
import quopri
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from ringback.receiver.parsing.charsets import read
from ringback.receiver.parsing.media import Media, declared_charset

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS: Final = 200  # each takes as long to parse as twenty fields of a form
MAX_PART_HEADERS: Final = 4  # there are three that mean something
MAX_PART_HEADER: Final = 4096  # bytes
_TOO_MUCH_PADDING: Final = 64
_BROKEN: Final = "the body is not valid multipart/form-data"
_NO_BOUNDARY: Final = "multipart:no-boundary"
_AS_IT_IS: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})

# It logs what it also raises.
logging.getLogger("python_multipart.multipart").setLevel(logging.ERROR)


class MultipartError(ValueError):
    """The body is no whole multipart form. The text says what is wrong with it."""


def is_multipart(body: bytes) -> bool:
    """Whether a body begins as a multipart form does; there are forms that are only said to be one."""
    return body.lstrip(b"\r\n")[:2] == b"--"


def read_multipart(media: Media, body: bytes, flags: list[str]) -> list[tuple[str, str]]:
    """Return the names and values of a form with MAX_PARTS parts at most, and flag what is odd about it.

    Raises MultipartError.
    """
    boundary = media.boundary
    if boundary is None:  # clients leave it out whose Content-Type was written by hand
        flags.append(_NO_BOUNDARY)
        boundary = body.lstrip(b"\r\n").partition(b"\r\n")[0].removeprefix(b"--").rstrip(b" \t")
    # Looked at before it is parsed: the parser takes its time for what only begins like a boundary, or is padded.
    delimiter = b"--" + boundary
    if body.count(delimiter) > MAX_PARTS + 1:
        raise MultipartError(f"more than {MAX_PARTS} parts")
    if delimiter + b" " * _TOO_MUCH_PADDING in body or delimiter + b"\t" * _TOO_MUCH_PADDING in body:
        raise MultipartError(_BROKEN)
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary, parts.callbacks(), max_header_count=MAX_PART_HEADERS, max_header_size=MAX_PART_HEADER
        )
        parser.write(body)
    except FormParserError:
        raise MultipartError(_BROKEN) from None
    if parser.state != MultipartState.END:
        raise MultipartError("the multipart/form-data is cut short: its last boundary is missing")
    return [part.field(media.charset, flags) for part in parts.whole]


class _Part:
    """One part: its headers, by their names in lower case, and its octets."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.octets = b""

    def field(self, charset: str | None, flags: list[str]) -> tuple[str, str]:
        """Return its name and its text, in its own charset if it declares one, else the form's."""
        _, disposition = parse_options_header(self.headers.get(b"content-disposition"))
        name = disposition.get(b"name")
        if name is None:
            raise MultipartError("a part of the multipart/form-data has no name")
        _, parameters = parse_options_header(self.headers.get(b"content-type"))
        own = declared_charset(parameters, flags) if b"charset" in parameters else charset
        return read(name, None, flags), read(self._decoded(), own, flags)

    def _decoded(self) -> bytes:
        """Undo the Content-Transfer-Encoding. Deprecated since 2015, but sent."""
        encoding = self.headers.get(b"content-transfer-encoding", b"").lower()
        if encoding in _AS_IT_IS:
            return self.octets
        if encoding == b"quoted-printable":
            return quopri.decodestring(self.octets)
        if encoding == b"base64":
            try:
                return binascii.a2b_base64(self.octets)
            except binascii.Error:
                raise MultipartError("a part of the multipart/form-data is not valid base64") from None
        raise MultipartError("a part of the multipart/form-data has an unknown Content-Transfer-Encoding")


class _Parts:
    """Collects the parts as the parser comes by them."""

    def __init__(self) -> None:
        self.whole: list[_Part] = []
        self._part = _Part()
        self._name = b""
        self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_begin": self._header_begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
        }

    def _begin(self) -> None:
        self._part = _Part()

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._part.octets += data[start:end]

    def _end(self) -> None:
        self.whole.append(self._part)

    def _header_begin(self) -> None:
        self._name = self._value = b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._part.headers[self._name.lower()] = self._value.strip(b" \t")
