"""Mocean WhatsApp callbacks (document: "WhatsApp API"). JSON. The document does not say whether they are repeated."""

from typing import Final

from ringback.receiver.parsing.callbacks import Callbacks, Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.times import unix_time
from ringback.receiver.parsing.values import amount, choice, limited
from ringback.receiver.providers.mocean.parties import parties
from ringback.schemas.event_data import (
    Category,
    Channel,
    Content,
    ContentType,
    Conversation,
    Error,
    MessageReceived,
    MessageStatus,
    ProductItem,
    Referral,
    ReferredProduct,
    Status,
)

CHANNEL_TYPE: Final = frozenset({"whatsapp"})
REPORT_EVENT_TYPE: Final = frozenset({"delivery-status"})
MESSAGE_EVENT_TYPE: Final = frozenset({"message"})
SOURCE_TYPE: Final = frozenset({"ad", "post"})
RICH_MEDIA_TYPE: Final = frozenset({"image", "video"})
WHATSAPP_STATUS: Final = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "failed": Status.FAILED,
}
WHATSAPP_FINAL: Final = frozenset({Status.READ, Status.FAILED})  # a delivered message may yet be read
CATEGORY: Final = {category.value: category for category in Category if category is not Category.UNKNOWN}
CONTENT_TYPE: Final = {type_.value: type_ for type_ in ContentType if type_ is not ContentType.UNKNOWN}
TEXT_FIELD: Final = {  # what of a content a person would read out; the others have nothing to read
    ContentType.TEXT: "text",
    ContentType.DOCUMENT: "text",
    ContentType.VIDEO: "text",
    ContentType.IMAGE: "text",
    ContentType.BUTTON: "text",
    ContentType.INTERACTIVE_BUTTON: "title",
    ContentType.INTERACTIVE_LIST: "title",
    ContentType.UNKNOWN: "text",
}
# The document only links to Meta's list of codes. These are the ones that can be judged; the rest say nothing.
META_PASSING: Final = frozenset({2, 4, 80007, 130429, 131016, 131048, 131049, 131056, 131057, 133004})
META_PERMANENT: Final = frozenset(
    {3, 10, 33, 100, 190, 131005, 131008, 131009, 131021, 131026, 131030, 131031, 131042, 131045, 131047, 131051}
    | {132000, 132001, 132005, 132007, 132012, 132016, 133010}
)

callbacks = Callbacks("mocean")


@callbacks.at("/whatsapp-delivery-status", method="POST", needs=("message_id", "event_data.meta_delivery_status"))
def whatsapp_status(fields: Fields) -> Normalised:
    """WhatsApp API, "Delivery Report". As in an SMS report `from` is the end user, who got the message."""
    message_id = fields.identifier("message_id") or ""
    limited(fields, "event_type", REPORT_EVENT_TYPE)
    report = fields.part("event_data")
    limited(report, "channel_type", CHANNEL_TYPE)
    status = choice(report, "meta_delivery_status", WHATSAPP_STATUS, Status.UNKNOWN, "status") or Status.UNKNOWN
    word = report.word("meta_delivery_status") or "" if status is Status.UNKNOWN else status.value
    recipient, sender = parties(report, "from", "to")
    return Normalised(
        subject=message_id,
        identity=(message_id, word),
        time=unix_time(report, "timestamp"),
        data=MessageStatus(
            channel=Channel.WHATSAPP,
            message_id=message_id,
            status=status,
            final=status in WHATSAPP_FINAL,
            sender=sender,
            recipient=recipient,
            error=meta_error(report.part("meta_error_details")),
            conversation=conversation(report.part("meta_whatsapp_conversation")),
        ),
        party=recipient.value if recipient else None,
    )


