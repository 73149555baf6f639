"""Fields of the tally: what worker processes count, summed in one Redis hash, since a process that is forked per job
has no counters that anyone could ask for.

A field is its parts with a space between; no handler's name has one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BUCKETS_S: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0)
"""Upper ends of the buckets of how long handlers run, in seconds; what takes longer is in none."""


_BUCKETS: Final = {f"{upto:g}": upto for upto in BUCKETS_S}


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


def read(field: str) -> Runs | Seconds | Bucket | None:
    """Read a field of the hash; None for one that is not known, of a later version maybe."""
    match field.split(" "):
        case ["runs", handler, how] if how in set(Ran):
            return Runs(handler, Ran(how))
        case ["seconds", handler]:
            return Seconds(handler)
        case ["bucket", handler, upto] if upto in _BUCKETS:
            return Bucket(handler, _BUCKETS[upto])
    return None
