"""Once: a direct call that is made once for one event, handler and key, whatever fails, is retried or dies.

An attempt that finds the call done is given what the provider answered then, read by the call's own reader. One that
finds it begun and not ended is in doubt: neither provider takes a key of ours, so nothing is sent until a callback or a
person has settled it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from urllib.parse import parse_qsl
from uuid import uuid4

import structlog
from redis.exceptions import RedisError
from rq.exceptions import StopRequested

from ringback.clients.bodies import UnreadableAnswerError
from ringback.clients.errors import InDoubtError, InvalidRequestError, PartialError, RefusedError, SendError
from ringback.clients.exchange import JSON, Call, ProviderAnswer, Request
from ringback.outbox.draft import Draft, ref_of
from ringback.outbox.record import SendState
from ringback.outbox.slots import Found, Slot
from ringback.schemas.provider_names import Provider
from ringback.workers.running.context import Context
from ringback.workers.runtime import Runtime

log = structlog.get_logger()

T = TypeVar("T")

_LONGEST_KEY: Final = 200
_MARGIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Once:
    """One key of one run. `handler`: what it was called at its first attempt."""

    run: Runtime = field(repr=False)
    provider: Provider
    account: str
    event_id: str
    handler: str
    key: str

    @classmethod
    def of(cls, run: Runtime, context: Context, provider: Provider, account: str, key: str) -> "Once":
        """Return the key of a handler's run. Raises InvalidRequestError."""
        given: object = key
        if not isinstance(given, str) or not 0 < len(given) <= _LONGEST_KEY:
            raise InvalidRequestError(
                provider, "client", f"key: not a text of 1 to {_LONGEST_KEY} characters; write what tells this call "
                'from the others of this handler, such as key="otp"',
            )  # fmt: skip
        return cls(run, provider, account, context.event_id, context.begun_as or context.handler, key)

    @property
    def ref(self) -> str:
        """What names the call in `ringback sends` and in its callbacks."""
        return ref_of("direct", self.event_id, self.handler, self.key)

    def begin(self, call: Call[T], timeout: float) -> "Attempt[T]":
        """Claim a call of so many seconds. Raises SendError where it must not be made, and RedisError."""
        request = call.request
        if not request.has_effect:
            raise no_effect(request)
        draft = Draft(
            "direct", self.provider, self.account, recipient_of(request),
            {"operation": request.operation, "key": self.key}, handler=self.handler, cause=self.event_id,
        )  # fmt: skip
        slot = Slot(self.run.redis, self.run.keys, self.ref, draft, uuid4().hex)
        return Attempt(call, slot, slot.claim(2 * timeout + _MARGIN_S))


