"""Samples: each callback of either provider as its document shows it, for `ringback trigger` to send.

Field names are dotted where the wire nests (`event_data.content.type`). Values are the documents' examples in the
documents' types; where an example has a placeholder ("end-user-phone-number"), a plausible value stands in its place.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from ringback.schemas.events import SEND_TYPES, EventType

MOCEAN_ZONE: Final = ZoneInfo("Asia/Kuala_Lumpur")
_CONVERSATION_WINDOW: Final = timedelta(hours=24)

SampleFields = Mapping[str, JsonValue]

_ASKED_BY: Final = {EventType.MESSAGE_SENT: "ctx.reply", EventType.CALL_PLACED: "ctx.send.call"}


class TriggerError(ValueError):
    """A callback that cannot be built as asked; the message says what to write instead."""


class UnknownSampleError(TriggerError):
    """There is no callback of this name."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """One sending of a callback: its time, and where its ids come from. `new_id` gives 32 hexadecimal digits."""

    now: datetime
    new_id: Callable[[], str]

    def bare_id(self) -> str:
        """Give an id as it is: My-Cool-SMS's `smsid` has 32 characters, WhatsApp's form is not documented."""
        return self.new_id()

    def dlr_msgid(self) -> str:
        """Give a message id that looks like the SMS document's `cust20013050311050614001`."""
        return f"cust{self.new_id()}"

    def lookup_msgid(self) -> str:
        """Give a message id that looks like the lookup document's `test0412143224000022.0002`."""
        return f"test{self.new_id()}.0002"

    def uuid(self) -> str:
        """Give a session or call uuid, with hyphens."""
        return str(UUID(hex=self.new_id()))

    def sms_text(self) -> str:
        """Give a text that no other callback has.

        An inbound SMS has no message id: two with the same text in the same second count as one.
        """
        return f"Hello World {self.new_id()[:8]}"

    def local_time(self) -> str:
        """Give `mocean-time`, which has no zone."""
        return f"{self.now.astimezone(MOCEAN_ZONE):%Y-%m-%d %H:%M:%S}"

    def unix_time(self) -> int:
        """Give UNIX seconds."""
        return int(self.now.timestamp())

    def conversation_end(self) -> int:
        """Give the UNIX time when a WhatsApp conversation opened now expires."""
        return int((self.now + _CONVERSATION_WINDOW).timestamp())


@dataclass(frozen=True, slots=True)
class Sample:
    """One callback as the provider sends it.

    `name` is its path below `/webhooks/`; `step`, where there is one, is the path's last segment and may be empty.
    `fresh` makes a field's value anew at each sending. `optional` are fields that the sample leaves out, each with an
    example that tells its type; `nullable` fields may be null on the wire. Where the document has an example for each
    value of one field (`varies_by`), `variants` holds them by that value, and `fields` is the usual one of them.
    """

    name: str
    about: str
    method: Literal["PUT", "POST"]
    format: Literal["form", "json"]
    fields: SampleFields
    fresh: Mapping[str, Callable[[Occasion], JsonValue]]
    optional: SampleFields = field(default_factory=dict)
    nullable: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    varies_by: str | None = None
    variants: Mapping[str, SampleFields] = field(default_factory=dict)
    step: str | None = None

    @property
    def examples(self) -> dict[str, JsonValue]:
        """Every field that the document knows, the usual ones first, each with an example value."""
        known = dict(self.fields)
        for extra in (*self.variants.values(), self.optional):
            for name, value in extra.items():
                known.setdefault(name, value)
        return known

    @property
    def settable(self) -> tuple[str, ...]:
        """Every name that `--set` accepts."""
        return (*self.examples, "step") if self.step is not None else tuple(self.examples)

    def usual(self, overrides: Mapping[str, str]) -> SampleFields:
        """Give the fields to start from: the document's example for the value that the caller asks for."""
        if self.varies_by is None:
            return self.fields
        return self.variants.get(overrides.get(self.varies_by, ""), self.fields)


