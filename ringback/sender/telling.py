"""Telling: the event that says what became of a send, and the dead letter of one that was refused."""

from typing import Final

from ringback.outbox.record import SendRecord, SendState
from ringback.schemas.event_data import Channel, SendStatus
from ringback.schemas.events import CallPlacedEvent, MessageSentEvent
from ringback.schemas.parts import to_json
from ringback.schemas.send_events import placed_event, sent_event
from ringback.schemas.tally_fields import SendOutcome
from ringback.workers.failures.letters import SENDS, send_letter_id
from ringback.workers.failures.stored_run import StoredRun

LOOP: Final = "loop"
OPTED_OUT: Final = "opted_out"
"""Names of the errors of what was refused here, and of which there is no dead letter."""

_STATUS: Final = {
    SendState.ACCEPTED: SendStatus.ACCEPTED,
    SendState.REFUSED: SendStatus.REFUSED,
    SendState.IN_DOUBT: SendStatus.IN_DOUBT,
    SendState.EXPIRED: SendStatus.EXPIRED,
}


def event_of(record: SendRecord) -> MessageSentEvent | CallPlacedEvent | None:
    """Return the event of a send; None of one whose fate is open, and of one that the loop guard refused."""
    status, draft = _STATUS.get(record.state), record.draft
    if status is None or record.at is None or (record.error is not None and record.error.name == LOOP):
        return None
    if draft.kind == "call":
        return placed_event(
            provider=draft.provider, account=draft.account, ref=record.ref, status=status, at=record.at, to=draft.to,
            from_=draft.from_, session_id=record.session_id, call_id=record.message_id, error=record.error,
            handler=draft.handler, cause=draft.cause, context=draft.context,
        )  # fmt: skip
    return sent_event(
        provider=draft.provider, account=draft.account, ref=record.ref, channel=Channel(draft.kind), status=status,
        at=record.at, to=draft.to, from_=draft.from_, message_id=record.message_id, error=record.error,
        segments=record.segments, cost=record.cost, handler=draft.handler, cause=draft.cause, context=draft.context,
    )  # fmt: skip


def is_letter(record: SendRecord) -> bool:
    """Whether somebody has to look at it: the provider refused it, or it cannot be sent as it is."""
    name = record.error.name if record.error is not None else None
    return record.state is SendState.REFUSED and name not in (LOOP, OPTED_OUT)


def letter_of(record: SendRecord, event: MessageSentEvent | CallPlacedEvent) -> StoredRun:
    """Return the dead letter of a send that was refused. Tried again, the send is queued again."""
    words = record.error.name if record.error is not None and record.error.name else "refused"
    return StoredRun(
        SENDS, event.id, record.ref, to_json(event), attempts=record.attempts + 1,
        errors=(words,), letter=send_letter_id(record.ref),
    )  # fmt: skip


def letter_text(record: SendRecord) -> str:
    """Return why a send was refused, in place of a traceback. It holds no text and no number."""
    error = record.error
    if error is None:
        return "settled by hand as refused"
    code = "" if error.code is None else f"code {error.code}: "
    return f"{record.draft.provider} {record.draft.kind}: {error.name}: {code}{error.description}"


def outcome_of(record: SendRecord) -> SendOutcome:
    """Return what a send counts as."""
    name = record.error.name if record.error is not None else None
    if record.state is SendState.REFUSED and name in (LOOP, OPTED_OUT):
        return SendOutcome(name)
    return SendOutcome(record.state.value)
