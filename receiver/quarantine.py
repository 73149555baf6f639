"""Quarantine: requests that had the right secret and could not be used, kept once for people to look at."""

from collections.abc import Iterable
from datetime import timedelta
from hashlib import blake2b
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from receiver.commit import CommitError
from schemas.keys import Keys

_MAX_ENTRIES: Final = 10_000
_SECRET_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})

# Stored before it is marked as seen, as in the commit.
_SCRIPT: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  return 0
end
local entry = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*',
  'path', ARGV[3], 'reason', ARGV[4], 'method', ARGV[5], 'headers', ARGV[6], 'body', ARGV[7], 'account', ARGV[8])
redis.call('SET', KEYS[1], entry, 'EX', ARGV[1])
return 1
"""


class Quarantine:
    """The stream of unusable requests."""

    def __init__(self, client: Redis, keys: Keys, seen_ttl: timedelta) -> None:
        self._client = client
        self._keys = keys
        self._seen_ttl = max(1, round(seen_ttl.total_seconds()))

    async def keep(
        self,
        account: str,
        path: str,
        reason: str,
        method: str,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes,
    ) -> None:
        """Keep a request, once however often it is repeated. `path` has no secret in it.

        Raises CommitError where Redis does not take it.
        """
        digest = blake2b(
            b"\0".join((account.encode(), path.encode(), reason.encode(), body)), digest_size=16
        ).hexdigest()
        kept = b"\n".join(name + b": " + value for name, value in headers if name.lower() not in _SECRET_HEADERS)
        try:
            await self._client.eval(
                _SCRIPT, 2, self._keys.seen(digest), self._keys.quarantine,
                self._seen_ttl, _MAX_ENTRIES, path, reason, method, kept, body, account,
            )  # fmt: skip
        except (RedisError, OSError) as error:
            raise CommitError(str(error)) from error
