"""Sends: what handlers have asked to be sent, as people and programs are shown it.

What is in doubt is in a list of its own, and kept without end. The rest is known for 72 hours, and most of it waits
nowhere any more, so it is found by its keys: that walks through all keys of Redis.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, cast

import structlog
from redis import Redis

from ringback.outbox.record import SendRecord, SendState, UnreadableSendError, read_record
from ringback.schemas.address import masked, parse_address
from ringback.schemas.event_data import Error
from ringback.schemas.keys import Keys
from ringback.schemas.parts import to_document
from ringback.terminal.choose import Beginning, ChoiceError

log = structlog.get_logger()

_WALK: Final = 2000
_AT_ONCE: Final = 200
_REF: Final = re.compile(r"[a-z2-7]{1,16}")


@dataclass(frozen=True, slots=True)
class StoredSend:
    """A send. `due`: when it may go out, if it is the first that waits for its recipient; `ahead`: how many are before
    it there. Both are None where nobody asked, or it does not wait.
    """

    record: SendRecord
    due: datetime | None = None
    ahead: int | None = None

    def row(self) -> dict[str, object]:
        """Return what a list shows: no text, and of numbers the end alone."""
        record, draft = self.record, self.record.draft
        return {
            "ref": record.ref,
            "state": record.state.value,
            "kind": draft.kind,
            "provider": draft.provider,
            "account": draft.account,
            "sender": None if draft.from_ is None else masked(parse_address(draft.from_)),
            "recipient": masked(parse_address(draft.to)) if draft.to else None,
            "asked": _written(record.noted),
            "since": _written(record.at),
            "attempts": record.attempts,
            "error": name_of(record.error),
            "message_id": record.message_id,
            "session_id": record.session_id,
            "handler": draft.handler,
            "cause": draft.cause,
        }

    def whole(self) -> dict[str, object]:
        """Return all of it, with its numbers, and its text as long as that is kept."""
        record, draft = self.record, self.record.draft
        expires = None if draft.expires_at is None else datetime.fromtimestamp(draft.expires_at, UTC)
        return {
            **self.row(),
            "sender": draft.from_,
            "recipient": draft.to or None,
            "body": dict(draft.body),
            "context": dict(draft.context),
            "in_doubt": draft.in_doubt,
            "expires": _written(expires),
            "due": _written(self.due),
            "ahead": self.ahead,
            "error": to_document(record.error) if record.error else None,
            "segments": record.segments,
            "cost": to_document(record.cost) if record.cost else None,
        }


class StoredSends:
    """Reads the outbox."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def latest(self, limit: int, state: SendState | None = None, account: str | None = None) -> list[StoredSend]:
        """Return those that fit and were asked for last, the oldest of them first."""
        refs = self._in_doubt() if state is SendState.IN_DOUBT else self._newest_first(state)
        found = (
            StoredSend(record)
            for record in self._read(refs)
            if state in (None, record.state) and account in (None, record.draft.account)
        )
        return list(islice(found, limit))[::-1]

    def in_doubt(self) -> int:
        """Count those in doubt."""
        return self._redis.zcard(self._keys.outbox_doubt)

    def waiting(self) -> int:
        """Count the recipients for whom something waits, and what no sender has taken."""
        accounts = cast("set[bytes]", self._redis.smembers(self._keys.outbox_accounts))
        with self._redis.pipeline(transaction=False) as pipeline:
            for named in accounts:
                pipeline.zcard(self._keys.outbox_lines + named.decode())
            pipeline.xlen(self._keys.outbox)
            return sum(cast("list[int]", pipeline.execute()))

    def is_sending(self) -> bool:
        """Whether a sender is at work."""
        return bool(self._redis.exists(self._keys.sender))

    def paused(self) -> dict[str, str]:
        """Return the accounts that are paused, and since when (RFC 3339)."""
        found = cast("dict[bytes, bytes]", self._redis.hgetall(self._keys.outbox_paused))
        return {account.decode(): since.decode() for account, since in sorted(found.items())}

    def named(self, typed: Iterable[str]) -> list[str]:
        """Find refs, or the only ones that begin so, each once. Raises ChoiceError."""
        return list(dict.fromkeys(self._named(one) for one in typed))

    def find(self, typed: str) -> StoredSend:
        """Find a send by its ref, or by how that begins. Raises ChoiceError."""
        ref = self._named(typed)
        stored = cast("dict[bytes, bytes]", self._redis.hgetall(self._keys.send(ref)))
        try:
            record = read_record(ref, stored)
        except UnreadableSendError as error:
            raise ChoiceError(f"{error}; look with the version that wrote it") from None
        if record.state is not SendState.QUEUED:
            return StoredSend(record)
        line = record.draft.line
        due = self._redis.zscore(f"{self._keys.outbox_lines}{record.draft.provider}:{record.draft.account}", line)
        ahead = cast("int | None", self._redis.lpos(self._keys.outbox_line + line, ref))
        first = ahead == 0 and due is not None
        return StoredSend(record, datetime.fromtimestamp(due / 1000, UTC) if first and due else None, ahead)

    def _named(self, typed: str) -> str:
        if self._redis.exists(self._keys.send(typed)):
            return typed
        beginning = Beginning(typed, "sends", f"no send {typed}; `ringback sends ls` lists what is known")
        if _REF.fullmatch(typed):
            for page in self._pages(f"{typed}*"):
                for ref in page:
                    beginning.offer(ref, ref)
        return beginning.only()

    def _newest_first(self, state: SendState | None) -> Iterator[str]:
        """Yield the refs of what is in a state, what was asked for last first."""
        known = ((int(noted), ref) for ref, was, noted in self._heads() if state is None or was == state.value.encode())
        for _, ref in sorted(set(known), reverse=True):
            yield ref

    def _heads(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield each ref, its state and when it was asked for."""
        for page in self._pages("*"):
            with self._redis.pipeline(transaction=False) as pipeline:
                for ref in page:
                    pipeline.hmget(self._keys.send(ref), "state", "noted")
                for ref, (state, noted) in zip(page, pipeline.execute(), strict=True):
                    if state is not None:  # it has expired meanwhile
                        yield ref, state, noted if noted is not None and noted.isdigit() else b"0"

    def _pages(self, pattern: str) -> Iterator[list[str]]:
        """Yield refs, page by page; one may come twice."""
        beginning, cursor = self._keys.sends, 0
        while True:
            reply = self._redis.scan(cursor, match=beginning + pattern, count=_WALK)
            cursor, page = cast("tuple[int, list[bytes]]", reply)
            yield [key.decode().removeprefix(beginning) for key in page]
            if not cursor:
                return

    def _in_doubt(self) -> Iterator[str]:
        for ref in cast("list[bytes]", self._redis.zrevrange(self._keys.outbox_doubt, 0, -1)):
            yield ref.decode()

    def _read(self, refs: Iterable[str]) -> Iterator[SendRecord]:
        """Read sends. One that cannot be read is named in the log and left out."""
        ahead = iter(refs)
        while page := list(islice(ahead, _AT_ONCE)):
            with self._redis.pipeline(transaction=False) as pipeline:
                for ref in page:
                    pipeline.hgetall(self._keys.send(ref))
                for ref, stored in zip(page, pipeline.execute(), strict=True):
                    try:
                        yield read_record(ref, stored)
                    except UnreadableSendError:
                        if stored:
                            log.warning("send.unreadable", send=ref)


def name_of(error: Error | None) -> str | None:
    """Return what an error is called in a line; None where there is none, or it has no name."""
    if error is None:
        return None
    return error.name or (None if error.code is None else str(error.code))


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
