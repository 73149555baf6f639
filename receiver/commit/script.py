"""The commit script: a group of events into Redis in one Lua call, and one fsync; with replicas, a word of theirs."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, NamedTuple, Self, cast
from uuid import uuid4

import redis
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from ringback.receiver.commit.hotline import TIMEOUT_S, Command, Hotline, always, never
from ringback.receiver.commit.jobs import packed_job
from ringback.receiver.commit.waiting import Waiting
from ringback.schemas.event_data import STATUS_RANK
from ringback.schemas.keys import DRAIN_JOB, EVENTS_QUEUE, VOICE_JOB, VOICE_QUEUE, Keys
from ringback.schemas.settings import Settings
from ringback.system.redis_async import connect

BELL_TTL_MS: Final = 2_000
_DOORBELL_FRESH_S: Final = 1.0


# Leaves a commit the other half of its second.
_WAIT_MS: Final = 500
_LOOK_MS: Final = 50


def commit_client(url: str) -> Redis:
    """Make a client that gives up soon, since callers wait."""
    return connect(url, reply_s=TIMEOUT_S, connect_s=TIMEOUT_S)


class Committed(NamedTuple):
    """What became of a group: for each event 1 (stored) or 0 (was already); and whether enough replicas have it."""

    outcomes: list[int]
    is_replicated: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms events are committed: under which keys, how long repeats and statuses are known (seconds), and how
    many replicas are to have an event before it counts as stored.
    """

    keys: Keys
    seen_ttl_s: int
    message_ttl_s: int
    replicas: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take them from the settings."""
        seen, kept = (max(1, round(ttl.total_seconds())) for ttl in (settings.dedup_ttl, settings.retention))
        # A late status must not move a message back, however short events are kept.
        return cls(settings.keys, seen, max(seen, kept), settings.wait_replicas)


class CommitScript:
    """The script and what it is given, over a connection of its own."""

    def __init__(self, client: Redis, terms: Terms) -> None:
        self._hotline = Hotline(client)
        self._terms = terms
        self._keys = keys = terms.keys
        self._names = (
            keys.events, keys.bell, keys.rq_queue(EVENTS_QUEUE), keys.rq_queues, keys.rq_queue(VOICE_QUEUE),
            keys.oddities, keys.seen(""), keys.messages, keys.rq_job(""), keys.call_turns, keys.call_lines,
            keys.rq_workers(VOICE_QUEUE),
        )  # fmt: skip
        self._script = _script()
        self._sha: str | bytes = "-"
        self._doorbell = b""
        self._doorbell_made = -_DOORBELL_FRESH_S
        # RQ's Job wants a connection even where it only serialises itself; this one never connects.
        self._unconnected = redis.Redis()

    async def store(self, group: Sequence[Waiting], *, anew: Callable[[], bool] = always) -> list[int]:
        """Store a group; return for each event 1 (stored) or 0 (was already).

        It may run twice for one group, the second time over a new connection if `anew` allows one. Raises RedisError,
        OSError; then some of the group may be stored.
        """
        return cast("list[int]", (await self._call(group, anew=anew))[0])

    async def store_replicated(self, group: Sequence[Waiting], *, anew: Callable[[], bool] = always) -> Committed:
        """Store a group as `store` does, and wait until enough replicas have it."""
        if not self._terms.replicas:
            return Committed(await self.store(group, anew=anew), is_replicated=True)
        wait = ("WAIT", self._terms.replicas, _WAIT_MS)
        outcomes, replicas = await self._call(group, wait, anew=anew)
        return Committed(cast("list[int]", outcomes), cast("int", replicas) >= self._terms.replicas)

    async def is_replicated(self) -> bool:
        """Tell whether enough replicas have all that was stored over this connection, repeats too: they are touched.

        Raises RedisError, OSError.
        """
        if not self._terms.replicas:
            return True
        (replicas,) = await self._hotline.call(("WAIT", self._terms.replicas, _LOOK_MS), anew=never)
        return cast("int", replicas) >= self._terms.replicas

    async def close(self) -> None:
        """Hang up."""
        await self._hotline.close()

    async def _call(self, group: Sequence[Waiting], *then: Command, anew: Callable[[], bool]) -> list[object]:
        arguments = self._arguments(group)
        for _ in range(2):
            try:
                # Over a new connection it may run twice: the second time it finds what the first has stored.
                return await self._hotline.call(("EVALSHA", self._sha, *arguments), *then, anew=anew)
            except NoScriptError:
                # A new server, or the first time; it has run nothing, so running it again is safe.
                self._sha = cast("bytes", (await self._hotline.call(("SCRIPT", "LOAD", self._script), anew=anew))[0])
        raise RedisError("the server keeps forgetting the commit script")

    def _arguments(self, group: Sequence[Waiting]) -> list[str | bytes | int]:
        doorbell_id = uuid4().hex
        arguments: list[str | bytes | int] = [
            len(self._names) + 1, *self._names, self._keys.rq_job(doorbell_id),
            self._terms.seen_ttl_s, self._terms.message_ttl_s, BELL_TTL_MS, doorbell_id, self._doorbell_job(),
        ]  # fmt: skip
        for one in group:
            whose = " ".join((one.type, one.provider, one.account))  # noqa: FLY002 - formats an enumeration's member slowly
            flags = "".join([f"{flag}," for flag in one.flags]) if one.flags else ""
            arguments += (one.id, whose, one.json, flags)
            arguments += one.report or self._call_arguments(one) or ("",)
        return arguments

    def _call_arguments(self, one: Waiting) -> Sequence[str | bytes | int]:
        left = one.question.due - time.monotonic() if one.question and one.is_awaited else 0.0
        if one.question is None or left <= 0:  # after its deadline a call is an event like any other
            return ()
        args = (one.json, one.question.reply_to)
        job = packed_job(self._unconnected, VOICE_JOB, args, VOICE_QUEUE, timeout=math.ceil(left))
        return "call", math.ceil(left * 1000), job

    def _doorbell_job(self) -> bytes:
        now = time.monotonic()
        if now - self._doorbell_made >= _DOORBELL_FRESH_S:
            self._doorbell = packed_job(self._unconnected, DRAIN_JOB, (), EVENTS_QUEUE)
            self._doorbell_made = now
        return self._doorbell


def _script() -> str:
    ranks = ", ".join(f"['{status.value}'] = {rank}" for status, rank in STATUS_RANK.items())
    text = files("ringback.receiver.commit").joinpath("commit.lua").read_text().replace("%RANKS%", ranks)
    return files("ringback.schemas").joinpath("ringing.lua").read_text() + text
