"""Mocean SMS callbacks (document: "SMS API"). Forms. Delivery reports are repeated for 36 hours, inbound SMS for 24."""

from typing import Final

from ringback.receiver.parsing.callbacks import Callbacks, Normalised, an_address, any_of
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.times import local_time, to_the_second
from ringback.receiver.parsing.values import choice
from ringback.receiver.providers.mocean.parties import parties, value
from ringback.schemas.event_data import (
    Channel,
    Content,
    ContentType,
    Encoding,
    Error,
    MessageReceived,
    MessageStatus,
    Status,
)
from ringback.schemas.tables.dlr_errors import DLR_ERRORS

DLR_NUMBER: Final = {Status.DELIVERED: "1", Status.FAILED: "2", Status.EXPIRED: "3"}
DLR_STATUS: Final = {number: status for status, number in DLR_NUMBER.items()} | {
    "success": Status.DELIVERED,
    "failed": Status.FAILED,
    "expired": Status.EXPIRED,
}
ENCODING: Final = {"1": Encoding.GSM7, "text": Encoding.GSM7, "3": Encoding.UCS2, "unicode": Encoding.UCS2}

callbacks = Callbacks("mocean")


@callbacks.at("/delivery-report", method="PUT", needs=("mocean-msgid", "mocean-dlr-status"))
def delivery_report(fields: Fields) -> Normalised:
    """SMS API, "Delivery Report". It speaks for the handset: `mocean-from` got the SMS, `mocean-to` is our sender."""
    message_id = fields.identifier("mocean-msgid") or ""
    status = choice(fields, "mocean-dlr-status", DLR_STATUS, Status.UNKNOWN, "status") or Status.UNKNOWN
    code, error = dlr_error(fields)
    recipient, sender = parties(fields, "mocean-from", "mocean-to")
    number = DLR_NUMBER.get(status) or fields.word("mocean-dlr-status") or ""
    return Normalised(
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
def inbound_sms(fields: Fields) -> Normalised:
    """SMS API, "Receive SMS". It has no message id: the time makes a repeat known."""
    sender = fields.address("mocean-from")
    recipient = fields.address("mocean-to")
    text = fields.text("mocean-text") or ""
    keyword = fields.word("mocean-keyword")
    time = local_time(fields, "mocean-time")
    known_by = time.isoformat() if time and to_the_second(fields) else None
    return Normalised(
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


def dlr_error(fields: Fields) -> tuple[str, Error | None]:
    """Return a report's error code in one canonical form (`0`, `000` and none are the same), and the error."""
    code = fields.integer("mocean-error-code", "unknown:error-code")
    if code is not None:
        return str(code), (DLR_ERRORS.get(code) or Error(code=code)) if code else None
    word = fields.word("mocean-error-code", "unknown:error-code")
    return (word, Error(code=None)) if word is not None else ("0", None)
