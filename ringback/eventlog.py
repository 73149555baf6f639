"""The handler of a service without handlers: it logs each event in one readable line, without texts and numbers."""

from typing import TYPE_CHECKING

from ringback import Event, on
from ringback.schemas.address import masked
from ringback.schemas.event_data import (
    CallIncoming,
    CallInput,
    CallPlaced,
    CallStatus,
    Error,
    LookupCompleted,
    MessageReceived,
    MessageSent,
    MessageStatus,
    SendStatus,
)

if TYPE_CHECKING:
    from ringback import Context  # which leads to what sends: the command line needs `summary` alone


@on("*", "message.sent", "call.placed")
def log_event(event: Event, ctx: "Context") -> None:
    """Log an event."""
    ctx.log.info(f"{event.type.value}: {summary(event)}")


def summary(event: Event) -> str:
    """Say in a few words what happened, fit for a log."""
    match event.data:
        case MessageReceived() as data:
            return f"{data.channel} {data.content.type} from {masked(data.sender)} to {masked(data.recipient)}"
        case MessageStatus() as data:
            return f"{data.channel} {data.message_id} is {data.status}{_because(data.error)}"
        case LookupCompleted() as data:
            carrier = data.current_carrier.name if data.current_carrier else None
            return f"{masked(data.number)}: {data.status}" + (f", {carrier}" if carrier else "")
        case CallIncoming() as data:
            return f"{masked(data.caller)} calls {masked(data.callee)}"
        case CallInput() as data:
            pressed = "nothing" if data.no_input else f"{len(data.digits)} digits"
            return f"{data.call_id} pressed {pressed} at step {data.step or '-'}"
        case CallStatus() as data:
            return f"{data.call_id} is {data.status or 'in an unknown state'}"
        case MessageSent() as data:
            what = f"{data.channel} {data.message_id or data.ref} to {masked(data.recipient)}"
            return f"{what} is {_words(data.status)}{_because(data.error)}"
        case CallPlaced() as data:
            what = f"call {data.call_id or data.ref} to {masked(data.callee)}"
            return f"{what} is {_words(data.status)}{_because(data.error)}"
    raise AssertionError(event.data)


def _words(status: SendStatus) -> str:
    return status.replace("_", " ")


def _because(error: Error | None) -> str:
    return f", {error.name or error.code}" if error else ""
