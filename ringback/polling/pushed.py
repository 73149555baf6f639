"""Pushed SMS: which of My-Cool-SMS's inbound SMS came by callback, so that no listed one is told a second time.

They are found in the stream of events, which is read on from where it was read up to: neither the receiver nor the
workers do anything for it, and it has also what was in a spool meanwhile.
"""

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, cast

from redis.asyncio import Redis

from ringback.polling.polled_callbacks import POLLED
from ringback.schemas.event_data import MessageReceived
from ringback.schemas.events import EventType, read_event
from ringback.schemas.keys import Keys

_PROVIDER: Final = b"mycoolsms"
_READ_AT_ONCE: Final = 200  # so that a call, which waits for its answer, waits no longer


def digest_of(data: MessageReceived) -> str:
    """Return what a pushed SMS and the listed one have in common: from, to, and a digest of the text."""
    parties = [one.value if one else "" for one in (data.sender, data.recipient)]
    return blake2b(json.dumps([*parties, data.text or ""]).encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Unmatched:
    """The pushes of an account that no row was matched with yet, by digest, the oldest first."""

    by_digest: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def take(self, digest: str, not_before_ms: int) -> str | None:
        """Return a push that may be a row's, and use it up; those from before the row was there are not."""
        pushes = self.by_digest.get(digest, [])
        for place, (at_ms, member) in enumerate(pushes):
            if at_ms >= not_before_ms:
                del pushes[place]
                return member
        return None


class Pushes:
    """The pushes of all accounts that are asked too. Its calls raise RedisError, OSError."""

    def __init__(self, client: Redis, keys: Keys, accounts: Collection[str]) -> None:
        self._client = client
        self._keys = keys
        self._accounts = frozenset(account.encode() for account in accounts)
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Count from now on, unless that has begun."""
        last = cast("list[tuple[bytes, object]]", await self._client.xrevrange(self._keys.events, count=1))
        await self._client.set(self._keys.poll_position, last[0][0] if last else "0-0", nx=True)

    async def follow(self) -> None:
        """Count what has been pushed by now."""
        async with self._turn:
            while await self._read_on():
                pass

    async def unmatched(self, account: str) -> Unmatched:
        """Return an account's pushes."""
        found = Unmatched()
        listed = cast("list[tuple[bytes, float]]", await self._client.zrange(
            self._keys.pushes(account), 0, -1, withscores=True
        ))  # fmt: skip
        for member, at_ms in listed:
            word = member.decode()
            found.by_digest.setdefault(word.partition(" ")[0], []).append((int(at_ms), word))
        return found

    async def used(self, account: str, members: Sequence[str], inbox: str, number: str, state: str) -> None:
        """Use up pushes, in one step with how far the rows of a number were read."""
        async with self._client.pipeline(transaction=True) as pipeline:
            if members:
                pipeline.zrem(self._keys.pushes(account), *members)
            pipeline.hset(inbox, number, state)
            await pipeline.execute()

    async def forget(self, account: str, before_ms: int) -> None:
        """Forget those that no row can be any more."""
        await self._client.zremrangebyscore(self._keys.pushes(account), "-inf", f"({before_ms}")

    async def _read_on(self) -> bool:
        """Read some entries, and count their pushes in one step with how far it was read. Whether there may be more."""
        position = cast("bytes | None", await self._client.get(self._keys.poll_position)) or b"0-0"
        entries = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]",
            await self._client.xrange(self._keys.events, b"(" + position, count=_READ_AT_ONCE),
        )
        if not entries:
            return False
        async with self._client.pipeline(transaction=True) as pipeline:
            for entry_id, entry in entries:
                account = entry.get(b"account", b"")
                is_inbound = entry.get(b"type") == EventType.MESSAGE_RECEIVED.encode()
                if is_inbound and entry.get(b"provider") == _PROVIDER and account in self._accounts:
                    data = read_event(entry[b"event"]).data
                    if isinstance(data, MessageReceived) and POLLED not in data.flags:
                        member = f"{digest_of(data)} {entry_id.decode()}"
                        pipeline.zadd(self._keys.pushes(account.decode()), {member: int(entry_id.partition(b"-")[0])})
            pipeline.set(self._keys.poll_position, entries[-1][0])
            await pipeline.execute()
        return len(entries) == _READ_AT_ONCE
