"""Mocean voice callbacks (document: "Voice API"). Forms. The document does not say whether they are repeated."""

from ringback.receiver.parsing.callbacks import Callbacks, Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.schemas.address import Address
from ringback.schemas.event_data import CallIncoming, CallInput, CallStatus
from ringback.schemas.mc_wire import TERMINATORS

callbacks = Callbacks("mocean")


@callbacks.at("/voice/status", method="POST", needs=("mocean-call-uuid",), marks=("mocean-status",))
def call_status(fields: Fields) -> Normalised:
    """Voice API, "Make an outbound call": what `mocean-event-url` gets. The document does not say its fields."""
    session_id, call_id, caller, callee = call(fields)
    status = fields.word("mocean-status") or fields.word("status")
    status = status.lower() if status else None
    direction = fields.word("mocean-direction") or fields.word("direction")
    direction = direction.lower() if direction else None
    end_user = callee if direction and direction.startswith("out") else caller
    return Normalised(
        subject=call_id,
        # Without a status nothing tells "answered" from "hangup", and neither may be lost.
        identity=(session_id or "", call_id, status) if status else None,
        data=CallStatus(
            session_id=session_id,
            call_id=call_id,
            caller=caller,
            callee=callee,
            status=status,
            direction=direction,
        ),
        party=session_id or (end_user.value if end_user else None),
    )


@callbacks.at("/voice/collect", method="POST", needs=("mocean-call-uuid",), wants_answer=True, marks=("mocean-digits",))
@callbacks.at("/voice/collect/{step}", method="POST", needs=("mocean-call-uuid",), wants_answer=True)
def call_input(fields: Fields) -> Normalised:
    """Voice API, "Receive collect action". The step is ours: it is in the `event-url` that the MC gave."""
    session_id, call_id, caller, callee = call(fields)
    digits = without_terminator(fields)
    step = fields.path.get("step")
    return Normalised(
        subject=call_id,
        data=CallInput(
            session_id=session_id,
            call_id=call_id,
            caller=caller,
            callee=callee,
            step=fields.short(step, "step:too-long") if step is not None else None,
            digits=digits,
            no_input=not digits,
        ),
        party=session_id or (caller.value if caller else None),
    )


@callbacks.at("/voice/answer", method="POST", needs=("mocean-call-uuid",), wants_answer=True)
def call_incoming(fields: Fields) -> Normalised:
    """Voice API, "Receiving an inbound call"."""
    session_id, call_id, caller, callee = call(fields)
    return Normalised(
        subject=call_id,
        data=CallIncoming(session_id=session_id, call_id=call_id, caller=caller, callee=callee),
        party=session_id or (caller.value if caller else None),
    )


def without_terminator(fields: Fields) -> str:
    """Return the digits, less a terminator that came along. Our own `event-url` says which keys are terminators."""
    digits = fields.word("mocean-digits") or ""
    return digits[:-1] if digits and digits[-1] in (fields.word(TERMINATORS) or "") else digits


def call(fields: Fields) -> tuple[str | None, str, Address | None, Address | None]:
    """Return a call's session, id, caller and callee. The document's samples name the last two in two ways."""
    return (
        fields.identifier("mocean-session-uuid"),
        fields.identifier("mocean-call-uuid") or "",
        fields.address("mocean-from", "from"),
        fields.address("mocean-to", "to"),
    )