def find(name: str) -> Sample:
    """Give the sample of this name; a leading slash or `webhooks/` does not matter."""
    short = name.strip("/").removeprefix("webhooks/")
    if short in SAMPLES:
        return SAMPLES[short]
    if short in SEND_TYPES:
        raise UnknownSampleError(
            f"no callback makes a {short}: it says what became of a send of ours; `ringback sim text HELP` makes one, "
            f"where a handler answers with {_ASKED_BY[EventType(short)]}"
        )
    raise UnknownSampleError(f'no callback is named "{name}"; {hint(short, SAMPLES)}')


def hint(name: str, known: Iterable[str]) -> str:
    """Say which known name is meant, or list them all."""
    names = list(known)
    # `text` for event_data.content.text, `from` for mocean-from: too short for difflib to see
    shortened = [each for each in names if name and each.endswith((f".{name}", f"-{name}", f"/{name}"))]
    nearest = shortened or difflib.get_close_matches(name, names, n=1)
    return f'did you mean "{nearest[0]}"?' if nearest else f"there are: {', '.join(names)}"


_END_USER: Final = "60123456789"
_OUR_NUMBER: Final = "60312345678"

_CALL: Final[SampleFields] = {
    "mocean-session-uuid": "5f2a1c7e-0c55-4d0b-8a1e-2f6b3c9d7e10",
    "mocean-call-uuid": "218fc2f6-fed8-11e9-952a-31afba325635",
    "mocean-from": _END_USER,
    "mocean-to": _OUR_NUMBER,
}
_NEW_CALL: Final = {"mocean-session-uuid": Occasion.uuid, "mocean-call-uuid": Occasion.uuid}
# no document has these two; call status callbacks seen in the wild do, and other voice callbacks may
_CALL_STATE: Final[SampleFields] = {"mocean-direction": "outbound", "mocean-status": "HANGUP"}

_CARRIERS: Final[SampleFields] = {
    "current_carrier.country": "MY",
    "current_carrier.name": "U Mobile",
    "current_carrier.network_code": "50218",
    "current_carrier.mcc": "502",
    "current_carrier.mnc": "18",
    "original_carrier.country": "MY",
    "original_carrier.name": "Maxis Mobile",
    "original_carrier.network_code": "50212",
    "original_carrier.mcc": "502",
    "original_carrier.mnc": "12",
}

_MESSAGE_ID: Final = "6a0f3d52c1b84e7f9d20517ce83ab946"
_REPLY_TO: Final = "c91d7e60f2a34b58a7e3049fb6d8125c"
_MEDIA: Final = "1013859600285441"


def _whatsapp_message(content: SampleFields, **envelope: JsonValue) -> SampleFields:
    """Put a content into the envelope that all inbound WhatsApp messages share."""
    data: SampleFields = {
        "channel_type": "WHATSAPP",
        "from_name": "Tom",
        "to": _OUR_NUMBER,
        **envelope,
        "timestamp": 1690124844,
    }
    return {
        "message_id": _MESSAGE_ID,
        "event_type": "message",
        **{f"event_data.{name}": value for name, value in data.items()},
        **{f"event_data.content.{name}": value for name, value in content.items()},
    }


def _whatsapp_status(status: str, **rest: JsonValue) -> SampleFields:
    """Put a delivery status into the envelope that all WhatsApp delivery reports share."""
    return {
        "message_id": _MESSAGE_ID,
        "event_type": "delivery-status",
        "event_data.channel_type": "WHATSAPP",
        "event_data.from": _END_USER,  # a report names the end user `from`, though the message went to them
        "event_data.to": _OUR_NUMBER,
        "event_data.meta_delivery_status": status,
        **{f"event_data.{name}": value for name, value in rest.items()},
    }


def _conversation(category: str, **rest: JsonValue) -> SampleFields:
    return {
        f"event_data.meta_whatsapp_conversation.{name}": value
        for name, value in {
            "conversation_id": "ad72a86d9cebac0950e3c38b5f77a473",
            **rest,
            "pricing_category": category,
        }.items()
    }


