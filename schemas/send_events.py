"""Events about our own sends, `message.sent` and `call.placed`, made from plain values (contract, section 2).

No clock and no Redis: the caller decides what became of a send and when, and stores the event as one of a callback.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from ringback.schemas.address import parse_address
from ringback.schemas.event_data import CallPlaced, Channel, Cost, Error, MessageSent, SendData, SendStatus
from ringback.schemas.event_ids import digest_of
from ringback.schemas.events import CallPlacedEvent, MessageSentEvent

SendEvent = TypeVar("SendEvent", MessageSentEvent, CallPlacedEvent)

SEND_IN_CONTEXT: Final = "send"
"""Name that is reserved in `data.context`: the ref of the send that an event belongs to."""


def sent_event(
    *,
    provider: str,
    account: str,
    ref: str,
    channel: Channel,
    status: SendStatus,
    at: datetime,
    to: str,
    from_: str | None = None,
    message_id: str | None = None,
    error: Error | None = None,
    segments: int | None = None,
    cost: Cost | None = None,
    handler: str | None = None,
    cause: str | None = None,
    context: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> MessageSentEvent:
    """Return the event that says what became of a message. The same ref and status give the same id.

    `at`: when that was decided, an aware time. `to`, `from_`: as the provider was, or would have been, given them.
    `context`: the caller's names; the ref is added.
    """
    data = MessageSent(
        context={**(context or {}), SEND_IN_CONTEXT: ref},
        flags=tuple(flags),
        ref=ref,
        status=status,
        error=error,
        handler=handler,
        cause=cause,
        channel=channel,
        message_id=message_id,
        sender=parse_address(from_) if from_ else None,
        recipient=parse_address(to),
        segments=segments,
        cost=cost,
    )
    return _event(MessageSentEvent, provider, account, data, at, subject=message_id, partitionkey=data.recipient.value)


def placed_event(
    *,
    provider: str,
    account: str,
    ref: str,
    status: SendStatus,
    at: datetime,
    to: str,
    from_: str | None = None,
    session_id: str | None = None,
    call_id: str | None = None,
    error: Error | None = None,
    handler: str | None = None,
    cause: str | None = None,
    context: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> CallPlacedEvent:
    """Return the event that says what became of a call that was asked for. The values are as in `sent_event`.

    It keeps its order with the other events of its session, where the provider gave one.
    """
    data = CallPlaced(
        context={**(context or {}), SEND_IN_CONTEXT: ref},
        flags=tuple(flags),
        ref=ref,
        status=status,
        error=error,
        handler=handler,
        cause=cause,
        session_id=session_id,
        call_id=call_id,
        caller=parse_address(from_) if from_ else None,
        callee=parse_address(to),
    )
    key = session_id or data.callee.value
    return _event(CallPlacedEvent, provider, account, data, at, subject=call_id, partitionkey=key)


def _event(
    kind: type[SendEvent], provider: str, account: str, data: SendData, at: datetime, **rest: str | None
) -> SendEvent:
    if at.tzinfo is None:
        raise ValueError("the time of a send's event has no zone; use datetime.now(UTC)")
    time = at.astimezone(UTC)
    make: Callable[..., SendEvent] = kind
    return make(
        id=digest_of((provider, account, kind.type, data.ref, data.status)),
        source=f"/{provider}/{account}",
        time=time,
        provider=provider,
        account=account,
        receivedat=time,
        data=data,
        **rest,
    )
