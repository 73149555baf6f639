"""Catalogue: what other programs read about the events. A JSON Schema a type, an AsyncAPI document of the stream.

All of it is made from the types of events, whose fields say what they mean.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec.json import schema_components

from ringback.catalogue.meanings import ENTRY, TYPE
from ringback.schemas.events import DATA_OF_TYPE, EVENT_OF_DATA, Event, EventType
from ringback.schemas.keys import Keys
from ringback.schemas.parts import Word
from ringback.schemas.settings import Settings

Document = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = "1"
"""Version of the events, as at the end of `dataschema`. A new field needs no new one: readers ignore what is new."""

KEYS: Final = Keys(Settings.model_fields["prefix"].default)


_NULL: Final = {"type": "null"}
_ADVANCING: Final = EventType.MESSAGE_STATUS


def event_models() -> dict[EventType, type[Event]]:
    """Return the model of each event type."""
    return {event.type: event for event in EVENT_OF_DATA.values()}


def schema(kind: EventType) -> Document:
    """Make the JSON Schema of one event type: the whole event as Ringback writes it, in need of no other file."""
    model = event_models()[kind]
    parts = _as_written([model], "#/$defs/{name}")
    made = parts.pop(model.__name__)
    head: Document = {"$schema": DIALECT, "$id": made["properties"]["dataschema"]["const"]}
    return head | made | {"$defs": parts}


def schemas() -> dict[str, Document]:
    """Make the JSON Schemas of all event types, by type."""
    return {kind.value: schema(kind) for kind in event_models()}


def asyncapi() -> Document:
    """Make the AsyncAPI 3.0 document of the events stream, from the side of a program that reads it."""
    kinds = [kind.value for kind in event_models()]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ringback events",
            "version": VERSION,
            "description": "The Redis stream of telephony events, for a program that reads it.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "redis": {
                "host": "{host}",
                "protocol": "redis",
                "description": "The Redis of `RINGBACK_REDIS_URL`.",
                "variables": {"host": {"default": "127.0.0.1:6379", "description": "Host and port."}},
            }
        },
        "channels": {
            "events": {
                "address": KEYS.events,
                "title": "Events",
                "description": (
                    "A Redis stream, an entry an event. Read it with a consumer group of your own. "
                    "`RINGBACK_PREFIX` changes what stands before the colon."
                ),
                "servers": [{"$ref": "#/servers/redis"}],
                "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
            }
        },
        "operations": {
            "readEvents": {
                "action": "receive",
                "title": "Read events",
                "channel": {"$ref": "#/channels/events"},
                "messages": [{"$ref": f"#/channels/events/messages/{kind}"} for kind in kinds],
            }
        },
        "components": {
            "messages": {kind.value: _message(kind, model) for kind, model in event_models().items()},
            "schemas": _as_written(list(event_models().values()), "#/components/schemas/{name}"),
        },
    }


def documents() -> dict[str, str]:
    """Return the text of each file of the catalogue, by its name."""
    made = {f"{kind}.json": one for kind, one in schemas().items()}
    made["asyncapi.json"] = asyncapi()
    return {name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in made.items()}


def write(folder: Path) -> list[Path]:
    """Write the catalogue's files into a folder, which is made if need be; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in documents().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _message(kind: EventType, model: type[Event]) -> Document:
    """Describe a stream entry: flat strings, as Redis has them, one of which holds the event."""
    fields: Document = {
        name: {"type": "string", "description": told}
        for name, told in ENTRY.items()
        if name != "advanced" or kind is _ADVANCING
    }
    fields["type"]["const"] = kind.value
    # contentSchema came with 2019-09, after AsyncAPI's draft 07: there it does no harm, and it says what is inside.
    fields["event"]["contentMediaType"] = "application/json"
    fields["event"]["contentSchema"] = {"$ref": f"#/components/schemas/{model.__name__}"}
    if kind is _ADVANCING:
        fields["advanced"]["enum"] = ["0", "1"]
    return {
        "name": kind.value,
        "title": kind.value,
        "summary": DATA_OF_TYPE[kind].__doc__,
        "contentType": "application/json",
        "payload": {"type": "object", "required": list(fields), "properties": dict(fields)},
    }


def _as_written(models: Sequence[type[Event]], reference: str) -> dict[str, Document]:
    """Make the schemas of events and of what they are made of, by name, for who reads what is written.

    An event is called by its type. A field that may be null may be left out, any other is there: defaults are for who
    makes an event.
    """
    _, parts = schema_components(models, ref_template=reference)
    words = {one.__name__: [word.value for word in one] for one in Word.__subclasses__()}
    for name, part in parts.items():
        if name in words:
            part |= {"type": "string", "enum": words[name]}  # in its own order
        else:
            part["properties"] = {field: _field(one) for field, one in part["properties"].items()}
            part["required"] = [field for field, one in part["properties"].items() if _NULL not in one.get("anyOf", ())]
    for model in models:
        part = parts[model.__name__]
        part |= {"title": model.type.value, "description": DATA_OF_TYPE[model.type].__doc__}
        part["properties"]["type"]["description"] = TYPE
    return dict(sorted(parts.items()))


def _field(made: Document) -> Document:
    made.pop("default", None)
    if "enum" not in made:
        return made
    (constant,) = made.pop("enum")
    return {"const": constant, "type": "string", **made}
