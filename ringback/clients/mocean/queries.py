"""Mocean "Query API": GET /account/balance, /account/pricing, /report/message. They change nothing and cost nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal
from urllib.parse import unquote_plus

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import invalid, needed
from ringback.clients.bodies import AnswerFields, UnreadableAnswerError
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mocean.codes import BALANCE, MESSAGE_STATUS, PRICING
from ringback.clients.mocean.judge import accepted
from ringback.schemas.carriers import mnc_with_zeros

PROVIDER: Final = "mocean"

PricedService = Literal["sms", "number-lookup", "verify"]
ReportedStatus = Literal["success", "failed", "expired", "pending", "not_found"]

SERVICES: Final[frozenset[str]] = frozenset({"sms", "number-lookup", "verify"})
REPORTED_STATUS: Final[Mapping[int, ReportedStatus]] = {  # the document's table below "Message Status"
    1: "success",
    2: "failed",
    3: "expired",
    4: "pending",  # for its final status
    5: "not_found",
}
_ANY: Final = "default"


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left in the account. The document names no currency."""

    value: Decimal
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Price:
    """What a network costs. Where the row says "Default" `country`, `operator` and `mcc` are None and `mnc` is empty:
    it is for all that have no row of their own.
    """

    country: str | None
    operator: str | None
    mcc: str | None
    mnc: tuple[str, ...]
    price: Decimal
    currency: str | None
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageReport:
    """What became of an SMS. `credit`: what it cost, in the account's unit."""

    message_id: str
    status: ReportedStatus
    credit: Decimal | None
    raw: Mapping[str, object] = field(repr=False)


def balance(account: MoceanAccount) -> Call[Balance]:
    """Return the account's balance (document, "Get Balance")."""
    request = account.get("balance", "/account/balance", {})
    return Call(request, lambda answer: _balance(accepted(request, answer, BALANCE)))


def pricing(
    account: MoceanAccount,
    *,
    mcc: str | None = None,
    mnc: str | None = None,
    type: PricedService | None = None,  # noqa: A002 - the document's word
) -> Call[tuple[Price, ...]]:
    """Return the account's prices (document, "Account Pricing"); without `type` those of SMS.

    `mcc` and `mnc` with their zeros. Mocean's own filter wants both, so for an `mcc` alone all prices are asked for,
    and only those of that country kept. `mocean-delimiter` is not offered: it is for a CSV form that the document does
    not describe.
    """
    if mcc is not None and not _is_number(mcc, 3, 3):
        raise invalid(PROVIDER, "pricing", "mcc", "not a mobile country code; write three digits such as 502")
    if mnc is not None and mcc is None:
        raise invalid(PROVIDER, "pricing", "mnc", "without mcc; write both")
    if mnc is not None and not _is_number(mnc, 2, 3):
        raise invalid(PROVIDER, "pricing", "mnc", "not one mobile network code; write two or three digits such as 01")
    if type is not None and type.lower() not in SERVICES:
        raise invalid(PROVIDER, "pricing", "type", f"unknown; write one of {', '.join(sorted(SERVICES))}")
    fields = {} if mcc is None or mnc is None else {"mocean-mcc": mcc, "mocean-mnc": mnc}
    if type is not None:
        fields["mocean-type"] = type
    request = account.get("pricing", "/account/pricing", fields)
    return Call(request, lambda answer: _prices(request, answer, mcc if mnc is None else None))


def message_status(account: MoceanAccount, message_id: str) -> Call[MessageReport]:
    """Return what became of an SMS (document, "Message Status"): neither its receiver, an error code nor a time."""
    fields = {"mocean-msgid": needed(PROVIDER, "message_status", "message_id", message_id)}
    request = account.get("message_status", "/report/message", fields)
    return Call(request, lambda answer: _report(accepted(request, answer, MESSAGE_STATUS), message_id))


def _balance(fields: AnswerFields) -> Balance:
    return Balance(fields.needed_decimal("value"), fields.raw)


def _prices(request: Request, answer: ProviderAnswer, only_mcc: str | None) -> tuple[Price, ...]:
    rows = accepted(request, answer, PRICING).parts("destinations")
    if rows is None:
        raise UnreadableAnswerError("the answer has no destinations")
    prices = tuple(_price(row) for row in rows)
    return prices if only_mcc is None else tuple(price for price in prices if price.mcc == only_mcc)


def _price(row: AnswerFields) -> Price:
    mcc = _word(row, "mcc")
    mncs = (_word(row, "mnc") or "").replace(",", " ").split()
    return Price(
        country=_word(row, "country"),
        operator=_word(row, "operator"),
        mcc=mcc,
        mnc=tuple(_mnc(mcc, mnc) for mnc in mncs),
        price=row.needed_decimal("price"),
        currency=_word(row, "currency"),
        raw=row.raw,
    )


def _mnc(mcc: str | None, mnc: str) -> str:
    """Return an MNC; of one digit, which is none, with the zeros that a number loses."""
    return mnc_with_zeros(mcc or "", int(mnc)) if _is_number(mnc, 1, 1) else mnc


def _word(row: AnswerFields, name: str) -> str | None:
    """Return a word, decoded if it is URL-encoded (SDK's fixtures): then it has no spaces. "Default" is None."""
    text = (row.text(name) or "").strip()
    word = text if " " in text else unquote_plus(text).strip()
    return None if word.lower() in ("", _ANY) else word


def _report(fields: AnswerFields, message_id: str) -> MessageReport:
    status = REPORTED_STATUS.get(fields.needed_integer("message_status"))
    if status is None:
        raise UnreadableAnswerError("the answer's message_status is none of the document's")
    return MessageReport(fields.text("msgid") or message_id, status, fields.decimal("credit_deducted"), fields.raw)


def _is_number(text: object, least: int, most: int) -> bool:
    """Whether this is a text of so many digits; a number, which would lose its zeros, is not."""
    return isinstance(text, str) and text.isascii() and text.isdigit() and least <= len(text) <= most
