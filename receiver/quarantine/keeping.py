"""Quarantine: requests that had the right secret and could not be used, kept once for people to look at.

In Redis, in a stream that is bounded in entries and bytes, of which each account has a share (quarantine.lua). While
Redis does not take them they wait in the spool.
"""

import asyncio
import base64
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from importlib.resources import files
from typing import Final, Self, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ringback.receiver.commit.committer import CommitError
from ringback.receiver.commit.recommit import is_passing
from ringback.receiver.commit.spool import Spool, SpooledRequest, SpoolError
from ringback.receiver.metrics import Fault, Faults
from ringback.schemas.keys import Keys

log = structlog.get_logger()

MAX_ENTRIES: Final = 10_000
"""With RINGBACK_QUARANTINE_MAX what bounds the quarantine. An entry counts 512 bytes beside its fields."""
BROKEN: Final = "broken"
"""The reason of a request that could not be used for an error of ours."""
_SECRET_HEADERS: Final = frozenset({b"authorization", b"proxy-authorization", b"cookie"})
_SECRET_PARAMETER: Final = b"token="  # in a URL that a proxy or a browser repeats, such as X-Original-URI or Referer
# One array can hold a thousand bad callbacks; they do not need a connection each.
_AT_ONCE: Final = 16
_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_HEAL_EVERY_S: Final = 5.0
_CLOSE_S: Final = 5.0
_SCRIPT: Final = files("ringback.receiver.quarantine").joinpath("quarantine.lua").read_text()


@dataclass(frozen=True, slots=True)
class Kept:
    """A request in quarantine. `path` has the query, without the secret; `headers` are lines of `name: value`.

    `received`: when it came, if that is known otherwise than by its entry's id.
    """

    account: str
    path: str
    reason: str
    method: str
    headers: bytes
    body: bytes
    received: datetime | None = None

    @property
    def digest(self) -> str:
        """What makes two of them the same one."""
        whole = b"\0".join((self.account.encode(), self.path.encode(), self.reason.encode(), self.body))
        return blake2b(whole, digest_size=16).hexdigest()

    def dump(self) -> str:
        """Write it as JSON, for the spool."""
        return json.dumps(
            {
                "account": self.account,
                "path": self.path,
                "reason": self.reason,
                "method": self.method,
                "headers": base64.b64encode(self.headers).decode(),
                "body": base64.b64encode(self.body).decode(),
                "received": self.received.isoformat() if self.received else None,
            }
        )

    @classmethod
    def load(cls, dumped: str) -> Self:
        """Read what `dump` wrote. Raises ValueError, KeyError where it is something else."""
        fields = cast("dict[str, str]", json.loads(dumped))
        return cls(
            account=fields["account"],
            path=fields["path"],
            reason=fields["reason"],
            method=fields["method"],
            headers=base64.b64decode(fields["headers"]),
            body=base64.b64decode(fields["body"]),
            received=datetime.fromisoformat(fields["received"]) if fields["received"] else None,
        )


class Store:
    """The stream of unusable requests, and what keeps it within its bounds. Its calls raise RedisError, OSError."""

    def __init__(
        self, client: Redis, keys: Keys, seen_ttl: timedelta, most_bytes: int, most_entries: int = MAX_ENTRIES
    ) -> None:
        self._client = client
        self._keys = (
            keys.quarantine, keys.quarantine_held, keys.quarantine_evicted, keys.quarantine_sets, keys.seen(""),
        )  # fmt: skip
        self._terms = (max(1, round(seen_ttl.total_seconds())), most_entries, most_bytes)

    async def put(self, kept: Kept) -> bool:
        """Put a request in, unless it is there already. Return whether the book-keeping needs to be healed."""
        received = kept.received.isoformat() if kept.received else ""
        _, is_adrift = cast(
            "list[int]",
            await self._call(
                "keep", *self._terms, kept.digest, kept.account, kept.path, kept.reason, kept.method, kept.headers,
                kept.body, received,
            ),
        )  # fmt: skip
        return bool(is_adrift)

    async def remove(self, entries: Iterable[tuple[str, Kept]], *, with_mark: bool) -> int:
        """Remove entries, and return how many were there. `with_mark`: their repeats will be kept again."""
        named = [part for entry_id, kept in entries for part in (kept.account, entry_id, kept.digest)]
        return cast("int", await self._call("remove", int(with_mark), *named))

    async def heal(self) -> None:
        """Count again what is there: somebody else has added to the stream, or deleted from it. A bit at a time."""
        last = "-"
        while last:
            last = cast("bytes", await self._call("heal", last)).decode()

    async def _call(self, *arguments: str | bytes | int) -> object:
        return await self._client.eval(_SCRIPT, len(self._keys), *self._keys, *arguments)


