"""My-Cool-SMS "Inbound SMS API": getIncomingSms, which lists what was received. Its callback is the receiver's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.arguments import Party, invalid
from ringback.clients.bodies import AnswerFields, UnreadableAnswerError
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mycoolsms.judge import PROVIDER, succeeded
from ringback.clients.mycoolsms.limits import Order, at_least, number, paging
from ringback.clients.mycoolsms.sms import encoding_of
from ringback.clients.mycoolsms.times import received
from ringback.schemas.address import Address, parse_address
from ringback.schemas.event_data import Encoding

FUNCTION: Final = "getIncomingSms"


@dataclass(frozen=True, slots=True)
class InboxSms:
    """An SMS that was received. `flags` has `time:differs` where its two times are more than a minute apart."""

    id: int
    sender: Address | None = field(repr=False)
    recipient: Address | None = field(repr=False)
    text: str | None = field(repr=False)
    encoding: Encoding | None
    received_at: datetime | None
    characters: int | None
    escaped: int | None
    parts: int | None
    charge: Decimal | None
    flags: tuple[str, ...]
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inbox:
    """What getIncomingSms returned. `newest_id` and `oldest_id` are of the number, not of these messages.

    To read on, ask with `order="ASC"` and `after` the greatest id of the messages read: `newest_id` would skip some.
    """

    messages: tuple[InboxSms, ...]
    total: int | None
    fetched: int | None
    newest_id: int | None
    oldest_id: int | None
    raw: Mapping[str, object] = field(repr=False)


def incoming(
    account: MyCoolSmsAccount,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int | None = None,
    order: Order | None = None,
    virtual_number: Party | None = None,
    unread_ids: Sequence[int] | None = None,
) -> Call[Inbox]:
    """List received SMS: the newest 25 unless asked otherwise; a `limit` of 0 lists all.

    `after` or `before`: only messages with a higher or a lower id than that. `virtual_number`: only those to it.
    `unread_ids`: the ids that are unread here; those that another device has read come back, under a name that the
    document does not have: look for it in `raw`.

    It changes nothing at the provider: the document has unread ids compared, not marked.
    """
    fields: dict[str, object] = {}
    if after is not None and before is not None:
        raise invalid(PROVIDER, FUNCTION, "before", "together with after; write one of them")
    if after is not None:
        fields |= {"thresholdid": at_least(FUNCTION, "after", after, 0), "thresholdoperator": "gt"}
    if before is not None:
        fields |= {"thresholdid": at_least(FUNCTION, "before", before, 0), "thresholdoperator": "lt"}
    fields |= paging(FUNCTION, limit, order, least=0)
    if virtual_number is not None:
        fields["virtualnumber"] = number(FUNCTION, "virtual_number", virtual_number)
    if unread_ids is not None:
        fields["unreadsmstosyncids"] = [at_least(FUNCTION, "unread_ids", item, 0) for item in unread_ids]
    request = account.call(FUNCTION, fields, has_effect=False)
    return Call(request, lambda answer: _inbox(request, answer))


def _inbox(request: Request, answer: ProviderAnswer) -> Inbox:
    fields = succeeded(request, answer)
    rows = fields.parts("messages")
    if rows is None:
        raise UnreadableAnswerError("the answer has no messages")
    return Inbox(
        messages=tuple(_message(row) for row in rows),
        total=fields.integer("total"),
        fetched=fields.integer("fetched"),
        newest_id=fields.integer("maxid"),
        oldest_id=fields.integer("minid"),
        raw=fields.raw,
    )


def _message(row: AnswerFields) -> InboxSms:
    received_at, flags = received(row)
    return InboxSms(
        id=row.needed_integer("id"),
        sender=_address(row, "senderid", "senderidcountrycode"),
        recipient=_address(row, "virtualnumber", "virtualnumbercountrycode"),
        text=row.text("body"),
        encoding=encoding_of(row),
        received_at=received_at,
        characters=row.integer("numchars"),
        escaped=row.integer("escapechars"),
        parts=row.integer("smscount"),
        charge=row.decimal("charge"),
        flags=flags,
        raw=row.raw,
    )


def _address(row: AnswerFields, name: str, country: str) -> Address | None:
    value = row.text(name)
    return parse_address(value, row.text(country)) if value else None
