"""Recommit: what a commit that fails leaves in the spool is never taken for a copy of what Redis has."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from prometheus_client import CollectorRegistry

from ringback.receiver.commit.recommit import Recommit, Way
from ringback.receiver.commit.script import CommitScript
from ringback.receiver.commit.spool import Spool
from ringback.receiver.commit.waiting import Waiting
from ringback.receiver.metrics import Faults
from ringback.wire.samples import find
from tests.support.sample_events import event_of
from tests.support.spool import bounds, waiting


class Interrupted:
    """Replicas that say that they have all, just when a commit fails and its event goes to the spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.recommit = Recommit(cast("CommitScript", self), spool, Faults(CollectorRegistry()))

    async def is_replicated(self) -> bool:
        self.recommit.go(Way.SPOOLED)
        await self._spool.add(waiting("not in Redis"))
        return True


async def test_a_commit_that_fails_while_copies_are_confirmed(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, bounds(10_000))
    await spool.add(waiting("a copy"))
    interrupted = Interrupted(spool)
    interrupted.recommit.go(Way.COPIED)
    await interrupted.recommit._forget_copies()
    assert interrupted.recommit.way is Way.SPOOLED
    assert [one.json for one in await spool.first(10, 1000)] == ["a copy", "not in Redis"]
    await spool.close()


class Faulty:
    """A script with an error of ours: of one event it can make no arguments, and at first it fails altogether."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self._broken = iter([RuntimeError("?")])

    async def store(self, group: Sequence[Waiting], *, anew: Callable[[], bool]) -> None:  # noqa: ARG002
        subjects = [one.report[1] for one in group if one.report]
        if "bad" in subjects:
            raise TypeError("no argument")
        self.stored += subjects

    async def is_replicated(self) -> bool:
        if (error := next(self._broken, None)) is not None:
            raise error
        return True


async def test_an_error_of_ours_ends_neither_the_loop_nor_the_other_events(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    spool = Spool.open(tmp_path, bounds(1_000_000))
    events = [event_of(find("mycoolsms/delivery-report"), {"smsid": name}) for name in ("one", "bad", "two")]
    await spool.add([Waiting.of(event) for event in events])
    script = Faulty()
    recommit = Recommit(cast("CommitScript", script), spool, Faults(registry))
    recommit.start()
    async with asyncio.timeout(10):
        while spool.depth:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert script.stored == ["one", "two", "one", "two"], "again after the error, in their order"
    assert (spool.depth, spool.refused) == (0, 1)
    assert registry.get_sample_value("ringback_faults_total", {"where": "spool"}) == 1
    await recommit.close()
    with sqlite3.connect(spool.file) as database:
        assert database.execute("SELECT reason FROM refused").fetchall() == [("TypeError",)]
    await spool.close()
