"""My-Cool-SMS "Mailing List API": a text to a whole list, and who is on it. No callback tells what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.arguments import Party
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mycoolsms.encoding import message
from ringback.clients.mycoolsms.judge import succeeded
from ringback.clients.mycoolsms.limits import at_most, identifier, moment, number, sender_id
from ringback.clients.mycoolsms.sms import encoding_of
from ringback.schemas.event_data import Encoding

LONGEST: Final = {"title": 16, "firstname": 32, "lastname": 32, "company": 64}
"""Characters of a subscriber's fields."""


@dataclass(frozen=True, slots=True)
class SentMailing:
    """A mailing that My-Cool-SMS accepted. `group_key` is what its reports are asked by. Amounts in EUR (*assumed*)."""

    group_key: str
    list_id: str
    sender: str | None = field(repr=False)
    sender_is_shown: bool | None
    encoding: Encoding | None
    characters: int | None
    escaped: int | None
    parts: int | None
    subscribers: int | None
    charge: Decimal | None
    balance: Decimal | None
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscriber as the list has them now. `cost`: of one message to them; `list_cost`: of one to the whole list."""

    number: str = field(repr=False)
    title: str | None = field(repr=False)
    first_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    company: str | None = field(repr=False)
    cost: Decimal | None
    sender_is_shown: bool | None
    longest_gsm: int | None
    longest_unicode: int | None
    country: str | None
    list_cost: Decimal | None
    list_subscribers: int | None
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemovedSubscriber:
    """A subscriber who is no longer on the list, and what is left of it."""

    number: str = field(repr=False)
    list_cost: Decimal | None
    list_subscribers: int | None
    raw: Mapping[str, object] = field(repr=False)


def mailing(
    account: MyCoolSmsAccount,
    *,
    list_id: str,
    text: str,
    from_: Party | None = None,
    schedule: datetime | None = None,
) -> Call[SentMailing]:
    """Send a text to a whole mailing list (document, "sendMailing"); the limits are those of `sms`.

    `list_id`: the list's unique id, as the web interface shows it. No delivery report comes back: ask for it with
    `mailing_report`.
    """
    function = "sendMailing"
    fields: dict[str, object] = {"uniqueid": identifier(function, "list_id", list_id), **message(function, text)}
    if from_ is not None:
        fields["senderid"] = sender_id(function, "from_", from_)
    if schedule is not None:
        fields["scheduletime"] = moment(function, "schedule", schedule)
    request = account.call(function, fields, has_effect=True)
    return Call(request, lambda answer: _sent(request, answer, list_id))


def add_subscriber(
    account: MyCoolSmsAccount,
    *,
    list_id: str,
    number: Party,
    title: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    company: str | None = None,
) -> Call[Subscriber]:
    """Put a number on a mailing list, or change who it is there: safe to repeat (document, "addSubscriber").

    Up to 16 characters of `title`, 32 of each name, 64 of `company`.
    """
    return _put("addSubscriber", account, list_id, number, title, first_name, last_name, company)


def update_subscriber(
    account: MyCoolSmsAccount,
    *,
    list_id: str,
    number: Party,
    title: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    company: str | None = None,
) -> Call[Subscriber]:
    """Change a subscriber of a mailing list; the document's "updateSubscriber" points to "addSubscriber"."""
    return _put("updateSubscriber", account, list_id, number, title, first_name, last_name, company)


def delete_subscriber(account: MyCoolSmsAccount, *, list_id: str, number: Party) -> Call[RemovedSubscriber]:
    """Take a number off a mailing list (document, "deleteSubscriber")."""
    function = "deleteSubscriber"
    fields = _member(function, list_id, number)
    request = account.call(function, fields, has_effect=True)
    return Call(request, lambda answer: _removed(request, answer, fields["number"]))


def _member(function: str, list_id: str, party: Party) -> dict[str, str]:
    return {"uniqueid": identifier(function, "list_id", list_id), "number": number(function, "number", party)}


def _put(
    function: str,
    account: MyCoolSmsAccount,
    list_id: str,
    party: Party,
    title: str | None,
    first_name: str | None,
    last_name: str | None,
    company: str | None,
) -> Call[Subscriber]:
    fields = _member(function, list_id, party)
    for argument, name, value in (
        ("title", "title", title),
        ("first_name", "firstname", first_name),
        ("last_name", "lastname", last_name),
        ("company", "company", company),
    ):
        if value is not None:
            fields[name] = at_most(function, argument, value, LONGEST[name])
    request = account.call(function, fields, has_effect=True)
    return Call(request, lambda answer: _subscriber(request, answer, fields["number"]))


def _sent(request: Request, answer: ProviderAnswer, list_id: str) -> SentMailing:
    fields = succeeded(request, answer, several=True)
    return SentMailing(
        group_key=fields.needed_text("groupkey"),
        list_id=fields.text("uniqueid") or list_id,
        sender=fields.text("senderid"),
        sender_is_shown=fields.flag("senderidenabled"),
        encoding=encoding_of(fields),
        characters=fields.integer("numchars"),
        escaped=fields.integer("escapenumchars"),
        parts=fields.integer("smscount"),
        subscribers=fields.integer("subscribers"),
        charge=fields.decimal("charge"),
        balance=fields.decimal("balance"),
        raw=fields.raw,
    )


def _subscriber(request: Request, answer: ProviderAnswer, asked: str) -> Subscriber:
    fields = succeeded(request, answer)
    return Subscriber(
        number=fields.text("number") or asked,
        title=fields.text("title"),
        first_name=fields.text("firstname"),
        last_name=fields.text("lastname"),
        company=fields.text("company"),
        cost=fields.decimal("subscribercost"),
        sender_is_shown=fields.flag("senderidenabled"),
        longest_gsm=fields.integer("maxcharsgsm"),
        longest_unicode=fields.integer("maxcharsunicode"),
        country=fields.text("countrycode"),
        list_cost=fields.decimal("mailinglistcost"),
        list_subscribers=fields.integer("mailinglistsubscribers"),
        raw=fields.raw,
    )


def _removed(request: Request, answer: ProviderAnswer, asked: str) -> RemovedSubscriber:
    fields = succeeded(request, answer)
    return RemovedSubscriber(
        number=fields.text("number") or asked,
        list_cost=fields.decimal("mailinglistcost"),
        list_subscribers=fields.integer("mailinglistsubscribers"),
        raw=fields.raw,
    )
