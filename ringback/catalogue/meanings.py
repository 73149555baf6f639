"""Meanings: what each field of an event and of a stream entry means. Written here, and nowhere else.

`docs/events.md` has the same words, which a test sees to; the JSON Schemas take them from here
(ringback.catalogue.documents).
"""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from ringback.schemas.address import Address
from ringback.schemas.event_data import (
    CallData,
    CallInput,
    CallPlaced,
    CallStatus,
    Carrier,
    Content,
    Conversation,
    Cost,
    Data,
    Error,
    LookupCompleted,
    MessageReceived,
    MessageSent,
    MessageStatus,
    ProductItem,
    Referral,
    ReferredProduct,
    SendData,
)
from ringback.schemas.events import Envelope

FIELDS: Final[Mapping[type[BaseModel], Mapping[str, str]]] = {
    Envelope: {
        "specversion": "Version of CloudEvents.",
        "id": "Names the event. A provider's repeat of a callback has the same one.",
        "source": "`/<provider>/<account>`.",
        "type": "Which of the types it is, and so what `data` has.",
        "subject": "Id of the message, call or lookup; absent where the provider gave none.",
        "time": "When it happened, RFC 3339 in UTC. The receive time where the provider gives none.",
        "datacontenttype": "Media type of `data`.",
        "dataschema": "`$id` of this event's JSON Schema.",
        "provider": "`mocean` or `mycoolsms`.",
        "account": "Account whose token the callback came with, or whose send it is.",
        "receivedat": "When Ringback received it, or decided what became of a send, RFC 3339 in UTC.",
        "partitionkey": "Events with the same key belong in order.",
        "data": "What happened.",
    },
    Data: {
        "context": "The `ctx.` parameters of the callback URL, without `ctx.`. Of a send: its own, and `send`.",
        "raw": "Every field of the callback as received, also unknown ones, without the secret. Empty for a send.",
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
    SendData: {
        "ref": "Names the send, as `ctx.reply` and `ctx.send` returned it. Reports have it in `data.context.send`.",
        "status": "What became of it, as far as is known now.",
        "error": "Why it was refused, or why nobody knows what became of it. Absent for `accepted`.",
        "handler": "Name of the handler that asked for it. Absent for a send from outside handlers.",
        "cause": "Id of the event that the handler was run on. Absent for a send from outside handlers.",
    },
    MessageSent: {
        "channel": "What is to carry the message.",
        "message_id": "The provider's id, which `message.status` has too. Absent unless accepted.",
        "sender": "Our own number or name. Absent where the send named none, so that the account's own was used.",
        "recipient": "The end user.",
        "segments": "How many SMS the text took. SMS only. Absent unless accepted.",
        "cost": "What sending it cost. My-Cool-SMS only.",
    },
    CallPlaced: {
        "session_id": "The provider's id of the session, which all events of the call have. Absent unless accepted.",
        "call_id": "The provider's id of the call. Absent unless accepted.",
        "caller": "Our own number. Absent where the send named none.",
        "callee": "The end user.",
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
        "code": "The provider's number. Absent where it sent none that can be read, and where it was not asked.",
        "name": "A few words: the document's first sentence, Meta's title, or ours, such as `opted_out`.",
        "description": "All that is said of it: the document's text, Meta's details, or the provider's `err_msg`.",
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


def meaning(model: type[BaseModel], field: str) -> str:
    """Return what a model's field means. Raises KeyError where nobody has written it down."""
    for base in model.__mro__:
        if issubclass(base, BaseModel) and field in FIELDS.get(base, {}):
            return FIELDS[base][field]
    raise KeyError(f"ringback/catalogue/meanings.py: FIELDS does not say what {model.__name__}.{field} means")
