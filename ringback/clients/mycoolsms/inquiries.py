"""My-Cool-SMS "Balance Lookup API", and what "Utils API" knows of numbers: doHlrLookup and normalizeNumber."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.arguments import Party, needed, text_of
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mycoolsms.judge import PROVIDER, succeeded
from ringback.clients.mycoolsms.limits import number as phone_number


class HlrStatus(StrEnum):
    """What a lookup found (document, "HLR Status Reference")."""

    OK = "ok"
    UNKNOWN_NUMBER = "unknown_number"
    NOT_OK = "not_ok"
    FAILED = "failed"
    AWAITING_RESPONSE = "awaiting_response"
    UNKNOWN = "unknown"
    """A word that the document does not have."""


HLR_STATUS: Final = {
    "HLR_STATUS_OK": HlrStatus.OK,
    "HLR_STATUS_UNKNOWN_NUMBER": HlrStatus.UNKNOWN_NUMBER,
    "HLR_STATUS_NOT_OK": HlrStatus.NOT_OK,  # long outside its network, or disabled: an SMS will not arrive
    "HLR_STATUS_FAILED": HlrStatus.FAILED,  # not charged
    "HLR_STATUS_AWAITING_RESPONSE": HlrStatus.AWAITING_RESPONSE,  # the document has no way to ask for its end
}


@dataclass(frozen=True, slots=True)
class EuroBalance:
    """What is left in the account, in EUR."""

    value: Decimal
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HlrLookup:
    """What the home location register knows of a number; `word` is the provider's status. `charge` in EUR.

    `mcc` and `mnc` are texts: `03` is not `3`. `original_…`: the network that the number came from, `roaming_…`: the
    one it is in, `ported_network`: the one it was taken to. All but the status may be None.
    """

    number: str = field(repr=False)
    status: HlrStatus
    word: str
    imsi: str | None = field(repr=False)
    mcc: str | None
    mnc: str | None
    msin: str | None = field(repr=False)
    serving_msc: str | None = field(repr=False)
    serving_hlr: str | None = field(repr=False)
    original_network: str | None
    original_network_prefix: str | None
    original_country_name: str | None
    original_country: str | None
    original_country_prefix: str | None
    roaming_network: str | None
    roaming_country_name: str | None
    roaming_country: str | None
    roaming_country_prefix: str | None
    ported_network: str | None
    is_ported: bool | None
    is_correct: bool | None
    is_roaming: bool | None
    charge: Decimal | None
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NormalizedNumber:
    """A number in international form, and its country (ISO 3166)."""

    number: str = field(repr=False)
    country: str | None
    raw: Mapping[str, object] = field(repr=False)


def balance(account: MyCoolSmsAccount) -> Call[EuroBalance]:
    """Ask what is left in the account (document, "getBalance")."""
    request = account.call("getBalance", {}, has_effect=False)
    return Call(request, lambda answer: _balance(request, answer))


def lookup(account: MyCoolSmsAccount, number: Party) -> Call[HlrLookup]:
    """Look a number up in its home location register (document, "doHlrLookup"). It is charged, so it has an effect."""
    asked = phone_number("doHlrLookup", "number", number)
    request = account.call("doHlrLookup", {"number": asked}, has_effect=True)
    return Call(request, lambda answer: _lookup(request, answer, asked))


def normalize(account: MyCoolSmsAccount, number: str) -> Call[NormalizedNumber]:
    """Have a loosely written number put into international form (document, "normalizeNumber").

    The provider is asked; what has a country code, `parse_address` reads without it.
    """
    written = needed(
        PROVIDER, "normalizeNumber", "number", text_of(PROVIDER, "normalizeNumber", "number", number).strip()
    )
    request = account.call("normalizeNumber", {"number": written}, has_effect=False)
    return Call(request, lambda answer: _normalized(request, answer))


def _balance(request: Request, answer: ProviderAnswer) -> EuroBalance:
    fields = succeeded(request, answer)
    return EuroBalance(fields.needed_decimal("balance"), fields.raw)


def _lookup(request: Request, answer: ProviderAnswer, asked: str) -> HlrLookup:
    fields = succeeded(request, answer)
    word = fields.needed_text("status")
    return HlrLookup(
        number=fields.text("number") or asked,
        status=HLR_STATUS.get(word.strip().upper(), HlrStatus.UNKNOWN),
        word=word,
        imsi=fields.text("imsi"),
        mcc=fields.text("mcc"),
        mnc=fields.text("mnc"),
        msin=fields.text("msin"),
        serving_msc=fields.text("servingmsc"),
        serving_hlr=fields.text("servinghlr"),
        original_network=fields.text("originalnetworkname"),
        original_network_prefix=fields.text("originalnetworkprefix"),
        original_country_name=fields.text("originalcountryname"),
        original_country=fields.text("originalcountrycode"),
        original_country_prefix=fields.text("originalcountryprefix"),
        roaming_network=fields.text("roamingnetworkname"),
        roaming_country_name=fields.text("roamingcountryname"),
        roaming_country=fields.text("roamingcountrycode"),
        roaming_country_prefix=fields.text("roamingcountryprefix"),
        ported_network=fields.text("portednetworkname"),
        is_ported=fields.flag("isported"),
        is_correct=fields.flag("iscorrect"),
        is_roaming=fields.flag("isroaming"),
        charge=fields.decimal("charge"),
        raw=fields.raw,
    )


def _normalized(request: Request, answer: ProviderAnswer) -> NormalizedNumber:
    fields = succeeded(request, answer)
    return NormalizedNumber(fields.needed_text("number"), fields.text("countrycode"), fields.raw)
