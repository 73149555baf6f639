"""Mocean "Voice API": POST /voice/dial, POST /voice/hangup, GET /voice/rec.

What becomes of a call comes to `mocean/voice/status`, the digits of a named step to `mocean/voice/collect/{step}`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import Party, callback_address, invalid, msisdn, needed, sender
from ringback.clients.bodies import AnswerFields, UnreadableAnswerError, read_fields
from ringback.clients.download import Fetch
from ringback.clients.errors import UnavailableError
from ringback.clients.exchange import Call, ProviderAnswer, Request, json_body
from ringback.clients.mocean.codes import RECORDING, VOICE
from ringback.clients.mocean.judge import accepted, code_of, needed_code, refusal
from ringback.schemas.mc_actions import Action, Collect
from ringback.schemas.mc_wire import McError, parse_mc, render_mc

PROVIDER: Final = "mocean"
STATUS_CALLBACK: Final = "mocean/voice/status"
COLLECT_CALLBACK: Final = "mocean/voice/collect"
MOST_REDIRECTS: Final = 5
_BINARY: Final = frozenset({"application/octet-stream", "binary/octet-stream"})


@dataclass(frozen=True, slots=True)
class Dialled:
    """A call that Mocean makes. `call_id` is what its callbacks name, and what `hangup` and `recording` take."""

    session_id: str
    call_id: str
    recipient: str = field(repr=False)
    raw: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HungUp:
    """A call that Mocean ends. `session_id` is None where the answer does not have it."""

    session_id: str | None
    call_id: str
    raw: Mapping[str, object] = field(repr=False)


Commands = Action | Sequence[Action | Mapping[str, object]]
"""What a voice handler may return; a mapping is an action as the wire has it."""


def dial(
    account: MoceanAccount,
    *,
    to: Party,
    commands: Commands,
    from_: Party | None = None,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[Dialled]:
    """Call a number and follow an MC once it is answered ("Make an outbound call").

    `commands`: what a voice handler returns, such as `[mc.say("Hello.")]`. `from_`: the number that calls. `context`
    comes back with the digits of each named step and with the call's status, which goes to `callback_url` or, without
    one, to this service's.
    """
    number = msisdn(PROVIDER, "call", "to", to)
    status_url = callback_address(PROVIDER, "call", account, STATUS_CALLBACK, context, callback_url)
    fields = {"mocean-to": number, "mocean-command": _commands(account, commands, context)}
    if from_ is not None:
        fields["mocean-from"] = sender(PROVIDER, "call", "from_", from_)
    if status_url is not None:
        fields["mocean-event-url"] = status_url
    request = account.post("call", "/voice/dial", fields)
    return Call(request, lambda answer: _dialled(request, answer, number))


def hangup(account: MoceanAccount, call_id: str) -> Call[HungUp]:
    """End a call ("Hangup a Call")."""
    call_id = needed(PROVIDER, "hangup", "call_id", call_id)
    request = account.post("hangup", "/voice/hangup", {"mocean-call-uuid": call_id})
    return Call(request, lambda answer: _hung_up(accepted(request, answer, VOICE), call_id))


def recording(account: MoceanAccount, call_id: str) -> Fetch:
    """Return what an MC with `record` has recorded of a call, to `save` or `read` ("Download a Recording").

    When it is ready is not documented: try again after an UnavailableError, and for a while after code 7 (*assumed*).
    """
    fields = {"mocean-call-uuid": needed(PROVIDER, "recording", "call_id", call_id)}
    request = account.get("recording", "/voice/rec", fields, formatted=False)
    return Fetch(Call(request, lambda answer: _no_recording(request, answer)), _is_recording, MOST_REDIRECTS)


def _commands(account: MoceanAccount, commands: Commands, context: Mapping[str, str] | None) -> str:
    """Return an MC as JSON, with the URLs of its named steps. Raises InvalidRequestError."""
    try:
        actions = parse_mc(commands)
    except McError as error:
        reason = str(error)
    else:
        if account.callbacks is None:
            _check_no_steps(actions)
        rendered = render_mc(
            actions,
            lambda step: account.callback_url(f"{COLLECT_CALLBACK}/{step}", context) or "",
            account.language,
        )
        return json_body(rendered).decode("ascii")
    raise invalid(PROVIDER, "call", "commands", reason)


def _check_no_steps(actions: tuple[Action, ...]) -> None:
    for index, action in enumerate(actions):
        if isinstance(action, Collect) and action.step is not None:
            reason = "there is no public URL to ask; set RINGBACK_PUBLIC_URL, or write event_url instead"
            raise invalid(PROVIDER, "call", "commands", f"action {index}, step: {reason}")


def _dialled(request: Request, answer: ProviderAnswer, number: str) -> Dialled:
    fields = read_fields(answer.body)
    if code := code_of(fields):
        raise refusal(request, answer, VOICE, code, fields)
    calls = fields.parts("calls")
    if calls is None:
        calls = [fields]
    if len(calls) != 1:
        raise UnreadableAnswerError("the answer is not about one call")
    call = calls[0]
    if code := needed_code(call):
        raise refusal(request, answer, VOICE, code, call)
    return Dialled(
        session_id=_id(call, "session") or call.needed_text("session_uuid"),
        call_id=_id(call, "call") or call.needed_text("call_uuid"),
        recipient=call.text("receiver") or number,
        raw=call.raw,
    )


def _hung_up(fields: AnswerFields, call_id: str) -> HungUp:
    return HungUp(_id(fields, "session"), _id(fields, "call") or call_id, fields.raw)


def _id(fields: AnswerFields, of: str) -> str | None:
    """Return an id; XML has it with a hyphen (fixtures of Mocean's SDK; *assumed*)."""
    return fields.text(f"{of}_uuid") or fields.text(f"{of}-uuid") or None


def _is_recording(answer: ProviderAnswer) -> bool:
    kind = answer.content_type.partition(";")[0].strip().lower()
    return answer.status == 200 and (kind.startswith("audio/") or kind in _BINARY)


def _no_recording(request: Request, answer: ProviderAnswer) -> NoReturn:
    fields = accepted(request, answer, RECORDING)
    raise UnavailableError(
        request.provider,
        request.operation,
        "the answer has no recording; it may not be ready yet",
        code=0,
        http_status=answer.status,
        retry_after=answer.retry_after,
        raw=dict(fields.raw),
    )
