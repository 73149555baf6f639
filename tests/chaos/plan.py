"""The plan: which events are sent, what is special about each, and which handlers want it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from ringback.wire.samples import find
from ringback.wire.sending import Wire, build
from tests.support.service import TOKEN


class Kind(StrEnum):
    """What an event does to its handlers; all but PLAIN are the keyword of an inbound SMS."""

    PLAIN = "PLAIN"
    SLOW = "SLOW"
    HOLD = "HOLD"
    BLOCKING = "BLOCKING"
    HANGING = "HANGING"
    POISON = "POISON"
    RELAPSE = "RELAPSE"
    FLAKY = "FLAKY"
    THREADED = "THREADED"


EVERYTHING: Final = ("quick", "quick_too", "awaiting")
HANDLERS: Final = {kind: EVERYTHING if kind is Kind.PLAIN else (*EVERYTHING, kind.lower()) for kind in Kind}
DOOMED: Final = (Kind.POISON, Kind.RELAPSE, Kind.HANGING)
"""Their own handler never gets to its end: it becomes a dead letter."""
FAILS_FIRST: Final = 2
HANGING_TIMEOUT_S: Final = 2.0
HANGING_RETRY_S: Final = (1, 1)

_USERS: Final = 500
_THREADED_EVERY: Final = 10


@dataclass
class Plan:
    """The events from 0: so many of each kind in `special`, one in `flaky_every` FLAKY, one in ten THREADED."""

    events: int
    seed: int
    special: Mapping[Kind, int]
    flaky_every: int
    kinds: list[Kind] = field(init=False)

    def __post_init__(self) -> None:
        chosen = random.Random(self.seed)  # noqa: S311 - a run is to be repeated by its seed
        self.kinds = [self._usual(chosen) for _ in range(self.events)]
        special = [kind for kind, count in self.special.items() for _ in range(count)]
        # Not the last ones, so that faults and load meet them.
        for number, kind in zip(chosen.sample(range(self.events * 4 // 5), len(special)), special, strict=True):
            self.kinds[number] = kind

    @property
    def doomed(self) -> int:
        """How many dead letters there are to be."""
        return sum(kind in DOOMED for kind in self.kinds)

    def _usual(self, chosen: random.Random) -> Kind:
        if chosen.randrange(self.flaky_every) == 0:
            return Kind.FLAKY
        return Kind.THREADED if chosen.randrange(_THREADED_EVERY) == 0 else Kind.PLAIN

    def request(self, number: int) -> bytes:
        """Give a callback as it goes over the wire; the same number has the same ids and is the same event."""
        user, kind = f"6012{number % _USERS:07d}", self.kinds[number]
        if kind is Kind.PLAIN and number % 3:
            message = {"mocean-msgid": f"chaos-{self.seed}-{number}", "mocean-from": user}
            wire = build(find("mocean/delivery-report"), message)
        else:
            text = {"mocean-text": f"chaos {self.seed} {number}", "mocean-time": "2026-01-02 03:04:05"}
            wire = build(find("mocean/inbound-sms"), {**text, "mocean-from": user, "mocean-keyword": kind})
        return written(wire, number)


def written(wire: Wire, number: int) -> bytes:
    """Return a callback as it goes over the wire, with the event's number as context."""
    query = urlencode({"token": TOKEN, "ctx.n": number})
    headers = {"Host": "127.0.0.1", **wire.headers, "Content-Length": str(len(wire.body))}
    head = [f"{wire.method} {wire.path}?{query} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + wire.body
