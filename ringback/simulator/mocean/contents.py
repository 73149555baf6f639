"""Contents of WhatsApp messages, checked by the document's rules ("Request parameters")."""

from collections.abc import Mapping
from typing import Final

from ringback.simulator.mocean.asking import MoceanRefusalError

MEDIA: Final = ("image", "audio", "document", "video", "sticker")
MOST_BUTTONS: Final = 3
MOST_SECTIONS: Final = 10
MOST_ROWS: Final = 10
HEADERS: Final = ("text", "image", "video", "document")


def check_content(content: Mapping[str, object]) -> None:
    """Check a content. Refuses with 72 (type), 92 (a part is missing), 94 (a part of a part is missing or too much)."""
    match content.get("type"):
        case "text":
            _needed(content, "text")
        case kind if kind in MEDIA:
            _needed(content, "rich_media_url")
        case "reaction":
            if not isinstance(content.get("text"), str):
                raise MoceanRefusalError(92, "text is missing")
            _needed(content, "reply_to_msg_id")
        case "template":
            _template(_object(content, "wa_template", 92))
        case "interactive":
            _interactive(_object(content, "wa_interactive", 92))
        case _:
            raise MoceanRefusalError(72, "Invalid content type")


def _template(template: Mapping[str, object]) -> None:
    _needed(template, "name", 94)
    _needed(template, "language", 94)
    header = _objects(template, "header_params")
    if len(header) > 1 or any(
        one.get("type") not in HEADERS or ("text" in one and one["type"] != "text") for one in header
    ):
        raise MoceanRefusalError(94, "header_params")
    if any(one.get("type") != "text" for one in _objects(template, "body_params")):
        raise MoceanRefusalError(94, "body_params")
    buttons = _objects(template, "wa_buttons")
    kinds = [one.get("type") for one in buttons]
    if len(buttons) > MOST_BUTTONS or kinds not in (["url"] * len(kinds), ["quick_reply"] * len(kinds)):
        raise MoceanRefusalError(94, "wa_buttons")
    for one in buttons:
        if "index" not in one or ("payload" if one["type"] == "quick_reply" else "url_parameter") not in one:
            raise MoceanRefusalError(94, "wa_buttons")


def _interactive(interactive: Mapping[str, object]) -> None:
    kind = interactive.get("type")
    if kind not in ("button", "list", "product", "product_list"):
        raise MoceanRefusalError(72, "Invalid interactive type")
    action = _object(interactive, "action", 94)
    if kind != "product":
        body = _object(interactive, "body", 94)
        _needed(body, "text", 94)
    if kind == "product_list" or "header" in interactive:
        header = _object(interactive, "header", 94)
        if header.get("type") not in HEADERS:
            raise MoceanRefusalError(94, "header")
    if kind == "button":
        _buttons(_objects(action, "wa_buttons"))
    elif kind == "list":
        _needed(action, "button_text", 94)
        _rows(_sections(action, "rows"))
    elif kind == "product":
        _needed(action, "catalog_id", 94)
        _needed(action, "product_retailer_id", 94)
    else:
        _needed(action, "catalog_id", 94)
        for section in _sections(action, "product_items"):
            for item in _objects(section, "product_items"):
                _needed(item, "product_retailer_id", 94)


def _buttons(buttons: list[Mapping[str, object]]) -> None:
    if not 1 <= len(buttons) <= MOST_BUTTONS:
        raise MoceanRefusalError(94, "wa_buttons")
    ids = []
    for one in buttons:
        identifier = str(_needed(one, "id", 94))
        _needed(one, "title", 94)
        if identifier != identifier.strip():
            raise MoceanRefusalError(94, "wa_buttons: a blank around an id")
        ids.append(identifier)
    if len(set(ids)) < len(ids):
        raise MoceanRefusalError(94, "wa_buttons: an id twice")


def _sections(action: Mapping[str, object], of: str) -> list[Mapping[str, object]]:
    sections = _objects(action, "sections")
    if not 1 <= len(sections) <= MOST_SECTIONS:
        raise MoceanRefusalError(94, "sections")
    for section in sections:
        if len(sections) > 1:
            _needed(section, "title", 94)
        if not _objects(section, of):
            raise MoceanRefusalError(94, of)
    return sections


def _rows(sections: list[Mapping[str, object]]) -> None:
    ids: list[object] = []
    for section in sections:
        rows = _objects(section, "rows")
        if len(rows) > MOST_ROWS:
            raise MoceanRefusalError(94, "rows")
        for row in rows:
            ids.append(_needed(row, "id", 94))
            _needed(row, "title", 94)
    if len(set(map(str, ids))) < len(ids):
        raise MoceanRefusalError(94, "rows: an id twice")


def _needed(value: Mapping[str, object], name: str, code: int = 92) -> object:
    found = value.get(name)
    if found is None or found == "":
        raise MoceanRefusalError(code, f"{name} is missing")
    return found


def _object(value: Mapping[str, object], name: str, code: int) -> Mapping[str, object]:
    found = value.get(name)
    if not isinstance(found, Mapping):
        raise MoceanRefusalError(code, f"{name} is missing")
    return found


def _objects(value: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = value.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise MoceanRefusalError(94, name)
    return found
