"""Mocean "Verify API": a code to a phone or a Telegram chat, and whether its user wrote the same one.

Of a request by pay per conversion (PPC, `/verify/req`) Mocean chooses the channels; the others are pay per attempt
(PPA). No callback follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from re import compile as pattern
from typing import Final, Literal

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import Party, invalid, msisdn, needed, sender, text_of
from ringback.clients.bodies import AnswerFields, read_fields
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mocean.codes import VERIFY
from ringback.clients.mocean.judge import accepted, needed_code, refusal

PROVIDER: Final = "mocean"
CODE_LENGTHS: Final = (4, 6)
PIN_VALIDITY: Final = (60, 3600)
NEXT_EVENT_WAIT: Final = (60, 900)
_CHAT: Final = pattern(r"-?[0-9]+")

Reason = Literal["wrong_code", "too_many_attempts"]
REASONS: Final[Mapping[int, Reason]] = {15: "too_many_attempts", 16: "wrong_code"}


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code that Mocean sends. `request_id` is what `check` and `resend` take.

    `reachable` is the document's `is_number_reachable`, such as "unknown"; `resend_number` counts what was sent again.
    """

    request_id: str
    recipient: str = field(repr=False)
    reachable: str | None
    resend_number: int | None
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeChecked:
    """Whether the code was the one that was sent; as a condition it is `ok`. `reason` is None where it was."""

    ok: bool
    reason: Reason | None
    request_id: str
    raw: Mapping[str, object] = field(repr=False)

    def __bool__(self) -> bool:
        return self.ok


def request(
    account: MoceanAccount,
    *,
    to: Party,
    brand: str,
    from_: Party | None = None,
    code_length: int | None = None,
    pin_validity: int | None = None,
    next_event_wait: int | None = None,
) -> Call[CodeSent]:
    """Send a code over the channels that the account has, paid per conversion ("PPC Send Code").

    `brand`: who asks for it. `code_length`: 4 or 6, else 6 or as the account has it. `pin_validity`: 60 to 3600
    seconds, else 300; `next_event_wait`: 60 to 900 seconds until the next channel, else 60. Code 19 of a second request
    for the same number and brand says that one is under way.
    """
    operation = "verify.request"
    number = msisdn(PROVIDER, operation, "to", to)
    fields = _code(operation, brand, code_length, pin_validity) | _sender(operation, from_)
    if next_event_wait is not None:
        fields["mocean-next-event-wait"] = _within(operation, "next_event_wait", next_event_wait, NEXT_EVENT_WAIT)
    return _code_call(account, operation, "/verify/req", {"mocean-to": number} | fields, number)


def request_sms(
    account: MoceanAccount,
    *,
    to: Party,
    brand: str,
    from_: Party | None = None,
    code_length: int | None = None,
    pin_validity: int | None = None,
) -> Call[CodeSent]:
    """Send a code by SMS, paid per attempt ("PPA Send Code over SMS").

    `brand`: who asks for it. `code_length`: 4 or 6, else 4 or as the account has it. `pin_validity`: 60 to 3600
    seconds, else 300.
    """
    operation = "verify.sms"
    number = msisdn(PROVIDER, operation, "to", to)
    fields = _code(operation, brand, code_length, pin_validity) | _sender(operation, from_)
    return _code_call(account, operation, "/verify/req/sms", {"mocean-to": number} | fields, number)


def request_telegram(
    account: MoceanAccount,
    *,
    to: int | str,
    brand: str,
    from_: str,
    code_length: int | None = None,
    pin_validity: int | None = None,
) -> Call[CodeSent]:
    """Send a code by Telegram, paid per attempt ("PPA Send Code over Telegram"). `to`: a chat id; `from_`: a bot.

    `brand`, `code_length` and `pin_validity` as for SMS.
    """
    operation = "verify.telegram"
    chat = str(to)
    if isinstance(to, bool) or not _CHAT.fullmatch(chat):
        raise invalid(PROVIDER, operation, "to", "not a chat id of Telegram; write its number")
    fields = {"mocean-from": needed(PROVIDER, operation, "from_", from_), "mocean-to": chat}
    return _code_call(
        account, operation, "/verify/req/telegram", fields | _code(operation, brand, code_length, pin_validity), chat
    )


def resend(account: MoceanAccount, request_id: str) -> Call[CodeSent]:
    """Send a new code of a request by SMS, paid per attempt ("PPA Resend Code over SMS")."""
    operation = "verify.resend"
    fields = {"mocean-reqid": needed(PROVIDER, operation, "request_id", request_id)}
    return _code_call(account, operation, "/verify/resend/sms", fields, "")


def check(account: MoceanAccount, request_id: str, code: str) -> Call[CodeChecked]:
    """Return whether this is the code that was sent ("Verify Code"); a user has three attempts.

    That it is wrong, or was wrong too often, is a result. Blanks around it do not count.
    """
    operation = "verify.check"
    fields = {
        "mocean-reqid": needed(PROVIDER, operation, "request_id", request_id),
        "mocean-code": needed(PROVIDER, operation, "code", text_of(PROVIDER, operation, "code", code).strip()),
    }
    wanted = account.post(operation, "/verify/check", fields)
    return Call(wanted, lambda answer: _checked(wanted, answer, request_id))


def _code(operation: str, brand: str, code_length: int | None, pin_validity: int | None) -> dict[str, str]:
    """Return the fields that each request for a code has. Without a length none is sent: its default differs."""
    fields = {"mocean-brand": needed(PROVIDER, operation, "brand", brand)}
    if code_length is not None:
        if code_length not in CODE_LENGTHS or type(code_length) is not int:
            raise invalid(PROVIDER, operation, "code_length", "not 4 or 6")
        fields["mocean-code-length"] = str(code_length)
    if pin_validity is not None:
        fields["mocean-pin-validity"] = _within(operation, "pin_validity", pin_validity, PIN_VALIDITY)
    return fields


def _sender(operation: str, from_: Party | None) -> dict[str, str]:
    return {} if from_ is None else {"mocean-from": sender(PROVIDER, operation, "from_", from_)}


def _within(operation: str, argument: str, seconds: int, limits: tuple[int, int]) -> str:
    least, most = limits
    if type(seconds) is not int or not least <= seconds <= most:
        raise invalid(PROVIDER, operation, argument, f"not {least} to {most} whole seconds")
    return str(seconds)


def _code_call(
    account: MoceanAccount, operation: str, path: str, fields: Mapping[str, str], recipient: str
) -> Call[CodeSent]:
    wanted = account.post(operation, path, fields)
    return Call(wanted, lambda answer: _sent(accepted(wanted, answer, VERIFY), recipient))


def _sent(fields: AnswerFields, recipient: str) -> CodeSent:
    return CodeSent(
        request_id=fields.needed_text("reqid"),
        recipient=fields.text("to") or recipient,
        reachable=fields.text("is_number_reachable") or None,
        resend_number=fields.integer("resend_number"),
        raw=fields.raw,
    )


def _checked(wanted: Request, answer: ProviderAnswer, request_id: str) -> CodeChecked:
    fields = read_fields(answer.body)
    status = needed_code(fields)
    if status != 0 and status not in REASONS:
        raise refusal(wanted, answer, VERIFY, status, fields)
    return CodeChecked(status == 0, REASONS.get(status), fields.text("reqid") or request_id, fields.raw)
