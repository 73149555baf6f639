"""Recommit: what is in the spool into Redis, in its order, and what to do with new events until that is done.

Where replicas are to have each event and too few of them are there, the spool stands in for them: it keeps a copy of
what Redis has taken. Handlers and calls go on meanwhile, since Redis has it all.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

import structlog
from redis.exceptions import RedisError, ResponseError

from ringback.receiver.commit.hotline import never
from ringback.receiver.commit.script import CommitScript
from ringback.receiver.commit.spool import Spool, Spooled, SpoolError
from ringback.receiver.commit.waiting import MAX_GROUP, MAX_GROUP_BYTES, Waiting
from ringback.receiver.metrics import Fault, Faults
from ringback.schemas.events import UnreadableError, read_event
from ringback.schemas.redis_refusal import refusal_of

log = structlog.get_logger()

_PAUSE_S: Final = 0.5
_PASSING: Final = frozenset(
    {"BUSY", "CLUSTERDOWN", "CROSSSLOT", "MASTERDOWN", "MISCONF", "NOPERM", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN"}
)


class Way(Enum):
    """Where new events go."""

    DIRECT = auto()
    """To Redis. What is in the spool, if anything, is there already."""
    COPIED = auto()
    """To Redis, over the connection that there is, and a copy into the spool: too few replicas have what Redis has."""
    SPOOLED = auto()
    """Into the spool alone, behind what waits there: order holds."""


class Recommit:
    """Empties the spool, as long as there is something in it.

    Each event is in the spool until Redis has it, and as many replicas as are wanted. What replicas have is known by
    connection (`WAIT`): so a new connection begins again with the first.
    """

    def __init__(self, script: CommitScript, spool: Spool, faults: Faults) -> None:
        self._script = script
        self._spool = spool
        self._faults = faults
        self._running: asyncio.Task[None] | None = None
        self._way = Way.SPOOLED
        # While events are spooled: how many of them Redis has taken over this connection, and the last of those.
        self._taken = 0
        self._last = 0
        self._changes = 0

    @property
    def way(self) -> Way:
        """Where new events go."""
        return self._way if self._spool.depth else Way.DIRECT

    def go(self, way: Way) -> None:
        """Send new events there from now on."""
        self._way = way
        self._taken = self._last = 0
        self._changes += 1

    def start(self) -> None:
        """Begin, if there is anything to do."""
        if self._spool.depth and self._running is None:
            self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Leave off. What is in the spool stays there."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        log.warning("spool.in_use", events=self._spool.depth)
        try:
            while self._spool.depth:
                try:
                    if self._way is Way.SPOOLED:
                        await self._commit_next()
                    else:
                        await self._forget_copies()
                except (RedisError, OSError, SpoolError) as error:
                    log.debug("spool.waits", events=self._spool.depth, error=type(error).__name__)
                    self.go(Way.SPOOLED)
                    await asyncio.sleep(_PAUSE_S)
                except Exception:
                    # Without this loop what is spooled would stay there, and all that comes behind it.
                    log.exception("spool.broken", events=self._spool.depth)
                    self._faults.count(Fault.SPOOL)
                    self.go(Way.SPOOLED)
                    await asyncio.sleep(_PAUSE_S)
            log.warning("spool.empty")
        finally:
            self._running = None

    async def _commit_next(self) -> None:
        changes = self._changes
        events = await self._spool.first(MAX_GROUP, MAX_GROUP_BYTES, after=self._last)
        if events:
            taken = await self._commit(events, anew=lambda: not self._taken)
            is_replicated = await self._script.is_replicated()
            if changes != self._changes:  # a commit has failed meanwhile: what was found out may hold no more
                return
            self._taken += taken
            self._last = events[-1].number
            if is_replicated:
                self._taken = 0
                await self._spool.remove(self._last)
        # The depth counts also what is being written: when they are the same, Redis has all.
        if changes == self._changes and self._taken == self._spool.depth:
            self.go(Way.COPIED)

    async def _forget_copies(self) -> None:
        changes = self._changes
        newest = await self._spool.newest()
        is_replicated = await self._script.is_replicated()
        if changes != self._changes:  # what a commit that failed has left is no copy
            return
        if is_replicated:
            self.go(Way.DIRECT)
            await self._spool.remove(newest)
        else:
            self.go(Way.COPIED)
            await asyncio.sleep(_PAUSE_S)

    async def _commit(self, events: Sequence[Spooled], *, anew: Callable[[], bool]) -> int:
        """Commit events; give how many of them Redis has now."""
        try:
            await self._script.store([_waiting(event) for event in events], anew=anew)
        except Exception as error:
            if is_passing(error):
                raise
            if len(events) > 1:
                return sum(
                    [await self._commit([event], anew=anew if event is events[0] else never) for event in events]
                )
            # Redis takes this one in no way, a newer version has written it, or an error of ours is in the way: the
            # others need not wait for it.
            log.error("spool.refused", error=type(error).__name__, exc_info=error)
            await self._spool.refuse(events[0], _reason(error))
            return 0
        return len(events)


def is_passing(error: Exception) -> bool:
    """Whether the same may go well later: a server is away, or refuses what it will take once something is fixed."""
    if isinstance(error, ResponseError):
        return refusal_of(error.status_code, str(error)) in _PASSING
    return isinstance(error, RedisError | OSError | SpoolError)


def _reason(error: Exception) -> str:
    """Say what is wrong, without what is in the event."""
    return str(error) if isinstance(error, ResponseError | UnreadableError) else type(error).__name__


def _waiting(spooled: Spooled) -> Waiting:
    return Waiting.of(read_event(spooled.json), json=spooled.json)
