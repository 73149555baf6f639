"""Redelivery: stored events and dead letters given to handlers once more, a run of RQ's queue `retries` for each.

Imports RQ, so the command line imports it only once RQ's prefix is claimed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from redis import Redis
from redis.exceptions import WatchError
from rq.job import Job
from rq.results import Result

from ringback.reading.dead_letters import DeadLetters
from ringback.reading.stream import StoredEvent
from ringback.workers.failures.letters import Letters
from ringback.workers.registry import Handler, Registry

_AT_ONCE: Final = 200


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


def redeliver(redis: Redis, redeliveries: Iterable[Redelivery]) -> int:
    """Queue redeliveries. Returns how many."""
    letters = Letters(redis)
    ahead = iter(redeliveries)
    count = 0
    while page := list(islice(ahead, _AT_ONCE)):
        with redis.pipeline(transaction=True) as pipeline:
            for one in page:
                stored = one.stored
                letters.begin(
                    pipeline, stored.event_json, stored.event.id, one.handler.name, stored.advanced, replay=True
                )
            pipeline.execute()
        count += len(page)
    return count


def retry(dead: DeadLetters, ids: Iterable[str]) -> int:
    """Put dead letters back on the queue, their attempts counted from 1. Returns how many were still there."""
    letters = Letters(dead.redis)
    return sum(_take(dead, letter_id, letters) for letter_id in ids)


def drop(dead: DeadLetters, ids: Iterable[str]) -> int:
    """Delete dead letters. Returns how many were still there."""
    return sum(_take(dead, letter_id) for letter_id in ids)


def _wants(handler: Handler, stored: StoredEvent) -> bool:
    try:
        return handler.wants(stored.event, advanced=stored.advanced)
    except (Exception, SystemExit):  # noqa: BLE001 - the user's `when` may raise; the worker will see it too
        return True


def _take(dead: DeadLetters, letter_id: str, again: Letters | None = None) -> bool:
    """Take one out, and put it back on the queue or not; in one step, so that two who ask do not do it twice."""
    key = Job.key_for(letter_id)
    with dead.redis.pipeline(transaction=True) as pipeline:
        pipeline.watch(key)  # type: ignore[no-untyped-call]
        letter = dead.find(letter_id)
        if letter is None:
            return False
        pipeline.multi()
        pipeline.zrem(dead.key, letter_id)
        pipeline.delete(key, Result.get_key(letter_id))  # type: ignore[no-untyped-call]
        if again is not None:
            again.begin(
                pipeline, letter.event_json, letter.event_id, letter.handler, letter.advanced, replay=letter.replay,
                letter_id=letter_id,
            )  # fmt: skip
        try:
            pipeline.execute()
        except WatchError:
            return False
    return True
