"""Catalogue: what other programs read about the events. A JSON Schema a type, an AsyncAPI document of the stream.

All of it is made from the models. What a field means is written here, and nowhere else: `docs/events.md` has the same
words, which a test sees to.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from schemas.address import Address
from schemas.event_data import (
    CallData,
    CallInput,
    CallStatus,
    Carrier,
    Content,
    Conversation,
    Cost,
    Data,
    Error,
    LookupCompleted,
    MessageReceived,
    MessageStatus,
    ProductItem,
    Referral,
    ReferredProduct,
)
from schemas.events import EVENT_OF_DATA, Envelope, Event, EventType
from schemas.keys import Keys
from schemas.settings import Settings

Document = dict[str, JsonValue]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
VERSION: Final = "1"
"""Version of the events, as at the end of `dataschema`. A new field needs no new one: readers ignore what is new."""

KEYS: Final = Keys(Settings.model_fields["prefix"].default)

FIELDS: Final[Mapping[type[BaseModel], Mapping[str, str]]] = {
    Envelope: {
        "specversion": "Version of CloudEvents.",
        "id": "Names the event. A provider's repeat of a callback has the same one.",
        "source": "`/<provider>/<account>`.",
        "type": "Which of the six types it is, and so what `data` has.",
        "subject": "Id of the message, call or lookup; absent where the callback has none.",
        "time": "When it happened, RFC 3339 in UTC. The receive time where the provider gives none.",
        "datacontenttype": "Media type of `data`.",
        "dataschema": "`$id` of this event's JSON Schema.",
        "provider": "`mocean` or `mycoolsms`.",
        "account": "Account whose token the callback came with.",
        "receivedat": "When Ringback received it, RFC 3339 in UTC.",
        "partitionkey": "Events with the same key belong in order.",
        "data": "What happened.",
    },
    Data: {
        "context": "The `ctx.` parameters of the callback URL, without `ctx.`.",
        "raw": "Every field of the callback as received, also unknown ones, without the secret.",
        "flags": "What was odd about the callback.",
    },
    MessageReceived: {
        "channel": "What carried the message.",
        "message_id": "The provider's id. WhatsApp only: an inbound SMS has none.",
        "sender": "The end user. Absent on WhatsApp unless a `from` came.",
        "sender_name": "The end user's profile name. WhatsApp only.",
        "recipient": "Our number.",
        "text": "Text, caption, button text or title: what a person would read. Absent for the other contents.",
        "content": "The whole content, for an SMS too.",
        "keyword": "Keyword that the message was matched by. Mocean SMS only.",
        "encoding": "Alphabet that an SMS travelled in.",
        "segments": "How many SMS the text took. My-Cool-SMS only.",
        "cost": "What receiving it cost. My-Cool-SMS only.",
        "reply_to": "Id of the message that this one answers. WhatsApp only.",
        "forwarded": "Whether it was forwarded. WhatsApp only.",
        "frequently_forwarded": "Whether it was forwarded many times. WhatsApp only.",
        "referral": "The ad or post that it answers. WhatsApp only.",
        "referred_product": "The catalogue item that it asks about. WhatsApp only.",
    },
    MessageStatus: {
        "channel": "What carried the message.",
        "message_id": "The provider's id, as the answer to the send request had it.",
        "status": "Where the message is.",
        "final": "Whether the provider will report nothing further, save that `delivered` may overtake a failure.",
        "sender": "Our own number or name. Not in My-Cool-SMS reports.",
        "recipient": "The end user's number. Not in My-Cool-SMS reports.",
        "error": "What went wrong. Absent without an error, and for code 0.",
        "conversation": "The conversation that the message is billed under. WhatsApp only.",
    },
    LookupCompleted: {
        "lookup_id": "The provider's id of the lookup.",
        "number": "The number that was looked up.",
        "status": "Whether there is a result.",
        "current_carrier": "The network that the number is in now. Absent where it is unknown.",
        "original_carrier": "The network that the number was in at first. Absent where it is unknown.",
        "ported": "Whether the number has moved to another network.",
        "error": "Why there is no result.",
    },
    CallData: {
        "session_id": "Id of the session that the call is part of.",
        "call_id": "Id of the call.",
        "caller": "Who calls.",
        "callee": "Who is called.",
    },
    CallInput: {
        "step": "The step that `mc.collect(step=…)` named; absent where the URL has none.",
        "digits": "What was pressed, without a terminator; empty for nothing.",
        "no_input": "Whether nothing was pressed in time.",
    },
    CallStatus: {
        "status": "The provider's word in lower case, such as `answered` or `hangup`. An open list.",
        "direction": "The provider's word, such as `outbound`, as received.",
    },
    Address: {
        "value": "The canonical form: `+60123456789`, `63001`, `MyCompany`.",
        "kind": "What it is, judged by its form alone.",
        "raw": "What the provider sent.",
        "country": "ISO 3166 alpha-2. Absent where neither the provider nor the number decides it.",
    },
    Content: {
        "type": "What the message is made of.",
        "text": "Text, caption, button text, or emoji of a reaction; empty for a removed reaction (*assumed*).",
        "payload": "Payload of a pressed quick-reply button.",
        "media_id": "Id to fetch the file by: audio, document, video, image, sticker.",
        "mime_type": "Media type of the file.",
        "name": "File name of a document.",
        "voice": "Whether an audio is a voice note.",
        "animated": "Whether a sticker is animated.",
        "id": "Id of the chosen button or list item.",
        "title": "Title of the chosen button or list item.",
        "description": "Description of the chosen list item.",
        "catalog_id": "Id of the catalogue that an order is from.",
        "product_items": "Lines of an order.",
    },
    ProductItem: {
        "product_retailer_id": "Id of the product in its catalogue.",
        "currency": "ISO 4217.",
        "item_price": "Price of one, a decimal number.",
        "quantity": "How many.",
    },
    Cost: {
        "amount": "A decimal number, with the zeros that were sent.",
        "currency": "ISO 4217; `EUR` is *assumed*.",
    },
    Referral: {
        "source_url": "URL of the ad or post.",
        "source_type": "What it is: `ad`, `post` or `unknown`.",
        "source_id": "Facebook's id of it.",
        "headline": "Its headline.",
        "body": "Its text.",
        "rich_media_type": "What its media is: `image`, `video` or `unknown`.",
        "rich_media_url": "Where its media is.",
    },
    ReferredProduct: {
        "catalog_id": "Id of the catalogue.",
        "product_retailer_id": "Id of the product in it.",
    },
    Error: {
        "code": "The provider's number. Absent where what was sent is no number.",
        "name": "A few words: the document's first sentence, or Meta's title.",
        "description": "All that is said of it: the document's text, Meta's details, or a lookup's `err_msg`.",
        "permanent": "Whether trying again is pointless; absent where that cannot be said. Our judgement.",
    },
    Conversation: {
        "id": "Meta's id of the conversation.",
        "expires_at": "When it ends, RFC 3339 in UTC.",
        "category": "What it is billed as.",
    },
    Carrier: {
        "country": "The provider's word for the country, mostly ISO 3166 alpha-2.",
        "name": "Name of the network.",
        "network_code": "The provider's own id of the network; not always `mcc` followed by `mnc`.",
        "mcc": "Mobile country code, with its zeros.",
        "mnc": "Mobile network code, with its zeros.",
    },
}
"""What each field means, by the model that declares it."""

ENTRY: Final[Mapping[str, str]] = {
    "id": "The event's `id`.",
    "type": "The event's `type`.",
    "provider": "The event's `provider`.",
    "account": "The event's `account`.",
    "event": "The whole event, as JSON.",
    "advanced": "`1` if it moved its message's status forward, else `0`. Only with `message.status`.",
}
"""What each field of a stream entry means."""

_ADVANCING: Final = EventType.MESSAGE_STATUS


def event_models() -> dict[EventType, type[Event]]:
    """Give the model of each event type."""
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
    """Give the text of each file of the catalogue, by its name."""
    made: dict[str, JsonValue] = {f"{kind}.json": one for kind, one in schemas().items()}
    made["asyncapi.json"] = asyncapi()
    return {name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in made.items()}


def write(folder: Path) -> list[Path]:
    """Write the catalogue's files into a folder, which is made if need be; give their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in documents().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def meaning(model: type[BaseModel], field: str) -> str:
    """Say what a model's field means. Raises KeyError where nobody has written it down."""
    for base in model.__mro__:
        if issubclass(base, BaseModel) and field in FIELDS.get(base, {}):
            return FIELDS[base][field]
    raise KeyError(f"ringback/catalogue.py: FIELDS does not say what {model.__name__}.{field} means")


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
    """Say what an event is about: what is said of its data."""
    data = model.model_fields["data"].annotation
    return (data.__doc__ or "").strip() if data else ""


class _AsWritten(GenerateJsonSchema):
    """JSON Schema of what is written: a field that may be null may be left out, any other is there."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: ARG002
    ) -> bool:
        """Tell whether a field is always there: whether it is never null."""
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
