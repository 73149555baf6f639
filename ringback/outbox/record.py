"""Records: what is known of one send, as its hash in Redis has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec import DecodeError
from msgspec.json import decode

from ringback.outbox.draft import Draft
from ringback.schemas.event_data import Cost, Error
from ringback.schemas.send_states import SendState as SendState


class UnreadableSendError(ValueError):
    """A hash is none of a send, or one of a later version's."""


@dataclass(frozen=True, slots=True)
class SendRecord:
    """One send: where it is, what was to be sent, and what the provider said.

    `draft`: its text is not kept once the provider has accepted it. `attempts`: how often it was tried and refused for
    now. `noted`, `at`: when it was asked for, and when it came into this state. `message_id`: the provider's, of a call
    its call id.
    """

    ref: str
    state: SendState
    draft: Draft
    attempts: int = 0
    noted: datetime | None = None
    at: datetime | None = None
    message_id: str | None = None
    session_id: str | None = None
    error: Error | None = None
    segments: int | None = None
    cost: Cost | None = None
    by: str | None = field(default=None, repr=False)

    @property
    def context(self) -> Mapping[str, str]:
        """What the caller gave to come back with the callbacks."""
        return self.draft.context


def read_record(ref: str, stored: Mapping[bytes, bytes]) -> SendRecord:
    """Return the send of a hash. Raises UnreadableSendError."""
    try:
        return SendRecord(
            ref=ref,
            state=SendState(stored[b"state"].decode()),
            draft=Draft.load(stored[b"send"]),
            attempts=int(stored.get(b"attempts", 0)),
            noted=_moment(stored.get(b"noted")),
            at=_moment(stored.get(b"at")),
            message_id=_text(stored.get(b"message_id")),
            session_id=_text(stored.get(b"session_id")),
            error=decode(stored[b"error"], type=Error) if b"error" in stored else None,
            segments=int(stored[b"segments"]) if b"segments" in stored else None,
            cost=decode(stored[b"cost"], type=Cost) if b"cost" in stored else None,
            by=_text(stored.get(b"by")),
        )
    except (KeyError, ValueError, TypeError, DecodeError) as error:
        raise UnreadableSendError(f"the send {ref} cannot be read: {type(error).__name__}") from None


def _moment(ms: bytes | None) -> datetime | None:
    return datetime.fromtimestamp(int(ms) / 1000, UTC) if ms else None


def _text(value: bytes | None) -> str | None:
    return value.decode() if value else None
