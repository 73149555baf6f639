"""Mocean callbacks (document: "SMS API", "Voice API", "Number Lookup API", "WhatsApp API").

Forms, save WhatsApp, which is JSON. No signature is documented. SMS delivery reports and lookup results are repeated
for 36 hours, inbound SMS for 24; of the others the document does not say.
"""

from typing import Final

from receiver.callbacks import Callbacks, Draft, Need, an_address, any_of
from receiver.fields import Fields
from receiver.times import local_time, to_the_second, unix_time
from receiver.values import amount, choice, limited
from schemas.address import Address, AddressKind
from schemas.dlr_errors import DLR_ERRORS
from schemas.events import (
    CallIncoming,
    CallInput,
    CallStatus,
    Carrier,
    Category,
    Channel,
    Content,
    ContentType,
    Conversation,
    Encoding,
    Error,
    LookupCompleted,
    LookupStatus,
    MessageReceived,
    MessageStatus,
    Ported,
    ProductItem,
    Referral,
    ReferredProduct,
    Status,
)
from schemas.mc import TERMINATORS
from schemas.networks import MNCS, NETWORKS, Network

DLR_NUMBER: Final = {Status.DELIVERED: "1", Status.FAILED: "2", Status.EXPIRED: "3"}
DLR_STATUS: Final = {number: status for status, number in DLR_NUMBER.items()} | {
    "success": Status.DELIVERED,
    "failed": Status.FAILED,
    "expired": Status.EXPIRED,
}

ENCODING: Final = {"1": Encoding.GSM7, "text": Encoding.GSM7, "3": Encoding.UCS2, "unicode": Encoding.UCS2}

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

LOOKUP_ERRORS: Final = {  # code: text, permanent (our judgement, as in schemas/dlr_errors.py)
    1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.", True),
    2: ("Insufficient balance.", True),
    6: ("No phone number specified.", True),
    24: ("Unknown error.", None),
    28: ("Invalid phone number.", True),
    32: ("Throttled error.", False),
    34: ("Invalid request received.", True),
    40: ("System down for maintenance.", False),
    45: ("System error, please try again.", False),
    65: ("Route not found.", True),
    70: ("Invalid service - Request made is not a service enabled on your account.", True),
}

LOOKUP_CODE: Final = {"ok": 0} | {name.rstrip(".").lower(): code for code, (name, _) in LOOKUP_ERRORS.items()}

PORTED: Final = {"ported": Ported.PORTED, "not_ported": Ported.NOT_PORTED, "unknown": Ported.UNKNOWN}

NO_NETWORK: Final = Network("", None, "", None, None)

SWAPPED: Final = "parties:swapped"

callbacks = Callbacks("mocean")


@callbacks.at("/delivery-report", method="PUT", needs=("mocean-msgid", "mocean-dlr-status"))
def delivery_report(fields: Fields) -> Draft:
    """SMS API, "Delivery Report". It speaks for the handset: `mocean-from` got the SMS, `mocean-to` is our sender."""
    message_id = fields.identifier("mocean-msgid") or ""
    status = choice(fields, "mocean-dlr-status", DLR_STATUS, Status.UNKNOWN, "status") or Status.UNKNOWN
    code, error = dlr_error(fields)
    recipient, sender = parties(fields, "mocean-from", "mocean-to")
    number = DLR_NUMBER.get(status) or fields.word("mocean-dlr-status") or ""
    return Draft(
        subject=message_id,
        identity=(message_id, value(recipient), number, code),
        data=MessageStatus(
            channel=Channel.SMS,
            message_id=message_id,
            status=status,
            final=status is not Status.UNKNOWN,
            sender=sender,
            recipient=recipient,
            error=error,
        ),
        party=recipient.value if recipient else None,
    )


@callbacks.at(
    "/inbound-sms",
    method="POST",
    needs=(an_address("mocean-from"), an_address("mocean-to"), any_of("mocean-text", may_be_empty=True)),
)
def inbound_sms(fields: Fields) -> Draft:
    """SMS API, "Receive SMS". It has no message id: the time makes a repeat known."""
    sender = fields.address("mocean-from")
    recipient = fields.address("mocean-to")
    text = fields.text("mocean-text") or ""
    keyword = fields.word("mocean-keyword")
    time = local_time(fields, "mocean-time")
    known_by = time.isoformat() if time and to_the_second(fields) else None
    return Draft(
        identity=(value(sender), value(recipient), known_by, text, keyword or "") if known_by else None,
        time=time,
        data=MessageReceived(
            channel=Channel.SMS,
            sender=sender,
            recipient=recipient,
            text=text,
            content=Content(type=ContentType.TEXT, text=text),
            keyword=keyword,
            encoding=choice(fields, "mocean-coding", ENCODING, Encoding.UNKNOWN, "encoding"),
        ),
        party=sender.value if sender else None,
    )


