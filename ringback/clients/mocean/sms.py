"""Mocean "Send an SMS": POST /sms. Delivery reports come back to `mocean/delivery-report`, one a receiver.

Text goes out without `mocean-coding` and `mocean-charset`: with both unset Mocean chooses GSM 7 or UCS-2 itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import Party, callback_address, invalid, local_time, msisdn, needed, sender, several
from ringback.clients.bodies import AnswerFields, UnreadableAnswerError, read_fields
from ringback.clients.errors import PartialError, SendError
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mocean.codes import SMS
from ringback.clients.mocean.judge import code_of, needed_code, refusal

PROVIDER: Final = "mocean"
CALLBACK: Final = "mocean/delivery-report"
MOST_RECEIVERS: Final = 500
NOTHING_SENT: Final = frozenset({1, 6, 9, 10, 17, 19, 20, 23, 26, 27, 29, 34, 37})
"""Codes of a request to several receivers after which nothing was sent to any of them.

Documented for 1. *Assumed* for the others: each is about a field that all receivers share, and of a form that no
receiver changes. Not here is what may differ from one receiver's network to another's (sender, content, alphabet,
service, credit) and what may begin in the midst of a request (40, 45).
"""
_EIGHT_BIT: Final = "2"
_NO_DIGITS: Final = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class Sent:
    """An SMS that Mocean accepted. `message_id` is the one that its delivery report names."""

    message_id: str
    recipient: str = field(repr=False)
    raw: Mapping[str, object] = field(repr=False)


def send(
    account: MoceanAccount,
    *,
    to: Party,
    from_: Party,
    text: str,
    schedule: datetime | None = None,
    validity: int | None = None,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[Sent]:
    """Send a text. Mocean chooses GSM 7 or UCS-2 by its characters.

    `from_`: the sender ID, a number, short code or name. `schedule`: an aware time. `validity` in seconds. `context`
    comes back with the delivery report, which goes to `callback_url` or, without one, to this service's.
    """
    message = {"mocean-text": needed(PROVIDER, "sms", "text", text)}
    options = _options(account, "sms", schedule, validity, context, callback_url)
    return _to_one(account, "sms", to, from_, message | options)


def flash(
    account: MoceanAccount,
    *,
    to: Party,
    from_: Party,
    text: str,
    schedule: datetime | None = None,
    validity: int | None = None,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[Sent]:
    """Send a text that the phone shows at once and does not keep (`mocean-mclass`, `mocean-alt-dcs`). Else as `sms`."""
    message = {
        "mocean-text": needed(PROVIDER, "flash", "text", text),
        "mocean-mclass": "1",
        "mocean-alt-dcs": "1",
    }
    options = _options(account, "flash", schedule, validity, context, callback_url)
    return _to_one(account, "flash", to, from_, message | options)


def binary(
    account: MoceanAccount,
    *,
    to: Party,
    from_: Party,
    data: bytes | str,
    udh: bytes | str | None = None,
    schedule: datetime | None = None,
    validity: int | None = None,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[Sent]:
    """Send 8-bit data. `data` and `udh` (user data header, with its length octet): bytes, or hex digits. Else as `sms`.

    `mocean-coding` is always 2: without it Mocean takes data without a header for 7-bit.
    """
    message = {"mocean-text": _hex("data", data), "mocean-coding": _EIGHT_BIT}
    if udh is not None:
        message["mocean-udh"] = _hex("udh", udh)
    options = _options(account, "binary", schedule, validity, context, callback_url)
    return _to_one(account, "binary", to, from_, message | options)


def send_many(
    account: MoceanAccount,
    *,
    to: Sequence[Party],
    from_: Party,
    text: str,
    schedule: datetime | None = None,
    validity: int | None = None,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[tuple[Sent, ...]]:
    """Send one text to 1 to 500 receivers in one request: what was sent to each, in their order. Else as `sms`.

    A number that stands twice in `to` is sent to once. Unless all are accepted it raises PartialError, which says for
    each receiver whether it was accepted, refused or is in doubt; or, where the answer is one error about the whole
    request, that error, with `sent` "no" only where no receiver can have been sent to (`NOTHING_SENT`).
    """
    numbers = several(PROVIDER, "sms_many", "to", to, MOST_RECEIVERS)
    fields = {
        "mocean-from": sender(PROVIDER, "sms_many", "from_", from_),
        "mocean-to": ",".join(numbers),
        "mocean-text": needed(PROVIDER, "sms_many", "text", text),
    }
    options = _options(account, "sms_many", schedule, validity, context, callback_url)
    request = account.post("sms_many", "/sms", fields | options)
    return Call(request, lambda answer: _sent_to_each(request, answer, numbers))


def _to_one(account: MoceanAccount, operation: str, to: Party, from_: Party, fields: Mapping[str, str]) -> Call[Sent]:
    number = msisdn(PROVIDER, operation, "to", to)
    parties = {"mocean-from": sender(PROVIDER, operation, "from_", from_), "mocean-to": number}
    request = account.post(operation, "/sms", parties | dict(fields))
    return Call(request, lambda answer: _sent(request, answer, number))


def _options(
    account: MoceanAccount,
    operation: str,
    schedule: datetime | None,
    validity: int | None,
    context: Mapping[str, str] | None,
    callback_url: str | None,
) -> dict[str, str]:
    """Return the fields that any SMS may have. For delivery reports Mocean wants both the mask and the URL."""
    fields = {}
    if schedule is not None:
        fields["mocean-schedule"] = local_time(PROVIDER, operation, "schedule", schedule, account.zone)
    if validity is not None:
        if validity < 1:
            raise invalid(PROVIDER, operation, "validity", "not positive; write seconds")
        fields["mocean-validity"] = str(int(validity))
    url = callback_address(PROVIDER, operation, account, CALLBACK, context, callback_url)
    return fields | ({"mocean-dlr-mask": "1", "mocean-dlr-url": url} if url else {})


def _hex(argument: str, value: bytes | str) -> str:
    try:
        octets = bytes.fromhex(value) if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError):
        octets = None
    if octets is None:
        raise invalid(PROVIDER, "binary", argument, "not hex; write bytes, or two hex digits an octet")
    if not octets:
        raise invalid(PROVIDER, "binary", argument, "empty")
    return octets.hex().upper()


def _sent(request: Request, answer: ProviderAnswer, number: str) -> Sent:
    fields = read_fields(answer.body)
    messages = fields.parts("messages") or [fields]  # itself: an error that concerns the whole request
    if len(messages) != 1:
        raise UnreadableAnswerError("the answer is not about one receiver")
    return _one(request, answer, messages[0], number)


def _one(request: Request, answer: ProviderAnswer, message: AnswerFields, number: str) -> Sent:
    code = needed_code(message)
    if code != 0:
        raise refusal(request, answer, SMS, code, message)
    return Sent(message.needed_text("msgid"), message.text("receiver") or number, message.raw)


def _sent_to_each(request: Request, answer: ProviderAnswer, numbers: tuple[str, ...]) -> tuple[Sent, ...]:
    if len(numbers) == 1:
        return (_sent(request, answer, numbers[0]),)
    fields = read_fields(answer.body)
    messages = fields.parts("messages") or [fields]
    _check_whole(request, answer, messages)
    accepted: dict[str, Sent] = {}
    refused: dict[str, SendError] = {}
    asked = frozenset(numbers)
    for message in messages:
        number, code, message_id = _digits(message.text("receiver")), code_of(message), message.text("msgid")
        if number not in asked or code is None:
            continue
        if code != 0:
            refused[number] = refusal(request, answer, SMS, code, message)
        elif message_id:
            accepted[number] = Sent(message_id, number, message.raw)
    if len(accepted) == len(numbers):
        return tuple(accepted[number] for number in numbers)
    raise _partial(request, answer, fields, numbers, accepted, refused)


def _check_whole(request: Request, answer: ProviderAnswer, messages: list[AnswerFields]) -> None:
    """Raise the error of an answer about the whole request: one code for all, and no receiver with it.

    Code 1 counts as such with receivers too: "NO SMS is sent to any of the receivers".
    """
    codes = {code_of(message) for message in messages}
    is_nameless = not any(message.text("receiver") for message in messages)
    if codes == {1} or (is_nameless and (len(messages) == 1 or (len(codes) == 1 and codes <= NOTHING_SENT))):
        code = needed_code(messages[0])
        if code == 0:
            raise UnreadableAnswerError("the answer does not say to whom it was sent")
        raise refusal(request, answer, SMS, code, messages[0], sent="no" if code in NOTHING_SENT else "unknown")


def _partial(
    request: Request,
    answer: ProviderAnswer,
    fields: AnswerFields,
    numbers: tuple[str, ...],
    accepted: Mapping[str, Sent],
    refused: Mapping[str, SendError],
) -> PartialError:
    refused = {number: refused[number] for number in numbers if number in refused and number not in accepted}
    in_doubt = tuple(number for number in numbers if number not in accepted and number not in refused)
    judged = {error.permanent for error in refused.values()} | ({None} if in_doubt else set())
    error = PartialError(
        request.provider,
        request.operation,
        f"{len(accepted)} accepted, {len(refused)} refused, {len(in_doubt)} in doubt",
        sent="unknown" if accepted or in_doubt else "no",
        http_status=answer.status,
        permanent=True if True in judged else None if None in judged else False,
        retry_after=answer.retry_after,
        raw=dict(fields.raw),
    )
    error.accepted = tuple(accepted[number] for number in numbers if number in accepted)
    error.refused = refused
    error.in_doubt = in_doubt
    return error


def _digits(receiver: str | None) -> str:
    """Return a receiver as we write it: only digits, without `+` or `00`."""
    return _NO_DIGITS.sub("", receiver or "").lstrip("0")
