"""Parse: from the bytes of a request to the fields of its callbacks (contract, section 1).

Every form that the providers' samples use: forms, JSON, JSON under a form or missing content type, parameters in the
query alone, a JSON array of callbacks; and multipart forms. In which charset, ringback.receiver.parsing.charsets finds
out.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import JsonValue

from ringback.receiver.parsing.charsets import SURROGATE, in_utf_8, read, reread, unmarked
from ringback.receiver.parsing.fields import Fields, Repeated
from ringback.receiver.parsing.media import Media, media_of
from ringback.receiver.parsing.multipart import MultipartError, is_multipart, read_multipart
from ringback.receiver.parsing.numbers import Written, integer, no_constant

_FIRST_OF_MARKS: Final = b"\xef"  # of those without zeros
_SPACE: Final = re.compile(r"[ \t\n\r]*")  # what JSON calls white space
MAX_FIELDS: Final = 1000
_MAX_CALLBACKS: Final = 1000
_MAX_DEPTH: Final = 100  # readers of events stop at 200, and an event that nobody can read blocks the stream
_DUPLICATE: Final = "duplicate-field"

Pairs = list[tuple[str, str]]


class Parsed(NamedTuple):
    """One callback of a request, and the bytes that it alone came in."""

    fields: Fields
    body: bytes


class UndecodableError(ValueError):
    """The body is neither a form nor JSON that holds callbacks."""


def parse(content_type: str, body: bytes, query: Pairs, query_flags: Sequence[str] = ()) -> list[Parsed]:
    """Read the callbacks of a request: one, or as many as a JSON array has.

    `content_type` is as it was sent. `query` are the parameters of the URL that are the provider's own (no token, no
    `ctx.`). They count as fields sent after the body's: one of the same name is a duplicate. The elements of an array
    do not get them: each is a callback of its own, and a thousand copies would take a thousand times the bytes that
    came. One that is no object has no fields; what an element alone came in is in UTF-8, whatever the array was.

    Raises UndecodableError.
    """
    media = media_of(content_type)
    flags = list(query_flags)
    if media.flags:
        flags.extend(media.flags)
    text = body
    if body[:1] >= _FIRST_OF_MARKS or b"\0" in body:
        text = unmarked(body, flags)
        if text is not body:  # now it is UTF-8
            media = media._replace(charset=None)
    stripped = text.strip()
    if stripped and (stripped[:1] in b"{[" or media.is_json):
        document, known = stripped, flags
        if media.charset is not None:
            known = list(flags)
            document = in_utf_8(stripped, media.charset, known)
        try:
            return _from_json(body, document, query, known)
        except UndecodableError:
            raise
        except RecursionError:
            raise UndecodableError(f"nested more than {_MAX_DEPTH} deep") from None
        except ValueError:
            if media.is_json:
                raise UndecodableError("the body is not valid JSON") from None
    if not stripped:
        pairs = []
    elif media.is_multipart and is_multipart(text):
        pairs = _multipart(media, text, flags)
    else:
        pairs = _form(text, media.charset, flags)
    pairs += query
    fields: dict[str, JsonValue] = dict(pairs)
    if len(fields) != len(pairs):
        fields = _gathered({}, pairs, flags)
    return [Parsed(Fields(fields, flags), body)]


def parse_query(query: bytes) -> tuple[Pairs, list[str]]:
    """Read the parameters of a URL, and say what is odd about them.

    No more than MAX_FIELDS + 1 are read: enough to find the secret, and to see that there are too many.
    """
    if not query:
        return [], []
    if query.count(b"&") > MAX_FIELDS:
        query = b"&".join(list(filter(None, query.split(b"&")))[: MAX_FIELDS + 1])
    flags: list[str] = []
    return _form(query, None, flags, MAX_FIELDS + 1), flags


def _multipart(media: Media, body: bytes, flags: list[str]) -> Pairs:
    try:
        return read_multipart(media, body, flags)
    except MultipartError as error:
        raise UndecodableError(str(error)) from None


def _form(body: bytes, charset: str | None, flags: list[str], limit: int = MAX_FIELDS) -> Pairs:
    if charset is not None:
        return _field_by_field(body, charset, flags, limit)
    if b"%" not in body and b"+" not in body and body.count(b"&") < limit and body.isascii():
        # As parse_qsl would, which takes most of its time to look for what is not there.
        return [
            (name, value) for name, _, value in (field.partition("=") for field in body.decode().split("&") if field)
        ]
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=limit)
    except UnicodeDecodeError:
        return _field_by_field(body, None, flags, limit)
    except ValueError:
        raise UndecodableError(f"more than {limit} fields") from None


def _field_by_field(body: bytes, charset: str | None, flags: list[str], limit: int) -> Pairs:
    """Read a form that is not all UTF-8: what is odd about one field says nothing of the others."""
    if body.count(b"&") >= limit:
        raise UndecodableError(f"more than {limit} fields")
    pairs = (field.replace(b"+", b" ").partition(b"=") for field in body.split(b"&") if field)
    return [
        (read(unquote_to_bytes(name), None, flags), read(unquote_to_bytes(value), charset, flags))
        for name, _, value in pairs
    ]


def _gathered(
    fields: dict[str, JsonValue], pairs: Iterable[tuple[str, JsonValue]], flags: list[str]
) -> dict[str, JsonValue]:
    """Add pairs to fields. The values of a name that comes again are kept together, in their order."""
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
            continue
        kept = fields[name]
        if type(kept) is Repeated:
            kept.append(value)
        else:
            fields[name] = Repeated([kept, value])
        if _DUPLICATE not in flags:
            flags.append(_DUPLICATE)
    return fields


def _from_json(body: bytes, text: bytes, query: Pairs, known_flags: Sequence[str]) -> list[Parsed]:
    decoded, flags = _decoded(text)
    if isinstance(decoded, dict):
        if known_flags:
            _note(flags, known_flags)
        return [Parsed(Fields(_gathered(decoded, query, flags), flags), body)]
    if not isinstance(decoded, list) or not decoded:
        raise UndecodableError("the body holds no callback")
    if len(decoded) > _MAX_CALLBACKS:
        raise UndecodableError(f"more than {_MAX_CALLBACKS} callbacks")
    parsed: list[Parsed] = []
    for own in _elements(text.decode("utf-8", "surrogateescape")):
        # Each stands alone: what is odd about one says nothing of the others.
        item, flags = _decoded(own)
        _note(flags, known_flags)
        parsed.append(Parsed(Fields(item if isinstance(item, dict) else {}, flags), own))
    return parsed


def _decoded(text: bytes) -> tuple[JsonValue, list[str]]:
    """Decode JSON, and say what is odd about it."""
    flags: list[str] = []

    def made(items: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        whole = dict(items)
        return whole if len(whole) == len(items) else _gathered({}, items, flags)

    try:
        written, is_utf_8 = text.decode(), True
    except UnicodeDecodeError:
        written, is_utf_8 = text.decode("utf-8", "surrogateescape"), False
    value: JsonValue = json.loads(
        written, object_pairs_hook=made, parse_float=Written, parse_int=integer, parse_constant=no_constant
    )
    # Counting is cheap. A repeated field makes two levels of one brace.
    if text.count(b"{") + text.count(b"[") > _MAX_DEPTH // 2 and _is_too_deep(value):
        raise UndecodableError(f"nested more than {_MAX_DEPTH} deep")
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        raise UndecodableError(f"more than {MAX_FIELDS} fields")
    if not is_utf_8:
        value = rewritten(value, lambda text: reread(text, flags))
    if b"\\u" in text and (whole := rewritten(value, _without_surrogates)) != value:
        value = whole
        _note(flags, (SURROGATE,))
    return value, flags


def _elements(array: str) -> Iterator[bytes]:
    """Cut a valid JSON array into its elements, each as it was written."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    at = 0
    while array[at] != "]":
        start = _after_space(array, at + 1)
        _, end = decoder.raw_decode(array, start)
        yield array[start:end].encode("utf-8", "surrogateescape")
        at = _after_space(array, end)


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _is_too_deep(value: JsonValue) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def rewritten(value: JsonValue, rewrite: Callable[[str], str]) -> JsonValue:
    """Rewrite each text of a value, also the names."""
    match value:
        case Written():
            return value
        case str():
            return rewrite(value)
        case list():
            return type(value)([rewritten(item, rewrite) for item in value])
        case dict():
            return {rewrite(name): rewritten(item, rewrite) for name, item in value.items()}
    return value


def _without_surrogates(text: str) -> str:
    """Replace halves of surrogate pairs: legal in JSON's escapes, but in no UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _note(flags: list[str], further: Sequence[str]) -> None:
    """Add flags, each once."""
    flags.extend(flag for flag in further if flag not in flags)