_WHATSAPP_MESSAGES: Final[Mapping[str, SampleFields]] = {
    "text": _whatsapp_message({"type": "text", "text": "Text message sent by end-user"}, forwarded=True),
    "audio": _whatsapp_message(
        {"type": "audio", "media_id": _MEDIA, "mime_type": "audio/ogg; codecs=opus", "voice": False}
    ),
    "document": _whatsapp_message(
        {
            "type": "document",
            "text": "Caption for document",
            "name": "example.pdf",
            "media_id": _MEDIA,
            "mime_type": "application/pdf",
        }
    ),
    "video": _whatsapp_message(
        {"type": "video", "text": "Caption for video", "media_id": _MEDIA, "mime_type": "video/mp4"}
    ),
    "image": _whatsapp_message(
        {"type": "image", "text": "Caption for image", "media_id": _MEDIA, "mime_type": "image/jpeg"}
    ),
    "sticker": _whatsapp_message(
        {"type": "sticker", "media_id": _MEDIA, "mime_type": "image/webp", "animated": True},
    ),
    "button": _whatsapp_message(
        {"type": "button", "text": "button1 text", "payload": "button1-payload"}, reply_to_msg_id=_REPLY_TO
    ),
    "reaction": _whatsapp_message({"type": "reaction", "text": "\u2764\ufe0f"}, reply_to_msg_id=_REPLY_TO),
    "interactive_button": _whatsapp_message(
        {"type": "interactive_button", "id": "button1_id", "title": "I opt for button1"}, reply_to_msg_id=_REPLY_TO
    ),
    "interactive_list": _whatsapp_message(
        {
            "type": "interactive_list",
            "id": "list_item1_id",
            "title": "Title of list item1",
            "description": "Description of list item1",
        },
        reply_to_msg_id=_REPLY_TO,
    ),
    "order": _whatsapp_message(
        {
            "type": "order",
            "catalog_id": "864331704878910",
            "product_items": [
                {"product_retailer_id": "91v3m1gh30", "currency": "MYR", "item_price": 0.05, "quantity": 2},
                {"product_retailer_id": "hhu8narwi5", "currency": "MYR", "item_price": 0.25, "quantity": 3},
            ],
        }
    ),
}

_WHATSAPP_STATUSES: Final[Mapping[str, SampleFields]] = {
    "sent": {
        **_whatsapp_status("sent", timestamp=1682668041),
        **_conversation("utility", expiration_timestamp=1681282080),
    },
    "delivered": {**_whatsapp_status("delivered", timestamp=1682669084), **_conversation("utility")},
    "read": _whatsapp_status("read", timestamp=1682670029),
    "failed": {
        **_whatsapp_status("failed"),
        "event_data.meta_error_details.error_code": 131047,
        "event_data.meta_error_details.error_title": "Re-engagement message",
        "event_data.meta_error_details.error_details": (
            "More than 24 hours have passed since the recipient last replied to the sender number."
        ),
    },
}

