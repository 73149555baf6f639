"""Parse: from the bytes of a request to the fields of its callbacks (contract, section 1).

Every form that the providers' samples use: forms, JSON, JSON under a form or missing content type, parameters in the
query alone, a JSON array of callbacks; UTF-8 with or without a byte-order mark, latin-1 in a form.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from pydantic import JsonValue

from receiver.fields import Fields, Repeated

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(r"[ \t\n\r]*")  # what JSON calls white space
MAX_FIELDS: Final = 1000
_MAX_CALLBACKS: Final = 1000
_MAX_DEPTH: Final = 100  # readers of events stop at 200, and an event that nobody can read blocks the stream
_MAX_DIGITS: Final = 1000  # Python itself reads no more than 4300
_DUPLICATE: Final = "duplicate-field"
_LATIN_1: Final = "encoding:latin-1"
_SURROGATE: Final = "encoding:surrogate"

Pairs = list[tuple[str, str]]


class Parsed(NamedTuple):
    """One callback of a request, and the bytes that it alone came in."""

    fields: Fields
    body: bytes


class UndecodableError(ValueError):
    """The body is neither a form nor JSON that holds callbacks."""


def parse(content_type: str, body: bytes, query: Pairs, query_flags: Sequence[str] = ()) -> list[Parsed]:
    """Read the callbacks of a request: one, or as many as a JSON array has.

    `query` are the parameters of the URL that are the provider's own (no token, no `ctx.`). They count as fields sent
    after the body's: one of the same name is a duplicate. The elements of an array do not get them: each is a callback
    of its own, and a thousand copies would take a thousand times the bytes that came. One that is no object has no
    fields.

    Raises UndecodableError.
    """
    text = body.removeprefix(_BOM)
    stripped = text.strip()
    if stripped and (stripped[:1] in b"{[" or "json" in content_type):
        try:
            return _from_json(body, stripped, query, query_flags)
        except UndecodableError:
            raise
        except RecursionError:
            raise UndecodableError(f"nested more than {_MAX_DEPTH} deep") from None
        except ValueError:
            if "json" in content_type:
                raise UndecodableError("the body is not valid JSON") from None
    flags = list(query_flags)
    pairs = _form(text, flags) if stripped else []
    return [Parsed(Fields(_gathered({}, pairs + query, flags), flags), body)]


def parse_query(query: bytes) -> tuple[Pairs, list[str]]:
    """Read the parameters of a URL, and say what is odd about them. What is not UTF-8 is read as latin-1.

    No more than MAX_FIELDS + 1 are read: enough to find the secret, and to see that there are too many.
    """
    if not query:
        return [], []
    if query.count(b"&") > MAX_FIELDS:
        query = b"&".join(list(filter(None, query.split(b"&")))[: MAX_FIELDS + 1])
    flags: list[str] = []
    return _form(query, flags, MAX_FIELDS + 1), flags


def _form(body: bytes, flags: list[str], limit: int = MAX_FIELDS) -> Pairs:
    if b"%" not in body and b"+" not in body and body.count(b"&") < limit and body.isascii():
        # As parse_qsl would, which takes most of its time to look for what is not there.
        return [
            (name, value) for name, _, value in (field.partition("=") for field in body.decode().split("&") if field)
        ]
    try:
        try:
            return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=limit)
        except UnicodeDecodeError:
            text = body.decode("latin-1")
            pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=limit)
            if _LATIN_1 not in flags:
                flags.append(_LATIN_1)
            return pairs
    except ValueError:
        raise UndecodableError(f"more than {limit} fields") from None


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


def _from_json(body: bytes, text: bytes, query: Pairs, query_flags: Sequence[str]) -> list[Parsed]:
    decoded, flags = _decoded(text)
    if isinstance(decoded, dict):
        flags.extend(query_flags)
        return [Parsed(Fields(_gathered(decoded, query, flags), flags), body)]
    if not isinstance(decoded, list) or not decoded:
        raise UndecodableError("the body holds no callback")
    if len(decoded) > _MAX_CALLBACKS:
        raise UndecodableError(f"more than {_MAX_CALLBACKS} callbacks")
    parsed: list[Parsed] = []
    for own in _elements(text.decode()):
        # Each stands alone: what is odd about one says nothing of the others.
        item, flags = _decoded(own)
        flags.extend(query_flags)
        parsed.append(Parsed(Fields(item if isinstance(item, dict) else {}, flags), own))
    return parsed


def _decoded(text: bytes) -> tuple[JsonValue, list[str]]:
    """Decode JSON, and say what is odd about it."""
    flags: list[str] = []

    def made(items: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        whole = dict(items)
        return whole if len(whole) == len(items) else _gathered({}, items, flags)

    value: JsonValue = json.loads(
        text.decode(), object_pairs_hook=made, parse_float=_finite, parse_int=_whole, parse_constant=_no_constant
    )
    # Counting is cheap. A repeated field makes two levels of one brace.
    if text.count(b"{") + text.count(b"[") > _MAX_DEPTH // 2 and _is_too_deep(value):
        raise UndecodableError(f"nested more than {_MAX_DEPTH} deep")
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        raise UndecodableError(f"more than {MAX_FIELDS} fields")
    if b"\\u" in text and (mended := _without_surrogates(value)) != value:
        value = mended
        flags.append(_SURROGATE)
    return value, flags


def _elements(array: str) -> Iterator[bytes]:
    """Cut a valid JSON array into its elements, each as it was written."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    at = 0
    while array[at] != "]":
        start = _after_space(array, at + 1)
        _, end = decoder.raw_decode(array, start)
        yield array[start:end].encode()
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


def _finite(number: str) -> float | str:
    """Keep a number too large for a float as text: infinity has no place in JSON."""
    value = float(number)
    return value if math.isfinite(value) else number


def _whole(number: str) -> int | str:
    """Keep a number too long to compute with as text."""
    return int(number) if len(number) <= _MAX_DIGITS else number


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")


def _without_surrogates(value: JsonValue) -> JsonValue:
    """Replace halves of surrogate pairs: legal in JSON's escapes, but in no UTF-8."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return type(value)([_without_surrogates(item) for item in value])
        case dict():
            return {str(_without_surrogates(name)): _without_surrogates(item) for name, item in value.items()}
    return value
