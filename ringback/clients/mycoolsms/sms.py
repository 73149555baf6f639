"""My-Cool-SMS "Send SMS API": sendSms. Delivery reports come back to `mycoolsms/delivery-report`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.arguments import Party, callback_address
from ringback.clients.bodies import AnswerFields
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mycoolsms.encoding import message
from ringback.clients.mycoolsms.judge import PROVIDER, succeeded
from ringback.clients.mycoolsms.limits import moment, number, sender_id
from ringback.clients.mycoolsms.times import zoned
from ringback.schemas.event_data import Encoding

FUNCTION: Final = "sendSms"
CALLBACK: Final = "mycoolsms/delivery-report"


@dataclass(frozen=True, slots=True)
class SentSms:
    """An SMS that My-Cool-SMS accepted. `message_id` is the one that its delivery reports name.

    Of the others each is None where the answer does not have it. `sender_is_shown`: whether the receiver's network
    shows the sender that was asked for. `characters` counts as the provider does; `escaped` of them took two places in
    GSM 7. `charge` and `balance` in EUR (*assumed* of the charge). `country`: where it went, ISO 3166.
    """

    message_id: str
    recipient: str = field(repr=False)
    sender: str | None = field(repr=False)
    sender_is_shown: bool | None
    encoding: Encoding | None
    characters: int | None
    escaped: int | None
    parts: int | None
    charge: Decimal | None
    balance: Decimal | None
    country: str | None
    prefix: str | None
    accepted_at: datetime | None
    callback_url: str | None = field(repr=False)
    raw: Mapping[str, object] = field(repr=False)


def send(
    account: MyCoolSmsAccount,
    *,
    to: Party,
    text: str,
    from_: Party | None = None,
    schedule: datetime | None = None,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[SentSms]:
    """Send a text, in GSM 7 if it has all its characters, else in Unicode: up to 765 septets or 335 UTF-16 units.

    `from_`: a number, or a name of up to 11 of A-Z a-z 0-9 and `-`; no short code. `schedule`: an aware time. `context`
    comes back with the delivery reports, which go to `callback_url` or, without one, to this service's.
    """
    recipient = number(FUNCTION, "to", to)
    fields: dict[str, object] = {"number": recipient, **message(FUNCTION, text)}
    if from_ is not None:
        fields["senderid"] = sender_id(FUNCTION, "from_", from_)
    if schedule is not None:
        fields["scheduletime"] = moment(FUNCTION, "schedule", schedule)
    if url := callback_address(PROVIDER, FUNCTION, account, CALLBACK, context, callback_url):
        fields["callbackurl"] = url
    request = account.call(FUNCTION, fields, has_effect=True)
    return Call(request, lambda answer: _sent(request, answer, recipient))


def encoding_of(fields: AnswerFields) -> Encoding | None:
    """Return the alphabet by `unicode`; None where the answer does not say."""
    is_unicode = fields.flag("unicode")
    return None if is_unicode is None else Encoding.UCS2 if is_unicode else Encoding.GSM7


def read_sms(fields: AnswerFields, recipient: str) -> SentSms:
    """Read an SMS as sendSms answers it and getOutboundSms lists it. Raises UnreadableAnswerError without an id."""
    return SentSms(
        message_id=fields.needed_text("smsid"),
        recipient=fields.text("number") or recipient,
        sender=fields.text("senderid"),
        sender_is_shown=fields.flag("senderidenabled"),
        encoding=encoding_of(fields),
        characters=fields.integer("numchars"),
        escaped=fields.integer("escapenumchars"),
        parts=fields.integer("smscount"),
        charge=fields.decimal("charge"),
        balance=fields.decimal("balance"),
        country=fields.text("countrycode"),
        prefix=fields.text("prefix"),
        accepted_at=zoned(fields, "timestamp"),
        callback_url=fields.text("callbackurl"),
        raw=fields.raw,
    )


def _sent(request: Request, answer: ProviderAnswer, recipient: str) -> SentSms:
    return read_sms(succeeded(request, answer), recipient)
