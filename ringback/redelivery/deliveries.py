"""Redelivery: stored events and dead letters given to handlers once more, as runs that are due at once.

Imports RQ, so the command line imports it only once RQ's prefix is claimed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import uuid4

from redis import Redis

from ringback.reading.dead_letters import DeadLetters
from ringback.reading.stream import StoredEvent
from ringback.schemas.keys import Keys
from ringback.workers.failures import due
from ringback.workers.failures.letters import Letters
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.handling.drain import ring
from ringback.workers.registry import Handler, Registry

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Redelivery:
    """An event that is to reach a handler once more."""

    stored: StoredEvent
    handler: Handler


def redeliveries_of(events: Iterable[StoredEvent], registry: Registry, only: str | None = None) -> Iterator[Redelivery]:
    """Yield a redelivery for each handler that wants an event; `only`: for the handler of this name."""
    for stored in events:
        for handler in registry.of_type(stored.event.type):
            if only in (None, handler.name) and _wants(handler, stored):
                yield Redelivery(stored, handler)


def redeliver(redis: Redis, keys: Keys, redeliveries: Iterable[Redelivery], *, resend: bool = False) -> int:
    """Let redeliveries be due at once. Return how many. `resend`: what the handlers ask to be sent goes out."""
    asked = uuid4().hex[:12]  # tells them from those of another replay
    ahead = iter(redeliveries)
    count = 0
    while page := list(islice(ahead, _AT_ONCE)):
        with redis.pipeline(transaction=True) as pipeline:
            due.add(pipeline, keys, [(0, _replayed(one, asked, resend=resend)) for one in page])
            pipeline.execute()
        count += len(page)
    if count:
        ring(redis, keys)
    return count


def retry(dead: DeadLetters, ids: Iterable[str]) -> int:
    """Let dead letters be due at once, their attempts counted from 1. Return how many were still there."""
    count = _each(dead, ids, again=True)
    if count:
        ring(dead.redis, dead.keys)
    return count


def drop(dead: DeadLetters, ids: Iterable[str]) -> int:
    """Delete dead letters. Return how many were still there."""
    return _each(dead, ids, again=False)


def _replayed(one: Redelivery, asked: str, *, resend: bool) -> StoredRun:
    stored = one.stored
    return StoredRun(
        one.handler.name, stored.event.id, f"{stored.entry_id} {asked}", stored.event_json, stored.advanced,
        replay=True, resend=resend,
    )  # fmt: skip


def _wants(handler: Handler, stored: StoredEvent) -> bool:
    try:
        return handler.wants(stored.event, advanced=stored.advanced)
    except (Exception, SystemExit):  # noqa: BLE001 - the user's `when` may raise; the worker will see it too
        return True


def _each(dead: DeadLetters, ids: Iterable[str], *, again: bool) -> int:
    """Take letters out, page by page, to be run again or not. Of two who ask for one at once, one takes it."""
    letters = Letters(dead.redis, dead.keys)
    ahead = iter(ids)
    count = 0
    while page := list(islice(ahead, _AT_ONCE)):
        found = dead.records(page)
        count += letters.retry(found) if again else letters.drop(found)
    return count
