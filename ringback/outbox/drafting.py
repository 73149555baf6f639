"""Drafting: what a caller wants to be sent, checked where it is written.

What checks it is what will send it, so that what a provider's document forbids is an error where it was written.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeGuard, cast, get_args

from pydantic import JsonValue, SecretStr

from ringback.clients.accounts import ApiToken, CallbackBase, MoceanAccount, MyCoolSmsAccount
from ringback.clients.arguments import Party, encodable, invalid, msisdn, needed, sender
from ringback.clients.exchange import Call
from ringback.outbox.draft import Draft, InDoubt
from ringback.schemas.mc_wire import McError, parse_mc
from ringback.schemas.provider_names import PROVIDERS, Provider
from ringback.schemas.send_events import SEND_IN_CONTEXT
from ringback.schemas.wa_contents import RawContent, WaContent

if TYPE_CHECKING:
    from ringback.clients.mocean.voice import Commands


def sms(
    provider: str,
    account: str,
    *,
    to: Party,
    text: str,
    from_: Party | None = None,
    schedule: datetime | None = None,
    context: Mapping[str, str] | None = None,
    expires_at: float | None = None,
    in_doubt: InDoubt = "hold",
    handler: str | None = None,
    cause: str | None = None,
) -> Draft:
    """Return an SMS. Raises InvalidRequestError."""
    known = _known(provider, "sms")
    body: dict[str, JsonValue] = {"text": text}
    if schedule is not None:
        if not isinstance(cast("object", schedule), datetime) or schedule.tzinfo is None:
            raise invalid(provider, "sms", "schedule", "a time without a zone; write datetime(…, tzinfo=…)")
        body["schedule"] = schedule.isoformat()
    draft = Draft(
        "sms", known, account, msisdn(known, "sms", "to", to), body,
        None if from_ is None else sender(known, "sms", "from_", from_),
        _checked(known, "sms", context), expires_at, _policy(known, "sms", in_doubt), handler, cause,
    )  # fmt: skip
    if known == "mocean" and schedule is None:  # all that is left to check, without making a request
        needed(known, "sms", "text", text)
    else:
        call_of(draft, _STANDARD[known], "ringback")
    return draft


def whatsapp(
    account: str,
    *,
    to: Party,
    content: WaContent | str,
    from_: Party | None = None,
    context: Mapping[str, str] | None = None,
    expires_at: float | None = None,
    in_doubt: InDoubt = "hold",
    handler: str | None = None,
    cause: str | None = None,
) -> Draft:
    """Return a WhatsApp message. Raises InvalidRequestError."""
    draft = Draft(
        "whatsapp", "mocean", account, msisdn("mocean", "whatsapp", "to", to), {},
        None if from_ is None else msisdn("mocean", "whatsapp", "from_", from_),
        _checked("mocean", "whatsapp", context), expires_at, _policy("mocean", "whatsapp", in_doubt), handler, cause,
    )  # fmt: skip
    from ringback.clients.mocean.whatsapp import content_of

    wire = content_of(content).wire()
    return _with(draft, content=cast("JsonValue", wire))


def call(
    account: str,
    *,
    to: Party,
    commands: "Commands",
    from_: Party | None = None,
    context: Mapping[str, str] | None = None,
    expires_at: float | None = None,
    in_doubt: InDoubt = "hold",
    handler: str | None = None,
    cause: str | None = None,
) -> Draft:
    """Return a call. Raises InvalidRequestError."""
    try:
        actions = parse_mc(commands)
    except McError as error:
        reason = str(error)
    else:
        draft = Draft(
            "call", "mocean", account, msisdn("mocean", "call", "to", to), {},
            None if from_ is None else sender("mocean", "call", "from_", from_),
            _checked("mocean", "call", context), expires_at, _policy("mocean", "call", in_doubt), handler, cause,
        )  # fmt: skip
        return _with(draft, commands=cast("JsonValue", [action.wire() for action in actions]))
    raise invalid("mocean", "call", "commands", reason)


def call_of(draft: Draft, account: MoceanAccount | MyCoolSmsAccount, sender_id: str | None) -> Call[object]:
    """Return the request of a draft. `sender_id`: who sends where the draft does not say.

    Raises InvalidRequestError, also where nobody is named that sends and the request needs one.
    """
    # Here, since they load what carries requests too, which a handler that replies by SMS does not need.
    from ringback.clients.mocean import sms as mocean_sms
    from ringback.clients.mocean import voice as mocean_voice
    from ringback.clients.mocean import whatsapp as mocean_whatsapp
    from ringback.clients.mycoolsms import sms as mycoolsms_sms

    body, from_ = draft.body, draft.from_ or sender_id
    if isinstance(account, MyCoolSmsAccount):
        return mycoolsms_sms.send(
            account, to=draft.to, text=cast("str", body.get("text")), from_=from_, schedule=_time(body),
            context=draft.context,
        )  # fmt: skip
    if draft.kind == "call":
        commands = cast("Commands", body.get("commands"))
        return mocean_voice.dial(account, to=draft.to, commands=commands, from_=draft.from_, context=draft.context)
    if from_ is None:
        name = "sms_from" if draft.kind == "sms" else "whatsapp_from"
        raise invalid(
            draft.provider, draft.kind, "from_",
            f"nobody is named that sends; write from_=…, or {name} in the file of RINGBACK_CREDENTIALS",
        )  # fmt: skip
    if draft.kind == "whatsapp":
        content = RawContent(content=cast("dict[str, JsonValue]", body.get("content")))
        return mocean_whatsapp.send(account, to=draft.to, from_=from_, content=content, context=draft.context)
    return mocean_sms.send(
        account, to=draft.to, from_=from_, text=cast("str", body.get("text")), schedule=_time(body),
        context=draft.context,
    )  # fmt: skip


def _with(draft: Draft, **body: JsonValue) -> Draft:
    """Return a draft with what it says, checked by what will send it."""
    whole = Draft(
        draft.kind, draft.provider, draft.account, draft.to, body, draft.from_, draft.context, draft.expires_at,
        draft.in_doubt, draft.handler, draft.cause,
    )  # fmt: skip
    call_of(whole, _STANDARD[draft.provider], "60123456789")
    return whole


def _time(body: Mapping[str, JsonValue]) -> datetime | None:
    return datetime.fromisoformat(cast("str", body["schedule"])) if "schedule" in body else None


def _known(provider: str, operation: str) -> Provider:
    if not _is_known(provider):
        raise invalid("ringback", operation, "provider", f"no such provider; write {' or '.join(PROVIDERS)}")
    return provider


def _is_known(provider: str) -> TypeGuard[Provider]:
    return provider in PROVIDERS


def _policy(provider: str, operation: str, in_doubt: InDoubt) -> InDoubt:
    if in_doubt not in _POLICIES:
        raise invalid(provider, operation, "in_doubt", 'no such policy; write "hold" or "again"')
    return in_doubt


def _checked(provider: str, operation: str, context: Mapping[str, str] | None) -> dict[str, str]:
    if not context:
        return {}
    if not isinstance(cast("object", context), Mapping):
        raise invalid(provider, operation, "context", "not a dict; write names and texts")
    for part in chain.from_iterable(context.items()):
        encodable(provider, operation, "context", part)
    if SEND_IN_CONTEXT in context:
        raise invalid(provider, operation, "context", f'"{SEND_IN_CONTEXT}" is Ringback\'s own; take another name')
    return dict(context)


_POLICIES: Final = frozenset(get_args(InDoubt))
_CALLBACKS: Final = CallbackBase("https://ringback.invalid")
_STANDARD: Final[Mapping[Provider, MoceanAccount | MyCoolSmsAccount]] = {
    "mocean": MoceanAccount(ApiToken(SecretStr("-")), callbacks=_CALLBACKS),
    "mycoolsms": MyCoolSmsAccount("-", SecretStr("-"), callbacks=_CALLBACKS),
}
"""Accounts for whom requests are made that never go out, to check a draft."""
