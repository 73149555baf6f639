"""Events: CloudEvents 1.0 envelopes around eight kinds of telephony data (contract, section 2).

`EVENTS` reads any of them: `EVENTS.validate_json(entry["event"])`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ringback.schemas.event_data import (
    CallIncoming,
    CallInput,
    CallPlaced,
    CallStatus,
    Data,
    LookupCompleted,
    MessageReceived,
    MessageSent,
    MessageStatus,
)


class EventType(StrEnum):
    """The kinds of events."""

    MESSAGE_RECEIVED = "message.received"
    MESSAGE_STATUS = "message.status"
    LOOKUP_COMPLETED = "lookup.completed"
    CALL_INCOMING = "call.incoming"
    CALL_INPUT = "call.input"
    CALL_STATUS = "call.status"
    MESSAGE_SENT = "message.sent"
    CALL_PLACED = "call.placed"


SEND_TYPES: Final = frozenset({EventType.MESSAGE_SENT, EventType.CALL_PLACED})
"""The kinds that no provider's callback makes: they say what became of a send of ours.

A handler that answered each of them would never end, so only one that names the type gets them.
"""


class Envelope(BaseModel):
    """The CloudEvents attributes. Times are aware, in UTC, and written in RFC 3339 with `Z`."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    subject: str | None = None
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    provider: str
    account: str
    receivedat: datetime
    partitionkey: str


class MessageReceivedEvent(Envelope):
    """`message.received`."""

    type: Literal[EventType.MESSAGE_RECEIVED] = EventType.MESSAGE_RECEIVED
    dataschema: Literal["urn:ringback:schema:message.received:1"] = "urn:ringback:schema:message.received:1"
    data: MessageReceived


class MessageStatusEvent(Envelope):
    """`message.status`."""

    type: Literal[EventType.MESSAGE_STATUS] = EventType.MESSAGE_STATUS
    dataschema: Literal["urn:ringback:schema:message.status:1"] = "urn:ringback:schema:message.status:1"
    data: MessageStatus


class LookupCompletedEvent(Envelope):
    """`lookup.completed`."""

    type: Literal[EventType.LOOKUP_COMPLETED] = EventType.LOOKUP_COMPLETED
    dataschema: Literal["urn:ringback:schema:lookup.completed:1"] = "urn:ringback:schema:lookup.completed:1"
    data: LookupCompleted


class CallIncomingEvent(Envelope):
    """`call.incoming`."""

    type: Literal[EventType.CALL_INCOMING] = EventType.CALL_INCOMING
    dataschema: Literal["urn:ringback:schema:call.incoming:1"] = "urn:ringback:schema:call.incoming:1"
    data: CallIncoming


class CallInputEvent(Envelope):
    """`call.input`."""

    type: Literal[EventType.CALL_INPUT] = EventType.CALL_INPUT
    dataschema: Literal["urn:ringback:schema:call.input:1"] = "urn:ringback:schema:call.input:1"
    data: CallInput


class CallStatusEvent(Envelope):
    """`call.status`."""

    type: Literal[EventType.CALL_STATUS] = EventType.CALL_STATUS
    dataschema: Literal["urn:ringback:schema:call.status:1"] = "urn:ringback:schema:call.status:1"
    data: CallStatus


class MessageSentEvent(Envelope):
    """`message.sent`."""

    type: Literal[EventType.MESSAGE_SENT] = EventType.MESSAGE_SENT
    dataschema: Literal["urn:ringback:schema:message.sent:1"] = "urn:ringback:schema:message.sent:1"
    data: MessageSent


class CallPlacedEvent(Envelope):
    """`call.placed`."""

    type: Literal[EventType.CALL_PLACED] = EventType.CALL_PLACED
    dataschema: Literal["urn:ringback:schema:call.placed:1"] = "urn:ringback:schema:call.placed:1"
    data: CallPlaced


Event = (
    MessageReceivedEvent
    | MessageStatusEvent
    | LookupCompletedEvent
    | CallIncomingEvent
    | CallInputEvent
    | CallStatusEvent
    | MessageSentEvent
    | CallPlacedEvent
)
EVENTS: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
EVENT_OF_DATA: Final[dict[type[Data], type[Event]]] = {
    MessageReceived: MessageReceivedEvent,
    MessageStatus: MessageStatusEvent,
    LookupCompleted: LookupCompletedEvent,
    CallIncoming: CallIncomingEvent,
    CallInput: CallInputEvent,
    CallStatus: CallStatusEvent,
    MessageSent: MessageSentEvent,
    CallPlaced: CallPlacedEvent,
}
DATA_OF_TYPE: Final[dict[EventType, type[Data]]] = {
    EventType(event.model_fields["type"].default): data for data, event in EVENT_OF_DATA.items()
}
