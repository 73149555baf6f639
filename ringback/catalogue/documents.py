"""Catalogue: what other programs read about the events. A JSON Schema a type, an AsyncAPI document of the stream.

All of it is made from the models, and from what their fields mean (ringback.catalogue.meanings).
"""

import json
from pathlib import Path
from typing import Final

from pydantic import JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from ringback.catalogue.meanings import ENTRY, meaning
from ringback.schemas.events import EVENT_OF_DATA, Envelope, Event, EventType
from ringback.schemas.keys import Keys
from ringback.schemas.settings import Settings

Document = dict[str, JsonValue]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = "1"
"""Version of the events, as at the end of `dataschema`. A new field needs no new one: readers ignore what is new."""

KEYS: Final = Keys(Settings.model_fields["prefix"].default)


_ADVANCING: Final = EventType.MESSAGE_STATUS


def event_models() -> dict[EventType, type[Event]]:
    """Return the model of each event type."""
    return {EventType(event.model_fields["type"].default): event for event in EVENT_OF_DATA.values()}


def schema(kind: EventType) -> Document:
    """Make the JSON Schema of one event type: the whole event as Ringback writes it, in need of no other file."""
    model = event_models()[kind]
    made: Document = model.model_json_schema(mode="serialization", schema_generator=_AsWritten)
    identity: JsonValue = model.model_fields["dataschema"].default
    head: Document = {"$schema": DIALECT, "$id": identity}
    first = ("title", "description", "type", "required", "properties")
    return head | {name: made[name] for name in first} | made


def schemas() -> dict[str, JsonValue]:
    """Make the JSON Schemas of all event types, by type."""
    return {kind.value: schema(kind) for kind in event_models()}


def asyncapi() -> Document:
    """Make the AsyncAPI 3.0 document of the events stream, from the side of a program that reads it."""
    _, defined = models_json_schema(
        [(model, "serialization") for model in event_models().values()],
        ref_template="#/components/schemas/{model}",
        schema_generator=_AsWritten,
    )
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
            "schemas": defined["$defs"],
        },
    }


def documents() -> dict[str, str]:
    """Return the text of each file of the catalogue, by its name."""
    made: dict[str, JsonValue] = {f"{kind}.json": one for kind, one in schemas().items()}
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
    fields: dict[str, Document] = {
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
        "summary": _about(model),
        "contentType": "application/json",
        "payload": {"type": "object", "required": list(fields), "properties": dict(fields)},
    }


def _about(model: type[Envelope]) -> str:
    """Return what an event is about: what is said of its data."""
    data = model.model_fields["data"].annotation
    return (data.__doc__ or "").strip() if data else ""


class _AsWritten(GenerateJsonSchema):
    """JSON Schema of what is written: a field that may be null may be left out, any other is there."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: ARG002
    ) -> bool:
        """Whether a field is always there: whether it is never null."""
        inner = field["schema"]
        while inner["type"] == "default":
            inner = inner["schema"]
        return bool(inner["type"] != "nullable")

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        """Leave out titles that only repeat the field's name."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave out defaults: they are for who makes an event, not for who reads it."""
        return self.generate_inner(schema["schema"])

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Add what each field means, and call an event by its type."""
        made = super().model_schema(schema)
        model = schema["cls"]
        for name, one in made.get("properties", {}).items():
            one["description"] = meaning(model, name)
        if issubclass(model, Envelope):
            made["title"] = model.model_fields["type"].default
            made["description"] = _about(model)
        return made
