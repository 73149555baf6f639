"""Events: CloudEvents 1.0 envelopes around eight kinds of telephony data (contract, section 2).

`read_event` reads any of them: `read_event(entry["event"])`; `to_json` writes them (ringback.schemas.parts).
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

import msgspec
from msgspec import Meta, field

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
from ringback.schemas.parts import Part, Time


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


class UnreadableError(ValueError):
    """What is no event, or none that this version can read. Its words hold nothing of what is in it."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Make one of what reading has raised."""
        if isinstance(error, RecursionError):
            return cls("JSON is nested too deeply")
        if isinstance(error, UnicodeDecodeError):
            return cls("JSON is no UTF-8")
        said = str(error)
        if said.startswith("Invalid"):  # it quotes the value
            said = f"No such value - at {said.rpartition(' - at ')[2]}"
        return cls(said)


class Envelope(Part, frozen=True, kw_only=True, tag_field="type"):
    """The CloudEvents attributes. Times are in UTC."""

    type: ClassVar[EventType]
    specversion: Annotated[Literal["1.0"], Meta(description="Version of CloudEvents.")] = field(
        default_factory=lambda: "1.0"
    )
    id: Annotated[str, Meta(description="Names the event. A provider's repeat of a callback has the same one.")]
    source: Annotated[str, Meta(description="`/<provider>/<account>`.")]
    subject: Annotated[
        str | None, Meta(description="Id of the message, call or lookup; absent where the provider gave none.")
    ] = None
    time: Annotated[
        Time, Meta(description="When it happened, RFC 3339 in UTC. The receive time where the provider gives none.")
    ]
    datacontenttype: Annotated[Literal["application/json"], Meta(description="Media type of `data`.")] = field(
        default_factory=lambda: "application/json"
    )
    provider: Annotated[str, Meta(description="`mocean` or `mycoolsms`.")]
    account: Annotated[str, Meta(description="Account whose token the callback came with, or whose send it is.")]
    receivedat: Annotated[
        Time, Meta(description="When Ringback received it, or decided what became of a send, RFC 3339 in UTC.")
    ]
    partitionkey: Annotated[str, Meta(description="Events with the same key belong in order.")]


_SCHEMA: Final = Meta(description="`$id` of this event's JSON Schema.")
_DATA: Final = Meta(description="What happened.")


class MessageReceivedEvent(Envelope, frozen=True, kw_only=True, tag="message.received"):
    """`message.received`."""

    type: ClassVar[Literal[EventType.MESSAGE_RECEIVED]] = EventType.MESSAGE_RECEIVED
    dataschema: Annotated[Literal["urn:ringback:schema:message.received:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:message.received:1"
    )
    data: Annotated[MessageReceived, _DATA]


class MessageStatusEvent(Envelope, frozen=True, kw_only=True, tag="message.status"):
    """`message.status`."""

    type: ClassVar[Literal[EventType.MESSAGE_STATUS]] = EventType.MESSAGE_STATUS
    dataschema: Annotated[Literal["urn:ringback:schema:message.status:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:message.status:1"
    )
    data: Annotated[MessageStatus, _DATA]


class LookupCompletedEvent(Envelope, frozen=True, kw_only=True, tag="lookup.completed"):
    """`lookup.completed`."""

    type: ClassVar[Literal[EventType.LOOKUP_COMPLETED]] = EventType.LOOKUP_COMPLETED
    dataschema: Annotated[Literal["urn:ringback:schema:lookup.completed:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:lookup.completed:1"
    )
    data: Annotated[LookupCompleted, _DATA]


class CallIncomingEvent(Envelope, frozen=True, kw_only=True, tag="call.incoming"):
    """`call.incoming`."""

    type: ClassVar[Literal[EventType.CALL_INCOMING]] = EventType.CALL_INCOMING
    dataschema: Annotated[Literal["urn:ringback:schema:call.incoming:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:call.incoming:1"
    )
    data: Annotated[CallIncoming, _DATA]


class CallInputEvent(Envelope, frozen=True, kw_only=True, tag="call.input"):
    """`call.input`."""

    type: ClassVar[Literal[EventType.CALL_INPUT]] = EventType.CALL_INPUT
    dataschema: Annotated[Literal["urn:ringback:schema:call.input:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:call.input:1"
    )
    data: Annotated[CallInput, _DATA]


class CallStatusEvent(Envelope, frozen=True, kw_only=True, tag="call.status"):
    """`call.status`."""

    type: ClassVar[Literal[EventType.CALL_STATUS]] = EventType.CALL_STATUS
    dataschema: Annotated[Literal["urn:ringback:schema:call.status:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:call.status:1"
    )
    data: Annotated[CallStatus, _DATA]


class MessageSentEvent(Envelope, frozen=True, kw_only=True, tag="message.sent"):
    """`message.sent`."""

    type: ClassVar[Literal[EventType.MESSAGE_SENT]] = EventType.MESSAGE_SENT
    dataschema: Annotated[Literal["urn:ringback:schema:message.sent:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:message.sent:1"
    )
    data: Annotated[MessageSent, _DATA]


class CallPlacedEvent(Envelope, frozen=True, kw_only=True, tag="call.placed"):
    """`call.placed`."""

    type: ClassVar[Literal[EventType.CALL_PLACED]] = EventType.CALL_PLACED
    dataschema: Annotated[Literal["urn:ringback:schema:call.placed:1"], _SCHEMA] = field(
        default_factory=lambda: "urn:ringback:schema:call.placed:1"
    )
    data: Annotated[CallPlaced, _DATA]


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
DATA_OF_TYPE: Final[dict[EventType, type[Data]]] = {event.type: data for data, event in EVENT_OF_DATA.items()}


def read_event(text: bytes | str) -> Event:
    """Return the event that is written in JSON. Raises UnreadableError."""
    try:
        return _EVENTS.decode(text)
    except UNREADABLE as error:
        raise UnreadableError.of(error) from None


UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading an event may raise."""
_EVENTS: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