class Attempt(Generic[T]):
    """One attempt at a call. Where `found` is None it is to be made: carry `call`, then say how it `ended`."""

    def __init__(self, call: Call[T], slot: Slot, found: Found | None) -> None:
        self.call = Call(call.request, self._read)
        self.found = found
        self._asked = call
        self._slot = slot
        self._answer: ProviderAnswer | None = None

    def result(self) -> T:
        """Return what an earlier attempt had as its result. Raises SendError, also where that is not known."""
        if self.found is None:
            raise RuntimeError("nobody has made this call before")
        request, record, ref = self._asked.request, self.found.record, self._slot.ref
        asked = (record.draft.provider, record.draft.body.get("operation"))
        if asked != (request.provider, request.operation):
            raise InvalidRequestError(
                request.provider, request.operation,
                f"this key was used for {' '.join(map(str, asked))}; take another key for each call",
            )  # fmt: skip
        if record.state is SendState.ACCEPTED:
            answer = self.found.answer or answer_by_id(request, record.message_id, record.session_id)
            if answer is not None:
                try:
                    return self._asked.read(answer)
                except UnreadableAnswerError:
                    pass  # it is said below
            raise SendError(
                request.provider, request.operation,
                f"was settled as accepted, and its result is not known; see `ringback sends show {ref}`",
                sent="unknown", permanent=True,
            )  # fmt: skip
        if record.state in (SendState.CLAIMED, SendState.IN_DOUBT):
            raise self._in_doubt("an earlier attempt began it, and nobody knows whether it was carried out")
        raise RefusedError(
            request.provider, request.operation, f"was settled as {record.state.value}: `ringback sends show {ref}`",
            permanent=True,
        )  # fmt: skip

    def ended(self, outcome: T | SendError) -> T:
        """Keep how the call ended: return its result, or raise its error. Where Redis is away it stays claimed."""
        error = outcome if isinstance(outcome, SendError) else None
        try:
            if self._answer is not None and (error is None or isinstance(error, PartialError)):
                self._slot.accept(self._answer, *_ids(outcome))
            elif error is not None and error.sent == "no":
                self._slot.free()
            else:
                self._slot.doubt()
        except (RedisError, StopRequested) as away:
            log.warning("direct.not_kept", ref=self._slot.ref, error=type(away).__name__)
        if isinstance(outcome, InDoubtError):
            raise self._in_doubt(outcome.reason, outcome)
        if isinstance(outcome, SendError):
            raise outcome
        return outcome

    def _read(self, answer: ProviderAnswer) -> T:
        self._answer = answer
        return self._asked.read(answer)

    def _in_doubt(self, reason: str, cause: SendError | None = None) -> InDoubtError:
        request, ref = self._asked.request, self._slot.ref
        error = InDoubtError(
            request.provider, request.operation,
            f"{reason}; ask the provider, then `ringback sends settle {ref}`, or `ringback sends again {ref}` to let "
            "the next attempt call",
            http_status=cause.http_status if cause else None, raw=cause.raw if cause else None,
        )  # fmt: skip
        error.ref = ref
        return error


def recipient_of(request: Request) -> str:
    """Return the digits of the one number that a request is to; '' where it has none, or several.

    Whoever is to settle it looks for that in the provider's list, and so does the sender.
    """
    is_json = request.headers.get("Content-Type") == JSON
    fields = json.loads(request.body) if is_json else dict(parse_qsl(request.body.decode()))
    number = str(fields.get("mocean-to") or fields.get("number") or "").removeprefix("+")
    return number if number.isdigit() else ""


def no_effect(request: Request) -> InvalidRequestError:
    """Return the error of a key where there is nothing to be done once."""
    return InvalidRequestError(
        request.provider, request.operation, "changes nothing, so there is nothing to do once; call it without key="
    )


def muted(request: Request) -> RefusedError:
    """Return the error of a call that would send, charge or change something, in a replay that sends nothing."""
    return RefusedError(
        request.provider, request.operation, "a replay sends nothing; write ringback replay --resend", permanent=True
    )


def _ids(result: object) -> tuple[str | None, str | None]:
    """Return the message or call id of a result, and its session id."""
    found = (getattr(result, name, None) for name in ("message_id", "call_id"))
    message_id = next((one for one in found if isinstance(one, str) and one), None)
    session_id = getattr(result, "session_id", None)
    return message_id, session_id if isinstance(session_id, str) else None


_BY_ID: Final[Mapping[tuple[str, str], Callable[[str, str], object]]] = {
    ("mocean", "sms"): lambda message, _: {"messages": [{"status": 0, "msgid": message}]},
    ("mocean", "flash"): lambda message, _: {"messages": [{"status": 0, "msgid": message}]},
    ("mocean", "binary"): lambda message, _: {"messages": [{"status": 0, "msgid": message}]},
    ("mocean", "whatsapp"): lambda message, _: {"status": 0, "message_id": message},
    ("mocean", "call"): lambda call, session: {"status": 0, "call_uuid": call, "session_uuid": session},
    ("mocean", "lookup_later"): lambda lookup, _: {"status": 0, "msgid": lookup},
    ("mycoolsms", "sendSms"): lambda message, _: {"success": True, "smsid": message},
}
"""What the provider would have answered, of the calls whose callbacks say enough to know it."""


def answer_by_id(request: Request, message_id: str | None, session_id: str | None) -> ProviderAnswer | None:
    """Return the answer of a call that was settled by its callback; None where that does not say enough."""
    answer_of = _BY_ID.get((request.provider, request.operation))
    if answer_of is None or not message_id:
        return None
    return ProviderAnswer(200, "application/json", json.dumps(answer_of(message_id, session_id or "")).encode())
