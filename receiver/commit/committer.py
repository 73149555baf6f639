"""Commit: events into Redis, in groups. While one commit is in flight others gather; the next takes them all, as far
as they fit: calls first, then events, of each account in turn.

So one Lua call and one fsync serve many requests, and `appendfsync always` costs next to nothing. The next commit is
sent before the reply to the last where as much waits for it: else Redis, and this process, would be idle by turns.
Order holds all the same (ringback.receiver.commit.hotline). What Redis does not take goes to the spool, and so do
copies of what too few replicas have (ringback.receiver.commit.recommit).
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from itertools import compress
from typing import Final, cast

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ringback.logs.bounded import BoundedLog
from ringback.receiver.bounds.load import Room
from ringback.receiver.bounds.turns import Turns
from ringback.receiver.commit.hotline import never
from ringback.receiver.commit.recommit import Recommit, Way, is_passing
from ringback.receiver.commit.script import CommitScript, Committed, Terms
from ringback.receiver.commit.spool import Spool, SpoolError
from ringback.receiver.commit.waiting import MAX_GROUP, MAX_GROUP_BYTES, CommitOutcome, Waiting
from ringback.receiver.metrics import CommitCounts, Fault, Faults
from ringback.schemas.events import Event

# Of a group calls take no more than half, so that a flood of them does not hold up events.
_MAX_CALLS: Final = MAX_GROUP // 2
_MAX_CALLS_BYTES: Final = MAX_GROUP_BYTES // 2


class CommitError(Exception):
    """Neither Redis nor the spool took the event. The request must not be answered 200."""


class TooFewReplicasError(Exception):
    """Redis has it, and fewer replicas than are wanted."""

    def __str__(self) -> str:
        return "too few replicas have it"


class Committer:
    """The one way of this process's events into Redis. Without a spool, what Redis does not take is not stored."""

    def __init__(
        self,
        client: Redis,
        terms: Terms,
        spool: Spool | None = None,
        counts: CommitCounts | None = None,
        faults: Faults | None = None,
        lines: BoundedLog | None = None,
        *,
        is_shared: bool = True,
    ) -> None:
        self._faults = faults or Faults(CollectorRegistry())
        self._script = CommitScript(client, terms)
        self._counts = counts
        self._lines = lines or BoundedLog()
        self._spool = spool
        self._recommit = Recommit(self._script, spool, self._faults) if spool is not None else None
        self._calls = Turns()
        self._events = Turns()
        self.room = Room(is_shared=is_shared)
        # Of what waits on WAIT, Redis takes nothing more over that connection.
        self._most_flights = 1 if terms.replicas else 2
        self._flights: set[asyncio.Task[None]] = set()
        self._sizes: list[int] = []  # of the groups in flight

    def start(self) -> None:
        """Begin with what an earlier process has left in the spool."""
        if self._recommit is not None:
            self._recommit.start()

    async def commit(self, event: Event) -> CommitOutcome:
        """Store an event, as `store` does."""
        return await self.store(Waiting.of(event))

    async def store(self, one: Waiting) -> CommitOutcome:
        """Store an event and ring for it. Returns once it is stored: on disk, with `appendfsync always`.

        A caller that goes away does not take its event along. Raises CommitError.
        """
        settled: asyncio.Future[CommitOutcome] = asyncio.get_running_loop().create_future()
        one.settle = partial(_resolve, settled)
        self.hand_over(one)
        try:
            return await settled
        finally:
            one.settle = None

    def hand_over(self, one: Waiting) -> None:
        """Have an event stored as `store` does. Its `settle` is told the outcome, or what `store` would raise."""
        self.room.enter(one)
        (self._events if one.question is None else self._calls).add(one)
        if len(self._flights) < self._most_flights:
            self._consider_another()

    async def close(self) -> None:
        """Finish what has been handed over, then hang up. What is in the spool stays there."""
        while self._flights:
            await asyncio.wait(self._flights)
        if self._recommit is not None:
            await self._recommit.close()
        await self._script.close()
        if self._spool is not None:
            await self._spool.close()
        self._lines.flush()

    def _consider_another(self) -> None:
        """Begin a flight if enough waits, and none is about to take it."""
        if len(self._sizes) == len(self._flights) < self._most_flights and self._is_worth_a_flight:
            self._flights.add(asyncio.create_task(self._fly()))

    @property
    def _is_worth_a_flight(self) -> bool:
        """Whether as much waits as is in flight, if anything is: smaller groups would cost more and be no quicker."""
        return len(self._calls) + len(self._events) >= max(self._sizes, default=1)

    async def _fly(self) -> None:
        """Commit one group after another, while enough waits."""
        try:
            while self._is_worth_a_flight:
                group = self._next_group()
                self._sizes.append(len(group))
                self._consider_another()
                try:
                    await self._store(group)
                except Exception as error:  # noqa: BLE001 - logged there
                    await self._store_each(group, error)
                finally:
                    self.room.leave(group)
                    self._sizes.remove(len(group))
        finally:
            self._flights.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _store_each(self, group: Sequence[Waiting], error: Exception) -> None:
        """Store the events of a group alone: the one that no group can be stored with takes no other along.

        Whoever waits for that one gets the error itself: it is ours, and Redis need not be away.
        """
        self._lines.error("commit.broken", events=len(group), exc_info=error)
        self._faults.count(Fault.COMMIT)
        if len(group) == 1:
            _fail(group, error)
            return
        for one in group:
            try:
                await self._store([one])
            except Exception as its_own:  # noqa: BLE001 - logged there
                await self._store_each([one], its_own)

    def _next_group(self) -> list[Waiting]:
        if not self._calls:
            return self._events.take(MAX_GROUP, MAX_GROUP_BYTES)
        calls = self._calls.take(_MAX_CALLS, _MAX_CALLS_BYTES)
        size = sum([one.size for one in calls])
        return calls + self._events.take(MAX_GROUP - len(calls), MAX_GROUP_BYTES - size, one_at_least=False)

    async def _store(self, group: Sequence[Waiting]) -> None:
        way = self._recommit.way if self._recommit is not None else Way.DIRECT
        if way is Way.SPOOLED:
            await self._keep(group)
            return
        began = time.monotonic()
        try:
            committed = await self._commit(group, way)
        except (RedisError, OSError) as error:
            self._lines.warning("commit.failed", events=len(group), error=type(error).__name__)
            if self._recommit is None:
                if len(group) > 1 and not is_passing(error):
                    for one in group:
                        await self._store([one])
                else:
                    _refuse(group, error)
                return
            self._recommit.go(Way.SPOOLED)
            await self._keep(group)
            return
        if self._counts is not None:
            self._counts.committed(len(group), time.monotonic() - began, is_replicated=committed.is_replicated)
        if committed.is_replicated:
            _settle(group, committed.outcomes)
            return
        if way is Way.DIRECT:
            self._lines.warning("commit.too_few_replicas", events=len(group))
        if self._recommit is None:
            _refuse(group, TooFewReplicasError())
            return
        if way is Way.DIRECT:
            self._recommit.go(Way.COPIED)
        await self._keep(group, committed.outcomes)

    async def _commit(self, group: Sequence[Waiting], way: Way) -> Committed:
        if way is Way.COPIED:
            return Committed(await self._script.store(group, anew=never), is_replicated=False)
        # While copies of earlier ones are being forgotten, another server is theirs to find. And where the group before
        # this one has gone into the spool meanwhile, this one is to go behind it.
        return await self._script.store_replicated(group, anew=lambda: self._spool is None or not self._spool.depth)

    async def _keep(self, group: Sequence[Waiting], outcomes: Sequence[int] | None = None) -> None:
        """Put a group into the spool, as far as there is room. `outcomes`: what became of it in Redis, if it is there.

        An account's events take no room from another's (ringback.receiver.bounds.load).
        """
        spool = cast("Spool", self._spool)
        try:
            is_kept = await spool.add(group)
        except SpoolError as error:
            self._lines.error("spool.failed", events=len(group), reason=str(error))
            _refuse(group, error)
            return
        left_out = [one for one, kept in zip(group, is_kept, strict=True) if not kept]
        if left_out:
            full = SpoolError("the spool is full, or what these accounts may have of it")
            self._lines.error("spool.failed", events=len(left_out), reason=str(full))
            _refuse(left_out, full)
        _settle(
            list(compress(group, is_kept)), list(compress(outcomes or [CommitOutcome.SPOOLED] * len(group), is_kept))
        )
        self.start()


def _settle(group: Sequence[Waiting], outcomes: Sequence[int]) -> None:
    for one, outcome in zip(group, outcomes, strict=True):
        if one.settle is not None:
            one.settle(CommitOutcome(outcome))


def _refuse(group: Sequence[Waiting], error: Exception) -> None:
    _fail(group, CommitError(str(error)))


def _fail(group: Sequence[Waiting], error: Exception) -> None:
    for one in group:
        if one.settle is not None:
            one.settle(error)


def _resolve(settled: "asyncio.Future[CommitOutcome]", outcome: CommitOutcome | Exception) -> None:
    if settled.done():  # whoever waited has gone away
        return
    if isinstance(outcome, Exception):
        settled.set_exception(outcome)
    else:
        settled.set_result(outcome)
