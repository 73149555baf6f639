"""The data of events: what happened, in eight kinds, and the parts that they are made of (contract, section 2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ringback.schemas.address import Address


class Channel(StrEnum):
    """What carried a message."""

    SMS = "sms"
    WHATSAPP = "whatsapp"


class Status(StrEnum):
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


class Encoding(StrEnum):
    """Alphabet in which an SMS travelled."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    UNKNOWN = "unknown"


class ContentType(StrEnum):
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


class Category(StrEnum):
    """Meta's pricing category of a WhatsApp conversation."""

    AUTHENTICATION = "authentication"
    MARKETING = "marketing"
    UTILITY = "utility"
    SERVICE = "service"
    REFERRAL_CONVERSION = "referral_conversion"
    UNKNOWN = "unknown"


class LookupStatus(StrEnum):
    """Whether a number lookup gave a result."""

    OK = "ok"
    FAILED = "failed"


class Ported(StrEnum):
    """Whether a number has moved to another operator."""

    PORTED = "ported"
    NOT_PORTED = "not_ported"
    UNKNOWN = "unknown"


class SendStatus(StrEnum):
    """What became of something that we sent, or were asked to send."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    EXPIRED = "expired"


class Part(BaseModel):
    """A piece of an event. Frozen: all handlers of an event are given the same object."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Cost(Part):
    """A price: `amount` as a decimal string, `currency` in ISO 4217."""

    amount: str
    currency: str


class ProductItem(Part):
    """A line of an order; `item_price` is a decimal string."""

    product_retailer_id: str | None = None
    currency: str | None = None
    item_price: str | None = None
    quantity: int | None = None


class Content(Part):
    """What a message consists of, with the field names of Mocean's "Receive Whatsapp Content"."""

    type: ContentType
    text: str | None = None
    payload: str | None = None
    media_id: str | None = None
    mime_type: str | None = None
    name: str | None = None
    voice: bool | None = None
    animated: bool | None = None
    id: str | None = None
    title: str | None = None
    description: str | None = None
    catalog_id: str | None = None
    product_items: tuple[ProductItem, ...] | None = None


class Referral(Part):
    """The Facebook ad or post that a message answers."""

    source_url: str | None = None
    source_type: str | None = None
    source_id: str | None = None
    headline: str | None = None
    body: str | None = None
    rich_media_type: str | None = None
    rich_media_url: str | None = None


class ReferredProduct(Part):
    """The catalogue item that a message asks about."""

    catalog_id: str | None = None
    product_retailer_id: str | None = None


class Error(Part):
    """Why something failed. `permanent`: whether trying again is pointless; null where it cannot be said."""

    code: int | None = None
    name: str | None = None
    description: str | None = None
    permanent: bool | None = None


class Conversation(Part):
    """The WhatsApp conversation that a message is billed under."""

    id: str | None = None
    expires_at: datetime | None = None
    category: Category | None = None


class Carrier(Part):
    """A mobile network. Codes are strings with their leading zeros; `network_code` is the provider's own id."""

    country: str | None = None
    name: str | None = None
    network_code: str | None = None
    mcc: str | None = None
    mnc: str | None = None


class Data(Part):
    """What every event's `data` has beside its own fields."""

    context: dict[str, str] = Field(default_factory=dict)
    raw: dict[str, JsonValue] = Field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def complete(self, context: Mapping[str, str], raw: dict[str, JsonValue], flags: Sequence[str]) -> Self:
        """Fill in what every event has. Only for one that was just made and nobody has yet: `model_copy`, which leaves
        the frozen one alone, costs as much as all of the validation.
        """
        self.__dict__.update(context=dict(context), raw=raw, flags=tuple(flags))
        return self


class MessageReceived(Data):
    """An SMS or WhatsApp message from an end user (MO)."""

    channel: Channel
    message_id: str | None = None
    sender: Address | None = None
    sender_name: str | None = None
    recipient: Address | None = None
    text: str | None = None
    content: Content
    keyword: str | None = None
    encoding: Encoding | None = None
    segments: int | None = None
    cost: Cost | None = None
    reply_to: str | None = None
    forwarded: bool | None = None
    frequently_forwarded: bool | None = None
    referral: Referral | None = None
    referred_product: ReferredProduct | None = None


class MessageStatus(Data):
    """A delivery report (DLR) of a message that we sent."""

    channel: Channel
    message_id: str
    status: Status
    final: bool
    sender: Address | None = None
    recipient: Address | None = None
    error: Error | None = None
    conversation: Conversation | None = None


class LookupCompleted(Data):
    """The result of a number lookup."""

    lookup_id: str | None = None
    number: Address | None = None
    status: LookupStatus
    current_carrier: Carrier | None = None
    original_carrier: Carrier | None = None
    ported: Ported | None = None
    error: Error | None = None


class CallData(Data):
    """What every event of a phone call has."""

    session_id: str | None = None
    call_id: str
    caller: Address | None = None
    callee: Address | None = None


class CallIncoming(CallData):
    """Someone calls: what now?"""


class CallInput(CallData):
    """A caller pressed digits, or none in time."""

    step: str | None = None
    digits: str
    no_input: bool


class CallStatus(CallData):
    """A call changed its state. `status` is an open list: the provider's word, lower-cased."""

    status: str | None = None
    direction: str | None = None


class SendData(Data):
    """What every event about a send of ours has."""

    ref: str
    status: SendStatus
    error: Error | None = None
    handler: str | None = None
    cause: str | None = None


class MessageSent(SendData):
    """What became of an SMS or WhatsApp message that we sent, before any delivery report."""

    channel: Channel
    message_id: str | None = None
    sender: Address | None = None
    recipient: Address
    segments: int | None = None
    cost: Cost | None = None


class CallPlaced(SendData):
    """What became of a call that we asked for, before anybody answers it."""

    session_id: str | None = None
    call_id: str | None = None
    caller: Address | None = None
    callee: Address
