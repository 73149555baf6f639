"""The plan: inbound SMS from numbers that are all different, each with a text of its own, and what is replied to it."""

import random
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from ringback.wire.samples import MOCEAN_ZONE, find
from ringback.wire.sending import build
from tests.chaos.plan import written


class ReplyKind(StrEnum):
    """What the handler does that wants it, after it has replied; the keyword of the SMS."""

    PLAIN = "PLAIN"
    AWAITING = "AWAITING"
    FLAKY = "FLAKY"
    SLOW = "SLOW"
    DROPPED = "DROPPED"


HANDLERS: Final = tuple(f"tests.chaos.replies.handlers.{kind.lower()}" for kind in ReplyKind)

_USUAL: Final = (ReplyKind.PLAIN,) * 14 + (ReplyKind.AWAITING,) * 4 + (ReplyKind.FLAKY, ReplyKind.DROPPED)
_FIRST_NUMBER: Final = 60120000000


@dataclass
class ReplyPlan:
    """The events from 0, `slow` of them SLOW."""

    events: int
    seed: int
    slow: int
    kinds: list[ReplyKind] = field(init=False)
    _time: str = field(init=False)

    def __post_init__(self) -> None:
        chosen = random.Random(self.seed)  # noqa: S311 - a run is to be repeated by its seed
        # A reply is of use for an hour from the time that its message names.
        self._time = f"{datetime.now(MOCEAN_ZONE):%Y-%m-%d %H:%M:%S}"
        self.kinds = chosen.choices(_USUAL, k=self.events)
        for number in chosen.sample(range(self.events * 4 // 5), self.slow):
            self.kinds[number] = ReplyKind.SLOW

    @property
    def answered(self) -> list[int]:
        """The events that are to be answered, by their numbers."""
        return [number for number, kind in enumerate(self.kinds) if kind is not ReplyKind.DROPPED]

    def text(self, number: int) -> str:
        """Return an event's text, which its reply has too."""
        return f"chaos {self.seed} {number}"

    def phone(self, number: int) -> str:
        """Return who writes it: digits that no other event has, so that nobody waits for another one's turn."""
        return str(_FIRST_NUMBER + number)

    def request(self, number: int) -> bytes:
        """Return a callback as it goes over the wire; the same number has the same ids and is the same event."""
        message = {
            "mocean-from": self.phone(number),
            "mocean-text": self.text(number),
            "mocean-time": self._time,
            "mocean-keyword": self.kinds[number],
        }
        return written(build(find("mocean/inbound-sms"), message), number)
