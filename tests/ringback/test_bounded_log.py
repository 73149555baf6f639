"""The bounded log: at most a line a second of each kind, and every occurrence is in the count of one."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from ringback.logs.bounded import EVERY_S, BoundedLog


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


def seen(logged: list[EventDict]) -> list[EventDict]:
    return [line for line in logged if line["log_level"] != "debug"]


def test_the_first_at_once_and_then_counts(clock: Clock, logged: list[EventDict]) -> None:
    lines = BoundedLog(clock)
    for number in range(1000):
        lines.warning("refused", "wrong", caller=number)
    lines.warning("refused", "slow", caller=1)
    lines.look()
    assert seen(logged) == [
        {"event": "refused", "caller": 0, "count": 1, "log_level": "warning"},
        {"event": "refused", "caller": 1, "count": 1, "log_level": "warning"},
    ]
    clock.now += EVERY_S  # it becomes quiet: the rest is said all the same
    lines.look()
    lines.look()
    assert seen(logged)[2:] == [{"event": "refused", "caller": 999, "count": 999, "log_level": "warning"}]
    assert sum(line["log_level"] == "debug" for line in logged) == 1001  # with its own fields each


def test_a_line_a_second_while_more_come(clock: Clock, logged: list[EventDict]) -> None:
    lines = BoundedLog(clock)
    for _ in range(20):
        lines.error("failed")
        clock.now += EVERY_S / 4
    assert [line["count"] for line in seen(logged)] == [1, 4, 4, 4, 4]
    lines.flush()
    assert seen(logged)[-1]["count"] == 3


def test_a_kind_that_was_quiet_begins_again(clock: Clock, logged: list[EventDict]) -> None:
    lines = BoundedLog(clock)
    lines.error("failed")
    clock.now += EVERY_S
    lines.look()
    lines.error("failed")
    assert [line["count"] for line in seen(logged)] == [1, 1]


def test_the_end(clock: Clock, logged: list[EventDict]) -> None:
    lines = BoundedLog(clock)
    for number in range(3):
        try:
            raise ValueError(number)
        except ValueError:
            lines.exception("broken")
    lines.flush()
    lines.flush()
    assert [(line["count"], line["exc_info"][1].args) for line in seen(logged)] == [(1, (0,)), (2, (2,))]
