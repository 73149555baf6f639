"""Commit: events into Redis, in groups. While one commit is in flight others gather; the next takes them all.

So one Lua call and one fsync serve many requests, and `appendfsync always` costs next to nothing. While Redis is away
events go to the spool, and those that come later queue up behind them: order holds.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from receiver.counts import CommitCounts
from receiver.script import CommitScript
from receiver.spool import Spool, Spooled, SpoolError
from receiver.waiting import Outcome, Question, Waiting
from schemas.events import EVENTS, Event
from schemas.keys import Keys

log = structlog.get_logger()

MAX_GROUP: Final = 256
MAX_GROUP_BYTES: Final = 4 * 1024 * 1024
_PAUSE_S: Final = 0.5
_PASSING: Final = (OutOfMemoryError, ReadOnlyError, NoPermissionError)
_PASSING_WORDS: Final = ("BUSY", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN")


class CommitError(Exception):
    """Neither Redis nor the spool took the event. The request must not be answered 200."""


class Committer:
    """The one way of this process's events into Redis. Without a spool, what Redis does not take is not stored."""

    def __init__(
        self,
        client: Redis,
        keys: Keys,
        seen_ttl: timedelta,
        message_ttl: timedelta,
        spool: Spool | None = None,
        counts: CommitCounts | None = None,
    ) -> None:
        self._script = CommitScript(client, keys, seen_ttl, message_ttl)
        self._counts = counts
        self._spool = spool
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._emptying: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what an earlier process has left in the spool."""
        if self._spool is not None and self._spool.depth and self._emptying is None:
            self._emptying = asyncio.create_task(self._empty(self._spool))

    async def commit(self, event: Event, question: Question | None = None) -> Outcome:
        """Store an event and ring for it. Returns once it is stored: on disk, with `appendfsync always`.

        A caller that goes away does not take its event along. Raises CommitError.
        """
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(event, event.model_dump_json(exclude_none=True), question, done))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Finish what has been handed over, then hang up. What is in the spool stays there."""
        while self._running is not None:
            await self._running
        if self._emptying is not None:
            self._emptying.cancel()
            await asyncio.gather(self._emptying, return_exceptions=True)
        await self._script.close()
        if self._spool is not None:
            await self._spool.close()

    async def _run(self) -> None:
        try:
            while self._waiting:
                group = self._next_group()
                try:
                    await self._store(group)
                except Exception as error:
                    log.exception("commit.broken", events=len(group))
                    _refuse(group, error)
        finally:
            self._running = None

    def _next_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._waiting and len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
            one = self._waiting.popleft()
            size += len(one.json)
            group.append(one)
        return group

    async def _store(self, group: Sequence[Waiting]) -> None:
        if self._spool is not None and self._spool.depth:
            await self._keep(group, self._spool)
            return
        began = time.monotonic()
        try:
            outcomes = await self._script.run(group)
        except (RedisError, OSError) as error:
            log.warning("commit.failed", events=len(group), error=type(error).__name__)
            if self._spool is None:
                _refuse(group, error)
            else:
                await self._keep(group, self._spool)
            return
        if self._counts is not None:
            self._counts.committed(len(group), time.monotonic() - began)
        for one, outcome in zip(group, outcomes, strict=True):
            if one.done is not None and not one.done.done():
                one.done.set_result(Outcome(outcome))

    async def _keep(self, group: Sequence[Waiting], spool: Spool) -> None:
        """Put a group into the spool, whole or not at all."""
        try:
            await spool.add([one.json for one in group])
        except SpoolError as error:
            log.error("spool.failed", events=len(group), reason=str(error))
            _refuse(group, error)
            return
        for one in group:
            if one.done is not None and not one.done.done():
                one.done.set_result(Outcome.SPOOLED)
        self.start()

    async def _empty(self, spool: Spool) -> None:
        """Commit what is in the spool, in its order, as soon as Redis takes it."""
        log.warning("spool.in_use", events=spool.depth)
        try:
            while spool.depth:
                try:
                    events = await spool.first(MAX_GROUP)
                    await self._commit_spooled(events, spool)
                except (RedisError, OSError, SpoolError) as error:
                    log.debug("spool.waits", events=spool.depth, error=type(error).__name__)
                    await asyncio.sleep(_PAUSE_S)
            log.warning("spool.empty")
        finally:
            self._emptying = None

    async def _commit_spooled(self, events: Sequence[Spooled], spool: Spool) -> None:
        try:
            await self._script.run([_waiting(event) for event in events])
        except ResponseError as error:
            if _is_passing(error):
                raise
            if len(events) == 1:
                # Redis takes this one in no way, and said so: the others need not wait for it.
                log.error("spool.refused", error=type(error).__name__)
                await spool.refuse(events[0], str(error))
                return
            for event in events:
                await self._commit_spooled([event], spool)
            return
        await spool.remove(events)


def _is_passing(error: ResponseError) -> bool:
    """Tell whether a server that refuses will take the same later, when it or its operator has mended something."""
    return isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)


def _waiting(spooled: Spooled) -> Waiting:
    return Waiting(EVENTS.validate_json(spooled.json), spooled.json)


def _refuse(group: Sequence[Waiting], error: Exception) -> None:
    for one in group:
        if one.done is not None and not one.done.done():
            one.done.set_exception(CommitError(str(error)))
