"""The quarantine, for people: the requests that could not be used, and how to put them through again.

Imports RQ (through the committer), so the command line imports it only once RQ's prefix is claimed.
"""

import asyncio
import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, cast
from urllib.parse import unquote

import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from receiver.codings import TooLargeError
from receiver.commit import CommitError, Committer
from receiver.connect import hang_up
from receiver.door import Query
from receiver.normalise import Normaliser, UnusableError
from receiver.parse import parse_query
from receiver.paths import callback_at
from receiver.quarantine import BROKEN, Kept, Store
from receiver.request import CallbackRequest, check_size
from receiver.script import Terms, commit_client
from receiver.waiting import Waiting
from ringback.choose import by_beginning
from ringback.lookup import entries_beginning
from schemas.censor import Censor
from schemas.events import Event
from schemas.settings import Settings

log = structlog.get_logger()

_AT_ONCE: Final = 100
_CONNECTIONS: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request in quarantine, under its id in the stream."""

    entry_id: str
    kept: Kept

    @property
    def time(self) -> datetime:
        """When it was received: it says so itself, or its id does."""
        return self.kept.received or _EPOCH + timedelta(milliseconds=int(self.entry_id.partition("-")[0]))

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, names in lower case; the values of one that was sent twice are joined.

        But of two Content-Types the last counts, as it does in the receiver.
        """
        headers: dict[str, str] = {}
        for line in self.kept.headers.decode("latin-1").split("\n"):
            name, _, value = line.partition(": ")
            is_further = name.lower() in headers and name.lower() != "content-type"
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if is_further else value
        return headers

    def row(self) -> dict[str, str]:
        """Give what a list shows."""
        return {
            "id": self.entry_id,
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": self.kept.account,
            "method": self.kept.method,
            "path": self.kept.path,
            "reason": self.kept.reason,
        }

    def whole(self) -> dict[str, object]:
        """Give all of it. A body that is no text is in base64, under another name."""
        try:
            body = {"body": self.kept.body.decode()}
        except UnicodeDecodeError:
            body = {"body_base64": base64.b64encode(self.kept.body).decode()}
        return {**self.row(), "headers": self.headers, **body}


class Entries:
    """Reads the stream and drops from it."""

    def __init__(self, redis: Redis, settings: Settings, redis_url: str) -> None:
        self._redis = redis
        self._settings = settings
        self._keys = settings.keys
        self._url = redis_url

    def count(self) -> int:
        """Count the requests in quarantine."""
        return self._redis.xlen(self._keys.quarantine)

    def latest(self, limit: int) -> list[Entry]:
        """Give the newest, the oldest of them first."""
        found = _entries(self._redis.xrevrange(self._keys.quarantine, count=limit))
        found.reverse()
        return found

    def named(self, typed: Iterable[str]) -> list[Entry]:
        """Find requests by their ids, or the only ones that begin so, each once. Raises ChoiceError."""
        found: dict[str, Entry] = {}
        for one in typed:
            absent = f"no request {one} in quarantine; `ringback quarantine ls` lists them"
            entries = dict(entries_beginning(self._redis, self._keys.quarantine, one))
            entry_id = by_beginning(one, entries, "requests in quarantine", absent)
            found[entry_id] = Entry(entry_id, _kept(entries[entry_id]))
        return list(found.values())

    def all(self) -> Iterator[Entry]:
        """Give those that are there now, the oldest first; not what comes meanwhile."""
        newest = self._newest()
        start = "-"
        while newest:
            page = _entries(self._redis.xrange(self._keys.quarantine, min=start, max=newest, count=_AT_ONCE))
            yield from page
            if len(page) < _AT_ONCE:
                return
            start = f"({page[-1].entry_id}"

    def drop(self, entries: Sequence[Entry]) -> int:
        """Remove these. Their repeats stay out."""
        return asyncio.run(self._drop(entries))

    def drop_all(self) -> int:
        """Remove those that are there now."""
        return asyncio.run(self._drop(self.all()))

    async def _drop(self, entries: Iterable[Entry]) -> int:
        client = commit_client(self._url)
        store = _store(client, self._settings)
        ahead = iter(entries)
        dropped = 0
        try:
            while page := [(entry.entry_id, entry.kept) for entry in islice(ahead, _AT_ONCE)]:
                dropped += await store.remove(page, with_mark=False)
        finally:
            await hang_up(client)
        return dropped

    def _newest(self) -> str | None:
        latest = self.latest(1)
        return latest[0].entry_id if latest else None


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a request: events, or the reason why it is still in quarantine."""

    entry: Entry
    events: tuple[Event, ...] = ()
    reason: str | None = None


def retry(entries: Iterable[Entry], settings: Settings, redis_url: str, *, dry_run: bool) -> Iterator[Retried]:
    """Put requests through today's normaliser, store their events, and remove from quarantine what became events.

    A call's event is stored too, though nobody waits for its answer any more.
    """
    ahead = iter(entries)
    while page := list(islice(ahead, _AT_ONCE)):
        yield from asyncio.run(_retry(page, settings, redis_url, dry_run=dry_run))


def events_of(entry: Entry, normaliser: Normaliser, censor: Censor, max_body: int) -> tuple[Event, ...]:
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


async def _retry(page: Sequence[Entry], settings: Settings, redis_url: str, *, dry_run: bool) -> list[Retried]:
    normaliser, censor = Normaliser(settings.mocean_zone), Censor(settings.tokens)
    client = commit_client(redis_url)
    committer = Committer(client, Terms.of(settings))
    store = _store(client, settings)
    turns = asyncio.Semaphore(_CONNECTIONS)

    async def one(entry: Entry) -> Retried:
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


def _store(client: AsyncRedis, settings: Settings) -> Store:
    return Store(client, settings.keys, settings.dedup_ttl, settings.quarantine_max)


def _entries(reply: object) -> list[Entry]:
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", reply)
    return [Entry(entry_id.decode(), _kept(fields)) for entry_id, fields in entries]


def _kept(fields: Mapping[bytes, bytes]) -> Kept:
    return Kept(
        account=fields[b"account"].decode(),
        path=fields[b"path"].decode(),
        reason=fields[b"reason"].decode(),
        method=fields[b"method"].decode(),
        headers=fields[b"headers"],
        body=fields[b"body"],
        received=datetime.fromisoformat(fields[b"received"].decode()) if fields.get(b"received") else None,
    )
