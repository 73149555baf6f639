"""The quarantine, for people: the requests that could not be used, and how to put them through again.

Imports RQ (through the committer), so the command line imports it only once RQ's prefix is claimed.
"""

import asyncio
import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, cast
from urllib.parse import unquote

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from receiver.commit import CommitError, Committer
from receiver.connect import hang_up
from receiver.door import Query
from receiver.incoming import Incoming, callback_at, check_size
from receiver.normalise import Normaliser, UnusableError
from receiver.parse import parse_query
from receiver.quarantine import Kept, Quarantine
from receiver.script import Terms, commit_client
from receiver.waiting import Waiting
from schemas.events import Event
from schemas.keys import Keys
from schemas.settings import Settings

_AT_ONCE: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request in quarantine, under its id in the stream."""

    entry_id: str
    kept: Kept

    @property
    def time(self) -> datetime:
        """When it was received: the id says it."""
        return _EPOCH + timedelta(milliseconds=int(self.entry_id.partition("-")[0]))

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers, names in lower case; the values of one that was sent twice are joined."""
        headers: dict[str, str] = {}
        for line in self.kept.headers.decode("latin-1").splitlines():
            name, _, value = line.partition(": ")
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
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

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def count(self) -> int:
        """Count the requests in quarantine."""
        return self._redis.xlen(self._keys.quarantine)

    def latest(self, limit: int) -> list[Entry]:
        """Give the newest, the oldest of them first."""
        found = _entries(self._redis.xrevrange(self._keys.quarantine, count=limit))
        found.reverse()
        return found

    def find(self, entry_id: str) -> Entry | None:
        """Find one by its id."""
        try:
            found = _entries(self._redis.xrange(self._keys.quarantine, min=entry_id, max=entry_id))
        except ResponseError:  # no entry id
            return None
        # An id without its second half would be a range.
        return found[0] if found and found[0].entry_id == entry_id else None

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
        return self._redis.xdel(self._keys.quarantine, *(entry.entry_id for entry in entries))

    def drop_all(self) -> int:
        """Remove those that are there now."""
        newest = self._newest()
        if newest is None:
            return 0
        time, _, number = newest.partition("-")
        end = f"{time}-{int(number) + 1}"
        return self._redis.xtrim(self._keys.quarantine, minid=end, approximate=False)

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


def events_of(entry: Entry, normaliser: Normaliser) -> tuple[Event, ...]:
    """Make the events of a request as its endpoint would have. Raises UnusableError where it still cannot."""
    path, _, query = entry.kept.path.partition("?")
    found = callback_at(unquote(path))
    if found is None:
        raise UnusableError(f"no callback is at {path}")
    callback, parameters = found
    incoming = Incoming(
        callback=callback,
        path=parameters,
        query=Query.of(*parse_query(query.encode())),
        account=entry.kept.account,
        received=entry.time,
        content_type=entry.headers.get("content-type", "").lower(),
        body=entry.kept.body,
    )
    events = tuple(incoming.event(one.fields, normaliser) for one in incoming.callbacks())
    check_size(sum(Waiting.of(event).size for event in events))
    return events


async def _retry(page: Sequence[Entry], settings: Settings, redis_url: str, *, dry_run: bool) -> list[Retried]:
    normaliser = Normaliser(settings.mocean_zone)
    client = commit_client(redis_url)
    committer = Committer(client, Terms.of(settings))
    quarantine = Quarantine(client, settings.keys, settings.dedup_ttl)

    async def one(entry: Entry) -> Retried:
        try:
            events = events_of(entry, normaliser)
        except UnusableError as error:
            return Retried(entry, reason=error.reason)
        if dry_run:
            return Retried(entry, events)
        try:
            await asyncio.gather(*(committer.commit(event) for event in events))
        except CommitError as error:
            return Retried(entry, reason=f"not stored: {error}")
        try:
            await quarantine.release(entry.entry_id, entry.kept)
        except (RedisError, OSError) as error:
            return Retried(entry, events, f"stored, but not removed: {error}")
        return Retried(entry, events)

    try:
        return await asyncio.gather(*(one(entry) for entry in page))
    finally:
        await committer.close()
        await hang_up(client)


def _entries(reply: object) -> list[Entry]:
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", reply)
    return [Entry(entry_id.decode(), _kept(fields)) for entry_id, fields in entries]


def _kept(fields: dict[bytes, bytes]) -> Kept:
    return Kept(
        account=fields[b"account"].decode(),
        path=fields[b"path"].decode(),
        reason=fields[b"reason"].decode(),
        method=fields[b"method"].decode(),
        headers=fields[b"headers"],
        body=fields[b"body"],
    )
