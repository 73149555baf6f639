"""Quarantine: requests that had the right secret and could not be used, kept once for people to look at."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from receiver.commit import CommitError
from schemas.keys import Keys

_MAX_ENTRIES: Final = 10_000
_SECRET_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
_SECRET_PARAMETER: Final = b"token="  # in a URL that a proxy or a browser repeats, such as X-Original-URI or Referer
# One array can hold a thousand bad callbacks; they do not need a connection each.
_AT_ONCE: Final = 16

# Stored before it is marked as seen, as in the commit.
_KEEP: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return 0
end
local entry = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*',
  'path', ARGV[3], 'reason', ARGV[4], 'method', ARGV[5], 'headers', ARGV[6], 'body', ARGV[7], 'account', ARGV[8])
redis.call('SET', KEYS[1], entry, 'EX', ARGV[1])
return 1
"""

# The mark may be that of another entry, if this one's had run out before the request came again.
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return redis.call('XDEL', KEYS[2], ARGV[1])
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A request in quarantine. `path` has the query, without the secret; `headers` are lines of `name: value`."""

    account: str
    path: str
    reason: str
    method: str
    headers: bytes
    body: bytes

    @property
    def digest(self) -> str:
        """What makes two of them the same one."""
        whole = b"\0".join((self.account.encode(), self.path.encode(), self.reason.encode(), self.body))
        return blake2b(whole, digest_size=16).hexdigest()


class Quarantine:
    """The stream of unusable requests."""

    def __init__(self, client: Redis, keys: Keys, seen_ttl: timedelta) -> None:
        self._client = client
        self._keys = keys
        self._seen_ttl = max(1, round(seen_ttl.total_seconds()))
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def keep(self, kept: Kept) -> None:
        """Keep a request, once however often it is repeated. Raises CommitError where Redis does not take it."""
        async with self._turns:
            try:
                await self._client.eval(
                    _KEEP, 2, self._keys.seen(kept.digest), self._keys.quarantine, self._seen_ttl, _MAX_ENTRIES,
                    kept.path, kept.reason, kept.method, kept.headers, kept.body, kept.account,
                )  # fmt: skip
            except (RedisError, OSError) as error:
                raise CommitError(str(error)) from error

    async def release(self, entry_id: str, kept: Kept) -> None:
        """Remove an entry that has become events. If the same request is refused again, it will be kept again."""
        async with self._turns:
            await self._client.eval(_RELEASE, 2, self._keys.seen(kept.digest), self._keys.quarantine, entry_id)


def without_secrets(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write headers as lines, but for those that may hold the secret."""
    return b"\n".join(
        name + b": " + value
        for name, value in headers
        if name.lower() not in _SECRET_HEADERS and _SECRET_PARAMETER not in value.lower()
    )
