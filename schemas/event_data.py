"""The data of events: what happened, in eight kinds, and the parts that they are made of (contract, section 2)."""

from typing import Annotated, Any, Final

from msgspec import Meta, field

from ringback.schemas.address import Address
from ringback.schemas.parts import JsonValue, Part, Time, Word


class Channel(Word):
    """What carried a message."""

    SMS = "sms"
    WHATSAPP = "whatsapp"


class Status(Word):
    """Where a message is, from the least far to the furthest; `unknown` never counts."""

    QUEUED = "queued"
    SENT = "sent"
    DELAYED = "delayed"
    EXPIRED = "expired"
    BOUNCED = "bounced"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    UNKNOWN = "unknown"


STATUS_RANK: Final = {status: rank for rank, status in enumerate(Status, 1) if status is not Status.UNKNOWN}
"""Status order (contract, section 4, promise 4); `unknown` never counts."""


class Encoding(Word):
    """Alphabet in which an SMS travelled."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    UNKNOWN = "unknown"


class ContentType(Word):
    """What a received message is made of."""

    TEXT = "text"
    AUDIO = "audio"
    DOCUMENT = "document"
    VIDEO = "video"
    IMAGE = "image"
    STICKER = "sticker"
    BUTTON = "button"
    REACTION = "reaction"
    INTERACTIVE_BUTTON = "interactive_button"
    INTERACTIVE_LIST = "interactive_list"
    ORDER = "order"
    UNKNOWN = "unknown"


class Category(Word):
    """Meta's pricing category of a WhatsApp conversation."""

    AUTHENTICATION = "authentication"
    MARKETING = "marketing"
    UTILITY = "utility"
    SERVICE = "service"
    REFERRAL_CONVERSION = "referral_conversion"
    UNKNOWN = "unknown"


class LookupStatus(Word):
    """Whether a number lookup gave a result."""

    OK = "ok"
    FAILED = "failed"


class Ported(Word):
    """Whether a number has moved to another operator."""

    PORTED = "ported"
    NOT_PORTED = "not_ported"
    UNKNOWN = "unknown"


class SendStatus(Word):
    """What became of something that we sent, or were asked to send."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    EXPIRED = "expired"


class Cost(Part, frozen=True, kw_only=True):
    """A price: `amount` as a decimal string, `currency` in ISO 4217."""

    amount: Annotated[str, Meta(description="A decimal number, with the zeros that were sent.")]
    currency: Annotated[str, Meta(description="ISO 4217; `EUR` is *assumed*.")]


class ProductItem(Part, frozen=True, kw_only=True):
    """A line of an order; `item_price` is a decimal string."""

    product_retailer_id: Annotated[str | None, Meta(description="Id of the product in its catalogue.")] = None
    currency: Annotated[str | None, Meta(description="ISO 4217.")] = None
    item_price: Annotated[str | None, Meta(description="Price of one, a decimal number.")] = None
    quantity: Annotated[int | None, Meta(description="How many.")] = None


class Content(Part, frozen=True, kw_only=True):
    """What a message consists of, with the field names of Mocean's "Receive Whatsapp Content"."""

    type: Annotated[ContentType, Meta(description="What the message is made of.")]
    text: Annotated[
        str | None,
        Meta(
            description="Text, caption, button text, or emoji of a reaction; empty for a removed reaction (*assumed*)."
        ),
    ] = None
    payload: Annotated[str | None, Meta(description="Payload of a pressed quick-reply button.")] = None
    media_id: Annotated[
        str | None, Meta(description="Id to fetch the file by: audio, document, video, image, sticker.")
    ] = None
    mime_type: Annotated[str | None, Meta(description="Media type of the file.")] = None
    name: Annotated[str | None, Meta(description="File name of a document.")] = None
    voice: Annotated[bool | None, Meta(description="Whether an audio is a voice note.")] = None
    animated: Annotated[bool | None, Meta(description="Whether a sticker is animated.")] = None
    id: Annotated[str | None, Meta(description="Id of the chosen button or list item.")] = None
    title: Annotated[str | None, Meta(description="Title of the chosen button or list item.")] = None
    description: Annotated[str | None, Meta(description="Description of the chosen list item.")] = None
    catalog_id: Annotated[str | None, Meta(description="Id of the catalogue that an order is from.")] = None
    product_items: Annotated[tuple[ProductItem, ...] | None, Meta(description="Lines of an order.")] = None


class Referral(Part, frozen=True, kw_only=True):
    """The Facebook ad or post that a message answers."""

    source_url: Annotated[str | None, Meta(description="URL of the ad or post.")] = None
    source_type: Annotated[str | None, Meta(description="What it is: `ad`, `post` or `unknown`.")] = None
    source_id: Annotated[str | None, Meta(description="Facebook's id of it.")] = None
    headline: Annotated[str | None, Meta(description="Its headline.")] = None
    body: Annotated[str | None, Meta(description="Its text.")] = None
    rich_media_type: Annotated[str | None, Meta(description="What its media is: `image`, `video` or `unknown`.")] = None
    rich_media_url: Annotated[str | None, Meta(description="Where its media is.")] = None


