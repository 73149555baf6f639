"""Answers: a provider's JSON or XML as fields that may be text or number, read leniently and never guessed.

Both providers write numbers as numbers or as text, and their documents' samples are not always valid JSON. What cannot
be read raises UnreadableAnswerError; the call turns that into an error by its HTTP status.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, ParseError, XMLParser

_LISTS: Final = {"messages": "message", "calls": "call", "destinations": "destination"}
"""XML elements that hold one element for each receiver, call or network (fixtures of Mocean's SDK; *assumed*)."""
_WRAPPERS: Final = frozenset({"verify_request", "verify_check"})
_LEADING_ZERO: Final = re.compile(rb"(?<=[:\[,\s])(0\d+)(?=\s*[,}\]])")
_DEEPEST: Final = 20
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})


class UnreadableAnswerError(ValueError):
    """An answer that is not as documented. Its words hold nothing of the answer."""


class AnswerFields:
    """The fields of one object of an answer."""

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw

    def __contains__(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def text(self, name: str) -> str | None:
        """Return a text, also of a number; None where it is absent, null, or an object."""
        value = self.raw.get(name)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, str | int | Decimal) else None

    def needed_text(self, name: str) -> str:
        """Return a text that is not empty. Raises UnreadableAnswerError."""
        value = self.text(name)
        if not value:
            raise UnreadableAnswerError(f"the answer has no {name}")
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, also of a text; None where it is absent or none."""
        value = (self.text(name) or "").strip()
        return int(value) if _INTEGER.fullmatch(value) else None

    def needed_integer(self, name: str) -> int:
        """Return a whole number. Raises UnreadableAnswerError."""
        value = self.integer(name)
        if value is None:
            raise UnreadableAnswerError(f"the answer's {name} is not a whole number")
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Return an exact number, also of a text; None where it is absent, none, or not finite."""
        try:
            value = Decimal((self.text(name) or "").strip())
        except InvalidOperation:
            return None
        return value if value.is_finite() else None

    def needed_decimal(self, name: str) -> Decimal:
        """Return an exact number. Raises UnreadableAnswerError."""
        value = self.decimal(name)
        if value is None:
            raise UnreadableAnswerError(f"the answer's {name} is not a number")
        return value

    def flag(self, name: str) -> bool | None:
        """Return true or false, also of `1`, `0`, `"true"`; None where it is absent or neither."""
        value = self.text(name)
        if value is None:
            return None
        word = value.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else None

    def part(self, name: str) -> "AnswerFields | None":
        """Return an object below; None where there is none."""
        value = self.raw.get(name)
        return AnswerFields(value) if isinstance(value, Mapping) else None

    def parts(self, name: str) -> "list[AnswerFields] | None":
        """Return the objects of a list below; None where there is no list. One object alone counts as a list of one."""
        value = self.raw.get(name)
        if isinstance(value, Mapping):
            value = [value]
        if not isinstance(value, list):
            return None
        return [AnswerFields(item) for item in value if isinstance(item, Mapping)]


def read_fields(body: bytes) -> AnswerFields:
    """Read an answer that is one object, in JSON or XML. Raises UnreadableAnswerError."""
    text = body.strip().removeprefix(b"\xef\xbb\xbf")
    if not text:
        raise UnreadableAnswerError("the answer is empty")
    value = _xml(text) if text.startswith(b"<") else _json(text)
    if not isinstance(value, dict):
        raise UnreadableAnswerError("the answer is not an object")
    return AnswerFields(value)


def _json(text: bytes) -> object:
    try:
        return _loads(text)
    except UnreadableAnswerError:
        # A receiver with a leading zero is not quoted in the document's own sample ("Make an outbound call").
        return _loads(_LEADING_ZERO.sub(rb'"\1"', text))


def _loads(text: bytes) -> object:
    try:
        value: object = json.loads(text.decode("utf-8"), parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError, InvalidOperation):
        raise UnreadableAnswerError("the answer is not JSON") from None
    return value


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")


def _xml(text: bytes) -> object:
    if b"\0" in text or b"<!" in text.replace(b"<![CDATA[", b""):
        raise UnreadableAnswerError(
            "the answer is not the XML that the provider writes"
        )  # no document type, so no entities
    parser = XMLParser()  # noqa: S314
    try:
        parser.feed(text)
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        raise UnreadableAnswerError("the answer is not XML") from None
    value = _value(root, 0)
    if isinstance(value, dict):
        for wrapper in _WRAPPERS & value.keys():
            if len(value) == 1 and isinstance(value[wrapper], dict):
                return value[wrapper]
    return value


def _value(element: Element, depth: int) -> object:
    if depth > _DEEPEST:
        raise UnreadableAnswerError("the answer is nested too deeply")
    children = list(element)
    if element.tag in _LISTS:
        return [_value(child, depth + 1) for child in children if child.tag == _LISTS[element.tag]]
    if not children:
        return (element.text or "").strip()
    return dict(_named(children, depth))


def _named(children: list[Element], depth: int) -> Iterator[tuple[str, object]]:
    for child in children:
        yield child.tag, _value(child, depth + 1)
