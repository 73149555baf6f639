"""Correlation: which send of ours a callback belongs to, by the ref in its context or by the message's or call's id."""

from typing import Final

from redis import Redis

from ringback.outbox.queue import OptOut, Proof, record_of, ref_of_message
from ringback.outbox.record import SendRecord, UnreadableSendError
from ringback.schemas.event_data import CallData, Channel, LookupCompleted, MessageStatus
from ringback.schemas.events import Event, MessageReceivedEvent
from ringback.schemas.keys import Keys
from ringback.schemas.send_events import SEND_IN_CONTEXT

START_WORDS: Final = frozenset({"start", "unstop"})
_LONGEST_WORD: Final = 40


def proof_of(event: Event) -> Proof | None:
    """Return what a callback proves of a send whose ref it brings; None where it brings none."""
    data = event.data
    ref = data.context.get(SEND_IN_CONTEXT)
    if ref is None:
        return None
    if isinstance(data, MessageStatus):
        return Proof(ref, event.account, data.message_id)
    if isinstance(data, CallData):
        return Proof(ref, event.account, data.call_id, data.session_id)
    if isinstance(data, LookupCompleted):
        return Proof(ref, event.account, data.lookup_id)
    return None


def opt_out_of(event: Event, words: frozenset[str]) -> OptOut | None:
    """Return what a received message says of being texted: no more, or again; None where it says nothing of it.

    `words`: those that mean no more, case-folded.
    """
    if not isinstance(event, MessageReceivedEvent):
        return None
    data = event.data
    if data.sender is None or data.recipient is None or data.text is None or len(data.text) > _LONGEST_WORD:
        return None
    said = data.text.strip().casefold()
    if said not in words and said not in START_WORDS:
        return None
    at = event.receivedat.isoformat(timespec="microseconds")
    return OptOut(event.account, _bare(data.recipient.value), _bare(data.sender.value), at, is_stop=said in words)


def addressee_of(redis: Redis, keys: Keys, event: Event) -> str | None:
    """Return who a WhatsApp message without a sender is from: the recipient of the message of ours that it answers."""
    if not isinstance(event, MessageReceivedEvent) or event.data.reply_to is None:
        return None
    ref = ref_of_message(redis, keys, event.provider, event.account, event.data.reply_to)
    try:
        record = record_of(redis, keys, ref) if ref is not None else None
    except UnreadableSendError:
        return None
    return record.draft.to if record is not None else None


def needs_addressee(event: Event) -> bool:
    """Whether whom to answer is not in the message, but may be known from the one that it answers."""
    return (
        isinstance(event, MessageReceivedEvent)
        and event.data.channel is Channel.WHATSAPP
        and event.data.sender is None
        and event.data.reply_to is not None
    )


def sending_of(redis: Redis, keys: Keys, event: Event) -> SendRecord | None:
    """Return the send that an event belongs to; None where it is none of ours, or known no more."""
    ref = event.data.context.get(SEND_IN_CONTEXT) or getattr(event.data, "ref", None)
    if ref is None and (message_id := getattr(event.data, "message_id", None) or getattr(event.data, "call_id", None)):
        ref = ref_of_message(redis, keys, event.provider, event.account, message_id)
    if ref is None:
        return None
    record = record_of(redis, keys, ref)
    return record if record is not None and record.draft.account == event.account else None


def _bare(number: str) -> str:
    return number.removeprefix("+")
