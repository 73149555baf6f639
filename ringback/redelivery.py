"""Redelivery: stored events go to handlers once more, a run of RQ's queue `retries` for each (event, handler).

Imports RQ, so the command line imports it only once RQ's prefix is claimed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, cast

import structlog
from pydantic import ValidationError
from redis import Redis

from ringback.choose import ChoiceError
from ringback.lookup import event_entries
from schemas.events import EVENTS, Event
from schemas.keys import Keys
from workers.letters import Letters
from workers.registry import Handler, Registry

log = structlog.get_logger()

_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as the stream holds it."""

    event: Event
    event_json: str
    advanced: bool | None


@dataclass(frozen=True, slots=True)
class Redelivery:
    """A handler that is to run on an event once more."""

    stored: Stored
    handler: Handler


class History:
    """The events that are in the stream now; what comes later is not looked at."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        newest = _page(redis.xrevrange(keys.events, count=1))
        self._newest = newest[0][0] if newest else None

    def now(self) -> datetime:
        """Return the server's time, by which events are stored."""
        seconds, microseconds = self._redis.time()
        return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)

    def since(self, moment: datetime | None = None, kind: str | None = None) -> Iterator[Stored]:
        """Yield the events that were stored from this moment on, the oldest first; `kind`: of one type only."""
        start = "-" if moment is None else str(max(0, int(moment.timestamp() * 1000)))
        while self._newest is not None:
            page = _page(self._redis.xrange(self._keys.events, min=start, max=self._newest, count=_AT_ONCE))
            for entry_id, fields in page:
                if (kind is None or fields.get(b"type") == kind.encode()) and (stored := _stored(entry_id, fields)):
                    yield stored
            if len(page) < _AT_ONCE:
                return
            start = f"({page[-1][0]}"

    def named(self, typed: Sequence[str]) -> list[Stored]:
        """Find events by their ids, their entries', or how these begin, each once. Raises ChoiceError."""
        found: dict[str, Stored] = {}
        for entry_id in event_entries(self._redis, self._keys, typed):
            page = _page(self._redis.xrange(self._keys.events, min=entry_id, max=entry_id))
            stored = _stored(*page[0]) if page else None
            if stored is None:
                raise ChoiceError(f"the entry {entry_id} holds no event that can be read")
            found[stored.event.id] = stored
        return list(found.values())


def runs_of(events: Iterable[Stored], registry: Registry, only: str | None = None) -> Iterator[Redelivery]:
    """Yield a redelivery to each handler that wants an event; `only`: for the handler of this name."""
    for stored in events:
        for handler in registry.of_type(stored.event.type):
            if only in (None, handler.name) and _wants(handler, stored):
                yield Redelivery(stored, handler)


def replay(redis: Redis, runs: Iterable[Redelivery]) -> int:
    """Queue redeliveries. Returns how many."""
    letters = Letters(redis)
    ahead = iter(runs)
    count = 0
    while page := list(islice(ahead, _AT_ONCE)):
        with redis.pipeline(transaction=True) as pipeline:
            for run in page:
                event = run.stored.event
                letters.begin(
                    pipeline, run.stored.event_json, event.id, run.handler.name, run.stored.advanced, replay=True
                )
            pipeline.execute()
        count += len(page)
    return count


def _wants(handler: Handler, stored: Stored) -> bool:
    try:
        return handler.wants(stored.event, advanced=stored.advanced)
    except (Exception, SystemExit):  # noqa: BLE001 - the user's `when` may raise; the worker will see it too
        return True


def _page(reply: object) -> Sequence[tuple[str, dict[bytes, bytes]]]:
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", reply)
    return [(entry_id.decode(), fields) for entry_id, fields in entries]


def _stored(entry_id: str, fields: dict[bytes, bytes]) -> Stored | None:
    """Read an entry; None, and a line in the log, where it holds no event of ours."""
    try:
        event = EVENTS.validate_json(fields[b"event"])
    except (KeyError, ValidationError):
        log.warning("entry.unreadable", entry_id=entry_id)
        return None
    advanced = fields.get(b"advanced")
    return Stored(event, fields[b"event"].decode(), None if advanced is None else advanced == b"1")
