"""Formats: Mocean's answers in XML, its default, or in JSON where that is asked for.

The document has no XML; its shapes are those of the fixtures of Mocean's SDKs (*assumed*).
"""

import json
import re
from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from starlette.responses import Response

_NOT_IN_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ITEMS: Final = {"messages": "message", "calls": "call", "destinations": "destination"}


def answer(fields: Mapping[str, object], *, as_json: bool, wrapper: str | None = None, status: int = 200) -> Response:
    """Write an answer. `wrapper`: the element that XML puts around it, within `<result>`."""
    if as_json:
        return Response(json.dumps(fields).encode("ascii"), status, media_type="application/json")
    root = Element("result")
    _fill(SubElement(root, wrapper) if wrapper else root, fields)
    return Response(tostring(root, encoding="utf-8", xml_declaration=True), status, media_type="application/xml")


def _fill(element: Element, fields: Mapping[str, object]) -> None:
    for name, value in fields.items():
        child = SubElement(element, name)
        if isinstance(value, Mapping):
            _fill(child, value)
        elif isinstance(value, list):
            for item in value:
                _fill(SubElement(child, _ITEMS[name]), item)
        else:
            child.text = "" if value is None else _NOT_IN_XML.sub("\ufffd", str(value))
