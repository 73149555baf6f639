"""The events stream: what was stored, in the order of its arrival; found by ids, or by how these begin."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Final, cast

import structlog
from redis import Redis

from ringback.reading.entries import Entries, RawEntry, entries_of
from ringback.reading.progress import handled
from ringback.schemas.events import Event, UnreadableError, read_event
from ringback.schemas.keys import Keys
from ringback.terminal.choose import Beginning, ChoiceError
from ringback.workers.intake.entry import Entry

log = structlog.get_logger()

_AT_ONCE: Final = 200
_BLOCK_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the stream holds it: as it can be read here, and as it was written, maybe by a newer version.

    `advanced`: whether a status moved its message forward; None for other events. `handled`: whether every handler is
    done with it or has made a retry of it; None where nobody knows, or asked.
    """

    entry_id: str
    event: Event
    event_json: bytes
    advanced: bool | None
    handled: bool | None = None

    def row(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "entry": self.entry_id,
            "handled": self.handled,
            "event": json.loads(self.event_json.decode(errors="replace")),
        }


class Stream:
    """Reads the events stream."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._entries = Entries(redis, keys.events)

    def now(self) -> datetime:
        """Return the server's time, by which events are stored."""
        seconds, microseconds = self._redis.time()
        return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)

    def newest(self) -> str:
        """Return the id of the newest entry; where there is none, one that is before every entry's."""
        return self._entries.newest_id()

    def latest(self, limit: int, kind: str | None = None) -> list[StoredEvent]:
        """Return the newest events, the oldest of them first."""
        events = _readable(self._entries.newest_first())
        wanted = (one for one in events if kind is None or one.event.type == kind)
        return self._with_progress(list(islice(wanted, limit))[::-1])

    def since(self, moment: datetime | None, kind: str | None, until: str) -> Iterator[StoredEvent]:
        """Return the events that were stored from this moment on, up to the entry `until`, the oldest first.

        `kind`: of one type only. `until`: what `newest` returned, so that nothing newer comes in.
        """
        first = "-" if moment is None else str(max(0, int(moment.timestamp() * 1000)))
        entries = self._entries.oldest_first(first, until)
        return _readable(one for one in entries if kind is None or one[1].get(b"type") == kind.encode())

    def find(self, typed: str) -> StoredEvent:
        """Find an event by its id, by its entry's, or by how one of them begins. Raises ChoiceError."""
        return self._with_progress(self.named([typed]))[0]

    def named(self, typed: Sequence[str]) -> list[StoredEvent]:
        """Find events as `find` does, each once. Raises ChoiceError."""
        found: dict[str, StoredEvent] = {}
        for entry_id in self.entry_ids(typed):
            stored = next(_readable(self._entries.oldest_first(entry_id, entry_id)), None)
            if stored is None:
                raise ChoiceError(f"the entry {entry_id} holds no event that can be read")
            found[stored.event.id] = stored
        return list(found.values())

    def entry_ids(self, typed: Sequence[str]) -> list[str]:
        """Return the ids of the entries of events, each once: by the events' ids, the entries' own, or how these begin.

        An id that repeats are known by is found at once. Else the stream is walked, the newest first and once for all
        that were typed. Raises ChoiceError where one names nothing, or several events.
        """
        wanted = [Beginning(one, "events", f"no event {one} in the stream; it may have been trimmed") for one in typed]
        for one in wanted:
            for entry_id in self._remembered(one.typed):
                one.offer(one.typed, entry_id)
            for entry_id, _ in self._entries.beginning(one.typed):
                one.offer(entry_id, entry_id)
        # No event's id has a hyphen, as every whole id of an entry has.
        open_ = [one for one in wanted if "-" not in one.typed and not one.is_settled]
        for entry_id, fields in self._entries.newest_first() if open_ else ():
            for one in open_:
                one.offer(fields.get(b"id", b"").decode(errors="replace"), entry_id)
            if all(one.is_settled for one in open_):
                break
        return list(dict.fromkeys(one.only() for one in wanted))

    def follow(self) -> Iterator[StoredEvent]:
        """Yield events as they come, without end."""
        last = self.newest()
        while True:
            reply = self._redis.xread({self._keys.events: last}, block=_BLOCK_MS, count=_AT_ONCE)
            for _, entries in cast("list[tuple[bytes, object]]", reply or []):
                page = entries_of(entries)
                last = page[-1][0]
                yield from _readable(page)

    def oddities(self) -> dict[str, int]:
        """Count what was odd about the events so far: `<provider> <flag>` -> how many had it, most first."""
        counts = cast("dict[bytes, bytes]", self._redis.hgetall(self._keys.oddities))
        known = {name.decode(errors="replace"): int(count) for name, count in counts.items() if count.isdigit()}
        return dict(sorted(known.items(), key=lambda one: -one[1]))

    def _remembered(self, event_id: str) -> Iterator[str]:
        """Yield the entry of an event whose id is remembered, if the stream still has it."""
        seen = cast("bytes | None", self._redis.get(self._keys.seen(event_id)))
        for entry_id, fields in self._entries.beginning(seen.decode()) if seen else ():
            if fields.get(b"id") == event_id.encode():
                yield entry_id

    def _with_progress(self, found: list[StoredEvent]) -> list[StoredEvent]:
        """Complete events, the oldest first, with whether they are handled."""
        done = handled(self._redis, self._keys, [one.entry_id for one in found]) if found else None
        return [replace(one, handled=None if done is None else one.entry_id in done) for one in found]


def _readable(entries: Iterable[RawEntry]) -> Iterator[StoredEvent]:
    """Yield the events of entries. An entry that holds none of ours is named in the log and left out."""
    for entry_id, fields in entries:
        try:
            event = read_event(fields[b"event"])
        except (KeyError, UnreadableError):
            log.warning("entry.unreadable", entry_id=entry_id)
            continue
        yield StoredEvent(entry_id, event, fields[b"event"], Entry(entry_id, fields).advanced)