@callbacks.at("/whatsapp-inbound-message", method="POST", needs=("message_id", "event_data.content.type"))
def whatsapp_message(fields: Fields) -> Normalised:
    """WhatsApp API, "Receive Whatsapp". No `from` is documented, only a profile name; one that comes is taken."""
    message_id = fields.identifier("message_id") or ""
    limited(fields, "event_type", MESSAGE_EVENT_TYPE)
    message = fields.part("event_data")
    limited(message, "channel_type", CHANNEL_TYPE)
    sent = message.part("content")
    content = whatsapp_content(sent)
    sender = message.address("from")
    return Normalised(
        subject=message_id,
        identity=(message_id,),
        time=unix_time(message, "timestamp"),
        data=MessageReceived(
            channel=Channel.WHATSAPP,
            message_id=message_id,
            sender=sender,
            sender_name=message.text("from_name"),
            recipient=message.address("to"),
            text=sent.text(TEXT_FIELD[content.type]) if content.type in TEXT_FIELD else None,
            content=content,
            reply_to=message.identifier("reply_to_msg_id"),
            forwarded=message.boolean("forwarded"),
            frequently_forwarded=message.boolean("frequently_forwarded"),
            referral=referral(sent.part("referral")),
            referred_product=referred_product(message.part("referred_product")),
        ),
        party=sender.value if sender else None,
    )


def meta_error(details: Fields) -> Error | None:
    """Return Meta's reason for a failure."""
    code = details.integer("error_code")
    name, description = details.word("error_title"), details.word("error_details")
    if code == 0 or (details.word("error_code") is None and name is None and description is None):
        return None
    permanent = True if code in META_PERMANENT else False if code in META_PASSING else None
    return Error(code=code, name=name, description=description, permanent=permanent)


def conversation(fields: Fields) -> Conversation | None:
    """Return the conversation that a message is billed under; a read receipt or a failure has none."""
    if not fields.raw:
        return None
    return Conversation(
        id=fields.identifier("conversation_id"),
        expires_at=unix_time(fields, "expiration_timestamp"),
        category=choice(fields, "pricing_category", CATEGORY, Category.UNKNOWN, "category"),
    )


def whatsapp_content(fields: Fields) -> Content:
    """Read "Receive Whatsapp Content"."""
    type_ = choice(fields, "type", CONTENT_TYPE, ContentType.UNKNOWN, "content-type") or ContentType.UNKNOWN
    text = fields.text("text")
    if text is None and type_ is ContentType.REACTION:
        text = ""  # assumed: the document has an empty text remove a reaction that we sent
    items = tuple(
        ProductItem(
            product_retailer_id=item.word("product_retailer_id"),
            currency=item.word("currency"),
            item_price=amount(item, "item_price"),
            quantity=item.integer("quantity"),
        )
        for item in fields.parts("product_items")
    )
    return Content(
        type=type_,
        text=text,
        payload=fields.text("payload"),
        media_id=fields.word("media_id"),
        mime_type=fields.word("mime_type"),
        name=fields.text("name"),
        voice=fields.boolean("voice"),
        animated=fields.boolean("animated"),
        id=fields.text("id"),
        title=fields.text("title"),
        description=fields.text("description"),
        catalog_id=fields.word("catalog_id"),
        product_items=items or None,
    )


def referral(fields: Fields) -> Referral | None:
    """Return the ad or post that a message answers."""
    if not fields.raw:
        return None
    return Referral(
        source_url=fields.word("source_url"),
        source_type=limited(fields, "source_type", SOURCE_TYPE),
        source_id=fields.word("source_id"),
        headline=fields.text("headline"),
        body=fields.text("body"),
        rich_media_type=limited(fields, "rich_media_type", RICH_MEDIA_TYPE),
        rich_media_url=fields.word("rich_media_url"),
    )


def referred_product(fields: Fields) -> ReferredProduct | None:
    """Return the catalogue item that a message asks about."""
    if not fields.raw:
        return None
    return ReferredProduct(catalog_id=fields.word("catalog_id"), product_retailer_id=fields.word("product_retailer_id"))
