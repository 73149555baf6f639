"""Several receivers shown as one: what is summed, what is not, and what stays of one that has ended."""

import asyncio
import mmap
import socket
import sys
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ringback.receiver.admin.check import Grade
from ringback.receiver.admin.several import Receivers, Reporter
from ringback.receiver.http.acceptor import ConnectionCounts, counts_file
from tests.support.service import wait_for


class Receiver:
    """What one receiver counts, with its end of the socket."""

    def __init__(self, receivers: Receivers, name: str) -> None:
        registry = CollectorRegistry()
        self.events = Counter("ringback_events", "Events.", ["type"], registry=registry)
        self.seconds = Histogram("ringback_seconds", "Seconds.", buckets=(1.0,), registry=registry)
        self.spooled = Gauge("ringback_spool_events", "Events.", registry=registry)
        self.age = Gauge("ringback_spool_age_seconds", "Age.", registry=registry)
        ours, self.end = socket.socketpair()
        receivers.hear(name, ours)
        self.reporter = Reporter(registry, self.end)

    def report(self) -> None:
        asyncio.run(self.reporter.report())


@pytest.fixture
def receivers() -> Receivers:
    return Receivers(2)


@pytest.fixture
def both(receivers: Receivers) -> Iterator[tuple[Receiver, Receiver]]:
    pair = Receiver(receivers, "a"), Receiver(receivers, "b")
    yield pair
    for one in pair:
        one.end.close()


def shown(receivers: Receivers) -> dict[str, float]:
    """Return what is shown, but for when counters began."""
    samples = [sample for family in receivers.collect() for sample in family.samples]
    return {"".join([one.name, *one.labels.values()]): one.value for one in samples if "_created" not in one.name}


def await_shown(receivers: Receivers, **expected: float) -> None:
    wait_for(lambda: expected.items() <= shown(receivers).items(), str(expected), 5)


def test_counts_are_summed_and_of_ages_the_highest_is_shown(
    receivers: Receivers, both: tuple[Receiver, Receiver]
) -> None:
    for one, number in zip(both, (1, 2), strict=True):
        one.events.labels("x").inc(number)
        one.seconds.observe(number)
        one.spooled.set(number)
        one.age.set(number)
        one.report()
    wait_for(lambda: receivers.serving == 2, "both")
    assert shown(receivers) == {
        "ringback_events_totalx": 3, "ringback_seconds_bucket1.0": 1, "ringback_seconds_bucket+Inf": 2,
        "ringback_seconds_count": 2, "ringback_seconds_sum": 3, "ringback_spool_events": 3,
        "ringback_spool_age_seconds": 2, "ringback_receivers": 2, "ringback_receivers_missing": 0,
    }  # fmt: skip
    assert (receivers.depth, receivers.age_s, receivers.check.grade) == (3, 2, Grade.OK)


def test_what_one_has_counted_stays_when_it_ends(receivers: Receivers, both: tuple[Receiver, Receiver]) -> None:
    for one in both:
        one.events.labels("x").inc()
        one.spooled.set(1)
        one.report()
    wait_for(lambda: receivers.serving == 2, "both")
    both[0].events.labels("x").inc()
    both[0].reporter.report_last()
    both[0].end.close()
    wait_for(lambda: receivers.serving == 1, "its end")
    assert receivers.check.grade is Grade.WARNING
    # The spool is still on its disk, as far as anyone knows.
    await_shown(receivers, ringback_events_totalx=3, ringback_spool_events=2, ringback_receivers_missing=1)
    successor = Receiver(receivers, "a")
    assert not receivers.serves("a")
    successor.events.labels("x").inc()
    successor.report()
    wait_for(lambda: receivers.serves("a"), "its successor")
    await_shown(receivers, ringback_events_totalx=4, ringback_spool_events=1, ringback_receivers_missing=0)
    successor.end.close()
    wait_for(lambda: receivers.serving == 1, "its end")
    await_shown(receivers, ringback_events_totalx=4)


def test_a_report_that_is_cut_off_does_not_count(receivers: Receivers, both: tuple[Receiver, Receiver]) -> None:
    both[0].events.labels("x").inc()
    both[0].report()
    wait_for(lambda: receivers.serving == 1, "a report")
    both[0].end.send(b'[["ringback_events","Events.","counter",[["ringback_events_total",[["ty')
    both[0].end.close()
    wait_for(lambda: receivers.serving == 0, "its end")
    assert receivers.check.grade is Grade.BAD
    await_shown(receivers, ringback_events_totalx=1)


def test_one_that_is_not_read_does_not_wait(receivers: Receivers) -> None:
    one = Receiver(receivers, "a")
    theirs, unread = socket.socketpair()
    one.reporter._parent = theirs
    theirs.setblocking(False)
    for _ in range(2000):
        one.report()
    assert one.reporter._unsent
    for end in (one.end, theirs, unread):
        end.close()


def test_who_has_more_connections_than_another_leaves_the_next_one_to_it() -> None:
    with counts_file() as file:
        all_three = first, second, third = [ConnectionCounts(file, number, 3) for number in range(3)]

        def leaving() -> list[bool]:
            return [one.are_more_than_anothers for one in all_three]

        first.note(100)
        assert not leaving()[0]  # nobody else is there
        second.note(2)
        third.note(3)
        assert leaving() == [True, False, False]
        second.leave()
        third.note(100)
        assert not leaving()[0]
        third.note(3)
        assert leaving()[0]
        with mmap.mmap(file, mmap.PAGESIZE) as shared:  # the third has died, or hangs
            shared[5 * 4 : 6 * 4] = (int(time.monotonic()) - 10).to_bytes(4, sys.byteorder)
        assert not leaving()[0]
