"""The handler of a service without handlers: it logs each event in one readable line, without texts and numbers."""

from ringback import Address, Context, Event, on
from ringback.schemas.event_data import (
    CallIncoming,
    CallInput,
    CallStatus,
    LookupCompleted,
    MessageReceived,
    MessageStatus,
)

_SHOWN_DIGITS = 3


@on("*")
def log_event(event: Event, ctx: Context) -> None:
    """Log an event."""
    ctx.log.info(f"{event.type.value}: {summary(event)}")


def summary(event: Event) -> str:
    """Say in a few words what happened, fit for a log."""
    match event.data:
        case MessageReceived() as data:
            return f"{data.channel} {data.content.type} from {masked(data.sender)} to {masked(data.recipient)}"
        case MessageStatus() as data:
            why = f", {data.error.name or data.error.code}" if data.error else ""
            return f"{data.channel} {data.message_id} is {data.status}{why}"
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
    raise AssertionError(event.data)


def masked(address: Address | None) -> str:
    """Give an address that may be logged: the end of it."""
    if address is None:
        return "someone"
    return f"…{address.value[-_SHOWN_DIGITS:]}"
