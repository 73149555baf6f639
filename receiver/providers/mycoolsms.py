"""My-Cool-SMS callbacks (document: "Inbound SMS API", "Delivery Report API"). JSON by POST; no signature, no time and
no retries are documented.
"""

from collections.abc import Callable
from typing import Final

from ringback.receiver.parsing.callbacks import Callbacks, Normalised, an_address, any_of
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.values import amount, choice, country
from ringback.schemas.event_data import (
    Channel,
    Content,
    ContentType,
    Cost,
    Encoding,
    MessageReceived,
    MessageStatus,
    Status,
)
from ringback.schemas.tables.gsm0338 import decode_gsm0338
from ringback.schemas.tables.mycoolsms_status import FINAL, STATUS, WORD

ENCODING: Final = {True: Encoding.UCS2, False: Encoding.GSM7}
UNKNOWN_ENCODING: Final = "unknown:encoding"
CURRENCY: Final = "EUR"  # assumed: the document names it for the balance and for lookups, not for this cost

HEX_BODIES: Final[tuple[tuple[str, Callable[[bytes, str], str]], ...]] = (  # octets, what to do about errors
    ("bodyucs2", lambda octets, errors: octets.decode("utf-16-be", errors)),
    ("bodygsm7", decode_gsm0338),
)
UNDECODABLE: Final = "body:undecodable"
DAMAGED: Final = "body:damaged"
LOST: Final = "\ufffd"  # what is read for a character that is broken

callbacks = Callbacks("mycoolsms")


@callbacks.at(
    "/inbound-sms",
    method="POST",
    needs=(an_address("from"), an_address("to"), any_of("body", "bodyucs2", "bodygsm7", may_be_empty=True)),
)
def inbound_sms(fields: Fields) -> Normalised:
    """pushIncomingSms. It has neither id nor time, so a repeat cannot be told from a second message."""
    sender = fields.address("from", country=country(fields, "fromcountrycode"))
    text = body(fields)
    cost = amount(fields, "cost")
    return Normalised(
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
def delivery_report(fields: Fields) -> Normalised:
    """pushDeliveryReport. It carries neither number nor time."""
    message_id = fields.identifier("smsid") or ""
    status = choice(fields, "status", STATUS, Status.UNKNOWN) or Status.UNKNOWN
    return Normalised(
        subject=message_id,
        identity=(message_id, WORD.get(status) or fields.word("status") or ""),
        data=MessageStatus(
            channel=Channel.SMS,
            message_id=message_id,
            status=status,
            final=status in FINAL,
        ),
    )


def encoding(fields: Fields) -> Encoding | None:
    """Give the alphabet, which `unicode` tells."""
    if fields.word("unicode", UNKNOWN_ENCODING) is None:
        return None
    is_unicode = fields.boolean("unicode", UNKNOWN_ENCODING)
    return Encoding.UNKNOWN if is_unicode is None else ENCODING[is_unicode]


def body(fields: Fields) -> str | None:
    """Return the text: `body`, else the first of the hex bodies that can be read; one that is whole comes first.

    The document's own samples have truncated hex next to a whole body, so hex is read only where `body` is empty.
    """
    if text := fields.text("body"):
        return text
    sent = [(decode, digits) for name, decode in HEX_BODIES if (digits := fields.word(name)) is not None]
    if not sent:
        return ""
    for decode, digits in sent:
        try:
            return decode(bytes.fromhex(digits), "strict")
        except ValueError:
            continue
    for decode, digits in sent:
        if text := rest(decode, digits):
            fields.flag(DAMAGED)
            return text
    fields.flag(UNDECODABLE)
    return None


def rest(decode: Callable[[bytes, str], str], digits: str) -> str | None:
    """Return what can be read of a hex body that was cut or broken, None for nothing."""
    cut = len(digits) % 2
    try:
        text = decode(bytes.fromhex(digits[: len(digits) - cut]), "replace")
    except ValueError:
        return None
    return text + LOST * cut if text.strip(LOST) else None