class Quarantine:
    """Where a receiver keeps unusable requests: Redis, and while that does not take them the spool, if there is one."""

    def __init__(self, store: Store, spool: Spool | None, faults: Faults) -> None:
        self._store = store
        self._spool = spool
        self._faults = faults
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._keeping: set[asyncio.Task[None]] = set()
        self._emptying: asyncio.Task[None] | None = None
        self._healing: asyncio.Task[None] | None = None
        self._healed = -_HEAL_EVERY_S

    def start(self) -> None:
        """Begin with what waits in the spool, if anything does."""
        if self._spool is not None and self._spool.requests and self._emptying is None:
            self._emptying = asyncio.create_task(self._empty())

    async def keep(self, kept: Kept) -> None:
        """Keep a request, once however often it is repeated; a caller that goes away does not take it along.

        Raises CommitError where neither Redis nor the spool takes it.
        """
        keeping = asyncio.create_task(self._keep(kept))
        self._keeping.add(keeping)
        keeping.add_done_callback(self._kept)
        await asyncio.shield(keeping)

    async def close(self) -> None:
        """Finish what has been handed over. What is in the spool stays there."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=_CLOSE_S)
        for task in (self._emptying, self._healing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _kept(self, keeping: "asyncio.Task[None]") -> None:
        self._keeping.discard(keeping)
        if not keeping.cancelled():
            keeping.exception()  # has been seen, also where nobody waits for it any more

    async def _keep(self, kept: Kept) -> None:
        async with self._turns:
            # What comes while others wait in the spool need not find out once more that Redis is away.
            if self._spool is None or not self._spool.requests:
                try:
                    await self._put(kept)
                except (RedisError, OSError) as error:
                    if self._spool is None:
                        raise CommitError(str(error)) from error
                else:
                    return
            await self._put_in_spool(self._spool, kept)

    async def _put(self, kept: Kept) -> None:
        is_adrift = await self._store.put(kept)
        if is_adrift and self._healing is None and time.monotonic() - self._healed > _HEAL_EVERY_S:
            self._healing = asyncio.create_task(self._heal())

    async def _put_in_spool(self, spool: Spool, kept: Kept) -> None:
        try:
            await spool.add_request(SpooledRequest(kept.account, kept.digest, kept.dump()))
        except SpoolError as error:
            raise CommitError(str(error)) from error
        self.start()

    async def _empty(self) -> None:
        """Put into Redis what waits in the spool, as long as there is something."""
        spool = cast("Spool", self._spool)
        log.warning("quarantine.spooled", requests=spool.requests)
        pause_s = _PAUSE_S
        try:
            while spool.requests:
                try:
                    await self._empty_once(spool)
                except Exception as error:
                    if is_passing(error):
                        log.debug("quarantine.waits", requests=spool.requests, error=type(error).__name__)
                    else:
                        log.exception("quarantine.broken", requests=spool.requests)
                        self._faults.count(Fault.QUARANTINE)
                        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s if spool.requests else 0)
            log.warning("quarantine.unspooled")
        finally:
            self._emptying = None

    async def _empty_once(self, spool: Spool) -> None:
        """Try each that waits. Raises what the last one failed of that did; those behind it do not wait for it."""
        failed: Exception | None = None
        place = 0
        while (found := await spool.first_request(place)) is not None:
            place, request = found
            try:
                await self._put(Kept.load(request.json))
                await spool.remove_request(request)
            except Exception as error:
                if is_passing(error):
                    raise
                failed = error
        if failed is not None:
            raise failed

    async def _heal(self) -> None:
        try:
            await self._store.heal()
        except (RedisError, OSError) as error:
            log.debug("quarantine.not_healed", error=type(error).__name__)
        except Exception:
            log.exception("quarantine.broken")
            self._faults.count(Fault.QUARANTINE)
        finally:
            self._healing = None
            self._healed = time.monotonic()


def without_secrets(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write headers as lines, but for those that may hold the secret."""
    return b"\n".join(
        name + b": " + value
        for name, value in headers
        if name.lower() not in _SECRET_HEADERS and _SECRET_PARAMETER not in value.lower()
    )
