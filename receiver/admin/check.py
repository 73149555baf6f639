"""A check: one question about the service, what was seen, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """What an answer is worth."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "not known"
    BAD = "not ok"


def ok_if(good: bool) -> Grade:
    """Grade what is either good or not."""
    return Grade.OK if good else Grade.BAD


@dataclass(frozen=True, slots=True)
class Check:
    """One question: its name, what the answer is worth, what was seen, and what to do where it is not ok."""

    name: str
    grade: Grade
    detail: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether one can go on with it: ready is also who has a warning, or asks what nobody answers."""
        return self.grade is not Grade.BAD
