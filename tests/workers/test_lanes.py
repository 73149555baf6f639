"""Lanes: how many runs of a handler may be side by side, what is held back, and what is let go again."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ringback import on
from ringback.schemas.events import Event
from ringback.wire.samples import find
from ringback.workers.handling.lanes import ASYNC_TOGETHER, MOST_OVERDUE, Lane
from ringback.workers.handling.pair import Begun, Pair
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Registry
from ringback.workers.runtime import Runtime
from tests.support.sample_events import event_of

THREADS = 8


def sync(event: Event) -> None:
    """Do nothing."""


async def later(event: Event) -> None:
    """Do nothing."""


def lane_of(function: Callable[[Event], object] = sync, *, in_order: bool = False, **wanted: Any) -> Lane:
    registry = Registry()
    registry.add(on("*", **wanted)(function))
    *_, handler = registry.handlers.values()  # each call of this marks it once more
    return Lane(handler, THREADS, in_order=in_order)


def let_wait(lane: Lane, *senders: str) -> list[Pair]:
    """Let a message of each of these senders wait."""
    made = []
    runtime = cast("Runtime", SimpleNamespace(state=None))
    for number, sender in enumerate(senders):
        event = event_of(find("mocean/inbound-sms"), {"mocean-from": f"6012345678{sender}", "mocean-text": str(number)})
        made.append(Pair(lane.handler, event, Begun(Entry(f"{number}-0", {})), runtime))
    lane.waiting.extend(made)
    return made


@pytest.mark.parametrize(
    ("lane", "most"),
    [
        pytest.param(lane_of(sync), THREADS, id="sync"),
        pytest.param(lane_of(sync, concurrency=1), 1, id="one at a time"),
        pytest.param(lane_of(sync, concurrency=20), 20, id="more than there are threads"),
        pytest.param(lane_of(later), ASYNC_TOGETHER, id="async"),
        pytest.param(lane_of(later, concurrency=3), 3, id="three async ones"),
    ],
)
def test_how_many_side_by_side(lane: Lane, most: int) -> None:
    lane.out = most - 1
    assert not lane.is_full
    lane.out = most
    assert (lane.is_full, lane.holds_up) == (True, False)
    lane.overdue = 1
    assert lane.holds_up


@pytest.mark.parametrize(
    ("function", "overdue", "is_full"),
    [(sync, MOST_OVERDUE - 1, False), (sync, MOST_OVERDUE, True), (later, MOST_OVERDUE, False)],
)
def test_overdue_runs(function: Callable[[Event], object], overdue: int, is_full: bool) -> None:
    lane = lane_of(function)
    lane.out = lane.overdue = overdue
    assert (lane.is_full, lane.holds_up) == (is_full, is_full)


def test_with_partitions_nothing_is_held_back() -> None:
    lane = lane_of(in_order=True)
    lane.out = lane.overdue = MOST_OVERDUE
    assert (lane.is_full, lane.holds_up) == (True, False)


def ran(lane: Lane, pair: Pair, seconds: float) -> None:
    pair.took = seconds
    lane.ended(pair)


@pytest.mark.parametrize(
    ("took", "is_quick", "together"),
    [
        pytest.param(None, False, 1, id="not known yet"),
        pytest.param(0.5, False, 1, id="slow"),
        pytest.param(0.002, False, 5, id="2 ms"),
        pytest.param(0.00001, True, 20, id="quick"),
    ],
)
def test_how_many_go_to_one_thread(took: float | None, is_quick: bool, together: int) -> None:
    lane = lane_of()
    waiting = let_wait(lane, *"1" * 21)
    if took is not None:
        ran(lane, lane.waiting.pop(), took)
    assert (lane.is_quick, lane.next()) == (is_quick, waiting[: min(together, len(waiting))])


def test_async_runs_start_side_by_side_up_to_the_limit() -> None:
    lane = lane_of(later, concurrency=3)
    waiting = let_wait(lane, *"12345")
    lane.out = 1
    assert lane.next() == waiting[:2]
    assert list(lane.waiting) == waiting[2:]


def test_in_order_a_conversation_has_one_run_at_a_time() -> None:
    lane = lane_of(in_order=True)
    a1, a2, b1, a3, b2 = let_wait(lane, *"11212")
    assert lane.next() == [a1]
    assert lane.next() == [b1]
    assert lane.next() == []
    assert list(lane.waiting) == [a2, a3, b2]
    ran(lane, b1, 0.5)
    assert lane.next() == [b2]
    ran(lane, a1, 0.5)
    assert lane.next() == [a2]


def test_in_order_a_chunk_may_hold_several_of_one() -> None:
    lane = lane_of(in_order=True)
    (known,) = let_wait(lane, "9")
    lane.next()
    ran(lane, known, 0.00001)
    waiting = let_wait(lane, *"1121")
    assert lane.next() == waiting
    again, other = let_wait(lane, "1", "3")
    assert lane.next() == [other]
    assert list(lane.waiting) == [again]


def test_in_order_async_runs_of_one_conversation_are_never_together() -> None:
    lane = lane_of(later, in_order=True)
    a1, a2, b1 = let_wait(lane, "1", "1", "2")
    assert lane.next() == [a1, b1]
    assert lane.next() == []
    ran(lane, a1, 0.1)
    assert lane.next() == [a2]


def test_what_is_held_is_let_go_more_and_more_while_all_is_well() -> None:
    lane = lane_of()
    released = []
    for _ in range(10):
        most = lane.to_release()
        released.append(most)
        let_wait(lane, *"1" * most)
        lane.waiting.clear()  # all were done
    assert released == [1, 2, 4, 8, 16, 32, 64, 128, 256, 256]


def test_beside_overdue_runs_only_so_many_are_let_go_as_may_start() -> None:
    lane = lane_of()
    lane.out = lane.overdue = 1
    assert lane.to_release() == MOST_OVERDUE - 1
    lane.out = lane.overdue = MOST_OVERDUE
    assert lane.to_release() == 0
    lane.out = lane.overdue = 0
    assert lane.to_release() == 1, "it begins small"
