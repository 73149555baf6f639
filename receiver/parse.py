"""Parse: from the bytes of a request to the fields of its callbacks (contract, section 1).

Every form that the providers' samples use: forms, JSON, JSON under a form or missing content type, parameters in the
query alone, a JSON array of callbacks; UTF-8 with or without a byte-order mark, latin-1 in a form.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from pydantic import JsonValue

from receiver.fields import Fields, Repeated

_BOM: Final = b"\xef\xbb\xbf"
_MAX_FIELDS: Final = 1000
_DUPLICATE: Final = "duplicate-field"
_LATIN_1: Final = "encoding:latin-1"
_SURROGATE: Final = "encoding:surrogate"


@dataclass(frozen=True, slots=True)
class Parsed:
    """One callback of a request, and the bytes that it alone came in."""

    fields: Fields
    body: bytes


class UndecodableError(ValueError):
    """The body is neither a form nor JSON that holds callbacks."""


def parse(content_type: str, body: bytes, query: list[tuple[str, str]]) -> list[Parsed]:
    """Read the callbacks of a request: one, or as many as a JSON array has.

    `query` are the parameters of the URL that are the provider's own (no token, no `ctx.`); where the body has a field
    of the same name, the body wins. An element of an array that is no object has no fields.

    Raises UndecodableError.
    """
    text = body.removeprefix(_BOM)
    stripped = text.strip()
    if not stripped:
        return [Parsed(_from_pairs(query, []), body)]
    if stripped[:1] in b"{[" or "json" in content_type:
        try:
            return _from_json(body, stripped, query)
        except (ValueError, RecursionError):
            if "json" in content_type:
                raise UndecodableError("the body is not valid JSON") from None
    flags: list[str] = []
    return [Parsed(_from_pairs(_form(text, flags) + query, flags, len(query)), body)]


def parse_query(query: bytes) -> list[tuple[str, str]]:
    """Read the parameters of a URL. What is not UTF-8 is read as latin-1.

    Raises UndecodableError where there are more than anyone would send.
    """
    return _form(query, []) if query else []


def _form(body: bytes, flags: list[str]) -> list[tuple[str, str]]:
    try:
        try:
            return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
        except UnicodeDecodeError:
            flags.append(_LATIN_1)
            text = body.decode("latin-1")
            return parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise UndecodableError(f"more than {_MAX_FIELDS} fields") from None


def _from_pairs(pairs: Iterable[tuple[str, str]], flags: list[str], overridable: int = 0) -> Fields:
    """Make fields of pairs. The last `overridable` pairs come from the query: a field of the body hides them."""
    listed = list(pairs)
    raw: dict[str, JsonValue] = {}
    first_overridable = len(listed) - overridable
    for position, (name, value) in enumerate(listed):
        if name not in raw:
            raw[name] = value
        elif position < first_overridable or not overridable:
            kept = raw[name]
            raw[name] = Repeated([*kept, value]) if isinstance(kept, Repeated) else Repeated([kept, value])
            if _DUPLICATE not in flags:
                flags.append(_DUPLICATE)
    return Fields(raw, flags)


def _from_json(body: bytes, text: bytes, query: list[tuple[str, str]]) -> list[Parsed]:
    duplicated = False

    def pairs(items: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        nonlocal duplicated
        made: dict[str, JsonValue] = {}
        for name, value in items:
            if name in made:
                duplicated = True
                kept = made[name]
                made[name] = Repeated([*kept, value]) if isinstance(kept, Repeated) else Repeated([kept, value])
            else:
                made[name] = value
        return made

    decoded: JsonValue = json.loads(
        text.decode(), object_pairs_hook=pairs, parse_float=_finite, parse_constant=_no_constant
    )
    flags = [_DUPLICATE] if duplicated else []
    if b"\\u" in text and (mended := _without_surrogates(decoded)) != decoded:
        decoded = mended
        flags.append(_SURROGATE)
    items = decoded if isinstance(decoded, list) else [decoded]
    if not items or (not isinstance(decoded, list) and not isinstance(decoded, dict)):
        raise UndecodableError("the body holds no callback")
    parsed: list[Parsed] = []
    for item in items:
        raw = dict(item) if isinstance(item, dict) else {}
        for name, value in query:
            raw.setdefault(name, value)
        own = body if item is decoded else json.dumps(item).encode()
        parsed.append(Parsed(Fields(raw, list(flags)), own))
    return parsed


def _finite(number: str) -> float | str:
    """Keep a number too large for a float as text: infinity has no place in JSON."""
    value = float(number)
    return value if math.isfinite(value) else number


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