class ReferredProduct(Part, frozen=True, kw_only=True):
    """The catalogue item that a message asks about."""

    catalog_id: Annotated[str | None, Meta(description="Id of the catalogue.")] = None
    product_retailer_id: Annotated[str | None, Meta(description="Id of the product in it.")] = None


class Error(Part, frozen=True, kw_only=True):
    """Why something failed. `permanent`: whether trying again is pointless; null where it cannot be said."""

    code: Annotated[
        int | None,
        Meta(
            description="The provider's number. Absent where it sent none that can be read, and where it was not asked."
        ),
    ] = None
    name: Annotated[
        str | None,
        Meta(description="A few words: the document's first sentence, Meta's title, or ours, such as `opted_out`."),
    ] = None
    description: Annotated[
        str | None,
        Meta(description="All that is said of it: the document's text, Meta's details, or the provider's `err_msg`."),
    ] = None
    permanent: Annotated[
        bool | None,
        Meta(description="Whether trying again is pointless; absent where that cannot be said. Our judgement."),
    ] = None


class Conversation(Part, frozen=True, kw_only=True):
    """The WhatsApp conversation that a message is billed under."""

    id: Annotated[str | None, Meta(description="Meta's id of the conversation.")] = None
    expires_at: Annotated[Time | None, Meta(description="When it ends, RFC 3339 in UTC.")] = None
    category: Annotated[Category | None, Meta(description="What it is billed as.")] = None


class Carrier(Part, frozen=True, kw_only=True):
    """A mobile network. Codes are strings with their leading zeros; `network_code` is the provider's own id."""

    country: Annotated[
        str | None, Meta(description="The provider's word for the country, mostly ISO 3166 alpha-2.")
    ] = None
    name: Annotated[str | None, Meta(description="Name of the network.")] = None
    network_code: Annotated[
        str | None, Meta(description="The provider's own id of the network; not always `mcc` followed by `mnc`.")
    ] = None
    mcc: Annotated[str | None, Meta(description="Mobile country code, with its zeros.")] = None
    mnc: Annotated[str | None, Meta(description="Mobile network code, with its zeros.")] = None


def _nothing() -> dict[str, Any]:
    return {}


class Data(Part, frozen=True, kw_only=True):
    """What every event's `data` has beside its own fields."""

    context: Annotated[
        dict[str, str],
        Meta(description="The `ctx.` parameters of the callback URL, without `ctx.`. Of a send: its own, and `send`."),
    ] = field(default_factory=_nothing)
    raw: Annotated[
        dict[str, JsonValue],
        Meta(
            description="Every field of the callback as received, also unknown ones, without the secret. Empty for a "
            "send."
        ),
    ] = field(default_factory=_nothing)
    flags: Annotated[tuple[str, ...], Meta(description="What was odd about the callback.")] = field(
        default_factory=lambda: ()
    )


class MessageReceived(Data, frozen=True, kw_only=True):
    """An SMS or WhatsApp message from an end user (MO)."""

    channel: Annotated[Channel, Meta(description="What carried the message.")]
    message_id: Annotated[
        str | None, Meta(description="The provider's id. WhatsApp only: an inbound SMS has none.")
    ] = None
    sender: Annotated[Address | None, Meta(description="The end user. Absent on WhatsApp unless a `from` came.")] = None
    sender_name: Annotated[str | None, Meta(description="The end user's profile name. WhatsApp only.")] = None
    recipient: Annotated[Address | None, Meta(description="Our number.")] = None
    text: Annotated[
        str | None,
        Meta(
            description="Text, caption, button text or title: what a person would read. Absent for the other contents."
        ),
    ] = None
    content: Annotated[Content, Meta(description="The whole content, for an SMS too.")]
    keyword: Annotated[str | None, Meta(description="Keyword that the message was matched by. Mocean SMS only.")] = None
    encoding: Annotated[Encoding | None, Meta(description="Alphabet that an SMS travelled in.")] = None
    segments: Annotated[int | None, Meta(description="How many SMS the text took. My-Cool-SMS only.")] = None
    cost: Annotated[Cost | None, Meta(description="What receiving it cost. My-Cool-SMS only.")] = None
    reply_to: Annotated[str | None, Meta(description="Id of the message that this one answers. WhatsApp only.")] = None
    forwarded: Annotated[bool | None, Meta(description="Whether it was forwarded. WhatsApp only.")] = None
    frequently_forwarded: Annotated[
        bool | None, Meta(description="Whether it was forwarded many times. WhatsApp only.")
    ] = None
    referral: Annotated[Referral | None, Meta(description="The ad or post that it answers. WhatsApp only.")] = None
    referred_product: Annotated[
        ReferredProduct | None, Meta(description="The catalogue item that it asks about. WhatsApp only.")
    ] = None


