"""What waits to be stored, and what may become of it."""

import asyncio
from dataclasses import dataclass
from enum import IntEnum

from schemas.events import Event


class Outcome(IntEnum):
    """What became of an event."""

    DUPLICATE = 0
    STORED = 1
    SPOOLED = 2


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for an answer: where to send it, and when it is of no more use, by `time.monotonic`."""

    reply_to: str
    due: float


@dataclass(slots=True)
class Waiting:
    """An event on its way into Redis. Nobody waits for one that comes from the spool."""

    event: Event
    json: str
    question: Question | None = None
    done: "asyncio.Future[Outcome] | None" = None

    @property
    def is_awaited(self) -> bool:
        """Tell whether someone still wants to know what becomes of it."""
        return self.done is not None and not self.done.done()
