"""My-Cool-SMS "Delivery Report API": what became of messages, asked for. Its callback is the receiver's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.arguments import invalid
from ringback.clients.bodies import AnswerFields, UnreadableAnswerError
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mycoolsms.judge import PROVIDER, succeeded
from ringback.clients.mycoolsms.limits import Order, at_least, identifier, paging
from ringback.clients.mycoolsms.sms import SentSms, encoding_of, read_sms
from ringback.clients.mycoolsms.times import zoned
from ringback.schemas.event_data import Encoding, Status
from ringback.schemas.tables.mycoolsms_status import FINAL, STATUS, WORD

MOST_IDS: Final = 100
LONGEST_SMS_ID: Final = 32


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of one SMS. `word` is the provider's, `UNKNOWN_ID` of an id that it does not know."""

    message_id: str
    status: Status
    word: str
    raw: Mapping[str, object] = field(repr=False)

    @property
    def is_final(self) -> bool:
        """Whether no further status follows."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What became of a mailing's SMS to one subscriber; the document gives it no id."""

    recipient: str = field(repr=False)
    status: Status
    word: str
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MailingReport:
    """What became of a mailing. `counts` need not add up to `total`: the document counts no delayed or expired ones.

    `details` is None where none were asked for, or none came.
    """

    group_key: str
    total: int
    counts: Mapping[Status, int]
    details: tuple[RecipientReport, ...] | None
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecentReport:
    """One of the SMS sent last. It has no id, so it cannot be matched with what sendSms returned."""

    recipient: str | None = field(repr=False)
    sender: str | None = field(repr=False)
    text: str | None = field(repr=False)
    encoding: Encoding | None
    sent_at: datetime | None
    status: Status
    word: str
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedSms:
    """An SMS that the account sent: as sendSms answered it, less the balance, and what became of it."""

    sms: SentSms
    status: Status
    word: str | None


@dataclass(frozen=True, slots=True)
class OutboundPage:
    """What getOutboundSms returned, `newest_id` and `oldest_id` of these messages as the provider counts them.

    The document has those as numbers and `after` as an SMS id of 32 characters: do not page by them.
    """

    messages: tuple[ListedSms, ...]
    total: int | None
    fetched: int | None
    newest_id: int | None
    oldest_id: int | None
    raw: Mapping[str, object] = field(repr=False)


def report(account: MyCoolSmsAccount, message_id: str) -> Call[DeliveryReport]:
    """Ask what became of one SMS (document, "getDeliveryReport")."""
    fields = {"id": identifier("getDeliveryReport", "message_id", message_id)}
    request = account.call("getDeliveryReport", fields, has_effect=False)
    return Call(request, lambda answer: _report(succeeded(request, answer), message_id))


def mailing_report(account: MyCoolSmsAccount, group_key: str, *, details: bool = False) -> Call[MailingReport]:
    """Ask what became of a mailing (document, "getDeliveryReport", `groupkey`); `details`: of each subscriber too."""
    fields: dict[str, object] = {
        "id": identifier("getDeliveryReport", "group_key", group_key),
        "groupkey": "true",  # a string by its documented type
    }
    if details:
        fields["mailingdetails"] = "true"
    request = account.call("getDeliveryReport", fields, has_effect=False)
    return Call(request, lambda answer: _mailing(request, answer, group_key))


def reports(account: MyCoolSmsAccount, message_ids: Sequence[str]) -> Call[tuple[DeliveryReport, ...]]:
    """Ask what became of 1 to 100 SMS (document, "getDeliveryReports")."""
    function = "getDeliveryReports"
    if isinstance(message_ids, str):
        raise invalid(PROVIDER, function, "message_ids", "one id; write a list of them")
    if not 1 <= len(message_ids) <= MOST_IDS:
        raise invalid(PROVIDER, function, "message_ids", f"{len(message_ids)} ids; write 1 to {MOST_IDS}")
    ids = [identifier(function, "message_ids", message_id) for message_id in message_ids]
    request = account.call(function, {"ids": ids}, has_effect=False)
    return Call(request, lambda answer: tuple(_report(row) for row in _rows(succeeded(request, answer), "reports")))