class MessageStatus(Data, frozen=True, kw_only=True):
    """A delivery report (DLR) of a message that we sent."""

    channel: Annotated[Channel, Meta(description="What carried the message.")]
    message_id: Annotated[str, Meta(description="The provider's id, as the answer to the send request had it.")]
    status: Annotated[Status, Meta(description="Where the message is.")]
    final: Annotated[
        bool,
        Meta(
            description="Whether the provider will report nothing further, save that `delivered` may overtake a "
            "failure."
        ),
    ]
    sender: Annotated[Address | None, Meta(description="Our own number or name. Not in My-Cool-SMS reports.")] = None
    recipient: Annotated[Address | None, Meta(description="The end user's number. Not in My-Cool-SMS reports.")] = None
    error: Annotated[Error | None, Meta(description="What went wrong. Absent without an error, and for code 0.")] = None
    conversation: Annotated[
        Conversation | None, Meta(description="The conversation that the message is billed under. WhatsApp only.")
    ] = None


class LookupCompleted(Data, frozen=True, kw_only=True):
    """The result of a number lookup."""

    lookup_id: Annotated[str | None, Meta(description="The provider's id of the lookup.")] = None
    number: Annotated[Address | None, Meta(description="The number that was looked up.")] = None
    status: Annotated[LookupStatus, Meta(description="Whether there is a result.")]
    current_carrier: Annotated[
        Carrier | None, Meta(description="The network that the number is in now. Absent where it is unknown.")
    ] = None
    original_carrier: Annotated[
        Carrier | None, Meta(description="The network that the number was in at first. Absent where it is unknown.")
    ] = None
    ported: Annotated[Ported | None, Meta(description="Whether the number has moved to another network.")] = None
    error: Annotated[Error | None, Meta(description="Why there is no result.")] = None


class CallData(Data, frozen=True, kw_only=True):
    """What every event of a phone call has."""

    session_id: Annotated[str | None, Meta(description="Id of the session that the call is part of.")] = None
    call_id: Annotated[str, Meta(description="Id of the call.")]
    caller: Annotated[Address | None, Meta(description="Who calls.")] = None
    callee: Annotated[Address | None, Meta(description="Who is called.")] = None


class CallIncoming(CallData, frozen=True, kw_only=True):
    """Someone calls: what now?"""


class CallInput(CallData, frozen=True, kw_only=True):
    """A caller pressed digits, or none in time."""

    step: Annotated[
        str | None, Meta(description="The step that `mc.collect(step=…)` named; absent where the URL has none.")
    ] = None
    digits: Annotated[str, Meta(description="What was pressed, without a terminator; empty for nothing.")]
    no_input: Annotated[bool, Meta(description="Whether nothing was pressed in time.")]


class CallStatus(CallData, frozen=True, kw_only=True):
    """A call changed its state. `status` is an open list: the provider's word, lower-cased."""

    status: Annotated[
        str | None, Meta(description="The provider's word in lower case, such as `answered` or `hangup`. An open list.")
    ] = None
    direction: Annotated[str | None, Meta(description="The provider's word, such as `outbound`, as received.")] = None


class SendData(Data, frozen=True, kw_only=True):
    """What every event about a send of ours has."""

    ref: Annotated[
        str,
        Meta(
            description="Names the send, as `ctx.reply` and `ctx.send` returned it. Reports have it in "
            "`data.context.send`."
        ),
    ]
    status: Annotated[SendStatus, Meta(description="What became of it, as far as is known now.")]
    error: Annotated[
        Error | None,
        Meta(description="Why it was refused, or why nobody knows what became of it. Absent for `accepted`."),
    ] = None
    handler: Annotated[
        str | None, Meta(description="Name of the handler that asked for it. Absent for a send from outside handlers.")
    ] = None
    cause: Annotated[
        str | None,
        Meta(description="Id of the event that the handler was run on. Absent for a send from outside handlers."),
    ] = None


class MessageSent(SendData, frozen=True, kw_only=True):
    """What became of an SMS or WhatsApp message that we sent, before any delivery report."""

    channel: Annotated[Channel, Meta(description="What is to carry the message.")]
    message_id: Annotated[
        str | None, Meta(description="The provider's id, which `message.status` has too. Absent unless accepted.")
    ] = None
    sender: Annotated[
        Address | None,
        Meta(
            description="Our own number or name. Absent where the send named none, so that the account's own was used."
        ),
    ] = None
    recipient: Annotated[Address, Meta(description="The end user.")]
    segments: Annotated[
        int | None, Meta(description="How many SMS the text took. SMS only. Absent unless accepted.")
    ] = None
    cost: Annotated[Cost | None, Meta(description="What sending it cost. My-Cool-SMS only.")] = None


class CallPlaced(SendData, frozen=True, kw_only=True):
    """What became of a call that we asked for, before anybody answers it."""

    session_id: Annotated[
        str | None,
        Meta(
            description="The provider's id of the session, which all events of the call have. Absent unless accepted."
        ),
    ] = None
    call_id: Annotated[str | None, Meta(description="The provider's id of the call. Absent unless accepted.")] = None
    caller: Annotated[Address | None, Meta(description="Our own number. Absent where the send named none.")] = None
    callee: Annotated[Address, Meta(description="The end user.")]
