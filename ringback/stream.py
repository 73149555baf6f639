"""The stream, for people: events as rows of a list, in the order of their arrival."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import structlog
from pydantic import ValidationError
from redis import Redis
from redis.exceptions import ResponseError

from ringback.choose import ChoiceError
from ringback.eventlog import summary
from ringback.lookup import event_entries
from ringback.moments import written
from schemas.events import EVENTS, Event
from schemas.keys import HANDLERS_GROUP, Keys

log = structlog.get_logger()

_AT_ONCE = 200
_BLOCK_MS = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """An event in the stream. `handled`: every handler is done with it, or has made a retry of it."""

    entry_id: str
    event: Event
    handled: bool | None

    def row(self) -> dict[str, object]:
        """Give it as JSON has it."""
        return {
            "entry": self.entry_id,
            "handled": self.handled,
            "event": self.event.model_dump(mode="json", exclude_none=True),
        }

    def line(self) -> str:
        """Give it in one line, without texts and numbers."""
        return f"{written(self.event.receivedat)}  {self.event.id}  {self.event.type.value:<18}  {summary(self.event)}"


class Stream:
    """Reads the events stream."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def latest(self, limit: int, kind: str | None = None) -> list[Listed]:
        """Give the newest events, the oldest of them first."""
        found: list[tuple[str, Event]] = []
        end = "+"
        while len(found) < limit:
            page = _entries(self._redis.xrevrange(self._keys.events, max=end, count=_AT_ONCE))
            for entry_id, event in page:
                if event is not None and (kind is None or event.type == kind) and len(found) < limit:
                    found.append((entry_id, event))
            if len(page) < _AT_ONCE:
                break
            end = f"({page[-1][0]}"
        found.reverse()
        waiting = self._unhandled(found[0][0]) if found else None
        return [Listed(entry_id, event, waiting.handled(entry_id) if waiting else None) for entry_id, event in found]

    def find(self, typed: str) -> Listed:
        """Find an event by its id, by its entry's, or by how one of them begins. Raises ChoiceError."""
        (entry_id,) = event_entries(self._redis, self._keys, [typed])
        page = _entries(self._redis.xrange(self._keys.events, min=entry_id, max=entry_id))
        event = page[0][1] if page else None
        if event is None:
            raise ChoiceError(f"the entry {entry_id} holds no event that can be read")
        waiting = self._unhandled(entry_id)
        return Listed(entry_id, event, waiting.handled(entry_id) if waiting else None)

    def oddities(self) -> dict[str, int]:
        """Count what was odd about the events so far: `<provider> <flag>` -> how many had it, most first."""
        counts = cast("dict[bytes, bytes]", self._redis.hgetall(self._keys.oddities))
        return dict(
            sorted(
                ((name.decode(errors="replace"), int(count)) for name, count in counts.items() if count.isdigit()),
                key=lambda one: -one[1],
            )
        )

    def follow(self) -> Iterator[Listed]:
        """Give events as they come, without end."""
        newest = _entries(self._redis.xrevrange(self._keys.events, count=1))
        last = newest[0][0] if newest else "0-0"
        while True:
            reply = self._redis.xread({self._keys.events: last}, block=_BLOCK_MS, count=_AT_ONCE)
            for _, entries in cast("list[tuple[bytes, object]]", reply or []):
                for entry_id, event in _entries(entries):
                    last = entry_id
                    if event is not None:
                        yield Listed(entry_id, event, None)

    def _unhandled(self, since: str) -> "_Unhandled | None":
        try:
            groups = cast("list[dict[str, object]]", self._redis.xinfo_groups(self._keys.events))
        except ResponseError:
            return None
        for group in groups:
            if group["name"] == HANDLERS_GROUP.encode():
                pending = self._redis.xpending_range(self._keys.events, HANDLERS_GROUP, since, "+", 100_000)
                ids = {entry["message_id"].decode() for entry in cast("list[dict[str, bytes]]", pending)}
                return _Unhandled(cast("bytes", group["last-delivered-id"]).decode(), ids)
        return None


@dataclass(frozen=True, slots=True)
class _Unhandled:
    delivered: str
    pending: set[str]

    def handled(self, entry_id: str) -> bool:
        return _order(entry_id) <= _order(self.delivered) and entry_id not in self.pending


def _order(entry_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in entry_id.split("-"))


def _entries(reply: object) -> list[tuple[str, Event | None]]:
    """Read entries. One that holds no event of ours is named in the log and has None in its place."""
    found: list[tuple[str, Event | None]] = []
    for entry_id, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", reply):
        event: Event | None = None
        try:
            event = EVENTS.validate_json(fields[b"event"])
        except (KeyError, ValidationError):
            log.warning("entry.unreadable", entry_id=entry_id.decode())
        found.append((entry_id.decode(), event))
    return found