def recent_reports(account: MyCoolSmsAccount, *, limit: int) -> Call[tuple[RecentReport, ...]]:
    """Ask what became of the SMS sent last, `limit` of them (document, "getRecentReports")."""
    function = "getRecentReports"
    request = account.call(function, {"limit": at_least(function, "limit", limit, 1)}, has_effect=False)
    return Call(request, lambda answer: tuple(_recent(row) for row in _rows(succeeded(request, answer), "reports")))


def outbound(
    account: MyCoolSmsAccount,
    *,
    after: str | None = None,
    before: str | None = None,
    limit: int | None = None,
    order: Order | None = None,
) -> Call[OutboundPage]:
    """List sent SMS and what became of them (document, "getOutboundSms"): the newest 25 unless asked otherwise.

    `after` or `before`: only those sent after or before the SMS of that id.
    """
    function = "getOutboundSms"
    fields: dict[str, object] = {}
    if after is not None and before is not None:
        raise invalid(PROVIDER, function, "before", "together with after; write one of them")
    if after is not None:
        fields |= {
            "thresholdid": identifier(function, "after", after, LONGEST_SMS_ID),
            "thresholdoperator": "gt",
        }
    if before is not None:
        fields |= {
            "thresholdid": identifier(function, "before", before, LONGEST_SMS_ID),
            "thresholdoperator": "lt",
        }
    request = account.call(function, fields | paging(function, limit, order, least=1), has_effect=False)
    return Call(request, lambda answer: _page(request, answer))


def _rows(fields: AnswerFields, name: str) -> list[AnswerFields]:
    rows = fields.parts(name)
    if rows is None:
        raise UnreadableAnswerError(f"the answer has no {name}")
    return rows


def _status(word: str | None) -> Status:
    return STATUS.get((word or "").strip(), Status.UNKNOWN)


def _report(fields: AnswerFields, asked: str | None = None) -> DeliveryReport:
    word = fields.needed_text("status")
    message_id = fields.text("smsid") or asked or fields.needed_text("smsid")
    return DeliveryReport(message_id, _status(word), word, fields.raw)


def _mailing(request: Request, answer: ProviderAnswer, group_key: str) -> MailingReport:
    fields = succeeded(request, answer)
    details = fields.parts("details")
    counted = {status: fields.integer(word) for status, word in WORD.items()}
    return MailingReport(
        group_key=fields.text("groupkey") or group_key,
        total=fields.needed_integer("total"),
        counts={status: count for status, count in counted.items() if count is not None},
        details=None if details is None else tuple(_recipient(row) for row in details),
        raw=fields.raw,
    )


def _recipient(row: AnswerFields) -> RecipientReport:
    word = row.needed_text("status")
    return RecipientReport(row.needed_text("recipient"), _status(word), word, row.raw)


def _recent(row: AnswerFields) -> RecentReport:
    word = row.needed_text("status")
    return RecentReport(
        recipient=row.text("number"),
        sender=row.text("senderid"),
        text=row.text("body"),
        encoding=encoding_of(row),
        sent_at=zoned(row, "timesent"),
        status=_status(word),
        word=word,
        raw=row.raw,
    )


def _page(request: Request, answer: ProviderAnswer) -> OutboundPage:
    fields = succeeded(request, answer)
    return OutboundPage(
        messages=tuple(_outbound(row) for row in _rows(fields, "messages")),
        total=fields.integer("total"),
        fetched=fields.integer("fetched"),
        newest_id=fields.integer("maxid"),
        oldest_id=fields.integer("minid"),
        raw=fields.raw,
    )


def _outbound(row: AnswerFields) -> ListedSms:
    word = row.text("status")
    return ListedSms(read_sms(row, row.needed_text("number")), _status(word), word)
