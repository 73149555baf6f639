"""The commit script: a group of events into Redis in one Lua call, and one fsync."""

import math
import time
from collections.abc import Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Final, cast
from uuid import uuid4

import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from receiver.hotline import TIMEOUT_S, Hotline
from receiver.jobs import job_items
from receiver.waiting import Question, Waiting
from schemas.events import STATUS_RANK, MessageStatus
from schemas.keys import DRAIN_JOB, EVENTS_QUEUE, VOICE_JOB, VOICE_QUEUE, Keys

BELL_TTL_MS: Final = 2_000
_DOORBELL_FRESH_S: Final = 1.0


def commit_client(url: str) -> Redis:
    """Make a client that gives up soon and never tries again by itself, since callers wait."""
    return Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0), protocol=2
    )


class CommitScript:
    """The script and what it is given."""

    def __init__(self, client: Redis, keys: Keys, seen_ttl: timedelta, message_ttl: timedelta) -> None:
        self._hotline = Hotline(client)
        self._keys = keys
        self._seen_ttl = max(1, round(seen_ttl.total_seconds()))
        self._message_ttl = max(1, round(message_ttl.total_seconds()))
        self._names = (
            keys.events, keys.bell, keys.rq_queue(EVENTS_QUEUE), keys.rq_queues, keys.rq_queue(VOICE_QUEUE),
            keys.oddities, keys.seen(""), keys.messages, keys.rq_job(""),
        )  # fmt: skip
        self._script = _script()
        self._sha: str | bytes = "-"
        self._doorbell: list[str | bytes] = []
        self._doorbell_made = -_DOORBELL_FRESH_S
        # RQ's Job wants a connection even where it only serialises itself; this one never connects.
        self._unconnected = redis.Redis()

    async def run(self, group: Sequence[Waiting]) -> list[int]:
        """Store a group; give for each event 1 (stored) or 0 (was already).

        It may run twice for one group. Raises RedisError, OSError; then some of the group may be stored.
        """
        arguments = self._arguments(group)
        for _ in range(2):
            try:
                # Over a new connection it may run twice: the second time it finds what the first has stored.
                return cast("list[int]", await self._hotline.call("EVALSHA", self._sha, *arguments))
            except NoScriptError:
                # A new server, or the first time; it has run nothing, so running it again is safe.
                self._sha = cast("bytes", await self._hotline.call("SCRIPT", "LOAD", self._script))
        raise RedisError("the server keeps forgetting the commit script")

    async def close(self) -> None:
        """Hang up."""
        await self._hotline.close()

    def _arguments(self, group: Sequence[Waiting]) -> list[str | bytes | int]:
        doorbell_id = uuid4().hex
        doorbell = self._doorbell_items()
        arguments: list[str | bytes | int] = [
            len(self._names) + 1, *self._names, self._keys.rq_job(doorbell_id),
            self._seen_ttl, self._message_ttl, BELL_TTL_MS, doorbell_id, len(doorbell), *doorbell,
        ]  # fmt: skip
        for one in group:
            event = one.event
            data = event.data
            arguments += (event.id, event.type.value, event.provider, event.account, one.json)
            if isinstance(data, MessageStatus):
                arguments += (data.status.value, data.message_id, event.time.isoformat())
            else:
                arguments.append("")
            arguments.append("".join([f"{flag}," for flag in data.flags]) if data.flags else "")
            left = one.question.due - time.monotonic() if one.question and one.is_awaited else 0.0
            if one.question is None or left <= 0:  # after its deadline a call is an event like any other
                arguments.append(0)
            else:
                call = self._call_items(one, one.question, left)
                arguments += (math.ceil(left * 1000), len(call), *call)
        return arguments

    def _doorbell_items(self) -> list[str | bytes]:
        now = time.monotonic()
        if now - self._doorbell_made >= _DOORBELL_FRESH_S:
            self._doorbell = job_items(self._unconnected, DRAIN_JOB, (), EVENTS_QUEUE, again=True)
            self._doorbell_made = now
        return self._doorbell

    def _call_items(self, one: Waiting, question: Question, left: float) -> list[str | bytes]:
        args = (one.json, question.reply_to)
        return job_items(self._unconnected, VOICE_JOB, args, VOICE_QUEUE, timeout=math.ceil(left), again=False)


def _script() -> str:
    ranks = ", ".join(f"['{status.value}'] = {rank}" for status, rank in STATUS_RANK.items())
    return files("receiver").joinpath("commit.lua").read_text().replace("%RANKS%", ranks)
