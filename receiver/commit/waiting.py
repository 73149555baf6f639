"""What waits to be stored, and what may become of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from ringback.schemas.event_data import MessageStatus
from ringback.schemas.events import Event
from ringback.schemas.parts import time_as_written, to_json

MAX_GROUP: Final = 256
MAX_GROUP_BYTES: Final = 1024 * 1024
"""What is committed in one call, of which Redis does nothing else meanwhile. A larger event goes alone."""


class CommitOutcome(IntEnum):
    """What became of an event."""

    DUPLICATE = 0
    STORED = 1
    SPOOLED = 2


LABELS: Final = tuple(outcome.name.lower() for outcome in CommitOutcome)
"""What outcomes are called in logs and metrics: by index, since an enumeration's own name is looked up slowly."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for an answer: where to send it, and when it is of no more use, by `time.monotonic`."""

    reply_to: str
    due: float


Report = tuple[str, str, str]
"""What an event says of a message: how far it is, which one, and when (RFC 3339)."""


@dataclass(slots=True)
class Waiting:
    """An event on its way into Redis: as JSON, and what else Redis is told of it. `size` is in bytes of UTF-8.

    The event itself is not kept: what JSON becomes in Python can be many times as large. `settle` is told once what
    became of it; it must not raise. Nobody waits for one that comes from the spool.
    """

    id: str
    type: str
    provider: str
    account: str
    json: str
    size: int
    report: Report | None
    flags: tuple[str, ...]
    question: Question | None = None
    settle: Callable[[CommitOutcome | Exception], None] | None = None

    @classmethod
    def of(cls, event: Event, question: Question | None = None, json: str | None = None) -> Self:
        """Make one of an event. `json`: the event as it was written before, if it was."""
        if json is None:
            json = to_json(event).decode()
        data = event.data
        report = None
        if isinstance(data, MessageStatus):
            report = (data.status, data.message_id, time_as_written(event.time))
        return cls(
            event.id, event.type, event.provider, event.account, json, size_of(json), report, data.flags, question
        )

    @property
    def is_awaited(self) -> bool:
        """Whether someone still wants to know what becomes of it."""
        return self.settle is not None


def size_of(text: str) -> int:
    """Return how many bytes a text takes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())
