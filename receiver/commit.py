"""Commit: events into Redis, in groups. While one commit is in flight others gather; the next takes them all.

So one Lua call and one fsync serve many requests, and `appendfsync always` costs next to nothing.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from importlib.resources import files
from typing import Final, cast
from uuid import uuid4

import redis
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from receiver.jobs import job_items
from schemas.events import STATUS_RANK, Event, MessageStatusEvent
from schemas.keys import DRAIN_JOB, EVENTS_QUEUE, VOICE_JOB, VOICE_QUEUE, Keys

log = structlog.get_logger()

TIMEOUT_S: Final = 1.0
BELL_TTL_MS: Final = 2_000
MAX_GROUP: Final = 256
MAX_GROUP_BYTES: Final = 4 * 1024 * 1024
_DOORBELL_FRESH_S: Final = 1.0


class Outcome(IntEnum):
    """What became of an event."""

    DUPLICATE = 0
    STORED = 1


class CommitError(Exception):
    """Redis did not take the event. The request must not be answered 200."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call that waits for an answer: where to send it, and how long it is of use."""

    reply_to: str
    deadline: timedelta


@dataclass(slots=True)
class Waiting:
    """An event on its way into Redis."""

    event: Event
    json: str
    question: Question | None
    done: asyncio.Future[Outcome]


def commit_client(url: str) -> Redis:
    """Make the committer's connection: it gives up soon and never tries again by itself, since callers wait."""
    return Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0), protocol=2
    )


class Committer:
    """The one way of this process's events into Redis."""

    def __init__(self, client: Redis, keys: Keys, seen_ttl: timedelta, message_ttl: timedelta) -> None:
        self._client = client
        self._keys = keys
        self._seen_ttl = max(1, round(seen_ttl.total_seconds()))
        self._message_ttl = max(1, round(message_ttl.total_seconds()))
        self._script = _script()
        self._sha = ""
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._doorbell: list[str | bytes] = []
        self._doorbell_made = -_DOORBELL_FRESH_S
        # RQ's Job wants a connection even where it only serialises itself; this one never connects.
        self._unconnected = redis.Redis()

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
        """Finish what has been handed over, then hang up."""
        while self._running is not None:
            await self._running
        await self._client.aclose()

    async def _run(self) -> None:
        try:
            while self._waiting:
                group = self._next_group()
                try:
                    outcomes = await self._store(group)
                except (RedisError, OSError) as error:
                    log.warning("commit.failed", events=len(group), error=type(error).__name__)
                    _refuse(group, error)
                    continue
                except Exception as error:
                    log.exception("commit.broken", events=len(group))
                    _refuse(group, error)
                    continue
                for one, outcome in zip(group, outcomes, strict=True):
                    if not one.done.done():
                        one.done.set_result(Outcome(outcome))
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

    async def _store(self, group: list[Waiting]) -> list[int]:
        names, values = self._arguments(group)
        for _ in range(2):
            try:
                reply = await self._client.evalsha(self._sha, len(names), *names, *values)
                return cast("list[int]", reply)
            except NoScriptError:
                # A new server, or the first time; it has run nothing, so running it again is safe.
                self._sha = await self._client.script_load(self._script)
        raise RedisError("the server keeps forgetting the commit script")

    def _arguments(self, group: list[Waiting]) -> tuple[list[str], list[str | bytes | int]]:
        keys = self._keys
        doorbell_id = uuid4().hex
        doorbell = self._doorbell_items()
        names = [
            keys.events,
            keys.bell,
            keys.rq_queue(EVENTS_QUEUE),
            keys.rq_queues,
            keys.rq_queue(VOICE_QUEUE),
            keys.rq_job(doorbell_id),
            keys.oddities,
        ]
        values: list[str | bytes | int] = [
            self._seen_ttl, self._message_ttl, BELL_TTL_MS, doorbell_id, len(doorbell), *doorbell
        ]  # fmt: skip
        for one in group:
            event = one.event
            status, message = "", ""
            if isinstance(event, MessageStatusEvent):
                status = event.data.status.value
                message = keys.message(event.provider, event.account, event.data.message_id)
            names += (keys.seen(event.id), message, keys.rq_job(event.id))
            values += (event.id, event.type.value, event.provider, event.account, one.json, status)
            values += (event.time.isoformat() if status else "", len(event.data.flags), *event.data.flags)
            if one.question is None:
                values += (0, "", 0)
            else:
                call = self._call_items(one, one.question)
                values += (round(one.question.deadline.total_seconds() * 1000), event.id, len(call), *call)
        return names, values

    def _doorbell_items(self) -> list[str | bytes]:
        now = time.monotonic()
        if now - self._doorbell_made >= _DOORBELL_FRESH_S:
            self._doorbell = job_items(self._unconnected, DRAIN_JOB, (), EVENTS_QUEUE, again=True)
            self._doorbell_made = now
        return self._doorbell

    def _call_items(self, one: Waiting, question: Question) -> list[str | bytes]:
        timeout = max(1, round(question.deadline.total_seconds()))
        args = (one.json, question.reply_to)
        return job_items(self._unconnected, VOICE_JOB, args, VOICE_QUEUE, timeout=timeout, again=False)


def _refuse(group: list[Waiting], error: Exception) -> None:
    for one in group:
        if not one.done.done():
            one.done.set_exception(CommitError(str(error)))


def _script() -> str:
    ranks = ", ".join(f"['{status.value}'] = {rank}" for status, rank in STATUS_RANK.items())
    return files("receiver").joinpath("commit.lua").read_text().replace("%RANKS%", ranks)
