"""Mocean "Number Lookup API": POST /nl. The result comes at once or, with a callback URL, to
`mocean/number-lookup`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import Party, callback_address, invalid, msisdn
from ringback.clients.bodies import AnswerFields, UnreadableAnswerError
from ringback.clients.exchange import Call
from ringback.clients.mocean.codes import LOOKUP
from ringback.clients.mocean.judge import accepted
from ringback.schemas.carriers import PORTED, MobileCode, carrier, is_unknown_network
from ringback.schemas.event_data import Carrier, Ported

PROVIDER: Final = "mocean"
CALLBACK: Final = "mocean/number-lookup"
_MOBILE_CODE: Final = re.compile(r"[0-9]{1,3}")
_RESULT: Final = ("current_carrier", "original_carrier", "ported")


@dataclass(frozen=True, slots=True)
class LookupResult:
    """Whose network a number is in. A carrier is None where Mocean does not know it."""

    lookup_id: str | None
    number: str = field(repr=False)
    current_carrier: Carrier | None
    original_carrier: Carrier | None
    ported: Ported
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookupAsked:
    """A lookup whose result comes later, as an event `lookup.completed` with this `lookup_id`."""

    lookup_id: str
    number: str = field(repr=False)
    raw: Mapping[str, object] = field(repr=False)


def lookup(account: MoceanAccount, number: Party) -> Call[LookupResult]:
    """Return whose network a number is in, and whether it was ported. Each lookup costs."""
    digits = msisdn(PROVIDER, "lookup", "number", number)
    request = account.post("lookup", "/nl", {"mocean-to": digits})
    return Call(request, lambda answer: _result(accepted(request, answer, LOOKUP), digits))


def lookup_later(
    account: MoceanAccount,
    number: Party,
    *,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[LookupAsked]:
    """Ask whose network a number is in; the result comes to `callback_url` or, without one, to this service's.

    `context` comes back with it. Raises InvalidRequestError where there is neither URL.
    """
    digits = msisdn(PROVIDER, "lookup_later", "number", number)
    url = callback_address(PROVIDER, "lookup_later", account, CALLBACK, context, callback_url)
    if url is None:
        raise invalid(PROVIDER, "lookup_later", "callback_url", "missing; write it, or set RINGBACK_PUBLIC_URL")
    request = account.post("lookup_later", "/nl", {"mocean-to": digits, "mocean-nl-url": url})
    return Call(request, lambda answer: _asked(accepted(request, answer, LOOKUP), digits))


def _result(fields: AnswerFields, number: str) -> LookupResult:
    if not any(name in fields for name in _RESULT):
        raise UnreadableAnswerError("the answer has no result of the lookup")
    return LookupResult(
        lookup_id=fields.text("msgid") or None,
        number=fields.text("to") or number,
        current_carrier=_carrier(fields.part("current_carrier")),
        original_carrier=_carrier(fields.part("original_carrier")),
        ported=PORTED.get((fields.text("ported") or "").strip().lower(), Ported.UNKNOWN),
        raw=fields.raw,
    )


def _carrier(fields: AnswerFields | None) -> Carrier | None:
    """Return a carrier; None where there is none or its network code is 0."""
    if fields is None or not fields.raw:
        return None
    code = _word(fields, "network_code")
    if is_unknown_network(code):
        return None
    return carrier(
        country=_word(fields, "country"),
        name=_word(fields, "name"),
        code=code,
        mcc=_mobile_code(fields, "mcc"),
        mnc=_mobile_code(fields, "mnc"),
    )


def _mobile_code(fields: AnswerFields, name: str) -> MobileCode:
    word = _word(fields, name)
    return MobileCode(word, int(word) if word and _MOBILE_CODE.fullmatch(word) else None)


def _word(fields: AnswerFields, name: str) -> str | None:
    return (fields.text(name) or "").strip() or None


def _asked(fields: AnswerFields, number: str) -> LookupAsked:
    return LookupAsked(fields.needed_text("msgid"), fields.text("to") or number, fields.raw)
