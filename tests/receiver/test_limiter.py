"""The limiter: who guesses is told to wait, an address at a time; a right token is let in from anywhere, always."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ringback.receiver.bounds.limiter import MAX_ADDRESSES, MAX_WRONG, Limiter

ATTACKER, PROVIDER = "198.51.100.1", "203.0.113.7"


@dataclass
class Clock:
    """A time that goes on when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


Step = tuple[str, str | float, int, bool]  # what, whose (or how long), how often, whether the last was past the limit


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([("wrong", ATTACKER, 20, False), ("wrong", ATTACKER, 1, True)], id="twenty at once"),
        pytest.param([("wrong", ATTACKER, 500, True), ("wait", 2.9, 1, True), ("wrong", ATTACKER, 1, True),
                      ("wait", 0.2, 1, True), ("wrong", ATTACKER, 1, False), ("wrong", ATTACKER, 1, True)],
                     id="one more each three seconds, however many come"),
        pytest.param([("wrong", ATTACKER, 21, True), ("wait", 60.1, 1, True), ("wrong", ATTACKER, 20, False),
                      ("wrong", ATTACKER, 1, True)], id="all is forgiven after a minute"),
        pytest.param([("wrong", ATTACKER, 10, False), ("wait", 15.0, 1, False), ("wrong", ATTACKER, 15, False),
                      ("wrong", ATTACKER, 1, True)], id="half is forgiven in half the time"),
        pytest.param([("wrong", ATTACKER, 21, True), ("wrong", PROVIDER, 20, False)], id="another's doing"),
    ],
)  # fmt: skip
def test_limits(steps: Sequence[Step]) -> None:
    clock = Clock()
    limiter = Limiter(clock)
    is_limited = False
    for what, whose, times, expected in steps:
        for _ in range(times):
            match what, whose:
                case "wrong", str():
                    is_limited = limiter.failed(whose)
                case _, float():
                    clock.now += whose
        assert is_limited is expected, (what, whose)


def test_addresses_are_forgotten_when_there_are_too_many() -> None:
    limiter = Limiter(Clock())
    for address in (ATTACKER, PROVIDER):
        for _ in range(MAX_WRONG):
            limiter.failed(address)
    for number in range(MAX_ADDRESSES - 1):
        limiter.failed(f"a{number}")
    assert (limiter.failed(PROVIDER), limiter.failed(ATTACKER)) == (True, False)