@callbacks.at("/voice/status", method="POST", needs=("mocean-call-uuid",), marks=("mocean-status",))
def call_status(fields: Fields) -> Draft:
    """Voice API, "Make an outbound call": what `mocean-event-url` gets. The document does not say its fields."""
    session_id, call_id, caller, callee = call(fields)
    status = fields.word("mocean-status") or fields.word("status")
    status = status.lower() if status else None
    direction = fields.word("mocean-direction") or fields.word("direction")
    direction = direction.lower() if direction else None
    end_user = callee if direction and direction.startswith("out") else caller
    return Draft(
        subject=call_id,
        # Without a status nothing tells "answered" from "hangup", and neither may be lost.
        identity=(session_id or "", call_id, status) if status else None,
        data=CallStatus(
            session_id=session_id,
            call_id=call_id,
            caller=caller,
            callee=callee,
            status=status,
            direction=direction,
        ),
        party=session_id or (end_user.value if end_user else None),
    )


@callbacks.at("/voice/collect", method="POST", needs=("mocean-call-uuid",), wants_answer=True, marks=("mocean-digits",))
@callbacks.at("/voice/collect/{step}", method="POST", needs=("mocean-call-uuid",), wants_answer=True)
def call_input(fields: Fields) -> Draft:
    """Voice API, "Receive collect action". The step is ours: it is in the `event-url` that the MC gave."""
    session_id, call_id, caller, callee = call(fields)
    digits = without_terminator(fields)
    step = fields.path.get("step")
    return Draft(
        subject=call_id,
        data=CallInput(
            session_id=session_id,
            call_id=call_id,
            caller=caller,
            callee=callee,
            step=fields.short(step, "step:too-long") if step is not None else None,
            digits=digits,
            no_input=not digits,
        ),
        party=session_id or (caller.value if caller else None),
    )


@callbacks.at("/voice/answer", method="POST", needs=("mocean-call-uuid",), wants_answer=True)
def call_incoming(fields: Fields) -> Draft:
    """Voice API, "Receiving an inbound call"."""
    session_id, call_id, caller, callee = call(fields)
    return Draft(
        subject=call_id,
        data=CallIncoming(session_id=session_id, call_id=call_id, caller=caller, callee=callee),
        party=session_id or (caller.value if caller else None),
    )


@callbacks.at("/number-lookup", method="PUT", needs=("status", Need(("msgid", "to"), may_be_contact=True)))
def number_lookup(fields: Fields) -> Draft:
    """Number Lookup API, "Delivery Result". Its MCC and MNC are numbers, so that they have lost their zeros."""
    lookup_id = fields.identifier("msgid")
    number = fields.address("to")
    error = lookup_error(fields)
    return Draft(
        subject=lookup_id,
        identity=(lookup_id, value(number)) if lookup_id else None,
        data=LookupCompleted(
            lookup_id=lookup_id,
            number=number,
            status=LookupStatus.FAILED if error else LookupStatus.OK,
            current_carrier=carrier(fields.part("current_carrier")),
            original_carrier=carrier(fields.part("original_carrier")),
            ported=choice(fields, "ported", PORTED, Ported.UNKNOWN),
            error=error,
        ),
        party=number.value if number else None,
    )


