"""My-Cool-SMS callbacks (document: "Inbound SMS API", "Delivery Report API"). JSON by POST; no signature, no time and
no retries are documented.
"""

from collections.abc import Callable
from typing import Final

from receiver.callbacks import Callbacks, Draft, an_address, any_of
from receiver.fields import Fields
from receiver.values import amount, choice
from schemas.events import Channel, Content, ContentType, Cost, Encoding, MessageReceived, MessageStatus, Status
from schemas.gsm0338 import decode_gsm0338

STATUS: Final = {  # their word -> ours; UNKNOWN_ID is only named for polling, and says nothing of a message
    "SMS_STATUS_QUEUED": Status.QUEUED,
    "SMS_STATUS_AT_CARRIER": Status.SENT,  # some carriers never report further
    "SMS_STATUS_DELIVERY_DELAYED": Status.DELAYED,
    "SMS_STATUS_DELIVERED": Status.DELIVERED,
    "SMS_STATUS_BOUNCED": Status.BOUNCED,
    "SMS_STATUS_EXPIRED": Status.EXPIRED,
    "SMS_STATUS_ERROR": Status.FAILED,
}
FINAL: Final = frozenset({Status.DELIVERED, Status.BOUNCED, Status.EXPIRED, Status.FAILED})

ENCODING: Final = {True: Encoding.UCS2, False: Encoding.GSM7}
CURRENCY: Final = "EUR"  # assumed: the document names it for the balance and for lookups, not for this cost

HEX_BODIES: Final[tuple[tuple[str, Callable[[bytes], str]], ...]] = (
    ("bodyucs2", lambda octets: octets.decode("utf-16-be")),
    ("bodygsm7", decode_gsm0338),
)
UNDECODABLE: Final = "body:undecodable"

callbacks = Callbacks("mycoolsms")


@callbacks.at(
    "/inbound-sms",
    method="POST",
    needs=(an_address("from"), an_address("to"), any_of("body", "bodyucs2", "bodygsm7", may_be_empty=True)),
)
def inbound_sms(fields: Fields) -> Draft:
    """pushIncomingSms. It has neither id nor time, so a repeat cannot be told from a second message."""
    sender = fields.address("from", country=country(fields))
    text = body(fields)
    cost = amount(fields, "cost")
    return Draft(
        data=MessageReceived(
            channel=Channel.SMS,
            sender=sender,
            recipient=fields.address("to"),
            text=text,
            content=Content(type=ContentType.TEXT, text=text),
            encoding=encoding(fields),
            segments=fields.integer("smscount"),
            cost=Cost(amount=cost, currency=CURRENCY) if cost is not None else None,
        ),
        party=sender.value if sender else None,
    )


@callbacks.at("/delivery-report", method="POST", needs=("smsid", "status"))
def delivery_report(fields: Fields) -> Draft:
    """pushDeliveryReport. It carries neither number nor time."""
    message_id = fields.identifier("smsid") or ""
    status = choice(fields, "status", STATUS, Status.UNKNOWN) or Status.UNKNOWN
    return Draft(
        subject=message_id,
        identity=(message_id, fields.word("status") or ""),
        data=MessageStatus(
            channel=Channel.SMS,
            message_id=message_id,
            status=status,
            final=status in FINAL,
        ),
    )


def country(fields: Fields) -> str | None:
    """Give the sender's country. It is null for a sender without a number; what is no ISO code is left out."""
    word = fields.word("fromcountrycode")
    return word.upper() if word and len(word) == 2 and word.isascii() and word.isalpha() else None


def encoding(fields: Fields) -> Encoding | None:
    """Give the alphabet, which `unicode` tells."""
    if fields.word("unicode") is None:
        return None
    is_unicode = fields.boolean("unicode")
    if is_unicode is None:
        fields.flag("unknown:encoding")
        return Encoding.UNKNOWN
    return ENCODING[is_unicode]


def body(fields: Fields) -> str | None:
    """Give the text: `body`, else the first of the hex bodies that can be read.

    The document's own samples have truncated hex next to a whole body, so hex is read only where `body` is empty.
    """
    if text := fields.text("body"):
        return text
    unreadable = False
    for name, decode in HEX_BODIES:
        digits = fields.word(name)
        if digits is None:
            continue
        try:
            return decode(bytes.fromhex(digits))
        except ValueError:
            unreadable = True
    if unreadable:
        fields.flag(UNDECODABLE)
        return None
    return ""
