"""Requests in quarantine put through the normaliser again, or dropped.

Imports RQ (through the committer), so the command line imports it only once RQ's prefix is claimed.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import unquote

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ringback.reading.quarantined import QuarantinedRequest
from ringback.receiver.commit.committer import CommitError, Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.waiting import Waiting
from ringback.receiver.http.door import Query
from ringback.receiver.http.paths import callback_at
from ringback.receiver.parsing.codings import TooLargeError
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.parse import parse_query
from ringback.receiver.parsing.request import CallbackRequest, check_size
from ringback.receiver.quarantine.keeping import BROKEN, Store
from ringback.schemas.censor import Censor
from ringback.schemas.events import Event
from ringback.schemas.settings import Settings
from ringback.system.redis_async import hang_up

log = structlog.get_logger()

_AT_ONCE: Final = 100
_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a request: events, or the reason why it is still in quarantine."""

    entry: QuarantinedRequest
    events: tuple[Event, ...] = ()
    reason: str | None = None


def drop(entries: Iterable[QuarantinedRequest], settings: Settings, redis_url: str) -> int:
    """Remove requests. Their repeats stay out. Returns how many were still there."""
    return asyncio.run(_drop(entries, settings, redis_url))


def retry(
    entries: Iterable[QuarantinedRequest], settings: Settings, redis_url: str, *, dry_run: bool
) -> Iterator[Retried]:
    """Put requests through today's normaliser, store their events, and remove from quarantine what became events.

    A call's event is stored too, though nobody waits for its answer any more.
    """
    ahead = iter(entries)
    while page := list(islice(ahead, _AT_ONCE)):
        yield from asyncio.run(_retry(page, settings, redis_url, dry_run=dry_run))


def events_of(entry: QuarantinedRequest, normaliser: Normaliser, censor: Censor, max_body: int) -> tuple[Event, ...]:
    """Make the events of a request as its endpoint would have. Raises UnusableError where it still cannot."""
    path, _, query = entry.kept.path.partition("?")
    found = callback_at(unquote(path))
    if found is None:
        raise UnusableError(f"no callback is at {path}")
    callback, parameters = found
    incoming = CallbackRequest(
        callback=callback,
        path=parameters,
        query=Query.of(*parse_query(query.encode())),
        account=entry.kept.account,
        received=entry.time,
        content_type=entry.headers.get("content-type", ""),
        content_encoding=entry.headers.get("content-encoding", ""),
        body=entry.kept.body,
        max_body=max_body,
        censor=censor,
    )
    incoming = incoming.opened()
    try:
        callbacks = incoming.callbacks()
    except TooLargeError:
        raise UnusableError(f"decoded, the body is over the limit of {max_body} bytes (RINGBACK_MAX_BODY)") from None
    events = tuple(incoming.event(one.fields, normaliser) for one in callbacks)
    check_size(sum(Waiting.of(event).size for event in events))
    return events


async def _drop(entries: Iterable[QuarantinedRequest], settings: Settings, redis_url: str) -> int:
    client = commit_client(redis_url)
    store = _store(client, settings)
    ahead = iter(entries)
    dropped = 0
    try:
        while page := [(entry.entry_id, entry.kept) for entry in islice(ahead, _AT_ONCE)]:
            dropped += await store.remove(page, with_mark=False)
    finally:
        await hang_up(client)
    return dropped


async def _retry(
    page: Sequence[QuarantinedRequest], settings: Settings, redis_url: str, *, dry_run: bool
) -> list[Retried]:
    normaliser, censor = Normaliser(settings.mocean_zone), Censor(settings.tokens)
    client = commit_client(redis_url)
    committer = Committer(client, Terms.of(settings))
    store = _store(client, settings)
    turns = asyncio.Semaphore(_CONNECTIONS)

    async def one(entry: QuarantinedRequest) -> Retried:
        try:
            events = events_of(entry, normaliser, censor, settings.max_body)
        except UnusableError as error:
            return Retried(entry, reason=error.reason)
        except Exception as error:
            log.exception("callback.broken", entry_id=entry.entry_id)
            return Retried(entry, reason=f"{BROKEN}: {type(error).__name__}, an error of Ringback's own")
        if dry_run:
            return Retried(entry, events)
        try:
            await asyncio.gather(*(committer.commit(event) for event in events))
        except CommitError as error:
            return Retried(entry, reason=f"not stored: {error}")
        except Exception as error:
            log.exception("commit.broken", entry_id=entry.entry_id)
            return Retried(entry, reason=f"not stored: {type(error).__name__}, an error of Ringback's own")
        try:
            async with turns:
                await store.remove([(entry.entry_id, entry.kept)], with_mark=True)
        except (RedisError, OSError) as error:
            return Retried(entry, events, f"stored, but not removed: {error}")
        return Retried(entry, events)

    try:
        return await asyncio.gather(*(one(entry) for entry in page))
    finally:
        await committer.close()
        await hang_up(client)


def _store(client: Redis, settings: Settings) -> Store:
    return Store(client, settings.keys, settings.dedup_ttl, settings.quarantine_max)
