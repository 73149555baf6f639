"""Quarantined requests: those that could not be used, as the quarantine keeps them.

Imports RQ (through the committer), so the command line imports it only once RQ's prefix is claimed.
"""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from redis import Redis

from ringback.reading.entries import Entries, Fields
from ringback.receiver.quarantine.keeping import Kept
from ringback.schemas.keys import Keys
from ringback.terminal.choose import by_beginning

_AT_ONCE: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class QuarantinedRequest:
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
        """Return what a list shows."""
        return {
            "id": self.entry_id,
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "account": self.kept.account,
            "method": self.kept.method,
            "path": self.kept.path,
            "reason": self.kept.reason,
        }

    def whole(self) -> dict[str, object]:
        """Return all of it. A body that is no text is in base64, under another name."""
        try:
            body = {"body": self.kept.body.decode()}
        except UnicodeDecodeError:
            body = {"body_base64": base64.b64encode(self.kept.body).decode()}
        return {**self.row(), "headers": self.headers, **body}


class QuarantinedRequests:
    """Reads the quarantine."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._entries = Entries(redis, keys.quarantine, _AT_ONCE)

    def count(self) -> int:
        """Count them."""
        return self._redis.xlen(self._keys.quarantine)

    def latest(self, limit: int) -> list[QuarantinedRequest]:
        """Return the newest, the oldest of them first."""
        return [QuarantinedRequest(entry_id, _kept(fields)) for entry_id, fields in self._entries.newest(limit)][::-1]

    def named(self, typed: Iterable[str]) -> list[QuarantinedRequest]:
        """Find requests by their ids, or the only ones that begin so, each once. Raises ChoiceError."""
        found: dict[str, QuarantinedRequest] = {}
        for one in typed:
            absent = f"no request {one} in quarantine; `ringback quarantine ls` lists them"
            entries = dict(self._entries.beginning(one))
            entry_id = by_beginning(one, entries, "requests in quarantine", absent)
            found[entry_id] = QuarantinedRequest(entry_id, _kept(entries[entry_id]))
        return list(found.values())

    def all(self) -> Iterator[QuarantinedRequest]:
        """Yield those that are there now, the oldest first; not what comes meanwhile."""
        for entry_id, fields in self._entries.oldest_first("-", self._entries.newest_id()):
            yield QuarantinedRequest(entry_id, _kept(fields))


def _kept(fields: Fields) -> Kept:
    return Kept(
        account=fields[b"account"].decode(),
        path=fields[b"path"].decode(),
        reason=fields[b"reason"].decode(),
        method=fields[b"method"].decode(),
        headers=fields[b"headers"],
        body=fields[b"body"],
        received=datetime.fromisoformat(fields[b"received"].decode()) if fields.get(b"received") else None,
    )
