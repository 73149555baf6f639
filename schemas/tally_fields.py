"""Fields of the tally: what worker processes and the sender count, summed in one Redis hash, since a process that is
forked per job has no counters that anyone could ask for.

A field is its parts with a space between; no name of a handler or provider has one.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BUCKETS_S: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper ends of the buckets of how long handlers run, in seconds; what takes longer is in none."""
SEND_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0, 3600.0)
"""Upper ends of the buckets of how long sends wait for their first request, in seconds."""

_BUCKETS: Final = {f"{upto:g}": upto for upto in BUCKETS_S}
_SEND_BUCKETS: Final = {f"{upto:g}": upto for upto in (*SEND_BUCKETS_S, math.inf)}


class Ran(StrEnum):
    """How a handler's run ended."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Runs:
    """Field: how many runs of a handler ended so."""

    handler: str
    how: Ran

    def __str__(self) -> str:
        return f"runs {self.handler} {self.how.value}"


@dataclass(frozen=True, slots=True)
class Seconds:
    """Field: how long a handler ran, all its runs together."""

    handler: str

    def __str__(self) -> str:
        return f"seconds {self.handler}"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Field: how many runs of a handler took up to so many seconds and more than the bucket below."""

    handler: str
    upto: float

    def __str__(self) -> str:
        return f"bucket {self.handler} {self.upto:g}"


class SendOutcome(StrEnum):
    """What became of a send. One in doubt counts again when it is settled."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    EXPIRED = "expired"
    LOOP = "loop"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True)
class Sends:
    """Field: how many sends by a provider ended so."""

    provider: str
    outcome: SendOutcome

    def __str__(self) -> str:
        return f"sends {self.provider} {self.outcome.value}"


@dataclass(frozen=True, slots=True)
class SendSeconds:
    """Field: how long sends waited between being asked for and their first request, all together."""

    provider: str

    def __str__(self) -> str:
        return f"send_seconds {self.provider}"


@dataclass(frozen=True, slots=True)
class SendBucket:
    """Field: how many sends waited up to so many seconds and more than the bucket below; `inf`: more than the last."""

    provider: str
    upto: float

    def __str__(self) -> str:
        return f"send_bucket {self.provider} {self.upto:g}"


TallyField = Runs | Seconds | Bucket | Sends | SendSeconds | SendBucket


def send_bucket(provider: str, seconds: float) -> SendBucket:
    """Return the bucket that a send which waited so long counts in."""
    return SendBucket(provider, next((upto for upto in SEND_BUCKETS_S if seconds <= upto), math.inf))


def read(field: str) -> TallyField | None:
    """Read a field of the hash; None for one that is not known, of a later version maybe."""
    match field.split(" "):
        case ["runs", handler, how] if how in set(Ran):
            return Runs(handler, Ran(how))
        case ["seconds", handler]:
            return Seconds(handler)
        case ["bucket", handler, upto] if upto in _BUCKETS:
            return Bucket(handler, _BUCKETS[upto])
        case ["sends", provider, outcome] if outcome in set(SendOutcome):
            return Sends(provider, SendOutcome(outcome))
        case ["send_seconds", provider]:
            return SendSeconds(provider)
        case ["send_bucket", provider, upto] if upto in _SEND_BUCKETS:
            return SendBucket(provider, _SEND_BUCKETS[upto])
    return None
