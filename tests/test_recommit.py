"""Recommit: what a commit that fails leaves in the spool is never taken for a copy of what Redis has."""

from pathlib import Path
from typing import cast

from receiver.recommit import Recommit, Way
from receiver.script import CommitScript
from receiver.spool import Spool


class Interrupted:
    """Replicas that say that they have all, just when a commit fails and its event goes to the spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.recommit = Recommit(cast("CommitScript", self), spool)

    async def is_replicated(self) -> bool:
        self.recommit.go(Way.SPOOLED)
        await self._spool.add(["not in Redis"])
        return True


async def test_a_commit_that_fails_while_copies_are_confirmed(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, 10_000)
    await spool.add(["a copy"])
    interrupted = Interrupted(spool)
    interrupted.recommit.go(Way.COPIED)
    await interrupted.recommit._forget_copies()
    assert interrupted.recommit.way is Way.SPOOLED
    assert [one.json for one in await spool.first(10, 1000)] == ["a copy", "not in Redis"]
    await spool.close()