_SAMPLES: Final = (
    Sample(
        name="mocean/delivery-report",
        about="SMS delivery report (DLR)",
        method="PUT",
        format="form",
        fields={
            "mocean-from": _END_USER,  # the handset that got the SMS
            "mocean-to": "63001",
            "mocean-dlr-status": "1",
            "mocean-msgid": "cust20013050311050614001",
            "mocean-error-code": "0",
        },
        fresh={"mocean-msgid": Occasion.dlr_msgid},
    ),
    Sample(
        name="mocean/inbound-sms",
        about="inbound SMS (MO)",
        method="POST",
        format="form",
        fields={
            "mocean-from": _END_USER,
            "mocean-to": "63001",
            "mocean-keyword": "MOC",
            "mocean-text": "Hello World",
            "mocean-coding": "1",
            "mocean-time": "2018-12-30 23:59:59",
        },
        fresh={"mocean-text": Occasion.sms_text, "mocean-time": Occasion.local_time},
    ),
    Sample(
        name="mocean/number-lookup",
        about="result of an asynchronous number lookup",
        method="PUT",
        format="form",
        fields={
            "status": "0",
            "msgid": "test0412143224000022.0002",
            "to": _END_USER,
            **_CARRIERS,
            "ported": "ported",
        },
        fresh={"msgid": Occasion.lookup_msgid},
        optional={"err_msg": "Authorization failed"},
    ),
    Sample(
        name="mocean/whatsapp-inbound-message",
        about="WhatsApp message from an end user; event_data.content.type chooses the document's example",
        method="POST",
        format="json",
        fields=_WHATSAPP_MESSAGES["text"],
        fresh={"message_id": Occasion.bare_id, "event_data.timestamp": Occasion.unix_time},
        optional={
            "event_data.from": _END_USER,  # not documented for inbound messages, but taken if it comes
            "event_data.frequently_forwarded": True,
            "event_data.referred_product.catalog_id": "864331704878910",
            "event_data.referred_product.product_retailer_id": "91v3m1gh30",
            "event_data.content.referral.source_url": "https://fb_post_url",
            "event_data.content.referral.source_type": "post",
            "event_data.content.referral.source_id": "FB_ID",
            "event_data.content.referral.headline": "Example headline",
            "event_data.content.referral.body": "Example body",
            "event_data.content.referral.rich_media_type": "image",
            "event_data.content.referral.rich_media_url": "https://example_image_url",
        },
        varies_by="event_data.content.type",
        variants=_WHATSAPP_MESSAGES,
    ),
    Sample(
        name="mocean/whatsapp-delivery-status",
        about="WhatsApp delivery report; event_data.meta_delivery_status chooses the document's example",
        method="POST",
        format="json",
        fields=_WHATSAPP_STATUSES["delivered"],
        fresh={
            "message_id": Occasion.bare_id,
            "event_data.timestamp": Occasion.unix_time,
            "event_data.meta_whatsapp_conversation.expiration_timestamp": Occasion.conversation_end,
        },
        varies_by="event_data.meta_delivery_status",
        variants=_WHATSAPP_STATUSES,
    ),
    Sample(
        name="mocean/voice/answer",
        about="inbound call that wants Mocean Commands back",
        method="POST",
        format="form",
        fields=_CALL,
        fresh=_NEW_CALL,
        optional=_CALL_STATE,
    ),
    Sample(
        name="mocean/voice/collect",
        about="digits that a caller pressed; step is the end of the path",
        method="POST",
        format="form",
        fields={**_CALL, "mocean-digits": "1"},
        fresh=_NEW_CALL,
        optional=_CALL_STATE,
        step="menu",
    ),
    Sample(
        name="mocean/voice/status",
        about="call status, sent to the mocean-event-url of a call",
        method="POST",
        format="form",
        fields={**_CALL, **_CALL_STATE},
        fresh=_NEW_CALL,
    ),
    Sample(
        name="mycoolsms/delivery-report",
        about="pushDeliveryReport",
        method="POST",
        format="json",
        fields={"smsid": "498673a1f58df975ab95da33884d9e14", "status": "SMS_STATUS_DELIVERED"},
        fresh={"smsid": Occasion.bare_id},
        headers={
            "User-Agent": "My-Cool-SMS Delivery Report",
            "Cache-Control": "no-cache",
            "Connection": "close",
        },
    ),
    Sample(
        name="mycoolsms/inbound-sms",
        about="pushIncomingSms",
        method="POST",
        format="json",
        # as in the document, though there the three bodies and numchars do not agree
        fields={
            "from": "+1230987654321",
            "fromcountrycode": "US",
            "to": "+440987654321",
            "unicode": False,
            "smscount": 1,
            "body": "Have a nice day with incoming SMS!",
            "bodyucs2": "0048006100760065002000610020006e00690063006500200064",
            "bodygsm7": "5374616666206D6565746925",
            "numchars": 54,
            "escapenumchars": 0,
            "cost": "0.010",
        },
        fresh={},
        nullable=frozenset({"fromcountrycode", "bodygsm7"}),
        headers={
            "User-Agent": "My-Cool-SMS Incoming SMS Callback",
            "Cache-Control": "no-cache",
            "Connection": "close",
        },
    ),
)

SAMPLES: Final[Mapping[str, Sample]] = {sample.name: sample for sample in _SAMPLES}
