"""Outcomes: what becomes of a request, by the number that it goes to (country code 999) or because it was planned.

Nobody has a number of country code 999. Its first digits choose:

    99900000NNN  refused with code NNN            99906…  hangs, though it was taken
    99901…       fails, with the last three digits as the report's code
    99902…       expires                          99907…  a page with status 502; not taken
    99903…       no report                        99908…  throttled once
    99904…       the report before the answer     99909…  three reports, out of order
    99905…       taken, then no answer            99910…  taken, answered with garbage
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

RESERVED: Final = "999"
FAULT_CODE_DIGITS: Final = 3

_REFUSED: Final = "00000"
_NUMBER: Final = 11


class Answering(StrEnum):
    """How a request is answered."""

    NORMAL = "normal"
    HANG = "hang"
    CLOSE = "close"
    BAD_GATEWAY = "502"
    GARBAGE = "garbage"
    THROTTLE = "throttle"
    CODE = "code"


Reported = Literal["delivered", "failed", "expired"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one request to one number.

    `code`: of the refusal where `answering` is CODE, else of a report that it failed. `is_taken`: whether what was
    asked for is done, however it is answered.
    """

    answering: Answering = Answering.NORMAL
    is_taken: bool = True
    code: int | None = None
    reports: tuple[Reported, ...] = ("delivered",)
    reports_first: bool = False
    out_of_order: bool = False


USUAL: Final = Outcome()


def _failed(number: str) -> Outcome:
    return Outcome(code=int(number[-FAULT_CODE_DIGITS:]), reports=("failed",))


_CHOSEN: Final[dict[str, Callable[[str], Outcome]]] = {
    "01": _failed,
    "02": lambda _: Outcome(reports=("expired",)),
    "03": lambda _: Outcome(reports=()),
    "04": lambda _: Outcome(reports_first=True),
    "05": lambda _: Outcome(Answering.CLOSE),
    "06": lambda _: Outcome(Answering.HANG),
    "07": lambda _: Outcome(Answering.BAD_GATEWAY, is_taken=False),
    "08": lambda _: Outcome(Answering.THROTTLE, is_taken=False),
    "09": lambda _: Outcome(reports=("delivered",) * 3, out_of_order=True),
    "10": lambda _: Outcome(Answering.GARBAGE),
}


@dataclass(slots=True)
class PlannedFault:
    """A fault for the next requests of an operation, such as `sms`, `voice/dial`, `sendSms`; `*` is any."""

    operation: str
    kind: Answering
    code: int | None = None
    left: int = 1
    is_taken: bool = False

    @property
    def outcome(self) -> Outcome:
        """What becomes of one request that it meets."""
        return Outcome(self.kind, is_taken=self.is_taken, code=self.code)

    def row(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "operation": self.operation,
            "fault": self.kind.value,
            "code": self.code,
            "left": self.left,
            "taken": self.is_taken,
        }


@dataclass(slots=True)
class Outcomes:
    """What becomes of requests: faults that are planned, and numbers that have been throttled."""

    faults: list[PlannedFault] = field(default_factory=list)
    _throttled: set[tuple[str, str]] = field(default_factory=set)

    def plan(self, fault: PlannedFault) -> None:
        """Plan a fault; those that are planned already come first."""
        self.faults.append(fault)

    def planned(self, operation: str) -> Outcome | None:
        """Return what was planned for the next request of an operation, and use it up."""
        for fault in self.faults:
            if fault.operation in ("*", operation):
                fault.left -= 1
                if fault.left <= 0:
                    self.faults.remove(fault)
                return fault.outcome
        return None

    def of_number(self, operation: str, number: str) -> Outcome:
        """Return what a number chooses; `number` is written in any way. The second request is not throttled."""
        digits = digits_of(number)
        if not digits.startswith(RESERVED):
            return USUAL
        rest = digits[len(RESERVED) :]
        code = int(digits[-FAULT_CODE_DIGITS:])
        if rest.startswith(_REFUSED) and len(digits) == _NUMBER and code:
            return Outcome(Answering.CODE, is_taken=False, code=code, reports=())
        chosen = _CHOSEN.get(rest[:2])
        outcome = chosen(digits) if chosen else USUAL
        if outcome.answering is Answering.THROTTLE:
            if (operation, digits) in self._throttled:
                return USUAL
            self._throttled.add((operation, digits))
        return outcome

    def clear(self) -> None:
        """Forget all faults, and who was throttled."""
        self.faults.clear()
        self._throttled.clear()


def digits_of(number: str) -> str:
    """Return the digits of a number, less an international prefix 00."""
    return "".join(one for one in number if one.isascii() and one.isdigit()).removeprefix("00")