@callbacks.at("/whatsapp-delivery-status", method="POST", needs=("message_id", "event_data.meta_delivery_status"))
def whatsapp_status(fields: Fields) -> Draft:
    """WhatsApp API, "Delivery Report". As in an SMS report `from` is the end user, who got the message."""
    message_id = fields.identifier("message_id") or ""
    limited(fields, "event_type", REPORT_EVENT_TYPE)
    report = fields.part("event_data")
    limited(report, "channel_type", CHANNEL_TYPE)
    status = choice(report, "meta_delivery_status", WHATSAPP_STATUS, Status.UNKNOWN, "status") or Status.UNKNOWN
    word = report.word("meta_delivery_status") or "" if status is Status.UNKNOWN else status.value
    recipient, sender = parties(report, "from", "to")
    return Draft(
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
def whatsapp_message(fields: Fields) -> Draft:
    """WhatsApp API, "Receive Whatsapp". No `from` is documented, only a profile name; one that comes is taken."""
    message_id = fields.identifier("message_id") or ""
    limited(fields, "event_type", MESSAGE_EVENT_TYPE)
    message = fields.part("event_data")
    limited(message, "channel_type", CHANNEL_TYPE)
    sent = message.part("content")
    content = whatsapp_content(sent)
    sender = message.address("from")
    return Draft(
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


def value(address: Address | None) -> str:
    """Give an address as it counts in an identity."""
    return address.value if address else ""


def parties(report: Fields, handset: str, ours: str) -> tuple[Address | None, Address | None]:
    """Return recipient and sender of a report, whose fields are named for the handset.

    Some come the other way round: where the handset is none, and the other is a number, that is the recipient's.
    """
    recipient, sender = report.address(handset), report.address(ours)
    if recipient and sender and sender.kind is AddressKind.E164 and not is_handset(recipient):
        report.flag(SWAPPED)
        return sender, recipient
    return recipient, sender


def is_handset(address: Address) -> bool:
    """Whether an address may be a handset's: a number, or digits that are written in another way. No name is."""
    return address.kind is not AddressKind.SHORT_CODE and not any(map(str.isalpha, address.value))


def without_terminator(fields: Fields) -> str:
    """Return the digits, less a terminator that came along. Our own `event-url` says which keys are terminators."""
    digits = fields.word("mocean-digits") or ""
    return digits[:-1] if digits and digits[-1] in (fields.word(TERMINATORS) or "") else digits


def call(fields: Fields) -> tuple[str | None, str, Address | None, Address | None]:
    """Give a call's session, id, caller and callee. The document's samples name the last two in two ways."""
    return (
        fields.identifier("mocean-session-uuid"),
        fields.identifier("mocean-call-uuid") or "",
        fields.address("mocean-from", "from"),
        fields.address("mocean-to", "to"),
    )


def dlr_error(fields: Fields) -> tuple[str, Error | None]:
    """Give a report's error code in one canonical form (`0`, `000` and none are the same), and the error."""
    code = fields.integer("mocean-error-code", "unknown:error-code")
    if code is not None:
        return str(code), (DLR_ERRORS.get(code) or Error(code=code)) if code else None
    word = fields.word("mocean-error-code", "unknown:error-code")
    return (word, Error(code=None)) if word is not None else ("0", None)


def lookup_error(fields: Fields) -> Error | None:
    """Give a lookup's error; None for status 0."""
    word = (fields.word("status") or "").lower().rstrip(".")
    code = LOOKUP_CODE[word] if word in LOOKUP_CODE else fields.integer("status", "unknown:status")
    if code == 0:
        return None
    name, permanent = LOOKUP_ERRORS.get(code or 0, (None, None))
    return Error(code=code, name=name, description=fields.word("err_msg"), permanent=permanent)


def meta_error(details: Fields) -> Error | None:
    """Give Meta's reason for a failure."""
    code = details.integer("error_code")
    name, description = details.word("error_title"), details.word("error_details")
    if code == 0 or (details.word("error_code") is None and name is None and description is None):
        return None
    permanent = True if code in META_PERMANENT else False if code in META_PASSING else None
    return Error(code=code, name=name, description=description, permanent=permanent)


def conversation(fields: Fields) -> Conversation | None:
    """Give the conversation that a message is billed under; a read receipt or a failure has none."""
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
    """Give the ad or post that a message answers."""
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
    """Give the catalogue item that a message asks about."""
    if not fields.raw:
        return None
    return ReferredProduct(catalog_id=fields.word("catalog_id"), product_retailer_id=fields.word("product_retailer_id"))


def carrier(fields: Fields) -> Carrier | None:
    """Give a lookup's carrier; None for network code 0, the unknown network. The wire's names win over the table's."""
    code = fields.word("network_code")
    if not fields.raw or (code is not None and not code.strip("0")):
        return None
    network = NETWORKS.get(code, NO_NETWORK) if code else NO_NETWORK
    mcc, mnc = mcc_and_mnc(fields, network)
    return Carrier(
        country=fields.word("country") or network.country,
        name=fields.word("name") or network.operator or None,
        network_code=code,
        mcc=mcc,
        mnc=mnc,
    )


def mcc_and_mnc(fields: Fields, network: Network) -> tuple[str | None, str | None]:
    """Restore the zeros of MCC and MNC: `03` arrives as 3 (contract, section 2, "Carrier")."""
    mcc_number, mnc_number = fields.integer("mcc"), fields.integer("mnc")
    # A row that contradicts the wire is out of date: the document's table is a copy.
    if (
        network.mcc
        and network.mnc
        and mcc_number in (None, int(network.mcc))
        and mnc_number in (None, int(network.mnc))
    ):
        return network.mcc, network.mnc
    mcc, mnc = fields.word("mcc"), fields.word("mnc")
    if mcc is None or mnc is None or mcc_number is None or mnc_number is None:
        return mcc if mcc_number is not None else None, mnc if mnc_number is not None else None
    mcc = f"{mcc_number:03}"
    if len(mnc) > 1 and mnc.startswith("0"):
        return mcc, mnc  # sent with its zeros
    code = fields.word("network_code") or ""
    rest = code.removeprefix(mcc)
    if rest != code and len(rest) in (2, 3) and rest.lstrip("0") == str(mnc_number).lstrip("0"):
        return mcc, rest
    return mcc, MNCS.get((mcc, mnc_number), f"{mnc_number:02}")
